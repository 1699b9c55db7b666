// The queues of Sessions: what is put into them within the limits, and sent from them as windows and outputs allow. Those
// whose output is full line up until it has room again.

import { OPTION_FAIR_SHARE, OPTION_QUEUE_BYTES_MAX, OPTION_SESSION_QUEUE_BYTES_MAX } from "../abi";
import { countedBytes } from "../bytes/counted";
import { enlarge, heapFull } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { option } from "../limits";
import { LEVEL_3_1 } from "../packet/packet-type";
import { expiresAtMs, Message } from "../session/message";
import { Origin } from "../session/origin";
import { PUMP_DROPPED, PUMP_OUTPUT, pump } from "../session/outgoing";
import { enqueue, entryCost } from "../session/queue";
import { ownQueue, Session } from "../session/session";
import { Connection, ONLINE, scheduleConnection } from "./connection";
import { findConnection } from "./connection-table";
import { scheduleSession } from "./session-time";
import { countDropped, countPublishesSent } from "./statistics";

/** Puts a message in a Session's queue and sends what may be sent. `flags`: QoS and RETAIN of this delivery. False when
 *  there was no room. */
export function queueMessage(session: Session, message: Message, flags: u32, origin: Origin | null): bool {
  if (queueFull(session, entryCost(message, origin))) {
    countDropped();
    return false;
  }
  enqueue(ownQueue(session), message, flags, origin);
  if (session.connection != 0) pumpConnection(changetype<Connection>(session.connection));
  else if (expiresAtMs(message) < session.queueExpiresAtMs) {
    session.queueExpiresAtMs = expiresAtMs(message);
    scheduleSession(session);
  }
  return true;
}

/** There is no room for `cost` more bytes in its queue. */
export function queueFull(session: Session, cost: u32): bool {
  const bytes = session.outgoing.bytes + cost;
  if (heapFull() || bytes > option(OPTION_SESSION_QUEUE_BYTES_MAX)) return true;
  return storeFull() && bytes > option(OPTION_FAIR_SHARE);
}

/** All stored messages together are over their limit: only what is over its fair share suffers. */
export function storeFull(): bool {
  return <u32>countedBytes > option(OPTION_QUEUE_BYTES_MAX);
}

/** Sends what the windows of this connection allow. */
export function pumpConnection(connection: Connection): void {
  const session = connection.session;
  if (session === null || connection.state != ONLINE) return;
  const outgoing = session.outgoing;
  const before = outgoing.headSequence + outgoing.sent;
  let dropped: u32 = 0;
  let result = pump(outgoing, connection);
  for (; result == PUMP_DROPPED; result = pump(outgoing, connection)) {
    dropped++;
    countDropped();
  }
  countPublishesSent(outgoing.headSequence + outgoing.sent - before - dropped);
  if (result == PUMP_OUTPUT && !connection.starved) starve(connection);
  if (connection.level == LEVEL_3_1 && outgoing.inflight > 0 && connection.retryFromMs == 0) {
    connection.retryFromMs = nowMs;
    scheduleConnection(connection);
  }
}

// Handles of connections whose queues wait for room in their output.
let starved: usize = 0;
let starvedCount: u32 = 0;
let starvedCapacity: u32 = 0;

/** Bytes were sent: the queues that waited for that go on. */
export function feedStarved(): void {
  const count = starvedCount;
  for (let i: u32 = 0; i < count; i++) {
    const connection = findConnection(load<u32>(starved + (i << 2)));
    if (connection === null) continue;
    connection.starved = false;
    pumpConnection(connection);
  }
  // Those still without room have lined up again behind the first `count`.
  starvedCount -= count;
  memory.copy(starved, starved + (count << 2), starvedCount << 2);
}

function starve(connection: Connection): void {
  if (starvedCount == starvedCapacity) {
    const larger = max<u32>(16, starvedCapacity * 2);
    starved = enlarge(starved, starvedCapacity << 2, starvedCount << 2, larger << 2);
    starvedCapacity = larger;
  }
  connection.starved = true;
  store<u32>(starved + (starvedCount << 2), connection.handle);
  starvedCount++;
}
