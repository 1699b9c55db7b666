// `midge passwd`: sets and removes users of a password file, with the flags of mosquitto_passwd. The other lines of the file
// stay as they are, and it is replaced as a whole: a broker never reads half of it. The new file, under the one name it has
// until then, is also the lock: who cannot make it is told that another is at work. What a line holds is passwords.ts.

import type { Stats } from "node:fs";
import { type FileHandle, open, readFile, realpath, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import { Command } from "commander";
import { decodeFile, isSecretLine, passwordLine, secretLine, userNameProblem } from "../passwords.ts";
import { ITERATIONS_MAX, ITERATIONS_MIN, ScramError, scramRecord } from "../scram.ts";
import { Failure, reasonOf, UsageFailure } from "./failure.ts";
import { integer } from "./mosquitto-options.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function passwdCommand(end: (exitCode: number) => void): Command {
  return new Command("passwd")
    .summary("set and remove users of a password file")
    .description("Set the password of a user in a file for midge broker --password-file, or remove the user.")
    .argument("<file>", "the password file")
    .argument("<user>", "the user's name")
    .argument("[password]", "the password, with -b")
    .option("-c", "make the file; one that is there is replaced")
    .option("-b", "take the password from the command line, where others can see it")
    .option("-D", "remove the user")
    .option("-I <count>", ITERATIONS_HELP, integer(ITERATIONS_MIN, ITERATIONS_MAX))
    .helpOption("--help", "show this help")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string, user: string, password: string | undefined, flags: PasswdFlags) => {
      await passwd(file, user, password, flags);
      end(0);
    });
}

interface PasswdFlags {
  c?: boolean;
  b?: boolean;
  D?: boolean;
  I?: number;
}

async function passwd(file: string, user: string, given: string | undefined, flags: PasswdFlags): Promise<void> {
  const problem = userNameProblem(user);
  if (problem !== undefined) throw new UsageFailure(`'${user}' is no name for a user: ${problem}`);
  if (flags.D && (flags.c || flags.b)) throw new UsageFailure("-D removes a user; it goes with no other option");
  if (flags.b && given === undefined) throw new UsageFailure("-b needs the password behind the user's name");
  if (!flags.b && given !== undefined) {
    throw new UsageFailure(flags.D ? "-D needs no password" : "a password on the command line needs -b");
  }
  // Told before a password is asked for; read for good once nobody else can change it.
  if (!flags.c) await readLines(file);
  const line = flags.D ? undefined : await newLine(user, given ?? (await askPassword()), flags.I);
  const change = async () => {
    const lines = changed(flags.c ? [] : await readLines(file), file, user, line);
    return lines.map((text) => `${text}\n`).join("");
  };
  await replaceFile(file, change).catch((error: unknown) => {
    throw error instanceof Failure ? error : new Failure(`cannot write ${file}: ${reasonOf(error)}`);
  });
}

/** The lines with another one for the user, or with none. */
function changed(lines: readonly string[], file: string, user: string, line: string | undefined): string[] {
  const at = lines.findIndex((other) => other.startsWith(`${user}:`));
  if (line === undefined && at < 0) throw new Failure(`there is no user '${user}' in ${file}`);
  const secret = lines.some(isSecretLine) ? [] : [secretLine()];
  const before = at < 0 ? lines : lines.slice(0, at);
  return [...secret, ...before, ...(line === undefined ? [] : [line]), ...(at < 0 ? [] : lines.slice(at + 1))];
}

async function readLines(file: string): Promise<string[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new Failure(`there is no file ${file}; -c makes one`);
    throw new Failure(`cannot read ${file}: ${reasonOf(error)}`);
  });
  try {
    const lines = decodeFile(bytes, file).split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    return lines;
  } catch (error) {
    throw new Failure(reasonOf(error));
  }
}

async function newLine(user: string, password: string, iterations: number | undefined): Promise<string> {
  if (password === "") throw new Failure("the password is empty");
  try {
    return passwordLine(user, await scramRecord(password, iterations));
  } catch (error) {
    if (error instanceof ScramError) throw new Failure(error.message);
    throw error;
  }
}

/** From the terminal, unseen and twice; else the first line of standard input. */
async function askPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await readText(process.stdin)).split(/\r?\n/)[0] ?? "";
  const unseen = new Writable({ write: (_bytes, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: unseen, terminal: true, historySize: 0 });
  // One reader for both: what was typed ahead is not lost. Ctrl-C and Ctrl-D end it.
  const typed = reader[Symbol.asyncIterator]();
  const ask = async (prompt: string) => {
    process.stderr.write(prompt);
    const { done, value } = await typed.next();
    process.stderr.write("\n");
    if (done) throw new Failure("no password was given");
    return value;
  };
  try {
    const password = await ask("Password: ");
    if ((await ask("Again: ")) !== password) throw new Failure("the two passwords are not the same");
    return password;
  } finally {
    reader.close();
  }
}

/** Puts the text that `change` resolves to in the place of what `path` holds: the old content stands there until the new one
 *  is on the disk. Nobody else is at it meanwhile. The owner stays the same, and what he and the group may do; a new file is
 *  the owner's alone. */
async function replaceFile(path: string, change: () => Promise<string>): Promise<void> {
  // A link goes on pointing there.
  const target = await realpath(path).catch(() => path);
  const temporary = `${target}.midge-passwd`;
  const handle = await open(temporary, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
    throw new Failure(`another midge passwd is at work on ${target}; if none is, remove ${temporary}`);
  });
  try {
    await fill(handle, change, await stat(target).catch(() => undefined));
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  // Until its folder is on the disk, the old file may come back after a power cut. Not every system can do it.
  const folder = await open(dirname(target), "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

async function fill(handle: FileHandle, change: () => Promise<string>, old: Stats | undefined): Promise<void> {
  try {
    const text = await change();
    const { uid, gid } = await handle.stat();
    if (old !== undefined) {
      if (old.uid !== uid || old.gid !== gid) await handle.chown(old.uid, old.gid);
      await handle.chmod(old.mode & 0o770);
    }
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const ITERATIONS_HELP = `hashes that a guess costs, ${ITERATIONS_MIN} to ${ITERATIONS_MAX} (default: ${ITERATIONS_MIN}); each client computes them too`;

const EXAMPLES = `
The password is asked for, or is the first line of standard input. The broker reads the file when it starts and on
SIGHUP. Keep its line #midge-secret: it hides from strangers which users there are.

Examples:
  midge passwd -c passwords alice           (a new file with one user)
  midge passwd passwords bob                (another user, or another password)
  midge passwd -D passwords bob
  midge broker --password-file passwords

Exit code: 0 done, 1 not.`;
