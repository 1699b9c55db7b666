// Eclipse Paho's Python client in 5.0 at our broker. paho_peer5.py runs the scenarios and prints what it saw; what it should
// have seen stands here. What Paho does in every version is in peers-paho.test.ts.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { run, stopAll } from "./peers.ts";
import { closeBrokers, Served } from "./peers5.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** Debian's Python, as the package python3-paho-mqtt is for that one. */
const SCRIPT = ["/usr/bin/python3", "-B", fileURLToPath(new URL("paho_peer5.py", import.meta.url))];
const PREFIX = "paho5";

/** As Paho writes them. */
const EVERY_PROPERTY = {
  PayloadFormatIndicator: 1,
  MessageExpiryInterval: 1000,
  ContentType: "text/plain; charset=utf-8",
  ResponseTopic: "answers/here",
  CorrelationData: Buffer.from(Array.from({ length: 256 }, (_, index) => index)).toString("hex"),
  UserProperty: [
    ["b", "2"],
    ["a", "1"],
    ["b", "1"],
    ["", ""],
    ["größe", "€"],
    ["b", "2"],
  ],
};
// What is kept may have been kept for a second, on a slow machine for more.
const KEPT_PROPERTIES = {
  ...EVERY_PROPERTY,
  MessageExpiryInterval: expect.toSatisfy((sec) => sec > 900 && sec <= 1000),
};
const CONNACK = { TopicAliasMaximum: 16, MaximumPacketSize: 16_777_216 };

const numbers = (count: number, first = 0, step = 1) =>
  Array.from({ length: count }, (_, index) => first + index * step);

let results: Map<string, unknown>;

beforeAll(async () => {
  const { port } = await Served.start({ responseInformation: "answers/" });
  const { exitCode, stdout, stderr } = await run([...SCRIPT, String(port), "5", PREFIX], { timeoutMs: 110_000 });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const lines = stdout.toString().trim().split("\n");
  results = new Map(lines.map((line) => [JSON.parse(line).scenario, JSON.parse(line)]));
});
afterAll(async () => {
  await stopAll();
  await closeBrokers();
});

test.each([
  // scenario, what Paho should see
  [
    "connack",
    { properties: [CONNACK, { ...CONNACK, ResponseInformation: `answers/${PREFIX}c2` }, CONNACK], assigned: true },
  ],
  [
    "properties",
    {
      live: [0, 1, 2].map((qos) => [`p/${qos} ${qos} x`, EVERY_PROPERTY]),
      retained: [0, 1, 2].map((qos) => [`p/${qos} ${qos} x retained`, KEPT_PROPERTIES]),
      queued: [1, 2].map((qos) => [`p/${qos} ${qos} x`, KEPT_PROPERTIES]),
    },
  ],
  ["expiry", { queued: ["long", "plain", "end"], "counted down": true, retained: ["end"] }],
  ["session", { kept: 1, ended: 0, "taken back": 0, prolonged: 1, expired: 0 }],
  [
    "wills",
    {
      messages: [...["lost", "told", "delayed", "ended"].map((name) => `w/${name} 1 ${name}`), "w/end 2 end"],
      properties: EVERY_PROPERTY,
    },
  ],
  ["receive_maximum", { "in order": [true, true], connections: 1 }],
  ["packet_size", [10, 100]],
  [
    "aliases",
    {
      plain: ["a/one 1 1", "a/one 1 2", "a/two 1 3", "a/two 1 4"],
      // The empty Topic Name is the one before.
      aliases: [
        ["a/one 1 1", 1],
        [" 1 2", 1],
        ["a/two 1 3", 1],
        [" 1 4", 1],
      ],
    },
  ],
  [
    "subscriptions",
    {
      "no local": ["u/theirs 1 theirs", { SubscriptionIdentifier: [7] }],
      other: ["u/kept 1 kept retained", "u/mine 1 mine", "u/theirs 1 theirs retained"],
      identifiers: [[1], [2, 3], [2, 3]],
      unsubscribed: [0x00, 0x11],
    },
  ],
  ["shared", { first: [0, 1, 2].map((member) => numbers(10, member, 3).map(String)), rest: true }],
  [
    "requests",
    [
      ["re: one", "one"],
      ["re: two", "two"],
    ],
  ],
  ["dismissed", [0x8e, true]],
])("%s", (scenario, result) => {
  expect(results.get(scenario)).toEqual({ scenario, result });
});

test("every scenario has its expectation", () => {
  expect(results.size).toBe(12);
});
