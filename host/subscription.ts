// What subscribe() returns: an async iterator over the messages of one Topic Filter. It keeps messages for whoever iterates,
// and from SUBACK on for whoever is about to; when that somebody is slow the connection is not read any further. While the
// client waits for answers it has to be, and then OVERRUN_BYTES bound what is kept.

import type { Message, QoS } from "./api-types.ts";
import type { ClosableSink, SubscriptionOwner } from "./client-subscribing.ts";
import { MidgeError } from "./errors.ts";

/** Messages, and bytes of them, kept before reading stops; what arrived in the same read still joins them. */
const QUEUE_MAX = 1_000;
const QUEUE_BYTES_MAX = 8 << 20;
/** Bytes kept for somebody who has not begun to iterate; over this, or QUEUE_MAX, nobody will. */
const HELD_BYTES_MAX = 1 << 20;
/** What is kept at most, with MESSAGE_BYTES for each message: more than one turn of a fast connection brings. */
const OVERRUN_BYTES = 64 << 20;
const MESSAGE_BYTES = 128;

interface Waiting {
  resolve(result: IteratorResult<Message, void>): void;
  reject(error: Error): void;
}

/** May be iterated once; break, or unsubscribe(), ends it. Whoever iterates slowly stops the reading of the connection, unless
 *  this client waits for answers, which come over it: then up to 64 MiB are kept, beyond which QoS 0 messages are dropped and
 *  any other ends the iteration with code OVERRUN. It ends with SUBSCRIPTION_REFUSED when the server has lost the Session and
 *  does not grant the Subscription again. */
export class Subscription implements ClosableSink, AsyncIterable<Message> {
  readonly topicFilter: string;
  /** Highest QoS the broker sends with. */
  grantedQos: QoS = 0;
  /** Messages that were dropped since more waited than is kept. */
  dropped = 0;
  readonly #isLossy: boolean;
  readonly #owner: SubscriptionOwner;
  readonly #queue: Message[] = [];
  /** Calls of next() that no message has come for. */
  #waiting: Waiting[] = [];
  #state: "held" | "iterating" | "ignored" = "held";
  /** Why it ends, behind what has arrived. */
  #error: Error | undefined;
  #queueBytes = 0;
  #closed = false;
  #full = false;

  /** `isLossy`: what is over the bound is dropped at any QoS. */
  constructor(topicFilter: string, owner: SubscriptionOwner, isLossy = false) {
    this.topicFilter = topicFilter;
    this.#owner = owner;
    this.#isLossy = isLossy;
  }

  /** Somebody iterates, or may be about to. */
  get listening(): boolean {
    return this.#state !== "ignored" && !this.#closed && this.#error === undefined;
  }

  /** Ends the iteration and tells the broker. */
  unsubscribe(): Promise<void> {
    return this.#closed ? Promise.resolve() : this.#owner.unsubscribe();
  }

  /** Ends the iteration, with `error` if there is one, once what has arrived is consumed. */
  close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error !== undefined) this.#error ??= error;
    this.#owner.closed();
    this.#endWaiting();
  }

  /** Takes a message for whoever iterates. */
  push(message: Message): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: message });
      return;
    }
    if (this.#queueBytes + this.#queue.length * MESSAGE_BYTES >= OVERRUN_BYTES) {
      this.#overrun(message);
      return;
    }
    this.#queue.push(message);
    this.#queueBytes += message.payload.length;
    if (this.#state === "held") {
      if (this.#queue.length >= QUEUE_MAX || this.#queueBytes > HELD_BYTES_MAX) this.#ignore();
    } else if ((this.#queue.length >= QUEUE_MAX || this.#queueBytes > QUEUE_BYTES_MAX) && !this.#full) {
      this.#full = true;
      this.#owner.filled(this);
    }
  }

  /** Throws when it is, or was, iterated already: two could not share the messages. */
  [Symbol.asyncIterator](): AsyncIterator<Message, void> {
    if (this.#state === "iterating") throw new TypeError(`the subscription to ${this.topicFilter} is iterated already`);
    this.#state = "iterating";
    return {
      next: () => this.#next(),
      return: () => {
        this.#ignore();
        this.#endWaiting();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<IteratorResult<Message, void>> {
    const message = this.#queue.shift();
    if (message !== undefined) {
      this.#queueBytes -= message.payload.length;
      if (this.#full && this.#queue.length < QUEUE_MAX / 2 && this.#queueBytes < QUEUE_BYTES_MAX / 2) this.#empty();
      return Promise.resolve({ done: false, value: message });
    }
    const error = this.#takeError();
    if (error !== undefined) return Promise.reject(error);
    if (this.#closed || this.#state === "ignored") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #overrun({ qos }: Message): void {
    if (qos === 0 || this.#isLossy) this.dropped++;
    else {
      this.#error = new MidgeError(
        "OVERRUN",
        `more came to ${this.topicFilter} than was consumed while this client waited for answers; use a client for each`,
      );
    }
  }

  #endWaiting(): void {
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      const error = this.#takeError();
      if (error === undefined) resolve({ done: true, value: undefined });
      else reject(error);
    }
  }

  /** Once: whoever asks again hears that it is over. */
  #takeError(): Error | undefined {
    if (this.#error === undefined) return undefined;
    const error = this.#error;
    this.#error = undefined;
    this.#state = "ignored";
    return error;
  }

  /** Nobody wants the messages any more. */
  #ignore(): void {
    this.#state = "ignored";
    this.#queue.length = 0;
    this.#queueBytes = 0;
    this.#error = undefined;
    if (this.#full) this.#empty();
  }

  #empty(): void {
    this.#full = false;
    this.#owner.emptied(this);
  }
}
