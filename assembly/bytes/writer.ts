// Writes the data types of MQTT (section 1.5) into a range of bytes. The mirror image of reader.ts. There is one
// writer, at module level: start it, write, and ask once at the end whether everything had room. A write past the end
// sets the failure, which stays; writes after it change nothing. Not used where single bytes count: publish.ts and
// ack.ts store directly.

let cursor: usize = 0;
let limit: usize = 0;
let failed: bool = false;

/** The largest Variable Byte Integer: four bytes of seven bits. */
export const VARINT_MAX: u32 = 268435455;

/** Begins at `at`; nothing at or behind `end` will be written. Forgets an earlier failure. */
export function writerStart(at: usize, end: usize): void {
  cursor = at;
  limit = end;
  failed = false;
}

/** Where the next write goes: one past what was written. */
export function writerAt(): usize {
  return cursor;
}

/** True when some write since writerStart had no room, or a value had no encoding. */
export function writerFailed(): bool {
  return failed;
}

/** One byte: the lowest eight bits of `value`. */
export function writeU8(value: u32): void {
  if (take(1)) store<u8>(cursor - 1, <u8>value);
}

/** Two Byte Integer, big-endian: the lowest sixteen bits of `value`. */
export function writeU16(value: u32): void {
  if (take(2)) store<u16>(cursor - 2, bswap<u16>(<u16>value));
}

/** Four Byte Integer, big-endian. */
export function writeU32(value: u32): void {
  if (take(4)) store<u32>(cursor - 4, bswap<u32>(value));
}

/** Variable Byte Integer in its shortest form [MQTT-1.5.5-1]; fails above VARINT_MAX. */
export function writeVarint(value: u32): void {
  const size = varintSize(value);
  if (size == 0) failed = true;
  else if (take(size)) storeVarint(cursor - size, value);
}

/** Binary Data or a UTF-8 Encoded String: two bytes of length, then `length` bytes from `ptr`; fails above 65,535
 *  bytes. */
export function writeBinary(ptr: usize, length: u32): void {
  if (length > 0xffff) failed = true;
  writeU16(length);
  writeRaw(ptr, length);
}

/** `length` bytes from `ptr` as they are. */
export function writeRaw(ptr: usize, length: u32): void {
  if (take(length)) memory.copy(cursor - length, ptr, length);
}

/** Bytes of `value` as a Variable Byte Integer, 1..4; 0 above VARINT_MAX, which has no encoding. */
export function varintSize(value: u32): u32 {
  if (value < 128) return 1;
  if (value < 16384) return 2;
  if (value < 2097152) return 3;
  return value <= VARINT_MAX ? 4 : 0;
}

/** Stores `value` (at most VARINT_MAX) at `at` without asking for room; returns the end. The caller has counted
 *  varintSize(value) bytes. */
export function storeVarint(at: usize, value: u32): usize {
  while (value >= 128) {
    store<u8>(at, <u8>(value | 0x80));
    at += 1;
    value >>= 7;
  }
  store<u8>(at, <u8>value);
  return at + 1;
}

function take(count: u32): bool {
  if (failed || <u32>(limit - cursor) < count) {
    failed = true;
    return false;
  }
  cursor += count;
  return true;
}
