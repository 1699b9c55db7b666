// UNSUBSCRIBE (section 3.10). Like SUBSCRIBE it is checked whole before anything of it is used; its filters have no
// options. decodeUnsubscribe on top, then nextUnsubscribeFilter hands out the filters. Encode below.
import { readBinary, readerAt, readerFailed, readerLeft, readerStart, readLength, readU16 } from "../bytes/reader";
import { writeRaw, writerAt, writeU16 } from "../bytes/writer";
import { packetSize, propertiesSize, startPacket } from "./fixed-header";
import { headerFlagsValid, is5, requiredFlags, UNSUBSCRIBE } from "./packet-type";
import { decodePropertiesAtLevel, propertiesEnd, propertiesLength, propertiesPtr, writeProperties } from "./property";
import { MALFORMED_PACKET, PROTOCOL_ERROR, SUCCESS } from "./reason-code";
import { filterFault } from "./subscribe";

/** A decoded UNSUBSCRIBE with the filter that nextUnsubscribeFilter came to; or one to encode. */
@unmanaged
export class Unsubscribe {
  /** 1..65,535. */
  packetId: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
  /** The payload as it is: count times length, Topic Filter. */
  filters: usize;
  filtersLength: u32;
  /** Filters in the payload, at least 1. */
  count: u32;
  /** Where nextUnsubscribeFilter goes on. Set it to `filters` to begin again. */
  cursor: usize;
  topicFilter: usize;
  topicFilterLength: u32;
}

export const unsubscribe = changetype<Unsubscribe>(memory.data(offsetof<Unsubscribe>(), 8));

/** Decodes the body of an UNSUBSCRIBE into `unsubscribe` and sets the cursor to its first filter. */
export function decodeUnsubscribe(flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!headerFlagsValid((UNSUBSCRIBE << 4) | flags, level)) return MALFORMED_PACKET; // [MQTT-3.10.1-1]
  const end = body + length;
  readerStart(body, end);
  unsubscribe.packetId = readU16();
  if (readerFailed()) return MALFORMED_PACKET;
  if (unsubscribe.packetId == 0) return PROTOCOL_ERROR; // [MQTT-2.2.1-3]
  const code = decodePropertiesAtLevel(readerAt(), end, UNSUBSCRIBE, level);
  if (code != SUCCESS) return code;
  unsubscribe.properties = propertiesPtr;
  unsubscribe.propertiesLength = propertiesLength;
  readerStart(propertiesEnd, end);
  return decodeFilters(end, level);
}

function decodeFilters(end: usize, level: u32): u32 {
  unsubscribe.filters = readerAt();
  unsubscribe.filtersLength = <u32>(end - unsubscribe.filters);
  unsubscribe.cursor = unsubscribe.filters;
  unsubscribe.count = 0;
  if (unsubscribe.filtersLength == 0) return PROTOCOL_ERROR; // [MQTT-3.10.3-2]
  while (readerLeft() > 0) {
    const filter = readBinary();
    if (readerFailed()) return MALFORMED_PACKET;
    const code = filterFault(filter, readLength, level);
    if (code != SUCCESS) return code;
    unsubscribe.count += 1;
  }
  return SUCCESS;
}

/** Goes on to the next filter of the packet decoded last: fills topicFilter, topicFilterLength. False when there is
 *  none. */
export function nextUnsubscribeFilter(): bool {
  const at = unsubscribe.cursor;
  if (at >= unsubscribe.filters + unsubscribe.filtersLength) return false;
  unsubscribe.topicFilter = at + 2;
  unsubscribe.topicFilterLength = <u32>bswap<u16>(load<u16>(at));
  unsubscribe.cursor = unsubscribe.topicFilter + unsubscribe.topicFilterLength;
  return true;
}

/** Bytes of the packet that encodeUnsubscribe will write at `level`. */
export function unsubscribeSize(level: u32): u32 {
  return packetSize(remainingLength(level));
}

/** Writes `unsubscribe` at `at`, its payload verbatim from `filters`; returns the end. Room for
 *  unsubscribeSize(level) is the caller's. */
export function encodeUnsubscribe(at: usize, level: u32): usize {
  startPacket(at, (UNSUBSCRIBE << 4) | requiredFlags(UNSUBSCRIBE), remainingLength(level));
  writeU16(unsubscribe.packetId);
  if (is5(level)) writeProperties(unsubscribe.properties, unsubscribe.propertiesLength);
  writeRaw(unsubscribe.filters, unsubscribe.filtersLength);
  return writerAt();
}

function remainingLength(level: u32): u32 {
  return 2 + propertiesSize(unsubscribe.propertiesLength, level) + unsubscribe.filtersLength;
}
