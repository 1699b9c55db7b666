// Topic Names: what a PUBLISH may carry. A pure check of bytes; which topics a client may use is not known here. The
// check is the hottest loop of the broker, so it tests eight bytes at once for everything that is not plain: a byte at
// or above 0x80, a zero, '+' and '#'. Only a name with such a byte is looked at a second time, character by character.
import { utf8Valid } from "../bytes/utf8";

// A byte in each of eight places.
const ONES: u64 = 0x01010101 * 0x100000001;
const HIGHS: u64 = ONES * 0x80;
const EIGHTS: u64 = ONES * 0x08;
const PLUSES: u64 = ONES * 0x2b;

/** True for 1..65,535 bytes [MQTT-4.7.3-1] [MQTT-4.7.3-3] of UTF-8 without U+0000 [MQTT-4.7.3-2], '+' or '#'
 *  [MQTT-4.7.0-1]. Reads nothing outside the range. A false with utf8Valid true is an invalid name, a false with
 *  utf8Valid false a Malformed Packet. */
export function topicNameValid(ptr: usize, length: u32): bool {
  if (length - 1 > 0xfffe) return false; // 0 wraps around
  if (length < 8) {
    if (plain(shortWord(ptr, length))) return true;
  } else {
    const last = ptr + length - 8;
    let at = ptr;
    while (at < last && plain(load<u64>(at))) at += 8;
    // The last eight bytes overlap the ones before: no byte outside the name is read, and there is no loop over a tail.
    if (at >= last && plain(load<u64>(last))) return true;
  }
  return !hasWildcard(ptr, length) && utf8Valid(ptr, length);
}

/** Levels of a Topic Name or Topic Filter of at least one byte: separators plus one, as empty levels count
 *  too. */
export function topicLevels(ptr: usize, length: u32): u32 {
  const end = ptr + length;
  let levels: u32 = 1;
  for (; ptr < end; ptr++) levels += u32(load<u8>(ptr) == 0x2f);
  return levels;
}

/** True when one of the bytes is '+' or '#'. In UTF-8 no other character contains these bytes. */
export function hasWildcard(ptr: usize, length: u32): bool {
  const end = ptr + length;
  for (; ptr < end; ptr++) {
    if ((load<u8>(ptr) | 0x08) == 0x2b) return true; // 0x23 '#' and 0x2b '+' differ in this bit alone
  }
  return false;
}

/** True when none of the eight bytes is 0x00, '+', '#' or above 0x7f. The first difference has a high bit where a byte
 *  was 0 or above 0x80, the second where it was a wildcard, which is 0 there, or 0x80. Only a 0 borrows from its
 *  neighbour, and then the answer is no already. */
function plain(eight: u64): bool {
  return (((eight - ONES) | (((eight | EIGHTS) ^ PLUSES) - ONES)) & HIGHS) == 0;
}

/** The 1..7 bytes at `ptr` in one word, some of them twice, so that `plain` may judge them without reading further. */
function shortWord(ptr: usize, length: u32): u64 {
  const end = ptr + length;
  if (length >= 4) return ((<u64>load<u32>(ptr)) << 32) | <u64>load<u32>(end - 4);
  const bytes = ((<u64>load<u8>(ptr)) << 16) | ((<u64>load<u8>(ptr + (length >> 1))) << 8) | <u64>load<u8>(end - 1);
  return bytes | (ONES << 24);
}
