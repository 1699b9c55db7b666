// What runs a client: the client module, its loop and its connection, from connect() to the end. It acts on the module's
// events, and its parts beside it do the rest; what an application may ask stands in client.ts.

import { randomBytes, randomInt } from "node:crypto";
import {
  BAD_STATE,
  CLOSE_DISCONNECT,
  EVENT_AUTH,
  EVENT_CLOSE,
  EVENT_COMPLETED,
  EVENT_MESSAGE,
  EVENT_OFFLINE,
  EVENT_ONLINE,
  EVENT_OPEN,
  NO_DEADLINE,
  OK,
  OPTION_CLEAN_SESSION,
  OPTION_CONNECT_TIMEOUT_MS,
} from "../assembly/abi.ts";
import type { ClientEvents, ClientOptions, EndOptions } from "./api-types.ts";
import { authenticationOf, ClientAuthentication } from "./client-authentication.ts";
import { Dispatch } from "./client-dispatch.ts";
import { ClientLink } from "./client-link.ts";
import { applyClientOptions, applyConnectProperties, sessionExpirySec } from "./client-options.ts";
import { Pending } from "./client-pending.ts";
import { type Commander, Subscribing } from "./client-subscribing.ts";
import type { Clock } from "./clock.ts";
import { type ClientExports, Core, type CoreEvent } from "./core.ts";
import { Driver } from "./driver.ts";
import { IDENTITY_TEXT, MidgeError, offlineError, statusError } from "./errors.ts";
import { messageOf } from "./message.ts";
import { decodeProperties, encodeProperties } from "./properties.ts";
import type { ConnackProperties, Properties } from "./property-types.ts";
import type { Connector } from "./transport/transport.ts";
import { runListener } from "./uncaught.ts";

/** Bytes of one read. */
const INPUT_MAX = 65_536;

export interface MachineOwner {
  /** Emits an event of the client. */
  emit<Name extends keyof ClientEvents>(name: Name, ...event: ClientEvents[Name]): void;
  /** Answers that are waited for beyond those of the core: reading must go on for them. */
  awaiting(): boolean;
  /** DISCONNECT is about to be said: the last that can be published. */
  leaving(): void;
  /** There is room to send. */
  room(): void;
  /** The end; what still waits fails with `error`. */
  finished(error: Error): void;
}

export class ClientMachine implements Commander {
  readonly is5: boolean;
  readonly pending: Pending;
  readonly dispatch: Dispatch;
  readonly subscribing: Subscribing;
  readonly authentication: ClientAuthentication | undefined;
  readonly #options: ClientOptions;
  readonly #owner: MachineOwner;
  readonly #core: Core<ClientExports>;
  readonly #driver: Driver<ClientExports>;
  readonly #link: ClientLink;
  readonly #abort = () => this.finish(new MidgeError("ABORTED", "the client was aborted"));
  #clientId: string;
  #server: ConnackProperties = {};
  #first: { resolve(): void; reject(error: Error): void } | undefined;
  #ending: Promise<void> | undefined;
  #endingDone: (() => void) | undefined;
  #ended = false;
  #connected = false;
  /** "disconnect" events that wait for "connect", which is held until somebody can listen. */
  readonly #held: ClientEvents["disconnect"][0][] = [];

