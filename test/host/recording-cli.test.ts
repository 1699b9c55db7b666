// `midge broker --engine`, `--record` and `midge replay` as a person has them: real programs, real files, and what they say when
// it cannot be. That every engine replays all of the core is test/core/recordings.test.ts.

import { readFileSync, statSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import { Broker, Client, MidgeError } from "../../host/index.ts";
import { MIDGE, type Result, run, startMidgeBroker, stopAll, temporaryFile } from "./peers.ts";

vi.setConfig({ testTimeout: 60_000 });
afterAll(stopAll);

const ENGINES = ["v8", "wasm3"] as const;
/** There is no addon at this path. */
const WITHOUT_WASM3 = { env: { MIDGE_WASM3_ADDON: "/nonexistent/wasm3.node" } };

const replay = (...args: string[]) => run([...MIDGE, "replay", ...args]);

/** Two messages through a broker, by real clients; resolves with its end. */
async function exchange(...flags: string[]): Promise<Result> {
  const broker = await startMidgeBroker(["-p", "0", ...flags]);
  const to = ["-h", "127.0.0.1", "-p", String(broker.port), "-q", "2"];
  const receiver = run(["mosquitto_sub", ...to, "-t", "a/#", "-C", "2", "-W", "20", "-V", "5", "-F", "%t %q %p"]);
  await broker.subscribed();
  await run(["mosquitto_pub", ...to, "-t", "a/1", "-m", "hello"]);
  // More than one read of a socket.
  await run(["mosquitto_pub", ...to, "-t", "a/2", "-V", "31", "-s"], { input: Buffer.alloc(300_000, "x") });
  const received = (await receiver).stdout.toString();
  expect(received).toBe(`a/1 2 hello\na/2 2 ${"x".repeat(300_000)}\n`);
  return broker.child.stop();
}

describe.each(ENGINES)("a broker on %s", (engine) => {
  it("serves mosquitto's clients, and its recording replays on each engine", async () => {
    const file = temporaryFile("run.midgerec", "what was there before");
    const { exitCode, stdout, stderr } = await exchange("--engine", engine, "--record", file);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout.toString()).toContain(`Recorded in ${file}`);
    for (const other of ENGINES) {
      const replayed = await replay(file, "--engine", other);
      expect(replayed.stderr).toBe("");
      expect(replayed.stdout.toString()).toMatch(
        new RegExp(
          `^${other}: \\d+ calls, 300\\d\\d\\d bytes in, 300\\d\\d\\d bytes out, \\d+ events, in [\\d.]+ s of its time: all as recorded\n$`,
        ),
      );
      expect(replayed.exitCode).toBe(0);
    }
    const verbose = (await replay("-v", file)).stdout.toString();
    expect(verbose).toMatch(/^ +1 {2}abiVersion\(\) = \d+\n +2 {2}init\(65536, \d+\)\n/);
    expect(verbose).toMatch(/input: 14 bytes: 10 0c [\da-f ]+\n +\d+ {2}handleBytes\(\d+, 14\) = 0\n/);
    expect(verbose).toMatch(/\n +\d+ {4}to \d+: 4 bytes: 20 02 00 00\n/);
    expect(verbose).toMatch(/\n +\d+ {4}event CLOSE of \d+: code 1, detail 0/);
  });

  it("serves in a program of one's own, to clients on it", async () => {
    const broker = await Broker.start({ listen: [{ port: 0 }], engine });
    const client = await Client.connect({ ...broker.addresses[0], engine });
    const subscription = await client.subscribe("t", { qos: 1 });
    await client.publish("t", "x", { qos: 1 });
    for await (const message of subscription) {
      expect(message.text()).toBe("x");
      break;
    }
    await client.end();
    await broker.close();
  });
});

describe("a recording that was changed", () => {
  it("is told by its first difference", async () => {
    const file = temporaryFile("run.midgerec", "");
    await exchange("--record", file);
    const bytes = readFileSync(file);
    // 3.1.1 was accepted.
    bytes[bytes.indexOf(Buffer.from("20020000", "hex")) + 3] = 9;
    const { exitCode, stdout, stderr } = await replay(temporaryFile("changed.midgerec", bytes), "--engine", "wasm3");
    expect([exitCode, stdout.toString()]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^midge replay: record \d+, nextSends\(\): what came out differs from byte \d+ on, 09 and 00\nrecorded: to \d+: 4 bytes: 20 02 00 09\nwasm3: to \d+: 4 bytes: 20 02 00 00\n$/,
    );
    const cut = await replay(temporaryFile("cut.midgerec", readFileSync(file).subarray(0, 5_001)));
    expect(cut.stdout.toString()).toMatch(/all as recorded\nThe recording ends in the middle of a record, .*\n$/);
    expect(cut.exitCode).toBe(0);
  });

  it.each([
    [temporaryFile("other", "something else"), /: this is no recording$/],
    ["/nonexistent", /^cannot read \/nonexistent: no such file$/],
    ["/tmp", /^cannot read \/tmp: it is a directory$/],
  ])("that is none: %s", async (file, text) => {
    const { exitCode, stderr } = await replay(file);
    expect([exitCode, stderr.replace(/^midge replay: |\n$/g, "")]).toEqual([1, expect.stringMatching(text)]);
  });
});

describe("a recording that cannot be written", () => {
  it("ends with a warning on a full disk, and the broker goes on", async () => {
    const { exitCode, stderr } = await exchange("--record", "/dev/full");
    expect(stderr).toBe(
      "midge broker: the recording ends here, and the broker goes on: cannot write /dev/full: no space is left on the device\n",
    );
    expect(exitCode).toBe(0);
  });

  it("is a reason not to start when it cannot even be made", async () => {
    const { exitCode, stderr } = await run([...MIDGE, "broker", "-p", "0", "--record", "/nonexistent/run"]);
    expect([exitCode, stderr]).toEqual([1, "midge broker: cannot write /nonexistent/run: no such file\n"]);
  });

  it("is its owner's alone", async () => {
    const file = `${temporaryFile("other", "")}.midgerec`;
    await exchange("--record", file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe("wasm3 where it is not built", () => {
  it.each([
    ["broker", "-p", "0"],
    ["replay", "/dev/null"],
  ])("midge %s says how to build it", async (...command) => {
    const { exitCode, stderr } = await run([...MIDGE, ...command, "--engine", "wasm3"], WITHOUT_WASM3);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^midge \w+: the engine wasm3 is not built: .*npm rebuild --foreground-scripts midge-mqtt.*npm run build:wasm3\)\n$/,
    );
  });

  it("throws with a code of its own", () => {
    vi.stubEnv("MIDGE_WASM3_ADDON", WITHOUT_WASM3.env.MIDGE_WASM3_ADDON);
    expect(() => new Broker({ engine: "wasm3" })).toThrow(expect.objectContaining({ code: "NO_ENGINE" }));
    expect(() => new Broker({ engine: "wasm3" })).toThrow(MidgeError);
    vi.unstubAllEnvs();
    expect(() => new Broker({ engine: "V8" as "v8" })).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
  });

  it("takes nothing from V8", async () => {
    const { exitCode } = await run([...MIDGE, "replay", "/dev/null"], WITHOUT_WASM3);
    expect(exitCode).toBe(1);
    const broker = await startMidgeBroker();
    expect((await broker.child.stop()).exitCode).toBe(0);
  });
});
