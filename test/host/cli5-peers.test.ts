// The command line of MQTT 5.0 with its peers: midge pub and sub with a real mosquitto, mosquitto's clients with `midge broker`,
// and midge with itself. What all versions have is in cli-peers.test.ts, single bytes are in
// cli5-wire.test.ts, midge rr in cli5-requests.test.ts.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  atTestedBroker,
  type BrokerPeer,
  MIDGE,
  type Result,
  run,
  start,
  startMidgeBroker,
  startMosquitto,
  startTestedBroker,
  stopAll,
  temporaryFile,
} from "./peers.ts";

const TOOLS = {
  midge: { pub: [...MIDGE, "pub"], sub: [...MIDGE, "sub"], rr: [...MIDGE, "rr"] },
  mosquitto: { pub: ["mosquitto_pub"], sub: ["mosquitto_sub"], rr: ["mosquitto_rr"] },
} as const;

type Side = keyof typeof TOOLS;

const PAIRS: readonly (readonly [broker: Side, publisher: Side, subscriber: Side])[] = [
  ["mosquitto", "midge", "midge"],
  ["mosquitto", "mosquitto", "midge"],
  ["mosquitto", "midge", "mosquitto"],
  ["midge", "mosquitto", "mosquitto"],
  ["midge", "mosquitto", "midge"],
  ["midge", "midge", "mosquitto"],
  ["midge", "midge", "midge"],
];

const SIDES: [Side][] = [["mosquitto"], ["midge"]];

let brokers: Record<Side, BrokerPeer>;
let topics = 0;

beforeAll(async () => {
  brokers = { mosquitto: await startMosquitto(), midge: await startTestedBroker() };
});
// Each test starts several programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
afterAll(stopAll);

/** A topic of its own for each test: the brokers are shared. */
const newTopic = () => `peers5/${++topics}`;
const idOf = (name: string) => name.replace("peers5/", "session5-");

/** The tools at one broker, in 5.0. */
function toolsAt(brokerName: Side, pubName: Side, subName: Side) {
  /** How often each Topic Filter was subscribed to: a line in the broker's log for each time. */
  const subscribed = new Map<string, number>();
  const common = () => ["-h", "127.0.0.1", "-p", String(brokers[brokerName].port), "-V", "5"];
  const subCommand = (...args: string[]) => {
    const filter = args[args.indexOf("-t") + 1] ?? "";
    subscribed.set(filter, (subscribed.get(filter) ?? 0) + 1);
    return [...TOOLS[subName].sub, ...common(), "-W", "20", ...args];
  };
  return {
    pub: async (...args: string[]) => expectSuccess(await run([...TOOLS[pubName].pub, ...common(), ...args])),
    sub: (...args: string[]) => run(subCommand(...args)),
    /** A subscriber that is known to be subscribed. */
    subscriber: async (...args: string[]) => {
      const child = start(subCommand(...args));
      const filter = args[args.indexOf("-t") + 1] ?? "";
      const qos = args.includes("-q") ? args[args.indexOf("-q") + 1] : "0";
      // With its line end: midge's broker begins lines of PUBLISH the same way.
      const line = brokerName === "midge" ? `${filter} q${qos}\n` : `${filter} (QoS`;
      await brokers[brokerName].child.printed(line, subscribed.get(filter));
      return child;
    },
  };
}

const PROPERTIES = [
  ["payload-format-indicator", "1"],
  ["message-expiry-interval", "1000"],
  ["content-type", "text/plain; charset=utf-8"],
  ["response-topic", "re/ply"],
  ["correlation-data", 'a "b" ü'],
  ["user-property", "name", "first"],
  ["user-property", "name", "second"],
  ["user-property", "ü", ""],
].flatMap((words) => ["-D", "publish", ...words]);

const FORMAT = "%t A[%A] C[%C] D[%D] E[%E] F[%F] P[%P] R[%R] S[%S] %p";
const PRINTED =
  'A[] C[text/plain; charset=utf-8] D[a "b" ü] E[1000] F[1] P[name:first name:second ü:] R[re/ply] S[7] hello\n';
