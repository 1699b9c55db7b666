// What the command line makes of its words, without a connection: options to ClientOptions, -L, -S, topics, errors in
// words, which messages `midge sub` prints, which payloads `midge pub` reads, and what the logs and tables of broker
// and demo look like.

import { EventEmitter } from "node:events";
import { Command } from "commander";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClientOptions, Message } from "../../host/api-types.ts";
import type { Broker } from "../../host/broker.ts";
import { logBroker, printable } from "../../host/cli/broker-log.ts";
import { clientOptions, followSrv } from "../../host/cli/connect-options.ts";
import { seenLine, TopicTable } from "../../host/cli/demo-view.ts";
import { clientFailure, Failure, listenFailure } from "../../host/cli/failure.ts";
import {
  addConnectionOptions,
  addressText,
  brokerUrl,
  type ConnectionFlags,
  complaint,
  protocolVersion,
} from "../../host/cli/mosquitto-options.ts";
import { lines } from "../../host/cli/payloads.ts";
import { Printer, type PrinterFlags } from "../../host/cli/printer.ts";
import { topicFilterProblem, topicMatches, topicNameProblem } from "../../host/cli/topic.ts";
import { MidgeError } from "../../host/errors.ts";

/** The options as a shell would give them, read by commander. */
function parse(...args: string[]): ClientOptions {
  const command = addConnectionOptions(new Command("test"))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return clientOptions(command.parse(args, { from: "user" }).opts<ConnectionFlags>());
}

describe("connection options", () => {
  const defaults = { host: "127.0.0.1", port: 1883, cleanSession: true, protocolVersion: "3.1.1" as const };
  test.each<[string, ClientOptions]>([
    ["", {}],
    ["-h broker.local -p 1884", { host: "broker.local", port: 1884 }],
    ["--host ::1 --port 65535", { host: "::1", port: 65535 }],
    ["-i me -c", { clientId: "me", cleanSession: false }],
    ["-I gate-", { clientId: `gate-${process.pid}` }],
    ["-u user -P secret", { userName: "user", password: "secret" }],
    ["-u user", { userName: "user" }],
    ["-k 0", { keepAliveSec: 0 }],
    ["-k 65535 -V 31", { keepAliveSec: 65535, protocolVersion: "3.1" }],
    ["-V mqttv311 --nodelay -d --quiet", {}],
    ["--will-topic w", { will: { topicName: "w" } }],
    [
      "--will-topic w --will-payload gone --will-qos 2 --will-retain",
      { will: { topicName: "w", payload: "gone", qos: 2, retain: true } },
    ],
    ["-L mqtt://u:p@h:9/t", { host: "h", port: 9, userName: "u", password: "p" }],
    ["-p 7 -L mqtt://u:p@h:9/t -u v -h i", { host: "i", port: 7, userName: "v", password: "p" }],
  ])("%j", (args, expected) => {
    expect(parse(...args.split(" ").filter(Boolean))).toEqual({ ...defaults, ...expected });
  });

  test.each([
    ["-P secret", "user name"],
    ["-L mqtt://:p@h/t -u", "argument missing"],
    ["-i a -I b", "exclude"],
    ["-c", "-i NAME"],
    ["--will-payload x", "--will-topic"],
    ["--will-qos 1", "--will-topic"],
    ["--will-retain", "--will-topic"],
    ["--will-topic a/#", "wildcards"],
    ["--will-qos 3 --will-topic a", "0, 1 or 2"],
    ["-p 0", "1 to 65535"],
    ["-p 65536", "1 to 65535"],
    ["-p 1e3", "1 to 65535"],
    ["-k 65536", "0 to 65535"],
    ["-k -1", "0 to 65535"],
    ["-V 4", "31, 311 or 5"],
    ["-V 5.0", "31, 311 or 5"],
    ["-L mqtts://h/t", "TLS is not supported"],
    ["-L http://h/t", "mqtt://"],
    ["-L mqtt:///t", "host"],
    ["-L mqtt://h:99999/t", "1 to 65535"],
  ])("%j is refused", (args, named) => {
    expect(() => parse(...args.split(" "))).toThrow(named);
  });

  test.each<[string, ReturnType<typeof brokerUrl>]>([
    ["mqtt://h", { host: "h" }],
    ["mqtt://h/", { host: "h" }],
    ["mqtt://h:1/a/+/#", { host: "h", port: 1, topic: "a/+/#" }],
    ["mqtt://h/%20?x=1", { host: "h", topic: "%20?x=1" }],
    ["mqtt://u@h/t", { host: "h", userName: "u", topic: "t" }],
    ["mqtt://u%41:p@:w@h/t@:/", { host: "h", userName: "u%41", password: "p@:w", topic: "t@:/" }],
    ["mqtt://[::1]:1883//t", { host: "::1", port: 1883, topic: "/t" }],
  ])("-L %s", (url, expected) => {
    expect(brokerUrl(url)).toEqual(expected);
  });

  test.each([
    ["31", "3.1"],
    ["mqttv31", "3.1"],
    ["311", "3.1.1"],
    ["mqttv311", "3.1.1"],
    ["5", "5.0"],
    ["mqttv5", "5.0"],
  ])("-V %s", (name, version) => {
    expect(protocolVersion(name)).toBe(version);
  });

  test.each([
    [{}, "127.0.0.1:1883"],
    [{ host: "h", port: 1 }, "h:1"],
    [{ host: "::1", port: 1 }, "[::1]:1"],
  ])("%j is written %s", (options, expected) => {
    expect(addressText(options)).toBe(expected);
  });

  test.each([
    ["error: unknown option '--cafile'\n(Did you mean --file?)", "--cafile: TLS is not supported yet"],
    ["error: unknown option '--proxy'", "--proxy: not supported; mosquitto's own clients have it"],
    ["error: option '-D <x>' argument 'a\0b\0c' is invalid. No.", "option '-D <x>' argument 'a b c' is invalid. No."],
    ["error: unknown option '--tpic'\n(Did you mean --topic?)", "unknown option '--tpic' (Did you mean --topic?)"],
  ])("%j is told on one line", (text, expected) => {
    expect(complaint(text)).toBe(expected);
  });
});

