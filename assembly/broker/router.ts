// Topic Name -> the Sessions and groups that get the message, and how. What a Topic Name resolves to is kept until any
// Subscription changes; most publishers use few Topic Names, so the tree is rarely walked. Sends nothing itself.

import { OPTION_MATCH_CACHE_BYTES } from "../abi";
import { bytesEqual } from "../bytes/compare";
import { hash } from "../bytes/hash";
import { allocate, allocateZeroed, duplicate, enlarge, release } from "../bytes/heap";
import { option } from "../limits";
import { OPTION_NO_LOCAL, OPTION_QOS } from "../packet/subscribe";
import { holdOrigin, joinOrigins, letGoOrigin, Origin, originCost, sortIdentifiers } from "../session/origin";
import { Session } from "../session/session";
import { collectFilters, foundLevel } from "../topic/tree";
import { findSubscription, Group, generation, plainTree, Subscription, sharedTree } from "./subscription";

/** One Session that gets the message, at most at this QoS; or a group that shares it. */
@unmanaged
export class Target {
  /** A Session, or with TARGET_GROUP a Group. */
  of: usize;
  /** Identifiers of the Subscriptions that match, null without any; a group's depend on the member. */
  origin: Origin | null;
  /** The highest QoS of the Subscriptions that match [MQTT-3.3.4-2]. */
  qos: u8;
  /** OPTION_NO_LOCAL and OPTION_RETAIN_AS_PUBLISHED, each if one of them has it; or TARGET_GROUP. */
  options: u8;
}

/** The target is a group. */
export const TARGET_GROUP: u32 = 0x80;

@unmanaged
class Resolved {
  /** Number of Subscription changes it was found at. */
  generation: u64;
  hash: u32;
  nameLength: u32;
  count: u32;
  /** Targets, then the Topic Name. */
  bytes: u32;
  /** These, and the Origins made for it. */
  cost: u32;
}

let listNumber: u64 = 0;

// The cache: a table with one place a hash; a Topic Name that hashes to a taken place drives the other out.
let places: usize = 0;
let placeCount: u32 = 0;
let cachedBytes: u32 = 0;

// Targets while they are collected. Their Origins are held until the next list, or by the cache in their place.
let targets: usize = 0;
let targetCapacity: u32 = 0;
let targetCount: u32 = 0;
let targetsHeld: u32 = 0;

/** Made when it is first needed, so that the host has set its size: one place for each 512 bytes, a usual entry with a few
 *  targets. */
function createCache(): void {
  placeCount = 1;
  while (placeCount * 512 < option(OPTION_MATCH_CACHE_BYTES)) placeCount <<= 1;
  places = allocateZeroed((<usize>placeCount) << alignof<usize>());
}

/** Resolves a Topic Name; returns the count of targets, to be read with targetAt() before the next Subscription changes
 *  or the next name is resolved. A Session with several matching filters is one target. */
export function resolve(name: usize, length: u32): u32 {
  if (placeCount == 0) createCache();
  const key = hash(name, length);
  const place = places + ((<usize>(key & (placeCount - 1))) << alignof<usize>());
  const known = changetype<Resolved | null>(load<usize>(place));
  if (known !== null) {
    if (known.hash == key && known.generation == generation && known.nameLength == length) {
      const list = changetype<usize>(known) + offsetof<Resolved>();
      if (memory.compare(list + known.count * offsetof<Target>(), name, length) == 0) {
        resolved = list;
        return known.count;
      }
    }
    forget(place, known);
  }
  collectTargets(name, length);
  remember(place, key, name, length);
  return targetCount;
}

let resolved: usize = 0;

export function targetAt(index: u32): Target {
  return changetype<Target>(resolved + index * offsetof<Target>());
}

/** What a Session gets of its own messages: only by Subscriptions without No Local [MQTT-3.8.3-3]. */
const localTarget = changetype<Target>(memory.data(offsetof<Target>()));

// Whom and what the local target is for: a publisher with No Local mostly stays at its topic.
let localSession: Session | null = null;
let localGeneration: u64 = 0;
let localName: usize = 0;
let localNameLength: u32 = 0;

/** That, or null when there is no such Subscription. */
export function resolveLocal(session: Session, name: usize, length: u32): Target | null {
  const isSame = localNameLength == length && localSession == session && localGeneration == generation;
  if (isSame && bytesEqual(localName, name, length)) return localTarget.of != 0 ? localTarget : null;
  if (localNameLength > 0) release(localName, localNameLength);
  localName = duplicate(name, length);
  localNameLength = length;
  localSession = session;
  localGeneration = generation;
  letGoOrigin(localTarget.origin);
  localTarget.of = 0;
  localTarget.origin = null;
  const levels = collectFilters(plainTree, name, length);
  for (let i: u32 = 0; i < levels; i++) {
    const subscription = findSubscription(session, foundLevel(i), null);
    if (subscription === null || (<u32>subscription.options & OPTION_NO_LOCAL) != 0) continue;
    if (localTarget.of == 0) startTarget(localTarget, subscription);
    else joinTarget(localTarget, subscription);
  }
  if (localTarget.of == 0) return null;
  sortIdentifiers(localTarget.origin);
  return localTarget;
}

