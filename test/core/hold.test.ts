// What a hostile client could make the broker keep or do without end: each case ends at a limit, and the broker lives.

import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, Core } from "../../host/core.ts";
import { parseBytes, varint } from "./vectors.ts";

const HEAP_MAX = 4 << 20;

/** Bytes, or the notation of the vectors for them. */
type Part = string | Uint8Array;

/** What `[ ]` is in the notation: the parts behind their length. */
function counted(...parts: Part[]): Buffer {
  const bytes = Buffer.concat(parts.map((part) => (typeof part === "string" ? parseBytes(part) : part)));
  return Buffer.concat([Uint8Array.from(varint(bytes.length)), bytes]);
}

function start(options: [option: number, value: number][] = []) {
  const core = new Core<BrokerExports>("broker", 65_536, 1);
  core.exports.handleTime(0);
  core.exports.setOption(abi.OPTION_SYS_INTERVAL_SEC, 0);
  for (const [option, value] of options) core.exports.setOption(option, value);
  const drain = () => {
    const sent: Buffer[] = [];
    core.drainSends((_, bytes) => sent.push(bytes));
    const events = core.drainEvents();
    return { sent: Buffer.concat(sent), events };
  };
  const connect = (clientId: string, flags = "00") => {
    const connection = core.exports.open() >>> 0;
    core.handleBytes(connection, parseBytes(`10 [ "MQTT" 04 ${flags} 0000 "${clientId}" ]`));
    return connection;
  };
  const connect5 = (clientId: string, flags = "02", properties: Part = "[]", will: Part = "") => {
    const connection = core.exports.open() >>> 0;
    const body = counted(`"MQTT" 05 ${flags} 0000`, properties, `"${clientId}"`, will);
    core.handleBytes(connection, Buffer.concat([Uint8Array.of(0x10), body]));
    return connection;
  };
  return { core, drain, connect, connect5 };
}

describe("the heap limit", () => {
  it("refuses Sessions with long names, and frees them with their clients", () => {
    const { core, drain, connect } = start([[abi.OPTION_HEAP_MAX, HEAP_MAX]]);
    let refused = 0;
    for (let count = 0; count < 200; count++) {
      const connection = connect(`${count}${"x".repeat(60_000)}`);
      refused += Number(drain().sent[3] === 3);
      core.exports.handleClosed(connection);
    }
    expect(refused).toBeGreaterThan(100);
    expect(core.exports.heapInUse()).toBeLessThan(HEAP_MAX + 200_000);
  });

  it("keeps no retained message whose Topic Names cost more than they carry", () => {
    const { core, drain, connect } = start([[abi.OPTION_HEAP_MAX, HEAP_MAX]]);
    const connection = connect("a", "02");
    for (let count = 0; count < 3_000; count++) {
      core.handleBytes(connection, parseBytes(`31 [ "${count}${"/".repeat(127)}" 'x' ]`));
      drain();
    }
    expect(core.exports.heapInUse()).toBeLessThan(HEAP_MAX + 200_000);
  });

  it("stops the queues of many absent Sessions, however small each is", () => {
    const { core, drain, connect } = start([[abi.OPTION_HEAP_MAX, HEAP_MAX]]);
    for (let count = 0; count < 200; count++) {
      const connection = connect(`away${count}`);
      core.handleBytes(connection, parseBytes('82 [ 0001 "a" 01 ] e0 00'));
      drain();
    }
    const publisher = connect("publisher", "02");
    for (let count = 0; count < 20_000; count++) core.handleBytes(publisher, parseBytes('32 [ "a" 0001 ]'));
    drain();
    expect(core.exports.heapInUse()).toBeLessThan(2 * HEAP_MAX);
  });
});

