// The log of `midge broker`, with -v or a configuration: one line for each connect, subscribe, unsubscribe, publish and disconnect. Lines are made here and
// printed by whom they are given to. Client ids and topics come from strangers: what is not printable is escaped.

import type { Broker } from "../broker.ts";
import type { BrokerEvents } from "../broker-events.ts";
import { reasonText } from "../reason-codes.ts";

type LogKind = keyof BrokerEvents;

/** All there is to log. */
export const LOG_KINDS: readonly LogKind[] = ["connect", "refuse", "subscribe", "unsubscribe", "publish", "disconnect"];

/** Calls `print` with a line, without its end, for everything of these kinds that happens at the broker from now on. */
export function logBroker(
  broker: Broker,
  print: (line: string) => void,
  now: () => Date = () => new Date(),
  kinds: readonly LogKind[] = LOG_KINDS,
): void {
  // Where a client came from is said once by the broker, at its connect, and in every line here.
  const addresses = new Map<string, string>();
  const line = (verb: LogKind, clientId: string, text: string, address = addresses.get(clientId) ?? "-") => {
    if (!kinds.includes(verb)) return;
    print(
      `${timeOfDay(now())} ${verb.padEnd(11)} ${printable(clientId || "(no id)")} ${address}${text === "" ? "" : `  ${text}`}`,
    );
  };
  broker.on("connect", ({ clientId, address, protocolVersion, cleanSession, keepAliveSec, userName }) => {
    addresses.set(clientId, address);
    // How long a Session is kept is another matter at 5.0.
    const [fresh, other] =
      protocolVersion === "5.0" ? ["clean start", "no clean start"] : ["clean session", "session kept"];
    const session = cleanSession ? fresh : other;
    const user = userName === undefined ? "" : `, user ${printable(userName)}`;
    line("connect", clientId, `MQTT ${protocolVersion}, ${session}, keep alive ${keepAliveSec} s${user}`);
  });
  broker.on("refuse", ({ clientId, address, reason }) => line("refuse", clientId, printable(reason), address));
  broker.on("subscribe", ({ clientId, topicFilter, qos, reasonCode }) => {
    const answer = qos === undefined ? `refused: ${reasonText(reasonCode)}` : `q${qos}`;
    line("subscribe", clientId, `${printable(topicFilter)} ${answer}`);
  });
  broker.on("unsubscribe", ({ clientId, topicFilter }) => line("unsubscribe", clientId, printable(topicFilter)));
  // A report of each message costs something: not for nothing.
  if (kinds.includes("publish")) {
    broker.on("publish", ({ clientId, topicName, qos, retain, payloadLength }) => {
      line("publish", clientId, `${printable(topicName)} q${qos}${retain ? " retain" : ""}, ${payloadLength} bytes`);
    });
  }
  broker.on("disconnect", ({ clientId, address, reason, reasonCode }) => {
    const code = reasonCode === undefined ? "" : `: ${reasonText(reasonCode)}`;
    line("disconnect", clientId, printable(`${reason}${code}`), address);
    // After a takeover the same client id is connected from elsewhere already.
    if (addresses.get(clientId) === address) addresses.delete(clientId);
  });
}

/**
 * Text that cannot move the cursor or colour the terminal: control characters as \x1b, line separators and the like
 * too.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Local time of day, to the millisecond. */
export function timeOfDay(at: Date): string {
  const digits = (value: number, width = 2) => String(value).padStart(width, "0");
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((value) => digits(value)).join(":");
  return `${time}.${digits(at.getMilliseconds(), 3)}`;
}
