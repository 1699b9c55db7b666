// `midge broker -c`: a mosquitto.conf as a gateway's owner has it, against mosquitto's clients; what it says of a bad one; and
// the same through the API.

import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { Broker, ConfigurationError } from "../../host/index.ts";
import { type Child, freePort, MIDGE, run, start, stopAll, temporaryFile } from "./peers.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
afterAll(stopAll);

const file = (...lines: string[]) => temporaryFile("mosquitto.conf", `${lines.join("\n")}\n`);

async function startWith(config: string, ...args: string[]): Promise<Child> {
  const child = start([...MIDGE, "broker", "-c", config, ...args], { timeoutMs: 300_000 });
  await child.printed("Ctrl-C ends it");
  return child;
}

const publish = (to: string[], payload = "x", ...args: string[]) =>
  run(["mosquitto_pub", ...to, "-t", "t", "-m", payload, "-q", "1", "-i", "c", ...args]);
const at = (port: number) => ["-p", String(port)];

describe("midge broker -c", () => {
  test("listens where the file says, on Unix sockets too", async () => {
    const first = await freePort();
    let second = first;
    while (second === first) second = await freePort();
    const config = file("# gateway", `listener ${first} 127.0.0.1`, `port ${second}`, "allow_anonymous true");
    const path = join(dirname(config), "a socket");
    writeFileSync(config, `${readFileSync(config)}listener 0 ${path}\n`);
    const child = await startWith(config);
    expect(child.stdout).toMatch(new RegExp(`listens on 127.0.0.1:${first}, ${path}, \\[::\\]:${second}\n`));
    for (const to of [at(first), at(second), ["--unix", path]]) expect((await publish(to)).exitCode).toBe(0);
    await child.printed(" connect ", 3);
    expect(child.stderr).toContain(` connect     c ${path}  MQTT 3.1.1,`);
    expect(await child.stop()).toMatchObject({ exitCode: 0 });
    expect(existsSync(path)).toBe(false);
  });

  test("takes the place of a Unix socket that was left behind, and of nothing else", async () => {
    const config = file("allow_anonymous true");
    const path = join(dirname(config), "s");
    writeFileSync(config, `allow_anonymous true\nlistener 0 ${path}\n`);
    const left = start([
      process.execPath,
      "-e",
      `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`,
    ]);
    await left.printed("up");
    const refused = await run([...MIDGE, "broker", "-c", config]);
    expect(refused).toMatchObject({ exitCode: 1, stdout: Buffer.alloc(0) });
    expect(refused.stderr).toBe(`midge broker: cannot listen on ${path}, as ${config} says: another program has it\n`);
    await left.stop("SIGKILL");
    expect(statSync(path).isSocket()).toBe(true);
    const child = await startWith(config);
    expect((await publish(["--unix", path])).exitCode).toBe(0);
    await child.stop();
    writeFileSync(path, "");
    expect(await run([...MIDGE, "broker", "-c", config])).toMatchObject({ exitCode: 1 });
    expect(statSync(path).isFile()).toBe(true);
  });

  test("sets limits of messages", async () => {
    const port = await freePort();
    const limits = ["max_qos 1", "message_size_limit 100", "max_packet_size 300"];
    const child = await startWith(file(`listener ${port} 127.0.0.1`, "allow_anonymous true", ...limits), "-v");
    const sub = start(["mosquitto_sub", ...at(port), "-t", "#", "-i", "s", "-F", "%l"]);
    await child.printed(" subscribe ");
    expect((await publish(at(port), "x", "-V", "5", "-q", "2")).stderr).toContain("QoS not supported");
    // Acknowledged, and dropped.
    expect((await publish(at(port), "y".repeat(101))).exitCode).toBe(0);
    expect((await publish(at(port), "y".repeat(400))).exitCode).not.toBe(0);
    expect((await publish(at(port), "y".repeat(100))).exitCode).toBe(0);
    await sub.printed("100\n");
    expect((await sub.stop()).stdout.toString()).toBe("100\n");
    await child.stop();
  });

  test("sets the limit of connections", async () => {
    const port = await freePort();
    const child = await startWith(
      file(`listener ${port} 127.0.0.1`, "allow_anonymous true", "max_connections 1"),
      "-v",
    );
    const sub = start(["mosquitto_sub", ...at(port), "-t", "#", "-i", "s"]);
    await child.printed(" subscribe ");
    expect((await publish(at(port))).exitCode).not.toBe(0);
    await sub.stop();
    await child.printed(" disconnect ");
    expect((await publish(at(port))).exitCode).toBe(0);
    await child.stop();
  });

  test("writes the pid file, and takes it away", async () => {
    const config = file("");
    const pid = join(dirname(config), "midge.pid");
    writeFileSync(config, `allow_anonymous true\nlistener ${await freePort()}\npid_file ${pid}\n`);
    const child = await startWith(config);
    expect(readFileSync(pid, "utf8")).toBe(`${child.process.pid}\n`);
    await child.stop();
    expect(existsSync(pid)).toBe(false);
    writeFileSync(config, `pid_file ${dirname(config)}/none/midge.pid\n`);
    const { exitCode, stderr } = await run([...MIDGE, "broker", "-c", config, ...at(await freePort())]);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/cannot write the pid file .*no such file\n$/)]);
  });

  test("logs to a file, which it begins anew on SIGHUP", async () => {
    const config = file("");
    const port = await freePort();
    const log = join(dirname(config), "midge.log");
    const lines = ["allow_anonymous true", `listener ${port} 127.0.0.1`, `log_dest file ${log}`, "log_type debug"];
    writeFileSync(config, `${lines.join("\n")}\n`);
    const child = await startWith(config);
    await publish(at(port));
    await vi.waitFor(() =>
      expect(readFileSync(log, "utf8")).toMatch(/^\S+ publish +c 127\.0\.0\.1:\d+ {2}t q1, 1 bytes\n$/),
    );
    renameSync(log, `${log}.1`);
    child.process.kill("SIGHUP");
    await vi.waitFor(() => expect(existsSync(log)).toBe(true));
    await publish(at(port));
    await vi.waitFor(() => expect(readFileSync(log, "utf8")).toContain(" publish "));
    expect(await child.stop()).toMatchObject({ exitCode: 0, stderr: "" });
    expect(readFileSync(`${log}.1`, "utf8").split("\n").length).toBe(2);
    rmSync(log);
  });

  test.each([
    // lines of the file, more arguments; kinds of log lines on stdout and on stderr
    [[], [], "", "connect disconnect"],
    [["log_type all"], [], "", "connect subscribe publish unsubscribe disconnect"],
    [["log_type subscribe", "log_dest stdout"], [], "subscribe", ""],
    [["log_type none", "log_type unsubscribe", "log_dest stdout", "log_dest stderr"], [], "unsubscribe", "unsubscribe"],
    [["connection_messages false"], [], "", ""],
    [["log_dest stdout", "log_dest none"], [], "", ""],
    [["log_type none", "log_dest stdout"], ["-v"], "connect subscribe publish unsubscribe disconnect", ""],
  ])("%j %j logs %j and %j", async (lines, args, onStdout, onStderr) => {
    const port = await freePort();
    const child = await startWith(file(`listener ${port} 127.0.0.1`, "allow_anonymous true", ...lines), ...args);
    const sub = ["mosquitto_sub", ...at(port), "-i", "s", "-c", "-q", "1", "-E"];
    await run([...sub, "-t", "t"]);
    await run([...sub, "-t", "u", "-U", "t"]);
    await publish(at(port));
    const { stdout, stderr } = await child.stop();
    const kinds = (text: string) => [...new Set([...text.matchAll(/^[\d:.]{12} (\w+)/gm)].map((match) => match[1]))];
    const sorted = (text: string) =>
      text
        .split(" ")
        .filter((word) => word !== "")
        .sort();
    expect(kinds(stdout.toString()).sort()).toEqual(sorted(onStdout));
    expect(kinds(stderr).sort()).toEqual(sorted(onStderr));
  });

  test("without a listener in the file, listens as without a file; -p counts", async () => {
    const port = await freePort();
    const child = await startWith(file("sys_interval 0"), ...at(port));
    expect(child.stdout).toContain(`listens on 127.0.0.1:${port}\n`);
    expect(child.stdout).toContain("Other machines cannot connect: --host 0.0.0.0 lets them in.\n");
    expect((await publish(at(port))).exitCode).toBe(0);
    expect((await child.stop()).stderr).not.toContain("do not count");
  });

  test("with a listener in the file -p does not count, and it says so", async () => {
    const port = await freePort();
    const child = await startWith(file(`listener ${port} 127.0.0.1`, "allow_anonymous true"), "-p", "1");
    expect(child.stdout).toContain(`listens on 127.0.0.1:${port}\n`);
    expect(child.stdout).toContain("Other machines cannot connect: listener 1883 would let them in.\n");
    expect(child.stderr).toMatch(/^midge broker: \S+ says where to listen: -p and --host do not count\n$/);
    await child.stop();
  });

  test("names every fault with its line, and starts nothing", async () => {
    const config = file("listner 1883", "", "max_qos 3", "acl_file /x", "\x1b[31m", "listener 1883");
    const { exitCode, stdout, stderr } = await run([...MIDGE, "broker", "-c", config]);
    expect([exitCode, stdout.length]).toEqual([1, 0]);
    expect(stderr.split(config).join("FILE")).toBe(
      [
        "FILE:1: listner: there is no such key; the nearest is: listener",
        "FILE:3: max_qos: not a value it may have; it may be: 0 to 2",
        "FILE:4: acl_file: mosquitto has this key, Midge does not support it yet",
        "FILE:5: this line holds control characters, or is not UTF-8",
        "FILE: nobody could connect: password files are not supported yet, so the file must say allow_anonymous true",
        "midge broker: FILE is not good, and nothing was started",
        "",
      ].join("\n"),
    );
  });

  test("with --password-file needs no allow_anonymous", async () => {
    const port = await freePort();
    const config = file(`listener ${port} 127.0.0.1`);
    const child = await startWith(config, "--password-file", temporaryFile("passwords", ""));
    expect((await publish(at(port))).exitCode).toBe(5);
    await child.stop();
  });

  test("of no file fails in one line", async () => {
    const { exitCode, stderr } = await run([...MIDGE, "broker", "-c", "/nowhere/m.conf"]);
    expect([exitCode, stderr]).toEqual([1, "midge broker: cannot read /nowhere/m.conf: no such file\n"]);
  });

  test("says that a port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const config = file(`listener ${port} 127.0.0.1`, "allow_anonymous true");
    const { exitCode, stderr } = await run([...MIDGE, "broker", "-c", config]);
    expect([exitCode, stderr]).toEqual([
      1,
      `midge broker: cannot listen on 127.0.0.1:${port}, as ${config} says: another program has it\n`,
    ]);
    server.close();
  });

  // Only root can become another.
  test.runIf(process.getuid?.() === 0)("becomes the user that the file names", async () => {
    const port = await freePort();
    const child = await startWith(file(`listener ${port}`, "allow_anonymous true", "user nobody"));
    const nobody = Number((await run(["id", "-u", "nobody"])).stdout);
    expect(statSync(`/proc/${child.process.pid}`).uid).toBe(nobody);
    await child.stop();
    const bad = await run([...MIDGE, "broker", "-c", file("user nobody-has-this-name"), ...at(await freePort())]);
    expect([bad.exitCode, bad.stderr]).toEqual([1, "midge broker: cannot become the user nobody-has-this-name\n"]);
  });
});

