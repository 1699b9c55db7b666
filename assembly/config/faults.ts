// What is wrong with the line at hand, as events for the host, and how many such there were. Says what a value may be; the
// words for all else are the host's.

import { CONFIG_BAD_VALUE, CONFIG_MISSPELT_KEY, CONFIG_MORE, CONFIG_UNKNOWN_KEY, EVENT_FAULT } from "../abi";
import { writeDecimal } from "../bytes/decimal";
import { pushEvent } from "../effect/event";
import { CONFIG_FAULTS_MAX } from "../limits";
import { KEYS } from "./keys";
import { key, keyLength, lineNumber, value, valueLength } from "./lines";
import { nameAt, nameLength, nearestFound, nearestIn, nearestStart, tableLength } from "./names";
import { IGNORED_KEYS, UNSUPPORTED_KEYS } from "./other-keys";

export let faultCount: u32 = 0;

export function faultsStart(): void {
  faultCount = 0;
}

/** `hint`: goes to the host beside the line's key and value. */
export function fault(code: u32, hint: usize = 0, hintLength: u32 = 0): void {
  if (isReported()) {
    pushEvent(EVENT_FAULT, 0, code, lineNumber, key, keyLength, value, valueLength, hint, hintLength);
  }
}

/** A fault that only shows when all has been read. `line`: where it is, 0: nowhere. */
export function faultAt(line: u32, code: u32): void {
  if (isReported()) pushEvent(EVENT_FAULT, 0, code, line);
}

/** Counts one more; behind the last one that is reported stands that there are more. */
function isReported(): bool {
  if (++faultCount == CONFIG_FAULTS_MAX + 1) pushEvent(EVENT_FAULT, 0, CONFIG_MORE, 0);
  return faultCount <= CONFIG_FAULTS_MAX;
}

/** It is none of the words of a table (names.ts). */
export function faultWords(table: usize): void {
  fault(CONFIG_BAD_VALUE, table, tableLength(table));
}

/** " to " */
const TO: u32 = 0x206f7420;
/** Two numbers of ten digits, and what stands between and before them. */
const range: usize = memory.data(32);

/** It is no whole number from `least` to `most`; least is -1 at the least. */
export function faultRange(least: i32, most: u32): void {
  let at = range;
  if (least < 0) store<u8>(at++, 0x2d);
  at += writeDecimal(at, abs(least));
  store<u32>(at, TO);
  at += 4;
  at += writeDecimal(at, most);
  fault(CONFIG_BAD_VALUE, range, <u32>(at - range));
}

/** Its key is in none of the tables. */
export function faultUnknown(): void {
  nearestStart(keyLength);
  nearestIn(KEYS, key, keyLength);
  nearestIn(IGNORED_KEYS, key, keyLength);
  nearestIn(UNSUPPORTED_KEYS, key, keyLength);
  if (nearestFound()) fault(CONFIG_MISSPELT_KEY, nameAt, nameLength);
  else fault(CONFIG_UNKNOWN_KEY);
}
