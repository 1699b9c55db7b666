// Types of the public API, apart from the classes that implement them: what an application passes in and gets back.

import type { Engine, EngineName } from "./engine.ts";
import type { MidgeError } from "./errors.ts";
import type {
  AcknowledgementProperties,
  ConnackProperties,
  ConnectProperties,
  DisconnectProperties,
  MessageProperties,
  ReceivedProperties,
  UserProperties,
  WillProperties,
} from "./property-types.ts";

/** Quality of Service: 0 at most once, 1 at least once, 2 exactly once. */
export type QoS = 0 | 1 | 2;

/** Protocol version by its name; MQTT 3.1 is Protocol Level 3, 3.1.1 is level 4, 5.0 is level 5. What is said to be of 5.0
 *  fails with code NOT_SUPPORTED or ARGUMENT_INVALID in an earlier version. */
export type ProtocolVersion = "3.1" | "3.1.1" | "5.0";

/** An Application Message as it arrives at a subscriber. */
export interface Message {
  readonly topicName: string;
  /** The Payload, a copy owned by the receiver. */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** True when the broker sent it because it was retained, not because it was just published. */
  readonly retain: boolean;
  /** DUP: the broker may have sent this message before. */
  readonly duplicate: boolean;
  /** Packet Identifier, 0 at QoS 0. */
  readonly packetId: number;
  /** Of 5.0; empty before. */
  readonly properties: ReceivedProperties;
  /** Payload decoded as UTF-8. */
  text(): string;
}

/** What the broker publishes for this client when it disappears without DISCONNECT. Its properties are of 5.0. */
export interface Will extends WillProperties {
  topicName: string;
  /** Default: empty. */
  payload?: string | Uint8Array;
  /** Default: 0. */
  qos?: QoS;
  /** Default: false. */
  retain?: boolean;
}

/** What to give up when the outbox is full: the message being published, or the oldest one not yet sent. */
export type OutboxDrop = "newest" | "oldest";

/** A method of enhanced authentication (5.0, section 4.12), at the client's end. What it throws ends the connection, with code
 *  AUTHENTICATION_FAILED. */
