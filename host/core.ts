// A core module and its memory: loads the module into an engine, checks its version, copies bytes in and out, and turns
// records into objects. Views of the memory are made anew when it has grown. Exports return u32 as
// JavaScript sees i32: `>>> 0` makes every one that can have its highest bit set what it was.

import { readFileSync } from "node:fs";
import {
  ABI_VERSION,
  ARGUMENT_MAX,
  EVENT_A,
  EVENT_A_LENGTH,
  EVENT_B,
  EVENT_B_LENGTH,
  EVENT_C,
  EVENT_C_LENGTH,
  EVENT_CODE,
  EVENT_CONNECTION,
  EVENT_DETAIL,
  EVENT_KIND,
  EVENT_SIZE,
  SEND_BYTES,
  SEND_CONNECTION,
  SEND_LENGTH,
  SEND_SIZE,
} from "../assembly/abi.ts";
import { type Engine, type EngineName, engineOf, type ModuleName } from "./engine.ts";
import { MidgeError } from "./errors.ts";

/** Exports of both modules; abi.ts describes each. */
export interface CoreExports {
  memory: WebAssembly.Memory;
  abiVersion(): number;
  init(inputMax: number, seed: number): void;
  inputPtr(): number;
  argumentPtr(length: number): number;
  setOption(option: number, value: number): number;
  optionValue(option: number): number;
  setText(text: number, length: number): number;
  handleTime(nowMs: number): void;
  nextDeadline(): number;
  nextSends(): number;
  sendsPtr(): number;
  handleBytes(connection: number, length: number): number;
  handleClosed(connection: number): number;
  handleBlocked(connection: number, unsent: number): number;
  handleWritable(connection: number): number;
  handleSent(): void;
  nextEvents(): number;
  eventsPtr(): number;
  handleEvents(): void;
  heapInUse(): number;
}

export interface BrokerExports extends CoreExports {
  configure(length: number): number;
  open(): number;
  handleAuthenticated(connection: number, reasonCode: number, serverReferenceLength: number): number;
  handleAuth(connection: number, reasonCode: number, dataLength: number): number;
  publish(topicNameLength: number, propertiesLength: number, payloadLength: number, flags: number): number;
  disconnectClient(clientIdLength: number, reasonCode: number): number;
  shutDown(reasonCode: number): number;
}

export interface ClientExports extends CoreExports {
  handlePaused(paused: boolean): void;
  connect(): number;
  disconnect(reasonCode: number, propertiesLength: number): number;
  auth(reasonCode: number, dataLength: number): number;
  handleOpened(): number;
  publish(topicNameLength: number, propertiesLength: number, payloadLength: number, flags: number): number;
  subscribe(topicFilterLength: number, propertiesLength: number, options: number): number;
  unsubscribe(topicFilterLength: number, propertiesLength: number): number;
  filterMatches(topicFilterLength: number, topicNameLength: number): number;
}

/** An event record, its bytes copied: it may be kept. */
export interface CoreEvent {
  kind: number;
  connection: number;
  code: number;
  detail: number;
  a: Buffer;
  b: Buffer;
  c: Buffer;
}

/** Where the modules are: beside the bundle, or in dist/ when this source runs unbundled. */
declare const MODULE_FOLDER: string | undefined;
const FOLDER = typeof MODULE_FOLDER === "string" ? MODULE_FOLDER : "../dist/";

const loaded = new Map<ModuleName, Uint8Array>();

/** The Wasm of a module; always the same object, by which an engine knows it again. */
export function moduleBytes(name: ModuleName): Uint8Array {
  let bytes = loaded.get(name);
  if (bytes === undefined) {
    bytes = readFileSync(new URL(`${FOLDER}${name}.wasm`, import.meta.url));
    loaded.set(name, bytes);
  }
  return bytes;
}

/** One instance of a module. */
export class Core<Exports extends CoreExports> {
  readonly exports: Exports;
  readonly #inputMax: number;
  readonly #input: number;
  #bytes: Buffer;
  #view: DataView;

