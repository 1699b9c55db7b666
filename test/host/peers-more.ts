// What the peer tests share beyond peers.ts: waiting for conditions, the memory of a process, a client that writes bytes of
// its own choice, one that shows all the time that the broker serves, and MQTT.js with its messages collected. Waits end
// with an Error that names what did not come; none of them is a fixed sleep.

import { readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from "mqtt";
import { parseBytes } from "../core/vectors.ts";

/** Generous, for a machine with other things to do: what a test waits for at the most before it fails. */
export const WAIT_MS = 20_000;

/** Waits until `condition` holds. Fails after `timeoutMs` with `what` and the last value. */
export async function until(what: string, condition: () => unknown, timeoutMs = WAIT_MS): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let value = condition(); !value; value = condition()) {
    if (Date.now() > deadline) throw new Error(`${what}: still ${String(value)} after ${timeoutMs} ms`);
    await sleep(5);
  }
}

/** Bytes of memory that a process occupies now, and the most it ever did. */
export function residentBytes(pid: number): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  return { now: field("VmRSS"), most: field("VmHWM") };
}

/** Files and sockets that a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** CONNECT in the notation of test/vectors/README.md. `level`: 3 or 4. `parts`: what follows the Client Identifier. */
export function connectBytes(
  level: number,
  clientId: string,
  flags = "02",
  keepAlive = "003c",
  parts = "",
): Uint8Array {
  const name = level === 3 ? '"MQIsdp" 03' : '"MQTT" 04';
  return parseBytes(`10 [ ${name} ${flags} ${keepAlive} "${clientId}" ${parts} ]`);
}

/** A Network Connection to a broker, and what came back on it. Knows of MQTT only where a packet ends. */
export class RawConnection {
  readonly socket: net.Socket;
  #chunks: Buffer[] = [];
  #closed = false;

