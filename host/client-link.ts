// The Network Connection of a client: made when the core asks for one, given up when the core or the application says so.
// Knows transports, and of MQTT nothing.

import { CLIENT_CONNECTION, OK } from "../assembly/abi.ts";
import type { ClientExports } from "./core.ts";
import type { Driver } from "./driver.ts";
import type { Connector, Transport } from "./transport/transport.ts";

export interface LinkOwner {
  /** The connection is there, and CONNECT is about to go out; what this throws ends it. */
  beforeConnect(): void;
  /** There is room to send again. */
  room(): void;
}

export class ClientLink {
  readonly #driver: Driver<ClientExports>;
  readonly #connector: Connector;
  readonly #owner: LinkOwner;
  /** The attempt to connect that is under way; one that is not is of no interest any more. */
  #attempt: AbortController | undefined;
  #transport: Transport | undefined;
  #error: Error | undefined;
  #paused = false;

  constructor(driver: Driver<ClientExports>, connector: Connector, owner: LinkOwner) {
    this.#driver = driver;
    this.#connector = connector;
    this.#owner = owner;
  }

  /** EVENT_OPEN: makes a connection, and tells the core. */
  async open(): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    let transport: Transport | undefined;
    try {
      transport = await this.#connector(attempt.signal);
      if (this.#attempt !== attempt) {
        discard(transport);
        return;
      }
      this.#owner.beforeConnect();
    } catch (error) {
      if (transport !== undefined) discard(transport);
      if (this.#attempt === attempt) this.fail(error as Error);
      return;
    }
    this.#attempt = undefined;
    if (this.#driver.core.exports.handleOpened() === OK) this.#start(transport);
    else discard(transport);
  }

  /** EVENT_CLOSE: closes behind what was written. */
  close(): void {
    this.#abort();
    this.#transport?.end();
    this.#transport = undefined;
  }

  /** Gives the connection up for a reason of this end's own. */
  fail(error: Error): void {
    this.#error = error;
    this.destroy();
    this.#driver.core.exports.handleClosed(CLIENT_CONNECTION);
  }

  /** Closes at once, and tells nobody. */
  destroy(): void {
    this.#abort();
    this.#transport?.destroy();
    this.#transport = undefined;
  }

  /** False: no more for now; the core's writable follows. */
  send(bytes: Buffer): boolean {
    const hasRoom = this.#transport?.write(bytes) !== false;
    if (hasRoom) this.#owner.room();
    return hasRoom;
  }

  /** Stops reading, or goes on. */
  setPaused(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    this.#driver.core.exports.handlePaused(paused);
    if (paused) this.#transport?.pause();
    else this.#transport?.resume();
  }

  /** Why there is no connection, once. */
  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  #start(transport: Transport): void {
    this.#transport = transport;
    transport.start({
      bytes: (bytes) => this.#driver.core.handleBytes(CLIENT_CONNECTION, bytes),
      drained: () => {
        this.#owner.room();
        this.#driver.writable(CLIENT_CONNECTION);
      },
      closed: (error) => {
        if (this.#transport !== transport) return;
        this.#transport = undefined;
        this.#error = error;
        this.#driver.core.exports.handleClosed(CLIENT_CONNECTION);
      },
    });
  }

  #abort(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
  }
}

function discard(transport: Transport): void {
  transport.start({ bytes() {}, drained() {}, closed() {} });
  transport.destroy();
}
