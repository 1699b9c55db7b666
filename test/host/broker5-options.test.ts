// What the options of a Broker are for a 5.0 client: what CONNACK tells, what is refused, and in which words. How the broker
// then behaves, the flows test.

import { describe, expect, it, test } from "vitest";
import { Broker } from "../../host/broker.ts";
import type { BrokerOptions } from "../../host/broker-options.ts";
import { REASON_TEXT } from "../../host/reason-codes.ts";
import { REASON_STRINGS } from "../../host/reason-strings.ts";
import { answer, ByteClient, brokerOf, connect4, connect5, hex } from "./broker5-world.ts";

describe("CONNACK tells", () => {
  test.each<[BrokerOptions, string, string]>([
    // options, properties of CONNECT, of CONNACK
    [{}, "", "22 0010 27 01000000"],
    [{ receiveMaximum: 65_535 }, "", "22 0010 27 01000000"],
    [{ receiveMaximum: 10 }, "", "21 000a 22 0010 27 01000000"],
    [{ topicAliasMaximum: 0 }, "", "27 01000000"],
    [{ topicAliasMaximum: 65_535 }, "", "22 ffff 27 01000000"],
    [{ maximumQos: 1 }, "", "22 0010 24 01 27 01000000"],
    [{ maximumQos: 0 }, "", "22 0010 24 00 27 01000000"],
    [{ maximumQos: 2 }, "", "22 0010 27 01000000"],
    [{ features: { retain: false } }, "", "22 0010 25 00 27 01000000"],
    [{ features: { wildcard: false, retain: true } }, "", "22 0010 27 01000000 28 00"],
    [{ features: { subscriptionIdentifier: false } }, "", "22 0010 27 01000000 29 00"],
    [{ features: { shared: false } }, "", "22 0010 27 01000000 2a 00"],
    [{ limits: { packetSize: 1_000 } }, "", "22 0010 27 000003e8"],
    [{ keepAliveMaxSec: 10 }, "", "13 000a 22 0010 27 01000000"],
    [{ keepAliveMaxSec: 60 }, "", "22 0010 27 01000000"],
    [{ sessionExpiryMaxSec: 5 }, "11 00000064", "11 00000005 22 0010 27 01000000"],
    [{ sessionExpiryMaxSec: Number.POSITIVE_INFINITY }, "11 ffffffff", "22 0010 27 01000000"],
    [{}, "19 01", '1a "response/c" 22 0010 27 01000000'],
    [{ responseInformation: "answers/" }, "19 01", '1a "answers/c" 22 0010 27 01000000'],
    [{ responseInformation: "" }, "19 01", "22 0010 27 01000000"],
  ])("%j, asked %j", async (options, asked, told) => {
    const client = await ByteClient.open(brokerOf(options));
    expect(await client.exchange(connect5("c", asked))).toEqual([hex(`20 [ 00 00 [ ${told} ] ]`)]);
  });
});

describe("a redirect", () => {
  test.each([
    [undefined, 0x9c],
    [false, 0x9c],
    [true, 0x9d],
  ])("permanent %s refuses with %i", async (permanent, reasonCode) => {
    const redirect = { serverReference: "example.org:1883", ...(permanent !== undefined && { permanent }) };
    const world = brokerOf({ redirect });
    const refused: unknown[] = [];
    world.broker.on("refuse", (event) => refused.push(event));
    const client = await ByteClient.open(world);
    const [connack] = await client.exchange(connect5("c"));
    expect(answer(connack)).toMatchObject({ kind: "CONNACK", reasonCode, serverReference: "example.org:1883" });
    expect(client.closed).toBe(true);
    const old = await ByteClient.open(world);
    expect(await old.exchange(connect4("old"))).toEqual(["20020003"]);
    expect(refused).toMatchObject([
      { clientId: "c", reasonCode, reason: REASON_TEXT[reasonCode] },
      { clientId: "old", reasonCode, reason: REASON_TEXT[reasonCode] },
    ]);
  });
});

