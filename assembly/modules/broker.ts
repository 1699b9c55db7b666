// The broker module: every export in a few lines. Arguments from outside are checked here, then broker/ is called.
// abi.ts says what each export promises.

import { BAD_ARGUMENT, BAD_STATE, OK, TEXT_VERSION } from "../abi";
import * as broker from "../broker/broker";
import * as commands from "../broker/commands";
import { connectionCountMax } from "../broker/connection-table";
import { publishVersion } from "../broker/sys";
import { setText as keepText } from "../broker/texts";
import { seedHash } from "../bytes/hash";
import { configure as readConfiguration } from "../config/configure";
import { advanceClock } from "../effect/clock";
import { dropEvents } from "../effect/event";
import { setBrokerDefaults } from "../limits";
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
  seedHash(seed);
  setBrokerDefaults();
  initShared(inputMax);
  broker.initBroker(seed);
}

export function handleTime(nowMs: u32): void {
  advanceClock(nowMs);
  broker.handleDeadlines();
}

export function configure(length: u32): u32 {
  if (connectionCountMax > 0) return BAD_STATE;
  return overArgument(length) ? BAD_ARGUMENT : readConfiguration(argumentBytes(), length);
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

export function handleAuthenticated(connection: u32, reasonCode: u32, serverReferenceLength: u32): u32 {
  if (overArgument(serverReferenceLength)) return BAD_ARGUMENT;
  return commands.handleAuthenticated(connection, reasonCode, argumentBytes(), serverReferenceLength);
}

export function handleAuth(connection: u32, reasonCode: u32, dataLength: u32): u32 {
  if (overArgument(dataLength)) return BAD_ARGUMENT;
  return commands.handleAuth(connection, reasonCode, argumentBytes(), dataLength);
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

export function setText(text: u32, length: u32): u32 {
  if (overArgument(length)) return BAD_ARGUMENT;
  if (text != TEXT_VERSION) return keepText(text, argumentBytes(), length);
  publishVersion(argumentBytes(), length);
  return OK;
}

export function publish(topicNameLength: u32, propertiesLength: u32, payloadLength: u32, flags: u32): u32 {
  if (overArguments(topicNameLength, propertiesLength)) return BAD_ARGUMENT;
  if (overArguments(topicNameLength + propertiesLength, payloadLength)) return BAD_ARGUMENT;
  return commands.publishLocal(argumentBytes(), topicNameLength, propertiesLength, payloadLength, flags);
}

export function disconnectClient(clientIdLength: u32, reasonCode: u32): u32 {
  if (overArgument(clientIdLength)) return BAD_ARGUMENT;
  return commands.disconnectClient(argumentBytes(), clientIdLength, reasonCode);
}

export function shutDown(reasonCode: u32): u32 {
  return commands.shutDown(reasonCode);
}
