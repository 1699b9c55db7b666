// Every capacity of the core: its default, unit, the rule at the limit, and its price. A host changes them with
// setOption(); a board's build does so before it opens anything. "Refused" always means: that one connection or command
// gets an answer that says so, and nobody else notices.
//
// The modules are built without asc's --lowMemoryLimit: with it the allocator never grows the memory, so a broker for
// ten thousand clients would have to begin with memory for all of them. Builds for boards, whose memory is fixed, set it.

import {
  FEATURE_RETAIN,
  FEATURE_SHARED,
  FEATURE_SUBSCRIPTION_IDENTIFIER,
  FEATURE_WILDCARD,
  OPTION_CLEAN_SESSION,
  OPTION_CONNECT_TIMEOUT_MS,
  OPTION_CONNECTIONS_MAX,
  OPTION_COUNT,
  OPTION_FAIR_SHARE,
  OPTION_FEATURES,
  OPTION_HEAP_MAX,
  OPTION_INFLIGHT_BYTES_MAX,
  OPTION_INFLIGHT_MAX,
  OPTION_INPUT_WAITING_MAX,
  OPTION_KEEP_ALIVE_MAX_SEC,
  OPTION_KEEP_ALIVE_SEC,
  OPTION_MATCH_CACHE_BYTES,
  OPTION_OUTBOX_BYTES_MAX,
  OPTION_OUTPUT_BYTES_MAX,
  OPTION_OUTPUT_BYTES_SOFT,
  OPTION_OUTPUT_STALL_SEC,
  OPTION_OUTPUT_TOTAL_MAX,
  OPTION_PACKET_SIZE_MAX,
  OPTION_PAYLOAD_CHECK,
  OPTION_PAYLOAD_SIZE_MAX,
  OPTION_PRIORITY,
  OPTION_PROTOCOL_LEVEL,
  OPTION_QOS_MAX,
  OPTION_QUEUE_BYTES_MAX,
  OPTION_RECEIVE_MAX,
  OPTION_RECONNECT,
  OPTION_RECONNECT_MAX_MS,
  OPTION_RECONNECT_MIN_MS,
  OPTION_REDIRECT,
  OPTION_RETAINED_BYTES_MAX,
  OPTION_RETAINED_MAX,
  OPTION_RETAINED_VISITS_MAX,
  OPTION_RETRY_SEC,
  OPTION_SESSION_EXPIRY_MAX_SEC,
  OPTION_SESSION_QUEUE_BYTES_MAX,
  OPTION_SESSION_SUBSCRIPTIONS_MAX,
  OPTION_SESSIONS_MAX,
  OPTION_SUBSCRIPTIONS_MAX,
  OPTION_SYS_INTERVAL_SEC,
  OPTION_TOPIC_ALIAS_MAX,
  OPTION_TOPIC_ALIAS_SEND_MAX,
  OPTION_TOPIC_LENGTH_MAX,
  OPTION_TOPIC_LEVELS_MAX,
} from "./abi";

const MIB: u32 = 1 << 20;

/** Bytes of the properties of a Will: as many as its payload can have. Over it: CONNECT is refused, quota exceeded. A Will is kept
 *  as long as its client or, with a Will Delay Interval, its Session; without this one could be as large as a packet. */
export const WILL_PROPERTIES_MAX: u32 = 65_535;

/** Bytes of a configuration file; mosquitto's own example has 39,000. Over it: refused. It bounds the work of one call. */
export const CONFIG_SIZE_MAX: u32 = 262_144;
/** Bytes of a line that is no comment: a path and its key. Over it: a fault. */
export const CONFIG_LINE_MAX: u32 = 4_352;
/** Lines of a file that are acted on. Over it: refused. Many become event records. */
export const CONFIG_SETTINGS_MAX: u32 = 256;
/** Faults of a file that are reported. */
export const CONFIG_FAULTS_MAX: u32 = 20;

const OPTIONS: usize = memory.data(OPTION_COUNT << 2);

export function option(id: u32): u32 {
  return load<u32>(OPTIONS + (id << 2));
}

/** False when there is no such option. */
export function setOptionValue(id: u32, value: u32): bool {
  if (id == 0 || id >= <u32>OPTION_COUNT) return false;
  store<u32>(OPTIONS + (id << 2), value);
  return true;
}

