// SUBSCRIBE and UNSUBSCRIBE of the client: one packet a filter, repeated on the next connection until it is answered, and the
// filters that are subscribed, so that they can be subscribed again, with all that was said then, when the server has lost
// the Session.

import {
  BAD_PROPERTIES,
  EVENT_COMPLETED,
  FEATURE_SHARED,
  FEATURE_SUBSCRIPTION_IDENTIFIER,
  FEATURE_WILDCARD,
  LIMIT_REACHED,
  NOT_SUPPORTED,
  TOO_LARGE,
} from "../abi";
import { bytesEqual } from "../bytes/compare";
import { allocate, release } from "../bytes/heap";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { requiredFlags, SUBSCRIBE, UNSUBSCRIBE } from "../packet/packet-type";
import {
  propertiesLength as decodedLength,
  propertiesPtr as decodedPtr,
  hasProperty,
  SUBSCRIPTION_IDENTIFIER,
} from "../packet/property";
import {
  PACKET_TOO_LARGE,
  SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
  SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
  SUCCESS,
  WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
} from "../packet/reason-code";
import { encodeSubscribe, OPTION_QOS, subscribe, subscribeSize } from "../packet/subscribe";
import { hasWildcard, isShared } from "../topic/filter";
import { level, ONLINE, on5, output, server, state } from "./link";
import { propertiesValid } from "./properties";

@unmanaged
class Request {
  next: Request | null;
  token: u32;
  propertiesLength: u32;
  /** 0 unless it is sent and not answered. */
  packetId: u16;
  filterLength: u16;
  /** Subscription Options as on the wire. */
  options: u8;
  isUnsubscribe: bool;
  /** Subscribed; kept for the next Session. */
  isActive: bool;
  /** A Subscription Identifier is among its properties. */
  hasIdentifier: bool;
  // The payload of its packet follows: length, filter and, used by SUBSCRIBE alone, the options. Then its properties.
}

/** Messages have the identifiers below these, so that the two never meet. */
export const REQUEST_PACKET_ID_MIN: u32 = 61_440;
const REQUEST_PACKET_ID_MAX: u32 = 65_535;
/** What is subscribed and what is asked for together, since all of it may have to be sent at once. */
const REQUESTS_MAX: u32 = REQUEST_PACKET_ID_MAX - REQUEST_PACKET_ID_MIN + 1;
/** Tells tokens of requests from those of messages. */
const REQUEST_TOKEN: u32 = 0x8000_0000;

let features: u32 = 0;
/** All of them, in the order of asking; the first is none, so that each one has another before it. */
const head = changetype<Request>(memory.data(offsetof<Request>(), 4));
let last: Request = head;
let count: u32 = 0;
let lastPacketId: u32 = REQUEST_PACKET_ID_MAX;
let lastToken: u32 = REQUEST_TOKEN;

/** CONNACK of 5.0 tells what the server does: FEATURE_* bits. */
export function setFeatures(bits: u32): void {
  features = bits;
}

/** Adds a request for a valid filter with valid options, its properties behind the filter, and sends it when connected.
 *  Returns its token, or why not. */
export function addRequest(filter: usize, length: u32, propertiesLength: u32, options: u32, isUnsubscribe: bool): u32 {
  const properties = filter + length;
  const type = isUnsubscribe ? UNSUBSCRIBE : SUBSCRIBE;
  if (propertiesLength > 0 && !propertiesValid(properties, propertiesLength, type)) return BAD_PROPERTIES;
  if (count == REQUESTS_MAX) return LIMIT_REACHED;
  const request = changetype<Request>(allocate(sizeOf(length, propertiesLength)));
  memory.fill(changetype<usize>(request), 0, offsetof<Request>());
  request.filterLength = <u16>length;
  request.propertiesLength = propertiesLength;
  request.options = <u8>options;
  request.isUnsubscribe = isUnsubscribe;
  request.hasIdentifier = propertiesLength > 0 && hasProperty(SUBSCRIPTION_IDENTIFIER);
  const payload = payloadOf(request);
  store<u16>(payload, bswap<u16>(<u16>length));
  memory.copy(payload + 2, filter, length);
  memory.copy(propertiesOf(request), properties, propertiesLength);
  const refused = state == ONLINE ? refusedCode(request) : SUCCESS;
  if (refused != SUCCESS) {
    destroy(request);
    return refused == PACKET_TOO_LARGE ? TOO_LARGE : NOT_SUPPORTED;
  }
  lastToken = (lastToken + 1) | REQUEST_TOKEN;
  request.token = lastToken;
  last.next = request;
  last = request;
  count++;
  if (state == ONLINE) send(request);
  return request.token;
}

/** The connection is up. `sessionPresent`: the server still knows what is subscribed. */
export function resumeRequests(sessionPresent: bool): void {
  let request = head.next;
  while (request !== null) {
    const next = request.next;
    request.packetId = 0;
    if (!request.isActive || !sessionPresent) {
      const refused = refusedCode(request);
      if (refused == SUCCESS) send(request);
      else finish(request, refused, 0, 0);
    }
    request = next;
  }
}

