// MQTT.js in 5.0 at our broker, on real sockets: what CONNECT and CONNACK agree on, how long Sessions live, when a Will is
// published, and how a connection ends. Where the client library is too polite to break a rule, bytes of our own do.
// Time that has to pass passes on the broker's clock.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { endPeers, RawConnection, until } from "./peers-more.ts";
import { closeBrokers, connect5, dismissal, fresh, Js5, Served, settled } from "./peers5.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Its clock stands still but in the tests that move it, one after the other. */
let served: Served;

beforeAll(async () => {
  // Without $SYS, which would be published some million times in the years that pass here.
  served = await Served.start({ limits: { sysIntervalSec: 0 } }, true);
});
afterAll(async () => {
  await endPeers();
  await closeBrokers();
});

describe("CONNACK", () => {
  test("says what differs from the standard's defaults, and nothing else", async () => {
    const peer = await served.connect();
    expect(peer.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    expect({ ...peer.connack.properties }).toEqual({ topicAliasMaximum: 16, maximumPacketSize: 16_777_216 });
  });

  test("says what is switched off", async () => {
    const features = { retain: false, wildcard: false, subscriptionIdentifier: false, shared: false };
    const modest = await Served.start({ features, maximumQos: 1 });
    const peer = await modest.connect();
    expect(peer.connack.properties).toMatchObject({
      maximumQoS: 1,
      retainAvailable: false,
      wildcardSubscriptionAvailable: false,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: false,
    });
    expect(await peer.subscribeCodes("a/#", { qos: 0 })).toEqual([0xa2]);
    expect(await peer.subscribeCodes("$share/group/a", { qos: 0 })).toEqual([0x9e]);
    expect(await peer.subscribeCodes("a", { qos: 0, properties: { subscriptionIdentifier: 7 } })).toEqual([0xa1]);
    peer.client.publish("a", "", { retain: true });
    expect((await peer.dismissed()).reasonCode).toBe(0x9a);
    const other = await modest.connect();
    other.client.publish("a", "", { qos: 2 });
    expect((await other.dismissed()).reasonCode).toBe(0x9b);
  });

  test("assigns a Client Identifier, under which the Session is found again", async () => {
    const session = { clean: true, properties: { sessionExpiryInterval: 100 } };
    const [one, two] = [await served.connect({ clientId: "", ...session }), await served.connect({ clientId: "" })];
    const [id, other] = [one, two].map(({ connack }) => connack.properties?.assignedClientIdentifier ?? "");
    expect(id).toMatch(/^.{8,}$/);
    expect(other).not.toBe(id);
    await served.leaves(id as string, () => one.end());
    const again = await served.connect({ clientId: id as string, clean: false });
    expect(again.connack.sessionPresent).toBe(true);
    expect(again.connack.properties).not.toHaveProperty("assignedClientIdentifier");
    await Promise.all([two.end(), again.end()]);
  });

  test("gives Response Information to who requests it", async () => {
    const answering = await Served.start({ responseInformation: "replies/" });
    const asking = await answering.connect({ clientId: "asking", properties: { requestResponseInformation: true } });
    expect(asking.connack.properties?.responseInformation).toBe("replies/asking");
    const silent = await answering.connect();
    expect(silent.connack.properties).not.toHaveProperty("responseInformation");
  });

  test.each([
    [0x9c, false],
    [0x9d, true],
  ])("sends clients elsewhere: %i", async (code, permanent) => {
    const moved = await Served.start({ redirect: { permanent, serverReference: "other.example:1883" } });
    const peer = new Js5(moved.port);
    const failure = await new Promise((resolve) => peer.client.once("error", resolve));
    expect(failure).toMatchObject({ code });
    expect(peer.ofKind("connack")).toMatchObject([{ properties: { serverReference: "other.example:1883" } }]);
  });

  test("limits Keep Alive, and ends the connection of who is silent for longer", async () => {
    const strict = await Served.start({ keepAliveMaxSec: 10 }, true);
    for (const keepalive of [0, 11, 65_535]) {
      const peer = await strict.connect({ keepalive });
      expect(peer.connack.properties?.serverKeepAlive).toBe(10);
      await peer.end();
    }
    const content = await strict.connect({ keepalive: 9 });
    expect(content.connack.properties).not.toHaveProperty("serverKeepAlive");
    await content.end();
    const silent = await strict.raw(fresh(), { keepAlive: "0000" });
    strict.clock.advance(14_999);
    expect(await settled(silent)).toHaveLength(1);
    strict.clock.advance(15_000);
    expect(await dismissal(silent)).toBe("8d");
  });
});

describe("Session Expiry Interval", () => {
  /** Connects with Clean Start 0, tells whether there was a Session, and leaves. */
  const visit = async (clientId: string, sec: number, end: (peer: Js5) => Promise<unknown> = (peer) => peer.end()) => {
    const peer = await served.connect({ clientId, clean: false, properties: { sessionExpiryInterval: sec } });
    await served.leaves(clientId, () => end(peer));
    return peer.connack.sessionPresent;
  };

  test("counts from the end of the connection, however that ends", async () => {
    for (const end of [(peer: Js5) => peer.end(), (peer: Js5) => peer.lose()]) {
      const id = fresh();
      expect(await visit(id, 10, end)).toBe(false);
      served.clock.advance(9_000);
      expect(await visit(id, 10, end)).toBe(true);
      served.clock.advance(9_000);
      expect(await visit(id, 10, end)).toBe(true);
      served.clock.advance(11_000);
      expect(await visit(id, 10, end)).toBe(false);
    }
  });

  test("0 and none end the Session with the connection; the highest value never does", async () => {
    const id = fresh();
    expect(await visit(id, 0)).toBe(false);
    const plain = await served.connect({ clientId: id, clean: false });
    expect(plain.connack.sessionPresent).toBe(false);
    await served.leaves(id, () => plain.lose());
    expect(await visit(id, 0xffffffff)).toBe(false);
    // Some years, in steps that a timer may take.
    for (let day = 0; day < 3_000; day += 20) served.clock.advance(20 * 86_400_000);
    expect(await visit(id, 0)).toBe(true);
  });

  test.each([
    // at CONNECT, at DISCONNECT, seconds that pass, is it still there
    [5, 100, 50, true],
    [100, 5, 50, false],
    [100, 0, 0, false],
    [100, undefined, 50, true],
  ])("CONNECT %i, DISCONNECT %s: after %i s", async (connected, changed, sec, present) => {
    const id = fresh();
    const properties = changed === undefined ? {} : { sessionExpiryInterval: changed };
    await visit(id, connected, (peer) => peer.client.endAsync({ properties }));
    served.clock.advance(sec * 1_000);
    expect(await visit(id, 0)).toBe(present);
  });

  test("DISCONNECT cannot keep a Session that was to end; the Will is published then", async () => {
    const [id, topic] = [fresh(), fresh()];
    const witness = await served.connect();
    await witness.client.subscribeAsync(topic);
    const raw = await served.raw(id, { flags: "06", rest: `[] "${topic}" "gone"` });
    raw.send("e0 [ 00 [ 11 0000000a ] ]");
    expect(await dismissal(raw)).toBe("82");
    expect(await witness.arrived(1)).toMatchObject([{ topicName: topic, payload: "gone" }]);
    await witness.end();
  });

  test("is limited by the broker, who says so", async () => {
    const strict = await Served.start({ sessionExpiryMaxSec: 60 }, true);
    const clientId = fresh();
    const connect = (sessionExpiryInterval: number) =>
      strict.connect({ clientId, clean: false, properties: { sessionExpiryInterval } });
    const peer = await connect(61);
    expect(peer.connack.properties?.sessionExpiryInterval).toBe(60);
    await strict.leaves(clientId, () => peer.lose());
    strict.clock.advance(61_000);
    const again = await connect(60);
    expect(again.connack.sessionPresent).toBe(false);
    expect(again.connack.properties).not.toHaveProperty("sessionExpiryInterval");
    // A client of 3.1.1 that keeps its Session is not told, but held to it.
    const old = await RawConnection.online(strict.port, Buffer.from("100d00044d5154540400003c00016f", "hex"));
    await strict.leaves("o", () => old.drop());
    strict.clock.advance(61_000);
    const later = await strict.connect({ clientId: "o", clean: false });
    expect(later.connack.sessionPresent).toBe(false);
  });
});

describe("a Will", () => {
  const WILL_PROPERTIES = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 500,
    contentType: "text/plain",
    responseTopic: "answers",
    correlationData: Buffer.from([0, 1, 254, 255]),
    userProperties: { kind: ["last", "words"], by: "will" },
  };
  /** One who watches, and one who leaves a Will behind with this delay. */
  const scene = async (willDelayInterval: number | undefined, sessionExpiryInterval = 100) => {
    const [topic, clientId] = [fresh(), fresh()];
    const witness = await served.connect();
    await witness.client.subscribeAsync([topic, `${topic}/end`], { qos: 2 });
    const delay = willDelayInterval === undefined ? {} : { willDelayInterval };
    const mortal = await served.connect({
      clientId,
      properties: { sessionExpiryInterval },
      will: {
        topic,
        payload: Buffer.from("gone"),
        qos: 1,
        retain: false,
        properties: { ...WILL_PROPERTIES, ...delay },
      },
    });
    /** Payloads of all that was published until now. */
    let ends = 0;
    const seen = async () => {
      await witness.client.publishAsync(`${topic}/end`, "end", { qos: 2 });
      ends++;
      await until("the end", () => witness.arrivals.filter(({ payload }) => payload === "end").length === ends);
      return witness.arrivals.map(({ payload }) => payload).filter((payload) => payload !== "end");
    };
    return { topic, clientId, witness, mortal, seen };
  };

  test("carries its properties, all but the delay", async () => {
    const { topic, witness, mortal, clientId } = await scene(undefined);
    await served.leaves(clientId, () => mortal.lose());
    const [arrival] = await witness.arrived(1);
    expect(arrival).toMatchObject({ topicName: topic, payload: "gone", qos: 1, retain: false });
    expect(arrival?.properties).toEqual(WILL_PROPERTIES);
  });

  test("waits for its Will Delay Interval", async () => {
    const { mortal, clientId, seen } = await scene(20);
    await served.leaves(clientId, () => mortal.lose());
    served.clock.advance(19_000);
    expect(await seen()).toEqual([]);
    served.clock.advance(2_000);
    expect(await seen()).toEqual(["gone"]);
  });

  test("is not published when the client is back in time", async () => {
    const { mortal, clientId, seen } = await scene(20);
    await served.leaves(clientId, () => mortal.lose());
    served.clock.advance(19_000);
    const back = await served.connect({ clientId, clean: false });
    expect(back.connack.sessionPresent).toBe(true);
    served.clock.advance(30_000);
    expect(await seen()).toEqual([]);
    await back.end();
  });

  test("is published when the Session ends, if that is sooner", async () => {
    const { mortal, clientId, seen } = await scene(1_000, 20);
    await served.leaves(clientId, () => mortal.lose());
    served.clock.advance(19_000);
    expect(await seen()).toEqual([]);
    served.clock.advance(2_000);
    expect(await seen()).toEqual(["gone"]);
  });

  test("is published when a Clean Start ends the Session", async () => {
    const { mortal, clientId, seen } = await scene(1_000);
    await served.leaves(clientId, () => mortal.lose());
    const back = await served.connect({ clientId, clean: true });
    expect(await seen()).toEqual(["gone"]);
    await back.end();
  });

  test.each([
    // Will Delay, Clean Start of the other connection, is it published
    [undefined, false, ["gone"]],
    [20, false, []],
    [20, true, ["gone"]],
  ])("delay %s, taken over with Clean Start %s", async (delay, clean, published) => {
    const { mortal, clientId, seen } = await scene(delay);
    const second = await served.connect({ clientId, clean });
    expect((await mortal.dismissed()).reasonCode).toBe(0x8e);
    served.clock.advance(30_000);
    expect(await seen()).toEqual(published);
    await second.end();
  });

  test.each([
    [0x00, []],
    [0x04, ["gone"]],
    [0x80, ["gone"]],
  ])("DISCONNECT %i", async (reasonCode, published) => {
    const { mortal, clientId, seen } = await scene(undefined);
    await served.leaves(clientId, () => mortal.client.endAsync({ reasonCode }));
    expect(await seen()).toEqual(published);
  });
});

