// CONNECT (section 3.1): the one packet that states its own Protocol Level. Decode on top, encode below. Knows the
// bytes, not the policy: which Client Identifiers, users and Keep Alives are welcome is connection.ts's to say.
// decodeConnect returns SUCCESS or a Reason Code; with UNSUPPORTED_PROTOCOL_VERSION, `connect.level` tells in which
// form to answer.
import {
  readBinary,
  readerAt,
  readerFailed,
  readerLeft,
  readerStart,
  readLength,
  readString,
  readU8,
  readU16,
} from "../bytes/reader";
import { writeBinary, writerAt, writeU8, writeU16 } from "../bytes/writer";
import { topicNameValid } from "../topic/name";
import { binarySize, packetSize, propertiesSize, startPacket } from "./fixed-header";
import { CONNECT, headerFlagsValid, is5, LEVEL_3_1, LEVEL_3_1_1 } from "./packet-type";
import {
  decodePropertiesAtLevel,
  propertiesEnd,
  propertiesLength,
  propertiesPtr,
  WILL,
  writeProperties,
} from "./property";
import { MALFORMED_PACKET, SUCCESS, TOPIC_NAME_INVALID, UNSUPPORTED_PROTOCOL_VERSION } from "./reason-code";

/** A decoded CONNECT, or one to encode. Pointers lead into the input; a part that is absent has pointer 0 and length
 *  0. */
@unmanaged
export class Connect {
  /** LEVEL_3_1, LEVEL_3_1_1 or LEVEL_5_0; after UNSUPPORTED_PROTOCOL_VERSION the level asked for, or 0 with an
   *  unknown name. */
  level: u32;
  /** The Protocol Name is one of MQTT's, whatever the level: an answer would be understood. */
  nameKnown: bool;
  /** It is a mosquitto bridge of 3.1 or 3.1.1; never set when encoding. */
  isBridge: bool;
  /** Clean Session in 3.x, Clean Start in 5.0. */
  cleanStart: bool;
  willFlag: bool;
  willRetain: bool;
  hasUserName: bool;
  hasPassword: bool;
  /** 0..2; 0 without a Will. */
  willQos: u32;
  /** Seconds, 0..65,535; 0 turns the Keep Alive off. */
  keepAliveSec: u32;
  clientId: usize;
  clientIdLength: u32;
  willTopic: usize;
  willTopicLength: u32;
  willPayload: usize;
  willPayloadLength: u32;
  userName: usize;
  userNameLength: u32;
  password: usize;
  passwordLength: u32;
  /** Raw property bytes behind their length; 5.0 only. */
  properties: usize;
  propertiesLength: u32;
  willProperties: usize;
  willPropertiesLength: u32;
}

export const connect = changetype<Connect>(memory.data(offsetof<Connect>(), 8));

// Connect Flags, figure 3-4:  user name | password | will retain | will QoS (2) | will | clean start | reserved
const USER_NAME_FLAG: u32 = 0x80;
const PASSWORD_FLAG: u32 = 0x40;
const WILL_RETAIN_FLAG: u32 = 0x20;
const WILL_QOS_SHIFT: u32 = 3;
const WILL_FLAG: u32 = 0x04;
const CLEAN_START_FLAG: u32 = 0x02;
const RESERVED_FLAG: u32 = 0x01;
const WILL_PARTS: u32 = 0x38;

/** mosquitto's bridges set this bit of the Protocol Level before 5.0: do not send me what comes from me. */
const BRIDGE_BIT: u32 = 0x80;

const MQTT = memory.data<u8>([0x4d, 0x51, 0x54, 0x54]);
const MQISDP = memory.data<u8>([0x4d, 0x51, 0x49, 0x73, 0x64, 0x70]);

/** Decodes the body of a CONNECT into `connect` (and the property lists of property.ts). `flags`: bits 3-0 of the
 *  first byte. */
