// What the vectors cannot show, as encoding is verbatim: the values that decode leaves behind (properties, Topic Alias,
// filters one by one), the property writers, and the tables of who may send what.
import { beforeEach, describe, expect, it } from "vitest";
import { loadCodec } from "./codec.ts";
import { parseBytes, readVectors } from "./vectors.ts";

const codec = loadCodec();
const { core } = codec;

function decode(packet: string, level = 5): number {
  const bytes = parseBytes(packet);
  codec.put(bytes);
  return core.decode(bytes.length, level);
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

describe("properties", () => {
  const LIST =
    '30 [ "t" [ 01 01 02 0000003c 03 "type" 08 "r/t" 09 "\\x00\\xff" 0b 05 0b 8001 23 1234 26 "k" "v" 26 "x" "y" ] ]';
  beforeEach(() => expect(decode(LIST)).toBe(0));

  it.each([
    [0x01, 1],
    [0x02, 60],
    [0x0b, 5],
    [0x23, 0x1234],
  ])("number of %i", (identifier, value) => {
    expect(core.propertyPresent(identifier)).toBe(1);
    expect(core.propertyNumber(identifier)).toBe(value);
  });

  it.each([
    [0x03, "type"],
    [0x08, "r/t"],
    [0x09, "\x00\xff"],
    [0x26, "k"],
  ])("bytes of %i", (identifier, value) => {
    expect(core.propertyPresent(identifier)).toBe(1);
    expect(text(codec.input(core.propertyOffset(identifier), core.propertyBytes(identifier)))).toBe(value);
  });

  it.each([0x11, 0x1f, 0x24, 0x2a])("%i is absent", (identifier) => {
    expect(core.propertyPresent(identifier)).toBe(0);
    expect(core.propertyNumber(identifier)).toBe(0);
    expect(core.propertyBytes(identifier)).toBe(0);
  });

  it.each([
    ['30 [ "t" [] ]', 5],
    ['32 [ "t" 0001 [ 26 "k" "v" ] ]', 5],
    ['30 [ "t" ]', 4],
    ["40 [ 0001 ]", 5],
    ["40 [ 0001 80 ]", 5],
    ["e0 00", 5],
    ["e0 [ 04 ]", 5],
    ["f0 00", 5],
    ['82 [ 0001 "a" 00 ]', 4],
    ['10 [ "MQTT" 04 02 003c "a" ]', 0],
  ])("%s at level %i forgets those of the packet before", (packet, level) => {
    expect(decode(packet, level)).toBe(0);
    expect(core.propertyPresent(0x23)).toBe(0);
    expect(core.propertyPresent(0x02)).toBe(0);
  });

  it("of the Will are apart from those of CONNECT", () => {
    const lists = '[ 11 0000000a 26 "own" "1" ] "a" [ 18 00000005 03 "type" 26 "will" "2" ]';
    expect(decode(`10 [ "MQTT" 05 06 003c ${lists} "w" "m" ]`, 0)).toBe(0);
    expect(core.connectLevel()).toBe(5);
    expect([core.propertyNumber(0x11), core.propertyPresent(0x18)]).toEqual([10, 0]);
    expect([core.willPropertyNumber(0x18), core.willPropertyPresent(0x11)]).toEqual([5, 0]);
    expect(text(codec.input(core.propertyOffset(0x26), core.propertyBytes(0x26)))).toBe("own");
    expect(text(codec.input(core.willPropertyOffset(0x26), core.willPropertyBytes(0x26)))).toBe("will");
    expect(text(codec.input(core.willPropertyOffset(0x03), core.willPropertyBytes(0x03)))).toBe("type");
  });
});

describe("the property iterator and the property writers", () => {
  const packets = readVectors().filter(({ at, result }) => at.startsWith("property.vec") && result === "ok");
  it("write every list of property.vec as it was read", () => {
    for (const { bytes, level, at } of packets.filter(({ bytes }) => bytes[0] !== 0x10)) {
      codec.put(bytes);
      expect(core.decode(bytes.length, level)).toBe(0);
      const list = text(codec.output(core.rewriteProperties()));
      expect(list.length, at).toBeGreaterThan(1);
      expect(text(bytes), at).toContain(list);
    }
  });

  it("end where the list ends", () => {
    expect(decode('30 [ "t" [ 0b 05 26 "k" "v" 0b 8001 ] 26 ]')).toBe(0);
    expect(text(codec.output(core.rewriteProperties()))).toBe(text(parseBytes('0b 05 26 "k" "v" 0b 8001')));
  });
});

describe("PUBLISH", () => {
  it.each([
    ['30 [ "t" [] ]', 5, 0, -1n],
    ['30 [ "t" [ 23 0001 ] ]', 5, 1, -1n],
    ['30 [ "t" [ 23 ffff 02 00000000 ] ]', 5, 65535, 0n],
    ['30 [ "t" [ 02 ffffffff ] ]', 5, 0, 4294967295n],
    ['30 [ "t" 23 ]', 4, 0, -1n],
  ])("%s at level %i has Topic Alias %i, Message Expiry Interval %i", (packet, level, alias, expirySec) => {
    decode('30 [ "t" [ 23 0007 02 00000007 ] ]');
    expect(decode(packet, level)).toBe(0);
    expect(core.publishTopicAlias()).toBe(alias);
    expect(core.publishExpirySec()).toBe(expirySec);
  });

  it.each([
    [0, 0, 4, '30 [ "a/b" "x" ]'],
    [1, 0, 5, '31 [ "a/b" [] "x" ]'],
    [10, 7, 4, '3a [ "a/b" 0007 "x" ]'],
    [4, 65535, 5, '34 [ "a/b" ffff [] "x" ]'],
  ])("header with flags %i, Packet Identifier %i, level %i", (flags, packetId, level, expected) => {
    codec.put(parseBytes("'a/b' \"x\""));
    expect(text(codec.output(core.encodePublishOf(3, 3, flags, packetId, level)))).toBe(text(parseBytes(expected)));
  });
});

it.each([
  [4, "40 02 1234"],
  [5, "50 02 1234"],
  [6, "62 02 1234"],
  [7, "70 02 1234"],
])("the short acknowledgement of type %i", (type, expected) => {
  expect(text(codec.output(core.encodeAckOf(type, 0x1234)))).toBe(text(parseBytes(expected)));
});

describe("filters", () => {
  it.each([
    ['82 [ 0001 [] "a" 00 "b/#" 2e "$share/g/+" 01 ]', 5, ["a\x00", "b/#\x2e", "$share/g/+\x01"]],
    ['82 [ 0001 "a" 02 ]', 4, ["a\x02"]],
    ['a2 [ 0001 [] "a" "b/#" ]', 5, ["a", "b/#"]],
    ['a2 [ 0001 "+" ]', 4, ["+"]],
  ])("of %s", (packet, level, filters) => {
    expect(decode(packet, level)).toBe(0);
    expect(core.filterCount()).toBe(filters.length);
    expect(filters.map(() => text(codec.output(core.nextFilter())))).toEqual(filters);
    expect(core.nextFilter()).toBe(0);
  });

  it.each([
    ["$share/g/a", 9],
    ["$share/g//", 9],
    ["$share/g/", 0],
    ["$share/g", 0],
    ["$share//a", 0],
    ["$shar/g/a", 0],
    ["a", 0],
  ])("%s: the filter behind the Share Name begins at %i", (filter, start) => {
    codec.put(parseBytes(`'${filter}'`));
    expect(core.sharedStart(filter.length)).toBe(start);
  });

  it.each([
    ["a", 1],
    ["/", 2],
    ["a/b/c", 3],
    ["//", 3],
  ])("%s has %i levels", (name, levels) => {
    codec.put(parseBytes(`'${name}'`));
    expect(core.levelsOf(name.length)).toBe(levels);
  });
});

describe("who may send a packet: bit 0 the client, bit 1 the server", () => {
  // In the order of the types: none, CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK,
  // UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH.
  const TABLE_3 = [0, 1, 2, 3, 3, 3, 3, 3, 1, 2, 1, 2, 1, 2, 1, 0];
  const TABLE_5 = [0, 1, 2, 3, 3, 3, 3, 3, 1, 2, 1, 2, 1, 2, 3, 3];
  it.each([
    [3, TABLE_3],
    [4, TABLE_3],
    [5, TABLE_5],
  ])("level %i", (level, table) => {
    expect(table.map((_, type) => core.sentBy(type, level))).toEqual(table);
  });
});

describe("of all 256 Reason Codes, decode takes those that have a row", () => {
  const rows = readVectors().filter(
    ({ result, level }) => level === 5 && (result === "ok" || result === "decode-only"),
  );
  const listed = new Set(rows.map(({ bytes }) => text(bytes)));
  it.each([
    ["CONNACK", "20 [ 00 ? [] ]"],
    ["PUBACK", "40 [ 0001 ? ]"],
    ["PUBREC", "50 [ 0001 ? ]"],
    ["PUBREL", "62 [ 0001 ? ]"],
    ["PUBCOMP", "70 [ 0001 ? ]"],
    ["SUBACK", "90 [ 0001 [] ? ]"],
    ["UNSUBACK", "b0 [ 0001 [] ? ]"],
    ["DISCONNECT", "e0 [ ? ]"],
  ])("%s", (_, packet) => {
    const packets = Array.from({ length: 256 }, (_, code) => packet.replace("?", code.toString(16).padStart(2, "0")));
    const taken = packets.filter((one) => decode(one) === 0);
    expect(taken).toEqual(packets.filter((one) => listed.has(text(parseBytes(one)))));
  });
});

describe("the level that a refused CONNECT leaves behind", () => {
  it.each([
    ['10 [ "MQTT" 06 02 003c "a" ]', 6],
    ['10 [ "MQTT" 03 02 003c "a" ]', 3],
    ['10 [ "MQIsdp" 04 02 003c "a" ]', 4],
    ['10 [ "MQTX" 04 02 003c "a" ]', 0],
  ])("%s", (packet, level) => {
    expect(decode(packet, 0)).toBe(0x84);
    expect(core.connectLevel()).toBe(level);
  });
});
