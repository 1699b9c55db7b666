// The lines of a configuration file: which ones say something, and where their key and value stand. A line ends at LF; CR,
// spaces and tabs around it do not count. One whose first character is # is a comment. Knows no keys.

import { CONFIG_BAD_TEXT, CONFIG_LINE_TOO_LONG, OK } from "../abi";
import { utf8Valid } from "../bytes/utf8";
import { CONFIG_LINE_MAX } from "../limits";

let cursor: usize = 0;
let limit: usize = 0;

/** Number of the line, from 1. */
export let lineNumber: u32 = 0;
/** OK, or the CONFIG_* for which nobody should look at it: key and value are empty then. */
export let lineFault: u32 = OK;
export let key: usize = 0;
export let keyLength: u32 = 0;
/** What stands behind the key; it may hold spaces. */
export let value: usize = 0;
export let valueLength: u32 = 0;

/** The value in two: what is before its first space, and what is behind it. */
export let firstLength: u32 = 0;
export let rest: usize = 0;
export let restLength: u32 = 0;

export function linesStart(text: usize, length: u32): void {
  cursor = text;
  limit = text + length;
  lineNumber = 0;
}

/** Steps to the next line that is neither blank nor a comment; false at the end, and then the line is number 0. */
export function nextLine(): bool {
  while (cursor < limit) {
    let start = cursor;
    let end = start;
    while (end < limit && load<u8>(end) != LF) end++;
    cursor = end + 1;
    lineNumber++;
    start = skipBlanks(start, end);
    while (end > start && isBlank(load<u8>(end - 1))) end--;
    if (start < end && load<u8>(start) != HASH) {
      lineFault = <u32>(end - start) > CONFIG_LINE_MAX ? CONFIG_LINE_TOO_LONG : textFault(start, end);
      if (lineFault != OK) end = start;
      splitLine(start, end);
      return true;
    }
  }
  lineNumber = 0;
  splitLine(limit, limit);
  return false;
}

function splitLine(start: usize, end: usize): void {
  key = start;
  keyLength = wordLength(start, end);
  value = skipBlanks(start + keyLength, end);
  valueLength = <u32>(end - value);
  firstLength = wordLength(value, end);
  rest = skipBlanks(value + firstLength, end);
  restLength = <u32>(end - rest);
}

/** Control characters would reach the terminal on which a fault is printed. */
function textFault(start: usize, end: usize): u32 {
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at);
    if ((byte < 0x20 && byte != TAB) || byte == 0x7f) return CONFIG_BAD_TEXT;
  }
  return utf8Valid(start, <u32>(end - start)) ? OK : CONFIG_BAD_TEXT;
}

function wordLength(start: usize, end: usize): u32 {
  let at = start;
  while (at < end && !isBlank(load<u8>(at))) at++;
  return <u32>(at - start);
}

function skipBlanks(at: usize, end: usize): usize {
  while (at < end && isBlank(load<u8>(at))) at++;
  return at;
}

function isBlank(byte: u8): bool {
  return byte == 0x20 || byte == TAB || byte == CR;
}

const TAB: u8 = 9;
const LF: u8 = 10;
const CR: u8 = 13;
const HASH: u8 = 35;
