// Who the client is: what goes into CONNECT, as the host has set it; and what it thereby has told the server about itself,
// which the server is held to.

import {
  BAD_ARGUMENT,
  BAD_PROPERTIES,
  BAD_STATE,
  BAD_TOPIC,
  OK,
  OPTION_CLEAN_SESSION,
  OPTION_KEEP_ALIVE_SEC,
  OPTION_PACKET_SIZE_MAX,
  OPTION_PROTOCOL_LEVEL,
  OPTION_WILL_FLAGS,
  TEXT_CLIENT_ID,
  TEXT_CONNECT_PROPERTIES,
  TEXT_PASSWORD,
  TEXT_USER_NAME,
  TEXT_WILL_PAYLOAD,
  TEXT_WILL_PROPERTIES,
  TEXT_WILL_TOPIC,
} from "../abi";
import { duplicate, release } from "../bytes/heap";
import { utf8Valid } from "../bytes/utf8";
import { reserve } from "../effect/send";
import { option } from "../limits";
import { Connect, connect, connectSize, encodeConnect } from "../packet/connect";
import { CONNECT, is5, LEVEL_3_1, LEVEL_3_1_1 } from "../packet/packet-type";
import {
  AUTHENTICATION_METHOD,
  hasProperty,
  MAXIMUM_PACKET_SIZE,
  propertyLength,
  propertyPtr,
  REASON_STRING,
  RECEIVE_MAXIMUM,
  REQUEST_PROBLEM_INFORMATION,
  SESSION_EXPIRY_INTERVAL,
  TOPIC_ALIAS_MAXIMUM,
  USER_PROPERTY,
  WILL,
} from "../packet/property";
import { PROTOCOL_ERROR, SUCCESS } from "../packet/reason-code";
import { topicNameValid } from "../topic/name";
import { connected, IDLE, level, on5, output, state } from "./link";
import { propertiesValid, propertyOr } from "./properties";

@unmanaged
class Text {
  bytes: usize;
  length: u32;
  present: bool;
}

const TEXT_COUNT: u32 = 8;
/** A string or binary field of CONNECT has a two-byte length. Its properties have a longer one, but no more to say. */
const TEXT_MAX: u32 = 65_535;
const texts: usize = memory.data(TEXT_COUNT * 12, 8);

// What TEXT_CONNECT_PROPERTIES says, or the standard where it says nothing.
let receiveMaximum: u32 = 65_535;
let packetSizeMax: u32 = u32.MAX_VALUE;
let topicAliasMaximum: u32 = 0;
let sessionExpirySec: u32 = 0;
/** Request Problem Information is 0. */
let reasonsUnwanted: bool = false;
/** Authentication Method, in the text; 0 for none. */
let method: usize = 0;
let methodLength: u32 = 0;

function text(id: u32): Text {
  return changetype<Text>(texts + id * offsetof<Text>());
}

export function initIdentity(): void {
  if (offsetof<Text>() > 12) ERROR("identity.ts: room for texts");
}

/** Keeps a copy. Not while connecting or connected: the two would differ. But an Authentication Method may want other data for
 *  each connection, so the properties can be set until it is opened. */
export function setText(id: u32, bytes: usize, length: u32): u32 {
  if (id == 0 || id >= TEXT_COUNT || length > TEXT_MAX) return BAD_ARGUMENT;
  if (id == TEXT_CONNECT_PROPERTIES ? connected() : state != IDLE) return BAD_STATE;
  if (id == TEXT_WILL_TOPIC && !topicNameValid(bytes, length)) return BAD_TOPIC;
  if ((id == TEXT_CLIENT_ID || id == TEXT_USER_NAME) && !utf8Valid(bytes, length)) return BAD_ARGUMENT;
  if (id == TEXT_WILL_PROPERTIES && !propertiesValid(bytes, length, WILL)) return BAD_PROPERTIES;
  if (id == TEXT_CONNECT_PROPERTIES && !propertiesValid(bytes, length, CONNECT)) return BAD_PROPERTIES;
  keep(id, bytes, length);
  if (id == TEXT_CONNECT_PROPERTIES) takeOwn(text(id).bytes - bytes);
  return OK;
}

function keep(id: u32, bytes: usize, length: u32): void {
  const kept = text(id);
  if (kept.length > 0) release(kept.bytes, kept.length);
  kept.bytes = duplicate(bytes, length);
  kept.length = length;
  kept.present = true;
}

