// The commands of a client that the core has not reported on yet: its token -> the promise that the application waits for.

import { COMPLETED_DROPPED, COMPLETED_REFUSED, TOKEN_FIRST } from "../assembly/abi.ts";
import type { CoreEvent } from "./core.ts";
import { MidgeError, type MidgeErrorCode, reasonError, statusError } from "./errors.ts";
import { decodeProperties } from "./properties.ts";
import type { AcknowledgementProperties } from "./property-types.ts";

/** What an acknowledgement says; a code of 0x80 and up is an error. */
export interface Completion {
  readonly reasonCode: number;
  readonly properties: AcknowledgementProperties;
}

/** A command, for its errors. */
export interface Command {
  /** In words. */
  readonly what: string;
  /** Code of the error when the server refuses it. */
  readonly refused: MidgeErrorCode;
  /** What the limit is that it may meet, in words. Default: that of the outbox. */
  readonly limit?: string;
  /** Stops the waiting, not the command. */
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  complete(event: CoreEvent): void;
  reject(error: Error): void;
}

export class Pending {
  readonly #waiters = new Map<number, Waiter>();
  readonly #changed: () => void;

  /** `changed` is called when `size` may have. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** `token`: what the core has answered, a status too. */
  wait(token: number, command: Command): Promise<Completion> {
    const { what, signal, limit } = command;
    if (token < TOKEN_FIRST) return Promise.reject(statusError(token, what, limit));
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiters.delete(token);
        this.#changed();
        reject(new MidgeError("ABORTED", `gave up waiting: ${what}`, { cause: signal?.reason }));
      };
      const settle = () => {
        signal?.removeEventListener("abort", abort);
        this.#changed();
      };
      this.#waiters.set(token, {
        complete(event) {
          settle();
          const completion = { reasonCode: event.code, properties: decodeProperties(event.a) };
          const error = errorOf(completion, command);
          if (error === undefined) resolve(completion);
          else reject(error);
        },
        reject(error) {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.#changed();
    });
  }

  /** EVENT_COMPLETED. False: nobody waits for it. */
  handleCompleted(event: CoreEvent): boolean {
    const waiter = this.#waiters.get(event.detail);
    this.#waiters.delete(event.detail);
    waiter?.complete(event);
    return waiter !== undefined;
  }

  rejectAll(error: Error): void {
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
  }
}

function errorOf({ reasonCode, properties }: Completion, { what, refused }: Command): MidgeError | undefined {
  if (reasonCode === COMPLETED_DROPPED)
    return new MidgeError("OUTBOX_FULL", `dropped, to make room or as too old: ${what}`);
  if (reasonCode >= COMPLETED_REFUSED) return reasonError(refused, `refused to ${what}`, reasonCode, properties);
  return undefined;
}
