// From a stream cut anywhere to whole Control Packets. frame() looks at bytes and keeps nothing. A Stream keeps what a
// connection received of an unfinished packet, and only then owns memory: an idle connection has none.
//
//                       | headroom         | input buffer: the host writes here    |
//   usual case                    [waiting][new bytes                     ]           the start of the packet is copied in
//                                                                                     front of its rest: one run, no gap
//   packet longer than the headroom: its bytes gather in a block of their own, and are walked there
//
// A walk: push() or resume(), then next() until it is not FRAME_WHOLE, then keep(). It does not nest.

import { allocate, enlarge, release } from "../bytes/heap";

export const FRAME_MORE: u32 = 0;
export const FRAME_WHOLE: u32 = 1;
/** A Remaining Length of more than four bytes. */
export const FRAME_MALFORMED: u32 = 2;
export const FRAME_TOO_LARGE: u32 = 3;

/** The packet that frame() found: its bytes in all, and its body behind the fixed header. Length 0: not known yet. */
export let frameLength: u32 = 0;
export let frameBody: usize = 0;

/** Is there a whole Control Packet at `at`? [MQTT-1.5.5] */
export function frame(at: usize, end: usize): u32 {
  frameLength = 0;
  let remaining: u32 = 0;
  let shift: u32 = 0;
  let cursor = at + 1;
  while (true) {
    if (cursor >= end) return FRAME_MORE;
    const byte = <u32>load<u8>(cursor++);
    remaining |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
    shift += 7;
    if (shift == 28) return FRAME_MALFORMED;
  }
  frameBody = cursor;
  frameLength = <u32>(cursor - at) + remaining;
  return frameLength <= <u32>(end - at) ? FRAME_WHOLE : FRAME_MORE;
}

/** What a connection has received and not yet handled. */
@unmanaged
export class Stream {
  waiting: usize;
  waitingLength: u32;
  waitingCapacity: u32;
  /** Bytes of the packet that `waiting` begins with, 0 when its Remaining Length is not complete. */
  packetLength: u32;
}

/** Bytes all streams keep, so that many unfinished packets together stay bounded. */
export let streamBytes: u32 = 0;

let input: usize = 0;
let headroom: u32 = 0;

export function initInput(inputMax: u32): void {
  headroom = inputMax;
  input = allocate(headroom + inputMax) + headroom;
}

export function inputBuffer(): usize {
  return input;
}

// The walk in progress: where it is, where it ends, and the block it walks when that is not the input buffer.
let at: usize = 0;
let end: usize = 0;
let walked: usize = 0;
let walkedSize: u32 = 0;

/** `length` bytes arrived in the input buffer. False: they only joined a packet that is still unfinished. */
export function pushInput(stream: Stream, length: u32): bool {
  const waitingLength = stream.waitingLength;
  if (waitingLength == 0) {
    at = input;
    end = input + length;
    return true;
  }
  if (waitingLength <= headroom) {
    at = input - waitingLength;
    end = input + length;
    memory.copy(at, stream.waiting, waitingLength);
    dropInput(stream);
    return true;
  }
  appendInput(stream, length);
  if (stream.waitingLength < stream.packetLength) return false;
  resumeInput(stream);
  return true;
}

/** Adds the input buffer's bytes to what waits, without looking at them. Room doubles, up to the packet's own length: a
 *  peer that only announces a large packet has not made us allocate it. */
export function appendInput(stream: Stream, length: u32): void {
  const kept = stream.waitingLength;
  const needed = kept + length;
  if (needed > stream.waitingCapacity) {
    const capacity = max(needed, min(stream.waitingCapacity * 2, stream.packetLength + headroom));
    stream.waiting = enlarge(stream.waiting, stream.waitingCapacity, kept, capacity);
    streamBytes += capacity - stream.waitingCapacity;
    stream.waitingCapacity = capacity;
  }
  memory.copy(stream.waiting + kept, input, length);
  stream.waitingLength = needed;
}

/** Walk what waits, in the block where it is. */
export function resumeInput(stream: Stream): void {
  walked = stream.waiting;
  walkedSize = stream.waitingCapacity;
  at = walked;
  end = walked + stream.waitingLength;
  stream.waiting = 0;
  stream.waitingLength = 0;
  stream.waitingCapacity = 0;
}

/** Where the packet stands that nextPacket() found: its fixed header. */
export let packetAt: usize = 0;

/** FRAME_WHOLE: a packet of at most `sizeMax` bytes stands at packetAt, with frameLength and frameBody. */
export function nextPacket(sizeMax: u32): u32 {
  if (at >= end) {
    frameLength = 0;
    return FRAME_MORE;
  }
  const found = frame(at, end);
  if (frameLength > sizeMax) return FRAME_TOO_LARGE;
  if (found == FRAME_WHOLE) {
    packetAt = at;
    at += frameLength;
  }
  return found;
}

/** First byte of the packet that is not whole yet; `none` when there is not even that. */
export function unfinishedByte(none: u32): u32 {
  return at < end ? <u32>load<u8>(at) : none;
}

/** Ends the walk; the bytes it did not use wait for more. */
export function keepInput(stream: Stream): void {
  const left = <u32>(end - at);
  if (left > 0) {
    frame(at, end);
    stream.packetLength = frameLength;
    stream.waiting = allocate(left);
    stream.waitingLength = left;
    stream.waitingCapacity = left;
    streamBytes += left;
    memory.copy(stream.waiting, at, left);
  }
  endWalk();
}

/** Ends the walk; the bytes it did not use are of no interest any more. */
export function endWalk(): void {
  if (walked != 0) {
    streamBytes -= walkedSize;
    release(walked, walkedSize);
    walked = 0;
  }
  at = end;
}

/** Forgets what waits. */
export function dropInput(stream: Stream): void {
  if (stream.waitingCapacity > 0) {
    streamBytes -= stream.waitingCapacity;
    release(stream.waiting, stream.waitingCapacity);
  }
  stream.waiting = 0;
  stream.waitingLength = 0;
  stream.waitingCapacity = 0;
}
