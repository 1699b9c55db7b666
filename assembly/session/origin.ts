// Why a client gets a message: the Subscription Identifiers it goes with, and the group that it was chosen from. Made once
// for a Subscription, or for what a Topic Name resolves to, and shared by all deliveries that come of it. Subscriptions
// without either, which is most of them, have none.
//
//   | references | group | identifierCount | identifiers, ascending, 4 bytes each ... |

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
}

export function letGoGroup(group: SharedGroup): void {
  if (--group.references == 0) release(changetype<usize>(group), group.size);
}

@unmanaged
export class Origin {
  references: u32;
  /** Of a Shared Subscription: its group. */
  group: SharedGroup | null;
  identifierCount: u32;
}

/** One with one owner, and room for that many identifiers. */
export function createOrigin(group: SharedGroup | null, identifierCount: u32): Origin {
  const origin = changetype<Origin>(allocate(originSize(identifierCount)));
  origin.references = 1;
  origin.group = group;
  if (group !== null) group.references++;
  origin.identifierCount = identifierCount;
  return origin;
}

export function holdOrigin(origin: Origin | null): void {
  if (WITH_BROKER && origin !== null) origin.references++;
}

export function letGoOrigin(origin: Origin | null): void {
  if (!WITH_BROKER || origin === null || --origin.references > 0) return;
  const group = origin.group;
  if (group !== null) letGoGroup(group);
  release(changetype<usize>(origin), originSize(origin.identifierCount));
}

export function identifierAt(origin: Origin, index: u32): u32 {
  return load<u32>(changetype<usize>(origin) + offsetof<Origin>() + (index << 2));
}

/** Puts `identifier` where it belongs among the first `count`. */
export function insertIdentifier(origin: Origin, count: u32, identifier: u32): void {
  const first = changetype<usize>(origin) + offsetof<Origin>();
  let at = count;
  for (; at > 0 && load<u32>(first + ((at - 1) << 2)) > identifier; at--) {
    store<u32>(first + (at << 2), load<u32>(first + ((at - 1) << 2)));
  }
  store<u32>(first + (at << 2), identifier);
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

function originSize(identifierCount: u32): usize {
  return offsetof<Origin>() + (identifierCount << 2);
}
