// Our client in 5.0 at a real mosquitto: what CONNACK allows is kept to, properties go round, Sessions and Wills, and every
// code that mosquitto has an occasion for. A tap between the two shows what is really sent. Each broker has a configuration of
// its own; which options those are, the tests say.

import { afterAll, describe, expect, test, vi } from "vitest";
import { Client, type ClientOptions, MidgeError, VirtualClock } from "../../host/index.ts";
import { tcpConnector } from "../../host/transport/tcp.ts";
import { startMosquitto, stopAll, temporaryFile } from "./peers.ts";
import { endPeers, JsPeer, until } from "./peers-more.ts";
import { fresh } from "./peers5.ts";
import { closeTaps, Tap } from "./peers5-tap.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ANYBODY = "allow_anonymous true";
const CONNECT = 1;
const PUBLISH = 3;

const clients = new Set<Client>();
afterAll(async () => {
  for (const client of clients) client.destroy();
  await endPeers();
  await closeTaps();
  await stopAll();
});

/** A mosquitto with these lines in its configuration, and a tap before it. */
async function mosquitto(...config: string[]) {
  const broker = await startMosquitto(config.length > 0 ? [ANYBODY, ...config] : [ANYBODY]);
  const tap = await Tap.start(broker.port);
  const connect = async (options: ClientOptions = {}): Promise<Client> => {
    const port = options.port ?? tap.port;
    const client = await Client.connect({ clientId: fresh(), protocolVersion: "5.0", ...options, port });
    clients.add(client);
    return client;
  };
  return { broker, tap, connect };
}

/** Texts of all that a client receives. */
function collect(client: Client): string[] {
  const texts: string[] = [];
  client.on("message", (message) => texts.push(message.text()));
  return texts;
}

