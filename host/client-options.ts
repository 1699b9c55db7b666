// ClientOptions -> the core: every option checked for its range, and set.

import {
  BAD_TOPIC,
  OK,
  OPTION_CLEAN_SESSION,
  OPTION_CONNECT_TIMEOUT_MS,
  OPTION_INFLIGHT_MAX,
  OPTION_KEEP_ALIVE_SEC,
  OPTION_OUTBOX_BYTES_MAX,
  OPTION_OUTBOX_DROP,
  OPTION_PROTOCOL_LEVEL,
  OPTION_RECONNECT,
  OPTION_RECONNECT_MAX_MS,
  OPTION_RECONNECT_MIN_MS,
  OPTION_WILL_FLAGS,
  OUTBOX_DROP_NEWEST,
  OUTBOX_DROP_OLDEST,
  PUBLISH_QOS_SHIFT,
  TEXT_CLIENT_ID,
  TEXT_PASSWORD,
  TEXT_USER_NAME,
  TEXT_WILL_PAYLOAD,
  TEXT_WILL_TOPIC,
} from "../assembly/abi.ts";
import type { ClientOptions } from "./api-types.ts";
import type { ClientExports, Core } from "./core.ts";
import { MidgeError } from "./errors.ts";

/** Protocol Level of each version. */
const LEVELS = { "3.1": 3, "3.1.1": 4 } as const;

const U32_MAX = 0xffffffff;

/** Throws with code ARGUMENT_INVALID or TOPIC_INVALID. */
export function applyClientOptions(core: Core<ClientExports>, clientId: string, options: ClientOptions): void {
  const number = (option: number, name: string, value: number | undefined, least: number, most: number) => {
    if (value === undefined) return;
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new MidgeError("ARGUMENT_INVALID", `${name} is ${value}, and must be a whole number ${least} to ${most}`);
    }
    core.exports.setOption(option, value);
  };
  const text = (id: number, name: string, value: string | Uint8Array | undefined) => {
    if (value === undefined) return;
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    core.writeArgument(bytes);
    const status = core.exports.setText(id, bytes.length);
    if (status === BAD_TOPIC) throw new MidgeError("TOPIC_INVALID", `${name} is not a topic to publish to: ${value}`);
    if (status !== OK) throw new MidgeError("ARGUMENT_INVALID", `${name} is over 65535 bytes, or not valid text`);
  };
  const level = LEVELS[options.protocolVersion ?? "3.1.1"];
  if (level === undefined) {
    throw new MidgeError("ARGUMENT_INVALID", `protocolVersion is ${options.protocolVersion}, and must be 3.1 or 3.1.1`);
  }
  core.exports.setOption(OPTION_PROTOCOL_LEVEL, level);
  core.exports.setOption(OPTION_CLEAN_SESSION, options.cleanSession === false ? 0 : 1);
  core.exports.setOption(OPTION_RECONNECT, options.reconnect === false ? 0 : 1);
  core.exports.setOption(OPTION_OUTBOX_DROP, options.outboxDrop === "oldest" ? OUTBOX_DROP_OLDEST : OUTBOX_DROP_NEWEST);
  core.exports.setOption(OPTION_INFLIGHT_MAX, 20);
  number(OPTION_KEEP_ALIVE_SEC, "keepAliveSec", options.keepAliveSec, 0, 65_535);
  number(OPTION_RECONNECT_MIN_MS, "reconnectMinMs", options.reconnectMinMs, 1, U32_MAX);
  number(OPTION_RECONNECT_MAX_MS, "reconnectMaxMs", options.reconnectMaxMs, 1, U32_MAX);
  number(OPTION_CONNECT_TIMEOUT_MS, "connectTimeoutMs", options.connectTimeoutMs, 1, U32_MAX);
  number(OPTION_OUTBOX_BYTES_MAX, "outboxBytesMax", options.outboxBytesMax, 0, U32_MAX);
  number(OPTION_INFLIGHT_MAX, "inflightMax", options.inflightMax, 1, 61_439);
  text(TEXT_CLIENT_ID, "clientId", clientId);
  text(TEXT_USER_NAME, "userName", options.userName);
  text(TEXT_PASSWORD, "password", options.password);
  const { will } = options;
  if (will === undefined) return;
  text(TEXT_WILL_TOPIC, "will.topicName", will.topicName);
  text(TEXT_WILL_PAYLOAD, "will.payload", will.payload ?? "");
  core.exports.setOption(OPTION_WILL_FLAGS, ((will.qos ?? 0) << PUBLISH_QOS_SHIFT) | (will.retain ? 1 : 0));
}
