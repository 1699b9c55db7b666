// What the server sends, packet by packet. Returns 0, or CLOSE_* when the server broke a rule.

import { CLOSE_PROTOCOL, EVENT_MESSAGE } from "../abi";
import { create } from "../bytes/heap";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { ACK_SHORT_SIZE, ack, decodeAck, encodeAckShort } from "../packet/ack";
import { closeReasonOf } from "../packet/close-reason";
import { PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK, UNSUBACK } from "../packet/packet-type";
import { decodePing } from "../packet/ping";
import { decodePublish, publish } from "../packet/publish";
import { SUCCESS } from "../packet/reason-code";
import { decodeSuback, decodeUnsuback, suback, unsuback } from "../packet/suback";
import { addIncoming, dropIncoming, Incoming, removeIncoming } from "../session/incoming";
import { ACK_RELEASE } from "../session/outgoing";
import { link } from "./link";
import { acknowledgeMessage } from "./outbox";
import { completeRequest } from "./requests";

let incoming: Incoming = changetype<Incoming>(0);

export function initReceive(): void {
  incoming = create<Incoming>();
}

/** The server has no Session of ours: its Packet Identifiers start anew. */
export function forgetIncoming(): void {
  dropIncoming(incoming);
}

/** One packet after CONNACK. */
export function handlePacket(firstByte: u32, body: usize, length: u32): u32 {
  const type = firstByte >> 4;
  const flags = firstByte & 15;
  let reason: u32 = SUCCESS;
  if (type == PUBLISH) reason = handlePublish(flags, body, length);
  else if (type >= PUBACK && type <= PUBCOMP) reason = handleAcknowledgement(type, flags, body, length);
  else if (type == SUBACK) {
    reason = decodeSuback(flags, body, length, link.level);
    // We ask for one filter at a time, so an answer about several is not ours.
    if (reason == SUCCESS && suback.reasonCodesLength == 1) {
      completeRequest(suback.packetId, load<u8>(suback.reasonCodes), false);
    }
  } else if (type == UNSUBACK) {
    reason = decodeUnsuback(flags, body, length, link.level);
    if (reason == SUCCESS) completeRequest(unsuback.packetId, SUCCESS, true);
  } else if (type == PINGRESP) {
    reason = decodePing(type, flags, length, link.level);
    if (reason == SUCCESS) link.pingSentMs = 0;
  } else return CLOSE_PROTOCOL;
  return reason == SUCCESS ? 0 : closeReasonOf(reason);
}

function handlePublish(flags: u32, body: usize, length: u32): u32 {
  const reason = decodePublish(flags, body, length, link.level);
  if (reason != SUCCESS) return reason;
  const isNew = publish.qos != 2 || addIncoming(incoming, publish.packetId);
  if (isNew) {
    pushEvent(
      EVENT_MESSAGE,
      0,
      flags,
      publish.packetId,
      publish.topicName,
      publish.topicNameLength,
      publish.payload,
      publish.payloadLength,
    );
  }
  if (publish.qos == 1) acknowledge(PUBACK, publish.packetId);
  else if (publish.qos == 2) acknowledge(PUBREC, publish.packetId);
  return SUCCESS;
}

function handleAcknowledgement(type: u32, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeAck(type, flags, body, length, link.level);
  if (reason != SUCCESS) return reason;
  if (type == PUBREL) {
    removeIncoming(incoming, ack.packetId);
    acknowledge(PUBCOMP, ack.packetId);
    return SUCCESS;
  }
  const result = acknowledgeMessage(type, ack.packetId);
  // A PUBREC we know nothing of is from a Session we have lost: PUBREL lets the server forget it too.
  if (result == ACK_RELEASE || type == PUBREC) acknowledge(PUBREL, ack.packetId);
  return SUCCESS;
}

function acknowledge(type: u32, packetId: u32): void {
  encodeAckShort(reserve(link.output, ACK_SHORT_SIZE), type, packetId);
}
