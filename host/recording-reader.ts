// Reads a recording, record by record, from a file of any size or from memory. Its end in the middle of a record is no error:
// the power was cut, or a call trapped. What is no recording, or is damaged, is a RecordingError that says what is wrong.

import type { ModuleFunction } from "./module-functions.ts";
import { ARGUMENT, FORMAT_VERSION, INPUT, MAGIC, OUTPUT } from "./recording-format.ts";

/** This is no recording that can be replayed. */
export class RecordingError extends Error {}

export type RecordedItem = RecordedCall | RecordedBytes;

export interface RecordedCall {
  readonly kind: "call";
  /** Of the record, from 1. */
  readonly number: number;
  readonly called: ModuleFunction;
  readonly words: readonly number[];
  /** u32; undefined when it returns nothing, or the recording ends before it. */
  readonly result: number | undefined;
}

export interface RecordedBytes {
  readonly kind: "input" | "argument" | "output";
  readonly number: number;
  readonly bytes: Buffer;
}

/** Where a recording is read from. */
export interface RecordingSource {
  /** Bytes there are. */
  readonly size: number;
  /** Puts bytes from `position` into `into`; returns how many, 0 when there are none. */
  read(into: Uint8Array, position: number): number;
}

/** A recording in memory. */
export function bytesSource(bytes: Uint8Array): RecordingSource {
  return {
    size: bytes.length,
    read(into, position) {
      const piece = bytes.subarray(position, position + into.length);
      into.set(piece);
      return piece.length;
    },
  };
}

export class RecordingReader {
  readonly abiVersion: number;
  readonly module: string;
  /** Its exports, in the order of the table. */
  readonly functions: readonly ModuleFunction[];
  /** Once all is read: it ended in the middle of a record. */
  isCut = false;
  readonly #input: Input;

  /** Reads the header. Throws RecordingError. */
  constructor(source: RecordingSource) {
    this.#input = new Input(source);
    try {
      if (this.#input.bytes(MAGIC.length).toString("latin1") !== MAGIC)
        throw new RecordingError("this is no recording");
      const version = this.#input.u32();
      if (version !== FORMAT_VERSION) {
        throw new RecordingError(`the recording has format ${version}, and this midge reads ${FORMAT_VERSION}`);
      }
      this.abiVersion = this.#input.u32();
      this.module = this.#name();
      this.functions = Array.from({ length: this.#input.u8() }, () => ({
        name: this.#name(),
        arity: this.#input.u8(),
        returns: this.#input.u8() !== 0,
      }));
    } catch (error) {
      throw error instanceof End ? new RecordingError("this is no recording: it ends too early") : error;
    }
  }

  /** Its records. Throws RecordingError. */
  *records(): Generator<RecordedItem> {
    for (let number = 1; !this.#input.atEnd; number++) {
      try {
        yield this.#record(number);
      } catch (error) {
        if (!(error instanceof End)) throw error;
        this.isCut = true;
        return;
      }
    }
  }

  #record(number: number): RecordedItem {
    const at = this.#input.position;
    const kind = this.#input.u8();
    const bytesKind = BYTES_KINDS[kind];
    if (bytesKind !== undefined) return { kind: bytesKind, number, bytes: this.#input.bytes(this.#input.u32()) };
    const called = this.functions[kind];
    if (called === undefined) {
      throw new RecordingError(
        `the recording is damaged: record ${number}, at byte ${at}, is of kind ${kind}, which there is not`,
      );
    }
    const words = Array.from({ length: called.arity }, () => this.#input.u32());
    return { kind: "call", number, called, words, result: this.#result(called) };
  }

  /** The last call may be without: it trapped. */
  #result({ returns }: ModuleFunction): number | undefined {
    if (!returns) return undefined;
    if (!this.#input.has(4)) {
      this.isCut = true;
      this.#input.skip();
      return undefined;
    }
    return this.#input.u32();
  }

  #name(): string {
    return this.#input.bytes(this.#input.u8()).toString("latin1");
  }
}

const BYTES_KINDS: Readonly<Record<number, RecordedBytes["kind"]>> = {
  [INPUT]: "input",
  [ARGUMENT]: "argument",
  [OUTPUT]: "output",
};

/** There are fewer bytes than were asked for. */
class End extends Error {}

/** A window that moves over the source. */
class Input {
  position = 0;
  readonly #source: RecordingSource;
  #window = Buffer.alloc(0);
  /** Position of the window's first byte. */
  #start = 0;

  constructor(source: RecordingSource) {
    this.#source = source;
  }

  get atEnd(): boolean {
    return this.position >= this.#source.size;
  }

  has(length: number): boolean {
    return length <= this.#source.size - this.position;
  }

  /** Leaves out the rest. */
  skip(): void {
    this.position = this.#source.size;
  }

  u8(): number {
    return this.#take(1).readUInt8();
  }

  u32(): number {
    return this.#take(4).readUInt32LE();
  }

  /** A copy. */
  bytes(length: number): Buffer {
    return Buffer.from(this.#take(length));
  }

  /** The next `length` bytes, in the window. Throws End. */
  #take(length: number): Buffer {
    if (!this.has(length)) throw new End();
    if (this.position + length > this.#start + this.#window.length) this.#fill(length);
    const at = this.position - this.#start;
    this.position += length;
    return this.#window.subarray(at, at + length);
  }

  #fill(length: number): void {
    const size = Math.min(Math.max(length, WINDOW_SIZE), this.#source.size - this.position);
    this.#window = Buffer.alloc(size);
    this.#start = this.position;
    for (let at = 0; at < size; ) {
      const count = this.#source.read(this.#window.subarray(at), this.position + at);
      // It was longer when it was opened.
      if (count === 0) throw new End();
      at += count;
    }
  }
}

const WINDOW_SIZE = 1 << 20;
