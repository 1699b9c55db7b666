// Request and answer over PUBLISH (5.0, section 4.10). The asker's end: one Topic Name of its own for all answers, one
// Subscription to it, and Correlation Data that no other request has. The answerer's end: what a handler returns goes to
// the Response Topic with the Correlation Data it came with. Both use only what every application can use.

import { randomBytes } from "node:crypto";
import type { Message, PublishOptions, PublishResult, QoS, SubscribeOptions } from "./api-types.ts";
import type { ClosableSink, SubscriptionOwner } from "./client-subscribing.ts";
import type { Clock } from "./clock.ts";
import { MidgeError } from "./errors.ts";
import type { MessageProperties } from "./property-types.ts";
import type { Subscription } from "./subscription.ts";
import { runListener } from "./uncaught.ts";

/** The Response Topic and the Correlation Data are request()'s own. */
export interface RequestOptions extends Omit<PublishOptions, "retain" | "responseTopic" | "correlationData"> {
  /** Time for the answer, milliseconds. Default: 10,000. The request itself expires at the broker with it, unless
   *  `messageExpirySec` says otherwise. */
  timeoutMs?: number;
  /** Default: 1, the one at which the broker can say that there is no responder. */
  qos?: QoS;
}

/** What a handler returns: the payload, or the payload and properties. */
export type Reply =
  | string
  | Uint8Array
  | ({ payload: string | Uint8Array } & Omit<MessageProperties, "responseTopic" | "correlationData">);

export type RequestHandler = (request: Message) => Reply | Promise<Reply>;

export interface RespondOptions extends SubscribeOptions {
  /** Requests that the handler may have at once. Default: 16. */
  concurrency?: number;
  /** Default: 1. */
  qos?: QoS;
}

/** What respond() returns. */
export interface Responder {
  readonly topicFilter: string;
  /** Answers no more. */
  unsubscribe(): Promise<void>;
}

type OwnReply = Exclude<Reply, string | Uint8Array>;

type Publish = (topicName: string, payload: string | Uint8Array, options: PublishOptions) => Promise<PublishResult>;

/** The client, as far as it matters here. */
export interface RequestsOwner {
  readonly clock: Clock;
  /** What Response Topics begin with. */
  responsePrefix(): string;
  publish: Publish;
  open(topicFilter: string, make: (owner: SubscriptionOwner) => ClosableSink): Promise<ClosableSink>;
  /** `size` may have changed. */
  changed(): void;
}

const TIMEOUT_MS = 10_000;
const NO_MATCHING_SUBSCRIBERS = 0x10;

interface Waiter {
  resolve(answer: Message): void;
  reject(error: Error): void;
}

/** The requests of a client that wait for their answers. */
export class Requests {
  readonly #owner: RequestsOwner;
  /** By Correlation Data. */
  readonly #waiters = new Map<string, Waiter>();
  #prefix = "";
  #responseTopic: Promise<string> | undefined;

