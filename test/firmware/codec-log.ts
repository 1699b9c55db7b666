// The codec under V8 that keeps a log of what it is asked and what it answers, in the words of codec_run.c: the same
// questions, put to a codec in C, must give the same answers.
import { type Codec, type CodecExports, loadCodec } from "../core/codec.ts";
import { hex } from "../core/vector-run.ts";

export interface CodecLog {
  codec: Codec;
  /** Lines for codec_run. */
  questions: string[];
  /** A line for each question that has an answer. */
  answers: string[];
}

export function logCodec(): CodecLog {
  const codec = loadCodec("v8");
  const questions: string[] = [];
  const answers: string[] = [];
  const log = (question: string, answer: string) => {
    questions.push(question);
    answers.push(answer);
    return answer;
  };
  const core = new Proxy(codec.core, {
    get(target, name: keyof CodecExports) {
      const value = target[name] as unknown;
      if (typeof value !== "function") return value;
      return (...given: number[]) => {
        const result = value(...given) as number;
        log(["call", name, ...given].join(" "), String(result >>> 0));
        return result;
      };
    },
  });
  const logging: Codec = {
    core,
    put(bytes) {
      codec.put(bytes);
      questions.push(`put ${hex(bytes)}`);
    },
    input: codec.input,
    output(length) {
      const bytes = codec.output(length);
      log(`get ${length}`, hex(bytes));
      return bytes;
    },
    earlyPrefixes(count, level) {
      const early = codec.earlyPrefixes(count, level);
      log(`prefixes ${count} ${level}`, String(early));
      return early;
    },
  };
  return { codec: logging, questions, answers };
}
