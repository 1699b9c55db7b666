// What leaves at QoS 1 and 2: one queue in the order of publishing, for the broker's Sessions and the client's outbox.
// Its front part has been sent and waits for acknowledgements, the rest waits to be sent. Packet Identifiers are not
// stored: the entry at the head has headPacketId and the others count on from there, so an acknowledgement finds its entry
// by subtraction, resending keeps the order [MQTT-4.6.0-1], and an entry costs 8 bytes.
//
//     head                        sent                     length
//      | AWAIT_PUBACK | DONE | ... | QUEUED | QUEUED | ... |        ring of `capacity` entries
//
// An entry that is finished behind an unfinished one keeps its place, without its message, until the head gets there.

import {
  OPTION_FAIR_SHARE,
  OPTION_INFLIGHT_BYTES_MAX,
  OPTION_INFLIGHT_MAX,
  OPTION_OUTPUT_BYTES_SOFT,
  OPTION_OUTPUT_TOTAL_MAX,
} from "../abi";
import { hold, letGo } from "../bytes/counted";
import { allocate, release } from "../bytes/heap";
import { Output, outputBytes, reserve } from "../effect/send";
import { option } from "../limits";
import { encodeAckShort } from "../packet/ack";
import { LEVEL_3_1, PUBACK, PUBREL } from "../packet/packet-type";
import { Message } from "./message";
import { sendMessage } from "./send-message";

// States of an entry.
const QUEUED: u32 = 0;
const AWAIT_PUBACK: u32 = 1;
const AWAIT_PUBREC: u32 = 2;
const AWAIT_PUBCOMP: u32 = 3;
const DONE: u32 = 4;
/** No such transition: the acknowledgement belongs to nothing that is in flight. */
const NONE: u32 = 0xff;

/** Next state by state (rows) and by acknowledgement: PUBACK, PUBREC, PUBREL (never sent to a sender), PUBCOMP.
 *  A second PUBREC is answered with PUBREL again: the first one may have been lost. */
const NEXT: usize = memory.data<u8>([
  0xff,
  0xff,
  0xff,
  0xff, // QUEUED
  4,
  0xff,
  0xff,
  0xff, //    AWAIT_PUBACK
  0xff,
  3,
  0xff,
  0xff, //    AWAIT_PUBREC
  0xff,
  3,
  0xff,
  4, //       AWAIT_PUBCOMP
  0xff,
  0xff,
  0xff,
  0xff, // DONE
]);

@unmanaged
class Entry {
  message: Message | null;
  state: u8;
  /** QoS and RETAIN of this delivery, as in the fixed header. */
  flags: u8;
}

@unmanaged
export class Outgoing {
  entries: usize;
  capacity: u32;
  headIndex: u32;
  length: u32;
  /** Entries from the head on that have been sent on this connection. */
  sent: u32;
  /** Of those, not acknowledged: their count and their messages' bytes. */
  inflight: u32;
  inflightBytes: u32;
  /** Bytes of all messages here and of all entries, finished ones too while they keep their place. */
  bytes: u32;
  /** QoS 0 entries not sent yet: while there are some, later QoS 0 messages line up behind them. */
  waitingQos0: u32;
  /** Entries that have left at the head since the start: numbers an entry for its life. */
  headSequence: u32;
  headPacketId: u16;
  /** Packet Identifiers run from 1 to this one. */
  packetIdMax: u16;
}

const CAPACITY_MIN: u32 = 8;

export function initOutgoing(outgoing: Outgoing, packetIdMax: u32): void {
  outgoing.headPacketId = 1;
  outgoing.packetIdMax = <u16>packetIdMax;
}

/** Bytes by which a queue grows with this message: the message and its entry. */
export function entryCost(message: Message): u32 {
  return message.size + offsetof<Entry>();
}

/** Appends a message, which is held. `flags`: QoS and RETAIN of this delivery. Returns the entry's number. */
export function enqueue(outgoing: Outgoing, message: Message, flags: u32): u32 {
  if (outgoing.length == outgoing.capacity) grow(outgoing);
  const entry = entryAt(outgoing, outgoing.length);
  hold(message);
  entry.message = message;
  entry.state = <u8>QUEUED;
  entry.flags = <u8>flags;
  outgoing.bytes += entryCost(message);
  if (flags >> 1 == 0) outgoing.waitingQos0++;
  return outgoing.headSequence + outgoing.length++;
}

