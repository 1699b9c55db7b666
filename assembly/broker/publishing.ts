// PUBLISH of a client: is it one we take, who is it from the topic's view, and what is its publisher told.

import {
  EVENT_PUBLISHED,
  FEATURE_RETAIN,
  OPTION_FEATURES,
  OPTION_PAYLOAD_CHECK,
  OPTION_PAYLOAD_SIZE_MAX,
  OPTION_QOS_MAX,
  OPTION_RECEIVE_MAX,
  OPTION_TOPIC_ALIAS_MAX,
} from "../abi";
import { utf8Valid } from "../bytes/utf8";
import { pushEvent } from "../effect/event";
import { WITH_5_0 } from "../features";
import { option } from "../limits";
import { is5, PUBACK, PUBREC } from "../packet/packet-type";
import {
  hasProperty,
  itemLength,
  PAYLOAD_FORMAT_INDICATOR,
  propertyValue,
  SUBSCRIPTION_IDENTIFIER,
  TOPIC_ALIAS,
} from "../packet/property";
import { decodePublish, publish, publishSize } from "../packet/publish";
import {
  IMPLEMENTATION_SPECIFIC_ERROR,
  NOT_AUTHORIZED,
  PACKET_IDENTIFIER_IN_USE,
  PAYLOAD_FORMAT_INVALID,
  PROTOCOL_ERROR,
  QOS_NOT_SUPPORTED,
  RECEIVE_MAXIMUM_EXCEEDED,
  RETAIN_NOT_SUPPORTED,
  SUCCESS,
  TOPIC_ALIAS_INVALID,
  TOPIC_NAME_INVALID,
} from "../packet/reason-code";
import { addIncoming, hasIncoming, removeIncoming } from "../session/incoming";
import { Session } from "../session/session";
import { createReceivedAliases, receivedName, receivedNameLength, setReceivedAlias } from "../topic/alias";
import { isReserved, topicTooLong } from "../topic/limits";
import { acknowledge } from "./acknowledge";
import { Connection } from "./connection";
import { deliver, delivery, deliveryCode } from "./delivery";
import { eventWanted } from "./listening";
import { withoutProperty } from "./properties";
import { countPublishReceived } from "./statistics";

/** Returns SUCCESS, or the Reason Code for which the connection is to be closed. */
export function handlePublish(
  connection: Connection,
  flags: u32,
  packet: usize,
  packetLength: u32,
  body: usize,
  length: u32,
): u32 {
  let reason = decodePublish(flags, body, length, connection.level);
  // As it came is as it goes, if nothing in its first byte and length would be written differently.
  const verbatim = reason == SUCCESS && flags == 0 && packetLength == publishSize(connection.level);
  if (reason == SUCCESS) reason = offerFault();
  if (WITH_5_0 && reason == SUCCESS && publish.topicAlias != 0) reason = resolveAlias(connection);
  if (reason != SUCCESS) return reason;
  countPublishReceived();
  const fault = contentFault();
  if (publish.qos == 0) {
    if (fault != SUCCESS) return fault;
    pass(connection, flags, verbatim && publish.topicAlias == 0, packet, packetLength);
    return SUCCESS;
  }
  const session = connection.session!;
  return publish.qos == 1
    ? handleQos1(connection, session, flags, fault)
    : handleQos2(connection, session, flags, fault);
}

function handleQos1(connection: Connection, session: Session, flags: u32, fault: u32): u32 {
  let code = fault;
  if (code == SUCCESS && is5(connection.level) && hasIncoming(session.incoming, publish.packetId)) {
    code = PACKET_IDENTIFIER_IN_USE;
  }
  if (code != SUCCESS && !is5(connection.level)) return code;
  const packetId = publish.packetId;
  if (code == SUCCESS) code = pass(connection, flags, false, 0, 0);
  acknowledge(connection, PUBACK, packetId, code);
  return SUCCESS;
}

function handleQos2(connection: Connection, session: Session, flags: u32, fault: u32): u32 {
  if (fault != SUCCESS && !is5(connection.level)) return fault;
  const incoming = session.incoming;
  const packetId = publish.packetId;
  if (hasIncoming(incoming, packetId)) {
    // This message was handed on before; only the acknowledgement was lost [MQTT-4.3.3-10].
    acknowledge(connection, PUBREC, packetId);
    return SUCCESS;
  }
  if (is5(connection.level) && incoming.count >= max<u32>(option(OPTION_RECEIVE_MAX), 1))
    return RECEIVE_MAXIMUM_EXCEEDED;
  let code = fault;
  if (code == SUCCESS) {
    addIncoming(incoming, packetId);
    code = pass(connection, flags, false, 0, 0);
    // Refused, the exchange is over and the identifier free [MQTT-4.3.3-9].
    if (is5(connection.level) && code >= 0x80) removeIncoming(incoming, packetId);
  }
  acknowledge(connection, PUBREC, packetId, code);
  return SUCCESS;
}