describe("-S", () => {
  const record = (name: string, priority: number, weight: number) => ({
    name,
    port: 1000 + priority,
    priority,
    weight,
  });

  test("takes the lowest priority, then the greatest weight", async () => {
    const asked: string[] = [];
    const records = [record("c", 2, 99), record("a", 1, 5), record("b", 1, 50)];
    const resolve = async (name: string) => {
      asked.push(name);
      return records;
    };
    const flags = { S: true, host: "example.org" };
    expect(await followSrv(clientOptions(flags), flags, resolve)).toMatchObject({ host: "b", port: 1001 });
    expect(asked).toEqual(["_mqtt._tcp.example.org"]);
  });

  test.each<[string, ConnectionFlags, () => Promise<never[]>, string]>([
    ["no domain", { S: true }, async () => [], "-h"],
    ["no record", { S: true, host: "h" }, async () => [], "no SRV record _mqtt._tcp.h"],
    [
      "no name",
      { S: true, host: "h" },
      async () => {
        throw Object.assign(new Error("query"), { code: "ENOTFOUND" });
      },
      "no such host name",
    ],
  ])("%s is told", async (_, flags, resolve, named) => {
    await expect(followSrv(clientOptions(flags), flags, resolve)).rejects.toThrow(named);
  });
});

describe("topics", () => {
  test.each([
    // filter, name, whether it matches: section 4.7 of 3.1.1
    ["sport/tennis/player1/#", "sport/tennis/player1", true],
    ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
    ["sport/#", "sport", true],
    ["#", "a/b", true],
    ["#", "/", true],
    ["sport/tennis/+", "sport/tennis/player1/ranking", false],
    ["sport/+", "sport", false],
    ["sport/+", "sport/", true],
    ["+/+", "/finance", true],
    ["/+", "/finance", true],
    ["+", "/finance", false],
    ["#", "$SYS/x", false],
    ["+/x", "$SYS/x", false],
    ["$SYS/#", "$SYS/x", true],
    ["a", "a/b", false],
    ["a/b", "a", false],
    ["A", "a", false],
  ])("%s and %s: %s", (filter, name, expected) => {
    expect(topicMatches(filter, name)).toBe(expected);
  });

  test.each(["a", "/", "#", "+", "a/#", "+/a/+", "/#", "a b", "x".repeat(65_535)])(
    "filter %.20s is valid",
    (filter) => {
      expect(topicFilterProblem(filter)).toBeUndefined();
    },
  );

  test.each(["", "a#", "#/a", "a/#/b", "a+", "+a", "a/b+/c", "\0", "x".repeat(65_536)])(
    "filter %.20j is not",
    (filter) => {
      expect(topicFilterProblem(filter)).toMatch(/\w/);
    },
  );

  test.each(["", "a/+", "#", "\0", "ü".repeat(32_768)])("name %.20j is not valid", (name) => {
    expect(topicNameProblem(name)).toMatch(/\w/);
  });
});

