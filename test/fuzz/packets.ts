// Random packets of every version: well-formed ones that a client or a server may send, ones of the tables, and ones with a
// few bytes changed. What is under way on their connection can be handed in, so that acknowledgements are not all of nothing.

import { readVectors } from "../core/vectors.ts";
import { authentication, properties } from "./properties.ts";
import { byte, CLIENT_IDS, FILTERS, NAMES, packet, type Random, SHARED_FILTERS, text, u16 } from "./world.ts";

/** Who sends, on a connection of which version. */
export interface Sender {
  isServer: boolean;
  /** 3, 4 or 5. */
  level: number;
  /** An Authentication Method is in use; the other end waits for AUTH. */
  authenticates: boolean;
  owesAuth: boolean;
  /** Topic Aliases that the other end allows, and those that were set. */
  topicAliasMaximum: number;
  aliases: Set<number>;
  /** One packet in so many is not well-formed, or not one that it may send. */
  noiseOneIn: number;
  /** What the other end waits for to be acknowledged: a packet type and the Packet Identifier. */
  awaited(random: Random): [type: number, packetId: number] | undefined;
  /** Packet Identifier of a SUBSCRIBE (8) or UNSUBSCRIBE (10) that waits for its answer. */
  requested(random: Random, type: number): number | undefined;
}

const PUBACK = 4;
const PUBREL = 6;

/** Reason Codes of acknowledgements, by type - PUBACK. */
const ACK_CODES = [
  [0, 0x10, 0x10, 0x80, 0x87, 0x97],
  [0, 0x10, 0, 0x80, 0x91, 0x97],
  [0, 0x92],
  [0, 0x92],
];

const vectors = new Map<number, Uint8Array[]>();
for (const { subject, bytes, level } of readVectors()) {
  if (subject !== "packet" || bytes.length < 2 || bytes.length > 200) continue;
  const ofLevel = vectors.get(level) ?? [];
  ofLevel.push(bytes);
  vectors.set(level, ofLevel);
}

/** CONNECT of any version, half of them of 5.0, often with a Will. */
export function connectPacket(random: Random, clientId = random.pick(CLIENT_IDS)): Uint8Array {
  const level = random.pick([3, 4, 5, 5, 5]);
  const is5 = level === 5;
  const will = random.oneIn(3);
  const flags = (random.below(2) << 1) | (will ? 0x04 | (random.below(3) << 3) | (random.below(2) << 5) : 0);
  const bridge = !is5 && random.oneIn(20) ? 0x80 : 0;
  const parts = [text(level === 3 ? "MQIsdp" : "MQTT"), Uint8Array.of(level | bridge, flags), u16(random.below(4))];
  if (is5) parts.push(properties(random, "connect", random.oneIn(8) ? authentication(random) : []));
  parts.push(text(clientId));
  if (will) {
    if (is5) parts.push(properties(random, "will"));
    parts.push(text(random.pick(NAMES)), text("gone"));
  }
  return packet(0x10, ...parts);
}

/** CONNACK, seldom one that refuses, or that knows of a Session behind a CONNECT with Clean Start. */
export function connackPacket(random: Random, { level, authenticates }: Sender, isClean: boolean): Uint8Array {
  const isRefusal = random.oneIn(20);
  const flags = isRefusal ? 0 : random.below(isClean && !random.oneIn(20) ? 1 : 2);
  if (level !== 5) return Uint8Array.of(0x20, 2, flags, isRefusal ? 3 : 0);
  const list = properties(random, "connack", authenticates ? authentication(random) : []);
  return packet(0x20, Uint8Array.of(flags, isRefusal ? 0x89 : 0), list);
}

/** A well-formed packet that `sender` may send. */
export function validPacket(random: Random, sender: Sender): Uint8Array {
  if (sender.owesAuth && !random.oneIn(3)) return authPacket(random, sender.isServer ? [0x18, 0] : [0x18]);
  const kind = random.below(12);
  if (kind < 4) return publishPacket(random, sender);
  if (kind < 7) return acknowledgement(random, sender);
  if (kind < 8) return packet(0x62, u16(1 + random.below(6)));
  if (kind < 9) return sender.isServer ? suback(random, sender) : subscribePacket(random, sender);
  if (kind < 10) return sender.isServer ? unsuback(random, sender) : unsubscribePacket(random, sender);
  if (random.oneIn(20)) return disconnectPacket(random, sender);
  if (sender.authenticates && !sender.isServer && random.oneIn(20)) return authPacket(random, [0x19]);
  return Uint8Array.of(sender.isServer ? 0xd0 : 0xc0, 0);
}

/** A packet that may be anything: valid, from the tables, changed, or noise. */
export function anyPacket(random: Random, sender: Sender): Uint8Array {
  if (!random.oneIn(sender.noiseOneIn)) return validPacket(random, sender);
  const table = vectors.get(random.oneIn(8) ? 0 : sender.level) ?? [];
  const kind = random.below(5);
  if (kind === 0) return random.pick(table);
  if (kind === 1) return authPacket(random, [0, 0x18, 0x19]);
  const bytes = Buffer.from(kind === 2 ? random.pick(table) : validPacket(random, sender));
  for (let changes = 1 + random.below(3); changes > 0; changes--) bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}

