// What the fuzz tests of the two cores share: a seeded source of numbers, and packets, well-formed ones over a small world of
// names and identifiers, so that states deep inside are reached, and ones with a few bytes changed.

import { readVectors } from "../core/vectors.ts";

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

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

const NAMES = ["a", "a/b", "a/b/c", "b", "/", "$SYS/broker/uptime", "a//c", "€/b"];
const FILTERS = [...NAMES, "#", "+", "a/#", "+/b", "a/+/c", "$SYS/#", "/+", "a/+"];
const CLIENT_IDS = ["", "one", "two", "three", "four", "a-client-id-of-24-letters"];

const vectors = readVectors()
  .filter(({ subject, bytes }) => subject === "packet" && bytes.length > 1 && bytes.length < 200)
  .map(({ bytes }) => bytes);

/** A whole packet: its fixed header around `body`. */
export function packet(firstByte: number, body: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Uint8Array.of(firstByte, ...length), body]);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

/** CONNECT of 3.1 or 3.1.1, often with a Will. */
export function connectPacket(random: Random, clientId = random.pick(CLIENT_IDS)): Uint8Array {
  const old = random.below(3) === 0;
  const will = random.below(3) === 0;
  const flags = (random.below(2) << 1) | (will ? 0x04 | (random.below(3) << 3) | (random.below(2) << 5) : 0);
  const parts = [text(old ? "MQIsdp" : "MQTT"), Uint8Array.of(old ? 3 : 4, flags, 0, random.below(4)), text(clientId)];
  if (will) parts.push(text(random.pick(NAMES)), text("gone"));
  return packet(0x10, Buffer.concat(parts));
}

/** A well-formed packet that a client (or, with `server`, a server) may send. */
export function validPacket(random: Random, server = false): Uint8Array {
  const packetId = Uint8Array.of(0, 1 + random.below(6));
  const kind = random.below(server ? 9 : 10);
  switch (kind) {
    case 0:
    case 1:
    case 2: {
      const qos = random.below(3);
      const flags = (qos << 1) | random.below(2) | (qos > 0 && random.below(4) === 0 ? 8 : 0);
      const payload = Buffer.alloc(random.below(16) === 0 ? random.below(5_000) : random.below(20), 0x61);
      const body = [text(random.pick(NAMES)), ...(qos > 0 ? [packetId] : []), payload];
      return packet(0x30 | flags, Buffer.concat(body));
    }
    case 3:
    case 4:
    case 5:
    case 6: {
      const type = 4 + random.below(4);
      return packet((type << 4) | (type === 6 ? 2 : 0), packetId);
    }
    case 7:
      if (server)
        return packet(0x90, Buffer.concat([Uint8Array.of(0xf0, random.below(8)), Uint8Array.of(random.below(3))]));
      return packet(0x82, Buffer.concat([packetId, text(random.pick(FILTERS)), Uint8Array.of(random.below(3))]));
    case 8:
      if (server) return packet(0xb0, Uint8Array.of(0xf0, random.below(8)));
      return packet(0xa2, Buffer.concat([packetId, text(random.pick(FILTERS))]));
    default:
      return packet(random.below(8) === 0 ? 0xe0 : 0xc0, new Uint8Array());
  }
}

/** A packet that may be anything: valid, from the tables, changed, or noise. */
export function anyPacket(random: Random, server = false): Uint8Array {
  const kind = random.below(10);
  if (kind < 7) return validPacket(random, server);
  if (kind === 7) return random.pick(vectors);
  const bytes = Buffer.from(kind === 8 ? validPacket(random, server) : random.pick(vectors));
  for (let changes = 1 + random.below(3); changes > 0; changes--) bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}