/** What of it we have not offered; the client has been told. */
function offerFault(): u32 {
  if (publish.qos > option(OPTION_QOS_MAX)) return QOS_NOT_SUPPORTED; // [MQTT-3.2.2-11]
  if (publish.retain && (option(OPTION_FEATURES) & FEATURE_RETAIN) == 0) return RETAIN_NOT_SUPPORTED; // [MQTT-3.2.2-14]
  // Only a server sends one [MQTT-3.3.4-6].
  return publish.propertiesLength > 0 && hasProperty(SUBSCRIPTION_IDENTIFIER) ? PROTOCOL_ERROR : SUCCESS;
}

/** What is wrong with the message itself: 5.0 is told in the acknowledgement. */
function contentFault(): u32 {
  if (topicTooLong(publish.topicName, publish.topicNameLength)) return TOPIC_NAME_INVALID;
  if (publish.propertiesLength == 0 || option(OPTION_PAYLOAD_CHECK) == 0) return SUCCESS;
  const isText = propertyValue(PAYLOAD_FORMAT_INDICATOR) == 1;
  return isText && !utf8Valid(publish.payload, publish.payloadLength) ? PAYLOAD_FORMAT_INVALID : SUCCESS;
}

/** The largest number that a Topic Alias can be. */
const TOPIC_ALIAS_LAST: u32 = 65_535;

/** Sets the Topic Name of an alias, or finds it; the property goes no further. */
function resolveAlias(connection: Connection): u32 {
  const alias = publish.topicAlias;
  let table = connection.receivedAliases;
  if (table === null) {
    table = createReceivedAliases(min<u32>(option(OPTION_TOPIC_ALIAS_MAX), TOPIC_ALIAS_LAST));
    connection.receivedAliases = table;
  }
  if (alias > table.maximum) return TOPIC_ALIAS_INVALID; // [MQTT-3.3.2-9]
  if (publish.topicNameLength > 0) setReceivedAlias(table, alias, publish.topicName, publish.topicNameLength);
  else {
    publish.topicName = receivedName(table, alias);
    publish.topicNameLength = receivedNameLength;
    if (publish.topicName == 0) return PROTOCOL_ERROR; // 3.3.4
  }
  publish.properties = withoutProperty(TOPIC_ALIAS, publish.properties, publish.propertiesLength);
  publish.propertiesLength -= itemLength;
  return SUCCESS;
}

/** Hands the message on to its subscribers; returns the Reason Code for its publisher. `verbatim`: `packet` is what those at
 *  its own version get at QoS 0. */
function pass(connection: Connection, flags: u32, verbatim: bool, packet: usize, packetLength: u32): u32 {
  if (eventWanted(EVENT_PUBLISHED)) report(connection, flags);
  // $SYS is ours. 3.x knows no other answer than success.
  if (isReserved(publish.topicName, publish.topicNameLength)) return NOT_AUTHORIZED;
  if (publish.payloadLength > option(OPTION_PAYLOAD_SIZE_MAX)) return IMPLEMENTATION_SPECIFIC_ERROR;
  delivery.flags = flags & 7;
  delivery.topicName = publish.topicName;
  delivery.topicNameLength = publish.topicNameLength;
  delivery.properties = publish.properties;
  delivery.propertiesLength = publish.propertiesLength;
  delivery.payload = publish.payload;
  delivery.payloadLength = publish.payloadLength;
  delivery.publisher = changetype<usize>(connection.session);
  delivery.packet = verbatim && !is5(connection.level) ? packet : 0;
  delivery.packetLength = packetLength;
  delivery.packet5 = verbatim && is5(connection.level) ? packet : 0;
  delivery.packet5Length = packetLength;
  deliver();
  return deliveryCode();
}

function report(connection: Connection, flags: u32): void {
  const session = connection.session!;
  pushEvent(
    EVENT_PUBLISHED,
    connection.handle,
    flags,
    publish.payloadLength,
    session.clientId,
    session.clientIdLength,
    publish.topicName,
    publish.topicNameLength,
  );
}
