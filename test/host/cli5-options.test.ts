// What the command line makes of MQTT 5.0's flags, without a connection: -x, -V 5, the options of subscriptions, how to leave,
// the formats of properties, and refusals in words. -D is in cli5-properties.test.ts.

import { describe, expect, test } from "vitest";
import type { ClientOptions, EndOptions, Message, ProtocolVersion, SubscribeOptions } from "../../host/api-types.ts";
import { clientOptions, endOptions, versionOf } from "../../host/cli/connect-options.ts";
import { clientFailure, Failure, said } from "../../host/cli/failure.ts";
import { compileFormat } from "../../host/cli/format.ts";
import { percentage } from "../../host/cli/mosquitto-options.ts";
import { Printer } from "../../host/cli/printer.ts";
import { checkSubscribing, type SubscribingFlags, subscribeOptions } from "../../host/cli/subscribing.ts";
import { topicFilterProblem } from "../../host/cli/topic.ts";
import { reasonError } from "../../host/errors.ts";
import type { Properties } from "../../host/properties.ts";
import { parse } from "./cli5-parse.ts";

describe("version and session", () => {
  test.each<[string, ProtocolVersion]>([
    ["", "3.1.1"],
    ["-V 5", "5.0"],
    ["-D publish content-type x", "5.0"],
    ["-V 5 -D publish content-type x", "5.0"],
    ["-V 31", "3.1"],
  ])("%j is MQTT %s", (line, version) => {
    expect(versionOf(parse(line))).toBe(version);
  });

  test("what a command has as its default is one", () => {
    expect(versionOf(parse(""), "5.0")).toBe("5.0");
    expect(versionOf(parse("-V 311"), "5.0")).toBe("3.1.1");
  });

  test.each<[string, Partial<ClientOptions>]>([
    ["-V 5", {}],
    ["-V 5 -x 5", { sessionExpirySec: 5 }],
    ["-V 5 -x 4294967294", { sessionExpirySec: 4_294_967_294 }],
    ["-V 5 -x 4294967295 -i a", { sessionExpirySec: Infinity, clientId: "a" }],
    ["-V 5 -x -1 -i a", { sessionExpirySec: Infinity, clientId: "a" }],
    ["-V 5 -x ∞ -I a", { sessionExpirySec: Infinity, clientId: `a${process.pid}` }],
    ["-V 5 -c -i a", { cleanSession: false, clientId: "a" }],
    ["-V 5 -c -i a -x 5", { cleanSession: false, clientId: "a", sessionExpirySec: 5 }],
    ["-V 5 -P secret", { password: "secret" }],
    ["-D connect session-expiry-interval 9", { sessionExpirySec: 9 }],
    ["-D connect receive-maximum 3 -D connect user-property a b", { receiveMaximum: 3, userProperties: [["a", "b"]] }],
    [
      "-D connect authentication-method SCRAM-SHA-256 -u a -P b",
      { authentication: "SCRAM-SHA-256", userName: "a", password: "b" },
    ],
    [
      "--will-topic w -D will will-delay-interval 5 -D will content-type x",
      { will: { topicName: "w", delaySec: 5, contentType: "x" } },
    ],
  ])("%s", (line, expected) => {
    const common = { host: "127.0.0.1", port: 1883, protocolVersion: "5.0", cleanSession: true, topicAliasMaximum: 0 };
    expect(clientOptions(parse(line))).toEqual({ ...common, ...expected });
  });

  test("another authentication method has its first word, and no second", async () => {
    const { authentication } = clientOptions(
      parse("-D connect authentication-method X -D connect authentication-data Y"),
    );
    if (typeof authentication !== "object") throw new Error("not a method");
    expect([authentication.method, authentication.data?.()]).toEqual(["X", Buffer.from("Y")]);
    expect(() => authentication.respond(Buffer.from(""))).toThrow("does not know");
    const silent = clientOptions(parse("-D connect authentication-method X")).authentication;
    expect(silent).toEqual({ method: "X", respond: expect.any(Function) });
  });

  test.each([
    ["-x 5", "add -V 5"],
    ["-V 311 -x 5", "add -V 5"],
    ["-V 311 -D publish content-type x", "-V says 3.1.1"],
    ["-D publish content-type x -V 31", "-V says 3.1"],
    ["-V 5 -x abc", "number of seconds"],
    ["-V 5 -x -2", "number of seconds"],
    ["-V 5 -x 4294967296", "number of seconds"],
    ["-V 5 -x -1", "-i NAME"],
    ["-D connect session-expiry-interval -1", "-i NAME"],
    ["-V 5 -c", "-i NAME"],
    ["-x 5 -D connect session-expiry-interval 7", "twice"],
    ["-D disconnect session-expiry-interval 7", "add -x or -c"],
    ["-x 0 -i a -c -D disconnect session-expiry-interval 7", "add -x or -c"],
    ["-D connect authentication-data x", "authentication-method"],
    ["-D connect authentication-method SCRAM-SHA-256 -u a", "-P"],
    ["-D will content-type x", "--will-topic"],
  ])("%s is refused", (line, named) => {
    expect(() => clientOptions(parse(line))).toThrow(named);
  });

  test.each<[string, boolean, EndOptions]>([
    ["", true, {}],
    ["-V 5", false, {}],
    ["-V 5", true, { reasonCode: 4 }],
    ["-x 9 -D disconnect session-expiry-interval 7", false, { sessionExpirySec: 7 }],
    [
      "-D disconnect reason-string r -D disconnect user-property a b",
      true,
      { reasonCode: 4, reasonString: "r", userProperties: [["a", "b"]] },
    ],
  ])("%j leaves, cut short %s", (line, cutShort, expected) => {
    const flags = parse(line);
    expect(endOptions(flags, versionOf(flags), cutShort)).toEqual(expected);
  });
});

