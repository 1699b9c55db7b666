// -D of mosquitto's clients: one property of MQTT 5.0, by the packet that carries it, its name and its value. Knows which
// name stands for which property of the API and in which packets a client may send it; what is wrong is an
// InvalidArgumentError, before any connection. -D takes three words or four, which commander cannot count: PropertyCommand
// makes one word of them.

import { Command, InvalidArgumentError, type ParseOptionsResult } from "commander";
import type { Properties } from "../property-types.ts";
import { topicNameProblem } from "./topic.ts";

/** Packets that a client sends properties with. A Will is part of CONNECT, and has its own. */
export type PacketName = "connect" | "will" | "publish" | "subscribe" | "unsubscribe" | "disconnect";

/** All that -D was given for: each packet's properties. */
export type PropertyFlags = { readonly [Packet in PacketName]?: Properties };

/** A command that may have -D, taking what belongs to it as mosquitto does: user-property NAME VALUE, others VALUE. */
export class PropertyCommand extends Command {
  override parseOptions(words: string[]): ParseOptionsResult {
    const joined: string[] = [];
    const args = words.flatMap(ungluedProperty);
    for (let at = 0; at < args.length; at++) {
      const word = args[at] ?? "";
      joined.push(word);
      if (word === "--") {
        joined.push(...args.slice(at + 1));
        break;
      }
      const option = this.options.find(({ short, long }) => short === word || long === word);
      if (!option?.required || at + 1 === args.length) continue;
      const count = option.long !== "--property" ? 1 : /^user-property$/i.test(args[at + 2] ?? "") ? 4 : 3;
      joined.push(args.slice(at + 1, at + 1 + count).join(SEPARATOR));
      at += count;
    }
    return super.parseOptions(joined);
  }
}

/** --property=PACKET as two words. */
function ungluedProperty(word: string): string[] {
  return word.startsWith("--property=") ? ["--property", word.slice("--property=".length)] : [word];
}

/** Adds -D to a command that sends these packets. */
export function addPropertyOption(command: Command, packets: readonly PacketName[]): Command {
  return command
    .optionsGroup("Properties of MQTT 5.0, see below:")
    .option(
      "-D, --property <packet name value>",
      "a property of a packet; may be given many times, and chooses 5.0 if -V does not",
      propertyReader(packets),
    );
}

/** For the help of a command that sends these packets: what -D may name. */
export function propertyHelp(packets: readonly PacketName[]): string {
  const blocks = packets.map((packet) => `  ${packet.padEnd(INDENT - 2)}${wrap(namesOf(packet)).join(MARGIN)}`);
  return `\nProperties: -D PACKET NAME VALUE, with two values for user-property\n${blocks.join("\n")}`;
}

/** Lines of names with commas between them. */
function wrap(names: readonly string[]): string[] {
  const lines = [""];
  for (const [index, name] of names.entries()) {
    const word = index < names.length - 1 ? `${name}, ` : name;
    if ((lines.at(-1) ?? "").length + word.length > WIDTH) lines.push("");
    lines.push(`${lines.pop()}${word}`);
  }
  return lines.map((line) => line.trimEnd());
}

/** Reader of -D, for commander: adds one property to those before it. */
export function propertyReader(
  packets: readonly PacketName[],
): (words: string, before?: PropertyFlags) => PropertyFlags {
  return (words, before = {}) => {
    const [packetWord = "", nameWord = "", ...values] = words.split(SEPARATOR);
    const packet = packetOf(packetWord.toLowerCase(), packets);
    const name = nameWord.toLowerCase();
    if (name === "") throw new InvalidArgumentError(FORM);
    const row = rowOf(packet, name);
    const [value, second] = values;
    if (value === undefined || (row.key === "userProperties" && second === undefined)) {
      throw new InvalidArgumentError(FORM);
    }
    const properties = before[packet] ?? {};
    if (row.key === "userProperties") {
      const pairs = [...(properties.userProperties ?? []), [text(value), text(second ?? "")] as const];
      return { ...before, [packet]: { ...properties, userProperties: pairs } };
    }
    if (properties[row.key] !== undefined) throw new InvalidArgumentError(`A packet has ${name} only once.`);
    return { ...before, [packet]: { ...properties, [row.key]: row.read(value) } };
  };
}

/** Reader of a Session Expiry Interval, for commander: -x and -D. */
export function sessionExpiry(value: string): number {
  if (value === "∞" || value === "-1" || value === String(U32_MAX)) return Number.POSITIVE_INFINITY;
  return whole(0, U32_MAX, "It is a number of seconds from 0 to 4294967294, or -1 or ∞: for ever.")(value);
}

function packetOf(word: string, packets: readonly PacketName[]): PacketName {
  const packet = packets.find((candidate) => candidate === word);
  if (packet !== undefined) return packet;
  const choice = packets.join(", ");
  if (NOT_SENT.includes(word))
    throw new InvalidArgumentError(`This command sends no properties with ${word}: ${choice}.`);
  throw new InvalidArgumentError(`${FORM} PACKET is one of ${choice}.`);
}

