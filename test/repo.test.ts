// The rules of this repository that a machine can check: which room may import which, how long a file may get, what the core
// must not know, and that the lists kept by hand (exports in abi.ts, clauses, top-level names) say what is there.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files that git knows or would take, from the root. */
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .toString()
  .split("\n")
  .filter((name) => name !== "");

const read = (name: string) => readFileSync(join(root, name), "utf8");

/** The files a source file imports, from the root. */
function importsOf(name: string): string[] {
  return [...read(name).matchAll(/from "(\.[^"]+)"/g)].map((match) => {
    const target = relative(root, join(root, dirname(name), match[1] as string));
    return /\.(ts|mjs|json)$/.test(target) ? target : `${target}.ts`;
  });
}

/** Rooms of the core from top to bottom; a room imports from those below it, and from itself. */
const ROOMS = [
  "modules",
  "broker client",
  "config",
  "session",
  "packet",
  "topic",
  "effect",
  "bytes",
  "limits.ts",
  "features.ts abi.ts",
];

function floorOf(name: string): number {
  const room = name.split("/")[1] ?? "";
  return ROOMS.findIndex((rooms) => rooms.split(" ").includes(room));
}

const core = files.filter((name) => /^assembly\/.*\.ts$/.test(name));
const sources = files.filter((name) => /^(assembly|host|firmware|test)\/.*\.(ts|mjs|c|h|py)$/.test(name));

describe("the rooms", () => {
  it("holds nothing at the top level but what was agreed", () => {
    const agreed = ["package.json", "package-lock.json", "tsconfig.json", "assembly", "host", "firmware", "test"];
    agreed.push("README.md", "LICENSE", "CHANGELOG.md");
    const top = new Set(files.map((name) => name.split("/")[0] as string));
    expect([...top].filter((name) => !name.startsWith(".") && !agreed.includes(name))).toEqual([]);
  });

  it("imports in assembly/ go down only", () => {
    const upwards: string[] = [];
    for (const name of core) {
      expect(floorOf(name), `${name} is in no known room`).toBeGreaterThanOrEqual(0);
      for (const target of importsOf(name)) {
        const sideways = floorOf(target) === floorOf(name) && target.split("/")[1] !== name.split("/")[1];
        if (floorOf(target) < floorOf(name) || sideways) upwards.push(`${name} -> ${target}`);
      }
    }
    expect(upwards).toEqual([]);
  });

  it("has no circles of imports", () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (name: string, path: string[]) => {
      if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name].join(" -> "));
      if (done.has(name) || path.includes(name) || !sources.includes(name)) return;
      for (const target of importsOf(name)) visit(target, [...path, name]);
      done.add(name);
    };
    for (const name of sources.filter((file) => /\.ts$/.test(file))) visit(name, []);
    expect(circles).toEqual([]);
  });

  it("lets host/ know no more of the core than abi.ts", () => {
    const inner = files
      .filter((name) => /^host\/.*\.ts$/.test(name))
      .flatMap((name) => importsOf(name).map((target) => [name, target] as const))
      .filter(([, target]) => target.startsWith("assembly/") && target !== "assembly/abi.ts");
    expect(inner).toEqual([]);
  });

  it("has no file over 400 lines", () => {
    const written = sources.filter((name) => name !== "firmware/abi.h");
    const long = written.filter((name) => read(name).split("\n").length > 401);
    expect(long).toEqual([]);
  });
});

describe("the core", () => {
  it("has no clock, no random source, no string and no decorator on a function", () => {
    for (const name of core) {
      const code = read(name)
        .replace(/\/\*[\s\S]*?\*\//g, "")
        .replace(/\/\/.*$/gm, "");
      expect(code, name).not.toMatch(/\b(Date|Math\.random|performance|console|setTimeout)\b/);
      expect(code, name).not.toMatch(/:\s*string\b|\bnew String\b/);
      expect(code, name).not.toMatch(/@(inline|unsafe|global|external)\b/);
    }
  });

  for (const name of ["broker", "client"]) {
    const module = new WebAssembly.Module(readFileSync(join(root, `dist/${name}.wasm`)));

    it(`imports nothing into ${name}.wasm`, () => {
      expect(WebAssembly.Module.imports(module)).toEqual([]);
    });

    it(`documents the exports of ${name}.wasm in abi.ts, and no others`, () => {
      const exported = WebAssembly.Module.exports(module)
        .filter(({ kind }) => kind === "function")
        .map((entry) => entry.name);
      expect([...new Set(documentedExports(name))].sort()).toEqual(exported.sort());
    });
  }
});

/** Names of functions in the header of abi.ts, under "Exports of both modules" and "Exports of the <name> module". */
function documentedExports(name: string): string[] {
  const header = read("assembly/abi.ts").split("\n\n")[0] as string;
  const names: string[] = [];
  let ours = false;
  for (const line of header.split("\n")) {
    const title = /^\/\/ Exports of (?:the )?(\w+) modules?/.exec(line);
    if (title) ours = title[1] === "both" || title[1] === name;
    else if (ours && /^\/\/ {3}\w/.test(line)) names.push(...declared(line));
  }
  return names;
}

/** `name(args): type  text`, or several `name()` on a line. */
function declared(line: string): string[] {
  return [...line.slice(5).matchAll(/(?:^|\s{1,2})(\w+)\([^)]*\)/g)].map((match) => match[1] as string);
}

describe("the clauses", () => {
  const clauses = new Map(
    read("test/clauses.txt")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split("|").map((column) => column.trim()))
      .map(([id, state, text]) => [id as string, { state: state as string, text }]),
  );

  /** Ids that test rows cite: vectors, flows and tests. */
  const cited = new Set<string>();
  const tests = files.filter((name) => /^test\/(vectors|flows|core|host|fuzz)\/.*\.(vec|flow|ts|py)$/.test(name));
  for (const name of tests) for (const id of idsIn(read(name))) cited.add(id);

  it("exist, wherever one is cited", () => {
    const unknown = [...sources, ...tests].flatMap((name) =>
      idsIn(read(name))
        .filter((id) => !clauses.has(id))
        .map((id) => `${name}: ${id}`),
    );
    expect(unknown).toEqual([]);
  });

  it("are called covered exactly when a test cites them", () => {
    const wrong = [...clauses].filter(([id, { state }]) => (state === "covered") !== cited.has(id));
    expect(wrong.map(([id, { state }]) => `${id} is ${state}, and ${cited.has(id) ? "cited" : "not cited"}`)).toEqual(
      [],
    );
  });

  it("leaves none of 3.1.1 open without a reason", () => {
    expect([...clauses].filter(([id, { state }]) => id.startsWith("v3.1.1") && state === "open")).toEqual([]);
  });
});

/** Clause ids in a text, as clauses.txt writes them. */
function idsIn(text: string): string[] {
  return [...text.matchAll(/(v3\.1\.1 )?MQTT-\d+\.\d+\.\d+-\d+/g)].map((match) => match[0]);
}

describe("the documents", () => {
  it("have no link to a file that is not there", () => {
    const dead: string[] = [];
    for (const name of files.filter((file) => file.endsWith(".md"))) {
      for (const match of read(name).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        const target = relative(root, join(root, dirname(name), match[1] as string));
        if (!files.some((file) => file === target || file.startsWith(`${target.replace(/\/$/, "")}/`))) {
          dead.push(`${name}: ${match[1]}`);
        }
      }
    }
    expect(dead).toEqual([]);
  });
});
