// EVENT_MESSAGE of the core -> the Message that an application gets.

import type { Message, QoS } from "./api-types.ts";
import type { CoreEvent } from "./core.ts";

export function messageOf(event: CoreEvent): Message {
  const payload = event.b;
  return {
    topicName: event.a.toString(),
    payload,
    qos: ((event.code >> 1) & 3) as QoS,
    retain: (event.code & 1) !== 0,
    duplicate: (event.code & 8) !== 0,
    packetId: event.detail,
    text: () => payload.toString(),
  };
}
