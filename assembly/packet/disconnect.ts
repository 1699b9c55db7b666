// DISCONNECT (section 3.14). 3.x: no body.  5.0: [ Reason Code [ Property Length, properties ] ], the shortest form is
// written. Decode on top, encode below. What only one end may say (0x04, a Session Expiry Interval) is for those who
// know the end.
import { writerAt, writeU8 } from "../bytes/writer";
import { packetSize, propertiesSize, startPacket } from "./fixed-header";
import { DISCONNECT, headerFlagsValid, is5 } from "./packet-type";
import {
  clearProperties,
  decodeProperties,
  propertiesEnd,
  propertiesLength,
  propertiesPtr,
  writeProperties,
} from "./property";
import { MALFORMED_PACKET, NORMAL_DISCONNECTION, PROTOCOL_ERROR, reasonCodeValid, SUCCESS } from "./reason-code";

/** A decoded DISCONNECT, or one to encode. */
@unmanaged
export class Disconnect {
  /** 5.0; NORMAL_DISCONNECTION where the packet has none. */
  reasonCode: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
}

export const disconnect = changetype<Disconnect>(memory.data(offsetof<Disconnect>(), 8));

/** Decodes the body of a DISCONNECT into `disconnect`. */
export function decodeDisconnect(flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!headerFlagsValid((DISCONNECT << 4) | flags, level)) return MALFORMED_PACKET; // [MQTT-3.14.1-1]
  disconnect.reasonCode = NORMAL_DISCONNECTION;
  disconnect.properties = 0;
  disconnect.propertiesLength = 0;
  clearProperties(body + length);
  if (length == 0) return SUCCESS;
  if (!is5(level)) return MALFORMED_PACKET;
  disconnect.reasonCode = load<u8>(body);
  if (length > 1) {
    const code = decodeProperties(body + 1, body + length, DISCONNECT);
    if (code != SUCCESS) return code;
    disconnect.properties = propertiesPtr;
    disconnect.propertiesLength = propertiesLength;
    if (propertiesEnd != body + length) return MALFORMED_PACKET;
  }
  return reasonCodeValid(disconnect.reasonCode, DISCONNECT) ? SUCCESS : PROTOCOL_ERROR; // [MQTT-3.14.2-1]
}

/** Bytes of the packet that encodeDisconnect will write at `level`. */
export function disconnectSize(level: u32): u32 {
  return packetSize(remainingLength(level));
}

/** Writes `disconnect` at `at`; returns the end. Room for disconnectSize(level) bytes is the caller's. */
export function encodeDisconnect(at: usize, level: u32): usize {
  const remaining = remainingLength(level);
  startPacket(at, DISCONNECT << 4, remaining);
  if (remaining > 0) writeU8(disconnect.reasonCode);
  if (remaining > 1) writeProperties(disconnect.properties, disconnect.propertiesLength);
  return writerAt();
}

function remainingLength(level: u32): u32 {
  const hasProperties = disconnect.propertiesLength != 0;
  if (!is5(level) || (disconnect.reasonCode == NORMAL_DISCONNECTION && !hasProperties)) return 0;
  return hasProperties ? 1 + propertiesSize(disconnect.propertiesLength, level) : 1;
}
