// The broker's capacities as options of the API: a name a person can read for each number of the ABI.

import * as abi from "../assembly/abi.ts";

/** Defaults, and what happens at each limit: assembly/limits.ts. */
export interface BrokerLimits {
  /** Network Connections at once. */
  connections?: number;
  /** Sessions, connected or kept. */
  sessions?: number;
  /** Bytes of one Control Packet. */
  packetSize?: number;
  /** Bytes of the payload of a message that a client publishes. */
  payloadSize?: number;
  /** Bytes of a Topic Name or Topic Filter. */
  topicLength?: number;
  /** Levels of a Topic Name or Topic Filter. */
  topicLevels?: number;
  /** Subscriptions in all. */
  subscriptions?: number;
  /** Subscriptions of one Session. */
  sessionSubscriptions?: number;
  /** Retained messages. */
  retained?: number;
  /** Bytes of all retained messages. */
  retainedBytes?: number;
  /** Bytes of QoS 1 and 2 messages queued for one Session. */
  sessionQueueBytes?: number;
  /** Bytes of all stored messages. */
  queueBytes?: number;
  /** QoS 1 and 2 messages to one Session that are not acknowledged yet. */
  inflight?: number;
  /** Bytes of those messages. */
  inflightBytes?: number;
  /** Bytes waiting on one connection, over which QoS 0 is dropped. */
  outputBytesSoft?: number;
  /** Bytes waiting on one connection, over which it is closed. */
  outputBytes?: number;
  /** Bytes waiting on all connections. */
  outputTotalBytes?: number;
  /** Seconds in which a connection must take at least one byte of what waits. */
  outputStallSec?: number;
  /** Bytes of packets that have not arrived whole, of all connections. */
  inputWaitingBytes?: number;
  /** Bytes of everything the broker keeps. */
  heapBytes?: number;
  /** Levels of retained topics looked at for the SUBSCRIBE packets of one read. */
  retainedVisits?: number;
  /** Bytes of queue, output or input that a limit on all of them leaves to each. */
  fairShareBytes?: number;
  /** Milliseconds from the Network Connection to CONNECT. */
  connectTimeoutMs?: number;
  /** Seconds until a 3.1 client is sent unacknowledged messages again. */
  retrySec?: number;
  /** Topic Aliases that the broker sets on one connection to a 5.0 client that allows them. */
  topicAliasesSent?: number;
  /** Seconds between updates of $SYS; 0 for none. */
  sysIntervalSec?: number;
}

const OPTIONS: Readonly<Record<keyof BrokerLimits, number>> = {
  connections: abi.OPTION_CONNECTIONS_MAX,
  sessions: abi.OPTION_SESSIONS_MAX,
  packetSize: abi.OPTION_PACKET_SIZE_MAX,
  payloadSize: abi.OPTION_PAYLOAD_SIZE_MAX,
  topicLength: abi.OPTION_TOPIC_LENGTH_MAX,
  topicLevels: abi.OPTION_TOPIC_LEVELS_MAX,
  subscriptions: abi.OPTION_SUBSCRIPTIONS_MAX,
  sessionSubscriptions: abi.OPTION_SESSION_SUBSCRIPTIONS_MAX,
  retained: abi.OPTION_RETAINED_MAX,
  retainedBytes: abi.OPTION_RETAINED_BYTES_MAX,
  sessionQueueBytes: abi.OPTION_SESSION_QUEUE_BYTES_MAX,
  queueBytes: abi.OPTION_QUEUE_BYTES_MAX,
  inflight: abi.OPTION_INFLIGHT_MAX,
  inflightBytes: abi.OPTION_INFLIGHT_BYTES_MAX,
  outputBytesSoft: abi.OPTION_OUTPUT_BYTES_SOFT,
  outputBytes: abi.OPTION_OUTPUT_BYTES_MAX,
  outputTotalBytes: abi.OPTION_OUTPUT_TOTAL_MAX,
  outputStallSec: abi.OPTION_OUTPUT_STALL_SEC,
  inputWaitingBytes: abi.OPTION_INPUT_WAITING_MAX,
  heapBytes: abi.OPTION_HEAP_MAX,
  retainedVisits: abi.OPTION_RETAINED_VISITS_MAX,
  fairShareBytes: abi.OPTION_FAIR_SHARE,
  connectTimeoutMs: abi.OPTION_CONNECT_TIMEOUT_MS,
  retrySec: abi.OPTION_RETRY_SEC,
  topicAliasesSent: abi.OPTION_TOPIC_ALIAS_SEND_MAX,
  sysIntervalSec: abi.OPTION_SYS_INTERVAL_SEC,
};

/** The ABI's options for these limits. */
export function limitOptions(limits: BrokerLimits): [option: number, value: number][] {
  return (Object.keys(limits) as (keyof BrokerLimits)[])
    .filter((name) => limits[name] !== undefined)
    .map((name) => [OPTIONS[name], limits[name] as number]);
}
