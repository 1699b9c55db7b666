// The contract of an engine, kept by each of them: what host/core.ts relies on, and what a module that is not ours may do. The
// flows and vectors show that the core itself gives the same on all of them.
import { totalmem } from "node:os";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeAll, describe, expect, it } from "vitest";
import loadWabt from "wabt";
import { type BrokerExports, Core, moduleBytes } from "../../host/core.ts";
import { type EngineName, engineOf } from "../../host/engine.ts";
import { moduleFunctions } from "../../host/module-functions.ts";
import { loadCodec } from "./codec.ts";
import { parseBytes } from "./vectors.ts";

const TEXT = `(module
  (memory (export "memory") 1 40000)
  (global $count (mut i32) (i32.const 0))
  (func (export "count") (result i32) (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
  (func (export "same") (param i32) (result i32) (local.get 0))
  (func (export "difference") (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
  (func (export "low") (result i64) (i64.const -9223372036854775808))
  (func (export "none") (param i32))
  (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "growAndTrap") (drop (memory.grow (i32.const 1))) (unreachable))
  (func (export "trap") (result i32) (unreachable))
  (func $dive (export "dive") (param i32) (result i32) (i32.add (call $dive (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))`;

interface Toy {
  memory: WebAssembly.Memory;
  count(): number;
  same(value?: unknown, more?: unknown): number;
  difference(one: number, other: number): number;
  low(): bigint;
  none(value: number): undefined;
  peek(at: number): number;
  poke(at: number, value: number): void;
  grow(pages: number): number;
  growAndTrap(): void;
  trap(): number;
  dive(depth: number): number;
}

const PAGE = 65_536;
let toyBytes: Uint8Array;

beforeAll(async () => {
  const wabt = await loadWabt();
  toyBytes = wabt.parseWat("toy.wat", TEXT).toBinary({}).buffer;
});

