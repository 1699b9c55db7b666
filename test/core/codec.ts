// The codec module as tests see it: loads build/codec.wasm, puts bytes in, takes bytes out. Its exports are described
// in assembly/modules/codec.ts.
import { readFileSync } from "node:fs";
import { type EngineName, engineOf } from "../../host/engine.ts";

/** decode: the first packet of the input is not whole. */
export const NEED_MORE = 0x100;

/** Every input byte that a case does not write has this value, so that nothing depends on zeros. */
const FILLER = 0xa5;

export interface CodecExports {
  memory: WebAssembly.Memory;
  inputPtr(): number;
  inputSize(): number;
  outputPtr(): number;
  decode(length: number, level: number): number;
  decodedLength(): number;
  connectLevel(): number;
  encode(): number;
  isUtf8(length: number): number;
  isTopicName(length: number): number;
  isTopicFilter(length: number): number;
  matches(filterLength: number, nameLength: number): number;
  propertyPresent(identifier: number): number;
  propertyNumber(identifier: number): number;
  propertyOffset(identifier: number): number;
  propertyBytes(identifier: number): number;
  willPropertyPresent(identifier: number): number;
  willPropertyNumber(identifier: number): number;
  willPropertyOffset(identifier: number): number;
  willPropertyBytes(identifier: number): number;
  rewriteProperties(): number;
  publishTopicAlias(): number;
  publishExpirySec(): bigint;
  nextFilter(): number;
  filterCount(): number;
  sentBy(type: number, level: number): number;
  levelsOf(length: number): number;
  hashOf(length: number, start: number): number;
  sharedStart(length: number): number;
  encodePublishOf(nameLength: number, payloadLength: number, flags: number, packetId: number, level: number): number;
  encodeAckOf(type: number, packetId: number): number;
}

export interface Codec {
  core: CodecExports;
  /** Writes `bytes` at the start of the input, and FILLER behind them. */
  put(bytes: Uint8Array): void;
  /** A view of the input from `offset`. */
  input(offset: number, length: number): Uint8Array;
  /** A copy of the first `length` bytes of the output. */
  output(length: number): Uint8Array;
  /** How many of the first `count` prefixes of the input, from the empty one on, decode does not ask for more of. */
  earlyPrefixes(count: number, level: number): number;
}

/** A fresh instance of the codec; `npm run build:core` makes the module. */
export function loadCodec(engine: EngineName = "v8"): Codec {
  const bytes = readFileSync(new URL("../../build/codec.wasm", import.meta.url));
  const core = engineOf(engine).instantiate(bytes, "codec") as CodecExports;
  const memory = new Uint8Array(core.memory.buffer);
  const inputAt = core.inputPtr();
  const outputAt = core.outputPtr();
  return {
    core,
    put(bytes) {
      memory.set(bytes, inputAt);
      memory.fill(FILLER, inputAt + bytes.length, inputAt + bytes.length + 64);
    },
    input: (offset, length) => memory.subarray(inputAt + offset, inputAt + offset + length),
    output: (length) => memory.slice(outputAt, outputAt + length),
    earlyPrefixes(count, level) {
      let early = 0;
      for (let length = 0; length < count; length++) if (core.decode(length, level) !== NEED_MORE) early++;
      return early;
    },
  };
}
