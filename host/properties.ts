// Properties of 5.0: objects a person can write <-> their bytes, without the length in front of them. Knows
// each property's name, number and data type; which packet may carry which, the core checks. What cannot be encoded throws
// a MidgeError with code ARGUMENT_INVALID; what cannot be decoded, which the core does not let through, PROTOCOL_ERROR.

import { MidgeError } from "./errors.ts";
import type { Properties } from "./property-types.ts";

export type * from "./property-types.ts";

type Type = "format" | "boolean" | "u8" | "u16" | "u32" | "expiry" | "varints" | "string" | "binary" | "pairs";

interface Row {
  readonly identifier: number;
  readonly name: keyof Properties;
  readonly type: Type;
  readonly least: number;
  readonly most: number;
}

const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;

// biome-ignore format: a row per property
const ROWS: readonly Row[] = ([
  [0x01, "payloadFormat", "format"],
  [0x02, "messageExpirySec", "u32", 0, U32_MAX],
  [0x03, "contentType", "string"],
  [0x08, "responseTopic", "string"],
  [0x09, "correlationData", "binary"],
  [0x0b, "subscriptionIdentifiers", "varints", 1, 268_435_455],
  [0x11, "sessionExpirySec", "expiry", 0, U32_MAX],
  [0x12, "assignedClientId", "string"],
  [0x13, "serverKeepAliveSec", "u16", 0, U16_MAX],
  [0x15, "authenticationMethod", "string"],
  [0x16, "authenticationData", "binary"],
  [0x17, "requestProblemInformation", "boolean"],
  [0x18, "delaySec", "u32", 0, U32_MAX],
  [0x19, "requestResponseInformation", "boolean"],
  [0x1a, "responseInformation", "string"],
  [0x1c, "serverReference", "string"],
  [0x1f, "reasonString", "string"],
  [0x21, "receiveMaximum", "u16", 1, U16_MAX],
  [0x22, "topicAliasMaximum", "u16", 0, U16_MAX],
  [0x23, "topicAlias", "u16", 1, U16_MAX],
  [0x24, "maximumQos", "u8", 0, 1],
  [0x25, "retainAvailable", "boolean"],
  [0x26, "userProperties", "pairs"],
  [0x27, "maximumPacketSize", "u32", 1, U32_MAX],
  [0x28, "wildcardAvailable", "boolean"],
  [0x29, "subscriptionIdentifierAvailable", "boolean"],
  [0x2a, "sharedAvailable", "boolean"],
] as [number, keyof Properties, Type, number?, number?][]).map(([identifier, name, type, least = 0, most = 0]) => ({ identifier, name, type, least, most }));

const BY_NAME: ReadonlyMap<string, Row> = new Map(ROWS.map((row) => [row.name, row]));
const BY_IDENTIFIER: ReadonlyMap<number, Row> = new Map(ROWS.map((row) => [row.identifier, row]));

const NOTHING = Buffer.alloc(0);

/** The bytes of all members of `properties` that are properties and not undefined, in ascending order of identifier. */
export function encodeProperties(properties: Properties): Buffer {
  let rows: Row[] | undefined;
  // By the few members there are, not by the table: every publish() comes here.
  for (const name in properties) {
    const row = BY_NAME.get(name);
    if (row === undefined || properties[row.name] === undefined) continue;
    rows ??= [];
    rows.push(row);
  }
  if (rows === undefined) return NOTHING;
  const parts: Uint8Array[] = [];
  for (const row of rows.sort((a, b) => a.identifier - b.identifier)) encode(parts, row, properties[row.name]);
  return Buffer.concat(parts);
}

/** The properties in `bytes`; members of an empty list are missing. */
export function decodeProperties(bytes: Uint8Array): Properties {
  const properties: Record<string, unknown> = {};
  const reader = new Reader(bytes);
  while (reader.more) {
    const row = BY_IDENTIFIER.get(reader.varint());
    if (row === undefined) throw unreadable();
    const value = decode(reader, row.type);
    if (row.type === "pairs" || row.type === "varints") {
      const list = (properties[row.name] as unknown[] | undefined) ?? [];
      list.push(value);
      properties[row.name] = list;
    } else properties[row.name] = value;
  }
  return properties;
}

