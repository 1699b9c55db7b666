// What goes wrong around the client in C, and what an application does wrong with it: told at once and in words, bounded, and
// no end of the process. The sanitizers watch.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerPeer, freePort, run, startMosquitto, stopAll, temporaryFile } from "../host/peers.ts";
import { BROKERS, ENGINES, Probe, startBroker } from "./client-world.ts";

afterAll(stopAll);

describe.each(ENGINES)("on %s", (engine) => {
  describe("without a broker", () => {
    it.each([
      ["a name that there is not", "host=no-such-host.invalid", /cannot connect: .*(not known|resolution)/],
      ["no address", "host=300.1.1.1", /cannot connect: /],
      ["a port at which nobody listens", "", /cannot connect: Connection refused/],
    ])("says so: %s", async (_, options, reason) => {
      const probe = new Probe(engine);
      probe.say(`new 0 port=${await freePort()} reconnect-min=10 ${options}`, "connect 0", "connect 0");
      await probe.next(/^0 connect status 5: /);
      for (let attempt = 0; attempt < 3; attempt++) {
        expect((await probe.next(/^0 disconnected close 2 code 0 for now: /)).input).toMatch(reason);
      }
      probe.say("state 0", "disconnect 0");
      await probe.next(/^0 state 1/);
      await probe.next(/^0 disconnected close 1 code 0 for good/);
      await probe.next(/^0 ended/);
      probe.say(`new 1 port=${await freePort()} once ${options}`, "connect 1");
      expect((await probe.next(/^1 disconnected close 2 code 0 for good: /)).input).toMatch(reason);
      await probe.next(/^1 ended/);
      await probe.end();
    });

    it("refuses options that cannot be", async () => {
      const probe = new Probe(engine);
      const long = "x".repeat(66_000);
      const wrong = [
        ["level=9", "protocol_level"],
        ["host=", "host is empty"],
        ["keep-alive=70000", "keep_alive_sec"],
        ["drop=2", "outbox_drop"],
        ["expiry=5", "session_expiry_sec"],
        ["will=a will-qos=3", "will.qos"],
        ["will=a/+", "will.topic"],
        ["will=a will-properties=x", "will.properties"],
        ["level=5 will=a will-properties=x", "will.properties"],
        [`will=a will-payload=${long}`, "will.payload"],
        [`id=${long}`, "client_id"],
        [`user=${long}`, "user_name"],
        [`password=${long}`, "password"],
        ["record=/no/such/folder/file", "record_path"],
      ];
      for (const [options, complaint] of wrong) {
        probe.say(`new 0 ${options}`);
        expect((await probe.next(/^0 new: /)).input).toContain(complaint);
      }
      // What may be, but not together.
      for (const [number, options] of ["password=secret", "id= keep-session", "level=3 id="].entries()) {
        probe.say(`new ${number} ${options}`, `connect ${number}`);
        await probe.next(new RegExp(`^${number} connect status 2: `));
      }
      await probe.end();
    });

    it("refuses arguments that cannot be, and does nothing", async () => {
      const probe = new Probe(engine);
      probe.say("new 0 level=5 packet-size=1000", "mistakes 0");
      for (const [what, status] of Object.entries({
        "no topic": 3,
        "no payload": 2,
        "QoS 3": 2,
        "QoS of all bits": 2,
        "no properties": 2,
        "more than there is": 6,
        "no UTF-8": 3,
        "no filter": 3,
        "options of all bits": 2,
        "no filter to end": 3,
      })) {
        await probe.next(new RegExp(`^0 ${what} status ${status}: `));
      }
      await probe.next(/^0 no match 0 0$/);
      for (const topic of ["a/#", "a/+/b", "#", "", "x".repeat(65_536)]) {
        probe.say(`publish 0 1 0 ${topic} text`);
        await probe.next(/^0 publish status [36]: /);
      }
      for (const filter of ["a/#/b", "a+", "", "$share/a", "$share//a"]) {
        probe.say(`subscribe 0 1 ${filter}`, `unsubscribe 0 ${filter}`);
        await probe.next(/^0 subscribe status 3: not a valid topic/);
        await probe.next(/^0 unsubscribe status 3: /);
      }
      probe.say("publish-large 0 1 a 1000", "disconnect 0", "matches 0 a/+/c a/b/c", "matches 0 a/# b");
      await probe.next(/^0 publish-large status 6: larger than a packet may be/);
      await probe.next(/^0 disconnect status 5: /);
      await probe.next(/^0 matches 1/);
      await probe.next(/^0 matches 0/);
      await probe.end();
    });

    it("bounds the outbox by its rule", async () => {
      const probe = new Probe(engine);
      probe.say("new 0 outbox=3000", "new 1 outbox=3000 drop=1");
      for (let count = 0; count < 5; count++) probe.say(`publish-large 0 1 a 1000`, `publish-large 1 1 a 1000`);
      probe.say("publish-large 1 1 a 3001");
      await probe.once(/^1 publish-large status 4: no room: wait for earlier messages/);
      expect(probe.all(/^0 publish-large token/).length).toBe(2);
      expect(probe.all(/^0 publish-large status 4: /).length).toBe(3);
      expect(probe.all(/^1 publish-large token/).length).toBe(5);
      await expect.poll(() => probe.all(/^1 completed \d+ code 256: dropped from the outbox/).length).toBe(3);
      await probe.end();
    });
  });

  describe("with a broker that refuses", () => {
    let broker: BrokerPeer;
    beforeAll(async () => {
      const passwords = temporaryFile("passwords", "");
      await run(["mosquitto_passwd", "-b", passwords, "ann", "secret"]);
      broker = await startMosquitto(["allow_anonymous false", `password_file ${passwords}`]);
    });

    it.each([
      ["level=3", 5, "not authorised"],
      ["level=4", 5, "not authorised"],
      ["level=5", 135, "not authorised"],
      ["level=4 user=ann password=wrong", 5, "not authorised"],
      ["level=5 user=ann password=wrong", 135, "not authorised"],
    ])("says what it said: %s", async (options, code, reason) => {
      const probe = new Probe(engine);
      probe.say(`new 0 port=${broker.port} reconnect-min=10 ${options}`, "connect 0");
      for (let attempt = 0; attempt < 2; attempt++) {
        await probe.next(
          new RegExp(`^0 disconnected close 7 code ${code} for now: the broker refused the connection: ${reason}`),
        );
      }
      await probe.online(1, broker.port, `${options.split(" ")[0]} user=ann password=secret`);
      await probe.end();
    });
  });

  describe.each(BROKERS)("with %s", (name) => {
    let broker: BrokerPeer;
    beforeAll(async () => {
      broker = await startBroker(name);
    });

    it("tries all addresses of a name", async () => {
      const probe = new Probe(engine);
      const own = await startBroker(name);
      await probe.online(0, own.port, "host=two.test once");
      await own.child.stop("SIGKILL");
      await probe.next(/^0 disconnected close 2 code 0 for good: connection lost: (closed by|Connection reset)/);
      await probe.end();
    });

    it("may be called from callbacks, but for what would pull the rug away", async () => {
      const probe = new Probe(engine);
      const all = "poll -2 destroy 5 publish 1 subscribe 1 unsubscribe 1 matches 1";
      probe.say(`new 0 port=${broker.port} once`, "inside 0 connected", "connect 0");
      await probe.next(new RegExp(`^0 inside ${all}$`));
      await probe.next(/^0 completed/);
      probe.say("subscribe 0 1 from/inside", "inside 0 message", "publish 0 1 0 from/inside text");
      await probe.next(/^0 message from\/inside qos 1 length 4 text/);
      await probe.next(new RegExp(`^0 inside ${all}$`));
      await probe.next(/^0 message from\/inside qos 1 length 6 inside/);
      probe.say("inside 0 completed", "publish 0 1 0 a text");
      await probe.next(new RegExp(`^0 inside ${all} disconnect 0$`));
      await probe.next(/^0 ended/);
      probe.say("inside 0 disconnected", "connect 0");
      await probe.next(/^0 connected/);
      probe.say("disconnect 0");
      await probe.next(new RegExp(`^0 inside ${all} connect 0$`));
      await probe.next(/^0 connected/);
      await probe.end();
    });

    it("hears a broker that ends, and another client that takes its name", async () => {
      const probe = new Probe(engine);
      const own = await startBroker(name);
      await probe.online(0, own.port, "level=5 id=twin once");
      await probe.online(1, own.port, "level=5 id=twin once");
      // mosquitto 2.0.11 says nothing when it does not keep the session.
      const said = "close 13 code 142 for good: the broker closed the connection: session taken over";
      await probe.once(new RegExp(`^0 disconnected ${name === "mosquitto" ? "close 2 code 0 for good: " : said}`));
      await own.child.stop("SIGTERM");
      await probe.next(/^1 disconnected close (13 code 139|2 code 0) for good: /);
      await probe.next(/^1 ended/);
      await probe.end();
    });

    it("notices a broker that falls silent, and comes back when it does", async () => {
      const probe = new Probe(engine);
      const own = await startBroker(name);
      await probe.online(0, own.port, "keep-alive=1 connect-timeout=500");
      own.child.process.kill("SIGSTOP");
      await probe.next(/^0 disconnected close 3 code 0 for now: .*nothing was heard within the Keep Alive time/);
      await probe.next(/^0 disconnected close 8 code 0 for now: cannot connect: the broker did not answer in time/);
      own.child.process.kill("SIGCONT");
      await probe.next(/^0 connected/);
      await probe.end();
    });

    it("does not take a broker for silent when the application itself comes late", async () => {
      const probe = new Probe(engine);
      await probe.online(0, broker.port, "keep-alive=2");
      // Longer than PINGRESP may take, and shorter than the broker waits for PINGREQ.
      probe.say("lazy 2200 4");
      await probe.next(/^awake/);
      expect(probe.all(/disconnected/)).toEqual([]);
      await probe.end();
    });
  });
});
