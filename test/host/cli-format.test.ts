// The output formats of `midge sub`: -F, -v, and JSON. Formats and results are those observed of mosquitto_sub 2.0.11
// (the same formats are compared with the real program in cli-peers.test.ts); @ sequences are compared with date(1).

import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Message, QoS } from "../../host/api-types.ts";
import { compileFormat, payloadFormat, verboseFormat } from "../../host/cli/format.ts";
import { isValidJson, jsonBytes, reformatJson } from "../../host/cli/json.ts";
import { strftime } from "../../host/cli/strftime.ts";

const AT = new Date(2026, 10, 22, 8, 5, 9, 7);

function message(topicName: string, payload: string | Uint8Array, qos: QoS = 0, retain = false): Message {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const packetId = qos === 0 ? 0 : 7;
  const header = { topicName, qos, retain, duplicate: false, packetId, properties: {} };
  return { ...header, payload: bytes, text: () => bytes.toString() };
}

function print(format: string, of: Message, pretty = false): string {
  return compileFormat(format, pretty)(of, AT, () => {}).toString();
}

describe("-F", () => {
  const hello = message("ret/x", "hello", 1, true);
  test.each([
    // format, what is printed
    ["%t %p", "ret/x hello"],
    ["%l|%5l|%05l|%-5l|%-05l|", "5|    5|00005|5    |5    |"],
    ["%10t|%-10t|%.2t|%3.3t|%010t|", "     ret/x|ret/x     |re|ret|     ret/x|"],
    ["%10.3t|%.0t|", "       ret||"],
    ["%10p|%-10p|%010p|%.3p", "     hello|hello     |00000hello|hello"],
    ["%x|%X|%12x|%-12X|%012x", "68656c6c6f|68656C6C6F|  68656c6c6f|68656C6C6F  |0068656c6c6f"],
    ["%q%r%m|%5m|%05m|%5q|%5r", "117|    7|00007|1|1"],
    ["%A%C%D%E%F%R%S%P|%5A|%05E|%5C|%-5R|", "|     |00000|     |     |"],
    ["a%%b@@c\\\\d", "a%b@c\\d"],
    ["\\0\\a\\e\\n\\r\\t\\v", "\0\x07\x1b\n\r\t\v"],
    ["line\nbreak ü €", "line\nbreak ü €"],
    ["@Y-@m-@d @H:@M:@S.@N", "2026-11-22 08:05:09.007000000"],
    ["", ""],
  ])("%j prints %j", (format, expected) => {
    expect(print(format, hello)).toBe(expected);
  });

  test.each([
    ["%z", "%z"],
    ["%", "incomplete"],
    ["abc%-05", "incomplete"],
    ["abc%5.3", "incomplete"],
    ["\\q", "\\q"],
    ["abc\\", "incomplete"],
    ["abc@", "incomplete"],
    ["%10001t", "10001"],
  ])("%j is refused", (format, named) => {
    expect(() => compileFormat(format)).toThrow(named);
  });

  test("%I and %U are the time of arrival", () => {
    const [iso, unix] = print("%I %U", hello).split(" ");
    expect(iso).toMatch(/^2026-11-22T08:05:09[+-]\d{4}$/);
    expect(unix).toBe(`${Math.floor(AT.getTime() / 1000)}.007000000`);
  });

  test("counts characters, not bytes, and cuts none in half", () => {
    expect(print("%6t|%.2t|", message("füß/€", ""))).toBe(" füß/€|fü|");
  });

  test("any payload is printed byte for byte", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
        const sent = message("t", payload);
        const bytes = Buffer.from(payload);
        expect(payloadFormat(sent, AT, () => {})).toEqual(bytes);
        expect(compileFormat("%p")(sent, AT, () => {})).toEqual(bytes);
        expect(compileFormat("%x")(sent, AT, () => {}).toString()).toBe(bytes.toString("hex"));
      }),
    );
  });
});

describe("-v", () => {
  test.each([
    ["a/b", "on", "a/b on"],
    ["a/b", "", "a/b (null)"],
  ])("%s %j prints %j", (topicName, payload, expected) => {
    expect(verboseFormat(message(topicName, payload), AT, () => {}).toString()).toBe(expected);
  });
});

