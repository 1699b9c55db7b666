// The examples of firmware/examples, as a user builds and runs them, and midge.h as other compilers see it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerPeer, nativeProgram, run, start, stopAll, temporaryFile } from "../host/peers.ts";
import { BROKERS, ENGINES, program, startBroker } from "./client-world.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "firmware/examples/README.md"), "utf8");

/** What a program must be linked with, when the library was built with the sanitizers. */
const sanitize = /^MIDGE_SANITIZE:BOOL=ON$/m.test(readFileSync(nativeProgram("CMakeCache.txt"), "utf8"))
  ? ["-fsanitize=address,undefined"]
  : [];

afterAll(stopAll);

/** Runs a command that must succeed, and say nothing. */
async function succeed(command: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await run(command, { timeoutMs: 60_000 });
  expect({ exitCode, stdout: stdout.toString(), stderr }).toEqual({ exitCode: 0, stdout: "", stderr: "" });
}

describe.each(ENGINES)("on %s", (engine) => {
  const library = () => program("libmidge-client.a", engine);

  describe.each(BROKERS)("with %s", (name) => {
    let broker: BrokerPeer;
    beforeAll(async () => {
      broker = await startBroker(name);
    });

    it("the README's program compiles, links and does what it says", async () => {
      const [, source = ""] = /```c\n([\s\S]*?)```/.exec(readme) ?? [];
      const path = temporaryFile("garden.c", source.replace("1883", `${broker.port}`));
      const built = path.replace(/\.c$/, "");
      const strict = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", ...sanitize];
      await succeed(["cc", ...strict, "-I", join(root, "firmware"), "-o", built, path, library()]);
      const { exitCode, stdout, stderr } = await run([built]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout.toString()).toBe("garden/soil: moist\n");
    });

    it("a temperature is published, printed, and both programs leave in order", async () => {
      const where = ["127.0.0.1", `${broker.port}`];
      const printer = start([program("print-subscription", engine), ...where, "house/+", "a/#/b"]);
      await printer.printed("a/#/b: not a valid topic");
      await printer.printed("subscribed, QoS 1");
      const publisher = start([program("publish-temperature", engine), ...where, "house/temperature", "1"]);
      await printer.printed("house/temperature ", 2);
      for (const child of [publisher, printer]) {
        const { exitCode, stdout, stderr } = await child.stop("SIGINT");
        expect({ exitCode, leak: /Sanitizer/.test(stderr) }).toEqual({ exitCode: 0, leak: false });
        expect(`${stdout}${stderr}`).toMatch(/^disconnected$/m);
      }
      expect(printer.stdout).toMatch(/^(house\/temperature \d+\.\d\n)+$/);
    });
  });

  it("the examples say how they are called, and that nobody listens", async () => {
    for (const name of ["print-subscription", "publish-temperature"]) {
      const { exitCode, stderr } = await run([program(name, engine)]);
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^Usage: .* HOST PORT /)]);
      const child = start([program(name, engine), "127.0.0.1", "1", "a"]);
      await child.printed("cannot connect: Connection refused");
      expect((await child.stop("SIGINT")).exitCode).toBe(0);
    }
  });
});

describe("midge.h", () => {
  const path = () => temporaryFile("only.c", '#include "midge.h"\nint main(void) { return (int)MIDGE_OK; }\n');
  const flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", join(root, "firmware")];

  it.each([
    ["C11", ["cc", "-std=c11"]],
    ["C23", ["cc", "-std=c2x"]],
    ["C++11", ["c++", "-std=c++11", "-x", "c++"]],
    ["C++20", ["c++", "-std=c++20", "-x", "c++"]],
  ])("stands alone as %s", async (_, compiler) => {
    await succeed([...compiler, ...flags, path()]);
  });
});
