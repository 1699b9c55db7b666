// How `midge sub` and `midge rr` come to their end: by themselves, by a signal, by -W, or because nobody reads their output any
// more. Whatever comes first decides the exit code.

import { EXIT_TIMED_OUT } from "./failure.ts";
import { Output } from "./output.ts";
import { Ending, onInterrupt } from "./signals.ts";

/** The flags that decide. */
export interface WaitingFlags {
  /** Seconds. */
  W?: number;
  quiet?: boolean;
}

/** One run of a command that waits for messages. */
export class Waiting {
  readonly output: Output;
  /** A signal or -W has ended it, not what it waited for. */
  cutShort = false;
  readonly #name: string;
  readonly #flags: WaitingFlags;
  readonly #ending = new Ending();

  /** `name`: of the command. `interrupted`: exit code after a signal. */
  constructor(name: string, flags: WaitingFlags, interrupted: number) {
    this.#name = name;
    this.#flags = flags;
    this.output = new Output(process.stdout, () => this.finish(0));
    onInterrupt(() => this.#cut(interrupted));
    // mosquitto's clients count -W from their CONNACK. From the start is kinder to scripts: a silent address does not hold
    // them longer.
    if (flags.W !== undefined) setTimeout(() => this.#cut(EXIT_TIMED_OUT), flags.W * 1000);
  }

  /** Resolves when it is to end. */
  get exitCode(): Promise<number> {
    return this.#ending.exitCode;
  }

  finish(exitCode: number): void {
    this.#ending.finish(exitCode);
  }

  /** The last lines. Resolves when they are printed. */
  async close(exitCode: number): Promise<void> {
    await this.output.end();
    if (exitCode === EXIT_TIMED_OUT && !this.#flags.quiet) {
      process.stderr.write(`midge ${this.#name}: timed out after ${this.#flags.W} s (-W)\n`);
    }
  }

  #cut(exitCode: number): void {
    this.cutShort = true;
    this.finish(exitCode);
  }
}

/** Longest time of -W, seconds: a timer of Node holds 2^31 - 1 milliseconds. */
export const WAIT_MAX = 2_147_483;
