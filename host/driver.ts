// The loop: bytes in -> core -> bytes out, events, sleep until the deadline. Knows no protocol, and no sockets either.
// A turn begins with the first thing that happens and ends when Node has read what had arrived: all of it is answered
// with one write a connection.

import { NO_DEADLINE } from "../assembly/abi.ts";
import type { Clock } from "./clock.ts";
import type { Core, CoreEvent, CoreExports } from "./core.ts";
import { runListener } from "./uncaught.ts";

export interface DriverHandlers {
  /** Sends `bytes`, which it owns. False: no more for now; writable() will be called. */
  send(connection: number, bytes: Buffer): boolean;
  /** Acts on an event; it may call the core. */
  event(event: CoreEvent): void;
}

export class Driver<Exports extends CoreExports> {
  readonly #core: Core<Exports>;
  readonly #clock: Clock;
  readonly #handlers: DriverHandlers;
  #inTurn = false;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(core: Core<Exports>, clock: Clock, handlers: DriverHandlers) {
    this.#core = core;
    this.#clock = clock;
    this.#handlers = handlers;
  }

  /** The core, with its clock set; what it wants done is done at the end of the turn. Every call of the core goes through
   *  here. */
  get core(): Core<Exports> {
    if (!this.#inTurn && !this.#stopped) {
      this.#inTurn = true;
      this.#core.exports.handleTime(this.#clock.now() >>> 0);
      this.#clock.defer(() => this.#endTurn());
    }
    return this.#core;
  }

  /** Its socket has sent what it had. */
  writable(connection: number): void {
    this.core.exports.handleWritable(connection);
  }

  /** Does at once what the end of the turn would do. */
  flush(): void {
    let busy = true;
    while (busy) {
      busy = this.#core.drainSends((connection, bytes) => {
        if (!this.#handlers.send(connection, bytes)) this.#core.exports.handleBlocked(connection, 0);
      });
      const events = this.#core.drainEvents();
      for (const event of events) runListener(() => this.#handlers.event(event));
      if (events.length > 0) busy = true;
    }
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
  }

  #endTurn(): void {
    if (this.#stopped) return;
    this.flush();
    this.#inTurn = false;
    if (!this.#stopped) this.#sleep();
  }

  /** Waking up early costs a call that finds nothing due; so a timer is only replaced by an earlier one. */
  #sleep(): void {
    const delayMs = this.#core.exports.nextDeadline() >>> 0;
    if (delayMs === NO_DEADLINE) return;
    const atMs = this.#clock.now() + delayMs;
    if (this.#timerAtMs <= atMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#cancelTimer = undefined;
      void this.core;
    });
  }
}
