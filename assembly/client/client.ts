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
  CLOSE_SERVER,
  EVENT_CLOSE,
  EVENT_OFFLINE,
  EVENT_OPEN,
  NO_DEADLINE,
  OK,
  OPTION_CONNECT_TIMEOUT_MS,
  OPTION_RECONNECT,
} from "../abi";
import { create } from "../bytes/heap";
import { nowMs } from "../effect/clock";
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
  Stream,
  unfinishedByte,
} from "../packet/framer";
import { AUTH, CONNACK } from "../packet/packet-type";
import { propertiesLength, propertiesPtr } from "../packet/property";
import { MALFORMED_PACKET, PACKET_TOO_LARGE, PROTOCOL_ERROR } from "../packet/reason-code";
import { nextBackoff, resetBackoff, seedBackoff } from "./backoff";
import { beginConnection, handleFirst } from "./connecting";
import { setDeadline, takeDue } from "./deadline";
import {
  disconnectCode,
  disconnectSent,
  dropDisconnect,
  keepDisconnect,
  sendFault,
  sendKeptDisconnect,
} from "./ending";
import { identityValid, initIdentity, ownPacketSizeMax } from "./identity";
import { heard, pausePing, ping, pingDue, pingFails, said } from "./keep-alive";
import {
  CONNECTING,
  connected,
  ENDING,
  IDLE,
  initLink,
  ONLINE,
  OPENING,
  on5,
  output,
  setState,
  state,
  WAITING,
} from "./link";
import { initOutbox, outgoing, pumpOutbox, resumeOutbox, retryDue } from "./outbox";
import { endReceiving, handlePacket, initReceive } from "./receive";

let stream: Stream = changetype<Stream>(0);

export function initClient(seed: u32): void {
  seedBackoff(seed);
  initLink();
  initIdentity();
  initOutbox();
  initReceive();
  stream = create<Stream>();
}

/** Begin, and keep at it. */
export function startConnecting(): u32 {
  if (state != IDLE) return BAD_STATE;
  if (!identityValid()) return BAD_ARGUMENT;
  resetBackoff();
  open();
  return OK;
}

/** Leave: what waits is sent first, then DISCONNECT with this code and these properties. */
export function startEnding(reasonCode: u32, properties: usize, length: u32): u32 {
  if (state == IDLE) return BAD_STATE;
  if (state == ENDING) return OK;
  const status = keepDisconnect(reasonCode, properties, length);
  if (status != OK) return status;
  if (state == ONLINE) {
    setState(ENDING);
    setDeadline(nowMs + option(OPTION_CONNECT_TIMEOUT_MS));
    goOn();
  } else part(CLOSE_DISCONNECT, state != WAITING);
  return OK;
}

export function handleOpened(): u32 {
  if (state != OPENING) return BAD_STATE;
  beginConnection();
  return OK;
}

/** The network ended the connection, or there never was one. */
export function handleClosed(): u32 {
  if (state == IDLE || state == WAITING) return BAD_STATE;
  part(CLOSE_NETWORK, false);
  return OK;
}

export function handleBytes(length: u32): u32 {
  if (!connected()) return BAD_STATE;
  // Behind our DISCONNECT nothing can be answered any more, so nothing is taken.
  if (disconnectSent) return OK;
  heard();
  if (pushInput(stream, length)) walk();
  goOn();
  return OK;
}

/** The host stops reading, or goes on. */
export function handlePaused(paused: bool): void {
  pausePing(paused);
  if (state == ONLINE) schedule();
}

export function handleBlocked(unsent: u32): void {
  blockOutput(output, unsent);
}

export function handleWritable(): void {
  if (!connected()) return;
  unblockOutput(output);
  goOn();
}

export function handleSent(): void {
  dropSends();
  // A last DISCONNECT that its socket did not take will not be sent any more.
  if (!connected() && output.blocked) dropOutput(output);
  said();
  goOn();
}

