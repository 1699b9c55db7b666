// PINGREQ and PINGRESP (sections 3.12 and 3.13): two bytes, the second of them 0, at every level.
import { headerFlagsValid } from "./packet-type";
import { MALFORMED_PACKET, SUCCESS } from "./reason-code";

/** Bytes of a PINGREQ or PINGRESP. */
export const PING_SIZE: u32 = 2;

/** Checks a PINGREQ or PINGRESP: there is nothing in it but `flags` and a body of `length` 0. */
export function decodePing(type: u32, flags: u32, length: u32, level: u32): u32 {
  return length == 0 && headerFlagsValid((type << 4) | flags, level) ? SUCCESS : MALFORMED_PACKET;
}

/** Writes a packet of `type` PINGREQ or PINGRESP at `at`, PING_SIZE bytes; returns the end. */
export function encodePing(at: usize, type: u32): usize {
  store<u16>(at, <u16>(type << 4)); // first byte, then Remaining Length 0
  return at + PING_SIZE;
}