function encode(parts: Uint8Array[], row: Row, value: unknown): void {
  const { identifier, name, type } = row;
  switch (type) {
    case "format":
      if (value !== "bytes" && value !== "utf8") throw invalid(name, `is ${value}, and must be "bytes" or "utf8"`);
      parts.push(Buffer.of(identifier, value === "utf8" ? 1 : 0));
      break;
    case "boolean":
      if (typeof value !== "boolean") throw invalid(name, `is ${value}, and must be true or false`);
      parts.push(Buffer.of(identifier, value ? 1 : 0));
      break;
    case "string":
      parts.push(Buffer.of(identifier), ...counted(name, stringBytes(name, value)));
      break;
    case "binary":
      if (!(value instanceof Uint8Array)) throw invalid(name, "must be a Uint8Array");
      parts.push(Buffer.of(identifier), ...counted(name, value));
      break;
    case "pairs":
      if (!Array.isArray(value)) throw invalid(name, "must be an array of [name, value]");
      for (const pair of value) {
        if (!Array.isArray(pair) || pair.length !== 2) throw invalid(name, "must be an array of [name, value]");
        parts.push(Buffer.of(identifier));
        for (const text of pair) parts.push(...counted(name, stringBytes(name, text)));
      }
      break;
    case "varints":
      if (!Array.isArray(value)) throw invalid(name, "must be an array of numbers");
      for (const number of value) parts.push(Buffer.of(identifier), varintBytes(inRange(row, number)));
      break;
    default:
      parts.push(
        numberBytes(identifier, type, type === "expiry" && value === Infinity ? U32_MAX : inRange(row, value)),
      );
  }
}

function decode(reader: Reader, type: Type): unknown {
  switch (type) {
    case "format":
      return reader.number(1) === 1 ? "utf8" : "bytes";
    case "boolean":
      return reader.number(1) === 1;
    case "u8":
      return reader.number(1);
    case "u16":
      return reader.number(2);
    case "u32":
      return reader.number(4);
    case "expiry": {
      const seconds = reader.number(4);
      return seconds === U32_MAX ? Number.POSITIVE_INFINITY : seconds;
    }
    case "varints":
      return reader.varint();
    case "string":
      return reader.counted().toString();
    case "binary":
      return reader.counted();
    case "pairs":
      return [reader.counted().toString(), reader.counted().toString()];
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  number(length: number): number {
    return this.#take(length).readUIntBE(0, length);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.number(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw unreadable();
  }

  counted(): Buffer {
    return this.#take(this.number(2));
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw unreadable();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

function inRange({ name, least, most }: Row, value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw invalid(name, `is ${value}, and must be a whole number ${least} to ${most}`);
  }
  return value as number;
}

function numberBytes(identifier: number, type: Type, value: number): Buffer {
  const length = type === "u8" ? 1 : type === "u16" ? 2 : 4;
  const bytes = Buffer.allocUnsafe(1 + length);
  bytes[0] = identifier;
  bytes.writeUIntBE(value, 1, length);
  return bytes;
}

function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function stringBytes(name: string, value: unknown): Buffer {
  if (typeof value !== "string") throw invalid(name, "must be text");
  // Neither has a place in a UTF-8 Encoded String [MQTT-1.5.4-1] [MQTT-1.5.4-2].
  if (value.includes("\0") || /\p{Surrogate}/u.test(value)) {
    throw invalid(name, "holds U+0000, or half of a surrogate pair");
  }
  return Buffer.from(value);
}

function counted(name: string, bytes: Uint8Array): [Buffer, Uint8Array] {
  if (bytes.length > U16_MAX) throw invalid(name, `has ${bytes.length} bytes, and may have ${U16_MAX}`);
  return [Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes];
}

function invalid(name: string, what: string): MidgeError {
  return new MidgeError("ARGUMENT_INVALID", `${name} ${what}`);
}

function unreadable(): MidgeError {
  return new MidgeError("PROTOCOL_ERROR", "the properties of a packet cannot be read");
}