  /** `inputMax`: bytes of the input buffer. `seed`: any 32-bit number. Throws with code NO_ENGINE. */
  constructor(name: ModuleName, inputMax: number, seed: number, engine: EngineName | Engine = "v8") {
    this.exports = engineOf(engine).instantiate(moduleBytes(name), name) as Exports;
    if (this.exports.abiVersion() !== ABI_VERSION) {
      throw new Error(
        `${name}.wasm speaks ABI ${this.exports.abiVersion()}, this host ${ABI_VERSION}: build both again`,
      );
    }
    this.exports.init(inputMax, seed >>> 0);
    this.#inputMax = inputMax;
    this.#input = this.exports.inputPtr() >>> 0;
    this.#bytes = Buffer.from(this.exports.memory.buffer);
    this.#view = new DataView(this.exports.memory.buffer);
  }

  /** Hands `bytes` of a connection to the core, in pieces that fit its input buffer. */
  handleBytes(connection: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += this.#inputMax) {
      const piece = bytes.length <= this.#inputMax ? bytes : bytes.subarray(at, at + this.#inputMax);
      this.#memory().set(piece, this.#input);
      this.exports.handleBytes(connection, piece.length);
    }
  }

  /** Puts the parts, one behind the other, where the next command takes its argument from. */
  writeArgument(...parts: Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    if (length > ARGUMENT_MAX) throw new MidgeError("PACKET_TOO_LARGE", "larger than any packet may be");
    let at = this.exports.argumentPtr(length) >>> 0;
    const memory = this.#memory();
    for (const part of parts) {
      // A call that costs as much as one with something to copy.
      if (part.length > 0) memory.set(part, at);
      at += part.length;
    }
  }

  /** Sets a text of the ABI (TEXT_*); returns the core's status. */
  setText(text: number, bytes: Uint8Array): number {
    this.writeArgument(bytes);
    return this.exports.setText(text, bytes.length);
  }

  /** Takes what the core wants to send: calls `send` once for each connection of a batch with a copy of its bytes, which
   *  it owns. Returns false when there was nothing. `send` may call handleBlocked() and nothing else of the core. */
  drainSends(send: (connection: number, bytes: Buffer) => void): boolean {
    let count = this.exports.nextSends();
    if (count === 0) return false;
    do {
      const first = this.exports.sendsPtr() >>> 0;
      const end = first + count * SEND_SIZE;
      const memory = this.#memory();
      const view = this.#view;
      for (let record = first; record < end; ) {
        const connection = view.getUint32(record + SEND_CONNECTION, true);
        let next = record;
        let total = 0;
        while (next < end && view.getUint32(next + SEND_CONNECTION, true) === connection) {
          total += view.getUint32(next + SEND_LENGTH, true);
          next += SEND_SIZE;
        }
        const bytes = Buffer.allocUnsafe(total);
        for (let at = 0; record < next; record += SEND_SIZE) {
          const from = view.getUint32(record + SEND_BYTES, true);
          at += memory.copy(bytes, at, from, from + view.getUint32(record + SEND_LENGTH, true));
        }
        send(connection, bytes);
      }
      this.exports.handleSent();
      count = this.exports.nextSends();
    } while (count > 0);
    return true;
  }

  /** Takes the events there are. */
  drainEvents(): CoreEvent[] {
    const count = this.exports.nextEvents();
    if (count === 0) return [];
    const events: CoreEvent[] = [];
    const first = this.exports.eventsPtr() >>> 0;
    this.#memory();
    for (let record = first; record < first + count * EVENT_SIZE; record += EVENT_SIZE) {
      events.push({
        kind: this.#view.getUint32(record + EVENT_KIND, true),
        connection: this.#view.getUint32(record + EVENT_CONNECTION, true),
        code: this.#view.getUint32(record + EVENT_CODE, true),
        detail: this.#view.getUint32(record + EVENT_DETAIL, true),
        a: this.#copy(record + EVENT_A, record + EVENT_A_LENGTH),
        b: this.#copy(record + EVENT_B, record + EVENT_B_LENGTH),
        c: this.#copy(record + EVENT_C, record + EVENT_C_LENGTH),
      });
    }
    this.exports.handleEvents();
    return events;
  }

  #copy(pointerAt: number, lengthAt: number): Buffer {
    const from = this.#view.getUint32(pointerAt, true);
    return Buffer.from(this.#bytes.subarray(from, from + this.#view.getUint32(lengthAt, true)));
  }

  /** The memory as it is now. */
  #memory(): Buffer {
    const buffer = this.exports.memory.buffer;
    if (this.#bytes.buffer !== buffer) {
      this.#bytes = Buffer.from(buffer);
      this.#view = new DataView(buffer);
    }
    return this.#bytes;
  }
}
