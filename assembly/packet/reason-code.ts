// Reason Codes of 5.0 (section 2.4), the return codes of 3.1 and 3.1.1, and which of them each packet may carry. Inside
// the core a decode returns SUCCESS or one of these for every level; only connection.ts and client.ts make an answer of
// it.

export const SUCCESS: u32 = 0x00;
/** In DISCONNECT the name of 0x00; the Will is not published. */
export const NORMAL_DISCONNECTION: u32 = 0x00;
export const GRANTED_QOS_0: u32 = 0x00;
export const GRANTED_QOS_1: u32 = 0x01;
export const GRANTED_QOS_2: u32 = 0x02;
export const DISCONNECT_WITH_WILL_MESSAGE: u32 = 0x04;
export const NO_MATCHING_SUBSCRIBERS: u32 = 0x10;
export const NO_SUBSCRIPTION_EXISTED: u32 = 0x11;
export const CONTINUE_AUTHENTICATION: u32 = 0x18;
export const RE_AUTHENTICATE: u32 = 0x19;
export const UNSPECIFIED_ERROR: u32 = 0x80;
export const MALFORMED_PACKET: u32 = 0x81;
export const PROTOCOL_ERROR: u32 = 0x82;
export const IMPLEMENTATION_SPECIFIC_ERROR: u32 = 0x83;
export const UNSUPPORTED_PROTOCOL_VERSION: u32 = 0x84;
export const CLIENT_IDENTIFIER_NOT_VALID: u32 = 0x85;
export const BAD_USER_NAME_OR_PASSWORD: u32 = 0x86;
export const NOT_AUTHORIZED: u32 = 0x87;
export const SERVER_UNAVAILABLE: u32 = 0x88;
export const SERVER_BUSY: u32 = 0x89;
export const BANNED: u32 = 0x8a;
export const SERVER_SHUTTING_DOWN: u32 = 0x8b;
export const BAD_AUTHENTICATION_METHOD: u32 = 0x8c;
export const KEEP_ALIVE_TIMEOUT: u32 = 0x8d;
export const SESSION_TAKEN_OVER: u32 = 0x8e;
export const TOPIC_FILTER_INVALID: u32 = 0x8f;
export const TOPIC_NAME_INVALID: u32 = 0x90;
export const PACKET_IDENTIFIER_IN_USE: u32 = 0x91;
export const PACKET_IDENTIFIER_NOT_FOUND: u32 = 0x92;
export const RECEIVE_MAXIMUM_EXCEEDED: u32 = 0x93;
export const TOPIC_ALIAS_INVALID: u32 = 0x94;
export const PACKET_TOO_LARGE: u32 = 0x95;
export const MESSAGE_RATE_TOO_HIGH: u32 = 0x96;
export const QUOTA_EXCEEDED: u32 = 0x97;
export const ADMINISTRATIVE_ACTION: u32 = 0x98;
export const PAYLOAD_FORMAT_INVALID: u32 = 0x99;
export const RETAIN_NOT_SUPPORTED: u32 = 0x9a;
export const QOS_NOT_SUPPORTED: u32 = 0x9b;
export const USE_ANOTHER_SERVER: u32 = 0x9c;
export const SERVER_MOVED: u32 = 0x9d;
export const SHARED_SUBSCRIPTIONS_NOT_SUPPORTED: u32 = 0x9e;
export const CONNECTION_RATE_EXCEEDED: u32 = 0x9f;
export const MAXIMUM_CONNECT_TIME: u32 = 0xa0;
export const SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED: u32 = 0xa1;
export const WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED: u32 = 0xa2;

/** CONNACK of 3.1 and 3.1.1 (table 3.1 of 3.1.1). */
export const CONNECTION_ACCEPTED: u32 = 0;
export const REFUSED_PROTOCOL_VERSION: u32 = 1;
export const REFUSED_IDENTIFIER: u32 = 2;
export const REFUSED_SERVER_UNAVAILABLE: u32 = 3;
export const REFUSED_CREDENTIALS: u32 = 4;
export const REFUSED_NOT_AUTHORISED: u32 = 5;

/** SUBACK of 3.1.1. */
export const SUBSCRIPTION_FAILURE: u32 = 0x80;

