// The properties of 5.0 as objects and as bytes, each data type once, and what neither can be.

import { describe, expect, it } from "vitest";
import { decodeProperties, encodeProperties, type Properties } from "../../host/properties.ts";

const ROWS: [string, Properties, string][] = [
  ["nothing", {}, ""],
  ["empty lists", { userProperties: [], subscriptionIdentifiers: [] }, ""],
  ["a format", { payloadFormat: "utf8" }, "0101"],
  ["the other format", { payloadFormat: "bytes" }, "0100"],
  ["four bytes", { messageExpirySec: 0xfffffffe }, "02fffffffe"],
  ["no end", { sessionExpirySec: Number.POSITIVE_INFINITY }, "11ffffffff"],
  ["an end", { sessionExpirySec: 60 }, "110000003c"],
  ["two bytes", { receiveMaximum: 0xff00 }, "21ff00"],
  ["one byte", { maximumQos: 1 }, "2401"],
  ["yes and no", { requestProblemInformation: false, requestResponseInformation: true }, "17001901"],
  ["text", { contentType: "ä" }, "030002c3a4"],
  ["empty text", { responseTopic: "" }, "080000"],
  ["bytes", { correlationData: Buffer.from([0, 255]) }, "09000200ff"],
  ["numbers of 1 to 4 bytes", { subscriptionIdentifiers: [127, 128, 268_435_455] }, "0b7f0b80010bffffff7f"],
  [
    "pairs, in order",
    {
      userProperties: [
        ["b", "1"],
        ["a", ""],
        ["b", "2"],
      ],
    },
    "26000162000131" + "260001610000" + "26000162000132",
  ],
  ["ascending identifiers", { topicAlias: 1, contentType: "", payloadFormat: "utf8" }, "0101" + "030000" + "230001"],
];

describe("properties", () => {
  it.each(ROWS)("are bytes: %s", (_, properties, hex) => {
    expect(encodeProperties(properties).toString("hex")).toBe(hex);
  });

  it.each(ROWS.filter(([, , hex]) => hex !== ""))("are an object: %s", (_, properties, hex) => {
    expect(decodeProperties(Buffer.from(hex, "hex"))).toEqual(properties);
  });

  it("leave out what is none, and what is undefined", () => {
    const options = { qos: 1, retain: true, contentType: undefined } as unknown as Properties;
    expect(encodeProperties(options)).toHaveLength(0);
  });

  it("are read from the middle of a larger buffer", () => {
    const bytes = Buffer.from("ffff030001614242", "hex").subarray(2, 6);
    expect(decodeProperties(bytes)).toEqual({ contentType: "a" });
  });

  it.each([
    ["a number that is none", { messageExpirySec: Number.NaN }],
    ["a number with a fraction", { messageExpirySec: 1.5 }],
    ["a number below its range", { receiveMaximum: 0 }],
    ["a number over its range", { receiveMaximum: 65_536 }],
    ["Infinity where there is none", { messageExpirySec: Number.POSITIVE_INFINITY }],
    ["an identifier of 0", { subscriptionIdentifiers: [0] }],
    ["text with U+0000", { contentType: "a\0" }],
    ["half a pair of surrogates", { contentType: "\ud800" }],
    ["text that is too long", { contentType: "x".repeat(65_536) }],
    ["bytes that are too long", { correlationData: new Uint8Array(65_536) }],
    ["bytes that are text", { correlationData: "abc" }],
    ["another format", { payloadFormat: "json" }],
    ["a number for yes", { requestProblemInformation: 1 }],
    ["pairs of one", { userProperties: [["a"]] }],
    ["pairs of numbers", { userProperties: [["a", 1]] }],
    ["pairs in an object", { userProperties: { a: "1" } }],
  ])("refuse %s", (_, properties) => {
    expect(() => encodeProperties(properties as Properties)).toThrow(
      expect.objectContaining({
        code: "ARGUMENT_INVALID",
        message: expect.stringContaining(Object.keys(properties)[0] as string),
      }),
    );
  });

  it.each([
    ["an unknown identifier", "0400"],
    ["a number that is cut off", "02000000"],
    ["text that is cut off", "03000261"],
    ["a length that is cut off", "0300"],
    ["a number of five bytes", "0b8080808001"],
  ])("cannot be read from %s", (_, hex) => {
    expect(() => decodeProperties(Buffer.from(hex, "hex"))).toThrow(
      expect.objectContaining({ code: "PROTOCOL_ERROR" }),
    );
  });
});
