// A small world in virtual time: one broker module, client modules, and links between them that delay, split, block and fail
// as a seed says. The same seed gives the same run, to the byte. Knows how a host drives a module, and no packets; what the
// clients do and what must come of it is the test's business.
import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, type ClientExports, Core, type CoreEvent } from "../../host/core.ts";

/** One Network Connection: the client has one end, the broker the other. */
interface Link {
  /** Of the broker. */
  handle: number;
  /** Whether bytes still arrive. */
  isUp: boolean;
  brokerHasIt: boolean;
  /** When the last byte on its way arrives, in each direction: bytes do not overtake one another. */
  toClientMs: number;
  toBrokerMs: number;
}

export interface Client {
  core: Core<ClientExports>;
  link: Link | null;
  /** Events for the application: all but EVENT_OPEN and EVENT_CLOSE. */
  onEvent(event: CoreEvent): void;
}

/** Most that a link delays, and most that an end takes to notice that the other is gone, in milliseconds. */
const DELAY_MAX_MS = 20;
const NOTICE_MAX_MS = 500;
const INPUT_MAX = 512;
/** A simulation that finds no end must not stop the tests. */
const STEPS_MAX = 1_000_000;
/** One end says that the other has broken the protocol: links do not, so one of the cores did. */
const FAULTS = new Set([
  abi.CLOSE_MALFORMED,
  abi.CLOSE_PROTOCOL,
  abi.CLOSE_TOPIC,
  abi.CLOSE_PACKET_SIZE,
  abi.CLOSE_LIMIT,
]);

export class World {
  nowMs = 0;
  cuts = 0;
  readonly broker: Core<BrokerExports>;
  readonly #clients: Client[] = [];
  readonly #links = new Map<number, Link>();
  #actions: { atMs: number; act: () => void }[] = [];
  #random: number;

  constructor(seed: number) {
    this.#random = seed;
    this.broker = new Core<BrokerExports>("broker", INPUT_MAX, seed);
  }

