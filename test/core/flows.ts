// Reads the scripted exchanges of test/flows (their syntax: test/flows/README.md). Knows which lines there are and how many
// words and byte strings each takes; what a line does to the core is the runner's business (flow-run.ts). A line that does
// not parse raises an Error with file and line: a flow with a typing error must not pass for a shorter one.
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseBytes } from "./vectors.ts";

export interface Flow {
  /** Where its `flow` line stands, as "connect.flow:12". */
  at: string;
  name: string;
  /** Clause ids without brackets. */
  cites: string[];
  module: "broker" | "client";
  /** Its input is never cut into single bytes. */
  whole: boolean;
  steps: Step[];
}

export interface Step {
  at: string;
  /** "c1", or "" for a line that is about no connection. */
  connection: string;
  verb: string;
  words: string[];
  /** The byte strings between the bars; null is `-`, which stands for any. */
  bytes: (Uint8Array | null)[];
  /** What `=>` says that the call returns: a status, a token, or "OK". */
  result: string;
}

/** Of a verb: how many words follow it, at the least and at the most, and how many byte strings follow those. */
interface Shape {
  words: [number, number];
  bytes: [number, number];
}

const shape = (words: [number, number], bytes: [number, number]): Shape => ({ words, bytes });

/** Lines about the module. */
const VERBS = new Map<string, Shape>([
  ["seed", shape([1, 1], [0, 0])],
  ["option", shape([2, 2], [0, 0])],
  ["text", shape([1, 1], [1, 1])],
  ["configure", shape([0, 0], [1, 1])],
  ["at", shape([1, 1], [0, 0])],
  ["connect", shape([0, 0], [0, 0])],
  ["disconnect", shape([0, 1], [0, 1])],
  ["publish", shape([1, 1], [2, 3])],
  ["subscribe", shape([1, 1], [1, 2])],
  ["unsubscribe", shape([0, 0], [1, 2])],
  ["auth", shape([1, 1], [0, 1])],
  ["disconnect-client", shape([1, 1], [1, 1])],
  ["shut-down", shape([1, 1], [0, 0])],
  ["event", shape([1, 3], [0, 3])],
]);

/** Lines about a connection. */
const CONNECTION_VERBS = new Map<string, Shape>([
  ["open", shape([0, 0], [0, 0])],
  ["opened", shape([0, 0], [0, 0])],
  [">", shape([0, 0], [1, 1])],
  ["<", shape([0, 0], [1, 1])],
  ["<~", shape([0, 0], [1, 1_000])],
  ["closed", shape([1, 2], [0, 0])],
  ["network-closed", shape([0, 0], [0, 0])],
  ["authenticated", shape([1, 1], [0, 1])],
  ["auth", shape([1, 1], [0, 1])],
  ["blocked", shape([1, 1], [0, 0])],
  ["writable", shape([0, 1], [0, 0])],
  ["event", shape([1, 3], [0, 3])],
]);

/** All flows of all files. */
export function readFlows(): Flow[] {
  const folder = fileURLToPath(new URL("../flows/", import.meta.url));
  const files = readdirSync(folder).filter((name) => name.endsWith(".flow"));
  return files.sort().flatMap((name) => parseFlows(readFileSync(folder + name, "utf8"), name));
}

/** The flows of one file. */
export function parseFlows(text: string, file: string): Flow[] {
  const flows: Flow[] = [];
  const definitions = new Map<string, string>();
  for (const [index, whole] of text.split("\n").entries()) {
    const at = `${basename(file)}:${index + 1}`;
    const line = withoutComment(whole).trim();
    if (line === "") continue;
    try {
      parseLine(line, at, flows, definitions);
    } catch (error) {
      throw new Error(`${at}: ${(error as Error).message}`);
    }
  }
  return flows;
}