describe("%j and %J", () => {
  const members = (text: string) => text.replace(/"tst":\s*"[^"]*"/, '"tst":""');

  test.each<[string, Message, string]>([
    ["%j", message("a", "5"), '{"tst":"","topic":"a","qos":0,"retain":0,"payloadlen":1,"payload":"5"}'],
    ["%J", message("a", "5 "), '{"tst":"","topic":"a","qos":0,"retain":0,"payloadlen":2,"payload":5}'],
    ["%j", message("a", "", 2), '{"tst":"","topic":"a","qos":2,"retain":0,"payloadlen":0,"mid":7,"payload":null}'],
    ["%J", message("a", ""), '{"tst":"","topic":"a","qos":0,"retain":0,"payloadlen":0,"payload":null}'],
    [
      "%j",
      message('q"\\', 'hé"l\\\n\t\x01', 0, true),
      '{"tst":"","topic":"q\\"\\\\","qos":0,"retain":1,"payloadlen":9,"payload":"hé\\"l\\\\\\n\\t\\u0001"}',
    ],
    [
      "%J",
      message("a", '{"a": [1, 2.50,\n "x y"], "b":{}, "n": 12345678901234567890}'),
      '{"tst":"","topic":"a","qos":0,"retain":0,"payloadlen":59,"payload":{"a":[1,2.50,"x y"],"b":{},"n":12345678901234567890}}',
    ],
  ])("%s of %j", (format, of, expected) => {
    expect(members(print(format, of))).toBe(expected);
  });

  test("the time has microseconds and the zone", () => {
    expect(JSON.parse(print("%j", message("a", "x"))).tst).toMatch(/^2026-11-22T08:05:09\.007000[+-]\d{4}$/);
  });

  test("--pretty is laid out as mosquitto_sub does it", () => {
    const of = message("a", '{"a":[1,"[{,:",{"b":{},"x":[[],[1]]}],"c":{},"d":[]}');
    const lines = print("%J", of, true).split("\n");
    expect([lines[0], ...lines.slice(2)]).toEqual([
      "{",
      '\t"topic":\t"a",',
      '\t"qos":\t0,',
      '\t"retain":\t0,',
      '\t"payloadlen":\t52,',
      '\t"payload":\t{',
      '\t\t"a":\t[1, "[{,:", {',
      '\t\t\t\t"b":\t{',
      "\t\t\t\t},",
      '\t\t\t\t"x":\t[[], [1]]',
      "\t\t\t}],",
      '\t\t"c":\t{',
      "\t\t},",
      '\t\t"d":\t[]',
      "\t}",
      "}",
    ]);
  });

  test.each([
    ["no JSON", Buffer.from("{a:1}")],
    ["blank", Buffer.from(" ")],
    ["two values", Buffer.from("1 2")],
    ["not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
  ])("%%J of a payload that is %s prints nothing and complains", (_, payload) => {
    const complaints: string[] = [];
    const printed = compileFormat("<%J>")(message("a/b", payload), AT, (line) => complaints.push(line));
    expect(printed.toString()).toBe("<>");
    expect(complaints).toEqual(["the payload is not valid JSON on topic a/b"]);
  });

  test("any text survives quoting", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const quoted = jsonBytes(Buffer.from(text).toString("latin1"));
        expect(JSON.parse(Buffer.from(quoted, "latin1").toString())).toBe(Buffer.from(text).toString());
      }),
    );
  });

  test("any JSON means the same after formatting", () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (json, pretty) => {
        expect(JSON.parse(reformatJson(JSON.stringify(JSON.parse(json), null, 3), pretty))).toEqual(JSON.parse(json));
      }),
    );
  });

  test("a long string and deep nesting do no harm", () => {
    const long = JSON.stringify("x\\".repeat(2_000_000));
    expect(reformatJson(long, true)).toBe(long);
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    expect(isValidJson(Buffer.from(deep))).toBe(true);
    expect(reformatJson(deep, true).length).toBeLessThan(5_000_000);
  });
});

describe("@ sequences", () => {
  // Not Z: JavaScript has letters for the zones of few countries, and GMT+1 for the rest.
  const conversions = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYz%";
  // Around new year, where the week numbers disagree; a leap day; midnight and noon; both sides of a summer time
  // change.
  const moments = [
    [2026, 0, 1, 0, 0, 0],
    [2024, 11, 30, 12, 0, 59],
    [2024, 1, 29, 13, 1, 2],
    [2027, 0, 3, 23, 59, 59],
    [2021, 0, 3, 9, 9, 9],
    [2022, 0, 1, 11, 0, 0],
    [2026, 2, 29, 4, 0, 0],
    [2026, 9, 25, 4, 0, 0],
    [2016, 7, 10, 9, 47, 38],
  ] as const;

  test.each(moments)("are those of date(1) on %i-%i-%i %i:%i:%i", (year, month, day, hours, minutes, seconds) => {
    const at = new Date(year, month, day, hours, minutes, seconds);
    const format = [...conversions].map((conversion) => `${conversion}=%${conversion}`).join("\x01");
    const expected = execFileSync("date", ["-d", `@${at.getTime() / 1000}`, `+${format}`], {
      env: { ...process.env, LC_ALL: "C" },
      encoding: "utf8",
    });
    const actual = [...conversions].map((conversion) => `${conversion}=${strftime(conversion, at)}`);
    expect(actual).toEqual(expected.slice(0, -1).split("\x01"));
  });

  test("an unknown one is printed as strftime(3) prints it", () => {
    expect(strftime("q", AT)).toBe("%q");
  });
});
