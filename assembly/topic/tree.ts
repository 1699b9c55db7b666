// Topics by level. One structure serves the Subscriptions (levels of Topic Filters, `+` and `#` being levels like others)
// and the retained messages (levels of Topic Names). What hangs at a Level is its owner's business: `value`, 0 for nothing.
// All Levels of a tree stand in one hash table by (parent, bytes), so a walk down costs a probe a level however wide a
// Level is. Only a tree of names lists the children of a Level too, for the walk of a filter over them. Levels with no
// value and no children are removed.
//
//   in a tree of filters   | Level: 20 bytes            | bytes of the level ... |
//   in a tree of names     | Level | siblings: 12 bytes | bytes of the level ... |

import { hash } from "../bytes/hash";
import { allocate, allocateZeroed, create, enlarge, release } from "../bytes/heap";

@unmanaged
export class Level {
  parent: Level | null;
  /** Next in the same bucket. */
  chain: Level | null;
  value: usize;
  childCount: u32;
  length: u16;
  /** It has a child `+`, a child `#`: spares two probes at almost every Level. */
  hasPlus: bool;
  hasHash: bool;
}

/** A Level of a tree of names. */
@unmanaged
class NameLevel extends Level {
  firstChild: NameLevel | null;
  nextSibling: NameLevel | null;
  previousSibling: NameLevel | null;
}

@unmanaged
export class TopicTree {
  root: Level;
  buckets: usize;
  bucketCount: u32;
  levelCount: u32;
  /** Bytes of a Level's struct, in front of its own: it says which kind of tree this is. */
  structSize: u32;
}

const SLASH: u32 = 0x2f;
const PLUS: u32 = 0x2b;
const HASH: u32 = 0x23;
const DOLLAR: u32 = 0x24;

export function createFilterTree(): TopicTree {
  return createTree(offsetof<Level>());
}

export function createNameTree(): TopicTree {
  return createTree(offsetof<NameLevel>());
}

function createTree(structSize: u32): TopicTree {
  const tree = create<TopicTree>();
  tree.structSize = structSize;
  tree.root = changetype<Level>(allocateZeroed(structSize));
  tree.bucketCount = 16;
  tree.buckets = allocateZeroed(16 << alignof<usize>());
  return tree;
}

/** The Level at the end of `topic`, made if it is not there. */
export function ensureLevel(tree: TopicTree, topic: usize, length: u32): Level {
  const end = topic + length;
  let level = tree.root;
  let at = topic;
  while (true) {
    const next = levelEnd(at, end);
    const size = <u32>(next - at);
    const child = findChild(tree, level, at, size);
    level = child !== null ? child : addChild(tree, level, at, size);
    if (next == end) return level;
    at = next + 1;
  }
}

/** The Level at the end of `topic`, or null. */
export function findLevel(tree: TopicTree, topic: usize, length: u32): Level | null {
  const end = topic + length;
  let level = tree.root;
  let at = topic;
  while (true) {
    const next = levelEnd(at, end);
    const child = findChild(tree, level, at, <u32>(next - at));
    if (child === null) return null;
    level = child;
    if (next == end) return level;
    at = next + 1;
  }
}

/** Bytes of the topic that ends at this Level. */
export function topicLength(level: Level): u32 {
  let length = <u32>level.length;
  let parent = level.parent!;
  for (let above = parent.parent; above !== null; above = parent.parent) {
    length += 1 + parent.length;
    parent = above;
  }
  return length;
}

/** Writes that topic, topicLength() bytes. */
export function copyTopic(tree: TopicTree, level: Level, at: usize): void {
  let end = at + topicLength(level);
  let each = level;
  while (true) {
    end -= each.length;
    memory.copy(end, bytesOf(tree, each), each.length);
    if (end == at) return;
    end--;
    store<u8>(end, <u8>SLASH);
    each = each.parent!;
  }
}

/** Removes a Level whose value is gone, and those above it that have become empty too. */
export function pruneLevel(tree: TopicTree, level: Level): void {
  let empty = level;
  while (empty.value == 0 && empty.childCount == 0) {
    const parent = empty.parent;
    if (parent === null) return;
    removeChild(tree, parent, empty);
    empty = parent;
  }
}

