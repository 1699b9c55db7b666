// CONNECT: which version, which Client Identifier, may it connect, which Session does it get. What is to be refused is decided
// here, with the Reason Codes of 5.0; connack.ts says it in the form of the version that asked.

import {
  AUTHENTICATE_PASSWORD,
  AUTHENTICATE_USER_NAME,
  AUTHENTICATE_WITH_METHOD,
  AUTHENTICATE_WITH_PASSWORD,
  CLOSE_MALFORMED,
  CLOSE_REFUSED,
  CLOSE_TAKEN_OVER,
  EVENT_AUTHENTICATE,
  EVENT_CONNECTED,
  EVENT_REFUSED,
  FEATURE_RETAIN,
  OPTION_AUTHENTICATE,
  OPTION_FAIR_SHARE,
  OPTION_FEATURES,
  OPTION_KEEP_ALIVE_MAX_SEC,
  OPTION_PAYLOAD_CHECK,
  OPTION_QOS_MAX,
  OPTION_REDIRECT,
  OPTION_SESSION_EXPIRY_MAX_SEC,
} from "../abi";
import { heapFull } from "../bytes/heap";
import { utf8Valid } from "../bytes/utf8";
import { nowMs } from "../effect/clock";
import { clearDeadline } from "../effect/deadline";
import { pushEvent } from "../effect/event";
import { WITH_5_0 } from "../features";
import { option, WILL_PROPERTIES_MAX } from "../limits";
import { closeReasonOf } from "../packet/close-reason";
import { connect, decodeConnect } from "../packet/connect";
import { is5, LEVEL_3_1, LEVEL_3_1_1, LEVEL_5_0 } from "../packet/packet-type";
import {
  AUTHENTICATION_METHOD,
  hasProperty,
  hasWillProperty,
  itemLength,
  MAXIMUM_PACKET_SIZE,
  PAYLOAD_FORMAT_INDICATOR,
  propertyLength,
  propertyValue,
  RECEIVE_MAXIMUM,
  REQUEST_PROBLEM_INFORMATION,
  SESSION_EXPIRY_INTERVAL,
  TOPIC_ALIAS_MAXIMUM,
  WILL_DELAY_INTERVAL,
  willPropertyValue,
} from "../packet/property";
import {
  BAD_AUTHENTICATION_METHOD,
  CLIENT_IDENTIFIER_NOT_VALID,
  PACKET_TOO_LARGE,
  PAYLOAD_FORMAT_INVALID,
  QOS_NOT_SUPPORTED,
  QUOTA_EXCEEDED,
  RETAIN_NOT_SUPPORTED,
  SUCCESS,
  TOPIC_NAME_INVALID,
  UNSUPPORTED_PROTOCOL_VERSION,
} from "../packet/reason-code";
import { createMessage } from "../session/message";
import { rewind } from "../session/outgoing";
import { allowAliases } from "../session/recipient";
import { EXPIRY_NEVER, Session } from "../session/session";
import { isReserved, topicTooLong } from "../topic/limits";
import { askMethod } from "./authenticate";
import { closeConnection } from "./closing";
import { dropPrepared, prepareAccept, sendAccept, sendRefusal, terms } from "./connack";
import { AUTHENTICATING, Connection, keepConnectPacket, ONLINE, scheduleConnection } from "./connection";
import { cancelWill, discardSession, endOnline } from "./ending";
import { eventWanted } from "./listening";
import { withoutProperty } from "./properties";
import { pumpConnection, storeFull } from "./queueing";
import { ASSIGNED_ID_LENGTH, addSession, assignClientId, findSession } from "./session-table";
import { countOnline } from "./statistics";

/** Longest Client Identifier in 3.1, section 3.1. */
const CLIENT_ID_MAX_3_1: u32 = 23;

const assignedId: usize = memory.data(ASSIGNED_ID_LENGTH);

/** A CONNECT arrived on a connection that has had none. */
export function handleConnect(connection: Connection, flags: u32, body: usize, length: u32): void {
  const reason = decodeConnect(flags, body, length);
  if (reason == UNSUPPORTED_PROTOCOL_VERSION) refuseVersion(connection);
  else if (reason != SUCCESS) refuseMalformed(connection, reason);
  else {
    takeLimits(connection);
    if (connect.willFlag && topicTooLong(connect.willTopic, connect.willTopicLength)) {
      refuseMalformed(connection, TOPIC_NAME_INVALID);
      return;
    }
    const code = refusal();
    if (code != SUCCESS) refuse(connection, code);
    else if (is5(connect.level) && hasProperty(AUTHENTICATION_METHOD)) {
      keepConnectPacket(connection, body, length);
      askMethod(connection);
    } else if ((option(OPTION_AUTHENTICATE) & AUTHENTICATE_WITH_PASSWORD) != 0) {
      keepConnectPacket(connection, body, length);
      ask(connection);
    } else accept(connection, 0, 0);
  }
}

/** The host's last answer about a CONNECT. `data`: Authentication Data to accept with. */
export function acceptKept(connection: Connection, data: usize, dataLength: u32): void {
  // The packet was valid when it came; decoding it again spares a second form to keep it in.
  decodeConnect(0, connection.connectPacket, connection.connectPacketLength);
  accept(connection, data, dataLength);
}

