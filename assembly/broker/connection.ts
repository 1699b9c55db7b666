// One Network Connection at the broker: what is known of it, when it has to be looked at again, and how it ends. It ends in
// two steps, because the packet being handled may be its own and lists of subscribers may be on their way through it:
// closeConnection() marks it, and broker.ts clears up behind the call (Will, Session, memory).

import { OPTION_CONNECT_TIMEOUT_MS, OPTION_OUTPUT_STALL_SEC, OPTION_RETRY_SEC } from "../abi";
import { letGo } from "../bytes/counted";
import { create, destroy, release } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { clearDeadline, createDeadline, Deadline, destroyDeadline, setDeadline } from "../effect/deadline";
import { dropOutput, Output } from "../effect/send";
import { option } from "../limits";
import { dropInput, Stream } from "../packet/framer";
import { LEVEL_3_1 } from "../packet/packet-type";
import { Message } from "../session/message";
import { Session } from "../session/session";

/** Kinds of the broker's deadlines; the owner of this one is a Connection. */
const DEADLINE_CONNECTION: u32 = 1;
export const DEADLINE_SYS: u32 = 2;

// States. Only AWAIT_CONNECT takes a CONNECT, and only ONLINE anything else [MQTT-3.1.0-1] [MQTT-3.1.0-2].
export const AWAIT_CONNECT: u8 = 0;
/** The host has been asked whether the client may connect; its further input waits. */
export const AUTHENTICATING: u8 = 1;
export const ONLINE: u8 = 2;
/** Marked for the end; nothing is read or sent any more, but for what is in the output. */
export const CLOSING: u8 = 3;

@unmanaged
export class Connection {
  handle: u32;
  state: u8;
  level: u8;
  /** The host knows that it is over: no EVENT_CLOSE for it. */
  closedByHost: bool;
  /** Waits in the list of those to pump when their output has room. */
  starved: bool;
  /** CLOSE_*, once CLOSING. */
  reason: u32;
  /** One and a half times the Keep Alive, 0 without one [MQTT-3.1.2-22]. */
  silenceMaxMs: u32;
  lastHeardMs: u64;
  /** Since when its socket takes nothing; only while its output is blocked. */
  blockedSinceMs: u64;
  /** Since when no acknowledgement has moved its queue; only for 3.1, which is sent again. */
  retryFromMs: u64;
  session: Session | null;
  will: Message | null;
  /** The body of CONNECT while AUTHENTICATING. */
  connectPacket: usize;
  connectPacketLength: u32;
  output: Output;
  stream: Stream;
  deadline: Deadline;
  nextClosing: Connection | null;
  nextStarved: Connection | null;
}

/** Connections marked CLOSING that broker.ts has not cleared up yet, oldest first. */
let firstClosing: Connection | null = null;
let lastClosing: Connection | null = null;

export function createConnection(handle: u32): Connection {
  const connection = create<Connection>();
  connection.handle = handle;
  connection.output = create<Output>();
  connection.output.connection = handle;
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
  dropWill(connection);
  destroy(connection);
}

export function dropConnectPacket(connection: Connection): void {
  if (connection.connectPacketLength > 0) release(connection.connectPacket, connection.connectPacketLength);
  connection.connectPacketLength = 0;
}

function dropWill(connection: Connection): void {
  const will = connection.will;
  if (will !== null) letGo(will);
  connection.will = null;
}

/** Marks it for the end; the first reason stands. */
export function closeConnection(connection: Connection, reason: u32): void {
  if (connection.state == CLOSING) return;
  connection.state = CLOSING;
  connection.reason = reason;
  clearDeadline(connection.deadline);
  connection.nextClosing = null;
  const last = lastClosing;
  if (last === null) firstClosing = connection;
  else last.nextClosing = connection;
  lastClosing = connection;
}

/** Takes the first one off the list. */
export function takeClosing(): Connection | null {
  const connection = firstClosing;
  if (connection === null) return null;
  firstClosing = connection.nextClosing;
  if (firstClosing === null) lastClosing = null;
  return connection;
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
  if (<u32>connection.level != LEVEL_3_1 || option(OPTION_RETRY_SEC) == 0) return false;
  return session !== null && session.outgoing.inflight > 0;
}
