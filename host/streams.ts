// The streams of pieces (stream-pieces.ts) that come to one Topic Filter, of any number of writers: an async iterator that has
// each of them once, when its first piece has come.

import { Readable } from "node:stream";
import type { Message, QoS, SubscribeOptions } from "./api-types.ts";
import type { ClosableSink, SubscriptionOwner } from "./client-subscribing.ts";
import type { ReceivedProperties } from "./property-types.ts";
import { IDLE_MS, pieceOf, streamProperties } from "./stream-pieces.ts";
import { Reader, type ReaderOwner } from "./stream-reader.ts";

/** A stream that somebody has begun to write. */
export interface IncomingStream {
  readonly topicName: string;
  /** Those of its first piece. */
  readonly properties: ReceivedProperties;
  /** Its bytes. Fails with code STREAM_BROKEN when it does not arrive whole. Destroy it if you do not want it. */
  readonly readable: Readable;
}

export interface StreamsOptions extends SubscribeOptions {
  /** Highest QoS to receive with, 1 or 2. Default: 2, which leaves it to the writer. */
  qos?: 1 | 2;
  /** A stream that is silent for so long is broken, milliseconds. Default: 60,000. */
  idleTimeoutMs?: number;
}

/** Streams that nobody has taken from the iterator, over which new ones break at once; and their bytes, over which they break.
 *  They do not stop reading: whoever reads one stream after the other waits for the first, behind which they come. */
const UNCLAIMED_MAX = 64;
const UNCLAIMED_BYTES_MAX = 8 << 20;
/** With those that are broken already; over this new ones are not told of. */
const BROKEN_MAX = 1_000;
/** Streams remembered after their end, so that a first piece that comes twice does not begin them again. */
const ENDED_MAX = 1_000;

/** What streams() returns: iterate over it, once, and read the streams side by side; 64 that wait to be taken are
 *  kept, up to 8 MiB of all of them, and those beyond break. break leaves the streams you have; unsubscribe() ends them. */
export class Streams implements ClosableSink, AsyncIterable<IncomingStream> {
  readonly topicFilter: string;
  grantedQos: QoS = 0;
  readonly #subscription: SubscriptionOwner;
  readonly #owner: ReaderOwner;
  readonly #idleMs: number;
  readonly #readers = new Map<string, Reader>();
  readonly #ended = new Set<string>();
  readonly #unclaimed: Incoming[] = [];
  #waiting: Waiting[] = [];
  /** Why it ends, for whoever iterates. */
  #error: Error | undefined;
  #state: "open" | "iterating" | "left" | "closed" = "open";

  constructor(topicFilter: string, subscription: SubscriptionOwner, owner: ReaderOwner, idleMs = IDLE_MS) {
    this.topicFilter = topicFilter;
    this.#subscription = subscription;
    this.#owner = owner;
    this.#idleMs = idleMs;
  }

  get listening(): boolean {
    return this.#state !== "closed";
  }

  unsubscribe(): Promise<void> {
    return this.#state === "closed" ? Promise.resolve() : this.#subscription.unsubscribe();
  }

  close(error?: Error): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#error = error;
    for (const reader of [...this.#readers.values()]) reader.breakOff("its subscription ended");
    this.#subscription.closed();
    for (const waiting of this.#waiting.splice(0)) this.#end().then(waiting.resolve, waiting.reject);
  }

  push(message: Message): void {
    const piece = pieceOf(message);
    if (piece === undefined) return;
    const key = `${piece.id} ${message.topicName}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      // Whoever comes too late cannot have it whole.
      if ("abort" in piece || piece.number !== 0 || this.#ended.has(key)) return;
      if (this.#state === "left" || this.#unclaimed.length >= BROKEN_MAX) return;
      const waiting = this.#unclaimed.reduce((count, stream) => count + (stream.reader.destroyed ? 0 : 1), 0);
      reader = this.#begin(key, message);
      if (waiting >= UNCLAIMED_MAX) {
        reader.breakOff(`${UNCLAIMED_MAX} others waited to be taken from streams(); take them side by side`);
      }
    }
    reader.handlePiece(piece, message.payload);
    if (this.#unclaimed.length > 0) this.#boundUnclaimed(reader);
  }

  [Symbol.asyncIterator](): AsyncIterator<IncomingStream, void> {
    if (this.#state === "iterating" || this.#state === "left") {
      throw new TypeError(`the streams of ${this.topicFilter} are iterated already`);
    }
    if (this.#state === "open") this.#state = "iterating";
    return { next: () => this.#next(), return: () => this.#leave() };
  }

  #begin(key: string, { topicName, properties }: Message): Reader {
    const reader = new Reader(this.#owner, this.#subscription, this.#idleMs, (error) => {
      this.#readers.delete(key);
      this.#remember(key);
      if (error !== null && !reader.claimed) stream.readable = failing(error);
    });
    this.#readers.set(key, reader);
    // One that breaks before anybody has it breaks nobody; its error is kept for whoever reads it, and its bytes are not.
    reader.on("error", ignore);
    const stream: Incoming = { topicName, properties: streamProperties(properties), readable: reader, reader };
    this.#unclaimed.push(stream);
    // When this turn is over: what else it brings may break the stream, and nobody would hear of it.
    queueMicrotask(() => this.#handOut());
    return reader;
  }

  #handOut(): void {
    while (this.#waiting.length > 0 && this.#unclaimed.length > 0) {
      this.#waiting.shift()?.resolve(claim(this.#unclaimed.shift() as Incoming));
    }
  }

  #boundUnclaimed(reader: Reader): void {
    if (reader.claimed) return;
    const bytes = this.#unclaimed.reduce((sum, { readable }) => sum + readable.readableLength, 0);
    if (bytes > UNCLAIMED_BYTES_MAX) reader.breakOff("nobody has taken it from streams() in time");
  }

  #remember(key: string): void {
    this.#ended.add(key);
    if (this.#ended.size <= ENDED_MAX) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      break;
    }
  }

  #next(): Promise<IteratorResult<IncomingStream, void>> {
    const stream = this.#unclaimed.shift();
    if (stream !== undefined) return Promise.resolve(claim(stream));
    if (this.#state !== "iterating") return this.#end();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #end(): Promise<IteratorResult<IncomingStream, void>> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }

  #leave(): Promise<IteratorResult<IncomingStream, void>> {
    if (this.#state === "iterating") this.#state = "left";
    for (const { readable } of this.#unclaimed.splice(0)) readable.destroy();
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }
}

interface Waiting {
  resolve(result: IteratorResult<IncomingStream, void>): void;
  reject(error: Error): void;
}

interface Incoming extends IncomingStream {
  readable: Readable;
  readonly reader: Reader;
}

function claim({ topicName, properties, readable, reader }: Incoming): IteratorResult<IncomingStream, void> {
  reader.claim();
  if (!reader.destroyed) reader.off("error", ignore);
  return { done: false, value: { topicName, properties, readable } };
}

function failing(error: Error): Readable {
  return new Readable({
    read() {
      this.destroy(error);
    },
  });
}

function ignore(): void {}
