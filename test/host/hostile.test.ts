// Bad clients at `midge broker`, over real sockets. Whatever they send, their connection ends or is bounded as
// assembly/limits.ts says, a well-behaved client is served before, during and after, and the process lives on with nothing
// on its standard error. Bytes are written in the notation of test/vectors/README.md.

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { parseBytes } from "../core/vectors.ts";
import { type BrokerPeer, startTestedBroker, stopAll } from "./peers.ts";
import {
  ControlClient,
  connectBytes,
  endPeers,
  JsPeer,
  openFiles,
  RawConnection,
  until,
  wholePackets,
} from "./peers-more.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const CONNACK = "20020000";

let broker: BrokerPeer;
let control: ControlClient;
let names = 0;
/** Opened first and looked at last: they wait for more all the time. */
let stuck: RawConnection[];

const open = () => RawConnection.open(broker.port);
const online = (level: number, clientId = `bad${++names}`) =>
  RawConnection.online(broker.port, connectBytes(level, clientId));
const brokerPid = () => broker.child.process.pid as number;

beforeAll(async () => {
  broker = await startTestedBroker();
  control = await ControlClient.start(broker.port);
  const beginnings = ["", "10", "10 ff ff", "10 20 0004 'MQT'", '10 20 "MQTT" 04'];
  stuck = await Promise.all(
    beginnings.map(async (beginning) => {
      const connection = await open();
      connection.send(beginning);
      return connection;
    }),
  );
});
// Whatever the case was: the control client gets its messages, and nothing has been complained about.
afterEach(async () => {
  await control.served();
  expect(broker.child.stderr).toBe("");
});
afterAll(async () => {
  await control.stop();
  await endPeers();
  const ended = await broker.child.stop();
  await stopAll();
  expect(ended).toMatchObject({ exitCode: 0, signal: null, stderr: "" });
});

describe("the first packet", () => {
  test.each([
    // what it is, bytes, what is answered before the connection ends
    ["HTTP", "'GET / HTTP/1.1' 0d0a 'Host: broker' 0d0a0d0a", ""],
    ["a TLS ClientHello", "16 0301 0200 01 0001fc 0303 00*32", ""],
    ["zeros", "00*4096", ""],
    ["0xff", "ff*4096", ""],
    ["text", "'hello, is anybody there?' 0a", ""],
    ["PUBLISH", "30 [ \"a\" 'x' ]", ""],
    ["SUBSCRIBE", '82 [ 0001 "#" 00 ]', ""],
    ["PINGREQ", "c000", ""],
    ["DISCONNECT", "e000", ""],
    ["CONNACK", "20020000", ""],
    ["a CONNECT with reserved flags", '11 [ "MQTT" 04 02 003c "a" ]', ""],
    ["a Remaining Length of five bytes", "10 ff ff ff ff 01", ""],
    ["a CONNECT announced as 200 MB", "10 80 80 80 64", ""],
    ["a CONNECT without a body", "10 00", ""],
    ["a CONNECT that ends in its name", "10 [ 0004 'MQ' ]", ""],
    ["a CONNECT that ends in its Client Identifier", "10 [ \"MQTT\" 04 02 003c 0005 'abc' ]", ""],
    ["a CONNECT with bytes behind its end", '10 [ "MQTT" 04 02 003c "a" 00 ]', ""],
    ["another protocol's name", '10 [ "HTTP" 04 02 003c "a" ]', ""],
    ["the reserved Connect Flag", '10 [ "MQTT" 04 03 003c "a" ]', ""],
    ["Will QoS 3", '10 [ "MQTT" 04 1e 003c "a" "w" "x" ]', ""],
    ["Will QoS without a Will", '10 [ "MQTT" 04 0a 003c "a" ]', ""],
    ["Will Retain without a Will", '10 [ "MQTT" 04 22 003c "a" ]', ""],
    ["a Will Topic with a wildcard", '10 [ "MQTT" 04 06 003c "a" "w/#" "x" ]', ""],
    ["a Will without its message", '10 [ "MQTT" 04 06 003c "a" "w" ]', ""],
    ["a password without a user name", '10 [ "MQTT" 04 42 003c "a" "p" ]', ""],
    ["a user name that is not there", '10 [ "MQTT" 04 82 003c "a" ]', ""],
    ["a Client Identifier that is not UTF-8", '10 [ "MQTT" 04 02 003c 0002 c328 ]', ""],
    ["a Client Identifier with U+0000", '10 [ "MQTT" 04 02 003c 0003 610062 ]', ""],
    ["a Client Identifier with a surrogate", '10 [ "MQTT" 04 02 003c 0003 eda080 ]', ""],
    // Refusals that have a return code of their own.
    ["level 6", '10 [ "MQTT" 06 02 003c "a" ]', "20020001"],
    ["level 0", '10 [ "MQTT" 00 02 003c "a" ]', "20020001"],
    ["MQIsdp at level 4", '10 [ "MQIsdp" 04 02 003c "a" ]', "20020001"],
    ["no Client Identifier for a Session to be kept", '10 [ "MQTT" 04 00 003c "" ]', "20020002"],
    ["3.1 without a Client Identifier", '10 [ "MQIsdp" 03 02 003c "" ]', "20020002"],
    ["3.1 with one of 24 bytes", '10 [ "MQIsdp" 03 02 003c 0018 61*24 ]', "20020002"],
  ])("%s", async (_, bytes, answer) => {
    const connection = await open();
    connection.send(bytes);
    // A packet that would be answered, were the connection still one.
    connection.send("c000");
    await connection.ended();
    expect(connection.received.toString("hex")).toBe(answer);
  });
});