function collectTargets(name: usize, length: u32): void {
  dropTargets();
  targetCount = 0;
  listNumber++;
  let levels = collectFilters(plainTree, name, length);
  for (let i: u32 = 0; i < levels; i++) {
    let subscription = changetype<Subscription | null>(foundLevel(i).value);
    while (subscription !== null) {
      addTarget(subscription);
      subscription = subscription.next;
    }
  }
  if (sharedTree.levelCount > 0) {
    levels = collectFilters(sharedTree, name, length);
    for (let i: u32 = 0; i < levels; i++) {
      let group = changetype<Group | null>(foundLevel(i).value);
      while (group !== null) {
        const target = nextTarget();
        target.of = changetype<usize>(group);
        target.options = <u8>TARGET_GROUP;
        group = group.next;
      }
    }
  }
  for (let i: u32 = 0; i < targetCount; i++)
    sortIdentifiers(changetype<Target>(targets + i * offsetof<Target>()).origin);
  targetsHeld = targetCount;
  resolved = targets;
}

function addTarget(subscription: Subscription): void {
  const session = subscription.session;
  if (session.targetList == listNumber) {
    joinTarget(changetype<Target>(targets + session.targetIndex * offsetof<Target>()), subscription);
    return;
  }
  session.targetList = listNumber;
  session.targetIndex = targetCount;
  startTarget(nextTarget(), subscription);
}

function startTarget(target: Target, subscription: Subscription): void {
  target.of = changetype<usize>(subscription.session);
  target.qos = subscription.options & <u8>OPTION_QOS;
  target.options = subscription.options & ~(<u8>OPTION_QOS);
  target.origin = subscription.origin;
  holdOrigin(subscription.origin);
}

/** One more Subscription of the same Session matches: one copy goes with the identifiers of all [MQTT-3.3.4-3]. */
function joinTarget(target: Target, subscription: Subscription): void {
  target.qos = max(target.qos, subscription.options & <u8>OPTION_QOS);
  target.options |= subscription.options & ~(<u8>OPTION_QOS);
  const more = subscription.origin;
  if (more === null) return;
  const before = target.origin;
  if (before === null) {
    holdOrigin(more);
    target.origin = more;
    return;
  }
  target.origin = joinOrigins(before, more);
}

/** Room for one more, zeroed. */
function nextTarget(): Target {
  if (targetCount == targetCapacity) growTargets();
  const target = targets + targetCount * offsetof<Target>();
  memory.fill(target, 0, offsetof<Target>());
  targetCount++;
  return changetype<Target>(target);
}

function growTargets(): void {
  const larger = max<u32>(16, targetCapacity * 2);
  const size = targetCapacity * offsetof<Target>();
  targets = enlarge(targets, size, size, larger * offsetof<Target>());
  targetCapacity = larger;
}

function dropTargets(): void {
  for (let i: u32 = 0; i < targetsHeld; i++) letGoOrigin(changetype<Target>(targets + i * offsetof<Target>()).origin);
  targetsHeld = 0;
}

function remember(place: usize, key: u32, name: usize, length: u32): void {
  // A name that nobody subscribes to ends its walk at the first levels; there may be a great many of them, all retained.
  if (targetCount == 0) return;
  const listBytes = targetCount * offsetof<Target>();
  const bytes = <u32>(offsetof<Resolved>() + listBytes + length);
  let cost = bytes;
  for (let i: u32 = 0; i < targetCount; i++)
    cost += originCost(changetype<Target>(targets + i * offsetof<Target>()).origin);
  if (cachedBytes + cost > option(OPTION_MATCH_CACHE_BYTES)) forgetAll();
  if (cachedBytes + cost > option(OPTION_MATCH_CACHE_BYTES)) return;
  const entry = changetype<Resolved>(allocate(bytes));
  cachedBytes += cost;
  entry.hash = key;
  entry.generation = generation;
  entry.nameLength = length;
  entry.count = targetCount;
  entry.bytes = bytes;
  entry.cost = cost;
  const list = changetype<usize>(entry) + offsetof<Resolved>();
  memory.copy(list, targets, listBytes);
  memory.copy(list + listBytes, name, length);
  store<Resolved>(place, entry);
  targetsHeld = 0;
}

function forget(place: usize, entry: Resolved): void {
  const list = changetype<usize>(entry) + offsetof<Resolved>();
  for (let i: u32 = 0; i < entry.count; i++) letGoOrigin(changetype<Target>(list + i * offsetof<Target>()).origin);
  cachedBytes -= entry.cost;
  release(changetype<usize>(entry), entry.bytes);
  store<usize>(place, 0);
}

/** The cache is full: what is in use will be found again, what is not is no loss. */
function forgetAll(): void {
  for (let i: u32 = 0; i < placeCount; i++) {
    const place = places + ((<usize>i) << alignof<usize>());
    const entry = changetype<Resolved | null>(load<usize>(place));
    if (entry !== null) forget(place, entry);
  }
}
