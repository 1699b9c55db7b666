// The broker: takes what the host reports, lets the others decide, and clears up behind every call. The only file that
// knows them all. Nothing here looks further into a packet than at its first byte.

import {
  BAD_HANDLE,
  CLOSE_CONNECT_TIMEOUT,
  CLOSE_DISCONNECT,
  CLOSE_KEEP_ALIVE,
  CLOSE_LIMIT,
  CLOSE_MALFORMED,
  CLOSE_NETWORK,
  CLOSE_PACKET_SIZE,
  CLOSE_PROTOCOL,
  CLOSE_SLOW,
  EVENT_CLOSE,
  OK,
  OPTION_FAIR_SHARE,
  OPTION_INPUT_WAITING_MAX,
  OPTION_OUTPUT_BYTES_MAX,
  OPTION_PACKET_SIZE_MAX,
  OPTION_RETAINED_VISITS_MAX,
} from "../abi";
import { nowMs } from "../effect/clock";
import { nextDue } from "../effect/deadline";
import { pushEvent } from "../effect/event";
import { blockOutput, dropSends, unblockOutput } from "../effect/send";
import { WITH_5_0 } from "../features";
import { option } from "../limits";
import {
  appendInput,
  endWalk,
  FRAME_MALFORMED,
  FRAME_MORE,
  FRAME_TOO_LARGE,
  frameBody,
  frameLength,
  keepInput,
  nextPacket,
  packetAt,
  pushInput,
  resumeInput,
  streamBytes,
  unfinishedByte,
} from "../packet/framer";
import { CONNECT } from "../packet/packet-type";
import { dropIncoming, incomingBytes, incomingSize } from "../session/incoming";
import { Message } from "../session/message";
import { rewind } from "../session/outgoing";
import { Session } from "../session/session";
import { receivedAliasBytes } from "../topic/alias";
import { allowVisits } from "../topic/tree";
import { handleConnect } from "./accept";
import { closeConnection, takeClosing } from "./closing";
import {
  AUTHENTICATING,
  AWAIT_CONNECT,
  awaitsRetry,
  CLOSING,
  Connection,
  connectBytes,
  dropConnectPacket,
  EXCHANGING,
  ONLINE,
  retryStarts,
  scheduleConnection,
  silenceEnds,
  stallEnds,
} from "./connection";
import { addConnection, findConnection, removeConnection } from "./connection-table";
import { DEADLINE_CONNECTION, DEADLINE_RETAINED, DEADLINE_SESSION, DEADLINE_SUBSCRIPTION } from "./deadlines";
import { endOnline, handleSessionTime } from "./ending";
import { feedStarved, pumpConnection } from "./queueing";
import { handleExchange, handlePacket } from "./receive";
import { handleRetainedExpiry, initRetained } from "./retained";
import { initSessions } from "./session-table";
import { countPacketReceived, countReceived } from "./statistics";
import { handleLapse } from "./subscribing";
import { initSubscriptions, Subscription } from "./subscription";
import { initSys, publishSys } from "./sys";

export function initBroker(seed: u32): void {
  initSessions(seed);
  initSubscriptions();
  initRetained();
  initSys();
}

/** A Network Connection was accepted. Returns its handle, 0 when there are too many. */
export function open(): u32 {
  const connection = addConnection();
  return connection !== null ? connection.handle : 0;
}

/** `length` bytes of a connection stand in the input buffer. */
export function handleBytes(handle: u32, length: u32): u32 {
  const connection = findConnection(handle);
  if (connection === null) return BAD_HANDLE;
  if (connection.state == CLOSING) return OK;
  countReceived(length);
  connection.lastHeardMs = nowMs;
  if (connection.state == AUTHENTICATING) {
    // The host should have stopped reading; what was on its way is kept, within reason.
    appendInput(connection.stream, length);
    if (connection.stream.waitingLength > option(OPTION_PACKET_SIZE_MAX)) closeConnection(connection, CLOSE_LIMIT);
  } else if (pushInput(connection.stream, length)) walk(connection);
  if (unfinishedFull() && unfinishedBytes(connection) > option(OPTION_FAIR_SHARE)) {
    closeConnection(connection, CLOSE_LIMIT);
    // A Session that stays must not hold what its connection was closed for.
    const session = connection.session;
    if (session !== null) dropIncoming(session.incoming);
  }
  const output = connection.output;
  if (output.blocked && output.waiting > option(OPTION_OUTPUT_BYTES_MAX)) closeConnection(connection, CLOSE_SLOW);
  settle();
  return OK;
}

function unfinishedFull(): bool {
  const bytes = streamBytes + incomingBytes + receivedAliasBytes + connectBytes;
  return bytes > option(OPTION_INPUT_WAITING_MAX);
}

/** Memory that a connection holds because it has not finished what it began, or may use again. */
function unfinishedBytes(connection: Connection): u32 {
  const session = connection.session;
  const aliases = connection.receivedAliases;
  let bytes = connection.stream.waitingCapacity + connection.connectPacketLength + connection.methodLength;
  if (aliases !== null) bytes += aliases.bytes;
  return bytes + (session !== null ? incomingSize(session.incoming) : 0);
}

/** The network ended a connection, without being asked to. */
export function handleClosed(handle: u32): u32 {
  const connection = findConnection(handle);
  if (connection === null) return BAD_HANDLE;
  connection.closedByHost = true;
  closeConnection(connection, CLOSE_NETWORK);
  settle();
  return OK;
}

