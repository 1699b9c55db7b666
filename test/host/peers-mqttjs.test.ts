// MQTT.js at `midge broker`, in 3.1, 3.1.1 and 5.0: every QoS both ways, retained messages, filters, Wills, Sessions, broken
// connections. Its client is as independent of ours as can be: other people's code on both ends of what they assert.

import type { IClientOptions } from "mqtt";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type BrokerPeer, startTestedBroker, stopAll } from "./peers.ts";
import { endPeers, JsPeer, until, type VERSIONS, WAIT_MS } from "./peers-more.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

type QoS = 0 | 1 | 2;
const ALL_QOS = [0, 1, 2] as const;

let broker: BrokerPeer;
let names = 0;

beforeAll(async () => {
  broker = await startTestedBroker();
});
afterAll(async () => {
  await endPeers();
  const ended = await broker.child.stop();
  await stopAll();
  expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
});

describe.each(["3.1", "3.1.1", "5.0"] as const)("MQTT %s", (version) => {
  /** Topic and Client Identifier of its own for each test: the broker is shared. */
  const fresh = () => `js${++names}`;
  const connect = (options: ConstructorParameters<typeof JsPeer>[2] = {}) =>
    JsPeer.connect(broker.port, version, { clientId: fresh(), ...options });

  test.each(ALL_QOS.flatMap((published) => ALL_QOS.map((asked) => [published, asked] as const)))(
    "published at QoS %i, subscribed at QoS %i",
    async (published, asked) => {
      const topic = fresh();
      const [publisher, subscriber] = [await connect(), await connect()];
      const granted = await subscriber.client.subscribeAsync(topic, { qos: asked });
      expect(granted).toMatchObject([{ topic, qos: asked }]);
      // Resolves at the end of the exchange: sent, PUBACK, PUBCOMP.
      for (const payload of ["first", "second"]) {
        await publisher.client.publishAsync(topic, payload, { qos: published });
      }
      await subscriber.received(2);
      const qos = Math.min(published, asked);
      expect(subscriber.lines).toEqual([`${topic} ${qos} first`, `${topic} ${qos} second`]);
      await Promise.all([publisher.end(), subscriber.end()]);
    },
  );

  test.each(ALL_QOS)("payloads of every size and byte, QoS %i", async (qos) => {
    const topic = fresh();
    const peer = await connect();
    await peer.client.subscribeAsync(topic, { qos });
    const sizes = [0, 1, 127, 128, 16_383, 16_384, 65_536, 300_000, 2_100_000];
    const payloads = sizes.map((size) => Buffer.from(Uint8Array.from({ length: size }, (_, at) => at + (at >> 8))));
    // One at a time: at QoS 0 a broker may drop what does not fit.
    for (const [index, payload] of payloads.entries()) {
      await peer.client.publishAsync(topic, payload, { qos });
      await peer.received(index + 1);
    }
    expect(peer.messages.map(({ payload }, index) => payloads[index]?.equals(payload))).toEqual(sizes.map(() => true));
    await peer.end();
  });

  test.each(ALL_QOS)("a retained message, QoS %i", async (qos) => {
    const topic = fresh();
    const publisher = await connect();
    const witness = await connect();
    await witness.client.subscribeAsync(`${topic}/#`, { qos: 2 });
    const retained = async (filter: string, count: number) => {
      const reader = await connect();
      await reader.client.subscribeAsync(filter, { qos: 2 });
      // All that was retained comes before the marker; QoS 2, as a receiver may hand that on later than the rest.
      await publisher.client.publishAsync(filter.replace(/[+#].*/, "end"), "marker", { qos: 2 });
      await reader.received(count + 1);
      await reader.end();
      return reader.lines.slice(0, -1);
    };
    await publisher.client.publishAsync(`${topic}/a`, "old", { qos, retain: true });
    await publisher.client.publishAsync(`${topic}/a`, "new", { qos, retain: true });
    await publisher.client.publishAsync(`${topic}/b`, "other", { qos, retain: true });
    expect((await retained(`${topic}/#`, 2)).sort()).toEqual([
      `${topic}/a ${qos} new retained`,
      `${topic}/b ${qos} other retained`,
    ]);
    await publisher.client.publishAsync(`${topic}/a`, "", { qos, retain: true });
    expect(await retained(`${topic}/+`, 1)).toEqual([`${topic}/b ${qos} other retained`]);
    // To who was subscribed before, they are messages like any other.
    await witness.received(6);
    expect(witness.messages.some(({ retain }) => retain)).toBe(false);
    await publisher.client.publishAsync(`${topic}/b`, "", { qos, retain: true });
    await Promise.all([publisher.end(), witness.end()]);
  });

  test.each([
    // filter, topics that match, topics that do not; each behind a prefix of its own
    ["/a/b", ["/a/b"], ["/a", "/a/b/", "/A/b", "//a/b", "/a/b/c"]],
    ["/+", ["/", "/a"], ["", "/a/b"]],
    ["/+/b", ["/a/b", "//b"], ["/b", "/a/c", "/a/a/b"]],
    ["/#", ["", "/", "/a", "/a/b/c"], ["x"]],
    ["/a/+/c/#", ["/a/b/c", "/a//c", "/a/b/c/d/e"], ["/a/c", "/a/b/d", "/b/b/c"]],
    ["/+/+", ["//", "/a/b"], ["/", "/a", "/a/b/c"]],
    ["/ü/€", ["/ü/€"], ["/u/€"]],
  ])("the filter %s", async (filter, matching, others) => {
    const prefix = fresh();
    const peer = await connect();
    await peer.client.subscribeAsync([prefix + filter, `${prefix}end`], { qos: 1 });
    for (const leaf of [...others, ...matching]) await peer.client.publishAsync(prefix + leaf, "", { qos: 1 });
    await peer.client.publishAsync(`${prefix}end`, "", { qos: 1 });
    await peer.received(matching.length + 1);
    expect(peer.messages.map(({ topicName }) => topicName)).toEqual([
      ...matching.map((leaf) => prefix + leaf),
      `${prefix}end`,
    ]);
    await peer.end();
  });

  test("# and +/... do not match topics that begin with $", async () => {
    const topic = fresh();
    const peer = await connect();
    await peer.client.subscribeAsync(["#", "+/broker/version"], { qos: 0 });
    const reader = await connect();
    await reader.client.subscribeAsync("$SYS/broker/version");
    await reader.received(1);
    expect(reader.lines).toEqual([expect.stringMatching(/^\$SYS\/broker\/version 0 midge version .* retained$/)]);
    await peer.client.publishAsync(topic, "end");
    await until("the end", () => peer.messages.some(({ topicName }) => topicName === topic));
    expect(peer.messages.filter(({ topicName }) => topicName.startsWith("$"))).toEqual([]);
    await Promise.all([peer.end(), reader.end()]);
  });

  test("UNSUBSCRIBE ends one of several Subscriptions", async () => {
    const topic = fresh();
    const peer = await connect();
    await peer.client.subscribeAsync([`${topic}/a`, `${topic}/b`, `${topic}/+/x`], { qos: 1 });
    await peer.client.unsubscribeAsync([`${topic}/a`, `${topic}/never`]);
    for (const leaf of ["a", "b", "a/x"]) await peer.client.publishAsync(`${topic}/${leaf}`, leaf, { qos: 1 });
    await peer.received(2);
    expect(peer.lines).toEqual([`${topic}/b 1 b`, `${topic}/a/x 1 a/x`]);
    await peer.end();
  });

  test.each(ALL_QOS)("a Will at QoS %i, when the connection breaks and only then", async (qos) => {
    const topic = fresh();
    const witness = await connect();
    await witness.client.subscribeAsync(`${topic}/+`, { qos: 2 });
    const mortal = (name: string, retain: boolean) =>
      connect({ will: { topic: `${topic}/${name}`, payload: Buffer.from("gone"), qos, retain } });
    const [lost, lostRetained, polite] = [await mortal("a", false), await mortal("b", true), await mortal("c", true)];
    await polite.end();
    await lost.lose();
    await lostRetained.lose();
    await witness.received(2);
    expect(witness.lines.sort()).toEqual([`${topic}/a ${qos} gone`, `${topic}/b ${qos} gone`]);
    await witness.client.unsubscribeAsync(`${topic}/+`);
    await witness.client.subscribeAsync([`${topic}/+`, `${topic}end`], { qos: 2 });
    await witness.client.publishAsync(`${topic}end`, "");
    await witness.received(4);
    expect(witness.lines.slice(2)).toEqual([`${topic}/b ${qos} gone retained`, `${topic}end 0 `]);
    await witness.client.publishAsync(`${topic}/b`, "", { retain: true });
    await witness.end();
  });

  test("a Session that is kept has its Subscriptions and the messages of QoS 1 and 2 that it missed", async () => {
    const topic = fresh();
    const session = { clientId: topic, ...kept(version) };
    const before = await connect(session);
    await before.client.subscribeAsync({
      [`${topic}/1`]: { qos: 1 },
      [`${topic}/2`]: { qos: 2 },
      [`${topic}/0`]: { qos: 0 },
    });
    await before.end();
    const publisher = await connect();
    const missed: string[] = [];
    for (let round = 0; round < 50; round++) {
      for (const qos of ALL_QOS) {
        await publisher.client.publishAsync(`${topic}/${qos}`, `${round}`, { qos });
        if (qos > 0) missed.push(`${topic}/${qos} ${qos} ${round}`);
      }
    }
    const after = await connect(session);
    await after.received(missed.length);
    // A receiver may hand on a QoS 2 message later than a QoS 1 message behind it: order holds for each alone.
    for (const qos of [1, 2]) {
      const ofQos = (lines: string[]) => lines.filter((line) => line.startsWith(`${topic}/${qos} `));
      expect(ofQos(after.lines)).toEqual(ofQos(missed));
    }
    expect(after.messages).toHaveLength(missed.length);
    // 3.1 knows no Session Present: the bit is reserved there.
    expect([before, after].map(({ connacks }) => connacks[0]?.sessionPresent)).toEqual([false, version !== "3.1"]);
    await publisher.client.publishAsync(`${topic}/0`, "live");
    await after.received(missed.length + 1);
    await after.end();
    const clean = await connect({ clientId: topic, clean: true });
    await clean.client.subscribeAsync(`${topic}/end`);
    await publisher.client.publishAsync(`${topic}/1`, "nobody's", { qos: 1 });
    await publisher.client.publishAsync(`${topic}/end`, "");
    await clean.received(1);
    expect([clean.connacks[0]?.sessionPresent, clean.lines]).toEqual([false, [`${topic}/end 0 `]]);
    await Promise.all([clean.end(), publisher.end()]);
  });

  test("2,000 messages of QoS 2, published without waiting, arrive once and in order", async () => {
    const topic = fresh();
    const [publisher, subscriber] = [await connect(), await connect()];
    await subscriber.client.subscribeAsync(topic, { qos: 2 });
    const expected = Array.from({ length: 2_000 }, (_, index) => `${topic} 2 ${index}`);
    await Promise.all(expected.map((_, index) => publisher.client.publishAsync(topic, String(index), { qos: 2 })));
    await subscriber.received(2_000);
    // The last PUBREL is on its way: one message more than published would be there by the end of another.
    await subscriber.client.publishAsync(topic, "end", { qos: 2 });
    await subscriber.received(2_001);
    expect(subscriber.lines).toEqual([...expected, `${topic} 2 end`]);
    await Promise.all([publisher.end(), subscriber.end()]);
  });

  test.each([1, 2] as const)("a connection that breaks again and again loses nothing at QoS %i", async (qos) => {
    await survivesBreaks(qos, version, fresh());
  });

  test.each([
    // who breaks off, when, QoS, what the subscriber gets: the payload, and "again" for one with DUP
    ["publisher", "before PUBACK", 1, ["x", "x"]],
    ["publisher", "before PUBREC", 2, ["x"]],
    ["publisher", "at PUBREC", 2, ["x"]],
    ["publisher", "behind PUBREL", 2, ["x"]],
    ["subscriber", "before PUBLISH", 1, ["x again"]],
    ["subscriber", "before PUBLISH", 2, ["x again"]],
    ["subscriber", "at PUBLISH", 1, ["x", "x again"]],
    ["subscriber", "at PUBLISH", 2, ["x again"]],
    ["subscriber", "at PUBREL", 2, ["x"]],
  ] as const)("a %s that breaks off %s, QoS %i", async (who, when, qos, expected) => {
    const topic = fresh();
    const session = { ...kept(version), reconnectPeriod: 20, resubscribe: false };
    const publisher = await connect({ ...session, clientId: `${topic}p` });
    const subscriber = await connect({ ...session, clientId: `${topic}s` });
    await subscriber.client.subscribeAsync(topic, { qos });
    const peer = who === "publisher" ? publisher : subscriber;
    breakOff(peer, when);
    const published = finished(publisher.client.publishAsync(topic, "x", { qos }));
    if (when.startsWith("before")) {
      // The broker has done its part, and this peer has not read of it.
      if (who === "publisher") await subscriber.received(1);
      else await published;
      peer.client.stream.destroy();
    }
    await peer.online(2);
    await published;
    await publisher.client.publishAsync(topic, "end", { qos });
    await until("the end", () => subscriber.messages.at(-1)?.payload.toString() === "end");
    const seen = subscriber.messages.map(({ payload, duplicate }) => `${payload}${duplicate ? " again" : ""}`);
    expect(seen).toEqual([...expected, "end"]);
    await Promise.all([publisher.end(), subscriber.end()]);
  });

  test("a second connection of the same Client Identifier ends the first", async () => {
    const clientId = fresh();
    const topic = fresh();
    const witness = await connect();
    await witness.client.subscribeAsync(topic, { qos: 1 });
    const first = await connect({
      clientId,
      will: { topic, payload: Buffer.from("taken over"), qos: 1, retain: false },
    });
    const closed = new Promise((resolve) => first.client.once("close", () => resolve(true)));
    const second = await connect({ clientId });
    expect(await closed).toBe(true);
    await witness.received(1);
    expect(witness.lines).toEqual([`${topic} 1 taken over`]);
    await second.client.publishAsync(topic, "still here", { qos: 2 });
    await witness.received(2);
    await Promise.all([second.end(), witness.end()]);
  });

  test("Keep Alive: PINGREQ is answered, and keeps an idle connection", async () => {
    const peer = await connect({ keepalive: 1, reschedulePings: true });
    let pings = 0;
    peer.client.on("packetreceive", ({ cmd }) => {
      if (cmd === "pingresp") pings++;
    });
    // Three of them take longer than one and a half times the Keep Alive, after which a silent client is gone.
    await until("the third PINGRESP", () => pings >= 3);
    expect(peer.client.connected).toBe(true);
    await peer.end();
  });
});

/** A Session that outlives its connections, as each version asks for it. */
function kept(version: keyof typeof VERSIONS): IClientOptions {
  return version === "5.0" ? { clean: false, properties: { sessionExpiryInterval: 1_000 } } : { clean: false };
}

/** The end of a publication. PUBCOMP with 0x92, Packet Identifier not found, is how 5.0 answers a PUBREL that comes again: no
 *  error during recovery (3.7.2.1), though MQTT.js takes it for one. */
function finished(published: Promise<unknown>): Promise<unknown> {
  return published.catch((error) => {
    if (error.code !== 0x92) throw error;
  });
}

/** Makes a peer lose its connection once, at a packet that it receives or behind one that it sends; "before" a packet, it
 *  stops reading, and whoever called breaks the connection. */
function breakOff({ client }: JsPeer, when: string): void {
  const [position, packet = ""] = when.split(" ");
  if (position === "before") {
    client.stream.pause();
    return;
  }
  const event = position === "at" ? "packetreceive" : "packetsend";
  const listener = ({ cmd }: { cmd?: string }) => {
    if (cmd !== packet.toLowerCase()) return;
    client.off(event, listener);
    client.stream.destroy();
  };
  client.on(event, listener);
}

/** Publishes 300 messages while both ends lose their connections, and expects what the QoS promises. */
async function survivesBreaks(qos: QoS, version: keyof typeof VERSIONS, topic: string): Promise<void> {
  const session = { ...kept(version), reconnectPeriod: 20, resubscribe: false };
  const publisher = await JsPeer.connect(broker.port, version, { ...session, clientId: `${topic}p` });
  const subscriber = await JsPeer.connect(broker.port, version, { ...session, clientId: `${topic}s` });
  await subscriber.client.subscribeAsync(topic, { qos });
  const count = 300;
  const sent: Promise<unknown>[] = [];
  for (let index = 0; index < count; index++) {
    sent.push(finished(publisher.client.publishAsync(topic, String(index), { qos })));
    if (index % 60 !== 59) continue;
    // In the middle of things: some of the exchanges have begun, on either side.
    await until("a message of this round", () => subscriber.messages.length > index - 50);
    publisher.client.stream.destroy();
    if (index % 120 === 119) subscriber.client.stream.destroy();
    await publisher.online(Math.floor(index / 60) + 2);
  }
  await Promise.all(sent);
  const numbers = () => subscriber.messages.map(({ payload }) => Number(payload));
  await until("every message", () => new Set(numbers()).size === count, WAIT_MS);
  const all = Array.from({ length: count }, (_, index) => index);
  if (qos === 2) expect(numbers()).toEqual(all);
  // At QoS 1 again and again is allowed, and the first time of each is in order [v3.1.1 MQTT-4.6.0-1].
  else expect([...new Set(numbers())]).toEqual(all);
  await Promise.all([publisher.end(), subscriber.end()]);
}
