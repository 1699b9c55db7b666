// SUBSCRIBE and UNSUBSCRIBE of a client: options to packet, and the sinks that the messages of a Topic Filter go to, from
// before SUBACK until somebody ends it.

import { COMPLETED_REFUSED } from "../assembly/abi.ts";
import type { QoS, SubscribeOptions, UnsubscribeOptions } from "./api-types.ts";
import type { Dispatch, Sink } from "./client-dispatch.ts";
import type { Pending } from "./client-pending.ts";
import type { ClientExports, Core, CoreEvent } from "./core.ts";
import { MidgeError, reasonError } from "./errors.ts";
import { decodeProperties } from "./properties.ts";
import type { Properties, UserProperties } from "./property-types.ts";

/** What a sink can say and ask. */
export interface SubscriptionOwner {
  unsubscribe(): Promise<void>;
  /** The sink has ended. */
  closed(): void;
  /** Somebody, the sink or a part of it, has more than it wants: read no more. */
  filled(who: object): void;
  /** It has room again. */
  emptied(who: object): void;
}

/** A sink with a Subscription of its own. */
export interface ClosableSink extends Sink {
  /** Highest QoS the broker sends with. */
  grantedQos: QoS;
  unsubscribe(): Promise<void>;
  /** No message comes any more; `error` says why, when nobody has asked for it. */
  close(error?: Error): void;
}

/** The client, as far as it matters here. */
export interface Commander {
  /** The core, in a turn; throws with code CLIENT_ENDED or ABORTED. */
  core(signal?: AbortSignal): Core<ClientExports>;
  /** Throws with code ARGUMENT_INVALID, and NOT_SUPPORTED before 5.0 when there are some. */
  encode(properties: Properties): Uint8Array;
  readonly is5: boolean;
}

/** Longest lifetime that the broker takes. */
const EXPIRY_SEC_MAX = 0xffff_fffe;

export class Subscribing {
  readonly #client: Commander;
  readonly #dispatch: Dispatch;
  readonly #pending: Pending;
  readonly #sinks = new Set<ClosableSink>();
  /** Granted Subscriptions by their token. */
  readonly #granted = new Map<number, string>();

  constructor(client: Commander, dispatch: Dispatch, pending: Pending) {
    this.#client = client;
    this.#dispatch = dispatch;
    this.#pending = pending;
  }

  /** Subscribes for the sink that `make` makes; it has messages from before this resolves. */
  async open<Made extends ClosableSink>(
    topicFilter: string,
    options: SubscribeOptions,
    make: (owner: SubscriptionOwner) => Made,
  ): Promise<Made> {
    const { signal } = options;
    this.#client.core(signal);
    const sink = make({
      unsubscribe: () => this.unsubscribe(topicFilter),
      closed: () => {
        signal?.removeEventListener("abort", abort);
        this.#sinks.delete(sink);
        this.#dispatch.remove(sink);
        this.#dispatch.emptied(sink);
      },
      filled: (who) => this.#dispatch.filled(who),
      emptied: (who) => this.#dispatch.emptied(who),
    });
    const abort = () => void sink.unsubscribe().catch(() => {});
    // Before SUBACK: retained messages follow it in the same read.
    this.#sinks.add(sink);
    this.#dispatch.add(sink);
    try {
      sink.grantedQos = await this.#subscribe(topicFilter, options);
    } catch (error) {
      // Aborted before SUBACK: what the broker may have granted is taken back.
      if (signal?.aborted) abort();
      sink.close();
      throw error;
    }
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    return sink;
  }

  /** Closes the sinks of this filter, and resolves when the broker has confirmed it. */
  async unsubscribe(topicFilter: string, options: UnsubscribeOptions = {}): Promise<void> {
    const core = this.#client.core();
    const properties = this.#client.encode({ userProperties: options.userProperties ?? [] });
    this.#close(topicFilter);
    const filter = Buffer.from(topicFilter);
    core.writeArgument(filter, properties);
    const token = core.exports.unsubscribe(filter.length, properties.length) >>> 0;
    const what = `unsubscribe from ${topicFilter}`;
    await this.#pending.wait(token, { what, refused: "UNSUBSCRIPTION_REFUSED" });
  }

  /** EVENT_COMPLETED that nobody waits for: a Subscription that a new Session does not have any more. */
  handleLost(event: CoreEvent): void {
    const topicFilter = this.#granted.get(event.detail);
    if (topicFilter === undefined || event.code < COMPLETED_REFUSED) return;
    const what = `refused to subscribe once more to ${topicFilter}`;
    this.#close(topicFilter, reasonError("SUBSCRIPTION_REFUSED", what, event.code, decodeProperties(event.a)));
  }

  closeAll(): void {
    for (const sink of [...this.#sinks]) sink.close();
  }

  async #subscribe(topicFilter: string, options: SubscribeOptions): Promise<QoS> {
    const { subscriptionIdentifier, signal } = options;
    const flags = this.#flags(options);
    const properties = this.#client.encode({
      subscriptionIdentifiers: subscriptionIdentifier === undefined ? [] : [subscriptionIdentifier],
      userProperties: userProperties(options),
    });
    const filter = Buffer.from(topicFilter);
    const core = this.#client.core(signal);
    core.writeArgument(filter, properties);
    const token = core.exports.subscribe(filter.length, properties.length, flags) >>> 0;
    const what = `subscribe to ${topicFilter}`;
    const limit = "this client has as many Subscriptions as it may";
    const command = { what, refused: "SUBSCRIPTION_REFUSED", limit, signal } as const;
    const { reasonCode } = await this.#pending.wait(token, command);
    this.#granted.set(token, topicFilter);
    return reasonCode as QoS;
  }

  #close(topicFilter: string, error?: Error): void {
    for (const [token, granted] of this.#granted) if (granted === topicFilter) this.#granted.delete(token);
    for (const sink of [...this.#sinks]) if (sink.topicFilter === topicFilter) sink.close(error);
  }

  /** Subscription Options (section 3.8.3.1): bits 0-1 QoS, 2 No Local, 3 Retain As Published, 4-5 Retain Handling. */
  #flags({ qos = 0, noLocal = false, retainAsPublished = false, retainHandling = 0 }: SubscribeOptions): number {
    if (![0, 1, 2].includes(qos) || ![0, 1, 2].includes(retainHandling)) {
      throw new MidgeError("ARGUMENT_INVALID", `qos is ${qos} and retainHandling ${retainHandling}: each is 0, 1 or 2`);
    }
    const beyond = (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4);
    if (beyond !== 0 && !this.#client.is5) {
      const names = "noLocal, retainAsPublished and retainHandling";
      throw new MidgeError("NOT_SUPPORTED", `${names} are of MQTT 5.0: set protocolVersion to "5.0"`);
    }
    return qos | beyond;
  }
}

function userProperties({ userProperties = [], expirySec }: SubscribeOptions): UserProperties {
  if (expirySec === undefined) return userProperties;
  if (!Number.isInteger(expirySec) || expirySec < 1 || expirySec > EXPIRY_SEC_MAX) {
    throw new MidgeError("ARGUMENT_INVALID", `expirySec is ${expirySec}, and must be a whole number from 1 on`);
  }
  return [...userProperties, ["midge_expiry", String(expirySec)]];
}
