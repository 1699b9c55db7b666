// What each key does: reads its value and sets an option, or makes an event of what only a host can do. Each line comes here
// twice, first only to find what is wrong with it, so that all of a file counts or nothing.

import {
  CONFIG_BAD_VALUE,
  CONFIG_EXTRA_WORDS,
  CONFIG_PATH_MISSING,
  CONFIG_PER_LISTENER,
  CONFIG_VALUE_NOT_SUPPORTED,
  EVENT_SETTING,
  FEATURE_RETAIN,
  HANDLE_SLOT_MASK,
  OPTION_CONNECTIONS_MAX,
  OPTION_FEATURES,
  OPTION_HEAP_MAX,
  OPTION_INFLIGHT_BYTES_MAX,
  OPTION_INFLIGHT_MAX,
  OPTION_KEEP_ALIVE_MAX_SEC,
  OPTION_OUTPUT_BYTES_MAX,
  OPTION_OUTPUT_BYTES_SOFT,
  OPTION_PACKET_SIZE_MAX,
  OPTION_PAYLOAD_SIZE_MAX,
  OPTION_QOS_MAX,
  OPTION_SESSION_EXPIRY_MAX_SEC,
  OPTION_SESSION_QUEUE_BYTES_MAX,
  OPTION_SYS_INTERVAL_SEC,
  OPTION_TOPIC_ALIAS_MAX,
} from "../abi";
import { readDecimal } from "../bytes/decimal";
import { pushEvent } from "../effect/event";
import { option, setOptionValue } from "../limits";
import { fault, faultRange, faultWords } from "./faults";
import * as keys from "./keys";
import { firstLength, key, keyLength, restLength, value, valueLength } from "./lines";
import { listenerCount, setBindAddress, setListener, setPort } from "./listeners";
import { NOT_FOUND, nameIndex } from "./names";
import * as values from "./values";

/** The file is good: set what it says. */
let isApplying: bool = false;

/** Whether clients without a name may connect: TRUE, FALSE, or NO_BOOLEAN while no line has said so. */
export let anonymous: u32 = values.NO_BOOLEAN;

/** What mosquitto's whole numbers end at. */
const INT_MAX: u32 = 0x7fff_ffff;
const NO_LIMIT: u32 = 0xffff_ffff;
/** Payload of the largest packet, as mosquitto counts it, and the packet with its header. */
const PAYLOAD_MAX: u32 = 268_435_455;
const PACKET_MAX: u32 = PAYLOAD_MAX + 5;
/** mosquitto's: less would not do for a CONNECT. */
const PACKET_LEAST: u32 = 20;
/** Not for ever: that is 0xffffffff. */
const EXPIRY_MAX: i64 = 0xffff_fffe;

export function settingsStart(applying: bool): void {
  isApplying = applying;
  anonymous = values.NO_BOOLEAN;
}

/** Acts on the line at hand, which has a value. `id`: its key. */
export function setKey(id: u32): void {
  switch (id) {
    case keys.LISTENER:
      setListener(isApplying);
      break;
    case keys.PORT:
      setPort();
      break;
    case keys.BIND_ADDRESS:
      setBindAddress();
      break;
    case keys.ALLOW_ANONYMOUS:
      // A wrong value is told: that nobody could connect need not be told as well.
      anonymous = setBoolean() == values.FALSE ? values.FALSE : values.TRUE;
      break;
    case keys.ALLOW_ZERO_LENGTH_CLIENTID:
      setOnly(values.TRUE);
      break;
    case keys.PER_LISTENER_SETTINGS:
    case keys.PERSISTENCE:
    case keys.QUEUE_QOS0_MESSAGES:
    case keys.RETAINED_PERSISTENCE:
    case keys.UPGRADE_OUTGOING_QOS:
      setOnly(values.FALSE);
      break;
    case keys.RETAIN_AVAILABLE:
      setRetain();
      break;
    case keys.SET_TCP_NODELAY:
      // Hosts never hold small packets back.
      setBoolean();
      break;
    case keys.PERSISTENT_CLIENT_EXPIRATION:
      setExpiration();
      break;
    case keys.PROTOCOL:
      setWord(values.PROTOCOLS, values.OTHER_PROTOCOLS);
      break;
    default:
      if (!setLimit(id)) setHost(id);
  }
}

