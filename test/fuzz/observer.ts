// Watches one Network Connection of a core from the other end: what the core is told there, and what it sends. Knows the
// rules that one can see from there, and throws at the first packet that breaks one: it must be a packet of the version that
// an end like the core may send then, within every limit that the other end has named. What the other end is allowed is not
// its business. Decodes with the codec module; does not know the core.
import type { Codec } from "../core/codec.ts";
import { packetLength, type Random } from "./world.ts";

const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const PUBACK = 4;
const PUBREC = 5;
const PUBCOMP = 7;
const SUBSCRIBE = 8;
const SUBACK = 9;
const UNSUBSCRIBE = 10;
const UNSUBACK = 11;
const DISCONNECT = 14;
const AUTH = 15;

// Properties.
const SUBSCRIPTION_IDENTIFIER = 0x0b;
const SESSION_EXPIRY_INTERVAL = 0x11;
const AUTHENTICATION_METHOD = 0x15;
const REQUEST_PROBLEM_INFORMATION = 0x17;
const REQUEST_RESPONSE_INFORMATION = 0x19;
const RESPONSE_INFORMATION = 0x1a;
const REASON_STRING = 0x1f;
const RECEIVE_MAXIMUM = 0x21;
const TOPIC_ALIAS_MAXIMUM = 0x22;
const MAXIMUM_QOS = 0x24;
const RETAIN_AVAILABLE = 0x25;
const USER_PROPERTY = 0x26;
const MAXIMUM_PACKET_SIZE = 0x27;

/** Packets that may have no Reason String and no User Property for who wants none: PUBACK to PUBCOMP, SUBACK, UNSUBACK, AUTH,
 *  a bit each [MQTT-3.1.2-29]. */
const WITHOUT_REASONS = 0b1000_1010_1111_0000;

/** Longest packet of the other end that is looked at: the cores of the tests take none that is longer. */
const HEARD_MAX = 8_000;

export class Observer {
  /** Protocol Level; 0 while it is not known, or not one that is served. */
  level: number;
  /** The client, whichever end that is, has named an Authentication Method. */
  authenticates = false;
  /** The core waits for AUTH. */
  isAsking = false;
  /** Topic Names of retained messages that the core has sent. */
  readonly retained = new Set<string>();
  readonly #codec: Codec;
  readonly #isBroker: boolean;
  #heard = Buffer.alloc(0);
  #seen = Buffer.alloc(0);
  /** Acknowledgement that a QoS 1 or 2 message waits for, by Packet Identifier. */
  readonly #awaited = new Map<number, number>();
  /** Acknowledgements that came while the message could have been under way still. */
  readonly #early = new Set<number>();
  /** Types of the requests that were not answered, by Packet Identifier. */
  readonly #requests = new Map<number, number>();
  readonly #aliases = new Set<number>();
  #unacknowledged = 0;
  #hasConnack = false;
  #hasEnded = false;
  #isDeaf = false;
  // What the other end can take.
  #packetSizeMax = Number.POSITIVE_INFINITY;
  #receiveMaximum = 65_535;
  #topicAliasMaximum = 0;
  #qosMax = 2;
  #takesRetain = true;
  #wantsReasons = true;
  #wantsResponseInformation = false;

  /** `level`: of a client that is watched; a broker hears it. */
  constructor(codec: Codec, level = 0) {
    this.#codec = codec;
    this.#isBroker = level === 0;
    this.level = level;
  }

