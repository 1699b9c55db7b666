// Messages of 5.0 through our broker, on real sockets, with MQTT.js at both ends and bytes of our own where each of them
// counts: properties live, retained and queued, Message Expiry, the urgent lane, and the three things that each end may
// limit for the other: Receive Maximum, Maximum Packet Size and Topic Aliases.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Client } from "../../host/index.ts";
import { parseBytes } from "../core/vectors.ts";
import { endPeers, until } from "./peers-more.ts";
import { closeBrokers, dismissal, fresh, type Js5, Served, settled } from "./peers5.ts";
import { closeTaps, Tap } from "./peers5-tap.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ALL_QOS = [0, 1, 2] as const;

/** Its clock stands still but in the tests that move it, one after the other. */
let served: Served;

beforeAll(async () => {
  served = await Served.start({}, true);
});
afterAll(async () => {
  await endPeers();
  await closeTaps();
  await closeBrokers();
});

/** One of each that a message may have. */
const PROPERTIES = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 1_000,
  contentType: "application/json; charset=utf-8",
  responseTopic: "answers/here",
  correlationData: Buffer.from(Array.from({ length: 256 }, (_, index) => index)),
  userProperties: { colour: ["red", "green", "red"], "": "empty name", empty: "", größe: "€" },
};

describe("properties", () => {
  test.each(ALL_QOS)("reach who is there, at QoS %i", async (qos) => {
    const topic = fresh();
    const peer = await served.connect();
    await peer.client.subscribeAsync(topic, { qos });
    await peer.client.publishAsync(topic, '{"a":1}', { qos, properties: PROPERTIES });
    expect(await peer.arrived(1)).toEqual([
      { topicName: topic, payload: '{"a":1}', qos, retain: false, properties: PROPERTIES },
    ]);
    await peer.end();
  });

  test.each(ALL_QOS)("are kept with a retained message, at QoS %i", async (qos) => {
    const topic = fresh();
    const peer = await served.connect();
    await peer.client.publishAsync(topic, "kept", { qos, retain: true, properties: PROPERTIES });
    await peer.client.subscribeAsync(topic, { qos });
    expect(await peer.arrived(1)).toEqual([
      { topicName: topic, payload: "kept", qos, retain: true, properties: PROPERTIES },
    ]);
    await peer.client.publishAsync(topic, "", { retain: true });
    await peer.end();
  });

  test("are kept with queued messages, each with its own", async () => {
    const [topic, clientId] = [fresh(), fresh()];
    const session = { clientId, clean: false, properties: { sessionExpiryInterval: 100 } };
    const before = await served.connect(session);
    await before.client.subscribeAsync(topic, { qos: 2 });
    await served.leaves(clientId, () => before.end());
    const publisher = await served.connect();
    const expected = Array.from({ length: 50 }, (_, index) => ({
      payload: `message ${index}`,
      properties: { ...PROPERTIES, userProperties: { number: String(index) } },
    }));
    for (const { payload, properties } of expected) {
      await publisher.client.publishAsync(topic, payload, { qos: 2, properties });
    }
    const after = await served.connect(session);
    expect((await after.arrived(50)).map(({ payload, properties }) => ({ payload, properties }))).toEqual(expected);
    await Promise.all([publisher.end(), after.end()]);
  });

  test("come byte for byte, in the order in which they were sent", async () => {
    const topic = fresh();
    const [sender, live] = [await served.raw(fresh()), await served.raw(fresh())];
    live.send(`82 [ 0001 [] "${topic}" 00 ]`);
    await live.packets(2);
    // User Properties among the others, names that come again, in no order that anybody would sort them into.
    const properties =
      '26 "b" "2" 09 "data" 26 "a" "1" 08 "answer" 26 "b" "1" 03 "type" 26 "a" "2" 01 01 26 "b" "2" 02 00000064 26 "" ""';
    const publish = (flags: string) => `${flags} [ "${topic}" [ ${properties} ] 'payload' ]`;
    sender.send(publish("31"));
    const [, , received] = await live.packets(3);
    const late = await served.raw(fresh());
    late.send(`82 [ 0001 [] "${topic}" 00 ]`);
    const [, , retained] = await late.packets(3);
    expect(received?.equals(parseBytes(publish("30")))).toBe(true);
    expect(retained?.equals(parseBytes(publish("31")))).toBe(true);
    sender.send(`31 [ "${topic}" [] ]`);
    await settled(sender);
    for (const connection of [sender, live, late]) connection.drop();
  });

  test("a payload that is not the UTF-8 it is said to be is refused where that is checked", async () => {
    const checking = await Served.start({ checkPayloadFormat: true });
    const peer = await checking.connect();
    await peer.client.subscribeAsync("t", { qos: 1 });
    const options = { qos: 1, properties: { payloadFormatIndicator: true } } as const;
    const invalid = Buffer.from([0x61, 0xff]) as unknown as string;
    expect(await peer.publishCode("t", invalid, options)).toBe(0x99);
    expect(await peer.publishCode("t", invalid, { qos: 2, properties: { payloadFormatIndicator: true } })).toBe(0x99);
    expect(await peer.publishCode("t", "grüße", options)).toBe(0);
    expect(await peer.publishCode("t", invalid, { qos: 1 })).toBe(0);
    expect(await peer.arrived(2)).toMatchObject([{ payload: "grüße" }, { payload: "a\ufffd" }]);
    peer.client.publish("t", invalid, { properties: { payloadFormatIndicator: true } });
    expect((await peer.dismissed()).reasonCode).toBe(0x99);
  });
});

