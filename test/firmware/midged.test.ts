// midged and midged-wasm3 as their users meet them: the command line, where they listen, the signals, the limits of the
// system, a recording. What they do for clients is tested by the peer tests, which run with each of them (vitest.config.ts).
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { parseBytes } from "../core/vectors.ts";
import { type Child, freePort, MIDGE, nativeProgram, run, start, stopAll, temporaryFile } from "../host/peers.ts";
import { connectBytes, openFiles, RawConnection, until } from "../host/peers-more.ts";

afterAll(stopAll);

const loopback = ["-p", "0"];

/** A broker that listens, and where. */
async function listening(program: string, args: string[] = loopback): Promise<{ child: Child; port: number }> {
  const child = start([program, ...args], { timeoutMs: 120_000 });
  await child.printed("listens on");
  return { child, port: Number(/listens on [^ ]*:(\d+)/.exec(child.stdout)?.[1]) };
}

/** A connection of a 5.0 client. */
function online5(port: number, clientId: string): Promise<RawConnection> {
  return RawConnection.online(port, parseBytes(`10 [ "MQTT" 05 02 003c [] "${clientId}" ]`));
}

describe.each(["midged", "midged-wasm3"])("%s", (name) => {
  const program = nativeProgram(name);

  it("says where it listens and who may connect", async () => {
    const { child, port } = await listening(program);
    await child.printed("-v shows");
    expect(child.stdout).toContain(`midged listens on 127.0.0.1:${port}\nOpen to every program on this machine`);
    expect(await child.stop()).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("warns when other machines may connect", async () => {
    const { child } = await listening(program, [...loopback, "--host", "0.0.0.0"]);
    await child.printed("without a password or encryption");
    expect(child.stdout).toMatch(/Open to everyone who reaches 0\.0\.0\.0:\d+,/);
  });

  it("listens on IPv4, IPv6 and a Unix socket at once", async () => {
    const path = join(tmpdir(), `midged-${process.pid}-${name}.sock`);
    const port = await freePort();
    const hosts = ["--host", "127.0.0.1", "--host", "::1", "--unix", path];
    const { child } = await listening(program, ["-p", String(port), ...hosts]);
    expect(child.stdout).toContain(`127.0.0.1:${port}, [::1]:${port}, ${path}\n`);
    for (const options of [{ port, host: "127.0.0.1" }, { port, host: "::1" }, { path }]) {
      const socket = net.connect(options);
      socket.write(connectBytes(4, "a"));
      const [connack] = await new Promise<Buffer[]>((resolve) => socket.once("data", (bytes) => resolve([bytes])));
      expect(connack?.toString("hex")).toBe("20020000");
      socket.destroy();
    }
    expect(statSync(path).mode & 0o777).toBe(0o666);
    await child.stop("SIGKILL");
    // What a killed broker left behind is in nobody's way, and a broker in good order leaves nothing.
    const again = await listening(program, [...loopback, "--unix", path]);
    expect((await again.child.stop()).exitCode).toBe(0);
    expect(() => statSync(path)).toThrow("ENOENT");
  });

  it.each([
    [["-p", "65536"], "a port is a number from 0 to 65535, not 65536"],
    [["-p", "x"], "a port is a number from 0 to 65535, not x"],
    [["--colour"], "unrecognized option"],
    [["one"], "there is one word too many: one"],
    [["-p", "0", "--host", "192.0.2.1"], "this machine has no address 192.0.2.1"],
    [["-p", "0", "--host", "nowhere"], "this machine has no address nowhere"],
    [
      ["-p", "0", "--unix", "/nonexistent/a.sock"],
      "cannot listen on the Unix socket /nonexistent/a.sock: No such file",
    ],
    [["-p", "0", "--record", "/nonexistent/a"], "cannot write the recording /nonexistent/a: No such file"],
    [["--replay", "/nonexistent/a"], "cannot read the recording /nonexistent/a: No such file"],
  ])("%s: says what is wrong, and ends with 1", async (args, text) => {
    const result = await run([program, ...args]);
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain(text);
  });

  it("says that a port is in use, in the background too", async () => {
    const { port } = await listening(program);
    for (const background of [[], ["-d"]]) {
      const result = await run([program, ...background, "-p", String(port)]);
      expect(result.exitCode).toBe(1);
      expect(result.stderr).toMatch(
        /is in use by another program\. Stop that one, or choose another port: midged -p \d+\n/,
      );
    }
  });

  it("shows help and version", async () => {
    const help = await run([program, "--help"]);
    expect(help).toMatchObject({ exitCode: 0, stderr: "" });
    expect(help.stdout.toString()).toContain("--config-file FILE");
    const version = (await run([program, "--version"])).stdout.toString();
    const { version: expected } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(version).toBe(`midged ${expected}, ${name === "midged" ? "wasm2c" : "wasm3"}\n`);
  });

  it("goes to the background once it listens", async () => {
    const port = await freePort();
    expect(await run([program, "-d", "-p", String(port)])).toMatchObject({ exitCode: 0, stderr: "" });
    const connection = await online5(port, "a");
    const pid = processListening(port);
    process.kill(pid, "SIGTERM");
    await connection.ended();
    await until("end of the process", () => !isRunning(pid));
  });

  it("tells 5.0 clients on SIGTERM, and ends when they have closed", async () => {
    const { child, port } = await listening(program);
    const connection = await online5(port, "a");
    const result = await child.stop();
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    await connection.ended();
    const [, disconnect] = await connection.packets(2);
    // Server shutting down.
    expect(disconnect?.subarray(0, 3).toString("hex")).toMatch(/^e0..8b$/);
  });

  it("ends on SIGTERM while clients send as fast as they can", async () => {
    const { child, port } = await listening(program);
    const senders = await Promise.all(["a", "b", "c"].map((clientId) => online5(port, clientId)));
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => parseBytes('30 [ "t" [] 61*100 ]')));
    for (const { socket } of senders) {
      const send = () => {
        while (socket.writable && socket.write(flood));
      };
      socket.on("drain", send);
      send();
    }
    await sleep(100);
    expect(await child.stop()).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("leaves the pid file of the broker that runs alone when it cannot start", async () => {
    const [port, pidFile] = [await freePort(), temporaryFile("pid", "")];
    const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", `pid_file ${pidFile}`, ""];
    const file = temporaryFile("midged.conf", lines.join("\n"));
    const { child } = await listening(program, ["-c", file]);
    expect(await run([program, "-c", file])).toMatchObject({ exitCode: 1 });
    expect(readFileSync(pidFile, "utf8")).toBe(`${child.process.pid}\n`);
    await child.stop();
    expect(existsSync(pidFile)).toBe(false);
  });

  it("goes on after SIGHUP", async () => {
    const { child, port } = await listening(program);
    child.process.kill("SIGHUP");
    await sleep(100);
    const connection = await online5(port, "a");
    connection.drop();
    expect(await child.stop()).toMatchObject({ exitCode: 0 });
  });

  it("takes as many connections as the limit of files allows, and says so", async () => {
    const child = start(["bash", "-c", `ulimit -n 100; exec "${program}" -p 0`]);
    await child.printed("listens on");
    expect(child.stderr).toBe(
      "midged: room for 36 connections, not 10000: raise the limit of open files (ulimit -n, or LimitNOFILE=)\n",
    );
    const port = Number(/listens on [^ ]*:(\d+)/.exec(child.stdout)?.[1]);
    const connections = [];
    for (let count = 0; count < 36; count++) connections.push(await online5(port, `c${count}`));
    const late = await RawConnection.open(port);
    await late.ended();
    connections.pop()?.drop();
    await until("room for another", async () => {
      const one = await RawConnection.open(port);
      one.send(parseBytes('10 [ "MQTT" 05 02 003c [] "again" ]'));
      await until("CONNACK or the end", () => one.closed || one.received.length > 0);
      return !one.closed;
    });
    for (const connection of connections) connection.drop();
  });

  it("says when the system has no descriptor for a connection, and goes on when there is one again", async () => {
    const { child, port } = await listening(program);
    const pid = child.process.pid as number;
    await run(["prlimit", "--pid", String(pid), "--nofile=30:30"]);
    const connections: RawConnection[] = [];
    const isFull = () => child.stderr.includes("a connection was not accepted: Too many open files");
    const connect = async (clientId: string) => {
      const connection = await RawConnection.open(port);
      connection.send(parseBytes(`10 [ "MQTT" 05 02 003c [] "${clientId}" ]`));
      return connection;
    };
    while (!isFull()) {
      const connection = await connect(`c${connections.length}`);
      await until("CONNACK, or the line", () => connection.received.length > 0 || isFull());
      connections.push(connection);
    }
    const late = await connect("late");
    // Who is connected is served meanwhile.
    connections[0]?.send("c0 00");
    await connections[0]?.packets(2);
    expect(late.received.length).toBe(0);
    for (const connection of connections.splice(1)) connection.drop();
    await late.packets(1);
    for (const connection of [...connections, late]) connection.drop();
  });

  it("gives descriptors and memory of connections back", async () => {
    const { child, port } = await listening(program);
    const pid = child.process.pid as number;
    const before = openFiles(pid);
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all(Array.from({ length: 200 }, (_, index) => online5(port, `c${index}`)));
      expect(openFiles(pid)).toBe(before + 200);
      // Some say goodbye, some vanish, some break the protocol.
      for (const [index, connection] of all.entries()) {
        if (index % 3 === 0) connection.send("e0 00");
        else if (index % 3 === 1) connection.drop();
        else connection.send("c0 00 00 00");
      }
      await until("all closed", () => openFiles(pid) === before);
    }
  });

  it("listens, logs and writes its pid file as a configuration says", async () => {
    const port = await freePort();
    const [pidFile, log] = [temporaryFile("pid", ""), temporaryFile("log", "")];
    const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "max_qos 1", `pid_file ${pidFile}`];
    lines.push(`log_dest file ${log}`, "log_type notice", "log_type subscribe", "");
    const file = temporaryFile("midged.conf", lines.join("\n"));
    const { child } = await listening(program, ["-c", file]);
    expect(readFileSync(pidFile, "utf8")).toBe(`${child.process.pid}\n`);
    const connection = await online5(port, "a");
    const [connack] = await connection.packets(1);
    // Maximum QoS 1.
    expect(connack?.toString("hex")).toContain("2401");
    connection.send('82 [ 0001 [] "t/#" 02 ] 30 [ "t" [] 61 ]');
    await connection.packets(3);
    const logged = () => readFileSync(log, "utf8").trimEnd().split("\n");
    expect(logged().map((line) => line.slice(13).replace(/127\.0\.0\.1:\d+/, "ADDRESS"))).toEqual([
      "connect     a ADDRESS  MQTT 5.0, clean start, keep alive 60 s",
      "subscribe   a ADDRESS  t/# q2",
    ]);
    // logrotate moves the file away and sends SIGHUP.
    renameSync(log, `${log}.1`);
    child.process.kill("SIGHUP");
    await until("a new log", () => existsSync(log));
    connection.drop();
    await until("disconnect", () => logged()[0]?.includes("disconnect"));
    expect(await child.stop()).toMatchObject({ exitCode: 0, stderr: "" });
    expect(existsSync(pidFile)).toBe(false);
  });

  it.each([
    "listener 1883\nallow_anonymous yes\n",
    "listener 1883\n",
    "listner 1883\nallow_anonymous true\nmax_qos 3\nbridge_cafile x\nmax_packet_size\nlistener 1 a b c\n",
    "allow_anonymous true\n# \xff\nmax_qos 1 # no comment\n\x1b[31m\n",
  ])("says of a wrong configuration what midge broker says: %j", async (text) => {
    const file = temporaryFile("wrong.conf", Buffer.from(text, "latin1"));
    const [ours, theirs] = await Promise.all([run([program, "-c", file]), run([...MIDGE, "broker", "-c", file])]);
    expect(ours.stderr.replace("midged: ", "midge broker: ")).toBe(theirs.stderr);
    expect(ours.stderr).toContain(`${file} is not good, and nothing was started`);
    expect([ours.exitCode, theirs.exitCode]).toEqual([1, 1]);
  });

  it("says why it cannot read a configuration", async () => {
    for (const [path, reason] of [
      ["/nonexistent", "No such file or directory"],
      [tmpdir(), "Is a directory"],
    ]) {
      const result = await run([program, "-c", path as string]);
      expect(result).toMatchObject({ exitCode: 1, stderr: `midged: cannot read ${path}: ${reason}\n` });
    }
  });

  it("records, and any engine gives the same again", async () => {
    const file = join(dirname(temporaryFile("folder", "")), "broker.rec");
    const { child, port } = await listening(program, [...loopback, "--record", file]);
    const [one, other] = [await online5(port, "one"), await online5(port, "other")];
    one.send('82 [ 0001 [] "t/#" 02 ]');
    other.send('34 [ "t/1" 0001 [] 61*70000 ]');
    await until("the message", () => one.received.length > 70_000);
    one.drop();
    expect((await child.stop()).exitCode).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const engine of ["midged", "midged-wasm3"]) {
      const result = await run([nativeProgram(engine), "--replay", file]);
      expect(result).toMatchObject({ exitCode: 0, stderr: "" });
      expect(result.stdout.toString()).toMatch(/gave the same: \d{2,} calls, 7\d{4} bytes in, 7\d{4} bytes out/);
    }
    for (const engine of ["v8", "wasm3"]) {
      const result = await run([...MIDGE, "replay", file, "--engine", engine]);
      expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    }
    // A byte of the last message is another one.
    const spoilt = readFileSync(file);
    spoilt[spoilt.lastIndexOf("aaaa")] = 0x62;
    const result = await run([program, "--replay", temporaryFile("spoilt.rec", spoilt)]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/call \d+, nextSends\(\): other output from byte \d+ on/);
  });

  it("serves on when the disk is full for its recording, and says that it is not whole", async () => {
    const { child, port } = await listening(program, [...loopback, "--record", "/dev/full"]);
    const connection = await online5(port, "a");
    connection.send('82 [ 0001 [] "t" 02 ] 30 [ "t" [] 61*100000 ]');
    await until("the message", () => connection.received.length > 100_000);
    const result = await child.stop();
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toContain("the recording /dev/full is not whole: No space left on device");
  });
});

/** The process that listens on a TCP port of this machine. */
function processListening(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const columns = readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find((entry) => entry[1]?.endsWith(local) && entry[3] === "0A");
  const socket = `socket:[${columns?.[9]}]`;
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && filesOf(name).includes(socket));
  if (pid === undefined) throw new Error(`nobody listens on port ${port}`);
  return Number(pid);
}

/** What the open files of a process are; none when it has ended meanwhile. */
function filesOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

function isRunning(pid: number): boolean {
  try {
    // A process that nobody has asked about yet is there, and is over.
    return !readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
  } catch {
    return false;
  }
}
