// What the application publishes, from publish() to the acknowledgement. At QoS 0 a message goes straight out when nothing
// waits before it; otherwise it joins the queue, whose bytes are bounded.

import {
  BAD_ARGUMENT,
  BAD_STATE,
  BAD_TOPIC,
  COMPLETED_DROPPED,
  COMPLETED_OK,
  EVENT_COMPLETED,
  LIMIT_REACHED,
  OK,
  OPTION_OUTBOX_BYTES_MAX,
  OPTION_OUTBOX_DROP,
  OPTION_PACKET_SIZE_MAX,
  OUTBOX_DROP_OLDEST,
  TOKEN_FIRST,
  TOO_LARGE,
} from "../abi";
import { letGo } from "../bytes/counted";
import { create } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { pushEvent } from "../effect/event";
import { reserve, SHARE_MIN } from "../effect/send";
import { option } from "../limits";
import { LEVEL_3_1 } from "../packet/packet-type";
import { encodePublishHeader, publishSizeOf } from "../packet/publish";
import { createMessage, Message } from "../session/message";
import {
  ACK_COMPLETE,
  ackedSequence,
  DROPPED,
  DROPPED_NONE,
  dropOldest,
  enqueue,
  entryCost,
  handleAck,
  initOutgoing,
  Outgoing,
  outputFull,
  pump,
  rewind,
} from "../session/outgoing";
import { topicNameValid } from "../topic/name";
import { ENDING, link, ONLINE } from "./link";
import { REQUEST_PACKET_ID_MIN } from "./requests";

export let outgoing: Outgoing = changetype<Outgoing>(0);

export function initOutbox(): void {
  outgoing = create<Outgoing>();
  initOutgoing(outgoing, REQUEST_PACKET_ID_MIN - 1);
}

/** Publishes the Topic Name and payload that stand at `topicName`, one behind the other. Returns a token, or OK for a QoS 0
 *  message (on its way, or in the queue: nothing will be reported of it), or why not. */
export function publishMessage(topicName: usize, topicNameLength: u32, payloadLength: u32, flags: u32): u32 {
  if (flags > 5) return BAD_ARGUMENT;
  if (link.state == ENDING) return BAD_STATE;
  if (!topicNameValid(topicName, topicNameLength)) return BAD_TOPIC;
  const qos = flags >> 1;
  const size = publishSizeOf(topicNameLength, payloadLength, qos, link.level, 0);
  if (size > option(OPTION_PACKET_SIZE_MAX)) return TOO_LARGE;
  const payload = topicName + topicNameLength;
  if (qos == 0 && nothingWaits() && payloadLength < SHARE_MIN) {
    const at = reserve(link.output, size);
    const end = encodePublishHeader(at, flags, topicName, topicNameLength, 0, link.level, 0, 0, payloadLength);
    memory.copy(end, payload, payloadLength);
    return OK;
  }
  const message = createMessage(flags, topicName, topicNameLength, 0, 0, payload, payloadLength);
  if (!makeRoom(message)) {
    letGo(message);
    return LIMIT_REACHED;
  }
  const token = tokenOf(enqueue(outgoing, message, flags));
  letGo(message);
  pumpOutbox();
  return qos == 0 ? OK : token;
}

/** Sends what may be sent. */
export function pumpOutbox(): void {
  if (link.state != ONLINE && link.state != ENDING) return;
  pump(outgoing, link.output, link.level);
  if (link.level == LEVEL_3_1 && outgoing.inflight > 0 && link.retryFromMs == 0) link.retryFromMs = nowMs;
}

/** Everything unacknowledged goes again, first and in order. */
export function resumeOutbox(): void {
  link.retryFromMs = 0;
  rewind(outgoing);
  pumpOutbox();
}

/** PUBACK, PUBREC or PUBCOMP arrived; returns what handleAck() says. */
export function acknowledgeMessage(type: u32, packetId: u32): u32 {
  const result = handleAck(outgoing, type, packetId);
  if (result != ACK_COMPLETE) return result;
  link.retryFromMs = 0;
  pushEvent(EVENT_COMPLETED, 0, COMPLETED_OK, tokenOf(ackedSequence));
  pumpOutbox();
  return result;
}

function nothingWaits(): bool {
  return link.state == ONLINE && outgoing.sent == outgoing.length && !outputFull(link.output);
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
    if (dropped == DROPPED) pushEvent(EVENT_COMPLETED, 0, COMPLETED_DROPPED, tokenOf(ackedSequence));
  }
  return true;
}

/** 2^30 numbers, so that no two unfinished messages share one, and no token is a status or a request's. */
function tokenOf(sequence: u32): u32 {
  return TOKEN_FIRST + (sequence & 0x3fff_ffff);
}
