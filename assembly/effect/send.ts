// Bytes on their way out. Each connection has an Output: a chain of chunks that grow with what has to be sent and are gone
// when it is sent, so that an idle connection owns none. A small packet is encoded straight into the last chunk; a large
// payload stays in the message it came with and is only pointed to. Once a turn the host is handed ranges of all
// connections that have something to send, and says which of them would not take it all.
//
//   chunk in bytes:   | next | start | end | limit | shared | bytes ... |          start..end is still to be sent
//   chunk pointing:   | next | start | end | limit | shared |                      start..end lies inside the shared block

import { SEND_BYTES, SEND_CONNECTION, SEND_LENGTH, SEND_SIZE } from "../abi";
import { Counted, hold, letGo } from "../bytes/counted";
import { allocate, release } from "../bytes/heap";

@unmanaged
class Chunk {
  next: Chunk | null;
  start: usize;
  end: usize;
  limit: usize;
  shared: Counted | null;
}

@unmanaged
export class Output {
  head: Chunk | null;
  tail: Chunk | null;
  /** Bytes in all chunks. */
  waiting: u32;
  connection: u32;
  previousDirty: Output | null;
  nextDirty: Output | null;
  /** Chunks that the host holds between nextSends() and handleSent(), SENDS_MAX at most. */
  handedOut: u16;
  /** In the list of those with something to send. */
  dirty: bool;
  /** Its socket is full: nothing is handed out until the host says otherwise. */
  blocked: bool;
}

@unmanaged
class Send {
  connection: u32;
  bytes: usize;
  length: u32;
}

/** Bytes waiting in all outputs. */
export let outputBytes: usize = 0;
/** Bytes handed to hosts since the start. */
export let sentBytes: u64 = 0;

let firstDirty: Output | null = null;
let lastDirty: Output | null = null;

let records: usize = 0;
let recordCount: u32 = 0;
/** Outputs from the first dirty one on that the records on hand belong to. */
let handedOutputs: u32 = 0;

/** Ranges in one batch: a batch costs 3 KB, more of them would only save the calls between batches. */
const SENDS_MAX: u32 = 256;
/** Sizes of chunks, such that header, bytes and the allocator's 4 bytes fill its size classes. */
const CHUNK_MIN: u32 = 252 - offsetof<Chunk>();
const CHUNK_MAX: u32 = 16380 - offsetof<Chunk>();
/** From this length on, pointing to a payload is cheaper than copying it: a copy of 1 KB costs less than a chunk and a
 *  range of its own. */
export const SHARE_MIN: u32 = 2048;

/** Room for exactly `length` bytes, which the caller writes at once. */
export function reserve(output: Output, length: u32): usize {
  let tail = output.tail;
  if (tail === null || tail.end + length > tail.limit) {
    tail = createChunk(max(length, nextCapacity(tail)));
    append(output, tail);
  }
  const at = tail.end;
  tail.end = at + length;
  output.waiting += length;
  outputBytes += length;
  if (!output.dirty && !output.blocked) markDirty(output);
  return at;
}

/** Sends bytes that stay inside `block`, which is held until they are gone. */
export function sendShared(output: Output, block: Counted, bytes: usize, length: u32): void {
  const chunk = createChunk(0);
  hold(block);
  chunk.shared = block;
  chunk.start = bytes;
  chunk.end = bytes + length;
  chunk.limit = bytes + length;
  append(output, chunk);
  output.waiting += length;
  outputBytes += length;
  if (!output.dirty && !output.blocked) markDirty(output);
}

/** Forgets what was to be sent. */
export function dropOutput(output: Output): void {
  let chunk = output.head;
  while (chunk !== null) {
    const next = chunk.next;
    destroyChunk(chunk);
    chunk = next;
  }
  output.head = null;
  output.tail = null;
  outputBytes -= output.waiting;
  output.waiting = 0;
  if (output.dirty) markClean(output);
}

/** Fills the records with ranges to be sent, in order for each connection; 0 when there is no more. */
export function nextSends(): u32 {
  checkLayout();
  if (records == 0) records = allocate(SENDS_MAX * offsetof<Send>());
  recordCount = 0;
  handedOutputs = 0;
  let output = firstDirty;
  while (output !== null && recordCount < SENDS_MAX) {
    let chunk = output.head;
    output.handedOut = 0;
    while (chunk !== null && recordCount < SENDS_MAX) {
      const send = changetype<Send>(records + recordCount * offsetof<Send>());
      send.connection = output.connection;
      send.bytes = chunk.start;
      send.length = <u32>(chunk.end - chunk.start);
      recordCount++;
      output.handedOut++;
      chunk = chunk.next;
    }
    handedOutputs++;
    output = output.nextDirty;
  }
  return recordCount;
}

