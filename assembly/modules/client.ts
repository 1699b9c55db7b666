// The client module: every export in a few lines. Arguments from outside are checked here, then client/ is called.
// abi.ts says what each export promises.

import { BAD_ARGUMENT, BAD_HANDLE, BAD_STATE, BAD_TOPIC, CLIENT_CONNECTION, OK } from "../abi";
import { sendAuth } from "../client/authentication";
import * as client from "../client/client";
import * as identity from "../client/identity";
import { ENDING, levelNow, state } from "../client/link";
import { publishMessage } from "../client/outbox";
import { addRequest } from "../client/requests";
import { advanceClock } from "../effect/clock";
import { dropEvents } from "../effect/event";
import { setClientDefaults } from "../limits";
import { SUCCESS } from "../packet/reason-code";
import { filterFault, optionsFault } from "../packet/subscribe";
import * as filter from "../topic/filter";
import { argumentBytes, initShared, overArgument, overArguments, overInput } from "./shared";

export { untilDeadline as nextDeadline } from "../client/deadline";
export {
  abiVersion,
  argumentPtr,
  eventsPtr,
  heapInUse,
  inputPtr,
  nextEvents,
  nextSends,
  optionValue,
  sendsPtr,
  setOption,
} from "./shared";

export function init(inputMax: u32, seed: u32): void {
  setClientDefaults();
  initShared(inputMax);
  client.initClient(seed);
}

export function setText(text: u32, length: u32): u32 {
  return overArgument(length) ? BAD_ARGUMENT : identity.setText(text, argumentBytes(), length);
}

export function handleTime(nowMs: u32): void {
  advanceClock(nowMs);
  client.handleDeadline();
}

export function connect(): u32 {
  return client.startConnecting();
}

export function disconnect(reasonCode: u32, propertiesLength: u32): u32 {
  if (overArgument(propertiesLength)) return BAD_ARGUMENT;
  return client.startEnding(reasonCode, argumentBytes(), propertiesLength);
}

export function auth(reasonCode: u32, dataLength: u32): u32 {
  return overArgument(dataLength) ? BAD_ARGUMENT : sendAuth(reasonCode, argumentBytes(), dataLength);
}

export function handleOpened(): u32 {
  return client.handleOpened();
}

export function handleClosed(connection: u32): u32 {
  return connection == CLIENT_CONNECTION ? client.handleClosed() : BAD_HANDLE;
}

export function handleBytes(connection: u32, length: u32): u32 {
  if (connection != CLIENT_CONNECTION) return BAD_HANDLE;
  return overInput(length) ? BAD_ARGUMENT : client.handleBytes(length);
}

export function handlePaused(paused: bool): void {
  client.handlePaused(paused);
}

export function handleBlocked(connection: u32, unsent: u32): u32 {
  if (connection != CLIENT_CONNECTION) return BAD_HANDLE;
  client.handleBlocked(unsent);
  return OK;
}

export function handleWritable(connection: u32): u32 {
  if (connection != CLIENT_CONNECTION) return BAD_HANDLE;
  client.handleWritable();
  return OK;
}

export function handleSent(): void {
  client.handleSent();
}

export function handleEvents(): void {
  dropEvents();
}

export function publish(topicNameLength: u32, propertiesLength: u32, payloadLength: u32, flags: u32): u32 {
  if (overArguments(topicNameLength, propertiesLength)) return BAD_ARGUMENT;
  if (overArguments(topicNameLength + propertiesLength, payloadLength)) return BAD_ARGUMENT;
  return publishMessage(argumentBytes(), topicNameLength, propertiesLength, payloadLength, flags);
}

export function subscribe(topicFilterLength: u32, propertiesLength: u32, options: u32): u32 {
  return request(topicFilterLength, propertiesLength, options, false);
}

export function unsubscribe(topicFilterLength: u32, propertiesLength: u32): u32 {
  return request(topicFilterLength, propertiesLength, 0, true);
}

export function filterMatches(topicFilterLength: u32, topicNameLength: u32): bool {
  if (overArguments(topicFilterLength, topicNameLength)) return false;
  const bytes = argumentBytes();
  return filter.filterMatches(bytes, topicFilterLength, bytes + topicFilterLength, topicNameLength);
}

function request(topicFilterLength: u32, propertiesLength: u32, options: u32, isUnsubscribe: bool): u32 {
  if (overArguments(topicFilterLength, propertiesLength)) return BAD_ARGUMENT;
  if (state == ENDING) return BAD_STATE;
  const bytes = argumentBytes();
  const level = levelNow();
  const isShared = filter.isShared(bytes, topicFilterLength);
  if (filterFault(bytes, topicFilterLength, level) != SUCCESS) return BAD_TOPIC;
  if (options > 0xff || optionsFault(options, isShared, level) != SUCCESS) return BAD_ARGUMENT;
  return addRequest(bytes, topicFilterLength, propertiesLength, options, isUnsubscribe);
}
