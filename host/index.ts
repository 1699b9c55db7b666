// The public API of the package.

export type {
  ClientEvents,
  ClientOptions,
  Message,
  OutboxDrop,
  ProtocolVersion,
  PublishOptions,
  QoS,
  SubscribeOptions,
  Will,
} from "./api-types.ts";
export { Broker, type BrokerEvents, type BrokerOptions, type Credentials, type Verdict } from "./broker.ts";
export type { BrokerLimits } from "./broker-limits.ts";
export { Client } from "./client.ts";
export { type Clock, systemClock, VirtualClock } from "./clock.ts";
export { MidgeError, type MidgeErrorCode } from "./errors.ts";
export type { Subscription } from "./subscription.ts";
export { createTestBroker, type TestBroker } from "./test-broker.ts";
export type { Connector, Transport, TransportHandlers } from "./transport/transport.ts";