describe.each([3, 4])("behind a CONNECT of level %i", (level) => {
  test.each([
    // what it is, bytes
    ["a second CONNECT", level === 3 ? '10 [ "MQIsdp" 03 02 003c "b" ]' : '10 [ "MQTT" 04 02 003c "b" ]'],
    ["PUBLISH of QoS 3", "36 [ \"a\" 0001 'x' ]"],
    ["PUBLISH with a wildcard", "30 [ \"a/#\" 'x' ]"],
    ["PUBLISH with another wildcard", "30 [ \"+\" 'x' ]"],
    ["PUBLISH without a Topic Name", "30 [ \"\" 'x' ]"],
    ["PUBLISH to U+0000", "30 [ 0003 610062 'x' ]"],
    ["PUBLISH to a name that is not UTF-8", "30 [ 0002 c328 'x' ]"],
    ["PUBLISH to a surrogate", "30 [ 0003 eda080 'x' ]"],
    ["PUBLISH to an overlong form", "30 [ 0002 c0af 'x' ]"],
    ["PUBLISH with packet identifier 0, QoS 1", "32 [ \"a\" 0000 'x' ]"],
    ["PUBLISH with packet identifier 0, QoS 2", "34 [ \"a\" 0000 'x' ]"],
    ["PUBLISH shorter than its Topic Name", "30 [ 0010 'short' ]"],
    ["PUBLISH without its packet identifier", '32 [ "a" 00 ]'],
    ["PUBLISH without a body", "30 00"],
    ["PUBLISH with too many levels", "30 [ 0100 2f*256 ]"],
    ["a Remaining Length of five bytes", "30 80 80 80 80 01"],
    ["a packet announced as 200 MB", "30 80 80 80 64"],
    ["a packet announced as the largest there is", "30 ff ff ff 7f 0001 'a'"],
    ["SUBSCRIBE with packet identifier 0", '82 [ 0000 "a" 00 ]'],
    ["SUBSCRIBE without a Topic Filter", "82 [ 0001 ]"],
    ["SUBSCRIBE without its QoS", '82 [ 0001 "a" ]'],
    ["SUBSCRIBE with QoS 3", '82 [ 0001 "a" 03 ]'],
    ["SUBSCRIBE to a#", '82 [ 0001 "a#" 00 ]'],
    ["SUBSCRIBE to #/a", '82 [ 0001 "#/a" 00 ]'],
    ["SUBSCRIBE to a+", '82 [ 0001 "a+" 00 ]'],
    ["SUBSCRIBE to nothing", '82 [ 0001 "" 00 ]'],
    ["SUBSCRIBE with a second filter that is not UTF-8", '82 [ 0001 "a" 00 0001 ff 00 ]'],
    ["SUBSCRIBE at QoS 0", '80 [ 0001 "a" 00 ]'],
    ["UNSUBSCRIBE without a Topic Filter", "a2 [ 0001 ]"],
    ["UNSUBSCRIBE with packet identifier 0", 'a2 [ 0000 "a" ]'],
    ["UNSUBSCRIBE at QoS 0", 'a0 [ 0001 "a" ]'],
    ["PUBACK of one byte", "40 01 00"],
    ["PUBACK of three bytes", "40 03 0001 00"],
    ["PUBREL at QoS 0", "60 02 0001"],
    ["PINGREQ with a body", "c0 01 00"],
    ["CONNACK", "20020000"],
    ["SUBACK", "90 03 0001 00"],
    ["UNSUBACK", "b0 02 0001"],
    ["PINGRESP", "d0 00"],
    ["packet type 0", "00 00"],
    ["packet type 15", "f0 00"],
  ])("%s", async (_, bytes) => {
    await expectNoAnswer(level, bytes);
  });
});