// Levels found by the last collect...(), in an array that is kept and grows to the largest answer there was.
let found: usize = 0;
let foundCount: u32 = 0;
let foundCapacity: u32 = 0;
let foundCountMax: u32 = u32.MAX_VALUE;
/** Levels that collectNames() may still look at. */
let visitsLeft: u32 = 0;

/** Allows that many. */
export function allowVisits(count: u32): void {
  visitsLeft = count;
}

function mayVisit(): bool {
  if (visitsLeft == 0 || foundCount >= foundCountMax) return false;
  visitsLeft--;
  return true;
}

export function foundLevel(index: u32): Level {
  return load<Level>(found + ((<usize>index) << alignof<usize>()));
}

/** All Levels of a tree of Topic Filters whose filter matches this Topic Name, and that have a value. Returns their
 *  count; see foundLevel(). [MQTT-4.7.1-1] and the rest of 4.7 */
export function collectFilters(tree: TopicTree, name: usize, length: u32): u32 {
  foundCount = 0;
  foundCountMax = u32.MAX_VALUE;
  // A wildcard in the first level does not match a Topic Name that begins with $ [MQTT-4.7.2-1].
  matchFilters(tree, tree.root, name, name + length, <u32>load<u8>(name) != DOLLAR);
  return foundCount;
}

/** All Levels of a tree of Topic Names that this Topic Filter matches, and that have a value, until there are `countMax`
 *  or allowVisits() is used up. Returns their count. */
export function collectNames(tree: TopicTree, filter: usize, length: u32, countMax: u32): u32 {
  foundCount = 0;
  foundCountMax = countMax;
  matchNames(tree, tree.root, filter, filter + length);
  return foundCount;
}

function matchFilters(tree: TopicTree, level: Level, at: usize, end: usize, wildcards: bool): void {
  // `#` stands for the parent Level too, so it is looked for before the name's next level.
  if (level.hasHash && wildcards) {
    const rest = findWildcard(tree, level, HASH);
    if (rest !== null) collect(rest);
  }
  if (at > end) {
    collect(level);
    return;
  }
  const next = levelEnd(at, end);
  const child = findChild(tree, level, at, <u32>(next - at));
  if (child !== null) matchFilters(tree, child, next + 1, end, true);
  if (level.hasPlus && wildcards) {
    const any = findWildcard(tree, level, PLUS);
    if (any !== null) matchFilters(tree, any, next + 1, end, true);
  }
}

function matchNames(tree: TopicTree, level: Level, at: usize, end: usize): void {
  if (!mayVisit()) return;
  if (at > end) {
    collect(level);
    return;
  }
  const next = levelEnd(at, end);
  const first = next - at == 1 ? <u32>load<u8>(at) : 0;
  if (first == HASH) {
    // The root has no name of its own, and is never collected: its value stays 0.
    collectBelow(tree, level);
  } else if (first == PLUS) {
    let child = changetype<NameLevel>(level).firstChild;
    while (child !== null) {
      if (visitsLeft == 0) return;
      if (!(level == tree.root && startsWithDollar(tree, child))) matchNames(tree, child, next + 1, end);
      child = child.nextSibling;
    }
  } else {
    const child = findChild(tree, level, at, <u32>(next - at));
    if (child !== null) matchNames(tree, child, next + 1, end);
  }
}

function collectBelow(tree: TopicTree, level: Level): void {
  if (!mayVisit()) return;
  collect(level);
  let child = changetype<NameLevel>(level).firstChild;
  while (child !== null) {
    if (!(level == tree.root && startsWithDollar(tree, child))) collectBelow(tree, child);
    child = child.nextSibling;
  }
}

function collect(level: Level): void {
  if (level.value == 0) return;
  if (foundCount == foundCapacity) {
    const larger = max<u32>(16, foundCapacity * 2);
    const size = (<usize>foundCapacity) << alignof<usize>();
    found = enlarge(found, size, size, (<usize>larger) << alignof<usize>());
    foundCapacity = larger;
  }
  store<Level>(found + ((<usize>foundCount) << alignof<usize>()), level);
  foundCount++;
}

function levelEnd(at: usize, end: usize): usize {
  while (at < end && <u32>load<u8>(at) != SLASH) at++;
  return at;
}

function bytesOf(tree: TopicTree, level: Level): usize {
  return changetype<usize>(level) + tree.structSize;
}

function startsWithDollar(tree: TopicTree, level: Level): bool {
  return level.length > 0 && <u32>load<u8>(bytesOf(tree, level)) == DOLLAR;
}

