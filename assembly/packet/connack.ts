// CONNACK (section 3.2). 3.x has a return code and no properties; 3.1 has no Session Present either. Decode on top,
// encode below. Returns are SUCCESS or a Reason Code about the packet itself; the code that the packet carries is
// `connack.reasonCode`.
import { writerAt, writeU8 } from "../bytes/writer";
import { packetSize, propertiesSize, startPacket } from "./fixed-header";
import { CONNACK, headerFlagsValid, is5, LEVEL_3_1 } from "./packet-type";
import { decodePropertiesAtLevel, propertiesEnd, propertiesLength, propertiesPtr, writeProperties } from "./property";
import { MALFORMED_PACKET, PROTOCOL_ERROR, REFUSED_NOT_AUTHORISED, reasonCodeValid, SUCCESS } from "./reason-code";

/** A decoded CONNACK, or one to encode. */
@unmanaged
export class Connack {
  sessionPresent: bool;
  /** 5.0: a Reason Code; 3.x: a return code, 0..5. */
  reasonCode: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
}

export const connack = changetype<Connack>(memory.data(offsetof<Connack>(), 8));

/** Decodes the body of a CONNACK into `connack`. */
export function decodeConnack(flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!headerFlagsValid((CONNACK << 4) | flags, level) || length < 2) return MALFORMED_PACKET;
  // The first byte is reserved in 3.1 and not looked at; from 3.1.1 on only its bit 0 is in use [MQTT-3.2.2-1].
  const acknowledgeFlags: u32 = level == LEVEL_3_1 ? 0 : load<u8>(body);
  if (acknowledgeFlags > 1) return MALFORMED_PACKET;
  connack.sessionPresent = acknowledgeFlags == 1;
  connack.reasonCode = load<u8>(body, 1);
  const code = decodePropertiesAtLevel(body + 2, body + length, CONNACK, level);
  if (code != SUCCESS) return code;
  connack.properties = propertiesPtr;
  connack.propertiesLength = propertiesLength;
  if (propertiesEnd != body + length) return MALFORMED_PACKET;
  // A refusal has no Session to speak of [MQTT-3.2.2-6] [v3.1.1 MQTT-3.2.2-4].
  if (connack.sessionPresent && connack.reasonCode != SUCCESS) return PROTOCOL_ERROR;
  return codeValid(connack.reasonCode, level) ? SUCCESS : PROTOCOL_ERROR;
}

function codeValid(reasonCode: u32, level: u32): bool {
  return is5(level) ? reasonCodeValid(reasonCode, CONNACK) : reasonCode <= REFUSED_NOT_AUTHORISED;
}

/** Bytes of the packet that encodeConnack will write at `level`. */
export function connackSize(level: u32): u32 {
  return packetSize(2 + propertiesSize(connack.propertiesLength, level));
}

/** Writes `connack` at `at`; returns the end. Room for connackSize(level) bytes is the caller's. */
export function encodeConnack(at: usize, level: u32): usize {
  startPacket(at, CONNACK << 4, 2 + propertiesSize(connack.propertiesLength, level));
  writeU8(level == LEVEL_3_1 ? 0 : u32(connack.sessionPresent));
  writeU8(connack.reasonCode);
  if (is5(level)) writeProperties(connack.properties, connack.propertiesLength);
  return writerAt();
}