describe("Message Expiry Interval", () => {
  const expiring = (messageExpiryInterval: number) => ({ qos: 1, properties: { messageExpiryInterval } }) as const;

  test("counts down in the queue of who is away, and removes what is over", async () => {
    const [topic, clientId] = [fresh(), fresh()];
    const session = { clientId, clean: false, properties: { sessionExpiryInterval: 10_000 } };
    const before = await served.connect(session);
    await before.client.subscribeAsync(topic, { qos: 2 });
    await served.leaves(clientId, () => before.end());
    const publisher = await served.connect();
    for (const sec of [10, 20, 1_000, 4_294_967]) {
      await publisher.client.publishAsync(topic, String(sec), expiring(sec));
    }
    await publisher.client.publishAsync(topic, "never", { qos: 2 });
    served.clock.advance(15_000);
    const after = await served.connect(session);
    await after.arrived(4);
    expect(after.arrivals.map(({ payload, properties }) => [payload, properties.messageExpiryInterval])).toEqual([
      ["20", 5],
      ["1000", 985],
      ["4294967", 4_294_952],
      ["never", undefined],
    ]);
    await Promise.all([publisher.end(), after.end()]);
  });

  test("counts down in the retained store, and removes what is over", async () => {
    const topic = fresh();
    const publisher = await served.connect();
    for (const sec of [10, 20]) {
      await publisher.client.publishAsync(`${topic}/${sec}`, "x", { ...expiring(sec), retain: true });
    }
    const reading = async () => {
      const reader = await served.connect();
      await reader.client.subscribeAsync([`${topic}/+`, `${topic}end`], { qos: 1 });
      await publisher.client.publishAsync(`${topic}end`, "", { qos: 1 });
      while (reader.arrivals.at(-1)?.topicName !== `${topic}end`) await reader.arrived(reader.arrivals.length + 1);
      await reader.end();
      return reader.arrivals.slice(0, -1).map((arrival) => arrival.properties.messageExpiryInterval);
    };
    expect((await reading()).sort()).toEqual([10, 20]);
    served.clock.advance(12_000);
    expect(await reading()).toEqual([8]);
    served.clock.advance(9_000);
    expect(await reading()).toEqual([]);
    await publisher.end();
  });

  test("counts while a subscriber's Receive Maximum holds messages back", async () => {
    const topic = fresh();
    const slow = await served.raw(fresh(), { properties: "21 0001" });
    slow.send(`82 [ 0001 [] "${topic}" 01 ]`);
    await slow.packets(2);
    const publisher = await served.connect();
    for (const sec of [10, 20, 30]) await publisher.client.publishAsync(topic, "x", expiring(sec));
    expect((await settled(slow)).slice(2)).toHaveLength(1);
    served.clock.advance(21_000);
    slow.send("40 02 0001");
    const messages = (await settled(slow)).slice(2);
    // The second is over; of the third's 30 s there are 9 left.
    expect(messages).toEqual([expect.stringContaining("020000000a"), expect.stringContaining("0200000009")]);
    slow.drop();
    await publisher.end();
  });
});