describe("Broker with a configuration", () => {
  test("hands on what the program is to do; other options go before it", async () => {
    const configuration = "listener 0 /nowhere\nallow_anonymous true\nuser a b\nlog_type all\nmax_qos 0";
    const broker = new Broker({ configuration, maximumQos: 2 });
    expect(broker.configuration).toEqual({
      listen: [{ path: "/nowhere" }],
      settings: [
        { key: "user", value: "a b" },
        { key: "log_type", value: "all" },
      ],
    });
    await broker.close();
  });

  test("listens where it says, else where `listen` says", async () => {
    const port = await freePort();
    const own = await Broker.start({ configuration: `port ${port}\nallow_anonymous true`, listen: [] });
    expect(own.addresses.map((address) => address.port)).toEqual([port]);
    await own.close();
    const none = await Broker.start({ configuration: Buffer.from("# nothing"), listen: [] });
    expect(none.addresses).toEqual([]);
    await none.close();
  });

  test("that is wrong throws all that is wrong with it", () => {
    const make = () => new Broker({ configuration: "listener 1883\nmax_qos two" });
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(/^line 2: max_qos: not a value .*: 0 to 2\nnobody could connect/);
    try {
      make();
    } catch (error) {
      expect(error).toMatchObject({
        code: "CONFIGURATION_INVALID",
        faults: [{ line: 2, key: "max_qos", value: "two" }, { line: 0 }],
      });
    }
  });
});
