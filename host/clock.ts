// Where a host's time comes from: the system, or a test that says what time it is.

export interface Clock {
  /** Milliseconds, never going back. */
  now(): number;
  /** Calls `task` once after `delayMs`; returns what cancels it. */
  after(delayMs: number, task: () => void): () => void;
  /** Calls `task` at the end of this turn of the loop, after everything that has already arrived was read. */
  defer(task: () => void): void;
}

/** Longest delay of setTimeout, about 24 days; a longer one wakes up early, which is harmless. */
const DELAY_MAX = 0x7fffffff;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(delayMs, DELAY_MAX));
    return () => clearTimeout(timer);
  },
  defer: (task) => void setImmediate(task),
};

interface Task {
  atMs: number;
  order: number;
  task: () => void;
}

/** A clock that stands still until advance(): tests of hours take milliseconds, and repeat exactly. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #tasks: Task[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, order: this.#order++, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** Happens by itself, too: only time has to be moved. */
  defer(task: () => void): void {
    this.after(0, task);
    setImmediate(() => this.advance(0));
  }

  /** When the next task is due, or undefined. */
  get nextDueMs(): number | undefined {
    return this.#tasks.reduce<number | undefined>((least, { atMs }) => Math.min(least ?? atMs, atMs), undefined);
  }

  /** Lets `ms` pass, doing what falls due in its order; 0 does what is due now. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#takeDue(untilMs); next !== undefined; next = this.#takeDue(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.task();
    }
    this.#nowMs = untilMs;
  }

  #takeDue(untilMs: number) {
    let first: Task | undefined;
    for (const entry of this.#tasks) {
      if (entry.atMs > untilMs) continue;
      if (first === undefined || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order)) {
        first = entry;
      }
    }
    this.#tasks = this.#tasks.filter((entry) => entry !== first);
    return first;
  }
}
