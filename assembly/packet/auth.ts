// AUTH (section 3.15), 5.0 alone: [ Reason Code, Property Length, properties ]. Decode on top, encode below.
// Knows the bytes; the exchange of them is connection.ts's and client.ts's.
import { writerAt, writeU8 } from "../bytes/writer";
import { packetSize, propertiesSize, startPacket } from "./fixed-header";
import { AUTH, headerFlagsValid } from "./packet-type";
import {
  AUTHENTICATION_METHOD,
  clearProperties,
  decodeProperties,
  hasProperty,
  propertiesEnd,
  propertiesLength,
  propertiesPtr,
  writeProperties,
} from "./property";
import { MALFORMED_PACKET, PROTOCOL_ERROR, reasonCodeValid, SUCCESS } from "./reason-code";

/** A decoded AUTH, or one to encode. */
@unmanaged
export class Auth {
  /** SUCCESS, CONTINUE_AUTHENTICATION or RE_AUTHENTICATE. */
  reasonCode: u32;
  /** Raw property bytes behind their length. */
  properties: usize;
  propertiesLength: u32;
}

export const auth = changetype<Auth>(memory.data(offsetof<Auth>(), 8));

/** Decodes the body of an AUTH into `auth`. */
export function decodeAuth(flags: u32, body: usize, length: u32, level: u32): u32 {
  if (!headerFlagsValid((AUTH << 4) | flags, level)) return MALFORMED_PACKET; // [MQTT-3.15.1-1]
  auth.reasonCode = SUCCESS;
  auth.properties = 0;
  auth.propertiesLength = 0;
  clearProperties(body);
  if (length == 0) return SUCCESS; // success without properties (3.15.2.1)
  auth.reasonCode = load<u8>(body);
  const code = decodeProperties(body + 1, body + length, AUTH);
  if (code != SUCCESS) return code;
  auth.properties = propertiesPtr;
  auth.propertiesLength = propertiesLength;
  if (propertiesEnd != body + length) return MALFORMED_PACKET;
  if (!reasonCodeValid(auth.reasonCode, AUTH)) return PROTOCOL_ERROR; // [MQTT-3.15.2-1]
  // 3.15.2.2.2 wants a method; 3.15.2.1 excuses success without any property from it, in its longer form too.
  const excused = auth.reasonCode == SUCCESS && auth.propertiesLength == 0;
  return excused || hasProperty(AUTHENTICATION_METHOD) ? SUCCESS : PROTOCOL_ERROR;
}

/** Bytes of the packet that encodeAuth will write at `level`. */
export function authSize(level: u32): u32 {
  return packetSize(remainingLength(level));
}

/** Writes `auth` at `at`; returns the end. Room for authSize(level) bytes is the caller's. */
export function encodeAuth(at: usize, level: u32): usize {
  const remaining = remainingLength(level);
  startPacket(at, AUTH << 4, remaining);
  if (remaining > 0) {
    writeU8(auth.reasonCode);
    writeProperties(auth.properties, auth.propertiesLength);
  }
  return writerAt();
}

function remainingLength(level: u32): u32 {
  if (auth.reasonCode == SUCCESS && auth.propertiesLength == 0) return 0;
  return 1 + propertiesSize(auth.propertiesLength, level);
}
