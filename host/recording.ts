// Records an instance of a core module while it runs: its exports are replaced by ones that write down each call, and the
// host does not see the difference. Nothing is recorded that the calls themselves do not show, so the host's files, sockets
// and clock are not in it; passwords that clients send are. The format is in recording-format.ts.

import { ABI_VERSION } from "../assembly/abi.ts";
import type { CoreExports } from "./core.ts";
import type { Engine } from "./engine.ts";
import { type ModuleFunction, moduleFunctions } from "./module-functions.ts";
import { ARGUMENT, eventsOutput, FORMAT_VERSION, INPUT, MAGIC, OUTPUT, sendsOutput } from "./recording-format.ts";

/** Collects a recording, and hands it on in pieces. */
export class RecordingWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #bytes = Buffer.alloc(BUFFER_SIZE);
  readonly #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, BUFFER_SIZE);
  #used = 0;

  /** `write` is given bytes that change when it has returned. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  u8(value: number): void {
    if (this.#used === BUFFER_SIZE) this.flush();
    this.#bytes[this.#used++] = value;
  }

  /** As a Wasm function takes it: anything becomes a number, and that its low 32 bits. */
  u32(value: number): void {
    if (this.#used + 4 > BUFFER_SIZE) this.flush();
    this.#view.setUint32(this.#used, value, true);
    this.#used += 4;
  }

  bytes(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BUFFER_SIZE) this.flush();
    if (bytes.length > BUFFER_SIZE) this.#write(bytes);
    else {
      this.#bytes.set(bytes, this.#used);
      this.#used += bytes.length;
    }
  }

  /** Hands on what there is. */
  flush(): void {
    if (this.#used > 0) this.#write(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
  }
}

/** Bytes that are handed on at once. */
const BUFFER_SIZE = 65_536;

/** An engine whose instances are recorded, each with a writer of its own. */
export function recordingEngine(engine: Engine, newWriter: () => RecordingWriter): Engine {
  return {
    name: engine.name,
    instantiate(bytes, module) {
      const exports = engine.instantiate(bytes, module) as CoreExports;
      return recordExports(exports, moduleFunctions(bytes), module, newWriter());
    },
  };
}

/** `exports` with the same functions, each call of them recorded; `functions` are all of them, sorted by name. */
export function recordExports<Exports extends CoreExports>(
  exports: Exports,
  functions: readonly ModuleFunction[],
  module: string,
  writer: RecordingWriter,
): Exports {
  writeHeader(writer, module, functions);
  // At once, so that a file that cannot be written is noticed before there is something to lose.
  writer.flush();
  const recorder = new Recorder(exports, writer);
  const wrapped = functions.map((described, index) => [described.name, recorder.wrap(described, index)]);
  return { ...Object.fromEntries(wrapped), memory: exports.memory };
}

function writeHeader(writer: RecordingWriter, module: string, functions: readonly ModuleFunction[]): void {
  const name = (text: string) => {
    writer.u8(text.length);
    writer.bytes(Buffer.from(text, "latin1"));
  };
  writer.bytes(Buffer.from(MAGIC, "latin1"));
  writer.u32(FORMAT_VERSION);
  writer.u32(ABI_VERSION);
  name(module);
  writer.u8(functions.length);
  for (const described of functions) {
    name(described.name);
    writer.u8(described.arity);
    writer.u8(described.returns ? 1 : 0);
  }
}

type Export = (...words: number[]) => number;

class Recorder {
  readonly #exports: CoreExports;
  readonly #writer: RecordingWriter;
  #inputMax = 0;
  /** What argumentPtr() has given out and no call has been seen to take. */
  #argumentAt = 0;
  #argumentLength = 0;

  constructor(exports: CoreExports, writer: RecordingWriter) {
    this.#exports = exports;
    this.#writer = writer;
  }

  wrap({ name, arity, returns }: ModuleFunction, index: number): Export {
    const call = (this.#exports as unknown as Record<string, Export>)[name] as Export;
    const writer = this.#writer;
    return (...words) => {
      this.#before(name, words);
      writer.u8(index);
      for (let word = 0; word < arity; word++) writer.u32(words[word] ?? 0);
      let result: number;
      try {
        result = call(...words);
      } catch (error) {
        // A trap: this call is what the recording was made for.
        writer.flush();
        throw error;
      }
      if (returns) writer.u32(result);
      this.#after(name, words, result >>> 0);
      return result;
    };
  }

  #before(name: string, words: number[]): void {
    if (this.#argumentLength > 0 && name !== "argumentPtr") {
      this.#record(ARGUMENT, this.#memory(this.#argumentAt, this.#argumentLength));
      this.#argumentLength = 0;
    }
    if (name === "handleBytes") {
      // A length over the input buffer is refused: what stands behind it is not the host's.
      const length = Math.min((words[1] ?? 0) >>> 0, this.#inputMax);
      this.#record(INPUT, this.#memory(this.#exports.inputPtr() >>> 0, length));
    }
  }

  #after(name: string, words: number[], result: number): void {
    if (name === "init") this.#inputMax = (words[0] ?? 0) >>> 0;
    else if (name === "argumentPtr") {
      this.#argumentAt = result;
      // 0 is no pointer: there is no room for that many.
      this.#argumentLength = result === 0 ? 0 : (words[0] ?? 0) >>> 0;
    } else if (name === "nextSends" && result > 0) this.#record(OUTPUT, sendsOutput(this.#exports, result));
    else if (name === "nextEvents" && result > 0) this.#record(OUTPUT, eventsOutput(this.#exports, result));
  }

  #record(kind: number, bytes: Uint8Array): void {
    this.#writer.u8(kind);
    this.#writer.u32(bytes.length);
    this.#writer.bytes(bytes);
  }

  #memory(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, at, length);
  }
}
