// One client: opens, keeps and reopens its Network Connection, and says CONNECT, PINGREQ and DISCONNECT on it. What is
// published, subscribed and received is the business of the files beside it. The host opens sockets when EVENT_OPEN says so.

import {
  BAD_ARGUMENT,
  BAD_STATE,
  CLIENT_CONNECTION,
  CLOSE_CONNECT_TIMEOUT,
  CLOSE_DISCONNECT,
  CLOSE_KEEP_ALIVE,
  CLOSE_NETWORK,
  CLOSE_PACKET_SIZE,
  CLOSE_REFUSED,
  EVENT_CLOSE,
  EVENT_OFFLINE,
  EVENT_OPEN,
  NO_DEADLINE,
  OK,
  OPTION_CONNECT_TIMEOUT_MS,
  OPTION_RECONNECT,
  OPTION_RETRY_SEC,
} from "../abi";
import { nowMs } from "../effect/clock";
import { clearDeadline, createDeadline, Deadline, nextDue, setDeadline } from "../effect/deadline";
import { pushEvent } from "../effect/event";
import { blockOutput, dropOutput, dropSends, unblockOutput } from "../effect/send";
import { option } from "../limits";
import { closeReasonOf } from "../packet/close-reason";
import { connack } from "../packet/connack";
import { disconnect } from "../packet/disconnect";
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
import { AUTH, CONNACK, is5, LEVEL_3_1 } from "../packet/packet-type";
import { MALFORMED_PACKET, PACKET_TOO_LARGE, PROTOCOL_ERROR } from "../packet/reason-code";
import { nextBackoff, resetBackoff, seedBackoff } from "./backoff";
import { beginConnection, handleFirst } from "./connecting";
import {
  disconnectCode,
  disconnectSent,
  dropDisconnect,
  keepDisconnect,
  sendFault,
  sendKeptDisconnect,
} from "./ending";
import { identityValid, initIdentity, ownPacketSizeMax } from "./identity";
import { ping, pingDue, pingFails } from "./keep-alive";
import { CONNECTING, ENDING, IDLE, initLink, link, ONLINE, OPENING, WAITING } from "./link";
import { initOutbox, outgoing, pumpOutbox, resumeOutbox } from "./outbox";
import { endReceiving, handlePacket, initReceive } from "./receive";

const DEADLINE_CLIENT: u32 = 1;
let deadline: Deadline = changetype<Deadline>(0);

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

/** Leave: what waits is sent first, then DISCONNECT with this code and these properties. */
export function startEnding(reasonCode: u32, properties: usize, propertiesLength: u32): u32 {
  if (link.state == IDLE) return BAD_STATE;
  if (link.state == ENDING) return OK;
  const status = keepDisconnect(reasonCode, properties, propertiesLength);
  if (status != OK) return status;
  if (link.state == ONLINE) {
    link.state = ENDING;
    setDeadline(deadline, nowMs + option(OPTION_CONNECT_TIMEOUT_MS));
    goOn();
  } else part(CLOSE_DISCONNECT, link.state != WAITING);
  return OK;
}

export function handleOpened(): u32 {
  if (link.state != OPENING) return BAD_STATE;
  beginConnection();
  return OK;
}

/** The network ended the connection, or there never was one. */
export function handleClosed(): u32 {
  if (link.state == IDLE || link.state == WAITING) return BAD_STATE;
  part(CLOSE_NETWORK, false);
  return OK;
}

export function handleBytes(length: u32): u32 {
  if (!connected()) return BAD_STATE;
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
  if (!connected()) return;
  unblockOutput(link.output);
  goOn();
}

export function handleSent(): void {
  dropSends();
  // A last DISCONNECT that its socket did not take will not be sent any more.
  if (!connected() && link.output.blocked) dropOutput(link.output);
  link.lastSentMs = nowMs;
  goOn();
}

/** Acts on the deadline if it is due. */
export function handleDeadline(): void {
  while (nextDue() !== null) {
    if (link.state == WAITING) open();
    else if (link.state == OPENING || link.state == CONNECTING) part(CLOSE_CONNECT_TIMEOUT, true);
    else if (link.state == ENDING) part(CLOSE_DISCONNECT, true);
    else if (pingFails() <= nowMs) part(CLOSE_KEEP_ALIVE, true);
    else {
      if (pingDue() <= nowMs) ping();
      if (retryDue() <= nowMs) resumeOutbox();
      schedule();
    }
  }
}