test("midge_priority: urgent messages go first where that is allowed, and stay in order among themselves", async () => {
  const order = async (priority: boolean) => {
    const hurried = await Served.start({ priority });
    const slow = await hurried.raw(fresh(), { properties: "21 0001" });
    slow.send('82 [ 0001 [] "t" 01 ]');
    await slow.packets(2);
    const publisher = await hurried.connect();
    for (const text of ["a", "b", "U", "c", "V", "d"]) {
      const urgent = text < "a" ? { properties: { userProperties: { midge_priority: "urgent" } } } : {};
      await publisher.client.publishAsync("t", text, { qos: 1, ...urgent });
    }
    for (let id = 1; id <= 5; id++) {
      expect((await settled(slow)).slice(2)).toHaveLength(id);
      slow.send(`40 02 000${id}`);
    }
    return (await settled(slow)).slice(2).map((packet) => Buffer.from(packet.slice(-2), "hex").toString());
  };
  // The first was on its way already.
  expect(await order(true)).toEqual(["a", "U", "V", "b", "c", "d"]);
  expect(await order(false)).toEqual(["a", "b", "U", "c", "V", "d"]);
});

describe("Receive Maximum", () => {
  test.each([
    [1, "40 02"],
    [2, "50 02"],
  ])("of a subscriber is kept to, QoS %i", async (qos, acknowledgement) => {
    const topic = fresh();
    const [subscriber, publisher] = [await served.raw(fresh(), { properties: "21 0003" }), await served.connect()];
    subscriber.send(`82 [ 0001 [] "${topic}" 0${qos} ]`);
    await subscriber.packets(2);
    for (let index = 0; index < 10; index++) await publisher.client.publishAsync(topic, `${index}`, { qos: 2 });
    const messages = async () => (await settled(subscriber)).filter((packet) => packet.startsWith("3"));
    expect(await messages()).toHaveLength(3);
    subscriber.send(`${acknowledgement} 0001`);
    // PUBREC is not the end yet: that is PUBCOMP.
    expect(await messages()).toHaveLength(qos === 1 ? 4 : 3);
    if (qos === 2) subscriber.send("70 02 0001");
    expect(await messages()).toHaveLength(4);
    // One that is refused is over as well [MQTT-4.9.0-2].
    subscriber.send(qos === 1 ? "40 03 0002 83" : "50 03 0002 83");
    expect(await messages()).toHaveLength(5);
    subscriber.drop();
    await publisher.end();
  });

  test("holds back no QoS 0 message", async () => {
    const topic = fresh();
    const [subscriber, publisher] = [await served.raw(fresh(), { properties: "21 0001" }), await served.connect()];
    subscriber.send(`82 [ 0001 [] "${topic}" 02 ]`);
    await subscriber.packets(2);
    for (const qos of [1, 1, 0, 0] as const) await publisher.client.publishAsync(topic, "", { qos });
    await publisher.client.publishAsync(fresh(), "", { qos: 1 });
    expect((await settled(subscriber)).slice(2).map((packet) => packet.slice(0, 2))).toEqual(["32", "30", "30"]);
    subscriber.drop();
    await publisher.end();
  });

  test("of 2 still brings MQTT.js 500 messages, in order", async () => {
    const topic = fresh();
    // It ends the connection itself, with an error, when one is too many.
    const subscriber = await served.connect({ properties: { receiveMaximum: 2 } });
    const publisher = await served.connect();
    await subscriber.client.subscribeAsync(topic, { qos: 2 });
    const numbers = Array.from({ length: 500 }, (_, index) => String(index));
    await Promise.all(numbers.map((number) => publisher.client.publishAsync(topic, number, { qos: 2 })));
    expect((await subscriber.arrived(500)).map(({ payload }) => payload)).toEqual(numbers);
    expect(subscriber.client.connected).toBe(true);
    await Promise.all([publisher.end(), subscriber.end()]);
  });

  test("of the broker: over it, DISCONNECT 0x93", async () => {
    const strict = await Served.start({ receiveMaximum: 3 });
    const raw = await strict.raw(fresh());
    expect((await settled(raw))[0]).toContain("210003");
    for (const id of ["0001", "0002", "0003"]) raw.send(`34 [ "t" ${id} [] ]`);
    // Sending one of them again is not another one.
    raw.send('3c [ "t" 0002 [] ]');
    expect(await settled(raw)).toHaveLength(5);
    raw.send("62 02 0001");
    raw.send('34 [ "t" 0004 [] ]');
    expect(await settled(raw)).toHaveLength(7);
    raw.send('34 [ "t" 0005 [] ]');
    expect(await dismissal(raw)).toBe("93");
  });
});

