// Records for the host: what happened, or what it shall do. They stand in one array, read in place; the bytes they point to
// are copies, because the packet they came from is gone when the host gets here at the end of its turn.

import { EVENT_A, EVENT_CODE, EVENT_CONNECTION, EVENT_DETAIL, EVENT_KIND, EVENT_SIZE } from "../abi";
import { allocate, enlarge, release } from "../bytes/heap";

@unmanaged
class Event {
  kind: u32;
  connection: u32;
  code: u32;
  detail: u32;
  a: usize;
  aLength: u32;
  b: usize;
  bLength: u32;
  c: usize;
  cLength: u32;
}

let events: usize = 0;
let count: u32 = 0;
let capacity: u32 = 0;

/** Bytes that the records on hand hold. */
export let eventBytes: u32 = 0;

/** Adds a record with up to three byte strings, which are copied. */
export function pushEvent(
  kind: u32,
  connection: u32,
  code: u32,
  detail: u32,
  a: usize = 0,
  aLength: u32 = 0,
  b: usize = 0,
  bLength: u32 = 0,
  c: usize = 0,
  cLength: u32 = 0,
): void {
  checkLayout();
  if (count == capacity) grow();
  const event = changetype<Event>(events + <usize>count * offsetof<Event>());
  count++;
  event.kind = kind;
  event.connection = connection;
  event.code = code;
  event.detail = detail;
  const total = aLength + bLength + cLength;
  // One block for all three; `a` is its start even when only b or c have bytes, so that it can be released.
  const copy = total > 0 ? allocate(total) : 0;
  eventBytes += total + offsetof<Event>();
  memory.copy(copy, a, aLength);
  memory.copy(copy + aLength, b, bLength);
  memory.copy(copy + aLength + bLength, c, cLength);
  event.a = copy;
  event.aLength = aLength;
  event.b = copy + aLength;
  event.bLength = bLength;
  event.c = copy + aLength + bLength;
  event.cLength = cLength;
}

export function eventCount(): u32 {
  return count;
}

export function eventRecords(): usize {
  return events;
}

/** The host is done with all records. */
export function dropEvents(): void {
  for (let i: u32 = 0; i < count; i++) {
    const event = changetype<Event>(events + <usize>i * offsetof<Event>());
    const total = event.aLength + event.bLength + event.cLength;
    if (total > 0) release(event.a, total);
  }
  count = 0;
  eventBytes = 0;
}

function grow(): void {
  const larger = max<u32>(8, capacity * 2);
  const size = <usize>capacity * offsetof<Event>();
  events = enlarge(events, size, size, <usize>larger * offsetof<Event>());
  capacity = larger;
}

/** Costs nothing: decided when compiling. */
function checkLayout(): void {
  if (offsetof<Event>() != EVENT_SIZE) ERROR("abi.ts: EVENT_SIZE");
  if (offsetof<Event>("kind") != EVENT_KIND) ERROR("abi.ts: EVENT_KIND");
  if (offsetof<Event>("connection") != EVENT_CONNECTION) ERROR("abi.ts: EVENT_CONNECTION");
  if (offsetof<Event>("code") != EVENT_CODE) ERROR("abi.ts: EVENT_CODE");
  if (offsetof<Event>("detail") != EVENT_DETAIL) ERROR("abi.ts: EVENT_DETAIL");
  if (offsetof<Event>("a") != EVENT_A) ERROR("abi.ts: EVENT_A");
}
