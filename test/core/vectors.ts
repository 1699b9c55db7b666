// Reads the line-oriented tables of test/vectors (their syntax: test/vectors/README.md) and the byte notation that
// the flows share. Knows nothing of MQTT but the Variable Byte Integer and the two-byte length of that notation.
// A line that does not parse raises an Error with file and line: a table with a typing error must not pass for a
// shorter one.
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

/** What the rows of a table are about: packets at a Protocol Level, or one of the checks of strings. */
export type Subject = "packet" | "utf8" | "topic-name" | "topic-filter" | "match";

export interface Vector {
  /** Where the row stands, as "publish.vec:12". */
  at: string;
  /** Clause ids without brackets, or "-". */
  clause: string;
  subject: Subject;
  /** Protocol Level, 3, 4 or 5; 0 before a CONNECT. Packets only. */
  level: number;
  bytes: Uint8Array;
  /** ok, decode-only, more, a Reason Code (0x81), valid, invalid, match, no-match. */
  result: string;
  /** The packet that encodes from this one, where it is not the same: decode-only alone. */
  encoded?: Uint8Array;
  reason: string;
}

const SUBJECTS = new Set<string>(["utf8", "topic-name", "topic-filter", "match"]);
const RESULT = /^(ok|decode-only|more|valid|invalid|match|no-match|0x[0-9a-f]{2})$/;

/** All rows of all tables. */
export function readVectors(): Vector[] {
  const folder = fileURLToPath(new URL("../vectors/", import.meta.url));
  const files = readdirSync(folder).filter((name) => name.endsWith(".vec"));
  return files.sort().flatMap((name) => parseVectors(readFileSync(folder + name, "utf8"), name));
}

/** The rows of one table; a row under several levels comes once for each. */
export function parseVectors(text: string, file: string): Vector[] {
  const vectors: Vector[] = [];
  let subject: Subject = "packet";
  let levels: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const at = `${basename(file)}:${index + 1}`;
    const [word = "", ...rest] = line.trim().split(/\s+/);
    if (word === "" || word.startsWith("#")) continue;
    if (word === "level") {
      subject = "packet";
      levels = rest.map(Number);
    } else if (word === "check" && SUBJECTS.has(rest[0] ?? "")) {
      subject = rest[0] as Subject;
      levels = [0];
    } else {
      const row = parseRow(line, at);
      if (levels.length === 0) throw new Error(`${at}: no level or check line before the first row`);
      for (const level of levels) vectors.push({ at, subject, level, ...row });
    }
  }
  return vectors;
}

function parseRow(line: string, at: string) {
  const columns = line.split("|").map((column) => column.trim());
  if (columns.length !== 4) throw new Error(`${at}: a row has four columns, this has ${columns.length}`);
  const [clause = "", bytes = "", outcome = "", reason = ""] = columns;
  const [result = "", encoded] = outcome.split("->").map((part) => part.trim());
  if (!RESULT.test(result) || (encoded !== undefined) !== (result === "decode-only")) {
    throw new Error(`${at}: not a result: ${outcome}`);
  }
  try {
    return { clause, bytes: parseBytes(bytes), result, reason, ...(encoded && { encoded: parseBytes(encoded) }) };
  } catch (error) {
    throw new Error(`${at}: ${(error as Error).message}`);
  }
}

/** Bytes of the notation: hex pairs, 'raw', "length-prefixed", [ Variable Byte Integer length ], 61*300 repeated. */
export function parseBytes(text: string): Uint8Array {
  const cursor = { text, at: 0 };
  const bytes = parseSequence(cursor);
  if (cursor.at < text.length) throw new Error(`"]" without "[" at column ${cursor.at}`);
  return Uint8Array.from(bytes);
}

interface Cursor {
  text: string;
  at: number;
}

function parseSequence(cursor: Cursor): number[] {
  const bytes: number[] = [];
  while (cursor.at < cursor.text.length && cursor.text[cursor.at] !== "]") {
    const char = cursor.text[cursor.at];
    if (char === " ") cursor.at++;
    else if (char === "[") append(bytes, parseBracket(cursor));
    else if (char === '"') append(bytes, prefixed(parseQuoted(cursor)));
    else if (char === "'") append(bytes, parseQuoted(cursor));
    else append(bytes, parseHex(cursor));
  }
  return bytes;
}

/** push(...many) would overflow the stack at the largest vectors. */
function append(bytes: number[], more: Iterable<number>): void {
  for (const byte of more) bytes.push(byte);
}

function parseBracket(cursor: Cursor): number[] {
  cursor.at++;
  const inside = parseSequence(cursor);
  if (cursor.text[cursor.at] !== "]") throw new Error('"[" without "]"');
  cursor.at++;
  const bytes = varint(inside.length);
  append(bytes, inside);
  return bytes;
}

function parseQuoted(cursor: Cursor): number[] {
  const quote = cursor.text[cursor.at++];
  const bytes: number[] = [];
  while (cursor.text[cursor.at] !== quote) {
    const match = /^(?:\\x([0-9a-f]{2})|\\?([ -~]))/.exec(cursor.text.slice(cursor.at, cursor.at + 4));
    if (!match) throw new Error(`unfinished string at column ${cursor.at}`);
    const [whole, hex, char = ""] = match;
    bytes.push(hex ? Number.parseInt(hex, 16) : char.charCodeAt(0));
    cursor.at += whole.length;
  }
  cursor.at++;
  return bytes;
}

function parseHex(cursor: Cursor): Uint8Array {
  const match = /^([0-9a-f]{2})(?:\*(\d+))?/.exec(cursor.text.slice(cursor.at, cursor.at + 12));
  if (!match) throw new Error(`not bytes at column ${cursor.at}: ${cursor.text.slice(cursor.at)}`);
  const [whole, hex = "", count = "1"] = match;
  cursor.at += whole.length;
  return new Uint8Array(Number(count)).fill(Number.parseInt(hex, 16));
}

function prefixed(bytes: number[]): number[] {
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
}

/** The shortest Variable Byte Integer of `value` [MQTT-1.5.5-1]. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  while (value >= 128) {
    bytes.push((value & 0x7f) | 0x80);
    value >>= 7;
  }
  bytes.push(value);
  return bytes;
}
