// Subscriptions of 5.0 at our broker, with MQTT.js on real sockets: their options and identifiers, shared ones, what
// acknowledgements say, request and reply. That something does not come is seen by what is published behind it.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { endPeers, JsPeer, until } from "./peers-more.ts";
import { closeBrokers, fresh, type Js5, Served, settled } from "./peers5.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let served: Served;

beforeAll(async () => {
  served = await Served.start();
});
afterAll(async () => {
  await endPeers();
  await closeBrokers();
});

/** Payloads of what came, but for the end of a test. */
const payloads = (peer: Js5) => peer.arrivals.map(({ payload }) => payload);

describe("Subscription options", () => {
  test("No Local: not what it published itself, whatever connection it is now", async () => {
    const [topic, clientId] = [fresh(), fresh()];
    const peer = await served.connect({ clientId });
    const other = await served.connect();
    await peer.client.subscribeAsync(topic, { qos: 1, nl: true });
    await other.client.subscribeAsync(topic, { qos: 1, nl: false });
    await peer.client.publishAsync(topic, "mine", { qos: 1 });
    await other.client.publishAsync(topic, "theirs", { qos: 1 });
    await other.arrived(2);
    await peer.arrived(1);
    expect([payloads(peer), payloads(other)]).toEqual([["theirs"], ["mine", "theirs"]]);
    await Promise.all([peer.end(), other.end()]);
  });

  test.each([
    [false, [false, false]],
    [true, [true, false]],
  ])("Retain As Published %s", async (rap, flags) => {
    const topic = fresh();
    const peer = await served.connect();
    await peer.client.subscribeAsync(topic, { qos: 0, rap });
    for (const retain of [true, false]) await peer.client.publishAsync(topic, "x", { retain });
    expect((await peer.arrived(2)).map(({ retain }) => retain)).toEqual(flags);
    // As a retained message it is one for everybody.
    const late = await served.connect();
    await late.client.subscribeAsync(topic, { qos: 0, rap });
    expect(await late.arrived(1)).toMatchObject([{ retain: true }]);
    await late.client.publishAsync(topic, "", { retain: true });
    await Promise.all([peer.end(), late.end()]);
  });

  test.each([
    // Retain Handling, retained messages at the first and at the second SUBSCRIBE
    [0, [1, 1]],
    [1, [1, 0]],
    [2, [0, 0]],
  ])("Retain Handling %i", async (rh, counts) => {
    const topic = fresh();
    const peer = await served.connect();
    await peer.client.publishAsync(topic, "kept", { retain: true });
    const seen: number[] = [];
    for (let round = 0; round < 2; round++) {
      const before = peer.arrivals.length;
      await peer.client.subscribeAsync(topic, { qos: 0, rh });
      await peer.client.subscribeAsync(`${topic}end`);
      await peer.client.publishAsync(`${topic}end`, "end");
      while (peer.arrivals.filter(({ payload }) => payload === "end").length <= round) {
        await peer.arrived(peer.arrivals.length + 1);
      }
      seen.push(peer.arrivals.length - before - 1);
    }
    expect(seen).toEqual(counts);
    await peer.client.publishAsync(topic, "", { retain: true });
    await peer.end();
  });

  test("Subscription Identifiers: all that match, with one copy; the last one of a filter counts", async () => {
    const topic = fresh();
    const peer = await served.connect();
    const subscribe = (filter: string, subscriptionIdentifier?: number) =>
      peer.client.subscribeAsync(filter, {
        qos: 1,
        ...(subscriptionIdentifier !== undefined && { properties: { subscriptionIdentifier } }),
      });
    await subscribe(`${topic}/a`, 268_435_455);
    await subscribe(`${topic}/+`, 1);
    await subscribe(`${topic}/#`, 127);
    await subscribe(`${topic}/b`);
    const publish = (leaf: string) => peer.client.publishAsync(`${topic}/${leaf}`, leaf, { qos: 1 });
    for (const leaf of ["a", "b", "c/d"]) await publish(leaf);
    await subscribe(`${topic}/#`, 128);
    await subscribe(`${topic}/+`);
    for (const leaf of ["a", "b"]) await publish(leaf);
    await peer.arrived(5);
    const identifiers = ({ properties }: { properties: Record<string, unknown> }) =>
      [properties.subscriptionIdentifier ?? []].flat().sort((one, other) => Number(one) - Number(other));
    expect(peer.arrivals.map((arrival) => [arrival.payload, ...identifiers(arrival)])).toEqual([
      ["a", 1, 127, 268_435_455],
      ["b", 1, 127],
      ["c/d", 127],
      ["a", 128, 268_435_455],
      ["b", 128],
    ]);
    await peer.end();
  });

  test("identifiers come with retained and with queued messages", async () => {
    const [topic, clientId] = [fresh(), fresh()];
    const session = { clientId, clean: false, properties: { sessionExpiryInterval: 100 } };
    const publisher = await served.connect();
    await publisher.client.publishAsync(`${topic}/kept`, "kept", { retain: true });
    const before = await served.connect(session);
    await before.client.subscribeAsync(`${topic}/#`, { qos: 1, properties: { subscriptionIdentifier: 42 } });
    expect(await before.arrived(1)).toMatchObject([{ retain: true, properties: { subscriptionIdentifier: 42 } }]);
    await served.leaves(clientId, () => before.end());
    await publisher.client.publishAsync(`${topic}/late`, "late", { qos: 1 });
    const after = await served.connect(session);
    expect(await after.arrived(1)).toMatchObject([{ payload: "late", properties: { subscriptionIdentifier: 42 } }]);
    await publisher.client.publishAsync(`${topic}/kept`, "", { retain: true });
    await Promise.all([publisher.end(), after.end()]);
  });

  test("midge_expiry: a Subscription that lapses", async () => {
    const timed = await Served.start({}, true);
    const peer = await timed.connect();
    const expiry = (value: string) => ({ qos: 1, properties: { userProperties: { midge_expiry: value } } }) as const;
    expect(await peer.subscribeCodes("brief", expiry("10"))).toEqual([1]);
    expect(await peer.subscribeCodes("renewed", expiry("10"))).toEqual([1]);
    expect(await peer.subscribeCodes("broken", expiry("soon"))).toEqual([0x83]);
    const publish = (topic: string) => peer.publishCode(topic, topic);
    timed.clock.advance(9_000);
    expect(await publish("brief")).toBe(0);
    expect(await peer.subscribeCodes("renewed", { qos: 1 })).toEqual([1]);
    timed.clock.advance(2_000);
    expect([await publish("brief"), await publish("renewed"), await publish("broken")]).toEqual([0x10, 0, 0x10]);
  });
});

