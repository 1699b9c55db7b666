// The client's one Network Connection: its state, and the server at its other end as CONNACK describes it. What the other
// files of client/ share; decides nothing. The state is a variable, not a field, because it is looked at everywhere.

import { CLIENT_CONNECTION, OPTION_PROTOCOL_LEVEL } from "../abi";
import { create } from "../bytes/heap";
import { Output } from "../effect/send";
import { option } from "../limits";
import { is5 } from "../packet/packet-type";
import { Recipient, resetRecipient } from "../session/recipient";

// States.
/** Not connecting, and not going to. */
export const IDLE: u32 = 0;
/** Offline until the backoff is over. */
export const WAITING: u32 = 1;
/** The host was asked for a Network Connection. */
export const OPENING: u32 = 2;
/** CONNECT is sent, CONNACK awaited. */
export const CONNECTING: u32 = 3;
export const ONLINE: u32 = 4;
/** Sends what waits, then DISCONNECT, then closes. */
export const ENDING: u32 = 5;

export let state: u32 = IDLE;

export function setState(next: u32): void {
  state = next;
}

/** Is there a Network Connection? */
export function connected(): bool {
  return state >= CONNECTING;
}

/** The other end. */
export const server: Recipient = changetype<Recipient>(memory.data(offsetof<Recipient>(), 8));

/** What is sent to it. */
export let output: Output = changetype<Output>(0);
/** Protocol Level of this connection. */
export let level: u32 = 0;

export function initLink(): void {
  output = create<Output>();
  output.connection = CLIENT_CONNECTION;
  server.output = output;
}

/** Begins a connection; nothing is known of the server but the level that we speak. */
export function resetServer(ofLevel: u32): void {
  resetRecipient(server, ofLevel);
  level = ofLevel;
}

/** Is 5.0 spoken on this connection? */
export function on5(): bool {
  return is5(level);
}

/** Protocol Level of this connection; of the next one, as far as is known, while there is none. */
export function levelNow(): u32 {
  return state >= ONLINE ? level : option(OPTION_PROTOCOL_LEVEL);
}

/** Is 5.0 spoken there? */
export function speaks5(): bool {
  return is5(levelNow());
}
