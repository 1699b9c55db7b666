// What the host asks of the broker of its own accord, or answers to a question: publish, send away, shut down; may this client
// connect. broker.ts does what the network brings about.

import {
  BAD_ARGUMENT,
  BAD_HANDLE,
  BAD_PROPERTIES,
  BAD_STATE,
  BAD_TOPIC,
  CLOSE_ADMINISTRATIVE,
  CLOSE_AUTHENTICATION,
  CLOSE_SHUT_DOWN,
  OK,
  OPTION_CONNECTIONS_MAX,
  OPTION_PACKET_SIZE_MAX,
  TOO_LARGE,
} from "../abi";
import { letGo } from "../bytes/counted";
import { allocate, release } from "../bytes/heap";
import { utf8Valid } from "../bytes/utf8";
import { writerStart } from "../bytes/writer";
import { WITH_5_0 } from "../features";
import { option, setOptionValue } from "../limits";
import { CONNACK, DISCONNECT, LEVEL_5_0 } from "../packet/packet-type";
import { SERVER_REFERENCE, writeBinaryProperty } from "../packet/property";
import { publishSizeOf } from "../packet/publish";
import { CONTINUE_AUTHENTICATION, reasonCodeValid, SUCCESS } from "../packet/reason-code";
import { createMessage, MARK_URGENT } from "../session/message";
import { topicTooLong } from "../topic/limits";
import { topicNameValid } from "../topic/name";
import { acceptKept, refuseKept } from "./accept";
import { sendAuth } from "./authenticate";
import { goOn, settle } from "./broker";
import { closeConnection } from "./closing";
import { AUTHENTICATING, Connection, ONLINE, REAUTH_HOST_ASKED } from "./connection";
import { findConnection, nextConnection } from "./connection-table";
import { deliverMessage } from "./delivery";
import { isUrgent, messagePropertiesValid } from "./properties";
import { findSession } from "./session-table";

/** Publishes a message of the host's own: `topicName`, then properties, then its payload. */
export function publishLocal(
  topicName: usize,
  topicNameLength: u32,
  propertiesLength: u32,
  payloadLength: u32,
  flags: u32,
): u32 {
  if (flags > 5) return BAD_ARGUMENT;
  if (!topicNameValid(topicName, topicNameLength) || topicTooLong(topicName, topicNameLength)) return BAD_TOPIC;
  const properties = topicName + topicNameLength;
  if (!messagePropertiesValid(properties, propertiesLength)) return BAD_PROPERTIES;
  const size = publishSizeOf(topicNameLength, payloadLength, flags >> 1, LEVEL_5_0, propertiesLength);
  if (size > option(OPTION_PACKET_SIZE_MAX)) return TOO_LARGE;
  const payload = properties + propertiesLength;
  const message = createMessage(
    flags,
    topicName,
    topicNameLength,
    properties,
    propertiesLength,
    payload,
    payloadLength,
    isUrgent(properties, propertiesLength) ? MARK_URGENT : 0,
  );
  deliverMessage(message);
  letGo(message);
  settle();
  return OK;
}

/** Ends the connection of a client, which is told the Reason Code (0x80 and up). */
export function disconnectClient(clientId: usize, length: u32, reasonCode: u32): u32 {
  if (reasonCode == SUCCESS || !answerValid(reasonCode, DISCONNECT)) return BAD_ARGUMENT;
  const session = findSession(clientId, length);
  if (session === null || session.connection == 0) return BAD_HANDLE;
  closeConnection(changetype<Connection>(session.connection), CLOSE_ADMINISTRATIVE, reasonCode);
  settle();
  return OK;
}

/** Ends all connections; no more are accepted. */
export function shutDown(reasonCode: u32): u32 {
  if (reasonCode == SUCCESS || !answerValid(reasonCode, DISCONNECT)) return BAD_ARGUMENT;
  setOptionValue(OPTION_CONNECTIONS_MAX, 0);
  let connection = nextConnection(0);
  while (connection !== null) {
    closeConnection(connection, CLOSE_SHUT_DOWN, reasonCode);
    connection = nextConnection(connection.handle);
  }
  settle();
  return OK;
}

/** The answer to EVENT_AUTHENTICATE. `reference`: a Server Reference to refuse with, of `referenceLength` bytes. */
export function handleAuthenticated(handle: u32, reasonCode: u32, reference: usize, referenceLength: u32): u32 {
  const connection = findConnection(handle);
  if (connection === null) return BAD_HANDLE;
  if (connection.state != AUTHENTICATING || connection.methodLength > 0) return BAD_STATE;
  if (!answerValid(reasonCode, CONNACK) || referenceLength > BINARY_MAX) return BAD_ARGUMENT;
  if (!utf8Valid(reference, referenceLength)) return BAD_ARGUMENT;
  if (reasonCode == SUCCESS) acceptKept(connection, 0, 0);
  else refuseWith(connection, reasonCode, reference, referenceLength);
  goOn(connection);
  return OK;
}

/** The answer to EVENT_AUTH, with Authentication Data. */
export function handleAuth(handle: u32, reasonCode: u32, data: usize, dataLength: u32): u32 {
  const connection = findConnection(handle);
  if (connection === null) return BAD_HANDLE;
  if (!WITH_5_0) return BAD_STATE;
  const online = connection.state == ONLINE && connection.reauthentication == REAUTH_HOST_ASKED;
  if (!online && (connection.state != AUTHENTICATING || connection.methodLength == 0)) return BAD_STATE;
  const more = reasonCode == CONTINUE_AUTHENTICATION;
  if (!(more || answerValid(reasonCode, online ? DISCONNECT : CONNACK)) || dataLength > BINARY_MAX) return BAD_ARGUMENT;
  if (more || (online && reasonCode == SUCCESS)) sendAuth(connection, reasonCode, data, dataLength);
  else if (online)
    closeConnection(connection, CLOSE_AUTHENTICATION, reasonCode); // [MQTT-4.12.1-2]
  else if (reasonCode == SUCCESS) acceptKept(connection, data, dataLength);
  else refuseKept(connection, reasonCode, 0, 0);
  if (online) settle();
  else goOn(connection);
  return OK;
}

/** Longest string or binary data. */
const BINARY_MAX: u32 = 65_535;

/** SUCCESS, or a refusal that such a packet may carry. */
function answerValid(reasonCode: u32, packet: u32): bool {
  return reasonCode == SUCCESS || (reasonCode >= 0x80 && reasonCode <= 0xff && reasonCodeValid(reasonCode, packet));
}

function refuseWith(connection: Connection, reasonCode: u32, reference: usize, referenceLength: u32): void {
  const size = referenceLength > 0 ? referenceLength + 3 : 0;
  const property = size > 0 ? allocate(size) : 0;
  writerStart(property, property + size);
  if (size > 0) writeBinaryProperty(SERVER_REFERENCE, reference, referenceLength);
  refuseKept(connection, reasonCode, property, size);
  if (size > 0) release(property, size);
}
