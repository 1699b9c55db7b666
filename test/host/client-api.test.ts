// The Client class, as an application uses it: on memory connections with a clock of its own, and where bytes in bulk matter
// on real sockets.

import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { Client, type ClientOptions, type Message } from "../../host/index.ts";
import { closing, collect, during, realBroker, realClient, testBroker } from "./client-world.ts";

describe("connect", () => {
  it("rejects when nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const failure = await Client.connect({ port }).catch((error) => error);
    expect(failure).toMatchObject({ code: "CONNECTION_FAILED", cause: { code: "ECONNREFUSED" } });
  });

  it("rejects when the other end is silent for the time given", async () => {
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    closing.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const failure = await Client.connect({ port, connectTimeoutMs: 50 }).catch((error) => error);
    expect(failure.code).toBe("CONNECT_TIMEOUT");
  });

  it("rejects at once when the other end is no broker", async () => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0, "127.0.0.1");
    closing.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const failure = await Client.connect({ port }).catch((error) => error);
    expect(failure.code).toBe("PROTOCOL_ERROR");
  });

  it("rejects when aborted", async () => {
    const abort = new AbortController();
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    closing.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const pending = Client.connect({ port, signal: abort.signal }).catch((error) => error);
    abort.abort();
    expect((await pending).code).toBe("ABORTED");
    expect((await Client.connect({ port, signal: abort.signal }).catch((error) => error)).code).toBe("ABORTED");
  });

  it.each([
    ["a Keep Alive of a day", { keepAliveSec: 86_400 }, "ARGUMENT_INVALID"],
    ["a window of nothing", { inflightMax: 0 }, "ARGUMENT_INVALID"],
    ["a client id of 65,536 bytes", { clientId: "x".repeat(65_536) }, "ARGUMENT_INVALID"],
    ["a password without a name", { password: "secret" }, "ARGUMENT_INVALID"],
    ["a Will for a filter", { will: { topicName: "a/#" } }, "TOPIC_INVALID"],
  ] as [string, ClientOptions, string][])("refuses %s", async (_, options, code) => {
    const test = testBroker();
    const failure = await test.connect(options).catch((error) => error);
    expect(failure.code).toBe(code);
  });

  it("holds back what a durable Session receives until the application can listen", async () => {
    const test = testBroker();
    const session = { clientId: "kept", cleanSession: false };
    const before = await test.connect(session);
    await during(test, before.subscribe("a", { qos: 1 }));
    await during(test, before.end());
    test.broker.publish("a", "while away", { qos: 1 });
    const texts: string[] = [];
    const connecting = Client.connectWith(test.connector, session, test.clock).then((client) => {
      client.on("message", (message) => texts.push(message.text()));
    });
    await during(test, connecting);
    await test.advance();
    expect(texts).toEqual(["while away"]);
  });
});

