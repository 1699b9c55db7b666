// One message to one Output: the header is encoded there, a small payload copied behind it, a large one pointed to.

import { Output, reserve, SHARE_MIN, sendShared } from "../effect/send";
import { LEVEL_5_0 } from "../packet/packet-type";
import { encodePublishHeader, publishSizeOf } from "../packet/publish";
import { Message, payloadOf, propertiesOf, topicNameOf } from "./message";

/** `flags`: DUP, QoS and RETAIN of this delivery; `packetId`: 0 at QoS 0. */
export function sendMessage(output: Output, message: Message, flags: u32, packetId: u32, level: u32): void {
  const payloadLength = message.payloadLength;
  const propertiesLength = level == LEVEL_5_0 ? message.propertiesLength : 0;
  const shared = payloadLength >= SHARE_MIN;
  const size = publishSizeOf(message.topicNameLength, payloadLength, (flags >> 1) & 3, level, propertiesLength);
  const end = encodePublishHeader(
    reserve(output, shared ? size - payloadLength : size),
    flags,
    topicNameOf(message),
    message.topicNameLength,
    packetId,
    level,
    propertiesOf(message),
    propertiesLength,
    payloadLength,
  );
  if (shared) sendShared(output, message, payloadOf(message), payloadLength);
  else memory.copy(end, payloadOf(message), payloadLength);
}
