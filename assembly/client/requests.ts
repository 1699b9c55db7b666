// SUBSCRIBE and UNSUBSCRIBE of the client: one packet a filter, repeated on the next connection until it is answered, and the
// filters that are subscribed, so that they can be subscribed again when the server has lost the Session.

import { COMPLETED_OK, EVENT_COMPLETED } from "../abi";
import { allocate, release } from "../bytes/heap";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { SUBSCRIPTION_FAILURE } from "../packet/reason-code";
import { encodeSubscribe, subscribe, subscribeSize } from "../packet/subscribe";
import { encodeUnsubscribe, unsubscribe, unsubscribeSize } from "../packet/unsubscribe";
import { link, ONLINE } from "./link";

// States of a request.
const WAITING: u8 = 0;
const SENT: u8 = 1;
/** Subscribed; kept for the next Session. */
const ACTIVE: u8 = 2;

@unmanaged
class Request {
  next: Request | null;
  token: u32;
  packetId: u16;
  filterLength: u16;
  state: u8;
  qos: u8;
  isUnsubscribe: bool;
  // The payload of its packet follows: length, filter and, of SUBSCRIBE, the options.
}

/** Messages have the identifiers below these, so that the two never meet. */
export const REQUEST_PACKET_ID_MIN: u32 = 61_440;
const REQUEST_PACKET_ID_MAX: u32 = 65_535;
/** Tells tokens of requests from those of messages. */
const REQUEST_TOKEN: u32 = 0x8000_0000;

let first: Request | null = null;
let last: Request | null = null;
let unanswered: u32 = 0;
let lastPacketId: u32 = REQUEST_PACKET_ID_MAX;
let lastToken: u32 = REQUEST_TOKEN;

/** Adds a request and sends it when connected. Returns its token; 0 when too many are unanswered. */
export function addRequest(filter: usize, length: u32, qos: u32, isUnsubscribe: bool): u32 {
  if (unanswered > REQUEST_PACKET_ID_MAX - REQUEST_PACKET_ID_MIN) return 0;
  const request = changetype<Request>(allocate(sizeOf(length)));
  memory.fill(changetype<usize>(request), 0, offsetof<Request>());
  request.filterLength = <u16>length;
  request.qos = <u8>qos;
  request.isUnsubscribe = isUnsubscribe;
  const payload = payloadOf(request);
  store<u16>(payload, bswap<u16>(<u16>length));
  memory.copy(payload + 2, filter, length);
  store<u8>(payload + 2 + length, qos);
  lastToken = (lastToken + 1) | REQUEST_TOKEN;
  request.token = lastToken;
  const end = last;
  if (end === null) first = request;
  else end.next = request;
  last = request;
  unanswered++;
  if (link.state == ONLINE) send(request);
  return request.token;
}

/** The connection is up. `sessionPresent`: the server still knows what is subscribed. */
export function resumeRequests(sessionPresent: bool): void {
  let request = first;
  while (request !== null) {
    if (request.state != ACTIVE || !sessionPresent) send(request);
    request = request.next;
  }
}

/** SUBACK or UNSUBACK arrived; `code` is its first. False: nothing of ours has this identifier. */
export function completeRequest(packetId: u32, code: u32, isUnsubscribe: bool): bool {
  let request = first;
  while (request !== null) {
    if (request.packetId == packetId && request.isUnsubscribe == isUnsubscribe) break;
    request = request.next;
  }
  if (request === null) return false;
  request.packetId = 0;
  const wasActive = request.state == ACTIVE;
  if (!wasActive) {
    unanswered--;
    pushEvent(EVENT_COMPLETED, 0, isUnsubscribe ? COMPLETED_OK : code, request.token);
  }
  const failed = !isUnsubscribe && code == SUBSCRIPTION_FAILURE;
  if (!failed) dropActive(request);
  if (isUnsubscribe || failed) drop(request);
  else request.state = ACTIVE;
  return true;
}

/** Another request for the same filter has been answered since: what was subscribed before is replaced, or gone. */
function dropActive(by: Request): void {
  let request = first;
  while (request !== null) {
    const next = request.next;
    if (
      request != by &&
      request.state == ACTIVE &&
      request.filterLength == by.filterLength &&
      memory.compare(payloadOf(request) + 2, payloadOf(by) + 2, by.filterLength) == 0
    )
      drop(request);
    request = next;
  }
}

function drop(request: Request): void {
  let previous: Request | null = null;
  let each = first;
  while (each !== null && each != request) {
    previous = each;
    each = each.next;
  }
  if (previous === null) first = request.next;
  else previous.next = request.next;
  if (last == request) last = previous;
  release(changetype<usize>(request), sizeOf(request.filterLength));
}

function send(request: Request): void {
  request.packetId = <u16>freePacketId();
  if (request.state == WAITING) request.state = SENT;
  if (request.isUnsubscribe) {
    unsubscribe.packetId = request.packetId;
    unsubscribe.properties = 0;
    unsubscribe.propertiesLength = 0;
    unsubscribe.filters = payloadOf(request);
    unsubscribe.filtersLength = 2 + request.filterLength;
    encodeUnsubscribe(reserve(link.output, unsubscribeSize(link.level)), link.level);
  } else {
    subscribe.packetId = request.packetId;
    subscribe.properties = 0;
    subscribe.propertiesLength = 0;
    subscribe.filters = payloadOf(request);
    subscribe.filtersLength = 3 + request.filterLength;
    encodeSubscribe(reserve(link.output, subscribeSize(link.level)), link.level);
  }
}

/** One that no unanswered request has. */
function freePacketId(): u32 {
  let taken = true;
  while (taken) {
    lastPacketId = lastPacketId == REQUEST_PACKET_ID_MAX ? REQUEST_PACKET_ID_MIN : lastPacketId + 1;
    taken = false;
    let request = first;
    while (request !== null && !taken) {
      taken = request.packetId == lastPacketId;
      request = request.next;
    }
  }
  return lastPacketId;
}

function payloadOf(request: Request): usize {
  return changetype<usize>(request) + offsetof<Request>();
}

function sizeOf(filterLength: u32): u32 {
  return offsetof<Request>() + 3 + filterLength;
}
