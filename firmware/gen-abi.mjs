// Writes firmware/abi.h and firmware/texts.h: the numbers of assembly/abi.ts and the exports of the built modules, and the
// texts of the Node host, for C. The exports are read from the modules themselves and compared with the header of abi.ts,
// which also gives their arguments names; where the two differ this fails, and with it the build. Both files are
// committed, so that a board's owner needs no Node. `npm run abi` writes them; with --check, which is part of every native
// build, they are only compared with what is there.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = ["broker", "client"];

/** A module of TypeScript, bundled and imported: Node 20 cannot read it as it is. */
async function load(path) {
  const { outputFiles } = await build({
    entryPoints: [join(root, path)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

/** Functions that a module exports: name -> { arity, returns }. Throws for a type that is no 32-bit integer. */
function exportsOf(name) {
  const module = binaryen.readBinary(readFileSync(join(root, `dist/${name}.wasm`)));
  const found = new Map();
  for (let index = 0; index < module.getNumExports(); index++) {
    const info = binaryen.getExportInfo(module.getExportByIndex(index));
    if (info.kind !== binaryen.ExternalFunction) continue;
    const { params, results } = binaryen.getFunctionInfo(module.getFunction(info.value));
    const types = [...binaryen.expandType(params), ...binaryen.expandType(results)];
    if (types.some((type) => type !== binaryen.i32)) throw new Error(`${name}.wasm: ${info.name} is not all i32`);
    found.set(info.name, {
      arity: binaryen.expandType(params).length,
      returns: binaryen.expandType(results).length === 1,
    });
  }
  module.dispose();
  return found;
}

/** Argument names by export, as the header of abi.ts has them under the title of this module or of both. */
function documented(header, name) {
  const found = new Map();
  let ours = false;
  for (const line of header.split("\n")) {
    const title = /^\/\/ Exports of (?:the )?(\w+) modules?/.exec(line);
    if (title) ours = title[1] === "both" || title[1] === name;
    else if (ours && /^\/\/ {3}\w/.test(line)) {
      for (const [, call, list] of line.slice(5).matchAll(/(?:^|\s{1,2})(\w+)\(([^)]*)\)/g)) {
        const names = list.split(",").map((argument) => argument.split(":")[0].trim());
        // Some are named again in what is said of others.
        if (!found.has(call)) found.set(call, list === "" ? [] : names);
      }
    }
  }
  return found;
}

/** handleBytes -> handle_bytes */
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const upper = (name) => snake(name).toUpperCase();
const quoted = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

function abiHeader(constants, header) {
  const byModule = new Map(modules.map((name) => [name, exportsOf(name)]));
  const all = new Map();
  for (const [module, found] of byModule) {
    const names = documented(header, module);
    for (const [name, { arity, returns }] of found) {
      const parameters = names.get(name);
      if (parameters?.length !== arity) {
        throw new Error(`${module}.wasm: ${name} takes ${arity} arguments, and abi.ts says ${parameters}`);
      }
      const other = all.get(name);
      if (other !== undefined && (other.arity !== arity || other.returns !== returns)) {
        throw new Error(`${name} is not the same in both modules`);
      }
      if (other === undefined) all.set(name, { arity, returns, parameters: parameters.map(snake) });
    }
  }
  const sorted = [...all].sort(([one], [other]) => (one < other ? -1 : 1));
  const row = ([name, { arity, returns }]) => `  X(${upper(name)}, ${name}, ${arity}, ${returns ? "RESULT" : "VOID"})`;
  const table = (module) => sorted.filter(([name]) => byModule.get(module).has(name)).map(row);
  return `/* Made by firmware/gen-abi.mjs from assembly/abi.ts, which says what each of these means, and from the exports of the
 * modules. Not to be edited: npm run abi. */
#ifndef MIDGE_ABI_H
#define MIDGE_ABI_H

#include <stdint.h>

${constants
  .map(([name, value]) => `#define MIDGE_${name} ${value > 0xffff ? `0x${value.toString(16)}` : value}u`)
  .join("\n")}

/* X(id, export, arity, RESULT or VOID): what an engine finds in each module. */
${modules
  .map((module) => `#define MIDGE_${module.toUpperCase()}_EXPORTS(X) \\\n${table(module).join(" \\\n")}`)
  .join("\n\n")}

enum engine_export {
${sorted.map(([name]) => `  ENGINE_${upper(name)},`).join("\n")}
  ENGINE_EXPORT_COUNT
};

struct engine;

/* One call of the module; engine.h says what becomes of a trap. Arguments that the export has not are ignored. */
uint32_t engine_call(struct engine *engine, enum engine_export export, uint32_t a, uint32_t b, uint32_t c, uint32_t d);

${sorted
  .map(([name, { returns, parameters }]) => {
    const list = ["struct engine *engine", ...parameters.map((parameter) => `uint32_t ${parameter}`)].join(", ");
    const given = [...parameters, "0", "0", "0", "0"].slice(0, 4).join(", ");
    const call = `engine_call(engine, ENGINE_${upper(name)}, ${given});`;
    return `static inline ${returns ? "uint32_t" : "void"} engine_${snake(name)}(${list}) {\n  ${returns ? "return " : ""}${call}\n}`;
  })
  .join("\n\n")}

#endif
`;
}

/** A switch would be as good; a table of strings by number is shorter to read. */
function textTable(comment, name, texts) {
  const rows = texts.map(([number, text]) => `    [${number}] = ${quoted(text)},`);
  return `/* ${comment} */\nstatic const char *const ${name}[256] = {\n${rows.join("\n")}\n};\n`;
}

function textsHeader({ CLOSE_TEXT, CONFIG_TEXT, REASON_TEXT, RETURN_CODE_TEXT, REASON_STRINGS, VERSION }) {
  const numbered = (texts) => Object.entries(texts);
  return `/* Made by firmware/gen-abi.mjs from the texts of host/, so that both hosts say the same. Not to be edited: npm run abi. */
#ifndef MIDGE_TEXTS_H
#define MIDGE_TEXTS_H

#define MIDGE_VERSION ${quoted(VERSION)}

${textTable("Why a connection ended, by MIDGE_CLOSE_*.", "CLOSE_TEXT", numbered(CLOSE_TEXT))}
${textTable("Reason Codes of 5.0 in words.", "REASON_TEXT", numbered(REASON_TEXT))}
${textTable("Return codes of CONNACK before 5.0.", "RETURN_CODE_TEXT", numbered(RETURN_CODE_TEXT))}
${textTable("What is wrong with a line of a configuration, by MIDGE_CONFIG_*.", "CONFIG_TEXT", numbered(CONFIG_TEXT))}
${textTable("Reason Strings: what the broker sends with a Reason Code.", "REASON_STRING", [...REASON_STRINGS])}
#endif
`;
}

const source = readFileSync(join(root, "assembly/abi.ts"), "utf8");
const header = source.split("\n\n")[0];
// In the order of the file, which a module's names are not.
const constants = Object.entries(await load("assembly/abi.ts")).sort(
  ([one], [other]) => source.indexOf(`const ${one} `) - source.indexOf(`const ${other} `),
);
const hosts = ["errors", "configuration-texts", "reason-codes", "reason-strings", "version"];
const texts = Object.assign({}, ...(await Promise.all(hosts.map((name) => load(`host/${name}.ts`)))));
const made = new Map([
  ["abi.h", abiHeader(constants, header)],
  ["texts.h", textsHeader(texts)],
]);
for (const [name, text] of made) {
  const path = join(root, "firmware", name);
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`firmware/${name} is not what assembly/abi.ts, the modules and host/ make of it now: npm run abi`);
    process.exitCode = 1;
  }
}
