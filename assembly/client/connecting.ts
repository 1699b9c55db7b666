// From CONNECT to CONNACK: what is sent and taken before the client is online, and what CONNACK makes of the connection.

import {
  CLIENT_CONNECTION,
  CLOSE_PACKET_SIZE,
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
import { AUTH, CONNACK, LEVEL_3_1 } from "../packet/packet-type";
import {
  ASSIGNED_CLIENT_IDENTIFIER,
  clearProperties,
  hasProperty,
  MAXIMUM_PACKET_SIZE,
  MAXIMUM_QOS,
  propertiesLength,
  propertiesPtr,
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
import {
  CONNECTION_ACCEPTED,
  MALFORMED_PACKET,
  PROTOCOL_ERROR,
  REFUSED_PROTOCOL_VERSION,
  SUCCESS,
  UNSUPPORTED_PROTOCOL_VERSION,
} from "../packet/reason-code";
import { allowAliases } from "../session/recipient";
import { beginAuthentication, endAuthentication, handleAuth } from "./authentication";
import { resetBackoff } from "./backoff";
import { sendConnect, takeAssignedClientId } from "./identity";
import { beginKeepAlive, setKeepAlive } from "./keep-alive";
import { CONNECTING, level, ONLINE, on5, resetServer, server, setState } from "./link";
import { resumeOutbox, startOutboxAnew } from "./outbox";
import { propertyOr } from "./properties";
import { beginReceiving, forgetIncoming } from "./receive";
import { resumeRequests, setFeatures } from "./requests";

/** Bytes of an acknowledgement with a Reason Code. */
const PACKET_SIZE_LEAST: u32 = 5;

/** The Network Connection is there: CONNECT is the first packet on it [MQTT-3.1.0-1]. */
export function beginConnection(): void {
  resetServer(option(OPTION_PROTOCOL_LEVEL));
  setState(CONNECTING);
  beginKeepAlive(option(OPTION_KEEP_ALIVE_SEC));
  sendConnect();
  beginAuthentication();
}

/** One packet before we are online: CONNACK [MQTT-3.2.0-1], or AUTH on the way to it. Returns 0; CLOSE_*
 *  when CONNACK ends it; or the Reason Code of what is wrong. */
export function handleFirst(firstByte: u32, body: usize, length: u32): u32 {
  const flags = firstByte & 15;
  if (on5() && firstByte >> 4 == AUTH) return handleAuth(flags, body, length);
  if (firstByte >> 4 != CONNACK) return PROTOCOL_ERROR;
  if (isOfOldServer(body, length)) {
    connack.reasonCode = UNSUPPORTED_PROTOCOL_VERSION;
    clearProperties(body);
    return CLOSE_REFUSED;
  }
  const fault = decodeConnack(flags, body, length, level);
  if (fault != SUCCESS) return on5() ? fault : MALFORMED_PACKET;
  if (connack.reasonCode != CONNECTION_ACCEPTED) return CLOSE_REFUSED;
  setState(ONLINE);
  return goOnline();
}

/** A server that does not know 5.0 refuses it in its own words: a return code, and no properties [v3.1.1 MQTT-3.1.2-2]. */
function isOfOldServer(body: usize, length: u32): bool {
  return on5() && length == 2 && <u32>load<u8>(body, 1) == REFUSED_PROTOCOL_VERSION;
}

function goOnline(): u32 {
  const sessionPresent = connack.sessionPresent;
  if (on5()) {
    // Where not even an acknowledgement fits there is nothing to say, DISCONNECT included [MQTT-3.2.2-15].
    if (propertyOr(MAXIMUM_PACKET_SIZE, u32.MAX_VALUE) < PACKET_SIZE_LEAST) {
      clearProperties(0); // it was no refusal
      return CLOSE_PACKET_SIZE;
    }
    // There cannot be one of which we have nothing [MQTT-3.2.2-2] [MQTT-3.2.2-4]. Asked to go on (Clean Start 0) the
    // application says that the state is its own, of an earlier run perhaps: what it has of it only it can know.
    if (sessionPresent && option(OPTION_CLEAN_SESSION) != 0) return PROTOCOL_ERROR;
    const fault = endAuthentication();
    if (fault != SUCCESS) return fault;
    takeProperties();
  }
  resetBackoff();
  // 3.1 does not say. There what is subscribed twice is only replaced, and a Session that was to be kept is taken for kept,
  // since to forget what has arrived could deliver it twice.
  const mayBePresent = level == LEVEL_3_1 && option(OPTION_CLEAN_SESSION) == 0;
  if (!sessionPresent && !mayBePresent) forgetIncoming();
  beginReceiving();
  pushEvent(EVENT_ONLINE, CLIENT_CONNECTION, u32(sessionPresent), 0, propertiesPtr, propertiesLength);
  resumeRequests(sessionPresent);
  // Without the server's half of the Session ours is over [MQTT-3.2.2-5]; but what was to be published still is.
  if (on5() && !sessionPresent) startOutboxAnew();
  else resumeOutbox();
  return SUCCESS;
}

/** What CONNACK says of the server, or the standard's default where it says nothing (3.2.2.3). */
function takeProperties(): void {
  server.receiveMaximum = <u16>propertyOr(RECEIVE_MAXIMUM, 65_535);
  server.qosMax = <u8>propertyOr(MAXIMUM_QOS, 2);
  server.retainAvailable = propertyOr(RETAIN_AVAILABLE, 1) != 0;
  server.packetSizeMax = propertyOr(MAXIMUM_PACKET_SIZE, u32.MAX_VALUE);
  allowAliases(server, propertyOr(TOPIC_ALIAS_MAXIMUM, 0));
  setFeatures(
    (propertyOr(WILDCARD_SUBSCRIPTION_AVAILABLE, 1) * FEATURE_WILDCARD) |
      (propertyOr(SUBSCRIPTION_IDENTIFIER_AVAILABLE, 1) * FEATURE_SUBSCRIPTION_IDENTIFIER) |
      (propertyOr(SHARED_SUBSCRIPTION_AVAILABLE, 1) * FEATURE_SHARED),
  );
  if (hasProperty(SERVER_KEEP_ALIVE)) setKeepAlive(propertyValue(SERVER_KEEP_ALIVE)); // [MQTT-3.1.2-21]
  if (hasProperty(ASSIGNED_CLIENT_IDENTIFIER)) {
    takeAssignedClientId(propertyPtr(ASSIGNED_CLIENT_IDENTIFIER), propertyLength(ASSIGNED_CLIENT_IDENTIFIER));
  }
}
