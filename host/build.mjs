// Bundles host/ into dist/: the package's API and the command line. The core modules stand beside the bundles, and wasm3's
// C sources in a folder of their own: who installs the package can build the addon of firmware/node from them.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

await build({
  entryPoints: { index: "host/index.ts", cli: "host/cli.ts" },
  outdir: "dist",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  splitting: true,
  sourcemap: true,
  packages: "external",
  // The loader is small and only used here: bundled, so that the package needs commander and nothing else.
  alias: { "@assemblyscript/loader": "./node_modules/@assemblyscript/loader/index.js" },
  define: { MODULE_FOLDER: '"./"' },
});

const wasm3 = "node_modules/react-native-webassembly";
mkdirSync("dist/wasm3", { recursive: true });
// Not its bindings to WASI and libc.
for (const name of readdirSync(`${wasm3}/cpp`).filter((file) => /^(m3_(?!api).*|wasm3(_defs)?)\.[ch]$/.test(file))) {
  copyFileSync(`${wasm3}/cpp/${name}`, `dist/wasm3/${name}`);
}
// The npm package's licence does not name the author of wasm3, whose licence is the same.
const licence = readFileSync(`${wasm3}/LICENSE`, "utf8");
writeFileSync(
  "dist/wasm3/LICENSE",
  licence.replace("Copyright", "Copyright (c) 2019 Steven Massey (wasm3)\nCopyright"),
);
