// The Client class when the application is slow, throws, or asks for the impossible.

import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { Client } from "../../host/index.ts";
import { realBroker, realClient, testBroker } from "./client-world.ts";

describe("a slow consumer", () => {
  it("may publish and wait for it while it is behind", async () => {
    const options = { ...(await realBroker()), keepAliveSec: 0 };
    const [publisher, worker] = [await realClient(options), await realClient(options)];
    const count = 3_000;
    const subscription = await worker.subscribe("in", { qos: 1 });
    const sent = [];
    for (let number = 0; number < count; number++) sent.push(publisher.publish("in", String(number), { qos: 1 }));
    let handled = 0;
    for await (const _ of subscription) {
      await worker.publish("out", "done", { qos: 1 });
      if (++handled === count) break;
    }
    await Promise.all(sent);
  });

  it("holds up its client until it is done, whoever else keeps up", async () => {
    const options = await realBroker();
    const [publisher, reader] = [await realClient(options), await realClient({ ...options, keepAliveSec: 1 })];
    const lost: unknown[] = [];
    reader.on("disconnect", (event) => lost.push(event));
    const slow = (await reader.subscribe("f/#", { qos: 1 }))[Symbol.asyncIterator]();
    const fast = await reader.subscribe("f/x", { qos: 1 });
    void (async () => {
      for await (const _ of fast);
    })();
    const sent = [];
    for (let number = 1; number <= 5_000; number++) sent.push(publisher.publish("f/x", String(number), { qos: 1 }));
    await Promise.all(sent);
    // Longer than the Keep Alive: nothing is read, so no PINGRESP is missed either.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    let last = 0;
    while (last < 5_000) {
      const { value } = await slow.next();
      const number = Number(value?.text());
      expect(number).toBe(last === 0 ? number : last + 1);
      last = number;
    }
    expect(lost).toEqual([]);
  });

  it("is not overrun after a reconnect either", async () => {
    const test = testBroker();
    const client = await test.connect({ reconnectMinMs: 100 });
    const subscription = await client.subscribe("a");
    void subscription[Symbol.asyncIterator]().next();
    let read = 0;
    client.on("message", () => read++);
    const publish = async (count: number) => {
      for (let number = 0; number < count; number++) {
        test.broker.publish("a", "");
        await new Promise((resolve) => setImmediate(resolve));
      }
      await test.advance();
    };
    await publish(1_500);
    const before = read;
    expect(before).toBeLessThan(1_100);
    test.cut();
    await test.advance(1_000);
    expect(client.connected).toBe(true);
    await publish(500);
    expect(read).toBeLessThan(before + 100);
  });

  it("is told of a second iteration, and can end one that waits", async () => {
    const test = testBroker();
    const client = await test.connect();
    const subscription = await client.subscribe("a");
    const iterator = subscription[Symbol.asyncIterator]();
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(TypeError);
    const waiting = iterator.next();
    await iterator.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});

describe("what goes wrong around it", () => {
  it("an attempt that fails late does not end the one after it", async () => {
    const test = testBroker();
    let calls = 0;
    let failLate: (error: Error) => void = () => {};
    const connector: typeof test.connector = (signal) => {
      if (++calls !== 2) return test.connector(signal);
      return new Promise((_, reject) => {
        failLate = reject;
      });
    };
    const client = await Client.connectWith(connector, { connectTimeoutMs: 300, reconnectMinMs: 100 }, test.clock);
    test.cut();
    await test.advance(2_000);
    expect(client.connected).toBe(true);
    failLate(new Error("too late"));
    await test.advance(10_000);
    expect([client.connected, calls]).toEqual([true, 3]);
  });

  it("a listener that throws harms nobody else", async () => {
    const test = testBroker();
    const client = await test.connect();
    const uncaught: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    try {
      const texts: string[] = [];
      client.on("message", (message) => {
        texts.push(message.text());
        throw new Error(message.text());
      });
      await client.subscribe("a", { qos: 1 });
      for (const text of ["1", "2", "3"]) test.broker.publish("a", text, { qos: 1 });
      await test.advance();
      await client.publish("b", "", { qos: 1 });
      expect(texts).toEqual(["1", "2", "3"]);
      expect(uncaught).toHaveLength(3);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
    }
  });

  it("end() may be called twice, and signals are let go", async () => {
    const test = testBroker();
    const abort = new AbortController();
    const client = await test.connect({ signal: abort.signal });
    await client.subscribe("a", { signal: abort.signal });
    await Promise.all([client.end(), client.end()]);
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  });

  it("a message larger than any packet is refused before it is copied", async () => {
    const test = testBroker();
    const client = await test.connect();
    await expect(client.publish("a", Buffer.alloc(2 ** 28))).rejects.toMatchObject({ code: "PACKET_TOO_LARGE" });
    expect(() => test.broker.publish("a", Buffer.alloc(17 << 20))).toThrow(
      expect.objectContaining({ code: "PACKET_TOO_LARGE" }),
    );
    expect(() => test.broker.publish("/".repeat(1_000), "")).toThrow(
      expect.objectContaining({ code: "TOPIC_INVALID" }),
    );
    await client.publish("a", "still there", { qos: 1 });
  });
});