describe("Maximum Packet Size", () => {
  test("of a subscriber: what is larger is not sent, what fits is", async () => {
    const topic = fresh();
    const small = await served.connect({ properties: { maximumPacketSize: 100 } });
    const [large, publisher] = [await served.connect(), await served.connect()];
    for (const peer of [small, large]) await peer.client.subscribeAsync(topic, { qos: 2 });
    // PUBLISH of QoS 1: header 2, Topic Name and its length, Packet Identifier 2, property length 1.
    const most = 100 - 2 - (2 + topic.length) - 2 - 1;
    const sizes = [10, most, most + 1, 1_000, 20];
    for (const size of sizes) {
      expect(await publisher.publishCode(topic, "x".repeat(size))).toBe(0);
    }
    const lengths = (peer: Js5) => peer.arrivals.map(({ payload }) => payload.length);
    await Promise.all([small.arrived(3), large.arrived(5)]);
    expect([lengths(small), lengths(large)]).toEqual([[10, most, 20], sizes]);
    await Promise.all([small.end(), large.end(), publisher.end()]);
  });

  test("of the broker: over it, DISCONNECT 0x95", async () => {
    const strict = await Served.start({ limits: { packetSize: 1_000 } });
    const peer = await strict.connect();
    expect(peer.connack.properties?.maximumPacketSize).toBe(1_000);
    expect(await peer.publishCode("t", "x".repeat(900))).toBe(0x10);
    peer.client.publish("t", "x".repeat(1_000));
    expect((await peer.dismissed()).reasonCode).toBe(0x95);
  });
});

