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
import { allocate, release } from "../bytes/heap";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { is5, requiredFlags, SUBSCRIBE, UNSUBSCRIBE } from "../packet/packet-type";
import { hasProperty, SUBSCRIPTION_IDENTIFIER } from "../packet/property";
import {
  PACKET_TOO_LARGE,
  SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
  SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
  SUCCESS,
  WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
} from "../packet/reason-code";
import { encodeSubscribe, OPTION_QOS, subscribe, subscribeSize } from "../packet/subscribe";
import { hasWildcard, isShared } from "../topic/filter";
import { ONLINE, server, state } from "./link";
import { propertiesValid } from "./properties";

@unmanaged
class Request {
  next: Request | null;
  token: u32;
  propertiesLength: u32;
  /** 0 unless it is sent and not answered on this connection. */
  packetId: u16;
  filterLength: u16;
  /** Subscription Options as on the wire. */
  options: u8;
  isUnsubscribe: bool;
  /** To be sent on this connection. */
  isDue: bool;
  /** Subscribed; kept for the next Session. */
  isActive: bool;
  /** A Subscription Identifier is among its properties. */
  hasIdentifier: bool;
  // The payload of its packet follows: length, filter and, used by SUBSCRIBE alone, the options. Then its properties.
}

/** Messages have the identifiers below these, so that the two never meet. */
export const REQUEST_PACKET_ID_MIN: u32 = 61_440;
const REQUEST_PACKET_ID_MAX: u32 = 65_535;
const REQUESTS_MAX: u32 = REQUEST_PACKET_ID_MAX - REQUEST_PACKET_ID_MIN + 1;
/** Tells tokens of requests from those of messages. */
const REQUEST_TOKEN: u32 = 0x8000_0000;

let features: u32 = 0;
/** All of them, in the order of asking; the first is none, so that each one has another before it. */
const head = changetype<Request>(memory.data(offsetof<Request>(), 4));
let last: Request = head;
/** Requests that the application has no answer to. */
let unanswered: u32 = 0;
/** Requests that are due, and Packet Identifiers in use: what is subscribed may be far more than there are of them. */
let due: u32 = 0;
let inUse: u32 = 0;
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
  if (unanswered == REQUESTS_MAX) return LIMIT_REACHED;
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
  unanswered++;
  if (state == ONLINE) {
    markDue(request);
    sendDue();
  }
  return request.token;
}

/** The connection is up. `sessionPresent`: the server still knows what is subscribed. */
export function resumeRequests(sessionPresent: bool): void {
  due = 0;
  inUse = 0;
  let request = head.next;
  while (request !== null) {
    request.packetId = 0;
    request.isDue = false;
    if (!request.isActive || !sessionPresent) markDue(request);
    request = request.next;
  }
  sendDue();
}

/** SUBACK or UNSUBACK arrived, with one code. Nothing happens when nothing of ours has this identifier. */
export function completeRequest(
  packetId: u32,
  code: u32,
  isUnsubscribe: bool,
  properties: usize,
  propertiesLength: u32,
): void {
  let request = head.next;
  while (request !== null) {
    if (request.packetId == packetId && request.isUnsubscribe == isUnsubscribe) break;
    request = request.next;
  }
  if (request === null) return;
  finish(request, code, properties, propertiesLength);
  sendDue();
}

/** It is answered: what is subscribed stays here, all else goes. */
function finish(request: Request, code: u32, properties: usize, propertiesLength: u32): void {
  freePacketId(request);
  if (!request.isActive) {
    unanswered--;
    pushEvent(EVENT_COMPLETED, 0, code, request.token, properties, propertiesLength);
  }
  const failed = code >= 0x80;
  if (!failed) dropActive(request);
  if (request.isUnsubscribe || failed) drop(request);
  else request.isActive = true;
}

/** Another request for the same filter has been answered since: what was subscribed before is replaced, or gone. */
function dropActive(by: Request): void {
  let request = head.next;
  while (request !== null) {
    const next = request.next;
    if (
      request != by &&
      request.isActive &&
      request.filterLength == by.filterLength &&
      memory.compare(payloadOf(request) + 2, payloadOf(by) + 2, by.filterLength) == 0
    )
      drop(request);
    request = next;
  }
}

function drop(request: Request): void {
  let previous = head;
  while (previous.next != request) previous = previous.next!;
  previous.next = request.next;
  if (last == request) last = previous;
  freePacketId(request);
  destroy(request);
}

function destroy(request: Request): void {
  release(changetype<usize>(request), sizeOf(request.filterLength, request.propertiesLength));
}

/** Why this server must not be sent it (3.2.2.3.11 to 13, [MQTT-3.2.2-15]); SUCCESS if it may be. */
function refusedCode(request: Request): u32 {
  if (!is5(server.level)) return SUCCESS;
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

function markDue(request: Request): void {
  request.isDue = true;
  due++;
}

/** Sends what is due, in its order, while there are Packet Identifiers. */
function sendDue(): void {
  let request = head.next;
  while (request !== null && due > 0 && inUse < REQUESTS_MAX) {
    const next = request.next;
    if (request.isDue) {
      request.isDue = false;
      due--;
      const refused = refusedCode(request);
      if (refused == SUCCESS) send(request);
      else if (!request.isActive) finish(request, refused, 0, 0);
    }
    request = next;
  }
}

function send(request: Request): void {
  takePacketId(request);
  const at = reserve(server.output, fill(request));
  encodeSubscribe(at, server.level);
  // Both have one layout: the options that UNSUBSCRIBE lacks are the end of the payload.
  if (request.isUnsubscribe) store<u8>(at, (UNSUBSCRIBE << 4) | requiredFlags(UNSUBSCRIBE));
}

/** Fills `subscribe` with it, whichever it is; returns the size of the packet. */
function fill(request: Request): u32 {
  const payload = payloadOf(request);
  const optionsAt = 2 + <u32>request.filterLength;
  // Before 5.0 there is only the QoS.
  store<u8>(payload + optionsAt, <u32>request.options & (is5(server.level) ? 0xff : OPTION_QOS));
  subscribe.packetId = request.packetId;
  subscribe.properties = propertiesOf(request);
  subscribe.propertiesLength = request.propertiesLength;
  subscribe.filters = payload;
  subscribe.filtersLength = request.isUnsubscribe ? optionsAt : optionsAt + 1;
  return subscribeSize(server.level);
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
  inUse++;
}

function freePacketId(request: Request): void {
  if (request.packetId != 0) inUse--;
  request.packetId = 0;
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