// One bit for each packet in which a code may stand. PUBACK and PUBREC share a row of the standard's tables, as do
// PUBREL and PUBCOMP.
const IN_CONNACK: u8 = 1;
const IN_PUBACK: u8 = 2;
const IN_PUBREL: u8 = 4;
const IN_SUBACK: u8 = 8;
const IN_UNSUBACK: u8 = 16;
const IN_DISCONNECT: u8 = 32;
const IN_AUTH: u8 = 64;

/** Packet type -> its bit; 0 for the packets without a Reason Code. */
// biome-ignore format: four types a row
const PACKET_BIT = memory.data<u8>([
  0, 0, IN_CONNACK, 0,
  IN_PUBACK, IN_PUBACK, IN_PUBREL, IN_PUBREL,
  0, IN_SUBACK, 0, IN_UNSUBACK,
  0, 0, IN_DISCONNECT, IN_AUTH,
]);

/** Codes 0x00..0x19. */
// biome-ignore format: a row per code in use
const ALLOWED_BELOW_0X1A = memory.data<u8>([
  IN_CONNACK | IN_PUBACK | IN_PUBREL | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT | IN_AUTH, // 0x00
  IN_SUBACK, // 0x01
  IN_SUBACK, // 0x02
  0,
  IN_DISCONNECT, // 0x04
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  IN_PUBACK, // 0x10
  IN_UNSUBACK, // 0x11
  0, 0, 0, 0, 0, 0,
  IN_AUTH, // 0x18
  IN_AUTH, // 0x19
]);

/** Codes 0x80..0xa2. */
const ALLOWED_FROM_0X80 = memory.data<u8>([
  IN_CONNACK | IN_PUBACK | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT, // 0x80
  IN_CONNACK | IN_DISCONNECT, // 0x81
  IN_CONNACK | IN_DISCONNECT, // 0x82
  IN_CONNACK | IN_PUBACK | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT, // 0x83
  IN_CONNACK, // 0x84
  IN_CONNACK, // 0x85
  IN_CONNACK, // 0x86
  IN_CONNACK | IN_PUBACK | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT, // 0x87
  IN_CONNACK, // 0x88
  IN_CONNACK | IN_DISCONNECT, // 0x89
  IN_CONNACK, // 0x8a
  IN_DISCONNECT, // 0x8b
  IN_CONNACK | IN_DISCONNECT, // 0x8c: in DISCONNECT by table 2-6; table 3-10 leaves it out
  IN_DISCONNECT, // 0x8d
  IN_DISCONNECT, // 0x8e
  IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT, // 0x8f
  IN_CONNACK | IN_PUBACK | IN_DISCONNECT, // 0x90
  IN_PUBACK | IN_SUBACK | IN_UNSUBACK, // 0x91
  IN_PUBREL, // 0x92
  IN_DISCONNECT, // 0x93
  IN_DISCONNECT, // 0x94
  IN_CONNACK | IN_DISCONNECT, // 0x95
  IN_DISCONNECT, // 0x96
  IN_CONNACK | IN_PUBACK | IN_SUBACK | IN_DISCONNECT, // 0x97
  IN_DISCONNECT, // 0x98
  IN_CONNACK | IN_PUBACK | IN_DISCONNECT, // 0x99
  IN_CONNACK | IN_DISCONNECT, // 0x9a
  IN_CONNACK | IN_DISCONNECT, // 0x9b
  IN_CONNACK | IN_DISCONNECT, // 0x9c
  IN_CONNACK | IN_DISCONNECT, // 0x9d
  IN_SUBACK | IN_DISCONNECT, // 0x9e
  IN_CONNACK | IN_DISCONNECT, // 0x9f
  IN_DISCONNECT, // 0xa0
  IN_SUBACK | IN_DISCONNECT, // 0xa1
  IN_SUBACK | IN_DISCONNECT, // 0xa2
]);

/** True when 5.0 lets a packet of `type` carry `reasonCode` (0..255). If not, what decodes it answers with
 *  PROTOCOL_ERROR: such a packet can be parsed but contains what the protocol does not allow (section 1.2). */
export function reasonCodeValid(reasonCode: u32, type: u32): bool {
  let allowed: u8 = 0;
  if (reasonCode < 0x1a) allowed = load<u8>(ALLOWED_BELOW_0X1A + reasonCode);
  else if (reasonCode - 0x80 < 0x23) allowed = load<u8>(ALLOWED_FROM_0X80 + reasonCode - 0x80);
  return (allowed & load<u8>(PACKET_BIT + type)) != 0;
}
