// How long to wait before the next attempt to connect: twice as long each time, up to a limit, and each time a random part
// shorter, so that a thousand devices that lost the same broker do not come back at the same moment. Seeded: a run repeats.

import { OPTION_RECONNECT_MAX_MS, OPTION_RECONNECT_MIN_MS } from "../abi";
import { option } from "../limits";

/** The longest of the next wait; 0 before the first. */
let stepMs: u32 = 0;
let random: u32 = 1;

export function seedBackoff(seed: u32): void {
  // 0 is the one state that the generator does not leave.
  random = seed == 0 ? 0x9e3779b9 : seed;
}

/** Connected: the next wait is the shortest again. */
export function resetBackoff(): void {
  stepMs = 0;
}

/** Milliseconds to wait: between half of the step and all of it. */
export function nextBackoff(): u32 {
  const longestMs = max(option(OPTION_RECONNECT_MAX_MS), 1);
  // Doubling must not overflow.
  const doubled = stepMs > longestMs >> 1 ? longestMs : stepMs << 1;
  stepMs = min(stepMs == 0 ? max(option(OPTION_RECONNECT_MIN_MS), 1) : doubled, longestMs);
  return stepMs - <u32>((<u64>stepMs * (nextRandom() & 0xffff)) / 0x20000);
}

/** Marsaglia's xorshift, 32 bits. */
function nextRandom(): u32 {
  random ^= random << 13;
  random ^= random >> 17;
  random ^= random << 5;
  return random;
}
