// `midge broker`, `midge demo` and the help of every command, run as a user runs them.

import net from "node:net";
import { afterAll, describe, expect, test, vi } from "vitest";
import { startBroker } from "../../host/cli/demo.ts";
import { freePort, MIDGE, run, start, startMidgeBroker, stopAll } from "./peers.ts";

// Each test starts several programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
afterAll(stopAll);

describe("midge broker", () => {
  test("says where it listens and who may connect", async () => {
    const { child, port } = await startMidgeBroker();
    const { stdout, exitCode } = await child.stop("SIGTERM");
    expect(exitCode).toBe(0);
    expect(stdout.toString()).toContain(`listens on 127.0.0.1:${port}\n`);
    expect(stdout.toString()).toMatch(/every program on this machine, without a password.*--host 0\.0\.0\.0/);
  });

  test("warns when other machines can connect", async () => {
    const { child } = await startMidgeBroker(["-p", "0", "--host", "127.0.0.1", "--host", "0.0.0.0"]);
    const { stdout } = await child.stop();
    expect(stdout.toString()).toMatch(/listens on 127\.0\.0\.1:\d+, 0\.0\.0\.0:\d+\n/);
    expect(stdout.toString()).toMatch(/everyone who reaches 0\.0\.0\.0:\d+, without a password or encryption/);
  });

  test("-v tells of every connect, subscribe, unsubscribe, publish and disconnect", async () => {
    const { child, port } = await startMidgeBroker();
    const at = ["-p", String(port), "-i", "visitor"];
    await run(["mosquitto_sub", ...at, "-c", "-t", "a/#", "-q", "1", "-E", "-k", "30"]);
    await run(["mosquitto_sub", ...at, "-c", "-t", "b", "-U", "a/#", "-E"]);
    await run(["mosquitto_pub", ...at, "-t", "a", "-m", "hello", "-q", "2", "-r", "-V", "31", "-u", "joe"]);
    await child.printed(" disconnect ", 3);
    const { stdout } = await child.stop();
    const line = (verb: string, text: string) =>
      new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} ${verb} +visitor 127\\.0\\.0\\.1:\\d+  ${text}`, "m");
    for (const [verb, text] of [
      ["connect", "MQTT 3\\.1\\.1, session kept, keep alive 30 s$"],
      ["subscribe", "a/# q1$"],
      ["unsubscribe", "a/#$"],
      ["connect", "MQTT 3\\.1, clean session, keep alive 60 s, user joe$"],
      ["publish", "a q2 retain, 5 bytes$"],
      ["disconnect", ""],
    ] as const) {
      expect(stdout.toString()).toMatch(line(verb, text));
    }
  });

  test.each([
    // arguments, what is said; PORT is in use
    ["-p PORT", /^midge broker: 127\.0\.0\.1:\d+ is in use .* midge broker -p \d+\n$/],
    ["-p 0 --host 203.0.113.7", /^midge broker: this machine has no address 203\.0\.113\.7\. .*\n$/],
    ["-p 0 --host nowhere.invalid", /^midge broker: there is no host called nowhere\.invalid\. .*\n$/],
    ["-p 65536", /^midge broker: .*from 0 to 65535.*\n$/],
    ["--bogus", /^midge broker: unknown option '--bogus'\n$/],
  ])("%s fails in one line", async (line, said) => {
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as net.AddressInfo;
    const result = await run([...MIDGE, "broker", ...line.replace("PORT", String(port)).split(" ")]);
    taken.close();
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(said);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s ends it while clients are connected", async (signal) => {
    const { child, port, subscribed } = await startMidgeBroker();
    const client = start(["mosquitto_sub", "-p", String(port), "-t", "#", "-W", "10"]);
    await subscribed();
    expect(await child.stop(signal)).toMatchObject({ exitCode: 0, signal: null, stderr: "" });
    await client.stop("SIGKILL");
  });
});

describe("midge demo", () => {
  test("runs by itself, and prints lines where there is no terminal", async () => {
    const port = await freePort();
    const result = await run([...MIDGE, "demo", "-p", String(port), "--seconds", "7"]);
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    const printed = result.stdout.toString();
    expect(printed).toContain(`127.0.0.1:${port}`);
    for (const line of [
      /garden\/greenhouse\/temperature \d+\.\d {2}\(QoS 0, retained\)/,
      /garden\/door\/state closed {2}\(QoS 1, retained\)/,
      /garden\/door\/state open {2}\(QoS 1, retained\)/,
      /garden\/pump\/set on {2}\(QoS 1\)/,
      /garden\/pump\/state running {2}\(QoS 2, retained\)/,
    ]) {
      expect(printed).toMatch(line);
    }
    // No terminal, no terminal sequences.
    expect(printed).not.toContain("\x1b");
  });

  test("its broker serves others, and Ctrl-C ends it", async () => {
    const port = await freePort();
    const demo = start([...MIDGE, "demo", "-p", String(port)]);
    await demo.printed("garden/door/state");
    const reading = await run(["mosquitto_sub", "-p", String(port), "-t", "garden/greenhouse/#", "-C", "1", "-W", "5"]);
    expect(reading.stdout.toString()).toMatch(/^\d+\.\d\n$/);
    await run(["mosquitto_pub", "-p", String(port), "-t", "garden/pump/set", "-m", "on", "-q", "1"]);
    await demo.printed("garden/pump/state running");
    expect(await demo.stop("SIGINT")).toMatchObject({ exitCode: 0, signal: null, stderr: "" });
  });

  test("moves on to the next free port when none is asked for", async () => {
    const { port } = await startMidgeBroker();
    const moved = await startBroker(undefined, port);
    expect(moved.port).toBeGreaterThan(port);
    expect(moved.broker.addresses).toEqual([{ host: "127.0.0.1", port: moved.port }]);
    await moved.broker.close();
  });

  test("a port that is asked for and in use is an error", async () => {
    const { port } = await startMidgeBroker();
    const result = await run([...MIDGE, "demo", "-p", String(port)]);
    expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^midge demo: .*in use.*\n$/) });
  });
});

describe("help", () => {
  test("of the program lists every command", async () => {
    const { stdout, exitCode } = await run([...MIDGE, "--help"]);
    expect(exitCode).toBe(0);
    for (const command of ["pub", "sub", "rr", "broker", "demo"])
      expect(stdout.toString()).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  test.each(["pub", "sub", "rr", "broker", "demo"])("of %s has examples", async (command) => {
    const { stdout, stderr, exitCode } = await run([...MIDGE, command, "--help"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout.toString()).toMatch(new RegExp(`^Examples:\n  midge ${command}`, "m"));
  });

  test("--version is a version", async () => {
    expect((await run([...MIDGE, "--version"])).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
