// A message to the Sessions that get it. At QoS 0 straight into the outputs of those who are connected, encoded once for each
// version and copied; at QoS 1 and 2 through each Session's queue, the message stored once. Nobody is waited for: what a
// slow connection cannot take is dropped (QoS 0) or stays in its queue.

import { OPTION_SESSION_QUEUE_BYTES_MAX } from "../abi";
import { letGo } from "../bytes/counted";
import { reserve, SHARE_MIN } from "../effect/send";
import { option } from "../limits";
import { is5, LEVEL_3_1_1, LEVEL_5_0 } from "../packet/packet-type";
import { encodePublishHeader, publishSizeOf } from "../packet/publish";
import { NO_MATCHING_SUBSCRIBERS, QUOTA_EXCEEDED, SUCCESS } from "../packet/reason-code";
import { OPTION_NO_LOCAL, OPTION_QOS } from "../packet/subscribe";
import {
  createMessage,
  MARK_URGENT,
  Message,
  messageSize,
  payloadOf,
  propertiesOf,
  qosOf,
  topicNameOf,
} from "../session/message";
import { Origin } from "../session/origin";
import { outputFull } from "../session/outgoing";
import { sendMessage } from "../session/send-message";
import { Session } from "../session/session";
import { Connection, ONLINE } from "./connection";
import { isUrgent } from "./properties";
import { queueMessage } from "./queueing";
import { clearRetained, matchRetained, retain, retainedAt } from "./retained";
import { resolve, resolveLocal, TARGET_GROUP, Target, targetAt } from "./router";
import { chooseMember } from "./sharing";
import { countDropped, countPublishesSent } from "./statistics";
import { Group, grantedFlags, Subscription } from "./subscription";

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
  /** Who published it, 0 for the broker itself: a Subscription may leave out its own. */
  publisher: usize;
  /** Its PUBLISH at QoS 0 without DUP and RETAIN, as 3.1 and 3.1.1 send it, or 0 while there is none. */
  packet: usize;
  packetLength: u32;
  /** The same as 5.0 sends it, without Subscription Identifiers and Topic Alias. */
  packet5: usize;
  packet5Length: u32;
  /** It as a Message, made when somebody has to keep it. */
  message: Message | null;
}

export const delivery = changetype<Delivery>(memory.data(offsetof<Delivery>()));

// What became of the last message.
let matchedCount: u32 = 0;
/** Who got it: it was sent to them, or is in their queue. */
let deliveredCount: u32 = 0;
/** How often a limit was in the way, that of the retained messages too. */
let refusedCount: u32 = 0;

/** The Reason Code for its publisher (3.4.2.1). Success as long as somebody got it: others may have had no room. */
export function deliveryCode(): u32 {
  if (deliveredCount == 0 && refusedCount > 0) return QUOTA_EXCEEDED;
  return matchedCount == 0 ? NO_MATCHING_SUBSCRIBERS : SUCCESS;
}

/** Publishes a Message that exists already: a Will, $SYS. `publisher`: the Session it comes from, 0 for the broker itself. */
export function deliverMessage(message: Message, publisher: usize = 0): void {
  delivery.flags = message.flags;
  delivery.topicName = topicNameOf(message);
  delivery.topicNameLength = message.topicNameLength;
  delivery.properties = propertiesOf(message);
  delivery.propertiesLength = message.propertiesLength;
  delivery.payload = payloadOf(message);
  delivery.payloadLength = message.payloadLength;
  delivery.publisher = publisher;
  delivery.packet = 0;
  delivery.packet5 = 0;
  message.references++;
  delivery.message = message;
  deliver();
}

/** Publishes what stands in `delivery`: retains it if asked, and sends it to all whose Subscriptions match. */
export function deliver(): void {
  matchedCount = 0;
  deliveredCount = 0;
  refusedCount = 0;
  if ((delivery.flags & 1) != 0) {
    if (delivery.payloadLength == 0) clearRetained(delivery.topicName, delivery.topicNameLength);
    else if (!retain(ensureMessage())) refusedCount++;
  }
  const qos = (delivery.flags >> 1) & 3;
  const count = resolve(delivery.topicName, delivery.topicNameLength);
  for (let i: u32 = 0; i < count; i++) {
    const target = targetAt(i);
    if (target.options == 0 && target.origin === null) {
      // The usual one; at the lower QoS of both, since the subscriber chose the most it wants [MQTT-3.8.4-8].
      hand(changetype<Session>(target.of), min(qos, <u32>target.qos) << 1, null);
    } else deliverAs(target);
  }
  const message = delivery.message;
  if (message !== null) letGo(message);
  delivery.message = null;
}

