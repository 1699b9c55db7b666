// What the tests of 5.0 share beyond peers-more.ts: a broker of ours on real sockets whose clock a test may hold, MQTT.js
// with every packet that it received, and CONNECT of 5.0 in bytes for what no client library sends. Nothing in here
// waits for time to pass: a test moves the clock, or waits for what happens.

import type { IClientOptions, IClientPublishOptions, IConnackPacket, IPublishPacket, MqttClient } from "mqtt";
import { Broker, type BrokerOptions, VirtualClock } from "../../host/index.ts";
import { parseBytes } from "../core/vectors.ts";
import { JsPeer, RawConnection, until, wholePackets } from "./peers-more.ts";

/** A packet as MQTT.js hands it out, with what any of them may have. */
export interface Packet {
  cmd: string;
  messageId?: number;
  reasonCode?: number;
  granted?: number[];
  topic?: string;
  properties?: Record<string, unknown>;
}

/** A message as it came over the wire: what the packet says, and the Topic Name that its alias stands for. */
export interface Arrival {
  topicName: string;
  payload: string;
  qos: number;
  retain: boolean;
  properties: Record<string, unknown>;
}

/** MQTT.js in 5.0. */
export class Js5 extends JsPeer {
  readonly packets: Packet[] = [];
  readonly arrivals: Arrival[] = [];

  constructor(port: number, options: IClientOptions = {}) {
    super(port, "5.0", options);
    this.client.on("packetreceive", (packet) => this.packets.push(packet as Packet));
    this.client.on("message", (topicName, payload, { qos, retain, properties = {} }: IPublishPacket) => {
      this.arrivals.push({ topicName, payload: payload.toString(), qos, retain, properties: { ...properties } });
    });
  }

  static async open(port: number, options?: IClientOptions): Promise<Js5> {
    const peer = new Js5(port, options);
    // A refusal comes as an error, and nothing after it.
    let failure: Error | undefined;
    peer.client.once("error", (error) => {
      failure = error;
    });
    await until("CONNACK", () => peer.connacks.length > 0 || failure !== undefined);
    if (failure !== undefined) throw failure;
    return peer;
  }

  get connack(): IConnackPacket {
    const connack = this.connacks[0];
    if (connack === undefined) throw new Error("no CONNACK yet");
    return connack;
  }

  /** What of its kind came, in order. */
  ofKind(cmd: string): Packet[] {
    return this.packets.filter((packet) => packet.cmd === cmd);
  }

  /** Publishes at QoS 1 or 2 and waits for the end of the exchange. Resolves to the Reason Code of PUBACK or PUBREC. */
  async publishCode(topicName: string, payload: string, options: IClientPublishOptions = { qos: 1 }): Promise<number> {
    const before = this.packets.length;
    // MQTT.js rejects from 0x80 on; the code is in the packet either way.
    await this.client.publishAsync(topicName, payload, options).catch(() => {});
    const ack = this.packets.slice(before).find(({ cmd }) => cmd === "puback" || cmd === "pubrec");
    if (ack === undefined) throw new Error(`no answer to ${topicName}`);
    return ack.reasonCode ?? 0;
  }

  /** Subscribes and resolves to the Reason Codes of SUBACK. */
  async subscribeCodes(...asked: Parameters<MqttClient["subscribeAsync"]>): Promise<number[]> {
    const before = this.packets.length;
    await this.client.subscribeAsync(...asked).catch(() => {});
    const suback = this.packets.slice(before).find(({ cmd }) => cmd === "suback");
    if (suback?.granted === undefined) throw new Error("no SUBACK");
    return suback.granted;
  }

  /** Waits for `count` messages since the start. */
  async arrived(count: number): Promise<Arrival[]> {
    await this.received(count);
    return this.arrivals;
  }

  /** The Reason Code of the DISCONNECT that the broker sends, and its other contents; fails when it does not come. */
  async dismissed(): Promise<Packet> {
    await until("DISCONNECT", () => this.ofKind("disconnect").length > 0);
    return this.ofKind("disconnect")[0] as Packet;
  }
}

/** A broker of ours in this process. */
export class Served {
  readonly broker: Broker;
  readonly port: number;
  /** With `virtual`, a clock that stands still until it is moved. */
  readonly clock: VirtualClock;
  /** "connect ID", "disconnect ID REASON", "refuse ID REASON", "subscribe ID FILTER", "publish ID TOPIC", as they happen. */
  readonly events: string[] = [];

