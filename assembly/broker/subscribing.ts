// SUBSCRIBE and UNSUBSCRIBE: each filter is added or taken away, all are answered in one packet, and the retained messages
// of the new Subscriptions follow.

import {
  CLOSE_LIMIT,
  CLOSE_PACKET_SIZE,
  EVENT_SUBSCRIBED,
  EVENT_UNSUBSCRIBED,
  FEATURE_SHARED,
  FEATURE_SUBSCRIPTION_IDENTIFIER,
  FEATURE_WILDCARD,
  OPTION_FEATURES,
  OPTION_SESSION_SUBSCRIPTIONS_MAX,
  OPTION_SUBSCRIPTIONS_MAX,
} from "../abi";
import { allocate, heapFull, release } from "../bytes/heap";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { option } from "../limits";
import { is5, LEVEL_3_1 } from "../packet/packet-type";
import { hasProperty, itemValue, itemValueLength, propertyValue, SUBSCRIPTION_IDENTIFIER } from "../packet/property";
import {
  IMPLEMENTATION_SPECIFIC_ERROR,
  NO_SUBSCRIPTION_EXISTED,
  PACKET_IDENTIFIER_IN_USE,
  QUOTA_EXCEEDED,
  SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
  SUBSCRIPTION_FAILURE,
  SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
  SUCCESS,
  TOPIC_FILTER_INVALID,
  WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
} from "../packet/reason-code";
import { encodeSuback, encodeUnsuback, suback, subackSize, unsuback, unsubackSize } from "../packet/suback";
import {
  decodeSubscribe,
  nextTopicFilter,
  OPTION_NO_LOCAL,
  OPTION_QOS,
  OPTION_RETAIN_AS_PUBLISHED,
  OPTION_RETAIN_HANDLING,
  RETAIN_HANDLING_SHIFT,
  subscribe,
} from "../packet/subscribe";
import { decodeUnsubscribe, nextUnsubscribeFilter, unsubscribe } from "../packet/unsubscribe";
import { hasIncoming } from "../session/incoming";
import { Session } from "../session/session";
import { hasWildcard, isShared, sharedFilterStart } from "../topic/filter";
import { topicTooLong } from "../topic/limits";
import { closeConnection } from "./closing";
import { Connection } from "./connection";
import { deliverRetained } from "./delivery";
import { eventWanted } from "./listening";
import { nextUserProperty } from "./properties";
import { nextLeaving, passOnLeft } from "./sharing";
import { countPacketSent } from "./statistics";
import * as subscriptions from "./subscription";
import { reasonProperty, reasonSize } from "./texts";

/** What SUBSCRIBE says for all its filters. */
let identifier: u32 = 0;
let expirySec: u32 = 0;
let isBridge: bool = false;

/** In the list of codes while the packet is handled: this filter was subscribed to before. */
const KNOWN: u32 = 0x40;

function withoutMark(code: u32): u32 {
  return code < SUBSCRIPTION_FAILURE ? code & OPTION_QOS : code;
}