/** The retained messages that a new Subscription matches, with RETAIN set [MQTT-3.3.1-8]. */
export function deliverRetained(subscription: Subscription, filter: usize, length: u32): void {
  const session = subscription.session;
  const qosMax = <u32>subscription.options & OPTION_QOS;
  const noLocal = (<u32>subscription.options & OPTION_NO_LOCAL) != 0;
  // More than the queue has room for need not be looked for: whoever asks for everything again and again gets it once.
  const room =
    option(OPTION_SESSION_QUEUE_BYTES_MAX) - min(session.outgoing.bytes, option(OPTION_SESSION_QUEUE_BYTES_MAX));
  const count = matchRetained(filter, length, room / ENTRY_COST_MIN);
  for (let i: u32 = 0; i < count; i++) {
    const message = retainedAt(i);
    if (noLocal && message.publisher == session.hash) continue; // [MQTT-3.8.3-3]
    queueMessage(session, message, (min(qosOf(message), qosMax) << 1) | 1, subscription.origin);
  }
}

/** What the smallest message costs a queue. */
const ENTRY_COST_MIN: u32 = 32;

/** To a target with options or identifiers. */
function deliverAs(target: Target): void {
  const options = <u32>target.options;
  if (options == TARGET_GROUP) deliverShared(changetype<Group>(target.of));
  else if (target.of == delivery.publisher && (options & OPTION_NO_LOCAL) != 0) deliverLocal();
  else deliverTo(target);
}

function deliverTo(target: Target): void {
  hand(changetype<Session>(target.of), grantedFlags(delivery.flags, target.qos, target.options), target.origin);
}

/** To its own publisher, who does not want all of it. */
function deliverLocal(): void {
  const target = resolveLocal(changetype<Session>(delivery.publisher), delivery.topicName, delivery.topicNameLength);
  if (target !== null) deliverTo(target);
}

function deliverShared(group: Group): void {
  const cost = messageSize(delivery.topicNameLength, delivery.propertiesLength, delivery.payloadLength);
  const member = chooseMember(group, (delivery.flags >> 1) & 3, cost);
  if (member !== null)
    hand(member.session, grantedFlags(delivery.flags, member.options, member.options), member.origin);
}

function hand(session: Session, flags: u32, origin: Origin | null): void {
  matchedCount++;
  if (flags >> 1 == 0) sendOnce(session, flags, origin);
  else queue(session, flags, origin);
}

function queue(session: Session, flags: u32, origin: Origin | null): void {
  if (queueMessage(session, ensureMessage(), flags, origin)) deliveredCount++;
  else refusedCount++;
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
    isUrgent(delivery.properties, delivery.propertiesLength) ? MARK_URGENT : 0,
  );
  const publisher = changetype<Session | null>(delivery.publisher);
  if (publisher !== null) message.publisher = publisher.hash;
  delivery.message = message;
  return message;
}

/** At QoS 0: to a client that is there and has room; otherwise it is gone. */
function sendOnce(session: Session, flags: u32, origin: Origin | null): void {
  if (session.connection == 0) return;
  const connection = changetype<Connection>(session.connection);
  if (connection.state != ONLINE) return;
  // Behind retained messages that still wait: a new message must not arrive before the one it replaces.
  if (session.outgoing.waitingQos0 > 0) {
    queue(session, flags, origin);
    return;
  }
  if (outputFull(connection.output)) {
    countDropped();
    refusedCount++;
    return;
  }
  const own = flags != 0 || (is5(connection.level) && (origin !== null || connection.aliases !== null));
  const sent =
    own || delivery.payloadLength >= SHARE_MIN
      ? sendMessage(connection, ensureMessage(), flags, 0, origin)
      : sendPacket(connection);
  // One that is more than the client takes counts as delivered [MQTT-3.1.2-25].
  deliveredCount++;
  if (sent) countPublishesSent(1);
  else countDropped();
}

/** The PUBLISH of the delivery at QoS 0: encoded for the first connection of each version, copied from there for all
 *  others. False when it is more than this one takes. */
function sendPacket(connection: Connection): bool {
  const with5 = is5(connection.level);
  const packet = with5 ? delivery.packet5 : delivery.packet;
  if (packet == 0) return encodePacket(connection, with5);
  const length = with5 ? delivery.packet5Length : delivery.packetLength;
  if (length > connection.packetSizeMax) return false;
  memory.copy(reserve(connection.output, length), packet, length);
  return true;
}

function encodePacket(connection: Connection, with5: bool): bool {
  const level = with5 ? LEVEL_5_0 : LEVEL_3_1_1;
  const propertiesLength = with5 ? delivery.propertiesLength : 0;
  const size = publishSizeOf(delivery.topicNameLength, delivery.payloadLength, 0, level, propertiesLength);
  if (size > connection.packetSizeMax) return false;
  const at = reserve(connection.output, size);
  const end = encodePublishHeader(
    at,
    0,
    delivery.topicName,
    delivery.topicNameLength,
    0,
    level,
    delivery.properties,
    propertiesLength,
    delivery.payloadLength,
  );
  memory.copy(end, delivery.payload, delivery.payloadLength);
  if (with5) {
    delivery.packet5 = at;
    delivery.packet5Length = size;
  } else {
    delivery.packet = at;
    delivery.packetLength = size;
  }
  return true;
}