/** Acts on the deadline if it is due. */
export function handleDeadline(): void {
  while (takeDue()) {
    if (state == WAITING) open();
    else if (state == OPENING || state == CONNECTING) part(CLOSE_CONNECT_TIMEOUT, true);
    else if (state == ENDING) part(CLOSE_DISCONNECT, true);
    else if (pingFails() <= nowMs) part(CLOSE_KEEP_ALIVE, true);
    else {
      if (pingDue() <= nowMs) ping();
      if (retryDue() <= nowMs) resumeOutbox();
      schedule();
    }
  }
}

function open(): void {
  setState(OPENING);
  dropOutput(output);
  output.blocked = false;
  setDeadline(nowMs + option(OPTION_CONNECT_TIMEOUT_MS));
  pushEvent(EVENT_OPEN, CLIENT_CONNECTION, 0, 0);
}

function walk(): void {
  let result: u32 = 0;
  while (result == 0) {
    const found = nextPacket(ownPacketSizeMax());
    if (found == FRAME_MORE) {
      // What does not begin with CONNACK or AUTH is not waited for any longer.
      if (state == CONNECTING && !mayComeFirst(unfinishedByte(CONNACK << 4) >> 4)) result = PROTOCOL_ERROR;
      break;
    }
    if (found == FRAME_TOO_LARGE) result = PACKET_TOO_LARGE;
    else if (found == FRAME_MALFORMED) result = MALFORMED_PACKET;
    else {
      const firstByte = <u32>load<u8>(packetAt);
      const length = frameLength - <u32>(frameBody - packetAt);
      if (state == CONNECTING) result = handleFirst(firstByte, frameBody, length);
      else result = handlePacket(firstByte, frameBody, length);
    }
  }
  if (result == 0) keepInput(stream);
  else {
    if (result >= 0x80) fail(result);
    else {
      const code = result == CLOSE_SERVER ? disconnect.reasonCode : connack.reasonCode;
      part(result, true, code, propertiesPtr, propertiesLength);
    }
    endWalk();
  }
}

function mayComeFirst(type: u32): bool {
  return type == CONNACK || (on5() && type == AUTH);
}

/** The server broke a rule. From 5.0 on it is told which, once it has shown to be one of 5.0 (4.13.1). */
function fail(reasonCode: u32): void {
  if (on5() && state != CONNECTING && !output.blocked) sendFault(reasonCode);
  part(reasonCode == PACKET_TOO_LARGE ? CLOSE_PACKET_SIZE : closeReasonOf(reasonCode), true);
}

/** Sends on, and takes the next step of the end when it is time. */
function goOn(): void {
  if (!disconnectSent) pumpOutbox();
  if (state == ONLINE) schedule();
  if (state != ENDING) return;
  if (!disconnectSent && outgoing.waitingQos0 == 0) sendKeptDisconnect();
  if (disconnectSent && output.waiting == 0) part(CLOSE_DISCONNECT, true);
}

/** The connection is over. `close`: the host still has one to close. `code` and properties: what the server has said of it. */
function part(reason: u32, close: bool, code: u32 = 0, properties: usize = 0, length: u32 = 0): void {
  const ended = state == ENDING || reason == CLOSE_DISCONNECT;
  if (close) pushEvent(EVENT_CLOSE, CLIENT_CONNECTION, reason, disconnectCode);
  // Only a DISCONNECT still goes before the close, if it can.
  if (!close || !disconnectSent || output.blocked) dropOutput(output);
  dropInput(stream);
  endReceiving();
  dropDisconnect();
  setDeadline(u64.MAX_VALUE);
  let delayMs: u32 = NO_DEADLINE;
  setState(IDLE);
  if (!ended && option(OPTION_RECONNECT) != 0) {
    delayMs = nextBackoff();
    setState(WAITING);
    setDeadline(nowMs + delayMs);
  }
  const why = ended ? CLOSE_DISCONNECT : reason | (code << 8);
  pushEvent(EVENT_OFFLINE, CLIENT_CONNECTION, why, delayMs, properties, length);
}

function schedule(): void {
  setDeadline(min(min(pingDue(), pingFails()), retryDue()));
}
