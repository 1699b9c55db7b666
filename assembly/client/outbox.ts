// What the application publishes, from publish() to the acknowledgement. At QoS 0 a message goes straight out when nothing
// waits before it; otherwise it joins the queue, whose bytes are bounded. What the server does not take is refused while it
// is known, and given up when it is only found out once the message's turn has come.

import {
  BAD_ARGUMENT,
  BAD_PROPERTIES,
  BAD_STATE,
  BAD_TOPIC,
  COMPLETED_DROPPED,
  EVENT_COMPLETED,
  LIMIT_REACHED,
  NOT_SUPPORTED,
  OK,
  OPTION_OUTBOX_BYTES_MAX,
  OPTION_OUTBOX_DROP,
  OPTION_PACKET_SIZE_MAX,
  OPTION_RETRY_SEC,
  OUTBOX_DROP_OLDEST,
  PUBLISH_RETAIN,
  TOKEN_FIRST,
  TOO_LARGE,
} from "../abi";
import { letGo } from "../bytes/counted";
import { create } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { pushEvent } from "../effect/event";
import { reserve, SHARE_MIN } from "../effect/send";
import { option } from "../limits";
import { LEVEL_3_1, PUBLISH } from "../packet/packet-type";
import { propertiesLength as decodedLength, propertiesPtr as decodedPtr } from "../packet/property";
import { encodePublishHeader, publishSizeOf } from "../packet/publish";
import { createMessage, Message } from "../session/message";
import {
  ACK_COMPLETE,
  ackedCode,
  ackedSequence,
  DROPPED,
  DROPPED_NONE,
  dropOldest,
  droppedCode,
  droppedQos,
  handleAck,
  nextReleased,
  outputFull,
  PUMP_DROPPED,
  pump,
  restart,
  rewind,
} from "../session/outgoing";
import { enqueue, entryCost, initOutgoing, Outgoing } from "../session/queue";
import { sendMessage } from "../session/send-message";
import { topicNameValid } from "../topic/name";
import { ENDING, level, levelNow, ONLINE, output, server, state } from "./link";
import { propertiesValid } from "./properties";
import { REQUEST_PACKET_ID_MIN } from "./requests";

export let outgoing: Outgoing = changetype<Outgoing>(0);
/** 3.1 only: since when nothing was acknowledged; 0 while nothing is sent. */
let retryFromMs: u64 = 0;

export function initOutbox(): void {
  outgoing = create<Outgoing>();
  initOutgoing(outgoing, REQUEST_PACKET_ID_MIN - 1);
}

/** Publishes the Topic Name, properties and payload that stand at `topicName`, one behind the other. Returns a token, or OK
 *  for a QoS 0 message (on its way, or in the queue: nothing will be reported of it), or why not. */
export function publishMessage(
  topicName: usize,
  topicNameLength: u32,
  propertiesLength: u32,
  payloadLength: u32,
  flags: u32,
): u32 {
  if (flags > 5) return BAD_ARGUMENT;
  if (state == ENDING) return BAD_STATE;
  if (!topicNameValid(topicName, topicNameLength)) return BAD_TOPIC;
  const properties = topicName + topicNameLength;
  if (propertiesLength > 0 && !propertiesValid(properties, propertiesLength, PUBLISH)) return BAD_PROPERTIES;
  const qos = flags >> 1;
  const spoken = levelNow();
  const size = publishSizeOf(topicNameLength, payloadLength, qos, spoken, propertiesLength);
  const refusal = refusalOf(flags, size);
  if (refusal != OK) return refusal;
  const payload = properties + propertiesLength;
  const atOnce = qos == 0 && nothingWaits() && payloadLength < SHARE_MIN;
  if (atOnce && server.aliases === null) {
    const at = reserve(output, size);
    const end = encodePublishHeader(
      at,
      flags,
      topicName,
      topicNameLength,
      0,
      spoken,
      properties,
      propertiesLength,
      payloadLength,
    );
    memory.copy(end, payload, payloadLength);
    return OK;
  }
  const message = createMessage(
    flags,
    topicName,
    topicNameLength,
    properties,
    propertiesLength,
    payload,
    payloadLength,
  );
  let result: u32 = OK;
  if (atOnce) sendMessage(server, message, flags, 0, null);
  else if (makeRoom(message)) {
    const token = tokenOf(enqueue(outgoing, message, flags));
    if (qos > 0) result = token;
  } else result = LIMIT_REACHED;
  letGo(message);
  if (result != LIMIT_REACHED) pumpOutbox();
  return result;
}