describe("the broker says DISCONNECT", () => {
  test("0x8e to who is taken over", async () => {
    const clientId = fresh();
    const [first, second] = [await served.connect({ clientId }), await served.connect({ clientId })];
    expect((await first.dismissed()).reasonCode).toBe(0x8e);
    await second.end();
  });

  test("0x8b to all when it shuts down, and leaves their Wills alone", async () => {
    const ending = await Served.start();
    const peers = [await ending.connect(), await ending.connect({ keepalive: 5 })];
    const old = await RawConnection.online(ending.port, Buffer.from("100d00044d5154540402003c00016f", "hex"));
    await ending.close();
    for (const peer of peers) expect((await peer.dismissed()).reasonCode).toBe(0x8b);
    await old.ended();
    // 3.1.1 has no DISCONNECT from this end.
    expect(await old.packets(1)).toHaveLength(1);
  });

  test.each([
    // what the program asks for, what the client is told
    [{}, 0x98, undefined],
    [{ reasonCode: 0x87 }, 0x87, undefined],
    [{ reasonCode: 0x9c, serverReference: "elsewhere" }, 0x9c, "elsewhere"],
  ])("when the program says so: %o", async (options, reasonCode, serverReference) => {
    const clientId = fresh();
    const peer = await served.connect({ clientId });
    expect(served.broker.disconnect(clientId, options)).toBe(true);
    const disconnect = await peer.dismissed();
    expect([disconnect.reasonCode, disconnect.properties?.serverReference]).toEqual([reasonCode, serverReference]);
    await served.happened(`disconnect ${clientId} `);
    expect(served.broker.disconnect(clientId, options)).toBe(false);
  });

  test("0x9d to all when it moves for good", async () => {
    const moving = await Served.start();
    const peer = await moving.connect();
    await moving.broker.close({ serverReference: "new.example", permanent: true });
    expect(await peer.dismissed()).toMatchObject({ reasonCode: 0x9d, properties: { serverReference: "new.example" } });
  });

  test.each([
    // what the client does, notation, code
    ["sends a malformed packet", "33 [ 'x' ]", "81"],
    ["sends QoS 3", '36 [ "a" 0001 [] ]', "81"],
    ["sends CONNECT again", '10 [ "MQTT" 05 02 003c [] "a" ]', "82"],
    ["sends CONNACK", "20 [ 00 00 [] ]", "82"],
    ["uses a Topic Alias that it never set", '30 [ "" [ 23 0001 ] ]', "82"],
    ["uses a Topic Alias over the maximum", '30 [ "a" [ 23 0011 ] ]', "94"],
    ["uses Topic Alias 0", '30 [ "a" [ 23 0000 ] ]', "82"],
    ["publishes with a Subscription Identifier", '30 [ "a" [ 0b 01 ] ]', "82"],
    ["publishes to a filter", '30 [ "a/#" [] ]', "90"],
    ["subscribes to no valid filter", '82 [ 0001 [] "a/#/b" 00 ]', "8f"],
    ["wants No Local for a shared subscription", '82 [ 0001 [] "$share/g/a" 04 ]', "82"],
    ["sends AUTH without a method", 'f0 [ 18 [ 15 "x" ] ]', "82"],
  ])("to who %s", async (_, bytes, code) => {
    const raw = await served.raw(fresh());
    raw.send(bytes);
    expect(await dismissal(raw)).toBe(code);
  });

  test("to whom a CONNECT of 5.0 is wrong, CONNACK", async () => {
    const raw = await RawConnection.open(served.port);
    raw.send(connect5(fresh(), { flags: "03" }));
    await raw.ended();
    expect((await raw.packets(1)).map((packet) => packet.subarray(0, 4).toString("hex").slice(4))).toEqual(["0081"]);
  });
});