/** SUBACK or UNSUBACK arrived with one code, the packet decoded last. Nothing happens when nothing of ours has this identifier. */
export function completeRequest(packetId: u32, code: u32, isUnsubscribe: bool): void {
  let request = head.next;
  while (request !== null) {
    if (request.packetId == packetId && request.isUnsubscribe == isUnsubscribe) break;
    request = request.next;
  }
  if (request !== null) finish(request, code, decodedPtr, decodedLength);
}

/** It is answered: what is subscribed stays here, all else goes. A Subscription that could not be made again in a new Session is
 *  reported a second time: it is gone. */
function finish(request: Request, code: u32, properties: usize, length: u32): void {
  request.packetId = 0;
  const failed = code >= 0x80;
  if (failed || !request.isActive) pushEvent(EVENT_COMPLETED, 0, code, request.token, properties, length);
  if (!failed) request.isActive = true;
  dropVoid(request, failed);
}

/** Takes out what is void now that `by` is answered: itself, unless it stands for a Subscription; and, if it did not fail, what
 *  was subscribed for the same filter before, which is replaced, or gone. */
function dropVoid(by: Request, failed: bool): void {
  const goes = failed || by.isUnsubscribe;
  let previous = head;
  let each = head.next;
  while (each !== null) {
    const next = each.next;
    if (each == by ? goes : !failed && each.isActive && sameFilter(each, by)) {
      previous.next = next;
      if (last == each) last = previous;
      count--;
      if (each != by) destroy(each);
    } else previous = each;
    each = next;
  }
  if (goes) destroy(by);
}

function sameFilter(a: Request, b: Request): bool {
  return a.filterLength == b.filterLength && bytesEqual(payloadOf(a) + 2, payloadOf(b) + 2, b.filterLength);
}

function destroy(request: Request): void {
  release(changetype<usize>(request), sizeOf(request.filterLength, request.propertiesLength));
}

/** Why this server must not be sent it (3.2.2.3.11 to 13, [MQTT-3.2.2-15]); SUCCESS if it may be. */
function refusedCode(request: Request): u32 {
  if (!on5()) return SUCCESS;
  if (fill(request) > server.packetSizeMax) return PACKET_TOO_LARGE;
  if (request.isUnsubscribe) return SUCCESS;
  const filter = payloadOf(request) + 2;
  if ((features & FEATURE_WILDCARD) == 0 && hasWildcard(filter, request.filterLength)) {
    return WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED;
  }
  if ((features & FEATURE_SHARED) == 0 && isShared(filter, request.filterLength)) {
    return SHARED_SUBSCRIPTIONS_NOT_SUPPORTED;
  }
  const identifiable = (features & FEATURE_SUBSCRIPTION_IDENTIFIER) != 0 || !request.hasIdentifier;
  return identifiable ? SUCCESS : SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED;
}

function send(request: Request): void {
  takePacketId(request);
  const at = reserve(output, fill(request));
  encodeSubscribe(at, level);
  // Both have one layout: the options that UNSUBSCRIBE lacks are the end of the payload.
  if (request.isUnsubscribe) store<u8>(at, (UNSUBSCRIBE << 4) | requiredFlags(UNSUBSCRIBE));
}

/** Fills `subscribe` with it, whichever it is; returns the size of the packet. */
function fill(request: Request): u32 {
  const payload = payloadOf(request);
  const optionsAt = 2 + <u32>request.filterLength;
  // Before 5.0 there is only the QoS.
  store<u8>(payload + optionsAt, <u32>request.options & (on5() ? 0xff : OPTION_QOS));
  subscribe.packetId = request.packetId;
  subscribe.properties = propertiesOf(request);
  subscribe.propertiesLength = request.propertiesLength;
  subscribe.filters = payload;
  subscribe.filtersLength = request.isUnsubscribe ? optionsAt : optionsAt + 1;
  return subscribeSize(level);
}

/** Gives it one that no other request has [MQTT-2.2.1-3]. */
function takePacketId(request: Request): void {
  let taken = true;
  while (taken) {
    lastPacketId = lastPacketId == REQUEST_PACKET_ID_MAX ? REQUEST_PACKET_ID_MIN : lastPacketId + 1;
    taken = false;
    let other = head.next;
    while (other !== null && !taken) {
      taken = other.packetId == lastPacketId;
      other = other.next;
    }
  }
  request.packetId = <u16>lastPacketId;
}

function payloadOf(request: Request): usize {
  return changetype<usize>(request) + offsetof<Request>();
}

function propertiesOf(request: Request): usize {
  return payloadOf(request) + 3 + request.filterLength;
}

function sizeOf(filterLength: u32, propertiesLength: u32): u32 {
  return offsetof<Request>() + 3 + filterLength + propertiesLength;
}
