// The broker for people: listens, joins sockets to the core, and turns the core's reports into events. Decides nothing
// about MQTT. Its options are in broker-options.ts, its events in broker-events.ts, who may connect in
// broker-authentication.ts.

import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Server } from "node:net";
import {
  BAD_HANDLE,
  EVENT_CLOSE,
  OK,
  OPTION_AUTHENTICATE,
  OPTION_EVENTS,
  PUBLISH_QOS_SHIFT,
  TEXT_SERVER_REFERENCE,
} from "../assembly/abi.ts";
import type { QoS } from "./api-types.ts";
import { Authentication, authenticateBits } from "./broker-authentication.ts";
import { type BrokerEvents, emitReport, followListeners } from "./broker-events.ts";
import {
  applyBrokerOptions,
  type BrokerOptions,
  type ListenAddress,
  type Redirect,
  redirectCode,
  setServerReference,
  setText,
} from "./broker-options.ts";
import { systemClock } from "./clock.ts";
import { type Configuration, configure } from "./configuration.ts";
import { type BrokerExports, Core, type CoreEvent } from "./core.ts";
import { Driver } from "./driver.ts";
import { MidgeError, statusError } from "./errors.ts";
import { encodeProperties, type MessageProperties } from "./properties.ts";
import { reasonText } from "./reason-codes.ts";
import { tcpListen, unixListen } from "./transport/tcp.ts";
import type { Transport } from "./transport/transport.ts";

/** How Broker.publish() publishes. Its properties reach 5.0 subscribers. */
export interface BrokerPublishOptions extends MessageProperties {
  /** Default: 0. */
  qos?: QoS;
  /** Default: false. */
  retain?: boolean;
}

/** How Broker.disconnect() ends a connection. */
export interface BrokerDisconnectOptions {
  /** One that DISCONNECT has, from 0x80 up. Default: 0x98, administrative action. */
  reasonCode?: number;
  /** Where the client should go instead, with 0x9c and 0x9d. */
  serverReference?: string;
}

/** Bytes of one read: what Node reads from a socket at once. */
const INPUT_MAX = 65_536;

/** An MQTT broker in this process. Emits the events of BrokerEvents. */
export class Broker extends EventEmitter<BrokerEvents> {
  readonly #driver: Driver<BrokerExports>;
  readonly #authentication: Authentication;
  readonly #transports = new Map<number, Transport>();
  readonly #servers: Server[] = [];
  readonly #redirect: Redirect | undefined;
  readonly #listens: readonly ListenAddress[];
  #closed = false;

  /** What `options.configuration` asks of the program around the core. */
  readonly configuration: Configuration | undefined;

  /** A broker that listens where its configuration or `options.listen` says. Rejects with code LISTEN_FAILED,
   *  ARGUMENT_INVALID or NO_ENGINE, or with a ConfigurationError. */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(options);
    try {
      for (const address of broker.#listens) await broker.#listen(address);
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  }

  /** A broker that listens nowhere: connections come by accept(). Throws with code ARGUMENT_INVALID or NO_ENGINE,
   *  or a ConfigurationError. */
  constructor(options: BrokerOptions = {}) {
    super();
    const seed = options.seed ?? randomBytes(4).readUInt32LE();
    const core = new Core<BrokerExports>("broker", INPUT_MAX, seed, options.engine);
    core.exports.setOption(OPTION_AUTHENTICATE, authenticateBits(options));
    this.configuration = options.configuration === undefined ? undefined : configure(core, options.configuration);
    this.#listens = this.configuration?.listen ?? options.listen ?? [{}];
    applyBrokerOptions(core, options);
    this.#redirect = options.redirect;
    this.#driver = new Driver(core, options.clock ?? systemClock, {
      send: (connection, bytes) => this.#transports.get(connection)?.write(bytes) ?? true,
      event: (event) => this.#handleEvent(event),
    });
    this.#authentication = new Authentication(options, this.#driver, this.#transports);
    followListeners(this, () => this.#driver.core.exports);
  }

