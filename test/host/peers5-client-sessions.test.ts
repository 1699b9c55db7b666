// Our client in 5.0 at a real mosquitto, over what happens to connections: Sessions that are kept, changed and lost, messages
// under way when the line breaks, Wills, and the server's good-bye. A tap between the two breaks the line.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test, vi } from "vitest";
import { Client, type ClientOptions } from "../../host/index.ts";
import { parseBytes } from "../core/vectors.ts";
import { type BrokerPeer, startMosquitto, stopAll } from "./peers.ts";
import { endPeers, until } from "./peers-more.ts";
import { closeBrokers, fresh, Js5, Served } from "./peers5.ts";
import { closeTaps, Tap } from "./peers5-tap.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PUBLISH = 3;

const clients = new Set<Client>();
afterAll(async () => {
  for (const client of clients) client.destroy();
  await endPeers();
  await closeTaps();
  await closeBrokers();
  await stopAll();
});

/** A client that writes down what it is told. */
interface Watched {
  client: Client;
  /** Session Present of each CONNACK. */
  connects: boolean[];
  losses: Error[];
  texts: string[];
}

/** A mosquitto, a tap before it, and clients of ours through that. They come back at once when the line breaks. */
async function scene(...config: string[]) {
  const broker = await startMosquitto(["allow_anonymous true", ...config]);
  const tap = await Tap.start(broker.port);
  const connect = async (options: ClientOptions = {}): Promise<Watched> => {
    const own = { clientId: fresh(), protocolVersion: "5.0", reconnectMinMs: 20, reconnectMaxMs: 50 } as const;
    const client = await Client.connect({ ...own, ...options, port: tap.port });
    clients.add(client);
    const watched: Watched = { client, connects: [], losses: [], texts: [] };
    client.on("connect", ({ sessionPresent }) => watched.connects.push(sessionPresent));
    client.on("disconnect", ({ error }) => watched.losses.push(error));
    client.on("message", (message) => watched.texts.push(message.text()));
    await until("the first connect", () => watched.connects.length > 0);
    return watched;
  };
  const peer = (at: BrokerPeer = broker) => Js5.open(at.port, { clientId: fresh() });
  return { broker, tap, connect, peer };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));
const KEPT = { cleanSession: false, sessionExpirySec: 100 } as const;

describe("a Session", () => {
  test("is there again after the line broke, with what was missed, and under the assigned id", async () => {
    const { tap, connect, peer } = await scene();
    const topic = fresh();
    const { client, connects, texts } = await connect({ clientId: "", sessionExpirySec: 100 });
    const assigned = client.clientId;
    await client.subscribe(topic, { qos: 1 });
    tap.up = false;
    tap.cut();
    const publisher = await peer();
    for (const number of numbers(20)) await publisher.client.publishAsync(topic, number, { qos: 1 });
    tap.up = true;
    await until("all that was missed", () => texts.length >= 20);
    expect(texts).toEqual(numbers(20));
    expect(connects).toEqual([false, true]);
    expect(client.clientId).toBe(assigned);
    const [, second] = tap.of("client", 1);
    expect(second?.toString()).toContain(assigned);
    await Promise.all([client.end(), publisher.end()]);
  });

  test.each([
    // at CONNECT, at the end, is it there for the next
    [100, undefined, true],
    [100, 0, false],
    [1, 100, true],
    [0, undefined, false],
  ])("sessionExpirySec %s, at the end %s", async (sessionExpirySec, changed, present) => {
    const { connect } = await scene();
    const clientId = fresh();
    const first = await connect({ clientId, cleanSession: false, sessionExpirySec });
    await first.client.end(changed === undefined ? {} : { sessionExpirySec: changed });
    // Longer than the 1 s of the third row.
    if (sessionExpirySec === 1) await sleep(2_100);
    const second = await connect({ clientId, cleanSession: false, sessionExpirySec: 0 });
    expect(second.connects).toEqual([present]);
    await second.client.end();
  });

  test("that begins anew at every start is there for reconnections all the same", async () => {
    const { tap, connect } = await scene();
    const clientId = fresh();
    const before = await connect({ clientId, ...KEPT });
    await before.client.end();
    const { client, connects } = await connect({ clientId, cleanSession: true, sessionExpirySec: 100 });
    tap.cut();
    await until("the reconnection", () => connects.length >= 2);
    expect(connects).toEqual([false, true]);
    await client.end();
  });
});

