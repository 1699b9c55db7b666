// What an engine has recorded, every engine replays, to the byte: all flows, recorded on one and replayed on the other. And
// what is no such recording is told apart: one that differs, is cut, is damaged, or is of something else.
import { describe, expect, it } from "vitest";
import { differenceLines } from "../../host/cli/replay-text.ts";
import { type BrokerExports, Core } from "../../host/core.ts";
import { type Engine, engineOf } from "../../host/engine.ts";
import { RecordingWriter, recordingEngine } from "../../host/recording.ts";
import { bytesSource, RecordingReader } from "../../host/recording-reader.ts";
import { ReplayDifference, type Replayed, replay } from "../../host/replay.ts";
import { recordFlow } from "./flow-recording.ts";
import { MODES, type Mode } from "./flow-run.ts";
import { readFlows } from "./flows.ts";
import { parseBytes } from "./vectors.ts";

const flows = readFlows();
const files = [...new Set(flows.map(({ at }) => at.split(":")[0]))];
const v8 = engineOf("v8");
const wasm3 = engineOf("wasm3");

function mode(name: string): Mode {
  return MODES.find((one) => one.name === name) as Mode;
}

/** How it is recorded, and what replays it. */
const WAYS = [
  [mode("whole"), wasm3],
  [mode("byte by byte, wasm3"), v8],
] as const;

describe("the flows", () => {
  it.each(files)("%s", (file) => {
    for (const flow of flows.filter(({ at }) => at.startsWith(`${file}:`))) {
      for (const [recorded, engine] of WAYS) {
        const recording = recordFlow(flow, recorded);
        if (recording === null) continue;
        const reader = new RecordingReader(bytesSource(recording));
        expect(replay(reader, engine).calls, flow.at).toBeGreaterThan(0);
        expect(reader.isCut).toBe(false);
      }
    }
  });
});

/** A short life of a broker, recorded as far as it comes. */
function record(engine: Engine): Buffer {
  const pieces: Buffer[] = [];
  const writer = new RecordingWriter((bytes) => pieces.push(Buffer.from(bytes)));
  const core = new Core<BrokerExports>(
    "broker",
    64,
    1,
    recordingEngine(engine, () => writer),
  );
  const { exports } = core;
  const drain = () => {
    core.drainSends(() => {});
    core.drainEvents();
  };
  try {
    exports.handleTime(2 ** 32 - 1_000);
    const connection = exports.open();
    core.handleBytes(connection, parseBytes('10 [ "MQTT" 04 02 0000 "a" ]'));
    drain();
    core.writeArgument(Buffer.from("topic"), Buffer.from("payload"));
    exports.publish(5, 0, 7, 0);
    exports.handleTime(3_500);
    core.handleBytes(connection, parseBytes("00 00"));
    drain();
  } catch {
    // What came before is the recording.
  }
  writer.flush();
  return Buffer.concat(pieces);
}

function replayBytes(recording: Uint8Array, engine = v8): Replayed & { isCut: boolean } {
  const reader = new RecordingReader(bytesSource(recording));
  return { ...replay(reader, engine), isCut: reader.isCut };
}

/** The words for the first difference. */
function difference(recording: Uint8Array, engine = v8): string[] {
  try {
    replayBytes(recording, engine);
  } catch (error) {
    if (error instanceof ReplayDifference) return differenceLines(error, engine.name);
    throw error;
  }
  return [];
}

const CONNACK = parseBytes("20 02 0000");
const whole = record(v8);
const headerLength = Array.from(whole).findIndex((_, length) => isRecording(whole.subarray(0, length)));

function isRecording(bytes: Uint8Array): boolean {
  try {
    new RecordingReader(bytesSource(bytes));
    return true;
  } catch {
    return false;
  }
}

/** The recording with other bytes at `at`. */
function changed(at: number, ...bytes: number[]): Buffer {
  const other = Buffer.from(whole);
  other.set(bytes, at);
  return other;
}

