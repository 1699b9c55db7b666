// How connections of 5.0 end from the broker's side, and what the Broker tells of them: disconnect(), close(), the events, and
// publish() with properties.

import { describe, expect, it, test } from "vitest";
import { Broker } from "../../host/broker.ts";
import type { BrokerEvents } from "../../host/broker-events.ts";
import type { BrokerOptions } from "../../host/broker-options.ts";
import { REASON_STRINGS } from "../../host/reason-strings.ts";
import { answer, ByteClient, brokerOf, connect4, connect5, hex } from "./broker5-world.ts";
import { RawConnection } from "./peers-more.ts";

/** A Will on topic "will", QoS 1, for the flags 0e. */
const WILL = '[] "will" "gone"';

/** What a subscriber of "will" has got. */
async function watcher(world: ReturnType<typeof brokerOf>): Promise<ByteClient> {
  const client = await ByteClient.online(world, "watcher");
  await client.exchange('82 [ 0001 [] "will" 00 ]');
  return client;
}

describe("disconnect()", () => {
  test.each([
    [undefined, 0x98],
    [0x87, 0x87],
    [0x89, 0x89],
    [0x96, 0x96],
    [0xa0, 0xa0],
  ])("with %s says %i, and publishes the Will", async (reasonCode, told) => {
    const world = brokerOf();
    const witness = await watcher(world);
    const ends: unknown[] = [];
    world.broker.on("disconnect", (event) => ends.push(event));
    const client = await ByteClient.online(world, "c", "", "0e", WILL);
    expect(world.broker.disconnect("c", reasonCode === undefined ? {} : { reasonCode })).toBe(true);
    await world.advance();
    const [disconnect] = client.take();
    expect(answer(disconnect)).toMatchObject({ reasonCode: told, reasonString: REASON_STRINGS.get(told) });
    expect(client.closed).toBe(true);
    expect(witness.take()).toEqual([hex("30 [ \"will\" [] 'gone' ]")]);
    expect(ends).toMatchObject([{ clientId: "c", reason: expect.stringContaining("owner"), reasonCode: told }]);
  });

  it("sends one client elsewhere, and the next where the broker's own redirect says", async () => {
    const world = brokerOf();
    const clients = [await ByteClient.online(world, "a"), await ByteClient.online(world, "b")] as const;
    world.broker.disconnect("a", { reasonCode: 0x9d, serverReference: "there:1883" });
    world.broker.disconnect("b", { reasonCode: 0x9c });
    await world.advance();
    expect(answer(clients[0].take()[0])).toMatchObject({ reasonCode: 0x9d, serverReference: "there:1883" });
    const second = answer(clients[1].take()[0]);
    expect([second.reasonCode, second.serverReference]).toEqual([0x9c, undefined]);
  });

  it("sends nobody to a server that has no name", async () => {
    const world = brokerOf();
    const client = await ByteClient.online(world, "c");
    expect(() => world.broker.disconnect("c", { reasonCode: 0x9c, serverReference: "" })).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
    expect(await client.exchange("c0 00")).toEqual(["d000"]);
  });

  it("is false when no such client is connected", async () => {
    const world = brokerOf();
    const client = await ByteClient.online(world, "c", "11 ffffffff");
    expect(world.broker.disconnect("nobody")).toBe(false);
    await client.drop();
    expect(world.broker.disconnect("c")).toBe(false);
  });

  it("closes a 3.1.1 client without a packet", async () => {
    const world = brokerOf();
    const client = await ByteClient.open(world);
    await client.exchange(connect4("c"));
    expect(world.broker.disconnect("c", { reasonCode: 0x87 })).toBe(true);
    await world.advance();
    expect([client.take(), client.closed]).toEqual([[], true]);
  });

  it.each([0, 4, 0x10, 0x86, 0x91, 0x100])(
    "refuses code %i, which the broker's DISCONNECT has not",
    async (reasonCode) => {
      const world = brokerOf();
      const client = await ByteClient.online(world, "c");
      expect(() => world.broker.disconnect("c", { reasonCode })).toThrow(
        expect.objectContaining({ code: "ARGUMENT_INVALID" }),
      );
      expect(await client.exchange("c0 00")).toEqual(["d000"]);
    },
  );
});

