// What the values of some keys may be, and readers for them. Tables of names (names.ts); those called OTHER_ are mosquitto's
// and not supported yet. Above each stands what its bytes say.

import { bytesEqual } from "../bytes/compare";
import { NO_DECIMAL, readDecimal } from "../bytes/decimal";

/** true|false */
export const BOOLEANS: usize = memory.data<u8>([116, 114, 117, 101, 124, 102, 97, 108, 115, 101, 0]);

/** none|stdout|stderr|file */
export const LOG_DESTS: usize = memory.data<u8>([
  110, 111, 110, 101, 124, 115, 116, 100, 111, 117, 116, 124, 115, 116, 100, 101, 114, 114, 124, 102, 105, 108, 101, 0,
]);

/** syslog|topic|dlt */
export const OTHER_LOG_DESTS: usize = memory.data<u8>([
  115, 121, 115, 108, 111, 103, 124, 116, 111, 112, 105, 99, 124, 100, 108, 116, 0,
]);

/** all|none|error|warning|notice|information|debug|subscribe|unsubscribe|websockets|internal */
export const LOG_TYPES: usize = memory.data<u8>([
  97, 108, 108, 124, 110, 111, 110, 101, 124, 101, 114, 114, 111, 114, 124, 119, 97, 114, 110, 105, 110, 103, 124, 110,
  111, 116, 105, 99, 101, 124, 105, 110, 102, 111, 114, 109, 97, 116, 105, 111, 110, 124, 100, 101, 98, 117, 103, 124,
  115, 117, 98, 115, 99, 114, 105, 98, 101, 124, 117, 110, 115, 117, 98, 115, 99, 114, 105, 98, 101, 124, 119, 101, 98,
  115, 111, 99, 107, 101, 116, 115, 124, 105, 110, 116, 101, 114, 110, 97, 108, 0,
]);

/** mqtt */
export const PROTOCOLS: usize = memory.data<u8>([109, 113, 116, 116, 0]);

/** websockets */
export const OTHER_PROTOCOLS: usize = memory.data<u8>([119, 101, 98, 115, 111, 99, 107, 101, 116, 115, 0]);

/** a number and h, d, w, m or y */
export const DURATION: usize = memory.data<u8>([
  97, 32, 110, 117, 109, 98, 101, 114, 32, 97, 110, 100, 32, 104, 44, 32, 100, 44, 32, 119, 44, 32, 109, 32, 111, 114,
  32, 121,
]);
export const DURATION_LENGTH: u32 = 28;

/** The row of LOG_DESTS behind which a path stands. */
export const LOG_DEST_FILE: u32 = 3;

export const FALSE: u32 = 0;
export const TRUE: u32 = 1;
export const NO_BOOLEAN: u32 = 2;

/** As mosquitto reads it: 1 and 0 are good too. */
export function readBoolean(at: usize, length: u32): u32 {
  if (length == 1) {
    const digit = <u32>load<u8>(at) - 0x30;
    return digit <= 1 ? digit : NO_BOOLEAN;
  }
  if (length == TRUE_LENGTH && bytesEqual(at, BOOLEANS, length)) return TRUE;
  return length == FALSE_LENGTH && bytesEqual(at, BOOLEANS + FALSE_AT, length) ? FALSE : NO_BOOLEAN;
}

/** How a boolean is written to a host. */
export function booleanText(boolean: u32): usize {
  return boolean == TRUE ? BOOLEANS : BOOLEANS + FALSE_AT;
}

export function booleanLength(boolean: u32): u32 {
  return boolean == TRUE ? TRUE_LENGTH : FALSE_LENGTH;
}

const TRUE_LENGTH: u32 = 4;
const FALSE_LENGTH: u32 = 5;
const FALSE_AT: u32 = 5;

/** Seconds of a number and its unit: hour, day, week, month of 30 days, year of 365. 0 for all others. */
export function readDuration(at: usize, length: u32): i64 {
  if (length == 0) return 0;
  const number = readDecimal(at, length - 1);
  return number == NO_DECIMAL ? 0 : number * unitSeconds(load<u8>(at + length - 1));
}

function unitSeconds(unit: u32): i64 {
  switch (unit) {
    case 0x68: // h
      return 3_600;
    case 0x64: // d
      return DAY;
    case 0x77: // w
      return 7 * DAY;
    case 0x6d: // m
      return 30 * DAY;
    case 0x79: // y
      return 365 * DAY;
    default:
      return 0;
  }
}

const DAY: i64 = 86_400;