describe("failures", () => {
  const midge = (code: string, more: object = {}) => Object.assign(new Error("the text"), { code, ...more });
  const system = (code: string, more: object = {}) => Object.assign(new Error(`system ${code}`), { code, ...more });
  const refused = "cannot connect to h:1: connection refused. Is a broker running there? To start one: midge broker";

  test.each<[object, string, number]>([
    [midge("CONNECTION_FAILED", { cause: system("ECONNREFUSED") }), refused, 1],
    [midge("CONNECTION_FAILED", { cause: midge("X", { cause: system("ECONNREFUSED") }) }), refused, 1],
    [midge("CONNECTION_FAILED", { cause: system("ENOTFOUND") }), "cannot connect to h:1: no such host name", 1],
    [midge("CONNECTION_FAILED", { cause: system("ERR_ODD") }), "cannot connect to h:1: system ERR_ODD", 1],
    [midge("CONNECTION_FAILED"), "cannot connect to h:1: the text", 1],
    [new MidgeError("CONNECTION_LOST", "connection lost: it broke"), "the connection to h:1 was lost: it broke", 1],
    [midge("CONNECTION_REFUSED", { returnCode: 5 }), "not authorised", 5],
    [midge("CONNECTION_REFUSED", { returnCode: 4 }), "user name or password", 4],
    [midge("CONNECTION_REFUSED", { returnCode: 2 }), "client id", 2],
    [midge("CONNECTION_REFUSED", { returnCode: 77 }), "return code 77", 77],
    [midge("CONNECT_TIMEOUT"), "did not answer", 1],
    [midge("PROTOCOL_ERROR"), "the text", 1],
    [midge("PACKET_TOO_LARGE"), "the text", 1],
  ])("%s", (error, text, exitCode) => {
    const failure = clientFailure(error, "h:1");
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ exitCode, message: expect.stringContaining(text) });
  });

  test("a bug stays one", () => {
    const bug = new TypeError("x is not a function");
    expect(clientFailure(bug, "h:1")).toBe(bug);
    expect(listenFailure(bug, 1883)).toBe(bug);
  });

  test.each<[object, string]>([
    [system("EADDRINUSE", { address: "127.0.0.1", port: 1883 }), "127.0.0.1:1883 is in use"],
    [system("EACCES", { address: "0.0.0.0", port: 80 }), "from 1024 up"],
    [system("EADDRNOTAVAIL", { address: "10.9.8.7", port: 1883 }), "no address 10.9.8.7"],
    [system("ENOTFOUND", { hostname: "nowhere" }), "no host called nowhere"],
    [system("EMFILE"), "cannot listen on port 1883: system EMFILE"],
  ])("listening: %s", (cause, text) => {
    const failure = listenFailure(midge("LISTEN_FAILED", { cause }), 1883);
    expect(failure).toMatchObject({ exitCode: 1, message: expect.stringContaining(text) });
  });
});

describe("which messages midge sub prints", () => {
  // Arriving: topic, whether retained.
  const arriving: [string, boolean][] = [
    ["a", true],
    ["b/x", true],
    ["a", false],
    ["c", true],
    ["b/y", false],
  ];
  const cases: [PrinterFlags, string, string, boolean][] = [
    // flags, what is printed, what is removed at the broker, whether it ends by itself
    [{}, "a|b/x|a|c|b/y|", "", false],
    [{ N: true }, "ab/xacb/y", "", false],
    [{ C: 3 }, "a|b/x|a|", "", true],
    [{ R: true }, "a|b/y|", "", false],
    [{ R: true, C: 1 }, "a|", "", true],
    [{ filterOut: ["b/+"] }, "a|a|c|", "", false],
    [{ filterOut: ["b/+", "a"], C: 1 }, "c|", "", true],
    [{ retainedOnly: true }, "a|b/x|", "", true],
    [{ removeRetained: true }, "a|b/x|a|c|b/y|", "a b/x c", false],
    [{ removeRetained: true, filterOut: ["a"] }, "b/x|c|b/y|", "b/x c", false],
    [{ removeRetained: true, R: true }, "a|b/y|", "a b/x c", false],
    [{ removeRetained: true, retainedOnly: true }, "a|b/x|", "a b/x", true],
  ];
  test.each(cases)("%j", (flags, printed, removed, ended) => {
    let out = "";
    let finished = 0;
    const removals: string[] = [];
    const printer = new Printer(flags, (message) => Buffer.from(message.topicName), {
      write: (bytes) => {
        out += bytes;
      },
      complain: () => {},
      removeRetained: (topicName) => removals.push(topicName),
      finish: () => {
        finished++;
      },
    });
    for (const [topicName, retain] of arriving) printer.receive({ topicName, retain } as Message);
    expect([out.replaceAll("\n", "|"), removals.join(" "), finished]).toEqual([printed, removed, ended ? 1 : 0]);
  });
});

