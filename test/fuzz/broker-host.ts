// The host of the broker's fuzz test: it opens connections, feeds them what random clients send, answers the core's questions
// at random, does what sockets do and lets time pass. Beside each connection stands an Observer that sees what came out.

import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, Core, type CoreEvent } from "../../host/core.ts";
import { loadCodec } from "../core/codec.ts";
import { Observer } from "./observer.ts";
import { anyPacket, connectPacket, type Sender } from "./packets.ts";
import { bareProperties } from "./properties.ts";
import { CLIENT_IDS, NAMES, Random } from "./world.ts";

const CONNECTIONS_MAX = 10;
const ALIAS_MAX = 4;
const ARGUMENT_MAX = 2_000;
const FEATURES = abi.FEATURE_RETAIN | abi.FEATURE_WILDCARD | abi.FEATURE_SUBSCRIPTION_IDENTIFIER | abi.FEATURE_SHARED;

/** Small limits, so that all of them are met. */
const LIMITS: [option: number, value: number][] = [
  [abi.OPTION_CONNECTIONS_MAX, CONNECTIONS_MAX],
  [abi.OPTION_SESSIONS_MAX, 6],
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
  [abi.OPTION_RECEIVE_MAX, 5],
  [abi.OPTION_TOPIC_ALIAS_MAX, ALIAS_MAX],
  [abi.OPTION_TOPIC_ALIAS_SEND_MAX, 2],
  [abi.OPTION_SESSION_EXPIRY_MAX_SEC, 60],
];

/** What differs from one run to the next; most runs have most of it as it is by default. */
const VARIED: [option: number, values: number[]][] = [
  [abi.OPTION_EVENTS, [0, 0x1f8]],
  [abi.OPTION_SYS_INTERVAL_SEC, [0, 0, 10]],
  [abi.OPTION_AUTHENTICATE, [0, 1, 2, 3]],
  [abi.OPTION_FEATURES, [FEATURES, FEATURES, FEATURES, FEATURES, FEATURES, 13, 11, 7, 0]],
  [abi.OPTION_QOS_MAX, [2, 2, 2, 2, 2, 2, 2, 2, 2, 1]],
  [abi.OPTION_PAYLOAD_CHECK, [0, 1]],
  [abi.OPTION_PRIORITY, [0, 1]],
  [abi.OPTION_KEEP_ALIVE_MAX_SEC, [0, 0, 0, 2]],
];

/** How well-behaved the clients of a run are: deep states are reached by those that are. */
const NOISE = [10, 50, 1_000];

/** Longer than any Session, Will or Subscription of a run may last: all has gone that was not to be kept for ever. */
const EVERYTHING_MS = 200_000;

interface Connection {
  observer: Observer;
  /** Topic Aliases that its client has set. */
  aliases: Set<number>;
  /** Its socket has not taken all; there was a time when it had not. */
  isBlocked: boolean;
  wasBlocked: boolean;
}

const codec = loadCodec();

