// An Application Message as the core keeps it: one counted block, whoever holds it. At QoS 0 with nobody to keep it for, a
// message never becomes one of these; it goes from the input buffer to the outputs.
//
//   | references, size | topicNameLength, flags | propertiesLength | payloadLength | Topic Name | Properties | Payload |

import { Counted, createCounted } from "../bytes/counted";

@unmanaged
export class Message extends Counted {
  topicNameLength: u16;
  /** QoS in bits 1-2 and RETAIN in bit 0, as in the fixed header, as published. */
  flags: u8;
  propertiesLength: u32;
  payloadLength: u32;
}

/** A message with one owner. Properties: those of 5.0 that travel with the message, as on the wire. */
export function createMessage(
  flags: u32,
  topicName: usize,
  topicNameLength: u32,
  properties: usize,
  propertiesLength: u32,
  payload: usize,
  payloadLength: u32,
): Message {
  const size = messageSize(topicNameLength, propertiesLength, payloadLength);
  const message = changetype<Message>(createCounted(size));
  message.flags = <u8>flags;
  message.topicNameLength = <u16>topicNameLength;
  message.propertiesLength = propertiesLength;
  message.payloadLength = payloadLength;
  memory.copy(topicNameOf(message), topicName, topicNameLength);
  memory.copy(propertiesOf(message), properties, propertiesLength);
  memory.copy(payloadOf(message), payload, payloadLength);
  return message;
}

/** Bytes that such a message takes in memory. */
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