describe("messages under way", () => {
  test.each([1, 2] as const)("survive a line that breaks again and again, QoS %i", async (qos) => {
    const { tap, connect, peer } = await scene("max_inflight_messages 10");
    const topic = fresh();
    const subscriber = await connect(KEPT);
    await subscriber.client.subscribe(topic, { qos });
    const publisher = await connect(KEPT);
    const witness = await peer();
    await witness.client.subscribeAsync(topic, { qos });
    const sent: Promise<unknown>[] = [];
    for (const number of numbers(300)) {
      sent.push(publisher.client.publish(topic, number, { qos }));
      if (Number(number) % 60 !== 59) continue;
      await until("some of them", () => witness.messages.length > Number(number) - 50);
      const before = [publisher.connects.length, subscriber.connects.length];
      tap.cut();
      await until("both are back", () => {
        const now = [publisher.connects.length, subscriber.connects.length];
        return now.every((count, index) => count > (before[index] ?? 0));
      });
    }
    await Promise.all(sent);
    await until("every message", () => new Set(subscriber.texts).size === 300);
    const seen = [subscriber.texts, witness.messages.map(({ payload }) => payload.toString())];
    for (const texts of seen) expect(qos === 2 ? texts : [...new Set(texts)]).toEqual(numbers(300));
    expect(publisher.connects.slice(1).every((present) => present)).toBe(true);
    await Promise.all([publisher.client.end(), subscriber.client.end(), witness.end()]);
  });

  test.each([1, 2] as const)("go again as new ones to a server that has lost the Session, QoS %i", async (qos) => {
    const { broker, tap, connect, peer } = await scene();
    const topic = fresh();
    const before = await peer();
    await before.client.subscribeAsync(topic, { qos });
    const { client, connects } = await connect({ ...KEPT, inflightMax: 20 });
    // Half of them are acknowledged, the others under way or in the outbox when the server dies.
    const sent = numbers(200).map((number) => client.publish(topic, number, { qos }));
    await before.received(50);
    tap.up = false;
    tap.cut();
    await broker.child.stop("SIGKILL");
    const second = await startMosquitto(undefined, broker.port);
    const after = await peer(second);
    await after.client.subscribeAsync(topic, { qos });
    tap.up = true;
    await Promise.all(sent);
    await after.client.publishAsync(topic, "end", { qos });
    await until("the end", () => after.arrivals.at(-1)?.payload === "end");
    expect(connects).toEqual([false, false]);
    const texts = [...before.messages, ...after.messages.slice(0, -1)].map(({ payload }) => payload.toString());
    const missing = numbers(200).filter((number) => !texts.includes(number));
    // At QoS 1 again and again is allowed. At QoS 2 never; but what the dead server had taken over with PUBREC, at most
    // what may be under way at once, died with it.
    if (qos === 1) expect(missing).toEqual([]);
    else expect([new Set(texts).size, missing.length <= 20]).toEqual([texts.length, true]);
    // DUP is for a Session that has seen them.
    const anew = tap.passed.slice(tap.passed.findLastIndex(({ kind }) => kind === 1));
    const published = anew.filter(({ from, kind }) => from === "client" && kind === PUBLISH);
    expect(published.length).toBeGreaterThan(0);
    expect(published.filter(({ bytes }) => ((bytes[0] ?? 0) & 0x08) !== 0)).toEqual([]);
    await client.end();
  });

  test("expire in the outbox, and have less time left when they go", async () => {
    const { tap, connect, peer } = await scene();
    const topic = fresh();
    const witness = await peer();
    await witness.client.subscribeAsync(topic, { qos: 1 });
    const { client, losses } = await connect(KEPT);
    tap.up = false;
    tap.cut();
    await until("the loss", () => losses.length > 0);
    const brief = client.publish(topic, "brief", { qos: 1, messageExpirySec: 1 }).catch((error) => error);
    const long = client.publish(topic, "long", { qos: 1, messageExpirySec: 1_000 });
    await sleep(2_100);
    tap.up = true;
    expect((await long).reasonCode).toBe(0);
    expect(await brief).toMatchObject({ name: "MidgeError" });
    expect(witness.arrivals.map(({ payload }) => payload)).toEqual(["long"]);
    expect(witness.arrivals[0]?.properties.messageExpiryInterval).toSatisfy((sec: number) => sec > 900 && sec < 1_000);
    await Promise.all([client.end(), witness.end()]);
  });
});

