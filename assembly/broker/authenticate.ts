// Enhanced authentication (4.12): the client and the host's method exchange AUTH packets, before CONNACK or, to authenticate
// again, at any time on a living connection. The core passes their data on and keeps the order of things.

import { CLOSE_PACKET_SIZE, CLOSE_PROTOCOL, EVENT_AUTH, EVENT_REFUSED } from "../abi";
import { allocate, duplicate, release } from "../bytes/heap";
import { writerAt, writerStart } from "../bytes/writer";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { auth, authSize, decodeAuth, encodeAuth } from "../packet/auth";
import { connect } from "../packet/connect";
import {
  AUTHENTICATION_DATA,
  AUTHENTICATION_METHOD,
  propertyLength,
  propertyPtr,
  writeBinaryProperty,
} from "../packet/property";
import { CONTINUE_AUTHENTICATION, PROTOCOL_ERROR, RE_AUTHENTICATE, SUCCESS } from "../packet/reason-code";
import { closeConnection } from "./closing";
import { sendRefusal } from "./connack";
import {
  AUTHENTICATING,
  Connection,
  EXCHANGING,
  ONLINE,
  REAUTH_CLIENT_ASKED,
  REAUTH_HOST_ASKED,
  REAUTH_NONE,
} from "./connection";
import { eventWanted } from "./listening";
import { countPacketSent } from "./statistics";

/** The CONNECT decoded last names a method: the host's turn. */
export function askMethod(connection: Connection): void {
  connection.methodLength = propertyLength(AUTHENTICATION_METHOD);
  connection.method = duplicate(propertyPtr(AUTHENTICATION_METHOD), connection.methodLength);
  connection.state = AUTHENTICATING;
  report(connection, SUCCESS, connect.clientId, connect.clientIdLength);
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
  const session = connection.session;
  if (session !== null) report(connection, code, session.clientId, session.clientIdLength);
  else report(connection, code, 0, 0);
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
  if (size > connection.packetSizeMax) closeConnection(connection, CLOSE_PACKET_SIZE);
  else {
    encodeAuth(reserve(connection.output, size), connection.level);
    countPacketSent();
  }
  release(properties, room);
}

/** Something else than AUTH came before CONNACK, or a wrong one [MQTT-3.1.2-30]. */
export function refuseExchange(connection: Connection, reasonCode: u32): void {
  if (eventWanted(EVENT_REFUSED)) pushEvent(EVENT_REFUSED, connection.handle, reasonCode, 0);
  sendRefusal(connection, reasonCode);
  closeConnection(connection, CLOSE_PROTOCOL);
}

function report(connection: Connection, code: u32, clientId: usize, clientIdLength: u32): void {
  pushEvent(
    EVENT_AUTH,
    connection.handle,
    code,
    0,
    clientId,
    clientIdLength,
    connection.method,
    connection.methodLength,
    propertyPtr(AUTHENTICATION_DATA),
    propertyLength(AUTHENTICATION_DATA),
  );
}
