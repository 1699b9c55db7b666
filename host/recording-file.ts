// A recording in a file. Recording must not disturb what is recorded: a file that cannot be written any more, as on a full
// disk, ends the recording and nothing else. What is there then replays up to its end.

import { closeSync, fchmodSync, fstatSync, openSync, writeSync } from "node:fs";
import { RecordingWriter } from "./recording.ts";

/** A file that is being recorded to. What is written waits a second at most, and until close(). */
export class RecordingFile {
  readonly writer = new RecordingWriter((bytes) => this.#write(bytes));
  readonly #failed: (error: Error) => void;
  readonly #atExit = () => this.close();
  readonly #timer: NodeJS.Timeout;
  /** Undefined: it has ended. */
  #descriptor: number | undefined;

  /** Opens `file`, anew. Throws the system's error when it cannot. `failed` is called once, if it cannot be written. */
  constructor(file: string, failed: (error: Error) => void) {
    // The owner's alone: it holds passwords.
    this.#descriptor = openSync(file, "w", 0o600);
    // One that was there may have been everybody's.
    if (fstatSync(this.#descriptor).isFile()) fchmodSync(this.#descriptor, 0o600);
    this.#failed = failed;
    this.#timer = setInterval(() => this.writer.flush(), FLUSH_INTERVAL_MS).unref();
    process.on("exit", this.#atExit);
  }

  close(): void {
    this.writer.flush();
    this.#end();
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length && this.#descriptor !== undefined; ) {
        at += writeSync(this.#descriptor, bytes, at);
      }
    } catch (error) {
      this.#end();
      this.#failed(error as Error);
    }
  }

  #end(): void {
    if (this.#descriptor === undefined) return;
    clearInterval(this.#timer);
    process.off("exit", this.#atExit);
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** What a process that is killed may lose. */
const FLUSH_INTERVAL_MS = 1_000;
