// What subscribe() returns: an async iterator over the messages of one Topic Filter. It keeps messages for whoever iterates,
// and from SUBACK on for whoever is about to; when that somebody is slow the connection is not read any further, so nothing
// grows without bound.

import type { Message, QoS } from "./api-types.ts";
import type { ClosableSink, SubscriptionOwner } from "./client-subscribing.ts";

/** Messages, and bytes of them, kept before reading stops; what arrived in the same read still joins them. */
const QUEUE_MAX = 1_000;
const QUEUE_BYTES_MAX = 8 << 20;
/** Bytes kept for somebody who has not begun to iterate; over this, or QUEUE_MAX, nobody will. */
const HELD_BYTES_MAX = 1 << 20;

/** May be iterated once; break, or unsubscribe(), ends it. */
export class Subscription implements ClosableSink, AsyncIterable<Message> {
  readonly topicFilter: string;
  /** Highest QoS the broker sends with. */
  grantedQos: QoS = 0;
  readonly #owner: SubscriptionOwner;
  readonly #queue: Message[] = [];
  /** Calls of next() that no message has come for. */
  #waiting: ((result: IteratorResult<Message, void>) => void)[] = [];
  #state: "held" | "iterating" | "ignored" = "held";
  #queueBytes = 0;
  #closed = false;
  #full = false;

  constructor(topicFilter: string, owner: SubscriptionOwner) {
    this.topicFilter = topicFilter;
    this.#owner = owner;
  }

  /** Somebody iterates, or may be about to. */
  get listening(): boolean {
    return this.#state !== "ignored" && !this.#closed;
  }

  /** Ends the iteration and tells the broker. */
  unsubscribe(): Promise<void> {
    return this.#closed ? Promise.resolve() : this.#owner.unsubscribe();
  }

  /** Ends the iteration, once what has arrived is consumed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.closed();
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  /** Takes a message for whoever iterates. */
  push(message: Message): void {
    const resolve = this.#waiting.shift();
    if (resolve !== undefined) {
      resolve({ done: false, value: message });
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
        for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
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
    if (this.#closed || this.#state === "ignored") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nobody wants the messages any more. */
  #ignore(): void {
    this.#state = "ignored";
    this.#queue.length = 0;
    this.#queueBytes = 0;
    if (this.#full) this.#empty();
  }

  #empty(): void {
    this.#full = false;
    this.#owner.emptied(this);
  }
}
