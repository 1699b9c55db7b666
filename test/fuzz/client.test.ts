// Packets of every version, valid, changed and random, from a server into the whole client core: it never traps, sends nothing
// that its server would have to close the connection for (observer.ts), stays within its limits, and when all that it had to
// do is done it has given back every byte. A failed run prints its seed.

import fc from "fast-check";
import { expect, it } from "vitest";
import { Host } from "./client-host.ts";

const RUNS = 100;
const STEPS = 10_000;
const KEPT_MAX = 100_000;
/** Bytes by which tables that never shrink may have grown. */
const TABLES_MAX = 12_000;

it(`takes ${RUNS * STEPS} steps without a trap, and stays within its limits`, () => {
  let messages = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const host = new Host(seed);
      const { exports } = host.core;
      host.finish();
      const emptyBytes = exports.heapInUse();
      for (let step = 0; step < STEPS; step++) host.step();
      host.drain();
      messages += host.messages;
      expect(exports.heapInUse()).toBeLessThan(KEPT_MAX);
      host.finish();
      expect(exports.heapInUse()).toBeLessThan(emptyBytes + TABLES_MAX);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  // A server whose packets never arrived would test nothing.
  expect(messages).toBeGreaterThan((RUNS * STEPS) / 50);
}, 120_000);
