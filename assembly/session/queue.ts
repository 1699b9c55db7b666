// The queue of what leaves at QoS 1 and 2 (and of QoS 0 that has to wait), in the order of publishing: a ring of entries, for
// the broker's Sessions and the client's outbox. Its front part has been sent and waits for acknowledgements, the rest waits
// to be sent. Packet Identifiers are not stored: the entry at the head has headPacketId and the others count on from there,
// so an acknowledgement finds its entry by subtraction, resending keeps the order [MQTT-4.6.0-1], and an entry costs 10 bytes.
//
//     head                        sent                 begun                           length
//      | AWAIT_PUBACK | DONE | ... | AWAIT_PUBACK | ... | QUEUED urgent | QUEUED | ... |   ring of `capacity` entries
//
// An entry that is finished behind an unfinished one keeps its place, without its message, until the head gets there.
// `sent` goes back to the head with each new connection, `begun` does not: only behind it may an urgent message be put
// before others, since what has been sent has its Packet Identifier from its place.

import { hold, letGo } from "../bytes/counted";
import { allocate, release } from "../bytes/heap";
import { WITH_BROKER } from "../features";
import { MARK_URGENT, Message } from "./message";
import { holdOrigin, letGoOrigin, Origin, originCost } from "./origin";

// States of an entry.
export const QUEUED: u32 = 0;
export const AWAIT_PUBACK: u32 = 1;
export const AWAIT_PUBREC: u32 = 2;
export const AWAIT_PUBCOMP: u32 = 3;
export const DONE: u32 = 4;

@unmanaged
export class Entry {
  message: Message | null;
  origin: Origin | null;
  state: u8;
  /** QoS and RETAIN of this delivery, as in the fixed header; past PUBREC its Reason Code. */
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
  /** Up to here PUBREL has been sent on this connection, ahead of `sent` when the window holds PUBLISH back. */
  released: u32;
  /** Entries from the head on that have been sent at some time; at least `sent`. */
  begun: u32;
  /** Urgent entries that follow them. */
  urgent: u32;
  /** Of those sent on this connection, not acknowledged: their count and their messages' bytes. */
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

/** Bytes by which a queue grows with this message: the message, why it comes, and its entry. */
export function entryCost(message: Message, origin: Origin | null = null): u32 {
  return message.size + originCost(origin) + offsetof<Entry>();
}

/** Appends a message, which is held; an urgent one goes before those that are not and have never been sent. `flags`: QoS
 *  and RETAIN of this delivery. Returns the entry's number, while no urgent one comes before it. */
export function enqueue(outgoing: Outgoing, message: Message, flags: u32, origin: Origin | null = null): u32 {
  if (outgoing.length == outgoing.capacity) grow(outgoing);
  let place = outgoing.length++;
  if (WITH_BROKER && (<u32>message.marks & MARK_URGENT) != 0) {
    const from = place;
    place = outgoing.begun + outgoing.urgent++;
    for (let i = from; i > place; i--) copyEntry(entryAt(outgoing, i - 1), entryAt(outgoing, i));
  }
  const entry = entryAt(outgoing, place);
  hold(message);
  holdOrigin(origin);
  entry.message = message;
  entry.origin = origin;
  entry.state = <u8>QUEUED;
  entry.flags = <u8>flags;
  outgoing.bytes += entryCost(message, origin);
  if (flags >> 1 == 0) outgoing.waitingQos0++;
  return outgoing.headSequence + place;
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
  outgoing.released = 0;
  outgoing.begun = 0;
  outgoing.urgent = 0;
  outgoing.inflight = 0;
  outgoing.inflightBytes = 0;
  outgoing.waitingQos0 = 0;
}

export function finish(outgoing: Outgoing, entry: Entry): void {
  if (entry.flags >> 1 == 0) outgoing.waitingQos0--;
  entry.state = <u8>DONE;
  dropMessage(outgoing, entry);
}

export function dropMessage(outgoing: Outgoing, entry: Entry): void {
  const message = entry.message;
  if (message === null) return;
  outgoing.bytes -= message.size + originCost(entry.origin);
  entry.message = null;
  letGo(message);
  letGoOrigin(entry.origin);
  entry.origin = null;
}

/** Lets finished entries go at the head. */
export function trim(outgoing: Outgoing): void {
  while (outgoing.length > 0 && <u32>entryAt(outgoing, 0).state == DONE) {
    outgoing.headIndex = (outgoing.headIndex + 1) & (outgoing.capacity - 1);
    outgoing.length--;
    outgoing.bytes -= offsetof<Entry>();
    outgoing.headSequence++;
    outgoing.headPacketId = outgoing.headPacketId == outgoing.packetIdMax ? 1 : outgoing.headPacketId + 1;
    if (outgoing.sent > 0) outgoing.sent--;
    if (outgoing.released > 0) outgoing.released--;
    if (outgoing.begun > 0) outgoing.begun--;
    else if (WITH_BROKER && outgoing.urgent > 0) outgoing.urgent--;
  }
  if (outgoing.length == 0 && outgoing.capacity > CAPACITY_MIN) {
    release(outgoing.entries, outgoing.capacity * offsetof<Entry>());
    outgoing.entries = 0;
    outgoing.capacity = 0;
    outgoing.headIndex = 0;
  }
}

function copyEntry(from: Entry, to: Entry): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), offsetof<Entry>());
}

export function entryAt(outgoing: Outgoing, offset: u32): Entry {
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
