// SUBSCRIBE and UNSUBSCRIBE: each filter is added or taken away, all are answered in one packet, and the retained messages
// of the new Subscriptions follow.

import {
  CLOSE_LIMIT,
  EVENT_SUBSCRIBED,
  EVENT_UNSUBSCRIBED,
  OPTION_SESSION_SUBSCRIPTIONS_MAX,
  OPTION_SUBSCRIPTIONS_MAX,
} from "../abi";
import { allocate, heapFull, release } from "../bytes/heap";
import { pushEvent } from "../effect/event";
import { reserve } from "../effect/send";
import { option } from "../limits";
import { LEVEL_3_1 } from "../packet/packet-type";
import { SUBSCRIPTION_FAILURE, SUCCESS } from "../packet/reason-code";
import { encodeSuback, encodeUnsuback, suback, subackSize, unsuback, unsubackSize } from "../packet/suback";
import { decodeSubscribe, nextTopicFilter, OPTION_QOS, subscribe } from "../packet/subscribe";
import { decodeUnsubscribe, nextUnsubscribeFilter, unsubscribe } from "../packet/unsubscribe";
import { Session } from "../session/session";
import { isShared } from "../topic/filter";
import { topicTooLong } from "../topic/limits";
import { Connection, closeConnection } from "./connection";
import { deliverRetained } from "./delivery";
import { eventWanted } from "./listening";
import * as router from "./router";
import { countPacketSent } from "./statistics";

export function handleSubscribe(connection: Connection, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeSubscribe(flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  const session = connection.session!;
  const codes = allocate(subscribe.count);
  let at = codes;
  let failures: u32 = 0;
  while (nextTopicFilter()) {
    const code = addSubscription(session);
    if (code == SUBSCRIPTION_FAILURE) failures++;
    store<u8>(at++, code);
    if (eventWanted(EVENT_SUBSCRIBED)) report(connection, EVENT_SUBSCRIBED, code);
  }
  // 3.1 has no code for a failure, and to pretend would be worse than to part.
  if (failures > 0 && <u32>connection.level == LEVEL_3_1) closeConnection(connection, CLOSE_LIMIT);
  else {
    sendSuback(connection, codes);
    sendRetained(connection, codes);
  }
  release(codes, subscribe.count);
  return SUCCESS;
}

export function handleUnsubscribe(connection: Connection, flags: u32, body: usize, length: u32): u32 {
  const reason = decodeUnsubscribe(flags, body, length, connection.level);
  if (reason != SUCCESS) return reason;
  const session = connection.session!;
  while (nextUnsubscribeFilter()) {
    router.unsubscribe(session, unsubscribe.topicFilter, unsubscribe.topicFilterLength);
    if (eventWanted(EVENT_UNSUBSCRIBED)) {
      pushEvent(
        EVENT_UNSUBSCRIBED,
        connection.handle,
        0,
        0,
        session.clientId,
        session.clientIdLength,
        unsubscribe.topicFilter,
        unsubscribe.topicFilterLength,
      );
    }
  }
  unsuback.packetId = unsubscribe.packetId;
  encodeUnsuback(reserve(connection.output, unsubackSize(connection.level)), connection.level);
  countPacketSent();
  return SUCCESS;
}

/** Adds the filter that `subscribe` stands at; returns its SUBACK code. */
function addSubscription(session: Session): u32 {
  const filter = subscribe.topicFilter;
  const length = subscribe.topicFilterLength;
  if (topicTooLong(filter, length)) return SUBSCRIPTION_FAILURE;
  // Granted as an ordinary filter it would match nothing anybody publishes: a refusal is seen.
  if (isShared(filter, length)) return SUBSCRIPTION_FAILURE;
  const full =
    heapFull() ||
    session.subscriptionCount >= option(OPTION_SESSION_SUBSCRIPTIONS_MAX) ||
    router.subscriptionCount >= option(OPTION_SUBSCRIPTIONS_MAX);
  if (full && !router.isSubscribed(session, filter, length)) return SUBSCRIPTION_FAILURE;
  router.subscribe(session, filter, length, subscribe.options);
  return subscribe.options & OPTION_QOS;
}

function sendSuback(connection: Connection, codes: usize): void {
  suback.packetId = subscribe.packetId;
  suback.properties = 0;
  suback.propertiesLength = 0;
  suback.reasonCodes = codes;
  suback.reasonCodesLength = subscribe.count;
  encodeSuback(reserve(connection.output, subackSize(connection.level)), connection.level);
  countPacketSent();
}

/** Also for a Subscription that was there before and is replaced [v3.1.1 MQTT-3.8.4-3]. */
function sendRetained(connection: Connection, codes: usize): void {
  const session = connection.session!;
  subscribe.cursor = subscribe.filters;
  let at = codes;
  while (nextTopicFilter()) {
    const code = <u32>load<u8>(at++);
    if (code == SUBSCRIPTION_FAILURE) continue;
    deliverRetained(session, subscribe.topicFilter, subscribe.topicFilterLength, code);
  }
}

function report(connection: Connection, kind: u32, code: u32): void {
  const session = connection.session!;
  pushEvent(
    kind,
    connection.handle,
    code,
    0,
    session.clientId,
    session.clientIdLength,
    subscribe.topicFilter,
    subscribe.topicFilterLength,
  );
}
