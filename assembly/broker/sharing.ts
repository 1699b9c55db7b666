// Shared Subscriptions: which member of a group gets a message, and what becomes of messages whose member leaves. Members
// take turns in the order in which they came; one that is connected and reads goes before one that is not.

import { hold, letGo } from "../bytes/counted";
import { OPTION_QOS, OPTION_RETAIN_AS_PUBLISHED } from "../packet/subscribe";
import { Message, qosOf } from "../session/message";
import { nextShared, outputFull, sharedGroup, sharedMessage, takeShared } from "../session/outgoing";
import { trim } from "../session/queue";
import { Session } from "../session/session";
import { Connection, ONLINE } from "./connection";
import { queueMessage } from "./queueing";
import { Group, Subscription, sharedTree } from "./subscription";

/** Members that are looked at for one message. Where more than that are away one behind the other a message may wait for one of
 *  them (at QoS 0: be gone) though others further on are connected; the next message begins there. */
const LOOKED_MAX: u32 = 1024;

/** The member whose turn it is, null when there is none for this message: at QoS 0 it must be connected. `except` is the one
 *  that leaves. `connectedOnly`: better nobody than one that is away. */
export function chooseMember(group: Group, qos: u32, except: Session | null, connectedOnly: bool): Subscription | null {
  const turn = group.turn;
  const start = turn !== null ? turn : group.first;
  let away: Subscription | null = null;
  let full: Subscription | null = null;
  let member = start;
  let looked: u32 = 0;
  for (; member !== null && looked < LOOKED_MAX; looked++) {
    const session = member.session;
    const granted = min(qos, <u32>member.options & OPTION_QOS);
    if (session != except) {
      if (isConnected(session)) {
        if (!outputFull(changetype<Connection>(session.connection).output)) return take(group, member);
        if (full === null && granted > 0) full = member;
      } else if (away === null && granted > 0 && session.connection == 0 && session.expirySec > 0) away = member;
    }
    const next = member.next;
    member = next !== null ? next : group.first;
    if (member == start) break;
  }
  const chosen = full === null && !connectedOnly ? away : full;
  if (chosen !== null) take(group, chosen);
  if (looked == LOOKED_MAX) group.turn = member;
  return chosen;
}

/** RETAIN and QoS with which a member gets a message of this QoS. */
export function grantedFlags(member: Subscription, flags: u32): u32 {
  const options = <u32>member.options;
  const retain = (options & OPTION_RETAIN_AS_PUBLISHED) != 0 ? flags & 1 : 0;
  return (min((flags >> 1) & 3, options & OPTION_QOS) << 1) | retain;
}

/** A member leaves: what it was given and has not acknowledged goes to others of the group, if there are any. `group`: it has
 *  left this one, null: all. `isEnd`: its Session ends, so that one who is away is better than nobody. */
export function passOn(session: Session, group: Group | null, unacknowledged: bool, isEnd: bool): void {
  if (sharedTree.levelCount == 0) return;
  const outgoing = session.outgoing;
  let place = nextShared(outgoing, 0, group, unacknowledged);
  while (place != 0) {
    const message = sharedMessage;
    const member = chooseMember(changetype<Group>(sharedGroup), qosOf(message), session, !isEnd);
    if (member !== null) {
      hold(message);
      takeShared(outgoing, place);
      give(member, message);
      letGo(message);
    }
    place = nextShared(outgoing, place, group, unacknowledged);
  }
  trim(outgoing);
}

function give(member: Subscription, message: Message): void {
  queueMessage(member.session, message, grantedFlags(member, message.flags), member.origin);
}

function isConnected(session: Session): bool {
  return session.connection != 0 && changetype<Connection>(session.connection).state == ONLINE;
}

/** The next turn is the next one's. */
function take(group: Group, member: Subscription): Subscription {
  group.turn = member.next;
  return member;
}
