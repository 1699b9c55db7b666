// Bytes that nobody wrote on purpose: random ones and valid vectors with a few bytes changed. Decode must never trap;
// what it accepts must encode, and the encoding must decode and encode to itself. fast-check prints the seed of a
// failure.
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { loadCodec, NEED_MORE } from "../core/codec.ts";
import { readVectors, varint } from "../core/vectors.ts";

const codec = loadCodec();
const { core } = codec;

// A busy machine may take many times the two seconds that this takes alone; the number of cases stays.
vi.setConfig({ testTimeout: 60_000 });

const RUNS = 10_000;
const LEVELS = [0, 3, 4, 5];

/** The packets of the tables that are short enough for a change to hit something. */
const seeds = readVectors()
  .filter(({ subject, bytes }) => subject === "packet" && bytes.length < 200)
  .map(({ bytes }) => bytes);

/** Random bytes behind a Fixed Header that frames them, so that decode sees them. */
const framed = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 48 }))
  .map(([first, body]) => Uint8Array.from([first, ...varint(body.length), ...body]));

/** One change: a byte set, cut out, or put in; or two packets' halves joined. */
const change = fc.record({
  kind: fc.constantFrom("set", "cut", "insert", "join"),
  at: fc.nat(200),
  value: fc.oneof(fc.nat(255), fc.constantFrom(0x00, 0x01, 0x23, 0x2b, 0x7f, 0x80, 0xff)),
  other: fc.constantFrom(...seeds),
});
type Change = { kind: string; at: number; value: number; other: Uint8Array };

const mutated = fc
  .tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([seed, changes, reframe]) => {
    const bytes = changes.reduce(applyChange, [...seed]);
    return Uint8Array.from(reframe ? reframed(bytes) : bytes);
  });

function applyChange(bytes: number[], { kind, at, value, other }: Change): number[] {
  const index = at % (bytes.length + 1);
  if (kind === "set") return bytes.toSpliced(index, 1, value);
  if (kind === "cut") return bytes.toSpliced(index, 1);
  if (kind === "insert") return bytes.toSpliced(index, 0, value);
  return [...bytes.slice(0, index), ...other.slice(index)];
}

/** Makes a one-byte Remaining Length true again: otherwise most changes of length would never come to decode. */
function reframed(bytes: number[]): number[] {
  const body = bytes.slice(2, 129);
  return [bytes[0] ?? 0, body.length, ...body];
}

/** Whether the packet was accepted. Throws where the codec traps or its encoding is not stable. */
function check(bytes: Uint8Array, level: number): boolean {
  codec.put(bytes);
  const code = core.decode(bytes.length, level);
  if (code !== 0) {
    if (code !== NEED_MORE) expect(code).toBeOneOf([0x81, 0x82, 0x84, 0x8f, 0x90]);
    return false;
  }
  expect(core.decodedLength()).toBeLessThanOrEqual(bytes.length);
  const once = codec.output(core.encode());
  codec.put(once);
  expect(core.decode(once.length, level)).toBe(0);
  expect(core.decodedLength()).toBe(once.length);
  const twice = codec.output(core.encode());
  expect(Buffer.compare(once, twice)).toBe(0);
  return true;
}

it.each([
  ["random bytes", fc.uint8Array({ maxLength: 64 }), 0],
  ["random packets", framed, 0.001],
  ["changed packets", mutated, 0.02],
] as const)("%s", (_, packets, acceptedMin) => {
  let cases = 0;
  let accepted = 0;
  const property = fc.property(packets, (bytes: Uint8Array) => {
    for (const level of LEVELS) {
      cases++;
      if (check(bytes, level)) accepted++;
    }
  });
  fc.assert(property, { numRuns: RUNS * 2 });
  // A generator that no longer makes packets which are accepted would test nothing.
  expect(accepted / cases).toBeGreaterThanOrEqual(acceptedMin);
});

it("random strings: UTF-8 and Topic Names as the platform's own decoder sees them", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const text = fc.oneof(fc.string({ maxLength: 24 }), fc.string({ unit: "binary", maxLength: 12 }));
  const pieces = fc.oneof(fc.uint8Array({ maxLength: 24 }), text.map(encodeText));
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 4 }), (parts) => {
      const bytes = Buffer.concat(parts);
      const valid = decodes(decoder, bytes) && !bytes.includes(0);
      const isName = valid && bytes.length > 0 && !bytes.includes("+") && !bytes.includes("#");
      codec.put(bytes);
      expect(core.isUtf8(bytes.length)).toBe(valid ? 1 : 0);
      expect(core.isTopicName(bytes.length)).toBe(isName ? 1 : 0);
    }),
    { numRuns: RUNS * 2 },
  );
});

it("each byte value at each place of a short and a long name", () => {
  for (const length of [1, 3, 4, 7, 8, 13]) {
    for (let at = 0; at < length; at++) {
      for (let value = 0; value < 256; value++) {
        codec.put(Buffer.alloc(length, "a").fill(value, at, at + 1));
        const plain = value !== 0 && value < 0x80;
        expect(core.isUtf8(length), `${value} at ${at}`).toBe(plain ? 1 : 0);
        expect(core.isTopicName(length), `${value} at ${at}`).toBe(plain && value !== 0x2b && value !== 0x23 ? 1 : 0);
      }
    }
  }
});

function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decodes(decoder: TextDecoder, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

it("random filters and names: the match as a regular expression sees it", () => {
  const level = fc.constantFrom("", "a", "b", "ab", "$a");
  const names = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
  const filters = fc
    .tuple(fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }), fc.boolean())
    .map(([levels, multi]) => [...levels, ...(multi || levels.length === 0 ? ["#"] : [])].join("/"));
  let matched = 0;
  fc.assert(
    fc.property(filters, names, (filter, name) => {
      fc.pre(filter !== "" && name !== "");
      codec.put(encodeText(filter + name));
      const expected = matchesByRegExp(filter, name);
      if (expected) matched++;
      expect(core.matches(filter.length, name.length), `${filter} ${name}`).toBe(expected ? 1 : 0);
    }),
    { numRuns: RUNS * 2 },
  );
  expect(matched).toBeGreaterThan(RUNS / 20);
});

function matchesByRegExp(filter: string, name: string): boolean {
  if (name.startsWith("$") && /^[+#]/.test(filter)) return false;
  const source = filter.replaceAll("$", "\\$").replaceAll("+", "[^/]*").replace(/\/#$/, "(/.*)?").replace(/^#$/, ".*");
  return new RegExp(`^${source}$`).test(name);
}
