// The Client class with MQTT 5.0, as an application uses it, on memory connections with a clock of its own.

import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { Client, type ClientOptions, type Message, type MidgeError, type SubscribeOptions } from "../../host/index.ts";
import { closing, collect, during, failure, testBroker } from "./client-world.ts";

const V5: ClientOptions = { protocolVersion: "5.0" };

function messages(client: Client): Message[] {
  const list: Message[] = [];
  client.on("message", (message) => list.push(message));
  return list;
}

describe("connect", () => {
  it("tells what the server has said", async () => {
    const test = testBroker({ maximumQos: 1, keepAliveMaxSec: 30 });
    const client = await test.connect({ ...V5, clientId: "", keepAliveSec: 600 });
    const told = await new Promise((resolve) => client.once("connect", resolve));
    expect(told).toEqual({ sessionPresent: false, properties: client.server });
    expect(client.server).toMatchObject({ serverKeepAliveSec: 30, maximumQos: 1, topicAliasMaximum: 16 });
    expect(client.clientId).toBe(client.server.assignedClientId);
    expect(client.clientId).not.toBe("");
  });

  it("asks for Response Information unless told not to", async () => {
    const test = testBroker();
    const answers = [];
    for (const options of [{}, { requestResponseInformation: false }]) {
      const client = await test.connect({ ...V5, clientId: "me", ...options });
      answers.push(client.server.responseInformation);
      await during(test, client.end());
    }
    expect(answers).toEqual(["response/me", undefined]);
  });

  it.each([
    ["a Receive Maximum of 0", { receiveMaximum: 0 }],
    ["a Maximum Packet Size of 0", { maximumPacketSize: 0 }],
    ["an expiry below 0", { sessionExpirySec: -1 }],
    ["a Will's delay with a fraction", { will: { topicName: "a", delaySec: 0.5 } }],
    ["SCRAM without a password", { authentication: "SCRAM-SHA-256" }],
  ] as [string, ClientOptions][])("refuses %s", async (_, options) => {
    const error = await failure(testBroker().connect({ ...V5, ...options }));
    expect(error.code).toBe("ARGUMENT_INVALID");
  });

  it.each([
    { sessionExpirySec: 0 },
    { receiveMaximum: 10 },
    { maximumPacketSize: 1_000 },
    { topicAliasMaximum: 0 },
    { requestResponseInformation: true },
    { requestProblemInformation: true },
    { userProperties: [["a", "b"]] },
    { will: { topicName: "a", contentType: "text/plain" } },
    { authentication: { method: "x", respond: () => Buffer.of() } },
  ] as ClientOptions[])("refuses $o before 5.0", async (options) => {
    const error = await failure(testBroker().connect(options));
    expect(error).toMatchObject({ code: "ARGUMENT_INVALID", message: expect.stringContaining("5.0") });
  });

  it("tells why it was refused, and where to go", async () => {
    const test = testBroker({ redirect: { serverReference: "other.example:1883", permanent: true } });
    const error = await failure(test.connect(V5));
    expect(error).toMatchObject({
      code: "CONNECTION_REFUSED",
      reasonCode: 0x9d,
      serverReference: "other.example:1883",
      returnCode: undefined,
    });
    expect(error.message).toContain("server moved (0x9d)");
    expect(error.message).toContain("other.example:1883");
  });

  it("tells that a server is too old for it [v3.1.1 MQTT-3.1.2-2]", async () => {
    const server = createServer((socket) => socket.end(Buffer.from([0x20, 2, 0, 1]))).listen(0, "127.0.0.1");
    closing.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const error = await failure(Client.connect({ ...V5, port: (server.address() as AddressInfo).port }));
    expect(error).toMatchObject({ code: "CONNECTION_REFUSED", reasonCode: 0x84 });
    expect(error.message).toContain("unsupported protocol version (0x84)");
  });

  it("has its password refused with a Reason String", async () => {
    const test = testBroker({ authenticate: () => false });
    const error = await failure(test.connect({ ...V5, userName: "me", password: "wrong" }));
    expect(error).toMatchObject({ code: "CONNECTION_REFUSED", reasonCode: 0x86 });
    expect(error.reasonString).toMatch(/password/);
    expect(error.message).toContain(error.reasonString);
  });
});

