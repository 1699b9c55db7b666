// Subscriptions: each hangs at the Level of its Topic Filter and in the list of its Session. Shared ones hang in a tree of
// their own, in the group of their Share Name (4.8.2), so that who uses none pays for none. Whoever changes a Subscription
// moves `generation` on, and what was resolved before is void.

import { allocateZeroed, create, destroy } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { createDeadline, Deadline, destroyDeadline, setDeadline } from "../effect/deadline";
import { OPTION_QOS, OPTION_RETAIN_AS_PUBLISHED } from "../packet/subscribe";
import { addIdentifier, createOrigin, letGoGroup, letGoOrigin, Origin, SharedGroup } from "../session/origin";
import { Session } from "../session/session";
import { SHARE_PREFIX_LENGTH, sharedFilterStart } from "../topic/filter";
import {
  copyTopic,
  createFilterTree,
  ensureLevel,
  findLevel,
  Level,
  pruneLevel,
  TopicTree,
  topicLength,
} from "../topic/tree";
import { DEADLINE_SUBSCRIPTION } from "./deadlines";

@unmanaged
export class Subscription {
  session: Session;
  level: Level;
  /** Of the same Level, or of the same group. */
  next: Subscription | null;
  previous: Subscription | null;
  /** Of the same Session. */
  sessionNext: Subscription | null;
  sessionPrevious: Subscription | null;
  /** Its Subscription Identifier and its group; null with neither. */
  origin: Origin | null;
  /** When it lapses; null when it does not. */
  deadline: Deadline | null;
  /** Subscription Options as on the wire: QoS in bits 0-1 and, from 5.0, No Local, Retain As Published. */
  options: u8;
}

/** The clients that share the messages of one Topic Filter under one Share Name. */
@unmanaged
export class Group extends SharedGroup {
  /** Of the same Level. */
  next: Group | null;
  previous: Group | null;
  /** Its place in the tree of groups. */
  place: Level;
  /** Bytes of the Share Name, which stands behind this struct. */
  nameLength: u32;
  /** Members in the order in which they came. */
  first: Subscription | null;
  last: Subscription | null;
  /** Whose turn it is; null: the first one's. */
  turn: Subscription | null;
}

export let subscriptionCount: u32 = 0;
/** Number of changes. Wide enough never to come round: a number of the past would bring back what is gone. */
export let generation: u64 = 1;

export let plainTree: TopicTree = changetype<TopicTree>(0);
/** Filters of Shared Subscriptions, at each the list of its groups. */
export let sharedTree: TopicTree = changetype<TopicTree>(0);
/** The same groups by Share Name and filter, "{ShareName}/{filter}": one filter may have any number of them. */
let groupTree: TopicTree = changetype<TopicTree>(0);

export function initSubscriptions(): void {
  plainTree = createFilterTree();
  sharedTree = createFilterTree();
  groupTree = createFilterTree();
}

/** Adds a Subscription or replaces the one of the same filter [MQTT-3.8.4-3]. `identifier`: 0 for none; `expirySec`: 0 for
 *  ever. False: it was there before. */
export function subscribe(
  session: Session,
  filter: usize,
  length: u32,
  options: u32,
  identifier: u32,
  expirySec: u32,
): bool {
  generation++;
  const start = sharedFilterStart(filter, length);
  const level = ensureLevel(start > 0 ? sharedTree : plainTree, filter + start, length - start);
  const group = start > 0 ? ensureGroup(level, filter, length, start - 1 - SHARE_PREFIX_LENGTH) : null;
  const known = findSubscription(session, level, group);
  const subscription = known !== null ? known : addSubscription(session, level, group);
  subscription.options = <u8>options;
  setOrigin(subscription, group, identifier);
  setExpiry(subscription, expirySec);
  return known === null;
}

/** Is there such a Subscription already? Then subscribe() needs no new room. */
export function isSubscribed(session: Session, filter: usize, length: u32): bool {
  return lookUp(session, filter, length) !== null;
}