  /** What the other end could acknowledge now. */
  awaited(random: Random): [type: number, packetId: number] | undefined {
    if (this.#awaited.size === 0) return undefined;
    let index = random.below(Math.min(this.#awaited.size, 8));
    for (const [packetId, type] of this.#awaited) if (index-- === 0) return [type, packetId];
    return undefined;
  }

  /** A SUBSCRIBE (8) or UNSUBSCRIBE (10) of the core that was not answered. */
  requested(random: Random, type: number): number | undefined {
    const packetIds = [...this.#requests].filter(([, other]) => other === type).map(([packetId]) => packetId);
    return packetIds.length === 0 ? undefined : random.pick(packetIds);
  }

  /** The core is told `bytes`. `mayMissSome`: not all that it has sent before was seen. */
  hear(bytes: Uint8Array, mayMissSome: boolean): void {
    if (this.#isDeaf) return;
    this.#heard = this.#heard.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#heard, bytes]);
    for (;;) {
      const length = packetLength(this.#heard);
      if (length > HEARD_MAX) this.#isDeaf = true;
      if (length === 0 || length > this.#heard.length) return;
      this.#hearPacket(this.#heard.subarray(0, length), mayMissSome);
      this.#heard = this.#heard.subarray(length);
    }
  }

  #hearPacket(packet: Buffer, mayMissSome: boolean): void {
    const type = (packet[0] as number) >> 4;
    if (type >= PUBACK && type <= PUBCOMP) this.#hearAcknowledgement(type, packet, mayMissSome);
    else if (type === SUBACK || type === UNSUBACK) this.#hearAnswer(bodyOf(packet));
    else if (type === AUTH) this.isAsking = false;
    else if (this.#isBroker && type === CONNECT && this.level === 0) this.#hearConnect(packet);
    else if (!this.#isBroker && type === CONNACK && !this.#hasConnack) this.#hearConnack(packet);
  }

  #hearAnswer(body: Buffer): void {
    if (body.length >= 2) this.#requests.delete(body.readUInt16BE(0));
  }

  #hearConnect(packet: Buffer): void {
    const byte = packet[packet.indexOf("MQ") + (packet.includes("MQTT") ? 4 : 6)] ?? 0;
    // A bridge of 3.1 or 3.1.1 sets the highest bit.
    const level = byte === 0x83 || byte === 0x84 ? byte & 0x7f : byte;
    if (this.#decode(packet, 0) !== 0) {
      // A level that can be read is what it is refused at.
      if (level >= 3 && level <= 5) this.level = level;
      return;
    }
    const { core } = this.#codec;
    this.level = core.connectLevel();
    this.authenticates = this.#has(AUTHENTICATION_METHOD);
    this.#takeLimits();
    this.#wantsReasons = !this.#has(REQUEST_PROBLEM_INFORMATION) || this.#flag(REQUEST_PROBLEM_INFORMATION);
    this.#wantsResponseInformation = this.#flag(REQUEST_RESPONSE_INFORMATION);
  }

  #hearConnack(packet: Buffer): void {
    if (this.#decode(packet, this.level) !== 0) return;
    this.#hasConnack = true;
    const { core } = this.#codec;
    this.#takeLimits();
    if (this.#has(MAXIMUM_QOS)) this.#qosMax = core.propertyNumber(MAXIMUM_QOS);
    if (this.#has(RETAIN_AVAILABLE)) this.#takesRetain = this.#flag(RETAIN_AVAILABLE);
  }

  #takeLimits(): void {
    const { core } = this.#codec;
    const numberOr = (identifier: number, absent: number) =>
      this.#has(identifier) ? core.propertyNumber(identifier) >>> 0 : absent;
    this.#packetSizeMax = numberOr(MAXIMUM_PACKET_SIZE, Number.POSITIVE_INFINITY);
    this.#receiveMaximum = numberOr(RECEIVE_MAXIMUM, 65_535);
    this.#topicAliasMaximum = numberOr(TOPIC_ALIAS_MAXIMUM, 0);
  }

  #flag(identifier: number): boolean {
    return this.#has(identifier) && this.#codec.core.propertyNumber(identifier) === 1;
  }

  #hearAcknowledgement(type: number, packet: Buffer, mayMissSome: boolean): void {
    const body = bodyOf(packet);
    if (body.length < 2) return;
    const packetId = body.readUInt16BE(0);
    const refuses = this.level === 5 && body.length > 2 && (body[2] as number) >= 0x80;
    const awaited = this.#awaited.get(packetId);
    if (awaited === undefined && mayMissSome) this.#early.add(packetId);
    // A second PUBREC that refuses ends the exchange like a first one.
    if (awaited !== type && !(awaited === PUBCOMP && type === PUBREC && refuses)) return;
    if (type === PUBREC && !refuses) this.#awaited.set(packetId, PUBCOMP);
    else {
      this.#awaited.delete(packetId);
      this.#unacknowledged--;
    }
  }

  /** The core has sent `bytes`. */
  see(bytes: Uint8Array): void {
    if (this.#hasEnded) throw this.#fault("bytes behind the end", bytes);
    this.#seen = this.#seen.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#seen, bytes]);
    for (;;) {
      const length = packetLength(this.#seen);
      if (length === 0 || length > this.#seen.length) return;
      this.#seePacket(this.#seen.subarray(0, length));
      this.#seen = this.#seen.subarray(length);
    }
  }

  /** The core closes the connection; `hasSentAll`: its socket has taken everything. */
  end(hasSentAll: boolean): void {
    if (hasSentAll && this.#seen.length > 0) throw this.#fault("half a packet at the end", this.#seen);
  }

  #seePacket(packet: Buffer): void {
    const { core } = this.#codec;
    const type = (packet[0] as number) >> 4;
    if (this.#hasEnded) throw this.#fault("a packet behind the end", packet);
    // A version that is not served is told so in the form of one that it may know.
    if (this.level === 0 && type === CONNACK && bodyOf(packet)[1] !== 0) return;
    const code = this.#decode(packet, type === CONNECT ? 0 : this.level);
    if (code !== 0) throw this.#fault(`not a packet of level ${this.level}: ${code.toString(16)}`, packet);
    if ((core.sentBy(type, this.level) & (this.#isBroker ? 2 : 1)) === 0) throw this.#fault("not its packet", packet);
    this.#checkOrder(type, packet);
    if (packet.length > this.#packetSizeMax && type !== CONNECT) throw this.#fault("over Maximum Packet Size", packet);
    if (type === CONNECT) this.authenticates = this.#has(AUTHENTICATION_METHOD);
    this.#checkProperties(type, packet);
    if (type === PUBLISH) this.#seePublish(packet);
    if (type === SUBSCRIBE || type === UNSUBSCRIBE) this.#requests.set(bodyOf(packet).readUInt16BE(0), type);
    // AUTH with success asks for nothing.
    if (type === AUTH) this.isAsking = (bodyOf(packet)[0] ?? 0) !== 0;
  }

  /** Properties that this end may not send, or not to this other end. */
  #checkProperties(type: number, packet: Buffer): void {
    const isUnwanted =
      (!this.authenticates && (type === AUTH || (type === CONNACK && this.#has(AUTHENTICATION_METHOD)))) ||
      (!this.#wantsResponseInformation && type === CONNACK && this.#has(RESPONSE_INFORMATION)) ||
      (!this.#wantsReasons &&
        ((WITHOUT_REASONS >> type) & 1) === 1 &&
        (this.#has(REASON_STRING) || this.#has(USER_PROPERTY))) ||
      (this.#isBroker && type === DISCONNECT && this.#has(SESSION_EXPIRY_INTERVAL)) ||
      (!this.#isBroker && type === PUBLISH && this.#has(SUBSCRIPTION_IDENTIFIER));
    if (isUnwanted) throw this.#fault("a property or packet that it may not send", packet);
  }

  #has(identifier: number): boolean {
    return this.#codec.core.propertyPresent(identifier) === 1;
  }

  /** CONNECT or CONNACK comes first and once, but for AUTH; a refusal and DISCONNECT come last. */
  #checkOrder(type: number, packet: Buffer): void {
    if (this.#isBroker) {
      if (this.#hasConnack ? type === CONNACK : type !== CONNACK && type !== AUTH)
        throw this.#fault("out of order", packet);
      if (type === CONNACK) {
        this.#hasConnack = true;
        this.#hasEnded = bodyOf(packet)[1] !== 0;
      }
    }
    if (type === DISCONNECT) this.#hasEnded = true;
  }

  #seePublish(packet: Buffer): void {
    const { core } = this.#codec;
    const flags = packet[0] as number;
    const qos = (flags >> 1) & 3;
    if (qos > this.#qosMax) throw this.#fault("over Maximum QoS", packet);
    if ((flags & 1) !== 0 && !this.#takesRetain) throw this.#fault("RETAIN", packet);
    const body = bodyOf(packet);
    const nameLength = body.readUInt16BE(0);
    if ((flags & 1) !== 0) this.retained.add(body.toString("utf8", 2, 2 + nameLength));
    const alias = this.level === 5 ? core.publishTopicAlias() : 0;
    if (alias > this.#topicAliasMaximum) throw this.#fault("over Topic Alias Maximum", packet);
    if (nameLength === 0 && !this.#aliases.has(alias)) throw this.#fault("an alias that was not set", packet);
    if (alias > 0) this.#aliases.add(alias);
    if (qos > 0) this.#count(qos, packet, body.readUInt16BE(2 + nameLength));
  }

  #count(qos: number, packet: Buffer, packetId: number): void {
    if (this.#early.delete(packetId)) return;
    if (this.#awaited.has(packetId)) {
      // 3.1 sends again what is late.
      if (this.level === 3 && ((packet[0] as number) & 8) !== 0) return;
      throw this.#fault("a Packet Identifier in use", packet);
    }
    this.#awaited.set(packetId, qos === 1 ? PUBACK : PUBREC);
    this.#unacknowledged++;
    if (this.#unacknowledged > this.#receiveMaximum) throw this.#fault("over Receive Maximum", packet);
  }

  #decode(packet: Uint8Array, level: number): number {
    this.#codec.put(packet);
    return this.#codec.core.decode(packet.length, level);
  }

  #fault(what: string, bytes: Uint8Array): Error {
    return new Error(`${what}: ${Buffer.from(bytes.subarray(0, 80)).toString("hex")} (${bytes.length} bytes)`);
  }
}

/** What follows the Fixed Header. */
function bodyOf(packet: Buffer): Buffer {
  let at = 2;
  while (((packet[at - 1] as number) & 0x80) !== 0) at++;
  return packet.subarray(at);
}
