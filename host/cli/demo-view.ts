// What `midge demo` shows: a table of topics, redrawn in place on a terminal, or one line for each message elsewhere.
// Pure: messages and the time go in, text comes out; demo.ts prints it and owns the clock.

import type { QoS } from "../api-types.ts";
import { printable, timeOfDay } from "./broker-log.ts";

/** A message as the view shows it. `retain` and `qos` are those it was published with. */
export interface Seen {
  topicName: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
}

interface Row extends Seen {
  count: number;
  atMs: number;
}

/** The live table. */
export class TopicTable {
  private readonly rows = new Map<string, Row>();

  /**
   * A message was published. Topics beyond ROWS_MAX are not shown: a terminal has no more lines, and memory has an end.
   */
  see(seen: Seen, atMs: number): void {
    const row = this.rows.get(seen.topicName);
    if (row === undefined && this.rows.size === ROWS_MAX) return;
    this.rows.set(seen.topicName, { ...seen, count: (row?.count ?? 0) + 1, atMs });
  }

  /** The table for a terminal of that size, one line each, none longer than the terminal is wide. */
  lines(nowMs: number, columns: number, height: number): string[] {
    const rows = [...this.rows.values()].sort((a, b) => (a.topicName < b.topicName ? -1 : 1));
    const shown = rows.slice(0, Math.max(0, height - 1));
    const topicWidth = Math.max(5, ...shown.map((row) => printable(row.topicName).length));
    const cells = shown.map((row) => [
      printable(row.topicName),
      valueText(row.payload),
      String(row.qos),
      row.retain ? "yes" : "",
      ageText(nowMs - row.atMs),
      String(row.count),
    ]);
    return [HEADINGS, ...cells].map((cell) => tableLine(cell, topicWidth).slice(0, columns));
  }
}

/** The message as a line, for a file or a pipe. */
export function seenLine(seen: Seen, at: Date): string {
  const { topicName, payload, qos, retain } = seen;
  return `${timeOfDay(at)} ${printable(topicName)} ${valueText(payload)}  (QoS ${qos}${retain ? ", retained" : ""})`;
}

function tableLine(cells: readonly string[], topicWidth: number): string {
  const widths = [topicWidth, VALUE_WIDTH, 4, 9, 6, 6];
  return cells
    .map((cell, column) => (column < 4 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
    .join(" ");
}

function valueText(payload: Uint8Array): string {
  const text = printable(new TextDecoder().decode(payload.subarray(0, VALUE_WIDTH * 4)));
  return text.length <= VALUE_WIDTH ? text : `${text.slice(0, VALUE_WIDTH - 1)}…`;
}

function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}

const HEADINGS = ["TOPIC", "VALUE", "QOS", "RETAINED", "AGE", "COUNT"] as const;

/** Characters of a payload that are shown. */
const VALUE_WIDTH = 24;

/** Topics that are remembered. */
const ROWS_MAX = 500;
