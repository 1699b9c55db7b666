// A broker that says what a test wants it to say, to programs that speak MQTT 5.0 (or an earlier version), and keeps what they
// say. Bytes are made and read here by hand: a mistake of the core would else hide itself.

import net from "node:net";
import { decodeProperties, encodeProperties, type Properties } from "../../host/properties.ts";
import { words } from "./cli5-parse.ts";
import { MIDGE, type Result, type RunOptions, run } from "./peers.ts";

/** What the broker answers. Codes are Reason Codes of 5.0; default: success. */
export interface Script {
  /** Code and properties of CONNACK. */
  connack?: { code?: number; properties?: Buffer };
  suback?: number;
  unsuback?: number;
  /** Of PUBACK or PUBREC. */
  puback?: number;
  /** Behind SUBACK. */
  afterSubscribe?: Buffer;
  /** Instead of PUBACK or PUBREC; QoS 0 too. */
  instead?: Buffer;
}

export interface ScriptedBroker {
  readonly port: number;
  /** Packets of the one who has connected, in order. */
  readonly packets: Buffer[];
}

/** How a command ended, and the packets it sent. */
export interface Spoken extends Result {
  packets: Buffer[];
}

/** Runs `line` ("pub -t a ...") with a scripted broker. `program`: midge or mosquitto. */
export async function speak(
  program: "midge" | "mosquitto",
  line: string,
  script: Script = {},
  options?: RunOptions,
): Promise<Spoken> {
  const { port, packets } = await startScript(script);
  const [tool = "", ...args] = words(line);
  const command = program === "midge" ? [...MIDGE, tool] : [`mosquitto_${tool}`];
  const result = await run([...command, "-h", "127.0.0.1", "-p", String(port), ...args], options);
  return { ...result, packets };
}

/** The answer that a broker has at once for whoever subscribes. */
export const rrAnswer = (properties: Properties = {}, topicName = "b", payload = "answer") => ({
  afterSubscribe: publish5(topicName, encodeProperties(properties), payload),
});

const servers: net.Server[] = [];

/** Listens on a free port until stopScripts(). */
export async function startScript(script: Script = {}): Promise<ScriptedBroker> {
  const packets: Buffer[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    let rest: Buffer = Buffer.alloc(0);
    let is5 = true;
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (let packet = firstPacket(rest); packet !== undefined; packet = firstPacket(rest)) {
        rest = rest.subarray(packet.length);
        packets.push(packet);
        if (type(packet) === CONNECT) is5 = packet[2 + 2 + packet.readUInt16BE(2)] === 5;
        const reply = answer(packet, script, is5);
        if (reply !== undefined) socket.write(reply);
      }
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as net.AddressInfo).port, packets };
}

/** For afterAll. */
export function stopScripts(): void {
  for (const server of servers.splice(0)) server.close();
}

/** A PUBLISH of 5.0 at QoS 0. */
export function publish5(topicName: string, properties: Buffer, payload: string): Buffer {
  const body = Buffer.concat([text(topicName), varint(properties.length), properties, Buffer.from(payload)]);
  return Buffer.concat([Buffer.of(0x30), varint(body.length), body]);
}

/** A UTF-8 Encoded String. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

/** The packet with its Packet Identifier, if it has one, set to zero: which one is taken, each client decides. */
export function withoutPacketId(packet: Buffer): Buffer {
  const copy = Buffer.from(packet);
  const at = headerLength(packet);
  if (type(packet) === PUBLISH) {
    if (((packet[0] ?? 0) & 6) !== 0) copy.writeUInt16BE(0, at + 2 + packet.readUInt16BE(at));
  } else if (type(packet) > PUBLISH && type(packet) <= UNSUBACK) copy.writeUInt16BE(0, at);
  return copy;
}

/** CONNECT of 5.0, read; `rest` is what stands behind the Client Identifier and the Will's properties. */
export interface Connect5 {
  level: number;
  flags: number;
  keepAliveSec: number;
  properties: Properties;
  clientId: string;
  willProperties: Properties;
  rest: string;
}

export function readConnect5(packet: Buffer): Connect5 {
  let at = headerLength(packet) + 6;
  const [level = 0, flags = 0] = packet.subarray(at, at + 2);
  const keepAliveSec = packet.readUInt16BE(at + 2);
  at += 4;
  const properties = (): Properties => {
    const length = packet[at] ?? 0;
    at += 1 + length;
    return decodeProperties(packet.subarray(at - length, at));
  };
  const own = properties();
  const clientId = packet.subarray(at + 2, at + 2 + packet.readUInt16BE(at)).toString();
  at += 2 + packet.readUInt16BE(at);
  const willProperties = (flags & 4) !== 0 ? properties() : {};
  return { level, flags, keepAliveSec, properties: own, clientId, willProperties, rest: packet.toString("latin1", at) };
}

function answer(packet: Buffer, script: Script, is5: boolean): Buffer | undefined {
  const at = headerLength(packet);
  switch (type(packet)) {
    case CONNECT: {
      const { code = 0, properties = Buffer.alloc(0) } = script.connack ?? {};
      const body = is5 ? [0, code, properties.length, ...properties] : [0, code];
      return Buffer.of(0x20, body.length, ...body);
    }
    case PUBLISH: {
      if (script.instead !== undefined) return script.instead;
      const qos = ((packet[0] ?? 0) >> 1) & 3;
      if (qos === 0) return undefined;
      const id = packet.subarray(at + 2 + packet.readUInt16BE(at), at + 4 + packet.readUInt16BE(at));
      const code = script.puback === undefined ? [] : [script.puback];
      return Buffer.of(qos === 1 ? 0x40 : 0x50, 2 + code.length, ...id, ...code);
    }
    case PUBREL:
      return Buffer.of(0x70, 2, ...packet.subarray(at, at + 2));
    case SUBSCRIBE: {
      const body = [...packet.subarray(at, at + 2), ...(is5 ? [0] : []), script.suback ?? 0];
      return Buffer.concat([Buffer.of(0x90, body.length, ...body), script.afterSubscribe ?? Buffer.alloc(0)]);
    }
    case UNSUBSCRIBE: {
      const body = [...packet.subarray(at, at + 2), ...(is5 ? [0, script.unsuback ?? 0] : [])];
      return Buffer.of(0xb0, body.length, ...body);
    }
    default:
      return undefined;
  }
}

function firstPacket(bytes: Buffer): Buffer | undefined {
  let length = 0;
  for (let at = 1; at < Math.min(bytes.length, 5); at++) {
    const byte = bytes[at] ?? 0;
    length |= (byte & 0x7f) << (7 * (at - 1));
    if (byte < 0x80) return at + 1 + length <= bytes.length ? bytes.subarray(0, at + 1 + length) : undefined;
  }
  return undefined;
}

function headerLength(packet: Buffer): number {
  return packet.findIndex((byte, at) => at > 0 && byte < 0x80) + 1;
}

function varint(value: number): Buffer {
  return value < 0x80 ? Buffer.of(value) : Buffer.of((value & 0x7f) | 0x80, value >> 7);
}

export function type(packet: Buffer): number {
  return (packet[0] ?? 0) >> 4;
}

export const CONNECT = 1;
const PUBLISH = 3;
const PUBREL = 6;
const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;
const UNSUBACK = 11;
