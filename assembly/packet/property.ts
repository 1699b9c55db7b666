// Properties of 5.0 (section 2.2.2) by the rows of property-table.ts. decodeProperties checks a packet's whole property
// list in one pass and remembers where each one is; nothing is copied. A CONNECT has two lists: its own and the Will's,
// kept apart in `properties` and `willProperties`. Both hold until the next list of their kind is decoded. Returns are
// Reason Codes: what cannot be parsed or has no business in that packet is MALFORMED_PACKET, a forbidden repetition or
// value is PROTOCOL_ERROR (2.2.2.2 and each property's own section). Which end may send a property is for those who
// know the end.
import {
  readBinary,
  readerAt,
  readerFailed,
  readerLeft,
  readerStart,
  readLength,
  readString,
  readU8,
  readU16,
  readU32,
  readVarint,
} from "../bytes/reader";
import { writeBinary, writeRaw, writeU8, writeU16, writeU32, writeVarint } from "../bytes/writer";
import { topicNameValid } from "../topic/name";
import { AUTH, CONNACK, CONNECT, is5, PUBLISH } from "./packet-type";
import {
  BINARY,
  BOOLEAN,
  IDENTIFIERS,
  PAIR,
  propertyAllowedIn,
  propertyType,
  STRING,
  U16_NOT_0,
  U32_NOT_0,
  VARINT_NOT_0,
} from "./property-table";
import { MALFORMED_PACKET, PROTOCOL_ERROR, SUCCESS, TOPIC_NAME_INVALID } from "./reason-code";

export const PAYLOAD_FORMAT_INDICATOR: u32 = 1;
export const MESSAGE_EXPIRY_INTERVAL: u32 = 2;
export const CONTENT_TYPE: u32 = 3;
export const RESPONSE_TOPIC: u32 = 8;
export const CORRELATION_DATA: u32 = 9;
export const SUBSCRIPTION_IDENTIFIER: u32 = 11;
export const SESSION_EXPIRY_INTERVAL: u32 = 17;
export const ASSIGNED_CLIENT_IDENTIFIER: u32 = 18;
export const SERVER_KEEP_ALIVE: u32 = 19;
export const AUTHENTICATION_METHOD: u32 = 21;
export const AUTHENTICATION_DATA: u32 = 22;
export const REQUEST_PROBLEM_INFORMATION: u32 = 23;
export const WILL_DELAY_INTERVAL: u32 = 24;
export const REQUEST_RESPONSE_INFORMATION: u32 = 25;
export const RESPONSE_INFORMATION: u32 = 26;
export const SERVER_REFERENCE: u32 = 28;
export const REASON_STRING: u32 = 31;
export const RECEIVE_MAXIMUM: u32 = 33;
export const TOPIC_ALIAS_MAXIMUM: u32 = 34;
export const TOPIC_ALIAS: u32 = 35;
export const MAXIMUM_QOS: u32 = 36;
export const RETAIN_AVAILABLE: u32 = 37;
export const USER_PROPERTY: u32 = 38;
export const MAXIMUM_PACKET_SIZE: u32 = 39;
export const WILDCARD_SUBSCRIPTION_AVAILABLE: u32 = 40;
export const SUBSCRIPTION_IDENTIFIER_AVAILABLE: u32 = 41;
export const SHARED_SUBSCRIPTION_AVAILABLE: u32 = 42;

/** Stands for a packet type where decodeProperties is told about the Will Properties in a CONNECT: no Control Packet
 *  has type 0. */
export const WILL: u32 = 0;

/** One decoded property list. Entries of identifiers whose bit in `present` is 0 hold old values. */
@unmanaged
class PropertyList {
  /** Bit n: the property with identifier n is there. */
  present: u64;
}

// Layout of a list: `present`, then a number or pointer for each identifier, then a byte count for each.
const VALUES: i32 = 8;
const LENGTHS: i32 = VALUES + 4 * IDENTIFIERS;
const LIST_SIZE: i32 = LENGTHS + 2 * IDENTIFIERS;

const own = changetype<PropertyList>(memory.data(LIST_SIZE, 8));
const will = changetype<PropertyList>(memory.data(LIST_SIZE, 8));

/** Where the packet goes on behind the list decoded last. */
export let propertiesEnd: usize = 0;
/** The list decoded last as it came: the bytes behind its length prefix. */
export let propertiesPtr: usize = 0;
export let propertiesLength: u32 = 0;

