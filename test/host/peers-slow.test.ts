// Clients that do not read what is sent to them, at `midge broker`: what they cost stays within assembly/limits.ts, nobody
// else notices, and one that reads again is a client like any other. Memory is what /proc says of the process.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type BrokerPeer, startTestedBroker, stopAll } from "./peers.ts";
import {
  ControlClient,
  connectBytes,
  endPeers,
  JsPeer,
  RawConnection,
  residentBytes,
  until,
  wholePackets,
} from "./peers-more.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const FLOOD_MESSAGE = 50_000;
const FLOOD_COUNT = 4_000;
/** The queue of a Session may take 16 MiB, two outputs 8 MiB each; and twice that, as memory grows in steps. */
const FLOOD_BYTES_MAX = 100 * MIB;

/** The output 32 MiB, twice that as above, and as much again of buffers that Node has not collected yet; without the
 *  limit all 256 MiB would be kept. */
const PINGS_BYTES_MAX = 160 * MIB;

let broker: BrokerPeer;
let control: ControlClient;
let names = 0;

const online = () => RawConnection.online(broker.port, connectBytes(4, `slow${++names}`));
const brokerPid = () => broker.child.process.pid as number;

beforeAll(async () => {
  broker = await startTestedBroker();
  control = await ControlClient.start(broker.port);
});
afterAll(async () => {
  await control.served();
  await control.stop();
  await endPeers();
  const ended = await broker.child.stop();
  await stopAll();
  expect(ended).toMatchObject({ exitCode: 0, signal: null, stderr: "" });
});

test("who sends without reading the answers is closed at the output's limit", async () => {
  const before = residentBytes(brokerPid()).now;
  const connection = await online();
  connection.socket.pause();
  const pings = Buffer.alloc(MIB);
  for (let at = 0; at < pings.length; at += 2) pings.writeUInt16BE(0xc000, at);
  // Sockets on the way hold some megabytes of the answers, the output 32 MiB. What comes after that is thrown away.
  for (let sent = 0; sent < 256 && !connection.closed; sent++) {
    await new Promise((resolve) => connection.socket.write(pings, resolve));
  }
  await broker.child.printed("it did not take what was sent to it");
  expect(residentBytes(brokerPid()).most - before).toBeLessThan(PINGS_BYTES_MAX);
  connection.socket.resume();
  await connection.ended();
});

test("who never reads is bounded, and others get everything", async () => {
  const [slow, slowAndQueued] = [await online(), await online()];
  slow.send('82 [ 0001 "flood" 00 ]');
  slowAndQueued.send('82 [ 0001 "flood" 01 ]');
  await Promise.all([slow.packets(2), slowAndQueued.packets(2)]);
  slow.socket.pause();
  slowAndQueued.socket.pause();
  const reader = await JsPeer.connect(broker.port, "3.1.1", { clientId: "reader" });
  await reader.client.subscribeAsync("flood", { qos: 1 });
  const publisher = await JsPeer.connect(broker.port, "3.1.1", { clientId: "flood" });
  const before = { memory: residentBytes(brokerPid()).now, served: control.roundTrips };
  let most = 0;
  let read = 0;
  reader.client.on("message", (_, payload) => {
    expect(payload.readUInt32BE()).toBe(read++);
    reader.messages.length = 0;
  });
  // 200 MB for each of the two that do not read.
  for (let index = 0; index < FLOOD_COUNT; index++) {
    publisher.client.publish("flood", numbered(index), { qos: 1 });
    if (index % 16 !== 15) continue;
    await until(`message ${index} of the flood`, () => read > index - 8);
    most = Math.max(most, residentBytes(brokerPid()).now);
  }
  await until("the end of the flood", () => read === FLOOD_COUNT);
  expect(most - before.memory).toBeLessThan(FLOOD_BYTES_MAX);
  expect(control.roundTrips - before.served).toBeGreaterThan(10);
  // At QoS 0 the newest are lost when there is no room; at QoS 1 when the queue of the Session is full.
  const [lossy, queued] = await Promise.all([readFlood(slow), readFlood(slowAndQueued)]);
  for (const numbers of [lossy, queued]) {
    expect(numbers.length).toBeLessThan(FLOOD_COUNT);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  }
  // Both are clients like any other again.
  await publisher.client.publishAsync("flood", numbered(FLOOD_COUNT), { qos: 1 });
  for (const connection of [slow, slowAndQueued]) {
    await until("the next message", () => numbersOf(connection).at(-1) === FLOOD_COUNT);
    connection.drop();
  }
  await Promise.all([reader.end(), publisher.end()]);
});

/** A message of the flood. */
function numbered(index: number): Buffer {
  const payload = Buffer.alloc(FLOOD_MESSAGE);
  payload.writeUInt32BE(index);
  return payload;
}

/** The numbers of the messages that came. */
function numbersOf(connection: RawConnection): number[] {
  return messagesOf(connection).map((packet) => packet.readUInt32BE(packet.length - FLOOD_MESSAGE));
}

function messagesOf(connection: RawConnection): Buffer[] {
  return wholePackets(connection.received).filter((packet) => packet.readUInt8() >> 4 === 3);
}

/** Reads and acknowledges what waits for a connection, and returns the numbers. */
async function readFlood(connection: RawConnection): Promise<number[]> {
  connection.socket.resume();
  let acknowledged = 0;
  connection.socket.on("data", () => {
    for (const packet of messagesOf(connection).slice(acknowledged)) {
      acknowledged++;
      const identifier = packet.subarray(-FLOOD_MESSAGE - 2, -FLOOD_MESSAGE);
      if ((packet.readUInt8() & 6) !== 0) connection.send(Buffer.concat([Uint8Array.of(0x40, 2), identifier]));
    }
  });
  // PINGRESP comes behind what was in the output; as long as there was more, there may be more in the queue.
  for (let before = -1; before < messagesOf(connection).length; ) {
    before = messagesOf(connection).length;
    const answers = wholePackets(connection.received).length - before;
    connection.send("c000");
    await until("PINGRESP", () => wholePackets(connection.received).length - messagesOf(connection).length > answers);
  }
  return numbersOf(connection);
}