describe("the Session", () => {
  it.each([
    ["ends with the connection by default", {}, 0, false],
    ["is kept for as long as asked", { sessionExpirySec: 60 }, 59, true],
    ["and not longer", { sessionExpirySec: 60 }, 61, false],
    ["is kept for ever without cleanSession", { cleanSession: false }, 1_000_000, true],
  ] as [string, ClientOptions, number, boolean][])("%s", async (_, options, awaySec, kept) => {
    const test = testBroker();
    const before = await test.connect({ ...V5, clientId: "me", ...options });
    await during(test, before.subscribe("a", { qos: 1 }));
    await during(test, before.end());
    await test.advance(awaySec * 1000);
    const client = await test.connect({ ...V5, clientId: "me", cleanSession: false });
    const { sessionPresent } = await new Promise<{ sessionPresent: boolean }>((done) => client.once("connect", done));
    expect(sessionPresent).toBe(kept);
  });

  it("begins anew once, and is then come back to", async () => {
    const test = testBroker();
    const client = await test.connect({ ...V5, sessionExpirySec: 60, reconnectMinMs: 100 });
    const present: boolean[] = [];
    client.on("connect", ({ sessionPresent }) => present.push(sessionPresent));
    await test.advance();
    test.cut();
    await test.advance(1_000);
    expect(present).toEqual([false, true]);
  });

  it("is ended, or kept for longer, by end()", async () => {
    const test = testBroker();
    const present: boolean[] = [];
    for (const sessionExpirySec of [0, 300]) {
      const client = await test.connect({ ...V5, clientId: "me", cleanSession: false, sessionExpirySec: 60 });
      client.on("connect", (event) => present.push(event.sessionPresent));
      await test.advance();
      await during(test, client.end({ sessionExpirySec }));
      await test.advance(200_000);
    }
    const client = await test.connect({ ...V5, clientId: "me", cleanSession: false });
    client.on("connect", (event) => present.push(event.sessionPresent));
    await test.advance();
    expect(present).toEqual([false, false, true]);
  });
});

describe("publish", () => {
  it("carries its properties to the subscriber", async () => {
    const test = testBroker();
    const [publisher, subscriber] = [await test.connect(V5), await test.connect(V5)];
    const seen = messages(subscriber);
    await during(test, subscriber.subscribe("a", { qos: 1, subscriptionIdentifier: 7 }));
    const properties = {
      payloadFormat: "utf8",
      contentType: "text/plain",
      responseTopic: "b",
      correlationData: Buffer.from([1, 2]),
      userProperties: [
        ["z", "1"],
        ["a", "2"],
        ["z", "3"],
      ],
    } as const;
    const first = await during(test, publisher.publish("a", "x", { qos: 1, messageExpirySec: 100, ...properties }));
    await during(test, publisher.publish("a", "y", { qos: 1 }));
    expect(first).toEqual({ reasonCode: 0, properties: {} });
    expect(seen[0]?.properties).toMatchObject({ ...properties, messageExpirySec: 100, subscriptionIdentifiers: [7] });
    expect(seen[1]?.properties).toMatchObject({ subscriptionIdentifiers: [7] });
    expect(seen[1]?.properties.userProperties).toBeUndefined();
    // The Topic Name is whole, although the second message came with nothing but a Topic Alias.
    expect(seen.map((message) => [message.topicName, message.text()])).toEqual([
      ["a", "x"],
      ["a", "y"],
    ]);
  });

  it("lets a message expire", async () => {
    const test = testBroker();
    const session = { ...V5, clientId: "sub", cleanSession: false };
    const subscriber = await test.connect(session);
    await during(test, subscriber.subscribe("a", { qos: 1 }));
    await during(test, subscriber.end());
    const publisher = await test.connect(V5);
    for (const messageExpirySec of [10, 100]) {
      await during(test, publisher.publish("a", String(messageExpirySec), { qos: 1, messageExpirySec }));
    }
    await test.advance(40_000);
    const back = await test.connect(session);
    const seen = messages(back);
    await test.advance();
    expect(seen.map((message) => [message.text(), message.properties.messageExpirySec])).toEqual([["100", 60]]);
  });

  it("tells at QoS 1 that nobody is subscribed", async () => {
    const test = testBroker();
    const client = await test.connect(V5);
    expect((await during(test, client.publish("nobody", "", { qos: 1 }))).reasonCode).toBe(0x10);
    await during(test, client.subscribe("somebody"));
    expect((await during(test, client.publish("somebody", "", { qos: 1 }))).reasonCode).toBe(0);
  });

  it("is refused with a reason", async () => {
    const test = testBroker();
    const client = await test.connect(V5);
    const error = await failure(during(test, client.publish("$SYS/x", "", { qos: 1 })));
    expect(error).toMatchObject({ code: "PUBLISH_REFUSED", reasonCode: 0x87 });
    expect(error.message).toContain("publish to $SYS/x: not authorised (0x87)");
    expect(error.reasonString).toBeDefined();
  });

  it("rejects what the server has said that it does not do", async () => {
    const test = testBroker({ maximumQos: 0, features: { retain: false, shared: false, wildcard: false } });
    const client = await test.connect(V5);
    const codes = await Promise.all(
      [
        client.publish("a", "", { qos: 1 }),
        client.publish("a", "", { retain: true }),
        client.subscribe("$share/a/b"),
        client.subscribe("a/#"),
      ].map(async (promise) => (await failure(promise)).code),
    );
    expect(codes).toEqual(["NOT_SUPPORTED", "NOT_SUPPORTED", "NOT_SUPPORTED", "NOT_SUPPORTED"]);
  });

  it("refuses properties that are none", async () => {
    const test = testBroker();
    const client = await test.connect(V5);
    const before = await test.connect();
    expect((await failure(client.publish("a", "", { messageExpirySec: -1 }))).code).toBe("ARGUMENT_INVALID");
    expect((await failure(client.publish("a", "", { responseTopic: "a/#" }))).code).toBe("ARGUMENT_INVALID");
    expect((await failure(before.publish("a", "", { contentType: "x" }))).code).toBe("NOT_SUPPORTED");
  });

  it("keeps below the server's Receive Maximum", async () => {
    const test = testBroker({ receiveMaximum: 2 });
    const client = await test.connect({ ...V5, inflightMax: 100 });
    const lost: unknown[] = [];
    client.on("disconnect", (event) => lost.push(event));
    const all = Array.from({ length: 50 }, (_, number) => client.publish("a", String(number), { qos: 2 }));
    await during(test, Promise.all(all));
    expect(lost).toEqual([]);
  });
});

