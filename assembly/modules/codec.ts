// The codec alone, as a module for tests and benchmarks: not part of the product. The host writes bytes at inputPtr(),
// calls, and reads at outputPtr(). Integers in, integers out, no imports: the C runners of wasm3 and wasm2c call the
// very same exports.
import { hash } from "../bytes/hash";
import { utf8Valid } from "../bytes/utf8";
import { writerAt, writerFailed, writerStart } from "../bytes/writer";
import { ackSize, decodeAck, encodeAck, encodeAckShort } from "../packet/ack";
import { authSize, decodeAuth, encodeAuth } from "../packet/auth";
import { connackSize, decodeConnack, encodeConnack } from "../packet/connack";
import { connect, connectSize, decodeConnect, encodeConnect } from "../packet/connect";
import { decodeDisconnect, disconnectSize, encodeDisconnect } from "../packet/disconnect";
import { FRAME_MORE, FRAME_WHOLE, frame, frameBody, frameLength } from "../packet/framer";
import {
  AUTH,
  CONNACK,
  CONNECT,
  DISCONNECT,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  SUBACK,
  SUBSCRIBE,
  sentByClient,
  sentByServer,
  UNSUBACK,
  UNSUBSCRIBE,
} from "../packet/packet-type";
import { decodePing, encodePing, PING_SIZE } from "../packet/ping";
import {
  hasProperty,
  hasWillProperty,
  itemLength,
  itemName,
  itemNameLength,
  itemValue,
  itemValueLength,
  nextProperty,
  propertiesLength,
  propertiesPtr,
  propertyLength,
  propertyPtr,
  propertyValue,
  USER_PROPERTY,
  willPropertyLength,
  willPropertyPtr,
  willPropertyValue,
  writeBinaryProperty,
  writeNumberProperty,
  writeUserProperty,
} from "../packet/property";
import { propertyType, STRING } from "../packet/property-table";
import { decodePublish, encodePublish, encodePublishHeader, publish, publishSize } from "../packet/publish";
import { MALFORMED_PACKET, PROTOCOL_ERROR } from "../packet/reason-code";
import { decodeSuback, decodeUnsuback, encodeSuback, encodeUnsuback, subackSize, unsubackSize } from "../packet/suback";
import { decodeSubscribe, encodeSubscribe, nextTopicFilter, subscribe, subscribeSize } from "../packet/subscribe";
import {
  decodeUnsubscribe,
  encodeUnsubscribe,
  nextUnsubscribeFilter,
  unsubscribe,
  unsubscribeSize,
} from "../packet/unsubscribe";
import { filterMatches, sharedFilterStart, topicFilterValid } from "../topic/filter";
import { topicLevels, topicNameValid } from "../topic/name";

/** Bytes of the input, and of the output: the vectors have packets with a Remaining Length of four bytes, 2,097,152
 *  on. */
const BUFFER_SIZE: i32 = 0x210000;

/** decode: the input ends before its first packet does. Above every Reason Code. */
const NEED_MORE: u32 = 0x100;

/** encode: size and bytes written disagree, or the output is too small. */
const ENCODE_FAILED: u32 = 0xffffffff;

const input = memory.data(BUFFER_SIZE, 8);
const output = memory.data(BUFFER_SIZE, 8);

let decodedType: u32 = 0;
let decodedLevel: u32 = 0;
let packetLength: u32 = 0;

/** Where the host writes, up to inputSize() bytes. */
export function inputPtr(): usize {
  return input;
}

export function inputSize(): u32 {
  return BUFFER_SIZE;
}

export function outputPtr(): usize {
  return output;
}

/** Decodes the first packet of the `length` bytes of input. `level`: 3, 4, 5, or 0 for a connection that must begin
 *  with CONNECT. Returns SUCCESS, a Reason Code, or NEED_MORE (0x100). */
export function decode(length: u32, level: u32): u32 {
  packetLength = 0;
  const framed = frame(input, input + length);
  if (framed == FRAME_MORE) return NEED_MORE;
  if (framed != FRAME_WHOLE) return MALFORMED_PACKET;
  packetLength = frameLength;
  const first = <u32>load<u8>(input);
  const bodyLength = <u32>(input + frameLength - frameBody);
  decodedType = first >> 4;
  decodedLevel = level;
  if (level == 0 && decodedType != CONNECT) return PROTOCOL_ERROR; // [MQTT-3.1.0-1]
  return decodeBody(first & 15, frameBody, bodyLength, level);
}

