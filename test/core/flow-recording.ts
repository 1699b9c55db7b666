// Flows as recordings: what a host would have recorded that did what a flow says. Any engine replays them.
import { RecordingWriter, recordingEngine } from "../../host/recording.ts";
import { type Mode, runFlow } from "./flow-run.ts";
import type { Flow } from "./flows.ts";

/** Plays `flow` and returns its recording; null in a mode that it is not for. Throws as runFlow() does. */
export function recordFlow(flow: Flow, mode: Mode): Buffer | null {
  const writers: RecordingWriter[] = [];
  let pieces: Buffer[] = [];
  const engine = recordingEngine(mode.engine, () => {
    // A flow that sets its seed begins with another instance, which nothing has happened to.
    pieces = [];
    const ours = pieces;
    const writer = new RecordingWriter((bytes) => ours.push(Buffer.from(bytes)));
    writers.push(writer);
    return writer;
  });
  runFlow(flow, { ...mode, engine });
  writers.at(-1)?.flush();
  return pieces.length === 0 ? null : Buffer.concat(pieces);
}
