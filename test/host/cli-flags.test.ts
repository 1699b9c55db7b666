// Every flag of midge pub and midge sub at work against a real mosquitto: what the broker's log says arrived, what is
// printed, and the exit code. Formats are printed by mosquitto_sub beside midge sub, and must be the same bytes.

import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type BrokerPeer,
  freePort,
  MIDGE,
  type Result,
  type RunOptions,
  run,
  start,
  startMidgeBroker,
  startMosquitto,
  stopAll,
  temporaryFile,
} from "./peers.ts";

let broker: BrokerPeer;
let locked: BrokerPeer;

beforeAll(async () => {
  broker = await startMosquitto();
  const passwords = temporaryFile("passwords", "");
  await run(["mosquitto_passwd", "-b", passwords, "gardener", "s3cret@/"]);
  locked = await startMosquitto(["allow_anonymous false", `password_file ${passwords}`]);
});
// Each test starts several programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
afterAll(async () => {
  for (const server of scripted) server.close();
  await stopAll();
});

const at = (peer: BrokerPeer) => ["-h", "127.0.0.1", "-p", String(peer.port)];
const midge = (command: "pub" | "sub", args: string[], options?: RunOptions) =>
  run([...MIDGE, command, ...at(broker), ...args], options);

describe.concurrent("exit codes and errors", () => {
  test.each([
    // command line (PORT is a broker, LOCKED one with passwords, NOBODY none), exit code, what is said
    ["pub -p PORT -t a -m x", 0, ""],
    ["pub -p NOBODY -t a -m x", 1, "connection refused"],
    ["sub -p NOBODY -t a", 1, "connection refused"],
    ["sub -p NOBODY -t a --quiet", 1, ""],
    ["pub -h nowhere.invalid -t a -m x", 1, "no such host name"],
    ["pub -p LOCKED -t a -m x", 5, "not authorised"],
    ["sub -p LOCKED -t a -V 31", 5, "not authorised"],
    ["pub -p LOCKED -u gardener -P wrong -t a -m x", 5, "not authorised"],
    ["pub -p LOCKED -u gardener -P s3cret@/ -t garden/a -m x -q 2", 0, ""],
    ["pub -p LOCKED -t a -m x --quiet", 5, ""],
    ["sub -p PORT -t none -W 1", 27, "timed out"],
    ["sub -p PORT -t none -W 1 --quiet", 27, ""],
    ["sub -p PORT -t none -E", 0, ""],
    ["pub -p PORT -t a", 1, "-m TEXT"],
    ["pub -p PORT -m a", 1, "-t TOPIC"],
    ["pub -p PORT -t a -m x -n", 1, "one kind of message"],
    ["pub -p PORT -t a -l --repeat 2", 1, "--repeat"],
    ["pub -p PORT -t a/# -m x --quiet", 1, "wildcards"],
    ["pub -p PORT -t a -f /nowhere/at/all", 1, "no such file"],
    ["pub -p PORT -t a -f /", 1, "directory"],
    ["pub -p PORT -t a -s", 1, "empty"],
    ["pub -p PORT -t a -m x --cafile y", 1, "TLS is not supported"],
    ["pub -p PORT -t a -m x extra", 1, "too many arguments"],
    ["sub -p PORT", 1, "-t TOPIC"],
    ["sub -p PORT -t a -T b/#/c", 1, "not a topic filter"],
    ["sub -p PORT -t a -R --retained-only", 1, "print nothing"],
    ["sub -p PORT -t a -F %z", 1, "%z"],
    ["sub -p PORT -t a -C 0", 1, "from 1"],
    ["sub -p PORT -t a -W 0", 1, "from 1"],
    ["sub -S -h nowhere.invalid -t a", 1, "_mqtt._tcp.nowhere.invalid"],
    ["nonsense", 1, "unknown command"],
  ])("midge %s", async (line, exitCode, said) => {
    const ports = { NOBODY: 1, LOCKED: locked.port, PORT: broker.port };
    const args = line.replace(/NOBODY|LOCKED|PORT/, (name) => String(ports[name as keyof typeof ports]));
    const result = await run([...MIDGE, ...args.split(" ")]);
    expect(result).toMatchObject({ exitCode, signal: null });
    // One line that begins with the command's name, or nothing at all.
    const name = /^(pub|sub)/.exec(line)?.[0];
    if (said === "") expect(result.stderr).toBe("");
    else expect(result.stderr).toMatch(new RegExp(`^midge${name ? ` ${name}` : ""}: [^\n]+\n$`));
    expect(result.stderr).toContain(said);
  });

  test.each([
    // what the other side does, exit code, what is said
    ["is silent", () => undefined, 27, "timed out"],
    [
      "speaks HTTP",
      () => Buffer.from(`HTTP/1.1 400 Bad Request\r\nServer: ${"x".repeat(99)}`),
      1,
      "does not speak MQTT",
    ],
    ["refuses with 3", refuse(3), 3, "not available"],
    ["refuses the client id", refuse(2), 2, "client id"],
    ["refuses every subscription", answer, 1, "midge sub: the broker refused every subscription\n"],
  ])("a broker that %s", async (_, reply, exitCode, said) => {
    const port = await startScripted(reply);
    const result = await run([...MIDGE, "sub", "-p", String(port), "-t", "secret", "-t", "secret/x", "-W", "2"]);
    expect(result.stderr).toContain(said);
    expect(result.exitCode).toBe(exitCode);
  });

  test("a broker that refuses one subscription of two", async () => {
    const port = await startScripted(answer);
    const result = await run([...MIDGE, "sub", "-p", String(port), "-t", "secret", "-t", "open", "-E"]);
    expect(result).toMatchObject({ exitCode: 0, stderr: "midge sub: the broker refused the subscription to secret\n" });
  });
});

