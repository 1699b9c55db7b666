// What the tests of the Client class share: brokers in virtual time and on real sockets, and their end.

import { afterEach } from "vitest";
import {
  Broker,
  type BrokerLimits,
  type BrokerOptions,
  Client,
  type ClientOptions,
  createTestBroker,
  type MidgeError,
  type TestBroker,
} from "../../host/index.ts";

export const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export function testBroker(options: Omit<BrokerOptions, "listen" | "clock"> = {}): TestBroker {
  const test = createTestBroker(options);
  closing.push(() => test.close());
  return test;
}

/** A broker on a real socket, and what a client needs to reach it. */
export async function realBroker(limits: BrokerLimits = {}): Promise<ClientOptions> {
  const broker = await Broker.start({ listen: [{ port: 0 }], limits });
  closing.push(() => broker.close());
  return broker.addresses[0] as { host: string; port: number };
}

export async function realClient(options: ClientOptions): Promise<Client> {
  const client = await Client.connect(options);
  closing.push(() => client.destroy());
  return client;
}

/** Lets what `promise` waits for happen in virtual time. */
export async function during<Value>(test: TestBroker, promise: Promise<Value>): Promise<Value> {
  const settled = promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  await test.advance();
  const result = await settled;
  if ("error" in result) throw result.error;
  return result.value;
}

export function collect(client: Client): string[] {
  const texts: string[] = [];
  client.on("message", (message) => texts.push(message.text()));
  return texts;
}

/** What `promise` fails with; an Error of its own when it does not. */
export async function failure(promise: Promise<unknown>): Promise<MidgeError> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error) => error,
  );
}