describe("shared subscriptions", () => {
  /** Connected members of a group, in the order in which they subscribed. */
  const members = async (filter: string, count: number) => {
    const peers: Js5[] = [];
    for (let index = 0; index < count; index++) {
      const peer = await served.connect({ clean: false, properties: { sessionExpiryInterval: 100 } });
      await peer.client.subscribeAsync(filter, { qos: 1 });
      peers.push(peer);
    }
    return peers;
  };
  const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => String(index + from));

  test("share messages round robin, each message once", async () => {
    const topic = fresh();
    const group = await members(`$share/group/${topic}/+`, 3);
    const publisher = await served.connect();
    for (const number of numbers(9)) await publisher.client.publishAsync(`${topic}/x`, number, { qos: 1 });
    await Promise.all(group.map((peer) => peer.arrived(3)));
    expect(group.map(payloads)).toEqual([
      ["0", "3", "6"],
      ["1", "4", "7"],
      ["2", "5", "8"],
    ]);
    await Promise.all([publisher, ...group].map((peer) => peer.end()));
  });

  test("each group, and each ordinary Subscription, has its copy", async () => {
    const topic = fresh();
    const [one] = await members(`$share/one/${topic}`, 1);
    const [other] = await members(`$share/other/${topic}`, 1);
    const both = (await members(`$share/one/${topic}`, 1))[0] as Js5;
    await both.client.subscribeAsync(topic, { qos: 1 });
    const publisher = await served.connect();
    for (const number of numbers(4)) await publisher.client.publishAsync(topic, number, { qos: 1 });
    const group = [one, other, both] as Js5[];
    await Promise.all([one?.arrived(2), other?.arrived(4), both.arrived(6)]);
    expect(group.map((peer) => payloads(peer).sort())).toEqual([
      ["0", "2"],
      ["0", "1", "2", "3"],
      ["0", "1", "1", "2", "3", "3"],
    ]);
    await Promise.all([publisher, ...group].map((peer) => peer.end()));
  });

  test("get no retained messages, and work for clients of 3.1.1", async () => {
    const topic = fresh();
    const publisher = await served.connect();
    await publisher.client.publishAsync(topic, "kept", { qos: 1, retain: true });
    const [five] = await members(`$share/group/${topic}`, 1);
    const three = await JsPeer.connect(served.port, "3.1.1", { clientId: fresh() });
    await three.client.subscribeAsync(`$share/group/${topic}`, { qos: 1 });
    for (const number of numbers(4)) await publisher.client.publishAsync(topic, number, { qos: 1 });
    await Promise.all([five?.arrived(2), three.received(2)]);
    expect([payloads(five as Js5), three.messages.map(({ payload }) => payload.toString())]).toEqual([
      ["0", "2"],
      ["1", "3"],
    ]);
    await publisher.client.publishAsync(topic, "", { retain: true });
    await Promise.all([publisher.end(), five?.end(), three.end()]);
  });

  test("a member that leaves with unacknowledged messages has them go to another", async () => {
    const topic = fresh();
    const filter = `$share/group/${topic}`;
    // This one takes two messages and acknowledges none of them.
    const id = fresh();
    const silent = await served.raw(id, { flags: "00", properties: "11 00000064 21 0002" });
    silent.send(`82 [ 0001 [] "${filter}" 01 ]`);
    await silent.packets(2);
    const [other] = (await members(filter, 1)) as [Js5];
    const publisher = await served.connect();
    for (const number of numbers(10)) await publisher.client.publishAsync(topic, number, { qos: 1 });
    await other.arrived(5);
    expect((await settled(silent)).slice(2)).toHaveLength(2);
    await served.leaves(id, () => silent.drop());
    await other.arrived(10);
    expect(payloads(other).slice(0, 5)).toEqual(["1", "3", "5", "7", "9"]);
    expect(payloads(other).slice(5).sort()).toEqual(["0", "2", "4", "6", "8"]);
    // Its Session is still there, and has nothing left of them.
    const back = await served.connect({ clientId: id, clean: false, properties: { sessionExpiryInterval: 0 } });
    await publisher.client.publishAsync(topic, "for one", { qos: 1 });
    await publisher.client.publishAsync(topic, "for the other", { qos: 1 });
    await Promise.all([back.arrived(1), other.arrived(11)]);
    expect([...payloads(back), ...payloads(other).slice(10)].sort()).toEqual(["for one", "for the other"]);
    await Promise.all([back, other, publisher].map((peer) => peer.end()));
  });

  test("with nobody connected, wait for who comes back", async () => {
    const topic = fresh();
    const group = await members(`$share/group/${topic}`, 2);
    for (const peer of group) await served.leaves(String(peer.client.options.clientId), () => peer.end());
    const publisher = await served.connect();
    for (const number of numbers(4)) expect(await publisher.publishCode(topic, number)).toBe(0);
    const back = await Promise.all(
      group.map((peer) => served.connect({ clientId: String(peer.client.options.clientId), clean: false })),
    );
    const all = () => back.flatMap(payloads).sort();
    await until("all messages", () => all().length >= 4);
    expect(all()).toEqual(["0", "1", "2", "3"]);
    await Promise.all([publisher, ...back].map((peer) => peer.end()));
  });

  test("a member that unsubscribes is one less", async () => {
    const topic = fresh();
    const filter = `$share/group/${topic}`;
    const [one, other] = (await members(filter, 2)) as [Js5, Js5];
    await one.client.unsubscribeAsync(filter);
    expect(one.ofKind("unsuback").map(({ granted }) => granted)).toEqual([[0]]);
    await one.client.unsubscribeAsync(filter);
    expect(one.ofKind("unsuback").map(({ granted }) => granted)).toEqual([[0], [0x11]]);
    const publisher = await served.connect();
    for (const number of numbers(3)) await publisher.client.publishAsync(topic, number, { qos: 1 });
    await other.arrived(3);
    expect([payloads(one), payloads(other)]).toEqual([[], ["0", "1", "2"]]);
    await Promise.all([one, other, publisher].map((peer) => peer.end()));
  });
});

