// What the server sends once we are online, packet by packet. Returns 0; or the Reason Code of the rule that the server broke;
// or CLOSE_SERVER when it said DISCONNECT.

import { EVENT_MESSAGE } from "../abi";
import { create } from "../bytes/heap";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { ACK_SHORT_SIZE, ack, decodeAck, encodeAckShort } from "../packet/ack";
import {
  AUTH,
  DISCONNECT,
  PINGRESP,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBACK,
  UNSUBACK,
} from "../packet/packet-type";
import { decodePing } from "../packet/ping";
import { propertiesLength, propertiesPtr } from "../packet/property";
import { decodePublish, publish } from "../packet/publish";
import {
  PACKET_IDENTIFIER_NOT_FOUND,
  PROTOCOL_ERROR,
  RECEIVE_MAXIMUM_EXCEEDED,
  SUCCESS,
  TOPIC_ALIAS_INVALID,
} from "../packet/reason-code";
import { decodeSuback, decodeUnsuback, Suback, suback, unsuback } from "../packet/suback";
import { addIncoming, dropIncoming, Incoming, removeIncoming } from "../session/incoming";
import { ACK_RELEASE, ACK_UNKNOWN } from "../session/outgoing";
import {
  createReceivedAliases,
  destroyReceivedAliases,
  ReceivedAliases,
  receivedName,
  receivedNameLength,
  setReceivedAlias,
} from "../topic/alias";
import { handleAuth } from "./authentication";
import { handleDisconnect } from "./ending";
import { ownReceiveMaximum, ownTopicAliasMaximum, reasonsFault } from "./identity";
import { handlePingresp } from "./keep-alive";
import { level, on5, output } from "./link";
import { acknowledgeMessage } from "./outbox";
import { completeRequest } from "./requests";

/** QoS 2 messages that await PUBREL. */
let incoming: Incoming = changetype<Incoming>(0);
/** How many of them, at most, are from connections before: those do not count for the Receive Maximum. */
let inherited: u32 = 0;
/** Topic Aliases of this connection, once one is set. */
let aliases: ReceivedAliases | null = null;

export function initReceive(): void {
  incoming = create<Incoming>();
}

/** The server has no Session of ours: its Packet Identifiers start anew. */
export function forgetIncoming(): void {
  dropIncoming(incoming);
}

/** We are online: the server begins to count for our Receive Maximum. */
export function beginReceiving(): void {
  inherited = incoming.count;
}

/** The connection is over, and with it its Topic Aliases [MQTT-3.3.2-7]. */
export function endReceiving(): void {
  const table = aliases;
  if (table !== null) destroyReceivedAliases(table);
  aliases = null;
}

/** One packet after CONNACK. */
export function handlePacket(firstByte: u32, body: usize, length: u32): u32 {
  const type = firstByte >> 4;
  const flags = firstByte & 15;
  if (type == PUBLISH) return handlePublish(flags, body, length);
  if (type >= PUBACK && type <= PUBCOMP) return handleAcknowledgement(type, flags, body, length);
  if (type == SUBACK) return handleAnswer(suback, decodeSuback(flags, body, length, level), false);
  if (type == UNSUBACK) return handleAnswer(unsuback, decodeUnsuback(flags, body, length, level), true);
  if (type == PINGRESP) {
    const fault = decodePing(type, flags, length, level);
    if (fault == SUCCESS) handlePingresp();
    return fault;
  }
  if (on5() && type == DISCONNECT) return handleDisconnect(flags, body, length);
  return on5() && type == AUTH ? handleAuth(flags, body, length) : PROTOCOL_ERROR;
}

