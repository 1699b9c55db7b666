// The client for people: promises, events and async iterators around the client module. It opens the Network Connection
// when the core asks for one; when to connect, what to send again and what to give up, the core decides.

import { randomBytes, randomInt } from "node:crypto";
import { EventEmitter } from "node:events";
import {
  CLIENT_CONNECTION,
  CLOSE_DISCONNECT,
  COMPLETED_DROPPED,
  COMPLETED_REFUSED,
  EVENT_CLOSE,
  EVENT_COMPLETED,
  EVENT_MESSAGE,
  EVENT_OFFLINE,
  EVENT_ONLINE,
  EVENT_OPEN,
  NO_DEADLINE,
  OK,
  PUBLISH_QOS_SHIFT,
  TOKEN_FIRST,
} from "../assembly/abi.ts";
import type { ClientEvents, ClientOptions, Message, PublishOptions, QoS, SubscribeOptions } from "./api-types.ts";
import { applyClientOptions } from "./client-options.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type ClientExports, Core, type CoreEvent } from "./core.ts";
import { Driver } from "./driver.ts";
import { IDENTITY_TEXT, MidgeError, offlineError, statusError } from "./errors.ts";
import { messageOf } from "./message.ts";
import { Subscription } from "./subscription.ts";
import { tcpConnector } from "./transport/tcp.ts";
import type { Connector, Transport } from "./transport/transport.ts";
import { runListener } from "./uncaught.ts";

/** Bytes of one read. */
const INPUT_MAX = 65_536;
/** Bytes published at QoS 0 in one turn after which publish() waits for the turn to end: a loop of awaits must let go. */
const TURN_BYTES = 65_536;

interface Waiter {
  resolve(code: number): void;
  reject(error: Error): void;
}

/** An MQTT client. Emits the events of ClientEvents. */
export class Client extends EventEmitter<ClientEvents> {
  readonly clientId: string;
  readonly #core: Core<ClientExports>;
  readonly #driver: Driver<ClientExports>;
  readonly #connector: Connector;
  readonly #waiters = new Map<number, Waiter>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #signal: AbortSignal | undefined;
  readonly #abortListener = () => this.#abort();
  /** Subscriptions whose queue is full. */
  readonly #fullSubscriptions = new Set<Subscription>();
  #paused = false;
  /** The attempt to connect that is under way; one that is not is of no interest any more. */
  #attempt: AbortController | undefined;
  #transport: Transport | undefined;
  #openError: Error | undefined;
  #first: Waiter | undefined;
  #ending: Promise<void> | undefined;
  #endingDone: (() => void) | undefined;
  #ended = false;
  #connected = false;
  /** Messages that came before the application could listen: connect() has not returned yet. */
  #held: Message[] | undefined = [];
  #turnBytes = 0;
  #roomWaiters: (() => void)[] = [];

  /** Connects. Resolves when the broker has accepted the connection; rejects when the first attempt fails. Later losses of
   *  the connection are the client's own business, unless `reconnect` is false. */
  static connect(options: ClientOptions = {}): Promise<Client> {
    return Client.connectWith(tcpConnector(options.host ?? "127.0.0.1", options.port ?? 1883), options);
  }

  /** Connects over connections of your own making. */
  static async connectWith(connector: Connector, options: ClientOptions, clock = systemClock): Promise<Client> {
    if (options.signal?.aborted) throw new MidgeError("ABORTED", "aborted before it began");
    const client = new Client(connector, options, clock);
    if (client.#driver.core.exports.connect() !== OK) {
      client.destroy();
      throw new MidgeError("ARGUMENT_INVALID", IDENTITY_TEXT);
    }
    await new Promise<number>((resolve, reject) => {
      client.#first = { resolve, reject };
    });
    return client;
  }

