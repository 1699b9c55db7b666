// The engines that run the core under Node: V8, and wasm3, the interpreter of the boards, as an addon that may not be
// there. An engine turns the bytes of a module into the exports of a new instance and knows nothing of what they do.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { instantiateSync } from "@assemblyscript/loader";
import { MidgeError } from "./errors.ts";
import { moduleFunctions } from "./module-functions.ts";

export type EngineName = "v8" | "wasm3";

/** A core module by its name. */
export type ModuleName = "broker" | "client";

/** What runs the core: one of engineOf(), or one that wraps it, as recordingEngine() does. */
export interface Engine {
  readonly name: EngineName;
  /** A new instance of the module that is called `module` and whose Wasm is `bytes`: its exports, `memory` among them. A trap
   *  in one of them throws. */
  instantiate(bytes: Uint8Array, module: string): object;
}

/** The engine of this name, or `engine` itself. Throws with code NO_ENGINE when it is not built on this machine. */
export function engineOf(engine: EngineName | Engine): Engine {
  if (typeof engine !== "string") return engine;
  if (engine === "v8") return v8;
  if (engine === "wasm3") return new Wasm3();
  throw new MidgeError("ARGUMENT_INVALID", `engine is ${engine}, and must be v8 or wasm3`);
}

/** By the bytes they were compiled from. */
const compiled = new WeakMap<Uint8Array, WebAssembly.Module>();

function compile(bytes: Uint8Array): WebAssembly.Module {
  let module = compiled.get(bytes);
  if (module === undefined) {
    module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    compiled.set(bytes, module);
  }
  return module;
}

const v8: Engine = {
  name: "v8",
  // The instance's own exports: the loader's are wrapped for arguments that may be left out, which costs as much as a call.
  // Copied, because V8 finds properties faster in a plain object.
  instantiate: (bytes) => ({ ...instantiateSync(compile(bytes), {}).instance.exports }),
};

/** firmware/node/addon.c */
interface Addon {
  instantiate(bytes: Uint8Array, stackBytes: number, names: string[]): object;
}

class Wasm3 implements Engine {
  readonly name = "wasm3";
  readonly #addon: Addon = loadAddon();

  instantiate(bytes: Uint8Array): object {
    const names = moduleFunctions(bytes).map(({ name }) => name);
    return this.#addon.instantiate(bytes, STACK_BYTES, names);
  }
}

/** Of the Wasm stack, as in firmware/engine_wasm3.c: matching recurses once a level of a topic. */
const STACK_BYTES = 64 * 1024;

/** From dist/ and from host/ it is the same. MIDGE_WASM3_ADDON: another build of it. */
function loadAddon(): Addon {
  const file = process.env.MIDGE_WASM3_ADDON ?? fileURLToPath(new URL("../build/wasm3.node", import.meta.url));
  try {
    return createRequire(import.meta.url)(file) as Addon;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
    const text = missing ? "is not built" : `cannot be loaded from ${file}`;
    throw new MidgeError("NO_ENGINE", `the engine wasm3 ${text}: ${BUILD_TEXT}`, { cause });
  }
}

const BUILD_TEXT =
  "with a C compiler, make and Python here, npm rebuild --foreground-scripts midge-mqtt does it (in a clone: npm run build:wasm3)";
