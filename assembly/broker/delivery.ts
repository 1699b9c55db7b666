// A message to the Sessions that get it. At QoS 0 straight into the outputs of those who are connected, encoded once and
// copied; at QoS 1 and 2 through each Session's queue, the message stored once. Nobody is waited for: what a slow
// connection cannot take is dropped (QoS 0) or stays in its queue.

import { OPTION_FAIR_SHARE, OPTION_QUEUE_BYTES_MAX, OPTION_SESSION_QUEUE_BYTES_MAX } from "../abi";
import { countedBytes, letGo } from "../bytes/counted";
import { enlarge, heapFull } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { Output, reserve, SHARE_MIN } from "../effect/send";
import { option } from "../limits";
import { LEVEL_3_1, LEVEL_3_1_1 } from "../packet/packet-type";
import { encodePublishHeader, publishSizeOf } from "../packet/publish";
import { createMessage, Message, payloadOf, propertiesOf, qosOf, topicNameOf } from "../session/message";
import { enqueue, entryCost, outputFull, PUMP_OUTPUT, pump } from "../session/outgoing";
import { sendMessage } from "../session/send-message";
import { Session } from "../session/session";
import { Connection, ONLINE, scheduleConnection } from "./connection";
import { findConnection } from "./connection-table";
import { clearRetained, matchRetained, retain, retainedAt } from "./retained";
import { resolve, targetAt } from "./router";
import { countDropped, countPublishesSent } from "./statistics";

/** The message being delivered. Pointers stay valid for the call: into the input buffer, or into a Message. */
@unmanaged
class Delivery {
  /** QoS and RETAIN as published. */
  flags: u32;
  topicName: usize;
  topicNameLength: u32;
  properties: usize;
  propertiesLength: u32;
  payload: usize;
  payloadLength: u32;
  /** Its PUBLISH at QoS 0 without DUP and RETAIN, as 3.1 and 3.1.1 send it, or 0 while there is none. */
  packet: usize;
  packetLength: u32;
  /** It as a Message, made when somebody has to keep it. */
  message: Message | null;
}

export const delivery = changetype<Delivery>(memory.data(offsetof<Delivery>()));

/** Publishes a Message that exists already: a Will, $SYS. */
export function deliverMessage(message: Message): void {
  delivery.flags = message.flags;
  delivery.topicName = topicNameOf(message);
  delivery.topicNameLength = message.topicNameLength;
  delivery.properties = propertiesOf(message);
  delivery.propertiesLength = message.propertiesLength;
  delivery.payload = payloadOf(message);
  delivery.payloadLength = message.payloadLength;
  delivery.packet = 0;
  message.references++;
  delivery.message = message;
  deliver();
}

/** Publishes what stands in `delivery`: retains it if asked, and sends it to all whose Subscriptions match. */
export function deliver(): void {
  if ((delivery.flags & 1) != 0) {
    if (delivery.payloadLength == 0) clearRetained(delivery.topicName, delivery.topicNameLength);
    else retain(ensureMessage());
  }
  const qos = (delivery.flags >> 1) & 3;
  const count = resolve(delivery.topicName, delivery.topicNameLength);
  for (let i: u32 = 0; i < count; i++) {
    const target = targetAt(i);
    // At the lower of both: the subscriber chose the most it wants [MQTT-3.8.4-8].
    const granted = min(qos, target.qos);
    if (granted > 0) queueMessage(target.session, ensureMessage(), granted << 1);
    else sendOnce(target.session);
  }
  const message = delivery.message;
  if (message !== null) letGo(message);
  delivery.message = null;
}

/** The retained messages that a new Subscription matches, with RETAIN set [MQTT-3.3.1-8]. */
export function deliverRetained(session: Session, filter: usize, length: u32, qosMax: u32): void {
  // More than the queue has room for need not be looked for: whoever asks for everything again and again gets it once.
  const room =
    option(OPTION_SESSION_QUEUE_BYTES_MAX) - min(session.outgoing.bytes, option(OPTION_SESSION_QUEUE_BYTES_MAX));
  const count = matchRetained(filter, length, room / ENTRY_COST_MIN);
  for (let i: u32 = 0; i < count; i++) {
    const message = retainedAt(i);
    queueMessage(session, message, (min(qosOf(message), qosMax) << 1) | 1);
  }
}

/** What the smallest message costs a queue. */
const ENTRY_COST_MIN: u32 = 32;

/** Puts a message in a Session's queue and sends what may be sent. */
function queueMessage(session: Session, message: Message, flags: u32): void {
  const outgoing = session.outgoing;
  const bytes = outgoing.bytes + entryCost(message);
  if (
    heapFull() ||
    bytes > option(OPTION_SESSION_QUEUE_BYTES_MAX) ||
    (storeFull() && bytes > option(OPTION_FAIR_SHARE))
  ) {
    countDropped();
    return;
  }
  enqueue(outgoing, message, flags);
  if (session.connection != 0) pumpConnection(changetype<Connection>(session.connection));
}

function storeFull(): bool {
  return <u32>countedBytes > option(OPTION_QUEUE_BYTES_MAX);
}

/** Sends what the windows of this connection allow. */
export function pumpConnection(connection: Connection): void {
  const session = connection.session;
  if (session === null || connection.state != ONLINE) return;
  const outgoing = session.outgoing;
  const before = outgoing.headSequence + outgoing.sent;
  const result = pump(outgoing, connection.output, connection.level);
  countPublishesSent(outgoing.headSequence + outgoing.sent - before);
  if (result == PUMP_OUTPUT && !connection.starved) starve(connection);
  if (<u32>connection.level == LEVEL_3_1 && outgoing.inflight > 0 && connection.retryFromMs == 0) {
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

function ensureMessage(): Message {
  const known = delivery.message;
  if (known !== null) return known;
  const message = createMessage(
    delivery.flags,
    delivery.topicName,
    delivery.topicNameLength,
    delivery.properties,
    delivery.propertiesLength,
    delivery.payload,
    delivery.payloadLength,
  );
  delivery.message = message;
  return message;
}

/** At QoS 0: to a client that is there and has room; otherwise it is gone. */
function sendOnce(session: Session): void {
  if (session.connection == 0) return;
  const connection = changetype<Connection>(session.connection);
  if (connection.state != ONLINE) return;
  const output = connection.output;
  // Behind retained messages that still wait: a new message must not arrive before the one it replaces.
  if (session.outgoing.waitingQos0 > 0) queueMessage(session, ensureMessage(), 0);
  else if (outputFull(output)) countDropped();
  else {
    if (delivery.payloadLength >= SHARE_MIN) sendMessage(output, ensureMessage(), 0, 0, connection.level);
    else sendPacket(output);
    countPublishesSent(1);
  }
}

/** The PUBLISH of the delivery at QoS 0: encoded for the first connection, copied from there for all others. */
function sendPacket(output: Output): void {
  if (delivery.packet != 0) {
    memory.copy(reserve(output, delivery.packetLength), delivery.packet, delivery.packetLength);
    return;
  }
  const size = publishSizeOf(delivery.topicNameLength, delivery.payloadLength, 0, LEVEL_3_1_1, 0);
  const at = reserve(output, size);
  const end = encodePublishHeader(
    at,
    0,
    delivery.topicName,
    delivery.topicNameLength,
    0,
    LEVEL_3_1_1,
    0,
    0,
    delivery.payloadLength,
  );
  memory.copy(end, delivery.payload, delivery.payloadLength);
  delivery.packet = at;
  delivery.packetLength = size;
}
