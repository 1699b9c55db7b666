// Session State of one client at the broker: what outlives a Network Connection [MQTT-4.1.0-1]. Whose connection it has at
// the moment, and which Subscriptions, is only pointed to; broker/ knows what those are.

import { create, destroy, duplicate, release } from "../bytes/heap";
import { dropIncoming, Incoming } from "./incoming";
import { dropOutgoing, initOutgoing, Outgoing } from "./outgoing";

@unmanaged
export class Session {
  /** Next in the same bucket of the broker's table. */
  chain: Session | null;
  hash: u32;
  clientId: usize;
  clientIdLength: u16;
  /** Protocol Level of its last connection. */
  level: u8;
  /** 3.1, 3.1.1: it ends with its connection. */
  cleanSession: bool;
  /** The Connection it has now, 0 while the client is away. */
  connection: usize;
  /** First of its Subscriptions. */
  subscriptions: usize;
  subscriptionCount: u32;
  outgoing: Outgoing;
  incoming: Incoming;
  /** Set by the router while it collects targets: this Session is the one at `targetIndex` of list `targetList`. */
  targetList: u64;
  targetIndex: u32;
}

/** Packet Identifiers the broker assigns: all there are [MQTT-2.2.1-2]. */
const PACKET_ID_MAX: u32 = 65_535;

export function createSession(clientId: usize, clientIdLength: u32, hash: u32): Session {
  const session = create<Session>();
  session.clientId = duplicate(clientId, clientIdLength);
  session.clientIdLength = <u16>clientIdLength;
  session.hash = hash;
  session.outgoing = create<Outgoing>();
  session.incoming = create<Incoming>();
  initOutgoing(session.outgoing, PACKET_ID_MAX);
  return session;
}

/** Its Subscriptions must be gone already. */
export function destroySession(session: Session): void {
  dropOutgoing(session.outgoing);
  dropIncoming(session.incoming);
  destroy(session.outgoing);
  destroy(session.incoming);
  if (session.clientIdLength > 0) release(session.clientId, session.clientIdLength);
  destroy(session);
}
