// PUBLISH (section 3.3). The packet that everything is measured by: one pass from header to pointers, single stores, no
// reader or writer. Decode on top, encode below. Only the header is encoded here; the payload is copied or referenced
// by who sends it. Which end may send a Subscription Identifier, and which Topic Aliases exist, is for those who know
// the connection.

import { utf8Valid } from "../bytes/utf8";
import { storeVarint } from "../bytes/writer";
import { topicNameValid } from "../topic/name";
import { binarySize, packetSize, propertiesSize, storeFixedHeader } from "./fixed-header";
import { is5, PUBLISH, publishFlagsValid } from "./packet-type";
import {
  clearProperties,
  decodeProperties,
  hasProperty,
  MESSAGE_EXPIRY_INTERVAL,
  propertiesEnd,
  propertiesLength,
  propertiesPtr,
  propertyValue,
  TOPIC_ALIAS,
} from "./property";
import { MALFORMED_PACKET, PROTOCOL_ERROR, SUCCESS, TOPIC_NAME_INVALID } from "./reason-code";

/** A decoded PUBLISH, or one to encode. Pointers lead into the input. */
@unmanaged
export class Publish {
  duplicate: bool;
  retain: bool;
  hasMessageExpiry: bool;
  /** 0..2. */
  qos: u32;
  /** With a Topic Alias the name may be empty; otherwise it is a valid Topic Name. */
  topicName: usize;
  topicNameLength: u32;
  /** 1..65,535; 0 at QoS 0. */
  packetId: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
  payload: usize;
  payloadLength: u32;
  /** 1..65,535; 0 is none. */
  topicAlias: u32;
  /** Seconds; only with hasMessageExpiry, as 0 is a value too. */
  messageExpirySec: u32;
}

export const publish = changetype<Publish>(memory.data(offsetof<Publish>(), 8));

/** Decodes the body of a PUBLISH into `publish`. `flags`: DUP QoS QoS RETAIN. */
export function decodePublish(flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!publishFlagsValid(flags) || length < 2) return MALFORMED_PACKET;
  const end = body + length;
  const topicName = body + 2;
  const topicNameLength = <u32>bswap<u16>(load<u16>(body));
  let at = topicName + topicNameLength;
  const qos = (flags >> 1) & 3;
  let packetId: u32 = 0;
  if (qos != 0) {
    at += 2;
    if (at > end) return MALFORMED_PACKET;
    packetId = <u32>bswap<u16>(load<u16>(at - 2));
    if (packetId == 0) return PROTOCOL_ERROR; // [MQTT-2.2.1-4]
  } else if (at > end) {
    return MALFORMED_PACKET;
  }
  publish.duplicate = (flags & 8) != 0;
  publish.retain = (flags & 1) != 0;
  publish.qos = qos;
  publish.topicName = topicName;
  publish.topicNameLength = topicNameLength;
  publish.packetId = packetId;
  if (!is5(level)) {
    takeNoProperties(at);
  } else if (at < end && load<u8>(at) == 0) {
    at += 1; // most messages have no properties, and one byte says so
    takeNoProperties(at);
  } else {
    const code = takeProperties(at, end);
    if (code != SUCCESS) return code;
    at = propertiesEnd;
  }
  publish.payload = at;
  publish.payloadLength = <u32>(end - at);
  return topicNameValid(topicName, topicNameLength) ? SUCCESS : topicFault();
}

function takeProperties(at: usize, end: usize): u32 {
  const code = decodeProperties(at, end, PUBLISH);
  publish.properties = propertiesPtr;
  publish.propertiesLength = propertiesLength;
  publish.topicAlias = propertyValue(TOPIC_ALIAS);
  publish.hasMessageExpiry = hasProperty(MESSAGE_EXPIRY_INTERVAL);
  publish.messageExpirySec = propertyValue(MESSAGE_EXPIRY_INTERVAL);
  return code;
}

function takeNoProperties(at: usize): void {
  clearProperties(at);
  publish.properties = 0;
  publish.propertiesLength = 0;
  publish.topicAlias = 0;
  publish.hasMessageExpiry = false;
  publish.messageExpirySec = 0;
}

/** Why the Topic Name is not valid; it is, when empty beside a Topic Alias. */
function topicFault(): u32 {
  if (publish.topicNameLength == 0) {
    if (publish.topicAlias != 0) return SUCCESS;
    return PROTOCOL_ERROR; // 3.3.2.1, [MQTT-4.7.3-1]
  }
  // [MQTT-3.3.2-2] and [MQTT-3.3.2-1]
  return utf8Valid(publish.topicName, publish.topicNameLength) ? TOPIC_NAME_INVALID : MALFORMED_PACKET;
}

/** Bytes of the whole packet encoded from `publish`, its payload included. */
export function publishSize(level: u32): u32 {
  return publishSizeOf(publish.topicNameLength, publish.payloadLength, publish.qos, level, publish.propertiesLength);
}

/** Writes `publish` whole at `at`; returns the end. Room for publishSize(level) bytes is the caller's. */
export function encodePublish(at: usize, level: u32): usize {
  const flags = (u32(publish.duplicate) << 3) | (publish.qos << 1) | u32(publish.retain);
  at = encodePublishHeader(
    at,
    flags,
    publish.topicName,
    publish.topicNameLength,
    publish.packetId,
    level,
    publish.properties,
    publish.propertiesLength,
    publish.payloadLength,
  );
  memory.copy(at, publish.payload, publish.payloadLength);
  return at + publish.payloadLength;
}

/** Bytes of a whole PUBLISH with these parts. `propertiesLength`: raw bytes, without the length before them; not
 *  counted before 5.0. */
export function publishSizeOf(
  topicNameLength: u32,
  payloadLength: u32,
  qos: u32,
  level: u32,
  propertiesLength: u32,
): u32 {
  return packetSize(remainingLength(topicNameLength, payloadLength, qos != 0, level, propertiesLength));
}

/** Writes what comes before the payload of a PUBLISH at `at`; returns where the payload goes. `flags`: DUP QoS
 *  QoS RETAIN; `packetId`: 0 at QoS 0 and there alone. `moreLength`: bytes of further properties of 5.0, which the
 *  caller writes where this returns, the payload behind them. Room for publishSizeOf(...) - payloadLength bytes is the
 *  caller's; there propertiesLength is that of both. */
export function encodePublishHeader(
  at: usize,
  flags: u32,
  topicName: usize,
  topicNameLength: u32,
  packetId: u32,
  level: u32,
  properties: usize,
  propertiesLength: u32,
  payloadLength: u32,
  moreLength: u32 = 0,
): usize {
  at = storeFixedHeader(
    at,
    (PUBLISH << 4) | flags,
    remainingLength(topicNameLength, payloadLength, packetId != 0, level, propertiesLength + moreLength),
  );
  store<u16>(at, bswap<u16>(<u16>topicNameLength));
  memory.copy(at + 2, topicName, topicNameLength);
  at += 2 + topicNameLength;
  if (packetId != 0) {
    store<u16>(at, bswap<u16>(<u16>packetId));
    at += 2;
  }
  if (is5(level)) {
    at = storeVarint(at, propertiesLength + moreLength);
    if (propertiesLength != 0) memory.copy(at, properties, propertiesLength); // an empty copy is a call all the same
    at += propertiesLength;
  }
  return at;
}

function remainingLength(
  topicNameLength: u32,
  payloadLength: u32,
  hasPacketId: bool,
  level: u32,
  propertiesLength: u32,
): u32 {
  return binarySize(topicNameLength) + (hasPacketId ? 2 : 0) + propertiesSize(propertiesLength, level) + payloadLength;
}
