// Enhanced authentication at the client's end: asks the application's method, or SCRAM, what to say, for each connection and
// each re-authentication anew. Whatever goes wrong here ends the connection: a server that could not be answered, or has not
// proved itself, is not one to talk to.

import { BAD_STATE, OK } from "../assembly/abi.ts";
import type { Authentication, ClientOptions } from "./api-types.ts";
import type { Clock } from "./clock.ts";
import type { CoreEvent } from "./core.ts";
import { MidgeError, statusError } from "./errors.ts";
import { SCRAM_SHA_256, type ScramClient, scramClient } from "./scram.ts";

const CONTINUE = 0x18;
const RE_AUTHENTICATE = 0x19;

export interface AuthenticationOwner {
  readonly clock: Clock;
  /** Time for a re-authentication, milliseconds. */
  readonly timeoutMs: number;
  /** Says AUTH; the core's status. */
  auth(reasonCode: number, data: Uint8Array): number;
  /** Ends the connection. */
  fail(error: MidgeError): void;
  /** `busy` may have changed. */
  changed(): void;
}

/** The method that the options ask for. Throws with code ARGUMENT_INVALID. */
export function authenticationOf({ authentication, userName, password }: ClientOptions): Authentication | undefined {
  if (authentication === undefined) return undefined;
  if (authentication !== SCRAM_SHA_256) {
    // Whoever mistypes a method does not mean to send the password as it is.
    if (typeof authentication?.method === "string" && typeof authentication.respond === "function")
      return authentication;
    throw new MidgeError("ARGUMENT_INVALID", 'authentication is "SCRAM-SHA-256", or has a `method` and `respond`');
  }
  if (userName === undefined || password === undefined) {
    throw new MidgeError("ARGUMENT_INVALID", "SCRAM-SHA-256 needs a userName and a password");
  }
  const secret = Buffer.from(password as string).toString();
  let exchange: ScramClient;
  return {
    method: SCRAM_SHA_256,
    data() {
      exchange = scramClient(userName, secret);
      return exchange.first();
    },
    respond: (data) => exchange.respond(Buffer.from(data)),
    accepted(data) {
      if (data.length > 0) exchange.respond(Buffer.from(data));
      if (!exchange.finished) throw new Error("the server has not shown that it knows the password");
    },
  };
}

export class ClientAuthentication {
  readonly #method: Authentication;
  readonly #owner: AuthenticationOwner;
  /** Counts the exchanges: an answer to one that is over is not sent. */
  #exchange = 0;
  #failed = false;
  /** The re-authentication under way. */
  #again: { readonly promise: Promise<void>; resolve(): void; reject(error: Error): void } | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(method: Authentication, owner: AuthenticationOwner) {
    this.#method = method;
    this.#owner = owner;
  }

  get method(): string {
    return this.#method.method;
  }

  /** The connection is given up; what else has come with the server's last word does not count. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Is an answer waited for? */
  get busy(): boolean {
    return this.#again !== undefined;
  }

  /** A connection is there. Returns Authentication Data for CONNECT. Throws with code AUTHENTICATION_FAILED. */
  begin(): Uint8Array | undefined {
    this.#exchange++;
    this.#failed = false;
    try {
      return this.#method.data?.();
    } catch (error) {
      throw failure(error);
    }
  }

  /** Resolves when the server has accepted again. */
  async reauthenticate(): Promise<void> {
    if (this.#again !== undefined) return this.#again.promise;
    const data = this.begin() ?? new Uint8Array();
    const status = this.#owner.auth(RE_AUTHENTICATE, data);
    if (status === BAD_STATE) {
      throw new MidgeError("CONNECTION_LOST", "there is no connection to authenticate again on");
    }
    if (status !== OK) throw statusError(status, "authenticate again");
    let settle = {} as { resolve(): void; reject(error: Error): void };
    const promise = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#again = { promise, ...settle };
    const { clock, timeoutMs } = this.#owner;
    this.#cancelTimer = clock.after(timeoutMs, () => this.#fail(new Error(`it was not done within ${timeoutMs} ms`)));
    this.#owner.changed();
    return promise;
  }

  /** EVENT_AUTH. */
  async handleEvent(event: CoreEvent): Promise<void> {
    const exchange = this.#exchange;
    try {
      if (event.code === CONTINUE) {
        const answer = await this.#method.respond(event.c);
        if (exchange !== this.#exchange) return;
        const status = this.#owner.auth(CONTINUE, answer);
        // In a state that cannot be the connection is over, and we hear of it in this turn.
        if (status !== OK && status !== BAD_STATE) throw statusError(status, "answer the server");
      } else {
        this.#method.accepted?.(event.c);
        const again = this.#takeAgain();
        this.#owner.changed();
        again?.resolve();
      }
    } catch (error) {
      if (exchange === this.#exchange) this.#fail(error);
    }
  }

  /** The connection is over. */
  handleOffline(error: Error): void {
    this.#exchange++;
    this.#takeAgain()?.reject(error);
  }

  #takeAgain() {
    const again = this.#again;
    this.#again = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    return again;
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#owner.fail(failure(error));
  }
}

function failure(error: unknown): MidgeError {
  return new MidgeError("AUTHENTICATION_FAILED", `cannot authenticate: ${(error as Error).message}`, { cause: error });
}
