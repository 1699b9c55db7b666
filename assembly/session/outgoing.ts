// What leaves at QoS 1 and 2, from the queue to the acknowledgement: sends what the windows allow, moves exchanges on by a
// table of transitions, and sends again on a new connection. Used by the broker for each Session and by the client.

import {
  OPTION_FAIR_SHARE,
  OPTION_INFLIGHT_BYTES_MAX,
  OPTION_INFLIGHT_MAX,
  OPTION_OUTPUT_BYTES_SOFT,
  OPTION_OUTPUT_TOTAL_MAX,
} from "../abi";
import { Output, outputBytes, reserve } from "../effect/send";
import { WITH_BROKER } from "../features";
import { option } from "../limits";
import { ACK_SHORT_SIZE, encodeAckShort } from "../packet/ack";
import { PUBACK, PUBCOMP, PUBREL } from "../packet/packet-type";
import { PACKET_TOO_LARGE, QOS_NOT_SUPPORTED, RETAIN_NOT_SUPPORTED, SUCCESS } from "../packet/reason-code";
import { expired, expiresAtMs, Message } from "./message";
import { SharedGroup } from "./origin";
import {
  AWAIT_PUBACK,
  AWAIT_PUBCOMP,
  AWAIT_PUBREC,
  DONE,
  dropMessage,
  Entry,
  entryAt,
  finish,
  Outgoing,
  QUEUED,
  trim,
} from "./queue";
import { Recipient } from "./recipient";
import { sendMessage } from "./send-message";

/** No such transition: the acknowledgement belongs to nothing that is in flight. */
const NONE: u32 = 0xff;

/** Next state by state (rows) and by acknowledgement: PUBACK, PUBREC, PUBREL (never sent to a sender), PUBCOMP.
 *  A second PUBREC is answered with PUBREL again: the first one may have been lost. */
// biome-ignore format: a row per state
const NEXT: usize = memory.data<u8>([
  0xff, 0xff, 0xff, 0xff, // QUEUED
  4,    0xff, 0xff, 0xff, // AWAIT_PUBACK
  0xff, 3,    0xff, 0xff, // AWAIT_PUBREC
  0xff, 3,    0xff, 4,    // AWAIT_PUBCOMP
  0xff, 0xff, 0xff, 0xff, // DONE
]);

export const PUMP_DONE: u32 = 0;
/** The in-flight window is full: acknowledgements open it. */
export const PUMP_WINDOW: u32 = 1;
/** The output is at its soft limit: sending opens it. */
export const PUMP_OUTPUT: u32 = 2;
/** An entry could not be sent and was given up: ackedSequence and droppedCode tell which and why. Pump again. */
export const PUMP_DROPPED: u32 = 3;

/** Why the last PUMP_DROPPED: the Reason Code, or 0 when the message has expired. */
export let droppedCode: u32 = 0;
/** QoS of what it dropped. */
export let droppedQos: u32 = 0;

/** Sends entries while the windows allow it, and says what ended it. */
export function pump(outgoing: Outgoing, recipient: Recipient): u32 {
  let result = PUMP_DONE;
  while (outgoing.sent < outgoing.length) {
    const entry = entryAt(outgoing, outgoing.sent);
    if (<u32>entry.state != DONE) {
      if (outputFull(recipient.output)) result = PUMP_OUTPUT;
      else if (windowFull(outgoing, entry, recipient)) {
        sendReleases(outgoing, recipient);
        result = PUMP_WINDOW;
      } else if (!send(outgoing, entry, recipient)) {
        giveUp(outgoing, entry);
        result = PUMP_DROPPED;
      }
      if (result != PUMP_DONE) break;
    }
    outgoing.sent++;
    if (outgoing.sent > outgoing.begun) {
      outgoing.begun = outgoing.sent;
      if (WITH_BROKER && outgoing.urgent > 0) outgoing.urgent--;
    }
  }
  trim(outgoing);
  return result;
}

/** Over the soft limit of this output; or over its share, when all together are over theirs. */
export function outputFull(output: Output): bool {
  if (output.waiting >= option(OPTION_OUTPUT_BYTES_SOFT)) return true;
  return <u32>outputBytes >= option(OPTION_OUTPUT_TOTAL_MAX) && output.waiting >= option(OPTION_FAIR_SHARE);
}

/** Number of the entry that the last handleAck() finished, and the Reason Code it ended with: of PUBACK, or of PUBREC, since
 *  PUBCOMP knows nothing of the message. */
export let ackedSequence: u32 = 0;
export let ackedCode: u32 = 0;

export const ACK_UNKNOWN: u32 = 0;
/** PUBREL is due. */
export const ACK_RELEASE: u32 = 1;
/** The exchange is complete. */
export const ACK_COMPLETE: u32 = 2;