function parseLine(line: string, at: string, flows: Flow[], definitions: Map<string, string>): void {
  const [verb = "", ...words] = line.split(/\s+/);
  if (verb === "define") {
    const [, name = "", bytes = ""] = /^define\s+([A-Z][A-Z0-9_]*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name === "" || definitions.has(name)) throw new Error("not a new definition");
    const expanded = expand(bytes, definitions);
    parseBytes(expanded);
    definitions.set(name, expanded);
  } else if (verb === "flow") {
    const [name = "", ...rest] = words;
    if (!/^[a-z0-9.-]+$/.test(name) || rest.length > 0) throw new Error("not a name");
    flows.push({ at, name, cites: [], module: "broker", whole: false, steps: [] });
  } else {
    const flow = flows.at(-1);
    if (flow === undefined) throw new Error("no flow line before this");
    parseOwnLine(line, verb, at, flow, definitions);
  }
}

/** A line that belongs to a flow. */
function parseOwnLine(line: string, verb: string, at: string, flow: Flow, definitions: Map<string, string>): void {
  if (verb === "cites") {
    const ids = line.slice(verb.length).split(",");
    flow.cites.push(...ids.map((id) => id.trim()));
  } else if (line === "broker" || line === "client") flow.module = line;
  else if (line === "whole") flow.whole = true;
  else flow.steps.push(parseStep(line, at, definitions));
}

function parseStep(line: string, at: string, definitions: Map<string, string>): Step {
  const [, call = "", result = "OK"] = splitResult(line);
  const isConnection = /^c\d+\s/.test(call);
  const [subject = "", first = ""] = call.split(/\s+/);
  const verb = isConnection ? first : subject;
  const shape = (isConnection ? CONNECTION_VERBS : VERBS).get(verb);
  if (shape === undefined) throw new Error(`no such line: ${line}`);
  let rest = call.slice(isConnection ? subject.length : 0).trim();
  rest = rest.slice(verb.length).trim();
  const words: string[] = [];
  while (words.length < shape.words[1] && rest !== "") {
    const [word = ""] = rest.split(/\s+/);
    words.push(word);
    rest = rest.slice(word.length).trim();
  }
  const parts = splitBars(rest);
  if (words.length < shape.words[0]) throw new Error(`${verb} lacks a word`);
  if (parts.length < shape.bytes[0] || parts.length > shape.bytes[1]) {
    throw new Error(`${verb} does not take ${parts.length} byte strings`);
  }
  const bytes = parts.map((part) => (part === "-" ? null : parseBytes(expand(part, definitions))));
  return { at, connection: isConnection ? subject : "", verb, words, bytes, result };
}

/** Quoted strings, so that what stands in them is left alone. */
const QUOTED = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g;

/** Its strings replaced by as many underscores: offsets into one are offsets into the other. */
function blankStrings(text: string): string {
  return text.replace(QUOTED, (quoted) => "_".repeat(quoted.length));
}

function withoutComment(line: string): string {
  const end = blankStrings(line).indexOf("#");
  return end < 0 ? line : line.slice(0, end);
}

/** The line, what stands before `=>`, and what stands behind it. */
function splitResult(line: string): string[] {
  const at = blankStrings(line).indexOf("=>");
  return at < 0 ? [line, line] : [line, line.slice(0, at).trim(), line.slice(at + 2).trim()];
}

function splitBars(text: string): string[] {
  if (text === "") return [];
  const blank = blankStrings(text);
  const parts: string[] = [];
  let from = 0;
  for (let at = blank.indexOf("|"); at >= 0; at = blank.indexOf("|", from)) {
    parts.push(text.slice(from, at).trim());
    from = at + 1;
  }
  return [...parts, text.slice(from).trim()];
}

/** Puts the bytes of definitions where their names are. */
function expand(text: string, definitions: Map<string, string>): string {
  const blank = blankStrings(text);
  let expanded = "";
  let from = 0;
  for (const match of blank.matchAll(/[A-Z][A-Z0-9_]*/g)) {
    const definition = definitions.get(match[0]);
    if (definition === undefined) throw new Error(`${match[0]} is not defined`);
    expanded += text.slice(from, match.index) + definition;
    from = match.index + match[0].length;
  }
  return expanded + text.slice(from);
}