function isWildcard(bytes: usize, length: u32, wildcard: u32): bool {
  return length == 1 && <u32>load<u8>(bytes) == wildcard;
}

const WILDCARDS: usize = memory.data<u8>([0x2b, 0x23]);

function findWildcard(tree: TopicTree, parent: Level, wildcard: u32): Level | null {
  return findChild(tree, parent, wildcard == PLUS ? WILDCARDS : WILDCARDS + 1, 1);
}

function findChild(tree: TopicTree, parent: Level, bytes: usize, length: u32): Level | null {
  let level = load<Level | null>(bucketOf(tree, keyOf(parent, bytes, length)));
  while (level !== null) {
    if (level.parent == parent && level.length == length && memory.compare(bytesOf(tree, level), bytes, length) == 0) {
      return level;
    }
    level = level.chain;
  }
  return null;
}

function addChild(tree: TopicTree, parent: Level, bytes: usize, length: u32): Level {
  if (tree.levelCount >= tree.bucketCount) rehash(tree);
  const block = allocate(tree.structSize + length);
  memory.fill(block, 0, tree.structSize);
  const level = changetype<Level>(block);
  level.parent = parent;
  level.length = <u16>length;
  memory.copy(bytesOf(tree, level), bytes, length);
  const bucket = bucketOf(tree, keyOf(parent, bytes, length));
  level.chain = load<Level | null>(bucket);
  store<Level>(bucket, level);
  if (isNameTree(tree)) addSibling(changetype<NameLevel>(parent), changetype<NameLevel>(level));
  parent.childCount++;
  if (isWildcard(bytes, length, PLUS)) parent.hasPlus = true;
  if (isWildcard(bytes, length, HASH)) parent.hasHash = true;
  tree.levelCount++;
  return level;
}

function removeChild(tree: TopicTree, parent: Level, level: Level): void {
  const bytes = bytesOf(tree, level);
  let link = bucketOf(tree, keyOf(parent, bytes, level.length));
  while (load<Level>(link) != level) link = changetype<usize>(load<Level>(link)) + offsetof<Level>("chain");
  store<Level | null>(link, level.chain);
  if (isNameTree(tree)) removeSibling(changetype<NameLevel>(parent), changetype<NameLevel>(level));
  parent.childCount--;
  if (isWildcard(bytes, level.length, PLUS)) parent.hasPlus = false;
  if (isWildcard(bytes, level.length, HASH)) parent.hasHash = false;
  tree.levelCount--;
  release(changetype<usize>(level), tree.structSize + level.length);
}

function isNameTree(tree: TopicTree): bool {
  return tree.structSize == offsetof<NameLevel>();
}

function addSibling(parent: NameLevel, level: NameLevel): void {
  const sibling = parent.firstChild;
  level.nextSibling = sibling;
  if (sibling !== null) sibling.previousSibling = level;
  parent.firstChild = level;
}

function removeSibling(parent: NameLevel, level: NameLevel): void {
  const previous = level.previousSibling;
  const next = level.nextSibling;
  if (previous === null) parent.firstChild = next;
  else previous.nextSibling = next;
  if (next !== null) next.previousSibling = previous;
}

/** Not kept in the Level: found again in the rare cases that need it, it costs less than four bytes in every one. */
function keyOf(parent: Level, bytes: usize, length: u32): u32 {
  return hash(bytes, length, <u32>changetype<usize>(parent));
}

function bucketOf(tree: TopicTree, key: u32): usize {
  return tree.buckets + ((<usize>(key & (tree.bucketCount - 1))) << alignof<usize>());
}

function rehash(tree: TopicTree): void {
  const old = tree.buckets;
  const oldCount = tree.bucketCount;
  tree.bucketCount = oldCount * 2;
  tree.buckets = allocateZeroed((<usize>tree.bucketCount) << alignof<usize>());
  for (let i: u32 = 0; i < oldCount; i++) {
    let level = load<Level | null>(old + ((<usize>i) << alignof<usize>()));
    while (level !== null) {
      const next = level.chain;
      const bucket = bucketOf(tree, keyOf(level.parent!, bytesOf(tree, level), level.length));
      level.chain = load<Level | null>(bucket);
      store<Level>(bucket, level);
      level = next;
    }
  }
  release(old, (<usize>oldCount) << alignof<usize>());
}
