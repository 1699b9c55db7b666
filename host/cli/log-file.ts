// Where log lines go when a configuration says so: a file, added to. Lines of one turn of the event loop go in one write. A
// file that cannot be written loses lines, and says so once: the broker goes on.

import { closeSync, openSync, writeSync } from "node:fs";
import { Failure, reasonOf } from "./failure.ts";

export class LogFile {
  readonly #path: string;
  readonly #warn: (text: string) => void;
  #descriptor: number;
  #waiting: string[] = [];
  #isLost = false;

  /** Throws Failure when it cannot be written. `warn`: is told when that comes later. */
  constructor(path: string, warn: (text: string) => void) {
    this.#path = path;
    this.#warn = warn;
    try {
      this.#descriptor = openSync(path, "a");
    } catch (error) {
      throw new Failure(`cannot write the log ${path}: ${reasonOf(error)}`);
    }
  }

  line(text: string): void {
    if (this.#waiting.push(`${text}\n`) === 1) setImmediate(() => this.#flush());
  }

  /** Goes on in a new file of that name: whoever rotates logs has moved the old one away. */
  reopen(): void {
    this.#attempt(() => {
      const next = openSync(this.#path, "a");
      this.#flush();
      closeSync(this.#descriptor);
      this.#descriptor = next;
    });
  }

  close(): void {
    this.#flush();
    closeSync(this.#descriptor);
  }

  #flush(): void {
    const text = this.#waiting.join("");
    this.#waiting = [];
    if (text !== "") this.#attempt(() => writeSync(this.#descriptor, text));
  }

  #attempt(act: () => void): void {
    try {
      act();
      this.#isLost = false;
    } catch (error) {
      if (!this.#isLost) this.#warn(`cannot write the log ${this.#path}: ${reasonOf(error)}`);
      this.#isLost = true;
    }
  }
}
