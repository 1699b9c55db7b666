// The programs of mosquitto in 5.0 at our broker: mosquitto_pub, mosquitto_sub and mosquitto_rr with their properties, and
// a mosquitto broker that a bridge of 5.0 joins to ours. What is asserted is what the programs print and how they end.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Credentials } from "../../host/broker-authentication.ts";
import { type Child, type Result, run, start, startMosquitto, stopAll } from "./peers.ts";
import { endPeers, JsPeer, until } from "./peers-more.ts";
import { closeBrokers, fresh, Served } from "./peers5.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ALL_QOS = ["0", "1", "2"] as const;
/** Every property that mosquitto_sub prints: content type, correlation data, expiry, payload format, user, response topic,
 *  subscription identifiers, alias. */
const FORMAT = ["-F", "%t|%q|%r|%C|%D|%E|%F|%P|%R|%S|%A|%p"];
const PROPERTIES = [
  ["content-type", "text/plain"],
  ["correlation-data", "corr el"],
  ["message-expiry-interval", "1000"],
  ["payload-format-indicator", "1"],
  ["response-topic", "answers/here"],
  ["user-property", "b", "2"],
  ["user-property", "a", "1"],
  ["user-property", "b", "1"],
];
const withProperties = (command: string, properties = PROPERTIES) =>
  properties.flatMap((property) => ["-D", command, ...property]);
/** How FORMAT shows PROPERTIES. */
const shown = (topic: string, qos: string, retain: number, identifier = "", payload = "hello") =>
  `${topic}|${qos}|${retain}|text/plain|corr el|1000|1|b:2 a:1 b:1|answers/here|${identifier}||${payload}\n`;

/** Its clock stands still, but in the tests that move it: then what is left of an expiry is exact. */
let served: Served;

beforeAll(async () => {
  served = await Served.start({}, true);
});
afterAll(async () => {
  await endPeers();
  await stopAll();
  await closeBrokers();
});

/** What a program printed that succeeded. */
function output(result: Result): string {
  expect({ ...result, stdout: "" }).toMatchObject({ exitCode: 0, signal: null, stderr: "" });
  return result.stdout.toString();
}

const common = (port = served.port) => ["-p", String(port), "-V", "mqttv5"];
const pub = async (...args: string[]) => output(await run(["mosquitto_pub", ...common(), ...args]));
const sub = async (...args: string[]) => output(await run(["mosquitto_sub", ...common(), "-W", "20", ...args]));
const finish = async (child: Child) => output(await child.ended);
/** A subscriber whose Subscriptions the broker has. */
const subscriber = async (...args: string[]): Promise<Child> => {
  const clientId = fresh();
  const child = start(["mosquitto_sub", ...common(), "-W", "40", "-i", clientId, ...args], { timeoutMs: 60_000 });
  await served.happened(`subscribe ${clientId} `, args.filter((arg) => arg === "-t").length);
  return child;
};

