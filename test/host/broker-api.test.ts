// The Broker class, as a program that embeds it uses it.

import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  Broker,
  type BrokerEvents,
  type BrokerOptions,
  type Clock,
  createTestBroker,
  MidgeError,
  systemClock,
  VirtualClock,
} from "../../host/index.ts";
import { memoryPair } from "../../host/transport/memory.ts";
import { parseBytes } from "../core/vectors.ts";

const brokers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close();
});

function testBroker(options: Omit<BrokerOptions, "listen" | "clock"> = {}) {
  const test = createTestBroker(options);
  brokers.push(test);
  return test;
}

async function start(options: BrokerOptions) {
  const broker = await Broker.start(options);
  brokers.push(broker);
  return broker;
}

describe("Broker.start", () => {
  it("listens on a free port when asked for port 0, on loopback alone by default", async () => {
    const broker = await start({ listen: [{ port: 0 }] });
    expect(broker.addresses).toEqual([{ host: "127.0.0.1", port: expect.any(Number) }]);
  });

  it("listens in several places", async () => {
    const broker = await start({ listen: [{ port: 0 }, { port: 0 }] });
    expect(new Set(broker.addresses.map(({ port }) => port)).size).toBe(2);
  });

  it("says why it cannot listen, and leaves nothing behind", async () => {
    const first = await start({ listen: [{ port: 0 }] });
    const { port } = first.addresses[0] as { port: number };
    const failure = await Broker.start({ listen: [{ port: 0 }, { port }] }).catch((error) => error);
    expect(failure).toBeInstanceOf(MidgeError);
    expect(failure.code).toBe("LISTEN_FAILED");
    expect(failure.cause.code).toBe("EADDRINUSE");
    expect(failure.message).toContain(`127.0.0.1:${port}`);
  });

  it("closes the connections it has when it is closed", async () => {
    const broker = await start({ listen: [{ port: 0 }] });
    const socket = connect((broker.addresses[0] as { port: number }).port, "127.0.0.1");
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("connect", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    await broker.close();
    await closed;
  });
});

describe("accept", () => {
  it("serves the ten-thousandth connection in the same place like the first", () => {
    const clock = new VirtualClock();
    const broker = new Broker({ clock });
    brokers.push(broker);
    const connect = parseBytes('10 [ "MQTT" 04 02 0000 "a" ]');
    let accepted = 0;
    for (let count = 0; count < 10_000; count++) {
      const [client, server] = memoryPair(clock, ["client", "broker"]);
      broker.accept(server);
      client.start({
        bytes: (bytes) => (accepted += Number(bytes[0] === 0x20 && bytes[3] === 0)),
        drained() {},
        closed() {},
      });
      client.write(connect);
      clock.advance(0);
      client.destroy();
      clock.advance(0);
    }
    expect(accepted).toBe(10_000);
  });

  it("sleeps when there is nothing to wait for", async () => {
    const tasks: number[] = [];
    const clock: Clock = {
      ...systemClock,
      after(delayMs, task) {
        tasks.push(delayMs);
        return systemClock.after(delayMs, task);
      },
    };
    const broker = new Broker({ clock, limits: { sysIntervalSec: 0 } });
    brokers.push(broker);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(tasks).toEqual([]);
  });
});

describe("authenticate", () => {
  const verdicts = { right: true, wrong: false, banned: "not authorised" } as const;
  const authenticate: BrokerOptions["authenticate"] = async ({ userName, password }) => {
    if (userName === "broken") throw new Error("the password store is away");
    return password?.toString() === "secret" && verdicts[userName as keyof typeof verdicts];
  };

  it("accepts with true", async () => {
    const test = testBroker({ authenticate });
    const client = await test.connect({ userName: "right", password: "secret" });
    expect(client.connected).toBe(true);
  });

  it.each([
    ["wrong", 4],
    ["banned", 5],
  ])("refuses %s with return code %i", async (userName, returnCode) => {
    const test = testBroker({ authenticate });
    const failure = await test
      .connect({ protocolVersion: "3.1.1", userName, password: "secret" })
      .catch((error) => error);
    expect(failure).toMatchObject({ code: "CONNECTION_REFUSED", returnCode });
  });

  it("refuses everybody, as unavailable, while it fails", async () => {
    const warning = new Promise<Error>((resolve) => {
      process.on("warning", (each) => {
        if (each.message.includes("authenticate()")) resolve(each);
      });
    });
    const test = testBroker({ authenticate });
    const failure = await test.connect({ protocolVersion: "3.1.1", userName: "broken" }).catch((error) => error);
    expect(failure).toMatchObject({ code: "CONNECTION_REFUSED", returnCode: 3 });
    expect((await warning).message).toContain("the password store is away");
  });

  it("tells a client without a name from one with an empty one", async () => {
    const seen: unknown[] = [];
    const test = testBroker({
      authenticate({ userName, password }) {
        seen.push([userName, password?.toString()]);
        return true;
      },
    });
    await test.connect();
    await test.connect({ userName: "" });
    await test.connect({ userName: "a", password: "" });
    expect(seen).toEqual([
      [undefined, undefined],
      ["", undefined],
      ["a", ""],
    ]);
  });
});

describe("events", () => {
  it("tell the story of a client", async () => {
    const test = testBroker();
    const story: unknown[] = [];
    const names: (keyof BrokerEvents)[] = ["connect", "subscribe", "publish", "unsubscribe", "disconnect", "refuse"];
    for (const name of names) test.broker.on(name, (event: object) => story.push({ name, ...event }));
    const client = await test.connect({ clientId: "c", protocolVersion: "3.1", keepAliveSec: 7, userName: "u" });
    const steps = [
      () => client.subscribe("a/#", { qos: 1 }),
      () => client.publish("a/b", "four", { qos: 2, retain: true }),
      () => client.unsubscribe("a/#"),
      () => client.end(),
    ];
    for (const step of steps) {
      const done = step();
      await test.advance();
      await done;
    }
    const address = expect.stringMatching(/^memory:/);
    const connection = { protocolVersion: "3.1", cleanSession: true, keepAliveSec: 7, userName: "u" };
    expect(story).toEqual([
      { name: "connect", clientId: "c", address, ...connection },
      { name: "subscribe", clientId: "c", topicFilter: "a/#", qos: 1, reasonCode: 1 },
      { name: "publish", clientId: "c", topicName: "a/b", qos: 2, retain: true, payloadLength: 4 },
      { name: "unsubscribe", clientId: "c", topicFilter: "a/#" },
      { name: "disconnect", clientId: "c", address, reason: "disconnected" },
    ]);
  });

  it("are told only while somebody listens", async () => {
    const test = testBroker();
    let count = 0;
    const listener = () => count++;
    test.broker.on("publish", listener);
    const client = await test.connect();
    await client.publish("a", "1");
    await test.advance();
    test.broker.off("publish", listener);
    await client.publish("a", "2");
    await test.advance();
    expect(count).toBe(1);
  });
});

describe("publish", () => {
  it("reaches subscribers, and later ones when retained", async () => {
    const test = testBroker();
    test.broker.publish("news", "old", { retain: true });
    const client = await test.connect();
    const received: [string, boolean][] = [];
    client.on("message", (message) => received.push([message.text(), message.retain]));
    const subscribed = client.subscribe("news", { qos: 1 });
    await test.advance();
    await subscribed;
    test.broker.publish("news", "new", { qos: 1 });
    await test.advance();
    expect(received).toEqual([
      ["old", true],
      ["new", false],
    ]);
  });

  it.each(["", "a/#", "+"])("refuses to publish to %j", (topicName) => {
    const test = testBroker();
    expect(() => test.broker.publish(topicName, "")).toThrow(expect.objectContaining({ code: "TOPIC_INVALID" }));
  });
});

describe("limits", () => {
  it("keeps connections to the number given", async () => {
    const test = testBroker({ limits: { connections: 1 } });
    const client = await test.connect();
    const failure = await test.connect().catch((error) => error);
    expect(failure.code).toBe("CONNECTION_FAILED");
    expect(client.connected).toBe(true);
  });

  it("publishes what it counts under $SYS at the interval given", async () => {
    const test = testBroker({ limits: { sysIntervalSec: 5 } });
    const client = await test.connect();
    const uptimes: string[] = [];
    client.on("message", (message) => uptimes.push(message.text()));
    const subscribed = client.subscribe("$SYS/broker/uptime");
    await test.advance();
    await subscribed;
    await test.advance(15_000);
    expect(uptimes).toEqual(["0 seconds", "5 seconds", "10 seconds", "15 seconds"]);
  });
});
