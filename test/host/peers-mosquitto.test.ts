// The programs of mosquitto at `midge broker`, in 3.1 and 3.1.1: mosquitto_pub, mosquitto_sub, and a mosquitto broker joined
// to ours by a bridge. What is asserted is what the programs print and how they end.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type BrokerPeer,
  type Child,
  type Result,
  run,
  start,
  startMosquitto,
  startTestedBroker,
  stopAll,
} from "./peers.ts";
import { endPeers, JsPeer, until } from "./peers-more.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ALL_QOS = ["0", "1", "2"] as const;

let broker: BrokerPeer;
let names = 0;

/** Topic and Client Identifier of its own for each test: the broker is shared. */
const fresh = () => `mos${++names}`;

beforeAll(async () => {
  broker = await startTestedBroker();
});
afterAll(async () => {
  await endPeers();
  const ended = await broker.child.stop();
  await stopAll();
  expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
});

/** What a program printed that succeeded. */
function output(result: Result): string {
  expect({ ...result, stdout: "" }).toMatchObject({ exitCode: 0, signal: null, stderr: "" });
  return result.stdout.toString();
}

describe.each(["31", "311"])("mosquitto_pub and mosquitto_sub, MQTT %s", (version) => {
  const common = () => ["-p", String(broker.port), "-V", `mqttv${version}`];
  const pub = async (...args: string[]) => output(await run(["mosquitto_pub", ...common(), ...args]));
  const sub = async (...args: string[]) => output(await run(["mosquitto_sub", ...common(), "-W", "20", ...args]));
  /** A subscriber whose SUBSCRIBE the broker has handled. */
  const subscriber = async (...args: string[]): Promise<Child> => {
    const clientId = fresh();
    const child = start(["mosquitto_sub", ...common(), "-W", "40", "-i", clientId, ...args], { timeoutMs: 60_000 });
    await broker.child.printed(`subscribe   ${clientId} `);
    return child;
  };
  const finish = async (child: Child) => output(await child.ended);

  test.each(ALL_QOS)("published at QoS %s, subscribed at each", async (published) => {
    const topic = fresh();
    const subscribers = await Promise.all(
      ALL_QOS.map((qos) => subscriber("-t", topic, "-q", qos, "-C", "2", "-F", "%t %q %r %p")),
    );
    await pub("-t", topic, "-q", published, "-m", "first");
    await pub("-t", topic, "-q", published, "-m", "second");
    for (const [qos, child] of subscribers.entries()) {
      const granted = Math.min(qos, Number(published));
      expect(await finish(child)).toBe(`${topic} ${granted} 0 first\n${topic} ${granted} 0 second\n`);
    }
  });

  // TCP, the transport of all these tests, keeps order and loses nothing [v3.1.1 MQTT-7.1.1-1].
  test.each(ALL_QOS)("a thousand messages in order, QoS %s", async (qos) => {
    const topic = fresh();
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}\n`).join("");
    const child = await subscriber("-t", topic, "-q", qos, "-C", "1000");
    const publisher = run(["mosquitto_pub", ...common(), "-t", topic, "-q", qos, "-l"], {
      input: lines,
      timeoutMs: 50_000,
    });
    expect(output(await publisher)).toBe("");
    expect(await finish(child)).toBe(lines);
  });

  test.each([
    ["0", 65_536],
    ["2", 65_536],
    ["0", 5_000_000],
    ["1", 5_000_000],
    ["2", 5_000_000],
  ])("QoS %s, a payload of %i bytes", async (qos, length) => {
    const topic = fresh();
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) bytes[at] = at * 7 + (at >> 8);
    const child = await subscriber("-t", topic, "-q", qos, "-C", "1", "-N");
    expect(output(await run(["mosquitto_pub", ...common(), "-t", topic, "-q", qos, "-s"], { input: bytes }))).toBe("");
    const { stdout, exitCode } = await child.ended;
    expect([exitCode, stdout.length, stdout.equals(bytes)]).toEqual([0, length, true]);
  });

  test.each(ALL_QOS)("a retained message at QoS %s, replaced and removed", async (qos) => {
    const topic = fresh();
    await pub("-t", `${topic}/a`, "-q", qos, "-r", "-m", "old");
    await pub("-t", `${topic}/a`, "-q", qos, "-r", "-m", "new");
    const format = ["-q", "2", "-F", "%t %q %r %p"];
    expect(await sub("-t", `${topic}/+`, "-C", "1", ...format)).toBe(`${topic}/a ${qos} 1 new\n`);
    expect(await sub("-t", `${topic}/a`, "-t", `${topic}/#`, "-C", "2", ...format)).toBe(
      `${topic}/a ${qos} 1 new\n`.repeat(2),
    );
    await pub("-t", `${topic}/a`, "-q", qos, "-r", "-n");
    const child = await subscriber("-t", `${topic}/#`, "-C", "1", ...format);
    await pub("-t", `${topic}/a`, "-q", qos, "-m", "live");
    expect(await finish(child)).toBe(`${topic}/a ${qos} 0 live\n`);
  });

  test.each([
    // filters, and the topics of those published that they match
    ["a/b", ["a/b"]],
    ["+", ["a"]],
    ["a/+", ["a/b", "a/"]],
    ["+/b", ["a/b", "/b"]],
    ["a/#", ["a", "a/b", "a/", "a/b/c"]],
    ["#", ["a", "a/b", "/b", "a/", "a/b/c"]],
    ["+/+/+", ["a/b/c"]],
    ["/+", ["/b"]],
    ["a/+/c", ["a/b/c"]],
  ])("the filter %s", async (filter, matching) => {
    const prefix = fresh();
    const child = await subscriber("-t", `${prefix}/${filter}`, "-F", "%t", "-q", "1", "-C", String(matching.length));
    const publisher = await JsPeer.connect(broker.port, version === "31" ? "3.1" : "3.1.1", { clientId: fresh() });
    for (const name of ["a", "a/b", "/b", "a/", "a/b/c"]) {
      await publisher.client.publishAsync(`${prefix}/${name}`, "x", { qos: 1 });
    }
    await publisher.end();
    expect(await finish(child)).toBe(matching.map((name) => `${prefix}/${name}\n`).join(""));
  });

  test.each(ALL_QOS)("a Will at QoS %s, of a program that is killed", async (qos) => {
    const topic = fresh();
    const witness = await subscriber("-t", `${topic}/#`, "-q", "2", "-C", "2", "-F", "%t %q %r %p");
    const will = (name: string) => ["--will-topic", `${topic}/${name}`, "--will-payload", "gone", "--will-qos", qos];
    const polite = await subscriber("-t", fresh(), ...will("polite"));
    const killed = await subscriber("-t", fresh(), ...will("killed"), "--will-retain");
    // mosquitto_sub says good-bye with DISCONNECT when it is asked to end: no Will then [v3.1.1 MQTT-3.14.4-3].
    await polite.stop("SIGTERM");
    killed.process.kill("SIGKILL");
    await until("the Will", () => witness.stdout.includes("gone"));
    await pub("-t", `${topic}/end`, "-m", "end");
    expect(await finish(witness)).toBe(`${topic}/killed ${qos} 0 gone\n${topic}/end 0 0 end\n`);
    expect(await sub("-t", `${topic}/#`, "-q", "2", "-C", "1", "-F", "%t %q %r %p")).toBe(
      `${topic}/killed ${qos} 1 gone\n`,
    );
  });

  test("a Session that is kept gets what came while it was away", async () => {
    const topic = fresh();
    const session = ["-i", `${topic}s`, "-c", "-q", "2", "-t", `${topic}/#`];
    await sub(...session, "-E");
    const lines = Array.from({ length: 300 }, (_, index) => `${index}\n`).join("");
    for (const qos of ALL_QOS) {
      const publisher = run(["mosquitto_pub", ...common(), "-t", `${topic}/${qos}`, "-q", qos, "-l"], { input: lines });
      expect(output(await publisher)).toBe("");
    }
    const missed = await sub(...session, "-C", "600", "-F", "%t %q %p");
    // QoS 0 messages are not kept for it. Those of QoS 2 may be handed on later than those of QoS 1 behind them.
    for (const qos of ["1", "2"]) {
      const ofQos = missed.split("\n").filter((line) => line.startsWith(`${topic}/${qos}`));
      expect(ofQos).toEqual(Array.from({ length: 300 }, (_, index) => `${topic}/${qos} ${qos} ${index}`));
    }
    expect(missed.split("\n")).toHaveLength(601);
    // Without -c the Session ends, and a later one starts with nothing.
    await run(["mosquitto_sub", ...common(), "-i", `${topic}s`, "-t", fresh(), "-E"]);
    await pub("-t", `${topic}/1`, "-q", "1", "-m", "nobody's");
    const renewed = start(["mosquitto_sub", ...common(), ...session, "-C", "1", "-W", "20"]);
    await broker.child.printed(`subscribe   ${topic}s `, 4);
    await pub("-t", `${topic}/1`, "-q", "1", "-m", "mine");
    expect(await finish(renewed)).toBe("mine\n");
  });

  test("$SYS", async () => {
    const names = [
      "clients/connected",
      "clients/total",
      "messages/received",
      "subscriptions/count",
      "version",
      "uptime",
    ];
    const filters = names.flatMap((name) => ["-t", `$SYS/broker/${name}`]);
    const lines = (await sub(...filters, "-v", "-C", "6")).split("\n").sort();
    expect(lines).toEqual([
      "",
      expect.stringMatching(/^\$SYS\/broker\/clients\/connected \d+$/),
      expect.stringMatching(/^\$SYS\/broker\/clients\/total \d+$/),
      expect.stringMatching(/^\$SYS\/broker\/messages\/received \d+$/),
      expect.stringMatching(/^\$SYS\/broker\/subscriptions\/count \d+$/),
      expect.stringMatching(/^\$SYS\/broker\/uptime \d+ seconds$/),
      expect.stringMatching(/^\$SYS\/broker\/version midge version \d+\.\d+\.\d+/),
    ]);
  });
});

