// A recording in words: calls, what came out of them, and how an outcome differs from the recorded one. Names are those of
// assembly/abi.ts. Bytes come from strangers: text is escaped, and what is long is cut.

import * as abi from "../../assembly/abi.ts";
import { readEvents, readSends } from "../recording-format.ts";
import type { RecordedCall } from "../recording-reader.ts";
import type { Outcome, ReplayDifference } from "../replay.ts";
import { printable } from "./broker-log.ts";

/** A call and its result, as in "handleBytes(1048577, 14) = 0". */
export function callText({ called, words, result }: RecordedCall): string {
  const line = `${called.name}(${words.join(", ")})`;
  return called.returns && result !== undefined ? `${line} = ${result}` : line;
}

/** Bytes that stood in the core's input, as in "14 bytes: 10 0c ...". */
export function bytesText(bytes: Buffer): string {
  return bytes.length === 0 ? "nothing" : `${counted(bytes.length, "byte")}: ${hex(bytes)}`;
}

/** What nextSends() or nextEvents() gave out: a line for each record. */
export function outputLines({ called }: RecordedCall, output: Buffer): string[] {
  if (called.name === "nextSends") {
    return readSends(output).map(({ connection, bytes }) => `to ${connection}: ${bytesText(bytes)}`);
  }
  return readEvents(output).map(({ kind, connection, code, detail, parts }) => {
    const texts = parts.map((part) => ` '${printable(cut(part).toString("latin1"))}${dots(part)}'`);
    return `event ${eventName(kind)} of ${connection}: code ${code}, detail ${detail}${texts.join("")}`;
  });
}

/** The first difference, in two lines: what was recorded, and what came. */
export function differenceLines({ call, recorded, came }: ReplayDifference, engine: string): string[] {
  const where = `record ${call.number}, ${callText({ ...call, result: undefined })}`;
  if (came instanceof Error) {
    const before = recorded === undefined ? "" : `; recorded was ${outcomeText(call, recorded)}`;
    return [`${where}: ${engine} trapped: ${came.message}${before}`];
  }
  if (!Buffer.isBuffer(recorded) || !Buffer.isBuffer(came)) {
    return [`${where}: recorded was ${outcomeText(call, recorded)}, ${engine} returned ${outcomeText(call, came)}`];
  }
  const [theirs, ours] = [outputLines(call, recorded), outputLines(call, came)];
  const at = firstDifference(recorded, came);
  const index = theirs.findIndex((line, place) => line !== ours[place]);
  // Where both lines read the same, the difference is in what was cut.
  const place = index < 0 && ours.length > theirs.length ? theirs.length : index;
  return [
    `${where}: what came out differs from byte ${at} on, ${hexByte(recorded, at)} and ${hexByte(came, at)}`,
    ...(place < 0
      ? []
      : [`recorded: ${theirs[place] ?? "nothing more"}`, `${engine}: ${ours[place] ?? "nothing more"}`]),
  ];
}

function outcomeText(call: RecordedCall, outcome: Outcome): string {
  if (Buffer.isBuffer(outcome)) return outputLines(call, outcome).join("; ");
  return outcome === undefined ? "nothing" : String(outcome);
}

function firstDifference(one: Buffer, other: Buffer): number {
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return at < 0 ? one.length : at;
}

function hexByte(bytes: Buffer, at: number): string {
  return at < bytes.length ? hex(bytes.subarray(at, at + 1)) : "the end";
}

function hex(bytes: Buffer): string {
  return `${cut(bytes).toString("hex").replace(/../g, "$& ").trim()}${dots(bytes)}`;
}

function cut(bytes: Buffer): Buffer {
  return bytes.subarray(0, SHOWN_MAX);
}

function dots(bytes: Buffer): string {
  return bytes.length > SHOWN_MAX ? " ..." : "";
}

/** Bytes of one string that are shown. */
const SHOWN_MAX = 64;

/** "1 byte", "2 bytes". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function eventName(kind: number): string {
  const found = Object.entries(abi).find(
    ([name, value]) => value === kind && /^EVENT_/.test(name) && !FIELD.test(name),
  );
  return found?.[0].slice("EVENT_".length) ?? String(kind);
}

/** Names of an event's parts, which are no kinds of events. */
const FIELD = /^EVENT_(SIZE|KIND|CONNECTION|CODE|DETAIL|[ABC](_LENGTH)?)$/;