/** Of both modules. */
function setSharedDefaults(): void {
  // Bytes of one Control Packet. Over it: the connection is closed before the packet is read.
  setOptionValue(OPTION_PACKET_SIZE_MAX, 16 * MIB);
  // QoS 1 and 2 messages sent to one session and not yet acknowledged, in count and bytes. Over it: the rest waits in the
  // queue. One message is always let through. 10 bytes each.
  setOptionValue(OPTION_INFLIGHT_MAX, 1024);
  setOptionValue(OPTION_INFLIGHT_BYTES_MAX, 1 * MIB);
  // Bytes waiting to be sent on one connection. Over the soft limit QoS 0 messages for it are dropped and counted, QoS 1
  // and 2 wait in its queue; over the hard one (it does not even read its acknowledgements) it is closed. The first
  // message over the soft limit is still taken whole, so the hard one must leave room for the largest packet.
  setOptionValue(OPTION_OUTPUT_BYTES_SOFT, 8 * MIB);
  setOptionValue(OPTION_OUTPUT_BYTES_MAX, 32 * MIB);
  // Bytes waiting on all connections. Over it a connection over its fair share counts as over its soft limit.
  setOptionValue(OPTION_OUTPUT_TOTAL_MAX, 512 * MIB);
  // Bytes of everything the core keeps. Over it nothing new is kept: no Session (refused, 3; who has one comes back to it),
  // no Subscription (0x80), no retained or queued message. The other limits count what matters; this one what they do not, tables and
  // names, and keeps the memory below the 4 GiB at which it would end.
  setOptionValue(OPTION_HEAP_MAX, 2048 * MIB);
  // Bytes that a limit on all leaves to each: whoever fills a total has not taken it from those who use little.
  setOptionValue(OPTION_FAIR_SHARE, 8_192);
  // Milliseconds from open() to a whole CONNECT (in the client: to CONNACK). Over it: closed.
  setOptionValue(OPTION_CONNECT_TIMEOUT_MS, 30_000);
  // Seconds after which a 3.1 peer is sent unacknowledged packets again; 0: never. 3.1.1 forbids that on a living connection.
  setOptionValue(OPTION_RETRY_SEC, 20);
  // Topic Aliases that we set on one connection, if the other end allows as many; the one not used for longest is set anew.
  // Found by going through them, so more of them would cost more than they spare. 16 bytes each and the Topic Name.
  setOptionValue(OPTION_TOPIC_ALIAS_SEND_MAX, 16);
}

