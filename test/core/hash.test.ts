// The tables of the core stand or fall with the spread of their keys: names that differ by a digit, and one level under many
// parents, must not share a bucket more often than chance would have them. (Chance was once lost: `+` had the same hash under
// every parent.)

import { describe, expect, it } from "vitest";
import { loadCodec } from "./codec.ts";

const codec = loadCodec();

const KEYS = 8_192;
const BUCKETS = 1_024;

function hashOf(text: string, start: number): number {
  const bytes = Buffer.from(text);
  codec.put(bytes);
  return codec.core.hashOf(bytes.length, start) >>> 0;
}

/** Keys in the fullest bucket. By chance 8 on average, and over 24 less than once in a thousand tables. */
function fullest(keys: Iterable<number>): number {
  const counts = new Uint32Array(BUCKETS);
  for (const key of keys) counts[key % BUCKETS] = (counts[key % BUCKETS] as number) + 1;
  return Math.max(...counts);
}

const numbers = Array.from({ length: KEYS }, (_, index) => index);

describe("hash", () => {
  for (const [what, keyOf] of [
    ["names that differ in their last digits", (n: number) => hashOf(`bench/${n}`, 0)],
    ["names that differ in the middle", (n: number) => hashOf(`plant/${n}/temperature`, 0)],
    ["short names", (n: number) => hashOf(n.toString(36), 0)],
    ["one name under many parents", (n: number) => hashOf("+", 0x10000 + n * 48)],
    ["a longer name under many parents", (n: number) => hashOf("temperature", 0x10000 + n * 64)],
    ["names that differ in length", (n: number) => hashOf("a".repeat(n % 4_096), n >> 12)],
  ] as const) {
    it(`spreads ${what}`, () => {
      expect(fullest(numbers.map(keyOf))).toBeLessThan(32);
    });
  }
});
