// Random properties of 5.0, by packet: mostly ones that it may carry, with values small enough to matter; now and then one
// that it may not. A table of rows; lists are put together from them.
import { byte, METHOD, NAMES, type Random, text, u16 } from "./world.ts";

/** One property: its bytes, or none this time. */
type Row = [oneIn: number, identifier: number, value: (random: Random) => Uint8Array];

const bit = (random: Random) => byte(random.below(2));
const string = (random: Random) => text(random.pick(["", "x", "text/plain", "a reason that takes some room"]));
const pair = (key: string, values: readonly string[]) => (random: Random) =>
  Buffer.concat([text(key), text(random.pick(values))]);
const some16 = (values: readonly number[]) => (random: Random) => u16(random.pick(values));
const some32 = (values: readonly number[]) => (random: Random) => u32(random.pick(values));
const method = (random: Random) => text(random.oneIn(20) ? "another" : METHOD);

const MESSAGE: Row[] = [
  [6, 0x01, bit],
  [4, 0x02, some32([0, 1, 1, 2, 5, 100])],
  [8, 0x03, string],
  [8, 0x08, (random) => text(random.pick(NAMES))],
  [8, 0x09, string],
  [6, 0x26, pair("midge_priority", ["urgent", "urgent", "low"])],
  [6, 0x26, pair("k", ["v", "a longer value"])],
];
const SESSION_EXPIRY: Row = [2, 0x11, some32([0, 1, 5, 60, 0xffff_ffff])];
const AUTHENTICATION: Row[] = [
  [1, 0x15, method],
  [2, 0x16, string],
];

/** What the packets of a client and of a server may carry. */
const ROWS = {
  connect: [
    SESSION_EXPIRY,
    [2, 0x21, some16([1, 2, 3, 65_535])],
    [3, 0x27, some32([1, 30, 60, 200, 3_000, 0xffff_ffff])],
    [2, 0x22, some16([0, 1, 2, 16])],
    [4, 0x19, bit],
    [4, 0x17, bit],
    [6, 0x26, pair("k", ["v"])],
  ],
  /** Of CONNECT again, without what the test of the client chooses itself. */
  client: [SESSION_EXPIRY, [4, 0x21, some16([2, 3, 65_535])], [6, 0x27, some32([60, 200, 3_000])], [4, 0x17, bit]],
  will: [[2, 0x18, some32([0, 1, 5, 100])], ...MESSAGE],
  connack: [
    [4, 0x11, some32([0, 10, 0xffff_ffff])],
    [2, 0x21, some16([1, 2, 3, 65_535])],
    [6, 0x24, bit],
    [8, 0x25, bit],
    [3, 0x27, some32([1, 30, 60, 200, 3_000, 0xffff_ffff])],
    [4, 0x12, (random) => text(random.pick(["given", "by the server"]))],
    [2, 0x22, some16([0, 1, 2, 16])],
    [8, 0x1f, string],
    [6, 0x26, pair("k", ["v"])],
    [8, 0x28, bit],
    [8, 0x29, bit],
    [8, 0x2a, bit],
    [4, 0x13, some16([0, 1, 10])],
    [8, 0x1a, string],
  ],
  publish: MESSAGE,
  subscribe: [
    [2, 0x0b, (random) => random.pick([byte(1), byte(2), byte(127), Uint8Array.of(0x80, 0x01)])],
    [3, 0x26, pair("midge_expiry", ["1", "2", "60", "60", "soon"])],
    [8, 0x26, pair("k", ["v"])],
  ],
  unsubscribe: [[3, 0x26, pair("k", ["v"])]],
  answer: [
    [3, 0x1f, string],
    [3, 0x26, pair("k", ["v", "another value"])],
  ],
  "client disconnect": [
    [2, 0x11, some32([0, 1, 60, 0xffff_ffff])],
    [4, 0x1f, string],
  ],
  "server disconnect": [
    [4, 0x1c, string],
    [4, 0x1f, string],
    [4, 0x26, pair("k", ["v"])],
  ],
  auth: [[4, 0x1f, string]],
} satisfies Record<string, Row[]>;

/** Rows that a packet from the other end may have, or none at all. */
const STRAY: Row[] = [
  [1, 0x0b, () => byte(3)],
  [1, 0x23, () => u16(0)],
  [1, 0x11, () => u32(1)],
  [1, 0x2b, () => byte(0)],
];

/** A random property list for `kind`, its length before it. `first`: properties that it begins with. */
export function properties(random: Random, kind: keyof typeof ROWS, first: Uint8Array[] = []): Uint8Array {
  const bytes = bareProperties(random, kind, first);
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

/** The same without its length. */
export function bareProperties(random: Random, kind: keyof typeof ROWS, first: Uint8Array[] = []): Buffer {
  // Many lists are empty: most packets of the world have none.
  const parts = [...first, ...(random.below(5) < 3 ? some(random, ROWS[kind]) : [])];
  if (random.oneIn(200)) parts.push(...some(random, [random.pick(STRAY)]));
  return Buffer.concat(parts);
}

/** Authentication Method, and perhaps Data. */
export function authentication(random: Random): Uint8Array[] {
  return some(random, AUTHENTICATION);
}

function some(random: Random, rows: readonly Row[]): Uint8Array[] {
  return rows.flatMap(([oneIn, identifier, value]) => (random.oneIn(oneIn) ? [byte(identifier), value(random)] : []));
}

function lengthOf(length: number): Uint8Array {
  return length < 0x80 ? byte(length) : Uint8Array.of((length & 0x7f) | 0x80, length >> 7);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}
