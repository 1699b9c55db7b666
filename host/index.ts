// The public API of the package.

export type {
  Authentication,
  ClientEvents,
  ClientOptions,
  EndOptions,
  Message,
  OutboxDrop,
  ProtocolVersion,
  PublishOptions,
  PublishResult,
  QoS,
  SubscribeOptions,
  UnsubscribeOptions,
  Will,
} from "./api-types.ts";
export { Broker, type BrokerDisconnectOptions, type BrokerPublishOptions } from "./broker.ts";
export type {
  AuthenticationAnswer,
  AuthenticationExchange,
  AuthenticationMethod,
  AuthenticationOptions,
  AuthenticationStart,
  CredentialStore,
  Credentials,
  Verdict,
} from "./broker-authentication.ts";
export type { BrokerEvents } from "./broker-events.ts";
export type { BrokerLimits } from "./broker-limits.ts";
export type { BrokerFeatures, BrokerOptions, ListenAddress, Redirect } from "./broker-options.ts";
export { Client } from "./client.ts";
export { type Clock, systemClock, VirtualClock } from "./clock.ts";
export {
  type Configuration,
  ConfigurationError,
  type ConfigurationFault,
  type ConfigurationSetting,
} from "./configuration.ts";
export type { Engine, EngineName } from "./engine.ts";
export { MidgeError, type MidgeErrorCode } from "./errors.ts";
export { PasswordStore, passwordLine } from "./passwords.ts";
export type {
  AcknowledgementProperties,
  ConnackProperties,
  MessageProperties,
  ReceivedProperties,
  UserProperties,
  WillProperties,
} from "./property-types.ts";
export { REASON_TEXT } from "./reason-codes.ts";
export type { Reply, RequestHandler, RequestOptions, Responder, RespondOptions } from "./request.ts";
export {
  SCRAM_SHA_256,
  type ScramClient,
  ScramError,
  type ScramRecord,
  type ScramServer,
  scramClient,
  scramRecord,
  scramServer,
} from "./scram.ts";
export type { StreamWriter, WriteStreamOptions } from "./stream-writer.ts";
export type { IncomingStream, Streams, StreamsOptions } from "./streams.ts";
export type { Subscription } from "./subscription.ts";
export { createTestBroker, type TestBroker } from "./test-broker.ts";
export type { Connector, Transport, TransportHandlers } from "./transport/transport.ts";
