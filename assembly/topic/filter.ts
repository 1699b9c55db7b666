// Topic Filters: validity, Shared Subscriptions, and the plain match of one filter with one name. A pure look at bytes.
// The tree of Subscriptions does the broker's routing; filterMatches is for access control, bridges, clients, and to
// test the tree.
import { utf8Valid } from "../bytes/utf8";
import { hasWildcard, topicNameValid } from "./name";

export { hasWildcard };

const SLASH: u8 = 0x2f;
const PLUS: u8 = 0x2b;
const HASH: u8 = 0x23;
const DOLLAR: u8 = 0x24;

/** Bytes of "$share/". */
export const SHARE_PREFIX_LENGTH: u32 = 7;

/** True for 1..65,535 bytes of UTF-8 with '+' alone in its level [MQTT-4.7.1-2], '#' alone in the last level
 *  [MQTT-4.7.1-1], and, if it begins with "$share/", a Share Name and a filter behind it [MQTT-4.8.2-1]
 *  [MQTT-4.8.2-2]. A false with utf8Valid true is an invalid filter, a false with utf8Valid false a Malformed
 *  Packet. */
export function topicFilterValid(ptr: usize, length: u32): bool {
  if (isShared(ptr, length)) {
    const start = sharedFilterStart(ptr, length);
    if (start == 0 || hasWildcard(ptr, start)) return false;
    return length <= 0xffff && wildcardsPlaced(ptr + start, ptr + length) && utf8Valid(ptr, length);
  }
  return plainFilterValid(ptr, length);
}

/** The same without the rules for "$share/": before 5.0 that is a level like others. */
export function plainFilterValid(ptr: usize, length: u32): bool {
  if (topicNameValid(ptr, length)) return true; // without wildcards the rules are the same, and eight bytes at a time
  return length - 1 <= 0xfffe && wildcardsPlaced(ptr, ptr + length) && utf8Valid(ptr, length); // 0 wraps around
}

/** True when the filter begins with "$share/", valid or not. */
export function isShared(ptr: usize, length: u32): bool {
  // "$sha" and "are/" read as little-endian words overlap in the 'a'.
  return length >= SHARE_PREFIX_LENGTH && load<u32>(ptr) == 0x61687324 && load<u32>(ptr, 3) == 0x2f657261;
}

/** Offset of the filter behind "$share/{ShareName}/"; 0 when the filter is not shared, its Share Name is empty or
 *  nothing follows it. The Share Name is the bytes from 7 up to this offset less 1. */
export function sharedFilterStart(ptr: usize, length: u32): u32 {
  if (!isShared(ptr, length)) return 0;
  let at = SHARE_PREFIX_LENGTH;
  while (at < length && load<u8>(ptr + at) != SLASH) at++;
  return at > SHARE_PREFIX_LENGTH && at + 1 < length ? at + 1 : 0;
}

/** True when a message of the valid Topic Name is for the valid Topic Filter, whose "$share/.../" is not given
 *  (sharedFilterStart). */
export function filterMatches(filter: usize, filterLength: u32, name: usize, nameLength: u32): bool {
  const filterEnd = filter + filterLength;
  const nameEnd = name + nameLength;
  // A name that begins with '$' is for its own kind only [MQTT-4.7.2-1].
  if (load<u8>(name) == DOLLAR && load<u8>(filter) != DOLLAR) return false;
  while (filter < filterEnd) {
    const byte = load<u8>(filter);
    if (byte == HASH) return true;
    if (byte == PLUS) {
      while (name < nameEnd && load<u8>(name) != SLASH) name++;
    } else if (name == nameEnd) {
      // '#' also stands for its parent level: "a/#" takes "a".
      return filterEnd - filter == 2 && byte == SLASH && load<u8>(filter, 1) == HASH;
    } else if (load<u8>(name++) != byte) return false;
    filter++;
  }
  return name == nameEnd;
}

/** True when '+' fills its level and '#' fills the last one. */
function wildcardsPlaced(start: usize, end: usize): bool {
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at);
    if (byte != PLUS && byte != HASH) continue;
    if (at > start && load<u8>(at - 1) != SLASH) return false;
    if (at + 1 == end) return true;
    if (byte == HASH || load<u8>(at + 1) != SLASH) return false;
  }
  return true;
}
