// One client: opens, keeps and reopens its Network Connection, and says CONNECT, PINGREQ and DISCONNECT on it. What is
// published, subscribed and received is the business of the files beside it. The host opens sockets when EVENT_OPEN says so.

import {
  BAD_ARGUMENT,
  BAD_STATE,
  CLIENT_CONNECTION,
  CLOSE_CONNECT_TIMEOUT,
  CLOSE_DISCONNECT,
  CLOSE_KEEP_ALIVE,
  CLOSE_MALFORMED,
  CLOSE_NETWORK,
  CLOSE_PACKET_SIZE,
  CLOSE_PROTOCOL,
  CLOSE_REFUSED,
  EVENT_CLOSE,
  EVENT_OFFLINE,
  EVENT_ONLINE,
  EVENT_OPEN,
  NO_DEADLINE,
  OK,
  OPTION_CLEAN_SESSION,
  OPTION_CONNECT_TIMEOUT_MS,
  OPTION_KEEP_ALIVE_SEC,
  OPTION_PACKET_SIZE_MAX,
  OPTION_PROTOCOL_LEVEL,
  OPTION_RECONNECT,
  OPTION_RETRY_SEC,
} from "../abi";
import { nowMs } from "../effect/clock";
import { clearDeadline, createDeadline, Deadline, nextDue, setDeadline } from "../effect/deadline";
import { pushEvent } from "../effect/event";
import { blockOutput, dropOutput, dropSends, reserve, unblockOutput } from "../effect/send";
import { option } from "../limits";
import { connack, decodeConnack } from "../packet/connack";
import { disconnect, disconnectSize, encodeDisconnect } from "../packet/disconnect";
import {
  dropInput,
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
  unfinishedByte,
} from "../packet/framer";
import { CONNACK, LEVEL_3_1, PINGREQ } from "../packet/packet-type";
import { encodePing, PING_SIZE } from "../packet/ping";
import { CONNECTION_ACCEPTED, SUCCESS } from "../packet/reason-code";
import { nextBackoff, resetBackoff, seedBackoff } from "./backoff";
import { identityValid, initIdentity, sendConnect } from "./identity";
import { CONNECTING, ENDING, IDLE, initLink, link, ONLINE, OPENING, WAITING } from "./link";
import { initOutbox, outgoing, pumpOutbox, resumeOutbox } from "./outbox";
import { forgetIncoming, handlePacket, initReceive } from "./receive";
import { resumeRequests } from "./requests";

/** PINGRESP may take half of the Keep Alive, and this long at least. */
const PING_WAIT_MIN_MS: u64 = 2_000;

const DEADLINE_CLIENT: u32 = 1;
let deadline: Deadline = changetype<Deadline>(0);
/** DISCONNECT is in the output: nothing may follow it [MQTT-3.14.4-2]. */
let disconnectSent: bool = false;
/** Return code of the CONNACK that refused us. */
let refusedCode: u32 = 0;

export function initClient(seed: u32): void {
  seedBackoff(seed);
  initLink();
  initIdentity();
  initOutbox();
  initReceive();
  deadline = createDeadline(DEADLINE_CLIENT, 0);
}

/** Begin, and keep at it. */
export function startConnecting(): u32 {
  if (link.state != IDLE) return BAD_STATE;
  if (!identityValid()) return BAD_ARGUMENT;
  resetBackoff();
  open();
  return OK;
}

/** Leave: what waits is sent first, then DISCONNECT. */
export function startEnding(): u32 {
  if (link.state == IDLE) return BAD_STATE;
  if (link.state == ONLINE) {
    link.state = ENDING;
    setDeadline(deadline, nowMs + option(OPTION_CONNECT_TIMEOUT_MS));
    goOn();
  } else if (link.state != ENDING) part(CLOSE_DISCONNECT, link.state != WAITING);
  return OK;
}

