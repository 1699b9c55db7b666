// Configurations put together at random from keys, values, changed lines and noise, into the core: it
// never traps, says OK or names between 1 and 21 faults, all of it or nothing, and gives back every byte.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, Core, type CoreEvent } from "../../host/core.ts";
import { Random } from "./world.ts";

const RUNS = 50;
const TEXTS = 500;

const KEYS = [
  ...readFileSync(new URL("../../assembly/config/README.md", import.meta.url), "utf8").matchAll(/^\| `(.*?)`/gm),
].map((match) => match[1] as string);
const VALUES = [
  "true",
  "false",
  "0",
  "1",
  "-1",
  "2",
  "1883",
  "65535",
  "65536",
  "4294967296",
  "",
  " ",
  "1883 ::1",
  "0 /s",
];
VALUES.push(
  "1h",
  "9y",
  "9999999999y",
  "all",
  "none",
  "file /x",
  "file",
  "stdout",
  "mqtt",
  "€",
  "a b  c\t",
  "x".repeat(5_000),
);
const ENDS = ["\n", "\n", "\n", "\r\n", "\n\n", "", "\n#", " \n\t"];
/** Most texts have no fault but the one that the rest of them has. */
const GOOD = ["allow_anonymous true", "listener 1883", "max_qos 1", "pid_file /p", "log_type all", "sys_interval 0"];

function line(random: Random): Buffer {
  const choice = random.below(10);
  if (choice < 5) return Buffer.from(random.pick(GOOD));
  const whole = Buffer.from(`${random.pick(KEYS)} ${random.pick(VALUES)}`);
  if (choice < 8) return whole;
  if (choice === 8) {
    whole[random.below(whole.length)] = random.below(256);
    return whole;
  }
  return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
}

function text(random: Random): Buffer {
  const lines: Buffer[] = [];
  for (let count = random.below(random.oneIn(50) ? 400 : 12); count > 0; count--) {
    lines.push(line(random), Buffer.from(random.pick(ENDS)));
  }
  return Buffer.concat(lines);
}

function options(core: Core<BrokerExports>): number[] {
  return Array.from({ length: abi.OPTION_COUNT }, (_, option) => core.exports.optionValue(option));
}

/** A core whose buffers have grown as far as a text with faults makes them grow. */
function warmCore(): Core<BrokerExports> {
  const core = new Core<BrokerExports>("broker", 64, 1);
  expect(configure(core, Buffer.from("x\n".repeat(150_000))).status).toBe(abi.BAD_ARGUMENT);
  expect(configure(core, Buffer.from("x\n".repeat(22))).events.length).toBe(21);
  return core;
}

function configure(core: Core<BrokerExports>, bytes: Uint8Array): { status: number; events: CoreEvent[] } {
  core.writeArgument(bytes);
  const status = core.exports.configure(bytes.length);
  return { status, events: core.drainEvents() };
}

/** Bytes of the table of event records: a good text may have 256, and the default listener. */
const RECORDS_MAX = 512 * abi.EVENT_SIZE;

it(`reads ${RUNS * TEXTS} texts without a trap, and keeps nothing of them`, { timeout: 120_000 }, () => {
  let good = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      let core = warmCore();
      for (let count = 0; count < TEXTS; count++) {
        const bytes = text(random);
        const before = options(core);
        const heap = core.exports.heapInUse();
        const { status, events } = configure(core, bytes);
        const faults = events.filter(({ kind }) => kind === abi.EVENT_FAULT).length;
        if (status === abi.OK) {
          good++;
          expect(faults).toBe(0);
          expect(core.exports.heapInUse() - heap).toBeLessThanOrEqual(RECORDS_MAX);
          core = warmCore();
        } else {
          expect([status, faults]).toEqual([abi.BAD_ARGUMENT, events.length]);
          expect(faults > 0 && faults < 22).toBe(true);
          expect(core.exports.heapInUse()).toBe(heap);
          expect(options(core)).toEqual(before);
        }
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  expect(good).toBeGreaterThan(RUNS);
});
