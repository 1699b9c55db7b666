// `midge replay`: replays a recording of midge broker --record, or of a board, on an engine, and says whether all came out as
// it did then. How is replay.ts, the words for it are replay-text.ts.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { Command } from "commander";
import { RecordingError, RecordingReader } from "../recording-reader.ts";
import { ReplayDifference, type Replayed, type ReplayObserver, replay } from "../replay.ts";
import { chosenEngine, type EngineFlag, engineOption } from "./engine-option.ts";
import { Failure, reasonOf } from "./failure.ts";
import { bytesText, callText, counted, differenceLines, outputLines } from "./replay-text.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function replayCommand(end: (exitCode: number) => void): Command {
  return new Command("replay")
    .summary("replay what midge broker --record has recorded")
    .description(
      "Make the calls of a recording again, on any engine, and compare all that comes out with what came out then.",
    )
    .argument("<file>", "the recording")
    .addOption(engineOption())
    .option("-v, --verbose", "a line for each call, and for what goes in and out")
    .helpOption("--help", "show this help")
    .addHelpText("after", EXAMPLES)
    .action((file: string, flags: ReplayFlags) => {
      run(file, flags);
      end(0);
    });
}

interface ReplayFlags extends EngineFlag {
  verbose?: boolean;
}

function run(file: string, flags: ReplayFlags): void {
  const engine = chosenEngine(flags);
  const descriptor = openRecorded(file);
  try {
    const recording = new RecordingReader({
      size: fstatSync(descriptor).size,
      read: (into, position) => readSync(descriptor, into, 0, into.length, position),
    });
    const replayed = replay(recording, engine, flags.verbose ? printItem : undefined);
    print(`${engine.name}: ${summary(replayed)}: all as recorded`);
    if (recording.isCut)
      print("The recording ends in the middle of a record, as after a power cut; it replays up to there.");
  } catch (error) {
    throw failure(error, file, engine.name);
  } finally {
    closeSync(descriptor);
  }
}

function openRecorded(file: string): number {
  try {
    return openSync(file, "r");
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${reasonOf(error)}`);
  }
}

function failure(error: unknown, file: string, engine: string): unknown {
  if (error instanceof ReplayDifference) return new Failure(differenceLines(error, engine).join("\n"));
  if (error instanceof RecordingError) return new Failure(`${file}: ${error.message}`);
  // Of the file; what is thrown otherwise is a fault of ours.
  return (error as { syscall?: string }).syscall === undefined
    ? error
    : new Failure(`cannot read ${file}: ${reasonOf(error)}`);
}

const printItem: ReplayObserver = (item) => {
  const number = String(item.number).padStart(8);
  if (item.kind === "call") print(`${number}  ${callText(item)}`);
  else if (item.kind === "output" && item.of !== undefined) {
    for (const line of outputLines(item.of, item.bytes)) print(`${number}    ${line}`);
  } else print(`${number}  ${item.kind}: ${bytesText(item.bytes)}`);
};

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function summary({ calls, bytesIn, bytesOut, events, spanMs }: Replayed): string {
  const parts = [
    counted(calls, "call"),
    `${counted(bytesIn, "byte")} in`,
    `${counted(bytesOut, "byte")} out`,
    counted(events, "event"),
  ];
  return `${parts.join(", ")}, in ${spanMs / 1_000} s of its time`;
}

const EXAMPLES = `
Examples:
  midge broker --record run.midgerec        (until Ctrl-C; the file holds all that clients send, passwords too)
  midge replay run.midgerec
  midge replay run.midgerec --engine wasm3
  midge replay -v run.midgerec | less

Exit code: 0 all as recorded, 1 not, or no recording.`;