/** Whole numbers; false when it is another key. */
function setLimit(id: u32): bool {
  switch (id) {
    case keys.MAX_CONNECTIONS:
      setCommon(OPTION_CONNECTIONS_MAX, -1, HANDLE_SLOT_MASK, HANDLE_SLOT_MASK, -1);
      return true;
    case keys.MAX_QOS:
    case keys.MAXIMUM_QOS:
      setCommon(OPTION_QOS_MAX, 0, 2, 0, 2);
      return true;
    case keys.MAX_TOPIC_ALIAS:
      setCommon(OPTION_TOPIC_ALIAS_MAX, 0, 65_535, 0, i32.MIN_VALUE);
      return true;
    case keys.MAX_INFLIGHT_BYTES:
      setNumber(OPTION_INFLIGHT_BYTES_MAX, 0, INT_MAX, NO_LIMIT);
      return true;
    case keys.MAX_INFLIGHT_MESSAGES:
      setNumber(OPTION_INFLIGHT_MAX, 0, 65_535, 65_535);
      return true;
    case keys.MAX_KEEPALIVE:
      setNumber(OPTION_KEEP_ALIVE_MAX_SEC, 0, 65_535, 0);
      return true;
    case keys.MAX_PACKET_SIZE:
      setNumber(OPTION_PACKET_SIZE_MAX, PACKET_LEAST, INT_MAX, 0);
      if (isApplying) makeRoom();
      return true;
    case keys.MAX_QUEUED_BYTES:
      setNumber(OPTION_SESSION_QUEUE_BYTES_MAX, 0, INT_MAX, NO_LIMIT);
      return true;
    case keys.MEMORY_LIMIT:
      setNumber(OPTION_HEAP_MAX, 0, INT_MAX, option(OPTION_HEAP_MAX));
      return true;
    case keys.MESSAGE_SIZE_LIMIT:
      setNumber(OPTION_PAYLOAD_SIZE_MAX, 0, PAYLOAD_MAX, NO_LIMIT);
      return true;
    case keys.SYS_INTERVAL:
      setNumber(OPTION_SYS_INTERVAL_SEC, 0, 65_535, 0);
      return true;
    default:
      return false;
  }
}

/** What only a host can do: it gets the value, if it is one. */
function setHost(id: u32): void {
  if (id == keys.CONNECTION_MESSAGES) {
    const boolean = setBoolean();
    pushSetting(values.booleanText(boolean), values.booleanLength(boolean));
    return;
  }
  if (id == keys.LOG_TYPE) setWord(values.LOG_TYPES, 0);
  else if (id == keys.LOG_DEST) setLogDest();
  pushSetting(value, valueLength);
}

function pushSetting(text: usize, length: u32): void {
  if (isApplying) pushEvent(EVENT_SETTING, 0, 0, 0, key, keyLength, text, length);
}

/** One of the names of a table. `others`: a table of those that are mosquitto's and not supported; 0: there are none. */
function setWord(table: usize, others: usize): void {
  if (nameIndex(table, value, valueLength) != NOT_FOUND) return;
  if (others != 0 && nameIndex(others, value, valueLength) != NOT_FOUND) fault(CONFIG_VALUE_NOT_SUPPORTED);
  else faultWords(table);
}

function setLogDest(): void {
  const place = nameIndex(values.LOG_DESTS, value, firstLength);
  if (place == NOT_FOUND) setWord(values.LOG_DESTS, values.OTHER_LOG_DESTS);
  else if (place != values.LOG_DEST_FILE && restLength > 0) fault(CONFIG_EXTRA_WORDS);
  else if (place == values.LOG_DEST_FILE && restLength == 0) fault(CONFIG_PATH_MISSING);
}

function setBoolean(): u32 {
  const boolean = values.readBoolean(value, valueLength);
  if (boolean == values.NO_BOOLEAN) faultWords(values.BOOLEANS);
  return boolean;
}

/** A boolean of which we do but one. */
function setOnly(supported: u32): void {
  if (setBoolean() == (supported ^ 1)) fault(CONFIG_VALUE_NOT_SUPPORTED);
}

function setRetain(): void {
  const features = option(OPTION_FEATURES);
  set(OPTION_FEATURES, setBoolean() == values.FALSE ? features & ~FEATURE_RETAIN : features | FEATURE_RETAIN);
}

function setExpiration(): void {
  const seconds = values.readDuration(value, valueLength);
  if (seconds > 0 && seconds <= EXPIRY_MAX) set(OPTION_SESSION_EXPIRY_MAX_SEC, <u32>seconds);
  else fault(CONFIG_BAD_VALUE, values.DURATION, values.DURATION_LENGTH);
}

/** A number that mosquitto has for each listener, and we for all of them. `own`: what a listener has without it. */
function setCommon(target: u32, least: i32, most: u32, none: u32, own: i32): void {
  if (listenerCount > 1 && readWhole() != own) fault(CONFIG_PER_LISTENER);
  else setNumber(target, least, most, none);
}

/** `none`: what the option is for 0 and below. */
function setNumber(target: u32, least: i32, most: u32, none: u32): void {
  const number = readWhole();
  if (number < least || number > <i64>most) faultRange(least, most);
  else set(target, number > 0 ? <u32>number : none);
}

function readWhole(): i64 {
  const sign: u32 = load<u8>(value) == 0x2d ? 1 : 0;
  const number = readDecimal(value + sign, valueLength - sign);
  return sign == 0 ? number : -number;
}

/** What is sent to one connection must have room for the largest packet. */
function makeRoom(): void {
  const most = min(option(OPTION_PACKET_SIZE_MAX), PACKET_MAX);
  set(OPTION_PACKET_SIZE_MAX, most);
  set(OPTION_OUTPUT_BYTES_MAX, max(option(OPTION_OUTPUT_BYTES_MAX), option(OPTION_OUTPUT_BYTES_SOFT) + most));
}

function set(target: u32, to: u32): void {
  if (isApplying) setOptionValue(target, to);
}
