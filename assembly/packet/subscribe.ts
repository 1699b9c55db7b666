// SUBSCRIBE (section 3.8). decodeSubscribe checks the whole packet before anything of it is used: a packet with one bad
// filter subscribes nothing. Then nextTopicFilter hands out the pairs of Topic Filter and Subscription Options. Encode
// below.
import {
  readBinary,
  readerAt,
  readerFailed,
  readerLeft,
  readerStart,
  readLength,
  readU8,
  readU16,
} from "../bytes/reader";
import { utf8Valid } from "../bytes/utf8";
import { writeRaw, writerAt, writeU16 } from "../bytes/writer";
import { isShared, plainFilterValid, topicFilterValid } from "../topic/filter";
import { packetSize, propertiesSize, startPacket } from "./fixed-header";
import { headerFlagsValid, is5, requiredFlags, SUBSCRIBE } from "./packet-type";
import { decodePropertiesAtLevel, propertiesEnd, propertiesLength, propertiesPtr, writeProperties } from "./property";
import { MALFORMED_PACKET, PROTOCOL_ERROR, SUCCESS, TOPIC_FILTER_INVALID } from "./reason-code";

// Subscription Options, figure 3-23:  reserved (2) | Retain Handling (2) | Retain As Published | No Local | QoS (2);
// 3.x has the QoS alone.
export const OPTION_QOS: u32 = 0x03;
export const OPTION_NO_LOCAL: u32 = 0x04;
export const OPTION_RETAIN_AS_PUBLISHED: u32 = 0x08;
export const OPTION_RETAIN_HANDLING: u32 = 0x30;
export const RETAIN_HANDLING_SHIFT: u32 = 4;
const OPTION_RESERVED: u32 = 0xc0;

/** A decoded SUBSCRIBE with the filter that nextTopicFilter came to; or one to encode. */
@unmanaged
export class Subscribe {
  /** 1..65,535. */
  packetId: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
  /** The payload as it is: count times length, Topic Filter, options. */
  filters: usize;
  filtersLength: u32;
  /** Filters in the payload, at least 1. */
  count: u32;
  /** Where nextTopicFilter goes on. Set it to `filters` to begin again. */
  cursor: usize;
  topicFilter: usize;
  topicFilterLength: u32;
  options: u32;
}

export const subscribe = changetype<Subscribe>(memory.data(offsetof<Subscribe>(), 8));

/** Decodes the body of a SUBSCRIBE into `subscribe` and sets the cursor to its first filter. */
export function decodeSubscribe(flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!headerFlagsValid((SUBSCRIBE << 4) | flags, level)) return MALFORMED_PACKET; // [MQTT-3.8.1-1]
  const end = body + length;
  readerStart(body, end);
  subscribe.packetId = readU16();
  if (readerFailed()) return MALFORMED_PACKET;
  if (subscribe.packetId == 0) return PROTOCOL_ERROR; // [MQTT-2.2.1-3]
  const code = decodePropertiesAtLevel(readerAt(), end, SUBSCRIBE, level);
  if (code != SUCCESS) return code;
  subscribe.properties = propertiesPtr;
  subscribe.propertiesLength = propertiesLength;
  readerStart(propertiesEnd, end);
  return decodeFilters(end, level);
}

function decodeFilters(end: usize, level: u32): u32 {
  subscribe.filters = readerAt();
  subscribe.filtersLength = <u32>(end - subscribe.filters);
  subscribe.cursor = subscribe.filters;
  subscribe.count = 0;
  if (subscribe.filtersLength == 0) return PROTOCOL_ERROR; // [MQTT-3.8.3-2]
  while (readerLeft() > 0) {
    const filter = readBinary();
    const filterLength = readLength;
    const options = readU8();
    if (readerFailed()) return MALFORMED_PACKET;
    let code = optionsFault(options, isShared(filter, filterLength), level);
    if (code == SUCCESS) code = filterFault(filter, filterLength, level);
    if (code != SUCCESS) return code;
    subscribe.count += 1;
  }
  return SUCCESS;
}

/** What is wrong with a Topic Filter at this level, SUCCESS if nothing is. "$share/" has its meaning from 5.0 on. */
export function filterFault(filter: usize, filterLength: u32, level: u32): u32 {
  const valid = is5(level) ? topicFilterValid(filter, filterLength) : plainFilterValid(filter, filterLength);
  if (valid) return SUCCESS;
  return utf8Valid(filter, filterLength) ? TOPIC_FILTER_INVALID : MALFORMED_PACKET; // [MQTT-3.8.3-1] [MQTT-3.10.3-1]
}

/** What is wrong with Subscription Options, for a Shared Subscription or another; SUCCESS if nothing is. */
export function optionsFault(options: u32, shared: bool, level: u32): u32 {
  if (!is5(level)) return options > 2 ? MALFORMED_PACKET : SUCCESS; // [v3.1.1 MQTT-3.8.3-4]
  if (options & OPTION_RESERVED) return MALFORMED_PACKET; // [MQTT-3.8.3-5]
  if ((options & OPTION_QOS) == 3 || (options & OPTION_RETAIN_HANDLING) == OPTION_RETAIN_HANDLING)
    return PROTOCOL_ERROR;
  return shared && options & OPTION_NO_LOCAL ? PROTOCOL_ERROR : SUCCESS; // [MQTT-3.8.3-4]
}

/** Goes on to the next filter of the packet decoded last: fills topicFilter, topicFilterLength, options. False when
 *  there is none. */
export function nextTopicFilter(): bool {
  const at = subscribe.cursor;
  if (at >= subscribe.filters + subscribe.filtersLength) return false;
  const length = <u32>bswap<u16>(load<u16>(at));
  subscribe.topicFilter = at + 2;
  subscribe.topicFilterLength = length;
  subscribe.options = load<u8>(at + 2 + length);
  subscribe.cursor = at + 3 + length;
  return true;
}

/** Bytes of the packet that encodeSubscribe will write at `level`. */
export function subscribeSize(level: u32): u32 {
  return packetSize(remainingLength(level));
}

/** Writes `subscribe` at `at`, its payload verbatim from `filters`; returns the end. Room for subscribeSize(level)
 *  bytes is the caller's. */
export function encodeSubscribe(at: usize, level: u32): usize {
  startPacket(at, (SUBSCRIBE << 4) | requiredFlags(SUBSCRIBE), remainingLength(level));
  writeU16(subscribe.packetId);
  if (is5(level)) writeProperties(subscribe.properties, subscribe.propertiesLength);
  writeRaw(subscribe.filters, subscribe.filtersLength);
  return writerAt();
}

function remainingLength(level: u32): u32 {
  return 2 + propertiesSize(subscribe.propertiesLength, level) + subscribe.filtersLength;
}
