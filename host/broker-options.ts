// What an application says when it makes a broker, and how that becomes options and texts of the core.

import * as abi from "../assembly/abi.ts";
import type { AuthenticationOptions } from "./broker-authentication.ts";
import { type BrokerLimits, limitOptions } from "./broker-limits.ts";
import type { Clock } from "./clock.ts";
import type { BrokerExports, Core } from "./core.ts";
import type { Engine, EngineName } from "./engine.ts";
import { MidgeError } from "./errors.ts";
import { REASON_STRINGS } from "./reason-strings.ts";
import { VERSION } from "./version.ts";

/** Where clients should go instead. */
export interface Redirect {
  /** Server Reference: as the clients expect it, usually `host` or `host:port`. 1 to 65,535 bytes. */
  serverReference: string;
  /** True: for good (0x9d). False: for now (0x9c). Default: false. */
  permanent?: boolean;
}

/** What the broker offers. All of it by default; a 5.0 client is told in CONNACK what is missing. */
export interface BrokerFeatures {
  /** Retained messages. */
  retain?: boolean;
  /** # and + in Topic Filters. */
  wildcard?: boolean;
  /** Shared Subscriptions: $share/name/filter. */
  shared?: boolean;
  /** Subscription Identifiers. */
  subscriptionIdentifier?: boolean;
}

/** Where a broker listens: a TCP port, or a Unix socket. */
export interface ListenAddress {
  /** Address or name of this machine; "": all of its addresses. Default: 127.0.0.1. */
  host?: string;
  /** Default: 1883. 0 is any free one. */
  port?: number;
  /** Path of a Unix socket; host and port mean nothing then. */
  path?: string;
}

/** What a Broker is made with; every part has a default. */
export interface BrokerOptions extends AuthenticationOptions {
  /** The text of a mosquitto.conf. assembly/config/README.md lists its keys. What the other options say goes before it, but for
   *  `listen`; with one that decides who may connect, `allow_anonymous` means nothing. Default: none. */
  configuration?: string | Uint8Array;
  /** Where to listen, if `configuration` does not say. Default: port 1883 of 127.0.0.1 alone. An empty list is nowhere. */
  listen?: readonly ListenAddress[];
  /** Capacities; what each means and what happens when it is reached stands in assembly/limits.ts. */
  limits?: BrokerLimits;
  /** What to leave out. Default: nothing, all is offered. */
  features?: BrokerFeatures;
  /** Highest QoS that is taken from publishers. Default: 2. */
  maximumQos?: 0 | 1 | 2;
  /** QoS 1 and 2 messages that a 5.0 client may have sent without the end of their exchange, 1..65,535. Default: 1,024. */
  receiveMaximum?: number;
  /** Topic Aliases that a 5.0 client may set, 0..65,535. Default: 16. */
  topicAliasMaximum?: number;
  /** Longest time that the Session of a client that is away is kept, seconds up to 4,294,967,294, or Infinity. Default:
   *  Infinity. */
  sessionExpiryMaxSec?: number;
  /** Longest Keep Alive, seconds up to 65,535: 5.0 clients that ask for more, or for none, are given this one; 3.x clients
   *  are refused. Default: 0, any. */
  keepAliveMaxSec?: number;
  /** Checks that payloads said to be text are UTF-8. Default: false. */
  checkPayloadFormat?: boolean;
  /** Lets messages with the User Property midge_priority = urgent go first in queues. Default: false. */
  priority?: boolean;
  /** What the Response Information of a client begins with, before its client id; "" for none. Default: "response/". */
  responseInformation?: string;
  /** Sends everybody away. */
  redirect?: Redirect;
  /** Default: the system's. */
  clock?: Clock;
  /** Seed of assigned client ids and of hashing. Default: random. */
  seed?: number;
  /** What runs the broker's core. "wasm3", the interpreter of the boards, must have been built. Default: "v8". */
  engine?: EngineName | Engine;
}

