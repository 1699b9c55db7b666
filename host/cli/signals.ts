// How a command that goes on comes to its end: by itself, or by Ctrl-C and the service manager's SIGTERM. The first
// signal ends it in good order, a second one at once.

/** The end of a command: whoever calls finish() first decides the exit code, and later calls change nothing. */
export class Ending {
  readonly exitCode: Promise<number>;
  finish: (exitCode: number) => void = () => {};

  constructor() {
    this.exitCode = new Promise((resolve) => {
      this.finish = resolve;
    });
  }
}

/** Calls `finish` at the first SIGINT or SIGTERM; at the second one the process ends there and then. */
export function onInterrupt(finish: () => void): void {
  let interrupted = false;
  for (const [signal, number] of SIGNALS) {
    process.on(signal, () => {
      // 128 and the signal's number is what a shell reports for a program that the signal killed.
      if (interrupted) process.exit(128 + number);
      interrupted = true;
      finish();
    });
  }
}

const SIGNALS = [
  ["SIGINT", 2],
  ["SIGTERM", 15],
] as const;