export interface Authentication {
  /** Authentication Method, as the server knows it. */
  readonly method: string;
  /** Begins an exchange: once for each connection, and for each reauthenticate(). Returns the data to send along; default:
   *  none. */
  data?(): Uint8Array;
  /** The server's data of one step; returns the answer. */
  respond(data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** The server accepts, and this is the last it says; empty when it says nothing. Throws when the server has not shown that
   *  it is the right one. */
  accepted?(data: Uint8Array): void;
}

/** The properties of CONNECT are of 5.0. Defaults: Topic Alias Maximum 16, Maximum Packet Size 16 MiB (more of it also lets
 *  more out), Request Response Information true, for request(); the others as in the standard. */
export interface ClientOptions
  extends Omit<ConnectProperties, "authenticationMethod" | "authenticationData" | "sessionExpirySec"> {
  /** Host name or address of the broker. Default: 127.0.0.1. */
  host?: string;
  /** TCP port, 1..65535. Default: 1883. */
  port?: number;
  /** Default: "3.1.1". */
  protocolVersion?: ProtocolVersion;
  /** Client Identifier, at most 65,535 bytes (23 in 3.1). Default: `midge-` and random letters. */
  clientId?: string;
  /** False keeps the Session State at the broker between connections. In 5.0 it is Clean Start: true begins anew, at the first
   *  connection of this object; `sessionExpirySec` says how long the Session is kept. Default: true. */
  cleanSession?: boolean;
  /** Of 5.0. Seconds for which the server keeps the Session after the connection, or Infinity. Default: 0 with cleanSession,
   *  else Infinity. */
  sessionExpirySec?: number;
  /** Keep Alive, seconds, 0 (off) to 65,535. Default: 60. */
  keepAliveSec?: number;
  /** User Name, at most 65,535 bytes. Default: none. */
  userName?: string;
  /** Password, at most 65,535 bytes; before 5.0 only with `userName`. Default: none. */
  password?: string | Uint8Array;
  /** Of 5.0. "SCRAM-SHA-256" proves `userName` and `password` to the server, and the server to us, without sending the
   *  password. Default: none, they are sent as they are. */
  authentication?: "SCRAM-SHA-256" | Authentication;
  /** What the broker publishes when this client disappears. Default: nothing. */
  will?: Will;
  /** Connect again by itself, with exponential backoff and jitter. Default: true. */
  reconnect?: boolean;
  /** First and longest wait before a new attempt, milliseconds. Default: 1,000 and 60,000. */
  reconnectMinMs?: number;
  reconnectMaxMs?: number;
  /** Time for the broker to answer CONNECT, milliseconds. Default: 30,000. */
  connectTimeoutMs?: number;
  /** Bytes of messages waiting to be sent or acknowledged. Default: 4 MiB. */
  outboxBytesMax?: number;
  /** Default: "newest", whose publish() is rejected with code OUTBOX_FULL. */
  outboxDrop?: OutboxDrop;
  /** QoS 1 and 2 messages in flight at once, 1..61,439 (the other Packet Identifiers are for subscribing); a 5.0 server may
   *  allow fewer. Default: 20. */
  inflightMax?: number;
  /** Seed of the reconnect jitter, for runs that must repeat. Default: random. */
  seed?: number;
  /** What runs the client's core. "wasm3", the interpreter of the boards, must have been built. Default: "v8". */
  engine?: EngineName | Engine;
  /** Aborting it ends the client at once (and rejects connect()). */
  signal?: AbortSignal;
}

/** The properties are of 5.0. */
export interface PublishOptions extends MessageProperties {
  /** Default: 0. */
  qos?: QoS;
  /** Default: false. */
  retain?: boolean;
  /** Stops waiting; the message itself may still be delivered. */
  signal?: AbortSignal;
}

/** How a server has taken a message. */
export interface PublishResult {
  /** In 5.0 at QoS 1 that of PUBACK, at QoS 2 that of PUBREC, below 0x80: 0, or 0x10 when nobody is subscribed. Else 0. */
  readonly reasonCode: number;
  readonly properties: AcknowledgementProperties;
}

/** Apart from `qos` and `signal` of 5.0. */
export interface SubscribeOptions {
  /** Highest QoS to receive with. Default: 0. */
  qos?: QoS;
  /** Not what this client itself publishes. Default: false. */
  noLocal?: boolean;
  /** Leave RETAIN as the publisher has set it. Default: false, it is only set in messages that were retained before. */
  retainAsPublished?: boolean;
  /** Retained messages: 0 send them, 1 only if this Subscription is new, 2 do not. Default: 0. */
  retainHandling?: 0 | 1 | 2;
  /** 1 to 268,435,455; comes back in `properties.subscriptionIdentifiers` of its messages. */
  subscriptionIdentifier?: number;
  /** User Properties of SUBSCRIBE. */
  userProperties?: UserProperties;
  /** Whole seconds, 1 and up, after which a Midge broker lets the Subscription lapse: User Property `midge_expiry`. */
  expirySec?: number;
  /** Ends the iteration and unsubscribes. */
  signal?: AbortSignal;
}

/** Of 5.0. */
export interface UnsubscribeOptions {
  /** User Properties of UNSUBSCRIBE. */
  userProperties?: UserProperties;
}

/** How a client leaves; of 5.0. */
export interface EndOptions extends Pick<DisconnectProperties, "reasonString" | "userProperties"> {
  /** 0x04: the server publishes the Will all the same. Default: 0. */
  reasonCode?: 0x00 | 0x04;
  /** Changes how long the Session is kept, as in ClientOptions. Not from 0 to more. */
  sessionExpirySec?: number;
}

/** Events of a Client. */
export interface ClientEvents {
  /** CONNACK accepted, first time and after each reconnect. */
  connect: [{ sessionPresent: boolean; properties: ConnackProperties }];
  /** The Network Connection is gone, and not by end(); `error` says why; `reconnectInMs` is undefined when it will not be tried again. */
  disconnect: [{ error: MidgeError; reconnectInMs?: number }];
  /** Every message, whichever Subscription it came for. */
  message: [Message];
}
