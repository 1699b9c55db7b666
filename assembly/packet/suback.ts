// SUBACK and UNSUBACK (sections 3.9 and 3.11): one layout, a list of codes in the order of the filters asked for. 3.x
// UNSUBACK has no list. Two instances, as both may be under way. Decode on top, encode below. Whether the number of
// codes is right is for the client to say.
import { readerAt, readerFailed, readerLeft, readerStart, readU16 } from "../bytes/reader";
import { writeRaw, writerAt, writeU16 } from "../bytes/writer";
import { packetSize, propertiesSize, startPacket } from "./fixed-header";
import { headerFlagsValid, is5, SUBACK, UNSUBACK } from "./packet-type";
import { decodePropertiesAtLevel, propertiesEnd, propertiesLength, propertiesPtr, writeProperties } from "./property";
import { MALFORMED_PACKET, PROTOCOL_ERROR, reasonCodeValid, SUBSCRIPTION_FAILURE, SUCCESS } from "./reason-code";

/** A decoded SUBACK or UNSUBACK, or one to encode. */
@unmanaged
export class Suback {
  /** 1..65,535. */
  packetId: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
  /** One byte for each filter. */
  reasonCodes: usize;
  reasonCodesLength: u32;
}

export const suback = changetype<Suback>(memory.data(offsetof<Suback>(), 8));
export const unsuback = changetype<Suback>(memory.data(offsetof<Suback>(), 8));

/** Decodes the body of a SUBACK into `suback`. */
export function decodeSuback(flags: u32, body: usize, length: u32, level: u32): u32 {
  return decode(suback, SUBACK, flags, body, length, level);
}

/** Decodes the body of an UNSUBACK into `unsuback`. */
export function decodeUnsuback(flags: u32, body: usize, length: u32, level: u32): u32 {
  return decode(unsuback, UNSUBACK, flags, body, length, level);
}

function decode(into: Suback, type: u32, flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!headerFlagsValid((type << 4) | flags, level)) return MALFORMED_PACKET;
  const end = body + length;
  readerStart(body, end);
  into.packetId = readU16();
  if (readerFailed()) return MALFORMED_PACKET;
  if (into.packetId == 0) return PROTOCOL_ERROR; // no packet to acknowledge has 0 [MQTT-2.2.1-3]
  const code = decodePropertiesAtLevel(readerAt(), end, type, level);
  if (code != SUCCESS) return code;
  into.properties = propertiesPtr;
  into.propertiesLength = propertiesLength;
  readerStart(propertiesEnd, end);
  into.reasonCodes = readerAt();
  into.reasonCodesLength = readerLeft();
  if (type == UNSUBACK && !is5(level)) return into.reasonCodesLength == 0 ? SUCCESS : MALFORMED_PACKET;
  if (into.reasonCodesLength == 0) return PROTOCOL_ERROR; // one for each filter, and a request has at least one
  for (let at = into.reasonCodes; at < end; at++) {
    if (!codeValid(load<u8>(at), type, level)) return PROTOCOL_ERROR;
  }
  return SUCCESS;
}

function codeValid(reasonCode: u32, type: u32, level: u32): bool {
  if (is5(level)) return reasonCodeValid(reasonCode, type); // [MQTT-3.9.3-2] [MQTT-3.11.3-2]
  return reasonCode <= 2 || reasonCode == SUBSCRIPTION_FAILURE; // [v3.1.1 MQTT-3.9.3-2]
}

/** Bytes of the packet that encodeSuback will write at `level`. */
export function subackSize(level: u32): u32 {
  return packetSize(remainingLength(suback, SUBACK, level));
}

/** Bytes of the packet that encodeUnsuback will write at `level`. */
export function unsubackSize(level: u32): u32 {
  return packetSize(remainingLength(unsuback, UNSUBACK, level));
}

/** Writes `suback` at `at`; returns the end. Room for subackSize(level) bytes is the caller's. */
export function encodeSuback(at: usize, level: u32): usize {
  return encode(suback, SUBACK, at, level);
}

/** Writes `unsuback` at `at`; returns the end. Room for unsubackSize(level) bytes is the caller's. */
export function encodeUnsuback(at: usize, level: u32): usize {
  return encode(unsuback, UNSUBACK, at, level);
}

function encode(from: Suback, type: u32, at: usize, level: u32): usize {
  startPacket(at, type << 4, remainingLength(from, type, level));
  writeU16(from.packetId);
  if (is5(level)) writeProperties(from.properties, from.propertiesLength);
  writeRaw(from.reasonCodes, codesSize(from, type, level));
  return writerAt();
}

function remainingLength(from: Suback, type: u32, level: u32): u32 {
  return 2 + propertiesSize(from.propertiesLength, level) + codesSize(from, type, level);
}

function codesSize(from: Suback, type: u32, level: u32): u32 {
  return type == UNSUBACK && !is5(level) ? 0 : from.reasonCodesLength;
}