/** Bytes of the packet that decode looked at. */
export function decodedLength(): u32 {
  return packetLength;
}

/** Level that the CONNECT decoded last asked for. */
export function connectLevel(): u32 {
  return connect.level;
}

/** Encodes what decode decoded, at the same level. Returns the bytes written at outputPtr(), or ENCODE_FAILED. */
export function encode(): u32 {
  const size = encodedSize();
  if (size > <u32>BUFFER_SIZE) return ENCODE_FAILED;
  return encodeBody(output) == output + size ? size : ENCODE_FAILED;
}

/** utf8Valid, topicNameValid, topicFilterValid on the first `length` bytes of input: 1 or 0. */
export function isUtf8(length: u32): u32 {
  return u32(utf8Valid(input, length));
}

export function isTopicName(length: u32): u32 {
  return u32(topicNameValid(input, length));
}

export function isTopicFilter(length: u32): u32 {
  return u32(topicFilterValid(input, length));
}

/** filterMatches on a filter at the start of the input and a name right behind it: 1 or 0. */
export function matches(filterLength: u32, nameLength: u32): u32 {
  return u32(filterMatches(input, filterLength, input + filterLength, nameLength));
}

/** What a test asks about the property list decoded last: 1 or 0; its number; the offset in the input and the length
 *  of its bytes. */
export function propertyPresent(identifier: u32): u32 {
  return u32(hasProperty(identifier));
}

export function propertyNumber(identifier: u32): u32 {
  return propertyValue(identifier);
}

export function propertyOffset(identifier: u32): u32 {
  return <u32>(propertyPtr(identifier) - input);
}

export function propertyBytes(identifier: u32): u32 {
  return propertyLength(identifier);
}

/** The same of the Will Properties. */
export function willPropertyPresent(identifier: u32): u32 {
  return u32(hasWillProperty(identifier));
}

export function willPropertyNumber(identifier: u32): u32 {
  return willPropertyValue(identifier);
}

export function willPropertyOffset(identifier: u32): u32 {
  return <u32>(willPropertyPtr(identifier) - input);
}

export function willPropertyBytes(identifier: u32): u32 {
  return willPropertyLength(identifier);
}

/** Writes the property list decoded last once more, property by property, to the output, as nextProperty finds them
 *  and the property writers write them. Returns the bytes written, or ENCODE_FAILED. */
export function rewriteProperties(): u32 {
  const end = propertiesPtr + propertiesLength;
  writerStart(output, output + BUFFER_SIZE);
  for (let at = propertiesPtr; ; at += itemLength) {
    const identifier = nextProperty(at, end);
    if (identifier == 0) break;
    if (identifier == USER_PROPERTY) writeUserProperty(itemName, itemNameLength, itemValue, itemValueLength);
    else if (propertyType(identifier) < STRING) writeNumberProperty(identifier, itemValue);
    else writeBinaryProperty(identifier, itemValue, itemValueLength);
  }
  return writerFailed() ? ENCODE_FAILED : <u32>(writerAt() - output);
}

/** Topic Alias of the PUBLISH decoded last, 0 none; its Message Expiry Interval, or -1. */
export function publishTopicAlias(): u32 {
  return publish.topicAlias;
}

export function publishExpirySec(): i64 {
  return publish.hasMessageExpiry ? <i64>publish.messageExpirySec : -1;
}

/** Goes on to the next filter of the SUBSCRIBE or UNSUBSCRIBE decoded last and copies it to the output, behind it
 *  the options byte of a SUBSCRIBE. Returns the bytes copied; 0 at the end. */
export function nextFilter(): u32 {
  if (decodedType == SUBSCRIBE) {
    if (!nextTopicFilter()) return 0;
    memory.copy(output, subscribe.topicFilter, subscribe.topicFilterLength);
    store<u8>(output + subscribe.topicFilterLength, <u8>subscribe.options);
    return subscribe.topicFilterLength + 1;
  }
  if (!nextUnsubscribeFilter()) return 0;
  memory.copy(output, unsubscribe.topicFilter, unsubscribe.topicFilterLength);
  return unsubscribe.topicFilterLength;
}

