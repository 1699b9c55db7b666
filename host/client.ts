// The client for people: promises, events and async iterators around the client module. Each method is a few lines; how the
// connection is kept, and what the answers of the core mean, stands in client-machine.ts and the files beside it.

import { EventEmitter } from "node:events";
import { OK, OPTION_OUTBOX_BYTES_MAX, OPTION_PACKET_SIZE_MAX, PUBLISH_QOS_SHIFT } from "../assembly/abi.ts";
import type {
  ClientEvents,
  ClientOptions,
  EndOptions,
  Message,
  PublishOptions,
  PublishResult,
  SubscribeOptions,
  UnsubscribeOptions,
} from "./api-types.ts";
import { ClientMachine } from "./client-machine.ts";
import { type Clock, systemClock } from "./clock.ts";
import { MidgeError } from "./errors.ts";
import { encodeProperties } from "./properties.ts";
import type { ConnackProperties } from "./property-types.ts";
import {
  answerRequests,
  type RequestHandler,
  type RequestOptions,
  Requests,
  type Responder,
  type RespondOptions,
} from "./request.ts";
import { StreamWriter, type WriteStreamOptions } from "./stream-writer.ts";
import { Streams, type StreamsOptions } from "./streams.ts";
import { Subscription } from "./subscription.ts";
import { tcpConnector } from "./transport/tcp.ts";
import type { Connector } from "./transport/transport.ts";
import { runListener } from "./uncaught.ts";

/** Bytes published at QoS 0 in one turn after which publish() waits for the turn to end: a loop of awaits must let go. */
const TURN_BYTES = 65_536;
/** publish() without options: nothing to look at. */
const NO_OPTIONS: PublishOptions = Object.freeze({});
const NO_PROPERTIES = Buffer.alloc(0);
/** How publish() at QoS 0 ends. */
const ON_ITS_WAY: PublishResult = Object.freeze({ reasonCode: 0, properties: Object.freeze({}) });
/** Bytes of a piece of a stream beside its payload, Topic Name and the application's properties: about 200. */
const PIECE_OVERHEAD = 512;
/** What it takes in any case, in the outbox too. */
const PIECE_OVERHEAD_LEAST = 300;

