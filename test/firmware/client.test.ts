// The client in C against real brokers: what it publishes arrives, what it subscribes to comes, as often as its QoS says, in
// each protocol version, on each engine.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerPeer, run, stopAll, temporaryFile } from "../host/peers.ts";
import { BROKERS, checksumOfLarge, ENGINES, Probe, program, Relay, startBroker } from "./client-world.ts";

afterAll(stopAll);

describe.each(BROKERS)("with %s", (name) => {
  let broker: BrokerPeer;
  beforeAll(async () => {
    broker = await startBroker(name);
  });

  describe.each(ENGINES)("on %s", (engine) => {
    it.each([3, 4, 5])("publishes, subscribes and leaves, at level %i", async (level) => {
      const probe = new Probe(engine);
      const id = `order-${engine}-${level}`;
      await probe.online(0, broker.port, `level=${level} id=${id}`);
      probe.say("subscribe 0 2 order/+", "subscribe 0 1 also/#");
      const [, token] = await probe.next(/^0 subscribe token (\d+)$/);
      await probe.next(new RegExp(`^0 completed ${token} code 2: granted QoS 2$`));
      await probe.next(/^0 completed \d+ code 1: /);
      for (const qos of [0, 1, 2]) {
        probe.say(`publish 0 ${qos} 0 order/${qos} text of ${qos}`);
        if (qos === 0) await probe.next(/^0 publish status 0: done$/);
        else {
          const [, published] = await probe.next(/^0 publish token (\d+)$/);
          await probe.next(new RegExp(`^0 completed ${published} code 0: success$`));
        }
      }
      probe.say("publish 0 1 0 also/empty");
      await probe.next(/^0 message also\/empty qos 1 length 0 $/);
      expect(probe.all(/^0 message order/)).toEqual(
        [0, 1, 2].map((qos) => `0 message order/${qos} qos ${qos} length 9 text of ${qos}`),
      );
      probe.say("unsubscribe 0 also/#");
      const [, unsubscribed] = await probe.next(/^0 unsubscribe token (\d+)$/);
      await probe.next(new RegExp(`^0 completed ${unsubscribed} code 0: `));
      probe.say("publish 0 2 0 also/empty", "disconnect 0", "publish 0 1 0 a b", "subscribe 0 1 c");
      await probe.next(/^0 publish status 5: not possible/);
      await probe.next(/^0 subscribe status 5: /);
      await probe.next(/^0 disconnected close 1 code 0 for good: disconnected$/);
      await probe.next(/^0 ended$/);
      expect(probe.all(/also\/empty/).length).toBe(1);
      if (name === "mosquitto") await broker.child.printed(`Client ${id} disconnected`);
      await probe.end();
    });

    it("sends a Will when it is gone, and none when it has left", async () => {
      const probe = new Probe(engine);
      const will = "will=will/state will-payload=lost will-qos=1";
      await probe.online(0, broker.port);
      probe.say("subscribe 0 1 will/state");
      await probe.next(/^0 completed/);
      await probe.online(1, broker.port, will);
      probe.say("disconnect 1");
      await probe.next(/^1 ended/);
      await probe.online(2, broker.port, `${will} will-retain`);
      probe.say("destroy 2");
      await probe.next(/^0 message will\/state qos 1 length 4 lost$/);
      probe.say("subscribe 0 1 will/+");
      await probe.next(/^0 message will\/state qos 1 retain length 4 lost$/);
      expect(probe.all(/message/).length).toBe(2);
      probe.say("publish 0 1 1 will/state");
      await probe.next(/^0 completed/);
      await probe.end();
    });

    it("sends and receives a megabyte", async () => {
      const probe = new Probe(engine);
      const length = 1 << 20;
      await probe.online(0, broker.port);
      await probe.online(1, broker.port, "level=5");
      probe.say("subscribe 0 2 large", "subscribe 1 1 large");
      await probe.once(/^0 completed/);
      await probe.once(/^1 completed/);
      probe.say(...[0, 1, 2].map((qos) => `publish-large 0 ${qos} large ${length}`));
      const sum = checksumOfLarge(length);
      const received = (number: number, qos: number) =>
        `${number} message large qos ${qos} length ${length} sum ${sum}`;
      for (const number of [0, 1]) {
        const expected = [0, 1, 2].map((qos) => received(number, Math.min(qos, 2 - number)));
        await expect.poll(() => probe.all(new RegExp(`^${number} message`)), { timeout: 20_000 }).toEqual(expected);
      }
      await probe.end();
    });

    it("comes back to a broker that was away, with what was published meanwhile", async () => {
      const probe = new Probe(engine);
      let own = await startBroker(name);
      const relay = new Relay(own.port);
      await relay.open();
      await probe.online(0, own.port);
      await probe.online(1, relay.port);
      probe.say("subscribe 0 2 away/#");
      await probe.next(/^0 completed/);
      await own.child.stop("SIGTERM");
      await relay.close();
      await probe.next(/^0 disconnected close \d+ code \d+ for now: /);
      await expect.poll(() => probe.all(/^1 disconnected/).length, { timeout: 10_000 }).toBeGreaterThan(0);
      for (let count = 0; count < 200; count++) probe.say(`publish 1 ${1 + (count % 2)} 0 away/${count} x`);
      await expect.poll(() => probe.all(/^1 publish token/).length).toBe(200);
      own = await startBroker(name, own.port);
      await own.subscribed();
      await relay.open();
      await probe.next(/^1 connected/);
      await expect.poll(() => probe.all(/^1 completed \d+ code 0/).length, { timeout: 20_000 }).toBe(200);
      await expect.poll(() => probe.all(/^0 message/).length, { timeout: 20_000 }).toBe(200);
      // In order within each QoS: a broker may pass one of QoS 2 on when it is released.
      for (const odd of [0, 1]) {
        const numbers = probe.all(/^0 message/).map((line) => Number(/away\/(\d+)/.exec(line)?.[1]));
        const expected = Array.from({ length: 100 }, (_, index) => 2 * index + odd);
        expect(numbers.filter((number) => number % 2 === odd)).toEqual(expected);
      }
      await relay.close();
      await probe.end();
    });

    it.each([4, 5])("delivers exactly once over a network that breaks, at level %i", async (level) => {
      const probe = new Probe(engine);
      const relay = new Relay(broker.port);
      await relay.open();
      await probe.online(0, broker.port);
      await probe.online(1, relay.port, `level=${level} keep-session id=broken-${engine}-${level}`);
      probe.say(`subscribe 0 2 broken/${level}`);
      await probe.next(/^0 completed/);
      for (let round = 0; round < 10; round++) {
        for (let count = 0; count < 30; count++) probe.say(`publish 1 2 0 broken/${level} ${round * 30 + count}`);
        await expect.poll(() => probe.all(/^1 completed/).length, { timeout: 20_000 }).toBeGreaterThan(round * 30);
        relay.cut();
      }
      await expect.poll(() => probe.all(/^1 completed \d+ code (0|16)/).length, { timeout: 20_000 }).toBe(300);
      await expect.poll(() => probe.all(/^0 message/).length, { timeout: 20_000 }).toBe(300);
      const numbers = probe.all(/^0 message/).map((line) => Number(/(\d+)$/.exec(line)?.[1]));
      expect(numbers).toEqual(Array.from({ length: 300 }, (_, index) => index));
      await relay.close();
      await probe.end();
    });

    it.each(["level=4 keep-session", "level=5 keep-session", "level=5 expiry=600"])(
      "keeps a session: %s",
      async (options) => {
        const probe = new Probe(engine);
        const who = `${options} id=kept-${engine}-${options.replaceAll(/\W/g, "")}`;
        await probe.online(0, broker.port, who);
        probe.say("subscribe 0 1 kept/#");
        await probe.next(/^0 completed/);
        probe.say("disconnect 0");
        await probe.next(/^0 ended/);
        await probe.online(1, broker.port);
        probe.say("publish 1 1 0 kept/a waited");
        await probe.next(/^1 completed/);
        probe.say("connect 0");
        await probe.next(/^0 connected, session present/);
        await probe.next(/^0 message kept\/a qos 1 length 6 waited/);
        probe.say("disconnect 0");
        await probe.next(/^0 ended/);
        await probe.online(2, broker.port, who.replace("keep-session", "").replace("expiry=600", ""));
        expect(probe.all(/^2 connected/)[0]).not.toContain("session present");
        await probe.end();
      },
    );

    it("passes properties of 5.0 on", async () => {
      const probe = new Probe(engine);
      await probe.online(0, broker.port, "level=5");
      await probe.online(1, broker.port, "level=4");
      // Subscription Identifier 7, Content Type "text".
      probe.say("subscribe-with 0 1 properties 0b07", "publish-with 0 1 properties 03000474657874 hello");
      await probe.next(/^0 message properties qos 1 length 5 hello with (0b0703000474657874|030004746578740b07)$/);
      // Content Type, cut short; a Session Expiry Interval, which PUBLISH has not.
      for (const wrong of ["0300047465", "1100000001"]) {
        probe.say(`publish-with 0 1 properties ${wrong} x`);
        await probe.next(/^0 publish-with status 8: /);
      }
      probe.say("publish-with 1 1 properties 03000474657874 x");
      await probe.next(/^1 publish-with status 7: /);
      await probe.end();
    });

    it("works for several clients of one process", async () => {
      const probe = new Probe(engine);
      for (let number = 0; number < 8; number++) await probe.online(number, broker.port, `level=${3 + (number % 3)}`);
      for (let number = 0; number < 8; number++) {
        probe.say(`subscribe ${number} 1 several/${number}`);
        await probe.next(new RegExp(`^${number} completed`));
      }
      for (let number = 0; number < 8; number++)
        probe.say(`publish ${number} 1 0 several/${7 - number} from ${number}`);
      await expect.poll(() => probe.all(/ message /).length, { timeout: 20_000 }).toBe(8);
      expect(probe.all(/ message /).sort()).toEqual(
        Array.from({ length: 8 }, (_, to) => `${to} message several/${to} qos 1 length 6 from ${7 - to}`),
      );
      probe.say("destroy 3", "publish 4 1 0 several/0 again");
      await probe.next(/^0 message several\/0 qos 1 length 5 again/);
      await probe.end();
    });
  });
});

describe.each(ENGINES)("a recording made on %s", (engine) => {
  it("gives the same on each engine", async () => {
    const broker = await startBroker("midge broker");
    const path = temporaryFile("client.rec", "");
    const probe = new Probe(engine);
    await probe.online(0, broker.port, `level=5 record=${path}`);
    probe.say("subscribe 0 2 #", "publish-large 0 2 a 100000", "publish 0 1 0 b c");
    await probe.next(/^0 message b/);
    probe.say("disconnect 0");
    await probe.next(/^0 ended/);
    await probe.end();
    for (const player of ENGINES) {
      const { stdout } = await run([program("test/replay-client-wasm2c", "wasm2c").replace("wasm2c", player), path]);
      expect(stdout.toString()).toMatch(/^1 of 1 same, /);
    }
  });
});