/** Seconds may have passed. */
const whole = (printed: string) => printed.replace(/E\[9\d\d\]/, "E[1000]");

describe.concurrent.each(atTestedBroker(PAIRS))(
  "broker %s, publisher %s, subscriber %s",
  (brokerName, pubName, subName) => {
    const { pub, sub, subscriber } = toolsAt(brokerName, pubName, subName);
    const withIdentifier = ["-D", "subscribe", "subscription-identifier", "7"];

    test.each(["0", "1", "2"])("every property of a message at QoS %s", async (qos) => {
      const name = newTopic();
      const receiver = await subscriber("-t", name, "-q", qos, "-C", "1", ...withIdentifier, "-F", FORMAT);
      await pub("-t", name, "-m", "hello", "-q", qos, ...PROPERTIES);
      expect(whole(output(await receiver.ended))).toBe(`${name} ${PRINTED}`);
    });

    test("every property of a retained message, also in JSON", async () => {
      const name = newTopic();
      await pub("-t", name, "-m", "hello", "-q", "1", "-r", ...PROPERTIES);
      const printed = output(await sub("-t", name, "-C", "1", ...withIdentifier, "-F", FORMAT));
      expect(whole(printed)).toBe(`${name} ${PRINTED}`);
      const message = JSON.parse(output(await sub("-t", name, "-C", "1", "-F", "%j")));
      // JSON.parse keeps the last of the two that are called name.
      expect(message).toMatchObject({
        topic: name,
        retain: 1,
        payload: "hello",
        properties: {
          "payload-format-indicator": 1,
          "message-expiry-interval": expect.closeTo(1000, -2),
          "content-type": "text/plain; charset=utf-8",
          "response-topic": "re/ply",
          "correlation-data": 'a "b" ü',
          "user-properties": { name: "second", ü: "" },
        },
      });
    });

    test("every property of a will, with its delay", async () => {
      const name = newTopic();
      const properties = PROPERTIES.map((word) => (word === "publish" ? "will" : word));
      const delay = ["-D", "will", "will-delay-interval", "1", "-x", "60"];
      const will = ["--will-topic", `${name}/will`, "--will-payload", "hello", ...properties, ...delay];
      const lost = await subscriber("-t", name, ...will);
      const witness = await subscriber("-t", `${name}/will`, "-C", "1", ...withIdentifier, "-F", FORMAT);
      const began = Date.now();
      await lost.stop("SIGKILL");
      expect(whole(output(await witness.ended))).toBe(`${name}/will ${PRINTED}`);
      // mosquitto looks for delayed Wills once a second, and counts whole seconds.
      expect(Date.now() - began).toBeGreaterThan(brokerName === "midge" ? 950 : 0);
    });

    test("a will that is left behind by -W", async () => {
      const name = newTopic();
      const witness = await subscriber("-t", `${name}/will`, "-C", "1");
      const result = await sub("-t", name, "--will-topic", `${name}/will`, "--will-payload", "late", "-W", "1");
      expect(result.exitCode).toBe(27);
      expect(output(await witness.ended)).toBe("late\n");
    });

    test("a session that is kept for a while", async () => {
      const name = newTopic();
      const session = ["-i", idOf(name), "-t", name, "-q", "1"];
      expectSuccess(await sub(...session, "-x", "60", "-E"));
      await pub("-t", name, "-q", "1", "-m", "while away");
      expect(output(await sub(...session, "-c", "-x", "1", "-C", "1"))).toBe("while away\n");
      // Over one second, as both brokers count it.
      await sleep(2_500);
      await pub("-t", name, "-q", "1", "-m", "too late");
      const receiver = await subscriber(...session, "-c", "-x", "1", "-C", "1");
      await pub("-t", name, "-q", "1", "-m", "in time");
      expect(output(await receiver.ended)).toBe("in time\n");
    });

    test("a session that is given up by DISCONNECT", async () => {
      const name = newTopic();
      const session = ["-i", idOf(name), "-t", name, "-q", "1", "-c"];
      expectSuccess(await sub(...session, "-D", "disconnect", "session-expiry-interval", "0", "-E"));
      await pub("-t", name, "-q", "1", "-m", "lost");
      const receiver = await subscriber(...session, "-C", "1");
      await pub("-t", name, "-q", "1", "-m", "found");
      expect(output(await receiver.ended)).toBe("found\n");
    });

    test("a retained message that expires", async () => {
      const name = newTopic();
      await pub("-t", name, "-r", "-m", "soon old", "-D", "publish", "message-expiry-interval", "1");
      await pub("-t", `${name}/b`, "-r", "-m", "kept", "-D", "publish", "message-expiry-interval", "100");
      await sleep(2_500);
      expect(output(await sub("-t", `${name}/#`, "-C", "1"))).toBe("kept\n");
    });

    test("--retain-as-published", async () => {
      const name = newTopic();
      const receiver = await subscriber("-t", name, "--retain-as-published", "-C", "2", "-F", "%r %p");
      await pub("-t", name, "-r", "-m", "kept");
      await pub("-t", name, "-m", "live");
      expect(output(await receiver.ended)).toBe("1 kept\n0 live\n");
    });

    test("-R asks the broker for no retained messages", async () => {
      const name = newTopic();
      await pub("-t", name, "-r", "-m", "old");
      const receiver = await subscriber("-t", name, "-R", "-C", "1", "-d");
      await pub("-t", name, "-m", "new");
      const { stdout, stderr } = await receiver.ended;
      // Debug lines go to standard output with mosquitto_sub.
      expect(stdout.toString()).toMatch(/^new$/m);
      expect((stdout.toString() + stderr).match(/PUBLISH.*bytes/g)).toHaveLength(1);
    });

    test("a shared subscription", async () => {
      const name = newTopic();
      const filter = `$share/${idOf(name)}/${name}`;
      const member = () => subscriber("-t", filter, "-q", "1", "-C", "5");
      const members = [await member(), await member()];
      await pub("-t", name, "-q", "1", "-m", "x", "--repeat", "10");
      // In turns: five for each.
      for (const { ended } of members) expect(output(await ended)).toBe("x\n".repeat(5));
    });
  },
);

