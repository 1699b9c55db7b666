// Why a client gets a message: the Subscription Identifiers it goes with, and the group that it was chosen from. Made once
// for a Subscription, or for what a Topic Name resolves to, and shared by all deliveries that come of it. Subscriptions
// without either, which is most of them, have none.
//
//   | references | group | capacity | identifierCount | identifiers, 4 bytes each ... |

import { allocate, release } from "../bytes/heap";
import { storeVarint, varintSize } from "../bytes/writer";
import { WITH_BROKER } from "../features";
import { SUBSCRIPTION_IDENTIFIER } from "../packet/property";

/** What the broker's group of a Shared Subscription begins with. It outlives its members while something that came by it is
 *  in a queue. */
@unmanaged
export class SharedGroup {
  references: u32;
  /** Bytes of the whole block. */
  size: u32;
  /** Number of the leaving in which somebody left it last. */
  left: u32;
}

export function letGoGroup(group: SharedGroup): void {
  if (--group.references == 0) release(changetype<usize>(group), group.size);
}

@unmanaged
export class Origin {
  references: u32;
  /** Of a Shared Subscription: its group. */
  group: SharedGroup | null;
  /** Identifiers that there is room for. */
  capacity: u32;
  identifierCount: u32;
}

/** One with one owner, and room for that many identifiers. */
export function createOrigin(group: SharedGroup | null, capacity: u32): Origin {
  const origin = changetype<Origin>(allocate(originSize(capacity)));
  origin.references = 1;
  origin.group = group;
  if (group !== null) group.references++;
  origin.capacity = capacity;
  origin.identifierCount = 0;
  return origin;
}

export function holdOrigin(origin: Origin | null): void {
  if (WITH_BROKER && origin !== null) origin.references++;
}

export function letGoOrigin(origin: Origin | null): void {
  if (!WITH_BROKER || origin === null || --origin.references > 0) return;
  const group = origin.group;
  if (group !== null) letGoGroup(group);
  release(changetype<usize>(origin), originSize(origin.capacity));
}

export function identifierAt(origin: Origin, index: u32): u32 {
  return load<u32>(changetype<usize>(origin) + offsetof<Origin>() + (index << 2));
}

/** Bytes that it takes, whoever shares it. */
export function originCost(origin: Origin | null): u32 {
  return WITH_BROKER && origin !== null ? <u32>originSize(origin.capacity) : 0;
}

/** Adds one; there must be room. */
export function addIdentifier(origin: Origin, identifier: u32): void {
  setIdentifier(origin, origin.identifierCount++, identifier);
}

/** The identifiers of both, unsorted; `first` is let go. Room grows twofold, so that the many Subscriptions of one client to
 *  one topic cost no more than their number. */
export function joinOrigins(first: Origin, second: Origin): Origin {
  const count = first.identifierCount + second.identifierCount;
  let joined = first;
  if (first.references > 1 || first.capacity < count) {
    joined = createOrigin(null, max<u32>(4, count * 2));
    for (let i: u32 = 0; i < first.identifierCount; i++) addIdentifier(joined, identifierAt(first, i));
    letGoOrigin(first);
  }
  for (let i: u32 = 0; i < second.identifierCount; i++) addIdentifier(joined, identifierAt(second, i));
  return joined;
}

/** Puts them in ascending order, for a result that does not depend on the order of subscribing. Shell's method: short, and
 *  its worst case is far from a square. */
export function sortIdentifiers(origin: Origin | null): void {
  if (origin === null) return;
  const count = origin.identifierCount;
  let gap: u32 = 1;
  while (gap * 9 < count) gap = gap * 3 + 1;
  for (; gap > 0; gap /= 3) {
    for (let i = gap; i < count; i++) {
      const identifier = identifierAt(origin, i);
      let at = i;
      for (; at >= gap && identifierAt(origin, at - gap) > identifier; at -= gap) {
        setIdentifier(origin, at, identifierAt(origin, at - gap));
      }
      setIdentifier(origin, at, identifier);
    }
  }
}

function setIdentifier(origin: Origin, index: u32, identifier: u32): void {
  store<u32>(changetype<usize>(origin) + offsetof<Origin>() + (index << 2), identifier);
}

/** Bytes of its properties in a PUBLISH. */
export function identifiersSize(origin: Origin | null): u32 {
  if (!WITH_BROKER || origin === null) return 0;
  let size: u32 = 0;
  for (let i: u32 = 0; i < origin.identifierCount; i++) size += 1 + varintSize(identifierAt(origin, i));
  return size;
}

/** Writes them; returns the end [MQTT-3.3.4-4]. */
export function storeIdentifiers(at: usize, origin: Origin | null): usize {
  if (!WITH_BROKER || origin === null) return at;
  for (let i: u32 = 0; i < origin.identifierCount; i++) {
    store<u8>(at, <u8>SUBSCRIPTION_IDENTIFIER);
    at = storeVarint(at + 1, identifierAt(origin, i));
  }
  return at;
}

function originSize(capacity: u32): usize {
  return offsetof<Origin>() + (capacity << 2);
}