test("a program that stops answering is gone after one and a half times its Keep Alive", async () => {
  await Promise.all(
    ["31", "311"].map(async (version) => {
      const topic = fresh();
      const common = ["-p", String(broker.port), "-V", `mqttv${version}`, "-t", topic];
      const witness = start(["mosquitto_sub", ...common, "-C", "1", "-W", "40", "-i", `${topic}w`], {
        timeoutMs: 60_000,
      });
      await broker.child.printed(`subscribe   ${topic}w `);
      const will = ["--will-topic", topic, "--will-payload", "silent"];
      const silent = start(["mosquitto_sub", ...common, "-k", "5", "-i", `${topic}s`, ...will], { timeoutMs: 60_000 });
      await broker.child.printed(`subscribe   ${topic}s `);
      silent.process.kill("SIGSTOP");
      expect(output(await witness.ended)).toBe("silent\n");
      await silent.stop("SIGKILL");
    }),
  );
  // That it was not closed for another reason, a lost connection say.
  // The line may come behind the Will.
  await broker.child.printed("nothing was heard within the Keep Alive time", 2);
});

describe("a bridge from mosquitto", () => {
  test.each([
    // try_private: the bridge marks its CONNECT as one of a bridge (level 0x84), and so is sent nothing of its own back.
    ["mqttv31", "false"],
    ["mqttv311", "false"],
    ["mqttv311", "true"],
  ])("%s carries messages both ways, try_private %s", async (version, tryPrivate) => {
    const bridge = fresh();
    const theirs = await startMosquitto([
      "allow_anonymous true",
      "connection ours",
      `address 127.0.0.1:${broker.port}`,
      `bridge_protocol_version ${version}`,
      `topic ${bridge}/# both 2`,
      `remote_clientid ${bridge}`,
      "notifications false",
      `try_private ${tryPrivate}`,
      "restart_timeout 1",
    ]);
    await broker.child.printed(`subscribe   ${bridge} `, 1, 40_000);
    const names = version === "mqttv31" ? "3.1" : "3.1.1";
    const [here, there] = [
      await JsPeer.connect(broker.port, names, { clientId: fresh() }),
      await JsPeer.connect(theirs.port, names, { clientId: fresh() }),
    ];
    await here.client.subscribeAsync(`${bridge}/#`, { qos: 2 });
    await there.client.subscribeAsync(`${bridge}/here/#`, { qos: 2 });
    for (let index = 0; index < 100; index++) {
      const published = ([0, 1, 2] as const).flatMap((qos) => [
        here.client.publishAsync(`${bridge}/here`, `${index} ${qos}`, { qos }),
        there.client.publishAsync(`${bridge}/there`, `${index} ${qos}`, { qos }),
      ]);
      await Promise.all(published);
    }
    await Promise.all([here.received(600), there.received(300)]);
    // Each arrives once, at its own QoS, those of a QoS in order.
    for (const [peer, name] of [
      [there, "here"],
      [here, "here"],
      [here, "there"],
    ] as const) {
      for (const qos of [0, 1, 2]) {
        const ofQos = peer.lines.filter((line) => line.startsWith(`${bridge}/${name} ${qos}`));
        expect(ofQos).toEqual(Array.from({ length: 100 }, (_, index) => `${bridge}/${name} ${qos} ${index} ${qos}`));
      }
    }
    await Promise.all([here.end(), there.end()]);
    expect((await theirs.child.stop()).exitCode).toBe(0);
  });
});