describe("one packet", () => {
  it("cannot be reported without end", () => {
    const { core, drain, connect } = start([[abi.OPTION_EVENTS, 1 << abi.EVENT_SUBSCRIBED]]);
    const connection = connect("x".repeat(60_000), "02");
    drain();
    core.handleBytes(connection, parseBytes(`82 [ 0001 ${'"a" 00 '.repeat(5_000)}]`));
    expect(core.exports.heapInUse()).toBeLessThan(40 << 20);
    const { sent, events } = drain();
    expect(sent.length).toBeGreaterThan(5_000);
    expect(events.length).toBeLessThan(5_000);
  });

  it("cannot walk over the retained topics without end", () => {
    const { core, drain, connect } = start([[abi.OPTION_RETAINED_VISITS_MAX, 1_000]]);
    const connection = connect("a", "02");
    for (let count = 0; count < 500; count++) core.handleBytes(connection, parseBytes(`31 [ "t/${count}" 'x' ]`));
    drain();
    core.handleBytes(connection, parseBytes('82 [ 0001 "t/+" 00 "t/+" 00 "t/+" 00 ]'));
    const publishes = drain().sent.toString("latin1").split("t/").length - 1;
    // The first filter finds all, the second those that the rest of the visits allow, the third none.
    expect(publishes).toBeGreaterThan(500);
    expect(publishes).toBeLessThan(1_000);
  });
});

describe("commands of the host", () => {
  it("are checked like those of a client", () => {
    const { core } = start();
    core.writeArgument(Buffer.from("a/b/c"));
    expect(core.exports.publish(5, 0, 0xffff_ffff, 0)).toBe(abi.BAD_ARGUMENT);
    core.writeArgument(Buffer.alloc(1_000, "/"));
    expect(core.exports.publish(1_000, 0, 0, 0)).toBe(abi.BAD_TOPIC);
    core.writeArgument(Buffer.alloc(17 << 20, "a"));
    expect(core.exports.publish(1, 0, (17 << 20) - 1, 0)).toBe(abi.TOO_LARGE);
    expect(core.exports.publish(1, 0, 0, 6)).toBe(abi.BAD_ARGUMENT);
  });
});

describe("what 5.0 lets a client leave behind", () => {
  const EXTRA = 200_000;
  /** A string of 60,000 characters. */
  const LONG = parseBytes("ea60 78*60000");

  it("Topic Aliases count as unfinished input", () => {
    const { core, drain, connect5 } = start([[abi.OPTION_INPUT_WAITING_MAX, HEAP_MAX]]);
    const reasons: number[] = [];
    for (let count = 0; count < 20; count++) {
      const connection = connect5(`${count}`);
      for (let alias = 1; alias <= 16; alias++) {
        const body = counted(LONG, counted("23 00", Uint8Array.of(alias)));
        core.handleBytes(connection, Buffer.concat([Uint8Array.of(0x30), body]));
      }
      reasons.push(...drain().events.map(({ code }) => code));
    }
    expect(new Set(reasons)).toEqual(new Set([abi.CLOSE_LIMIT]));
    expect(core.exports.heapInUse()).toBeLessThan(HEAP_MAX + EXTRA);
  });

  it("Wills that wait count as kept, also those of Sessions that were there before", () => {
    const { core, drain, connect5 } = start([[abi.OPTION_HEAP_MAX, HEAP_MAX]]);
    const will = Buffer.concat([parseBytes('[ 18 ffffffff ] "w"'), LONG]);
    for (const flags of ["00", "04"]) {
      for (let count = 0; count < 200; count++) {
        const connection = connect5(`${count}`, flags, "[ 11 ffffffff ]", flags === "04" ? will : "");
        drain();
        core.exports.handleClosed(connection);
      }
    }
    expect(core.exports.heapInUse()).toBeGreaterThan(HEAP_MAX);
    expect(core.exports.heapInUse()).toBeLessThan(HEAP_MAX + EXTRA);
  });

  it("a Will has properties of 64 KiB at the most", () => {
    const { drain, connect5 } = start();
    const item = Buffer.concat([parseBytes('26 "k"'), LONG]);
    const codes = [[item], [item, item]].map((properties) => {
      connect5("a", "06", "[]", Buffer.concat([counted(...properties), parseBytes('"w" "x"')]));
      return drain().sent[3];
    });
    expect(codes).toEqual([0, 0x97]);
  });

  it("properties count as what they belong to", () => {
    const { core, drain, connect5 } = start([
      [abi.OPTION_SESSION_QUEUE_BYTES_MAX, HEAP_MAX / 4],
      [abi.OPTION_RETAINED_BYTES_MAX, HEAP_MAX / 4],
    ]);
    const away = connect5("away", "00", "[ 11 ffffffff ]");
    core.handleBytes(away, parseBytes('82 [ 0001 [] "#" 01 ]'));
    core.exports.handleClosed(away);
    const publisher = connect5("publisher");
    for (let count = 0; count < 100; count++) {
      const body = counted(`"t/${count}" 0001`, counted('26 "k"', LONG), "'x'");
      core.handleBytes(publisher, Buffer.concat([Uint8Array.of(0x33), body]));
      drain();
    }
    expect(core.exports.heapInUse()).toBeGreaterThan(HEAP_MAX / 8);
    expect(core.exports.heapInUse()).toBeLessThan(HEAP_MAX / 2 + EXTRA);
  });

  it("a CONNECT about which the host thinks counts as unfinished input", () => {
    const { core, drain, connect5 } = start([
      [abi.OPTION_INPUT_WAITING_MAX, HEAP_MAX],
      [abi.OPTION_AUTHENTICATE, abi.AUTHENTICATE_WITH_PASSWORD],
    ]);
    for (let count = 0; count < 200; count++) {
      connect5(`${count}`, "00", counted('26 "k"', LONG));
      drain();
    }
    expect(core.exports.heapInUse()).toBeLessThan(HEAP_MAX + EXTRA);
  });
});

