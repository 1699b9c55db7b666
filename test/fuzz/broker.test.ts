// A million packets of every version, valid, changed and random, into the whole broker core: it never traps, sends nothing
// that its clients would have to close the connection for (observer.ts), never keeps more than its limits allow, and when
// everybody has gone and every Session is over it has given back every byte. A failed run prints its seed.

import fc from "fast-check";
import { expect, it } from "vitest";
import { Host } from "./broker-host.ts";

const RUNS = 100;
const PACKETS = 10_000;

/** What the limits of the host allow to be kept at once, with room for structs and tables. */
const KEPT_MAX = 700_000;

it(`takes ${RUNS * PACKETS} packets without a trap, and keeps no more than its limits allow`, () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const host = new Host(seed);
      for (let count = 0; count < PACKETS; count++) host.step();
      // Most packets reach a client that is online, and are answered or passed on.
      expect(host.sentBytes).toBeGreaterThan(PACKETS);
      const { exports } = host.core;
      expect(exports.heapInUse()).toBeLessThan(KEPT_MAX);
      expect(exports.memory.buffer.byteLength).toBeLessThan(4 * KEPT_MAX);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
}, 120_000);
