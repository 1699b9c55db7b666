// DISCONNECT in both directions (section 3.14): ours, with what the host or a broken rule puts into it, and the server's.
// Who closes the connection then is client.ts.

import { BAD_ARGUMENT, BAD_PROPERTIES, CLOSE_SERVER, OK, TOO_LARGE } from "../abi";
import { duplicate, release } from "../bytes/heap";
import { reserve } from "../effect/send";
import { decodeDisconnect, disconnect, disconnectSize, encodeDisconnect } from "../packet/disconnect";
import { DISCONNECT } from "../packet/packet-type";
import { hasProperty, propertyValue, SESSION_EXPIRY_INTERVAL } from "../packet/property";
import { DISCONNECT_WITH_WILL_MESSAGE, NORMAL_DISCONNECTION, PROTOCOL_ERROR, SUCCESS } from "../packet/reason-code";
import { sessionKept } from "./identity";
import { level, ONLINE, output, server, speaks5, state } from "./link";
import { propertiesValid } from "./properties";

/** One bit for each of the Reason Codes from 0x80 on that a client may send in DISCONNECT (table 3-10): 0x80 to 0x83, 0x90,
 *  and 0x93 to 0x99. */
const CODES_FROM_0X80: u32 = 0x03f9_000f;

/** DISCONNECT is in the output: nothing may follow it [MQTT-3.14.4-1]. */
export let disconnectSent: bool = false;
/** Its Reason Code. */
export let disconnectCode: u32 = 0;

/** What disconnect() wants said, while what waits is sent before it. */
let keptCode: u32 = NORMAL_DISCONNECTION;
let keptProperties: usize = 0;
let keptLength: u32 = 0;

/** disconnect(): checks what it wants said and keeps it. */
export function keepDisconnect(reasonCode: u32, properties: usize, length: u32): u32 {
  if (!speaks5()) return reasonCode == 0 && length == 0 ? OK : BAD_ARGUMENT;
  if (!codeIsOurs(reasonCode)) return BAD_ARGUMENT;
  if (!propertiesValid(properties, length, DISCONNECT)) return BAD_PROPERTIES;
  // A Session that ends with its connection stays like that (3.14.2.2.2).
  if (propertyValue(SESSION_EXPIRY_INTERVAL) != 0 && !sessionKept()) return BAD_PROPERTIES;
  if (state == ONLINE) {
    disconnect.reasonCode = reasonCode;
    disconnect.propertiesLength = length;
    if (disconnectSize(level) > server.packetSizeMax) return TOO_LARGE; // [MQTT-3.14.2-3] [MQTT-3.14.2-4]
  }
  dropDisconnect();
  keptCode = reasonCode;
  keptProperties = duplicate(properties, length);
  keptLength = length;
  return OK;
}

function codeIsOurs(code: u32): bool {
  if (code < 0x80) return code == NORMAL_DISCONNECTION || code == DISCONNECT_WITH_WILL_MESSAGE;
  return code < 0xa0 && ((CODES_FROM_0X80 >> (code - 0x80)) & 1) != 0;
}

/** Says what disconnect() wanted said. */
export function sendKeptDisconnect(): void {
  send(keptCode, keptProperties, keptLength);
}

/** Says what is wrong with the server. */
export function sendFault(reasonCode: u32): void {
  send(reasonCode, 0, 0);
}

function send(reasonCode: u32, properties: usize, length: u32): void {
  disconnect.reasonCode = reasonCode;
  disconnect.properties = properties;
  disconnect.propertiesLength = length;
  encodeDisconnect(reserve(output, disconnectSize(level)), level);
  disconnectSent = true;
  disconnectCode = reasonCode;
}

/** The connection is over. */
export function dropDisconnect(): void {
  if (keptLength > 0) release(keptProperties, keptLength);
  keptCode = NORMAL_DISCONNECTION;
  keptProperties = 0;
  keptLength = 0;
  disconnectSent = false;
  disconnectCode = 0;
}

/** The server's. Returns CLOSE_SERVER, with what it says in `disconnect`; or what is wrong with it. */
export function handleDisconnect(flags: u32, body: usize, length: u32): u32 {
  const fault = decodeDisconnect(flags, body, length, level);
  if (fault != SUCCESS) return fault;
  if (disconnect.reasonCode == DISCONNECT_WITH_WILL_MESSAGE) return PROTOCOL_ERROR; // a server has no Will
  return hasProperty(SESSION_EXPIRY_INTERVAL) ? PROTOCOL_ERROR : CLOSE_SERVER; // [MQTT-3.14.2-2]
}