/** Filters in the SUBSCRIBE or UNSUBSCRIBE decoded last. */
export function filterCount(): u32 {
  return decodedType == SUBSCRIBE ? subscribe.count : unsubscribe.count;
}

/** Which ends may send packets of `type`: bit 0 the client, bit 1 the server. */
export function sentBy(type: u32, level: u32): u32 {
  return u32(sentByClient(type, level)) | (u32(sentByServer(type, level)) << 1);
}

/** Levels of the Topic Name, and the offset of the filter behind the Share Name, in the first `length` bytes of
 *  input. */
export function levelsOf(length: u32): u32 {
  return topicLevels(input, length);
}

/** The hash of the first `length` bytes of input, below something that is told apart by `start`. */
export function hashOf(length: u32, start: u32): u32 {
  return hash(input, length, start);
}

export function sharedStart(length: u32): u32 {
  return sharedFilterStart(input, length);
}

/** Encodes a PUBLISH from parts, as a host's client would: the input holds the Topic Name and right behind it the
 *  payload. For the benchmark. */
export function encodePublishOf(topicNameLength: u32, payloadLength: u32, flags: u32, packetId: u32, level: u32): u32 {
  const at = encodePublishHeader(output, flags, input, topicNameLength, packetId, level, 0, 0, payloadLength);
  memory.copy(at, input + topicNameLength, payloadLength);
  return <u32>(at + payloadLength - output);
}

/** Encodes an acknowledgement of success. For the benchmark. */
export function encodeAckOf(type: u32, packetId: u32): u32 {
  return <u32>(encodeAckShort(output, type, packetId) - output);
}

function decodeBody(flags: u32, body: usize, length: u32, level: u32): u32 {
  const type = decodedType;
  if (type == PUBLISH) return decodePublish(flags, body, length, level);
  if (type >= PUBACK && type <= PUBCOMP) return decodeAck(type, flags, body, length, level);
  if (type == CONNECT) return decodeConnect(flags, body, length);
  if (type == CONNACK) return decodeConnack(flags, body, length, level);
  if (type == SUBSCRIBE) return decodeSubscribe(flags, body, length, level);
  if (type == SUBACK) return decodeSuback(flags, body, length, level);
  if (type == UNSUBSCRIBE) return decodeUnsubscribe(flags, body, length, level);
  if (type == UNSUBACK) return decodeUnsuback(flags, body, length, level);
  if (type == DISCONNECT) return decodeDisconnect(flags, body, length, level);
  if (type == AUTH) return decodeAuth(flags, body, length, level);
  return decodePing(type, flags, length, level); // type 0 too: its header is never valid
}

function encodedSize(): u32 {
  const type = decodedType;
  const level = decodedLevel;
  if (type == PUBLISH) return publishSize(level);
  if (type >= PUBACK && type <= PUBCOMP) return ackSize(level);
  if (type == CONNECT) return connectSize(connect.level);
  if (type == CONNACK) return connackSize(level);
  if (type == SUBSCRIBE) return subscribeSize(level);
  if (type == SUBACK) return subackSize(level);
  if (type == UNSUBSCRIBE) return unsubscribeSize(level);
  if (type == UNSUBACK) return unsubackSize(level);
  if (type == DISCONNECT) return disconnectSize(level);
  return type == AUTH ? authSize(level) : PING_SIZE;
}

function encodeBody(at: usize): usize {
  const type = decodedType;
  const level = decodedLevel;
  if (type == PUBLISH) return encodePublish(at, level);
  if (type >= PUBACK && type <= PUBCOMP) return encodeAck(at, level);
  if (type == CONNECT) return encodeConnect(at, connect.level);
  if (type == CONNACK) return encodeConnack(at, level);
  if (type == SUBSCRIBE) return encodeSubscribe(at, level);
  if (type == SUBACK) return encodeSuback(at, level);
  if (type == UNSUBSCRIBE) return encodeUnsubscribe(at, level);
  if (type == UNSUBACK) return encodeUnsuback(at, level);
  if (type == DISCONNECT) return encodeDisconnect(at, level);
  return type == AUTH ? encodeAuth(at, level) : encodePing(at, type);
}
