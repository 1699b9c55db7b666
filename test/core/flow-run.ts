// Plays one flow against one instance of a core module, the way a host would: through its exports, drained after every step
// in the documented order. Holds what the core gave out until a line expects it; what is left when the next step comes, or
// at the end, fails the flow. Every failure names file and line. Knows no packets: bytes are compared as bytes.
import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, type ClientExports, Core, type CoreEvent } from "../../host/core.ts";
import { type Engine, engineOf } from "../../host/engine.ts";
import {
  codeOf,
  detailMatches,
  eventKind,
  hex,
  number,
  numberOf,
  publishFlags,
  showEvent,
  subscriptionOptions,
  textOf,
} from "./flow-words.ts";
import type { Flow, Step } from "./flows.ts";

/** One way to play a flow; the outcome is the same in each. */
export interface Mode {
  name: string;
  /** Bytes of the core's input buffer. */
  inputMax: number;
  /** Most bytes of input that reach the core in one call. */
  pieceMax: number;
  /** What the host's clock shows when the flow's is 0. */
  startMs: number;
  engine: Engine;
}

export const MODES_V8: Mode[] = [
  { name: "whole", inputMax: 4096, pieceMax: 4096, startMs: 0, engine: engineOf("v8") },
  // Its clock wraps around in five seconds.
  { name: "byte by byte", inputMax: 64, pieceMax: 1, startMs: 2 ** 32 - 5_000, engine: engineOf("v8") },
];

const wasm3 = engineOf("wasm3");

export const MODES: Mode[] = [
  ...MODES_V8,
  ...MODES_V8.map((mode) => ({ ...mode, name: `${mode.name}, wasm3`, engine: wasm3 })),
];

/** Deadlines between two lines: a core that never gets past one must not stop the tests. */
const DEADLINES_MAX = 100_000;

interface Connection {
  handle: number;
  /** The host has it open. */
  isOpen: boolean;
  /** What it was sent and no line has expected yet. */
  sent: Buffer;
  events: CoreEvent[];
  /** Bytes that its socket still takes. */
  room: number;
}

/** Plays `flow`; throws at the first line that the core does not obey. */
export function runFlow(flow: Flow, mode: Mode): void {
  if (flow.whole && mode.pieceMax === 1) return;
  new Run(flow, mode).play();
}

class Run {
  readonly #flow: Flow;
  readonly #mode: Mode;
  #core: Core<BrokerExports & ClientExports>;
  readonly #connections = new Map<string, Connection>();
  /** Events about no connection. */
  readonly #events: CoreEvent[] = [];
  readonly #tokens = new Map<string, number>();
  #nowMs = 0;
  /** The core has been told the time. */
  #isStarted = false;
  /** The step whose output is being looked at. */
  #last = "the start";

  constructor(flow: Flow, mode: Mode) {
    this.#flow = flow;
    this.#mode = mode;
    this.#core = this.#load(1);
  }

  play(): void {
    for (const step of this.#flow.steps) {
      try {
        this.#step(step);
      } catch (error) {
        throw new Error(`${step.at} (${this.#mode.name}): ${(error as Error).message}`);
      }
    }
    try {
      this.#expectNothing();
    } catch (error) {
      throw new Error(`${this.#last} (${this.#mode.name}): ${(error as Error).message}`);
    }
  }

  #load(seed: number): Core<BrokerExports & ClientExports> {
    const { inputMax, engine } = this.#mode;
    return new Core<BrokerExports & ClientExports>(this.#flow.module, inputMax, seed, engine);
  }

