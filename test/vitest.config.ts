// Tests share two cores with the brokers and peers they start, so few run at once and time limits are generous; no test
// asserts a duration of real time. The peer tests over sockets run once more with each of the native brokers in place of
// `midge broker`, and with the one that AddressSanitizer and UndefinedBehaviorSanitizer watch.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The peer tests over sockets: whatever broker of ours is at the other end. */
const PEERS = ["peers-mosquitto", "peers-mqttjs", "peers-paho", "peers-slow", "hostile"].concat([
  "cli-peers",
  "cli5-peers",
  "cli5-requests",
]);

const limits = { root, testTimeout: 30_000, hookTimeout: 30_000 };

/** Tests of the programs of the C host. */
const NATIVE = ["midged", "client", "client-faults"].map((file) => `test/firmware/${file}.test.ts`);

/** The peer tests, and `others`, with another broker; `folder`: of its build. */
function withBroker(name: string, broker: string, folder: string, others: string[] = []) {
  const include = [...PEERS.map((file) => `test/host/${file}.test.ts`), ...others];
  return { test: { ...limits, name, include, env: { MIDGE_BROKER: broker, MIDGE_NATIVE: `${root}build/${folder}` } } };
}

export default defineConfig({
  root,
  test: {
    maxWorkers: 2,
    reporters: ["default", ["json", { outputFile: "build/test-results.json" }]],
    projects: [
      { test: { ...limits, name: "all", include: ["test/**/*.test.ts"] } },
      withBroker("midged", "midged", "native"),
      withBroker("midged-wasm3", "midged-wasm3", "native"),
      withBroker("midged, sanitized", "midged", "sanitize", NATIVE),
    ],
  },
});