// 5.0 is told what was wrong before its connection ends; the Reason String beside the code is a person's.
describe("at 5.0", () => {
  test.each([
    // what it is, CONNECT, Reason Code of CONNACK
    ["a CONNECT without Property Length", '10 [ "MQTT" 05 02 003c "a" ]', 0x81],
    ["a CONNECT with a property twice", '10 [ "MQTT" 05 02 003c [ 21 0001 21 0001 ] "a" ]', 0x82],
    ["a CONNECT with a property of PUBLISH", '10 [ "MQTT" 05 02 003c [ 23 0001 ] "a" ]', 0x81],
    ["a Will Topic with a wildcard", '10 [ "MQTT" 05 06 003c [] "a" [] "w/#" "x" ]', 0x90],
    ["a method that nobody offers", '10 [ "MQTT" 05 02 003c [ 15 "none" ] "a" ]', 0x8c],
  ])("%s", async (_, bytes, code) => {
    const connection = await open();
    connection.send(bytes);
    connection.send("c000");
    await connection.ended();
    const packets = wholePackets(connection.received);
    expect(packets.map(([first, , , reasonCode]) => [first, reasonCode])).toEqual([[0x20, code]]);
  });

  test.each([
    // what it is, bytes, Reason Code of DISCONNECT
    ["a second CONNECT", '10 [ "MQTT" 05 02 003c [] "b" ]', 0x82],
    ["PUBLISH of QoS 3", "36 [ \"a\" 0001 [] 'x' ]", 0x81],
    ["PUBLISH with a wildcard", "30 [ \"a/#\" [] 'x' ]", 0x90],
    ["PUBLISH without Topic Name and Topic Alias", "30 [ \"\" [] 'x' ]", 0x82],
    ["PUBLISH with a Topic Alias that was not set", "30 [ \"\" [ 23 0001 ] 'x' ]", 0x82],
    ["PUBLISH with a Topic Alias over the maximum", "30 [ \"a\" [ 23 ffff ] 'x' ]", 0x94],
    ["PUBLISH with a Subscription Identifier", "30 [ \"a\" [ 0b 01 ] 'x' ]", 0x82],
    ["PUBLISH with properties longer than itself", '30 [ "a" 7f 01 ]', 0x81],
    ["SUBSCRIBE to nothing but a ShareName", '82 [ 0001 [] "$share/a" 00 ]', 0x8f],
    ["SUBSCRIBE with No Local to a group", '82 [ 0001 [] "$share/a/b" 04 ]', 0x82],
    ["SUBSCRIBE with reserved options", '82 [ 0001 [] "a" 40 ]', 0x81],
    ["AUTH without a method in CONNECT", 'f0 [ 18 [ 15 "m" ] ]', 0x82],
    ["a Session Expiry Interval where there was none", "e0 [ 00 [ 11 00000001 ] ]", 0x82],
    ["a packet announced as 200 MB", "30 80 80 80 64", 0x95],
    ["packet type 0", "00 00", 0x81],
  ])("behind a CONNECT, %s", async (_, bytes, code) => {
    const connection = await RawConnection.online(broker.port, parseBytes('10 [ "MQTT" 05 02 003c [] "bad5" ]'));
    connection.send(bytes);
    connection.send("c000");
    await connection.ended();
    const packets = wholePackets(connection.received).slice(1);
    expect(packets.map(([first, , reasonCode]) => [first, reasonCode])).toEqual([[0xe0, code]]);
  });
});