/** Reads what we say of ourselves. `moved`: from where the properties were decoded to where they are kept. */
function takeOwn(moved: usize): void {
  receiveMaximum = propertyOr(RECEIVE_MAXIMUM, 65_535);
  packetSizeMax = propertyOr(MAXIMUM_PACKET_SIZE, u32.MAX_VALUE);
  topicAliasMaximum = propertyOr(TOPIC_ALIAS_MAXIMUM, 0);
  sessionExpirySec = propertyOr(SESSION_EXPIRY_INTERVAL, 0);
  reasonsUnwanted = propertyOr(REQUEST_PROBLEM_INFORMATION, 1) == 0;
  method = propertyPtr(AUTHENTICATION_METHOD);
  if (method != 0) method += moved;
  methodLength = propertyLength(AUTHENTICATION_METHOD);
}

/** QoS 1 and 2 messages that a 5.0 server may have unfinished on one connection [MQTT-3.3.4-9]. */
export function ownReceiveMaximum(): u32 {
  return receiveMaximum;
}

/** Bytes of the largest packet that the server may send [MQTT-3.1.2-24]. */
export function ownPacketSizeMax(): u32 {
  const most = option(OPTION_PACKET_SIZE_MAX);
  return on5() ? min(most, packetSizeMax) : most;
}

/** Highest Topic Alias that the server may use, 0 for none [MQTT-3.1.2-26]. */
export function ownTopicAliasMaximum(): u32 {
  return topicAliasMaximum;
}

/** Does the Session outlive its connection? */
export function sessionKept(): bool {
  return sessionExpirySec != 0;
}

/** What is wrong with the reasons in the packet decoded last, one other than PUBLISH, CONNACK and DISCONNECT: those give
 *  none to who does not want them [MQTT-3.1.2-29]. Before 5.0 there are none. */
export function reasonsFault(): u32 {
  if (!reasonsUnwanted) return SUCCESS;
  return hasProperty(REASON_STRING) || hasProperty(USER_PROPERTY) ? PROTOCOL_ERROR : SUCCESS;
}

/** Our Authentication Method, with ownMethodLength(); 0 for none. */
export function ownMethod(): usize {
  return method;
}

export function ownMethodLength(): u32 {
  return methodLength;
}

/** The server has named us: that is who we are from now on [MQTT-3.1.3-7]. */
export function takeAssignedClientId(bytes: usize, length: u32): void {
  if (text(TEXT_CLIENT_ID).length == 0) keep(TEXT_CLIENT_ID, bytes, length);
}

/** Is this a CONNECT that a server may accept? */
export function identityValid(): bool {
  const asked = option(OPTION_PROTOCOL_LEVEL);
  if (is5(asked)) return true; // a password without a user name, and a Session without a name, are good from 5.0 on
  if (asked != LEVEL_3_1_1 && asked != LEVEL_3_1) return false;
  if (text(TEXT_PASSWORD).present && !text(TEXT_USER_NAME).present) return false; // [v3.1.1 MQTT-3.1.2-22]
  if (text(TEXT_CLIENT_ID).length > 0) return true;
  // A nameless client has no Session to come back to [v3.1.1 MQTT-3.1.3-7]; in 3.1 there are none.
  return asked != LEVEL_3_1 && option(OPTION_CLEAN_SESSION) != 0;
}

export function sendConnect(): void {
  connect.level = level;
  connect.cleanStart = option(OPTION_CLEAN_SESSION) != 0;
  connect.keepAliveSec = option(OPTION_KEEP_ALIVE_SEC);
  connect.hasUserName = put(TEXT_USER_NAME, offsetof<Connect>("userName"));
  connect.hasPassword = put(TEXT_PASSWORD, offsetof<Connect>("password"));
  const willFlag = put(TEXT_WILL_TOPIC, offsetof<Connect>("willTopic"));
  const willFlags = willFlag ? option(OPTION_WILL_FLAGS) : 0;
  connect.willFlag = willFlag;
  connect.willRetain = (willFlags & 1) != 0;
  connect.willQos = (willFlags >> 1) & 3;
  put(TEXT_WILL_PAYLOAD, offsetof<Connect>("willPayload"));
  put(TEXT_WILL_PROPERTIES, offsetof<Connect>("willProperties"));
  put(TEXT_CONNECT_PROPERTIES, offsetof<Connect>("properties"));
  put(TEXT_CLIENT_ID, offsetof<Connect>("clientId"));
  encodeConnect(reserve(output, connectSize(level)), level);
}

/** Puts a text into `connect`, where a pointer and a length have their places side by side; false when it is not set. */
function put(id: u32, offset: usize): bool {
  if (offsetof<Connect>("clientIdLength") != offsetof<Connect>("clientId") + sizeof<usize>())
    ERROR("connect.ts: Connect");
  const from = text(id);
  const to = changetype<usize>(connect) + offset;
  store<usize>(to, from.bytes);
  store<u32>(to, from.length, sizeof<usize>());
  return from.present;
}
