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
const DISCONNECT = 14;
const AUTH = 15;

// Properties.
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
  readonly #codec: Codec;
  readonly #isBroker: boolean;
  #heard = Buffer.alloc(0);
  #seen = Buffer.alloc(0);
  /** Acknowledgement that a QoS 1 or 2 message waits for, by Packet Identifier. */
  readonly #awaited = new Map<number, number>();
  /** Acknowledgements that came while the message could have been under way still. */
  readonly #early = new Set<number>();
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
    else if (this.#isBroker && type === CONNECT && this.level === 0) this.#hearConnect(packet);
    else if (!this.#isBroker && type === CONNACK && !this.#hasConnack) this.#hearConnack(packet);
  }

  #hearConnect(packet: Buffer): void {
    const level = (packet[packet.indexOf("MQ") + (packet.includes("MQTT") ? 4 : 6)] ?? 0) & 0x7f;
    if (this.#decode(packet, 0) !== 0) {
      // A level that can be read is what it is refused at.
      if (level >= 3 && level <= 5) this.level = level;
      return;
    }
    const { core } = this.#codec;
    this.level = core.connectLevel();
    this.#takeLimits();
    this.#wantsReasons =
      core.propertyPresent(REQUEST_PROBLEM_INFORMATION) === 0 || this.#flag(REQUEST_PROBLEM_INFORMATION);
    this.#wantsResponseInformation = this.#flag(REQUEST_RESPONSE_INFORMATION);
  }

  #hearConnack(packet: Buffer): void {
    if (this.#decode(packet, this.level) !== 0) return;
    this.#hasConnack = true;
    const { core } = this.#codec;
    this.#takeLimits();
    if (core.propertyPresent(MAXIMUM_QOS)) this.#qosMax = core.propertyNumber(MAXIMUM_QOS);
    if (core.propertyPresent(RETAIN_AVAILABLE)) this.#takesRetain = this.#flag(RETAIN_AVAILABLE);
  }

  #takeLimits(): void {
    const { core } = this.#codec;
    const numberOr = (identifier: number, absent: number) =>
      core.propertyPresent(identifier) ? core.propertyNumber(identifier) >>> 0 : absent;
    this.#packetSizeMax = numberOr(MAXIMUM_PACKET_SIZE, Number.POSITIVE_INFINITY);
    this.#receiveMaximum = numberOr(RECEIVE_MAXIMUM, 65_535);
    this.#topicAliasMaximum = numberOr(TOPIC_ALIAS_MAXIMUM, 0);
  }

  #flag(identifier: number): boolean {
    return this.#codec.core.propertyPresent(identifier) === 1 && this.#codec.core.propertyNumber(identifier) === 1;
  }

  #hearAcknowledgement(type: number, packet: Buffer, mayMissSome: boolean): void {
    if (packet.length < 4) return;
    const packetId = packet.readUInt16BE(2);
    const refuses = this.level === 5 && packet.length > 4 && (packet[4] as number) >= 0x80;
    const awaited = this.#awaited.get(packetId);
    if (awaited === undefined && mayMissSome) this.#early.add(packetId);
    if (awaited !== type) return;
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
    if (this.level === 0 && type === CONNACK && (packet[3] as number) !== 0) return;
    const code = this.#decode(packet, type === CONNECT ? 0 : this.level);
    if (code !== 0) throw this.#fault(`not a packet of level ${this.level}: ${code.toString(16)}`, packet);
    if ((core.sentBy(type, this.level) & (this.#isBroker ? 2 : 1)) === 0) throw this.#fault("not its packet", packet);
    this.#checkOrder(type, packet);
    if (packet.length > this.#packetSizeMax && type !== CONNECT) throw this.#fault("over Maximum Packet Size", packet);
    if (!this.#wantsReasons && ((WITHOUT_REASONS >> type) & 1) === 1) {
      if (core.propertyPresent(REASON_STRING) || core.propertyPresent(USER_PROPERTY))
        throw this.#fault("a reason", packet);
    }
    if (type === CONNACK && core.propertyPresent(RESPONSE_INFORMATION) && !this.#wantsResponseInformation) {
      throw this.#fault("Response Information that was not wanted", packet);
    }
    if (type === PUBLISH) this.#seePublish(packet);
  }

  /** CONNECT or CONNACK comes first and once, but for AUTH; a refusal and DISCONNECT come last. */
  #checkOrder(type: number, packet: Buffer): void {
    if (this.#isBroker) {
      if (this.#hasConnack ? type === CONNACK : type !== CONNACK && type !== AUTH)
        throw this.#fault("out of order", packet);
      if (type === CONNACK) {
        this.#hasConnack = true;
        this.#hasEnded = packet[3] !== 0;
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
    let at = 2;
    while (((packet[at - 1] as number) & 0x80) !== 0) at++;
    const nameLength = packet.readUInt16BE(at);
    const alias = this.level === 5 ? core.publishTopicAlias() : 0;
    if (alias > this.#topicAliasMaximum) throw this.#fault("over Topic Alias Maximum", packet);
    if (nameLength === 0 && !this.#aliases.has(alias)) throw this.#fault("an alias that was not set", packet);
    if (alias > 0) this.#aliases.add(alias);
    if (qos > 0) this.#count(qos, packet, packet.readUInt16BE(at + 2 + nameLength));
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
