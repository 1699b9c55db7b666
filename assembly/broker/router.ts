// Topic Name -> the Sessions that get the message, and how. Subscriptions hang in lists at the Levels of a tree of Topic
// Filters and in a list of their Session. What a Topic Name resolves to is kept until any Subscription changes; most
// publishers use few Topic Names, so the tree is rarely walked. Sends nothing itself.

import { OPTION_MATCH_CACHE_BYTES } from "../abi";
import { hash } from "../bytes/hash";
import { allocate, allocateZeroed, create, destroy, enlarge, release } from "../bytes/heap";
import { option } from "../limits";
import { Session } from "../session/session";
import {
  collectFilters,
  createFilterTree,
  ensureLevel,
  findLevel,
  foundLevel,
  Level,
  pruneLevel,
  TopicTree,
} from "../topic/tree";

@unmanaged
export class Subscription {
  session: Session;
  level: Level;
  /** Of the same Level. */
  next: Subscription | null;
  previous: Subscription | null;
  /** Of the same Session. */
  sessionNext: Subscription | null;
  sessionPrevious: Subscription | null;
  /** Subscription Options as on the wire: QoS in bits 0-1 and, from 5.0, No Local, Retain As Published. */
  options: u8;
}

/** One Session that gets the message, at most at this QoS. */
@unmanaged
export class Target {
  session: Session;
  qos: u32;
}

@unmanaged
class Resolved {
  /** Number of Subscription changes it was found at. */
  generation: u64;
  hash: u32;
  nameLength: u32;
  count: u32;
  /** Targets, then the Topic Name. */
  bytes: u32;
}

export let subscriptionCount: u32 = 0;

let tree: TopicTree = changetype<TopicTree>(0);
// Wide enough never to come round: a number of the past would bring back what is gone.
let generation: u64 = 1;
let listNumber: u64 = 0;

// The cache: a table with one place a hash; a Topic Name that hashes to a taken place drives the other out.
let places: usize = 0;
let placeCount: u32 = 0;
let cachedBytes: u32 = 0;

// Targets while they are collected.
let targets: usize = 0;
let targetCapacity: u32 = 0;
let targetCount: u32 = 0;

export function initRouter(): void {
  tree = createFilterTree();
}

/** Made when it is first needed, so that the host has set its size: one place for each 512 bytes, a usual entry with a few
 *  targets. */
function createCache(): void {
  placeCount = 1;
  while (placeCount * 512 < option(OPTION_MATCH_CACHE_BYTES)) placeCount <<= 1;
  places = allocateZeroed((<usize>placeCount) << alignof<usize>());
}

/** Adds a Subscription or replaces the one of the same filter [MQTT-3.8.4-3]. False: it was there before. */
export function subscribe(session: Session, filter: usize, length: u32, options: u32): bool {
  const level = ensureLevel(tree, filter, length);
  generation++;
  const known = findSubscription(session, level);
  if (known !== null) {
    known.options = <u8>options;
    return false;
  }
  const subscription = create<Subscription>();
  subscription.session = session;
  subscription.level = level;
  subscription.options = <u8>options;
  const first = changetype<Subscription | null>(level.value);
  subscription.next = first;
  if (first !== null) first.previous = subscription;
  level.value = changetype<usize>(subscription);
  const sessionFirst = changetype<Subscription | null>(session.subscriptions);
  subscription.sessionNext = sessionFirst;
  if (sessionFirst !== null) sessionFirst.sessionPrevious = subscription;
  session.subscriptions = changetype<usize>(subscription);
  session.subscriptionCount++;
  subscriptionCount++;
  return true;
}

/** Is there such a Subscription already? Then subscribe() needs no new room. */
export function isSubscribed(session: Session, filter: usize, length: u32): bool {
  const level = findLevel(tree, filter, length);
  return level !== null && findSubscription(session, level) !== null;
}

/** False when there was none. */
export function unsubscribe(session: Session, filter: usize, length: u32): bool {
  const level = findLevel(tree, filter, length);
  if (level === null) return false;
  const subscription = findSubscription(session, level);
  if (subscription === null) return false;
  removeSubscription(subscription);
  return true;
}

/** Ends all Subscriptions of a Session. */
export function unsubscribeAll(session: Session): void {
  while (session.subscriptions != 0) removeSubscription(changetype<Subscription>(session.subscriptions));
}