/** As acceptKept(), but no. `reference`: a property Server Reference, or 0. */
export function refuseKept(connection: Connection, reasonCode: u32, reference: usize, referenceLength: u32): void {
  decodeConnect(0, connection.connectPacket, connection.connectPacketLength);
  refuse(connection, reasonCode, reference, referenceLength);
}

/** A version we do not speak: answered in the form of that version if we know it. */
function refuseVersion(connection: Connection): void {
  // Not even MQTT's name: nothing that would understand an answer [MQTT-3.1.2-1].
  if (!connect.nameKnown) {
    closeConnection(connection, CLOSE_MALFORMED);
    return;
  }
  connection.level = <u8>(connect.level == LEVEL_5_0 ? LEVEL_5_0 : LEVEL_3_1_1);
  refuse(connection, UNSUPPORTED_PROTOCOL_VERSION);
}

/** Before 5.0 without CONNACK [v3.1.1 MQTT-3.1.4-1]; from then on it can say why [MQTT-3.1.4-1] [MQTT-4.13.2-1]. */
function refuseMalformed(connection: Connection, reasonCode: u32): void {
  if (is5(connect.level)) {
    connection.level = <u8>connect.level;
    sendRefusal(connection, reasonCode);
  }
  closeConnection(connection, closeReasonOf(reasonCode));
}

/** What the client takes and wants, out of the CONNECT decoded last. */
function takeLimits(connection: Connection): void {
  connection.level = <u8>connect.level;
  connection.isBridge = connect.isBridge;
  if (!is5(connect.level)) return;
  if (hasProperty(RECEIVE_MAXIMUM)) connection.receiveMaximum = <u16>propertyValue(RECEIVE_MAXIMUM);
  if (hasProperty(MAXIMUM_PACKET_SIZE))
    connection.packetSizeMax = min(connection.packetSizeMax, propertyValue(MAXIMUM_PACKET_SIZE));
  connection.problemInformation =
    !hasProperty(REQUEST_PROBLEM_INFORMATION) || propertyValue(REQUEST_PROBLEM_INFORMATION) == 1;
  allowAliases(connection, propertyValue(TOPIC_ALIAS_MAXIMUM));
}

/** What is wrong with a CONNECT that is no fault of its form; SUCCESS if nothing is. */
function refusal(): u32 {
  if (option(OPTION_REDIRECT) != 0) return option(OPTION_REDIRECT);
  if (connect.level == LEVEL_3_1) {
    if (connect.clientIdLength == 0 || connect.clientIdLength > CLIENT_ID_MAX_3_1) return CLIENT_IDENTIFIER_NOT_VALID;
  } else if (connect.level == LEVEL_3_1_1 && connect.clientIdLength == 0 && !connect.cleanStart) {
    return CLIENT_IDENTIFIER_NOT_VALID; // [v3.1.1 MQTT-3.1.3-8]
  }
  // A 3.x client cannot be told a shorter one; mosquitto refuses it with the same code.
  if (!is5(connect.level) && keepAliveTooLong()) return CLIENT_IDENTIFIER_NOT_VALID;
  const code = connect.willFlag ? willRefusal() : SUCCESS;
  if (code != SUCCESS || !is5(connect.level)) return code;
  const withMethod = (option(OPTION_AUTHENTICATE) & AUTHENTICATE_WITH_METHOD) != 0;
  // One without a name is one that nobody offers [MQTT-4.12.0-1].
  const offered = withMethod && propertyLength(AUTHENTICATION_METHOD) > 0;
  return hasProperty(AUTHENTICATION_METHOD) && !offered ? BAD_AUTHENTICATION_METHOD : SUCCESS;
}

function willRefusal(): u32 {
  // A Will is kept for as long as its Session and may be as large as a packet, so it is not let in when nothing else is.
  if (connect.willPropertiesLength > WILL_PROPERTIES_MAX) return QUOTA_EXCEEDED;
  const bytes = connect.willPropertiesLength + connect.willPayloadLength;
  if (heapFull() || (storeFull() && bytes > option(OPTION_FAIR_SHARE))) return QUOTA_EXCEEDED;
  if (connect.willQos > option(OPTION_QOS_MAX)) return QOS_NOT_SUPPORTED; // [MQTT-3.2.2-12]
  if (connect.willRetain && (option(OPTION_FEATURES) & FEATURE_RETAIN) == 0) return RETAIN_NOT_SUPPORTED; // [MQTT-3.2.2-13]
  if (!WITH_5_0 || option(OPTION_PAYLOAD_CHECK) == 0 || !hasWillProperty(PAYLOAD_FORMAT_INDICATOR)) return SUCCESS;
  const isText = willPropertyValue(PAYLOAD_FORMAT_INDICATOR) == 1;
  return isText && !utf8Valid(connect.willPayload, connect.willPayloadLength) ? PAYLOAD_FORMAT_INVALID : SUCCESS;
}

