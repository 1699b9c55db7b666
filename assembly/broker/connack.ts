// CONNACK: the answer to CONNECT, in the form of the version that asked. To 5.0 it says what the broker does and does not do,
// as far as it differs from what the standard assumes.

import {
  FEATURE_RETAIN,
  FEATURE_SHARED,
  FEATURE_SUBSCRIPTION_IDENTIFIER,
  FEATURE_WILDCARD,
  OPTION_FEATURES,
  OPTION_PACKET_SIZE_MAX,
  OPTION_QOS_MAX,
  OPTION_RECEIVE_MAX,
  OPTION_TOPIC_ALIAS_MAX,
} from "../abi";
import { allocate, release } from "../bytes/heap";
import { writeRaw, writerAt, writerStart, writeU8, writeU16 } from "../bytes/writer";
import { reserve } from "../effect/send";
import { option } from "../limits";
import { connack, connackSize, encodeConnack } from "../packet/connack";
import { connect } from "../packet/connect";
import { is5 } from "../packet/packet-type";
import {
  ASSIGNED_CLIENT_IDENTIFIER,
  AUTHENTICATION_DATA,
  AUTHENTICATION_METHOD,
  MAXIMUM_PACKET_SIZE,
  MAXIMUM_QOS,
  propertyValue,
  RECEIVE_MAXIMUM,
  REQUEST_RESPONSE_INFORMATION,
  RESPONSE_INFORMATION,
  RETAIN_AVAILABLE,
  SERVER_KEEP_ALIVE,
  SESSION_EXPIRY_INTERVAL,
  SHARED_SUBSCRIPTION_AVAILABLE,
  SUBSCRIPTION_IDENTIFIER_AVAILABLE,
  TOPIC_ALIAS_MAXIMUM,
  WILDCARD_SUBSCRIPTION_AVAILABLE,
  writeBinaryProperty,
  writeNumberProperty,
} from "../packet/property";
import {
  BAD_USER_NAME_OR_PASSWORD,
  BANNED,
  CLIENT_IDENTIFIER_NOT_VALID,
  CONNECTION_ACCEPTED,
  NOT_AUTHORIZED,
  REFUSED_CREDENTIALS,
  REFUSED_IDENTIFIER,
  REFUSED_NOT_AUTHORISED,
  REFUSED_PROTOCOL_VERSION,
  REFUSED_SERVER_UNAVAILABLE,
  SUCCESS,
  UNSUPPORTED_PROTOCOL_VERSION,
} from "../packet/reason-code";
import { hasWildcard } from "../topic/filter";
import { topicLevels } from "../topic/name";
import { Connection } from "./connection";
import { countPacketSent } from "./statistics";
import {
  explain,
  explanation,
  explanationLength,
  IN_WORDS,
  responsePrefix,
  responsePrefixLength,
  UNEXPLAINED,
} from "./texts";

/** What an accepting CONNACK tells besides options: each where it is not what the client asked for. */
@unmanaged
export class Terms {
  /** The Client Identifier was assigned. */
  assigned: bool;
  /** The Session Expiry Interval, and whether it is shorter than asked for. */
  expirySec: u32;
  expiryCapped: bool;
  /** Server Keep Alive, 0 for none. */
  keepAliveSec: u32;
  /** Authentication Data, the last word of an exchange. */
  data: usize;
  dataLength: u32;
}

export const terms = changetype<Terms>(memory.data(offsetof<Terms>(), 8));

/** Room for all properties that have a fixed size. */
const FIXED_SIZE: u32 = 64;

// The properties of an accepting CONNACK between prepareAccept() and sendAccept().
let prepared: usize = 0;
let preparedRoom: u32 = 0;

/** Makes ready what sendAccept() will say, out of `terms` and `connect`, which are those of this connection. False: it cannot be
 *  said in a packet of the size that the client takes, and nothing is prepared. */
export function prepareAccept(connection: Connection): bool {
  connack.propertiesLength = 0;
  if (!is5(connection.level)) return true;
  const prefixLength = wantsResponse() ? responsePrefixLength() : 0;
  preparedRoom = FIXED_SIZE + 2 * connect.clientIdLength + prefixLength + connection.methodLength + terms.dataLength;
  prepared = allocate(preparedRoom);
  writeAccept(connection, prefixLength);
  // Without Response Information, should that be what is too much.
  if (tooLarge(connection) && prefixLength > 0) writeAccept(connection, 0);
  if (!tooLarge(connection)) return true;
  dropPrepared();
  return false;
}

export function sendAccept(connection: Connection, sessionPresent: bool): void {
  connack.sessionPresent = sessionPresent; // [MQTT-3.2.2-2]
  connack.reasonCode = CONNECTION_ACCEPTED;
  send(connection);
  dropPrepared();
}

/** Nothing is said after all. */
export function dropPrepared(): void {
  if (prepared != 0) release(prepared, preparedRoom);
  prepared = 0;
}

