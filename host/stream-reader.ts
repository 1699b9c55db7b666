// One stream as it arrives (stream-pieces.ts): a Readable that takes pieces by number and checks the whole. When it has more
// than it wants it stops the reading of the connection, as a slow Subscription does.

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { SubscriptionOwner } from "./client-subscribing.ts";
import type { Clock } from "./clock.ts";
import { broken, MISSING_MAX, type Piece, type StreamEnd } from "./stream-pieces.ts";

/** The client, as far as it matters here. */
export interface ReaderOwner {
  readonly clock: Clock;
  /** False while nothing is read of the connection, or there is none. */
  reading(): boolean;
}

/** Bytes that a Readable keeps before reading stops. */
const BUFFER_MAX = 1 << 18;
/** Over this it is given up: the connection is read on for the sake of answers that this client waits for. */
const OVERRUN = 16 << 20;
/** The silence of a stream is measured in so many steps. */
const STEPS = 8;

export class Reader extends Readable {
  readonly #owner: ReaderOwner;
  readonly #subscription: SubscriptionOwner;
  readonly #closed: (error: Error | null) => void;
  readonly #hash = createHash("sha256");
  #bytes = 0;
  #nextNumber = 0;
  #ended = false;
  #claimed = false;
  #full = false;
  #silentSteps = 0;
  #cancelTimer: () => void = () => {};

  constructor(
    owner: ReaderOwner,
    subscription: SubscriptionOwner,
    idleMs: number,
    closed: (error: Error | null) => void,
  ) {
    super({ highWaterMark: BUFFER_MAX });
    this.#owner = owner;
    this.#subscription = subscription;
    this.#closed = closed;
    this.#watch(idleMs);
  }

  /** Somebody has it, and so may keep others waiting. */
  get claimed(): boolean {
    return this.#claimed;
  }

  claim(): void {
    this.#claimed = true;
    this.#fill();
  }

  /** No more pieces come; what has arrived whole stays whole. */
  breakOff(why: string): void {
    if (!this.#ended) this.destroy(broken(why));
  }

  handlePiece(piece: Piece, payload: Uint8Array): void {
    if (this.destroyed || this.#ended) return;
    this.#silentSteps = 0;
    if ("abort" in piece) this.breakOff(`its writer gave up: ${piece.abort}`);
    else if (piece.number >= this.#nextNumber + MISSING_MAX) this.breakOff(`piece ${this.#nextNumber} is missing`);
    else if (piece.number === this.#nextNumber) this.#take(payload, piece.end);
  }

  override _read(): void {
    this.#empty();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#cancelTimer();
    this.#empty();
    this.#closed(error);
    callback(error);
  }

  #take(payload: Uint8Array, end: StreamEnd | undefined): void {
    this.#nextNumber++;
    this.#bytes += payload.length;
    this.#hash.update(payload);
    if (end !== undefined && (end.bytes !== this.#bytes || end.sha256 !== this.#hash.digest("hex"))) {
      this.breakOff("what has arrived is not what was written");
      return;
    }
    if (payload.length > 0) {
      this.push(payload);
      this.#fill();
    }
    if (end !== undefined) this.#end();
    else if (this.readableLength > OVERRUN) {
      this.breakOff("it came faster than it was read, while this client waited for answers; use a client for each");
    }
  }

  #end(): void {
    this.#ended = true;
    this.#cancelTimer();
    this.#empty();
    this.push(null);
  }

  #fill(): void {
    if (this.#full || !this.#claimed || this.#ended || this.destroyed || this.readableLength < BUFFER_MAX) return;
    this.#full = true;
    this.#subscription.filled(this);
  }

  #empty(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#subscription.emptied(this);
  }

  /** Silence counts only while somebody could hear. */
  #watch(idleMs: number): void {
    this.#cancelTimer = this.#owner.clock.after(idleMs / STEPS, () => {
      this.#silentSteps = this.#owner.reading() ? this.#silentSteps + 1 : 0;
      if (this.#silentSteps === STEPS) this.breakOff(`nothing was heard of it for ${idleMs} ms`);
      else this.#watch(idleMs);
    });
  }
}
