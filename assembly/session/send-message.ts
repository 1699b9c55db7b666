// One message to one Recipient: the header is encoded in its output, a small payload copied behind it, a large one pointed
// to. Before 5.0 the properties stay behind; from 5.0 on the Subscription Identifiers and a Topic Alias join them.

import { reserve, SHARE_MIN, sendShared } from "../effect/send";
import { is5 } from "../packet/packet-type";
import { TOPIC_ALIAS } from "../packet/property";
import { encodePublishHeader, publishSizeOf } from "../packet/publish";
import { setSentAlias, useSentAlias } from "../topic/alias";
import { Message, payloadOf, propertiesOf, storeTimeLeft, topicNameOf } from "./message";
import { identifiersSize, Origin, storeIdentifiers } from "./origin";
import { Recipient } from "./recipient";

/** Bytes of the property Topic Alias: a Topic Name that has no more is not worth one. */
const ALIAS_SIZE: u32 = 3;
/** Longer names get none: we keep a copy of each, on every connection. */
const ALIASED_NAME_MAX: u32 = 1024;

/** `flags`: DUP, QoS and RETAIN of this delivery; `packetId`: 0 at QoS 0. False when the packet would be over what the
 *  recipient takes: nothing is sent then. */
export function sendMessage(
  recipient: Recipient,
  message: Message,
  flags: u32,
  packetId: u32,
  origin: Origin | null,
): bool {
  const level = recipient.level;
  const topicNameLength = <u32>message.topicNameLength;
  const propertiesLength = is5(level) ? message.propertiesLength : 0;
  const identifiers = is5(level) ? identifiersSize(origin) : 0;
  const aliasable = topicNameLength > ALIAS_SIZE && topicNameLength <= ALIASED_NAME_MAX;
  let aliased = is5(level) && recipient.aliases !== null && aliasable;
  let alias: u32 = aliased ? useSentAlias(recipient.aliases!, topicNameOf(message), topicNameLength) : 0;
  const nameLength = alias != 0 ? 0 : topicNameLength;
  let more = identifiers + (aliased ? ALIAS_SIZE : 0);
  const payloadLength = message.payloadLength;
  const qos = (flags >> 1) & 3;
  let size = publishSizeOf(nameLength, payloadLength, qos, level, propertiesLength + more);
  if (size > recipient.packetSizeMax && aliased && alias == 0) {
    // To tell it the alias may be what makes it too large.
    aliased = false;
    more = identifiers;
    size = publishSizeOf(nameLength, payloadLength, qos, level, propertiesLength + more);
  }
  if (size > recipient.packetSizeMax) return false;
  if (aliased && alias == 0) alias = setSentAlias(recipient.aliases!, topicNameOf(message), topicNameLength);
  const shared = payloadLength >= SHARE_MIN;
  const output = recipient.output;
  const rest = encodePublishHeader(
    reserve(output, shared ? size - payloadLength : size),
    flags,
    topicNameOf(message),
    nameLength,
    packetId,
    level,
    propertiesOf(message),
    propertiesLength,
    payloadLength,
    more,
  );
  let end = rest;
  if (is5(level)) {
    storeTimeLeft(message, rest - propertiesLength);
    end = storeIdentifiers(rest, origin);
    if (aliased) end = storeAlias(end, alias);
  }
  if (shared) sendShared(output, message, payloadOf(message), payloadLength);
  else memory.copy(end, payloadOf(message), payloadLength);
  return true;
}

function storeAlias(at: usize, alias: u32): usize {
  store<u8>(at, <u8>TOPIC_ALIAS);
  store<u16>(at, bswap<u16>(<u16>alias), 1);
  return at + ALIAS_SIZE;
}
