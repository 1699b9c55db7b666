// What `midge sub` and `midge rr` print for one message: the payload, topic and payload (-v), or the format of -F.
//
// Everything is put together as a "byte string", one character per byte (latin1): a payload passes through unchanged,
// whatever its bytes are, and text goes in as its UTF-8 bytes. A format is compiled once; a wrong one throws
// UsageFailure before connecting.

import type { Message } from "../api-types.ts";
import { UsageFailure } from "./failure.ts";
import {
  payloadFormatNumber,
  propertiesMember,
  subscriptionIdentifiersText,
  userPropertiesText,
} from "./format-properties.ts";
import { isValidJson, jsonBytes, reformatJson } from "./json.ts";
import { isoTime, strftime } from "./strftime.ts";

/**
 * The bytes to print for a message that arrived at that moment, without a line end. `complain`: a line for standard
 * error.
 */
export type Format = (message: Message, at: Date, complain: (line: string) => void) => Buffer;

/** Payload only, the default. */
export const payloadFormat: Format = (message) => Buffer.from(message.payload);

/** -v: "topic payload". mosquitto_sub calls an empty payload (null), and scripts look for that. */
export const verboseFormat: Format = (message) =>
  Buffer.concat([Buffer.from(`${message.topicName} `), message.payload.length === 0 ? NULL_TEXT : message.payload]);

/**
 * -F: the output format of mosquitto_sub(1). `pretty`: JSON over several lines. Throws UsageFailure when the format is
 * wrong.
 */
export function compileFormat(format: string, pretty = false): Format {
  const pieces = parse(format, pretty);
  return (message, at, complain) => {
    const text = pieces.map((piece) => (typeof piece === "string" ? piece : piece({ message, at, complain })));
    return Buffer.from(text.join(""), "latin1");
  };
}

interface Input {
  message: Message;
  at: Date;
  complain: (line: string) => void;
}

/** Bytes that are always the same, or a function that makes them from the message. */
type Piece = string | ((input: Input) => string);

function parse(format: string, pretty: boolean): Piece[] {
  const pieces: Piece[] = [];
  for (let rest = format; rest !== ""; ) {
    const match = SEQUENCE.exec(rest);
    if (match === null) {
      throw new UsageFailure(`-F: '${rest}' at the end is incomplete. A literal one is written twice`);
    }
    pieces.push(piece(match, pretty));
    rest = rest.slice(match[0].length);
  }
  return pieces;
}

/** One sequence: plain text; %, flags, width, .maximum, letter; @ and a letter; \ and a letter. */
const SEQUENCE =
  /^(?:(?<plain>[^%@\\]+)|%(?<flags>[-0]*)(?<width>\d*)(?:\.(?<max>\d+))?(?<parameter>[^-.\d])|@(?<time>.)|\\(?<escaped>.))/su;

function piece(match: RegExpExecArray, pretty: boolean): Piece {
  const { plain, flags = "", width = "", max, parameter, time, escaped } = match.groups ?? {};
  if (plain !== undefined) return utf8(plain);
  if (time !== undefined) return timePiece(time);
  if (escaped !== undefined) {
    const text = ESCAPES[escaped];
    if (text === undefined) {
      throw new UsageFailure(`-F: there is no escape \\${escaped}. There are \\\\ \\0 \\a \\e \\n \\r \\t \\v`);
    }
    return text;
  }
  const make = PARAMETERS[parameter ?? ""];
  if (make === undefined) throw new UsageFailure(`-F: there is no parameter %${parameter}. See midge sub --help`);
  return make({
    left: flags.includes("-"),
    zero: flags.includes("0"),
    width: fieldWidth(width),
    max: maximum(max),
    pretty,
  });
}

function timePiece(conversion: string): Piece {
  if (conversion === "@") return "@";
  // A millisecond is what the clock of the system gives here; the digits behind it are zeros rather than invented.
  if (conversion === "N") return ({ at }) => nanoseconds(at);
  return ({ at }) => utf8(strftime(conversion, at));
}

interface Field {
  /** Left aligned in its field. */
  left: boolean;
  /** Filled with zeros on its left. */
  zero: boolean;
  /** Characters it takes at least, and at most. */
  width: number;
  max: number;
  pretty: boolean;
}

