// Ctrl-C and the service manager's SIGTERM: the first one ends a command in good order, a second one at once.

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