describe("subscribe", () => {
  it.each([
    ["noLocal", { noLocal: true }, ["theirs"]],
    ["its absence", {}, ["mine", "theirs"]],
  ] as [string, SubscribeOptions, string[]][])("keeps to %s", async (_, options, expected) => {
    const test = testBroker();
    const [client, other] = [await test.connect(V5), await test.connect(V5)];
    const texts = collect(client);
    await during(test, client.subscribe("a", options));
    await during(test, client.publish("a", "mine", { qos: 1 }));
    await during(test, other.publish("a", "theirs", { qos: 1 }));
    expect(texts).toEqual(expected);
  });

  it.each([true, false])("keeps to retainAsPublished %s", async (retainAsPublished) => {
    const test = testBroker();
    const client = await test.connect(V5);
    const seen = messages(client);
    await during(test, client.subscribe("a", { retainAsPublished }));
    await during(test, client.publish("a", "", { qos: 1, retain: true }));
    expect(seen.map(({ retain }) => retain)).toEqual([retainAsPublished]);
  });

  it.each([
    [0, 2],
    [1, 1],
    [2, 0],
  ] as const)("keeps to retainHandling %i", async (retainHandling, times) => {
    const test = testBroker();
    test.broker.publish("a", "retained", { retain: true });
    const client = await test.connect(V5);
    const texts = collect(client);
    for (let round = 0; round < 2; round++) await during(test, client.subscribe("a", { retainHandling }));
    await test.advance();
    expect(texts).toHaveLength(times);
  });

  it("lapses after expirySec", async () => {
    const test = testBroker();
    const client = await test.connect({ ...V5, keepAliveSec: 0 });
    const lapsed: string[] = [];
    test.broker.on("unsubscribe", ({ topicFilter }) => lapsed.push(topicFilter));
    const texts = collect(client);
    await during(test, client.subscribe("a", { expirySec: 60 }));
    for (const seconds of [59, 2]) {
      await test.advance(seconds * 1_000);
      test.broker.publish("a", `${seconds}`);
      await test.advance();
    }
    expect(texts).toEqual(["59"]);
    expect(lapsed).toEqual(["a"]);
    expect((await failure(client.subscribe("a", { expirySec: 0 }))).code).toBe("ARGUMENT_INVALID");
  });

  it("shares messages with the others of its group, each iteration getting its own", async () => {
    const test = testBroker();
    const workers = [await test.connect(V5), await test.connect(V5)];
    const work: string[][] = [];
    for (const worker of workers) {
      const subscription = await during(test, worker.subscribe("$share/workers/job/+", { qos: 1 }));
      const done: string[] = [];
      work.push(done);
      void (async () => {
        for await (const message of subscription) done.push(message.text());
      })();
    }
    for (const text of ["1", "2", "3", "4"]) test.broker.publish("job/x", text, { qos: 1 });
    await test.advance();
    expect(work).toEqual([
      ["1", "3"],
      ["2", "4"],
    ]);
  });

  it("is refused with a reason", async () => {
    const test = testBroker({ limits: { topicLevels: 2 } });
    const client = await test.connect(V5);
    const error = await failure(during(test, client.subscribe("a/b/c")));
    expect(error).toMatchObject({ code: "SUBSCRIPTION_REFUSED", reasonCode: 0x8f });
    expect(error.message).toContain("subscribe to a/b/c: topic filter invalid (0x8f)");
  });

  it("refuses its options before 5.0", async () => {
    const client = await testBroker().connect();
    for (const options of [
      { noLocal: true },
      { retainAsPublished: true },
      { retainHandling: 1 },
      { subscriptionIdentifier: 1 },
      { userProperties: [["a", "b"]] },
      { expirySec: 1 },
    ] as SubscribeOptions[]) {
      expect((await failure(client.subscribe("a", options))).code).toBe("NOT_SUPPORTED");
    }
  });
});

