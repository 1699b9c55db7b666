// What a client that is online sends, packet by packet: PUBLISH and the acknowledgements here, SUBSCRIBE and UNSUBSCRIBE in
// subscribing.ts. A packet that breaks a rule ends this one connection.

import { CLOSE_DISCONNECT, CLOSE_MALFORMED, CLOSE_PROTOCOL, EVENT_PUBLISHED } from "../abi";
import { nowMs } from "../effect/clock";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { ACK_SHORT_SIZE, ack, decodeAck, encodeAckShort } from "../packet/ack";
import { closeReasonOf } from "../packet/close-reason";
import { decodeDisconnect } from "../packet/disconnect";
import {
  DISCONNECT,
  headerFlagsValid,
  PINGREQ,
  PINGRESP,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from "../packet/packet-type";
import { encodePing, PING_SIZE } from "../packet/ping";
import { decodePublish, publish, publishSize } from "../packet/publish";
import { MALFORMED_PACKET, SUCCESS, TOPIC_NAME_INVALID } from "../packet/reason-code";
import { addIncoming, removeIncoming } from "../session/incoming";
import { ACK_COMPLETE, ACK_RELEASE, handleAck } from "../session/outgoing";
import { isReserved, topicTooLong } from "../topic/limits";
import { Connection, closeConnection } from "./connection";
import { deliver, delivery, pumpConnection } from "./delivery";
import { eventWanted } from "./listening";
import { countPacketSent, countPublishReceived } from "./statistics";
import { handleSubscribe, handleUnsubscribe } from "./subscribing";

/** One whole packet of a client that is online. `packet`: its first byte; `body`: behind the fixed header. */
export function handlePacket(connection: Connection, packet: usize, packetLength: u32, body: usize): void {
  const firstByte = <u32>load<u8>(packet);
  const type = firstByte >> 4;
  const flags = firstByte & 15;
  const length = <u32>(packet + packetLength - body);
  let reason: u32 = SUCCESS;
  if (type == PUBLISH) reason = handlePublish(connection, flags, packet, packetLength, body, length);
  else if (type >= PUBACK && type <= PUBCOMP) reason = handleAcknowledgement(connection, type, flags, body, length);
  else if (type == SUBSCRIBE) reason = handleSubscribe(connection, flags, body, length);
  else if (type == UNSUBSCRIBE) reason = handleUnsubscribe(connection, flags, body, length);
  else if (type == PINGREQ) reason = handlePing(connection, firstByte, length);
  else if (type == DISCONNECT) reason = handleDisconnect(connection, flags, body, length);
  // A second CONNECT [MQTT-3.1.0-2], or a packet that only a server sends.
  else closeConnection(connection, headerFlagsValid(firstByte, connection.level) ? CLOSE_PROTOCOL : CLOSE_MALFORMED);
  if (reason != SUCCESS) closeConnection(connection, closeReasonOf(reason));
}

function handlePublish(
  connection: Connection,
  flags: u32,
  packet: usize,
  packetLength: u32,
  body: usize,
  length: u32,
): u32 {
  const reason = decodePublish(flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  if (topicTooLong(publish.topicName, publish.topicNameLength)) return TOPIC_NAME_INVALID;
  countPublishReceived();
  const session = connection.session!;
  const qos = publish.qos;
  const packetId = publish.packetId;
  if (qos == 2 && !addIncoming(session.incoming, packetId)) {
    // This message was handed on before; only the acknowledgement was lost [MQTT-4.3.3-10].
    acknowledge(connection, PUBREC, packetId);
    return SUCCESS;
  }
  if (eventWanted(EVENT_PUBLISHED)) reportPublish(connection, flags);
  // Nothing for $SYS, though it is acknowledged like any other: 3.x knows no other answer.
  if (!isReserved(publish.topicName, publish.topicNameLength)) pass(connection, flags, packet, packetLength);
  if (qos == 1) acknowledge(connection, PUBACK, packetId);
  else if (qos == 2) acknowledge(connection, PUBREC, packetId);
  return SUCCESS;
}

/** Hands the message on to its subscribers. */
function pass(connection: Connection, flags: u32, packet: usize, packetLength: u32): void {
  delivery.flags = flags & 7;
  delivery.topicName = publish.topicName;
  delivery.topicNameLength = publish.topicNameLength;
  delivery.properties = publish.properties;
  delivery.propertiesLength = publish.propertiesLength;
  delivery.payload = publish.payload;
  delivery.payloadLength = publish.payloadLength;
  // As it came is as it goes, if nothing in its first byte and length would be written differently.
  const verbatim = flags == 0 && packetLength == publishSize(connection.level);
  delivery.packet = verbatim ? packet : 0;
  delivery.packetLength = packetLength;
  deliver();
}

function handleAcknowledgement(connection: Connection, type: u32, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeAck(type, flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  const session = connection.session!;
  if (type == PUBREL) {
    // Acknowledged even when it is not known: our PUBCOMP was lost.
    removeIncoming(session.incoming, ack.packetId);
    acknowledge(connection, PUBCOMP, ack.packetId);
    return SUCCESS;
  }
  const result = handleAck(session.outgoing, type, ack.packetId);
  // 3.x has no way to say "unknown": the peer gets the PUBREL it waits for, so that its exchange ends.
  if (result == ACK_RELEASE || type == PUBREC) acknowledge(connection, PUBREL, ack.packetId);
  if (result == ACK_COMPLETE) {
    connection.retryFromMs = session.outgoing.inflight > 0 ? nowMs : 0;
    pumpConnection(connection);
  }
  return SUCCESS;
}

function handlePing(connection: Connection, firstByte: u32, length: u32): u32 {
  if (length != 0 || !headerFlagsValid(firstByte, connection.level)) return MALFORMED_PACKET;
  encodePing(reserve(connection.output, PING_SIZE), PINGRESP); // [MQTT-3.12.4-1]
  countPacketSent();
  return SUCCESS;
}

function handleDisconnect(connection: Connection, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeDisconnect(flags, body, length, connection.level);
  if (reason == SUCCESS) closeConnection(connection, CLOSE_DISCONNECT);
  return reason;
}

function acknowledge(connection: Connection, type: u32, packetId: u32): void {
  encodeAckShort(reserve(connection.output, ACK_SHORT_SIZE), type, packetId);
  countPacketSent();
}

function reportPublish(connection: Connection, flags: u32): void {
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