export class Host {
  readonly core = new Core<BrokerExports>("broker", 2_048, 1);
  readonly random: Random;
  readonly #connections = new Map<number, Connection>();
  /** Connections whose network ended first; the core may have closed one in the same turn. */
  readonly #gone = new Set<number>();
  readonly #noiseOneIn: number;
  /** Sockets take everything, and packets come whole. */
  #isCalm = true;
  #nowMs = 0;
  /** Bytes that the core has given out. */
  sentBytes = 0;
  /** The core may have something to send that was not taken yet. */
  #hasMore = false;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.#noiseOneIn = this.random.pick(NOISE);
    for (const [option, value] of LIMITS) this.core.exports.setOption(option, value);
    this.core.setText(abi.TEXT_RESPONSE_PREFIX, Buffer.from("reply/"));
    this.core.setText(abi.TEXT_SERVER_REFERENCE, Buffer.from("elsewhere"));
    for (const code of [0x82, 0x87, 0x97]) this.core.setText(abi.TEXT_REASON + code, Buffer.from("the reason for it"));
    // The buffer of the host's own commands grows once and stays.
    this.core.exports.argumentPtr(ARGUMENT_MAX);
    this.#tick(0);
  }

  /** From now on anything may happen; until then, and after clear(), all is as by default. */
  vary(): void {
    this.#isCalm = false;
    for (const [option, values] of VARIED) this.core.exports.setOption(option, this.random.pick(values));
  }

  /** One thing happens, mostly a packet. */
  step(): void {
    const { random } = this;
    if (this.#connections.size === 0 || random.oneIn(30))
      this.open(random.oneIn(10) ? undefined : connectPacket(random));
    const [handle, connection] = this.#pick() ?? [];
    if (handle === undefined || connection === undefined) return;
    const what = random.below(120);
    if (what === 0) this.#networkClosed(handle);
    else if (what === 1) this.#writable(handle, connection);
    else if (what < 4) this.#tick(random.below(random.oneIn(10) ? 90_000 : 2_000));
    else if (what < 8) this.#command();
    else this.#feed(handle, connection, anyPacket(random, this.#senderOf(connection)));
    this.#hasMore = true;
    if (random.oneIn(3)) this.drain();
  }

  /** A connection is accepted, and its first packet arrives. */
  open(first?: Uint8Array): void {
    const handle = this.core.exports.open();
    if (handle === 0) return;
    const connection = {
      observer: new Observer(codec),
      aliases: new Set<number>(),
      isBlocked: false,
      wasBlocked: false,
    };
    this.#connections.set(handle, connection);
    this.#feed(handle, connection, first ?? anyPacket(this.random, this.#senderOf(connection)));
  }

  /** Bytes of one connection, often cut in the middle of a packet. */
  #feed(handle: number, connection: Connection, bytes: Uint8Array): void {
    connection.observer.hear(bytes, this.#hasMore || connection.isBlocked);
    this.#hasMore = true;
    const cut = !this.#isCalm && this.random.oneIn(4) ? this.random.below(bytes.length) : 0;
    if (cut > 0) this.core.handleBytes(handle, bytes.subarray(0, cut));
    this.core.handleBytes(handle, bytes.subarray(cut));
  }

  drain(): void {
    const { core } = this;
    for (let busy = true; busy; ) {
      busy = core.drainSends((handle, bytes) => this.#send(handle, bytes));
      for (const event of core.drainEvents()) {
        busy = true;
        this.#handle(event);
      }
    }
    this.#hasMore = false;
    this.#gone.clear();
  }

  /** Everybody goes, time passes until all that they had is over, and a last client clears what is retained. */
  clear(): void {
    const { core } = this;
    this.drain();
    for (const handle of [...this.#connections.keys()]) this.#networkClosed(handle);
    this.#tick(EVERYTHING_MS);
    this.#isCalm = true;
    for (const [option] of VARIED) core.exports.setOption(option, option === abi.OPTION_FEATURES ? FEATURES : 0);
    this.open(Buffer.from("\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01x\x82\x06\0\x01\0\x01#\0", "latin1"));
    this.drain();
    const [handle, connection] = this.#pick() ?? [];
    if (handle === undefined || connection === undefined) throw new Error("no room for a client");
    // Those of the host that no client may see are among NAMES.
    for (const name of [...connection.observer.retained, ...NAMES]) {
      const bytes = Buffer.from(name);
      core.writeArgument(bytes);
      core.exports.publish(bytes.length, 0, 0, abi.PUBLISH_RETAIN);
    }
    this.drain();
    this.#networkClosed(handle);
    this.drain();
  }

  /** The broker ends: it must close every connection, and take no other. */
  shutDown(): void {
    this.core.exports.shutDown(this.random.pick([0x8b, 0x9c, 0x9d]));
    this.drain();
    if (this.#connections.size > 0 || this.core.exports.open() !== 0) throw new Error("the broker has not ended");
  }

  #pick(): [number, Connection] | undefined {
    let index = this.#connections.size === 0 ? -1 : this.random.below(this.#connections.size);
    for (const entry of this.#connections) if (index-- === 0) return entry;
    return undefined;
  }

  #tick(ms: number): void {
    this.#nowMs += ms;
    this.core.exports.handleTime(this.#nowMs >>> 0);
    this.drain();
  }

  #networkClosed(handle: number): void {
    this.core.exports.handleClosed(handle);
    this.#connections.delete(handle);
    this.#gone.add(handle);
  }

  #writable(handle: number, connection: Connection): void {
    connection.isBlocked = false;
    this.core.exports.handleWritable(handle);
  }

  #send(handle: number, bytes: Buffer): void {
    const { random, core } = this;
    this.sentBytes += bytes.length;
    const connection = this.#connections.get(handle);
    if (connection === undefined) {
      if (!this.#gone.has(handle)) throw new Error(`bytes for ${handle}, which is no connection`);
    } else if (this.#isCalm || !random.oneIn(50)) connection.observer.see(bytes);
    else {
      // A host that claims more than it was given does no harm either.
      const unsent = Math.min(bytes.length, random.below(bytes.length + 2));
      connection.isBlocked = true;
      connection.wasBlocked = true;
      core.exports.handleBlocked(handle, unsent);
      connection.observer.see(bytes.subarray(0, bytes.length - unsent));
    }
  }

  #handle(event: CoreEvent): void {
    const { random, core } = this;
    const { connection: handle, kind } = event;
    if (kind === abi.EVENT_CLOSE) {
      const connection = this.#connections.get(handle);
      if (connection === undefined && !this.#gone.has(handle)) throw new Error(`${handle}, which is none, is closed`);
      connection?.observer.end(!connection.wasBlocked);
      this.#connections.delete(handle);
    } else if (kind === abi.EVENT_AUTHENTICATE) {
      const code = random.oneIn(20) ? random.pick([0x86, 0x87, 0x9c]) : 0;
      const reference = code === 0x9c && random.oneIn(2) ? Buffer.from("there") : Buffer.alloc(0);
      core.writeArgument(reference);
      core.exports.handleAuthenticated(handle, code, reference.length);
    } else if (kind === abi.EVENT_AUTH) {
      const data = Buffer.alloc(random.below(8), 0x64);
      core.writeArgument(data);
      core.exports.handleAuth(handle, random.pick([0, 0, 0x18, 0x18, 0x87]), data.length);
    }
  }

  /** The host itself does something. */
  #command(): void {
    const { random, core } = this;
    if (random.oneIn(4)) {
      const clientId = Buffer.from(random.pick(CLIENT_IDS));
      core.writeArgument(clientId);
      core.exports.disconnectClient(clientId.length, random.pick([0x80, 0x98, 0x9c]));
    } else {
      const topicName = Buffer.from(random.pick(NAMES));
      const properties = bareProperties(random, "publish");
      const payload = Buffer.alloc(random.below(40), 0x61);
      core.writeArgument(topicName, properties, payload);
      core.exports.publish(topicName.length, properties.length, payload.length, random.below(6));
    }
  }

  /** What the client behind a connection sends is of the version that it began with. */
  #senderOf({ observer, aliases }: Connection): Sender {
    return {
      isServer: false,
      level: observer.level || 4,
      authenticates: observer.authenticates,
      owesAuth: observer.isAsking,
      topicAliasMaximum: ALIAS_MAX,
      aliases,
      noiseOneIn: this.#noiseOneIn,
      awaited: (random) => observer.awaited(random),
      requested: (random, type) => observer.requested(random, type),
    };
  }
}