/** The parameters, and what flags and widths mean to them: numbers and payloads may be zero padded, texts cut. */
const PARAMETERS: Readonly<Record<string, (field: Field) => Piece>> = {
  "%": () => "%",
  t: text(({ message }) => message.topicName),
  p: (field) => (input) => padBytes(latin1(input.message.payload), field),
  l: number(({ message }) => String(message.payload.length)),
  m: number(({ message }) => String(message.packetId)),
  q: () => (input) => String(input.message.qos),
  r: () => (input) => (input.message.retain ? "1" : "0"),
  x: number(({ message }) => Buffer.from(message.payload).toString("hex")),
  X: number(({ message }) => Buffer.from(message.payload).toString("hex").toUpperCase()),
  I: text(({ at }) => isoTime(at)),
  U:
    () =>
    ({ at }) =>
      `${strftime("s", at)}.${nanoseconds(at)}`,
  j: (field) => (input) => {
    const { payload } = input.message;
    return json(input, payload.length === 0 ? "null" : jsonBytes(latin1(payload)), field.pretty);
  },
  J: (field) => (input) => {
    if (input.message.payload.length === 0) return json(input, "null", field.pretty);
    if (isValidJson(input.message.payload)) return json(input, latin1(input.message.payload), field.pretty);
    input.complain(`the payload is not valid JSON on topic ${input.message.topicName}`);
    return "";
  },
  // Properties of MQTT 5.0: an empty field of the width asked for where the message has none.
  A: number(({ message }) => String(message.properties.topicAlias ?? "")),
  C: text(({ message }) => message.properties.contentType ?? ""),
  D: () => (input) => latin1(input.message.properties.correlationData ?? NOTHING),
  E: number(({ message }) => String(message.properties.messageExpirySec ?? "")),
  F: number(({ message }) => payloadFormatNumber(message.properties)),
  P: () => (input) => utf8(userPropertiesText(input.message.properties)),
  R: text(({ message }) => message.properties.responseTopic ?? ""),
  S: number(({ message }) => subscriptionIdentifiersText(message.properties)),
};

function text(value: (input: Input) => string): (field: Field) => Piece {
  return (field) => (input) => utf8(pad([...value(input)].slice(0, field.max).join(""), { ...field, zero: false }));
}

function number(value: (input: Input) => string): (field: Field) => Piece {
  return (field) => (input) => pad(value(input), field);
}

function pad(value: string, field: Field): string {
  const blanks = " ".repeat(Math.max(0, field.width - [...value].length));
  if (field.left) return value + blanks;
  return (field.zero ? blanks.replaceAll(" ", "0") : blanks) + value;
}

function padBytes(bytes: string, field: Field): string {
  return field.left ? bytes.padEnd(field.width) : bytes.padStart(field.width, field.zero ? "0" : " ");
}

/** %j and %J: the members of mosquitto_sub, in its order; `payload` is JSON already. */
function json({ message, at }: Input, payload: string, pretty: boolean): string {
  const members = [
    `"tst":"${isoTime(at, `.${nanoseconds(at).slice(0, 6)}`)}"`,
    `"topic":${jsonBytes(utf8(message.topicName))}`,
    `"qos":${message.qos}`,
    `"retain":${message.retain ? 1 : 0}`,
    `"payloadlen":${message.payload.length}`,
    ...(message.qos > 0 ? [`"mid":${message.packetId}`] : []),
    ...propertiesMember(message.properties),
    `"payload":${payload}`,
  ];
  return reformatJson(`{${members.join(",")}}`, pretty);
}

/** Nanoseconds passed in the current second, nine digits. */
function nanoseconds(at: Date): string {
  return `${String(at.getMilliseconds()).padStart(3, "0")}000000`;
}

function fieldWidth(digits: string): number {
  if (Number(digits) > FIELD_WIDTH_MAX) {
    throw new UsageFailure(`-F: a field of ${digits} characters. At most ${FIELD_WIDTH_MAX}`);
  }
  return Number(digits);
}

function maximum(digits: string | undefined): number {
  return digits === undefined ? Number.POSITIVE_INFINITY : Number(digits);
}

function utf8(value: string): string {
  return Buffer.from(value).toString("latin1");
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "0": "\0",
  a: "\x07",
  e: "\x1b",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const NOTHING = new Uint8Array(0);
const NULL_TEXT = Buffer.from("(null)");

/** More than any terminal is wide; a typing error must not print gigabytes. */
const FIELD_WIDTH_MAX = 10_000;