describe.concurrent.each(atTestedBroker(SIDES))("what only midge sub has, at broker %s", (brokerName) => {
  const { pub, sub, subscriber } = toolsAt(brokerName, "midge", "midge");

  test("--retain-handling", async () => {
    const name = newTopic();
    await pub("-t", name, "-r", "-q", "1", "-m", "kept");
    const received = async (...args: string[]) => {
      const result = await sub("-t", name, "-W", "1", ...args);
      expect(result.exitCode).toBe(27);
      return result.stdout.toString();
    };
    const session = ["-i", idOf(name), "-c"];
    expect(await received(...session, "--retain-handling", "new")).toBe("kept\n");
    expect(await received(...session, "--retain-handling", "new")).toBe("");
    expect(await received(...session, "--retain-handling", "always")).toBe("kept\n");
    expect(await received("--retain-handling", "never")).toBe("");
  });

  test("--no-local", async () => {
    const name = newTopic();
    const session = ["-i", idOf(name), "-c"];
    expectSuccess(await sub("-t", name, "-q", "1", ...session, "--no-local", "-E"));
    await pub("-t", name, "-q", "1", ...session, "-m", "its own");
    await pub("-t", name, "-q", "1", "-m", "another's");
    expect(output(await sub("-t", `${name}/other`, ...session, "-C", "1"))).toBe("another's\n");
  });

  test("several subscription identifiers", async () => {
    const name = newTopic();
    const session = ["-i", idOf(name), "-c", "-q", "1", "-E"];
    const identifier = (number: string) => ["-D", "subscribe", "subscription-identifier", number];
    expectSuccess(await sub("-t", `${name}/+`, ...session, ...identifier("3")));
    const receiver = await subscriber(
      "-t",
      `${name}/x`,
      "-i",
      idOf(name),
      "-c",
      "-C",
      "1",
      ...identifier("5"),
      "-F",
      "%S",
    );
    await pub("-t", `${name}/x`, "-m", "x");
    // mosquitto sends a copy for each subscription, and this ends at the first.
    expect(output(await receiver.ended)).toMatch(brokerName === "midge" ? /^3 5\n$/ : /^[35]\n$/);
  });
});

