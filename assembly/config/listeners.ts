// Where a file says to listen: its listeners, each an event for the host, and the default listener of `port` and
// `bind_address`, which comes behind them as in mosquitto.

import { CONFIG_EXTRA_WORDS, CONFIG_PATH_MISSING, EVENT_LISTENER } from "../abi";
import { readDecimal } from "../bytes/decimal";
import { pushEvent } from "../effect/event";
import { fault, faultRange } from "./faults";
import { firstLength, rest, restLength, value, valueLength } from "./lines";

/** Listeners of the file, counted before its values are read. */
export let listenerCount: u32 = 0;

let hasDefault: bool = false;
let defaultPort: u32 = 0;
let defaultAddress: usize = 0;
let defaultAddressLength: u32 = 0;

const PORT_MAX: i64 = 65_535;
/** Of the default listener. */
const PORT_DEFAULT: u32 = 1883;

export function listenersStart(): void {
  listenerCount = 0;
  hasDefault = false;
  defaultPort = PORT_DEFAULT;
  defaultAddressLength = 0;
}

export function countListener(): void {
  listenerCount++;
}

export function countDefaultListener(): void {
  if (!hasDefault) listenerCount++;
  hasDefault = true;
}

/** `listener PORT`, `listener PORT ADDRESS` or `listener 0 PATH`. */
export function setListener(isApplying: bool): void {
  const port = readDecimal(value, firstLength);
  if (port > PORT_MAX) faultRange(0, <u32>PORT_MAX);
  else if (port == 0 && restLength == 0) fault(CONFIG_PATH_MISSING);
  else if (port == 0) push(isApplying, 0, 0, 0, rest, restLength);
  else if (hasSpace(rest, restLength)) fault(CONFIG_EXTRA_WORDS);
  else push(isApplying, <u32>port, rest, restLength, 0, 0);
}

export function setPort(): void {
  const port = readDecimal(value, valueLength);
  if (port < 1 || port > PORT_MAX) faultRange(1, <u32>PORT_MAX);
  else defaultPort = <u32>port;
}

export function setBindAddress(): void {
  if (restLength > 0) fault(CONFIG_EXTRA_WORDS);
  defaultAddress = value;
  defaultAddressLength = valueLength;
}

/** After the last line. */
export function pushDefaultListener(): void {
  if (hasDefault) push(true, defaultPort, defaultAddress, defaultAddressLength, 0, 0);
}

function push(isApplying: bool, port: u32, address: usize, addressLength: u32, path: usize, pathLength: u32): void {
  if (isApplying) pushEvent(EVENT_LISTENER, 0, port, 0, address, addressLength, path, pathLength);
}

function hasSpace(at: usize, length: u32): bool {
  for (const end = at + length; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x20 || byte == 9) return true;
  }
  return false;
}
