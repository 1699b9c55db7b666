// The broker for people: listens, joins sockets to the core, and turns the core's reports into events. Decides nothing
// about MQTT.

import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type { AddressInfo, Server } from "node:net";
import {
  AUTHENTICATE_PASSWORD,
  AUTHENTICATE_USER_NAME,
  EVENT_AUTHENTICATE,
  EVENT_CLOSE,
  EVENT_CONNECTED,
  EVENT_DISCONNECTED,
  EVENT_PUBLISHED,
  EVENT_REFUSED,
  EVENT_SUBSCRIBED,
  EVENT_UNSUBSCRIBED,
  OK,
  OPTION_AUTHENTICATE,
  OPTION_EVENTS,
  PUBLISH_QOS_SHIFT,
} from "../assembly/abi.ts";
import type { PublishOptions, QoS } from "./api-types.ts";
import { type BrokerLimits, limitOptions } from "./broker-limits.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type BrokerExports, Core, type CoreEvent } from "./core.ts";
import { Driver } from "./driver.ts";
import { CLOSE_TEXT, MidgeError, RETURN_CODE_TEXT, statusError } from "./errors.ts";
import { tcpListen } from "./transport/tcp.ts";
import type { Transport } from "./transport/transport.ts";
import { VERSION } from "./version.ts";

/** Who wants to connect, for BrokerOptions.authenticate. */
export interface Credentials {
  readonly clientId: string;
  readonly address: string;
  readonly userName: string | undefined;
  readonly password: Buffer | undefined;
}

/** Return code for CONNACK: accepted, bad user name or password, or not authorised. */
export type Verdict = boolean | "not authorised";

export interface BrokerOptions {
  /** Where to listen. Default: port 1883 of 127.0.0.1 alone. Port 0 is any free one; an empty list is nowhere. */
  listen?: readonly { host?: string; port?: number }[];
  /** Decides on every CONNECT: true accepts, false refuses with code 4, "not authorised" with code 5; an error refuses
   *  with code 3. Default: everybody is accepted, with or without a name. */
  authenticate?: (credentials: Credentials) => Verdict | Promise<Verdict>;
  /** Capacities; what each means and what happens when it is reached stands in assembly/limits.ts. */
  limits?: BrokerLimits;
  /** Default: the system's. */
  clock?: Clock;
  /** Seed of assigned client ids and of hashing. Default: random. */
  seed?: number;
}

export interface BrokerEvents {
  connect: [
    {
      clientId: string;
      address: string;
      protocolVersion: string;
      cleanSession: boolean;
      keepAliveSec: number;
      userName: string | undefined;
    },
  ];
  /** A connection that had been accepted is over. */
  disconnect: [{ clientId: string; address: string; reason: string }];
  /** A connection ended before it was accepted. */
  refuse: [{ clientId: string; address: string; reason: string }];
  subscribe: [{ clientId: string; topicFilter: string; qos: QoS | 128 }];
  unsubscribe: [{ clientId: string; topicFilter: string }];
  publish: [{ clientId: string; topicName: string; qos: QoS; retain: boolean; payloadLength: number }];
}

/** The report of the core that each event needs; reports cost something, so only those are asked for. */
const REPORTS: { [Name in keyof BrokerEvents]: number } = {
  connect: EVENT_CONNECTED,
  disconnect: EVENT_DISCONNECTED,
  refuse: EVENT_REFUSED,
  subscribe: EVENT_SUBSCRIBED,
  unsubscribe: EVENT_UNSUBSCRIBED,
  publish: EVENT_PUBLISHED,
};

/** Bytes of one read: what Node reads from a socket at once. */
const INPUT_MAX = 65_536;

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 3: "3.1", 4: "3.1.1", 5: "5.0" };

/** An MQTT broker in this process. Emits the events of BrokerEvents. */
export class Broker extends EventEmitter<BrokerEvents> {
  readonly #driver: Driver<BrokerExports>;
  readonly #authenticate: BrokerOptions["authenticate"];
  readonly #transports = new Map<number, Transport>();
  readonly #servers: Server[] = [];
  #closed = false;

  /** A broker that listens where `options.listen` says. Rejects with code LISTEN_FAILED. */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(options);
    try {
      for (const { host = "127.0.0.1", port = 1883 } of options.listen ?? [{}]) await broker.#listen(host, port);
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  }

