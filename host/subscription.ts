// What subscribe() returns: an async iterator over the messages of one Topic Filter. It keeps messages only for somebody
// who iterates, and when that somebody is slow the connection is not read any further, so nothing grows without bound.

import type { Message, QoS } from "./api-types.ts";

export interface SubscriptionOwner {
  unsubscribe(): Promise<void>;
  closed(): void;
  /** Its queue is full: read no more. */
  filled(): void;
  /** There is room again. */
  emptied(): void;
}

/** Messages kept before reading stops; what arrived in the same read still joins them. */
const QUEUE_MAX = 1_000;

export class Subscription implements AsyncIterable<Message> {
  readonly topicFilter: string;
  /** Highest QoS the broker sends with. */
  grantedQos: QoS = 0;
  readonly #owner: SubscriptionOwner;
  readonly #queue: Message[] = [];
  #wake: (() => void) | undefined;
  #iterating = false;
  #holding = true;
  #closed = false;
  #full = false;

  constructor(topicFilter: string, owner: SubscriptionOwner) {
    this.topicFilter = topicFilter;
    this.#owner = owner;
  }

  /** Somebody iterates, or may be about to. */
  get listening(): boolean {
    return this.#iterating || this.#holding;
  }

  /** Ends the iteration and tells the broker. */
  unsubscribe(): Promise<void> {
    return this.#closed ? Promise.resolve() : this.#owner.unsubscribe();
  }

  /** Ends the iteration, once what has arrived is consumed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#holding = false;
    this.#owner.closed();
    this.#wake?.();
  }

  /** Takes a message for whoever iterates. */
  push(message: Message): void {
    this.#queue.push(message);
    if (this.#queue.length >= QUEUE_MAX && this.#iterating && !this.#full) {
      this.#full = true;
      this.#owner.filled();
    }
    this.#wake?.();
  }

  /** Whoever wanted to iterate from the start has begun by now. */
  stopHolding(): void {
    this.#holding = false;
    if (!this.#iterating) this.#queue.length = 0;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void> {
    this.#iterating = true;
    try {
      while (true) {
        const message = this.#queue.shift();
        if (message !== undefined) {
          if (this.#full && this.#queue.length < QUEUE_MAX / 2) this.#empty();
          yield message;
        } else if (this.#closed) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#iterating = false;
      this.#queue.length = 0;
      if (this.#full) this.#empty();
    }
  }

  #empty(): void {
    this.#full = false;
    this.#owner.emptied();
  }
}
