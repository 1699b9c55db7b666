// How a connection ends, in two steps, because the packet being handled may be its own and lists of subscribers may be on
// their way through it: closeConnection() says good-bye and marks it, and broker.ts clears up behind the call (Will, Session,
// memory).

import { CLOSE_DISCONNECT } from "../abi";
import { clearDeadline } from "../effect/deadline";
import { reserve } from "../effect/send";
import { closeReasonOf } from "../packet/close-reason";
import { disconnect, disconnectSize, encodeDisconnect } from "../packet/disconnect";
import { is5 } from "../packet/packet-type";
import {
  ADMINISTRATIVE_ACTION,
  KEEP_ALIVE_TIMEOUT,
  MALFORMED_PACKET,
  NOT_AUTHORIZED,
  PACKET_TOO_LARGE,
  PROTOCOL_ERROR,
  QUOTA_EXCEEDED,
  SERVER_SHUTTING_DOWN,
  SESSION_TAKEN_OVER,
  TOPIC_NAME_INVALID,
} from "../packet/reason-code";
import { CLOSING, Connection, ONLINE } from "./connection";
import { countPacketSent } from "./statistics";
import { explain, explanation, explanationLength, IN_WORDS, UNEXPLAINED } from "./texts";

/** Reason Code of DISCONNECT by CLOSE_*; 0 where none is sent. */
// biome-ignore format: a row per reason
const CODES: usize = memory.data<u8>([
  0,
  0, //                         CLOSE_DISCONNECT: the client said it
  0, //                         CLOSE_NETWORK
  <u8>KEEP_ALIVE_TIMEOUT,
  <u8>MALFORMED_PACKET,
  <u8>PROTOCOL_ERROR,
  <u8>SESSION_TAKEN_OVER,
  0, //                         CLOSE_REFUSED: CONNACK said it
  0, //                         CLOSE_CONNECT_TIMEOUT
  <u8>PACKET_TOO_LARGE,
  0, //                         CLOSE_SLOW: it reads nothing
  <u8>QUOTA_EXCEEDED,
  <u8>TOPIC_NAME_INVALID,
  0, //                         CLOSE_SERVER: the client's
  <u8>ADMINISTRATIVE_ACTION,
  <u8>SERVER_SHUTTING_DOWN,
  <u8>NOT_AUTHORIZED,
]);

/** Connections marked CLOSING that broker.ts has not cleared up yet, oldest first. */
let firstClosing: Connection | null = null;
let lastClosing: Connection | null = null;

/** Marks it for the end; the first reason stands. `code`: the exact Reason Code, if `reason` alone does not say it. */
export function closeConnection(connection: Connection, reason: u32, code: u32 = 0): void {
  if (connection.state == CLOSING) return;
  const endCode = code != 0 ? code : <u32>load<u8>(CODES + reason);
  if (is5(connection.level) && connection.state == ONLINE) {
    connection.endCode = <u8>endCode;
    // After the client's own DISCONNECT its code is only kept for the report.
    if (reason != CLOSE_DISCONNECT && endCode != 0) sendDisconnect(connection, endCode);
  }
  connection.state = CLOSING;
  connection.reason = <u8>reason;
  clearDeadline(connection.deadline);
  connection.nextClosing = null;
  const last = lastClosing;
  if (last === null) firstClosing = connection;
  else last.nextClosing = connection;
  lastClosing = connection;
}

/** It broke the protocol, in the way that a Reason Code says [MQTT-4.13.1-1]. */
export function failConnection(connection: Connection, reasonCode: u32): void {
  closeConnection(connection, closeReasonOf(reasonCode), reasonCode);
}

/** Takes the first one off the list. */
export function takeClosing(): Connection | null {
  const connection = firstClosing;
  if (connection === null) return null;
  firstClosing = connection.nextClosing;
  if (firstClosing === null) lastClosing = null;
  return connection;
}

/** DISCONNECT, with its reason in words where that fits [MQTT-3.14.2-3]. */
function sendDisconnect(connection: Connection, reasonCode: u32): void {
  disconnect.reasonCode = reasonCode;
  for (let brevity = IN_WORDS; brevity <= UNEXPLAINED; brevity++) {
    explain(reasonCode, 0, 0, brevity);
    disconnect.properties = explanation;
    disconnect.propertiesLength = explanationLength;
    if (disconnectSize(connection.level) <= connection.packetSizeMax) break;
  }
  encodeDisconnect(reserve(connection.output, disconnectSize(connection.level)), connection.level);
  countPacketSent();
}