  /** A broker that listens nowhere: connections come by accept(). */
  constructor(options: BrokerOptions = {}) {
    super();
    const core = new Core<BrokerExports>("broker", INPUT_MAX, options.seed ?? randomBytes(4).readUInt32LE());
    for (const [option, value] of limitOptions(options.limits ?? {})) core.exports.setOption(option, value);
    this.#authenticate = options.authenticate;
    core.exports.setOption(OPTION_AUTHENTICATE, options.authenticate === undefined ? 0 : 1);
    this.#driver = new Driver(core, options.clock ?? systemClock, {
      send: (connection, bytes) => this.#transports.get(connection)?.write(bytes) ?? true,
      event: (event) => this.#handleEvent(event),
    });
    const version = Buffer.from(`midge version ${VERSION}`);
    this.#driver.core.writeArgument(version);
    this.#driver.core.exports.setVersion(version.length);
    // These two are EventEmitter's own, and not in its type once the events are named.
    const emitter = this as EventEmitter;
    emitter.on("newListener", (name: keyof BrokerEvents) => this.#report(name, true));
    emitter.on("removeListener", (name: keyof BrokerEvents) => this.#report(name, this.listenerCount(name) > 0));
  }

  /** Where it listens. */
  get addresses(): { host: string; port: number }[] {
    return this.#servers.map((server) => {
      const { address, port } = server.address() as AddressInfo;
      return { host: address, port };
    });
  }

  /** Bytes the core has allocated for all it keeps. */
  get heapInUse(): number {
    return this.#driver.core.exports.heapInUse() >>> 0;
  }

  /** Publishes a message of this program's own. Throws with code TOPIC_INVALID, PACKET_TOO_LARGE or
   *  ARGUMENT_INVALID. */
  publish(topicName: string, payload: string | Uint8Array, options: Omit<PublishOptions, "signal"> = {}): void {
    const name = Buffer.from(topicName);
    const bytes = Buffer.from(payload as string);
    const core = this.#driver.core;
    core.writeArgument(name, bytes);
    const flags = ((options.qos ?? 0) << PUBLISH_QOS_SHIFT) | (options.retain ? 1 : 0);
    const status = core.exports.publish(name.length, bytes.length, flags);
    if (status !== OK) throw statusError(status, `publish to ${topicName}`);
  }

  /** Serves one more connection, however it came about. */
  accept(transport: Transport): void {
    const connection = this.#closed ? 0 : this.#driver.core.exports.open() >>> 0;
    if (connection === 0) {
      transport.start({ bytes() {}, drained() {}, closed() {} });
      transport.destroy();
      return;
    }
    this.#transports.set(connection, transport);
    // A report of its end needs the address, which is to be had only while it lives.
    if (this.#driver.core.exports.optionValue(OPTION_EVENTS) !== 0) void transport.remoteAddress;
    transport.start({
      bytes: (bytes) => this.#driver.core.handleBytes(connection, bytes),
      drained: () => this.#driver.writable(connection),
      closed: () => {
        // Still in the table, so that reports of this connection find its address.
        this.#driver.core.exports.handleClosed(connection);
        this.#driver.flush();
        this.#transports.delete(connection);
      },
    });
  }

  /** Stops listening and closes every connection. Wills are not published: the broker leaves, not its clients. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#driver.flush();
    this.#driver.stop();
    for (const transport of this.#transports.values()) transport.end();
    this.#transports.clear();
    await Promise.all(
      this.#servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  async #listen(host: string, port: number): Promise<void> {
    try {
      this.#servers.push(await tcpListen(host, port, (transport) => this.accept(transport)));
    } catch (error) {
      const system = error as NodeJS.ErrnoException;
      throw new MidgeError("LISTEN_FAILED", `cannot listen on ${host}:${port}: ${system.message}`, { cause: error });
    }
  }

  #report(name: keyof BrokerEvents, wanted: boolean): void {
    const kind = REPORTS[name];
    if (kind === undefined) return;
    const { optionValue, setOption } = this.#driver.core.exports;
    const others = optionValue(OPTION_EVENTS) & ~(1 << kind);
    setOption(OPTION_EVENTS, wanted ? others | (1 << kind) : others);
  }

  #handleEvent(event: CoreEvent): void {
    const transport = this.#transports.get(event.connection);
    if (event.kind === EVENT_CLOSE) {
      this.#transports.delete(event.connection);
      transport?.end();
      return;
    }
    const address = transport?.remoteAddress ?? "";
    if (event.kind === EVENT_AUTHENTICATE) {
      transport?.pause();
      void this.#decide(event, address);
    } else this.#emitReport(event, address);
  }

  #emitReport(event: CoreEvent, address: string): void {
    const clientId = event.a.toString();
    switch (event.kind) {
      case EVENT_CONNECTED:
        this.emit("connect", {
          clientId,
          address,
          protocolVersion: PROTOCOL_NAMES[event.code & 0xff] ?? "",
          cleanSession: (event.code & 0x100) !== 0,
          keepAliveSec: event.detail,
          userName: (event.code & 0x200) !== 0 ? event.b.toString() : undefined,
        });
        break;
      case EVENT_DISCONNECTED:
        this.emit("disconnect", { clientId, address, reason: CLOSE_TEXT[event.code] ?? "" });
        break;
      case EVENT_REFUSED:
        this.emit("refuse", { clientId, address, reason: RETURN_CODE_TEXT[event.code] ?? "refused" });
        break;
      case EVENT_SUBSCRIBED:
        this.emit("subscribe", { clientId, topicFilter: event.b.toString(), qos: event.code as QoS });
        break;
      case EVENT_UNSUBSCRIBED:
        this.emit("unsubscribe", { clientId, topicFilter: event.b.toString() });
        break;
      case EVENT_PUBLISHED:
        this.emit("publish", {
          clientId,
          topicName: event.b.toString(),
          qos: ((event.code >> 1) & 3) as QoS,
          retain: (event.code & 1) !== 0,
          payloadLength: event.detail,
        });
        break;
    }
  }

  async #decide(event: CoreEvent, address: string): Promise<void> {
    let returnCode = 3;
    try {
      const verdict = await this.#authenticate?.({
        clientId: event.a.toString(),
        address,
        userName: (event.detail & AUTHENTICATE_USER_NAME) !== 0 ? event.b.toString() : undefined,
        password: (event.detail & AUTHENTICATE_PASSWORD) !== 0 ? event.c : undefined,
      });
      returnCode = verdict === true ? 0 : verdict === false ? 4 : 5;
    } catch (error) {
      process.emitWarning(`authenticate() failed, the client is refused: ${String(error)}`);
    }
    if (this.#closed) return;
    this.#driver.core.exports.handleAuthenticated(event.connection, returnCode);
    this.#transports.get(event.connection)?.resume();
  }
}
