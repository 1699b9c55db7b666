// Topic Aliases (3.3.2.3.4): numbers that stand for Topic Names on one Network Connection, in each direction by itself.
// Received ones are a table by number. Of those we send the broker or client decides by use: the one that was not used for
// longest is given to the next new name. They are few, so a look through all of them is cheaper than another hash table.

import { bytesEqual } from "../bytes/compare";
import { allocate, allocateZeroed, duplicate, release } from "../bytes/heap";

/** What the other end has set: `maximum` places behind it, place n - 1 for alias n. */
@unmanaged
export class ReceivedAliases {
  maximum: u32;
  /** Bytes of all names. */
  bytes: u32;
}

@unmanaged
class Received {
  name: usize;
  length: u32;
}

/** Bytes of the names in all tables, so that they stay bounded together. */
export let receivedAliasBytes: u32 = 0;

export function createReceivedAliases(maximum: u32): ReceivedAliases {
  const table = changetype<ReceivedAliases>(allocateZeroed(receivedSize(maximum)));
  table.maximum = maximum;
  return table;
}

export function destroyReceivedAliases(table: ReceivedAliases): void {
  for (let alias: u32 = 1; alias <= table.maximum; alias++) dropName(table, receivedAt(table, alias));
  release(changetype<usize>(table), receivedSize(table.maximum));
}

/** `alias`: 1 to the maximum of the table. Keeps a copy of the name in place of the one before [MQTT-3.3.2-12]. */
export function setReceivedAlias(table: ReceivedAliases, alias: u32, name: usize, length: u32): void {
  const place = receivedAt(table, alias);
  if (place.length == length && bytesEqual(place.name, name, length)) return;
  dropName(table, place);
  place.name = duplicate(name, length);
  place.length = length;
  table.bytes += length;
  receivedAliasBytes += length;
}

/** Bytes of the name that receivedName() found. */
export let receivedNameLength: u32 = 0;

/** The Topic Name that `alias` (1 to the maximum) stands for; 0 when it has not been set. */
export function receivedName(table: ReceivedAliases, alias: u32): usize {
  const place = receivedAt(table, alias);
  receivedNameLength = place.length;
  return place.length > 0 ? place.name : 0;
}

function receivedAt(table: ReceivedAliases, alias: u32): Received {
  return changetype<Received>(
    changetype<usize>(table) + offsetof<ReceivedAliases>() + (alias - 1) * offsetof<Received>(),
  );
}

function receivedSize(maximum: u32): usize {
  return offsetof<ReceivedAliases>() + maximum * offsetof<Received>();
}

function dropName(table: ReceivedAliases, place: Received): void {
  if (place.length == 0) return;
  release(place.name, place.length);
  table.bytes -= place.length;
  receivedAliasBytes -= place.length;
  place.length = 0;
}

/** What we have set: `maximum` places behind it, the first `count` in use. */
@unmanaged
export class SentAliases {
  maximum: u32;
  count: u32;
  /** Counts uses, so that the oldest one is known. */
  clock: u32;
}

@unmanaged
class Sent {
  name: usize;
  length: u32;
  /** Its last four bytes, in which Topic Names differ most: a name that has others need not be compared. */
  tail: u32;
  usedAt: u32;
}

export function createSentAliases(maximum: u32): SentAliases {
  const table = changetype<SentAliases>(allocateZeroed(sentSize(maximum)));
  table.maximum = maximum;
  return table;
}

export function destroySentAliases(table: SentAliases): void {
  for (let alias: u32 = 1; alias <= table.count; alias++)
    release(sentAt(table, alias).name, sentAt(table, alias).length);
  release(changetype<usize>(table), sentSize(table.maximum));
}

/** The alias that stands for this name of at least four bytes, which counts as a use of it; 0 for none. */
export function useSentAlias(table: SentAliases, name: usize, length: u32): u32 {
  const tail = tailOf(name, length);
  for (let alias: u32 = 1; alias <= table.count; alias++) {
    const place = sentAt(table, alias);
    if (place.tail != tail || place.length != length || !bytesEqual(place.name, name, length)) continue;
    place.usedAt = ++table.clock;
    return alias;
  }
  return 0;
}

/** Gives this name, which has none and at least four bytes, an alias; the packet that says so must be sent. */
export function setSentAlias(table: SentAliases, name: usize, length: u32): u32 {
  let alias = table.count + 1;
  if (alias <= table.maximum) table.count = alias;
  else {
    alias = oldest(table);
    release(sentAt(table, alias).name, sentAt(table, alias).length);
  }
  const place = sentAt(table, alias);
  place.name = allocate(length);
  memory.copy(place.name, name, length);
  place.length = length;
  place.tail = tailOf(name, length);
  place.usedAt = ++table.clock;
  return alias;
}

function tailOf(name: usize, length: u32): u32 {
  return load<u32>(name + length - 4);
}

function oldest(table: SentAliases): u32 {
  let found: u32 = 1;
  for (let alias: u32 = 2; alias <= table.count; alias++) {
    // By age, so that the clock may wrap around.
    if (table.clock - sentAt(table, alias).usedAt > table.clock - sentAt(table, found).usedAt) found = alias;
  }
  return found;
}

function sentAt(table: SentAliases, alias: u32): Sent {
  return changetype<Sent>(changetype<usize>(table) + offsetof<SentAliases>() + (alias - 1) * offsetof<Sent>());
}

function sentSize(maximum: u32): usize {
  return offsetof<SentAliases>() + maximum * offsetof<Sent>();
}
