// Network Connections inside one process: two ends joined by a clock. Bytes arrive at the next turn, in order, copied.

import type { Clock } from "../clock.ts";
import type { Transport, TransportHandlers } from "./transport.ts";

export class MemoryTransport implements Transport {
  readonly remoteAddress: string;
  readonly #clock: Clock;
  #other: MemoryTransport | undefined;
  #handlers: TransportHandlers | undefined;
  #waiting: Uint8Array[] = [];
  #paused = false;
  /** The other end has gone, or the network. */
  #gone = false;

  constructor(clock: Clock, remoteAddress: string) {
    this.#clock = clock;
    this.remoteAddress = remoteAddress;
  }

  join(other: MemoryTransport): void {
    this.#other = other;
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    this.#deliver();
    if (this.#gone) this.#clock.defer(() => this.#closed());
  }

  write(bytes: Uint8Array): boolean {
    const other = this.#other;
    const copy = Uint8Array.from(bytes);
    this.#clock.defer(() => {
      if (other === undefined) return;
      other.#waiting.push(copy);
      other.#deliver();
    });
    return true;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#clock.defer(() => this.#deliver());
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    const other = this.#other;
    this.#handlers = undefined;
    this.#other = undefined;
    if (other !== undefined) this.#clock.defer(() => other.#closed());
  }

  /** The network fails: this end learns of it, and nothing on its way arrives. */
  cut(): void {
    this.#waiting = [];
    this.#clock.defer(() => this.#closed());
  }

  #deliver(): void {
    while (!this.#paused && this.#handlers !== undefined) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) return;
      this.#handlers.bytes(bytes);
    }
  }

  #closed(): void {
    this.#gone = true;
    const handlers = this.#handlers;
    this.#handlers = undefined;
    this.#other = undefined;
    handlers?.closed();
  }
}

/** Two joined ends. */
export function memoryPair(clock: Clock, names: [string, string]): [MemoryTransport, MemoryTransport] {
  const first = new MemoryTransport(clock, names[1]);
  const second = new MemoryTransport(clock, names[0]);
  first.join(second);
  second.join(first);
  return [first, second];
}