export const PUMP_DONE: u32 = 0;
/** The in-flight window is full: acknowledgements open it. */
export const PUMP_WINDOW: u32 = 1;
/** The output is at its soft limit: sending opens it. */
export const PUMP_OUTPUT: u32 = 2;

/** Sends entries while the windows allow it, and says what ended it. */
export function pump(outgoing: Outgoing, output: Output, level: u32): u32 {
  let result = PUMP_DONE;
  while (outgoing.sent < outgoing.length) {
    const entry = entryAt(outgoing, outgoing.sent);
    if (<u32>entry.state != DONE) {
      if (outputFull(output)) result = PUMP_OUTPUT;
      else if (windowFull(outgoing, entry)) result = PUMP_WINDOW;
      if (result != PUMP_DONE) break;
      send(outgoing, entry, output, level);
    }
    outgoing.sent++;
  }
  trim(outgoing);
  return result;
}

/** Over the soft limit of this output; or over its share, when all together are over theirs. */
export function outputFull(output: Output): bool {
  if (output.waiting >= option(OPTION_OUTPUT_BYTES_SOFT)) return true;
  return <u32>outputBytes >= option(OPTION_OUTPUT_TOTAL_MAX) && output.waiting >= option(OPTION_FAIR_SHARE);
}

/** Number of the entry that the last handleAck() finished. */
export let ackedSequence: u32 = 0;

export const ACK_UNKNOWN: u32 = 0;
/** PUBREL is due. */
export const ACK_RELEASE: u32 = 1;
/** The exchange is complete. */
export const ACK_COMPLETE: u32 = 2;

/** A PUBACK, PUBREC or PUBCOMP arrived. Nothing changes when it belongs to nothing in flight: ACK_UNKNOWN. */
export function handleAck(outgoing: Outgoing, type: u32, packetId: u32): u32 {
  const head = <u32>outgoing.headPacketId;
  const offset = packetId >= head ? packetId - head : packetId + outgoing.packetIdMax - head;
  if (offset >= outgoing.length) return ACK_UNKNOWN;
  const entry = entryAt(outgoing, offset);
  const next = <u32>load<u8>(NEXT + ((<u32>entry.state) << 2) + (type - PUBACK));
  if (next == NONE) return ACK_UNKNOWN;
  if (offset < outgoing.sent) leaveFlight(outgoing, entry, next);
  entry.state = <u8>next;
  dropMessage(outgoing, entry);
  if (next == AWAIT_PUBCOMP) return ACK_RELEASE;
  ackedSequence = outgoing.headSequence + offset;
  trim(outgoing);
  return ACK_COMPLETE;
}

