// A relay on 127.0.0.1 between a client and a broker that writes down every packet in the order in which it passes, and can
// cut the line. What a client really sends shows here, whatever it says of itself.

import net from "node:net";
import { until, wholePackets } from "./peers-more.ts";

/** A packet that passed. `kind`: the high half of its first byte, 3 for PUBLISH. */
export interface Passed {
  from: "client" | "broker";
  kind: number;
  bytes: Buffer;
}

export class Tap {
  readonly port: number;
  readonly passed: Passed[] = [];
  /** How many connections there were. */
  connections = 0;
  /** False: the network is down, and connections are broken as soon as they come. */
  up = true;
  readonly #server: net.Server;
  readonly #lines = new Set<net.Socket>();
  readonly #toBroker = new Set<net.Socket>();

  private constructor(server: net.Server, brokerPort: number) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    server.on("connection", (client) => this.#relay(client, brokerPort));
    taps.add(this);
  }

  static async start(brokerPort: number): Promise<Tap> {
    const server = net.createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Tap(server, brokerPort);
  }

  /** What one end has sent of a kind. */
  of(from: Passed["from"], kind: number): Buffer[] {
    return this.passed.filter((packet) => packet.from === from && packet.kind === kind).map(({ bytes }) => bytes);
  }

  /** Waits until one end has sent `count` packets of a kind. */
  async saw(from: Passed["from"], kind: number, count = 1): Promise<void> {
    await until(`packet ${count} of kind ${kind} from the ${from}`, () => this.of(from, kind).length >= count);
  }

  /** The most messages that the client had sent at QoS 1 and 2 without the end of their exchange, at any time. */
  get mostUnacknowledged(): number {
    const open = new Set<string>();
    let most = 0;
    for (const { from, kind, bytes } of this.passed) {
      if (from === "client" && kind === PUBLISH && (bytes[0] ?? 0) & 0x06) open.add(packetIdOfPublish(bytes));
      else if (from === "broker" && endsExchange(kind, bytes)) open.delete(bytes.subarray(2, 4).toString("hex"));
      most = Math.max(most, open.size);
    }
    return most;
  }

  /** Says something to the broker in the name of each client. */
  inject(bytes: Uint8Array): void {
    for (const line of this.#toBroker) line.write(bytes);
  }

  /** Breaks every connection, as a network does. */
  cut(): void {
    for (const line of this.#lines) line.resetAndDestroy();
  }

  async close(): Promise<void> {
    taps.delete(this);
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(client: net.Socket, brokerPort: number): void {
    if (!this.up) {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    this.connections++;
    const broker = net.connect({ port: brokerPort, host: "127.0.0.1", noDelay: true });
    this.#toBroker.add(broker);
    const pairs = [
      ["client", client, broker],
      ["broker", broker, client],
    ] as const;
    for (const [from, source, target] of pairs) {
      this.#lines.add(source);
      let rest = Buffer.alloc(0);
      source.on("data", (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        for (const bytes of wholePackets(rest)) {
          this.passed.push({ from, kind: (bytes[0] ?? 0) >> 4, bytes });
          rest = rest.subarray(bytes.length);
        }
        target.write(chunk);
      });
      source.on("error", () => {});
      source.on("close", () => {
        this.#lines.delete(source);
        this.#toBroker.delete(source);
        // What has arrived for the other end still goes there.
        target.end();
      });
    }
  }
}

/** Closes every tap that is left. For afterAll. */
export async function closeTaps(): Promise<void> {
  await Promise.all([...taps].map((tap) => tap.close()));
}

/** What an acknowledgement ends: PUBACK, PUBCOMP, and PUBREC with an error. */
function endsExchange(kind: number, bytes: Buffer): boolean {
  return kind === PUBACK || kind === PUBCOMP || (kind === PUBREC && bytes.length > 4 && (bytes[4] ?? 0) >= 0x80);
}

function packetIdOfPublish(bytes: Buffer): string {
  let at = 1;
  while ((bytes[at++] ?? 0) >= 0x80);
  const name = bytes.readUInt16BE(at);
  return bytes.subarray(at + 2 + name, at + 4 + name).toString("hex");
}

const PUBLISH = 3;
const PUBACK = 4;
const PUBREC = 5;
const PUBCOMP = 7;

const taps = new Set<Tap>();
