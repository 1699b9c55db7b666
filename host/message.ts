// EVENT_MESSAGE of the core -> the Message that an application gets.

import type { Message, QoS } from "./api-types.ts";
import type { CoreEvent } from "./core.ts";
import { decodeProperties } from "./properties.ts";
import type { ReceivedProperties } from "./property-types.ts";

const NONE: ReceivedProperties = Object.freeze({});

class ReceivedMessage implements Message {
  readonly topicName: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly duplicate: boolean;
  readonly packetId: number;
  readonly #propertyBytes: Buffer;
  #properties: ReceivedProperties | undefined;

  constructor(event: CoreEvent) {
    this.topicName = event.a.toString();
    this.payload = event.b;
    this.qos = ((event.code >> 1) & 3) as QoS;
    this.retain = (event.code & 1) !== 0;
    this.duplicate = (event.code & 8) !== 0;
    this.packetId = event.detail;
    this.#propertyBytes = event.c;
    if (event.c.length === 0) this.#properties = NONE;
  }

  /** Read when somebody asks for them: most messages are taken for their payload. */
  get properties(): ReceivedProperties {
    this.#properties ??= decodeProperties(this.#propertyBytes);
    return this.#properties;
  }

  text(): string {
    return (this.payload as Buffer).toString();
  }
}

export function messageOf(event: CoreEvent): Message {
  return new ReceivedMessage(event);
}