describe("mosquitto_pub and mosquitto_sub", () => {
  test.each(ALL_QOS)("properties live, published at QoS %s, subscribed at each", async (published) => {
    const topic = fresh();
    const subscribers = await Promise.all(
      ALL_QOS.map((qos) => subscriber("-t", topic, "-q", qos, "-C", "1", ...FORMAT)),
    );
    await pub("-t", topic, "-q", published, "-m", "hello", ...withProperties("publish"));
    for (const [qos, child] of subscribers.entries()) {
      expect(await finish(child)).toBe(shown(topic, String(Math.min(qos, Number(published))), 0));
    }
  });

  test.each(ALL_QOS)("properties retained, and queued, at QoS %s", async (qos) => {
    const topic = fresh();
    const session = [
      "-i",
      `${topic}s`,
      "-c",
      "-q",
      "2",
      "-t",
      topic,
      "-D",
      "subscribe",
      "subscription-identifier",
      "9",
    ];
    await sub(...session, "-E");
    await pub("-t", topic, "-q", qos, "-r", "-m", "hello", ...withProperties("publish"));
    expect(await sub("-t", topic, "-q", "2", "-C", "1", ...FORMAT)).toBe(shown(topic, qos, 1));
    await pub("-t", topic, "-r", "-n");
    if (qos !== "0") expect(await sub(...session, "-C", "1", ...FORMAT)).toBe(shown(topic, qos, 0, "9"));
  });

  test.each(ALL_QOS)("a thousand messages under a Topic Alias, QoS %s", async (qos) => {
    const topic = fresh();
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}\n`).join("");
    const child = await subscriber("-t", topic, "-q", qos, "-C", "1000");
    const alias = ["-D", "publish", "topic-alias", "3"];
    const publisher = run(["mosquitto_pub", ...common(), "-t", topic, "-q", qos, "-l", ...alias], { input: lines });
    expect(output(await publisher)).toBe("");
    expect(await finish(child)).toBe(lines);
  });

  test("--retain-as-published, and a Subscription Identifier", async () => {
    const topic = fresh();
    // One filter: libmosquitto 2.0.11 takes a message with two identifiers for a broken one, which it is not (3.3.4).
    const identified = ["-D", "subscribe", "subscription-identifier", "300"];
    const common = ["-t", `${topic}/#`, "-q", "1", ...identified, "-C", "2", ...FORMAT];
    const [kept, plain] = [await subscriber(...common, "--retain-as-published"), await subscriber(...common)];
    await pub("-t", `${topic}/a`, "-q", "1", "-r", "-m", "hello", ...withProperties("publish"));
    await pub("-t", `${topic}/end`, "-m", "end");
    for (const [retain, child] of [plain, kept].entries()) {
      expect(await finish(child)).toBe(`${shown(`${topic}/a`, "1", retain, "300")}${topic}/end|0|0|||||||300||end\n`);
    }
    await pub("-t", `${topic}/a`, "-r", "-n");
  });

  test("a Session that is kept for its expiry interval", async () => {
    const topic = fresh();
    const session = ["-i", `${topic}s`, "-q", "1", "-t", topic];
    const kept = ["-c", "-x", "50"];
    await sub(...session, ...kept, "-E");
    await pub("-t", topic, "-q", "1", "-m", "first");
    served.clock.advance(40_000);
    expect(await sub(...session, ...kept, "-C", "1")).toBe("first\n");
    await pub("-t", topic, "-q", "1", "-m", "second");
    await served.happened(`disconnect ${topic}s `, 2);
    served.clock.advance(60_000);
    const renewed = start(["mosquitto_sub", ...common(), ...session, ...kept, "-C", "1", "-W", "20"]);
    await served.happened(`subscribe ${topic}s `, 3);
    await pub("-t", topic, "-q", "1", "-m", "third");
    expect(await finish(renewed)).toBe("third\n");
  });

  test("message expiry counts down in the queue and the retained store", async () => {
    const topic = fresh();
    const session = ["-i", `${topic}s`, "-c", "-q", "1", "-t", `${topic}/#`];
    await sub(...session, "-E");
    for (const seconds of ["10", "100"]) {
      const expiry = ["-D", "publish", "message-expiry-interval", seconds];
      await pub("-t", `${topic}/${seconds}`, "-q", "1", "-r", "-m", "x", ...expiry);
    }
    served.clock.advance(20_000);
    const format = ["-C", "1", "-F", "%t %E"];
    expect(await sub(...session, ...format)).toBe(`${topic}/100 80\n`);
    expect(await sub("-t", `${topic}/#`, ...format)).toBe(`${topic}/100 80\n`);
    await pub("-t", `${topic}/100`, "-r", "-n");
  });

  test("a Will with properties and a delay", async () => {
    const topic = fresh();
    const witness = await subscriber("-t", `${topic}/#`, "-q", "1", "-C", "4", ...FORMAT);
    const will = (name: string) => ["--will-topic", `${topic}/${name}`, "--will-payload", "hello", "--will-qos", "1"];
    const delay = ["-x", "100", "-D", "will", "will-delay-interval", "30"];
    const [now, later, told] = await Promise.all([
      subscriber("-t", fresh(), ...will("now"), ...withProperties("will")),
      subscriber("-t", fresh(), ...will("later"), ...withProperties("will"), ...delay),
      subscriber("-t", fresh(), ...will("told")),
    ]);
    // It ends by itself: DISCONNECT 0x00. Asked to end, it says 0x04, and its Will is published.
    await sub("-t", fresh(), ...will("polite"), "-E");
    await told.stop("SIGTERM");
    const ended = () => served.events.filter((event) => event.startsWith("disconnect ")).length;
    const before = ended();
    for (const child of [now, later]) child.process.kill("SIGKILL");
    await until("both ends", () => ended() >= before + 2);
    served.clock.advance(29_000);
    await pub("-t", `${topic}/marker`, "-m", "marker");
    served.clock.advance(2_000);
    expect(await finish(witness)).toBe(
      [
        `${topic}/told|1|0|||||||||hello\n`,
        shown(`${topic}/now`, "1", 0),
        `${topic}/marker|0|0|||||||||marker\n`,
        shown(`${topic}/later`, "1", 0),
      ].join(""),
    );
  });

  test("members of a shared subscription take turns", async () => {
    const topic = fresh();
    const members: Child[] = [];
    for (let index = 0; index < 3; index++) {
      members.push(await subscriber("-t", `$share/group/${topic}`, "-q", "1", "-C", "4"));
    }
    const lines = Array.from({ length: 12 }, (_, index) => `${index}\n`).join("");
    output(await run(["mosquitto_pub", ...common(), "-t", topic, "-q", "1", "-l"], { input: lines }));
    expect(await Promise.all(members.map(finish))).toEqual(["0\n3\n6\n9\n", "1\n4\n7\n10\n", "2\n5\n8\n11\n"]);
  });

  test("Receive Maximum 1: a thousand messages, one at a time", async () => {
    const topic = fresh();
    const lines = Array.from({ length: 1_000 }, (_, index) => `${index}\n`).join("");
    const child = await subscriber("-t", topic, "-q", "2", "-C", "1000", "-D", "connect", "receive-maximum", "1");
    output(await run(["mosquitto_pub", ...common(), "-t", topic, "-q", "2", "-l"], { input: lines }));
    expect(await finish(child)).toBe(lines);
  });

  test("Maximum Packet Size: what is larger does not come", async () => {
    const topic = fresh();
    const child = await subscriber("-t", topic, "-q", "1", "-C", "2", "-D", "connect", "maximum-packet-size", "100");
    for (const size of [10, 200, 20]) await pub("-t", topic, "-q", "1", "-m", "x".repeat(size));
    expect(await finish(child)).toBe(`${"x".repeat(10)}\n${"x".repeat(20)}\n`);
  });

  test("Reason Codes that it prints", async () => {
    const debug = async (topic: string, qos: string) =>
      (await run(["mosquitto_pub", ...common(), "-t", topic, "-q", qos, "-m", "x", "-d"])).stdout.toString();
    expect(await debug(fresh(), "1")).toContain("received PUBACK (Mid: 1, RC:16)");
    expect(await debug("$SYS/broker/uptime", "1")).toContain("received PUBACK (Mid: 1, RC:135)");
  });
});