describe("what one client can make work for the others", () => {
  it("is a bounded look through a group whose members are away", () => {
    const { core, drain, connect5 } = start();
    for (let count = 0; count < 1_500; count++) {
      const member = connect5(`${count}`, "00", "[ 11 ffffffff ]");
      core.handleBytes(member, parseBytes('82 [ 0001 [] "$share/g/t" 00 ]'));
      core.exports.handleClosed(member);
    }
    const last = connect5("last");
    core.handleBytes(last, parseBytes('82 [ 0001 [] "$share/g/t" 00 ]'));
    const publisher = connect5("publisher");
    drain();
    const publish = () => {
      core.handleBytes(publisher, parseBytes('30 [ "t" [] "x" ]'));
      return drain().sent.length;
    };
    // The first one is given up before the one who is there is found; the next begins where that ended.
    expect(publish()).toBe(0);
    expect(publish()).toBeGreaterThan(0);
  });

  it("is no more than their number, when its Subscriptions to one topic are many", () => {
    const { core, drain, connect5 } = start();
    const subscriber = connect5("s");
    const filters: number[] = [];
    // Every way to write one of twelve levels as + or by its name.
    for (let bits = 0; bits < 4_096; bits++) {
      const levels = Array.from({ length: 12 }, (_, level) => ((bits >> level) & 1 ? "+" : "a"));
      // Any order: they come back sorted.
      const identifier = ((bits * 2_654_435_761) % 4_096) + 1;
      filters.push(identifier);
      const body = counted("0001", counted(Uint8Array.of(0x0b, ...varint(identifier))), `"${levels.join("/")}" 00`);
      core.handleBytes(subscriber, Buffer.concat([Uint8Array.of(0x82), body]));
      drain();
    }
    const publisher = connect5("p");
    drain();
    core.handleBytes(publisher, parseBytes(`30 [ "${Array(12).fill("a").join("/")}" [] 'x' ]`));
    const expected = filters.sort((a, b) => a - b).flatMap((identifier) => [0x0b, ...varint(identifier)]);
    const body = Buffer.concat([
      parseBytes(`"${Array(12).fill("a").join("/")}"`),
      counted(Uint8Array.from(expected)),
      Buffer.from("x"),
    ]);
    expect(drain().sent.equals(Buffer.concat([Uint8Array.of(0x30), counted(body)]))).toBe(true);
  });
});