function rowOf(packet: PacketName, name: string): Row {
  const rows = ROWS.filter((row) => row.name === name);
  const row = rows.find(({ packets }) => packets.includes(packet));
  if (row !== undefined) return row;
  const reason = NOT_OURS[name];
  if (reason !== undefined) throw new InvalidArgumentError(`${name}: ${reason}`);
  const what = rows.length > 0 ? `${packet} has no ${name}` : `There is no property ${name}`;
  throw new InvalidArgumentError(`${what}: ${namesOf(packet).join(", ")}.`);
}

function namesOf(packet: PacketName): string[] {
  return ROWS.filter(({ packets }) => packets.includes(packet)).map(({ name }) => name);
}

interface Row {
  /** Its name in mosquitto. */
  readonly name: string;
  /** Its name in the API. */
  readonly key: keyof Properties;
  /** Value as the API takes it. Throws InvalidArgumentError. */
  readonly read: (value: string) => unknown;
  /** Packets in which a client may send it, table 2-4 of the standard. */
  readonly packets: readonly PacketName[];
}

function whole(
  min: number,
  max: number,
  hint = `It is a whole number from ${min} to ${max}.`,
): (value: string) => number {
  return (value) => {
    if (!/^\d+$/.test(value) || Number(value) < min || Number(value) > max) throw new InvalidArgumentError(hint);
    return Number(value);
  };
}

function bit(value: string): boolean {
  return whole(0, 1)(value) === 1;
}

function text(value: string): string {
  if (Buffer.byteLength(value) > TEXT_LENGTH_MAX) throw new InvalidArgumentError("It is longer than 65,535 bytes.");
  return value;
}

function topicName(value: string): string {
  const problem = topicNameProblem(value); // [MQTT-3.3.2-14]
  if (problem !== undefined) throw new InvalidArgumentError(`It is no topic: ${problem}.`);
  return value;
}

/** Columns before the names in the help, and for them. */
const INDENT = 14;
const WIDTH = 100;
const MARGIN = `\n${" ".repeat(INDENT)}`;

const U32_MAX = 4_294_967_295;
/** A string has a two-byte length in front. */
const TEXT_LENGTH_MAX = 65_535;
/** Between the words of one -D; no argument of a program can hold it. */
const SEPARATOR = "\0";

const ALL = ["connect", "will", "publish", "subscribe", "unsubscribe", "disconnect"] as const;
const MESSAGE = ["publish", "will"] as const;

// biome-ignore format: a row per property
const ROWS: readonly Row[] = [
  { name: "payload-format-indicator", key: "payloadFormat", read: (value) => (bit(value) ? "utf8" : "bytes"), packets: MESSAGE },
  { name: "message-expiry-interval", key: "messageExpirySec", read: whole(0, U32_MAX), packets: MESSAGE },
  { name: "content-type", key: "contentType", read: text, packets: MESSAGE },
  { name: "response-topic", key: "responseTopic", read: topicName, packets: MESSAGE },
  { name: "correlation-data", key: "correlationData", read: (value) => Buffer.from(text(value)), packets: MESSAGE },
  { name: "will-delay-interval", key: "delaySec", read: whole(0, U32_MAX), packets: ["will"] },
  { name: "subscription-identifier", key: "subscriptionIdentifiers", read: (value) => [whole(1, 268_435_455)(value)], packets: ["subscribe"] },
  { name: "session-expiry-interval", key: "sessionExpirySec", read: sessionExpiry, packets: ["connect", "disconnect"] },
  { name: "receive-maximum", key: "receiveMaximum", read: whole(1, 65_535), packets: ["connect"] },
  { name: "maximum-packet-size", key: "maximumPacketSize", read: whole(1, U32_MAX), packets: ["connect"] },
  { name: "topic-alias-maximum", key: "topicAliasMaximum", read: whole(0, 65_535), packets: ["connect"] },
  { name: "request-response-information", key: "requestResponseInformation", read: bit, packets: ["connect"] },
  { name: "request-problem-information", key: "requestProblemInformation", read: bit, packets: ["connect"] },
  { name: "authentication-method", key: "authenticationMethod", read: text, packets: ["connect"] },
  { name: "authentication-data", key: "authenticationData", read: (value) => Buffer.from(text(value)), packets: ["connect"] },
  { name: "reason-string", key: "reasonString", read: text, packets: ["disconnect"] },
  { name: "user-property", key: "userProperties", read: text, packets: ALL },
];

/** Packets that mosquitto's clients know by name, and that only some commands send, or none with properties. */
const NOT_SENT: readonly string[] = [...ALL, "auth", "puback", "pubrec", "pubrel", "pubcomp"];

const ONLY_BROKERS = "only a broker sends it.";

/** Properties that there are, and why they cannot be given here. */
const NOT_OURS: Readonly<Record<string, string>> = {
  "topic-alias": "Midge uses aliases by itself, as many as the broker allows: leave it out.",
  "assigned-client-identifier": ONLY_BROKERS,
  "server-keep-alive": ONLY_BROKERS,
  "response-information": ONLY_BROKERS,
  "server-reference": ONLY_BROKERS,
  "maximum-qos": ONLY_BROKERS,
  "retain-available": ONLY_BROKERS,
  "wildcard-subscription-available": ONLY_BROKERS,
  "subscription-identifier-available": ONLY_BROKERS,
  "shared-subscription-available": ONLY_BROKERS,
};

const FORM = "Its form is -D PACKET NAME VALUE, or -D PACKET user-property NAME VALUE.";