describe.concurrent("what reaches the broker", () => {
  test.each([
    // flags of midge pub, what the log of mosquitto says then
    ["-t log/0 -m x -V 31", /as midge-\S+ \(p1, c1, k60\)/],
    ["-t log/1 -m x -V 311", /as midge-\S+ \(p2, c1, k60\)/],
    ["-t log/2 -m x -i me2 -k 17 --nodelay", /as me2 \(p2, c1, k17\)/],
    ["-t log/3 -m x -i me3 -c", /as me3 \(p2, c0, k60\)/],
    ["-t log/4 -m x -I pre4-", /as pre4-\d+ \(p2/],
    ["-t log/5 -m x -i me5 -u joe -P pw", /as me5 \(p2, c1, k60, u'joe'\)/],
    ["-t log/6 -m x -i me6 -q 1 -r -M 3", /from me6 \(d0, q1, r1, m\d+, 'log\/6', \.\.\. \(1 bytes\)\)/],
    ["-t log/7 -n -i me7", /from me7 \(d0, q0, r0, m0, 'log\/7', \.\.\. \(0 bytes\)\)/],
    ["-t log/8 -m x -i me8 --will-topic w8 --will-payload abc --will-qos 2 --will-retain", /\(3 bytes\) \(r1, q2\)/],
    ["-L mqtt://joe9:pw@127.0.0.1/log/9 -m x -i me9", /as me9 .*u'joe9'[\s\S]*from me9 .*'log\/9'/],
    ["--id me10 --topic log/10 --message x --qos 2 --retain", /from me10 \(d0, q2, r1, m\d+, 'log\/10'/],
    ["-t log/11 -m x -i me11 --repeat 2", /from me11 [\s\S]*from me11 .*'log\/11'/],
  ])("midge pub %s", async (line, log) => {
    expect(await midge("pub", line.split(" "))).toMatchObject({ exitCode: 0, stderr: "" });
    expect(broker.child.stderr).toMatch(log);
  });

  test("-f and -s send the same bytes, -l lines", async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 10, 128]);
    const file = temporaryFile("payload", bytes);
    const watch = start([...MIDGE, "sub", ...at(broker), "-t", "in", "-F", "%x", "-C", "5", "-d", "-W", "10"]);
    await watch.printed("SUBACK");
    await midge("pub", ["-t", "in", "-f", file]);
    await midge("pub", ["-t", "in", "-s"], { input: bytes });
    await midge("pub", ["-t", "in", "-l"], { input: bytes });
    expect((await watch.ended).stdout.toString()).toBe("00ff0a0d0a80\n00ff0a0d0a80\n00ff\n0d\n80\n");
  });

  test("-l publishes a line when it is there, not at the end", async () => {
    const watch = start([...MIDGE, "sub", ...at(broker), "-t", "early", "-C", "1", "-d", "-W", "10"]);
    await watch.printed("SUBACK");
    const feed = start([...MIDGE, "pub", ...at(broker), "-t", "early", "-l"]);
    feed.write("first\n");
    expect((await watch.ended).stdout.toString()).toBe("first\n");
    expect((await feed.stop()).stderr).toBe("");
  });

  test("--repeat-delay waits between messages", async () => {
    const began = Date.now();
    await midge("pub", ["-t", "slow", "-m", "x", "--repeat", "3", "--repeat-delay", ".3"]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(600);
  });

  test("-d tells what happens", async () => {
    const { stderr } = await midge("sub", ["-t", "debug", "-U", "other", "-i", "talker", "-E", "-d"]);
    for (const said of ["CONNECT", "CONNACK", "talker", "SUBSCRIBE 'debug', q0", "SUBACK", "UNSUBACK 'other'"]) {
      expect(stderr).toContain(said);
    }
  });
});

