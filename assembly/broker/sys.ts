// $SYS/broker/...: what the broker says about itself, as retained messages under mosquitto's names, renewed at an interval.
// A value that has not changed is not published again. A table: row n of NAMES is the name of value n.

import { OPTION_SYS_INTERVAL_SEC } from "../abi";
import { countedBytes, letGo } from "../bytes/counted";
import { writeDecimal } from "../bytes/decimal";
import { heapBytes } from "../bytes/heap";
import { nowMs } from "../effect/clock";
import { createDeadline, Deadline, setDeadline } from "../effect/deadline";
import { sentBytes } from "../effect/send";
import { option } from "../limits";
import { createMessage } from "../session/message";
import { connectionCountMax } from "./connection-table";
import { DEADLINE_SYS } from "./deadlines";
import { deliverMessage } from "./delivery";
import { retainedCount } from "./retained";
import { sessionCount } from "./session-table";
import {
  bytesReceived,
  onlineCount,
  packetsReceived,
  packetsSent,
  publishesDropped,
  publishesReceived,
  publishesSent,
} from "./statistics";
import { subscriptionCount } from "./subscription";

/** Topic Names under $SYS/broker/, each ended by 0: the core has no strings, so they stand here in ASCII. */
const NAMES: usize = memory.data<u8>([
  // clients/connected
  99, 108, 105, 101, 110, 116, 115, 47, 99, 111, 110, 110, 101, 99, 116, 101, 100, 0,
  // clients/disconnected
  99, 108, 105, 101, 110, 116, 115, 47, 100, 105, 115, 99, 111, 110, 110, 101, 99, 116, 101, 100, 0,
  // clients/total
  99, 108, 105, 101, 110, 116, 115, 47, 116, 111, 116, 97, 108, 0,
  // clients/maximum
  99, 108, 105, 101, 110, 116, 115, 47, 109, 97, 120, 105, 109, 117, 109, 0,
  // messages/received
  109, 101, 115, 115, 97, 103, 101, 115, 47, 114, 101, 99, 101, 105, 118, 101, 100, 0,
  // messages/sent
  109, 101, 115, 115, 97, 103, 101, 115, 47, 115, 101, 110, 116, 0,
  // publish/messages/received
  112, 117, 98, 108, 105, 115, 104, 47, 109, 101, 115, 115, 97, 103, 101, 115, 47, 114, 101, 99, 101, 105, 118, 101,
  100, 0,
  // publish/messages/sent
  112, 117, 98, 108, 105, 115, 104, 47, 109, 101, 115, 115, 97, 103, 101, 115, 47, 115, 101, 110, 116, 0,
  // publish/messages/dropped
  112, 117, 98, 108, 105, 115, 104, 47, 109, 101, 115, 115, 97, 103, 101, 115, 47, 100, 114, 111, 112, 112, 101, 100, 0,
  // bytes/received
  98, 121, 116, 101, 115, 47, 114, 101, 99, 101, 105, 118, 101, 100, 0,
  // bytes/sent
  98, 121, 116, 101, 115, 47, 115, 101, 110, 116, 0,
  // subscriptions/count
  115, 117, 98, 115, 99, 114, 105, 112, 116, 105, 111, 110, 115, 47, 99, 111, 117, 110, 116, 0,
  // retained messages/count
  114, 101, 116, 97, 105, 110, 101, 100, 32, 109, 101, 115, 115, 97, 103, 101, 115, 47, 99, 111, 117, 110, 116, 0,
  // store/messages/bytes
  115, 116, 111, 114, 101, 47, 109, 101, 115, 115, 97, 103, 101, 115, 47, 98, 121, 116, 101, 115, 0,
  // heap/current
  104, 101, 97, 112, 47, 99, 117, 114, 114, 101, 110, 116, 0,
]);
const VALUE_COUNT: u32 = 15;

function value(index: u32): u64 {
  switch (index) {
    case 0:
      return onlineCount;
    case 1:
      return sessionCount - onlineCount;
    case 2:
      return sessionCount;
    case 3:
      return connectionCountMax;
    case 4:
      return packetsReceived;
    case 5:
      return packetsSent;
    case 6:
      return publishesReceived;
    case 7:
      return publishesSent;
    case 8:
      return publishesDropped;
    case 9:
      return bytesReceived;
    case 10:
      return sentBytes;
    case 11:
      return subscriptionCount;
    case 12:
      return retainedCount;
    case 13:
      return countedBytes;
    default:
      return heapBytes;
  }
}

/** $SYS/broker/ */
const PREFIX: usize = memory.data<u8>([36, 83, 89, 83, 47, 98, 114, 111, 107, 101, 114, 47]);
const PREFIX_LENGTH: u32 = 12;
/** version */
const VERSION: usize = memory.data<u8>([118, 101, 114, 115, 105, 111, 110]);
/** uptime */
const UPTIME: usize = memory.data<u8>([117, 112, 116, 105, 109, 101]);
/** The unit that mosquitto puts behind the uptime. */
const SECONDS: usize = memory.data<u8>([32, 115, 101, 99, 111, 110, 100, 115]);

/** Longest row of NAMES, and longest number, each with some room. */
const topicName: usize = memory.data(64);
const text: usize = memory.data(32);

/** Values as last published; the first time, everything is. */
const published: usize = memory.data(120, 8);

let interval: Deadline = changetype<Deadline>(0);
let startedMs: u64 = 0;

export function initSys(): void {
  startedMs = nowMs;
  memory.fill(published, 0xff, VALUE_COUNT << 3);
  interval = createDeadline(DEADLINE_SYS, 0);
  setDeadline(interval, nowMs);
}

/** The program and its version: the host's to say. */
export function publishVersion(version: usize, length: u32): void {
  publishAt(VERSION, 7, version, length);
}

/** The interval is over. */
export function publishSys(): void {
  const intervalMs = <u64>option(OPTION_SYS_INTERVAL_SEC) * 1000;
  if (intervalMs == 0) return;
  setDeadline(interval, nowMs + intervalMs);
  let name = NAMES;
  for (let i: u32 = 0; i < VALUE_COUNT; i++) {
    let length: u32 = 0;
    while (load<u8>(name + length) != 0) length++;
    const now = value(i);
    if (now != load<u64>(published + (i << 3))) {
      store<u64>(published + (i << 3), now);
      publishAt(name, length, text, writeDecimal(text, now));
    }
    name += length + 1;
  }
  const digits = writeDecimal(text, (nowMs - startedMs) / 1000);
  memory.copy(text + digits, SECONDS, 8);
  publishAt(UPTIME, 6, text, digits + 8);
}

function publishAt(name: usize, nameLength: u32, payload: usize, payloadLength: u32): void {
  memory.copy(topicName, PREFIX, PREFIX_LENGTH);
  memory.copy(topicName + PREFIX_LENGTH, name, nameLength);
  const message = createMessage(1, topicName, PREFIX_LENGTH + nameLength, 0, 0, payload, payloadLength);
  deliverMessage(message);
  letGo(message);
}