function open(): void {
  link.state = OPENING;
  dropOutput(link.output);
  link.output.blocked = false;
  setDeadline(deadline, nowMs + option(OPTION_CONNECT_TIMEOUT_MS));
  pushEvent(EVENT_OPEN, CLIENT_CONNECTION, 0, 0);
}

function connected(): bool {
  return link.state == CONNECTING || link.state == ONLINE || link.state == ENDING;
}

function walk(): void {
  let result: u32 = 0;
  while (result == 0) {
    const found = nextPacket(ownPacketSizeMax());
    if (found == FRAME_MORE) {
      // What does not begin with CONNACK or AUTH is not waited for any longer.
      if (link.state == CONNECTING && !mayComeFirst(unfinishedByte(CONNACK << 4) >> 4)) result = PROTOCOL_ERROR;
      break;
    }
    if (found == FRAME_TOO_LARGE) result = PACKET_TOO_LARGE;
    else if (found == FRAME_MALFORMED) result = MALFORMED_PACKET;
    else {
      const firstByte = <u32>load<u8>(packetAt);
      const length = frameLength - <u32>(frameBody - packetAt);
      if (link.state == CONNECTING) result = handleFirst(firstByte, frameBody, length);
      else result = handlePacket(firstByte, frameBody, length);
    }
  }
  if (result == 0) keepInput(link.stream);
  else {
    if (result >= 0x80) fail(result);
    else if (result == CLOSE_REFUSED)
      part(result, true, connack.reasonCode, connack.properties, connack.propertiesLength);
    else part(result, true, disconnect.reasonCode, disconnect.properties, disconnect.propertiesLength);
    endWalk();
  }
}

function mayComeFirst(type: u32): bool {
  return type == CONNACK || (is5(link.level) && type == AUTH);
}

/** The server broke a rule. From 5.0 on it is told which, once it has shown to be one of 5.0 (4.13.1). */
function fail(reasonCode: u32): void {
  if (is5(link.level) && link.state != CONNECTING && !link.output.blocked) sendFault(reasonCode);
  part(reasonCode == PACKET_TOO_LARGE ? CLOSE_PACKET_SIZE : closeReasonOf(reasonCode), true);
}

/** Sends on, and takes the next step of the end when it is time. */
function goOn(): void {
  if (!disconnectSent) pumpOutbox();
  if (link.state == ONLINE) schedule();
  if (link.state != ENDING) return;
  if (!disconnectSent && outgoing.waitingQos0 == 0) sendKeptDisconnect();
  if (disconnectSent && link.output.waiting == 0) part(CLOSE_DISCONNECT, true);
}

/** The connection is over. `close`: the host still has one to close. `code` and properties: what the server has said of it. */
function part(reason: u32, close: bool, code: u32 = 0, properties: usize = 0, propertiesLength: u32 = 0): void {
  const ended = link.state == ENDING || reason == CLOSE_DISCONNECT;
  if (close) pushEvent(EVENT_CLOSE, CLIENT_CONNECTION, reason, disconnectCode);
  // Only a DISCONNECT still goes before the close, if it can.
  if (!close || !disconnectSent || link.output.blocked) dropOutput(link.output);
  dropInput(link.stream);
  endReceiving();
  dropDisconnect();
  clearDeadline(deadline);
  let delayMs: u32 = NO_DEADLINE;
  link.state = IDLE;
  if (!ended && option(OPTION_RECONNECT) != 0) {
    delayMs = nextBackoff();
    link.state = WAITING;
    setDeadline(deadline, nowMs + delayMs);
  }
  const why = ended ? CLOSE_DISCONNECT : reason | (code << 8);
  pushEvent(EVENT_OFFLINE, CLIENT_CONNECTION, why, delayMs, properties, propertiesLength);
}

function schedule(): void {
  const atMs = min(min(pingDue(), pingFails()), retryDue());
  if (atMs == u64.MAX_VALUE) clearDeadline(deadline);
  else setDeadline(deadline, atMs);
}

/** Only to a 3.1 server (3.1 section 4.2). */
function retryDue(): u64 {
  if (link.level != LEVEL_3_1 || link.retryFromMs == 0 || option(OPTION_RETRY_SEC) == 0) return u64.MAX_VALUE;
  return link.retryFromMs + <u64>option(OPTION_RETRY_SEC) * 1000;
}