  constructor(connector: Connector, options: ClientOptions, clock: Clock, owner: MachineOwner) {
    this.#options = options;
    this.#owner = owner;
    this.is5 = options.protocolVersion === "5.0";
    this.#clientId = options.clientId ?? `midge-${randomBytes(6).toString("hex")}`;
    const method = authenticationOf(options);
    this.#core = new Core<ClientExports>("client", INPUT_MAX, options.seed ?? randomInt(0x1_0000_0000), options.engine);
    applyClientOptions(this.#core, this.#clientId, options, method?.method);
    this.#driver = new Driver(this.#core, clock, {
      send: (_connection, bytes) => this.#link.send(bytes),
      event: (event) => this.#handleEvent(event),
    });
    const changed = () => this.applyPause();
    this.#link = new ClientLink(this.#driver, connector, {
      beforeConnect: () => this.#beforeConnect(),
      room: () => owner.room(),
    });
    this.pending = new Pending(changed);
    this.dispatch = new Dispatch(this.#core, changed, (message) => owner.emit("message", message));
    this.subscribing = new Subscribing(this, this.dispatch, this.pending);
    if (method !== undefined) {
      this.authentication = new ClientAuthentication(method, {
        clock,
        timeoutMs: options.connectTimeoutMs ?? this.#core.exports.optionValue(OPTION_CONNECT_TIMEOUT_MS),
        auth: (reasonCode, data) => this.#auth(reasonCode, data),
        fail: (error) => this.#link.fail(error),
        changed,
      });
    }
    options.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  get clientId(): string {
    return this.#clientId;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Properties of the last CONNACK. */
  get server(): ConnackProperties {
    return this.#server;
  }

  /** Begins; resolves or rejects with the first attempt. */
  async start(): Promise<void> {
    if (this.#driver.core.exports.connect() !== OK) {
      this.finish(new MidgeError("CLIENT_ENDED", "the client was ended"));
      throw new MidgeError("ARGUMENT_INVALID", IDENTITY_TEXT);
    }
    await new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject };
    });
  }

  /** The core, for a command of the application; throws with code CLIENT_ENDED or ABORTED. */
  core(signal?: AbortSignal): Core<ClientExports> {
    if (signal?.aborted) throw new MidgeError("ABORTED", "aborted before it began", { cause: signal.reason });
    if (this.#ended || this.#ending !== undefined) throw new MidgeError("CLIENT_ENDED", "the client was ended");
    return this.#driver.core;
  }

  encode(properties: Properties): Uint8Array {
    const bytes = encodeProperties(properties);
    if (bytes.length > 0) this.require5("properties are");
    return bytes;
  }

  /** Throws with code NOT_SUPPORTED before 5.0. `what`: with its verb. */
  require5(what: string): void {
    if (!this.is5) throw new MidgeError("NOT_SUPPORTED", `${what} of MQTT 5.0: set protocolVersion to "5.0"`);
  }

  /** Leaves. Rejects with code ARGUMENT_INVALID or NOT_SUPPORTED when nothing has changed. */
  async end({ reasonCode = 0, ...others }: EndOptions): Promise<void> {
    if (this.#ended) return;
    if (this.#ending === undefined) {
      const properties = this.encode(others);
      if (reasonCode !== 0) this.require5("a Reason Code is");
      if (reasonCode !== 0 && reasonCode !== 4) {
        throw new MidgeError("ARGUMENT_INVALID", `reasonCode is ${reasonCode}, and must be 0 or 4`);
      }
      if ((others.sessionExpirySec ?? 0) > 0 && sessionExpirySec(this.#options) === 0) {
        // Section 3.14.2.2.2: a Protocol Error.
        throw new MidgeError("ARGUMENT_INVALID", "sessionExpirySec: a Session that ends with its connection stays so");
      }
      this.#owner.leaving();
      const core = this.#driver.core;
      core.writeArgument(properties);
      const status = core.exports.disconnect(reasonCode, properties.length) >>> 0;
      if (status === BAD_STATE) this.destroy();
      else if (status !== OK) throw statusError(status, "end the client");
      else {
        this.#ending = new Promise((resolve) => {
          this.#endingDone = resolve;
        });
      }
    }
    await this.#ending;
  }

  /** Closes at once and without DISCONNECT. */
  destroy(): void {
    this.finish(new MidgeError("CLIENT_ENDED", "the client was ended"));
  }

  /** Reading stops while a consumer is behind; not while an answer is waited for, CONNACK too, which stands behind what is
   *  not read. */
  applyPause(): void {
    if (this.#ended) return;
    const awaiting = this.pending.size > 0 || this.authentication?.busy === true || this.#owner.awaiting();
    this.#link.setPaused(this.#connected && this.dispatch.behind && !awaiting);
  }

  /** The end of this client, for whatever reason; what is still waited for fails with `error`. */
  finish(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#connected = false;
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#driver.stop();
    this.#link.destroy();
    this.#first?.reject(error);
    this.#first = undefined;
    this.pending.rejectAll(error);
    this.authentication?.handleOffline(error);
    this.subscribing.closeAll();
    this.#owner.finished(error);
    this.#endingDone?.();
  }

  #handleEvent(event: CoreEvent): void {
    if (this.#ended) return;
    switch (event.kind) {
      case EVENT_OPEN:
        void this.#link.open();
        break;
      case EVENT_CLOSE:
        this.#link.close();
        break;
      case EVENT_AUTH:
        void this.authentication?.handleEvent(event);
        break;
      case EVENT_ONLINE:
        // A server that has not proved itself is not one to be online with.
        if (this.authentication?.failed !== true) this.#handleOnline(event);
        break;
      case EVENT_OFFLINE:
        this.#handleOffline(event);
        break;
      case EVENT_MESSAGE:
        if (this.authentication?.failed !== true) this.dispatch.handleMessage(messageOf(event), event.a);
        break;
      case EVENT_COMPLETED:
        if (!this.pending.handleCompleted(event)) this.subscribing.handleLost(event);
        break;
    }
  }

  /** Each connection has an exchange of its own. */
  #beforeConnect(): void {
    if (this.authentication === undefined) return;
    applyConnectProperties(this.#core, this.#options, this.authentication.method, this.authentication.begin());
  }

  #auth(reasonCode: number, data: Uint8Array): number {
    const core = this.#driver.core;
    core.writeArgument(data);
    return core.exports.auth(reasonCode, data.length) >>> 0;
  }

  #handleOnline(event: CoreEvent): void {
    this.#connected = true;
    this.#server = decodeProperties(event.a);
    this.#clientId = this.#server.assignedClientId ?? this.#clientId;
    // A Session that outlives its connection begins anew once, and is then come back to.
    if (this.is5 && sessionExpirySec(this.#options) > 0) this.#core.exports.setOption(OPTION_CLEAN_SESSION, 0);
    this.applyPause();
    this.#first?.resolve();
    this.#first = undefined;
    const connected = { sessionPresent: event.code === 1, properties: this.#server };
    // Whoever awaits connect() goes on before that, and can listen. Not by the clock, which a test may hold.
    if (this.dispatch.holding) setImmediate(() => this.#release(connected));
    else this.#owner.emit("connect", connected);
  }

  #release(connected: ClientEvents["connect"][0]): void {
    if (!this.dispatch.holding || (this.#ended && this.#held.length === 0)) return;
    runListener(() => this.#owner.emit("connect", connected));
    this.dispatch.release();
    for (const lost of this.#held.splice(0)) runListener(() => this.#owner.emit("disconnect", lost));
  }

  #tellLost(lost: ClientEvents["disconnect"][0]): void {
    if (this.dispatch.holding) this.#held.push(lost);
    else this.#owner.emit("disconnect", lost);
  }

  #handleOffline(event: CoreEvent): void {
    const wasConnected = this.#connected;
    this.#connected = false;
    this.applyPause();
    this.#owner.room();
    const reason = event.code & 0xff;
    if (reason === CLOSE_DISCONNECT) {
      this.destroy();
      return;
    }
    const properties = decodeProperties(event.a);
    const cause = this.#link.takeError();
    const error = offlineError({ reason, packetCode: event.code >> 8, properties, is5: this.is5, wasConnected, cause });
    this.authentication?.handleOffline(error);
    if (this.#first !== undefined) this.finish(error);
    else if (event.detail === NO_DEADLINE) {
      this.#tellLost({ error });
      this.finish(error);
    } else this.#tellLost({ error, reconnectInMs: event.detail });
  }
}
