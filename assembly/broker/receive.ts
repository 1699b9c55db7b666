// What a client that is online sends, packet by packet: PUBLISH in publishing.ts, SUBSCRIBE and UNSUBSCRIBE in subscribing.ts,
// AUTH in authenticate.ts, the rest here. A packet that breaks a rule ends this one connection.

import { CLOSE_DISCONNECT, OPTION_SESSION_EXPIRY_MAX_SEC } from "../abi";
import { nowMs } from "../effect/clock";
import { reserve } from "../effect/send";
import { option } from "../limits";
import { ack, decodeAck } from "../packet/ack";
import { closeReasonOf } from "../packet/close-reason";
import { decodeDisconnect, disconnect } from "../packet/disconnect";
import {
  AUTH,
  DISCONNECT,
  headerFlagsValid,
  is5,
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
import { hasProperty, propertyValue, SERVER_REFERENCE, SESSION_EXPIRY_INTERVAL } from "../packet/property";
import { MALFORMED_PACKET, PACKET_IDENTIFIER_NOT_FOUND, PROTOCOL_ERROR, SUCCESS } from "../packet/reason-code";
import { removeIncoming } from "../session/incoming";
import { ACK_COMPLETE, ACK_RELEASE, ACK_UNKNOWN, handleAck } from "../session/outgoing";
import { acknowledge } from "./acknowledge";
import { handleAuthPacket, refuseExchange } from "./authenticate";
import { closeConnection, failConnection } from "./closing";
import { Connection } from "./connection";
import { handlePublish } from "./publishing";
import { pumpConnection } from "./queueing";
import { countPacketSent } from "./statistics";
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
  else if (type == AUTH && is5(connection.level)) reason = handleAuthPacket(connection, flags, body, length);
  // A second CONNECT [MQTT-3.1.0-2], or a packet that only a server sends.
  else reason = headerFlagsValid(firstByte, connection.level) ? PROTOCOL_ERROR : MALFORMED_PACKET;
  if (reason != SUCCESS) failConnection(connection, reason);
}

/** One whole packet of a client that is to answer our AUTH, and may say nothing else but good-bye [MQTT-3.1.2-30]. */
export function handleExchange(connection: Connection, packet: usize, packetLength: u32, body: usize): void {
  const firstByte = <u32>load<u8>(packet);
  const type = firstByte >> 4;
  const length = <u32>(packet + packetLength - body);
  let reason = PROTOCOL_ERROR;
  if (type == AUTH) reason = handleAuthPacket(connection, firstByte & 15, body, length);
  else if (type == DISCONNECT) {
    reason = decodeDisconnect(firstByte & 15, body, length, connection.level);
    if (reason == SUCCESS) closeConnection(connection, CLOSE_DISCONNECT);
  }
  if (reason != SUCCESS) refuseExchange(connection, reason, closeReasonOf(reason));
}

function handleAcknowledgement(connection: Connection, type: u32, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeAck(type, flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  const session = connection.session!;
  const packetId = ack.packetId;
  if (type == PUBREL) {
    // Acknowledged even when it is not known: our PUBCOMP was lost.
    const known = removeIncoming(session.incoming, packetId);
    acknowledge(connection, PUBCOMP, packetId, known ? SUCCESS : PACKET_IDENTIFIER_NOT_FOUND);
    return SUCCESS;
  }
  const failed = ack.reasonCode >= 0x80;
  const result = handleAck(session.outgoing, type, packetId, ack.reasonCode);
  if (type == PUBREC && !failed) {
    // Unknown, it gets the PUBREL it waits for all the same, so that its exchange ends; 5.0 is told.
    if (result == ACK_RELEASE)
      acknowledge(connection, PUBREL, packetId); // [MQTT-4.3.3-4]
    else if (result == ACK_UNKNOWN) acknowledge(connection, PUBREL, packetId, PACKET_IDENTIFIER_NOT_FOUND);
  }
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
  if (reason != SUCCESS) return reason;
  if (hasProperty(SERVER_REFERENCE)) return PROTOCOL_ERROR; // only a server refers to another
  if (hasProperty(SESSION_EXPIRY_INTERVAL)) {
    const session = connection.session!;
    const expirySec = propertyValue(SESSION_EXPIRY_INTERVAL);
    const longest = option(OPTION_SESSION_EXPIRY_MAX_SEC);
    // A Session that was to end with its connection does so (3.14.2.2.2), unless that was our doing.
    if (session.expirySec == 0 && expirySec != 0 && longest != 0) return PROTOCOL_ERROR;
    session.expirySec = min(expirySec, longest);
  }
  closeConnection(connection, CLOSE_DISCONNECT, disconnect.reasonCode);
  return SUCCESS;
}
