// What the host has given us to say in words: Reason Strings, the Server Reference, the Response Information. The core knows
// numbers; their words are the host's business, and a small board leaves them out. Kept as properties, ready to be sent.

import { BAD_ARGUMENT, OK, TEXT_REASON, TEXT_RESPONSE_PREFIX, TEXT_SERVER_REFERENCE } from "../abi";
import { allocate, release } from "../bytes/heap";
import { utf8Valid } from "../bytes/utf8";
import { writerStart } from "../bytes/writer";
import { REASON_STRING, RESPONSE_INFORMATION, SERVER_REFERENCE, writeBinaryProperty } from "../packet/property";
import { SERVER_MOVED, USE_ANOTHER_SERVER } from "../packet/reason-code";

@unmanaged
class Text {
  /** The whole property: identifier, length, text. */
  property: usize;
  size: u32;
}

/** Reason Codes from 0x80 on. */
const REASONS: u32 = 128;
const RESPONSE_PLACE: u32 = REASONS;
const REFERENCE_PLACE: u32 = REASONS + 1;
const PROPERTY_HEADER: u32 = 3;
const TEXT_MAX: u32 = 65_535;

const texts: usize = memory.data((REASONS + 2) << 3, 8);

/** Keeps a copy; an empty text takes it back. */
export function setText(id: u32, bytes: usize, length: u32): u32 {
  if (length > TEXT_MAX || !utf8Valid(bytes, length)) return BAD_ARGUMENT;
  if (id == TEXT_RESPONSE_PREFIX) keep(RESPONSE_PLACE, RESPONSE_INFORMATION, bytes, length);
  else if (id == TEXT_SERVER_REFERENCE) keep(REFERENCE_PLACE, SERVER_REFERENCE, bytes, length);
  else if (id - (TEXT_REASON + 0x80) < REASONS) keep(id - (TEXT_REASON + 0x80), REASON_STRING, bytes, length);
  else return BAD_ARGUMENT;
  return OK;
}

/** The property Reason String for a Reason Code, in reasonSize bytes; 0 when there is none. */
export function reasonProperty(reasonCode: u32): usize {
  if (reasonCode < 0x80) {
    reasonSize = 0;
    return 0;
  }
  const text = textAt(reasonCode - 0x80);
  reasonSize = text.size;
  return text.property;
}

export let reasonSize: u32 = 0;

/** Properties that explain a Reason Code in CONNACK or DISCONNECT, made by explain(). */
export let explanation: usize = 0;
export let explanationLength: u32 = 0;

/** How much explain() says: all there is, not the words, nothing at all; each fits a smaller packet. */
export const IN_WORDS: u32 = 0;
export const WITHOUT_WORDS: u32 = 1;
export const UNEXPLAINED: u32 = 2;

let joined: usize = 0;
let joinedSize: u32 = 0;

/** Makes the explanation; it stands until the next one. With 0x9C and 0x9D it says where to go: to `reference`, a property
 *  Server Reference, or if that is 0 to the one that is set. */
export function explain(reasonCode: u32, reference: usize, referenceLength: u32, brevity: u32): void {
  explanation = reasonProperty(reasonCode);
  explanationLength = brevity == IN_WORDS ? reasonSize : 0;
  if (brevity == UNEXPLAINED || (reasonCode != USE_ANOTHER_SERVER && reasonCode != SERVER_MOVED)) return;
  const set = textAt(REFERENCE_PLACE);
  const from = reference != 0 ? reference : set.property;
  const size = reference != 0 ? referenceLength : set.size;
  const words = explanationLength;
  if (size + words > joinedSize) {
    if (joinedSize > 0) release(joined, joinedSize);
    joinedSize = size + words;
    joined = allocate(joinedSize);
  }
  memory.copy(joined, from, size);
  memory.copy(joined + size, explanation, words);
  explanation = joined;
  explanationLength = size + words;
}

/** The text that Response Information begins with, without a property's header. */
export function responsePrefix(): usize {
  return textAt(RESPONSE_PLACE).property + PROPERTY_HEADER;
}

export function responsePrefixLength(): u32 {
  const size = textAt(RESPONSE_PLACE).size;
  return size > 0 ? size - PROPERTY_HEADER : 0;
}

function keep(place: u32, identifier: u32, bytes: usize, length: u32): void {
  const text = textAt(place);
  if (text.size > 0) release(text.property, text.size);
  text.size = 0;
  if (length == 0) return;
  const size = PROPERTY_HEADER + length;
  text.property = allocate(size);
  text.size = size;
  writerStart(text.property, text.property + size);
  writeBinaryProperty(identifier, bytes, length);
}

function textAt(place: u32): Text {
  return changetype<Text>(texts + place * offsetof<Text>());
}