  /** A whole number from 0 to `below` - 1 (mulberry32). */
  random(below: number): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let mixed = this.#random;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  addClient(clientId: string, options: Record<number, number>, onEvent: (event: CoreEvent) => void): Client {
    const core = new Core<ClientExports>("client", INPUT_MAX, this.random(2 ** 31));
    for (const [option, value] of Object.entries(options)) core.exports.setOption(Number(option), value);
    core.writeArgument(Buffer.from(clientId));
    core.exports.setText(abi.TEXT_CLIENT_ID, clientId.length);
    core.exports.handleTime(this.nowMs);
    const client = { core, link: null, onEvent };
    this.#clients.push(client);
    return client;
  }

  /** Calls `act` in `delayMs`. Actions of one moment are called in the order they were asked for. */
  after(delayMs: number, act: () => void): void {
    const atMs = this.nowMs + delayMs;
    const index = this.#actions.findLastIndex((other) => other.atMs <= atMs);
    this.#actions.splice(index + 1, 0, { atMs, act });
  }

  /** Lets time pass until `isDone`, or to `untilMs`. */
  run(untilMs: number, isDone: () => boolean): void {
    for (let steps = 0; !isDone() && this.nowMs < untilMs; steps++) {
      if (steps === STEPS_MAX) throw new Error(`no end after ${STEPS_MAX} steps, at ${this.nowMs} ms`);
      const nextMs = Math.min(
        untilMs,
        this.#actions[0]?.atMs ?? untilMs,
        ...this.#cores().map((core) => this.#dueMs(core)),
      );
      this.nowMs = nextMs;
      for (const core of this.#cores()) core.exports.handleTime(nextMs);
      while (this.#actions[0] && this.#actions[0].atMs <= nextMs) this.#actions.shift()?.act();
      this.#drain();
    }
  }

  /** Ends the client's link: what is on its way is lost. Each end learns of it in its own time; with `isSilent` the client
   *  only by its own Keep Alive, and the broker perhaps not before the client is back. */
  cut(client: Client, isSilent: boolean): void {
    const { link } = client;
    if (!link?.isUp) return;
    this.cuts++;
    link.isUp = false;
    if (!isSilent) this.after(this.random(NOTICE_MAX_MS), () => this.#closeClientEnd(client, link));
    this.after(this.random(NOTICE_MAX_MS) * (isSilent ? 20 : 1), () => this.#closeBrokerEnd(link));
  }

  #cores(): Core<BrokerExports | ClientExports>[] {
    return [this.broker, ...this.#clients.map(({ core }) => core)];
  }

  #dueMs(core: Core<BrokerExports | ClientExports>): number {
    const untilMs = core.exports.nextDeadline() >>> 0;
    return untilMs === abi.NO_DEADLINE ? Number.POSITIVE_INFINITY : this.nowMs + untilMs;
  }

  #drain(): void {
    for (let busy = true; busy; ) {
      busy = this.#drainBroker();
      for (const client of this.#clients) if (this.#drainClient(client)) busy = true;
    }
  }

  #drainBroker(): boolean {
    const sent = this.broker.drainSends((handle, bytes) => {
      const link = this.#links.get(handle);
      if (link === undefined) throw new Error(`bytes for the unknown connection ${handle}`);
      const taken = this.#take(this.broker, handle, bytes, () => link.brokerHasIt);
      link.toClientMs = this.#carry(link, taken, link.toClientMs, (piece) => this.#reachClient(link, piece));
    });
    const events = this.broker.drainEvents();
    for (const { kind, connection, code } of events) {
      if (FAULTS.has(code)) throw new Error(`the broker closed a connection with ${code}`);
      const link = this.#links.get(connection);
      if (kind !== abi.EVENT_CLOSE || link === undefined) throw new Error(`event ${kind} of connection ${connection}`);
      link.brokerHasIt = false;
      const client = this.#clients.find((other) => other.link === link);
      // What was sent before the close still arrives.
      if (client) this.after(Math.max(0, link.toClientMs - this.nowMs), () => this.#closeClientEnd(client, link));
    }
    return sent || events.length > 0;
  }

  #drainClient(client: Client): boolean {
    const { core } = client;
    const sent = core.drainSends((handle, bytes) => {
      const { link } = client;
      if (link === null) throw new Error("bytes without a connection");
      const taken = this.#take(core, handle, bytes, () => client.link === link);
      link.toBrokerMs = this.#carry(link, taken, link.toBrokerMs, (piece) => this.#reachBroker(link, piece));
    });
    const events = core.drainEvents();
    for (const event of events) {
      const { link } = client;
      if (event.kind === abi.EVENT_OPEN) this.#connect(client);
      else if (event.kind === abi.EVENT_CLOSE) {
        if (FAULTS.has(event.code)) throw new Error(`a client closed its connection with ${event.code}`);
        client.link = null;
        if (link) this.after(Math.max(0, link.toBrokerMs - this.nowMs), () => this.#closeBrokerEnd(link));
      } else client.onEvent(event);
    }
    return sent || events.length > 0;
  }

  /** A Network Connection takes a while; one in five fails. */
  #connect(client: Client): void {
    const fails = this.random(5) === 0;
    this.after(this.random(DELAY_MAX_MS), () => {
      if (fails) {
        client.core.exports.handleClosed(abi.CLIENT_CONNECTION);
        return;
      }
      const handle = this.broker.exports.open();
      const link = { handle, isUp: true, brokerHasIt: true, toClientMs: 0, toBrokerMs: 0 };
      this.#links.set(handle, link);
      client.link = link;
      client.core.exports.handleOpened();
    });
  }

  /** What a socket takes of `bytes`: mostly all. If not, it has room again a little later. */
  #take(core: Core<BrokerExports> | Core<ClientExports>, handle: number, bytes: Buffer, isOpen: () => boolean): Buffer {
    if (this.random(10) > 0) return bytes;
    const taken = this.random(bytes.length + 1);
    core.exports.handleBlocked(handle, bytes.length - taken);
    this.after(this.random(DELAY_MAX_MS), () => {
      if (isOpen()) core.exports.handleWritable(handle);
    });
    return bytes.subarray(0, taken);
  }

  /** Carries bytes in up to two pieces; returns when the last one arrives. */
  #carry(link: Link, bytes: Buffer, lastMs: number, arrive: (piece: Buffer) => void): number {
    const middle = this.random(bytes.length + 1);
    let atMs = lastMs;
    for (const piece of [bytes.subarray(0, middle), bytes.subarray(middle)]) {
      if (piece.length === 0) continue;
      atMs = Math.max(atMs, this.nowMs + this.random(DELAY_MAX_MS));
      this.after(atMs - this.nowMs, () => {
        if (link.isUp) arrive(piece);
      });
    }
    return atMs;
  }

  #reachClient(link: Link, bytes: Buffer): void {
    const client = this.#clients.find((other) => other.link === link);
    client?.core.handleBytes(abi.CLIENT_CONNECTION, bytes);
  }

  #reachBroker(link: Link, bytes: Buffer): void {
    if (link.brokerHasIt) this.broker.handleBytes(link.handle, bytes);
  }

  #closeClientEnd(client: Client, link: Link): void {
    if (client.link !== link) return;
    client.link = null;
    client.core.exports.handleClosed(abi.CLIENT_CONNECTION);
  }

  #closeBrokerEnd(link: Link): void {
    if (!link.brokerHasIt) return;
    link.brokerHasIt = false;
    this.broker.exports.handleClosed(link.handle);
  }
}
