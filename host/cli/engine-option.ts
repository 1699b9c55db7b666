// The option --engine of the commands that run a core.

import { Option } from "commander";
import { type Engine, type EngineName, engineOf } from "../engine.ts";
import type { MidgeErrorCode } from "../errors.ts";
import { Failure } from "./failure.ts";

export interface EngineFlag {
  engine: EngineName;
}

/** The option, for a command whose flags are an EngineFlag. */
export function engineOption(): Option {
  const help = "what runs the core: V8, or the interpreter of the boards, if it is built";
  return new Option("--engine <engine>", help).choices(["v8", "wasm3"] satisfies EngineName[]).default("v8");
}

/** The engine asked for. Throws Failure when it is not there. */
export function chosenEngine({ engine }: EngineFlag): Engine {
  try {
    return engineOf(engine);
  } catch (error) {
    const { code, message } = error as { code?: MidgeErrorCode; message: string };
    throw code === "NO_ENGINE" ? new Failure(message) : error;
  }
}