  /** Where it listens. Of a Unix socket only the path means something. */
  get addresses(): { host: string; port: number; path?: string }[] {
    return this.#servers.map((server) => {
      const address = server.address();
      if (typeof address === "string") return { host: "", port: 0, path: address };
      return { host: address?.address ?? "", port: address?.port ?? 0 };
    });
  }

  /** Bytes the core has allocated for all it keeps. */
  get heapInUse(): number {
    return this.#driver.core.exports.heapInUse() >>> 0;
  }

  /** Publishes a message of this program's own. Throws with code TOPIC_INVALID, PACKET_TOO_LARGE or
   *  ARGUMENT_INVALID. */
  publish(topicName: string, payload: string | Uint8Array, options: BrokerPublishOptions = {}): void {
    const name = Buffer.from(topicName);
    const properties = encodeProperties(options);
    const bytes = Buffer.from(payload as string);
    const core = this.#driver.core;
    core.writeArgument(name, properties, bytes);
    const flags = ((options.qos ?? 0) << PUBLISH_QOS_SHIFT) | (options.retain ? 1 : 0);
    const status = core.exports.publish(name.length, properties.length, bytes.length, flags);
    if (status !== OK) throw statusError(status, `publish to ${topicName}`);
  }

  /** Ends the connection of a client, its Will published as always. A 5.0 client is told why. False when no such client is
   *  connected. Throws with code ARGUMENT_INVALID for a code that DISCONNECT has not, or a server that cannot be told. */
  disconnect(clientId: string, options: BrokerDisconnectOptions = {}): boolean {
    const { reasonCode = ADMINISTRATIVE_ACTION, serverReference } = options;
    const core = this.#driver.core;
    if (serverReference !== undefined) setServerReference(core, serverReference);
    const name = Buffer.from(clientId);
    core.writeArgument(name);
    const status = core.exports.disconnectClient(name.length, reasonCode);
    // Others are sent where the broker's own redirect says.
    if (serverReference !== undefined) {
      setText(core, TEXT_SERVER_REFERENCE, this.#redirect?.serverReference ?? "");
    }
    if (status === OK) return true;
    if (status === BAD_HANDLE) return false;
    throw statusError(status, `DISCONNECT of ${clientId} with ${reasonText(reasonCode)}`);
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
        this.#forget(connection);
      },
    });
  }

  /** Stops listening and closes every connection, behind what was sent to it. 5.0 clients are told that the broker shuts
   *  down, or where to go instead. Wills are not published: the broker leaves, not its clients. Rejects with code
   *  ARGUMENT_INVALID for a redirect that cannot be told; the broker goes on then. */
  async close(redirect?: Redirect): Promise<void> {
    if (!this.#closed) {
      const core = this.#driver.core;
      // May throw: then nothing has happened, and it can be closed again.
      if (redirect !== undefined) setServerReference(core, redirect.serverReference);
      this.#closed = true;
      core.exports.shutDown(redirect === undefined ? SERVER_SHUTTING_DOWN : redirectCode(redirect));
      this.#driver.flush();
      this.#driver.stop();
    }
    await Promise.all(
      this.#servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  async #listen({ host = "127.0.0.1", port = 1883, path }: ListenAddress): Promise<void> {
    const accept = (transport: Transport) => this.accept(transport);
    try {
      this.#servers.push(await (path === undefined ? tcpListen(host, port, accept) : unixListen(path, accept)));
    } catch (error) {
      const system = error as NodeJS.ErrnoException;
      throw new MidgeError("LISTEN_FAILED", `cannot listen on ${path ?? `${host}:${port}`}: ${system.message}`, {
        cause: error,
      });
    }
  }

  #forget(connection: number): void {
    this.#transports.delete(connection);
    this.#authentication.forget(connection);
  }

  #handleEvent(event: CoreEvent): void {
    const { connection } = event;
    const transport = this.#transports.get(connection);
    if (event.kind === EVENT_CLOSE) {
      this.#forget(connection);
      transport?.end();
    } else if (!this.#authentication.handleEvent(event)) {
      const userName = this.#authentication.userName(connection);
      emitReport(this, event, transport?.remoteAddress ?? "", userName);
    }
  }
}

const SERVER_SHUTTING_DOWN = 0x8b;
const ADMINISTRATIVE_ACTION = 0x98;
