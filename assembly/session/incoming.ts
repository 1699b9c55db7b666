// What arrives at QoS 2: the Packet Identifiers between PUBLISH and PUBREL. A message is handed on at its PUBLISH, and a
// PUBLISH whose identifier is still here is the same message again, so it is only acknowledged [MQTT-4.3.3-10].
// An open-addressed set of u16, 0 marking a free place since it is never a Packet Identifier [MQTT-2.2.1-3].

import { allocate, release } from "../bytes/heap";

@unmanaged
export class Incoming {
  places: usize;
  capacity: u32;
  count: u32;
}

/** Bytes of all sets: 4 to 8 an identifier, 256 KiB at the most for a peer that never sends PUBREL. */
export let incomingBytes: u32 = 0;

const CAPACITY_MIN: u32 = 16;

/** Bytes of one set. */
export function incomingSize(incoming: Incoming): u32 {
  return incoming.capacity * 2;
}

export function hasIncoming(incoming: Incoming, packetId: u32): bool {
  return incoming.count > 0 && load<u16>(find(incoming, packetId)) != 0;
}

/** False when it was there already: a repeated PUBLISH. */
export function addIncoming(incoming: Incoming, packetId: u32): bool {
  if (incoming.count * 2 >= incoming.capacity) grow(incoming);
  const place = find(incoming, packetId);
  if (load<u16>(place) != 0) return false;
  store<u16>(place, packetId);
  incoming.count++;
  return true;
}

/** False when it was not there: a repeated PUBREL, which is acknowledged all the same. */
export function removeIncoming(incoming: Incoming, packetId: u32): bool {
  if (incoming.count == 0) return false;
  const place = find(incoming, packetId);
  if (load<u16>(place) == 0) return false;
  incoming.count--;
  if (incoming.count == 0) dropIncoming(incoming);
  else closeGap(incoming, <u32>(place - incoming.places) >> 1);
  return true;
}

/** Forgets all of them. */
export function dropIncoming(incoming: Incoming): void {
  if (incoming.capacity > 0) {
    release(incoming.places, incomingSize(incoming));
    incomingBytes -= incomingSize(incoming);
  }
  incoming.places = 0;
  incoming.capacity = 0;
  incoming.count = 0;
}

/** The place of this identifier, or the free one where it belongs. */
function find(incoming: Incoming, packetId: u32): usize {
  const mask = incoming.capacity - 1;
  let index = packetId & mask;
  while (true) {
    const place = incoming.places + ((<usize>index) << 1);
    const there = <u32>load<u16>(place);
    if (there == packetId || there == 0) return place;
    index = (index + 1) & mask;
  }
}

/** Moves identifiers behind a gap into it where the gap would hide them. */
function closeGap(incoming: Incoming, gap: u32): void {
  const mask = incoming.capacity - 1;
  const places = incoming.places;
  let index = gap;
  while (true) {
    index = (index + 1) & mask;
    const there = <u32>load<u16>(places + ((<usize>index) << 1));
    if (there == 0) break;
    if (((index - there) & mask) >= ((index - gap) & mask)) {
      store<u16>(places + ((<usize>gap) << 1), there);
      gap = index;
    }
  }
  store<u16>(places + ((<usize>gap) << 1), 0);
}

function grow(incoming: Incoming): void {
  const old = incoming.places;
  const oldCapacity = incoming.capacity;
  const capacity = max(CAPACITY_MIN, oldCapacity * 2);
  incoming.places = allocate(capacity * 2);
  incoming.capacity = capacity;
  incomingBytes += incomingSize(incoming);
  memory.fill(incoming.places, 0, capacity * 2);
  if (oldCapacity == 0) return;
  for (let i: u32 = 0; i < oldCapacity; i++) {
    const packetId = <u32>load<u16>(old + ((<usize>i) << 1));
    if (packetId != 0) store<u16>(find(incoming, packetId), packetId);
  }
  release(old, oldCapacity * 2);
  incomingBytes -= oldCapacity * 2;
}