export function handleSubscribe(connection: Connection, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeSubscribe(flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  const session = connection.session!;
  const refusal = takeTerms(connection, session);
  const codes = allocate(subscribe.count);
  let at = codes;
  let failures: u32 = 0;
  while (nextTopicFilter()) {
    let code = refusal != SUCCESS ? refusal : addSubscription(session);
    if (!is5(connection.level)) code = min(code, SUBSCRIPTION_FAILURE); // the one failure 3.1.1 knows
    if (code >= SUBSCRIPTION_FAILURE) failures++;
    store<u8>(at++, <u8>code);
    if (eventWanted(EVENT_SUBSCRIBED)) report(connection, withoutMark(code));
  }
  // 3.1 has no code for a failure, and to pretend would be worse than to part.
  if (failures > 0 && connection.level == LEVEL_3_1) closeConnection(connection, CLOSE_LIMIT);
  else answer(connection, codes);
  release(codes, subscribe.count);
  return SUCCESS;
}

export function handleUnsubscribe(connection: Connection, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeUnsubscribe(flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  const session = connection.session!;
  const inUse = is5(connection.level) && hasIncoming(session.incoming, unsubscribe.packetId);
  const leaving = nextLeaving();
  const codes = allocate(unsubscribe.count);
  let at = codes;
  while (nextUnsubscribeFilter()) {
    const code = inUse ? PACKET_IDENTIFIER_IN_USE : removeSubscription(session, leaving);
    store<u8>(at++, <u8>code);
    if (code == SUCCESS && eventWanted(EVENT_UNSUBSCRIBED)) {
      reportUnsubscribed(session, unsubscribe.topicFilter, unsubscribe.topicFilterLength);
    }
  }
  passOnLeft(session, leaving);
  unsuback.packetId = unsubscribe.packetId; // [MQTT-3.10.4-5]
  unsuback.properties = 0;
  unsuback.propertiesLength = 0;
  unsuback.reasonCodes = codes;
  unsuback.reasonCodesLength = unsubscribe.count;
  const size = unsubackSize(connection.level);
  if (size > connection.packetSizeMax) closeConnection(connection, CLOSE_PACKET_SIZE);
  else {
    encodeUnsuback(reserve(connection.output, size), connection.level);
    countPacketSent();
  }
  release(codes, unsubscribe.count);
  return SUCCESS;
}

/** The deadline of a Subscription is due: its time is over. */
export function handleLapse(subscription: subscriptions.Subscription): void {
  const session = subscription.session;
  if (eventWanted(EVENT_UNSUBSCRIBED)) {
    const length = subscriptions.filterLength(subscription);
    const filter = allocate(length);
    subscriptions.copyFilter(subscription, filter);
    reportUnsubscribed(session, filter, length);
    release(filter, length);
  }
  const leaving = nextLeaving();
  leave(subscription, leaving);
  passOnLeft(session, leaving);
}

/** Reads the properties of the SUBSCRIBE decoded last; returns the Reason Code that all its filters are refused with, or
 *  SUCCESS. */
function takeTerms(connection: Connection, session: Session): u32 {
  isBridge = connection.isBridge;
  identifier = 0;
  expirySec = 0;
  if (!is5(connection.level)) return SUCCESS;
  if (hasIncoming(session.incoming, subscribe.packetId)) return PACKET_IDENTIFIER_IN_USE;
  if (hasProperty(SUBSCRIPTION_IDENTIFIER)) {
    if ((option(OPTION_FEATURES) & FEATURE_SUBSCRIPTION_IDENTIFIER) == 0) return SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED;
    identifier = propertyValue(SUBSCRIPTION_IDENTIFIER);
  }
  return takeExpiry() ? SUCCESS : IMPLEMENTATION_SPECIFIC_ERROR;
}

/** midge_expiry */
const EXPIRY: usize = memory.data<u8>([109, 105, 100, 103, 101, 95, 101, 120, 112, 105, 114, 121]);
const EXPIRY_LENGTH: u32 = 12;
/** Digits of a number that fits 32 bits in any case. */
const DIGITS_MAX: u32 = 9;

/** The User Property midge_expiry: seconds until these Subscriptions lapse. False when its value is no such number. */
function takeExpiry(): bool {
  const end = subscribe.properties + subscribe.propertiesLength;
  let at = nextUserProperty(subscribe.properties, end, EXPIRY, EXPIRY_LENGTH);
  while (at != 0) {
    if (itemValueLength == 0 || itemValueLength > DIGITS_MAX) return false;
    expirySec = 0;
    for (let i: u32 = 0; i < itemValueLength; i++) {
      const digit = <u32>load<u8>(itemValue + i) - 0x30;
      if (digit > 9) return false;
      expirySec = expirySec * 10 + digit;
    }
    if (expirySec == 0) return false;
    at = nextUserProperty(at, end, EXPIRY, EXPIRY_LENGTH);
  }
  return true;
}

/** Adds the filter that `subscribe` stands at; returns its SUBACK code, with KNOWN set for one that was there before. */
function addSubscription(session: Session): u32 {
  const filter = subscribe.topicFilter;
  const length = subscribe.topicFilterLength;
  if (topicTooLong(filter, length)) return TOPIC_FILTER_INVALID;
  const features = option(OPTION_FEATURES);
  if (isShared(filter, length)) {
    if ((features & FEATURE_SHARED) == 0) return SHARED_SUBSCRIPTIONS_NOT_SUPPORTED;
    // Before 5.0 the packet is valid with any of them.
    const start = sharedFilterStart(filter, length);
    if (start == 0 || hasWildcard(filter, start)) return TOPIC_FILTER_INVALID;
  }
  if ((features & FEATURE_WILDCARD) == 0 && hasWildcard(filter, length)) return WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED;
  const full =
    heapFull() ||
    session.subscriptionCount >= option(OPTION_SESSION_SUBSCRIPTIONS_MAX) ||
    subscriptions.subscriptionCount >= option(OPTION_SUBSCRIPTIONS_MAX);
  if (full && !subscriptions.isSubscribed(session, filter, length)) return QUOTA_EXCEEDED;
  const options = isBridge ? subscribe.options | OPTION_NO_LOCAL | OPTION_RETAIN_AS_PUBLISHED : subscribe.options;
  const isNew = subscriptions.subscribe(session, filter, length, options, identifier, expirySec);
  return (options & OPTION_QOS) | (isNew ? 0 : KNOWN);
}

/** Removes the one that `unsubscribe` stands at; returns its UNSUBACK code. */
function removeSubscription(session: Session, leaving: u32): u32 {
  const subscription = subscriptions.lookUp(session, unsubscribe.topicFilter, unsubscribe.topicFilterLength);
  if (subscription === null) return NO_SUBSCRIPTION_EXISTED;
  leave(subscription, leaving);
  return SUCCESS;
}

/** Ends it, and marks its group, if it has one, for what passOnLeft() is to look for. */
function leave(subscription: subscriptions.Subscription, leaving: u32): void {
  const group = subscriptions.groupOf(subscription);
  if (group !== null) group.left = leaving;
  subscriptions.removeSubscription(subscription);
}

/** SUBACK, and the retained messages behind it. */
function answer(connection: Connection, codes: usize): void {
  suback.packetId = subscribe.packetId; // [MQTT-3.8.4-2]
  // In words when there is no doubt which filter they are about.
  suback.properties = reasonProperty(load<u8>(codes));
  suback.propertiesLength = connection.problemInformation && subscribe.count == 1 ? reasonSize : 0;
  suback.reasonCodes = allocate(subscribe.count);
  suback.reasonCodesLength = subscribe.count;
  for (let i: u32 = 0; i < subscribe.count; i++) {
    const code = <u32>load<u8>(codes + i);
    store<u8>(suback.reasonCodes + i, <u8>withoutMark(code));
  }
  if (subackSize(connection.level) > connection.packetSizeMax) suback.propertiesLength = 0; // [MQTT-3.9.2-1]
  const size = subackSize(connection.level);
  if (size > connection.packetSizeMax) closeConnection(connection, CLOSE_PACKET_SIZE);
  else {
    encodeSuback(reserve(connection.output, size), connection.level);
    countPacketSent();
    sendRetained(connection, codes);
  }
  release(suback.reasonCodes, subscribe.count);
}

/** Also for a Subscription that was there before and is replaced, unless 5.0 says otherwise [v3.1.1 MQTT-3.8.4-3]. */
function sendRetained(connection: Connection, codes: usize): void {
  const session = connection.session!;
  subscribe.cursor = subscribe.filters;
  let at = codes;
  while (nextTopicFilter()) {
    const code = <u32>load<u8>(at++);
    if (code >= SUBSCRIPTION_FAILURE || isShared(subscribe.topicFilter, subscribe.topicFilterLength)) continue;
    const handling = (subscribe.options & OPTION_RETAIN_HANDLING) >> RETAIN_HANDLING_SHIFT;
    // 0: always, 1: to a new Subscription, 2: never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    if (handling == 2 || (handling == 1 && (code & KNOWN) != 0)) continue;
    const subscription = subscriptions.lookUp(session, subscribe.topicFilter, subscribe.topicFilterLength);
    if (subscription !== null) deliverRetained(subscription, subscribe.topicFilter, subscribe.topicFilterLength);
  }
}

function report(connection: Connection, code: u32): void {
  const session = connection.session!;
  pushEvent(
    EVENT_SUBSCRIBED,
    connection.handle,
    code,
    0,
    session.clientId,
    session.clientIdLength,
    subscribe.topicFilter,
    subscribe.topicFilterLength,
  );
}

function reportUnsubscribed(session: Session, filter: usize, length: u32): void {
  const connection = changetype<Connection | null>(session.connection);
  pushEvent(
    EVENT_UNSUBSCRIBED,
    connection !== null ? connection.handle : 0,
    0,
    0,
    session.clientId,
    session.clientIdLength,
    filter,
    length,
  );
}