/** Two bytes say it. */
function keepAliveMax(): u32 {
  return min<u32>(option(OPTION_KEEP_ALIVE_MAX_SEC), 65_535);
}

function keepAliveTooLong(): bool {
  const longest = keepAliveMax();
  return longest > 0 && (connect.keepAliveSec == 0 || connect.keepAliveSec > longest);
}

function refuse(connection: Connection, code: u32, reference: usize = 0, referenceLength: u32 = 0): void {
  if (eventWanted(EVENT_REFUSED)) {
    pushEvent(EVENT_REFUSED, connection.handle, code, 0, connect.clientId, connect.clientIdLength);
  }
  sendRefusal(connection, code, reference, referenceLength);
  closeConnection(connection, CLOSE_REFUSED);
}

function ask(connection: Connection): void {
  connection.state = AUTHENTICATING;
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
function accept(connection: Connection, data: usize, dataLength: u32): void {
  terms.assigned = connect.clientIdLength == 0;
  if (terms.assigned) {
    assignClientId(assignedId);
    connect.clientId = assignedId;
    connect.clientIdLength = ASSIGNED_ID_LENGTH;
  }
  takeTerms(data, dataLength);
  // Before a Session is touched: a client that cannot be told anything has not come.
  if (!prepareAccept(connection)) {
    refuse(connection, PACKET_TOO_LARGE);
    return;
  }
  const known = takeSession();
  const session = known !== null ? known : addSession(connect.clientId, connect.clientIdLength);
  if (session === null) {
    dropPrepared();
    refuse(connection, QUOTA_EXCEEDED);
    return;
  }
  session.expirySec = terms.expirySec;
  sendAccept(connection, known !== null);
  session.connection = changetype<usize>(connection);
  connection.session = session;
  connection.state = ONLINE;
  countOnline();
  // [MQTT-3.2.2-21] [MQTT-3.2.2-22]
  connection.silenceMaxMs = (terms.keepAliveSec > 0 ? terms.keepAliveSec : connect.keepAliveSec) * 1500;
  connection.lastHeardMs = nowMs;
  // A Will for $SYS is no more published than any other message of a client there.
  if (connect.willFlag && !isReserved(connect.willTopic, connect.willTopicLength)) keepWill(connection);
  scheduleConnection(connection);
  reportConnected(connection, session);
  // All that was unacknowledged goes again, in its order, then what came meanwhile [MQTT-4.4.0-1].
  rewind(session.outgoing);
  pumpConnection(connection);
}

function reportConnected(connection: Connection, session: Session): void {
  if (!eventWanted(EVENT_CONNECTED)) return;
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

/** What the client is told beside our limits; among it how long the Session outlives the connection: as asked for, within our
 *  limit. */
function takeTerms(data: usize, dataLength: u32): void {
  let asked: u32 = connect.cleanStart ? 0 : EXPIRY_NEVER;
  if (is5(connect.level)) asked = propertyValue(SESSION_EXPIRY_INTERVAL);
  terms.expirySec = min(asked, option(OPTION_SESSION_EXPIRY_MAX_SEC));
  terms.expiryCapped = terms.expirySec != asked;
  terms.keepAliveSec = is5(connect.level) && keepAliveTooLong() ? keepAliveMax() : 0;
  terms.data = data;
  terms.dataLength = dataLength;
}

/** The Session that this CONNECT continues, or null; one that it must not continue is discarded. Whoever has it loses it. */
function takeSession(): Session | null {
  const known = findSession(connect.clientId, connect.clientIdLength);
  if (known === null) return null;
  if (known.connection != 0) {
    // The second connection wins [MQTT-3.1.4-3]; a Session that does not outlive the first ends with it.
    const ends = known.expirySec == 0;
    const old = changetype<Connection>(known.connection);
    closeConnection(old, CLOSE_TAKEN_OVER);
    endOnline(old, old.reason);
    if (ends) return null;
  }
  if (connect.cleanStart) {
    discardSession(known); // [MQTT-3.1.2-4]
    return null;
  }
  cancelWill(known);
  const deadline = known.deadline;
  if (deadline !== null) clearDeadline(deadline);
  known.endsAtMs = u64.MAX_VALUE;
  known.queueExpiresAtMs = u64.MAX_VALUE;
  return known;
}

function keepWill(connection: Connection): void {
  connection.willDelaySec = is5(connect.level) ? willPropertyValue(WILL_DELAY_INTERVAL) : 0;
  // The delay is the broker's business: what is published does not carry it.
  if (WITH_5_0 && hasWillProperty(WILL_DELAY_INTERVAL)) {
    connect.willProperties = withoutProperty(WILL_DELAY_INTERVAL, connect.willProperties, connect.willPropertiesLength);
    connect.willPropertiesLength -= itemLength;
  }
  const will = createMessage(
    (connect.willQos << 1) | u32(connect.willRetain),
    connect.willTopic,
    connect.willTopicLength,
    connect.willProperties,
    connect.willPropertiesLength,
    connect.willPayload,
    connect.willPayloadLength,
  );
  will.publisher = connection.session!.hash;
  connection.will = will;
}