  private constructor(port: number) {
    this.socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk) => this.#chunks.push(chunk));
    // How it ends is of no interest, only that it does: a reset is an end.
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.#closed = true;
    });
  }

  static async open(port: number): Promise<RawConnection> {
    const connection = new RawConnection(port);
    await new Promise<void>((resolve, reject) => {
      connection.socket.once("connect", resolve).once("error", reject);
    });
    return connection;
  }

  /** A connection whose CONNECT was accepted. */
  static async online(port: number, connect: Uint8Array): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    connection.send(connect);
    const [connack] = await connection.packets(1);
    if (connack?.subarray(0, 1).toString("hex") !== "20" || connack[3] !== 0) {
      throw new Error(`not accepted: ${connack?.toString("hex")}`);
    }
    return connection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** All bytes that came. */
  get received(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Bytes, or their notation. */
  send(bytes: Uint8Array | string): void {
    if (!this.socket.writable) return;
    this.socket.write(typeof bytes === "string" ? parseBytes(bytes) : bytes);
  }

  /** Waits until the broker has closed it. */
  ended(timeoutMs?: number): Promise<void> {
    return until("end of the connection", () => this.#closed, timeoutMs);
  }

  /** Waits for `count` whole packets since the start. */
  async packets(count: number): Promise<Buffer[]> {
    let found: Buffer[] = [];
    await until(`${count} packets`, () => {
      found = wholePackets(this.received);
      if (found.length < count && this.#closed) throw new Error(`closed after ${found.length} of ${count} packets`);
      return found.length >= count;
    });
    return found;
  }

  /** Closes it without DISCONNECT, waiting for nothing. */
  drop(): void {
    this.socket.resetAndDestroy();
  }
}

/** The whole Control Packets at the start of `bytes`. */
export function wholePackets(bytes: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    let length = 0;
    let cursor = at + 1;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[cursor++];
      if (byte === undefined) return packets;
      length += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (cursor + length > bytes.length) return packets;
    packets.push(bytes.subarray(at, cursor + length));
    at = cursor + length;
  }
  return packets;
}

/** A message as MQTT.js received it. */
export interface Received {
  topicName: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  duplicate: boolean;
}

export const VERSIONS = {
  "3.1": { protocolId: "MQIsdp", protocolVersion: 3 },
  "3.1.1": { protocolId: "MQTT", protocolVersion: 4 },
  "5.0": { protocolId: "MQTT", protocolVersion: 5 },
} as const;

/** An MQTT.js client that keeps what it receives, from before it connects. */
export class JsPeer {
  readonly client: MqttClient;
  readonly messages: Received[] = [];
  readonly connacks: IConnackPacket[] = [];

  constructor(port: number, version: keyof typeof VERSIONS, options: IClientOptions = {}) {
    const common: IClientOptions = { host: "127.0.0.1", port, reconnectPeriod: 0, ...VERSIONS[version], ...options };
    this.client = mqtt.connect(common);
    // Where an error is expected, the test listens for it too; a refused connection must not end the test process.
    this.client.on("error", () => {});
    this.client.on("connect", (connack) => {
      this.connacks.push(connack);
      // MQTT.js writes a packet in pieces; the system would hold each back until the one before is acknowledged.
      (this.client.stream as net.Socket).setNoDelay(true);
    });
    this.client.on("message", (topicName, payload, { qos, retain, dup }: IPublishPacket) => {
      this.messages.push({ topicName, payload, qos, retain, duplicate: dup });
    });
    peers.add(this);
  }

  /** A peer that is connected. */
  static async connect(port: number, version: keyof typeof VERSIONS, options?: IClientOptions): Promise<JsPeer> {
    const peer = new JsPeer(port, version, options);
    await peer.online();
    return peer;
  }

  /** Waits for the `count`th CONNACK that accepts it. */
  online(count = 1): Promise<void> {
    return until(`CONNACK ${count}`, () => this.connacks.length >= count);
  }

  /** Waits for `count` messages since the start; more than those fail later, where they are compared. */
  async received(count: number, timeoutMs?: number): Promise<Received[]> {
    await until(`message ${count}`, () => this.messages.length >= count, timeoutMs).catch((error) => {
      throw new Error(`${error.message}, ${this.messages.length} came`);
    });
    return this.messages;
  }

  /** What came, as text: "topic qos payload", with " retained" behind it where that is so. */
  get lines(): string[] {
    return this.messages.map(
      ({ topicName, qos, payload, retain }) => `${topicName} ${qos} ${payload}${retain ? " retained" : ""}`,
    );
  }

  /** Breaks the Network Connection without DISCONNECT. */
  async lose(): Promise<void> {
    const closed = new Promise((resolve) => this.client.once("close", () => resolve(undefined)));
    this.client.stream.destroy();
    await closed;
  }

  /** DISCONNECT, and the end. */
  async end(): Promise<void> {
    peers.delete(this);
    await this.client.endAsync();
  }
}

/** Ends all MQTT.js clients that are left. For afterAll. */
export async function endPeers(): Promise<void> {
  await Promise.all([...peers].map((peer) => peer.client.endAsync(true)));
  peers.clear();
}

const peers = new Set<JsPeer>();

/** A well-behaved client that sends itself one QoS 1 message after the other, to see whether the broker serves. */
export class ControlClient {
  /** Messages that came back. */
  roundTrips = 0;
  #stopped = false;
  #peer: JsPeer;

  private constructor(peer: JsPeer) {
    this.#peer = peer;
  }

  static async start(port: number): Promise<ControlClient> {
    const control = new ControlClient(await JsPeer.connect(port, "3.1.1", { clientId: "control" }));
    const { client } = control.#peer;
    await client.subscribeAsync("control", { qos: 1 });
    client.on("message", (_, payload) => {
      if (Number(payload) !== control.roundTrips + 1)
        throw new Error(`control: ${payload} after ${control.roundTrips}`);
      control.roundTrips++;
      control.#peer.messages.length = 0;
      // The next one when others have had their turn.
      setTimeout(() => control.#next(), 1);
    });
    control.#next();
    return control;
  }

  #next(): void {
    if (!this.#stopped) this.#peer.client.publish("control", String(this.roundTrips + 1), { qos: 1 });
  }

  /** Waits for a message that was published and received entirely after this call. */
  async served(): Promise<void> {
    const before = this.roundTrips;
    await until("the control client is served", () => this.roundTrips >= before + 2);
    if (this.#peer.connacks.length !== 1) throw new Error("the control client lost its connection");
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#peer.end();
  }
}
