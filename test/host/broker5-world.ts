// A client of bytes for the tests of the broker's API: on a memory connection, so that every packet is there once the clock
// has been moved, and nothing waits for real time.

import { onTestFinished } from "vitest";
import type { BrokerOptions } from "../../host/broker-options.ts";
import { decodeProperties } from "../../host/properties.ts";
import type { Properties } from "../../host/property-types.ts";
import { createTestBroker, type TestBroker } from "../../host/test-broker.ts";
import type { Transport } from "../../host/transport/transport.ts";
import { parseBytes } from "../core/vectors.ts";
import { wholePackets } from "./peers-more.ts";

export class ByteClient {
  readonly #test: TestBroker;
  readonly #transport: Transport;
  #received = Buffer.alloc(0);
  #taken = 0;
  /** The broker has ended the connection. */
  closed = false;

  private constructor(test: TestBroker, transport: Transport) {
    this.#test = test;
    this.#transport = transport;
    transport.start({
      bytes: (bytes) => {
        this.#received = Buffer.concat([this.#received, bytes]);
      },
      drained() {},
      closed: () => {
        this.closed = true;
      },
    });
  }

  static async open(test: TestBroker): Promise<ByteClient> {
    return new ByteClient(test, await test.connector(new AbortController().signal));
  }

  /** Connected with 5.0 and a clean start. `more`: what follows the Client Identifier, with its flags before it. */
  static async online(
    test: TestBroker,
    clientId: string,
    properties = "",
    flags = "02",
    more = "",
  ): Promise<ByteClient> {
    const client = await ByteClient.open(test);
    const [connack = ""] = await client.exchange(connect5(clientId, properties, flags, more));
    if (!/^20..(01)?0[01]?00/.test(connack)) throw new Error(`not accepted: ${connack}`);
    return client;
  }

  /** Sends bytes in the notation of test/vectors/README.md, and resolves to the packets that came since the last time. */
  async exchange(notation: string): Promise<string[]> {
    this.#transport.write(parseBytes(notation));
    await this.#test.advance();
    return this.take();
  }

  /** The packets that came since the last time, in hex. */
  take(): string[] {
    const packets = wholePackets(this.#received).map((packet) => packet.toString("hex"));
    const fresh = packets.slice(this.#taken);
    this.#taken = packets.length;
    return fresh;
  }

  /** Sends bytes, and resolves to the next packet, which may take the broker real time. */
  async ask(notation: string): Promise<string> {
    let packets = await this.exchange(notation);
    for (const deadline = Date.now() + 10_000; packets.length === 0; packets = this.take()) {
      if (Date.now() > deadline) throw new Error(`no answer to ${notation}`);
      await this.#test.advance();
    }
    return packets[0] as string;
  }

  /** The network takes it away: no DISCONNECT. */
  async drop(): Promise<void> {
    this.#transport.destroy();
    await this.#test.advance();
  }
}

/** CONNECT of 5.0, Keep Alive 60 s. */
export function connect5(clientId: string, properties = "", flags = "02", more = ""): string {
  return `10 [ "MQTT" 05 ${flags} 003c [ ${properties} ] "${clientId}" ${more} ]`;
}

/** CONNECT of 3.1.1. */
export function connect4(clientId: string, flags = "02", more = ""): string {
  return `10 [ "MQTT" 04 ${flags} 003c "${clientId}" ${more} ]`;
}

/** Bytes of the notation, in hex. */
export function hex(notation: string): string {
  return Buffer.from(parseBytes(notation)).toString("hex");
}

/** Reason Code and properties of a CONNACK, DISCONNECT or AUTH. */
export function answer(packet: string | undefined): Properties & { kind: string; reasonCode: number } {
  const bytes = Buffer.from(packet ?? "", "hex");
  const kind = KINDS[bytes[0] ?? 0] ?? "none";
  // Remaining Length takes one byte, or two with a long text; the length of the properties as well.
  const afterLength = bytes.findIndex((byte, index) => index > 0 && byte < 0x80) + 1;
  const code = afterLength + (kind === "CONNACK" ? 1 : 0);
  const afterPropertyLength = bytes.findIndex((byte, index) => index > code && byte < 0x80) + 1;
  const properties = afterPropertyLength > 0 ? decodeProperties(bytes.subarray(afterPropertyLength)) : {};
  return { kind, reasonCode: bytes[code] ?? 0, ...properties };
}

const KINDS: Readonly<Record<number, string>> = { 32: "CONNACK", 224: "DISCONNECT", 240: "AUTH" };

/** A test broker that is closed with the test. */
export function brokerOf(options: Omit<BrokerOptions, "listen" | "clock"> = {}): TestBroker {
  const test = createTestBroker(options);
  onTestFinished(() => test.close());
  return test;
}

/** Resolves to the next warning of this process that holds `text`. */
export function warning(text: string): Promise<string> {
  return new Promise((resolve) => {
    const listener = ({ message }: Error) => {
      if (!message.includes(text)) return;
      process.removeListener("warning", listener);
      resolve(message);
    };
    process.on("warning", listener);
  });
}