/** Reads a Property Length at `at` and the properties behind it, nothing at or after `end`. `packet`: a packet type,
 *  or WILL. Fills the list that the getters below read, and propertiesEnd, propertiesPtr, propertiesLength. Returns
 *  SUCCESS or a Reason Code, the list then void. */
export function decodeProperties(at: usize, end: usize, packet: u32): u32 {
  readerStart(at, end);
  const length = readVarint();
  if (readerFailed() || length > readerLeft()) return MALFORMED_PACKET;
  return decodePropertyList(readerAt(), length, packet);
}

/** As decodeProperties, of `length` raw bytes without the Property Length before them. */
export function decodePropertyList(at: usize, length: u32, packet: u32): u32 {
  const list = packet == WILL ? will : own;
  list.present = 0;
  propertiesPtr = at;
  propertiesLength = length;
  propertiesEnd = at + length;
  readerStart(at, propertiesEnd);
  while (readerLeft() > 0) {
    const code = decodeProperty(list, packet);
    if (code != SUCCESS) return code;
  }
  return propertiesAgree(list, packet) ? SUCCESS : PROTOCOL_ERROR;
}

/** As decodeProperties; before 5.0 no packet has a property list, so it is empty and the packet goes on at `at`. */
export function decodePropertiesAtLevel(at: usize, end: usize, packet: u32, level: u32): u32 {
  if (is5(level)) return decodeProperties(at, end, packet);
  clear(packet == WILL ? will : own, at);
  return SUCCESS;
}

/** For a packet without properties: an empty list; the packet goes on at `at`. */
export function clearProperties(at: usize): void {
  clear(own, at);
}

function clear(list: PropertyList, at: usize): void {
  list.present = 0;
  propertiesPtr = at;
  propertiesLength = 0;
  propertiesEnd = at;
}

/** True when the packet decoded last has the property. */
export function hasProperty(identifier: u32): bool {
  return has(own, identifier);
}

/** Its number; of a Subscription Identifier that repeats, the first. 0 when absent: ask hasProperty where the
 *  default is another. */
export function propertyValue(identifier: u32): u32 {
  return numberOf(own, identifier);
}

/** Its first byte, within the input; 0 when absent. Of a User Property the first one's name: use nextProperty for
 *  all of them. */
export function propertyPtr(identifier: u32): usize {
  return numberOf(own, identifier);
}

/** Its bytes; 0 when absent. */
export function propertyLength(identifier: u32): u32 {
  return lengthOf(own, identifier);
}

/** As hasProperty, in the Will Properties of the CONNECT decoded last, which has a Will. */
export function hasWillProperty(identifier: u32): bool {
  return has(will, identifier);
}

/** As propertyValue, in the Will Properties. */
export function willPropertyValue(identifier: u32): u32 {
  return numberOf(will, identifier);
}

/** As propertyPtr, in the Will Properties. */
export function willPropertyPtr(identifier: u32): usize {
  return numberOf(will, identifier);
}

/** As propertyLength, in the Will Properties. */
export function willPropertyLength(identifier: u32): u32 {
  return lengthOf(will, identifier);
}

function has(list: PropertyList, identifier: u32): bool {
  return ((list.present >> identifier) & 1) != 0;
}

function numberOf(list: PropertyList, identifier: u32): u32 {
  return has(list, identifier) ? load<u32>(changetype<usize>(list) + (identifier << 2), VALUES) : 0;
}

function lengthOf(list: PropertyList, identifier: u32): u32 {
  return has(list, identifier) ? <u32>load<u16>(changetype<usize>(list) + (identifier << 1), LENGTHS) : 0;
}

