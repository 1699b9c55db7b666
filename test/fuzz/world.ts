// What the fuzz tests of the two cores share: a seeded source of numbers, the small world of names and identifiers that all
// packets are about, so that states deep inside are reached, and the bytes that packets are put together from.

/** Numbers that repeat with their seed (Mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

export const NAMES = ["a", "a/b", "a/b/c", "b", "/", "$SYS/broker/uptime", "a//c", "€/b", "a/name/of/its/own"];
export const FILTERS = [...NAMES, "#", "+", "a/#", "+/b", "a/+/c", "$SYS/#", "/+", "a/+"];
export const SHARED_FILTERS = ["$share/g/a/#", "$share/h/a/#", "$share/g/#", "$share/g/b", "$share/h/+/b"];
export const CLIENT_IDS = ["", "one", "two", "three", "four", "a-client-id-of-24-letters"];
/** The only Authentication Method that the hosts of the tests know. */
export const METHOD = "M";

/** A whole packet: its fixed header around what `parts` make together. */
export function packet(firstByte: number, ...parts: Uint8Array[]): Buffer {
  let size = 0;
  for (const part of parts) size += part.length;
  const length: number[] = [];
  let rest = size;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Uint8Array.of(firstByte, ...length), ...parts]);
}

/** Bytes of the packet that `bytes` begin with; 0 while that is not known, Infinity when it never will be. */
export function packetLength(bytes: Uint8Array): number {
  let length = 0;
  for (let at = 1; at < 5; at++) {
    const byte = bytes[at];
    if (byte === undefined) return 0;
    length |= (byte & 0x7f) << (7 * (at - 1));
    if (byte < 0x80) return at + 1 + length;
  }
  return Number.POSITIVE_INFINITY;
}

export function byte(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** A UTF-8 Encoded String: its length comes before it. */
export function text(value: string): Uint8Array {
  let bytes = texts.get(value);
  if (bytes === undefined) {
    const content = Buffer.from(value);
    bytes = Buffer.concat([u16(content.length), content]);
    texts.set(value, bytes);
  }
  return bytes;
}

/** The names of a small world come again and again. */
const texts = new Map<string, Uint8Array>();
