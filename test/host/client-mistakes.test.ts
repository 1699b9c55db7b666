// What an application gets wrong, and what goes wrong around it: said at once, or bounded, and never swallowed.

import { describe, expect, it } from "vitest";
import {
  type Authentication,
  Client,
  type ClientOptions,
  type Message,
  type Reply,
  VirtualClock,
} from "../../host/index.ts";
import { Subscription } from "../../host/subscription.ts";
import { during, failure, testBroker } from "./client-world.ts";
import { END, nextOf, piece, text, V5, world } from "./stream-world.ts";

const INVALID = { code: "ARGUMENT_INVALID" };

describe("options", () => {
  it.each([
    ["a mistyped method", { authentication: "scram-sha-256", userName: "ann", password: "secret" }],
    ["a method without a name", { authentication: { respond: () => Buffer.of() } }],
    ["no method", { authentication: null }],
    ["a Will of QoS 3", { will: { topicName: "a", qos: 3 } }],
  ])("%s is refused before anything is sent", async (_, options) => {
    const test = testBroker();
    const error = await failure(test.connect({ ...V5, ...options } as unknown as ClientOptions));
    expect(error).toMatchObject(INVALID);
  });

  it.each<[string, (client: Client) => Promise<unknown>]>([
    ["subscribe with QoS 5", (client) => client.subscribe("a", { qos: 5 as 0 })],
    ["end with a code that is none", (client) => client.end({ reasonCode: 4.7 as 4 })],
    ["end with a longer Session", (client) => client.end({ sessionExpirySec: 9 })],
    ["respond to any number at once", (client) => client.respond("a", () => "", { concurrency: Number.NaN })],
    ["streams that are silent for no time", (client) => client.streams("a", { idleTimeoutMs: 0 })],
  ])("%s: refused", async (_, call) => {
    const client = await testBroker().connect(V5);
    expect(await failure(call(client))).toMatchObject(INVALID);
    expect(client.connected).toBe(true);
  });

  it("that are undefined have their defaults", async () => {
    const test = testBroker();
    const [asker, answerer] = [await test.connect(V5), await test.connect(V5)];
    const asked: Message[] = [];
    const handler = (message: Message) => {
      asked.push(message);
      return "";
    };
    const undefinedOnes = { qos: undefined } as unknown as { qos: 1 };
    await during(test, answerer.respond("a", handler, undefinedOnes));
    await during(test, asker.request("a", "", { ...undefinedOnes, messageExpirySec: undefined as unknown as number }));
    expect(asked[0]).toMatchObject({ qos: 1, properties: { messageExpirySec: 10 } });
    expect((await during(test, asker.streams("s", undefinedOnes))).grantedQos).toBe(2);
  });

  it("a writer of which no piece fits is refused", async () => {
    const client = await testBroker().connect({ ...V5, outboxBytesMax: 300 });
    expect(() => client.createWriteStream("s/a")).toThrow(expect.objectContaining(INVALID));
  });
});

describe("a re-authentication", () => {
  const method = (answer: () => Uint8Array): Authentication => ({ method: "M", respond: answer });

  it.each([
    ["an answer that no packet can hold", () => Buffer.alloc(70_000), "M" as const],
    ["a server that says nothing", () => Buffer.of(), "silent" as const],
  ])("ends with %s", async (_, answer, kind) => {
    let exchanges = 0;
    const M = () => async () => {
      if (exchanges++ === 0) return { accept: true as const };
      if (kind === "silent") await new Promise(() => {});
      return { continue: true as const };
    };
    const test = testBroker({ authenticationMethods: { M } });
    const client = await test.connect({ ...V5, authentication: method(answer), connectTimeoutMs: 5_000 });
    const again = failure(client.reauthenticate());
    await test.advance(5_000);
    expect((await again).code).toBe("AUTHENTICATION_FAILED");
  });
});

describe("a Subscription", () => {
  const owner = { unsubscribe: async () => {}, closed() {}, filled() {}, emptied() {} };
  const message = (qos: number) => ({ qos, payload: Buffer.alloc(1 << 20) }) as unknown as Message;

  async function consume(subscription: Subscription, qos: number) {
    const iterator = subscription[Symbol.asyncIterator]();
    for (let count = 0; count < 100; count++) if (subscription.listening) subscription.push(message(qos));
    let taken = 0;
    const end = async () => {
      while (!(await iterator.next()).done) taken++;
    };
    subscription.close();
    const error = await end().catch((error) => error.code);
    return { taken, error, dropped: subscription.dropped };
  }

  it("keeps 64 MiB, drops QoS 0 beyond, and fails with any other", async () => {
    expect(await consume(new Subscription("a", owner), 0)).toEqual({ taken: 64, error: undefined, dropped: 36 });
    expect(await consume(new Subscription("a", owner), 1)).toEqual({ taken: 64, error: "OVERRUN", dropped: 0 });
    expect(await consume(new Subscription("a", owner, true), 1)).toEqual({ taken: 64, error: undefined, dropped: 36 });
  });
});