/** An MQTT client. Emits the events of ClientEvents. */
export class Client extends EventEmitter<ClientEvents> {
  readonly #clock: Clock;
  readonly #machine: ClientMachine;
  readonly #requests: Requests;
  readonly #writers = new Set<StreamWriter>();
  /** Bytes published at QoS 0 in this turn, and who waits for its end. */
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
    await client.#machine.start();
    return client;
  }

  private constructor(connector: Connector, options: ClientOptions, clock: Clock) {
    super();
    this.#clock = clock;
    this.#machine = new ClientMachine(connector, options, clock, {
      emit: (name, ...event) => void this.emit(name, ...(event as never)),
      awaiting: () => this.#requests.size > 0,
      leaving: () => this.#breakWriters(new MidgeError("CLIENT_ENDED", "the client was ended")),
      room: () => this.#makeRoom(),
      finished: (error) => this.#finish(error),
    });
    this.#requests = new Requests({
      clock,
      responsePrefix: () => this.server.responseInformation ?? `midge/reply/${asLevel(this.clientId)}`,
      publish: (...message) => this.publish(...message),
      open: (topicFilter, make) => this.#machine.subscribing.open(topicFilter, { qos: 1 }, make),
      changed: () => this.#machine.applyPause(),
    });
  }

  /** Client Identifier; in 5.0, when an empty one was asked for, what the server has assigned. */
  get clientId(): string {
    return this.#machine.clientId;
  }

  /** True from CONNACK until the connection is lost. */
  get connected(): boolean {
    return this.#machine.connected;
  }

  /** What the server has said in its last CONNACK (5.0): its limits, and what it does not do. */
  get server(): ConnackProperties {
    return this.#machine.server;
  }

  /** Publishes. Resolves at QoS 0 when the message is on its way, at QoS 1 and 2 when it is acknowledged, over as many
   *  connections as that takes. Rejects with OUTBOX_FULL, TOPIC_INVALID, PACKET_TOO_LARGE, CLIENT_ENDED or ABORTED; in 5.0
   *  also with PUBLISH_REFUSED, and NOT_SUPPORTED. */
  async publish(
    topicName: string,
    payload: string | Uint8Array,
    options: PublishOptions = NO_OPTIONS,
  ): Promise<PublishResult> {
    const core = this.#machine.core(options.signal);
    const name = Buffer.from(topicName);
    const properties = options === NO_OPTIONS ? NO_PROPERTIES : this.#machine.encode(options);
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    const flags = ((options.qos ?? 0) << PUBLISH_QOS_SHIFT) | (options.retain ? 1 : 0);
    core.writeArgument(name, properties, bytes);
    const token = core.exports.publish(name.length, properties.length, bytes.length, flags) >>> 0;
    if (token !== OK) {
      const what = `publish to ${topicName}`;
      return this.#machine.pending.wait(token, { what, refused: "PUBLISH_REFUSED", signal: options.signal });
    }
    this.#turnBytes += name.length + properties.length + bytes.length;
    if (this.#turnBytes > TURN_BYTES && this.connected)
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    return ON_ITS_WAY;
  }

  /** Subscribes. Resolves when the broker has granted it; iterate over the result, or listen to "message". Rejects with
   *  SUBSCRIPTION_REFUSED, TOPIC_INVALID, NOT_SUPPORTED, CLIENT_ENDED or ABORTED. */
  async subscribe(topicFilter: string, options: SubscribeOptions = {}): Promise<Subscription> {
    return await this.#machine.subscribing.open(topicFilter, options, (owner) => new Subscription(topicFilter, owner));
  }

  /** Unsubscribes: all Subscriptions of this client to this Topic Filter end. Resolves when the broker has confirmed it. */
  async unsubscribe(topicFilter: string, options: UnsubscribeOptions = {}): Promise<void> {
    await this.#machine.subscribing.unsubscribe(topicFilter, options);
  }

  /** Asks whoever answers at `topicName`, and resolves with the answer (5.0). Any number of requests may be under way. Rejects
   *  with REQUEST_TIMEOUT; with NO_RESPONDER when nobody is subscribed; and with the codes of publish() and subscribe(). */
  async request(topicName: string, payload: string | Uint8Array, options: RequestOptions = {}): Promise<Message> {
    this.#machine.require5("request() is");
    this.#machine.core(options.signal);
    return await this.#requests.request(topicName, payload, options);
  }

  /** Answers requests (5.0): what `handler` returns is published to their Response Topic. What it throws is an uncaught
   *  exception, and the request has no answer; so is an answer that cannot be published as it is, and the end of the
   *  Subscription when the server does not grant it again in a new Session. With a filter $share/NAME/FILTER several clients share the work. */
  async respond(topicFilter: string, handler: RequestHandler, options: RespondOptions = {}): Promise<Responder> {
    this.#machine.require5("respond() is");
    // A retained request would be asked again by each Subscription.
    const { concurrency = 16, qos = 1, retainHandling = 2, ...rest } = options;
    if (!(concurrency >= 1))
      throw new MidgeError("ARGUMENT_INVALID", `concurrency is ${concurrency}, and must be 1 or more`);
    const subscription = await this.#machine.subscribing.open(
      topicFilter,
      { ...rest, qos, retainHandling },
      // Requests beyond what is kept are their askers' to miss.
      (owner) => new Subscription(topicFilter, owner, true),
    );
    const publish = (...message: Parameters<Client["publish"]>) => this.publish(...message);
    answerRequests(subscription, handler, publish, concurrency).catch((error) =>
      runListener(() => {
        throw error;
      }),
    );
    return subscription;
  }

  /** A Writable whose bytes, however many, are published to `topicName` in pieces of bounded size (5.0); streams() of another
   *  client reads them, and must be subscribed before. Objects and encodings are as with every Writable of bytes. */
  createWriteStream(topicName: string, options: WriteStreamOptions = {}): StreamWriter {
    this.#machine.require5("createWriteStream() is");
    const { exports } = this.#machine.core(options.signal);
    const packetMax = Math.min(
      this.server.maximumPacketSize ?? Number.POSITIVE_INFINITY,
      exports.optionValue(OPTION_PACKET_SIZE_MAX) >>> 0,
    );
    const others = Buffer.byteLength(topicName) + encodeProperties(options).length + PIECE_OVERHEAD;
    // Half of the outbox is for all else; and a window of one piece could not go at full speed.
    const windowBytes = (exports.optionValue(OPTION_OUTBOX_BYTES_MAX) >>> 0) / 2;
    const least = others - PIECE_OVERHEAD + PIECE_OVERHEAD_LEAST;
    if (Math.min(packetMax, windowBytes * 2) <= least) {
      throw new MidgeError(
        "ARGUMENT_INVALID",
        `no piece fits: outboxBytesMax or the server allows under ${least} bytes`,
      );
    }
    const writer = new StreamWriter(
      {
        clock: this.#clock,
        payloadMax: Math.max(1, Math.floor(Math.min(packetMax, windowBytes / 2) - others)),
        windowBytes,
        publish: (...message) => this.publish(...message),
        closed: (closed) => void this.#writers.delete(closed),
      },
      topicName,
      options,
    );
    this.#writers.add(writer);
    return writer;
  }

  /** The streams that createWriteStream() of other clients writes to topics of this filter (5.0), each with a Readable. */
  async streams(topicFilter: string, options: StreamsOptions = {}): Promise<Streams> {
    this.#machine.require5("streams() is");
    const { idleTimeoutMs, qos = 2, ...rest } = options;
    if (idleTimeoutMs !== undefined && !(idleTimeoutMs > 0)) {
      throw new MidgeError("ARGUMENT_INVALID", `idleTimeoutMs is ${idleTimeoutMs}, and must be over 0`);
    }
    const owner = { clock: this.#clock, reading: () => this.connected && !this.#machine.dispatch.behind };
    return await this.#machine.subscribing.open(
      topicFilter,
      { ...rest, qos },
      (subscription) => new Streams(topicFilter, subscription, owner, idleTimeoutMs),
    );
  }

  /** Proves once more who it is, with the `authentication` of the options (5.0). Rejects when the server does not accept it,
   *  which ends the connection. */
  async reauthenticate(): Promise<void> {
    const { authentication } = this.#machine;
    if (authentication === undefined)
      throw new MidgeError("ARGUMENT_INVALID", "there is no `authentication` in the options");
    this.#machine.core();
    if (!this.connected) throw new MidgeError("CONNECTION_LOST", "there is no connection to authenticate again on");
    await authentication.reauthenticate();
  }

  /** Sends what waits at QoS 0, says DISCONNECT and closes. Messages still unacknowledged are rejected with CLIENT_ENDED.
   *  Rejects, and does nothing, with ARGUMENT_INVALID or NOT_SUPPORTED. */
  async end(options: EndOptions = {}): Promise<void> {
    await this.#machine.end(options);
  }

  /** Closes at once and without DISCONNECT: the broker publishes the Will. */
  destroy(): void {
    this.#machine.destroy();
  }

  #makeRoom(): void {
    this.#turnBytes = 0;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  #finish(error: Error): void {
    this.#makeRoom();
    this.#requests.rejectAll(error);
    this.#breakWriters(error);
  }

  #breakWriters(error: Error): void {
    for (const writer of [...this.#writers]) writer.destroy(error);
  }
}

/** As one level of a Topic Name. */
function asLevel(clientId: string): string {
  return clientId.replace(/[+#/]/g, "_");
}