/** Why such a message is not for this server; OK if it is, or if none is there to know it of. */
function refusalOf(flags: u32, size: u32): u32 {
  if (size > option(OPTION_PACKET_SIZE_MAX)) return TOO_LARGE;
  if (state != ONLINE) return OK;
  if (flags >> 1 > server.qosMax) return NOT_SUPPORTED; // [MQTT-3.2.2-11]
  if ((flags & PUBLISH_RETAIN) != 0 && !server.retainAvailable) return NOT_SUPPORTED; // [MQTT-3.2.2-14]
  return size > server.packetSizeMax ? TOO_LARGE : OK; // [MQTT-3.2.2-15]
}

/** Sends what may be sent. */
export function pumpOutbox(): void {
  if (state < ONLINE) return;
  while (pump(outgoing, server) == PUMP_DROPPED) {
    if (droppedQos > 0) complete(droppedCode == 0 ? COMPLETED_DROPPED : droppedCode);
  }
  if (level == LEVEL_3_1 && outgoing.inflight > 0 && retryFromMs == 0) retryFromMs = nowMs;
}

/** Everything unacknowledged goes again, first and in order [MQTT-4.4.0-1] [MQTT-4.6.0-1]. */
export function resumeOutbox(): void {
  retryFromMs = 0;
  rewind(outgoing);
  pumpOutbox();
}

/** The server has no Session of ours: all goes as if it were new, but for what it has taken over with PUBREC. */
export function startOutboxAnew(): void {
  restart(outgoing);
  while (nextReleased(outgoing)) complete(ackedCode);
  pumpOutbox();
}

/** When to send again, only to a 3.1 server (3.1 section 4.2). */
export function retryDue(): u64 {
  const retrySec = option(OPTION_RETRY_SEC);
  if (level != LEVEL_3_1 || retryFromMs == 0 || retrySec == 0) return u64.MAX_VALUE;
  return retryFromMs + <u64>retrySec * 1000;
}

/** PUBACK, PUBREC or PUBCOMP arrived, the packet decoded last; returns what handleAck() says. */
export function acknowledgeMessage(type: u32, packetId: u32, reasonCode: u32): u32 {
  const result = handleAck(outgoing, type, packetId, reasonCode);
  if (result != ACK_COMPLETE) return result;
  retryFromMs = 0;
  // With PUBREC the server has taken the message over. A PUBCOMP that does not know it any more, which is usual when a Session
  // has been resumed (table 3-7), takes nothing back.
  complete(ackedCode, decodedPtr, decodedLength);
  pumpOutbox();
  return result;
}

/** The message that outgoing.ts has just finished is reported. */
function complete(code: u32, properties: usize = 0, length: u32 = 0): void {
  pushEvent(EVENT_COMPLETED, 0, code, tokenOf(ackedSequence), properties, length);
}

function nothingWaits(): bool {
  return state == ONLINE && outgoing.sent == outgoing.length && !outputFull(output);
}

/** Makes room as the drop rule says; false when there is none. */
function makeRoom(message: Message): bool {
  const most = option(OPTION_OUTBOX_BYTES_MAX);
  const cost = entryCost(message);
  if (cost > most) return false;
  while (outgoing.bytes + cost > most) {
    if (option(OPTION_OUTBOX_DROP) != OUTBOX_DROP_OLDEST) return false;
    const dropped = dropOldest(outgoing);
    if (dropped == DROPPED_NONE) return false;
    if (dropped == DROPPED) complete(COMPLETED_DROPPED);
  }
  return true;
}

/** 2^30 numbers, so that no two unfinished messages share one, and no token is a status or a request's. */
function tokenOf(sequence: u32): u32 {
  return TOKEN_FIRST + (sequence & 0x3fff_ffff);
}