test("midge_expiry lets a subscription lapse at midge broker", async () => {
  const { pub, sub } = toolsAt("midge", "midge", "midge");
  const name = newTopic();
  const session = ["-i", idOf(name), "-c", "-q", "1"];
  expectSuccess(await sub("-t", name, ...session, "-E", "-D", "subscribe", "user-property", "midge_expiry", "1"));
  // The line of an unsubscribe ends with the filter.
  await brokers.midge.child.printed(`  ${name}\n`);
  await pub("-t", name, "-q", "1", "-m", "too late");
  const result = await sub("-t", `${name}/other`, ...session, "-W", "1");
  expect(result).toMatchObject({ exitCode: 27, stdout: Buffer.alloc(0) });
});

describe.concurrent("a mosquitto that refuses", () => {
  let strict: BrokerPeer;
  beforeAll(async () => {
    const acl = temporaryFile("acl", "topic readwrite ok/#\ntopic read read/#\n");
    const limits = ["max_packet_size 200", "max_qos 1", "retain_available false"];
    strict = await startMosquitto(["allow_anonymous true", `acl_file ${acl}`, ...limits]);
  });

  test.each([
    // command line, exit code, what is said
    ["pub -t ok/x -m x -q 1", 0, ""],
    ["pub -t read/x -m x -q 1", 135, "publish 1 failed: not authorised (0x87)"],
    ["pub -t read/x -m x -q 1 --quiet", 135, ""],
    ["pub -t read/x -m x -q 0", 0, ""],
    ["pub -t ok/x -m x -q 2", 1, "does not do this"],
    ["pub -t ok/x -m x -r", 1, "does not do this"],
    ["pub -t ok/x -f LONG", 1, "larger than"],
    ["rr -t read/x -m x -W 5", 135, "not authorised (0x87)"],
    ["pub -t ok/x -m x -D connect authentication-method NONE", 140, "bad authentication method (0x8c)"],
  ])("midge %s", async (line, exitCode, said) => {
    const long = temporaryFile("long", "x".repeat(300));
    const [tool = "", ...args] = line.replace("LONG", long).split(" ");
    const result = await run([...MIDGE, tool, "-p", String(strict.port), "-V", "5", ...args]);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toMatch(said === "" ? /^$/ : /^midge (pub|rr): [^\n]+\n$/);
    expect(result.stderr).toContain(said);
  });
});

test("SCRAM-SHA-256 with the users of midge broker", async () => {
  const file = temporaryFile("users", "");
  expectSuccess(await run([...MIDGE, "passwd", "-b", file, "gardener", "s3cret"]));
  const { port } = await startMidgeBroker(["-p", "0", "--password-file", file]);
  const pub = (...args: string[]) => run([...MIDGE, "pub", "-p", String(port), "-t", "a", "-m", "x", ...args]);
  const scram = ["-D", "connect", "authentication-method", "SCRAM-SHA-256", "-u", "gardener"];
  expectSuccess(await pub(...scram, "-P", "s3cret"));
  expect(await pub(...scram, "-P", "wrong")).toMatchObject({ exitCode: 134 });
  expect(await pub("-V", "5")).toMatchObject({ exitCode: 135 });
});

/** What a program that succeeded has printed. */
function output(result: Result): string {
  expectSuccess(result);
  return result.stdout.toString();
}

function expectSuccess({ exitCode, signal, stderr }: Result): void {
  expect({ exitCode, signal, stderr }).toMatchObject({ exitCode: 0, signal: null });
}
