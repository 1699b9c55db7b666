// The command line against its peers: midge pub and sub with a real mosquitto, mosquitto_pub and mosquitto_sub with
// `midge broker`, and midge with itself, in every version. What each flag does is in cli-flags.test.ts, what only 5.0 has in cli5-peers.test.ts.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  atTestedBroker,
  type BrokerPeer,
  MIDGE,
  type Result,
  run,
  start,
  startMosquitto,
  startTestedBroker,
  stopAll,
} from "./peers.ts";

const TOOLS = {
  midge: { pub: [...MIDGE, "pub"], sub: [...MIDGE, "sub"] },
  mosquitto: { pub: ["mosquitto_pub"], sub: ["mosquitto_sub"] },
} as const;

const PAIRS = [
  // broker, publisher, subscriber, versions
  ["mosquitto", "midge", "midge", ["31", "311", "5"]],
  ["mosquitto", "mosquitto", "midge", ["311"]],
  ["mosquitto", "midge", "mosquitto", ["311"]],
  ["midge", "mosquitto", "mosquitto", ["31", "311", "5"]],
  ["midge", "midge", "midge", ["31", "311", "5"]],
] as const;

let brokers: Record<"midge" | "mosquitto", BrokerPeer>;
let topics = 0;

beforeAll(async () => {
  brokers = { mosquitto: await startMosquitto(), midge: await startTestedBroker() };
});
// Each test starts several programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
afterAll(stopAll);

// Side by side: most of their time is the start of programs.
describe.concurrent.each(atTestedBroker(PAIRS))(
  "broker %s, publisher %s, subscriber %s",
  (brokerName, pubName, subName, versions) => {
    describe.each(versions)("MQTT %s", (version) => {
      /** A topic of its own for each test: the brokers are shared. */
      const topic = () => `peers/${++topics}`;
      const id = (name: string) => name.replace("peers/", "session");
      const common = () => ["-h", "127.0.0.1", "-p", String(brokers[brokerName].port), "-V", `mqttv${version}`];
      const pubCommand = (...args: string[]) => [...TOOLS[pubName].pub, ...common(), ...args];
      const subCommand = (...args: string[]) => [...TOOLS[subName].sub, ...common(), "-W", "20", ...args];
      const pub = async (...args: string[]) => expectSuccess(await run(pubCommand(...args)));
      const sub = (...args: string[]) => run(subCommand(...args));
      /** A subscriber that is known to be subscribed. */
      const subscriber = async (...args: string[]) => {
        const child = start(subCommand(...args));
        const filter = args[args.indexOf("-t") + 1];
        await brokers[brokerName].child.printed(`${filter}${SUBSCRIBED[brokerName]}`);
        return child;
      };

      test.each([0, 1, 2])("QoS %i", async (qos) => {
        const name = topic();
        const receiver = await subscriber("-t", `${name}/+`, "-q", String(qos), "-C", "1", "-F", "%t %q %r %p");
        await pub("-t", `${name}/x`, "-q", String(qos), "-m", "hello");
        expect(output(await receiver.ended)).toBe(`${name}/x ${qos} 0 hello\n`);
      });

      test("any byte, and a megabyte of them", async () => {
        const name = topic();
        const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
        const receiver = await subscriber("-t", name, "-q", "1", "-C", "1", "-N");
        expectSuccess(await run(pubCommand("-t", name, "-q", "1", "-s"), { input: bytes }));
        const received = await receiver.ended;
        expect(received.exitCode).toBe(0);
        expect(received.stdout.equals(bytes)).toBe(true);
      });

      test("a thousand lines, in order", async () => {
        const name = topic();
        const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}\n`).join("");
        const receiver = await subscriber("-t", name, "-q", "2", "-C", "1000");
        expectSuccess(await run(pubCommand("-t", name, "-q", "2", "-l"), { input: lines }));
        expect(output(await receiver.ended)).toBe(lines);
      });

      test("a retained message, and its removal", async () => {
        const name = topic();
        await pub("-t", name, "-q", "1", "-r", "-m", "kept");
        expect(output(await sub("-t", name, "-q", "1", "-C", "1", "-F", "%r %q %p"))).toBe("1 1 kept\n");
        await pub("-t", name, "-q", "1", "-r", "-n");
        // The first message that is not retained ends it: what was retained has all come before.
        const receiver = await subscriber("-t", `${name}/#`, "--retained-only");
        await pub("-t", name, "-m", "live");
        expect(output(await receiver.ended)).toBe("");
      });

      test("a session that outlives its connection", async () => {
        const name = topic();
        const session = ["-i", id(name), "-c", "-t", name, "-q", "2"];
        expectSuccess(await sub(...session, "-E"));
        for (const qos of ["0", "1", "2"]) await pub("-t", name, "-q", qos, "-m", `while away ${qos}`);
        // A broker may keep QoS 0 messages for a session, or not [v3.1.1, 3.1.2.4]: neither of these two does.
        expect(output(await sub(...session, "-C", "2", "-F", "%q %p"))).toBe("1 while away 1\n2 while away 2\n");
      });

      test("a will", async () => {
        const name = topic();
        const will = ["--will-topic", `${name}/will`, "--will-payload", "gone", "--will-qos", "1", "--will-retain"];
        const lost = await subscriber("-t", name, ...will);
        const witness = await subscriber("-t", `${name}/will`, "-q", "1", "-C", "1", "-F", "%t %q %p");
        await lost.stop("SIGKILL");
        expect(output(await witness.ended)).toBe(`${name}/will 1 gone\n`);
        expect(output(await sub("-t", `${name}/will`, "-C", "1", "-F", "%r %p"))).toBe("1 gone\n");
      });

      test("no will after DISCONNECT", async () => {
        const name = topic();
        const witness = await subscriber("-t", `${name}/#`, "-C", "2", "-v");
        await pub("-t", name, "-m", "first", "--will-topic", `${name}/will`, "--will-payload", "gone");
        await pub("-t", name, "-m", "second");
        expect(output(await witness.ended)).toBe(`${name} first\n${name} second\n`);
      });

      test("several subscriptions, one of them taken back", async () => {
        const name = topic();
        const session = ["-i", id(name), "-c"];
        expectSuccess(
          await sub(...session, "-t", `${name}/a`, "-t", `${name}/b`, "-t", `${name}/c/#`, "-q", "1", "-E"),
        );
        expectSuccess(await sub(...session, "-t", `${name}/d`, "-U", `${name}/b`, "-q", "1", "-E"));
        for (const leaf of ["a", "b", "c", "c/x/y", "d"]) await pub("-t", `${name}/${leaf}`, "-q", "1", "-m", leaf);
        const received = await sub(...session, "-t", `${name}/a`, "-q", "1", "-C", "4");
        expect(output(received)).toBe("a\nc\nc/x/y\nd\n");
      });

      test("the same message five times", async () => {
        const name = topic();
        const receiver = await subscriber("-t", name, "-q", "1", "-C", "5");
        await pub("-t", name, "-q", "1", "-m", "again", "--repeat", "5", "--repeat-delay", "0.05");
        expect(output(await receiver.ended)).toBe("again\n".repeat(5));
      });
    });
  },
);

/** What stands behind the Topic Filter in the log of each broker, when somebody subscribes. */
const SUBSCRIBED = { midge: " q", mosquitto: " (QoS" } as const;

/** What a program that succeeded has printed. */
function output(result: Result): string {
  expectSuccess(result);
  return result.stdout.toString();
}

function expectSuccess({ exitCode, signal, stderr }: Result): void {
  expect({ exitCode, signal, stderr }).toMatchObject({ exitCode: 0, signal: null });
}
