// The fifteen Control Packet types, the three Protocol Levels, and what the first byte of a packet may be. Tables, no
// state. Whether a packet may come now is not known here; only whether that end may send such a packet at all.

import { WITH_5_0 } from "../features";

export const CONNECT: u32 = 1;
export const CONNACK: u32 = 2;
export const PUBLISH: u32 = 3;
export const PUBACK: u32 = 4;
export const PUBREC: u32 = 5;
export const PUBREL: u32 = 6;
export const PUBCOMP: u32 = 7;
export const SUBSCRIBE: u32 = 8;
export const SUBACK: u32 = 9;
export const UNSUBSCRIBE: u32 = 10;
export const UNSUBACK: u32 = 11;
export const PINGREQ: u32 = 12;
export const PINGRESP: u32 = 13;
export const DISCONNECT: u32 = 14;
export const AUTH: u32 = 15;

/** MQTT 3.1, Protocol Name "MQIsdp". */
export const LEVEL_3_1: u32 = 3;
/** MQTT 3.1.1, Protocol Name "MQTT". */
export const LEVEL_3_1_1: u32 = 4;
/** MQTT 5.0, Protocol Name "MQTT". */
export const LEVEL_5_0: u32 = 5;

/** Is this 5.0? Never, and known when compiling, in a build without it. */
export function is5(level: u32): bool {
  return WITH_5_0 && level == LEVEL_5_0;
}

/** Bits 3-0 of the first byte by type; PUBLISH (3) has its own table. [MQTT-2.1.3-1] [v3.1.1 MQTT-2.2.2-1] */
const REQUIRED_FLAGS = memory.data<u8>([0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0]);

/** Flags that a 3.1 receiver does not look at: all, but the QoS of 1 in PUBREL, SUBSCRIBE and UNSUBSCRIBE (3.1
 *  sections 2.1, 3.6, 3.8). */
const UNUSED_FLAGS_3_1 = memory.data<u8>([0, 15, 15, 0, 15, 15, 9, 15, 9, 15, 9, 15, 15, 15, 15, 0]);

/** One bit for each value of the flags DUP QoS QoS RETAIN: QoS 0 without DUP [MQTT-3.3.1-2], QoS 1 and 2; never QoS
 *  3 [MQTT-3.3.1-4]. */
const PUBLISH_FLAGS: u32 = 0b0011_1100_0011_1111;

/** One bit for each type. AUTH is the client's too, and DISCONNECT and AUTH the server's, at 5.0 alone. */
const SENT_BY_CLIENT: u32 = 0b0101_0101_1111_1010;
const SENT_BY_SERVER: u32 = 0b0010_1010_1111_1100;
const SENT_BY_CLIENT_5_0: u32 = SENT_BY_CLIENT | 0b1000_0000_0000_0000;
const SENT_BY_SERVER_5_0: u32 = SENT_BY_SERVER | 0b1100_0000_0000_0000;

/** True when the first byte of a packet is one that `level` knows: a type other than 0, and its flags. If not:
 *  Malformed Packet. */
export function headerFlagsValid(firstByte: u32, level: u32): bool {
  const type = firstByte >> 4;
  const flags = firstByte & 15;
  if (type == PUBLISH) return publishFlagsValid(flags);
  if (type == 0 || (type == AUTH && !is5(level))) return false;
  const unused = level == LEVEL_3_1 ? <u32>load<u8>(UNUSED_FLAGS_3_1 + type) : 0;
  return (flags | unused) == (requiredFlags(type) | unused);
}

/** True when the flags DUP QoS QoS RETAIN (0..15) of a PUBLISH are possible ones. */
export function publishFlagsValid(flags: u32): bool {
  return ((PUBLISH_FLAGS >> flags) & 1) != 0;
}

/** The flags to send with a packet of this type, PUBLISH apart. */
export function requiredFlags(type: u32): u32 {
  return <u32>load<u8>(REQUIRED_FLAGS + type);
}

/** True when a client may send packets of `type` (0..15) at `level`. */
export function sentByClient(type: u32, level: u32): bool {
  return (((is5(level) ? SENT_BY_CLIENT_5_0 : SENT_BY_CLIENT) >> type) & 1) != 0;
}

/** True when a server may send packets of `type` (0..15) at `level`. */
export function sentByServer(type: u32, level: u32): bool {
  return (((is5(level) ? SENT_BY_SERVER_5_0 : SENT_BY_SERVER) >> type) & 1) != 0;
}
