// The boundary of the C host, fuzzed (test/firmware/fuzz): hostile modules, networks, recordings and texts, under libFuzzer with
// AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer. Each target begins with what was found before (seeds/, one
// input a file) and what reaches much of the code (corpus/, one a line), and goes on with as many inputs of its own, always
// the same ones. FUZZ_SECONDS=N (npm run fuzz:native): N seconds each instead, with other inputs every time; afterwards the
// corpus is made anew of what was found, which is due whenever targets, ABI or host have changed much.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type Result, run } from "../host/peers.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = join(ROOT, "test/firmware/fuzz");
const BUILD = join(ROOT, "build/fuzz");

/** Inputs that each target is run with in `npm test`: a few seconds each. */
const RUNS: Readonly<Record<string, number>> = {
  "core-broker": 3_000,
  "core-client": 3_000,
  broker: 2_500,
  module: 2_500,
  client: 2_000,
  replay: 4_000,
  configuration: 6_000,
  printable: 60_000,
};

const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
/** For one input, at which it counts as hanging. */
const TIMEOUT_SEC = 10;
const BUILD_TIMEOUT_MS = 300_000;
const RUN_TIMEOUT_MS = seconds * 1000 + 180_000;

/** The inputs of a text of hex lines; what is behind a # is for people. `each`: a line is an input. */
function inputsOf(text: string, each: "line" | "file"): Buffer[] {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").replace(/\s/g, ""));
  const hex = each === "file" ? [lines.join("")] : lines;
  return hex.filter((digits) => digits !== "").map((digits) => Buffer.from(digits, "hex"));
}

function textsIn(folder: string): string[] {
  return readdirSync(join(SOURCES, folder)).filter((name) => name.endsWith(".hex"));
}

/** Writes what a target begins with. */
function writeInputs(name: string, folder: string): void {
  const seeds = textsIn("seeds").filter((file) => file.startsWith(`${name}.`));
  const corpus = textsIn("corpus").filter((file) => file === `${name}.hex`);
  const inputs = [
    ...seeds.flatMap((file) => inputsOf(readFileSync(join(SOURCES, "seeds", file), "utf8"), "file")),
    ...corpus.flatMap((file) => inputsOf(readFileSync(join(SOURCES, "corpus", file), "utf8"), "line")),
  ];
  for (const [index, bytes] of inputs.entries()) writeFileSync(join(folder, String(index)), bytes);
}

/** An empty folder of a target. */
function emptyFolder(name: string, folder: string): string {
  const path = join(BUILD, "work", name, folder);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

function runTarget(name: string, args: string[]): Promise<Result> {
  return run([join(BUILD, `fuzz-${name}`), ...args], {
    timeoutMs: RUN_TIMEOUT_MS,
    // What was freed is watched for a while: a long one would only cost memory.
    env: { ASAN_OPTIONS: "quarantine_size_mb=64", UBSAN_OPTIONS: "print_stacktrace=1" },
  });
}

/** Runs a target to its end, which is a finding unless its exit code is 0. */
function fuzz(name: string, limits: string[]): Promise<Result> {
  const folders = [emptyFolder(name, "found"), emptyFolder(name, "inputs")] as const;
  writeInputs(name, folders[1]);
  const artifacts = `-artifact_prefix=${join(BUILD, "work", name)}/`;
  return runTarget(name, [`-timeout=${TIMEOUT_SEC}`, artifacts, "-print_final_stats=1", ...limits, ...folders]);
}

/** Makes the corpus of a target anew: as few inputs as reach the code that it has reached. */
async function keepCorpus(name: string): Promise<void> {
  const work = join(BUILD, "work", name);
  const kept = emptyFolder(name, "kept");
  await runTarget(name, ["-set_cover_merge=1", "-use_counters=0", kept, join(work, "inputs"), join(work, "found")]);
  const lines = readdirSync(kept).map((file) => readFileSync(join(kept, file)).toString("hex"));
  lines.sort((one, other) => one.length - other.length || (one < other ? -1 : 1));
  const title = `# One input a line: together they reach what long runs of fuzz-${name} have reached. Made by npm run fuzz:native.`;
  writeFileSync(join(SOURCES, "corpus", `${name}.hex`), `${[title, ...lines].join("\n")}\n`);
}

beforeAll(async () => {
  const configured = await run(["cmake", "-S", SOURCES, "-B", BUILD, "-DCMAKE_C_COMPILER=clang-14"]);
  expect(configured.exitCode, configured.stderr).toBe(0);
  const built = await run(["cmake", "--build", BUILD, "--parallel", "2"], { timeoutMs: BUILD_TIMEOUT_MS });
  expect(built.exitCode, `${built.stdout}${built.stderr}`).toBe(0);
}, BUILD_TIMEOUT_MS);

describe.concurrent("the C host", () => {
  for (const [name, runs] of Object.entries(RUNS)) {
    it(
      `takes what comes: ${name}`,
      async () => {
        const limits = seconds > 0 ? [`-max_total_time=${seconds}`] : [`-runs=${runs}`, "-seed=1"];
        const { exitCode, signal, stderr } = await fuzz(name, limits);
        // libFuzzer tells its progress line by line; a finding stands at the end.
        const end = stderr.split("\n").slice(-80).join("\n");
        expect({ exitCode, signal }, `${end}\nThe input is in build/fuzz/work/${name}/`).toEqual({
          exitCode: 0,
          signal: null,
        });
        const executed = Number(/number_of_executed_units: (\d+)/.exec(stderr)?.[1]);
        expect(executed).toBeGreaterThanOrEqual(seconds > 0 ? 1 : runs);
        if (seconds > 0) await keepCorpus(name);
      },
      RUN_TIMEOUT_MS,
    );
  }

  it("would be found out if it took a module at its word", async () => {
    const { exitCode, stderr } = await fuzz("unchecked", ["-runs=100000", "-seed=1"]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/ERROR: AddressSanitizer: (heap-buffer-overflow|heap-use-after-free|SEGV)/);
  });
});

describe("what was found before", () => {
  it("is run by a target that there is", () => {
    const names = [...textsIn("seeds"), ...textsIn("corpus")].map((file) => file.split(".")[0] as string);
    expect(names.filter((name) => !(name in RUNS))).toEqual([]);
  });

  it("says what it was", () => {
    const silent = textsIn("seeds").filter(
      (file) => !readFileSync(join(SOURCES, "seeds", file), "utf8").startsWith("# "),
    );
    expect(silent).toEqual([]);
  });
});