function authPacket(random: Random, codes: readonly number[]): Uint8Array {
  return packet(0xf0, byte(random.pick(codes)), properties(random, "auth", authentication(random)));
}

function publishPacket(random: Random, sender: Sender): Uint8Array {
  const qos = random.below(3);
  const flags = (qos << 1) | (random.oneIn(4) ? 1 : 0) | (qos > 0 && random.oneIn(4) ? 8 : 0);
  const payload = Buffer.alloc(random.oneIn(16) ? random.below(4_500) : random.below(20), 0x61);
  const id = qos > 0 ? [packetId(random)] : [];
  if (sender.level !== 5) return packet(0x30 | flags, text(random.pick(NAMES)), ...id, payload);
  const alias = random.oneIn(3) ? topicAlias(random, sender) : 0;
  const isNameless = random.oneIn(2) && sender.aliases.has(alias);
  if (alias > 0) sender.aliases.add(alias);
  const list = properties(random, "publish", alias > 0 ? [byte(0x23), u16(alias)] : []);
  return packet(0x30 | flags, text(isNameless ? "" : random.pick(NAMES)), ...id, list, payload);
}

/** Mostly one that the other end allows; 0 for none. */
function topicAlias(random: Random, { topicAliasMaximum, aliases }: Sender): number {
  if (!random.oneIn(100)) return topicAliasMaximum === 0 ? 0 : 1 + random.below(topicAliasMaximum);
  const alias = random.below(topicAliasMaximum + 2);
  // Now and then as if it had been set.
  if (random.oneIn(4)) aliases.add(alias);
  return alias;
}

function acknowledgement(random: Random, sender: Sender): Uint8Array {
  const awaited = random.oneIn(4) ? undefined : sender.awaited(random);
  const [type, id] = awaited ?? [PUBACK + random.below(4), 1 + random.below(6)];
  const first = (type << 4) | (type === PUBREL ? 2 : 0);
  if (sender.level !== 5 || random.oneIn(2)) return packet(first, u16(id));
  const code = byte(random.pick(ACK_CODES[type - PUBACK] ?? [0]));
  return random.oneIn(2) ? packet(first, u16(id), code) : packet(first, u16(id), code, properties(random, "answer"));
}

function subscribePacket(random: Random, { level }: Sender): Uint8Array {
  const parts = [packetId(random), level === 5 ? properties(random, "subscribe") : new Uint8Array()];
  do {
    const shared = random.oneIn(4);
    const filter = shared ? random.pick(SHARED_FILTERS) : random.pick(FILTERS);
    parts.push(text(filter), byte(subscriptionOptions(random, level, shared)));
  } while (random.oneIn(4));
  return packet(0x82, ...parts);
}

/** Random Subscription Options: a QoS alone before 5.0. */
export function subscriptionOptions(random: Random, level: number, shared: boolean): number {
  const qos = random.below(3);
  if (level !== 5) return qos;
  return qos | (shared ? 0 : random.below(2) << 2) | (random.below(2) << 3) | (random.below(3) << 4);
}

function unsubscribePacket(random: Random, { level }: Sender): Uint8Array {
  const parts = [packetId(random), level === 5 ? properties(random, "unsubscribe") : new Uint8Array()];
  do parts.push(text(random.pick(random.oneIn(4) ? SHARED_FILTERS : FILTERS)));
  while (random.oneIn(4));
  return packet(0xa2, ...parts);
}

function suback(random: Random, { level, requested }: Sender): Uint8Array {
  const id = u16(requested(random, 8) ?? 1 + random.below(6));
  if (level !== 5) return packet(0x90, id, byte(random.below(3)));
  return packet(0x90, id, properties(random, "answer"), byte(random.pick([0, 1, 2, 0x87, 0x97])));
}

function unsuback(random: Random, { level, requested }: Sender): Uint8Array {
  const id = u16(requested(random, 10) ?? 1 + random.below(6));
  if (level !== 5) return packet(0xb0, id);
  return packet(0xb0, id, properties(random, "answer"), byte(random.pick([0, 0x11, 0x87])));
}

function disconnectPacket(random: Random, { level, isServer }: Sender): Uint8Array {
  if (level !== 5 || random.oneIn(3)) return Uint8Array.of(0xe0, 0);
  const code = byte(isServer ? random.pick([0x8b, 0x8e, 0x9d]) : random.pick([0, 4, 0x80, 0x98]));
  if (random.oneIn(3)) return packet(0xe0, code);
  return packet(0xe0, code, properties(random, isServer ? "server disconnect" : "client disconnect"));
}

function packetId(random: Random): Uint8Array {
  return u16(1 + random.below(6));
}
