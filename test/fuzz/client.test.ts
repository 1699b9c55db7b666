// Packets of every version, valid, changed and random, from a server into the whole client core: it never traps, sends nothing
// that its server would have to close the connection for (observer.ts), and stays within its limits. A failed run prints its
// seed.

import fc from "fast-check";
import { expect, it } from "vitest";
import { Host } from "./client-host.ts";

const RUNS = 100;
const STEPS = 5_000;
const KEPT_MAX = 200_000;

it(`takes ${RUNS * STEPS} steps without a trap, and stays within its limits`, () => {
  let messages = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const host = new Host(seed);
      host.core.exports.connect();
      for (let step = 0; step < STEPS; step++) host.step();
      host.drain();
      messages += host.messages;
      expect(host.core.exports.heapInUse()).toBeLessThan(KEPT_MAX);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  // A server whose packets never arrived would test nothing.
  expect(messages).toBeGreaterThan((RUNS * STEPS) / 50);
}, 120_000);
