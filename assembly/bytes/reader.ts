// Reads the data types of MQTT (section 1.5) from a range of bytes. The mirror image of writer.ts. There is one reader,
// at module level: start it, read, and ask once at the end whether all reads were good. A read past the end, an
// overlong Variable Byte Integer or ill-formed UTF-8 sets the failure, which stays, and leaves nothing to read. Every
// failure here is a Malformed Packet; whoever called knows that, this file knows no Reason Codes.
import { utf8Valid } from "./utf8";

let cursor: usize = 0;
let limit: usize = 0;
let failed: bool = false;

/** Bytes of the string or binary data read last. */
export let readLength: u32 = 0;

/** Begins at `at`; nothing at or behind `end` will be read. Forgets an earlier failure. */
export function readerStart(at: usize, end: usize): void {
  cursor = at;
  limit = end;
  failed = false;
}

/** Where the next read begins. */
export function readerAt(): usize {
  return cursor;
}

/** Bytes not read yet; 0 after a failure, so that a loop over it ends. */
export function readerLeft(): u32 {
  return <u32>(limit - cursor);
}

/** True when some read since readerStart was not possible. */
export function readerFailed(): bool {
  return failed;
}

/** One byte, 0..255. */
export function readU8(): u32 {
  return take(1) ? <u32>load<u8>(cursor - 1) : 0;
}

/** Two Byte Integer, big-endian. */
export function readU16(): u32 {
  return take(2) ? <u32>bswap<u16>(load<u16>(cursor - 2)) : 0;
}

/** Four Byte Integer, big-endian. */
export function readU32(): u32 {
  return take(4) ? bswap<u32>(load<u32>(cursor - 4)) : 0;
}

/** Variable Byte Integer, 0..268,435,455, in its shortest form only [MQTT-1.5.5-1]. */
export function readVarint(): u32 {
  let value: u32 = 0;
  for (let shift: u32 = 0; shift < 28; shift += 7) {
    if (!take(1)) return 0;
    const byte = <u32>load<u8>(cursor - 1);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift > 0) fail(); // a last byte of 0 adds nothing: not the shortest form
      return value;
    }
  }
  fail();
  return 0;
}

/** UTF-8 Encoded String: a pointer to its bytes within the input; their number is in readLength. Checks the UTF-8
 *  [MQTT-1.5.4-1]. */
export function readString(): usize {
  const at = readBinary();
  if (!utf8Valid(at, readLength)) fail();
  return at;
}

/** Binary Data, or a string without a check of its UTF-8: a pointer into the input; the number of bytes is in
 *  readLength. */
export function readBinary(): usize {
  const length = readU16();
  readLength = take(length) ? length : 0;
  return cursor - readLength;
}

function take(count: u32): bool {
  if (<u32>(limit - cursor) < count) {
    fail();
    return false;
  }
  cursor += count;
  return true;
}

function fail(): void {
  failed = true;
  cursor = limit;
}
