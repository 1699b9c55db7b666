// The writing end of a stream of pieces (stream-pieces.ts): a Writable that keeps no more than a window of pieces. It goes
// at the pace of the acknowledgements, and when the broker has no room, because a reader is slow, it waits and goes back.

import { createHash, randomBytes } from "node:crypto";
import { Writable } from "node:stream";
import type { PublishOptions, PublishResult } from "./api-types.ts";
import type { Clock } from "./clock.ts";
import { MidgeError } from "./errors.ts";
import type { MessageProperties } from "./property-types.ts";
import { abortProperties, HEARTBEAT_MS, PIECE_SIZE, pieceProperties, type StreamEnd, WINDOW } from "./stream-pieces.ts";

/** The properties are those of the stream: a reader has them before the first byte. */
export interface WriteStreamOptions extends Omit<MessageProperties, "payloadFormat"> {
  /** Default: 1. */
  qos?: 1 | 2;
  /** Bytes of a message, at least 1. Default: 65,536, or fewer when the server or the outbox takes no more. */
  pieceSize?: number;
  /** Aborting it destroys the stream. */
  signal?: AbortSignal;
}

/** The client, as far as it matters here. */
export interface WriterOwner {
  readonly clock: Clock;
  /** Bytes of the largest payload that is sure to be taken, 1 and up. */
  readonly payloadMax: number;
  /** Bytes of the outbox that a stream may take. */
  readonly windowBytes: number;
  publish(topicName: string, payload: Uint8Array, options: PublishOptions): Promise<PublishResult>;
  closed(writer: StreamWriter): void;
}

interface Piece {
  readonly payload: Uint8Array;
  readonly options: PublishOptions;
  taken: boolean;
}

/** First and longest wait after a piece was refused. */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

const NO_MATCHING_SUBSCRIBERS = 0x10;
const QUOTA_EXCEEDED = 0x97;

/** What createWriteStream() returns. "finish" says that the broker has all of it. Fails with code NO_RESPONDER when nobody is
 *  subscribed, and with those of publish(). */
export class StreamWriter extends Writable {
  readonly #owner: WriterOwner;
  readonly #topicName: string;
  readonly #options: WriteStreamOptions;
  readonly #pieceSize: number;
  /** Pieces on their way at once. */
  readonly #window: number;
  readonly #id = randomBytes(12).toString("hex");
  readonly #hash = createHash("sha256");
  #bytes = 0;
  /** Written, and not yet a piece. */
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  /** Pieces from the first that is not taken. */
  readonly #pieces: Piece[] = [];
  #nextNumber = 0;
  /** Of `#pieces`, the first that is not on its way. */
  #unsent = 0;
  #inFlight = 0;
  #refused = false;
  #retryMs = RETRY_MIN_MS;
  #cancelRetry: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  /** Waits for room in the window; or, at the end, for all to be taken. */
  #ready: (() => void) | undefined;
  #ending = false;

  constructor(owner: WriterOwner, topicName: string, options: WriteStreamOptions) {
    const { pieceSize: wanted = PIECE_SIZE } = options;
    if (!Number.isInteger(wanted) || wanted < 1) {
      throw new MidgeError("ARGUMENT_INVALID", `pieceSize is ${wanted}, and must be a whole number from 1 on`);
    }
    const pieceSize = Math.min(wanted, owner.payloadMax);
    super({ highWaterMark: pieceSize, ...(options.signal === undefined ? {} : { signal: options.signal }) });
    this.#owner = owner;
    this.#topicName = topicName;
    this.#options = options;
    this.#pieceSize = pieceSize;
    this.#window = Math.max(1, Math.min(WINDOW, Math.floor(owner.windowBytes / pieceSize)));
    this.#beat();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: () => void): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    // A copy: once called back the application may do with its bytes what it likes, and a piece may have to go again.
    this.#parts.push(Uint8Array.from(chunk));
    this.#partsBytes += chunk.length;
    this.#cut();
    this.#ready = callback;
    this.#goOn();
  }