  constructor(owner: RequestsOwner) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#waiters.size;
  }

  request(topicName: string, payload: string | Uint8Array, options: RequestOptions): Promise<Message> {
    const { timeoutMs = TIMEOUT_MS, signal } = options;
    if (!(timeoutMs > 0)) throw new MidgeError("ARGUMENT_INVALID", `timeoutMs is ${timeoutMs}, and must be over 0`);
    const correlationData = randomBytes(12);
    const key = correlationData.toString("hex");
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        if (!this.#waiters.delete(key)) return;
        cancelTimer();
        signal?.removeEventListener("abort", abort);
        this.#owner.changed();
        finish();
      };
      const fail = (error: Error) => settle(() => reject(error));
      const abort = () =>
        fail(new MidgeError("ABORTED", `gave up waiting: request to ${topicName}`, { cause: signal?.reason }));
      const cancelTimer = this.#owner.clock.after(timeoutMs, () =>
        fail(new MidgeError("REQUEST_TIMEOUT", `no answer within ${timeoutMs} ms: request to ${topicName}`)),
      );
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiters.set(key, { resolve: (answer) => settle(() => resolve(answer)), reject: fail });
      this.#owner.changed();
      this.#ask(topicName, payload, options, correlationData).catch(fail);
    });
  }

  rejectAll(error: Error): void {
    for (const waiter of [...this.#waiters.values()]) waiter.reject(error);
  }

  async #ask(
    topicName: string,
    payload: string | Uint8Array,
    { timeoutMs = TIMEOUT_MS, qos = 1, messageExpirySec, ...options }: RequestOptions,
    correlationData: Uint8Array,
  ): Promise<void> {
    const responseTopic = await this.#subscribed();
    // It may have been given up meanwhile.
    if (!this.#waiters.has(Buffer.from(correlationData).toString("hex"))) return;
    const { reasonCode } = await this.#owner.publish(topicName, payload, {
      ...options,
      qos,
      messageExpirySec: messageExpirySec ?? Math.min(Math.ceil(timeoutMs / 1000), 0xffff_ffff),
      responseTopic,
      correlationData,
    });
    if (reasonCode === NO_MATCHING_SUBSCRIBERS) {
      throw new MidgeError("NO_RESPONDER", `nobody is subscribed: request to ${topicName}`, { reasonCode });
    }
  }

  /** The Response Topic, with a Subscription to it. Another server may have another place for it. */
  #subscribed(): Promise<string> {
    const prefix = this.#owner.responsePrefix();
    if (this.#responseTopic === undefined || prefix !== this.#prefix) {
      this.#prefix = prefix;
      this.#responseTopic = this.#subscribe(`${prefix}/${randomBytes(6).toString("hex")}`);
    }
    return this.#responseTopic;
  }

  async #subscribe(responseTopic: string): Promise<string> {
    try {
      await this.#owner.open(responseTopic, (owner) => this.#sink(responseTopic, owner));
    } catch (error) {
      this.#responseTopic = undefined;
      throw error;
    }
    return responseTopic;
  }

  #sink(topicFilter: string, owner: SubscriptionOwner): ClosableSink {
    return {
      topicFilter,
      grantedQos: 0,
      listening: true,
      push: (message) => {
        const { correlationData } = message.properties;
        if (correlationData !== undefined)
          this.#waiters.get(Buffer.from(correlationData).toString("hex"))?.resolve(message);
      },
      unsubscribe: () => owner.unsubscribe(),
      close: () => {
        this.#responseTopic = undefined;
        owner.closed();
      },
    };
  }
}

/** Answers the requests that `subscription` brings, until it ends; messages without a Response Topic are none. */
export async function answerRequests(
  subscription: Subscription,
  handler: RequestHandler,
  publish: Publish,
  concurrency: number,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const message of subscription) {
    const { responseTopic, correlationData } = message.properties;
    if (responseTopic === undefined) continue;
    const task = answer(message, handler).then(async (reply) => {
      if (reply === undefined) return;
      const { payload, ...properties } = reply;
      const echo = correlationData === undefined ? {} : { correlationData };
      try {
        await publish(responseTopic, payload, { ...properties, ...echo, qos: message.qos });
      } catch (error) {
        // What else goes wrong is the asker's to miss: it has a timeout.
        if (isHandlers(error)) rethrow(error);
      }
    });
    running.add(task);
    void task.then(() => running.delete(task));
    if (running.size >= concurrency) await Promise.race(running);
  }
}

/** An error of the handler is the application's own, and that request has no answer. */
async function answer(message: Message, handler: RequestHandler): Promise<OwnReply | undefined> {
  try {
    const reply = await handler(message);
    if (isPayload(reply)) return { payload: reply };
    if (isPayload(reply?.payload)) return reply;
    throw new TypeError(`an answer to ${message.topicName} is neither a payload nor has one`);
  } catch (error) {
    rethrow(error);
    return undefined;
  }
}

function isPayload(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}

/** What publish() says of an answer that no server could be sent. */
function isHandlers(error: unknown): boolean {
  return !(error instanceof MidgeError) || error.code === "ARGUMENT_INVALID" || error.code === "PACKET_TOO_LARGE";
}

function rethrow(error: unknown): void {
  runListener(() => {
    throw error;
  });
}
