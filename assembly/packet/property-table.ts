// What the standard says of each property (table 2-4), one row each: its data type and the packets that may carry it.
// A table and the two questions it answers; property.ts reads and writes by it.

// What follows the identifier; the types with a range of their own spare a column.
/** One byte, 0 or 1. */
export const BOOLEAN: u16 = 1;
/** Two Byte Integer. */
export const U16: u16 = 2;
export const U16_NOT_0: u16 = 3;
/** Four Byte Integer. */
export const U32: u16 = 4;
export const U32_NOT_0: u16 = 5;
/** Variable Byte Integer. */
export const VARINT_NOT_0: u16 = 6;
/** UTF-8 Encoded String. */
export const STRING: u16 = 7;
/** Binary Data. */
export const BINARY: u16 = 8;
/** UTF-8 String Pair. */
export const PAIR: u16 = 9;

/** Identifiers in use are below this. */
export const IDENTIFIERS: i32 = 43;

// Sets of packets: bit n is packet type n. Bit 0, no packet's type, is the Will Properties of a CONNECT.
const IN_WILL: u16 = 1 << 0;
const IN_CONNECT: u16 = 1 << 1;
const IN_CONNACK: u16 = 1 << 2;
const IN_PUBLISH: u16 = 1 << 3;
const IN_SUBSCRIBE: u16 = 1 << 8;
const IN_DISCONNECT: u16 = 1 << 14;
const IN_AUTH: u16 = 1 << 15;
const MESSAGE: u16 = IN_PUBLISH | IN_WILL;
const HANDSHAKE: u16 = IN_CONNECT | IN_CONNACK;
const AUTHENTICATION: u16 = HANDSHAKE | IN_AUTH;
/** CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH. */
const ANSWERS: u16 = 0b1100_1010_1111_0100;
/** All but PINGREQ and PINGRESP. */
const ANYWHERE: u16 = 0b1100_1111_1111_1111;

// biome-ignore format: a row per property
const PROPERTIES = memory.data<u16>([
  0, 0,
  BOOLEAN, MESSAGE,                         // 0x01 Payload Format Indicator
  U32, MESSAGE,                             // 0x02 Message Expiry Interval
  STRING, MESSAGE,                          // 0x03 Content Type
  0, 0, 0, 0, 0, 0, 0, 0,
  STRING, MESSAGE,                          // 0x08 Response Topic
  BINARY, MESSAGE,                          // 0x09 Correlation Data
  0, 0,
  VARINT_NOT_0, IN_PUBLISH | IN_SUBSCRIBE,  // 0x0b Subscription Identifier
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  U32, HANDSHAKE | IN_DISCONNECT,           // 0x11 Session Expiry Interval
  STRING, IN_CONNACK,                       // 0x12 Assigned Client Identifier
  U16, IN_CONNACK,                          // 0x13 Server Keep Alive
  0, 0,
  STRING, AUTHENTICATION,                   // 0x15 Authentication Method
  BINARY, AUTHENTICATION,                   // 0x16 Authentication Data
  BOOLEAN, IN_CONNECT,                      // 0x17 Request Problem Information
  U32, IN_WILL,                             // 0x18 Will Delay Interval
  BOOLEAN, IN_CONNECT,                      // 0x19 Request Response Information
  STRING, IN_CONNACK,                       // 0x1a Response Information
  0, 0,
  STRING, IN_CONNACK | IN_DISCONNECT,       // 0x1c Server Reference
  0, 0, 0, 0,
  STRING, ANSWERS,                          // 0x1f Reason String
  0, 0,
  U16_NOT_0, HANDSHAKE,                     // 0x21 Receive Maximum
  U16, HANDSHAKE,                           // 0x22 Topic Alias Maximum
  U16_NOT_0, IN_PUBLISH,                    // 0x23 Topic Alias
  BOOLEAN, IN_CONNACK,                      // 0x24 Maximum QoS
  BOOLEAN, IN_CONNACK,                      // 0x25 Retain Available
  PAIR, ANYWHERE,                           // 0x26 User Property
  U32_NOT_0, HANDSHAKE,                     // 0x27 Maximum Packet Size
  BOOLEAN, IN_CONNACK,                      // 0x28 Wildcard Subscription Available
  BOOLEAN, IN_CONNACK,                      // 0x29 Subscription Identifier Available
  BOOLEAN, IN_CONNACK,                      // 0x2a Shared Subscription Available
]);

/** BOOLEAN .. PAIR; `identifier` below IDENTIFIERS and in use. */
export function propertyType(identifier: u32): u32 {
  return load<u16>(PROPERTIES + (identifier << 2));
}

/** True when `identifier` (any number) is a property that packets of type `packet` may carry; packet 0 is the Will
 *  Properties. */
export function propertyAllowedIn(identifier: u32, packet: u32): bool {
  return identifier < <u32>IDENTIFIERS && ((<u32>load<u16>(PROPERTIES + (identifier << 2), 2) >> packet) & 1) != 0;
}