export function handleOpened(): u32 {
  if (link.state != OPENING) return BAD_STATE;
  link.state = CONNECTING;
  link.level = option(OPTION_PROTOCOL_LEVEL);
  link.lastHeardMs = nowMs;
  link.pingSentMs = 0;
  sendConnect();
  return OK;
}

/** The network ended the connection, or there never was one. */
export function handleClosed(): u32 {
  if (link.state == IDLE || link.state == WAITING) return BAD_STATE;
  part(CLOSE_NETWORK, false);
  return OK;
}

export function handleBytes(length: u32): u32 {
  if (link.state != CONNECTING && link.state != ONLINE && link.state != ENDING) return BAD_STATE;
  // Behind our DISCONNECT nothing can be answered any more, so nothing is taken.
  if (disconnectSent) return OK;
  link.lastHeardMs = nowMs;
  if (pushInput(link.stream, length)) walk();
  goOn();
  return OK;
}

/** The host stops reading, or goes on: an answer that waits in its socket gets the time it would have had. */
export function handlePaused(paused: bool): void {
  link.paused = paused;
  if (link.pingSentMs > 0) link.pingSentMs = nowMs;
  if (link.state == ONLINE) schedule();
}

export function handleBlocked(unsent: u32): void {
  blockOutput(link.output, unsent);
}

export function handleWritable(): void {
  unblockOutput(link.output);
  goOn();
}

export function handleSent(): void {
  dropSends();
  link.lastSentMs = nowMs;
  goOn();
}

/** Acts on the deadline if it is due. */
export function handleDeadline(): void {
  while (nextDue() !== null) {
    if (link.state == WAITING) open();
    else if (link.state == OPENING || link.state == CONNECTING) part(CLOSE_CONNECT_TIMEOUT, true);
    else if (link.state == ENDING) part(CLOSE_DISCONNECT, true);
    else if (pingFailed()) part(CLOSE_KEEP_ALIVE, true);
    else {
      if (pingDue() <= nowMs) ping();
      if (retryDue() <= nowMs) resumeOutbox();
      schedule();
    }
  }
}

function open(): void {
  link.state = OPENING;
  setDeadline(deadline, nowMs + option(OPTION_CONNECT_TIMEOUT_MS));
  pushEvent(EVENT_OPEN, CLIENT_CONNECTION, 0, 0);
}

function walk(): void {
  let reason: u32 = 0;
  while (reason == 0) {
    const found = nextPacket(option(OPTION_PACKET_SIZE_MAX));
    if (found == FRAME_MORE) {
      // What does not begin with CONNACK is not waited for any longer.
      if (link.state == CONNECTING && unfinishedByte(CONNACK << 4) >> 4 != CONNACK) reason = CLOSE_PROTOCOL;
      break;
    }
    if (found == FRAME_TOO_LARGE) reason = CLOSE_PACKET_SIZE;
    else if (found == FRAME_MALFORMED) reason = CLOSE_MALFORMED;
    else {
      const firstByte = <u32>load<u8>(packetAt);
      const length = frameLength - <u32>(frameBody - packetAt);
      if (link.state == CONNECTING) reason = handleFirst(firstByte, frameBody, length);
      else reason = handlePacket(firstByte, frameBody, length);
    }
  }
  if (reason == 0) keepInput(link.stream);
  else {
    endWalk();
    part(reason, true);
  }
}

/** The first packet is CONNACK [MQTT-3.2.0-1]. */
function handleFirst(firstByte: u32, body: usize, length: u32): u32 {
  if (firstByte >> 4 != CONNACK) return CLOSE_PROTOCOL;
  if (decodeConnack(firstByte & 15, body, length, link.level) != SUCCESS) return CLOSE_MALFORMED;
  if (connack.reasonCode != CONNECTION_ACCEPTED) {
    refusedCode = connack.reasonCode;
    return CLOSE_REFUSED;
  }
  link.state = ONLINE;
  resetBackoff();
  // 3.1 does not say. There what is subscribed twice is only replaced, and a Session that was to be kept is taken for kept,
  // since to forget what has arrived could deliver it twice.
  const sessionPresent = connack.sessionPresent;
  const mayBePresent = link.level == LEVEL_3_1 && option(OPTION_CLEAN_SESSION) == 0;
  if (!sessionPresent && !mayBePresent) forgetIncoming();
  pushEvent(EVENT_ONLINE, CLIENT_CONNECTION, u32(sessionPresent), 0);
  resumeRequests(sessionPresent);
  resumeOutbox();
  schedule();
  return 0;
}