describe("midge sub", () => {
  // Left out are slips of mosquitto_sub 2.0.11: a %10p shorter than the payload cuts it, %30x counts bytes, %5R has no
  // width.
  test("prints what mosquitto_sub prints", async () => {
    const payloads = {
      text: 'hé"l\\l\n\t\x01',
      json: '{"a": [1, "x"], "b":{}}',
      bytes: Buffer.from([255, 0, 65]),
      empty: "",
    };
    for (const [leaf, payload] of Object.entries(payloads)) {
      await midge("pub", ["-t", `same/${leaf}`, "-r", "-s"], { input: payload });
    }
    const formats = [
      ...[
        "%t %p",
        "%l|%5l|%05l|%-5l|",
        "%10t|%-10t|%.2t|%3.3t|%010t|%10.3t",
        "%x %X",
        "%30p|%-30p|%030p",
        "a%%b@@c\\\\d",
      ],
      ...[
        "%q%r%m|%5m|%05m|%5q|%5r",
        "%A%C%D%E%F%R%S%P|%5A|%05E|%5C|%R|",
        "\\a\\e\\n\\r\\t\\v\\0",
        "@Y-@m-@d @j @z @u @V",
      ],
    ].map((format) => ["-F", format]);
    const flags = [...formats, [], ["-v"], ["-N"], ["-v", "-N"], ["-N", "-F", "%p,"]];
    // Half an hour off: a zone that shows a wrong sign or a lost minute.
    const options = { env: { TZ: "America/St_Johns" } };
    for (const flag of flags) {
      const args = [...at(broker), "-t", "same/#", "-C", "3", "-W", "10", ...flag];
      const ours = await run([...MIDGE, "sub", ...args], options);
      const theirs = await run(["mosquitto_sub", ...args], options);
      expect(ours.stdout.toString("latin1"), flag.join(" ")).toBe(theirs.stdout.toString("latin1"));
    }
    const json = ["-t", "same/json", "-C", "1", "-F", "%J"];
    const theirs = await run(["mosquitto_sub", ...at(broker), ...json]);
    const timeless = ({ stdout }: Result) => ({ ...JSON.parse(stdout.toString()), tst: "" });
    expect(timeless(await midge("sub", json))).toEqual(timeless(theirs));
    expect((await midge("sub", [...json, "--pretty"])).stdout.toString().split("\n").length).toBeGreaterThan(8);
  });

  test("-R, -T, --retained-only and --remove-retained", async () => {
    for (const leaf of ["a", "b", "c"]) await midge("pub", ["-t", `kept/${leaf}`, "-r", "-m", leaf]);
    const sub = async (...args: string[]) =>
      (await midge("sub", ["-t", "kept/#", "-W", "1", ...args])).stdout.toString();
    expect(await sub("-T", "kept/b", "-C", "2")).toBe("a\nc\n");
    expect(await sub("-R")).toBe("");
    expect(await sub("--retained-only", "-v")).toBe("kept/a a\nkept/b b\nkept/c c\n");
    expect(await sub("--retained-only", "--remove-retained", "-T", "kept/b", "-v")).toBe("kept/a a\nkept/c c\n");
    expect(await sub("--retained-only")).toBe("b\n");
  });

  test("messages queued for a session are not lost at its connect", async () => {
    const session = ["-i", "queue", "-c", "-t", "queue", "-q", "1"];
    await midge("sub", [...session, "-E"]);
    await midge("pub", ["-t", "queue", "-q", "1", "-l"], { input: "1\n2\n3\n" });
    expect((await midge("sub", [...session, "-C", "3", "-W", "10"])).stdout.toString()).toBe("1\n2\n3\n");
  });

  test("connects again when the broker has gone, and subscribes again", async () => {
    const port = await freePort();
    const first = await startMosquitto(undefined, port);
    const receiver = start([...MIDGE, "sub", ...at(first), "-t", "again", "-C", "1", "-d", "-W", "20"]);
    await receiver.printed("SUBACK");
    await first.child.stop("SIGKILL");
    await receiver.printed("next try in");
    const second = await startMosquitto(undefined, port);
    await second.subscribed();
    await run([...MIDGE, "pub", ...at(second), "-t", "again", "-m", "back"]);
    expect(await receiver.ended).toMatchObject({ exitCode: 0, stdout: Buffer.from("back\n") });
    await second.child.stop();
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s ends it in good order", async (signal) => {
    const receiver = start([...MIDGE, "sub", ...at(broker), "-t", "x", "-i", `stop-${signal}`, "-d"]);
    await receiver.printed("SUBACK");
    expect(await receiver.stop(signal)).toMatchObject({ exitCode: 0, signal: null });
    await broker.child.printed(`Received DISCONNECT from stop-${signal}`);
  });

  test("a second Ctrl-C does not wait", async () => {
    // A broker that sends a retained message, and never acknowledges its removal: there is something to wait for.
    const retained = Buffer.from([0x31, 5, 0, 1, 0x61, 0x68, 0x69]);
    const reply = (packet: Buffer) => {
      const bytes = answer(packet);
      return packet[0] === 0x82 && bytes !== undefined ? Buffer.concat([bytes, retained]) : bytes;
    };
    const port = String(await startScripted(reply));
    const receiver = start([...MIDGE, "sub", "-p", port, "-t", "a", "--remove-retained"]);
    await receiver.printed("hi");
    receiver.process.kill("SIGINT");
    await sleep(500);
    expect(receiver.process.exitCode).toBeNull();
    expect((await receiver.stop("SIGINT")).exitCode).toBe(130);
  });

  test("ends quietly when nobody reads on", async () => {
    const command = [...MIDGE, "sub", ...at(broker), "-t", "pipe", "-d", "-W", "10"].map((arg) => `'${arg}'`).join(" ");
    const pipe = start(["sh", "-c", `{ ${command}; echo "ended $?" >&2; } | head -n 1`]);
    await pipe.printed("SUBACK");
    await midge("pub", ["-t", "pipe", "-m", "one"]);
    await pipe.printed("one");
    // The reader has ended by now, or does so before one of these.
    await midge("pub", ["-t", "pipe", "-m", "more", "--repeat", "5", "--repeat-delay", "0.1"]);
    expect((await pipe.ended).stderr).toMatch(/ended 0\n$/);
  });

  test("a second broker: midge itself", async () => {
    const own = await startMidgeBroker();
    const receiver = start([...MIDGE, "sub", ...at(own), "-t", "#", "-v", "-C", "2", "-q", "2"]);
    await own.subscribed();
    await run([...MIDGE, "pub", "-L", `mqtt://127.0.0.1:${own.port}/a/b`, "-m", "x", "-q", "2", "--repeat", "2"]);
    expect((await receiver.ended).stdout.toString()).toBe("a/b x\na/b x\n");
    await own.child.stop();
  });
});

/**
 * A server on a free port that answers each packet with what `reply` says, for what no real broker does when asked to.
 */
async function startScripted(reply: (packet: Buffer) => Buffer | undefined): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      // The packets of these tests are short: their Remaining Length is one byte.
      for (let rest = data; rest.length > 0; rest = rest.subarray(2 + (rest[1] ?? 0))) {
        const bytes = reply(rest.subarray(0, 2 + (rest[1] ?? 0)));
        if (bytes !== undefined) socket.write(bytes);
      }
    });
  });
  scripted.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as net.AddressInfo).port;
}

/** CONNACK with that return code. */
function refuse(returnCode: number): (packet: Buffer) => Buffer | undefined {
  return (packet) => (packet[0] === 0x10 ? Buffer.from([0x20, 2, 0, returnCode]) : undefined);
}

/** Accepts everyone, and every subscription but those to secret things. */
function answer(packet: Buffer): Buffer | undefined {
  if (packet[0] !== 0x82) return refuse(0)(packet);
  const granted = packet.includes("secret") ? 0x80 : 0;
  return Buffer.from([0x90, 3, packet[2] ?? 0, packet[3] ?? 0, granted]);
}

const scripted: net.Server[] = [];