/** What a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<MidgeError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(MidgeError);
  return error as MidgeError;
}

describe("what the server allows", () => {
  test("is known from CONNACK", async () => {
    const { connect, tap } = await mosquitto("max_keepalive 30", "max_packet_size 5000", "max_inflight_messages 7");
    const client = await connect({ clientId: "", keepAliveSec: 60 });
    expect(client.server).toMatchObject({
      serverKeepAliveSec: 30,
      maximumPacketSize: 5_000,
      receiveMaximum: 7,
      topicAliasMaximum: 10,
    });
    expect(client.clientId).toBe(client.server.assignedClientId);
    expect(client.clientId).toMatch(/^auto-/);
    expect(tap.of("client", CONNECT)).toHaveLength(1);
    await client.end();
  });

  test("Server Keep Alive: PINGREQ comes in its time", async () => {
    // The client asks for none, and time passes on its own clock: 10 s is the shortest that mosquitto takes.
    const { tap } = await mosquitto("max_keepalive 10");
    const clock = new VirtualClock();
    const options = { clientId: fresh(), protocolVersion: "5.0", keepAliveSec: 0 } as const;
    const client = await Client.connectWith(tcpConnector("127.0.0.1", tap.port), options, clock);
    clients.add(client);
    expect(client.server.serverKeepAliveSec).toBe(10);
    const [pingreq, pingresp] = [12, 13];
    for (const count of [1, 2, 3]) {
      clock.advance(10_000);
      await tap.saw("client", pingreq, count);
      await tap.saw("broker", pingresp, count);
    }
    expect(client.connected).toBe(true);
    await client.end();
  });

  test.each([1, 2] as const)("Receive Maximum, QoS %i: never more under way", async (qos) => {
    const { connect, tap } = await mosquitto("max_inflight_messages 3");
    const topic = fresh();
    const client = await connect({ inflightMax: 50 });
    const texts = collect(client);
    await client.subscribe(topic, { qos });
    const numbers = Array.from({ length: 300 }, (_, index) => String(index));
    await Promise.all(numbers.map((number) => client.publish(topic, number, { qos })));
    await until("all messages", () => texts.length >= 300);
    expect(texts).toEqual(numbers);
    expect([tap.connections, tap.mostUnacknowledged]).toEqual([1, 3]);
    await client.end();
  });

  test("Maximum Packet Size: what is larger is not sent, and told", async () => {
    const { connect, tap } = await mosquitto("max_packet_size 200");
    const topic = fresh();
    const client = await connect();
    const texts = collect(client);
    await client.subscribe(topic, { qos: 1 });
    for (const qos of [0, 1, 2] as const) {
      expect(await failure(client.publish(topic, "x".repeat(200), { qos }))).toMatchObject({
        code: "PACKET_TOO_LARGE",
      });
    }
    // Fixed header 3, Topic Name and its length, Packet Identifier 2, properties: a length of 0, or a Topic Alias.
    await client.publish(topic, "x".repeat(200 - 3 - 2 - topic.length - 2 - 1 - 3), { qos: 1 });
    await until("the message", () => texts.length > 0);
    expect(tap.connections).toBe(1);
    await client.end();
  });

  test.each([0, 1, 2] as const)("Topic Aliases, QoS %i: less on the wire, and nothing mixed up", async (qos) => {
    const { connect, tap, broker } = await mosquitto("max_topic_alias 3");
    const topic = fresh();
    const witness = await JsPeer.connect(broker.port, "5.0", { clientId: fresh() });
    await witness.client.subscribeAsync(`${topic}/#`, { qos: 2 });
    const client = await connect();
    expect(client.server.topicAliasMaximum).toBe(3);
    const names = Array.from({ length: 200 }, (_, index) => `${topic}/${(index * index) % 7}`);
    await Promise.all(names.map((name) => client.publish(name, name, { qos })));
    await witness.received(200);
    expect(witness.messages.map(({ topicName }) => topicName)).toEqual(names);
    expect(witness.messages.map(({ payload }) => payload.toString())).toEqual(names);
    // An empty Topic Name is 0000 right behind the fixed header.
    const spared = tap.of("client", PUBLISH).filter((bytes) => bytes.readUInt16BE(2) === 0).length;
    expect(spared).toBeGreaterThan(50);
    expect(tap.connections).toBe(1);
    await Promise.all([client.end(), witness.end()]);
  });

  test("Topic Alias Maximum 0: none are used", async () => {
    const { connect, tap } = await mosquitto("max_topic_alias 0");
    const client = await connect();
    const topic = fresh();
    for (let index = 0; index < 10; index++) await client.publish(topic, "x", { qos: 1 });
    expect(tap.of("client", PUBLISH).every((bytes) => bytes.readUInt16BE(2) === topic.length)).toBe(true);
    await client.end();
  });

  test("Maximum QoS and Retain Available", async () => {
    const { connect, tap } = await mosquitto("max_qos 1", "retain_available false");
    const client = await connect();
    expect(client.server).toMatchObject({ maximumQos: 1, retainAvailable: false });
    const topic = fresh();
    expect(await failure(client.publish(topic, "", { qos: 2 }))).toMatchObject({ code: "NOT_SUPPORTED" });
    expect(await failure(client.publish(topic, "", { retain: true }))).toMatchObject({ code: "NOT_SUPPORTED" });
    expect((await client.publish(topic, "", { qos: 1 })).reasonCode).toBe(0x10);
    expect(tap.connections).toBe(1);
    await client.end();
  });
});

describe("messages", () => {
  const PROPERTIES = {
    payloadFormat: "utf8",
    messageExpirySec: 1_000,
    contentType: "text/plain",
    responseTopic: "answers/here",
    correlationData: Buffer.from([0, 1, 254, 255]),
    userProperties: [
      ["b", "2"],
      ["a", "1"],
      ["b", "1"],
      ["größe", "€"],
    ],
  } as const;

  test.each([0, 1, 2] as const)("properties go round, User Properties in order, QoS %i", async (qos) => {
    const { connect } = await mosquitto();
    const topic = fresh();
    const client = await connect();
    const subscription = await client.subscribe(topic, { qos, subscriptionIdentifier: 321 });
    await client.publish(topic, "hello", { qos, ...PROPERTIES });
    for await (const message of subscription) {
      expect(message).toMatchObject({ topicName: topic, qos, retain: false });
      expect({ ...message.properties }).toEqual({ ...PROPERTIES, subscriptionIdentifiers: [321] });
      break;
    }
    await client.end();
  });

  test("with MQTT.js at the other end, retained, both ways", async () => {
    const { connect, broker } = await mosquitto();
    const [ours, theirs] = [fresh(), fresh()];
    const client = await connect();
    const peer = await JsPeer.connect(broker.port, "5.0", { clientId: fresh() });
    await client.publish(ours, "ours", { qos: 1, retain: true, contentType: "a/b", userProperties: [["k", "v"]] });
    const properties = { contentType: "c/d", userProperties: { k: "w" }, messageExpiryInterval: 500 };
    await peer.client.publishAsync(theirs, "theirs", { qos: 2, retain: true, properties });
    const seen: unknown[] = [];
    peer.client.on("message", (_, payload, packet) => seen.push([`${payload}`, packet.retain, packet.properties]));
    await peer.client.subscribeAsync(ours, { qos: 2 });
    await until("ours", () => seen.length > 0);
    expect(seen).toEqual([["ours", true, { contentType: "a/b", userProperties: { k: "v" } }]]);
    for await (const message of await client.subscribe(theirs, { qos: 2 })) {
      expect([message.text(), message.qos, message.retain]).toEqual(["theirs", 2, true]);
      expect(message.properties).toMatchObject({ contentType: "c/d", userProperties: [["k", "w"]] });
      break;
    }
    await Promise.all([client.end(), peer.end()]);
  });

  test("Subscription options: No Local, Retain As Published, Retain Handling, shared", async () => {
    const { connect } = await mosquitto();
    const topic = fresh();
    const [client, other] = [await connect(), await connect()];
    const seen: string[] = [];
    client.on("message", (message) => {
      seen.push(`${message.topicName.split("/")[1]} ${message.text()} ${message.retain}`);
    });
    await other.publish(`${topic}/kept`, "kept", { qos: 1, retain: true });
    await client.subscribe(`${topic}/local`, { qos: 1, noLocal: true });
    await client.subscribe(`${topic}/published`, { qos: 1, retainAsPublished: true });
    await client.subscribe(`${topic}/kept`, { qos: 1, retainHandling: 2 });
    await client.subscribe(`$share/group/${topic}/shared`, { qos: 1 });
    await other.subscribe(`$share/group/${topic}/shared`, { qos: 1 });
    const texts = collect(other);
    for (const publisher of [client, other]) {
      const by = publisher === client ? "own" : "other's";
      await publisher.publish(`${topic}/local`, by, { qos: 1 });
      await publisher.publish(`${topic}/published`, by, { qos: 1, retain: true });
      await publisher.publish(`${topic}/shared`, by, { qos: 1 });
    }
    await other.publish(`${topic}/published`, "end", { qos: 1 });
    await until("the end", () => seen.includes("published end false"));
    await until("a shared message each", () => texts.length === 1);
    expect(seen.filter((line) => !line.startsWith("shared"))).toEqual([
      "published own true",
      "local other's false",
      "published other's true",
      "published end false",
    ]);
    expect([...seen.filter((line) => line.startsWith("shared")), ...texts]).toHaveLength(2);
    await Promise.all([client.end(), other.end()]);
  });

  test("requests are answered, by another client of ours and by MQTT.js", async () => {
    const { connect, broker } = await mosquitto();
    const topic = fresh();
    const [asking, answering] = [await connect(), await connect()];
    await answering.respond(`${topic}/ours`, (request) => `ours: ${request.text()}`);
    const peer = await JsPeer.connect(broker.port, "5.0", { clientId: fresh() });
    await peer.client.subscribeAsync(`${topic}/theirs`, { qos: 1 });
    peer.client.on("message", (_, payload, { properties: { responseTopic = "", correlationData } = {} }) => {
      const properties = correlationData === undefined ? {} : { correlationData };
      peer.client.publish(responseTopic, `theirs: ${payload}`, { qos: 1, properties });
    });
    const numbers = Array.from({ length: 20 }, (_, index) => String(index));
    for (const who of ["ours", "theirs"]) {
      const answers = await Promise.all(numbers.map((number) => asking.request(`${topic}/${who}`, number)));
      expect(answers.map((answer) => answer.text())).toEqual(numbers.map((number) => `${who}: ${number}`));
    }
    expect(await failure(asking.request(`${topic}/nobody`, ""))).toMatchObject({ code: "NO_RESPONDER" });
    await Promise.all([asking.end(), answering.end(), peer.end()]);
  });
});

describe("what the server refuses", () => {
  test("is told with its Reason Code", async () => {
    const acl = temporaryFile("acl", "topic readwrite free/#\n");
    const { connect, tap } = await mosquitto(`acl_file ${acl}`);
    const client = await connect();
    for (const qos of [1, 2] as const) {
      expect(await failure(client.publish("forbidden", "", { qos }))).toMatchObject({
        code: "PUBLISH_REFUSED",
        reasonCode: 0x87,
      });
    }
    expect((await client.publish("free/x", "", { qos: 1 })).reasonCode).toBe(0x10);
    expect(tap.connections).toBe(1);
    await client.end();
  });

  test("CONNECT: not authorised, and an Authentication Method that it does not know", async () => {
    const passwords = temporaryFile("passwords", "");
    const strict = await startMosquitto(["allow_anonymous false", `password_file ${passwords}`]);
    const common = { port: strict.port, protocolVersion: "5.0", clientId: fresh() } as const;
    const refused = await failure(Client.connect(common));
    expect(refused).toMatchObject({ code: "CONNECTION_REFUSED", reasonCode: 0x87 });
    const scram = { authentication: "SCRAM-SHA-256", userName: "u", password: "p" } as const;
    expect(await failure(Client.connect({ ...common, ...scram }))).toMatchObject({ reasonCode: 0x8c });
  });
});
