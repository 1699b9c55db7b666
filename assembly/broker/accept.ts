// CONNECT: which version, which Client Identifier, may it connect, which Session does it get. Every way of refusing it is
// here, each with the answer of the version that asked.

import {
  AUTHENTICATE_PASSWORD,
  AUTHENTICATE_USER_NAME,
  CLOSE_MALFORMED,
  CLOSE_REFUSED,
  CLOSE_TAKEN_OVER,
  CLOSE_TOPIC,
  EVENT_AUTHENTICATE,
  EVENT_CONNECTED,
  EVENT_REFUSED,
  OPTION_AUTHENTICATE,
} from "../abi";
import { duplicate } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { option } from "../limits";
import { closeReasonOf } from "../packet/close-reason";
import { connack, connackSize, encodeConnack } from "../packet/connack";
import { connect, decodeConnect } from "../packet/connect";
import { LEVEL_3_1, LEVEL_3_1_1, LEVEL_5_0 } from "../packet/packet-type";
import {
  CONNECTION_ACCEPTED,
  REFUSED_IDENTIFIER,
  REFUSED_PROTOCOL_VERSION,
  REFUSED_SERVER_UNAVAILABLE,
  SUCCESS,
  UNSUPPORTED_PROTOCOL_VERSION,
} from "../packet/reason-code";
import { createMessage } from "../session/message";
import { rewind } from "../session/outgoing";
import { Session } from "../session/session";
import { isReserved, topicTooLong } from "../topic/limits";
import { AUTHENTICATING, Connection, closeConnection, ONLINE, scheduleConnection } from "./connection";
import { pumpConnection } from "./delivery";
import { discardSession, endOnline } from "./ending";
import { eventWanted } from "./listening";
import { ASSIGNED_ID_LENGTH, addSession, assignClientId, findSession } from "./session-table";
import { countOnline, countPacketSent } from "./statistics";

/** Longest Client Identifier in 3.1, section 3.1. */
const CLIENT_ID_MAX_3_1: u32 = 23;

const assignedId: usize = memory.data(ASSIGNED_ID_LENGTH);

/** A CONNECT arrived on a connection that has had none. */
export function handleConnect(connection: Connection, flags: u32, body: usize, length: u32): void {
  const reason = decodeConnect(flags, body, length);
  if (reason == UNSUPPORTED_PROTOCOL_VERSION) refuseVersion(connection);
  else if (reason != SUCCESS)
    closeConnection(connection, closeReasonOf(reason)); // without CONNACK [v3.1.1 MQTT-3.1.4-1]
  else {
    connection.level = <u8>connect.level;
    if (connect.willFlag && topicTooLong(connect.willTopic, connect.willTopicLength)) {
      closeConnection(connection, CLOSE_TOPIC);
      return;
    }
    const code = refusal();
    if (code != CONNECTION_ACCEPTED) refuse(connection, code);
    else if (option(OPTION_AUTHENTICATE) != 0) ask(connection, body, length);
    else accept(connection);
  }
}

/** The host's answer to EVENT_AUTHENTICATE. */
export function handleAnswer(connection: Connection, returnCode: u32): void {
  // The packet was valid when it came; decoding it again spares a second form to keep it in.
  decodeConnect(0, connection.connectPacket, connection.connectPacketLength);
  if (returnCode == CONNECTION_ACCEPTED) accept(connection);
  else refuse(connection, returnCode);
}

/** A version we do not speak: answered in the form of that version if we know it. */
function refuseVersion(connection: Connection): void {
  // Not even MQTT's name: nothing that would understand an answer [MQTT-3.1.2-1].
  if (!connect.nameKnown) {
    closeConnection(connection, CLOSE_MALFORMED);
    return;
  }
  connection.level = <u8>(connect.level == LEVEL_5_0 ? LEVEL_5_0 : LEVEL_3_1_1);
  refuse(connection, connect.level == LEVEL_5_0 ? UNSUPPORTED_PROTOCOL_VERSION : REFUSED_PROTOCOL_VERSION);
}

/** What is wrong with the CONNECT that can be answered with a return code; CONNECTION_ACCEPTED if nothing is. */
function refusal(): u32 {
  if (connect.level == LEVEL_5_0) return UNSUPPORTED_PROTOCOL_VERSION;
  if (connect.level == LEVEL_3_1) {
    if (connect.clientIdLength == 0 || connect.clientIdLength > CLIENT_ID_MAX_3_1) return REFUSED_IDENTIFIER;
  } else if (connect.clientIdLength == 0 && !connect.cleanStart) {
    return REFUSED_IDENTIFIER; // [v3.1.1 MQTT-3.1.3-8]
  }
  return CONNECTION_ACCEPTED;
}