  override _final(callback: () => void): void {
    this.#ending = true;
    const rest = Buffer.concat(this.#parts.splice(0));
    this.#partsBytes = 0;
    this.#add(rest, { bytes: this.#bytes, sha256: this.#hash.digest("hex") });
    this.#ready = callback;
    this.#goOn();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#cancelRetry?.();
    this.#cancelHeartbeat?.();
    this.#owner.closed(this);
    if (!this.writableFinished && this.#nextNumber > 0) this.#tellAbort(error);
    callback(error);
  }

  /** Makes pieces of what was written. */
  #cut(): void {
    // What is not a whole piece waits for more only while others are on their way.
    const least = this.#pieces.length === 0 ? 1 : this.#pieceSize;
    if (this.#partsBytes < least) return;
    const whole = this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : Buffer.concat(this.#parts);
    let at = 0;
    for (; whole.length - at >= this.#pieceSize; at += this.#pieceSize) {
      this.#add(whole.subarray(at, at + this.#pieceSize), undefined);
    }
    if (at < whole.length && this.#pieces.length === 0) {
      this.#add(whole.subarray(at), undefined);
      at = whole.length;
    }
    this.#parts = at < whole.length ? [whole.subarray(at)] : [];
    this.#partsBytes = whole.length - at;
  }

  #add(payload: Uint8Array, end: StreamEnd | undefined): void {
    const { qos = 1, pieceSize: _, signal: __, userProperties = [], ...properties } = this.#options;
    const number = this.#nextNumber++;
    const own = pieceProperties(this.#id, number, end);
    const { messageExpirySec } = properties;
    const expiry = messageExpirySec === undefined ? {} : { messageExpirySec };
    const options =
      number === 0
        ? { ...properties, qos, userProperties: [...own, ...userProperties] }
        : { ...expiry, qos, userProperties: own };
    this.#pieces.push({ payload, options, taken: false });
  }

  /** Sends what the window allows, and lets the application go on when it may. */
  #goOn(): void {
    while (!this.#refused && !this.destroyed && this.#inFlight < this.#window && this.#unsent < this.#pieces.length) {
      void this.#send(this.#pieces[this.#unsent++] as Piece);
    }
    const ready = this.#ending ? this.#pieces.length === 0 : this.#pieces.length < this.#window;
    if (!ready) return;
    const callback = this.#ready;
    this.#ready = undefined;
    callback?.();
  }

  async #send(piece: Piece): Promise<void> {
    this.#inFlight++;
    try {
      const { reasonCode } = await this.#owner.publish(this.#topicName, piece.payload, piece.options);
      piece.taken = true;
      // Who is not there now cannot have it whole any more.
      if (reasonCode === NO_MATCHING_SUBSCRIBERS) {
        this.destroy(
          new MidgeError("NO_RESPONDER", `nobody is subscribed: stream to ${this.#topicName}`, { reasonCode }),
        );
      }
    } catch (error) {
      if (noRoom(error)) this.#refused = true;
      else this.destroy(error as Error);
    }
    this.#inFlight--;
    if (!this.destroyed) this.#settle();
  }

  #settle(): void {
    const taken = this.#pieces.findIndex((piece) => !piece.taken);
    const count = taken === -1 ? this.#pieces.length : taken;
    // While one is refused those behind it are taken in vain.
    this.#pieces.splice(0, count);
    this.#unsent -= count;
    if (count > 0) this.#retryMs = RETRY_MIN_MS;
    if (!this.#refused) {
      this.#cut();
      this.#goOn();
    } else if (this.#inFlight === 0) {
      this.#cancelRetry = this.#owner.clock.after(this.#retryMs, () => this.#retry());
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    }
  }

  #retry(): void {
    for (const piece of this.#pieces) piece.taken = false;
    this.#unsent = 0;
    this.#refused = false;
    this.#goOn();
  }

  #beat(): void {
    const before = this.#nextNumber;
    this.#cancelHeartbeat = this.#owner.clock.after(HEARTBEAT_MS, () => {
      if (this.#nextNumber === before && before > 0 && this.#pieces.length === 0 && !this.#ending) {
        this.#add(new Uint8Array(), undefined);
        this.#goOn();
      }
      this.#beat();
    });
  }

  #tellAbort(error: Error | null): void {
    const said = error?.message ?? "it was closed before its end";
    // Whatever it is, it must be a text that a packet can hold: the slice may have cut a surrogate pair.
    const text = Buffer.from(said.slice(0, 1_000).replaceAll("\0", "\ufffd")).toString();
    const options = { qos: this.#options.qos ?? 1, userProperties: abortProperties(this.#id, text) };
    this.#owner.publish(this.#topicName, new Uint8Array(), options).catch(() => {});
  }
}

/** Not now, but later: the queue of a reader is full, or our own outbox. */
function noRoom(error: unknown): boolean {
  if (!(error instanceof MidgeError)) return false;
  return error.code === "OUTBOX_FULL" || (error.code === "PUBLISH_REFUSED" && error.reasonCode === QUOTA_EXCEEDED);
}
