// The next point in time at which the client wants to act. It has only this one, so it does without the heap of deadlines
// that the broker keeps (effect/deadline.ts).

import { NO_DEADLINE } from "../abi";
import { nowMs } from "../effect/clock";

const NEVER = u64.MAX_VALUE;

let deadlineMs: u64 = NEVER;

/** u64.MAX_VALUE: none. */
export function setDeadline(atMs: u64): void {
  deadlineMs = atMs;
}

/** Is it due? Then it is no longer set. */
export function takeDue(): bool {
  if (deadlineMs > nowMs) return false;
  deadlineMs = NEVER;
  return true;
}

/** Milliseconds from now, or NO_DEADLINE. */
export function untilDeadline(): u32 {
  if (deadlineMs == NEVER) return NO_DEADLINE;
  return <u32>min<u64>(max(deadlineMs, nowMs) - nowMs, NO_DEADLINE - 1);
}
