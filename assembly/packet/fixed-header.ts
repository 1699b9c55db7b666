// The Fixed Header as packets write it: first byte and Remaining Length (section 2.1). framer.ts reads it.
import { storeVarint, varintSize, writerStart, writeU8, writeVarint } from "../bytes/writer";
import { is5 } from "./packet-type";

/** Bytes of a whole packet with this Remaining Length (0..268,435,455, which the caller's limits keep). */
export function packetSize(remaining: u32): u32 {
  return 1 + varintSize(remaining) + remaining;
}

/** Starts the writer at `at` with room for just this packet, and writes its Fixed Header. */
export function startPacket(at: usize, firstByte: u32, remaining: u32): void {
  writerStart(at, at + packetSize(remaining));
  writeU8(firstByte);
  writeVarint(remaining);
}

/** Stores the Fixed Header without the writer; returns its end. */
export function storeFixedHeader(at: usize, firstByte: u32, remaining: u32): usize {
  store<u8>(at, <u8>firstByte);
  return storeVarint(at + 1, remaining);
}

/** Bytes that a packet's properties take at `level`, their length included; none before 5.0. */
export function propertiesSize(propertiesLength: u32, level: u32): u32 {
  return is5(level) ? varintSize(propertiesLength) + propertiesLength : 0;
}

/** Bytes of a string or binary data of `length` bytes: its length comes before it. */
export function binarySize(length: u32): u32 {
  return 2 + length;
}
