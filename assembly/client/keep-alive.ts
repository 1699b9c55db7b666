// Keep Alive from the client's end: when PINGREQ is due, and when PINGRESP is overdue. Answers with times; client.ts sets the
// deadline and acts on it.

import { nowMs } from "../effect/clock";
import { reserve } from "../effect/send";
import { PINGREQ } from "../packet/packet-type";
import { encodePing, PING_SIZE } from "../packet/ping";
import { link } from "./link";

/** PINGRESP may take half of the Keep Alive, and this long at least. */
const PING_WAIT_MIN_MS: u64 = 2_000;

/** A Keep Alive after the last packet sent [MQTT-3.1.2-20], or received: sending alone would not notice a dead server. */
export function pingDue(): u64 {
  const keepAliveMs = <u64>link.keepAliveSec * 1000;
  if (keepAliveMs == 0) return u64.MAX_VALUE;
  // One that is unanswered is not asked for again, but the Keep Alive is kept while it is waited for.
  if (link.pingSentMs > 0) return link.lastSentMs + keepAliveMs;
  return min(link.lastSentMs, link.lastHeardMs) + keepAliveMs;
}

/** Only PINGRESP answers: a server that sends all else is not one to trust [MQTT-3.12.4-1]. */
export function pingFails(): u64 {
  if (link.pingSentMs == 0 || link.paused) return u64.MAX_VALUE;
  return link.pingSentMs + max(<u64>link.keepAliveSec * 500, PING_WAIT_MIN_MS);
}

export function ping(): void {
  encodePing(reserve(link.output, PING_SIZE), PINGREQ);
  if (link.pingSentMs == 0) link.pingSentMs = nowMs;
  link.lastSentMs = nowMs;
}
