// Session State of one client at the broker: what outlives a Network Connection [MQTT-4.1.0-1]. Whose connection it has at
// the moment, and which Subscriptions, is only pointed to; broker/ knows what those are.

import { letGo } from "../bytes/counted";
import { create, destroy, duplicate, release } from "../bytes/heap";
import { Deadline, destroyDeadline } from "../effect/deadline";
import { dropIncoming, Incoming } from "./incoming";
import { Message } from "./message";
import { dropOutgoing, initOutgoing, Outgoing } from "./queue";

@unmanaged
export class Session {
  /** Next in the same bucket of the broker's table. */
  chain: Session | null;
  hash: u32;
  clientId: usize;
  clientIdLength: u16;
  /** The Connection it has now, 0 while the client is away. */
  connection: usize;
  /** Session Expiry Interval: seconds that it is kept after its connection, 0 not at all, EXPIRY_NEVER for ever. */
  expirySec: u32;
  /** When it ends; only while the client is away. */
  endsAtMs: u64;
  /** The Will of the connection it had, while the Will Delay Interval lasts, and when it is published. */
  will: Message | null;
  willAtMs: u64;
  /** When a message in its queue expires; only while the client is away. */
  queueExpiresAtMs: u64;
  /** For the first of these three; null until one is needed. */
  deadline: Deadline | null;
  /** First of its Subscriptions. */
  subscriptions: usize;
  subscriptionCount: u32;
  /** Until something is queued the one that all such Sessions share: most never have a queue. */
  outgoing: Outgoing;
  incoming: Incoming;
  /** Set by the router while it collects targets: this Session is the one at `targetIndex` of list `targetList`. */
  targetList: u64;
  targetIndex: u32;
}

/** A Session Expiry Interval that does not end (3.1.2.11.2). */
export const EXPIRY_NEVER: u32 = 0xffff_ffff;

/** Packet Identifiers the broker assigns: all there are [MQTT-2.2.1-2]. */
const PACKET_ID_MAX: u32 = 65_535;

export function createSession(clientId: usize, clientIdLength: u32, hash: u32): Session {
  const session = create<Session>();
  session.clientId = duplicate(clientId, clientIdLength);
  session.clientIdLength = <u16>clientIdLength;
  session.hash = hash;
  session.queueExpiresAtMs = u64.MAX_VALUE;
  session.outgoing = noQueue();
  session.incoming = create<Incoming>();
  return session;
}

/** Its own queue, to put something into. */
export function ownQueue(session: Session): Outgoing {
  if (session.outgoing == noQueue()) session.outgoing = createQueue();
  return session.outgoing;
}

let shared: Outgoing | null = null;

/** What a Session without a queue has: an empty one, which stays empty. */
function noQueue(): Outgoing {
  if (shared === null) shared = createQueue();
  return shared!;
}

function createQueue(): Outgoing {
  const outgoing = create<Outgoing>();
  initOutgoing(outgoing, PACKET_ID_MAX);
  return outgoing;
}

/** Its Subscriptions must be gone already. */
export function destroySession(session: Session): void {
  const will = session.will;
  if (will !== null) letGo(will);
  const deadline = session.deadline;
  if (deadline !== null) destroyDeadline(deadline);
  if (session.outgoing != noQueue()) {
    dropOutgoing(session.outgoing);
    destroy(session.outgoing);
  }
  dropIncoming(session.incoming);
  destroy(session.incoming);
  if (session.clientIdLength > 0) release(session.clientId, session.clientIdLength);
  destroy(session);
}