describe("options that reach the core", () => {
  it("checkPayloadFormat refuses text that is none", async () => {
    const publish = '32 [ "a" 0001 [ 01 01 ] ff ]';
    const strict = await ByteClient.online(brokerOf({ checkPayloadFormat: true }), "c");
    expect((await strict.exchange(publish))[0]).toMatch(/^40..000199/);
    const open = await ByteClient.online(brokerOf(), "c");
    expect(await open.exchange(publish)).toEqual(["4003000110"]);
  });

  it("priority lets urgent messages go first", async () => {
    const world = brokerOf({ priority: true });
    const sleeper = await ByteClient.online(world, "s", "11 ffffffff");
    await sleeper.exchange('82 [ 0001 [] "a" 01 ]');
    await sleeper.drop();
    world.broker.publish("a", "1", { qos: 1 });
    world.broker.publish("a", "2", { qos: 1, userProperties: [["midge_priority", "urgent"]] });
    const client = await ByteClient.open(world);
    const [, ...messages] = await client.exchange(connect5("s", "11 ffffffff", "00"));
    expect(messages.map((packet) => Buffer.from(packet, "hex").at(-1))).toEqual([0x32, 0x31]);
  });

  it("limits.topicAliasesSent bounds the aliases set at a client", async () => {
    for (const [topicAliasesSent, second] of [
      [1, hex('30 [ "" [ 23 0001 ] 32 ]')],
      [0, hex('30 [ "long/topic" [] 32 ]')],
    ] as const) {
      const world = brokerOf({ limits: { topicAliasesSent } });
      const client = await ByteClient.online(world, "c", "22 000a");
      await client.exchange('82 [ 0001 [] "long/#" 00 ]');
      world.broker.publish("long/topic", "1");
      world.broker.publish("long/topic", "2");
      await world.advance();
      expect(client.take()[1]).toBe(second);
    }
  });

  it("sessionExpiryMaxSec ends sessions of 3.1.1 too", async () => {
    const world = brokerOf({ sessionExpiryMaxSec: 10 });
    const first = await ByteClient.open(world);
    await first.exchange(connect4("old", "00"));
    await first.drop();
    await world.advance(9_000);
    const second = await ByteClient.open(world);
    expect(await second.exchange(connect4("old", "00"))).toEqual(["20020100"]);
    await second.drop();
    await world.advance(11_000);
    const third = await ByteClient.open(world);
    expect(await third.exchange(connect4("old", "00"))).toEqual(["20020000"]);
  });

  test.each<[BrokerOptions, RegExp]>([
    [{ maximumQos: 3 as 2 }, /maximumQos is 3, and must be a whole number 0 to 2/],
    [{ receiveMaximum: 0 }, /receiveMaximum is 0, and must be a whole number 1 to 65535/],
    [{ receiveMaximum: 1.5 }, /receiveMaximum/],
    [{ topicAliasMaximum: 65_536 }, /topicAliasMaximum/],
    [{ keepAliveMaxSec: -1 }, /keepAliveMaxSec/],
    [{ sessionExpiryMaxSec: 0xffff_ffff }, /sessionExpiryMaxSec/],
    [{ sessionExpiryMaxSec: Number.NaN }, /sessionExpiryMaxSec/],
    [{ responseInformation: "a\0b" }, /U\+0000/],
    [{ redirect: { serverReference: "" } }, /serverReference is empty/],
    [{ redirect: { serverReference: "x".repeat(65_536) } }, /too long/],
  ])("%j is refused", (options, said) => {
    expect(() => new Broker(options)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
    expect(() => new Broker(options)).toThrow(said);
  });
});

describe("Reason Strings", () => {
  it("are there for every code from 0x80 on, one sentence each", () => {
    const codes = Object.keys(REASON_TEXT).filter((code) => Number(code) >= 0x80);
    expect([...REASON_STRINGS.keys()]).toEqual(codes.map(Number));
    for (const text of REASON_STRINGS.values())
      expect(text).toMatch(/^[A-Z][^.]+(3\.1, 3\.1\.1 and 5\.0[^.]+|5\.0[^.]+)?\.$/);
    expect(new Set(REASON_STRINGS.values()).size).toBe(codes.length);
  });

  it("travel in CONNACK, PUBACK and DISCONNECT", async () => {
    const world = brokerOf({ checkPayloadFormat: true, authenticate: () => true });
    const refused = await ByteClient.open(world);
    const [connack] = await refused.exchange(connect5("x", '15 "method"'));
    expect(answer(connack)).toMatchObject({ reasonCode: 0x8c, reasonString: REASON_STRINGS.get(0x8c) });
    const client = await ByteClient.online(world, "c");
    const text = (code: number) => Buffer.from(REASON_STRINGS.get(code) as string).toString("hex");
    const [puback] = await client.exchange('32 [ "a" 0001 [ 01 01 ] ff ]');
    expect(puback).toContain(text(0x99));
    const [disconnect] = await client.exchange('30 [ "a" [ 23 0011 ] ]');
    expect(answer(disconnect)).toMatchObject({ reasonCode: 0x94, reasonString: REASON_STRINGS.get(0x94) });
  });

  it("are left out where the client wants none, but for CONNACK and DISCONNECT", async () => {
    const client = await ByteClient.online(brokerOf({ checkPayloadFormat: true }), "c", "17 00");
    expect(await client.exchange('32 [ "a" 0001 [ 01 01 ] ff ]')).toEqual(["4003000199"]);
    const [disconnect] = await client.exchange('30 [ "a" [ 23 0011 ] ]');
    expect(answer(disconnect)).toMatchObject({ reasonCode: 0x94, reasonString: REASON_STRINGS.get(0x94) });
  });
});
