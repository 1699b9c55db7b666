// Eclipse Paho's Python client at `midge broker`, in 3.1, 3.1.1 and 5.0. paho_peer.py runs the scenarios and prints what it
// saw; what it should have seen stands here. What only 5.0 has is in peers5-paho.test.ts.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type BrokerPeer, run, startTestedBroker, stopAll } from "./peers.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** Debian's Python, as the package python3-paho-mqtt is for that one. */
const SCRIPT = ["/usr/bin/python3", "-B", fileURLToPath(new URL("paho_peer.py", import.meta.url))];

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

let broker: BrokerPeer;
let runs: Map<string, Map<string, unknown>>;

beforeAll(async () => {
  broker = await startTestedBroker();
  const versions = ["31", "311", "5"];
  runs = new Map(await Promise.all(versions.map(async (version) => [version, await runScenarios(version)] as const)));
});
afterAll(async () => {
  const ended = await broker.child.stop();
  await stopAll();
  expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
});

/** Results by scenario. */
async function runScenarios(version: string): Promise<Map<string, unknown>> {
  const command = [...SCRIPT, String(broker.port), version, `paho${version}`];
  const { exitCode, stdout, stderr } = await run(command, { timeoutMs: 110_000 });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const lines = stdout.toString().trim().split("\n");
  return new Map(lines.map((line) => [JSON.parse(line).scenario, JSON.parse(line)]));
}

describe.each(["31", "311", "5"])("MQTT %s", (version) => {
  test.each([
    // scenario, what Paho should see
    [
      "qos_matrix",
      {
        granted: [[0], [1], [2]],
        messages: [
          ["m 0 from 0", "m 0 from 1", "m 0 from 2"],
          ["m 0 from 0", "m 1 from 1", "m 1 from 2"],
          ["m 0 from 0", "m 1 from 1", "m 2 from 2"],
        ],
      },
    ],
    [
      "retained",
      {
        first: ["r/0 0 new retained", "r/1 1 new retained", "r/2 2 new retained"],
        live: ["r/0 0 ", "r/1 1 "],
        second: ["r/2 2 new retained", "r/end 2 "],
      },
    ],
    [
      "filters",
      {
        w: ["w"],
        "w/+": ["w/a"],
        "w/#": ["w", "w/a", "w/a/b", "w//b", "w/a/"],
        "w/+/b": ["w/a/b", "w//b"],
        "+": ["w", "wx"],
        "w/+/+": ["w/a/b", "w//b", "w/a/"],
      },
    ],
    ["unsubscribing", ["u/b 1 b", "u/b 1 end"]],
    [
      "wills",
      {
        witness: ["will/0 0 gone", "will/1 1 gone", "will/2 2 gone", "will/end 2 "],
        reader: ["will/1 1 gone retained"],
      },
    ],
    [
      "session",
      {
        // 3.1 has no Session Present.
        connacks: [[[0, 0]], [[0, version === "31" ? 0 : 1]], [[0, 0]], [[0, 0]]],
        missed: [
          ...numbers(100).map((number) => `s/1 1 ${number}`),
          ...numbers(100).map((number) => `s/2 2 ${number}`),
          "s/0 0 live",
        ],
        "after clean": ["s/end 1 "],
      },
    ],
    ["payloads", [0, 1, 127, 128, 16_383, 16_384, 65_536, 2_097_152, 5_000_000].map((size) => [size, true])],
    ["thousands", Object.fromEntries([0, 1, 2].map((qos) => [qos, numbers(1_000).map(String)]))],
    // Four breaks, and the first connection.
    ["reconnecting", { numbers: numbers(200), connections: [5, 5] }],
    ["keep_alive", { disconnects: [], connections: 1 }],
    ["takeover", { first: [true], second: ["o 1 here"] }],
    [
      "statistics",
      [
        expect.stringMatching(/^\$SYS\/broker\/clients\/connected 0 \d+ retained$/),
        expect.stringMatching(/^\$SYS\/broker\/version 0 midge version \d+\.\d+\.\d+\S* retained$/),
      ],
    ],
  ])("%s", (scenario, result) => {
    expect(runs.get(version)?.get(scenario)).toEqual({ scenario, result });
  });

  test("every scenario has its expectation", () => {
    expect(runs.get(version)?.size).toBe(12);
  });
});
