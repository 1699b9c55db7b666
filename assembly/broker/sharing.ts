// Shared Subscriptions: which member of a group gets a message, and what becomes of messages whose member leaves. Members
// take turns in the order in which they came; one that is connected and reads goes before one that is not.

import { OPTION_QOS } from "../packet/subscribe";
import { Message, qosOf } from "../session/message";
import { nextShared, outputFull, sharedGroup, sharedMessage, takeShared } from "../session/outgoing";
import { trim } from "../session/queue";
import { Session } from "../session/session";
import { Connection, ONLINE } from "./connection";
import { queueFull, queueMessage } from "./queueing";
import { Group, grantedFlags, Subscription, sharedTree } from "./subscription";

/** Members that are looked at for one message. Where more than that are away one behind the other a message may wait for one of
 *  them (at QoS 0: be gone) though others further on are connected; the next message begins there. */
const LOOKED_MAX: u32 = 1024;

/** The first member from `turn` on that is away, as the last chooseConnected() has found. */
let awayMember: Subscription | null = null;

/** The member whose turn it is: one that is connected and reads, or else one whose Session waits for it. Null when there is none
 *  for this message: at QoS 0 it must be connected. `cost`: bytes of the message. */
export function chooseMember(group: Group, qos: u32, cost: u32): Subscription | null {
  const member = chooseConnected(group, qos, cost, null);
  return member !== null ? member : chooseAway(group);
}

/** A member that is connected and has room, by turns; better one that reads than one whose output is full. `except` is the one
 *  that leaves. */
function chooseConnected(group: Group, qos: u32, cost: u32, except: Session | null): Subscription | null {
  const turn = group.turn;
  const start = turn !== null ? turn : group.first;
  awayMember = null;
  let slow: Subscription | null = null;
  let member = start;
  for (let looked: u32 = 0; member !== null; looked++) {
    if (looked == LOOKED_MAX) {
      group.turn = member;
      break;
    }
    const session = member.session;
    const granted = min(qos, <u32>member.options & OPTION_QOS);
    if (session != except && (granted == 0 || !queueFull(session, cost))) {
      if (isConnected(session)) {
        if (!outputFull(changetype<Connection>(session.connection).output)) return take(group, member);
        if (slow === null && granted > 0) slow = member;
      } else if (awayMember === null && granted > 0 && session.expirySec > 0) awayMember = member;
    }
    const next = member.next;
    member = next !== null ? next : group.first;
    if (member == start) break;
  }
  return slow !== null ? take(group, slow) : null;
}

function chooseAway(group: Group): Subscription | null {
  const member = awayMember;
  return member !== null ? take(group, member) : null;
}

let lastLeaving: u32 = 0;

/** Numbers a leaving: mark the groups with it, then passOnLeft(). */
export function nextLeaving(): u32 {
  return ++lastLeaving;
}

/** A client leaves all its groups: what it was given by them and has not acknowledged goes to other members, if there are any.
 *  `isEnd`: its Session ends, so that one who is away is better than nobody. */
export function passOn(session: Session, isEnd: bool): void {
  passOnOf(session, 0, true, isEnd);
}

/** It has left the groups that are marked with `leaving`, and stays: only what it was not sent goes. */
export function passOnLeft(session: Session, leaving: u32): void {
  passOnOf(session, leaving, false, false);
}

function passOnOf(session: Session, leaving: u32, unacknowledged: bool, isEnd: bool): void {
  if (sharedTree.levelCount == 0) return;
  const outgoing = session.outgoing;
  // A group that has had nobody once has nobody for the next message either: it is not looked through again.
  let without: Group | null = null;
  let place = nextShared(outgoing, 0, leaving, unacknowledged);
  while (place != 0) {
    const message = sharedMessage;
    const group = changetype<Group>(sharedGroup);
    if (group != without) {
      let member = chooseConnected(group, qosOf(message), message.size, session);
      if (member === null && isEnd) member = chooseAway(group);
      if (member === null) without = group;
      else if (give(member, message)) takeShared(outgoing, place);
    }
    place = nextShared(outgoing, place, leaving, unacknowledged);
  }
  trim(outgoing);
}

function give(member: Subscription, message: Message): bool {
  return queueMessage(
    member.session,
    message,
    grantedFlags(message.flags, member.options, member.options),
    member.origin,
  );
}

function isConnected(session: Session): bool {
  return session.connection != 0 && changetype<Connection>(session.connection).state == ONLINE;
}

/** The next turn is the next one's. */
function take(group: Group, member: Subscription): Subscription {
  group.turn = member.next;
  return member;
}
