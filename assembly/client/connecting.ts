// From CONNECT to CONNACK: what is sent and taken before the client is online, and what CONNACK makes of the connection.

import {
  CLIENT_CONNECTION,
  CLOSE_REFUSED,
  EVENT_ONLINE,
  FEATURE_SHARED,
  FEATURE_SUBSCRIPTION_IDENTIFIER,
  FEATURE_WILDCARD,
  OPTION_CLEAN_SESSION,
  OPTION_KEEP_ALIVE_SEC,
  OPTION_PROTOCOL_LEVEL,
} from "../abi";
import { nowMs } from "../effect/clock";
import { pushEvent } from "../effect/event";
import { option } from "../limits";
import { connack, decodeConnack } from "../packet/connack";
import { AUTH, CONNACK, is5, LEVEL_3_1 } from "../packet/packet-type";
import {
  ASSIGNED_CLIENT_IDENTIFIER,
  hasProperty,
  MAXIMUM_PACKET_SIZE,
  MAXIMUM_QOS,
  propertyLength,
  propertyPtr,
  propertyValue,
  RECEIVE_MAXIMUM,
  RETAIN_AVAILABLE,
  SERVER_KEEP_ALIVE,
  SHARED_SUBSCRIPTION_AVAILABLE,
  SUBSCRIPTION_IDENTIFIER_AVAILABLE,
  TOPIC_ALIAS_MAXIMUM,
  WILDCARD_SUBSCRIPTION_AVAILABLE,
} from "../packet/property";
import { CONNECTION_ACCEPTED, MALFORMED_PACKET, PROTOCOL_ERROR, SUCCESS } from "../packet/reason-code";
import { allowAliases, resetRecipient } from "../session/recipient";
import { beginAuthentication, endAuthentication, handleAuth } from "./authentication";
import { resetBackoff } from "./backoff";
import { sendConnect, takeAssignedClientId } from "./identity";
import { CONNECTING, link, ONLINE } from "./link";
import { resumeOutbox, startOutboxAnew } from "./outbox";
import { beginReceiving, forgetIncoming } from "./receive";
import { resumeRequests } from "./requests";

/** The Network Connection is there: CONNECT is the first packet on it [MQTT-3.1.0-1]. */
export function beginConnection(): void {
  resetRecipient(link, option(OPTION_PROTOCOL_LEVEL));
  link.state = CONNECTING;
  link.lastHeardMs = nowMs;
  link.pingSentMs = 0;
  link.keepAliveSec = option(OPTION_KEEP_ALIVE_SEC);
  link.features = FEATURE_WILDCARD | FEATURE_SUBSCRIPTION_IDENTIFIER | FEATURE_SHARED;
  sendConnect();
  beginAuthentication();
}

/** One packet before we are online: CONNACK [MQTT-3.2.0-1], or AUTH on the way to it. Returns 0, CLOSE_REFUSED, or the Reason
 *  Code of what is wrong. */
export function handleFirst(firstByte: u32, body: usize, length: u32): u32 {
  const flags = firstByte & 15;
  if (is5(link.level) && firstByte >> 4 == AUTH) return handleAuth(flags, body, length);
  if (firstByte >> 4 != CONNACK) return PROTOCOL_ERROR;
  const fault = decodeConnack(flags, body, length, link.level);
  if (fault != SUCCESS) return is5(link.level) ? fault : MALFORMED_PACKET;
  if (connack.reasonCode != CONNECTION_ACCEPTED) return CLOSE_REFUSED;
  link.state = ONLINE;
  return goOnline();
}

function goOnline(): u32 {
  const sessionPresent = connack.sessionPresent;
  if (is5(link.level)) {
    // There cannot be one of which we have nothing [MQTT-3.2.2-2] [MQTT-3.2.2-4].
    if (sessionPresent && option(OPTION_CLEAN_SESSION) != 0) return PROTOCOL_ERROR;
    const fault = endAuthentication();
    if (fault != SUCCESS) return fault;
    takeProperties();
  }
  resetBackoff();
  // 3.1 does not say. There what is subscribed twice is only replaced, and a Session that was to be kept is taken for kept,
  // since to forget what has arrived could deliver it twice.
  const mayBePresent = link.level == LEVEL_3_1 && option(OPTION_CLEAN_SESSION) == 0;
  if (!sessionPresent && !mayBePresent) forgetIncoming();
  beginReceiving();
  pushEvent(EVENT_ONLINE, CLIENT_CONNECTION, u32(sessionPresent), 0, connack.properties, connack.propertiesLength);
  resumeRequests(sessionPresent);
  // Without the server's half of the Session ours is over [MQTT-3.2.2-5]; but what was to be published still is.
  if (is5(link.level) && !sessionPresent) startOutboxAnew();
  else resumeOutbox();
  return SUCCESS;
}

/** What CONNACK says that is not the standard's default (3.2.2.3). */
function takeProperties(): void {
  if (hasProperty(RECEIVE_MAXIMUM)) link.receiveMaximum = propertyValue(RECEIVE_MAXIMUM);
  if (hasProperty(MAXIMUM_QOS)) link.qosMax = propertyValue(MAXIMUM_QOS);
  link.retainAvailable = has(RETAIN_AVAILABLE);
  if (hasProperty(MAXIMUM_PACKET_SIZE)) link.packetSizeMax = propertyValue(MAXIMUM_PACKET_SIZE);
  if (hasProperty(SERVER_KEEP_ALIVE)) link.keepAliveSec = propertyValue(SERVER_KEEP_ALIVE); // [MQTT-3.1.2-21]
  if (hasProperty(ASSIGNED_CLIENT_IDENTIFIER)) {
    takeAssignedClientId(propertyPtr(ASSIGNED_CLIENT_IDENTIFIER), propertyLength(ASSIGNED_CLIENT_IDENTIFIER));
  }
  if (!has(WILDCARD_SUBSCRIPTION_AVAILABLE)) link.features &= ~FEATURE_WILDCARD;
  if (!has(SUBSCRIPTION_IDENTIFIER_AVAILABLE)) link.features &= ~FEATURE_SUBSCRIPTION_IDENTIFIER;
  if (!has(SHARED_SUBSCRIPTION_AVAILABLE)) link.features &= ~FEATURE_SHARED;
  allowAliases(link, propertyValue(TOPIC_ALIAS_MAXIMUM)); // 0 when it is absent
}

/** One of the properties that say 0 where the server lacks something. */
function has(identifier: u32): bool {
  return !hasProperty(identifier) || propertyValue(identifier) != 0;
}