describe("streams", () => {
  it("that nobody takes break, and say so", async () => {
    const test = testBroker();
    const { writer, next } = await world(test);
    for (let count = 0; count < 70; count++) {
      await during(test, piece(writer, "x", { midge_stream: `${count}`, midge_piece: "0", midge_end: END("x") }));
    }
    const outcomes: string[] = [];
    for (let count = 0; count < 70; count++) {
      outcomes.push(await text((await next()).readable).catch((error) => error.code));
    }
    expect(outcomes).toEqual([...Array(64).fill("x"), ...Array(6).fill("STREAM_BROKEN")]);
  });

  it("hear that their writer gives up, whatever it says, and when its client ends", async () => {
    const test = testBroker();
    const { writer, streams } = await world(test);
    for (const why of ["disk full\0x", undefined]) {
      const stream = writer.createWriteStream("s/a").on("error", () => {});
      stream.write("x");
      await test.advance();
      const reading = failure(text((await nextOf(streams)).readable));
      if (why === undefined) await during(test, writer.end());
      else stream.destroy(new Error(why));
      await test.advance();
      expect((await reading).message).toMatch(why === undefined ? /was ended/ : /disk full\ufffdx/);
    }
  });
});

describe("a client", () => {
  it("hears that it was disconnected right behind its first CONNACK", async () => {
    const test = testBroker();
    test.broker.on("connect", ({ clientId }) => test.broker.disconnect(clientId));
    const client = await test.connect(V5);
    const events: string[] = [];
    client.on("connect", () => events.push("connect")).on("disconnect", () => events.push("disconnect"));
    await test.advance();
    expect(events).toEqual(["connect", "disconnect"]);
  });

  it("tells what a new Session does not grant any more", async () => {
    const [before, after] = [testBroker(), testBroker({ features: { wildcard: false } })];
    let current = before;
    const client = await Client.connectWith(
      (signal) => current.connector(signal),
      { ...V5, reconnectMaxMs: 1_000 },
      before.clock,
    );
    const subscription = await during(before, client.subscribe("a/+"));
    const streams = await during(before, client.streams("s/+"));
    const ends = [subscription, streams].map((ended) => failure(ended[Symbol.asyncIterator]().next()));
    current = after;
    before.cut();
    for (let round = 0; round < 5; round++) {
      await before.advance(1_000);
      await after.advance(1_000);
    }
    expect(client.connected).toBe(true);
    const refused = { code: "SUBSCRIPTION_REFUSED", reasonCode: 0xa2 };
    expect(await Promise.all(ends)).toMatchObject([refused, refused]);
  });

  it("that could not connect leaves no timer", async () => {
    const clock = new VirtualClock();
    await failure(Client.connectWith(() => Promise.reject(new Error("no")), {}, clock));
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.nextDueMs).toBeUndefined();
  });

  it("hands out messages that can be copied", async () => {
    const test = testBroker();
    const client = await test.connect(V5);
    const messages: Message[] = [];
    client.on("message", (message) => messages.push(message));
    await during(test, client.subscribe("a"));
    await during(test, client.publish("a", "x", { contentType: "t" }));
    const { text: ofText, ...copy } = messages[0] as Message;
    expect([ofText(), copy.properties]).toEqual(["x", { contentType: "t" }]);
  });

  it("throws for an answer that is none, and answers on", async () => {
    const test = testBroker();
    const [asker, answerer] = [await test.connect(V5), await test.connect(V5)];
    const others = process.listeners("uncaughtException");
    const uncaught: Error[] = [];
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    try {
      const replies: unknown[] = [null, 42, { payload: "", messageExpirySec: -1 }, "good"];
      await during(
        test,
        answerer.respond("a", () => replies.shift() as Reply),
      );
      for (let count = 0; count < 3; count++) asker.request("a", "", { timeoutMs: 1_000 }).catch(() => {});
      await test.advance(1_000);
      expect((await during(test, asker.request("a", ""))).text()).toBe("good");
      expect(uncaught.map((error) => (error as { code?: string }).code ?? error.name)).toEqual([
        "TypeError",
        "TypeError",
        "ARGUMENT_INVALID",
      ]);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
    }
  });
});