export function decodeConnect(flags: u32, body: usize, length: u32): u32 {
  memory.fill(changetype<usize>(connect), 0, offsetof<Connect>());
  const end = body + length;
  readerStart(body, end);
  const name = readBinary();
  const nameLength = readLength;
  const level = readU8();
  if (readerFailed()) return MALFORMED_PACKET;
  const code = decodeLevel(name, nameLength, level);
  if (code != SUCCESS) return code;
  if (!headerFlagsValid((CONNECT << 4) | flags, connect.level)) return MALFORMED_PACKET;
  const connectFlags = readU8();
  connect.keepAliveSec = readU16();
  if (readerFailed() || !decodeFlags(connectFlags)) return MALFORMED_PACKET;
  const propertiesCode = decodePropertiesAtLevel(readerAt(), end, CONNECT, connect.level);
  if (propertiesCode != SUCCESS) return propertiesCode;
  connect.properties = propertiesPtr;
  connect.propertiesLength = propertiesLength;
  readerStart(propertiesEnd, end);
  connect.clientId = readString(); // [MQTT-3.1.3-4]
  connect.clientIdLength = readLength;
  if (readerFailed()) return MALFORMED_PACKET;
  if (connect.willFlag) {
    const code = decodeWill(end);
    if (code != SUCCESS) return code;
  }
  return decodeCredentials();
}

/** Sets connect.nameKnown, and connect.level when the name is known, supported or not. */
function decodeLevel(name: usize, nameLength: u32, level: u32): u32 {
  if (nameLength == 4 && memory.compare(name, MQTT, 4) == 0) {
    connect.nameKnown = true;
    connect.level = takeBridgeBit(level, LEVEL_3_1_1);
    return connect.level == LEVEL_3_1_1 || is5(level) ? SUCCESS : UNSUPPORTED_PROTOCOL_VERSION; // [MQTT-3.1.2-2]
  }
  if (nameLength == 6 && memory.compare(name, MQISDP, 6) == 0) {
    connect.nameKnown = true;
    connect.level = takeBridgeBit(level, LEVEL_3_1);
    return connect.level == LEVEL_3_1 ? SUCCESS : UNSUPPORTED_PROTOCOL_VERSION;
  }
  return UNSUPPORTED_PROTOCOL_VERSION; // [MQTT-3.1.2-1]
}

/** The level without mosquitto's mark of a bridge, when it is that of `bridgeLevel`. */
function takeBridgeBit(level: u32, bridgeLevel: u32): u32 {
  connect.isBridge = level == (bridgeLevel | BRIDGE_BIT);
  return connect.isBridge ? bridgeLevel : level;
}

/** Takes the Connect Flags apart; false when they contradict each other at this level. */
function decodeFlags(flags: u32): bool {
  const level = connect.level;
  if (level == LEVEL_3_1) {
    // 3.1 disregards the reserved bit, and QoS and RETAIN of a Will that is not there.
    if (!(flags & WILL_FLAG)) flags &= ~WILL_PARTS;
  } else if (flags & RESERVED_FLAG) {
    return false; // [MQTT-3.1.2-3]
  }
  connect.cleanStart = (flags & CLEAN_START_FLAG) != 0;
  connect.willFlag = (flags & WILL_FLAG) != 0;
  connect.willQos = (flags >> WILL_QOS_SHIFT) & 3;
  connect.willRetain = (flags & WILL_RETAIN_FLAG) != 0;
  connect.hasUserName = (flags & USER_NAME_FLAG) != 0;
  connect.hasPassword = (flags & PASSWORD_FLAG) != 0;
  if (connect.willQos == 3) return false; // [MQTT-3.1.2-12]
  if (!connect.willFlag && flags & WILL_PARTS) return false; // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  return is5(level) || connect.hasUserName || !connect.hasPassword; // [v3.1.1 MQTT-3.1.2-22]
}

