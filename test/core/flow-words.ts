// The words of the flows that stand for numbers of assembly/abi.ts, and the other way round for messages. Knows the names
// of that file and nothing of what they mean; a word that is no name raises an Error.
import * as abi from "../../assembly/abi.ts";
import type { CoreEvent } from "../../host/core.ts";

const NAMES = abi as Record<string, number>;

/** Fixed header flags of a message to publish: qos0, qos1, qos2, or one of these with -retained. */
export function publishFlags(word: string): number {
  const [, qos, retained] = /^qos([012])(-retained)?$/.exec(word) ?? [];
  if (qos === undefined) throw new Error(`not a Quality of Service: ${word}`);
  return (Number(qos) << abi.PUBLISH_QOS_SHIFT) | (retained ? abi.PUBLISH_RETAIN : 0);
}

/** Subscription Options: a Quality of Service alone, or a number as on the wire. */
export function subscriptionOptions(word: string): number {
  return word.startsWith("qos") ? publishFlags(word) >> abi.PUBLISH_QOS_SHIFT : number(word);
}

/** A text of setText(): the end of a TEXT_ name; with `:N` for the Reason Code N of TEXT_REASON. */
export function textOf(word: string): number {
  const [name = "", reasonCode = "0"] = word.split(":");
  return numberOf("TEXT_", name) + number(reasonCode);
}

/** The constant `prefix` + `name` of abi.ts. */
export function numberOf(prefix: string, name: string): number {
  const value = NAMES[prefix + name];
  if (value === undefined) throw new Error(`${prefix}${name} is not in abi.ts`);
  return value;
}

/** A number in decimal or, with 0x, in hexadecimal. */
export function number(word: string): number {
  if (!/^(\d+|0x[0-9a-f]+)$/.test(word)) throw new Error(`not a number: ${word}`);
  return Number(word);
}

export function eventKind(name: string): number {
  return numberOf("EVENT_", name);
}

/** What `code` of an event is the end of, where that is no CLOSE_ name. */
const CODES: Readonly<Record<string, string>> = { COMPLETED: "COMPLETED_", FAULT: "CONFIG_" };

/** `code` of an event: a number, or the end of a name of abi.ts; with `:N` for N in bits 8-15. */
export function codeOf(kind: string, word: string): number {
  if (/^\d/.test(word)) return number(word);
  const [name = "", high = "0"] = word.split(":");
  return numberOf(CODES[kind] ?? "CLOSE_", name) | (number(high) << 8);
}

/** `detail` of an event: a number, a range LOW..HIGH with both ends in it, or never. */
export function detailMatches(word: string, detail: number): boolean {
  if (word === "never") return detail === abi.NO_DEADLINE;
  const [low = "", high = low] = word.split("..");
  return detail >= number(low) && detail <= number(high);
}

export function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 100)).toString("hex").replace(/../g, "$& ").trim();
  return bytes.length > 100 ? `${shown} ... (${bytes.length} bytes)` : shown || "nothing";
}

export function showEvent({ kind, code, detail, a, b, c }: CoreEvent): string {
  const name = nameOf("EVENT_", kind);
  const isEnd = name === "CLOSE" || name === "OFFLINE" || name === "DISCONNECTED";
  const reason = isEnd ? nameOf("CLOSE_", code & 0xff) : name === "FAULT" ? nameOf("CONFIG_", code) : "";
  const strings = [a, b, c].map((bytes) => `'${bytes.toString("latin1")}'`).join(" | ");
  return `event ${name} ${code}${reason && ` (${reason})`} ${detail} ${strings}`;
}

function nameOf(prefix: string, value: number): string {
  for (const [name, other] of Object.entries(NAMES)) {
    if (
      other === value &&
      name.startsWith(prefix) &&
      !/_(SIZE|KIND|CONNECTION|CODE|DETAIL|[ABC])(_LENGTH)?$/.test(name)
    ) {
      return name.slice(prefix.length);
    }
  }
  return String(value);
}