/** Ends all Subscriptions of a Session. */
export function unsubscribeAll(session: Session): void {
  while (session.subscriptions != 0) removeSubscription(changetype<Subscription>(session.subscriptions));
}

/** Bytes of its Topic Filter, "$share/.../" included. */
export function filterLength(subscription: Subscription): u32 {
  const group = groupOf(subscription);
  const prefix = group !== null ? SHARE_PREFIX_LENGTH + group.nameLength + 1 : 0;
  return prefix + topicLength(subscription.level);
}

/** "$share/" */
const SHARE_PREFIX: usize = memory.data<u8>([36, 115, 104, 97, 114, 101, 47]);

/** Writes its Topic Filter, filterLength() bytes. */
export function copyFilter(subscription: Subscription, at: usize): void {
  const group = groupOf(subscription);
  if (group === null) {
    copyTopic(plainTree, subscription.level, at);
    return;
  }
  memory.copy(at, SHARE_PREFIX, SHARE_PREFIX_LENGTH);
  memory.copy(at + SHARE_PREFIX_LENGTH, nameOf(group), group.nameLength);
  at += SHARE_PREFIX_LENGTH + group.nameLength;
  store<u8>(at, 0x2f);
  copyTopic(sharedTree, subscription.level, at + 1);
}

/** QoS and RETAIN of a delivery, out of those it was published with. `qosMax`: Subscription Options or a QoS, the lower one counts
 *  [MQTT-3.8.4-8]; RETAIN means "this was retained" but for who asked to have it as published [MQTT-3.3.1-12] [MQTT-3.3.1-13]. */
export function grantedFlags(flags: u32, qosMax: u32, options: u32): u32 {
  const retain = (options & OPTION_RETAIN_AS_PUBLISHED) != 0 ? flags & 1 : 0;
  return (min((flags >> 1) & 3, qosMax & OPTION_QOS) << 1) | retain;
}

/** The group of a Shared Subscription, null for an ordinary one. */
export function groupOf(subscription: Subscription): Group | null {
  const origin = subscription.origin;
  return origin !== null ? changetype<Group | null>(origin.group) : null;
}

/** The Session's Subscription by this filter, or null. */
export function lookUp(session: Session, filter: usize, length: u32): Subscription | null {
  const start = sharedFilterStart(filter, length);
  const level = findLevel(start > 0 ? sharedTree : plainTree, filter + start, length - start);
  if (level === null) return null;
  if (start == 0) return findSubscription(session, level, null);
  const place = findLevel(groupTree, filter + SHARE_PREFIX_LENGTH, length - SHARE_PREFIX_LENGTH);
  if (place === null || place.value == 0) return null;
  return findSubscription(session, level, changetype<Group>(place.value));
}

/** The Session's Subscription at this Level, in this group if there is one. Looks through both lists in step, so it costs the
 *  shorter one: few filters in the Session, or few subscribers at the Level. */
export function findSubscription(session: Session, level: Level, group: Group | null): Subscription | null {
  let ofSession = changetype<Subscription | null>(session.subscriptions);
  let ofLevel = group !== null ? group.first : changetype<Subscription | null>(level.value);
  while (ofSession !== null && ofLevel !== null) {
    if (ofSession.level == level && groupOf(ofSession) == group) return ofSession;
    if (ofLevel.session == session) return ofLevel;
    ofSession = ofSession.sessionNext;
    ofLevel = ofLevel.next;
  }
  return null;
}

/** Ends one. */
export function removeSubscription(subscription: Subscription): void {
  generation++;
  const group = groupOf(subscription);
  if (group !== null) leaveGroup(group, subscription);
  else {
    const next = subscription.next;
    const previous = subscription.previous;
    if (previous === null) subscription.level.value = changetype<usize>(next);
    else previous.next = next;
    if (next !== null) next.previous = previous;
  }
  const session = subscription.session;
  const sessionNext = subscription.sessionNext;
  const sessionPrevious = subscription.sessionPrevious;
  if (sessionPrevious === null) session.subscriptions = changetype<usize>(sessionNext);
  else sessionPrevious.sessionNext = sessionNext;
  if (sessionNext !== null) sessionNext.sessionPrevious = sessionPrevious;
  session.subscriptionCount--;
  subscriptionCount--;
  pruneLevel(group !== null ? sharedTree : plainTree, subscription.level);
  letGoOrigin(subscription.origin);
  setExpiry(subscription, 0);
  destroy(subscription);
}

