// The modules built without MQTT 5.0, as for a board that speaks 3.1.1 alone: they play every flow of 3.1 and 3.1.1, know
// nothing of 5.0, and are smaller. Prints the sizes of all four; the client's and the broker's budgets are design limits.
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";
import { beforeAll, describe, expect, it } from "vitest";
import { engineOf } from "../../host/engine.ts";
import { type Mode, runFlow } from "./flow-run.ts";
import { parseFlows, readFlows } from "./flows.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAMES = ["broker", "client"] as const;
/** Bytes that a module with 5.0 may have. */
const BUDGET = { broker: 64 * 1024, client: 20 * 1024 };

const modules = new Map<string, Uint8Array>();

const v8 = engineOf("v8");
const mode: Mode = {
  name: "without 5.0",
  inputMax: 4_096,
  pieceMax: 4_096,
  startMs: 0,
  engine: { ...v8, instantiate: (bytes, name) => v8.instantiate(modules.get(name) ?? bytes, name) },
};

async function build(name: (typeof NAMES)[number]): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const config = ["--config", "assembly/asconfig.json", "--target", name, "--baseDir", ROOT];
  const { error, stderr } = await main(
    [`assembly/modules/${name}.ts`, ...config, "--use", "WITHOUT_5_0=ASC_TARGET", "--outFile", "out.wasm"],
    {
      writeFile: (file, contents) => {
        if (file.endsWith("out.wasm")) binary = contents as Uint8Array;
      },
    },
  );
  if (error !== null || binary === undefined) throw new Error(`${name}: ${error?.message}\n${stderr.toString()}`);
  const size = statSync(`${ROOT}/dist/${name}.wasm`).size;
  console.log(`${name}.wasm: ${size} bytes with 5.0, ${binary.length} without`);
  expect(binary.length).toBeLessThan(size);
  expect(size).toBeLessThan(BUDGET[name]);
  return binary;
}

beforeAll(async () => {
  for (const name of NAMES) modules.set(name, await build(name));
}, 120_000);

/** Flows of 3.x: those of 5.0 have files of their own. */
const flows = readFlows().filter(({ at }) => !/^(v5-|client5-)/.test(at));

describe("the modules without 5.0", () => {
  it.each(flows.map((flow) => [`${flow.at} ${flow.name}`, flow] as const))("play %s", (_name, flow) => {
    runFlow(flow, mode);
  });

  it("refuse 5.0 as a server of 3.1.1 does", () => {
    const text = 'flow f\nbroker\nc1 open\nc1 > 10 [ "MQTT" 05 02 0000 [] "a" ]\nc1 < 20 02 0001\nc1 closed REFUSED';
    for (const flow of parseFlows(text, "x.flow")) runFlow(flow, mode);
  });
});
