// Runs every row of test/vectors against the codec, in each engine: whole, byte by byte, with other bytes behind it, and
// encoded back.
import { describe, expect, it } from "vitest";
import { loadCodec } from "./codec.ts";
import { hex, runVector } from "./vector-run.ts";
import { parseBytes, readVectors } from "./vectors.ts";

const codecs = [loadCodec("v8"), loadCodec("wasm3")];
const vectors = readVectors();

const files = [...new Set(vectors.map((vector) => vector.at.split(":")[0]))];
describe.each(files)("%s", (file) => {
  for (const vector of vectors.filter(({ at }) => at.startsWith(`${file}:`))) {
    const level = vector.subject === "packet" ? ` level ${vector.level}` : ` ${vector.subject}`;
    it(`${vector.at}${level}: ${vector.reason} [${vector.clause}]`, () => {
      for (const codec of codecs) runVector(codec, vector);
    });
  }
});

describe("the notation of the tables", () => {
  it.each([
    ["36 06", "3606"],
    ["3606", "3606"],
    ['"a"', "000161"],
    ["'a'", "61"],
    ["[ 01 [ 'b' ] ]", "03010162"],
    ["[ 61*300 ]", `ac02${"61".repeat(300)}`],
    ["'\\x00\\'\\\\'", "00275c"],
    ["[]", "00"],
  ])("%s is %s", (text, bytes) => {
    expect(hex(parseBytes(text))).toBe(bytes);
  });
  it.each(["3", "[ 01", "01 ]", "'a", "xy", "61*"])("%s is refused", (text) => {
    expect(() => parseBytes(text)).toThrow();
  });
});