/** Resolves a Topic Name; returns the count of targets, to be read with targetAt() before the next Subscription changes
 *  or the next name is resolved. A Session with several matching filters is one target, at their highest QoS
 *  [MQTT-3.3.4-2]. */
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
    cachedBytes -= known.bytes;
    release(changetype<usize>(known), known.bytes);
    store<usize>(place, 0);
  }
  collectTargets(name, length);
  remember(place, key, name, length);
  return targetCount;
}

let resolved: usize = 0;

export function targetAt(index: u32): Target {
  return changetype<Target>(resolved + index * offsetof<Target>());
}

function collectTargets(name: usize, length: u32): void {
  targetCount = 0;
  listNumber++;
  const levels = collectFilters(tree, name, length);
  for (let i: u32 = 0; i < levels; i++) {
    let subscription = changetype<Subscription | null>(foundLevel(i).value);
    while (subscription !== null) {
      addTarget(subscription.session, <u32>subscription.options & 3);
      subscription = subscription.next;
    }
  }
  resolved = targets;
}

function addTarget(session: Session, qos: u32): void {
  if (session.targetList == listNumber) {
    const target = changetype<Target>(targets + session.targetIndex * offsetof<Target>());
    target.qos = max(target.qos, qos);
    return;
  }
  if (targetCount == targetCapacity) growTargets();
  const target = changetype<Target>(targets + targetCount * offsetof<Target>());
  target.session = session;
  target.qos = qos;
  session.targetList = listNumber;
  session.targetIndex = targetCount++;
}

function growTargets(): void {
  const larger = max<u32>(16, targetCapacity * 2);
  const size = targetCapacity * offsetof<Target>();
  targets = enlarge(targets, size, size, larger * offsetof<Target>());
  targetCapacity = larger;
}

function remember(place: usize, key: u32, name: usize, length: u32): void {
  // A name that nobody subscribes to ends its walk at the first levels; there may be a great many of them, all retained.
  if (targetCount == 0) return;
  const listBytes = targetCount * offsetof<Target>();
  const bytes = <u32>(offsetof<Resolved>() + listBytes + length);
  if (cachedBytes + bytes > option(OPTION_MATCH_CACHE_BYTES)) forgetAll();
  if (cachedBytes + bytes > option(OPTION_MATCH_CACHE_BYTES)) return;
  const entry = changetype<Resolved>(allocate(bytes));
  cachedBytes += bytes;
  entry.hash = key;
  entry.generation = generation;
  entry.nameLength = length;
  entry.count = targetCount;
  entry.bytes = bytes;
  const list = changetype<usize>(entry) + offsetof<Resolved>();
  memory.copy(list, targets, listBytes);
  memory.copy(list + listBytes, name, length);
  store<Resolved>(place, entry);
}

/** The cache is full: what is in use will be found again, what is not is no loss. */
function forgetAll(): void {
  for (let i: u32 = 0; i < placeCount; i++) {
    const place = places + ((<usize>i) << alignof<usize>());
    const entry = changetype<Resolved | null>(load<usize>(place));
    if (entry === null) continue;
    cachedBytes -= entry.bytes;
    release(changetype<usize>(entry), entry.bytes);
    store<usize>(place, 0);
  }
}

/** The Session's Subscription at this Level. Looks through both lists in step, so it costs the shorter one: few filters in
 *  the Session, or few subscribers at the Level. */
function findSubscription(session: Session, level: Level): Subscription | null {
  let ofSession = changetype<Subscription | null>(session.subscriptions);
  let ofLevel = changetype<Subscription | null>(level.value);
  while (ofSession !== null && ofLevel !== null) {
    if (ofSession.level == level) return ofSession;
    if (ofLevel.session == session) return ofLevel;
    ofSession = ofSession.sessionNext;
    ofLevel = ofLevel.next;
  }
  return null;
}

function removeSubscription(subscription: Subscription): void {
  const next = subscription.next;
  const previous = subscription.previous;
  if (previous === null) subscription.level.value = changetype<usize>(next);
  else previous.next = next;
  if (next !== null) next.previous = previous;
  const session = subscription.session;
  const sessionNext = subscription.sessionNext;
  const sessionPrevious = subscription.sessionPrevious;
  if (sessionPrevious === null) session.subscriptions = changetype<usize>(sessionNext);
  else sessionPrevious.sessionNext = sessionNext;
  if (sessionNext !== null) sessionNext.sessionPrevious = sessionPrevious;
  session.subscriptionCount--;
  subscriptionCount--;
  generation++;
  pruneLevel(tree, subscription.level);
  destroy(subscription);
}
