// The host of the client's fuzz test, and the server at the other end of its connection: one that answers, refuses, breaks
// rules and goes away at random. An Observer sees what the client sends.

import * as abi from "../../assembly/abi.ts";
import { type ClientExports, Core, type CoreEvent } from "../../host/core.ts";
import { loadCodec } from "../core/codec.ts";
import { Observer } from "./observer.ts";
import { anyPacket, connackPacket, type Sender, subscriptionOptions } from "./packets.ts";
import { bareProperties } from "./properties.ts";
import { byte, METHOD, packet, Random, SHARED_FILTERS, text, u16 } from "./world.ts";

const TOPIC_NAMES = ["a", "a/b", "a/name/of/its/own", "another/name", "a third name"];
const TOPIC_FILTERS = [...TOPIC_NAMES, "#", "+/x", ...SHARED_FILTERS];

const ARGUMENT_MAX = 5_000;

/** Small limits, so that all of them are met. */
const LIMITS: [option: number, value: number][] = [
  [abi.OPTION_OUTBOX_BYTES_MAX, 6_000],
  [abi.OPTION_PACKET_SIZE_MAX, 4_000],
  [abi.OPTION_OUTPUT_BYTES_SOFT, 8_000],
  [abi.OPTION_TOPIC_ALIAS_SEND_MAX, 2],
];

/** How well-behaved the server of a run is: deep states are reached with one that is. */
const NOISE = [10, 50, 1_000];

const codec = loadCodec();

export class Host {
  readonly core: Core<ClientExports>;
  readonly random: Random;
  readonly level: number;
  /** The server's end of the connection, while there is one. */
  #observer: Observer | undefined;
  readonly #isClean: boolean;
  readonly #authenticates: boolean;
  readonly #noiseOneIn: number;
  readonly #topicAliasMaximum: number;
  /** Topic Aliases that the server has set. */
  #aliases = new Set<number>();
  #nowMs = 0;
  /** Messages that the core has handed on. */
  messages = 0;
  /** Its socket has not taken all; there was a time when it had not. */
  #isBlocked = false;
  #wasBlocked = false;
  /** Nothing goes wrong. */
  #isCalm = false;
  /** The core may have something to send that was not taken yet. */
  #hasMore = false;

