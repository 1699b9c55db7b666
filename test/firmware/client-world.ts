// What the tests of the client in C share: its probe program, driven line by line, and a network that can be cut. Programs
// are those of the build folder that MIDGE_NATIVE names, build/native without it.

import { existsSync } from "node:fs";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { type BrokerPeer, type Child, nativeProgram, start, startMidgeBroker, startMosquitto } from "../host/peers.ts";

export const ENGINES = ["wasm2c", "wasm3"] as const;
export type Engine = (typeof ENGINES)[number];

export const BROKERS = ["mosquitto", "midge broker"] as const;
export type BrokerName = (typeof BROKERS)[number];

/** Starts a broker that lets everyone in. `port`: default a free one. */
export function startBroker(name: BrokerName, port?: number): Promise<BrokerPeer> {
  return name === "mosquitto" ? startMosquitto(undefined, port) : startMidgeBroker(["-p", `${port ?? 0}`]);
}

/** Path of a native program or library, as it is named for wasm2c. */
export function program(name: string, engine: Engine): string {
  const path = nativeProgram(engine === "wasm2c" ? name : name.replace(/(\.a)?$/, "-wasm3$1"));
  if (!existsSync(path)) {
    throw new Error(
      `${path} is not built: cmake -S firmware/linux -B build/native -DMIDGE_TESTS=ON && cmake --build build/native`,
    );
  }
  return path;
}

/** FNV-1a of what `publish-large` sends. */
export function checksumOfLarge(length: number): string {
  let sum = 2166136261;
  for (let index = 0; index < length; index++) {
    sum = Math.imul(sum ^ ((index * 31 + (index >> 8)) & 0xff), 16777619) >>> 0;
  }
  return sum.toString(16).padStart(8, "0");
}

/** Clients in C: test/firmware/client_probe.c says what it takes and prints. */
export class Probe {
  readonly child: Child;
  /** Lines before this one have been waited for. */
  #seen = 0;

  constructor(engine: Engine) {
    this.child = start([program("test/client-probe", engine)], { timeoutMs: 120_000 });
  }

  say(...lines: string[]): this {
    this.child.write(lines.map((line) => `${line}\n`).join(""));
    return this;
  }

  /** What it has printed, whole lines. The broker is free to give messages a Topic Alias, so that is left out. */
  get lines(): string[] {
    const lines = this.child.stdout.split("\n").slice(0, -1);
    return lines.map((line) => line.replace(/(?<= with [0-9a-f]*)23[0-9a-f]{4}$/, "").replace(/ with $/, ""));
  }

  /** Waits for a line that matches, behind the last one that was waited for. */
  async next(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const lines = this.lines;
      for (let index = this.#seen; index < lines.length; index++) {
        const match = pattern.exec(lines[index] as string);
        if (match === null) continue;
        this.#seen = index + 1;
        return match;
      }
      const over = this.child.process.exitCode !== null || this.child.process.signalCode !== null;
      if (over || Date.now() > deadline) {
        throw new Error(
          `no ${pattern} (${over ? "ended" : "timed out"}) in:\n${lines.join("\n")}\n${this.child.stderr}`,
        );
      }
      await sleep(5);
    }
  }

  /** Waits until there is a line that matches, wherever. */
  async once(pattern: RegExp): Promise<void> {
    await expect.poll(() => this.lines, { timeout: 20_000 }).toContainEqual(expect.stringMatching(pattern));
  }

  /** Lines that match, all of them so far. */
  all(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }

  /** Makes a client and waits until it is connected. */
  async online(number: number, port: number, options = ""): Promise<void> {
    this.say(`new ${number} port=${port} reconnect-min=20 reconnect-max=200 ${options}`, `connect ${number}`);
    await this.next(new RegExp(`^${number} connected`));
  }

  /** Its input ends, and it does: in order, with nothing leaked, which the sanitizers would tell. */
  async end(): Promise<void> {
    this.child.process.stdin?.end();
    const { exitCode, stderr } = await this.child.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  }
}

/** A stretch of network before a broker. */
export class Relay {
  readonly #to: number;
  #server: net.Server | undefined;
  #port = 0;
  readonly #sockets = new Set<net.Socket>();

  constructor(to: number) {
    this.#to = to;
  }

  get port(): number {
    return this.#port;
  }

  /** Lets connections through, at the port it had before. */
  open(): Promise<void> {
    const server = net.createServer((near) => {
      const far = net.connect(this.#to, "127.0.0.1");
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject).listen(this.#port, "127.0.0.1", () => {
        this.#port = (server.address() as net.AddressInfo).port;
        resolve();
      });
    });
  }

  /** Ends the connections there are; new ones come through. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends them, and refuses new ones. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve));
    this.cut();
    await closed;
  }
}