  private constructor(connector: Connector, options: ClientOptions, clock: Clock) {
    super();
    const seed = options.seed ?? randomInt(0x1_0000_0000);
    this.clientId = options.clientId ?? `midge-${randomBytes(6).toString("hex")}`;
    this.#connector = connector;
    this.#core = new Core<ClientExports>("client", INPUT_MAX, seed);
    applyClientOptions(this.#core, this.clientId, options);
    this.#driver = new Driver(this.#core, clock, {
      send: (_connection, bytes) => this.#send(bytes),
      event: (event) => this.#handleEvent(event),
    });
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#abortListener, { once: true });
  }

  /** True from CONNACK until the connection is lost. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Publishes. Resolves at QoS 0 when the message is on its way, at QoS 1 and 2 when it is acknowledged, over as many
   *  connections as that takes. Rejects with OUTBOX_FULL, TOPIC_INVALID, PACKET_TOO_LARGE, CLIENT_ENDED or ABORTED. */
  async publish(topicName: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    this.#requireOpen(options.signal);
    const name = Buffer.from(topicName);
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    const flags = ((options.qos ?? 0) << PUBLISH_QOS_SHIFT) | (options.retain ? 1 : 0);
    const core = this.#driver.core;
    core.writeArgument(name, bytes);
    const token = core.exports.publish(name.length, bytes.length, flags) >>> 0;
    if (token === OK) {
      this.#turnBytes += name.length + bytes.length;
      if (this.#turnBytes > TURN_BYTES && this.#connected)
        await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
      return;
    }
    await this.#completion(token, `publish to ${topicName}`, options.signal);
  }

  /** Subscribes. Resolves when the broker has granted it; iterate over the result, or listen to "message". Rejects with
   *  SUBSCRIPTION_REFUSED, TOPIC_INVALID, CLIENT_ENDED or ABORTED. */
  async subscribe(topicFilter: string, options: SubscribeOptions = {}): Promise<Subscription> {
    this.#requireOpen(options.signal);
    const filter = Buffer.from(topicFilter);
    const subscription = new Subscription(topicFilter, {
      unsubscribe: () => this.unsubscribe(topicFilter),
      closed: () => {
        options.signal?.removeEventListener("abort", abort);
        this.#subscriptions.delete(subscription);
        this.#fullSubscriptions.delete(subscription);
        this.#applyPause();
      },
      filled: () => {
        this.#fullSubscriptions.add(subscription);
        this.#applyPause();
      },
      emptied: () => {
        this.#fullSubscriptions.delete(subscription);
        this.#applyPause();
      },
    });
    const abort = () => void subscription.unsubscribe().catch(() => {});
    // Before SUBACK: retained messages follow it in the same read.
    this.#subscriptions.add(subscription);
    try {
      const core = this.#driver.core;
      core.writeArgument(filter);
      const token = core.exports.subscribe(filter.length, options.qos ?? 0) >>> 0;
      subscription.grantedQos = (await this.#completion(token, `subscribe to ${topicFilter}`, options.signal)) as QoS;
    } catch (error) {
      // Aborted before SUBACK: what the broker may have granted is taken back.
      if (options.signal?.aborted && !this.#ended) abort();
      subscription.close();
      throw error;
    }
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener("abort", abort, { once: true });
    return subscription;
  }

  /** Unsubscribes. Resolves when the broker has confirmed it. */
  async unsubscribe(topicFilter: string): Promise<void> {
    this.#requireOpen();
    for (const subscription of this.#subscriptions) if (subscription.topicFilter === topicFilter) subscription.close();
    const filter = Buffer.from(topicFilter);
    const core = this.#driver.core;
    core.writeArgument(filter);
    await this.#completion(core.exports.unsubscribe(filter.length) >>> 0, `unsubscribe from ${topicFilter}`);
  }

  /** Sends what waits at QoS 0, says DISCONNECT and closes. Messages still unacknowledged are rejected with CLIENT_ENDED. */
  end(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#ending ??= new Promise((resolve) => {
      this.#endingDone = resolve;
      if (this.#driver.core.exports.disconnect() !== OK) this.destroy();
    });
    return this.#ending;
  }

  /** Closes at once and without DISCONNECT: the broker publishes the Will. */
  destroy(): void {
    this.#finish(new MidgeError("CLIENT_ENDED", "the client was ended"));
  }

  #requireOpen(signal?: AbortSignal): void {
    if (signal?.aborted) throw new MidgeError("ABORTED", "aborted before it began", { cause: signal.reason });
    if (this.#ended || this.#ending !== undefined) throw new MidgeError("CLIENT_ENDED", "the client was ended");
  }

  #abort(): void {
    this.#finish(new MidgeError("ABORTED", "the client was aborted"));
  }

  #completion(token: number, what: string, signal?: AbortSignal): Promise<number> {
    if (token < TOKEN_FIRST) return Promise.reject(statusError(token, what));
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiters.delete(token);
        this.#applyPause();
        reject(new MidgeError("ABORTED", `gave up waiting: ${what}`, { cause: signal?.reason }));
      };
      const settle = () => {
        signal?.removeEventListener("abort", abort);
        this.#applyPause();
      };
      this.#waiters.set(token, {
        resolve(code) {
          settle();
          if (code === COMPLETED_DROPPED) reject(new MidgeError("OUTBOX_FULL", `dropped for a newer message: ${what}`));
          else if (code === COMPLETED_REFUSED) reject(new MidgeError("SUBSCRIPTION_REFUSED", `refused: ${what}`));
          else resolve(code);
        },
        reject(error) {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.#applyPause();
    });
  }

  /** Reading stops while a consumer is behind; not while an answer is waited for, CONNACK too, which stands behind what is
   *  not read. */
  #applyPause(): void {
    const paused = this.#connected && this.#fullSubscriptions.size > 0 && this.#waiters.size === 0;
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (this.#ended) return;
    this.#driver.core.exports.handlePaused(paused);
    if (paused) this.#transport?.pause();
    else this.#transport?.resume();
  }

  #makeRoom(): void {
    this.#turnBytes = 0;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  #send(bytes: Buffer): boolean {
    const hasRoom = this.#transport?.write(bytes) !== false;
    if (hasRoom) this.#makeRoom();
    return hasRoom;
  }

  #handleEvent(event: CoreEvent): void {
    if (this.#ended) return;
    switch (event.kind) {
      case EVENT_OPEN:
        void this.#open();
        break;
      case EVENT_CLOSE:
        this.#attempt?.abort();
        this.#attempt = undefined;
        this.#transport?.end();
        this.#transport = undefined;
        break;
      case EVENT_ONLINE:
        this.#handleOnline(event.code === 1);
        break;
      case EVENT_OFFLINE:
        this.#handleOffline(event);
        break;
      case EVENT_MESSAGE:
        this.#handleMessage(event);
        break;
      case EVENT_COMPLETED: {
        const waiter = this.#waiters.get(event.detail);
        this.#waiters.delete(event.detail);
        waiter?.resolve(event.code);
        break;
      }
    }
  }

  async #open(): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    let transport: Transport;
    try {
      transport = await this.#connector(attempt.signal);
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      this.#openError = error as Error;
      this.#driver.core.exports.handleClosed();
      return;
    }
    if (this.#attempt !== attempt || this.#driver.core.exports.handleOpened() !== OK) {
      transport.start({ bytes() {}, drained() {}, closed() {} });
      transport.destroy();
      return;
    }
    this.#attempt = undefined;
    this.#transport = transport;
    transport.start({
      bytes: (bytes) => this.#driver.core.handleBytes(CLIENT_CONNECTION, bytes),
      drained: () => {
        this.#makeRoom();
        this.#driver.writable(CLIENT_CONNECTION);
      },
      closed: (error) => {
        if (this.#transport !== transport) return;
        this.#transport = undefined;
        this.#openError = error;
        this.#driver.core.exports.handleClosed();
      },
    });
  }

  #handleOnline(sessionPresent: boolean): void {
    this.#connected = true;
    this.#applyPause();
    this.#first?.resolve(0);
    this.#first = undefined;
    // Whoever awaits connect() goes on before that, and can listen. Not by the clock, which a test may hold.
    if (this.#held !== undefined) setImmediate(() => this.#release(sessionPresent));
    else this.emit("connect", { sessionPresent });
  }

  #handleOffline(event: CoreEvent): void {
    const wasConnected = this.#connected;
    this.#connected = false;
    this.#applyPause();
    this.#makeRoom();
    const reason = event.code & 0xff;
    if (reason === CLOSE_DISCONNECT) {
      this.#finish(new MidgeError("CLIENT_ENDED", "the client was ended"));
      return;
    }
    const error = offlineError(reason, event.code >> 8, wasConnected, this.#openError);
    this.#openError = undefined;
    if (this.#first !== undefined) {
      this.#finish(error);
      return;
    }
    if (event.detail === NO_DEADLINE) {
      this.emit("disconnect", { error });
      this.#finish(error);
    } else this.emit("disconnect", { error, reconnectInMs: event.detail });
  }

  #handleMessage(event: CoreEvent): void {
    const message = messageOf(event);
    if (this.#held !== undefined) this.#held.push(message);
    else this.#deliver(message, event.a);
  }

  #release(sessionPresent: boolean): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (this.#ended) return;
    runListener(() => this.emit("connect", { sessionPresent }));
    for (const message of held) runListener(() => this.#deliver(message, Buffer.from(message.topicName)));
  }

  #deliver(message: Message, name: Buffer): void {
    if (this.#ended) return;
    for (const subscription of this.#subscriptions) {
      if (!subscription.listening) continue;
      const filter = Buffer.from(subscription.topicFilter);
      this.#core.writeArgument(filter, name);
      if (this.#core.exports.filterMatches(filter.length, name.length)) subscription.push(message);
    }
    this.emit("message", message);
  }

  /** The end of this client, for whatever reason; what is still waited for fails with `error`. */
  #finish(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#connected = false;
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#signal?.removeEventListener("abort", this.#abortListener);
    this.#driver.stop();
    this.#transport?.destroy();
    this.#transport = undefined;
    this.#makeRoom();
    this.#first?.reject(error);
    this.#first = undefined;
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
    for (const subscription of [...this.#subscriptions]) subscription.close();
    this.#endingDone?.();
  }
}
