// Who the client is: what goes into CONNECT, as the host has set it.

import {
  BAD_ARGUMENT,
  BAD_STATE,
  BAD_TOPIC,
  OK,
  OPTION_CLEAN_SESSION,
  OPTION_KEEP_ALIVE_SEC,
  OPTION_PROTOCOL_LEVEL,
  OPTION_WILL_FLAGS,
  TEXT_CLIENT_ID,
  TEXT_PASSWORD,
  TEXT_USER_NAME,
  TEXT_WILL_PAYLOAD,
  TEXT_WILL_TOPIC,
} from "../abi";
import { duplicate, release } from "../bytes/heap";
import { utf8Valid } from "../bytes/utf8";
import { reserve } from "../effect/send";
import { option } from "../limits";
import { connect, connectSize, encodeConnect } from "../packet/connect";
import { LEVEL_3_1, LEVEL_5_0 } from "../packet/packet-type";
import { topicNameValid } from "../topic/name";
import { IDLE, link } from "./link";

@unmanaged
class Text {
  bytes: usize;
  length: u32;
  present: bool;
}

const TEXT_COUNT: u32 = 6;
/** A string or binary field of CONNECT has a two-byte length. */
const TEXT_MAX: u32 = 65_535;
const texts: usize = memory.data(TEXT_COUNT * 12, 8);

function text(id: u32): Text {
  return changetype<Text>(texts + id * offsetof<Text>());
}

export function initIdentity(): void {
  if (offsetof<Text>() > 12) ERROR("identity.ts: room for texts");
}

/** Keeps a copy. Not while connecting or connected: the two would differ. */
export function setText(id: u32, bytes: usize, length: u32): u32 {
  if (id == 0 || id >= TEXT_COUNT || length > TEXT_MAX) return BAD_ARGUMENT;
  if (link.state != IDLE) return BAD_STATE;
  if (id == TEXT_WILL_TOPIC && !topicNameValid(bytes, length)) return BAD_TOPIC;
  if ((id == TEXT_CLIENT_ID || id == TEXT_USER_NAME) && !utf8Valid(bytes, length)) return BAD_ARGUMENT;
  const kept = text(id);
  if (kept.length > 0) release(kept.bytes, kept.length);
  kept.bytes = duplicate(bytes, length);
  kept.length = length;
  kept.present = true;
  return OK;
}

/** Is this a CONNECT that a server may accept? */
export function identityValid(): bool {
  if (option(OPTION_PROTOCOL_LEVEL) != LEVEL_5_0) {
    if (text(TEXT_PASSWORD).present && !text(TEXT_USER_NAME).present) return false; // [v3.1.1 MQTT-3.1.2-22]
  }
  if (text(TEXT_CLIENT_ID).length > 0) return true;
  // A nameless client has no Session to come back to [v3.1.1 MQTT-3.1.3-7]; in 3.1 there are none.
  return option(OPTION_PROTOCOL_LEVEL) != LEVEL_3_1 && option(OPTION_CLEAN_SESSION) != 0;
}

export function sendConnect(): void {
  connect.level = link.level;
  connect.cleanStart = option(OPTION_CLEAN_SESSION) != 0;
  connect.keepAliveSec = option(OPTION_KEEP_ALIVE_SEC);
  const clientId = text(TEXT_CLIENT_ID);
  connect.clientId = clientId.bytes;
  connect.clientIdLength = clientId.length;
  const userName = text(TEXT_USER_NAME);
  connect.hasUserName = userName.present;
  connect.userName = userName.bytes;
  connect.userNameLength = userName.length;
  const password = text(TEXT_PASSWORD);
  connect.hasPassword = password.present;
  connect.password = password.bytes;
  connect.passwordLength = password.length;
  const willTopic = text(TEXT_WILL_TOPIC);
  const willPayload = text(TEXT_WILL_PAYLOAD);
  const willFlags = option(OPTION_WILL_FLAGS);
  connect.willFlag = willTopic.present;
  connect.willRetain = willTopic.present && (willFlags & 1) != 0;
  connect.willQos = willTopic.present ? (willFlags >> 1) & 3 : 0;
  connect.willTopic = willTopic.bytes;
  connect.willTopicLength = willTopic.length;
  connect.willPayload = willPayload.bytes;
  connect.willPayloadLength = willPayload.length;
  encodeConnect(reserve(link.output, connectSize(link.level)), link.level);
}