/** What the client sent while the host was asked is handled now. */
export function goOn(connection: Connection): void {
  if (connection.state == ONLINE || connection.state == CLOSING) dropConnectPacket(connection);
  resumeInput(connection.stream);
  walk(connection);
  settle();
}

/** The last `unsent` bytes handed out for a connection found no room. */
export function handleBlocked(handle: u32, unsent: u32): u32 {
  const connection = findConnection(handle);
  if (connection === null) return BAD_HANDLE;
  blockOutput(connection.output, unsent);
  connection.blockedSinceMs = nowMs;
  if (connection.state == ONLINE) scheduleConnection(connection);
  return OK;
}

/** There is room again. */
export function handleWritable(handle: u32): u32 {
  const connection = findConnection(handle);
  if (connection === null) return BAD_HANDLE;
  unblockOutput(connection.output);
  if (connection.state == ONLINE) scheduleConnection(connection);
  return OK;
}

/** The host has sent what it was handed. */
export function handleSent(): void {
  dropSends();
  feedStarved();
}

/** Acts on every deadline that is due. */
export function handleDeadlines(): void {
  let deadline = nextDue();
  while (deadline !== null) {
    handleDeadline(deadline.kind, deadline.owner);
    deadline = nextDue();
  }
  settle();
}

function handleDeadline(kind: u32, owner: usize): void {
  if (kind == DEADLINE_CONNECTION) handleDue(changetype<Connection>(owner));
  else if (kind == DEADLINE_SESSION) handleSessionTime(changetype<Session>(owner));
  else if (kind == DEADLINE_RETAINED) handleRetainedExpiry(changetype<Message>(owner));
  else if (kind == DEADLINE_SUBSCRIPTION) handleLapse(changetype<Subscription>(owner));
  else publishSys();
}

function handleDue(connection: Connection): void {
  if (connection.state < ONLINE) {
    closeConnection(connection, CLOSE_CONNECT_TIMEOUT);
    return;
  }
  if (connection.silenceMaxMs > 0 && silenceEnds(connection) <= nowMs) closeConnection(connection, CLOSE_KEEP_ALIVE);
  else if (connection.output.blocked && stallEnds(connection) <= nowMs) closeConnection(connection, CLOSE_SLOW);
  else {
    if (awaitsRetry(connection) && retryStarts(connection) <= nowMs) {
      connection.retryFromMs = 0;
      rewind(connection.session!.outgoing);
      pumpConnection(connection);
    }
    scheduleConnection(connection);
  }
}

/** Handles the whole packets of a connection's input, until it has no more or must not go on. */
function walk(connection: Connection): void {
  allowVisits(option(OPTION_RETAINED_VISITS_MAX));
  while (connection.state < CLOSING) {
    if (connection.state == AUTHENTICATING) break;
    const found = nextPacket(option(OPTION_PACKET_SIZE_MAX));
    if (found == FRAME_MORE) {
      refuseForeign(connection);
      break;
    }
    if (found == FRAME_TOO_LARGE) closeConnection(connection, CLOSE_PACKET_SIZE);
    else if (found == FRAME_MALFORMED) closeConnection(connection, CLOSE_MALFORMED);
    else {
      countPacketReceived();
      if (connection.state == AWAIT_CONNECT) handleFirst(connection);
      else if (WITH_5_0 && connection.state == EXCHANGING) handleExchange(connection, packetAt, frameLength, frameBody);
      else handlePacket(connection, packetAt, frameLength, frameBody);
    }
  }
  if (connection.state == CLOSING) endWalk();
  else keepInput(connection.stream);
}

/** What has begun otherwise than with CONNECT, an HTTP request say, is not waited for any longer. */
function refuseForeign(connection: Connection): void {
  if (connection.state == AWAIT_CONNECT && unfinishedByte(CONNECT << 4) >> 4 != CONNECT) {
    closeConnection(connection, CLOSE_PROTOCOL);
  }
}

/** The first packet is CONNECT, or there is no second [MQTT-3.1.0-1]. */
function handleFirst(connection: Connection): void {
  const firstByte = <u32>load<u8>(packetAt);
  if (firstByte >> 4 != CONNECT) closeConnection(connection, CLOSE_PROTOCOL);
  else handleConnect(connection, firstByte & 15, frameBody, frameLength - <u32>(frameBody - packetAt));
}

/** Clears up behind the connections that ended in this call. A Will may end others: they line up behind. */
export function settle(): void {
  let connection = takeClosing();
  while (connection !== null) {
    endOnline(connection, connection.reason);
    if (connection.closedByHost) removeConnection(connection);
    else {
      // Its last bytes still go out; dropParted() is the end of it.
      const sentCode = connection.reason != CLOSE_DISCONNECT ? connection.endCode : 0;
      pushEvent(EVENT_CLOSE, connection.handle, connection.reason, sentCode);
      connection.nextClosing = firstParted;
      firstParted = connection;
    }
    connection = takeClosing();
  }
}

/** Connections whose EVENT_CLOSE the host has not had yet. */
let firstParted: Connection | null = null;

/** The host has had all EVENT_CLOSE: their handles end. */
export function dropParted(): void {
  let connection = firstParted;
  while (connection !== null) {
    const next = connection.nextClosing;
    removeConnection(connection);
    connection = next;
  }
  firstParted = null;
}