/** Sends on, and takes the next step of the end when it is time. */
function goOn(): void {
  if (!disconnectSent) pumpOutbox();
  if (link.state == ONLINE) schedule();
  if (link.state != ENDING) return;
  if (!disconnectSent && outgoing.waitingQos0 == 0) {
    disconnectSent = true;
    disconnect.reasonCode = SUCCESS;
    disconnect.properties = 0;
    disconnect.propertiesLength = 0;
    encodeDisconnect(reserve(link.output, disconnectSize(link.level)), link.level);
  }
  if (disconnectSent && link.output.waiting == 0) part(CLOSE_DISCONNECT, true);
}

/** The connection is over. `close`: the host still has one to close. */
function part(reason: u32, close: bool): void {
  const ended = link.state == ENDING || reason == CLOSE_DISCONNECT;
  if (close) pushEvent(EVENT_CLOSE, CLIENT_CONNECTION, reason, 0);
  dropOutput(link.output);
  link.output.blocked = false;
  dropInput(link.stream);
  disconnectSent = false;
  clearDeadline(deadline);
  let delayMs: u32 = NO_DEADLINE;
  link.state = IDLE;
  if (!ended && option(OPTION_RECONNECT) != 0) {
    delayMs = nextBackoff();
    link.state = WAITING;
    setDeadline(deadline, nowMs + delayMs);
  }
  const code = reason == CLOSE_REFUSED ? reason | (refusedCode << 8) : reason;
  pushEvent(EVENT_OFFLINE, CLIENT_CONNECTION, ended ? CLOSE_DISCONNECT : code, delayMs);
}

function schedule(): void {
  const atMs = min(min(pingDue(), pingFails()), retryDue());
  if (atMs == u64.MAX_VALUE) clearDeadline(deadline);
  else setDeadline(deadline, atMs);
}

/** A Keep Alive after the last packet sent [MQTT-3.1.2-20], or received: sending alone would not notice a dead server. */
function pingDue(): u64 {
  const keepAliveMs = <u64>option(OPTION_KEEP_ALIVE_SEC) * 1000;
  if (keepAliveMs == 0) return u64.MAX_VALUE;
  // One that is unanswered is not asked for again, but the Keep Alive is kept while it is waited for.
  if (link.pingSentMs > 0) return link.lastSentMs + keepAliveMs;
  return min(link.lastSentMs, link.lastHeardMs) + keepAliveMs;
}

function pingFails(): u64 {
  if (link.pingSentMs == 0 || link.paused) return u64.MAX_VALUE;
  return link.pingSentMs + max(<u64>option(OPTION_KEEP_ALIVE_SEC) * 500, PING_WAIT_MIN_MS);
}

/** Only PINGRESP answers: a server that sends all else is not one to trust [MQTT-3.12.4-1]. */
function pingFailed(): bool {
  return pingFails() <= nowMs;
}

function ping(): void {
  encodePing(reserve(link.output, PING_SIZE), PINGREQ);
  if (link.pingSentMs == 0) link.pingSentMs = nowMs;
  link.lastSentMs = nowMs;
}

/** Only to a 3.1 server (3.1 section 4.2). */
function retryDue(): u64 {
  if (link.level != LEVEL_3_1 || link.retryFromMs == 0 || option(OPTION_RETRY_SEC) == 0) return u64.MAX_VALUE;
  return link.retryFromMs + <u64>option(OPTION_RETRY_SEC) * 1000;
}
