// Runs every row of test/vectors against the codec: whole, byte by byte, with other bytes behind it, and encoded back.
import { describe, expect, it } from "vitest";
import { loadCodec, NEED_MORE } from "./codec.ts";
import { parseBytes, readVectors, type Vector } from "./vectors.ts";

const codec = loadCodec();
const { core } = codec;
const vectors = readVectors();

/** What stands behind a row's packet, one after the other: another packet, and what a decoder that reads too far would
 *  take for an empty list, string or payload, or for the rest of a property list. */
const FOLLOWERS = ["c0 00", "00*16", "26 0000 0000 26 0000 0000 26 0000 0000"].map(parseBytes);

const files = [...new Set(vectors.map((vector) => vector.at.split(":")[0]))];
describe.each(files)("%s", (file) => {
  for (const vector of vectors.filter(({ at }) => at.startsWith(`${file}:`))) {
    const level = vector.subject === "packet" ? ` level ${vector.level}` : ` ${vector.subject}`;
    it(`${vector.at}${level}: ${vector.reason} [${vector.clause}]`, () => {
      if (vector.subject === "packet") runPacket(vector);
      else expect(runCheck(vector)).toBe(vector.result === "valid" || vector.result === "match" ? 1 : 0);
    });
  }
});

function runPacket(vector: Vector): void {
  const { bytes, level } = vector;
  const expected = { ok: 0, "decode-only": 0, more: NEED_MORE }[vector.result] ?? Number(vector.result);
  codec.put(bytes);
  expect(core.decode(bytes.length, level)).toBe(expected);
  if (expected === 0) expectEncoded(vector);
  let early = 0;
  for (let length = 0; length < bytes.length; length++) if (core.decode(length, level) !== NEED_MORE) early++;
  expect(early, "proper prefixes that did not ask for more").toBe(0);
  if (expected === NEED_MORE) return;
  for (const follower of FOLLOWERS) {
    codec.put(Buffer.concat([bytes, follower]));
    expect(core.decode(bytes.length + follower.length, level)).toBe(expected);
    expect(core.decodedLength()).toBe(hasFrame(bytes) ? bytes.length : 0);
    if (expected === 0) expect(hex(codec.output(core.encode()))).toBe(hex(vector.encoded ?? bytes));
  }
}

/** False when the Remaining Length goes on behind its fourth byte: then there is no telling where the packet ends. */
function hasFrame(bytes: Uint8Array): boolean {
  return bytes.length < 5 || bytes.subarray(1, 5).some((byte) => byte < 0x80);
}

function expectEncoded({ bytes, encoded = bytes, level, result }: Vector): void {
  if (result === "decode-only") expect(hex(encoded)).not.toBe(hex(bytes));
  expect(hex(codec.output(core.encode()))).toBe(hex(encoded));
  codec.put(encoded);
  expect(core.decode(encoded.length, level)).toBe(0);
  expect(hex(codec.output(core.encode()))).toBe(hex(encoded));
  codec.put(bytes);
}

function runCheck({ bytes, subject }: Vector): number {
  if (subject === "match") return runMatch(bytes);
  codec.put(bytes);
  if (subject === "utf8") return core.isUtf8(bytes.length);
  return subject === "topic-name" ? core.isTopicName(bytes.length) : core.isTopicFilter(bytes.length);
}

/** A filter and a name, each behind its length. */
function runMatch(bytes: Uint8Array): number {
  const filterLength = Buffer.from(bytes).readUInt16BE();
  const filter = bytes.subarray(2, 2 + filterLength);
  const name = bytes.subarray(4 + filterLength);
  codec.put(Uint8Array.from([...filter, ...name]));
  return core.matches(filter.length, name.length);
}

/** One string says more than two arrays when a test fails, and compares faster. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

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