describe("acknowledgements say", () => {
  test.each([1, 2] as const)("0x10: nobody has subscribed, QoS %i", async (qos) => {
    const topic = fresh();
    const peer = await served.connect();
    expect(await peer.publishCode(topic, "", { qos })).toBe(0x10);
    expect(await peer.publishCode(topic, "kept", { qos, retain: true })).toBe(0x10);
    await peer.client.subscribeAsync(topic, { qos: 0 });
    expect(await peer.publishCode(topic, "", { qos, retain: true })).toBe(0);
    await peer.end();
  });

  test.each([1, 2] as const)("0x87: not to $SYS, QoS %i", async (qos) => {
    const peer = await served.connect();
    expect(await peer.publishCode("$SYS/broker/uptime", "", { qos })).toBe(0x87);
    expect(await peer.publishCode(fresh(), "", { qos })).toBe(0x10);
    await peer.end();
  });

  test("0x97: the queue of the only subscriber is full", async () => {
    const small = await Served.start({ limits: { sessionQueueBytes: 10_000, fairShareBytes: 0 } });
    const away = await small.connect({ clientId: "away", properties: { sessionExpiryInterval: 100 } });
    await away.client.subscribeAsync("t", { qos: 1 });
    await small.leaves("away", () => away.end());
    const peer = await small.connect();
    const codes: number[] = [];
    for (let index = 0; index < 30; index++) codes.push(await peer.publishCode("t", "x".repeat(1_000)));
    expect([codes[0], codes.at(-1), new Set(codes)]).toEqual([0, 0x97, new Set([0, 0x97])]);
    // Refused at QoS 2 is the end of it: no PUBREL, and the Packet Identifier is free again.
    expect(await peer.publishCode("t", "x".repeat(1_000), { qos: 2 })).toBe(0x97);
    expect(peer.ofKind("pubcomp")).toEqual([]);
  });

  test("0x90, 0x8f, 0x97: topics and Subscriptions over the broker's limits", async () => {
    const small = await Served.start({ limits: { topicLength: 20, sessionSubscriptions: 2 } });
    const peer = await small.connect();
    expect(await peer.publishCode("x".repeat(21), "")).toBe(0x90);
    expect(await peer.subscribeCodes("x".repeat(21), { qos: 0 })).toEqual([0x8f]);
    expect(await peer.subscribeCodes(["a", "b", "c"], { qos: 1 })).toEqual([1, 1, 0x97]);
  });

  test("0x91 and 0x92: Packet Identifiers that are in use, and that are not known", async () => {
    const raw = await served.raw(fresh());
    raw.send('34 [ "t" 0007 [] ] 32 [ "t" 0007 [] ] 82 [ 0007 [] "a" 00 "b" 01 ] a2 [ 0007 [] "a" ] 62 02 0008');
    const answers = (await settled(raw)).slice(1);
    expect(answers.map((packet) => packet.replace(/1f.*$/, "1f..."))).toMatchObject([
      expect.stringMatching(/^50030007(10|00)/),
      expect.stringMatching(/^40..000791/),
      expect.stringMatching(/^90..0007.*9191$/),
      expect.stringMatching(/^b0..0007.*91$/),
      expect.stringMatching(/^70..000892/),
    ]);
    raw.send("50 02 0009");
    expect((await settled(raw)).at(-1)).toMatch(/^62..000992/);
    raw.drop();
  });

  test("a Reason String where it was wanted, and none where it was not", async () => {
    for (const requestProblemInformation of [true, false]) {
      const peer = await served.connect({ properties: { requestProblemInformation } });
      await peer.publishCode("$SYS/broker/uptime", "");
      const reason = peer.ofKind("puback")[0]?.properties?.reasonString;
      expect(reason).toEqual(requestProblemInformation ? expect.stringMatching(/\w+ \w+/) : undefined);
      await peer.end();
    }
  });
});

test("request and reply: Response Topic and Correlation Data come back to who asked", async () => {
  const topic = fresh();
  const [server, client, other] = [await served.connect(), await served.connect(), await served.connect()];
  await server.client.subscribeAsync(topic, { qos: 1 });
  server.client.on("message", (_, payload, { properties }) => {
    const { responseTopic = "", correlationData = Buffer.alloc(0) } = properties ?? {};
    server.client.publish(responseTopic, `reply to ${payload}`, { qos: 1, properties: { correlationData } });
  });
  for (const [index, peer] of [client, other].entries()) {
    const responseTopic = `${topic}/replies/${index}`;
    await peer.client.subscribeAsync(responseTopic, { qos: 1 });
    for (const number of [1, 2]) {
      const correlationData = Buffer.from([index, number]);
      await peer.client.publishAsync(topic, `${index}.${number}`, { properties: { responseTopic, correlationData } });
    }
  }
  for (const [index, peer] of [client, other].entries()) {
    expect((await peer.arrived(2)).map(({ payload, properties }) => [payload, properties.correlationData])).toEqual(
      [1, 2].map((number) => [`reply to ${index}.${number}`, Buffer.from([index, number])]),
    );
  }
  await Promise.all([server, client, other].map((peer) => peer.end()));
});
