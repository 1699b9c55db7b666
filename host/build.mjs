// Bundles host/ into dist/: the package's API and the command line. The core modules stand beside the bundles.

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
