// Programs that tests run beside each other: brokers on free ports, and commands with their output. Everything started
// here is ended by stopAll(), by its own process and never by name; every wait has a limit. Knows nothing of what is
// tested.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The built command line, run with the Node that runs the tests. */
export const MIDGE = [process.execPath, fileURLToPath(new URL("../../dist/cli.js", import.meta.url))] as const;
/** Debian keeps the broker out of the PATH of ordinary users. */
const MOSQUITTO = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].find((path) => existsSync(path)) ?? "mosquitto";

/** How a program ended, and all it printed. `exitCode` is null when a signal ended it. */
export interface Result {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

export interface RunOptions {
  /** Written to standard input, which is then closed. Default: nothing. */
  input?: string | Uint8Array;
  /** Environment variables beside those of the tests. */
  env?: Record<string, string>;
  /** The program is killed after this time. Default: 30,000. */
  timeoutMs?: number;
}

/** A program that runs. */
export class Child {
  readonly process: ChildProcess;
  /** Resolves when it has ended and its output is complete; rejects when it could not start. */
  readonly ended: Promise<Result>;
  private readonly out: Buffer[] = [];
  private readonly err: Buffer[] = [];

  constructor(command: readonly string[], options: RunOptions = {}) {
    const [file = "", ...args] = command;
    this.process = spawn(file, args, { env: { ...process.env, ...options.env } });
    running.add(this);
    this.process.stdout?.on("data", (chunk) => this.out.push(chunk));
    this.process.stderr?.on("data", (chunk) => this.err.push(chunk));
    // A program may end without reading its input.
    this.process.stdin?.on("error", () => {});
    if (options.input !== undefined) this.process.stdin?.end(options.input);
    const timer = setTimeout(() => this.process.kill("SIGKILL"), options.timeoutMs ?? 30_000);
    this.ended = new Promise((resolve, reject) => {
      this.process.once("error", reject);
      this.process.once("close", (exitCode, signal) => {
        clearTimeout(timer);
        running.delete(this);
        resolve({ exitCode, signal, stdout: Buffer.concat(this.out), stderr: this.stderr });
      });
    });
    this.ended.catch(() => {});
  }

  /** What it printed so far. */
  get stdout(): string {
    return Buffer.concat(this.out).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.err).toString();
  }

  /** Writes to standard input, which stays open. */
  write(input: string): void {
    this.process.stdin?.write(input);
  }

  /**
   * Waits until it has printed `text`, on either output, `count` times. Fails when it ends before, or takes too long.
   */
  async printed(text: string, count = 1, timeoutMs = 10_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    const seen = () => this.stdout.split(text).length + this.stderr.split(text).length - 2 >= count;
    while (!seen()) {
      const over = this.process.exitCode !== null || this.process.signalCode !== null;
      if (over || Date.now() > deadline) {
        throw new Error(`no "${text}" (${over ? "ended" : "timed out"}) in:\n${this.stdout}\n${this.stderr}`);
      }
      await sleep(10);
    }
  }

  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Result> {
    this.process.kill(signal);
    return this.ended;
  }
}

/** Starts a program. */
export function start(command: readonly string[], options?: RunOptions): Child {
  return new Child(command, options);
}

/** Runs a program to its end. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Child(command, { input: "", ...options }).ended;
}

/** A broker on 127.0.0.1. */
export interface BrokerPeer {
  readonly port: number;
  readonly child: Child;
  /** Waits until it has handled `count` SUBSCRIBE packets since it started. */
  subscribed(count?: number): Promise<void>;
}

/** Starts mosquitto. `config`: lines of mosquitto.conf beside its listener. `port`: default a free one. */
export async function startMosquitto(config: string[] = ["allow_anonymous true"], port?: number): Promise<BrokerPeer> {
  const folder = mkdtempSync(join(tmpdir(), "midge-test-"));
  folders.push(folder);
  for (let attempt = 1; ; attempt++) {
    const at = port ?? (await freePort());
    const file = join(folder, "mosquitto.conf");
    // Root would drop to a user that cannot read the folder.
    writeFileSync(file, [`listener ${at} 127.0.0.1`, "log_type all", "user root", ...config, ""].join("\n"));
    const child = start([MOSQUITTO, "-c", file], { timeoutMs: 300_000 });
    try {
      await child.printed("running");
      return { port: at, child, subscribed: (count = 1) => child.printed("Sending SUBACK", count) };
    } catch (error) {
      // Another program may have taken the port in between.
      await child.stop("SIGKILL");
      if (attempt === 3) throw error;
    }
  }
}

/** Starts `midge broker -v` on a free port. */
export function startMidgeBroker(args: string[] = ["-p", "0"]): Promise<BrokerPeer> {
  return startOurs([...MIDGE, "broker", "-v", ...args]);
}

/** The broker that this run of the peer tests is about: `midge broker`, or the native program that MIDGE_BROKER names. The
 *  projects of vitest.config.ts run the same tests with each of them. */
export function startTestedBroker(): Promise<BrokerPeer> {
  const name = process.env.MIDGE_BROKER;
  return name === undefined ? startMidgeBroker() : startOurs([nativeProgram(name), "-v", "-p", "0"]);
}

/** Rows whose first word is the broker: with a native one those of our own, as what mosquitto does has been seen already. */
export function atTestedBroker<Row extends readonly [broker: string, ...others: unknown[]]>(
  rows: readonly Row[],
): Row[] {
  return rows.filter(([broker]) => broker === "midge" || process.env.MIDGE_BROKER === undefined);
}

/** A program from the folder that npm run build:native fills, or that MIDGE_NATIVE names. */
export function nativeProgram(name: string): string {
  const folder = process.env.MIDGE_NATIVE ?? fileURLToPath(new URL("../../build/native", import.meta.url));
  return join(folder, name);
}

async function startOurs(command: readonly string[]): Promise<BrokerPeer> {
  const child = start(command, { timeoutMs: 300_000 });
  await child.printed("listens on");
  const port = Number(/listens on [^ ]*:(\d+)/.exec(child.stdout)?.[1]);
  return { port, child, subscribed: (count = 1) => child.printed(" subscribe ", count) };
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Ends every program that still runs and removes their files. For afterAll. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop("SIGKILL").catch(() => {})));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A file for a test, removed by stopAll(). */
export function temporaryFile(name: string, content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "midge-test-"));
  folders.push(folder);
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const running = new Set<Child>();
const folders: string[] = [];
// A test run that is interrupted leaves no program behind.
process.once("exit", () => {
  for (const child of running) child.process.kill("SIGKILL");
});