export function setBrokerDefaults(): void {
  setSharedDefaults();
  // Network Connections at once. Over it: not accepted. About 300 bytes each while idle.
  setOptionValue(OPTION_CONNECTIONS_MAX, 10_000);
  // Sessions, connected or not. Over it: CONNECT is refused, quota exceeded (3.x: 3). About 200 bytes each.
  setOptionValue(OPTION_SESSIONS_MAX, 100_000);
  // Bytes and levels of a Topic Name or Topic Filter. Over it: PUBLISH closes the connection, SUBSCRIBE is answered with
  // 0x80. Matching recurses once a level, so this also bounds the stack.
  setOptionValue(OPTION_TOPIC_LENGTH_MAX, 65_535);
  setOptionValue(OPTION_TOPIC_LEVELS_MAX, 128);
  // Subscriptions in all and in one session. Over it: SUBACK 0x80 (3.1 has no such code: closed). 33 bytes each, and 36
  // and up for each level of a filter that no other filter shares.
  setOptionValue(OPTION_SUBSCRIPTIONS_MAX, 1_000_000);
  setOptionValue(OPTION_SESSION_SUBSCRIPTIONS_MAX, 100_000);
  // Retained messages, and their bytes. Over it: delivered to subscribers as usual, not retained, and what the topic
  // retained before is gone, since it is no longer its last message.
  setOptionValue(OPTION_RETAINED_MAX, 1_000_000);
  setOptionValue(OPTION_RETAINED_BYTES_MAX, 256 * MIB);
  // Bytes of QoS 1 and 2 messages queued for one session. Over it: new messages for that session are dropped and counted.
  setOptionValue(OPTION_SESSION_QUEUE_BYTES_MAX, 16 * MIB);
  // Bytes of all stored messages, retained and queued, each counted once. Over it: as above, for sessions over their fair
  // share.
  setOptionValue(OPTION_QUEUE_BYTES_MAX, 1024 * MIB);
  // Seconds in which a connection with output takes no byte at all. Over it: closed, its session kept as usual.
  setOptionValue(OPTION_OUTPUT_STALL_SEC, 60);
  // Bytes of unfinished packets and unfinished QoS 2 exchanges of all connections. Over it: a connection over its fair
  // share that sends more is closed.
  setOptionValue(OPTION_INPUT_WAITING_MAX, 256 * MIB);
  // Bytes of the payload that a client may publish. Over it: acknowledged, 5.0 with 0x83, and dropped.
  setOptionValue(OPTION_PAYLOAD_SIZE_MAX, 0xffff_ffff);
  // Levels of retained topics looked at for the SUBSCRIBE packets of one piece of input. Over it the retained messages not
  // found yet are not sent. A filter for everything looks at each level once.
  setOptionValue(OPTION_RETAINED_VISITS_MAX, 8_000_000);
  // Seconds between updates of $SYS; 0: none.
  setOptionValue(OPTION_SYS_INTERVAL_SEC, 10);
  // What the broker offers, and the highest QoS it takes from publishers. What is used all the same: 5.0 is told with the
  // Reason Code for it, 3.x is closed (a Subscription: 0x80).
  setOptionValue(OPTION_FEATURES, FEATURE_RETAIN | FEATURE_WILDCARD | FEATURE_SUBSCRIPTION_IDENTIFIER | FEATURE_SHARED);
  setOptionValue(OPTION_QOS_MAX, 2);
  // QoS 1 and 2 messages that a 5.0 client may have sent without the end of their exchange. Over it: DISCONNECT 0x93. What
  // is received at QoS 1 is acknowledged at once, so only QoS 2 can get there. 4 to 8 bytes each. The default is as many as
  // there are Packet Identifiers: some clients (MQTT.js 5.16) do not look at it, and would be parted with for a burst.
  setOptionValue(OPTION_RECEIVE_MAX, 65_535);
  // Topic Aliases that a 5.0 client may set on its connection. Over it: DISCONNECT 0x94. 8 bytes each and the Topic Name.
  setOptionValue(OPTION_TOPIC_ALIAS_MAX, 16);
  // Seconds that a Session is kept for a client that is away. Asked for more: 5.0 is told in CONNACK, 3.x gets this too.
  setOptionValue(OPTION_SESSION_EXPIRY_MAX_SEC, 0xffff_ffff);
  // Longest Keep Alive in seconds; 0: any, none too. Asked for more or for none: 5.0 is given this one in CONNACK, 3.x is
  // refused (return code 2), since it would not know.
  setOptionValue(OPTION_KEEP_ALIVE_MAX_SEC, 0);
  // 1: a payload that is said to be UTF-8 is checked. Is it not: 0x99.
  setOptionValue(OPTION_PAYLOAD_CHECK, 0);
  // 1: a message with the User Property midge_priority=urgent goes before the others in a queue. Costs a move of the entries
  // that wait behind it.
  setOptionValue(OPTION_PRIORITY, 0);
  setOptionValue(OPTION_REDIRECT, 0);
  // Bytes of resolved subscriber lists, one for each Topic Name in use. Over it: all are forgotten and found anew.
  setOptionValue(OPTION_MATCH_CACHE_BYTES, 8 * MIB);
}

export function setClientDefaults(): void {
  setSharedDefaults();
  setOptionValue(OPTION_PROTOCOL_LEVEL, 4);
  setOptionValue(OPTION_KEEP_ALIVE_SEC, 60);
  setOptionValue(OPTION_CLEAN_SESSION, 1);
  setOptionValue(OPTION_RECONNECT, 1);
  setOptionValue(OPTION_RECONNECT_MIN_MS, 1_000);
  setOptionValue(OPTION_RECONNECT_MAX_MS, 60_000);
  // Bytes of messages published and not yet acknowledged. Over it: OPTION_OUTBOX_DROP decides.
  setOptionValue(OPTION_OUTBOX_BYTES_MAX, 4 * MIB);
}
