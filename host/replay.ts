// Replays a recording on an engine: makes the same calls with the same input, and compares all that comes out with what came
// out then. Stops at the first difference. What it is called with and what it says is cli/replay.ts.

import { ABI_VERSION } from "../assembly/abi.ts";
import { type CoreExports, moduleBytes } from "./core.ts";
import type { Engine, ModuleName } from "./engine.ts";
import { moduleFunctions } from "./module-functions.ts";
import { eventsOutput, readEvents, readSends, sendsOutput } from "./recording-format.ts";
import { type RecordedBytes, type RecordedCall, RecordingError, type RecordingReader } from "./recording-reader.ts";

/** What a recording that replays was about. */
export interface Replayed {
  calls: number;
  /** Of the network: handed to handleBytes(), and sent. */
  bytesIn: number;
  bytesOut: number;
  events: number;
  /** From the first handleTime() to the last. */
  spanMs: number;
}

/** What a call gave out: its result, the bytes of its OUTPUT, or why it trapped. */
export type Outcome = number | Buffer | Error | undefined;

/** The first thing that was not as recorded. */
export class ReplayDifference extends Error {
  readonly call: RecordedCall;
  readonly recorded: Outcome;
  readonly came: Outcome;

  constructor(call: RecordedCall, recorded: Outcome, came: Outcome) {
    super(`${call.called.name}() differs`);
    this.call = call;
    this.recorded = recorded;
    this.came = came;
  }
}

/** Is told of each call that went as recorded, and of the bytes before and behind it. */
export type ReplayObserver = (item: RecordedCall | (RecordedBytes & { of: RecordedCall | undefined })) => void;

/** Replays it. Throws ReplayDifference, and RecordingError for a recording that this build cannot replay. */
export function replay(recording: RecordingReader, engine: Engine, observe: ReplayObserver = () => {}): Replayed {
  const machine = new Machine(engine.instantiate(moduleBytes(checkedModule(recording)), checkedModule(recording)));
  /** The last call, and what came out of it that must follow it in the recording. */
  let last: RecordedCall | undefined;
  let output: Buffer | undefined;
  for (const item of recording.records()) {
    if ((item.kind === "output") !== (output !== undefined)) {
      throw new RecordingError(
        `the recording is damaged: record ${item.number} is ${item.kind}, which cannot stand there`,
      );
    }
    if (item.kind === "call") {
      output = machine.call(item);
      last = item;
      observe(item);
    } else {
      if (item.kind !== "output") machine.put(item);
      else if (last !== undefined && output !== undefined) {
        if (!output.equals(item.bytes)) throw new ReplayDifference(last, item.bytes, output);
        output = undefined;
      }
      observe({ ...item, of: last });
    }
  }
  return machine.replayed;
}

/** The module's name. Throws RecordingError when it is not the one there is here. */
function checkedModule({ abiVersion, module, functions }: RecordingReader): ModuleName {
  if (abiVersion !== ABI_VERSION) {
    throw new RecordingError(`the recording is of ABI ${abiVersion}, and this midge has ABI ${ABI_VERSION}`);
  }
  if (module !== "broker" && module !== "client")
    throw new RecordingError(`the recording is of a module called '${module}', which this midge has not`);
  const ours = new Set(moduleFunctions(moduleBytes(module)).map(signature));
  const theirs = functions.map(signature);
  const other = theirs.find((called) => !ours.delete(called)) ?? [...ours][0];
  if (other !== undefined) {
    throw new RecordingError(`the recording is of another build of ${module}.wasm: ${other} is not in both`);
  }
  return module;
}

function signature({ name, arity, returns }: { name: string; arity: number; returns: boolean }): string {
  return `${name}/${arity}${returns ? "" : " without a result"}`;
}

type Export = (...words: number[]) => number | undefined;

/** The instance that the calls are made of. */
class Machine {
  readonly replayed: Replayed = { calls: 0, bytesIn: 0, bytesOut: 0, events: 0, spanMs: 0 };
  readonly #exports: CoreExports;
  #argumentAt = 0;
  #nowMs: number | undefined;

  constructor(exports: object) {
    this.#exports = exports as CoreExports;
  }

  /** Puts what is about to be read where it is read from. */
  put({ kind, number, bytes }: RecordedBytes): void {
    const at = kind === "input" ? this.#exports.inputPtr() >>> 0 : this.#argumentAt;
    const memory = new Uint8Array(this.#exports.memory.buffer);
    if (at + bytes.length > memory.length)
      throw new RecordingError(`the recording is damaged: record ${number} does not fit`);
    memory.set(bytes, at);
    if (kind === "input") this.replayed.bytesIn += bytes.length;
  }

  /** Makes a call. Returns what its OUTPUT must be, undefined when there is none. */
  call(call: RecordedCall): Buffer | undefined {
    const { name, returns } = call.called;
    const result = this.#run(call);
    if (returns && call.result !== undefined && result !== call.result) {
      throw new ReplayDifference(call, call.result, result);
    }
    this.replayed.calls++;
    if (name === "argumentPtr") this.#argumentAt = result;
    else if (name === "handleTime") this.#moveClock(call.words[0] ?? 0);
    else if (result > 0 && name === "nextSends") return this.#sends(result);
    else if (result > 0 && name === "nextEvents") return this.#events(result);
    return undefined;
  }

  #run(call: RecordedCall): number {
    try {
      const run = (this.#exports as unknown as Record<string, Export>)[call.called.name] as Export;
      return (run(...call.words) ?? 0) >>> 0;
    } catch (error) {
      throw new ReplayDifference(call, call.result, error as Error);
    }
  }

  #moveClock(nowMs: number): void {
    // It may wrap around.
    this.replayed.spanMs += (nowMs - (this.#nowMs ?? nowMs)) >>> 0;
    this.#nowMs = nowMs;
  }

  #sends(count: number): Buffer {
    const output = sendsOutput(this.#exports, count);
    for (const { bytes } of readSends(output)) this.replayed.bytesOut += bytes.length;
    return output;
  }

  #events(count: number): Buffer {
    const output = eventsOutput(this.#exports, count);
    this.replayed.events += readEvents(output).length;
    return output;
  }
}