describe("flags that 3.1.1 reserves", () => {
  test.each([
    ["PUBLISH of QoS 0 with DUP", "38 [ \"a\" 'x' ]"],
    ["PUBACK", "41 02 0001"],
    ["PUBREC", "52 02 0001"],
    ["PUBREL with DUP", "6a 02 0001"],
    ["PUBCOMP", "78 02 0001"],
    ["SUBSCRIBE with DUP", '8a [ 0001 "a" 00 ]'],
    ["SUBSCRIBE, upper bits of the QoS", '82 [ 0001 "a" 80 ]'],
    ["UNSUBSCRIBE", 'a3 [ 0001 "a" ]'],
    ["PINGREQ", "c1 00"],
    ["DISCONNECT", "e1 00"],
  ])("%s", async (_, bytes) => {
    await expectNoAnswer(4, bytes);
  });
});

/** A connection of its own for `bytes`, which end it without an answer, even to what is sent behind them. */
async function expectNoAnswer(level: number, bytes: string): Promise<void> {
  const connection = await online(level);
  connection.send(bytes);
  connection.send("c000");
  await connection.ended();
  expect(connection.received.toString("hex")).toBe(CONNACK);
}

/** A whole visit: CONNECT with a Will and a user name, then each packet there is. Every answer is known. */
function conversation(level: number, clientId: string): { bytes: Uint8Array; connectLength: number; answers: string } {
  const connect = connectBytes(level, clientId, "c6", "003c", `"wills/${level}" "${clientId}" "user" "password"`);
  const rest = [
    `82 [ 0001 "visit/${clientId}" 01 ]`,
    `34 [ "visit/${clientId}" 0002 'exactly once' ]`,
    "62 02 0002",
    "40 02 0001",
    `a2 [ 0003 "visit/${clientId}" ]`,
    `30 [ "visit/${clientId}" 'at most once' ]`,
    "c0 00",
    "e0 00",
  ];
  const bytes = Buffer.concat([connect, ...rest.map((packet) => Buffer.from(parseBytes(packet)))]);
  const name = Buffer.from(`visit/${clientId}`).toString("hex");
  const message = `32${(name.length / 2 + 16).toString(16)}00${(name.length / 2).toString(16).padStart(2, "0")}${name}0001`;
  const answers = [
    CONNACK,
    "9003000101",
    `${message}${Buffer.from("exactly once").toString("hex")}`,
    "50020002",
    "70020002",
    "b0020003",
    "d000",
  ].join("");
  return { bytes, connectLength: connect.length, answers };
}

