// Enhanced authentication (section 4.12): AUTH in both directions, before CONNACK and again at any time after it. What the
// data means is the host's business; here is only whose turn it is. The client alone begins, by naming an Authentication
// Method in CONNECT, and it has one method for the whole connection.

import { BAD_ARGUMENT, BAD_STATE, EVENT_AUTH, OK, TOO_LARGE } from "../abi";
import { bytesEqual } from "../bytes/compare";
import { writeU8, writeVarint } from "../bytes/writer";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { auth, decodeAuth } from "../packet/auth";
import { binarySize, packetSize, propertiesSize, startPacket } from "../packet/fixed-header";
import { AUTH } from "../packet/packet-type";
import {
  AUTHENTICATION_DATA,
  AUTHENTICATION_METHOD,
  hasProperty,
  propertyLength,
  propertyPtr,
  writeBinaryProperty,
} from "../packet/property";
import { CONTINUE_AUTHENTICATION, PROTOCOL_ERROR, RE_AUTHENTICATE, SUCCESS } from "../packet/reason-code";
import { ownMethod, ownMethodLength, reasonsFault } from "./identity";
import { CONNECTING, level, ONLINE, on5, output, server, state } from "./link";

// Whose turn it is.
const NOBODY: u32 = 0;
const SERVER: u32 = 1;
const HOST: u32 = 2;

/** A two-byte length is before it. */
const DATA_MAX: u32 = 65_535;

let turn: u32 = NOBODY;

/** CONNECT is sent: the exchange has begun with it, if it names a method. */
export function beginAuthentication(): void {
  turn = on5() && ownMethod() != 0 ? SERVER : NOBODY;
}

/** auth(): says AUTH with our method and these data. */
export function sendAuth(reasonCode: u32, data: usize, length: u32): u32 {
  if ((reasonCode != CONTINUE_AUTHENTICATION && reasonCode != RE_AUTHENTICATE) || length > DATA_MAX)
    return BAD_ARGUMENT;
  if (state != CONNECTING && state != ONLINE) return BAD_STATE;
  if (!on5() || ownMethod() == 0) return BAD_STATE; // [MQTT-4.12.0-7]
  // AUTH answers AUTH [MQTT-4.12.0-3]; a re-authentication needs CONNACK, and the one before it to be over.
  if (reasonCode == CONTINUE_AUTHENTICATION ? turn != HOST : turn != NOBODY) return BAD_STATE;
  let propertiesLength = 1 + binarySize(ownMethodLength());
  if (length > 0) propertiesLength += 1 + binarySize(length);
  const remaining = 1 + propertiesSize(propertiesLength, level);
  const size = packetSize(remaining);
  if (size > server.packetSizeMax) return TOO_LARGE;
  startPacket(reserve(output, size), AUTH << 4, remaining);
  writeU8(reasonCode);
  writeVarint(propertiesLength);
  writeBinaryProperty(AUTHENTICATION_METHOD, ownMethod(), ownMethodLength()); // [MQTT-4.12.0-5] [MQTT-4.12.1-1]
  if (length > 0) writeBinaryProperty(AUTHENTICATION_DATA, data, length);
  turn = SERVER;
  return OK;
}

/** AUTH from the server. Returns SUCCESS or what is wrong with it. */
export function handleAuth(flags: u32, body: usize, length: u32): u32 {
  let fault = decodeAuth(flags, body, length, level);
  if (fault == SUCCESS) fault = reasonsFault();
  if (fault != SUCCESS) return fault;
  const isLast = auth.reasonCode == SUCCESS;
  // Only an exchange that we have begun goes on, and before CONNACK it is CONNACK that ends it.
  if (turn != SERVER || auth.reasonCode == RE_AUTHENTICATE) return PROTOCOL_ERROR;
  if (isLast && state == CONNECTING) return PROTOCOL_ERROR;
  // Success may go without any properties (3.15.2.1).
  if (auth.propertiesLength > 0 && !methodIsOurs()) return PROTOCOL_ERROR;
  report(auth.reasonCode);
  turn = isLast ? NOBODY : HOST;
  return SUCCESS;
}

/** CONNACK accepts us, and its properties are the ones decoded last. Returns SUCCESS or what is wrong with it. */
export function endAuthentication(): u32 {
  turn = NOBODY;
  if (!methodIsOurs()) return PROTOCOL_ERROR;
  if (ownMethod() != 0) report(SUCCESS);
  return SUCCESS;
}

/** The packet decoded last names the method that we named, or none if we named none [MQTT-4.12.0-5] [MQTT-4.12.0-6]. */
function methodIsOurs(): bool {
  if (ownMethod() == 0) return !hasProperty(AUTHENTICATION_METHOD);
  const length = ownMethodLength();
  if (!hasProperty(AUTHENTICATION_METHOD) || propertyLength(AUTHENTICATION_METHOD) != length) return false;
  return bytesEqual(propertyPtr(AUTHENTICATION_METHOD), ownMethod(), length);
}

function report(reasonCode: u32): void {
  pushEvent(
    EVENT_AUTH,
    0,
    reasonCode,
    0,
    0,
    0,
    ownMethod(),
    ownMethodLength(),
    propertyPtr(AUTHENTICATION_DATA),
    propertyLength(AUTHENTICATION_DATA),
  );
}
