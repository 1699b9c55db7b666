// `midge rr` beside mosquitto_rr: with a scripted broker for what it takes as its answer, and at a real mosquitto and a midge
// broker with a responder of the API.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Client } from "../../host/client.ts";
import { publish5, rrAnswer, type Script, speak, stopScripts } from "./cli5-script.ts";
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
  temporaryFile,
} from "./peers.ts";

type Side = "midge" | "mosquitto";

const RR = { midge: [...MIDGE, "rr"], mosquitto: ["mosquitto_rr"] } as const;

const SIDES: [Side][] = [["mosquitto"], ["midge"]];

let brokers: Record<Side, BrokerPeer>;
let topics = 0;

beforeAll(async () => {
  brokers = { mosquitto: await startMosquitto(), midge: await startTestedBroker() };
});
// Each test starts several programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
afterAll(async () => {
  stopScripts();
  await stopAll();
});

/** A topic of its own for each test: the brokers are shared. */
const newTopic = () => `requests/${++topics}`;

describe.concurrent("midge rr", () => {
  test.each([
    // flags, what comes to the response topic, exit code, what is printed
    ["-e b", rrAnswer(), 0, "answer\n"],
    ["-e b -N", rrAnswer(), 0, "answer"],
    ["-e b -v", rrAnswer(), 0, "b answer\n"],
    ["-e b -F <%t|%C|%D|%p>", rrAnswer({ contentType: "t", correlationData: Buffer.from("c") }), 0, "b|t|c|answer\n"],
    ["-e b -W 1", rrAnswer({}, "c"), 27, ""],
    ["-e b -W 1 -D publish correlation-data mine", rrAnswer({ correlationData: Buffer.from("other") }), 27, ""],
    ["-e b -D publish correlation-data mine", rrAnswer({ correlationData: Buffer.from("mine") }), 0, "answer\n"],
    ["-e b -D publish correlation-data mine", rrAnswer(), 0, "answer\n"],
    ["-e b", rrAnswer({ correlationData: Buffer.from("other") }), 0, "answer\n"],
    ["-W 1", rrAnswer(), 27, ""],
  ] as [string, Script, number, string][])("rr -t a -m x %s", async (flags, script, exitCode, printed) => {
    const result = await speak("midge", `rr -t a -m x ${flags}`, script);
    expect([result.exitCode, result.stdout.toString()]).toEqual([exitCode, printed]);
  });

  test("-R does not take what was retained", async () => {
    const retained = Buffer.from(publish5("b", Buffer.alloc(0), "old"));
    retained[0] = 0x31;
    const fresh = publish5("b", Buffer.alloc(0), "new");
    const script = { afterSubscribe: Buffer.concat([retained, fresh]) };
    expect((await speak("midge", "rr -t a -e b -m x -R", script)).stdout.toString()).toBe("new\n");
    expect((await speak("midge", "rr -t a -e b -m x", script)).stdout.toString()).toBe("old\n");
  });
});

describe.concurrent.each(atTestedBroker(SIDES))("requests at broker %s", (brokerName) => {
  let responder: Client;
  const topicName = `requests/request/${brokerName}`;
  const answers = `requests/answers/${brokerName}`;
  const at = () => ["-h", "127.0.0.1", "-p", String(brokers[brokerName].port)];

  beforeAll(async () => {
    responder = await Client.connect({ protocolVersion: "5.0", port: brokers[brokerName].port });
    await responder.respond(topicName, (request) => ({
      payload: `${request.text()} for ${request.properties.userProperties?.[0]?.[1] ?? "nobody"}`,
      contentType: "text/plain",
    }));
  });
  afterAll(() => responder.end());

  test.each([
    // tool, flags, what is printed
    ["midge", "", "x for nobody\n"],
    ["midge", "-q 0", "x for nobody\n"],
    ["midge", "-q 2 -N", "x for nobody"],
    ["midge", "-F %C:%p", "text/plain:x for nobody\n"],
    ["midge", "-D publish user-property who me", "x for me\n"],
    ["midge", `-e ${answers}/1 -v`, `${answers}/1 x for nobody\n`],
    ["midge", `-e ${answers}/2 -q 1 -D publish correlation-data abc -F %D:%p`, "abc:x for nobody\n"],
    ["mosquitto", `-e ${answers}/3 -v`, `${answers}/3 x for nobody\n`],
    ["mosquitto", `-e ${answers}/4 -q 1 -D publish correlation-data abc -F %D:%p`, "abc:x for nobody\n"],
  ] as [Side, string, string][])("%s rr %s", async (tool, flags, printed) => {
    const result = await run([
      ...RR[tool],
      ...at(),
      "-t",
      topicName,
      "-m",
      "x",
      "-W",
      "10",
      ...flags.split(" ").filter(Boolean),
    ]);
    expect(output(result)).toBe(printed);
  });

  test("from a file, standard input and nothing", async () => {
    const bytes = Buffer.from([0x78, 10, 13, 10]);
    const file = temporaryFile("request", bytes);
    const rr = (...args: string[]) => [...MIDGE, "rr", ...at(), "-t", topicName, "-W", "10", ...args];
    expect(output(await run(rr("-f", file)))).toBe(`${bytes} for nobody\n`);
    expect(output(await run(rr("-s"), { input: bytes }))).toBe(`${bytes} for nobody\n`);
    expect(output(await run(rr("-n")))).toBe(" for nobody\n");
  });

  test("in MQTT 3.1.1 with a responder that knows the topic", async () => {
    const name = newTopic();
    const ask = start([
      ...MIDGE,
      "rr",
      ...at(),
      "-V",
      "311",
      "-t",
      name,
      "-e",
      `${name}/answer`,
      "-m",
      "x",
      "-W",
      "10",
    ]);
    await brokers[brokerName].child.printed(brokerName === "midge" ? `${name}/answer q0\n` : `${name}/answer (QoS`);
    await run([...MIDGE, "pub", ...at(), "-t", `${name}/answer`, "-m", "yes"]);
    expect(output(await ask.ended)).toBe("yes\n");
  });

  test("nobody is there to answer", async () => {
    const result = await run([...MIDGE, "rr", ...at(), "-t", newTopic(), "-m", "x", "-W", "10"]);
    expect(result).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^midge rr: .*nobody is subscribed to .*\n$/),
    });
  });
});

/** What a program that succeeded has printed. */
function output({ exitCode, signal, stderr, stdout }: Result): string {
  expect({ exitCode, signal, stderr }).toMatchObject({ exitCode: 0, signal: null });
  return stdout.toString();
}