/** The connection is new, or a 3.1 peer is late: all that is unacknowledged will be sent again, first and in order. */
export function rewind(outgoing: Outgoing): void {
  outgoing.sent = 0;
  outgoing.inflight = 0;
  outgoing.inflightBytes = 0;
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

/** Gives up everything. */
export function dropOutgoing(outgoing: Outgoing): void {
  for (let i: u32 = 0; i < outgoing.length; i++) dropMessage(outgoing, entryAt(outgoing, i));
  if (outgoing.capacity > 0) release(outgoing.entries, outgoing.capacity * offsetof<Entry>());
  const packetId = (<u32>outgoing.headPacketId - 1 + outgoing.length) % outgoing.packetIdMax;
  outgoing.headSequence += outgoing.length;
  outgoing.bytes = 0;
  outgoing.headPacketId = <u16>(packetId + 1);
  outgoing.entries = 0;
  outgoing.capacity = 0;
  outgoing.headIndex = 0;
  outgoing.length = 0;
  outgoing.sent = 0;
  outgoing.inflight = 0;
  outgoing.inflightBytes = 0;
  outgoing.waitingQos0 = 0;
}

function windowFull(outgoing: Outgoing, entry: Entry): bool {
  // Identifiers follow the queue's order, so those in use must not reach around to the head's.
  if (outgoing.sent >= <u32>outgoing.packetIdMax) return true;
  if (entry.flags >> 1 == 0 || outgoing.inflight == 0) return false;
  if (outgoing.inflight >= option(OPTION_INFLIGHT_MAX)) return true;
  const message = entry.message;
  return message !== null && outgoing.inflightBytes + message.size > option(OPTION_INFLIGHT_BYTES_MAX);
}

function send(outgoing: Outgoing, entry: Entry, output: Output, level: u32): void {
  const packetId = ((<u32>outgoing.headPacketId - 1 + outgoing.sent) % outgoing.packetIdMax) + 1;
  const message = entry.message;
  if (message === null) {
    // The peer has the message, and is to be told again to release it. In 3.1 a repeated PUBREL carries DUP.
    const at = reserve(output, 4);
    encodeAckShort(at, PUBREL, packetId);
    if (level == LEVEL_3_1) store<u8>(at, <u32>load<u8>(at) | DUP);
    outgoing.inflight++;
    return;
  }
  const flags = <u32>entry.flags;
  const qos = flags >> 1;
  if (qos == 0) {
    sendMessage(output, message, flags, 0, level);
    finish(outgoing, entry);
    return;
  }
  sendMessage(output, message, <u32>entry.state == QUEUED ? flags : flags | DUP, packetId, level);
  entry.state = <u8>(qos == 1 ? AWAIT_PUBACK : AWAIT_PUBREC);
  outgoing.inflight++;
  outgoing.inflightBytes += message.size;
}

/** DUP in the fixed header [MQTT-3.3.1-1]. */
const DUP: u32 = 8;

function leaveFlight(outgoing: Outgoing, entry: Entry, next: u32): void {
  const message = entry.message;
  if (message !== null) outgoing.inflightBytes -= message.size;
  if (next == DONE) outgoing.inflight--;
}

function finish(outgoing: Outgoing, entry: Entry): void {
  if (entry.flags >> 1 == 0) outgoing.waitingQos0--;
  entry.state = <u8>DONE;
  dropMessage(outgoing, entry);
}

function dropMessage(outgoing: Outgoing, entry: Entry): void {
  const message = entry.message;
  if (message === null) return;
  outgoing.bytes -= message.size;
  entry.message = null;
  letGo(message);
}

/** Lets finished entries go at the head. */
function trim(outgoing: Outgoing): void {
  while (outgoing.length > 0 && <u32>entryAt(outgoing, 0).state == DONE) {
    outgoing.headIndex = (outgoing.headIndex + 1) & (outgoing.capacity - 1);
    outgoing.length--;
    outgoing.bytes -= offsetof<Entry>();
    outgoing.headSequence++;
    outgoing.headPacketId = outgoing.headPacketId == outgoing.packetIdMax ? 1 : outgoing.headPacketId + 1;
    if (outgoing.sent > 0) outgoing.sent--;
  }
  if (outgoing.length == 0 && outgoing.capacity > CAPACITY_MIN) {
    release(outgoing.entries, outgoing.capacity * offsetof<Entry>());
    outgoing.entries = 0;
    outgoing.capacity = 0;
    outgoing.headIndex = 0;
  }
}

function entryAt(outgoing: Outgoing, offset: u32): Entry {
  const index = (outgoing.headIndex + offset) & (outgoing.capacity - 1);
  return changetype<Entry>(outgoing.entries + index * offsetof<Entry>());
}

function grow(outgoing: Outgoing): void {
  const capacity = max(CAPACITY_MIN, outgoing.capacity * 2);
  const entries = allocate(capacity * offsetof<Entry>());
  if (outgoing.capacity > 0) {
    const untilWrap = min(outgoing.length, outgoing.capacity - outgoing.headIndex) * offsetof<Entry>();
    const all = outgoing.length * offsetof<Entry>();
    memory.copy(entries, outgoing.entries + outgoing.headIndex * offsetof<Entry>(), untilWrap);
    memory.copy(entries + untilWrap, outgoing.entries, all - untilWrap);
    release(outgoing.entries, outgoing.capacity * offsetof<Entry>());
  }
  outgoing.entries = entries;
  outgoing.capacity = capacity;
  outgoing.headIndex = 0;
}