/** Reads one property into the list. */
function decodeProperty(list: PropertyList, packet: u32): u32 {
  const identifier = readVarint(); // a Variable Byte Integer, though none in use needs a second byte
  if (readerFailed() || !propertyAllowedIn(identifier, packet)) return MALFORMED_PACKET;
  const first = !has(list, identifier);
  if (!first && !repeatable(identifier, packet)) return PROTOCOL_ERROR;
  const type = propertyType(identifier);
  const value = readValue(type);
  if (readerFailed()) return MALFORMED_PACKET;
  if (!valueInRange(type, value)) return PROTOCOL_ERROR;
  if (identifier == RESPONSE_TOPIC && !topicNameValid(value, readLength)) return TOPIC_NAME_INVALID; // [MQTT-3.3.2-14]
  if (first) {
    list.present |= (<u64>1) << identifier;
    store<u32>(changetype<usize>(list) + (identifier << 2), value, VALUES);
    if (type >= STRING) store<u16>(changetype<usize>(list) + (identifier << 1), <u16>readLength, LENGTHS);
  }
  if (type == PAIR) readString(); // the value, behind the name
  return readerFailed() ? MALFORMED_PACKET : SUCCESS;
}

/** A server sends one Subscription Identifier for each Subscription that matched (3.3.2.3.8); a SUBSCRIBE has at
 *  most one. */
function repeatable(identifier: u32, packet: u32): bool {
  return identifier == USER_PROPERTY || (identifier == SUBSCRIPTION_IDENTIFIER && packet == PUBLISH);
}

/** A number, or the pointer to a string, binary data or the name of a pair, with readLength. */
function readValue(type: u32): u32 {
  if (type == BOOLEAN) return readU8();
  if (type <= U16_NOT_0) return readU16();
  if (type <= U32_NOT_0) return readU32();
  if (type == VARINT_NOT_0) return readVarint();
  return <u32>(type == BINARY ? readBinary() : readString());
}

/** Each of these is a Protocol Error in the property's own section. */
function valueInRange(type: u32, value: u32): bool {
  if (type == BOOLEAN) return value <= 1;
  return value != 0 || (type != U16_NOT_0 && type != U32_NOT_0 && type != VARINT_NOT_0);
}

/** Authentication Data needs an Authentication Method beside it (3.1.2.11.10, 3.2.2.3.18, 3.15.2.2.3). */
function propertiesAgree(list: PropertyList, packet: u32): bool {
  if (packet != CONNECT && packet != CONNACK && packet != AUTH) return true;
  return !has(list, AUTHENTICATION_DATA) || has(list, AUTHENTICATION_METHOD);
}

/** The property that nextProperty found: all its bytes, identifier included, then the parts of it. */
export let itemPtr: usize = 0;
export let itemLength: u32 = 0;
/** A number; or the pointer to a string or binary data, with itemValueLength; of a User Property, its value. */
export let itemValue: u32 = 0;
export let itemValueLength: u32 = 0;
/** Of a User Property alone. */
export let itemName: usize = 0;
export let itemNameLength: u32 = 0;

/** Reads the property at `at` of a list that decodeProperties has found valid, up to `end`; fills item... above.
 *  Returns its identifier, or 0 at the end of the list. The next one is at itemPtr + itemLength. */
export function nextProperty(at: usize, end: usize): u32 {
  if (at >= end) return 0;
  readerStart(at, end);
  const identifier = readVarint();
  const type = propertyType(identifier);
  itemValue = readValue(type);
  itemValueLength = readLength;
  if (type == PAIR) {
    itemName = itemValue;
    itemNameLength = itemValueLength;
    itemValue = <u32>readString();
    itemValueLength = readLength;
  }
  itemPtr = at;
  itemLength = <u32>(readerAt() - at);
  return identifier;
}

/** Appends a property with a number, at the width of its type, to what the writer (writerStart) writes. */
export function writeNumberProperty(identifier: u32, value: u32): void {
  const type = propertyType(identifier);
  writeU8(identifier);
  if (type == BOOLEAN) writeU8(value);
  else if (type <= U16_NOT_0) writeU16(value);
  else if (type <= U32_NOT_0) writeU32(value);
  else writeVarint(value);
}

/** Appends a property with a string or binary data of `length` bytes (at most 65,535). */
export function writeBinaryProperty(identifier: u32, ptr: usize, length: u32): void {
  writeU8(identifier);
  writeBinary(ptr, length);
}

/** Appends one User Property. */
export function writeUserProperty(name: usize, nameLength: u32, value: usize, valueLength: u32): void {
  writeBinaryProperty(USER_PROPERTY, name, nameLength);
  writeBinary(value, valueLength);
}

/** Appends a packet's property list from raw bytes: its length, then the bytes as they are. */
export function writeProperties(properties: usize, length: u32): void {
  writeVarint(length);
  writeRaw(properties, length);
}
