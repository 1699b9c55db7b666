// A million packets of every version, valid, changed and random, into the whole broker core: it never traps, sends nothing
// that its clients would have to close the connection for (observer.ts), never keeps more than its limits allow, and when
// everybody has gone and every Session is over it has given back every byte. A failed run prints its seed.

import fc from "fast-check";
import { expect, it } from "vitest";
import { parseBytes } from "../core/vectors.ts";
import { Host } from "./broker-host.ts";

const RUNS = 100;
const PACKETS = 10_000;

/** What the limits of the host allow to be kept at once, with room for structs and tables. */
const KEPT_MAX = 700_000;
/** Bytes by which tables that never shrink may have grown. */
const TABLES_MAX = 4_000;

it(`takes ${RUNS * PACKETS} packets without a trap, and keeps no more than its limits allow`, () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const host = new Host(seed);
      const { exports } = host.core;
      host.clear();
      const emptyBytes = exports.heapInUse();
      host.vary();
      for (let count = 0; count < PACKETS; count++) host.step();
      // Most packets reach a client that is online, and are answered or passed on.
      expect(host.sentBytes).toBeGreaterThan(PACKETS);
      expect(exports.heapInUse()).toBeLessThan(KEPT_MAX);
      expect(exports.memory.buffer.byteLength).toBeLessThan(4 * KEPT_MAX);
      host.clear();
      expect(exports.heapInUse()).toBeLessThan(emptyBytes + TABLES_MAX);
      host.vary();
      for (let count = 0; count < 100; count++) host.step();
      host.shutDown();
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
}, 120_000);

/** What a client of 5.0 does that leaves something to be forgotten; it ends by a broken connection. */
const LIFE = [
  '10 [ "MQTT" 05 2e 0000 [ 11 0000000a 22 0002 21 0005 26 "k" "v" ] "NAME" [ 18 00000005 26 "k" "v" ] "a/will" "gone" ]',
  '82 [ 0001 [ 0b 07 26 "midge_expiry" "60" ] "a/+" 02 "#" 0d ] 82 [ 0002 [ 0b 08 ] "$share/g/a/#" 02 ]',
  '35 [ "a/long/name" 0007 [ 02 0000003c 26 "k" "v" 23 0001 ] \'retained at QoS 2\' ]',
  '33 [ "" 0008 [ 23 0001 03 "text/plain" ] \'retained at QoS 1\' ] 31 [ "a/b" [ 08 "r" 09 "c" ] \'at QoS 0\' ]',
];

it("gives back every byte when clients have come, used everything, and gone", () => {
  const host = new Host(1);
  const { exports } = host.core;
  const round = () => {
    for (const name of ["one", "two", "three"]) host.open(parseBytes(LIFE.join(" ").replace("NAME", name)));
    host.clear();
  };
  round();
  round();
  const before = exports.heapInUse();
  for (let count = 0; count < 500; count++) round();
  expect(exports.heapInUse()).toBe(before);
});
