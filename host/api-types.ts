// Types of the public API, apart from the classes that implement them: what an application passes in and gets back.

/** Quality of Service: 0 at most once, 1 at least once, 2 exactly once. */
export type QoS = 0 | 1 | 2;

/** Protocol version by its name; MQTT 3.1 is Protocol Level 3, 3.1.1 is level 4. */
export type ProtocolVersion = "3.1" | "3.1.1";

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
  /** Payload decoded as UTF-8. */
  text(): string;
}

/** What the broker publishes for this client when it disappears without DISCONNECT. */
export interface Will {
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

export interface ClientOptions {
  /** Host name or address of the broker. Default: 127.0.0.1. */
  host?: string;
  /** TCP port, 1..65535. Default: 1883. */
  port?: number;
  /** Default: "3.1.1". */
  protocolVersion?: ProtocolVersion;
  /** Client Identifier, at most 65,535 bytes (23 in 3.1). Default: `midge-` and random letters. */
  clientId?: string;
  /** False keeps the Session State at the broker between connections. Default: true. */
  cleanSession?: boolean;
  /** Keep Alive, seconds, 0 (off) to 65,535. Default: 60. */
  keepAliveSec?: number;
  userName?: string;
  password?: string | Uint8Array;
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
  /** QoS 1 and 2 messages in flight at once, 1..61,439 (the other Packet Identifiers are for subscribing). Default: 20. */
  inflightMax?: number;
  /** Seed of the reconnect jitter, for runs that must repeat. Default: random. */
  seed?: number;
  /** Aborting it ends the client at once (and rejects connect()). */
  signal?: AbortSignal;
}

export interface PublishOptions {
  /** Default: 0. */
  qos?: QoS;
  /** Default: false. */
  retain?: boolean;
  /** Stops waiting; the message itself may still be delivered. */
  signal?: AbortSignal;
}

export interface SubscribeOptions {
  /** Highest QoS to receive with. Default: 0. */
  qos?: QoS;
  /** Ends the iteration and unsubscribes. */
  signal?: AbortSignal;
}

/** Events of a Client. */
export interface ClientEvents {
  /** CONNACK accepted, first time and after each reconnect. */
  connect: [{ sessionPresent: boolean }];
  /** The Network Connection is gone, and not by end(); `error` says why; `reconnectInMs` is undefined when it will not be tried again. */
  disconnect: [{ error: Error; reconnectInMs?: number }];
  /** Every message, whichever Subscription it came for. */
  message: [Message];
}