/** Sets all of it but who may connect. Throws with code ARGUMENT_INVALID for a number out of its range. */
export function applyBrokerOptions(core: Core<BrokerExports>, options: BrokerOptions): void {
  for (const [option, value] of [...limitOptions(options.limits ?? {}), ...numbers(options)]) {
    core.exports.setOption(option, value);
  }
  setText(core, abi.TEXT_VERSION, `midge version ${VERSION}`);
  setText(core, abi.TEXT_RESPONSE_PREFIX, options.responseInformation ?? "response/");
  if (options.redirect !== undefined) setServerReference(core, options.redirect.serverReference);
  for (const [code, text] of REASON_STRINGS) setText(core, abi.TEXT_REASON + code, text);
}

/** Sets a text of the core. Throws with code ARGUMENT_INVALID when it is too long or holds U+0000. */
export function setText(core: Core<BrokerExports>, text: number, value: string): void {
  if (core.setText(text, Buffer.from(value)) !== abi.OK) {
    throw new MidgeError("ARGUMENT_INVALID", `this text is too long, or holds U+0000: ${value.slice(0, 100)}`);
  }
}

/** Sets where clients should go instead. Throws as setText() does, and when it is empty, which would be nowhere. */
export function setServerReference(core: Core<BrokerExports>, serverReference: string): void {
  if (serverReference === "") throw new MidgeError("ARGUMENT_INVALID", "serverReference is empty");
  setText(core, abi.TEXT_SERVER_REFERENCE, serverReference);
}

/** The Reason Code for a redirect: Use another server, or Server moved. */
export function redirectCode(redirect: Redirect): number {
  return redirect.permanent ? 0x9d : 0x9c;
}

function numbers(options: BrokerOptions): [option: number, value: number][] {
  const set: [number, number][] = [];
  const add = (name: keyof BrokerOptions, option: number, least: number, most: number) => {
    const value = options[name] as number | undefined;
    if (value === undefined) return;
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new MidgeError("ARGUMENT_INVALID", `${name} is ${value}, and must be a whole number ${least} to ${most}`);
    }
    set.push([option, value]);
  };
  add("maximumQos", abi.OPTION_QOS_MAX, 0, 2);
  add("receiveMaximum", abi.OPTION_RECEIVE_MAX, 1, 65_535);
  add("topicAliasMaximum", abi.OPTION_TOPIC_ALIAS_MAX, 0, 65_535);
  add("keepAliveMaxSec", abi.OPTION_KEEP_ALIVE_MAX_SEC, 0, 65_535);
  // Infinity is what the core does by itself.
  if (options.sessionExpiryMaxSec !== Number.POSITIVE_INFINITY) {
    add("sessionExpiryMaxSec", abi.OPTION_SESSION_EXPIRY_MAX_SEC, 0, 0xffff_fffe);
  }
  if (options.checkPayloadFormat) set.push([abi.OPTION_PAYLOAD_CHECK, 1]);
  if (options.priority) set.push([abi.OPTION_PRIORITY, 1]);
  if (options.redirect !== undefined) set.push([abi.OPTION_REDIRECT, redirectCode(options.redirect)]);
  if (options.features !== undefined) set.push([abi.OPTION_FEATURES, featureBits(options.features)]);
  return set;
}

const FEATURES: Readonly<Record<keyof BrokerFeatures, number>> = {
  retain: abi.FEATURE_RETAIN,
  wildcard: abi.FEATURE_WILDCARD,
  shared: abi.FEATURE_SHARED,
  subscriptionIdentifier: abi.FEATURE_SUBSCRIPTION_IDENTIFIER,
};

function featureBits(features: BrokerFeatures): number {
  const names = Object.keys(FEATURES) as (keyof BrokerFeatures)[];
  return names.reduce((bits, name) => (features[name] === false ? bits : bits | FEATURES[name]), 0);
}
