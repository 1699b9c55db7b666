// The broker module: every export in a few lines. Arguments from outside are checked here, then broker/ is called.
// abi.ts says what each export promises.

import { BAD_ARGUMENT, OK } from "../abi";
import * as broker from "../broker/broker";
import { publishVersion } from "../broker/sys";
import { advanceClock } from "../effect/clock";
import { dropEvents } from "../effect/event";
import { argumentBytes, initShared, overArgument, overArguments, overInput } from "./shared";

export {
  abiVersion,
  argumentPtr,
  eventsPtr,
  heapInUse,
  inputPtr,
  nextDeadline,
  nextEvents,
  nextSends,
  optionValue,
  sendsPtr,
  setOption,
} from "./shared";

export function init(inputMax: u32, seed: u32): void {
  initShared(inputMax, seed);
  broker.initBroker(seed);
}

export function handleTime(nowMs: u32): void {
  advanceClock(nowMs);
  broker.handleDeadlines();
}

export function open(): u32 {
  return broker.open();
}

export function handleBytes(connection: u32, length: u32): u32 {
  return overInput(length) ? BAD_ARGUMENT : broker.handleBytes(connection, length);
}

export function handleClosed(connection: u32): u32 {
  return broker.handleClosed(connection);
}

export function handleAuthenticated(connection: u32, returnCode: u32): u32 {
  return broker.handleAuthenticated(connection, returnCode);
}

export function handleBlocked(connection: u32, unsent: u32): u32 {
  return broker.handleBlocked(connection, unsent);
}

export function handleWritable(connection: u32): u32 {
  return broker.handleWritable(connection);
}

export function handleSent(): void {
  broker.handleSent();
}

export function handleEvents(): void {
  dropEvents();
  broker.dropParted();
}

export function setVersion(length: u32): u32 {
  if (overArgument(length)) return BAD_ARGUMENT;
  publishVersion(argumentBytes(), length);
  return OK;
}

export function publish(topicNameLength: u32, payloadLength: u32, flags: u32): u32 {
  if (overArguments(topicNameLength, payloadLength)) return BAD_ARGUMENT;
  return broker.publishLocal(argumentBytes(), topicNameLength, payloadLength, flags);
}
