// Keep Alive from the client's end: when PINGREQ is due, and when PINGRESP is overdue. Is told what happens, and answers with
// times; client.ts sets the deadline and acts on it.

import { nowMs } from "../effect/clock";
import { reserve } from "../effect/send";
import { PINGREQ } from "../packet/packet-type";
import { encodePing, PING_SIZE } from "../packet/ping";
import { output } from "./link";

/** PINGRESP may take half of the Keep Alive, and this long at least. */
const PING_WAIT_MIN_MS: u64 = 2_000;

/** 0: none. */
let keepAliveMs: u64 = 0;
let heardMs: u64 = 0;
let saidMs: u64 = 0;
/** When PINGREQ was sent that has no answer yet; 0 for none. */
let pingMs: u64 = 0;
/** The host does not read. */
let paused: bool = false;

/** A new connection. */
export function beginKeepAlive(seconds: u32): void {
  setKeepAlive(seconds);
  heardMs = nowMs;
  pingMs = 0;
}

export function setKeepAlive(seconds: u32): void {
  keepAliveMs = <u64>seconds * 1000;
}

/** Something was received. */
export function heard(): void {
  heardMs = nowMs;
}

/** Something was sent. */
export function said(): void {
  saidMs = nowMs;
}

/** Only PINGRESP answers: a server that sends all else is not one to trust [MQTT-3.12.4-1]. */
export function handlePingresp(): void {
  pingMs = 0;
}

/** While the host does not read, no PINGRESP is missed; an answer that waits in its socket gets the time it would have had. */
export function pausePing(whether: bool): void {
  paused = whether;
  if (pingMs > 0) pingMs = nowMs;
}

/** A Keep Alive after the last packet sent [MQTT-3.1.2-20], or received: sending alone would not notice a dead server. */
export function pingDue(): u64 {
  if (keepAliveMs == 0) return u64.MAX_VALUE;
  // One that is unanswered is not asked for again, but the Keep Alive is kept while it is waited for.
  return (pingMs > 0 ? saidMs : min(saidMs, heardMs)) + keepAliveMs;
}

export function pingFails(): u64 {
  return pingMs == 0 || paused ? u64.MAX_VALUE : pingMs + max(keepAliveMs >> 1, PING_WAIT_MIN_MS);
}

export function ping(): void {
  encodePing(reserve(output, PING_SIZE), PINGREQ);
  if (pingMs == 0) pingMs = nowMs;
  saidMs = nowMs;
}