test("lines are found however standard input is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom("\n", "\r", "a", "ü", ""), { maxLength: 40 }), async (pieces) => {
      async function* chunks() {
        for (const piece of pieces) yield Buffer.from(piece);
      }
      const expected = pieces.join("").split("\n");
      // What stands behind the last line feed is a line only if there is something.
      if (expected.at(-1) === "") expected.pop();
      const found: string[] = [];
      for await (const line of lines(chunks())) found.push(Buffer.from(line).toString());
      expect(found).toEqual(expected);
    }),
  );
});

describe("what the broker and the demo print", () => {
  const at = new Date(2026, 0, 1, 8, 5, 9, 7);

  test("a line for everything that happens", () => {
    const broker = new EventEmitter();
    const log: string[] = [];
    logBroker(
      broker as unknown as Broker,
      (line) => log.push(line),
      () => at,
    );
    const connect = { clientId: "c\x1b[31m1", address: "127.0.0.1:5", protocolVersion: "3.1.1", keepAliveSec: 60 };
    broker.emit("connect", { ...connect, cleanSession: true, userName: "u" });
    broker.emit("subscribe", { clientId: connect.clientId, topicFilter: "a/#", qos: 1 });
    broker.emit("publish", { clientId: connect.clientId, topicName: "a", qos: 2, retain: true, payloadLength: 3 });
    broker.emit("unsubscribe", { clientId: connect.clientId, topicFilter: "a/#" });
    broker.emit("disconnect", { clientId: connect.clientId, address: connect.address, reason: "DISCONNECT" });
    broker.emit("refuse", { clientId: "", address: "127.0.0.1:6", reason: "bad user name or password" });
    expect(log).toEqual([
      "08:05:09.007 connect     c\\x1b[31m1 127.0.0.1:5  MQTT 3.1.1, clean session, keep alive 60 s, user u",
      "08:05:09.007 subscribe   c\\x1b[31m1 127.0.0.1:5  a/# q1",
      "08:05:09.007 publish     c\\x1b[31m1 127.0.0.1:5  a q2 retain, 3 bytes",
      "08:05:09.007 unsubscribe c\\x1b[31m1 127.0.0.1:5  a/#",
      "08:05:09.007 disconnect  c\\x1b[31m1 127.0.0.1:5  DISCONNECT",
      "08:05:09.007 refuse      (no id) 127.0.0.1:6  bad user name or password",
    ]);
  });

  test.each([
    ["plain ü € 🦟", "plain ü € 🦟"],
    ["a\nb\x7f\x9b", "a\\x0ab\\x7f\\x9b"],
    ["\u202e\u2028", "\\u{202e}\\u{2028}"],
  ])("%j is printable as %s", (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test("the table of topics", () => {
    const table = new TopicTable();
    const seen = (topicName: string, payload: string) =>
      ({ topicName, payload: Buffer.from(payload), qos: 1, retain: topicName === "b" }) as const;
    table.see(seen("b", "1"), 1_000);
    table.see(seen("b", "a\x1bb"), 2_000);
    table.see(seen("a/long/topic", "0123456789012345678901234567890"), 62_000);
    expect(table.lines(122_000, 200, 10)).toEqual([
      "TOPIC        VALUE                    QOS  RETAINED     AGE  COUNT",
      "a/long/topic 01234567890123456789012… 1               1 min      1",
      "b            a\\x1bb                   1    yes        2 min      2",
    ]);
    expect(table.lines(122_000, 12, 2)).toEqual(["TOPIC       ", "a/long/topic"]);
    expect(seenLine(seen("b", "on"), at)).toBe("08:05:09.007 b on  (QoS 1, retained)");
  });
});
