// EVENT_MESSAGE of the core -> the Message that an application gets.

import type { Message, QoS } from "./api-types.ts";
import type { CoreEvent } from "./core.ts";
import { decodeProperties } from "./properties.ts";
import type { ReceivedProperties } from "./property-types.ts";

const NONE: ReceivedProperties = Object.freeze({});

/** Every member is its own, so that a copy of the message has it too. */
export function messageOf({ a, b, c, code, detail }: CoreEvent): Message {
  return {
    topicName: a.toString(),
    payload: b,
    qos: ((code >> 1) & 3) as QoS,
    retain: (code & 1) !== 0,
    duplicate: (code & 8) !== 0,
    packetId: detail,
    properties: c.length === 0 ? NONE : decodeProperties(c),
    text: () => b.toString(),
  };
}