function handlePublish(flags: u32, body: usize, length: u32): u32 {
  let fault = decodePublish(flags, body, length, level);
  if (fault == SUCCESS && publish.topicAlias != 0) fault = takeAlias();
  if (fault != SUCCESS) return fault;
  const qos = publish.qos;
  const packetId = publish.packetId;
  if (qos != 2 || addIncoming(incoming, packetId)) {
    if (on5() && incoming.count - inherited > ownReceiveMaximum()) {
      removeIncoming(incoming, packetId); // it was not taken, so it may come again
      return RECEIVE_MAXIMUM_EXCEEDED; // 3.3.4
    }
    pushEvent(
      EVENT_MESSAGE,
      0,
      flags,
      packetId,
      publish.topicName,
      publish.topicNameLength,
      publish.payload,
      publish.payloadLength,
      propertiesPtr,
      propertiesLength,
    );
  }
  if (qos == 1) acknowledge(PUBACK, packetId);
  else if (qos == 2) acknowledge(PUBREC, packetId); // also when it comes again [MQTT-4.3.3-10]
  return SUCCESS;
}

/** Sets the Topic Alias of `publish`, or finds the Topic Name that it stands for. */
function takeAlias(): u32 {
  const alias = publish.topicAlias;
  if (alias > ownTopicAliasMaximum()) return TOPIC_ALIAS_INVALID; // 3.3.2.3.4
  let table = aliases;
  if (table === null) {
    table = createReceivedAliases(ownTopicAliasMaximum());
    aliases = table;
  }
  if (publish.topicNameLength > 0) {
    setReceivedAlias(table, alias, publish.topicName, publish.topicNameLength); // [MQTT-3.3.2-10]
    return SUCCESS;
  }
  publish.topicName = receivedName(table, alias);
  publish.topicNameLength = receivedNameLength;
  return publish.topicName != 0 ? SUCCESS : PROTOCOL_ERROR;
}

function handleAcknowledgement(type: u32, flags: u32, body: usize, length: u32): u32 {
  let fault = decodeAck(type, flags, body, length, level);
  if (fault == SUCCESS) fault = reasonsFault();
  if (fault != SUCCESS) return fault;
  const packetId = ack.packetId;
  if (type == PUBREL) {
    const wasThere = removeIncoming(incoming, packetId);
    inherited = min(inherited, incoming.count);
    if (wasThere) acknowledge(PUBCOMP, packetId);
    else denyKnowing(PUBCOMP, packetId);
    return SUCCESS;
  }
  const result = acknowledgeMessage(type, packetId, ack.reasonCode);
  if (result == ACK_RELEASE) acknowledge(PUBREL, packetId);
  // One that we know nothing of is from a Session we have lost: PUBREL lets the server forget it too. A refusal it has
  // forgotten already.
  else if (result == ACK_UNKNOWN && type == PUBREC && ack.reasonCode < 0x80) denyKnowing(PUBREL, packetId);
  return SUCCESS;
}

/** SUBACK or UNSUBACK, decoded with this outcome. */
function handleAnswer(answer: Suback, decoded: u32, isUnsubscribe: bool): u32 {
  let fault = decoded;
  if (fault == SUCCESS) fault = reasonsFault();
  if (fault != SUCCESS) return fault;
  // We ask for one filter at a time, so there is one code [MQTT-3.8.4-6]; UNSUBACK of 3.x has none.
  if (answer.reasonCodesLength > 1) return PROTOCOL_ERROR;
  const code: u32 = answer.reasonCodesLength == 1 ? load<u8>(answer.reasonCodes) : SUCCESS;
  completeRequest(answer.packetId, code, isUnsubscribe);
  return SUCCESS;
}

function acknowledge(type: u32, packetId: u32): void {
  encodeAckShort(reserve(output, ACK_SHORT_SIZE), type, packetId);
}

/** The same for an exchange that there is not; 5.0 can say so. */
function denyKnowing(type: u32, packetId: u32): void {
  if (!on5()) {
    acknowledge(type, packetId);
    return;
  }
  const at = reserve(output, ACK_SHORT_SIZE + 1);
  encodeAckShort(at, type, packetId);
  store<u8>(at, ACK_SHORT_SIZE - 1, 1); // Remaining Length
  store<u8>(at, PACKET_IDENTIFIER_NOT_FOUND, ACK_SHORT_SIZE);
}