describe("CONNECT", () => {
  test("is refused, and the program says why", async () => {
    const strict = await Served.start({
      authenticate: ({ userName }: Credentials) => (userName === "u" ? true : "not authorised"),
    });
    const command = ["mosquitto_pub", ...common(strict.port), "-t", "t", "-m", "x"];
    const refused = await run(command);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/not authori[sz]ed/i);
    output(await run([...command, "-u", "u", "-P", "p"]));
  });

  test("without a Client Identifier is given one", async () => {
    const count = () => served.events.filter((event) => /^connect \S{8,}$/.test(event)).length;
    const before = count();
    // Without -i mosquitto_pub sends an empty one in 5.0.
    const { stdout } = await run(["mosquitto_pub", ...common(), "-t", fresh(), "-m", "x", "-d"]);
    const [, assigned = ""] = /Client (\S+) received CONNACK/.exec(stdout.toString()) ?? [];
    expect(served.events).toContain(`connect ${assigned}`);
    expect(count()).toBe(before + 1);
  });
});

describe("mosquitto_rr", () => {
  test.each(ALL_QOS)("asks, and is answered, QoS %s", async (qos) => {
    const topic = fresh();
    const server = await served.connect();
    await server.client.subscribeAsync(topic, { qos: 2 });
    server.client.on("message", (_, payload, { properties }) => {
      const { responseTopic = "", correlationData } = properties ?? {};
      server.client.publish(responseTopic, `re: ${payload}`, {
        qos: 2,
        properties: correlationData === undefined ? {} : { correlationData },
      });
    });
    const ask = (text: string) =>
      run([
        "mosquitto_rr",
        ...common(),
        "-t",
        topic,
        "-e",
        `${topic}/reply`,
        "-q",
        qos,
        "-m",
        text,
        "-W",
        "20",
        "-D",
        "publish",
        "correlation-data",
        text,
      ]);
    for (const text of ["one", "two"]) expect(output(await ask(text))).toBe(`re: ${text}\n`);
    expect(
      server.arrivals.map(({ properties }) => [properties.responseTopic, String(properties.correlationData)]),
    ).toEqual(["one", "two"].map((text) => [`${topic}/reply`, text]));
    await server.end();
  });
});

describe("a bridge of 5.0 from mosquitto", () => {
  test("carries messages and their properties both ways, and none back", async () => {
    const bridge = fresh();
    const theirs = await startMosquitto([
      "allow_anonymous true",
      "connection ours",
      `address 127.0.0.1:${served.port}`,
      "bridge_protocol_version mqttv50",
      `topic ${bridge}/# both 2`,
      `remote_clientid ${bridge}`,
      "notifications false",
      "restart_timeout 1",
    ]);
    await served.happened(`subscribe ${bridge} `);
    const [here, there] = [
      await JsPeer.connect(served.port, "5.0", { clientId: fresh() }),
      await JsPeer.connect(theirs.port, "5.0", { clientId: fresh() }),
    ];
    const seen: Record<string, string[]> = { here: [], there: [] };
    for (const [name, peer] of Object.entries({ here, there })) {
      await peer.client.subscribeAsync(`${bridge}/#`, { qos: 2 });
      peer.client.on("message", (topicName, payload, { qos, properties }) => {
        seen[name]?.push(`${topicName} ${qos} ${payload} ${properties?.userProperties?.number}`);
      });
    }
    for (let index = 0; index < 50; index++) {
      const properties = { userProperties: { number: String(index) } };
      for (const [name, peer] of Object.entries({ here, there })) {
        await peer.client.publishAsync(`${bridge}/${name}`, `${index}`, { qos: (index % 3) as 0 | 1 | 2, properties });
      }
    }
    await Promise.all([here.received(100), there.received(100)]);
    const expected = ["here", "there"].flatMap((name) =>
      Array.from({ length: 50 }, (_, index) => `${bridge}/${name} ${index % 3} ${index} ${index}`),
    );
    for (const lines of Object.values(seen)) expect(lines.sort()).toEqual(expected.sort());
    await Promise.all([here.end(), there.end()]);
    expect((await theirs.child.stop()).exitCode).toBe(0);
  });
});
