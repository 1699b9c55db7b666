// The keys of mosquitto.conf that we act on. A table of names (names.ts): row n is the name of key n.

/** Names in ASCII with | between them, ended by 0: the core has no strings. */
export const KEYS: usize = memory.data<u8>([
  // allow_anonymous
  97, 108, 108, 111, 119, 95, 97, 110, 111, 110, 121, 109, 111, 117, 115, 124,
  // allow_zero_length_clientid
  97, 108, 108, 111, 119, 95, 122, 101, 114, 111, 95, 108, 101, 110, 103, 116, 104, 95, 99, 108, 105, 101, 110, 116,
  105, 100, 124,
  // bind_address
  98, 105, 110, 100, 95, 97, 100, 100, 114, 101, 115, 115, 124,
  // connection_messages
  99, 111, 110, 110, 101, 99, 116, 105, 111, 110, 95, 109, 101, 115, 115, 97, 103, 101, 115, 124,
  // listener
  108, 105, 115, 116, 101, 110, 101, 114, 124,
  // log_dest
  108, 111, 103, 95, 100, 101, 115, 116, 124,
  // log_type
  108, 111, 103, 95, 116, 121, 112, 101, 124,
  // max_connections
  109, 97, 120, 95, 99, 111, 110, 110, 101, 99, 116, 105, 111, 110, 115, 124,
  // max_inflight_bytes
  109, 97, 120, 95, 105, 110, 102, 108, 105, 103, 104, 116, 95, 98, 121, 116, 101, 115, 124,
  // max_inflight_messages
  109, 97, 120, 95, 105, 110, 102, 108, 105, 103, 104, 116, 95, 109, 101, 115, 115, 97, 103, 101, 115, 124,
  // max_keepalive
  109, 97, 120, 95, 107, 101, 101, 112, 97, 108, 105, 118, 101, 124,
  // max_packet_size
  109, 97, 120, 95, 112, 97, 99, 107, 101, 116, 95, 115, 105, 122, 101, 124,
  // max_qos
  109, 97, 120, 95, 113, 111, 115, 124,
  // max_queued_bytes
  109, 97, 120, 95, 113, 117, 101, 117, 101, 100, 95, 98, 121, 116, 101, 115, 124,
  // max_topic_alias
  109, 97, 120, 95, 116, 111, 112, 105, 99, 95, 97, 108, 105, 97, 115, 124,
  // maximum_qos
  109, 97, 120, 105, 109, 117, 109, 95, 113, 111, 115, 124,
  // memory_limit
  109, 101, 109, 111, 114, 121, 95, 108, 105, 109, 105, 116, 124,
  // message_size_limit
  109, 101, 115, 115, 97, 103, 101, 95, 115, 105, 122, 101, 95, 108, 105, 109, 105, 116, 124,
  // per_listener_settings
  112, 101, 114, 95, 108, 105, 115, 116, 101, 110, 101, 114, 95, 115, 101, 116, 116, 105, 110, 103, 115, 124,
  // persistence
  112, 101, 114, 115, 105, 115, 116, 101, 110, 99, 101, 124,
  // persistent_client_expiration
  112, 101, 114, 115, 105, 115, 116, 101, 110, 116, 95, 99, 108, 105, 101, 110, 116, 95, 101, 120, 112, 105, 114, 97,
  116, 105, 111, 110, 124,
  // pid_file
  112, 105, 100, 95, 102, 105, 108, 101, 124,
  // port
  112, 111, 114, 116, 124,
  // protocol
  112, 114, 111, 116, 111, 99, 111, 108, 124,
  // queue_qos0_messages
  113, 117, 101, 117, 101, 95, 113, 111, 115, 48, 95, 109, 101, 115, 115, 97, 103, 101, 115, 124,
  // retain_available
  114, 101, 116, 97, 105, 110, 95, 97, 118, 97, 105, 108, 97, 98, 108, 101, 124,
  // retained_persistence
  114, 101, 116, 97, 105, 110, 101, 100, 95, 112, 101, 114, 115, 105, 115, 116, 101, 110, 99, 101, 124,
  // set_tcp_nodelay
  115, 101, 116, 95, 116, 99, 112, 95, 110, 111, 100, 101, 108, 97, 121, 124,
  // sys_interval
  115, 121, 115, 95, 105, 110, 116, 101, 114, 118, 97, 108, 124,
  // upgrade_outgoing_qos
  117, 112, 103, 114, 97, 100, 101, 95, 111, 117, 116, 103, 111, 105, 110, 103, 95, 113, 111, 115, 124,
  // user
  117, 115, 101, 114, 0,
]);

export const ALLOW_ANONYMOUS: u32 = 0;
export const ALLOW_ZERO_LENGTH_CLIENTID: u32 = 1;
export const BIND_ADDRESS: u32 = 2;
export const CONNECTION_MESSAGES: u32 = 3;
export const LISTENER: u32 = 4;
export const LOG_DEST: u32 = 5;
export const LOG_TYPE: u32 = 6;
export const MAX_CONNECTIONS: u32 = 7;
export const MAX_INFLIGHT_BYTES: u32 = 8;
export const MAX_INFLIGHT_MESSAGES: u32 = 9;
export const MAX_KEEPALIVE: u32 = 10;
export const MAX_PACKET_SIZE: u32 = 11;
export const MAX_QOS: u32 = 12;
export const MAX_QUEUED_BYTES: u32 = 13;
export const MAX_TOPIC_ALIAS: u32 = 14;
export const MAXIMUM_QOS: u32 = 15;
export const MEMORY_LIMIT: u32 = 16;
export const MESSAGE_SIZE_LIMIT: u32 = 17;
export const PER_LISTENER_SETTINGS: u32 = 18;
export const PERSISTENCE: u32 = 19;
export const PERSISTENT_CLIENT_EXPIRATION: u32 = 20;
export const PID_FILE: u32 = 21;
export const PORT: u32 = 22;
export const PROTOCOL: u32 = 23;
export const QUEUE_QOS0_MESSAGES: u32 = 24;
export const RETAIN_AVAILABLE: u32 = 25;
export const RETAINED_PERSISTENCE: u32 = 26;
export const SET_TCP_NODELAY: u32 = 27;
export const SYS_INTERVAL: u32 = 28;
export const UPGRADE_OUTGOING_QOS: u32 = 29;
export const USER: u32 = 30;