function writeAccept(connection: Connection, prefixLength: u32): void {
  writerStart(prepared, prepared + preparedRoom);
  if (terms.expiryCapped) writeNumberProperty(SESSION_EXPIRY_INTERVAL, terms.expirySec);
  if (terms.assigned) writeBinaryProperty(ASSIGNED_CLIENT_IDENTIFIER, connect.clientId, connect.clientIdLength);
  if (terms.keepAliveSec > 0) writeNumberProperty(SERVER_KEEP_ALIVE, terms.keepAliveSec);
  if (connection.methodLength > 0)
    writeBinaryProperty(AUTHENTICATION_METHOD, connection.method, connection.methodLength);
  if (terms.dataLength > 0) writeBinaryProperty(AUTHENTICATION_DATA, terms.data, terms.dataLength);
  if (prefixLength > 0) {
    writeU8(RESPONSE_INFORMATION);
    writeU16(prefixLength + connect.clientIdLength);
    writeRaw(responsePrefix(), prefixLength);
    writeRaw(connect.clientId, connect.clientIdLength);
  }
  writeLimits();
  connack.properties = prepared;
  connack.propertiesLength = <u32>(writerAt() - prepared);
}

/** Refuses, with the reason in words as far as the client takes it. `reference`: a property Server Reference instead of the
 *  one that is set, or 0. */
export function sendRefusal(
  connection: Connection,
  reasonCode: u32,
  reference: usize = 0,
  referenceLength: u32 = 0,
): void {
  connack.sessionPresent = false; // [MQTT-3.2.2-6]
  connack.propertiesLength = 0;
  if (!is5(connection.level)) {
    connack.reasonCode = returnCodeOf(reasonCode);
    send(connection);
    return;
  }
  connack.reasonCode = reasonCode;
  for (let brevity = IN_WORDS; brevity <= UNEXPLAINED; brevity++) {
    explain(reasonCode, reference, referenceLength, brevity);
    connack.properties = explanation;
    connack.propertiesLength = explanationLength;
    if (send(connection)) return; // [MQTT-3.2.2-19]
  }
}

/** The return code of 3.1.1 that is nearest to a Reason Code. */
function returnCodeOf(reasonCode: u32): u32 {
  if (reasonCode == SUCCESS) return CONNECTION_ACCEPTED;
  if (reasonCode == UNSUPPORTED_PROTOCOL_VERSION) return REFUSED_PROTOCOL_VERSION;
  if (reasonCode == CLIENT_IDENTIFIER_NOT_VALID) return REFUSED_IDENTIFIER;
  if (reasonCode == BAD_USER_NAME_OR_PASSWORD) return REFUSED_CREDENTIALS;
  return reasonCode == NOT_AUTHORIZED || reasonCode == BANNED ? REFUSED_NOT_AUTHORISED : REFUSED_SERVER_UNAVAILABLE;
}

function tooLarge(connection: Connection): bool {
  return connackSize(connection.level) > connection.packetSizeMax;
}

function send(connection: Connection): bool {
  if (tooLarge(connection)) return false;
  encodeConnack(reserve(connection.output, connackSize(connection.level)), connection.level);
  countPacketSent();
  return true;
}

/** [MQTT-3.1.2-28]; and not when the Client Identifier would make it something else than one level of a Topic Name. */
function wantsResponse(): bool {
  if (propertyValue(REQUEST_RESPONSE_INFORMATION) == 0 || responsePrefixLength() == 0) return false;
  if (responsePrefixLength() + connect.clientIdLength > 65_535) return false;
  const id = connect.clientId;
  return !hasWildcard(id, connect.clientIdLength) && topicLevels(id, connect.clientIdLength) == 1;
}

function writeLimits(): void {
  const receiveMaximum = option(OPTION_RECEIVE_MAX);
  if (receiveMaximum < 65_535) writeNumberProperty(RECEIVE_MAXIMUM, max<u32>(receiveMaximum, 1));
  const aliases = min<u32>(option(OPTION_TOPIC_ALIAS_MAX), 65_535);
  if (aliases > 0) writeNumberProperty(TOPIC_ALIAS_MAXIMUM, aliases);
  if (option(OPTION_QOS_MAX) < 2) writeNumberProperty(MAXIMUM_QOS, option(OPTION_QOS_MAX)); // [MQTT-3.2.2-9]
  writeMissing(FEATURE_RETAIN, RETAIN_AVAILABLE);
  writeNumberProperty(MAXIMUM_PACKET_SIZE, option(OPTION_PACKET_SIZE_MAX));
  writeMissing(FEATURE_WILDCARD, WILDCARD_SUBSCRIPTION_AVAILABLE);
  writeMissing(FEATURE_SUBSCRIPTION_IDENTIFIER, SUBSCRIPTION_IDENTIFIER_AVAILABLE);
  writeMissing(FEATURE_SHARED, SHARED_SUBSCRIPTION_AVAILABLE);
}

function writeMissing(feature: u32, property: u32): void {
  if ((option(OPTION_FEATURES) & feature) == 0) writeNumberProperty(property, 0);
}
