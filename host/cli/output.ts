// Standard output of the commands that go on: bytes as they are, those of one turn of the event loop in one write. Ends
// quietly when the reader has gone (`midge sub ... | head`). Writing to a pipe or a terminal waits for the reader (Node
// does so on POSIX), and that is the back-pressure: a slow reader slows the reading of the socket, not the memory.

import type { Writable } from "node:stream";

/** Standard output, or another stream in tests. */
export class Output {
  private readonly stream: Writable;
  private waiting: Uint8Array[] = [];
  private closed = false;

  /**
   * `stream`: standard output. `onClosed`: its reader has gone; nothing more will be printed. Another error is thrown.
   */
  constructor(stream: Writable, onClosed: () => void) {
    this.stream = stream;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      this.closed = true;
      onClosed();
    });
  }

  /** Prints bytes at the end of this turn of the loop. They must not change until then. */
  write(bytes: Uint8Array): void {
    if (this.waiting.push(bytes) === 1) setImmediate(() => this.flush());
  }

  /** Prints a line of text at the end of this turn of the loop. */
  line(text: string): void {
    this.write(Buffer.from(`${text}\n`));
  }

  /** Resolves when everything is handed to the system, or nobody reads any more. */
  end(): Promise<void> {
    this.flush();
    if (this.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.stream.write("", () => resolve());
    });
  }

  private flush(): void {
    if (this.waiting.length > 0 && !this.closed) this.stream.write(Buffer.concat(this.waiting));
    this.waiting = [];
  }
}
