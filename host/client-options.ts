// ClientOptions -> the core: every option checked for its range, and set.

import {
  BAD_PROPERTIES,
  BAD_TOPIC,
  OK,
  OPTION_CLEAN_SESSION,
  OPTION_CONNECT_TIMEOUT_MS,
  OPTION_INFLIGHT_MAX,
  OPTION_KEEP_ALIVE_SEC,
  OPTION_OUTBOX_BYTES_MAX,
  OPTION_OUTBOX_DROP,
  OPTION_PACKET_SIZE_MAX,
  OPTION_PROTOCOL_LEVEL,
  OPTION_RECONNECT,
  OPTION_RECONNECT_MAX_MS,
  OPTION_RECONNECT_MIN_MS,
  OPTION_WILL_FLAGS,
  OUTBOX_DROP_NEWEST,
  OUTBOX_DROP_OLDEST,
  PUBLISH_QOS_SHIFT,
  TEXT_CLIENT_ID,
  TEXT_CONNECT_PROPERTIES,
  TEXT_PASSWORD,
  TEXT_USER_NAME,
  TEXT_WILL_PAYLOAD,
  TEXT_WILL_PROPERTIES,
  TEXT_WILL_TOPIC,
} from "../assembly/abi.ts";
import type { ClientOptions, Will } from "./api-types.ts";
import type { ClientExports, Core } from "./core.ts";
import { MidgeError } from "./errors.ts";
import { encodeProperties } from "./properties.ts";
import type { ConnectProperties } from "./property-types.ts";

/** Protocol Level of each version. */
const LEVELS = { "3.1": 3, "3.1.1": 4, "5.0": 5 } as const;

const U32_MAX = 0xffff_ffff;

/** What a client allows a 5.0 server: it spares the Topic Names of so many topics. */
const TOPIC_ALIAS_MAXIMUM = 16;

/** Throws with code ARGUMENT_INVALID or TOPIC_INVALID. `method`: Authentication Method. */
export function applyClientOptions(
  core: Core<ClientExports>,
  clientId: string,
  options: ClientOptions,
  method: string | undefined,
): void {
  const level = LEVELS[options.protocolVersion ?? "3.1.1"];
  if (level === undefined) {
    throw new MidgeError(
      "ARGUMENT_INVALID",
      `protocolVersion is ${options.protocolVersion}, and must be 3.1, 3.1.1 or 5.0`,
    );
  }
  core.exports.setOption(OPTION_PROTOCOL_LEVEL, level);
  core.exports.setOption(OPTION_CLEAN_SESSION, options.cleanSession === false ? 0 : 1);
  core.exports.setOption(OPTION_RECONNECT, options.reconnect === false ? 0 : 1);
  core.exports.setOption(OPTION_OUTBOX_DROP, options.outboxDrop === "oldest" ? OUTBOX_DROP_OLDEST : OUTBOX_DROP_NEWEST);
  core.exports.setOption(OPTION_INFLIGHT_MAX, 20);
  applyNumbers(core, options);
  setText(core, TEXT_CLIENT_ID, "clientId", clientId);
  // With SCRAM the password stays here, and the name travels in its messages.
  if (options.authentication !== "SCRAM-SHA-256") {
    setText(core, TEXT_USER_NAME, "userName", options.userName);
    setText(core, TEXT_PASSWORD, "password", options.password);
  }
  if (level === 5) {
    const most = options.maximumPacketSize ?? 0;
    if (most > core.exports.optionValue(OPTION_PACKET_SIZE_MAX)) core.exports.setOption(OPTION_PACKET_SIZE_MAX, most);
    applyConnectProperties(core, options, method, undefined);
  } else refuseConnectProperties(options, method);
  if (options.will !== undefined) applyWill(core, options.will, level === 5);
}

/** Sets the properties of the next CONNECT. */
export function applyConnectProperties(
  core: Core<ClientExports>,
  options: ClientOptions,
  method: string | undefined,
  authenticationData: Uint8Array | undefined,
): void {
  const properties: { [Name in keyof ConnectProperties]: ConnectProperties[Name] | undefined } = {
    ...givenProperties(options, method),
    authenticationData,
    sessionExpirySec: unlessZero(sessionExpirySec(options)),
    topicAliasMaximum: unlessZero(options.topicAliasMaximum ?? TOPIC_ALIAS_MAXIMUM),
    // Told, so that the server leaves out what is too large for us; else it would be sent again on each connection.
    maximumPacketSize: options.maximumPacketSize ?? core.exports.optionValue(OPTION_PACKET_SIZE_MAX),
    // For request().
    requestResponseInformation: options.requestResponseInformation ?? true,
  };
  setText(
    core,
    TEXT_CONNECT_PROPERTIES,
    "the properties of CONNECT",
    encodeProperties(properties as ConnectProperties),
  );
}