/** Will Properties, Will Topic and Will Payload, in this order [MQTT-3.1.3-1]. */
function decodeWill(end: usize): u32 {
  const code = decodePropertiesAtLevel(readerAt(), end, WILL, connect.level);
  if (code != SUCCESS) return code;
  connect.willProperties = propertiesPtr;
  connect.willPropertiesLength = propertiesLength;
  readerStart(propertiesEnd, end);
  connect.willTopic = readString(); // [MQTT-3.1.3-11]
  connect.willTopicLength = readLength;
  connect.willPayload = readBinary();
  connect.willPayloadLength = readLength;
  if (readerFailed()) return MALFORMED_PACKET;
  return topicNameValid(connect.willTopic, connect.willTopicLength) ? SUCCESS : TOPIC_NAME_INVALID;
}

/** User Name and Password, the last of the packet. */
function decodeCredentials(): u32 {
  // In 3.1 the Remaining Length decides, not the flags: older devices set them and send nothing (3.1 section 3.1).
  if (connect.level == LEVEL_3_1 && readerLeft() == 0) connect.hasUserName = false;
  if (connect.hasUserName) {
    connect.userName = readString(); // [MQTT-3.1.3-12]
    connect.userNameLength = readLength;
  }
  if (connect.level == LEVEL_3_1 && readerLeft() == 0) connect.hasPassword = false;
  if (connect.hasPassword) {
    connect.password = readBinary();
    connect.passwordLength = readLength;
  }
  return readerFailed() || readerLeft() > 0 ? MALFORMED_PACKET : SUCCESS;
}

/** Bytes of the packet that encodeConnect will write at `level`. */
export function connectSize(level: u32): u32 {
  return packetSize(remainingLength(level));
}

/** Writes `connect` as a CONNECT of `level` at `at`; returns the end. Room for connectSize(level) bytes is the
 *  caller's. */
export function encodeConnect(at: usize, level: u32): usize {
  startPacket(at, CONNECT << 4, remainingLength(level));
  if (level == LEVEL_3_1) writeBinary(MQISDP, 6);
  else writeBinary(MQTT, 4);
  writeU8(level);
  writeU8(encodeFlags());
  writeU16(connect.keepAliveSec);
  if (is5(level)) writeProperties(connect.properties, connect.propertiesLength);
  writeBinary(connect.clientId, connect.clientIdLength);
  if (connect.willFlag) {
    if (is5(level)) writeProperties(connect.willProperties, connect.willPropertiesLength);
    writeBinary(connect.willTopic, connect.willTopicLength);
    writeBinary(connect.willPayload, connect.willPayloadLength);
  }
  if (connect.hasUserName) writeBinary(connect.userName, connect.userNameLength);
  if (connect.hasPassword) writeBinary(connect.password, connect.passwordLength);
  return writerAt();
}

function remainingLength(level: u32): u32 {
  let length: u32 = binarySize(level == LEVEL_3_1 ? 6 : 4) + 1 + 1 + 2;
  length += propertiesSize(connect.propertiesLength, level) + binarySize(connect.clientIdLength);
  if (connect.willFlag) {
    length += propertiesSize(connect.willPropertiesLength, level);
    length += binarySize(connect.willTopicLength) + binarySize(connect.willPayloadLength);
  }
  if (connect.hasUserName) length += binarySize(connect.userNameLength);
  if (connect.hasPassword) length += binarySize(connect.passwordLength);
  return length;
}

function encodeFlags(): u32 {
  let flags = connect.cleanStart ? CLEAN_START_FLAG : 0;
  if (connect.willFlag)
    flags |= WILL_FLAG | (connect.willQos << WILL_QOS_SHIFT) | (connect.willRetain ? WILL_RETAIN_FLAG : 0);
  if (connect.hasUserName) flags |= USER_NAME_FLAG;
  if (connect.hasPassword) flags |= PASSWORD_FLAG;
  return flags;
}