function refuse(connection: Connection, code: u32): void {
  if (eventWanted(EVENT_REFUSED)) {
    pushEvent(EVENT_REFUSED, connection.handle, code, 0, connect.clientId, connect.clientIdLength);
  }
  sendConnack(connection, false, code);
  closeConnection(connection, CLOSE_REFUSED);
}

function ask(connection: Connection, body: usize, length: u32): void {
  connection.state = AUTHENTICATING;
  connection.connectPacket = duplicate(body, length);
  connection.connectPacketLength = length;
  const flags = (connect.hasUserName ? AUTHENTICATE_USER_NAME : 0) | (connect.hasPassword ? AUTHENTICATE_PASSWORD : 0);
  pushEvent(
    EVENT_AUTHENTICATE,
    connection.handle,
    0,
    flags,
    connect.clientId,
    connect.clientIdLength,
    connect.userName,
    connect.userNameLength,
    connect.password,
    connect.passwordLength,
  );
}

/** `connect` holds a CONNECT that nothing speaks against. */
function accept(connection: Connection): void {
  if (connect.clientIdLength == 0) {
    assignClientId(assignedId);
    connect.clientId = assignedId;
    connect.clientIdLength = ASSIGNED_ID_LENGTH;
  }
  const known = takeSession();
  const session = known !== null ? known : addSession(connect.clientId, connect.clientIdLength);
  if (session === null) {
    refuse(connection, REFUSED_SERVER_UNAVAILABLE);
    return;
  }
  session.level = <u8>connect.level;
  session.cleanSession = connect.cleanStart;
  session.connection = changetype<usize>(connection);
  connection.session = session;
  connection.state = ONLINE;
  countOnline();
  connection.silenceMaxMs = connect.keepAliveSec * 1500;
  connection.lastHeardMs = nowMs;
  // A Will for $SYS is no more published than any other message of a client there.
  if (connect.willFlag && !isReserved(connect.willTopic, connect.willTopicLength)) keepWill(connection);
  scheduleConnection(connection);
  // Session Present came with 3.1.1; in 3.1 the byte is reserved [MQTT-3.2.2-2].
  sendConnack(connection, known !== null && connect.level != LEVEL_3_1, CONNECTION_ACCEPTED);
  if (eventWanted(EVENT_CONNECTED)) {
    const flags = connect.level | (u32(connect.cleanStart) << 8) | (u32(connect.hasUserName) << 9);
    pushEvent(
      EVENT_CONNECTED,
      connection.handle,
      flags,
      connect.keepAliveSec,
      session.clientId,
      session.clientIdLength,
      connect.userName,
      connect.userNameLength,
    );
  }
  // All that was unacknowledged goes again, in its order, then what came meanwhile [MQTT-4.4.0-1].
  rewind(session.outgoing);
  pumpConnection(connection);
}

/** The Session that this CONNECT continues, or null; one that it must not continue is discarded. Whoever has it loses it. */
function takeSession(): Session | null {
  const known = findSession(connect.clientId, connect.clientIdLength);
  if (known === null) return null;
  if (known.connection != 0) {
    // The second connection wins [MQTT-3.1.4-3]; a clean Session ends with the first.
    const clean = known.cleanSession;
    const old = changetype<Connection>(known.connection);
    closeConnection(old, CLOSE_TAKEN_OVER);
    endOnline(old, old.reason);
    if (clean) return null;
  }
  if (!connect.cleanStart) return known;
  discardSession(known); // [MQTT-3.1.2-4]
  return null;
}

function keepWill(connection: Connection): void {
  connection.will = createMessage(
    (connect.willQos << 1) | u32(connect.willRetain),
    connect.willTopic,
    connect.willTopicLength,
    0,
    0,
    connect.willPayload,
    connect.willPayloadLength,
  );
}

function sendConnack(connection: Connection, sessionPresent: bool, code: u32): void {
  connack.sessionPresent = sessionPresent;
  connack.reasonCode = code;
  connack.properties = 0;
  connack.propertiesLength = 0;
  encodeConnack(reserve(connection.output, connackSize(connection.level)), connection.level);
  countPacketSent();
}
