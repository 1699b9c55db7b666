// The addon's build as npm runs it when Midge is installed: it works in the published package, and what is missing is told and
// fails nothing but npm run build:wasm3.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it, vi } from "vitest";
import { moduleBytes } from "../../host/core.ts";
import { run, stopAll } from "./peers.ts";

vi.setConfig({ testTimeout: 120_000 });
const folder = mkdtempSync(join(tmpdir(), "midge-package-"));
afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD = [process.execPath, join(ROOT, "firmware/node/build.mjs")];
const HOW = /^Midge runs on V8, which needs nothing\. .*\n {2}npm rebuild .*midge-mqtt, .*npm run build:wasm3\n$/m;

it.each([
  ["a compiler", { PATH: "/nonexistent" }, /is not built: there is no make, no cc, no c\+\+\n/],
  [
    "wasm3's sources",
    { MIDGE_WASM3_SOURCES: "/nonexistent" },
    /is not built: wasm3's C sources are not in \/nonexistent\n/,
  ],
  ["node-gyp", { npm_config_node_gyp: "/nonexistent" }, /is not built: node-gyp: 1\n/],
])("without %s it says so, and fails only where it was asked for", async (_, env, text) => {
  const installed = await run([...BUILD, "--optional"], { env });
  expect([installed.exitCode, installed.stderr]).toEqual([0, expect.stringMatching(text)]);
  expect(installed.stderr).toMatch(HOW);
  const asked = await run(BUILD, { env });
  expect([asked.exitCode, asked.stderr]).toEqual([1, expect.stringMatching(text)]);
});

it("works in the published package, which brings wasm3's sources with their licence and no addon", async () => {
  const packed = await run(["npm", "pack", ROOT, "--pack-destination", folder, "--json"]);
  const [{ filename, files }] = JSON.parse(packed.stdout.toString());
  const names: string[] = files.map(({ path }: { path: string }) => path);
  expect(names).toContain("dist/wasm3/LICENSE");
  expect(names.filter((name) => /\.node$|\.o$|^build\/|node\/build\//.test(name))).toEqual([]);
  expect(await run(["tar", "-xzf", join(folder, filename), "-C", folder])).toMatchObject({ exitCode: 0 });
  const path = join(folder, "package");
  const installed = await run(["npm", "run", "install", "--prefix", path], { timeoutMs: 100_000 });
  expect([installed.exitCode, installed.stderr]).toEqual([0, ""]);
  const addon = createRequire(import.meta.url)(join(path, "build/wasm3.node"));
  expect(addon.instantiate(moduleBytes("client"), 65_536, ["abiVersion"]).abiVersion()).toBeGreaterThan(0);
});
