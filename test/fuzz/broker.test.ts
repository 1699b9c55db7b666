// A million packets, valid, changed and random, into the whole broker core: it never traps, never keeps more than its limits
// allow, and when everybody has gone and every Session is discarded it has given back every byte. A failed run prints its
// seed.

import fc from "fast-check";
import { expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, Core } from "../../host/core.ts";
import { anyPacket, connectPacket, packet, Random } from "./world.ts";

const RUNS = 100;
const PACKETS = 10_000;
const CONNECTIONS = 12;

/** Small limits, so that all of them are met. */
const LIMITS: [option: number, value: number][] = [
  [abi.OPTION_CONNECTIONS_MAX, CONNECTIONS - 2],
  [abi.OPTION_SESSIONS_MAX, 4],
  [abi.OPTION_PACKET_SIZE_MAX, 4_000],
  [abi.OPTION_SUBSCRIPTIONS_MAX, 20],
  [abi.OPTION_SESSION_SUBSCRIPTIONS_MAX, 8],
  [abi.OPTION_RETAINED_MAX, 5],
  [abi.OPTION_RETAINED_BYTES_MAX, 5_000],
  [abi.OPTION_SESSION_QUEUE_BYTES_MAX, 10_000],
  [abi.OPTION_QUEUE_BYTES_MAX, 25_000],
  [abi.OPTION_INFLIGHT_MAX, 4],
  [abi.OPTION_INFLIGHT_BYTES_MAX, 4_000],
  [abi.OPTION_OUTPUT_BYTES_SOFT, 8_000],
  [abi.OPTION_OUTPUT_BYTES_MAX, 16_000],
  [abi.OPTION_INPUT_WAITING_MAX, 20_000],
  [abi.OPTION_MATCH_CACHE_BYTES, 4_096],
];

/** What these limits allow to be kept at once, with room for structs and tables. */
const KEPT_MAX = 600_000;

/** A host that remembers which connections are open and does at random what sockets do. */
class Host {
  readonly core = new Core<BrokerExports>("broker", 2_048, 1);
  readonly random: Random;
  readonly open: number[] = [];
  nowMs = 0;
  sentBytes = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    for (const [option, value] of LIMITS) this.core.exports.setOption(option, value);
    this.core.exports.setOption(abi.OPTION_EVENTS, this.random.below(2) === 0 ? 0 : 0x1f8);
    this.core.exports.setOption(abi.OPTION_AUTHENTICATE, this.random.below(2));
    this.tick(0);
  }

  tick(ms: number): void {
    this.nowMs += ms;
    this.core.exports.handleTime(this.nowMs);
    this.drain();
  }

  drain(): void {
    const { random, core } = this;
    let busy = true;
    while (busy) {
      busy = core.drainSends((connection, bytes) => {
        this.sentBytes += bytes.length;
        if (random.below(50) === 0) core.exports.handleBlocked(connection, random.below(bytes.length + 2));
      });
      for (const event of core.drainEvents()) {
        busy = true;
        if (event.kind === abi.EVENT_CLOSE) this.forget(event.connection);
        if (event.kind === abi.EVENT_AUTHENTICATE) {
          core.exports.handleAuthenticated(event.connection, random.below(20) === 0 ? 5 : 0);
        }
      }
    }
  }

  forget(connection: number): void {
    this.open.splice(this.open.indexOf(connection), 1);
  }

  /** Bytes of one connection, often cut in the middle of a packet. */
  feed(connection: number, bytes: Uint8Array): void {
    const cut = this.random.below(4) === 0 ? this.random.below(bytes.length) : 0;
    if (cut > 0) this.core.handleBytes(connection, bytes.subarray(0, cut));
    this.core.handleBytes(connection, bytes.subarray(cut));
  }

  step(): void {
    const { random, core, open } = this;
    if (open.length === 0 || random.below(20) === 0) {
      const connection = core.exports.open();
      if (connection === 0) return;
      open.push(connection);
      this.feed(connection, random.below(10) === 0 ? anyPacket(random) : connectPacket(random));
    }
    const connection = random.pick(open);
    const what = random.below(100);
    if (what === 0) {
      core.exports.handleClosed(connection);
      this.forget(connection);
    } else if (what === 1) core.exports.handleWritable(connection);
    else if (what === 2) this.tick(random.below(3_000));
    else this.feed(connection, anyPacket(random));
    if (random.below(3) === 0) this.drain();
  }

  /** Everybody goes, and comes once more to discard the Session it left. */
  clear(): void {
    this.core.exports.setOption(abi.OPTION_AUTHENTICATE, 0);
    this.drain();
    for (const connection of [...this.open]) {
      this.core.exports.handleClosed(connection);
      this.forget(connection);
    }
    this.drain();
  }
}

it(`takes ${RUNS * PACKETS} packets without a trap, and keeps no more than its limits allow`, () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const host = new Host(seed);
      for (let count = 0; count < PACKETS; count++) host.step();
      host.clear();
      // Most packets reach a client that is online, and are answered or passed on.
      expect(host.sentBytes).toBeGreaterThan(PACKETS);
      expect(host.core.exports.heapInUse()).toBeLessThan(KEPT_MAX);
      expect(host.core.exports.memory.buffer.byteLength).toBeLessThan(4 * KEPT_MAX);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
}, 120_000);

it("gives back every byte when clients have come, used everything, and gone", () => {
  const host = new Host(1);
  const { core } = host;
  core.exports.setOption(abi.OPTION_AUTHENTICATE, 0);
  const round = () => {
    for (const id of ["one", "two"]) {
      const connection = core.exports.open();
      host.open.push(connection);
      const clean = packet(0x10, Buffer.from(`\0\x04MQTT\x04\x06\0\0\0\x03${id}\0\x04will\0\x02hi`));
      core.handleBytes(connection, clean);
      core.handleBytes(connection, packet(0x82, Buffer.from("\0\x01\0\x03a/+\x02\0\x01#\x01")));
      core.handleBytes(connection, packet(0x35, Buffer.from("\0\x03a/b\0\x07retained at QoS 2")));
      core.handleBytes(connection, packet(0x33, Buffer.from("\0\x03a/c\0\x08retained at QoS 1")));
      host.drain();
    }
    // Clears what is retained.
    core.handleBytes(host.open[0] as number, packet(0x31, Buffer.from("\0\x03a/b")));
    core.handleBytes(host.open[0] as number, packet(0x31, Buffer.from("\0\x03a/c")));
    host.drain();
    for (const connection of [...host.open]) {
      core.exports.handleClosed(connection);
      host.forget(connection);
    }
    host.drain();
  };
  round();
  round();
  const before = core.exports.heapInUse();
  for (let count = 0; count < 1_000; count++) round();
  expect(core.exports.heapInUse()).toBe(before);
});