describe.each(["v8", "wasm3"] as EngineName[])("%s", (name) => {
  const engine = engineOf(name);
  const makeToy = () => engine.instantiate(toyBytes, "toy") as Toy;

  it("gives out a module's functions and its memory, and nothing else", () => {
    const exports = engine.instantiate(moduleBytes("broker"), "broker");
    const names = moduleFunctions(moduleBytes("broker")).map((described) => described.name);
    expect(Object.keys(exports).sort()).toEqual([...names, "memory"].sort());
  });

  it("converts arguments and results", () => {
    const toy = makeToy();
    const given = [5, -1, 0xffff_ffff, 2 ** 31, 2 ** 32 + 7, 1.9, Number.NaN, true, false, "12", null, undefined];
    expect(given.map((value) => toy.same(value))).toEqual([5, -1, -1, -(2 ** 31), 7, 1, 0, 1, 0, 12, 0, 0]);
    expect([toy.same(), toy.same(3, 4), toy.difference(2, 5)]).toEqual([0, 3, -3]);
    expect([toy.none(1), toy.low()]).toEqual([undefined, -(2n ** 63n)]);
    expect(() => toy.same(Symbol("none"))).toThrow(TypeError);
    const fails = { valueOf: () => assertFails() };
    expect(() => toy.same(fails)).toThrow("of the argument");
    expect(toy.count(), "no argument ends an instance").toBe(1);
  });

  it("returns 64 bits of the codec", () => {
    const { core, put } = loadCodec(name);
    const packet = parseBytes('30 [ "t" [ 02 ffffffff ] ]');
    put(packet);
    expect(core.decode(packet.length, 5)).toBe(0);
    expect(core.publishExpirySec()).toBe(0xffff_ffffn);
  });

  it("shows the memory as it is, from both sides", () => {
    const toy = makeToy();
    expect(toy.memory.buffer.byteLength).toBe(PAGE);
    new DataView(toy.memory.buffer).setUint32(100, 0x01020304, true);
    expect(toy.peek(100)).toBe(0x01020304);
    toy.poke(PAGE - 4, -2);
    expect([...new Uint8Array(toy.memory.buffer, PAGE - 4)]).toEqual([0xfe, 0xff, 0xff, 0xff]);
  });

  it("shows another buffer when the memory has grown, and detaches the old one", () => {
    const toy = makeToy();
    const before = toy.memory.buffer;
    toy.poke(8, 77);
    expect(toy.count()).toBe(1);
    expect(toy.memory.buffer, "a call that does not grow it").toBe(before);
    expect([toy.grow(0), toy.grow(3)]).toEqual([1, 1]);
    expect([before.byteLength, toy.memory.buffer.byteLength]).toEqual([0, 4 * PAGE]);
    expect(toy.memory.buffer).not.toBe(before);
    expect(new Uint8Array(toy.memory.buffer)[8]).toBe(77);
    expect(new Uint8Array(toy.memory.buffer).subarray(PAGE).every((byte) => byte === 0)).toBe(true);
    for (let pages = 5; pages < 200; pages++) expect(toy.grow(1)).toBe(pages - 1);
    expect([toy.peek(8), toy.memory.buffer.byteLength]).toEqual([77, 199 * PAGE]);
    expect(toy.grow(0xffff), "more than the module may have").toBe(-1);
  });

  it("grows a core's memory under the host's views", () => {
    const core = new Core<BrokerExports>("broker", 4096, 1, name);
    const before = core.exports.memory.buffer;
    core.writeArgument(Buffer.alloc(5_000_000, 1), Buffer.from([2]));
    expect([before.byteLength, core.exports.memory.buffer.byteLength > 5_000_000]).toEqual([0, true]);
    expect(new Uint8Array(core.exports.memory.buffer)[(core.exports.argumentPtr(5_000_001) >>> 0) + 5_000_000]).toBe(2);
  });

  // wasm3 really takes the memory that it grows by, and the machine must have it.
  it.skipIf(totalmem() < 8 * 2 ** 30)("has addresses over 2 GiB, on a machine with 8 GiB", () => {
    const toy = makeToy();
    expect(toy.grow(32_768)).toBe(1);
    const high = 2 ** 31 + 16;
    toy.poke(high, 99);
    expect([toy.peek(high), toy.peek(high | 0)]).toEqual([99, 99]);
    const memory = Buffer.from(toy.memory.buffer);
    expect(memory.readUInt32LE(high)).toBe(99);
    memory.set(Buffer.from([1, 2, 3, 4]), high);
    expect(toy.peek(high)).toBe(0x04030201);
  });

  it("keeps two instances apart", () => {
    const [one, other] = [makeToy(), makeToy()];
    expect([one.count(), one.count(), other.count()]).toEqual([1, 2, 1]);
    one.poke(0, 5);
    expect(() => one.trap()).toThrow();
    expect([other.peek(0), other.count(), other.grow(1)]).toEqual([0, 2, 1]);
    expect(one.memory.buffer.byteLength).toBe(PAGE);
  });

  it("throws for a trap", () => {
    const { RuntimeError } = WebAssembly;
    expect(() => makeToy().trap()).toThrow(RuntimeError);
    expect(() => makeToy().trap()).toThrow(/unreachable/);
    expect(() => makeToy().peek(PAGE - 3)).toThrow(/out of bounds/);
    expect(() => makeToy().poke(-1, 0)).toThrow(/out of bounds/);
    // V8's own is a RangeError.
    expect(() => makeToy().dive(0)).toThrow(/stack/i);
    const toy = makeToy();
    expect(() => toy.growAndTrap()).toThrow(RuntimeError);
    expect(toy.memory.buffer.byteLength).toBe(2 * PAGE);
  });

  it("refuses what is no module", () => {
    expect(() => engine.instantiate(Buffer.from("no module"), "none")).toThrow();
    expect(() => engine.instantiate(toyBytes.subarray(0, toyBytes.length - 5), "none")).toThrow();
  });

  it("frees an instance when nothing of it is within reach", async () => {
    const rss = async () => {
      for (let round = 0; round < 4; round++) {
        collectGarbage();
        await turn();
      }
      return process.memoryUsage().rss;
    };
    const before = await rss();
    for (let round = 0; round < 10; round++) {
      // 40 MB each time, written to.
      for (let count = 0; count < 10; count++) {
        const { exports } = new Core<BrokerExports>("broker", 4096, 1, name);
        const at = exports.argumentPtr(4_000_000) >>> 0;
        new Uint8Array(exports.memory.buffer).fill(1, at, at + 4_000_000);
      }
      await rss();
    }
    expect((await rss()) - before).toBeLessThan(200_000_000);
  });

  it("keeps an instance of which a function or a buffer is left", async () => {
    const { peek, poke } = makeToy();
    const { buffer } = makeToy().memory;
    for (let round = 0; round < 4; round++) {
      collectGarbage();
      await turn();
    }
    poke(40, 6);
    new Uint8Array(buffer).fill(7);
    expect([peek(40), new Uint8Array(buffer)[PAGE - 1]]).toEqual([6, 7]);
  });
});

describe("wasm3 alone", () => {
  // V8 does not: its calls cost the same with or without a check, which ours would have to make.
  it("ends an instance that has trapped", () => {
    const toy = engineOf("wasm3").instantiate(toyBytes, "toy") as Toy;
    expect(() => toy.trap()).toThrow(/unreachable/);
    expect(() => toy.count()).toThrow(/unreachable/);
    expect(() => toy.peek(0)).toThrow(WebAssembly.RuntimeError);
  });
});

function assertFails(): number {
  throw new Error("of the argument");
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