/** 0 is what the standard has for a property that is not there. */
function unlessZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}

/** How long the server is asked to keep the Session: seconds, or Infinity. */
export function sessionExpirySec(options: ClientOptions): number {
  return options.sessionExpirySec ?? (options.cleanSession === false ? Number.POSITIVE_INFINITY : 0);
}

function givenProperties(options: ClientOptions, authenticationMethod: string | undefined) {
  const { requestProblemInformation, requestResponseInformation, receiveMaximum, topicAliasMaximum } = options;
  const { sessionExpirySec, userProperties, maximumPacketSize } = options;
  return {
    sessionExpirySec,
    authenticationMethod,
    requestProblemInformation,
    requestResponseInformation,
    receiveMaximum,
    topicAliasMaximum,
    userProperties,
    maximumPacketSize,
  };
}

function refuseConnectProperties(options: ClientOptions, method: string | undefined): void {
  const given = Object.entries(givenProperties(options, method)).find(([, value]) => value !== undefined)?.[0];
  if (given === undefined) return;
  const name = given === "authenticationMethod" ? "authentication" : given;
  throw new MidgeError("ARGUMENT_INVALID", `${name} is of MQTT 5.0: set protocolVersion to "5.0"`);
}

function applyNumbers(core: Core<ClientExports>, options: ClientOptions): void {
  const number = (option: number, name: keyof ClientOptions, least: number, most: number) => {
    const value = options[name] as number | undefined;
    if (value === undefined) return;
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new MidgeError("ARGUMENT_INVALID", `${name} is ${value}, and must be a whole number ${least} to ${most}`);
    }
    core.exports.setOption(option, value);
  };
  number(OPTION_KEEP_ALIVE_SEC, "keepAliveSec", 0, 65_535);
  number(OPTION_RECONNECT_MIN_MS, "reconnectMinMs", 1, U32_MAX);
  number(OPTION_RECONNECT_MAX_MS, "reconnectMaxMs", 1, U32_MAX);
  number(OPTION_CONNECT_TIMEOUT_MS, "connectTimeoutMs", 1, U32_MAX);
  number(OPTION_OUTBOX_BYTES_MAX, "outboxBytesMax", 0, U32_MAX);
  number(OPTION_INFLIGHT_MAX, "inflightMax", 1, 61_439);
}

function applyWill(core: Core<ClientExports>, will: Will, is5: boolean): void {
  if (![0, 1, 2].includes(will.qos ?? 0)) {
    throw new MidgeError("ARGUMENT_INVALID", `will.qos is ${will.qos}, and must be 0, 1 or 2`);
  }
  setText(core, TEXT_WILL_TOPIC, "will.topicName", will.topicName);
  setText(core, TEXT_WILL_PAYLOAD, "will.payload", will.payload ?? "");
  core.exports.setOption(OPTION_WILL_FLAGS, ((will.qos ?? 0) << PUBLISH_QOS_SHIFT) | (will.retain ? 1 : 0));
  const properties = encodeProperties(will);
  if (properties.length === 0) return;
  if (!is5)
    throw new MidgeError("ARGUMENT_INVALID", 'properties of a Will are of MQTT 5.0: set protocolVersion to "5.0"');
  setText(core, TEXT_WILL_PROPERTIES, "the properties of the Will", properties);
}

function setText(core: Core<ClientExports>, id: number, name: string, value: string | Uint8Array | undefined): void {
  if (value === undefined) return;
  const status = core.setText(id, typeof value === "string" ? Buffer.from(value) : value);
  if (status === BAD_TOPIC) throw new MidgeError("TOPIC_INVALID", `${name} is not a topic to publish to: ${value}`);
  if (status === BAD_PROPERTIES) throw new MidgeError("ARGUMENT_INVALID", `one of ${name} may not stand there`);
  if (status !== OK) throw new MidgeError("ARGUMENT_INVALID", `${name}: over 65535 bytes, or not valid text`);
}