export function sendRecords(): usize {
  return records;
}

/** The last `unsent` bytes of what was handed out for this connection were not taken. */
export function blockOutput(output: Output, unsent: u32): void {
  output.blocked = true;
  let handed: u32 = 0;
  let chunk = output.head;
  for (let i: u32 = 0; i < output.handedOut && chunk !== null; i++) {
    handed += <u32>(chunk.end - chunk.start);
    chunk = chunk.next;
  }
  takeOff(output, handed - min(unsent, handed));
  output.handedOut = 0;
}

/** The host took all ranges, but for those of outputs it blocked. */
export function dropSends(): void {
  let output = firstDirty;
  for (let i: u32 = 0; i < handedOutputs && output !== null; i++) {
    const next = output.nextDirty;
    while (output.handedOut > 0) {
      output.handedOut--;
      const chunk = output.head!;
      takeOff(output, <u32>(chunk.end - chunk.start));
    }
    if (output.blocked || output.head === null) markClean(output);
    output = next;
  }
  handedOutputs = 0;
}

/** Its socket takes bytes again. */
export function unblockOutput(output: Output): void {
  output.blocked = false;
  if (output.waiting > 0 && !output.dirty) markDirty(output);
}

/** Takes `length` bytes off the front. */
function takeOff(output: Output, length: u32): void {
  output.waiting -= length;
  outputBytes -= length;
  sentBytes += length;
  let chunk = output.head;
  while (chunk !== null) {
    const size = <u32>(chunk.end - chunk.start);
    if (size > length) {
      chunk.start += length;
      return;
    }
    length -= size;
    output.head = chunk.next;
    destroyChunk(chunk);
    chunk = output.head;
    if (chunk === null) output.tail = null;
    if (length == 0) return;
  }
}

/** Four times the last one: a connection that gets one small packet pays little, a busy one soon has large chunks. */
function nextCapacity(tail: Chunk | null): u32 {
  if (tail === null || tail.shared !== null) return CHUNK_MIN;
  return min((<u32>(tail.limit - changetype<usize>(tail)) - offsetof<Chunk>()) * 4, CHUNK_MAX);
}

function createChunk(capacity: u32): Chunk {
  const block = allocate(offsetof<Chunk>() + capacity);
  const chunk = changetype<Chunk>(block);
  chunk.next = null;
  chunk.start = block + offsetof<Chunk>();
  chunk.end = chunk.start;
  chunk.limit = chunk.start + capacity;
  chunk.shared = null;
  return chunk;
}

function destroyChunk(chunk: Chunk): void {
  const shared = chunk.shared;
  if (shared !== null) {
    letGo(shared);
    release(changetype<usize>(chunk), offsetof<Chunk>());
  } else release(changetype<usize>(chunk), chunk.limit - changetype<usize>(chunk));
}

function append(output: Output, chunk: Chunk): void {
  const tail = output.tail;
  if (tail === null) output.head = chunk;
  else tail.next = chunk;
  output.tail = chunk;
}

function markDirty(output: Output): void {
  output.dirty = true;
  output.nextDirty = null;
  output.previousDirty = lastDirty;
  const last = lastDirty;
  if (last === null) firstDirty = output;
  else last.nextDirty = output;
  lastDirty = output;
}

function markClean(output: Output): void {
  output.dirty = false;
  const previous = output.previousDirty;
  const next = output.nextDirty;
  if (previous === null) firstDirty = next;
  else previous.nextDirty = next;
  if (next === null) lastDirty = previous;
  else next.previousDirty = previous;
}

/** Costs nothing: decided when compiling. */
function checkLayout(): void {
  if (offsetof<Send>() != SEND_SIZE) ERROR("abi.ts: SEND_SIZE");
  if (offsetof<Send>("connection") != SEND_CONNECTION) ERROR("abi.ts: SEND_CONNECTION");
  if (offsetof<Send>("bytes") != SEND_BYTES) ERROR("abi.ts: SEND_BYTES");
  if (offsetof<Send>("length") != SEND_LENGTH) ERROR("abi.ts: SEND_LENGTH");
}