describe.each([3, 4])("a conversation at level %i", (level) => {
  test("cut at every byte ends every time, with a Will between CONNECT and DISCONNECT", async () => {
    const { bytes, connectLength } = conversation(level, "000");
    const witness = await JsPeer.connect(broker.port, "3.1.1", { clientId: `witness${level}` });
    await witness.client.subscribeAsync(`wills/${level}`, { qos: 1 });
    const cuts = Array.from({ length: bytes.length + 1 }, (_, cut) => String(cut).padStart(3, "0"));
    await inBatches(cuts, 20, async (cut) => {
      const connection = await open();
      connection.send(conversation(level, cut).bytes.subarray(0, Number(cut)));
      // The whole one ends by itself; FIN behind it must do no harm either.
      connection.socket.end();
      await connection.ended();
    });
    const expected = cuts.filter((cut) => Number(cut) >= connectLength && Number(cut) < bytes.length);
    await witness.received(expected.length);
    await witness.client.publishAsync(`wills/${level}`, "end", { qos: 1 });
    await witness.received(expected.length + 1);
    const wills = witness.messages.map(({ payload }) => payload.toString());
    expect(wills.slice(0, -1).sort()).toEqual(expected);
    await witness.end();
  });

  test.each([0x01, 0x80, 0xff])("with one byte changed by %i, wherever that is", async (change) => {
    const { length } = conversation(level, "000").bytes;
    const places = Array.from({ length }, (_, place) => place);
    await inBatches(places, 20, async (place) => {
      const bytes = Uint8Array.from(conversation(level, String(place).padStart(3, "0")).bytes);
      bytes[place] = (bytes[place] as number) ^ change;
      const connection = await open();
      connection.send(bytes);
      // Some of these are good packets still, or the beginning of a longer one.
      connection.socket.end();
      await connection.ended();
    });
  });

  test("a byte at a time, by thirty at once, is answered like any other", async () => {
    const clients = Array.from({ length: 30 }, (_, index) => `slow${level}${index}`);
    await Promise.all(
      clients.map(async (clientId) => {
        const { bytes, answers } = conversation(level, clientId);
        const connection = await open();
        for (const byte of bytes) {
          connection.send(Uint8Array.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
        await connection.ended();
        // The message may go out before or after the answers to what came with it.
        expect(sorted(connection.received)).toEqual(sorted(Buffer.from(answers, "hex")));
      }),
    );
  });
});

test("500 connections opened and dropped leave nothing behind", async () => {
  const filesBefore = openFiles(brokerPid());
  const ways: ((connection: RawConnection, index: number) => void)[] = [
    (connection) => connection.drop(),
    (connection) => connection.socket.end(),
    (connection, index) => {
      connection.send(connectBytes(4, `drop${index}`, "00"));
      connection.drop();
    },
    (connection, index) => {
      connection.send(connectBytes(3, `drop${index}`));
      connection.send('82 [ 0001 "#" 02 ]');
      connection.socket.destroySoon();
    },
    (connection) => {
      connection.send("10 ff ff 03 'the beginning of a packet that never comes'");
      connection.drop();
    },
  ];
  const all = Array.from({ length: 500 }, (_, index) => index);
  await inBatches(all, 100, async (index) => {
    const connection = await open();
    ways[index % ways.length]?.(connection, index);
    await connection.ended();
  });
  await until("the broker has closed them", () => openFiles(brokerPid()) <= filesBefore);
});

test("connections that never finish their CONNECT are closed", async () => {
  // 30 seconds after they were opened, OPTION_CONNECT_TIMEOUT_MS; most of that has gone by.
  await Promise.all(stuck.map((connection) => connection.ended(45_000)));
  for (const connection of stuck) expect(connection.received).toHaveLength(0);
});

/** Whole packets in hexadecimal, in an order of their own. */
function sorted(bytes: Buffer): string[] {
  return wholePackets(bytes)
    .map((packet) => packet.toString("hex"))
    .sort();
}

/** Runs `task` for each item, `size` of them at once. */
async function inBatches<Item>(items: Item[], size: number, task: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(task));
}