describe("what the client allows", () => {
  test("Receive Maximum 2 brings everything, two at a time", async () => {
    // At QoS 1: mosquitto 2.0.11 goes over it at QoS 2, for which MQTT.js leaves it as well.
    const { connect, peer } = await scene("max_queued_messages 0");
    const topic = fresh();
    const { client, texts, losses } = await connect({ receiveMaximum: 2 });
    await client.subscribe(topic, { qos: 1 });
    const publisher = await peer();
    for (const number of numbers(300)) await publisher.client.publishAsync(topic, number, { qos: 1 });
    await until("all", () => texts.length >= 300);
    expect([texts, losses]).toEqual([numbers(300), []]);
    await Promise.all([client.end(), publisher.end()]);
  });

  test("Maximum Packet Size keeps what is larger away", async () => {
    const { connect, peer } = await scene();
    const topic = fresh();
    const { client, texts, losses } = await connect({ maximumPacketSize: 200 });
    await client.subscribe(topic, { qos: 1 });
    const publisher = await peer();
    for (const length of [10, 300, 20]) await publisher.client.publishAsync(topic, "x".repeat(length), { qos: 1 });
    await until("those that fit", () => texts.length >= 2);
    expect([texts.map(({ length }) => length), losses]).toEqual([[10, 20], []]);
    await Promise.all([client.end(), publisher.end()]);
  });
});

describe("the end", () => {
  test.each([
    // how it leaves, is the Will published
    ["end()", (client: Client) => client.end(), false],
    ["end() with 0x04", (client: Client) => client.end({ reasonCode: 0x04 }), true],
    ["destroy()", (client: Client) => client.destroy(), true],
  ])("by %s: a Will with its properties", async (_, leave, published) => {
    const { connect, peer } = await scene();
    const topic = fresh();
    const witness = await peer();
    await witness.client.subscribeAsync(`${topic}/#`, { qos: 1 });
    const { client } = await connect({
      will: {
        topicName: `${topic}/will`,
        payload: "gone",
        qos: 1,
        contentType: "text/plain",
        userProperties: [["by", "will"]],
      },
    });
    await leave(client);
    if (published) {
      await witness.arrived(1);
      expect(witness.arrivals[0]).toMatchObject({ payload: "gone", qos: 1 });
      expect(witness.arrivals[0]?.properties).toEqual({ contentType: "text/plain", userProperties: { by: "will" } });
    }
    await witness.client.publishAsync(`${topic}/end`, "end", { qos: 1 });
    await until("the end", () => witness.arrivals.at(-1)?.payload === "end");
    expect(witness.arrivals).toHaveLength(published ? 2 : 1);
    await witness.end();
  });

  test("a Will with a delay is not published when the client is back", async () => {
    const { tap, connect, peer } = await scene();
    const topic = fresh();
    const witness = await peer();
    await witness.client.subscribeAsync(topic, { qos: 1 });
    const will = { topicName: topic, payload: "gone", delaySec: 1 };
    const { client, connects } = await connect({ ...KEPT, will });
    tap.cut();
    await until("it is back", () => connects.length === 2);
    await sleep(2_100);
    expect(witness.arrivals).toEqual([]);
    client.destroy();
    expect(await witness.arrived(1)).toMatchObject([{ payload: "gone" }]);
    await witness.end();
  });

  test("mosquitto says why", async () => {
    const { tap, connect } = await scene();
    const { client, losses, connects } = await connect();
    // A Topic Alias that was never set: the client would not, so somebody speaks in its name.
    tap.inject(parseBytes('30 [ "" [ 23 0001 ] ]'));
    await until("it is back", () => connects.length === 2);
    expect(losses).toMatchObject([{ code: "SERVER_DISCONNECTED", reasonCode: 0x82 }]);
    await client.end();
  });

  test("our broker says why: taken over, sent away, shutting down", async () => {
    const served = await Served.start();
    const clientId = fresh();
    const lost = async (end: () => unknown) => {
      const client = await Client.connect({ port: served.port, protocolVersion: "5.0", clientId, reconnect: false });
      const loss = new Promise((resolve) => client.once("disconnect", ({ error }) => resolve(error)));
      await end();
      return loss;
    };
    const sent = { code: "SERVER_DISCONNECTED", reasonString: expect.stringMatching(/\w+ \w+/) };
    expect(await lost(() => served.connect({ clientId }))).toMatchObject({ ...sent, reasonCode: 0x8e });
    const elsewhere = { reasonCode: 0x9c, serverReference: "elsewhere" };
    expect(await lost(() => served.broker.disconnect(clientId, elsewhere))).toMatchObject({ ...sent, ...elsewhere });
    expect(await lost(() => served.close())).toMatchObject({ ...sent, reasonCode: 0x8b });
  });
});
