// How `midge sub` subscribes and unsubscribes: the options of its subscriptions, and what the broker says to them. Of the
// broker's refusals it ends at the one that leaves nothing to receive.

import type { ProtocolVersion, QoS, SubscribeOptions } from "../api-types.ts";
import { Failure, said, UsageFailure } from "./failure.ts";
import type { Link } from "./link.ts";
import type { BrokerUrl } from "./mosquitto-options.ts";
import type { PropertyFlags } from "./properties.ts";
import { topicFilterProblem } from "./topic.ts";

/** The flags that say what to subscribe to, and how; see `midge sub --help`. */
export interface SubscribingFlags {
  topic?: string[];
  url?: BrokerUrl;
  qos?: QoS;
  unsubscribe?: string[];
  retainHandling?: RetainHandling;
  retainAsPublished?: boolean;
  /** False with --no-local. */
  local?: boolean;
  R?: boolean;
  removeRetained?: boolean;
  property?: PropertyFlags;
}

/** Argument of --retain-handling; its place is the number on the wire. */
export const RETAIN_HANDLINGS = ["always", "new", "never"] as const;
export type RetainHandling = (typeof RETAIN_HANDLINGS)[number];

/** The Topic Filters to subscribe to: of -L and of -t. */
export function topicFilters(flags: SubscribingFlags): string[] {
  return [...(flags.url?.topic === undefined ? [] : [flags.url.topic]), ...(flags.topic ?? [])];
}

/** Throws UsageFailure when there is nothing to subscribe to, or what there is cannot be meant. */
export function checkSubscribing(flags: SubscribingFlags, version: ProtocolVersion): void {
  const named = [...topicFilters(flags), ...(flags.unsubscribe ?? [])];
  if (named.length === 0) throw new UsageFailure("a topic is missing: add -t TOPIC (-t '#' is all of them)");
  for (const filter of named) checkFilter(filter);
  if (flags.local === false && named.some((filter) => filter.startsWith("$share/"))) {
    throw new UsageFailure("--no-local is not for shared subscriptions"); // [MQTT-3.8.3-4]
  }
  const { retainHandling, retainAsPublished, local } = flags;
  for (const [name, given] of [
    ["--retain-handling", retainHandling !== undefined],
    ["--retain-as-published", retainAsPublished === true],
    ["--no-local", local === false],
  ] as const) {
    if (given && version !== "5.0") throw new UsageFailure(`${name} is for MQTT 5.0: add -V 5`);
  }
}

/** Throws UsageFailure when it is not a Topic Filter. */
export function checkFilter(filter: string): void {
  const problem = topicFilterProblem(filter);
  if (problem !== undefined) throw new UsageFailure(`'${filter}' is not a topic filter: ${problem}`);
}

/** The options of every subscription. */
export function subscribeOptions(flags: Omit<SubscribingFlags, "topic">, version: ProtocolVersion): SubscribeOptions {
  const options: SubscribeOptions = { qos: flags.qos ?? 0 };
  if (version !== "5.0") return options;
  const { subscriptionIdentifiers, userProperties } = flags.property?.subscribe ?? {};
  const [subscriptionIdentifier] = subscriptionIdentifiers ?? [];
  if (subscriptionIdentifier !== undefined) options.subscriptionIdentifier = subscriptionIdentifier;
  if (userProperties !== undefined) options.userProperties = userProperties;
  if (flags.local === false) options.noLocal = true;
  if (flags.retainAsPublished) options.retainAsPublished = true;
  // What is not printed need not come; --remove-retained has to see it.
  const unwanted = flags.R && !flags.removeRetained;
  const handling = RETAIN_HANDLINGS.indexOf(flags.retainHandling ?? (unwanted ? "never" : "always"));
  if (handling > 0) options.retainHandling = handling as 1 | 2;
  return options;
}

/** Resolves when the broker has acknowledged all of it. Rejects with a Failure when it refused every subscription, else with
 *  what the Client rejects with. */
export async function subscribeAll(
  { client, debug, notice }: Link,
  flags: SubscribingFlags,
  version: ProtocolVersion,
): Promise<void> {
  const filters = topicFilters(flags);
  const options = subscribeOptions(flags, version);
  const refusals: { filter: string; error: { reasonCode?: number } }[] = [];
  const subscribe = async (filter: string) => {
    try {
      debug(`SUBSCRIBE '${filter}', q${options.qos}${optionsText(options)}`);
      const { grantedQos } = await client.subscribe(filter, options);
      debug(`SUBACK '${filter}', granted q${grantedQos}`);
    } catch (error) {
      // 5.0 has told what it does not do in CONNACK.
      if (!REFUSALS.includes((error as { code?: string }).code ?? "")) throw error;
      refusals.push({ filter, error: error as { reasonCode?: number } });
    }
  };
  await Promise.all(filters.map(subscribe));
  const [first] = refusals;
  if (first !== undefined && refusals.length === filters.length) {
    if (version !== "5.0") throw new Failure("the broker refused every subscription");
    throw new Failure(`the broker refused every subscription: ${said(first.error)}`, first.error.reasonCode);
  }
  for (const { filter, error } of refusals) {
    notice(`the broker refused the subscription to ${filter}${version === "5.0" ? `: ${said(error)}` : ""}`);
  }
  const userProperties = flags.property?.unsubscribe?.userProperties;
  const unsubscribe = async (filter: string) => {
    debug(`UNSUBSCRIBE '${filter}'`);
    await client.unsubscribe(filter, userProperties === undefined ? {} : { userProperties });
    debug(`UNSUBACK '${filter}'`);
  };
  await Promise.all((flags.unsubscribe ?? []).map(unsubscribe));
}

/** The options of 5.0 for -d, those that are not the default. */
function optionsText({
  noLocal,
  retainAsPublished,
  retainHandling = 0,
  subscriptionIdentifier,
}: SubscribeOptions): string {
  return [
    noLocal ? ", no local" : "",
    retainAsPublished ? ", retain as published" : "",
    retainHandling > 0 ? `, retained messages: ${RETAIN_HANDLINGS[retainHandling]}` : "",
    subscriptionIdentifier === undefined ? "" : `, identifier ${subscriptionIdentifier}`,
  ].join("");
}

const REFUSALS: readonly string[] = ["SUBSCRIPTION_REFUSED", "NOT_SUPPORTED"];
