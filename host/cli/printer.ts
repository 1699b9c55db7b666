// Decides for each message that arrives: print it, skip it, remove it at the broker, or end. The rules of
// mosquitto_sub's -C -R -T --retained-only --remove-retained --random-filter, in its order. Knows no connection and no stream: it calls
// what it is given.

import type { Message } from "../api-types.ts";
import type { Format } from "./format.ts";
import { topicMatches } from "./topic.ts";

/** The flags that decide; see `midge sub --help`. */
export interface PrinterFlags {
  C?: number;
  N?: boolean;
  R?: boolean;
  filterOut?: string[];
  /** Percentage of messages to print. */
  randomFilter?: number;
  removeRetained?: boolean;
  retainedOnly?: boolean;
}

/** What a Printer acts on. */
export interface PrinterEffects {
  /** Prints bytes on standard output. */
  write(bytes: Uint8Array): void;
  /** A line for standard error. */
  complain(line: string): void;
  /** Removes the retained message of a topic at the broker. */
  removeRetained(topicName: string): void;
  /** Called once, when no further message is wanted. */
  finish(): void;
}

export class Printer {
  private readonly flags: PrinterFlags;
  private readonly format: Format;
  private readonly effects: PrinterEffects;
  private count = 0;
  private ended = false;

  constructor(flags: PrinterFlags, format: Format, effects: PrinterEffects) {
    this.flags = flags;
    this.format = format;
    this.effects = effects;
  }

  /** A message arrived. Those behind the last one wanted may still come: they are not printed. */
  receive(message: Message): void {
    // What was retained comes first, so the first live message says that there is no more of it.
    if (this.flags.retainedOnly && !message.retain) this.end();
    if (this.ended) return;
    if (this.flags.filterOut?.some((filter) => topicMatches(filter, message.topicName))) return;
    if (this.flags.removeRetained && message.retain) this.effects.removeRetained(message.topicName);
    if (this.flags.R && message.retain) return;
    // Those left out at random count as well.
    if (Math.random() * 100 < (this.flags.randomFilter ?? 100)) this.print(message);
    if (++this.count === this.flags.C) this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.effects.finish();
  }

  private print(message: Message): void {
    this.effects.write(this.format(message, new Date(), this.effects.complain));
    if (!this.flags.N) this.effects.write(LINE_END);
  }
}

const LINE_END = Buffer.from("\n");
