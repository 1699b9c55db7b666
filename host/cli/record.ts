// The option --record of `midge broker`: its engine, recorded to a file.

import type { Engine } from "../engine.ts";
import { recordingEngine } from "../recording.ts";
import { RecordingFile } from "../recording-file.ts";
import { Failure, reasonOf } from "./failure.ts";

/** An engine for one instance. close() when that has ended. */
export interface RecordedEngine {
  readonly engine: Engine;
  close(): void;
}

/** `engine`, recorded to `file`, if there is one. Throws Failure when it cannot be made; when it cannot be written later, `warn`
 *  is given the words for it, and all goes on without a recording. */
export function recordedEngine(engine: Engine, file: string | undefined, warn: (text: string) => void): RecordedEngine {
  if (file === undefined) return { engine, close() {} };
  try {
    const recording = new RecordingFile(file, (error) => {
      warn(`the recording ends here, and the broker goes on: cannot write ${file}: ${reasonOf(error)}`);
    });
    return { engine: recordingEngine(engine, () => recording.writer), close: () => recording.close() };
  } catch (error) {
    throw new Failure(`cannot write ${file}: ${reasonOf(error)}`);
  }
}
