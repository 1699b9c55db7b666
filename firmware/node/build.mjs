// Builds the addon that runs the core in wasm3 under Node, with node-gyp: build/wasm3.node. wasm3's C sources come from the
// npm package that ships them, from dist/wasm3/ in the published package, or from the folder that MIDGE_WASM3_SOURCES names.
// It is npm's install script here, with --optional: nobody needs wasm3 under Node to use Midge, so whatever is missing then
// is told and is no failure. `npm run build:wasm3` runs it for those who want it.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = join(root, "firmware/node");
const optional = process.argv.includes("--optional");

function sources() {
  const given = process.env.MIDGE_WASM3_SOURCES;
  const folders = given ? [given] : ["node_modules/react-native-webassembly/cpp", "dist/wasm3"];
  const found = folders
    .map((folder) => resolve(given ? "" : root, folder))
    .find((folder) => existsSync(join(folder, "wasm3.h")));
  if (found === undefined) throw new Error(`wasm3's C sources are not in ${folders.join(" or ")}`);
  // make, as node-gyp uses it, knows no absolute path of a source.
  return relative(here, found);
}

function checkTools() {
  if (process.platform === "win32") return;
  const { CC = "cc", CXX = "c++" } = process.env;
  const missing = ["make", CC, CXX].filter((tool) => spawnSync(`${tool} --version`, { shell: true }).status !== 0);
  if (missing.length > 0) throw new Error(`there is no ${missing.join(", no ")}`);
}

/** The folder above include/node of this Node, so that nothing is downloaded; where it came without, node-gyp looks. */
function headers() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, "include/node/node_api.h")) ? [`--nodedir=${prefix}`] : [];
}

function nodeGyp(...words) {
  // npm names its own; other package managers have it in the PATH.
  const script = process.env.npm_config_node_gyp;
  const [program, ...before] = script ? [process.execPath, script] : ["node-gyp"];
  const run = spawnSync(program, [...before, ...words], { encoding: "utf8", cwd: here, timeout: TIMEOUT_MS });
  if (run.status === 0) return;
  if (run.error?.code === "ENOENT") throw new Error("there is no node-gyp; npm has one, and runs this with it");
  const output = `${run.stdout}${run.stderr}`;
  if (!optional) process.stderr.write(output);
  throw new Error(/gyp ERR! stack Error: (.*)/.exec(output)?.[1] ?? `node-gyp: ${run.error?.message ?? run.status}`);
}

/** It takes seconds; a download that hangs must not hold an installation. */
const TIMEOUT_MS = 60_000;

try {
  const folder = sources();
  checkTools();
  nodeGyp("configure", "build", "--jobs=max", ...headers(), `--wasm3_sources=${folder}`);
  mkdirSync(join(root, "build"), { recursive: true });
  // A process may have the old one mapped: it keeps it.
  copyFileSync(join(here, "build/Release/wasm3.node"), join(root, "build/wasm3.node.new"));
  renameSync(join(root, "build/wasm3.node.new"), join(root, "build/wasm3.node"));
} catch (error) {
  console.error(`midge: the engine wasm3 is not built: ${error.message}`);
  console.error("Midge runs on V8, which needs nothing. To build wasm3 once a C compiler, make and Python are there:");
  console.error("  npm rebuild --foreground-scripts midge-mqtt, or in a clone: npm run build:wasm3");
  if (!optional) process.exitCode = 1;
}
