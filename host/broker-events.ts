// What a broker tells an application: the events of the Broker class, and how they are made of the core's reports. The core
// only makes the reports that somebody listens to.

import type { EventEmitter } from "node:events";
import {
  EVENT_CONNECTED,
  EVENT_DISCONNECTED,
  EVENT_PUBLISHED,
  EVENT_REFUSED,
  EVENT_SUBSCRIBED,
  EVENT_UNSUBSCRIBED,
  OPTION_EVENTS,
} from "../assembly/abi.ts";
import type { ProtocolVersion, QoS } from "./api-types.ts";
import type { BrokerExports, CoreEvent } from "./core.ts";
import { CLOSE_TEXT } from "./errors.ts";
import { REASON_TEXT } from "./reason-codes.ts";

export interface BrokerEvents {
  connect: [
    {
      clientId: string;
      address: string;
      protocolVersion: ProtocolVersion;
      /** Clean Session; at 5.0 Clean Start. */
      cleanSession: boolean;
      keepAliveSec: number;
      /** Who it is: as enhanced authentication has found, else as CONNECT says. */
      userName: string | undefined;
    },
  ];
  /** A connection that had been accepted is over. `reasonCode`: of the DISCONNECT that was sent or received at 5.0, unless it
   *  was 0x00 or there was none. */
  disconnect: [{ clientId: string; address: string; reason: string; reasonCode: number | undefined }];
  /** A connection ended before it was accepted. `reasonCode`: as 5.0 has it, for clients of 3.x too. */
  refuse: [{ clientId: string; address: string; reason: string; reasonCode: number }];
  /** A Subscription was asked for. `qos`: what was granted, undefined when it was refused; `reasonCode`: of SUBACK. */
  subscribe: [{ clientId: string; topicFilter: string; qos: QoS | undefined; reasonCode: number }];
  /** A Subscription was taken back, or lapsed. */
  unsubscribe: [{ clientId: string; topicFilter: string }];
  publish: [{ clientId: string; topicName: string; qos: QoS; retain: boolean; payloadLength: number }];
}

/** The report of the core that each event needs; reports cost something, so only those are asked for. */
const REPORTS: { [Name in keyof BrokerEvents]: number } = {
  connect: EVENT_CONNECTED,
  disconnect: EVENT_DISCONNECTED,
  refuse: EVENT_REFUSED,
  subscribe: EVENT_SUBSCRIBED,
  unsubscribe: EVENT_UNSUBSCRIBED,
  publish: EVENT_PUBLISHED,
};

/** Asks the core for the reports that `emitter` has listeners for, now and from then on. `exports`: of the core, in a turn
 *  of its driver. */
export function followListeners(emitter: EventEmitter<BrokerEvents>, exports: () => BrokerExports): void {
  const report = (name: keyof BrokerEvents, wanted: boolean) => {
    const kind = REPORTS[name];
    if (kind === undefined) return;
    const { optionValue, setOption } = exports();
    const others = optionValue(OPTION_EVENTS) & ~(1 << kind);
    setOption(OPTION_EVENTS, wanted ? others | (1 << kind) : others);
  };
  // These two are EventEmitter's own, and not in its type once the events are named.
  const any = emitter as EventEmitter;
  any.on("newListener", (name: keyof BrokerEvents) => report(name, true));
  any.on("removeListener", (name: keyof BrokerEvents) => report(name, emitter.listenerCount(name) > 0));
}

/** Emits a report of the core as an event. `address`: of its connection; `userName`: who it has proved to be, if it has. */
export function emitReport(
  emitter: EventEmitter<BrokerEvents>,
  event: CoreEvent,
  address: string,
  userName: string | undefined,
): void {
  const clientId = event.a.toString();
  switch (event.kind) {
    case EVENT_CONNECTED:
      emitter.emit("connect", {
        clientId,
        address,
        protocolVersion: PROTOCOL_NAMES[event.code & 0xff] ?? "5.0",
        cleanSession: (event.code & 0x100) !== 0,
        keepAliveSec: event.detail,
        userName: userName ?? ((event.code & 0x200) !== 0 ? event.b.toString() : undefined),
      });
      break;
    case EVENT_DISCONNECTED: {
      const reasonCode = event.detail === 0 ? undefined : event.detail;
      emitter.emit("disconnect", { clientId, address, reason: CLOSE_TEXT[event.code] ?? "", reasonCode });
      break;
    }
    case EVENT_REFUSED:
      emitter.emit("refuse", {
        clientId,
        address,
        reason: REASON_TEXT[event.code] ?? "refused",
        reasonCode: event.code,
      });
      break;
    case EVENT_SUBSCRIBED: {
      const qos = event.code < 0x80 ? (event.code as QoS) : undefined;
      emitter.emit("subscribe", { clientId, topicFilter: event.b.toString(), qos, reasonCode: event.code });
      break;
    }
    case EVENT_UNSUBSCRIBED:
      emitter.emit("unsubscribe", { clientId, topicFilter: event.b.toString() });
      break;
    case EVENT_PUBLISHED:
      emitter.emit("publish", {
        clientId,
        topicName: event.b.toString(),
        qos: ((event.code >> 1) & 3) as QoS,
        retain: (event.code & 1) !== 0,
        payloadLength: event.detail,
      });
      break;
  }
}

const PROTOCOL_NAMES: Readonly<Record<number, ProtocolVersion>> = { 3: "3.1", 4: "3.1.1" };
