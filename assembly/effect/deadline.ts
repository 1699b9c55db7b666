// All points in time at which the core wants to act, in one binary heap; the host only ever learns the first of them.
// A deadline knows whom it concerns by a kind and an owner, which mean nothing here. Keep Alive moves its deadline not with
// every packet but only when it is found to be early, so a busy connection costs the heap nothing.

import { NO_DEADLINE } from "../abi";
import { create, destroy, enlarge } from "../bytes/heap";
import { nowMs } from "./clock";

@unmanaged
export class Deadline {
  atMs: u64;
  kind: u32;
  /** What it concerns: a struct of the kind's own. */
  owner: usize;
  /** Place in the heap, counted from 1; 0 while it is not set. */
  place: u32;
}

let places: usize = 0;
let count: u32 = 0;
let capacity: u32 = 0;

export function createDeadline(kind: u32, owner: usize): Deadline {
  const deadline = create<Deadline>();
  deadline.kind = kind;
  deadline.owner = owner;
  return deadline;
}

export function destroyDeadline(deadline: Deadline): void {
  clearDeadline(deadline);
  destroy(deadline);
}

/** Sets or moves it. */
export function setDeadline(deadline: Deadline, atMs: u64): void {
  deadline.atMs = atMs;
  if (deadline.place == 0) {
    if (count == capacity) grow();
    put(++count, deadline);
  }
  sift(deadline);
}

export function clearDeadline(deadline: Deadline): void {
  const hole = deadline.place;
  if (hole == 0) return;
  deadline.place = 0;
  const last = at(count--);
  if (last == deadline) return;
  put(hole, last);
  sift(last);
}

/** The first deadline that is due, no longer set; or null. */
export function nextDue(): Deadline | null {
  if (count == 0) return null;
  const first = at(1);
  if (first.atMs > nowMs) return null;
  clearDeadline(first);
  return first;
}

/** Milliseconds from now to the first deadline, or NO_DEADLINE. */
export function untilDeadline(): u32 {
  if (count == 0) return NO_DEADLINE;
  const atMs = at(1).atMs;
  if (atMs <= nowMs) return 0;
  return <u32>min<u64>(atMs - nowMs, NO_DEADLINE - 1);
}

function sift(deadline: Deadline): void {
  let place = deadline.place;
  while (place > 1 && at(place >> 1).atMs > deadline.atMs) {
    put(place, at(place >> 1));
    place >>= 1;
  }
  while (true) {
    let child = place << 1;
    if (child > count) break;
    if (child < count && at(child + 1).atMs < at(child).atMs) child++;
    if (at(child).atMs >= deadline.atMs) break;
    put(place, at(child));
    place = child;
  }
  put(place, deadline);
}

function at(place: u32): Deadline {
  return load<Deadline>(places + ((place - 1) << alignof<usize>()));
}

function put(place: u32, deadline: Deadline): void {
  store<Deadline>(places + ((place - 1) << alignof<usize>()), deadline);
  deadline.place = place;
}

function grow(): void {
  const larger = max<u32>(8, capacity * 2);
  const size = capacity * sizeof<usize>();
  places = enlarge(places, size, size, larger * sizeof<usize>());
  capacity = larger;
}
