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
import { beginKeepAlive, setKeepAlive } from "./keep-alive";
import { CONNECTING, ONLINE, server, setState } from "./link";
import { resumeOutbox, startOutboxAnew } from "./outbox";
import { beginReceiving, forgetIncoming } from "./receive";
import { resumeRequests, setFeatures } from "./requests";

/** The Network Connection is there: CONNECT is the first packet on it [MQTT-3.1.0-1]. */
export function beginConnection(): void {
  resetRecipient(server, option(OPTION_PROTOCOL_LEVEL));
  setState(CONNECTING);
  beginKeepAlive(option(OPTION_KEEP_ALIVE_SEC));
  sendConnect();
  beginAuthentication();
}

/** One packet before we are online: CONNACK [MQTT-3.2.0-1], or AUTH on the way to it. Returns 0, CLOSE_REFUSED, or the Reason
 *  Code of what is wrong. */
export function handleFirst(firstByte: u32, body: usize, length: u32): u32 {
  const flags = firstByte & 15;
  if (is5(server.level) && firstByte >> 4 == AUTH) return handleAuth(flags, body, length);
  if (firstByte >> 4 != CONNACK) return PROTOCOL_ERROR;
  const fault = decodeConnack(flags, body, length, server.level);
  if (fault != SUCCESS) return is5(server.level) ? fault : MALFORMED_PACKET;
  if (connack.reasonCode != CONNECTION_ACCEPTED) return CLOSE_REFUSED;
  setState(ONLINE);
  return goOnline();
}

function goOnline(): u32 {
  const sessionPresent = connack.sessionPresent;
  if (is5(server.level)) {
    // There cannot be one of which we have nothing [MQTT-3.2.2-2] [MQTT-3.2.2-4].
    if (sessionPresent && option(OPTION_CLEAN_SESSION) != 0) return PROTOCOL_ERROR;
    const fault = endAuthentication();
    if (fault != SUCCESS) return fault;
    takeProperties();
  }
  resetBackoff();
  // 3.1 does not say. There what is subscribed twice is only replaced, and a Session that was to be kept is taken for kept,
  // since to forget what has arrived could deliver it twice.
  const mayBePresent = server.level == LEVEL_3_1 && option(OPTION_CLEAN_SESSION) == 0;
  if (!sessionPresent && !mayBePresent) forgetIncoming();
  beginReceiving();
  pushEvent(EVENT_ONLINE, CLIENT_CONNECTION, u32(sessionPresent), 0, connack.properties, connack.propertiesLength);
  resumeRequests(sessionPresent);
  // Without the server's half of the Session ours is over [MQTT-3.2.2-5]; but what was to be published still is.
  if (is5(server.level) && !sessionPresent) startOutboxAnew();
  else resumeOutbox();
  return SUCCESS;
}

/** What CONNACK says of the server, or the standard's default where it says nothing (3.2.2.3). */
function takeProperties(): void {
  server.receiveMaximum = valueOr(RECEIVE_MAXIMUM, 65_535);
  server.qosMax = valueOr(MAXIMUM_QOS, 2);
  server.retainAvailable = valueOr(RETAIN_AVAILABLE, 1) != 0;
  server.packetSizeMax = valueOr(MAXIMUM_PACKET_SIZE, u32.MAX_VALUE);
  allowAliases(server, valueOr(TOPIC_ALIAS_MAXIMUM, 0));
  setFeatures(
    (valueOr(WILDCARD_SUBSCRIPTION_AVAILABLE, 1) * FEATURE_WILDCARD) |
      (valueOr(SUBSCRIPTION_IDENTIFIER_AVAILABLE, 1) * FEATURE_SUBSCRIPTION_IDENTIFIER) |
      (valueOr(SHARED_SUBSCRIPTION_AVAILABLE, 1) * FEATURE_SHARED),
  );
  if (hasProperty(SERVER_KEEP_ALIVE)) setKeepAlive(propertyValue(SERVER_KEEP_ALIVE)); // [MQTT-3.1.2-21]
  if (hasProperty(ASSIGNED_CLIENT_IDENTIFIER)) {
    takeAssignedClientId(propertyPtr(ASSIGNED_CLIENT_IDENTIFIER), propertyLength(ASSIGNED_CLIENT_IDENTIFIER));
  }
}

function valueOr(identifier: u32, otherwise: u32): u32 {
  return hasProperty(identifier) ? propertyValue(identifier) : otherwise;
}