function addSubscription(session: Session, level: Level, group: Group | null): Subscription {
  const subscription = create<Subscription>();
  subscription.session = session;
  subscription.level = level;
  if (group !== null) joinGroup(group, subscription);
  else {
    const first = changetype<Subscription | null>(level.value);
    subscription.next = first;
    if (first !== null) first.previous = subscription;
    level.value = changetype<usize>(subscription);
  }
  const sessionFirst = changetype<Subscription | null>(session.subscriptions);
  subscription.sessionNext = sessionFirst;
  if (sessionFirst !== null) sessionFirst.sessionPrevious = subscription;
  session.subscriptions = changetype<usize>(subscription);
  session.subscriptionCount++;
  subscriptionCount++;
  return subscription;
}

function setOrigin(subscription: Subscription, group: Group | null, identifier: u32): void {
  // What is queued with the old one keeps it.
  letGoOrigin(subscription.origin);
  subscription.origin = null;
  if (group === null && identifier == 0) return;
  const origin = createOrigin(group, u32(identifier != 0));
  if (identifier != 0) addIdentifier(origin, identifier);
  subscription.origin = origin;
}

function setExpiry(subscription: Subscription, expirySec: u32): void {
  let deadline = subscription.deadline;
  if (expirySec == 0) {
    if (deadline !== null) destroyDeadline(deadline);
    subscription.deadline = null;
    return;
  }
  if (deadline === null) {
    deadline = createDeadline(DEADLINE_SUBSCRIPTION, changetype<usize>(subscription));
    subscription.deadline = deadline;
  }
  setDeadline(deadline, nowMs + <u64>expirySec * 1000);
}

function nameOf(group: Group): usize {
  return changetype<usize>(group) + offsetof<Group>();
}

/** The group of a whole filter, "$share/{ShareName}/...". */
function ensureGroup(level: Level, filter: usize, length: u32, nameLength: u32): Group {
  const place = ensureLevel(groupTree, filter + SHARE_PREFIX_LENGTH, length - SHARE_PREFIX_LENGTH);
  if (place.value != 0) return changetype<Group>(place.value);
  const size = offsetof<Group>() + nameLength;
  const group = changetype<Group>(allocateZeroed(size));
  group.references = 1;
  group.size = <u32>size;
  group.place = place;
  group.nameLength = nameLength;
  memory.copy(nameOf(group), filter + SHARE_PREFIX_LENGTH, nameLength);
  const first = changetype<Group | null>(level.value);
  group.next = first;
  if (first !== null) first.previous = group;
  level.value = changetype<usize>(group);
  place.value = changetype<usize>(group);
  return group;
}

function joinGroup(group: Group, subscription: Subscription): void {
  const last = group.last;
  subscription.previous = last;
  if (last === null) group.first = subscription;
  else last.next = subscription;
  group.last = subscription;
}

/** The last one to leave ends the group, but for what is in a queue by it. */
function leaveGroup(group: Group, subscription: Subscription): void {
  const next = subscription.next;
  const previous = subscription.previous;
  if (group.turn == subscription) group.turn = next;
  if (previous === null) group.first = next;
  else previous.next = next;
  if (next === null) group.last = previous;
  else next.previous = previous;
  if (group.first !== null) return;
  const after = group.next;
  const before = group.previous;
  if (before === null) subscription.level.value = changetype<usize>(after);
  else before.next = after;
  if (after !== null) after.previous = before;
  group.place.value = 0;
  pruneLevel(groupTree, group.place);
  letGoGroup(group);
}