describe("the end", () => {
  it("publishes the Will with Reason Code 0x04, its properties and its delay kept to", async () => {
    const test = testBroker();
    const watcher = await test.connect(V5);
    const seen = messages(watcher);
    await during(test, watcher.subscribe("will", { qos: 1 }));
    const will = { topicName: "will", payload: "gone", qos: 1, delaySec: 10, contentType: "text/plain" } as const;
    const client = await test.connect({ ...V5, sessionExpirySec: 60, will });
    await during(test, client.end({ reasonCode: 0x04 }));
    await test.advance(9_000);
    expect(seen).toHaveLength(0);
    await test.advance(2_000);
    expect(seen.map((message) => [message.text(), message.properties.contentType])).toEqual([["gone", "text/plain"]]);
  });

  it("is told by the server, with its reason", async () => {
    const test = testBroker();
    const client = await test.connect({ ...V5, clientId: "me", reconnect: false });
    const lost = new Promise<{ error: MidgeError }>((resolve) => client.once("disconnect", resolve));
    const publishing = failure(client.publish("never", "", { qos: 1 }));
    test.broker.disconnect("me", { reasonCode: 0x9c, serverReference: "other.example" });
    await test.advance();
    const { error } = await lost;
    expect(error).toMatchObject({ code: "SERVER_DISCONNECTED", reasonCode: 0x9c, serverReference: "other.example" });
    expect((await publishing).code).toMatch(/SERVER_DISCONNECTED|CLIENT_ENDED/);
  });

  it("comes back after a DISCONNECT of the server", async () => {
    const test = testBroker();
    const client = await test.connect({ ...V5, clientId: "me", reconnectMinMs: 100 });
    const reasons: unknown[] = [];
    client.on("disconnect", ({ error }) => reasons.push(error.reasonString));
    await test.advance();
    expect(test.broker.disconnect("me")).toBe(true);
    await test.advance(1_000);
    expect(client.connected).toBe(true);
    expect(reasons).toEqual([expect.stringContaining("ended this connection")]);
  });

  it("refuses what it cannot say, and goes on", async () => {
    const test = testBroker();
    const [client, before] = [await test.connect(V5), await test.connect()];
    expect((await failure(client.end({ reasonCode: 5 as 4 }))).code).toBe("ARGUMENT_INVALID");
    // From 0 to more is not allowed (3.14.2.2.2).
    expect((await failure(client.end({ sessionExpirySec: 1 }))).code).toBe("ARGUMENT_INVALID");
    expect((await failure(before.end({ reasonCode: 4 }))).code).toBe("NOT_SUPPORTED");
    expect((await failure(before.end({ sessionExpirySec: 1 }))).code).toBe("NOT_SUPPORTED");
    await during(test, client.publish("a", "", { qos: 1 }));
    await during(test, Promise.all([client.end(), client.end()]));
    await expect(client.publish("a", "")).rejects.toMatchObject({ code: "CLIENT_ENDED" });
  });

  it("has no Client Identifier of its own again after an assigned one", async () => {
    const test = testBroker();
    const client = await test.connect({ ...V5, clientId: "", sessionExpirySec: 60, reconnectMinMs: 100 });
    const assigned = client.clientId;
    const present: boolean[] = [];
    await test.advance();
    client.on("connect", ({ sessionPresent }) => present.push(sessionPresent));
    test.cut();
    await test.advance(1_000);
    expect([client.clientId, present]).toEqual([assigned, [true]]);
  });
});
