// An Application Message as the core keeps it: one counted block, whoever holds it. At QoS 0 with nobody to keep it for, a
// message never becomes one of these; it goes from the input buffer to the outputs.
//
//   | references, size | topicNameLength, flags, marks | lengths | publisher | Topic Name | Properties | Payload |
//   and of one that expires, at the end:  | Expiry |

import { Counted, createCounted } from "../bytes/counted";
import { nowMs } from "../effect/clock";
import { WITH_5_0 } from "../features";
import { itemLength, itemPtr, MESSAGE_EXPIRY_INTERVAL, nextProperty } from "../packet/property";

@unmanaged
export class Message extends Counted {
  topicNameLength: u16;
  /** QoS in bits 1-2 and RETAIN in bit 0, as in the fixed header, as published. */
  flags: u8;
  /** MARK_* bits. */
  marks: u8;
  propertiesLength: u32;
  payloadLength: u32;
  /** Hash of the Client Identifier of who published it, 0 for the broker itself: No Local asks for it of a retained one. */
  publisher: u32;
}

/** It has a Message Expiry Interval, and an Expiry behind its payload. */
const MARK_EXPIRES: u32 = 1;
/** It goes before others in a queue. */
export const MARK_URGENT: u32 = 2;

@unmanaged
class Expiry {
  atMs: u64;
  /** Of the four bytes of the Message Expiry Interval within the properties. */
  offset: u32;
  /** The broker's, while the message is retained. */
  deadline: usize;
}

/** A message with one owner. Properties: those of 5.0 that travel with the message, as on the wire; a Message Expiry
 *  Interval among them counts from now on. `marks`: 0 or MARK_URGENT. */
export function createMessage(
  flags: u32,
  topicName: usize,
  topicNameLength: u32,
  properties: usize,
  propertiesLength: u32,
  payload: usize,
  payloadLength: u32,
  marks: u32 = 0,
): Message {
  const offset = WITH_5_0 && propertiesLength > 0 ? expiryOffset(properties, propertiesLength) : 0;
  const size = messageSize(topicNameLength, propertiesLength, payloadLength) + (offset > 0 ? offsetof<Expiry>() : 0);
  const message = changetype<Message>(createCounted(size));
  message.flags = <u8>flags;
  message.marks = <u8>(offset > 0 ? marks | MARK_EXPIRES : marks);
  message.topicNameLength = <u16>topicNameLength;
  message.propertiesLength = propertiesLength;
  message.payloadLength = payloadLength;
  message.publisher = 0;
  memory.copy(topicNameOf(message), topicName, topicNameLength);
  memory.copy(propertiesOf(message), properties, propertiesLength);
  memory.copy(payloadOf(message), payload, payloadLength);
  if (offset > 0) setExpiry(message, offset);
  return message;
}

/** Bytes that such a message takes in memory, when it does not expire. */
export function messageSize(topicNameLength: u32, propertiesLength: u32, payloadLength: u32): u32 {
  return offsetof<Message>() + topicNameLength + propertiesLength + payloadLength;
}

export function topicNameOf(message: Message): usize {
  return changetype<usize>(message) + offsetof<Message>();
}

export function propertiesOf(message: Message): usize {
  return topicNameOf(message) + message.topicNameLength;
}

export function payloadOf(message: Message): usize {
  return propertiesOf(message) + message.propertiesLength;
}

export function qosOf(message: Message): u32 {
  return (<u32>message.flags >> 1) & 3;
}

export function expires(message: Message): bool {
  return WITH_5_0 && (<u32>message.marks & MARK_EXPIRES) != 0;
}

/** It is published only now: its Message Expiry Interval begins again. */
export function restartExpiry(message: Message): void {
  if (expires(message)) setExpiry(message, expiryOf(message).offset);
}

/** When its Message Expiry Interval has passed; never for one that does not expire. */
export function expiresAtMs(message: Message): u64 {
  return expires(message) ? expiryOf(message).atMs : u64.MAX_VALUE;
}

export function expired(message: Message): bool {
  return expires(message) && expiryOf(message).atMs <= nowMs;
}

/** Rewrites the interval in a copy of the message's properties: what is left of it, in seconds [MQTT-3.3.2-6]. */
export function storeTimeLeft(message: Message, properties: usize): void {
  if (!expires(message)) return;
  const expiry = expiryOf(message);
  const leftMs = expiry.atMs > nowMs ? expiry.atMs - nowMs : 0;
  const published = bswap<u32>(load<u32>(propertiesOf(message) + expiry.offset));
  store<u32>(properties + expiry.offset, bswap<u32>(<u32>min<u64>((leftMs + 999) / 1000, published)));
}

/** The broker's deadline of a retained message that expires. */
export function expiryDeadline(message: Message): usize {
  return expiryOf(message).deadline;
}

export function setExpiryDeadline(message: Message, deadline: usize): void {
  expiryOf(message).deadline = deadline;
}

function setExpiry(message: Message, offset: u32): void {
  const expiry = expiryOf(message);
  const seconds = <u64>bswap<u32>(load<u32>(propertiesOf(message) + offset));
  // 0 is over with this very moment: it can be sent in it, and does not wait.
  expiry.atMs = nowMs + max<u64>(seconds * 1000, 1);
  expiry.offset = offset;
  expiry.deadline = 0;
}

function expiryOf(message: Message): Expiry {
  return changetype<Expiry>(changetype<usize>(message) + message.size - offsetof<Expiry>());
}

/** Where the number of the Message Expiry Interval stands in these valid properties; 0 when there is none. */
function expiryOffset(properties: usize, length: u32): u32 {
  const end = properties + length;
  let at = properties;
  while (at < end) {
    if (nextProperty(at, end) == MESSAGE_EXPIRY_INTERVAL) return <u32>(itemPtr + 1 - properties);
    at = itemPtr + itemLength;
  }
  return 0;
}
