// Retained messages: the last one of each Topic Name that was published with RETAIN [MQTT-3.3.1-5], until it expires.

import { OPTION_RETAINED_BYTES_MAX, OPTION_RETAINED_MAX } from "../abi";
import { hold, letGo } from "../bytes/counted";
import { heapFull } from "../bytes/heap";
import { createDeadline, Deadline, destroyDeadline, setDeadline } from "../effect/deadline";
import { option } from "../limits";
import { expires, expiresAtMs, expiryDeadline, Message, setExpiryDeadline, topicNameOf } from "../session/message";
import {
  collectNames,
  createNameTree,
  ensureLevel,
  findLevel,
  foundLevel,
  Level,
  pruneLevel,
  TopicTree,
} from "../topic/tree";
import { DEADLINE_RETAINED } from "./deadlines";

export let retainedCount: u32 = 0;
export let retainedBytes: u32 = 0;

let tree: TopicTree = changetype<TopicTree>(0);

export function initRetained(): void {
  tree = createNameTree();
}

/** Keeps this message, which is held, in place of the one before. False when there is no room: then neither is kept. */
export function retain(message: Message): bool {
  const level = ensureLevel(tree, topicNameOf(message), message.topicNameLength);
  dropAt(level);
  if (
    heapFull() ||
    retainedCount >= option(OPTION_RETAINED_MAX) ||
    retainedBytes + message.size > option(OPTION_RETAINED_BYTES_MAX)
  ) {
    pruneLevel(tree, level);
    return false;
  }
  hold(message);
  level.value = changetype<usize>(message);
  if (expires(message)) {
    const deadline = createDeadline(DEADLINE_RETAINED, changetype<usize>(message));
    setExpiryDeadline(message, changetype<usize>(deadline));
    setDeadline(deadline, expiresAtMs(message));
  }
  retainedCount++;
  retainedBytes += message.size;
  return true;
}

/** A retained message with an empty payload: forget what is retained [MQTT-3.3.1-6]. */
export function clearRetained(topicName: usize, length: u32): void {
  const level = findLevel(tree, topicName, length);
  if (level === null) return;
  dropAt(level);
  pruneLevel(tree, level);
}

/** The deadline of a retained message is due. */
export function handleRetainedExpiry(message: Message): void {
  clearRetained(topicNameOf(message), message.topicNameLength);
}

/** Finds the retained messages that a Topic Filter matches, `countMax` at the most; returns their count, to be read with
 *  retainedAt() before anything is retained or cleared. */
export function matchRetained(filter: usize, length: u32, countMax: u32): u32 {
  return collectNames(tree, filter, length, countMax);
}

export function retainedAt(index: u32): Message {
  return changetype<Message>(foundLevel(index).value);
}

function dropAt(level: Level): void {
  if (level.value == 0) return;
  const message = changetype<Message>(level.value);
  retainedCount--;
  retainedBytes -= message.size;
  level.value = 0;
  if (expires(message)) destroyDeadline(changetype<Deadline>(expiryDeadline(message)));
  letGo(message);
}
