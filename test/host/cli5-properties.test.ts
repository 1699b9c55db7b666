// -D of the command line: what mosquitto's clients take is taken, and what is wrong is told before there is a connection.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addPropertyOption,
  type PacketName,
  PropertyCommand,
  type PropertyFlags,
  propertyHelp,
} from "../../host/cli/properties.ts";
import { decodeProperties, encodeProperties, type Properties } from "../../host/properties.ts";
import { ALL, parse } from "./cli5-parse.ts";

describe("-D", () => {
  test.each<[string, PropertyFlags]>([
    ["-D publish content-type text/plain", { publish: { contentType: "text/plain" } }],
    ["--property publish content-type <>", { publish: { contentType: "" } }],
    ["-D PUBLISH Content-Type Text", { publish: { contentType: "Text" } }],
    ["--property=publish content-type x", { publish: { contentType: "x" } }],
    ["-D publish payload-format-indicator 0", { publish: { payloadFormat: "bytes" } }],
    ["-D will payload-format-indicator 1", { will: { payloadFormat: "utf8" } }],
    ["-D publish message-expiry-interval 0", { publish: { messageExpirySec: 0 } }],
    ["-D will message-expiry-interval 4294967295", { will: { messageExpirySec: 4_294_967_295 } }],
    ["-D publish response-topic a/b", { publish: { responseTopic: "a/b" } }],
    ["-D publish correlation-data ü", { publish: { correlationData: Buffer.from("ü") } }],
    ["-D will will-delay-interval 5", { will: { delaySec: 5 } }],
    ["-D subscribe subscription-identifier 268435455", { subscribe: { subscriptionIdentifiers: [268_435_455] } }],
    ["-D connect session-expiry-interval 7", { connect: { sessionExpirySec: 7 } }],
    ["-D connect session-expiry-interval -1", { connect: { sessionExpirySec: Infinity } }],
    ["-D disconnect session-expiry-interval ∞", { disconnect: { sessionExpirySec: Infinity } }],
    ["-D connect receive-maximum 1", { connect: { receiveMaximum: 1 } }],
    ["-D connect maximum-packet-size 100", { connect: { maximumPacketSize: 100 } }],
    ["-D connect topic-alias-maximum 0", { connect: { topicAliasMaximum: 0 } }],
    ["-D connect request-response-information 1", { connect: { requestResponseInformation: true } }],
    ["-D connect request-problem-information 0", { connect: { requestProblemInformation: false } }],
    ["-D connect authentication-method X", { connect: { authenticationMethod: "X" } }],
    ["-D connect authentication-data X", { connect: { authenticationData: Buffer.from("X") } }],
    ["-D disconnect reason-string <gone home>", { disconnect: { reasonString: "gone home" } }],
    ["-D publish user-property a b", { publish: { userProperties: [["a", "b"]] } }],
    [
      "-D publish user-property a b -D publish USER-PROPERTY a -D -D publish content-type -D",
      {
        publish: {
          userProperties: [
            ["a", "b"],
            ["a", "-D"],
          ],
          contentType: "-D",
        },
      },
    ],
    [
      "-D unsubscribe user-property a b -D subscribe user-property c d",
      { unsubscribe: { userProperties: [["a", "b"]] }, subscribe: { userProperties: [["c", "d"]] } },
    ],
  ])("%s", (line, expected) => {
    expect(parse(line).property).toEqual(expected);
  });

  test("is not looked for where another option's argument or an operand stands", () => {
    expect(parse("-m -D -i --property")).toMatchObject({ message: "-D", id: "--property" });
    expect(parse("-m -D -D publish content-type x")).toMatchObject({
      message: "-D",
      property: { publish: { contentType: "x" } },
    });
    expect(() => parse("-- -D publish content-type x")).toThrow("too many arguments");
  });

  test.each([
    ["-D", "argument missing"],
    ["-D publish", "-D PACKET NAME VALUE"],
    ["-D publish content-type", "-D PACKET NAME VALUE"],
    ["-D publish user-property a", "-D PACKET NAME VALUE"],
    ["-D nonsense content-type x", "PACKET is one of connect, will, publish"],
    ["-D auth user-property a b", "no properties with auth"],
    ["-D puback reason-string x", "no properties with puback"],
    ["-D publish nonsense x", "There is no property nonsense: payload-format-indicator, message-expiry-interval,"],
    ["-D publish will-delay-interval 1", "publish has no will-delay-interval: payload-format-indicator,"],
    ["-D publish subscription-identifier 1", "publish has no subscription-identifier"],
    ["-D connect content-type x", "connect has no content-type"],
    ["-D unsubscribe subscription-identifier 1", "unsubscribe has no subscription-identifier: user-property."],
    ["-D publish topic-alias 1", "Midge uses aliases by itself"],
    ["-D connect server-keep-alive 1", "only a broker sends it"],
    ["-D disconnect server-reference x", "only a broker sends it"],
    ["-D publish content-type x -D publish content-type y", "A packet has content-type only once."],
    ["-D publish payload-format-indicator 2", "from 0 to 1"],
    ["-D publish message-expiry-interval -1", "from 0 to 4294967295"],
    ["-D publish message-expiry-interval 4294967296", "from 0 to 4294967295"],
    ["-D publish message-expiry-interval 1x", "from 0 to 4294967295"],
    ["-D publish response-topic a/#", "no topic"],
    ["-D publish response-topic <>", "no topic"],
    ["-D subscribe subscription-identifier 0", "from 1 to 268435455"],
    ["-D subscribe subscription-identifier 268435456", "from 1 to 268435455"],
    ["-D connect receive-maximum 0", "from 1 to 65535"],
    ["-D connect maximum-packet-size 0", "from 1 to 4294967295"],
    ["-D connect topic-alias-maximum 65536", "from 0 to 65535"],
    ["-D connect request-problem-information 2", "from 0 to 1"],
    ["-D connect session-expiry-interval 4294967296", "from 0 to 4294967294, or -1"],
  ])("%s is refused in one line", (line, named) => {
    expect(() => parse(line)).toThrow(named);
    expect(() => parse(line)).toThrow(/^[^\n\0]*$/);
  });

  test.each([
    ["content-type", "x".repeat(65_536)],
    ["correlation-data", "ü".repeat(32_768)],
    ["user-property", `${"x".repeat(65_536)} y`],
  ])("a long %s is refused", (name, value) => {
    expect(() => parse(`-D publish ${name} ${value}`)).toThrow("65,535 bytes");
  });

  test("names only packets that the command sends", () => {
    expect(parse("-D publish content-type x", ["publish"]).property).toEqual({ publish: { contentType: "x" } });
    expect(() => parse("-D subscribe user-property a b", ["connect", "publish"])).toThrow(
      "This command sends no properties with subscribe: connect, publish.",
    );
  });

  test("takes whatever a shell can give", () => {
    // What is no property of the first value is the argument of the second: lengths and order stay.
    const word = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(word, word, (name, value) => {
        const flags = new PropertyCommand("test").exitOverride();
        addPropertyOption(flags, ALL).option("-t <x>");
        flags.parse(["-D", "publish", "user-property", name, value, "-t", "x"], { from: "user" });
        expect(flags.opts()).toEqual({ property: { publish: { userProperties: [[name, value]] } }, t: "x" });
      }),
    );
  });

  test("every name in the help is taken, and what it means can be encoded", () => {
    const values = ["1", "text", "a/b", "-1"];
    const [, blocks = ""] = propertyHelp(ALL).split(/^Properties:.*\n/m);
    for (const block of blocks.split(/\n(?! {14})/)) {
      const [packet = "", ...names] = block.trim().split(/,?\s+/);
      for (const name of names) {
        const value = values.find((candidate) => accepted(`-D ${packet} ${name} ${candidate} ${second(name)}`));
        expect(value, `${packet} ${name}`).toBeDefined();
        const flags = parse(`-D ${packet} ${name} ${value} ${second(name)}`);
        const properties = flags.property?.[packet as PacketName] as Properties;
        expect(Object.keys(properties)).toHaveLength(1);
        expect(decodeProperties(encodeProperties(properties))).toEqual(properties);
      }
    }
  });
});

function second(name: string): string {
  return name === "user-property" ? "value" : "";
}

function accepted(line: string): boolean {
  try {
    parse(line);
    return true;
  } catch {
    return false;
  }
}