describe("Topic Aliases", () => {
  test("of a publisher are understood, set anew too, and end with the connection", async () => {
    const topic = fresh();
    const witness = await served.connect();
    await witness.client.subscribeAsync(`${topic}/#`);
    const publisher = await served.connect({ autoAssignTopicAlias: true });
    const sent: string[] = [];
    publisher.client.on("packetsend", (packet) => {
      if (packet.cmd === "publish") sent.push(packet.topic);
    });
    // 20 topics for 16 aliases, twice around.
    const topics = Array.from({ length: 60 }, (_, index) => `${topic}/${index % 20}`);
    for (const name of topics) await publisher.client.publishAsync(name, name);
    for (const name of topics.slice(-4)) await publisher.client.publishAsync(name, name);
    await witness.arrived(64);
    expect(witness.arrivals.map(({ topicName }) => topicName)).toEqual([...topics, ...topics.slice(-4)]);
    expect(witness.arrivals.every(({ topicName, payload }) => topicName === payload)).toBe(true);
    expect(witness.arrivals.every(({ properties }) => !("topicAlias" in properties))).toBe(true);
    expect(sent.slice(-4)).toEqual(["", "", "", ""]);
    await Promise.all([witness.end(), publisher.end()]);
  });

  test("are set for a subscriber that allows them, least recently used first", async () => {
    const topic = fresh();
    const subscriber = await served.connect({ properties: { topicAliasMaximum: 2 } });
    await subscriber.client.subscribeAsync(`${topic}/#`, { qos: 2 });
    const names = ["a", "b", "a", "b", "c", "b", "c", "a"].map((leaf) => `${topic}/${leaf}`);
    for (const [index, name] of names.entries()) {
      // Not at QoS 2, which MQTT.js hands on without the Topic Name that an alias stands for.
      await subscriber.client.publishAsync(name, name, { qos: (index % 2) as 0 | 1 });
      await subscriber.arrived(index + 1);
    }
    expect(subscriber.arrivals.map(({ topicName }) => topicName)).toEqual(names);
    const wire = subscriber.ofKind("publish").map((packet) => [packet.topic, packet.properties?.topicAlias]);
    expect(wire).toEqual([
      [`${topic}/a`, 1],
      [`${topic}/b`, 2],
      ["", 1],
      ["", 2],
      [`${topic}/c`, 1],
      ["", 2],
      ["", 1],
      [`${topic}/a`, 2],
    ]);
    // A new connection knows none of them.
    await subscriber.end();
  });

  test("for thousands of messages on more topics than aliases", async () => {
    const topic = fresh();
    const subscriber = await served.connect({ properties: { topicAliasMaximum: 5 } });
    const publisher = await served.connect({ autoAssignTopicAlias: true });
    await subscriber.client.subscribeAsync(`${topic}/#`, { qos: 1 });
    const names = Array.from({ length: 2_000 }, (_, index) => `${topic}/${(index * index) % 11}`);
    await Promise.all(names.map((name) => publisher.client.publishAsync(name, name, { qos: 1 })));
    await subscriber.arrived(2_000);
    expect(subscriber.arrivals.map(({ topicName }) => topicName)).toEqual(names);
    expect(subscriber.arrivals.map(({ payload }) => payload)).toEqual(names);
    const spared = subscriber.ofKind("publish").filter(({ topic: name }) => name === "").length;
    expect(spared).toBeGreaterThan(200);
    await Promise.all([publisher.end(), subscriber.end()]);
  });

  test.each(ALL_QOS)("between two clients of ours, set anew again and again, QoS %i", async (qos) => {
    const topic = fresh();
    const tap = await Tap.start(served.port);
    const connect = () => Client.connect({ port: tap.port, protocolVersion: "5.0", clientId: fresh() });
    const [publisher, subscriber] = [await connect(), await connect()];
    const seen: string[] = [];
    subscriber.on("message", (message) => seen.push(`${message.topicName} ${message.text()}`));
    await subscriber.subscribe(`${topic}/#`, { qos });
    // 23 topics for 16 aliases.
    const names = Array.from({ length: 1_000 }, (_, index) => `${topic}/${(index * index) % 23}`);
    await Promise.all(names.map((name) => publisher.publish(name, name, { qos })));
    await until("all messages", () => seen.length >= 1_000);
    expect(seen).toEqual(names.map((name) => `${name} ${name}`));
    for (const from of ["client", "broker"] as const) {
      // 3 is PUBLISH; an empty Topic Name is 0000 right behind the fixed header.
      const spared = tap.of(from, 3).filter((bytes) => bytes.readUInt16BE(2) === 0);
      expect(spared.length).toBeGreaterThan(300);
    }
    await Promise.all([publisher.end(), subscriber.end()]);
  });
});
