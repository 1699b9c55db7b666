// The vectors and flows in C: what V8 is asked in test/core is asked once more of the modules compiled to C and interpreted
// by wasm3 in C, in programs that AddressSanitizer and UndefinedBehaviorSanitizer watch, and every answer is compared to
// the byte. The vectors go as questions and answers, line by line; the flows as recordings, which hold every call of the
// module with its result, pointers included, and every byte that came out.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { recordFlow } from "../core/flow-recording.ts";
import { MODES_V8 } from "../core/flow-run.ts";
import { readFlows } from "../core/flows.ts";
import { runVector } from "../core/vector-run.ts";
import { readVectors } from "../core/vectors.ts";
import { logCodec } from "./codec-log.ts";

const build = fileURLToPath(new URL("../../build/", import.meta.url));
const programs = `${build}sanitize/test/`;
const recordings = `${build}recordings/`;
const engines = ["wasm2c", "wasm3"];
// "static" is wasm2c with the memory of boards.

/** Runs a program of the tests with `input`; its output even where it ends with an error. */
function output(name: string, given: string[], input = ""): string {
  const path = programs + name;
  if (!existsSync(path)) throw new Error(`${path} is not built: npm run cmake:sanitize`);
  try {
    return execFileSync(path, given, { input, encoding: "utf8", maxBuffer: 1 << 30 });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}`;
  }
}

describe("the vectors", () => {
  const log = logCodec();
  beforeAll(() => {
    for (const vector of readVectors()) runVector(log.codec, vector);
    expect(log.answers.length).toBeGreaterThan(10_000);
  });

  it.each(engines)(
    "give in C what they give under V8: %s",
    (engine) => {
      const answers = output(`codec-${engine}`, [], `${log.questions.join("\n")}\n`)
        .trimEnd()
        .split("\n");
      const different = log.answers.findIndex((answer, index) => answer !== answers[index]);
      expect(different, `answer ${different}: ${answers[different]}, not ${log.answers[different]}`).toBe(-1);
      expect(answers.length).toBe(log.answers.length);
    },
    120_000,
  );
});

describe("the flows", () => {
  const files: Record<"broker" | "client", string[]> = { broker: [], client: [] };
  beforeAll(() => {
    rmSync(recordings, { recursive: true, force: true });
    mkdirSync(recordings, { recursive: true });
    for (const flow of readFlows()) {
      for (const mode of MODES_V8) {
        const recording = recordFlow(flow, mode);
        if (recording === null) continue;
        const path = `${recordings}${flow.name}.${mode.name.replaceAll(" ", "-")}.rec`;
        writeFileSync(path, recording);
        files[flow.module].push(path);
      }
    }
  }, 120_000);

  describe.each([...engines, "static"])("in C give what they give under V8: %s", (engine) => {
    it.each(["broker", "client"] as const)(
      "%s",
      (module) => {
        const all = files[module];
        expect(all.length).toBeGreaterThan(300);
        const said = output(`replay-${module}-${engine}`, all);
        expect(said).toMatch(new RegExp(`^${all.length} of ${all.length} same, `));
      },
      120_000,
    );

    it("and would tell if they did not", () => {
      const [path = ""] = files.broker;
      const spoilt = readFileSync(path);
      // The last byte of the last record: of a result, or of what came out.
      spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1;
      writeFileSync(`${path}.spoilt`, spoilt);
      const said = output(`replay-broker-${engine}`, [`${path}.spoilt`]);
      expect(said).toContain("0 of 1 same");
      expect(said).toMatch(/call \d+, \w+\(.*\): /);
    });
  });
});
