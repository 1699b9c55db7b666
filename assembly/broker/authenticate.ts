// Enhanced authentication (4.12): the client and the host's method exchange AUTH packets, before CONNACK or, to authenticate
// again, at any time on a living connection. The core passes their data on and keeps the order of things.

import { CLOSE_PACKET_SIZE, CLOSE_REFUSED, EVENT_AUTH, EVENT_REFUSED } from "../abi";
import { allocate, release } from "../bytes/heap";
import { writerAt, writerStart } from "../bytes/writer";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { auth, authSize, decodeAuth, encodeAuth } from "../packet/auth";
import { connect, decodeConnect } from "../packet/connect";
import {
  AUTHENTICATION_DATA,
  AUTHENTICATION_METHOD,
  propertyLength,
  propertyPtr,
  writeBinaryProperty,
} from "../packet/property";
import {
  CONTINUE_AUTHENTICATION,
  PACKET_TOO_LARGE,
  PROTOCOL_ERROR,
  RE_AUTHENTICATE,
  SUCCESS,
} from "../packet/reason-code";
import { closeConnection } from "./closing";
import { sendRefusal } from "./connack";
import {
  AUTHENTICATING,
  Connection,
  EXCHANGING,
  keepMethod,
  ONLINE,
  REAUTH_CLIENT_ASKED,
  REAUTH_HOST_ASKED,
  REAUTH_NONE,
} from "./connection";
import { eventWanted } from "./listening";
import { countPacketSent } from "./statistics";

/** The CONNECT decoded last names a method: the host's turn. */
export function askMethod(connection: Connection): void {
  keepMethod(connection, propertyPtr(AUTHENTICATION_METHOD), propertyLength(AUTHENTICATION_METHOD));
  connection.state = AUTHENTICATING;
  report(connection, SUCCESS);
}

/** An AUTH, before CONNACK or after it. Returns SUCCESS, or what is wrong with it. */
export function handleAuthPacket(connection: Connection, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeAuth(flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  // The method of CONNECT, and none if CONNECT had none [MQTT-4.12.0-5] [MQTT-4.12.0-7] [MQTT-4.12.1-1].
  const methodLength = propertyLength(AUTHENTICATION_METHOD);
  if (methodLength == 0 || methodLength != connection.methodLength) return PROTOCOL_ERROR;
  if (memory.compare(connection.method, propertyPtr(AUTHENTICATION_METHOD), methodLength) != 0) return PROTOCOL_ERROR;
  const code = auth.reasonCode;
  if (connection.state == EXCHANGING) {
    if (code != CONTINUE_AUTHENTICATION) return PROTOCOL_ERROR;
    connection.state = AUTHENTICATING;
  } else {
    const awaited = connection.reauthentication == REAUTH_CLIENT_ASKED ? CONTINUE_AUTHENTICATION : RE_AUTHENTICATE;
    if (connection.reauthentication == REAUTH_HOST_ASKED || code != awaited) return PROTOCOL_ERROR;
    connection.reauthentication = REAUTH_HOST_ASKED;
  }
  report(connection, code);
  return SUCCESS;
}

/** The host needs one more answer of the client, or is content with a re-authentication. */
export function sendAuth(connection: Connection, reasonCode: u32, data: usize, dataLength: u32): void {
  if (connection.state == ONLINE) {
    connection.reauthentication = reasonCode == CONTINUE_AUTHENTICATION ? REAUTH_CLIENT_ASKED : REAUTH_NONE;
  } else connection.state = EXCHANGING;
  const room = connection.methodLength + dataLength + 6;
  const properties = allocate(room);
  writerStart(properties, properties + room);
  writeBinaryProperty(AUTHENTICATION_METHOD, connection.method, connection.methodLength);
  if (dataLength > 0) writeBinaryProperty(AUTHENTICATION_DATA, data, dataLength);
  auth.reasonCode = reasonCode;
  auth.properties = properties;
  auth.propertiesLength = <u32>(writerAt() - properties);
  const size = authSize(connection.level);
  if (size > connection.packetSizeMax) {
    if (connection.state == ONLINE) closeConnection(connection, CLOSE_PACKET_SIZE);
    else refuseExchange(connection, PACKET_TOO_LARGE, CLOSE_REFUSED);
  } else {
    encodeAuth(reserve(connection.output, size), connection.level);
    countPacketSent();
  }
  release(properties, room);
}

/** An exchange before CONNACK cannot go on. `reason`: CLOSE_*. */
export function refuseExchange(connection: Connection, reasonCode: u32, reason: u32): void {
  if (eventWanted(EVENT_REFUSED)) pushEvent(EVENT_REFUSED, connection.handle, reasonCode, 0);
  sendRefusal(connection, reasonCode);
  closeConnection(connection, reason);
}

function report(connection: Connection, code: u32): void {
  const data = propertyPtr(AUTHENTICATION_DATA);
  const dataLength = propertyLength(AUTHENTICATION_DATA);
  const session = connection.session;
  // Before CONNACK there is no Session; the CONNECT that waits knows the name.
  if (session === null) decodeConnect(0, connection.connectPacket, connection.connectPacketLength);
  pushEvent(
    EVENT_AUTH,
    connection.handle,
    code,
    0,
    session !== null ? session.clientId : connect.clientId,
    session !== null ? session.clientIdLength : connect.clientIdLength,
    connection.method,
    connection.methodLength,
    data,
    dataLength,
  );
}