describe("close()", () => {
  test.each([
    [undefined, 0x8b, undefined],
    [{ serverReference: "there" }, 0x9c, "there"],
    [{ serverReference: "there", permanent: true }, 0x9d, "there"],
  ])("with %j says %i, and publishes no Will", async (redirect, reasonCode, serverReference) => {
    const world = brokerOf();
    const witness = await watcher(world);
    const client = await ByteClient.online(world, "c", "", "0e", WILL);
    const early = await ByteClient.open(world);
    await world.broker.close(redirect);
    await world.advance();
    const told = answer(client.take()[0]);
    expect([told.kind, told.reasonCode, told.serverReference]).toEqual(["DISCONNECT", reasonCode, serverReference]);
    expect(witness.take().map((packet) => answer(packet).reasonCode)).toEqual([reasonCode]);
    expect([early.take(), early.closed, client.closed]).toEqual([[], true, true]);
  });

  it.each(["a\0b", "", "x".repeat(65_536)])(
    "refuses to send them to a server that has no name",
    async (serverReference) => {
      const broker = await Broker.start({ listen: [{ port: 0 }] });
      const { port } = broker.addresses[0] as { port: number };
      const raw = await RawConnection.open(port);
      raw.send(connect5("c"));
      await raw.packets(1);
      await expect(broker.close({ serverReference })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
      // Nothing has been done yet: the connection is still served.
      raw.send("c0 00");
      await raw.packets(2);
      await broker.close();
      await raw.ended();
    },
  );

  it("lets what was sent leave before the sockets close", async () => {
    const broker = await Broker.start({ listen: [{ port: 0 }] });
    const { port } = broker.addresses[0] as { port: number };
    const connections = await Promise.all(
      Array.from({ length: 20 }, (_, index) => RawConnection.open(port).then((raw) => ({ raw, id: `c${index}` }))),
    );
    for (const { raw, id } of connections) raw.send(connect5(id));
    for (const { raw } of connections) await raw.packets(1);
    for (const { raw } of connections) raw.send('82 [ 0001 [] "a" 01 ]');
    for (const { raw } of connections) await raw.packets(2);
    broker.publish("a", "x".repeat(100_000));
    await broker.close();
    for (const { raw } of connections) {
      await raw.ended();
      const last = (await raw.packets(4)).at(-1)?.toString("hex");
      expect(answer(last)).toMatchObject({
        kind: "DISCONNECT",
        reasonCode: 0x8b,
        reasonString: REASON_STRINGS.get(0x8b),
      });
    }
    // And once more does no harm.
    await broker.close();
  });
});

describe("events", () => {
  const NAMES: (keyof BrokerEvents)[] = ["connect", "disconnect", "refuse", "subscribe", "unsubscribe", "publish"];

  function storyOf(options: BrokerOptions = {}) {
    const world = brokerOf(options);
    const story: Record<string, unknown>[] = [];
    for (const name of NAMES) world.broker.on(name, (event: object) => story.push({ name, ...event }));
    return { world, story };
  }

  it("tell the story of a 5.0 client", async () => {
    const { world, story } = storyOf({ features: { shared: false } });
    const client = await ByteClient.online(world, "c", "11 0000000a", "80", '"user"');
    await client.exchange('82 [ 0001 [] "a" 02 "$share/g/b" 01 ]');
    await client.exchange('33 [ "a" 0002 [] 31 ]');
    await client.exchange('a2 [ 0003 [] "a" ]');
    await client.exchange("e0 [ 04 [] ]");
    const address = expect.stringMatching(/^memory:/);
    expect(story).toEqual([
      {
        name: "connect",
        clientId: "c",
        address,
        protocolVersion: "5.0",
        cleanSession: false,
        keepAliveSec: 60,
        userName: "user",
      },
      { name: "subscribe", clientId: "c", topicFilter: "a", qos: 2, reasonCode: 2 },
      { name: "subscribe", clientId: "c", topicFilter: "$share/g/b", qos: undefined, reasonCode: 0x9e },
      { name: "publish", clientId: "c", topicName: "a", qos: 1, retain: true, payloadLength: 1 },
      { name: "unsubscribe", clientId: "c", topicFilter: "a" },
      { name: "disconnect", clientId: "c", address, reason: "disconnected", reasonCode: 4 },
    ]);
  });

  test.each([
    // what the client does, the reason in words, Reason Code
    ["e0 00", /^disconnected$/, undefined],
    ["e0 [ 00 [] ]", /^disconnected$/, undefined],
    ["e0 [ 83 [] ]", /^disconnected$/, 0x83],
    ['36 [ "a" 0001 [] ]', /no MQTT packet/, 0x81],
    ["20 [ 00 00 [] ]", /broke the protocol/, 0x82],
    ['30 [ "a" [ 23 0011 ] ]', /broke the protocol/, 0x94],
    ['30 [ "a/#" [] ]', /topic that is not allowed/, 0x90],
  ])("say why a connection ended: %s", async (bytes, reason, reasonCode) => {
    const { world, story } = storyOf();
    const client = await ByteClient.online(world, "c");
    await client.exchange(bytes);
    const last = story.at(-1);
    expect(last).toMatchObject({ name: "disconnect", clientId: "c", reason: expect.stringMatching(reason) });
    expect(last?.reasonCode).toBe(reasonCode);
  });

  it("say why a connection was taken over, or was silent", async () => {
    const { world, story } = storyOf();
    await ByteClient.online(world, "c");
    await ByteClient.online(world, "c");
    await world.advance(91_000);
    const ends = story.filter(({ name }) => name === "disconnect");
    expect(ends.map(({ reasonCode }) => reasonCode)).toEqual([0x8e, 0x8d]);
  });

  test.each([
    // CONNECT, Reason Code, in words
    [connect5("c", '15 "m"'), 0x8c, "bad authentication method"],
    [connect4("", "00"), 0x85, "client id not valid"],
    ['10 [ "MQTT" 06 02 0000 [] "c" ]', 0x84, "unsupported protocol version"],
  ])("say why a connection was refused: %s", async (connect, reasonCode, reason) => {
    const { world, story } = storyOf();
    const client = await ByteClient.open(world);
    await client.exchange(connect);
    expect(story).toMatchObject([{ name: "refuse", reasonCode, reason }]);
  });

  it("say that a subscription has lapsed", async () => {
    const { world, story } = storyOf();
    const client = await ByteClient.online(world, "c");
    await client.exchange('82 [ 0001 [ 26 "midge_expiry" "5" ] "a" 00 ]');
    await world.advance(6_000);
    expect(story.at(-1)).toEqual({ name: "unsubscribe", clientId: "c", topicFilter: "a" });
  });
});

describe("publish()", () => {
  it("carries every property a message may have", async () => {
    const world = brokerOf();
    const client = await ByteClient.online(world, "c");
    await client.exchange('82 [ 0001 [] "a" 01 ]');
    world.broker.publish("a", "x", {
      payloadFormat: "utf8",
      messageExpirySec: 7,
      contentType: "text/plain",
      responseTopic: "r",
      correlationData: Buffer.from("id"),
      userProperties: [
        ["k", "1"],
        ["k", "2"],
      ],
    });
    await world.advance();
    const properties = '01 01 02 00000007 03 "text/plain" 08 "r" 09 "id" 26 "k" "1" 26 "k" "2"';
    expect(client.take()).toEqual([hex(`30 [ "a" [ ${properties} ] 78 ]`)]);
  });

  it("lets a retained message expire", async () => {
    const world = brokerOf();
    world.broker.publish("a", "x", { retain: true, messageExpirySec: 10 });
    await world.advance(4_000);
    const early = await ByteClient.online(world, "early");
    expect(await early.exchange('82 [ 0001 [] "a" 00 ]')).toEqual([
      "900400010000",
      hex('31 [ "a" [ 02 00000006 ] 78 ]'),
    ]);
    await world.advance(6_000);
    const late = await ByteClient.online(world, "late");
    expect(await late.exchange('82 [ 0001 [] "a" 00 ]')).toHaveLength(1);
  });

  test.each([
    [{ messageExpirySec: -1 }],
    [{ contentType: "a\0" }],
    [{ responseTopic: "a/#" }],
    // Of other packets.
    [{ topicAlias: 1 } as object],
    [{ subscriptionIdentifiers: [1] } as object],
    [{ reasonString: "x" } as object],
  ])("refuses %j", (properties) => {
    const world = brokerOf();
    expect(() => world.broker.publish("a", "", properties)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
  });
});
