// UTF-8 as MQTT restricts it [MQTT-1.5.4-1] [MQTT-1.5.4-2]: shortest forms only, no surrogates, nothing above U+10FFFF,
// no U+0000. Knows bytes and nothing of packets. Plain ASCII, which nearly every Topic Name is, is passed eight bytes
// at a time; one byte at or above 0x80 (or a zero) sends only its own character through the exact check.

// A byte in each of eight places.
const ONES: u64 = 0x01010101 * 0x100000001;
const HIGHS: u64 = ONES * 0x80;

/** True when `length` bytes at `ptr` are a UTF-8 Encoded String's content. The empty string is one. Reads nothing
 *  outside the range. */
export function utf8Valid(ptr: usize, length: u32): bool {
  const end = ptr + length;
  while (ptr < end) {
    if (end - ptr >= 8 && plainAscii(load<u64>(ptr))) {
      ptr += 8;
      continue;
    }
    const size = characterSize(ptr, end);
    if (size == 0) return false;
    ptr += size;
  }
  return true;
}

/** True when each of the eight bytes is in 0x01..0x7f. With no high bit set, subtracting 1 borrows into one only
 *  from a zero byte. */
function plainAscii(eight: u64): bool {
  return (((eight - ONES) | eight) & HIGHS) == 0;
}

/** Bytes of the character at `ptr`, 1..4; 0 when it is not one that MQTT allows or does not end before `end`. */
function characterSize(ptr: usize, end: usize): u32 {
  const first = <u32>load<u8>(ptr);
  if (first < 0x80) return first != 0 ? 1 : 0; // [MQTT-1.5.4-2]
  const size: u32 = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  // Below 0xc2: a continuation byte, or an overlong form of ASCII; above 0xf4: above U+10FFFF.
  if (first < 0xc2 || first > 0xf4 || end - ptr < size) return 0;
  for (let i: u32 = 1; i < size; i++) if (!continues(ptr + i)) return 0;
  const second = <u32>load<u8>(ptr, 1);
  const overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const surrogate = first == 0xed && second >= 0xa0; // U+D800..DFFF [MQTT-1.5.4-1]
  return overlong || surrogate || (first == 0xf4 && second >= 0x90) ? 0 : size;
}

function continues(ptr: usize): bool {
  return (load<u8>(ptr) & 0xc0) == 0x80;
}
