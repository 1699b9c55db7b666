// What is asked of the codec about one row of test/vectors, and what it must answer. Whatever engine the codec runs in.
import { expect } from "vitest";
import { type Codec, NEED_MORE } from "./codec.ts";
import { parseBytes, type Vector } from "./vectors.ts";

/** What stands behind a row's packet, one after the other: another packet, and what a decoder that reads too far would
 *  take for an empty list, string or payload, or for the rest of a property list. */
const FOLLOWERS = ["c0 00", "00*16", "26 0000 0000 26 0000 0000 26 0000 0000"].map(parseBytes);

/** Runs a row: a packet whole, byte by byte, with other bytes behind it, and encoded back; or a check of a string. */
export function runVector(codec: Codec, vector: Vector): void {
  if (vector.subject === "packet") runPacket(codec, vector);
  else expect(runCheck(codec, vector)).toBe(vector.result === "valid" || vector.result === "match" ? 1 : 0);
}

function runPacket(codec: Codec, vector: Vector): void {
  const { core } = codec;
  const { bytes, level } = vector;
  const expected = { ok: 0, "decode-only": 0, more: NEED_MORE }[vector.result] ?? Number(vector.result);
  codec.put(bytes);
  expect(core.decode(bytes.length, level)).toBe(expected);
  if (expected === 0) expectEncoded(codec, vector);
  const early = codec.earlyPrefixes(bytes.length, level);
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

function expectEncoded(codec: Codec, { bytes, encoded = bytes, level, result }: Vector): void {
  const { core } = codec;
  if (result === "decode-only") expect(hex(encoded)).not.toBe(hex(bytes));
  expect(hex(codec.output(core.encode()))).toBe(hex(encoded));
  codec.put(encoded);
  expect(core.decode(encoded.length, level)).toBe(0);
  expect(hex(codec.output(core.encode()))).toBe(hex(encoded));
  codec.put(bytes);
}

function runCheck(codec: Codec, { bytes, subject }: Vector): number {
  const { core } = codec;
  if (subject === "match") return runMatch(codec, bytes);
  codec.put(bytes);
  if (subject === "utf8") return core.isUtf8(bytes.length);
  return subject === "topic-name" ? core.isTopicName(bytes.length) : core.isTopicFilter(bytes.length);
}

/** A filter and a name, each behind its length. */
function runMatch(codec: Codec, bytes: Uint8Array): number {
  const filterLength = Buffer.from(bytes).readUInt16BE();
  const filter = bytes.subarray(2, 2 + filterLength);
  const name = bytes.subarray(4 + filterLength);
  codec.put(Uint8Array.from([...filter, ...name]));
  return codec.core.matches(filter.length, name.length);
}

/** One string says more than two arrays when a test fails, and compares faster. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