/** A PUBACK, PUBREC or PUBCOMP arrived. Nothing changes when it belongs to nothing in flight: ACK_UNKNOWN. From 0x80 on it
 *  says that the message was not taken, and ends the exchange just the same [MQTT-4.4.0-2]. */
export function handleAck(outgoing: Outgoing, type: u32, packetId: u32, reasonCode: u32): u32 {
  const head = <u32>outgoing.headPacketId;
  const offset = packetId >= head ? packetId - head : packetId + outgoing.packetIdMax - head;
  if (offset >= outgoing.length) return ACK_UNKNOWN;
  const entry = entryAt(outgoing, offset);
  let next = <u32>load<u8>(NEXT + ((<u32>entry.state) << 2) + (type - PUBACK));
  if (next == NONE) return ACK_UNKNOWN;
  if (reasonCode >= 0x80) next = DONE;
  if (offset < outgoing.sent) leaveFlight(outgoing, entry, next);
  entry.state = <u8>next;
  dropMessage(outgoing, entry);
  if (next == AWAIT_PUBCOMP) {
    entry.flags = <u8>reasonCode;
    return ACK_RELEASE;
  }
  ackedCode = type == PUBCOMP ? entry.flags : reasonCode;
  ackedSequence = outgoing.headSequence + offset;
  trim(outgoing);
  return ACK_COMPLETE;
}

/** The connection is new, or a 3.1 peer is late: all that is unacknowledged will be sent again, first and in order. */
export function rewind(outgoing: Outgoing): void {
  outgoing.sent = 0;
  outgoing.released = 0;
  outgoing.inflight = 0;
  outgoing.inflightBytes = 0;
}

/** The other end has no Session: all that was sent goes again as if it never had been. What is past PUBREC the other end has
 *  had: nextReleased() hands it out. */
export function restart(outgoing: Outgoing): void {
  rewind(outgoing);
  outgoing.begun = 0;
  for (let i: u32 = 0; i < outgoing.length; i++) {
    const entry = entryAt(outgoing, i);
    const state = <u32>entry.state;
    if (state == AWAIT_PUBACK || state == AWAIT_PUBREC) entry.state = <u8>QUEUED;
  }
}

/** Finishes one that is past PUBREC; ackedSequence is its number. False when there is none. */
export function nextReleased(outgoing: Outgoing): bool {
  for (let i: u32 = 0; i < outgoing.length; i++) {
    const entry = entryAt(outgoing, i);
    if (<u32>entry.state != AWAIT_PUBCOMP) continue;
    entry.state = <u8>DONE;
    ackedCode = entry.flags;
    ackedSequence = outgoing.headSequence + i;
    trim(outgoing);
    return true;
  }
  return false;
}

/** Gives up what has expired and was never sent. Returns when the next one will expire, never if there is none. */
export function dropExpired(outgoing: Outgoing): u64 {
  let nextMs = u64.MAX_VALUE;
  for (let i = outgoing.begun; i < outgoing.length; i++) {
    const entry = entryAt(outgoing, i);
    const message = entry.message;
    if (message === null) continue;
    if (expired(message)) finish(outgoing, entry);
    else nextMs = min(nextMs, expiresAtMs(message));
  }
  trim(outgoing);
  return nextMs;
}

/** What nextShared() found, still in its queue. */
export let sharedMessage: Message = changetype<Message>(0);
export let sharedGroup: SharedGroup = changetype<SharedGroup>(0);

/** Finds, from place `from` on, an entry that came by a Shared Subscription and that another client may have instead: one
 *  never sent, and with `unacknowledged` also one at QoS 1 that was sent; a QoS 2 exchange that has begun is not given away
 *  [MQTT-4.8.2-5]. `leaving`: only of groups that were left in this leaving, 0 for all. Returns the place behind it, 0 when there is none. */
export function nextShared(outgoing: Outgoing, from: u32, leaving: u32, unacknowledged: bool): u32 {
  for (let i = from; i < outgoing.length; i++) {
    const entry = entryAt(outgoing, i);
    const origin = entry.origin;
    const message = entry.message;
    if (origin === null || message === null) continue;
    const group = origin.group;
    if (group === null || (leaving != 0 && group.left != leaving)) continue;
    const state = <u32>entry.state;
    if (state != QUEUED && !(unacknowledged && state == AWAIT_PUBACK)) continue;
    sharedMessage = message;
    sharedGroup = group;
    return i + 1;
  }
  return 0;
}

/** Takes the entry out that nextShared() returned `place` for; the message is let go. */
export function takeShared(outgoing: Outgoing, place: u32): void {
  const entry = entryAt(outgoing, place - 1);
  if (place <= outgoing.sent) leaveFlight(outgoing, entry, DONE);
  finish(outgoing, entry);
}