  #step(step: Step): void {
    if (EXPECTATIONS.has(step.verb)) {
      this.#expect(step);
      return;
    }
    this.#expectNothing();
    this.#last = step.at;
    if (!this.#isStarted && !SETTINGS.has(step.verb)) {
      this.#isStarted = true;
      this.#core.exports.handleTime(this.#mode.startMs);
    }
    this.#do(step);
    this.#drain();
  }

  // What happens to the core.

  #do(step: Step): void {
    const { connection, verb, words } = step;
    const { exports } = this.#core;
    const [word = ""] = words;
    if (connection !== "") this.#doConnection(step);
    else if (verb === "at") this.#moveClock(number(word));
    else if (verb === "seed") this.#core = this.#load(number(word));
    else if (verb === "option")
      this.#returns(step, exports.setOption(numberOf("OPTION_", word), number(words[1] ?? "")));
    else if (verb === "connect") this.#returns(step, exports.connect());
    else if (verb === "shut-down") this.#returns(step, exports.shutDown(number(word)));
    else this.#doArgument(step);
  }

  /** A command whose bytes go to argumentPtr(). */
  #doArgument(step: Step): void {
    const { exports } = this.#core;
    const { verb } = step;
    const [word = "0"] = step.words;
    const [first, second, third] = [partOf(step, 0), partOf(step, 1), partOf(step, 2)];
    // Of a message the payload stands last: its properties may be left out of the line, and come before it in the call.
    const parts = verb === "publish" ? [first, third, second] : [first, second];
    this.#core.writeArgument(...parts);
    const [a = 0, b = 0, c = 0] = parts.map(({ length }) => length);
    if (verb === "text") this.#returns(step, exports.setText(textOf(word), a));
    else if (verb === "configure") this.#returns(step, exports.configure(a));
    else if (verb === "subscribe") this.#returns(step, exports.subscribe(a, b, subscriptionOptions(word)));
    else if (verb === "unsubscribe") this.#returns(step, exports.unsubscribe(a, b));
    else if (verb === "disconnect") this.#returns(step, exports.disconnect(number(word), a));
    else if (verb === "auth") this.#returns(step, exports.auth(number(word), a));
    else if (verb === "disconnect-client") this.#returns(step, exports.disconnectClient(a, number(word)));
    else this.#returns(step, exports.publish(a, b, c, publishFlags(word)));
  }

  #doConnection(step: Step): void {
    const { exports } = this.#core;
    if (step.verb === "open") {
      this.#open(step);
      return;
    }
    const connection = this.#connection(step);
    const { handle } = connection;
    if (step.verb === "opened") this.#returns(step, exports.handleOpened());
    else if (step.verb === ">") this.#feed(step, connection);
    else if (step.verb === "network-closed") {
      connection.isOpen = false;
      this.#returns(step, exports.handleClosed(handle));
    } else if (step.verb === "authenticated" || step.verb === "auth") {
      const argument = partOf(step, 0);
      this.#core.writeArgument(argument);
      const answer = step.verb === "auth" ? exports.handleAuth : exports.handleAuthenticated;
      this.#returns(step, answer(handle, number(step.words[0] ?? ""), argument.length));
    } else if (step.verb === "blocked") connection.room = number(step.words[0] ?? "");
    else {
      const [room] = step.words;
      connection.room = room === undefined ? Number.POSITIVE_INFINITY : number(room);
      this.#returns(step, exports.handleWritable(handle));
    }
  }

  #open(step: Step): void {
    const handle = this.#core.exports.open();
    if (step.result === "LIMIT_REACHED") {
      if (handle !== 0) throw new Error("accepted");
      return;
    }
    if (handle === 0) throw new Error("not accepted");
    for (const other of this.#connections.values()) {
      if (other.handle === handle) throw new Error(`handle ${handle} was another connection's`);
    }
    this.#connections.set(step.connection, newConnection(handle));
  }

  /** Bytes from the network: in pieces, and no more of them once the core has closed the connection. */
  #feed(step: Step, connection: Connection): void {
    const { exports } = this.#core;
    const bytes = partOf(step, 0);
    let status: number = abi.OK;
    for (let at = 0; at < bytes.length && status === abi.OK; at += this.#mode.pieceMax) {
      const piece = bytes.subarray(at, at + this.#mode.pieceMax);
      new Uint8Array(exports.memory.buffer).set(piece, exports.inputPtr());
      status = exports.handleBytes(connection.handle, piece.length);
      if (this.#mode.pieceMax === 1) this.#drain();
      if (!connection.isOpen) break;
    }
    this.#returns(step, status);
  }

  /** To `atMs`, with a stop at every deadline on the way. */
  #moveClock(atMs: number): void {
    if (!(atMs >= this.#nowMs)) throw new Error("time goes back");
    for (let count = 0; count < DEADLINES_MAX; count++) {
      const untilMs = this.#core.exports.nextDeadline() >>> 0;
      const dueMs = untilMs === abi.NO_DEADLINE ? Number.POSITIVE_INFINITY : this.#nowMs + untilMs;
      this.#nowMs = Math.min(dueMs, atMs);
      this.#core.exports.handleTime((this.#mode.startMs + this.#nowMs) >>> 0);
      this.#drain();
      if (dueMs > atMs) return;
    }
    throw new Error(`over ${DEADLINES_MAX} deadlines, now at ${this.#nowMs}`);
  }

  /** Compares what a call returned with what the line says. */
  #returns(step: Step, value: number): void {
    value >>>= 0;
    if (/^t\d+$/.test(step.result)) {
      if (value < abi.TOKEN_FIRST) throw new Error(`returned ${value}, not a token`);
      for (const [name, other] of this.#tokens) if (other === value) throw new Error(`returned the token of ${name}`);
      this.#tokens.set(step.result, value);
    } else if (value !== numberOf("", step.result)) throw new Error(`returned ${value}, not ${step.result}`);
  }

  // What the core gives out.

  #drain(): void {
    let busy = true;
    while (busy) {
      busy = this.#core.drainSends((handle, bytes) => this.#send(handle, bytes));
      const events = this.#core.drainEvents();
      for (const event of events) this.#take(event);
      if (events.length > 0) busy = true;
    }
  }

  #send(handle: number, bytes: Buffer): void {
    const [name, connection] = this.#find(handle);
    if (connection === undefined) throw new Error(`${hex(bytes)} for the unknown connection ${handle}`);
    if (!connection.isOpen) throw new Error(`${name} was sent ${hex(bytes)} after its end`);
    const taken = Math.min(bytes.length, connection.room);
    connection.sent = Buffer.concat([connection.sent, bytes.subarray(0, taken)]);
    connection.room -= taken;
    if (connection.room === 0) this.#core.exports.handleBlocked(handle, bytes.length - taken);
  }

  #take(event: CoreEvent): void {
    // The client has one connection after the other, all with the same handle.
    if (event.kind === abi.EVENT_OPEN) this.#connections.set("c1", newConnection(abi.CLIENT_CONNECTION));
    const [, connection] = this.#find(event.connection);
    if (this.#flow.module === "client" && event.kind !== abi.EVENT_CLOSE) this.#events.push(event);
    else if (CONFIGURATION.has(event.kind)) this.#events.push(event);
    else if (connection === undefined) throw new Error(`${showEvent(event)} of an unknown connection`);
    else {
      connection.events.push(event);
      if (event.kind === abi.EVENT_CLOSE) connection.isOpen = false;
    }
  }

  #find(handle: number): [string, Connection | undefined] {
    for (const [name, connection] of this.#connections) if (connection.handle === handle) return [name, connection];
    return ["", undefined];
  }

  #connection(step: Step): Connection {
    const connection = this.#connections.get(step.connection);
    if (connection === undefined) throw new Error(`${step.connection} was never opened`);
    return connection;
  }

  #expectNothing(): void {
    const after = `after ${this.#last}, and no line expects it`;
    for (const [name, { sent, events }] of this.#connections) {
      if (sent.length > 0) throw new Error(`${name} was sent ${hex(sent)} ${after}`);
      if (events[0]) throw new Error(`${name} had ${showEvent(events[0])} ${after}`);
    }
    if (this.#events[0]) throw new Error(`${showEvent(this.#events[0])} ${after}`);
  }

  #expect(step: Step): void {
    if (step.verb === "<") this.#expectBytes(this.#connection(step), partOf(step, 0));
    else if (step.verb === "<~") this.#expectAnyOrder(this.#connection(step), step.bytes as Uint8Array[]);
    else if (step.verb === "closed") this.#expectEvent(step, ["CLOSE", ...step.words]);
    else this.#expectEvent(step, step.words);
  }

  #expectBytes(connection: Connection, bytes: Uint8Array): void {
    const sent = connection.sent.subarray(0, bytes.length);
    if (!sent.equals(bytes)) {
      const rest = connection.sent.length > bytes.length ? " ..." : "";
      throw new Error(`not ${hex(bytes)}\n  but ${hex(sent)}${rest}`);
    }
    connection.sent = connection.sent.subarray(bytes.length);
  }

  /** The next bytes are these packets, whichever comes first. */
  #expectAnyOrder(connection: Connection, packets: Uint8Array[]): void {
    const waiting = [...packets];
    while (waiting.length > 0) {
      const index = waiting.findIndex((packet) => connection.sent.subarray(0, packet.length).equals(packet));
      const [packet] = waiting.splice(index, 1);
      if (index < 0 || packet === undefined) throw new Error(`none of them: ${hex(connection.sent)}`);
      connection.sent = connection.sent.subarray(packet.length);
    }
  }

  #expectEvent(step: Step, words: string[]): void {
    const [kind = "", code = "0", detail = "0"] = words;
    const event = (step.connection === "" ? this.#events : this.#connection(step).events).shift();
    if (event === undefined) throw new Error("no event");
    const strings = [event.a, event.b, event.c].every((bytes, index) => {
      const expected = index < step.bytes.length ? step.bytes[index] : new Uint8Array();
      return expected == null || bytes.equals(expected);
    });
    const token = this.#tokens.get(detail);
    const detailFits = token === undefined ? detailMatches(detail, event.detail) : token === event.detail;
    if (event.kind !== eventKind(kind) || event.code !== codeOf(kind, code) || !detailFits || !strings) {
      throw new Error(`not this event but ${showEvent(event)}`);
    }
    // What has failed is over, and its token may come again; a granted subscribe() may still be reported as lost.
    if (event.kind === abi.EVENT_COMPLETED && event.code >= 0x80) this.#tokens.delete(detail);
  }
}

/** Lines that change nothing: they look at what came out. */
export const EXPECTATIONS = new Set(["<", "<~", "closed", "event"]);

/** What a host sets before it lets time pass. */
const SETTINGS = new Set(["seed", "option", "text", "configure"]);

/** Events of the broker that are about no connection. */
const CONFIGURATION = new Set<number>([abi.EVENT_FAULT, abi.EVENT_LISTENER, abi.EVENT_SETTING]);

/** A byte string of a line; empty if the line leaves it out. */
function partOf(step: Step, index: number): Uint8Array {
  return step.bytes[index] ?? new Uint8Array();
}

function newConnection(handle: number): Connection {
  return { handle, isOpen: true, sent: Buffer.alloc(0), events: [], room: Number.POSITIVE_INFINITY };
}