  constructor(seed: number) {
    this.random = new Random(seed);
    const { random } = this;
    this.#noiseOneIn = random.pick(NOISE);
    this.core = new Core<ClientExports>("client", 1_024, seed);
    for (const [option, value] of LIMITS) this.core.exports.setOption(option, value);
    this.level = random.pick([3, 4, 5, 5, 5, 5]);
    this.core.exports.setOption(abi.OPTION_PROTOCOL_LEVEL, this.level);
    this.core.exports.setOption(abi.OPTION_OUTBOX_DROP, random.below(2));
    this.#isClean = random.oneIn(2);
    this.core.exports.setOption(abi.OPTION_CLEAN_SESSION, this.#isClean ? 1 : 0);
    this.core.setText(abi.TEXT_CLIENT_ID, Buffer.from("fuzz"));
    this.#authenticates = this.level === 5 && random.oneIn(4);
    this.#topicAliasMaximum = random.pick([0, 1, 3]);
    const first = [byte(0x22), u16(this.#topicAliasMaximum)];
    if (this.#authenticates) first.push(byte(0x15), text(METHOD));
    // One in many such lists is refused.
    while (this.core.setText(abi.TEXT_CONNECT_PROPERTIES, bareProperties(random, "client", first)) !== abi.OK);
    // The buffer of the commands grows once and stays.
    this.core.exports.argumentPtr(ARGUMENT_MAX);
    this.core.exports.handleTime(0);
  }

  /** One thing happens, mostly a packet from the server. */
  step(): void {
    const { random, core } = this;
    const what = random.below(200);
    this.#hasMore = true;
    if (what < 20) this.#command();
    else if (what < 22 || this.#observer === undefined) {
      core.exports.connect();
      this.#nowMs += random.below(20_000);
      core.exports.handleTime(this.#nowMs >>> 0);
    } else if (what < 30) this.#writable();
    else if (what === 30) this.#networkClosed();
    else this.#feed(anyPacket(random, this.#server()));
    if (this.#observer === undefined || random.oneIn(3)) this.drain();
  }

  drain(): void {
    for (let busy = true; busy; ) {
      busy = this.core.drainSends((_, bytes) => this.#send(bytes));
      const events = this.core.drainEvents();
      for (const event of events) this.#handle(event);
      // What the core wanted opened first may be closed by now, and something else wanted.
      const last = events.findLast(({ kind }) => kind === abi.EVENT_OPEN || kind === abi.EVENT_CLOSE);
      if (last?.kind === abi.EVENT_OPEN) this.#open();
      busy ||= events.length > 0;
    }
    this.#hasMore = false;
  }

  /** A server that does all it should: whatever waits is sent and answered, and nothing stays subscribed. */
  finish(): void {
    const { core } = this;
    this.#isCalm = true;
    this.drain();
    this.#networkClosed();
    core.exports.disconnect(0, 0);
    this.drain();
    core.exports.connect();
    this.drain();
    for (const filter of TOPIC_FILTERS) {
      const bytes = Buffer.from(filter);
      core.writeArgument(bytes);
      core.exports.unsubscribe(bytes.length, 0);
    }
    this.drain();
    this.#answerAll();
    core.exports.disconnect(0, 0);
    this.drain();
    if (this.#observer !== undefined) throw new Error("the client has not ended");
    this.#isCalm = false;
  }

  #answerAll(): void {
    for (;;) {
      const [type, packetId] = this.#observer?.awaited(this.random) ?? [];
      const subscribed = this.#observer?.requested(this.random, 8);
      const unsubscribed = this.#observer?.requested(this.random, 10);
      if (type !== undefined && packetId !== undefined) this.#feed(packet(type << 4, u16(packetId)));
      else if (subscribed !== undefined) this.#feed(packet(0x90, u16(subscribed), this.#rest(2)));
      else if (unsubscribed !== undefined) this.#feed(packet(0xb0, u16(unsubscribed), this.#rest(0)));
      else return;
      this.drain();
    }
  }

  /** Behind the Packet Identifier of SUBACK or UNSUBACK: no properties, and one code. */
  #rest(code: number): Uint8Array {
    if (this.level === 5) return Uint8Array.of(0, code);
    return code === 0 ? new Uint8Array() : byte(code);
  }

  #server(): Sender {
    return {
      isServer: true,
      level: this.level,
      authenticates: this.#authenticates,
      owesAuth: this.#observer?.isAsking ?? false,
      topicAliasMaximum: this.#topicAliasMaximum,
      aliases: this.#aliases,
      noiseOneIn: this.#noiseOneIn,
      awaited: (random) => this.#observer?.awaited(random),
      requested: (random, type) => this.#observer?.requested(random, type),
    };
  }

  /** Bytes from the server, often cut in the middle of a packet. */
  #feed(bytes: Uint8Array): void {
    if (this.#observer === undefined) return;
    this.#observer.hear(bytes, this.#hasMore || this.#isBlocked);
    const cut = this.random.oneIn(4) ? this.random.below(bytes.length) : 0;
    if (cut > 0) this.core.handleBytes(abi.CLIENT_CONNECTION, bytes.subarray(0, cut));
    this.core.handleBytes(abi.CLIENT_CONNECTION, bytes.subarray(cut));
  }

  #writable(): void {
    this.#isBlocked = false;
    this.core.exports.handleWritable(abi.CLIENT_CONNECTION);
  }

  #networkClosed(): void {
    if (this.#observer === undefined) return;
    // The core may have ended it in the same turn; then its event is still to come.
    if (this.core.exports.handleClosed(abi.CLIENT_CONNECTION) === abi.OK) this.#observer = undefined;
  }

  #send(bytes: Buffer): void {
    const { random } = this;
    if (this.#observer === undefined) throw new Error("bytes without a connection");
    if (this.#isCalm || !random.oneIn(20)) this.#observer.see(bytes);
    else {
      // A host that claims more than it was given does no harm either.
      const unsent = Math.min(bytes.length, random.below(bytes.length + 2));
      this.#isBlocked = true;
      this.#wasBlocked = true;
      this.core.exports.handleBlocked(abi.CLIENT_CONNECTION, unsent);
      this.#observer.see(bytes.subarray(0, bytes.length - unsent));
    }
  }

  #handle(event: CoreEvent): void {
    if (event.kind === abi.EVENT_MESSAGE) this.messages++;
    else if (event.kind === abi.EVENT_CLOSE) {
      this.#observer?.end(!this.#wasBlocked);
      this.#observer = undefined;
    } else if (event.kind === abi.EVENT_AUTH && event.code === 0x18) this.#auth(0x18);
  }

  #open(): void {
    const { random, core } = this;
    this.#isBlocked = false;
    this.#wasBlocked = false;
    if (!this.#isCalm && random.oneIn(5)) {
      core.exports.handleClosed(abi.CLIENT_CONNECTION);
      return;
    }
    this.#observer = new Observer(codec, this.level);
    this.#aliases = new Set();
    core.exports.handleOpened();
    this.#hasMore = true;
    if (this.#isCalm) this.#feed(this.#accepted());
    else if (random.oneIn(30)) this.#feed(anyPacket(random, this.#server()));
    else this.#feed(connackPacket(random, this.#server(), this.#isClean));
  }

  /** CONNACK without anything that is not the default. */
  #accepted(): Uint8Array {
    if (this.level !== 5) return Uint8Array.of(0x20, 2, 0, 0);
    const list = this.#authenticates ? [byte(0x15), text(METHOD)] : [];
    return packet(0x20, u16(0), byte(Buffer.concat(list).length), ...list);
  }

  #auth(reasonCode: number): void {
    const data = Buffer.alloc(this.random.below(8), 0x64);
    this.core.writeArgument(data);
    this.core.exports.auth(reasonCode, data.length);
  }

  /** The application does something. */
  #command(): void {
    const { random, core } = this;
    const what = random.below(40);
    // Now and then the other of the two, or nothing.
    const topics = what < 24 !== random.oneIn(10) ? TOPIC_NAMES : TOPIC_FILTERS;
    const topic = Buffer.from(random.oneIn(20) ? "" : random.pick(topics));
    if (what < 24) {
      const properties = bareProperties(random, "publish");
      const payload = Buffer.alloc(random.below(random.oneIn(8) ? 3_000 : 40));
      core.writeArgument(topic, properties, payload);
      core.exports.publish(topic.length, properties.length, payload.length, random.below(7));
    } else if (what < 32) {
      const properties = bareProperties(random, "subscribe");
      core.writeArgument(topic, properties);
      core.exports.subscribe(topic.length, properties.length, subscriptionOptions(random, this.level, random.oneIn(2)));
    } else if (what < 36) {
      const properties = bareProperties(random, "unsubscribe");
      core.writeArgument(topic, properties);
      core.exports.unsubscribe(topic.length, properties.length);
    } else if (what < 39) this.#auth(0x19);
    else {
      const properties = bareProperties(random, "client disconnect");
      core.writeArgument(properties);
      core.exports.disconnect(random.pick([0, 4, 0x98]), properties.length);
    }
  }
}
