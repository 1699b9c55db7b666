// PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7): one layout, so one file. Decode on top, encode below.
//   3.x: Packet Identifier.   5.0: Packet Identifier [ Reason Code [ Property Length, properties ] ]
// A 5.0 acknowledgement is written in the shortest of its three forms; the usual one is the four bytes of
// encodeAckShort.
import { writerAt, writeU8, writeU16 } from "../bytes/writer";
import { packetSize, propertiesSize, startPacket } from "./fixed-header";
import { headerFlagsValid, is5, requiredFlags } from "./packet-type";
import {
  clearProperties,
  decodeProperties,
  propertiesEnd,
  propertiesLength,
  propertiesPtr,
  writeProperties,
} from "./property";
import { MALFORMED_PACKET, PROTOCOL_ERROR, reasonCodeValid, SUCCESS } from "./reason-code";

/** Bytes of an acknowledgement without Reason Code. */
export const ACK_SHORT_SIZE: u32 = 4;

/** A decoded acknowledgement, or one to encode. */
@unmanaged
export class Ack {
  /** PUBACK, PUBREC, PUBREL or PUBCOMP. */
  type: u32;
  /** 1..65,535. */
  packetId: u32;
  /** 5.0; SUCCESS where the packet has none. */
  reasonCode: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
}

export const ack = changetype<Ack>(memory.data(offsetof<Ack>(), 8));

/** Decodes the body of an acknowledgement of `type` into `ack`. */
export function decodeAck(type: u32, flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!headerFlagsValid((type << 4) | flags, level) || length < 2) return MALFORMED_PACKET;
  ack.type = type;
  ack.packetId = <u32>bswap<u16>(load<u16>(body));
  ack.reasonCode = SUCCESS;
  ack.properties = 0;
  ack.propertiesLength = 0;
  if (length > 2) {
    if (!is5(level)) return MALFORMED_PACKET;
    const code = decodeReason(body + 2, body + length);
    if (code != SUCCESS) return code;
  } else {
    clearProperties(body + length);
  }
  return ack.packetId != 0 ? SUCCESS : PROTOCOL_ERROR; // no packet to acknowledge has 0 [MQTT-2.2.1-4]
}

function decodeReason(at: usize, end: usize): u32 {
  ack.reasonCode = load<u8>(at);
  at += 1;
  clearProperties(at);
  if (at < end) {
    const code = decodeProperties(at, end, ack.type);
    if (code != SUCCESS) return code;
    ack.properties = propertiesPtr;
    ack.propertiesLength = propertiesLength;
    if (propertiesEnd != end) return MALFORMED_PACKET;
  }
  return reasonCodeValid(ack.reasonCode, ack.type) ? SUCCESS : PROTOCOL_ERROR;
}

/** Bytes of the packet that encodeAck will write at `level`. */
export function ackSize(level: u32): u32 {
  return packetSize(remainingLength(level));
}

/** Writes `ack` at `at`; returns the end. Room for ackSize(level) bytes is the caller's. */
export function encodeAck(at: usize, level: u32): usize {
  const remaining = remainingLength(level);
  startPacket(at, (ack.type << 4) | requiredFlags(ack.type), remaining);
  writeU16(ack.packetId);
  if (remaining > 2) writeU8(ack.reasonCode);
  if (remaining > 3) writeProperties(ack.properties, ack.propertiesLength);
  return writerAt();
}

/** Writes an acknowledgement of success without properties, the same at every level: ACK_SHORT_SIZE bytes. Returns
 *  the end. */
export function encodeAckShort(at: usize, type: u32, packetId: u32): usize {
  store<u16>(at, <u16>((type << 4) | requiredFlags(type) | 0x0200)); // first byte, then Remaining Length 2
  store<u16>(at, bswap<u16>(<u16>packetId), 2);
  return at + ACK_SHORT_SIZE;
}

function remainingLength(level: u32): u32 {
  if (!is5(level) || (ack.reasonCode == SUCCESS && ack.propertiesLength == 0)) return 2;
  return ack.propertiesLength == 0 ? 3 : 3 + propertiesSize(ack.propertiesLength, level);
}