describe("subscriptions", () => {
  const property = parse("-D subscribe subscription-identifier 3 -D subscribe user-property a b").property;
  test.each<[SubscribingFlags, ProtocolVersion, SubscribeOptions]>([
    [{}, "5.0", { qos: 0 }],
    [{ qos: 2 }, "5.0", { qos: 2 }],
    [{ retainHandling: "always" }, "5.0", { qos: 0 }],
    [{ retainHandling: "new" }, "5.0", { qos: 0, retainHandling: 1 }],
    [{ retainHandling: "never" }, "5.0", { qos: 0, retainHandling: 2 }],
    [{ R: true }, "5.0", { qos: 0, retainHandling: 2 }],
    [{ R: true, retainHandling: "new" }, "5.0", { qos: 0, retainHandling: 1 }],
    [{ R: true, removeRetained: true }, "5.0", { qos: 0 }],
    [{ R: true }, "3.1.1", { qos: 0 }],
    [{ retainAsPublished: true, local: false }, "5.0", { qos: 0, retainAsPublished: true, noLocal: true }],
    [{ ...(property && { property }) }, "5.0", { qos: 0, subscriptionIdentifier: 3, userProperties: [["a", "b"]] }],
  ])("%j in MQTT %s", (flags, version, expected) => {
    expect(subscribeOptions(flags, version)).toEqual(expected);
  });

  test.each<[SubscribingFlags, ProtocolVersion, string]>([
    [{ topic: ["a"], retainHandling: "new" }, "3.1.1", "--retain-handling is for MQTT 5.0"],
    [{ topic: ["a"], retainAsPublished: true }, "3.1.1", "--retain-as-published is for MQTT 5.0"],
    [{ topic: ["a"], local: false }, "3.1", "--no-local is for MQTT 5.0"],
    [{ topic: ["$share/x/a"], local: false }, "5.0", "not for shared"],
    [{}, "5.0", "-t TOPIC"],
    [{ topic: ["$share/x"] }, "5.0", "$share/NAME/FILTER"],
    [{ unsubscribe: ["a/#/b"] }, "5.0", "last"],
  ])("%j in MQTT %s is refused", (flags, version, named) => {
    expect(() => checkSubscribing(flags, version)).toThrow(named);
  });

  test.each([
    ["$share/x/a/+/#", true],
    ["$share/x//", true],
    ["$share/x/#", true],
    ["$shared/#", true],
    ["a/$share/x", true],
    // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    ["$share", true],
    ["$share/", false],
    ["$share/x", false],
    ["$share/x/", false],
    ["$share//a", false],
    ["$share/+/a", false],
    ["$share/a#/a", false],
    ["$share/x/a/#/b", false],
  ])("%s is a topic filter: %s", (filter, valid) => {
    expect(topicFilterProblem(filter) === undefined).toBe(valid);
  });

  test.each(["0", "0.05", "100.1", "x", "", "-1"])("--random-filter %s is refused", (text) => {
    expect(() => percentage(text)).toThrow("0.1 to 100");
  });

  test("--random-filter prints its share, and counts the others", () => {
    let printed = 0;
    let finished = 0;
    const printer = new Printer({ randomFilter: 50, C: 2000, N: true }, () => Buffer.from("x"), {
      write: () => printed++,
      complain: () => {},
      removeRetained: () => {},
      finish: () => finished++,
    });
    const message = { topicName: "a", retain: false } as Message;
    for (let count = 0; count < 2000; count++) printer.receive(message);
    // Ten standard deviations on each side of a thousand.
    expect(Math.abs(printed - 1000)).toBeLessThan(224);
    expect(finished).toBe(1);
  });
});