export const DROPPED_NONE: u32 = 0;
/** At QoS 0: nobody waits to hear of it. */
export const DROPPED_SILENT: u32 = 1;
/** ackedSequence is its number. */
export const DROPPED: u32 = 2;

/** Gives up the oldest entry that was never sent, if there is one. */
export function dropOldest(outgoing: Outgoing): u32 {
  for (let i = outgoing.sent; i < outgoing.length; i++) {
    const entry = entryAt(outgoing, i);
    if (<u32>entry.state != QUEUED) continue;
    const dropped = entry.flags >> 1 == 0 ? DROPPED_SILENT : DROPPED;
    finish(outgoing, entry);
    ackedSequence = outgoing.headSequence + i;
    trim(outgoing);
    return dropped;
  }
  return DROPPED_NONE;
}

function windowFull(outgoing: Outgoing, entry: Entry, recipient: Recipient): bool {
  // Identifiers follow the queue's order, so those in use must not reach around to the head's.
  if (outgoing.sent >= <u32>outgoing.packetIdMax) return true;
  const message = entry.message;
  // Only PUBLISH waits for the window; a PUBREL does not [MQTT-3.3.4-10].
  if (message === null || entry.flags >> 1 == 0 || outgoing.inflight == 0) return false;
  if (outgoing.inflight >= min(option(OPTION_INFLIGHT_MAX), recipient.receiveMaximum)) return true; // [MQTT-4.9.0-2]
  return outgoing.inflightBytes + message.size > option(OPTION_INFLIGHT_BYTES_MAX);
}

/** False when it cannot be sent to this recipient at all, or not any more: droppedCode says why. */
function send(outgoing: Outgoing, entry: Entry, recipient: Recipient): bool {
  const packetId = packetIdAt(outgoing, outgoing.sent);
  const message = entry.message;
  if (message === null) {
    if (outgoing.sent >= outgoing.released) sendRelease(recipient, packetId);
    outgoing.inflight++;
    return true;
  }
  const flags = <u32>entry.flags;
  const qos = flags >> 1;
  const isNew = <u32>entry.state == QUEUED;
  droppedCode = SUCCESS;
  if (isNew && expired(message)) return false; // [MQTT-3.3.2-5], and not once it was sent [MQTT-4.3.3-7]
  if (qos > recipient.qosMax) droppedCode = QOS_NOT_SUPPORTED;
  else if ((flags & 1) != 0 && !recipient.retainAvailable) droppedCode = RETAIN_NOT_SUPPORTED;
  else if (!sendMessage(recipient, message, isNew ? flags : flags | DUP, qos == 0 ? 0 : packetId, entry.origin)) {
    droppedCode = PACKET_TOO_LARGE; // [MQTT-3.1.2-25]
  }
  if (droppedCode != SUCCESS) return false;
  if (qos == 0) finish(outgoing, entry);
  else {
    entry.state = <u8>(qos == 1 ? AWAIT_PUBACK : AWAIT_PUBREC);
    outgoing.inflight++;
    outgoing.inflightBytes += message.size;
  }
  return true;
}

/** The PUBRELs that stand behind a PUBLISH which waits for the window: they do not wait [MQTT-3.3.4-10]. */
function sendReleases(outgoing: Outgoing, recipient: Recipient): void {
  for (let i = max(outgoing.sent, outgoing.released); i < outgoing.begun; i++) {
    if (<u32>entryAt(outgoing, i).state == AWAIT_PUBCOMP) sendRelease(recipient, packetIdAt(outgoing, i));
  }
  outgoing.released = max(outgoing.released, outgoing.begun);
}

/** The peer has the message, and is told again to release it. Without DUP at 3.1 too, as mosquitto does: that version allows
 *  the flag, but MQTT.js takes such a packet for malformed. */
function sendRelease(recipient: Recipient, packetId: u32): void {
  encodeAckShort(reserve(recipient.output, ACK_SHORT_SIZE), PUBREL, packetId);
}

function packetIdAt(outgoing: Outgoing, offset: u32): u32 {
  return ((<u32>outgoing.headPacketId - 1 + offset) % outgoing.packetIdMax) + 1;
}

/** What cannot be sent is over, as if it had been [MQTT-3.1.2-25]. */
function giveUp(outgoing: Outgoing, entry: Entry): void {
  droppedQos = <u32>entry.flags >> 1;
  ackedSequence = outgoing.headSequence + outgoing.sent;
  finish(outgoing, entry);
}

/** DUP in the fixed header [MQTT-3.3.1-1]. */
const DUP: u32 = 8;

function leaveFlight(outgoing: Outgoing, entry: Entry, next: u32): void {
  const message = entry.message;
  if (message !== null) outgoing.inflightBytes -= message.size;
  if (next == DONE) outgoing.inflight--;
}
