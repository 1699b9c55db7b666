// Packets, valid, changed and random, from a server into the whole client core: it never traps, and when it is told to end it
// has given back what it took. A failed run prints its seed.

import fc from "fast-check";
import { expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { type ClientExports, Core } from "../../host/core.ts";
import { anyPacket, Random } from "./world.ts";

const RUNS = 100;
const STEPS = 2_000;
const KEPT_MAX = 200_000;

const CONNACK = Uint8Array.of(0x20, 2, 0, 0);

function command(core: Core<ClientExports>, random: Random): void {
  const topic = Buffer.from(random.pick(["a", "a/b", "#", "", "+/x"]));
  const what = random.below(4);
  if (what < 2) {
    const payload = Buffer.alloc(random.below(3_000));
    core.writeArgument(topic, payload);
    core.exports.publish(topic.length, payload.length, random.below(7));
  } else {
    core.writeArgument(topic);
    if (what === 2) core.exports.subscribe(topic.length, random.below(4));
    else core.exports.unsubscribe(topic.length);
  }
}

function run(seed: number): Core<ClientExports> {
  const random = new Random(seed);
  const core = new Core<ClientExports>("client", 1_024, seed);
  core.exports.setOption(abi.OPTION_OUTBOX_BYTES_MAX, 20_000);
  core.exports.setOption(abi.OPTION_OUTBOX_DROP, random.below(2));
  core.exports.setOption(abi.OPTION_PACKET_SIZE_MAX, 4_000);
  core.exports.setOption(abi.OPTION_PROTOCOL_LEVEL, 3 + random.below(2));
  let nowMs = 0;
  let open = false;
  const drain = () => {
    let busy = true;
    while (busy) {
      busy = core.drainSends((connection, bytes) => {
        if (random.below(20) === 0) core.exports.handleBlocked(connection, random.below(bytes.length + 2));
      });
      for (const event of core.drainEvents()) {
        busy = true;
        if (event.kind === abi.EVENT_CLOSE) open = false;
        if (event.kind === abi.EVENT_OPEN) {
          open = random.below(5) > 0;
          if (open) core.exports.handleOpened();
          else core.exports.handleClosed();
          if (open) core.handleBytes(abi.CLIENT_CONNECTION, random.below(9) === 0 ? anyPacket(random, true) : CONNACK);
        }
      }
    }
  };
  core.exports.connect();
  for (let step = 0; step < STEPS; step++) {
    const what = random.below(20);
    if (what === 0) command(core, random);
    else if (what === 1 || !open) {
      nowMs += random.below(40_000);
      core.exports.handleTime(nowMs);
    } else if (what === 2) core.exports.handleWritable(abi.CLIENT_CONNECTION);
    else if (what === 3 && open) {
      open = false;
      core.exports.handleClosed();
    } else if (open) core.handleBytes(abi.CLIENT_CONNECTION, anyPacket(random, true));
    if (random.below(3) === 0) drain();
  }
  drain();
  return core;
}

it(`takes ${RUNS * STEPS} steps without a trap, and stays within its limits`, () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const core = run(seed);
      expect(core.exports.heapInUse()).toBeLessThan(KEPT_MAX);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
}, 120_000);