describe("formats", () => {
  const properties: Message["properties"] = {
    subscriptionIdentifiers: [12],
    contentType: "cönt",
    messageExpirySec: 256,
    userProperties: [
      ["k", "v1"],
      ["k", 'v"2'],
      ["ü:x", ""],
    ],
    correlationData: Buffer.from([0x63, 0x22, 0xff, 0]),
    responseTopic: "re/ply",
    payloadFormat: "utf8",
    topicAlias: 7,
  };
  const all = message(properties);
  const print = (format: string, of = all) => compileFormat(format)(of, new Date(0), () => {}).toString("latin1");
  const utf8 = (text: string) => Buffer.from(text).toString("latin1");

  test.each([
    // format, what is printed with properties, and without
    ["%A|%3A|%03A|%-3A|", "7|  7|007|7  |", "|   |000|   |"],
    ["%C|%6C|%-6C|%.2C|", utf8("cönt|  cönt|cönt  |cö|"), "|      |      ||"],
    ["%D|%9D|", 'c"\xff\0|c"\xff\0|', "||"],
    ["%E|%5E|%05E|", "256|  256|00256|", "|     |00000|"],
    ["%F|%2F|%02F|", "1| 1|01|", "|  |00|"],
    ["%P|%30P|", utf8('k:v1 k:v"2 ü:x:|k:v1 k:v"2 ü:x:|'), "||"],
    ["%R|%8R|%.2R|", "re/ply|  re/ply|re|", "|        ||"],
    ["%S|%4S|%-4S|%04S|", "12|  12|12  |0012|", "|    |    |0000|"],
  ])("%s", (format, expected, none) => {
    expect(print(format)).toBe(expected);
    expect(print(format, message({}))).toBe(none);
  });

  test("a payload format of 0, an expiry of 0 and empty texts are there", () => {
    const of = message({ payloadFormat: "bytes", messageExpirySec: 0, contentType: "", userProperties: [["", ""]] });
    expect(print("%F %E [%C] [%P]", of)).toBe("0 0 [] [:]");
    expect(json(of)).toBe(
      '{"payload-format-indicator":0,"message-expiry-interval":0,"content-type":"","user-properties":{"":""}}',
    );
  });

  test("several subscription identifiers", () => {
    const of = message({ subscriptionIdentifiers: [3, 5] });
    expect(print("%S", of)).toBe("3 5");
    expect(json(of)).toBe('{"subscription-identifier":[3,5]}');
  });

  test("JSON has them in the order of the message", () => {
    expect(json(message({ ...properties, correlationData: Buffer.from('c"\0') }))).toBe(
      utf8(
        '{"subscription-identifier":12,"content-type":"cönt","message-expiry-interval":256,' +
          '"user-properties":{"k":"v1","k":"v\\"2","ü:x":""},"correlation-data":"c\\"\\u0000",' +
          '"response-topic":"re/ply","payload-format-indicator":1,"topic-alias":7}',
      ),
    );
    expect(json(message({ correlationData: Buffer.from([0xff, 0x80]) }))).toBe('{"correlation-data":"\xff\x80"}');
  });

  test("JSON has none where there are none", () => {
    expect(print("%j", message({}))).toMatch(/"payloadlen":1,"payload":"x"}$/);
  });

  function json(of: Message): string | undefined {
    return /"payloadlen":1,"properties":(.*),"payload":"x"}$/s.exec(print("%j", of))?.[1];
  }

  function message(properties: Message["properties"]): Message {
    const payload = Buffer.from("x");
    const header = { topicName: "t", qos: 0, retain: false, duplicate: false, packetId: 0 } as const;
    return { ...header, payload, properties, text: () => "x" };
  }
});

describe("refusals", () => {
  const refusal = (code: Parameters<typeof reasonError>[0], reasonCode: number, properties: Properties = {}) =>
    reasonError(code, "what", reasonCode, properties);

  test.each([
    // error, exit code, what is said
    [refusal("CONNECTION_REFUSED", 0x87), 135, "refused the connection: not authorised (0x87) (see -u and -P)"],
    [refusal("CONNECTION_REFUSED", 0x84), 132, "try -V 311"],
    [
      refusal("CONNECTION_REFUSED", 0x9c, { serverReference: "b:2", reasonString: "full\n" }),
      156,
      'use another server (0x9c); it names b:2; the broker says "full\\x0a"',
    ],
    [refusal("SERVER_DISCONNECTED", 0x8e), 142, "ended the connection: session taken over (0x8e)"],
    [refusal("SERVER_DISCONNECTED", 0), 1, "ended the connection: success"],
    [refusal("PUBLISH_REFUSED", 0x97), 151, "refused the message: quota exceeded (0x97)"],
    [refusal("UNSUBSCRIPTION_REFUSED", 0x83), 131, "refused to unsubscribe"],
    [refusal("CONNECTION_REFUSED", 0xee), 238, "reason code 0xee"],
  ])("%s", (error, exitCode, text) => {
    const failure = clientFailure(error, "h:1");
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ exitCode, message: expect.stringContaining(text) });
  });

  test("before 5.0 a refusal has no code to tell of", () => {
    expect(said(new Error("refused"))).toBe("refused");
  });
});
