// `midge broker` with users and with a redirect, and what -v says of 5.0 clients; as a user runs it, against mosquitto's
// clients.

import { appendFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test, vi } from "vitest";
import { passwordLine } from "../../host/passwords.ts";
import { scramRecord } from "../../host/scram.ts";
import { MIDGE, run, startMidgeBroker, stopAll, temporaryFile } from "./peers.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
afterAll(stopAll);

async function line(userName: string, password: string): Promise<string> {
  return `${passwordLine(userName, await scramRecord(password))}\n`;
}

const publish = (port: number, args: string[]) =>
  run(["mosquitto_pub", "-p", String(port), "-t", "t", "-m", "x", "-q", "1", ...args]);

describe("midge broker --password-file", () => {
  test("lets in its users alone, in every version, and says so", async () => {
    const file = temporaryFile("passwords", await line("alice", "pencil"));
    const { child, port } = await startMidgeBroker(["-p", "0", "--password-file", file]);
    expect(child.stdout).toContain(`Open to the users of ${file} (1 user), by password or SCRAM-SHA-256.\n`);
    expect(child.stdout).toContain("Other machines cannot connect: --host 0.0.0.0 lets them in.\n");
    const alice = ["-u", "alice", "-P"];
    for (const [version, wrong, nobody] of [
      ["5", 134, 135],
      ["311", 4, 5],
      ["31", 4, 5],
    ] as const) {
      expect((await publish(port, ["-V", version, ...alice, "pencil", "-i", "a"])).exitCode).toBe(0);
      expect((await publish(port, ["-V", version, ...alice, "pen", "-i", "b"])).exitCode).toBe(wrong);
      expect((await publish(port, ["-V", version, "-i", "c"])).exitCode).toBe(nobody);
    }
    await child.printed(" refuse ", 6);
    const { stdout } = await child.stop();
    const said = stdout.toString();
    expect(said).toMatch(/ connect +a 127\.0\.0\.1:\d+ {2}MQTT 5\.0, clean start, keep alive 60 s, user alice\n/);
    expect(said).toMatch(/ refuse +b 127\.0\.0\.1:\d+ {2}bad user name or password\n/);
    expect(said).toMatch(/ refuse +c 127\.0\.0\.1:\d+ {2}not authorised\n/);
  });

  test("warns when other machines can connect", async () => {
    const file = temporaryFile("passwords", "");
    const { child } = await startMidgeBroker(["-p", "0", "--host", "0.0.0.0", "--password-file", file]);
    const { stdout } = await child.stop();
    expect(stdout.toString()).toMatch(/\(0 users\).*\n.*on the way to 0\.0\.0\.0:\d+ can read messages, and passwords/);
  });

  test("is read again on SIGHUP; a broken one changes nothing", async () => {
    const file = temporaryFile("passwords", await line("alice", "pencil"));
    const { child, port } = await startMidgeBroker(["-p", "0", "--password-file", file]);
    const bob = ["-V", "5", "-u", "bob", "-P", "brush"];
    expect((await publish(port, bob)).exitCode).toBe(134);
    appendFileSync(file, await line("bob", "brush"));
    child.process.kill("SIGHUP");
    await child.printed("read the password file again: 2 users\n");
    expect((await publish(port, bob)).exitCode).toBe(0);
    writeFileSync(file, "bob:brush\n");
    child.process.kill("SIGHUP");
    await child.printed(`the users stay as they were: ${file}:1: user 'bob': its record is not of the form`);
    expect((await publish(port, bob)).exitCode).toBe(0);
    expect(await child.stop()).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test.each([
    // content, or undefined for no file; what is said
    [undefined, /^midge broker: cannot read the password file: no such file\n$/],
    ["alice", /^midge broker: .*passwords:1: a line is NAME:RECORD.*\n$/],
  ])("of %j fails in one line", async (content, said) => {
    const file = content === undefined ? "/nowhere/passwords" : temporaryFile("passwords", content);
    const result = await run([...MIDGE, "broker", "-p", "0", "--password-file", file]);
    expect(result).toMatchObject({ exitCode: 1, stdout: Buffer.alloc(0) });
    expect(result.stderr).toMatch(said);
  });
});

test("midge broker --redirect sends everybody away", async () => {
  const { child, port } = await startMidgeBroker(["-p", "0", "--redirect", "example.org:1883"]);
  expect(child.stdout).toContain("Every client is refused, and sent to example.org:1883 if it speaks 5.0.\n");
  expect((await publish(port, ["-V", "5"])).exitCode).toBe(0x9c);
  expect((await publish(port, ["-V", "311"])).exitCode).toBe(3);
  await child.printed("use another server", 2);
  await child.stop();
});

test("midge broker --redirect to nowhere is wrong usage", async () => {
  const result = await run([...MIDGE, "broker", "-p", "0", "--redirect", ""]);
  expect(result).toMatchObject({ exitCode: 1, stdout: Buffer.alloc(0) });
  expect(result.stderr).toMatch(/^midge broker: .*--redirect.*It is a server, as in example\.org:1883\.\n$/);
});

test("midge broker -v says why a 5.0 client was refused a subscription, and why it ended", async () => {
  const { child, port } = await startMidgeBroker();
  const at = ["-p", String(port), "-V", "5", "-i", "visitor", "-k", "30"];
  await run(["mosquitto_sub", ...at, "-t", "a/#", "-q", "2", "-E"]);
  // An unusable midge_expiry is refused with Reason Code 0x83.
  await run([
    "mosquitto_sub",
    ...at,
    "-c",
    "-x",
    "60",
    "-t",
    "b",
    "-D",
    "subscribe",
    "user-property",
    "midge_expiry",
    "never",
    "-W",
    "1",
  ]);
  await child.printed(" disconnect ", 2);
  const { stdout } = await child.stop();
  const said = stdout.toString();
  expect(said).toMatch(/ connect +visitor 127\.0\.0\.1:\d+ {2}MQTT 5\.0, no clean start, keep alive 30 s\n/);
  expect(said).toMatch(/ subscribe +visitor 127\.0\.0\.1:\d+ {2}a\/# q2\n/);
  expect(said).toMatch(/ subscribe +visitor 127\.0\.0\.1:\d+ {2}b refused: .* \(0x83\)\n/);
  expect(said).toMatch(/ disconnect +visitor 127\.0\.0\.1:\d+ {2}disconnected\n/);
});
