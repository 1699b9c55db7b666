// Enhanced authentication at the client's end: asks the application's method, or SCRAM, what to say, for each connection and
// each re-authentication anew. Whatever goes wrong here ends the connection: a server that could not be answered, or has not
// proved itself, is not one to talk to.

import { OK } from "../assembly/abi.ts";
import type { Authentication, ClientOptions } from "./api-types.ts";
import type { CoreEvent } from "./core.ts";
import { MidgeError } from "./errors.ts";
import { SCRAM_SHA_256, type ScramClient, scramClient } from "./scram.ts";

const CONTINUE = 0x18;
const RE_AUTHENTICATE = 0x19;

export interface AuthenticationOwner {
  /** Says AUTH; the core's status. */
  auth(reasonCode: number, data: Uint8Array): number;
  /** Ends the connection. */
  fail(error: MidgeError): void;
  /** `busy` may have changed. */
  changed(): void;
}

/** The method that the options ask for. Throws with code ARGUMENT_INVALID. */
export function authenticationOf({ authentication, userName, password }: ClientOptions): Authentication | undefined {
  if (authentication !== "SCRAM-SHA-256") return authentication;
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
    if (this.#owner.auth(RE_AUTHENTICATE, data) !== OK) {
      throw new MidgeError("CONNECTION_LOST", "there is no connection to authenticate again on");
    }
    let settle = {} as { resolve(): void; reject(error: Error): void };
    const promise = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#again = { promise, ...settle };
    this.#owner.changed();
    return promise;
  }

  /** EVENT_AUTH. */
  async handleEvent(event: CoreEvent): Promise<void> {
    const exchange = this.#exchange;
    try {
      if (event.code === CONTINUE) {
        const answer = await this.#method.respond(event.c);
        if (exchange === this.#exchange) this.#owner.auth(CONTINUE, answer);
      } else {
        this.#method.accepted?.(event.c);
        const again = this.#again;
        this.#again = undefined;
        this.#owner.changed();
        again?.resolve();
      }
    } catch (error) {
      if (exchange !== this.#exchange) return;
      this.#failed = true;
      this.#owner.fail(failure(error));
    }
  }

  /** The connection is over. */
  handleOffline(error: Error): void {
    this.#exchange++;
    const again = this.#again;
    this.#again = undefined;
    again?.reject(error);
  }
}

function failure(error: unknown): MidgeError {
  return new MidgeError("AUTHENTICATION_FAILED", `cannot authenticate: ${(error as Error).message}`, { cause: error });
}
