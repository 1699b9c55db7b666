// One Network Connection at the broker: what is known of it and when it has to be looked at again. How it ends: closing.ts.

import { OPTION_CONNECT_TIMEOUT_MS, OPTION_OUTPUT_STALL_SEC, OPTION_RETRY_SEC } from "../abi";
import { letGo } from "../bytes/counted";
import { create, destroy, duplicate, release } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { clearDeadline, createDeadline, Deadline, destroyDeadline, setDeadline } from "../effect/deadline";
import { dropOutput, Output } from "../effect/send";
import { option } from "../limits";
import { dropInput, Stream } from "../packet/framer";
import { LEVEL_3_1 } from "../packet/packet-type";
import { Message } from "../session/message";
import { dropAliases, Recipient, resetRecipient } from "../session/recipient";
import { Session } from "../session/session";
import { destroyReceivedAliases, ReceivedAliases } from "../topic/alias";
import { DEADLINE_CONNECTION } from "./deadlines";

// States. Only AWAIT_CONNECT takes a CONNECT, and only ONLINE anything else but AUTH [MQTT-3.1.0-1] [MQTT-3.1.0-2].
export const AWAIT_CONNECT: u8 = 0;
/** The host has been asked whether the client may connect; its further input waits. */
export const AUTHENTICATING: u8 = 1;
/** The client was sent AUTH and is to answer with AUTH, CONNACK not being sent yet. */
export const EXCHANGING: u8 = 2;
export const ONLINE: u8 = 3;
/** Marked for the end; nothing is read or sent any more, but for what is in the output. */
export const CLOSING: u8 = 4;

// Re-authentication of a connection that is ONLINE.
export const REAUTH_NONE: u8 = 0;
export const REAUTH_HOST_ASKED: u8 = 1;
export const REAUTH_CLIENT_ASKED: u8 = 2;

@unmanaged
export class Connection extends Recipient {
  handle: u32;
  state: u8;
  /** REAUTH_*. */
  reauthentication: u8;
  /** The host knows that it is over: no EVENT_CLOSE for it. */
  closedByHost: bool;
  /** Waits in the list of those to pump when their output has room. */
  starved: bool;
  /** A mosquitto bridge: its Subscriptions leave out what comes from it, and keep RETAIN. */
  isBridge: bool;
  /** It wants Reason Strings in every packet that may have one [MQTT-3.1.2-29]. */
  problemInformation: bool;
  /** Reason Code of the DISCONNECT that was sent or received, once CLOSING; 0 without one. */
  endCode: u8;
  /** CLOSE_*, once CLOSING. */
  reason: u8;
  /** One and a half times the Keep Alive, 0 without one [MQTT-3.1.2-22]. */
  silenceMaxMs: u32;
  lastHeardMs: u64;
  /** Since when its socket takes nothing; only while its output is blocked. */
  blockedSinceMs: u64;
  /** Since when no acknowledgement has moved its queue; only for 3.1, which is sent again. */
  retryFromMs: u64;
  session: Session | null;
  will: Message | null;
  willDelaySec: u32;
  /** The body of CONNECT until it is accepted or refused, when the host was asked. */
  connectPacket: usize;
  connectPacketLength: u32;
  /** Authentication Method of CONNECT, for the whole connection [MQTT-4.12.0-5]. */
  method: usize;
  methodLength: u32;
  receivedAliases: ReceivedAliases | null;
  stream: Stream;
  deadline: Deadline;
  nextClosing: Connection | null;
}

export function createConnection(handle: u32): Connection {
  const connection = create<Connection>();
  connection.handle = handle;
  connection.output = create<Output>();
  connection.output.connection = handle;
  resetRecipient(connection, 0);
  connection.stream = create<Stream>();
  connection.deadline = createDeadline(DEADLINE_CONNECTION, changetype<usize>(connection));
  setDeadline(connection.deadline, nowMs + option(OPTION_CONNECT_TIMEOUT_MS));
  return connection;
}

/** Releases it; its handle, Session and lists must not point to it any more. */
export function destroyConnection(connection: Connection): void {
  destroyDeadline(connection.deadline);
  dropOutput(connection.output);
  destroy(connection.output);
  dropInput(connection.stream);
  destroy(connection.stream);
  dropConnectPacket(connection);
  dropAliases(connection);
  const received = connection.receivedAliases;
  if (received !== null) destroyReceivedAliases(received);
  if (connection.methodLength > 0) release(connection.method, connection.methodLength);
  connectBytes -= connection.methodLength;
  const will = connection.will;
  if (will !== null) letGo(will);
  destroy(connection);
}

/** Bytes kept of CONNECT packets: of those that wait for an answer of the host, and of Authentication Methods. */
export let connectBytes: u32 = 0;

/** Keeps the body of CONNECT until the host has answered. */
export function keepConnectPacket(connection: Connection, body: usize, length: u32): void {
  connection.connectPacket = duplicate(body, length);
  connection.connectPacketLength = length;
  connectBytes += length;
}

/** Keeps the Authentication Method of CONNECT. */
export function keepMethod(connection: Connection, method: usize, length: u32): void {
  connection.method = duplicate(method, length);
  connection.methodLength = length;
  connectBytes += length;
}

export function dropConnectPacket(connection: Connection): void {
  if (connection.connectPacketLength > 0) release(connection.connectPacket, connection.connectPacketLength);
  connectBytes -= connection.connectPacketLength;
  connection.connectPacketLength = 0;
}

/** When this connection must be looked at next: silence, a full socket, or a retry, whichever comes first. */
export function scheduleConnection(connection: Connection): void {
  let atMs = u64.MAX_VALUE;
  if (connection.silenceMaxMs > 0) atMs = silenceEnds(connection);
  if (connection.output.blocked) atMs = min(atMs, stallEnds(connection));
  if (awaitsRetry(connection)) atMs = min(atMs, retryStarts(connection));
  if (atMs == u64.MAX_VALUE) clearDeadline(connection.deadline);
  else setDeadline(connection.deadline, atMs);
}

export function silenceEnds(connection: Connection): u64 {
  return connection.lastHeardMs + connection.silenceMaxMs;
}

export function stallEnds(connection: Connection): u64 {
  return connection.blockedSinceMs + <u64>option(OPTION_OUTPUT_STALL_SEC) * 1000;
}

export function retryStarts(connection: Connection): u64 {
  return connection.retryFromMs + <u64>option(OPTION_RETRY_SEC) * 1000;
}

/** Only 3.1 sends again on a living connection (3.1 section 4.2); 3.1.1 and 5.0 forbid it [MQTT-4.4.0-1]. */
export function awaitsRetry(connection: Connection): bool {
  const session = connection.session;
  if (connection.level != LEVEL_3_1 || option(OPTION_RETRY_SEC) == 0) return false;
  return session !== null && session.outgoing.inflight > 0;
}
