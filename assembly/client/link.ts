// The client's one Network Connection and its state; what the other files of client/ share. Decides nothing. The Recipient
// that it extends is the server as CONNACK describes it.

import { CLIENT_CONNECTION, OPTION_PROTOCOL_LEVEL } from "../abi";
import { create } from "../bytes/heap";
import { Output } from "../effect/send";
import { option } from "../limits";
import { Stream } from "../packet/framer";
import { is5 } from "../packet/packet-type";
import { Recipient } from "../session/recipient";

// States.
/** Not connecting, and not going to. */
export const IDLE: u32 = 0;
/** The host was asked for a Network Connection. */
export const OPENING: u32 = 1;
/** CONNECT is sent, CONNACK awaited. */
export const CONNECTING: u32 = 2;
export const ONLINE: u32 = 3;
/** Sends what waits, then DISCONNECT, then closes. */
export const ENDING: u32 = 4;
/** Offline until the backoff is over. */
export const WAITING: u32 = 5;

@unmanaged
export class Link extends Recipient {
  state: u32;
  stream: Stream;
  lastHeardMs: u64;
  lastSentMs: u64;
  /** When PINGREQ was sent that has no answer yet; 0 for none. */
  pingSentMs: u64;
  /** The host does not read. */
  paused: bool;
  /** 3.1 only: since when nothing was acknowledged. */
  retryFromMs: u64;
  /** The Keep Alive in use: ours, or the server's own. */
  keepAliveSec: u32;
  /** FEATURE_* bits: what the server does. */
  features: u32;
}

export const link: Link = changetype<Link>(memory.data(offsetof<Link>(), 8));

export function initLink(): void {
  link.output = create<Output>();
  link.output.connection = CLIENT_CONNECTION;
  link.stream = create<Stream>();
}

/** Is 5.0 spoken on this connection; or on the next one, as far as is known? */
export function speaks5(): bool {
  return is5(link.state == ONLINE ? link.level : option(OPTION_PROTOCOL_LEVEL));
}