describe("a recording", () => {
  it("is the same from every engine", () => {
    expect(record(wasm3).equals(whole)).toBe(true);
  });

  it("is summed up", () => {
    const summary = { bytesIn: 17, bytesOut: 4, events: 1, spanMs: 4_500, isCut: false };
    for (const engine of [v8, wasm3]) expect(replayBytes(whole, engine)).toMatchObject(summary);
  });

  it("replays up to wherever it was cut", () => {
    let calls = 0;
    for (let length = headerLength; length < whole.length; length++) {
      const replayed = replayBytes(whole.subarray(0, length));
      expect(replayed.calls).toBeGreaterThanOrEqual(calls);
      calls = replayed.calls;
    }
    // The last record is a call of one byte.
    expect(calls).toBe(replayBytes(whole).calls - 1);
  });

  it("with another byte in what came out is found out", () => {
    for (const engine of [v8, wasm3]) {
      expect(difference(changed(whole.indexOf(CONNACK) + 3, 5), engine)).toEqual([
        expect.stringMatching(/^record \d+, nextSends\(\): what came out differs from byte 11 on, 05 and 00$/),
        "recorded: to 1: 4 bytes: 20 02 00 05",
        `${engine.name}: to 1: 4 bytes: 20 02 00 00`,
      ]);
    }
  });

  it("with another result is found out", () => {
    const publish = Buffer.from("0500000000000000070000000000000000000000", "hex");
    const lines = difference(changed(whole.indexOf(publish) + 16, 3));
    expect(lines).toEqual([
      expect.stringMatching(/^record \d+, publish\(5, 0, 7, 0\): recorded was 3, v8 returned 0$/),
    ]);
  });

  it("with another byte in what goes in is found out by what comes out", () => {
    const lines = difference(changed(whole.indexOf("MQTT") + 4, 9));
    expect(lines.join()).toMatch(/recorded: to 1: 4 bytes: 20 02 00 00,v8: to 1: 4 bytes: 20 02 00 01$/);
  });

  it("holds the call that trapped, at its end", () => {
    let calls = 0;
    const trapping: Engine = {
      name: "v8",
      instantiate(bytes, module) {
        const exports = v8.instantiate(bytes, module) as BrokerExports;
        const handleBytes: BrokerExports["handleBytes"] = (connection, length) => {
          if (calls++ === 1) throw new WebAssembly.RuntimeError("unreachable");
          return exports.handleBytes(connection, length);
        };
        return { ...exports, handleBytes };
      },
    };
    const recording = record(trapping);
    expect(replayBytes(recording), "where it does not trap").toMatchObject({ bytesIn: 17, isCut: true });
    calls = 0;
    expect(difference(recording, trapping)).toEqual([
      expect.stringMatching(/^record \d+, handleBytes\(1, 2\): v8 trapped: unreachable$/),
    ]);
  });
});

describe("what cannot be replayed", () => {
  const module = whole.indexOf("broker");
  it.each([
    ["something else", Buffer.from("MIDGERE?, and what not"), /no recording/],
    ["nothing", Buffer.alloc(0), /no recording/],
    ["another format", changed(8, 2), /format 2, and this midge reads 1/],
    ["another ABI", changed(12, 200), /of ABI 200, and this midge has ABI \d/],
    ["another module", changed(module, 0x78), /a module called 'xroker'/],
    ["another build", changed(module + 8, 0x78), /another build of broker.wasm: x\w+\/0 is not in both/],
    ["a cut header", whole.subarray(0, headerLength - 1), /ends too early/],
    ["a record of no kind", changed(headerLength, 0xf5), /damaged: record 1, at byte \d+, is of kind 245/],
    ["output of nothing", changed(headerLength, 0xf2), /damaged: record 1 is output/],
    ["a length that is another", changed(whole.indexOf("topic") - 4, 13), /damaged|differs/],
  ])("%s", (_, recording, message) => {
    for (const engine of [v8, wasm3]) expect(() => replayBytes(recording, engine)).toThrow(message);
  });
});
