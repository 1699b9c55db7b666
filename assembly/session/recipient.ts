// The other end of a Network Connection, as one has to know it who sends to it: its version, what it can take, and the
// Topic Aliases it has been told. A Connection of the broker is one, and so is the client's Link.

import { OPTION_TOPIC_ALIAS_SEND_MAX } from "../abi";
import { Output } from "../effect/send";
import { option } from "../limits";
import { createSentAliases, destroySentAliases, SentAliases } from "../topic/alias";

@unmanaged
export class Recipient {
  output: Output;
  aliases: SentAliases | null;
  /** Bytes of a packet it takes at most [MQTT-3.1.2-24]. */
  packetSizeMax: u32;
  /** QoS 1 and 2 messages it wants unacknowledged at most, 1..65,535 [MQTT-3.3.4-9]. */
  receiveMaximum: u16;
  /** Protocol Level of the connection. */
  level: u8;
  /** Highest QoS it takes, and whether it takes RETAIN: a server of 5.0 may say less than all. */
  qosMax: u8;
  retainAvailable: bool;
}

/** Bytes of the largest packet that has a Remaining Length [MQTT-1.5.5-1]. */
const PACKET_SIZE_LAST: u32 = 268_435_460;

/** A new connection: nothing is known of it but its level. */
export function resetRecipient(recipient: Recipient, level: u32): void {
  recipient.level = <u8>level;
  recipient.qosMax = 2;
  recipient.retainAvailable = true;
  recipient.receiveMaximum = 65_535;
  recipient.packetSizeMax = PACKET_SIZE_LAST;
  dropAliases(recipient);
}

/** Its Topic Alias Maximum: we use as many of them as we have room for [MQTT-3.1.2-26] [MQTT-3.2.2-17]. */
export function allowAliases(recipient: Recipient, maximum: u32): void {
  dropAliases(recipient);
  const most = min(maximum, option(OPTION_TOPIC_ALIAS_SEND_MAX));
  if (most > 0) recipient.aliases = createSentAliases(most);
}

export function dropAliases(recipient: Recipient): void {
  const aliases = recipient.aliases;
  if (aliases !== null) destroySentAliases(aliases);
  recipient.aliases = null;
}