describe("subscribe", () => {
  it("gives the retained message first, then what is published", async () => {
    const test = testBroker();
    test.broker.publish("a/b", "retained", { retain: true, qos: 1 });
    const client = await test.connect();
    const seen: Message[] = [];
    const reading = (async () => {
      const subscription = await client.subscribe("a/+", { qos: 2 });
      expect(subscription.grantedQos).toBe(2);
      for await (const message of subscription) {
        seen.push(message);
        if (seen.length === 2) break;
      }
    })();
    await test.advance();
    test.broker.publish("a/c", "new", { qos: 2 });
    await during(test, reading);
    expect(seen.map((message) => [message.topicName, message.text(), message.qos, message.retain])).toEqual([
      ["a/b", "retained", 1, true],
      ["a/c", "new", 2, false],
    ]);
  });

  it("gives each iteration the messages of its own filter", async () => {
    const test = testBroker();
    const client = await test.connect();
    const seen: Record<string, string[]> = { "a/#": [], "+/b": [] };
    for (const filter of Object.keys(seen)) {
      const subscribing = client.subscribe(filter).then(async (subscription) => {
        for await (const message of subscription) (seen[filter] as string[]).push(message.topicName);
      });
      void subscribing;
      await test.advance();
    }
    for (const name of ["a/b", "a/c", "x/b", "x/c"]) test.broker.publish(name, "");
    await test.advance();
    expect(seen).toEqual({ "a/#": ["a/b", "a/c"], "+/b": ["a/b", "x/b"] });
  });

  it("ends the iteration with unsubscribe, with its signal and with the client", async () => {
    const test = testBroker();
    const client = await test.connect();
    const abort = new AbortController();
    const ended: string[] = [];
    const read = async (filter: string, signal?: AbortSignal) => {
      const subscription = await client.subscribe(filter, signal ? { signal } : {});
      for await (const _ of subscription);
      ended.push(filter);
    };
    const reading = [read("one"), read("two", abort.signal), read("three")];
    await test.advance();
    await during(test, client.unsubscribe("one"));
    expect(ended).toEqual(["one"]);
    abort.abort();
    await test.advance();
    expect(ended).toEqual(["one", "two"]);
    await during(test, client.end());
    await Promise.all(reading);
    expect(ended).toEqual(["one", "two", "three"]);
  });

  it("rejects what the broker does not grant, and filters that are none", async () => {
    const test = testBroker();
    const client = await test.connect();
    await expect(during(test, client.subscribe("$share/group"))).rejects.toMatchObject({
      code: "SUBSCRIPTION_REFUSED",
    });
    await expect(client.subscribe("a/#/b")).rejects.toMatchObject({ code: "TOPIC_INVALID" });
  });

  it("stops reading for a slow iteration, and loses nothing", async () => {
    const options = await realBroker();
    const [publisher, subscriber] = [await realClient(options), await realClient(options)];
    const subscription = await subscriber.subscribe("flood", { qos: 1 });
    const count = 20_000;
    const publishing = (async () => {
      for (let number = 0; number < count; number++) void publisher.publish("flood", String(number), { qos: 1 });
      await publisher.publish("end", "", { qos: 1 });
    })();
    let expected = 0;
    for await (const message of subscription) {
      expect(Number(message.text())).toBe(expected++);
      if (expected % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (expected === count) break;
    }
    await publishing;
  });
});

describe("publish", () => {
  // TCP is the transport the standard asks for: ordered, lossless, both ways [v3.1.1 MQTT-7.1.2-1].
  it("goes out as fast as it can in a loop of awaits at QoS 0", async () => {
    const options = await realBroker();
    const [publisher, subscriber] = [await realClient(options), await realClient(options)];
    let received = 0;
    const count = 50_000;
    await subscriber.subscribe("count", { qos: 0 });
    const all = new Promise<void>((resolve) => {
      subscriber.on("message", () => {
        if (++received === count) resolve();
      });
    });
    for (let number = 0; number < count; number++) await publisher.publish("count", "some payload bytes");
    await all;
  });

  it.each([0, 1, 2] as const)("carries five megabytes at QoS %i", async (qos) => {
    const options = { ...(await realBroker()), outboxBytesMax: 8 << 20 };
    const [publisher, subscriber] = [await realClient(options), await realClient(options)];
    const payload = Buffer.alloc(5 << 20, "0123456789abcdef");
    await subscriber.subscribe("large", { qos });
    const received = new Promise<Message>((resolve) => subscriber.once("message", resolve));
    await publisher.publish("large", payload, { qos });
    expect(Buffer.compare((await received).payload, payload)).toBe(0);
  });

  it("refuses what is no Topic Name, and what cannot fit", async () => {
    const test = testBroker();
    const client = await test.connect({ outboxBytesMax: 1_000 });
    await expect(client.publish("a/+", "")).rejects.toMatchObject({ code: "TOPIC_INVALID" });
    await expect(client.publish("a", Buffer.alloc(2_000), { qos: 1 })).rejects.toMatchObject({ code: "OUTBOX_FULL" });
    await expect(client.publish("a", Buffer.alloc(17 << 20))).rejects.toMatchObject({ code: "PACKET_TOO_LARGE" });
  });

  it("stops waiting when its signal is aborted", async () => {
    const test = testBroker();
    const client = await test.connect();
    test.reachable = false;
    test.cut();
    await test.advance();
    const abort = new AbortController();
    const publishing = client.publish("a", "", { qos: 1, signal: abort.signal });
    abort.abort();
    await expect(publishing).rejects.toMatchObject({ code: "ABORTED" });
  });
});

describe("a lost connection", () => {
  it("comes back by itself, with its Subscriptions, and delivers what waited", async () => {
    const test = testBroker();
    const [device, other] = [await test.connect({ reconnectMinMs: 1_000 }), await test.connect()];
    const texts = collect(device);
    await during(test, device.subscribe("set", { qos: 1 }));
    const losses: (number | undefined)[] = [];
    device.on("disconnect", ({ error, reconnectInMs }) => {
      expect(error).toMatchObject({ code: "CONNECTION_LOST" });
      losses.push(reconnectInMs);
    });
    test.cut();
    await test.advance();
    const state = device.publish("state", "kept", { qos: 1 });
    await test.advance(2_000);
    await state;
    await during(
      test,
      other.publish("set", "on", { qos: 1 }).catch(() => {}),
    );
    await test.advance(2_000);
    expect(device.connected).toBe(true);
    expect(losses).toHaveLength(1);
    expect(losses[0]).toBeGreaterThanOrEqual(500);
    expect(losses[0]).toBeLessThanOrEqual(1_000);
    expect(texts).toContain("on");
  });

  it("is given up when the application says so", async () => {
    const test = testBroker();
    const client = await test.connect({ reconnect: false });
    const lost = new Promise<unknown>((resolve) => client.once("disconnect", resolve));
    test.cut();
    await test.advance();
    expect(await lost).toEqual({ error: expect.objectContaining({ code: "CONNECTION_LOST" }) });
    await expect(client.publish("a", "")).rejects.toMatchObject({ code: "CLIENT_ENDED" });
  });

  it("waits longer each time it fails, up to the limit", async () => {
    const test = testBroker();
    const client = await test.connect({ reconnectMinMs: 100, reconnectMaxMs: 1_000, seed: 7 });
    const waits: number[] = [];
    client.on("disconnect", ({ reconnectInMs }) => waits.push(reconnectInMs ?? -1));
    test.reachable = false;
    test.cut();
    for (let round = 0; round < 8; round++) await test.advance(1_000);
    const steps = [100, 200, 400, 800, 1_000, 1_000, 1_000];
    for (const [index, step] of steps.entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(step / 2);
      expect(waits[index]).toBeLessThanOrEqual(step);
    }
  });

  it("makes a full outbox refuse the newest, or give up the oldest", async () => {
    const test = testBroker();
    const results: Record<string, string[]> = {};
    for (const outboxDrop of ["newest", "oldest"] as const) {
      const client = await test.connect({ clientId: outboxDrop, outboxBytesMax: 1_000, outboxDrop });
      test.reachable = false;
      test.cut();
      await test.advance();
      const log: string[] = [];
      results[outboxDrop] = log;
      for (const name of ["1", "2", "3"]) {
        client.publish(name, Buffer.alloc(400), { qos: 1 }).then(
          () => log.push(`${name} sent`),
          (error) => log.push(`${name} ${error.code}`),
        );
      }
      await test.advance();
      test.reachable = true;
      await test.advance(5_000);
      client.destroy();
    }
    expect(results).toEqual({
      newest: ["3 OUTBOX_FULL", "1 sent", "2 sent"],
      oldest: ["1 OUTBOX_FULL", "2 sent", "3 sent"],
    });
  });
});

describe("the end", () => {
  it("sends what waits at QoS 0, and no Will", async () => {
    const test = testBroker();
    const watcher = await test.connect();
    const texts = collect(watcher);
    await during(test, watcher.subscribe("#", { qos: 1 }));
    const client = await test.connect({ will: { topicName: "will", payload: "lost" } });
    await client.publish("a", "last words");
    await during(test, client.end());
    await test.advance();
    expect(texts).toEqual(["last words"]);
  });

  it("sends what waits at QoS 0 however much it is", async () => {
    // Twenty megabytes at once are more than a broker keeps at QoS 0 by default.
    const options = { ...(await realBroker({ outputBytesSoft: 32 << 20 })), outboxBytesMax: 64 << 20 };
    const [publisher, subscriber] = [await realClient(options), await realClient(options)];
    let received = 0;
    await subscriber.subscribe("bulk");
    const all = new Promise<void>((resolve) => {
      subscriber.on("message", () => {
        if (++received === 20) resolve();
      });
    });
    for (let count = 0; count < 20; count++) void publisher.publish("bulk", Buffer.alloc(1 << 20));
    await publisher.end();
    await all;
  });

  it("lets the Will be published when it was destroy()", async () => {
    const test = testBroker();
    const watcher = await test.connect();
    const texts = collect(watcher);
    await during(test, watcher.subscribe("will", { qos: 1 }));
    const client = await test.connect({ will: { topicName: "will", payload: "lost", qos: 1 } });
    client.destroy();
    await test.advance();
    expect(texts).toEqual(["lost"]);
  });

  it("fails what is still waited for", async () => {
    const test = testBroker();
    const client = await test.connect();
    test.reachable = false;
    test.cut();
    await test.advance();
    const publishing = client.publish("a", "", { qos: 1 }).catch((error) => error.code);
    const subscribing = client.subscribe("a").catch((error) => error.code);
    await during(test, client.end());
    expect(await Promise.all([publishing, subscribing])).toEqual(["CLIENT_ENDED", "CLIENT_ENDED"]);
    await expect(client.publish("a", "")).rejects.toMatchObject({ code: "CLIENT_ENDED" });
  });
});