  private constructor(broker: Broker, clock: VirtualClock) {
    this.broker = broker;
    this.port = broker.addresses[0]?.port ?? 0;
    this.clock = clock;
    broker.on("connect", ({ clientId }) => this.events.push(`connect ${clientId}`));
    broker.on("disconnect", ({ clientId, reason }) => this.events.push(`disconnect ${clientId} ${reason}`));
    broker.on("refuse", ({ clientId, reason }) => this.events.push(`refuse ${clientId} ${reason}`));
    broker.on("subscribe", ({ clientId, topicFilter }) => this.events.push(`subscribe ${clientId} ${topicFilter}`));
    broker.on("publish", ({ clientId, topicName }) => this.events.push(`publish ${clientId} ${topicName}`));
  }

  static async start(options: BrokerOptions = {}, virtual = false): Promise<Served> {
    const clock = new VirtualClock();
    const listen = [{ host: "127.0.0.1", port: 0 }];
    const served = new Served(await Broker.start({ listen, ...(virtual && { clock }), ...options }), clock);
    brokers.add(served);
    return served;
  }

  /** MQTT.js, connected. */
  connect(options?: IClientOptions): Promise<Js5> {
    return Js5.open(this.port, { clientId: fresh(), ...options });
  }

  /** Bytes of our own, connected. */
  raw(clientId: string, parts?: Connect5): Promise<RawConnection> {
    return RawConnection.online(this.port, connect5(clientId, parts));
  }

  /** Waits until something has happened `count` times. */
  happened(text: string, count = 1): Promise<void> {
    return until(`"${text}" in ${this.events.join(", ")}`, () => this.#count(text) >= count);
  }

  /** Does something that ends the connection of `clientId`, and waits until the broker knows. */
  async leaves(clientId: string, action: () => unknown): Promise<void> {
    const before = this.#count(`disconnect ${clientId} `);
    await action();
    await this.happened(`disconnect ${clientId} `, before + 1);
  }

  close(): Promise<void> {
    brokers.delete(this);
    return this.broker.close();
  }

  #count(text: string): number {
    return this.events.filter((event) => event.startsWith(text)).length;
  }
}

/** Closes every broker that is left. For afterAll. */
export async function closeBrokers(): Promise<void> {
  await Promise.all([...brokers].map((served) => served.close()));
}

/** A name of its own for each topic and client: brokers are shared. */
export function fresh(): string {
  return `five${++names}`;
}

/** Parts of a CONNECT of 5.0, in the notation of test/vectors/README.md. */
export interface Connect5 {
  /** Default: Clean Start. */
  flags?: string;
  /** Default: 60 s. */
  keepAlive?: string;
  properties?: string;
  /** What follows the Client Identifier. */
  rest?: string;
}

/** The bytes of a CONNECT of 5.0. */
export function connect5(clientId: string, parts: Connect5 = {}): Uint8Array {
  const { flags = "02", keepAlive = "003c", properties = "", rest = "" } = parts;
  return parseBytes(`10 [ "MQTT" 05 ${flags} ${keepAlive} [ ${properties} ] "${clientId}" ${rest} ]`);
}

/** The Reason Code of the DISCONNECT with which the broker ended a connection, in hex. */
export async function dismissal(connection: RawConnection): Promise<string> {
  await connection.ended();
  const last = (await connection.packets(1)).at(-1);
  if (last?.[0] !== 0xe0) throw new Error(`ended without DISCONNECT: ${last?.toString("hex")}`);
  return (last[2] ?? 0).toString(16);
}

/** Sends PINGREQ and waits for the answer. Resolves to all packets so far, in hex and without those answers: the broker has
 *  nothing more to say just now. */
export async function settled(connection: RawConnection): Promise<string[]> {
  const packets = () => wholePackets(connection.received).map((packet) => packet.toString("hex"));
  const answers = () => packets().filter((packet) => packet === "d000").length;
  const before = answers();
  connection.send("c000");
  await until(`PINGRESP after ${packets().join(" ")}`, () => answers() > before || connection.closed);
  if (connection.closed) throw new Error(`closed after ${packets().join(" ")}`);
  return packets().filter((packet) => packet !== "d000");
}

const brokers = new Set<Served>();
let names = 0;
