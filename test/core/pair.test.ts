// Broker and client modules back to back, over links that fail all the time: at QoS 1 every message arrives, at QoS 2 every
// message arrives once, and in order, whatever is cut when. And Packet Identifiers, which are worth a test only when there
// are more messages than identifiers.
import { expect, it, vi } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, Core, type CoreEvent } from "../../host/core.ts";
import { type Client, World } from "./flow-world.ts";
import { parseBytes } from "./vectors.ts";

// A busy machine may take many times what this takes alone.
vi.setConfig({ testTimeout: 120_000 });

const MESSAGES = 500;
// Three of them are long enough for a Topic Alias.
const TOPICS = ["a", "long/b", "long/c", "long/d"];
const CUTS_MIN = 200;
const HOUR_MS = 3_600_000;

const OPTIONS = {
  [abi.OPTION_CLEAN_SESSION]: 0,
  [abi.OPTION_KEEP_ALIVE_SEC]: 2,
  [abi.OPTION_RECONNECT_MIN_MS]: 10,
  [abi.OPTION_RECONNECT_MAX_MS]: 100,
  [abi.OPTION_CONNECT_TIMEOUT_MS]: 1_000,
};

/** For 5.0: the Session never expires; windows and Topic Aliases are few, so that they run out. */
const CONNECT_PROPERTIES = parseBytes("11 ffffffff 21 0003 22 0002");

function publish(client: Client, topic: string, payload: Buffer, qos: number): number {
  client.core.writeArgument(Buffer.from(topic), payload);
  return client.core.exports.publish(topic.length, 0, payload.length, qos << abi.PUBLISH_QOS_SHIFT);
}

function subscribe(client: Client, topicFilter: string, qos: number): void {
  client.core.writeArgument(Buffer.from(topicFilter));
  client.core.exports.subscribe(topicFilter.length, 0, qos);
}

/** Message `number`: its number, then some bytes that follow from it. */
function payloadOf(number: number): Buffer {
  return Buffer.from(`${number}:${"x".repeat((number * number) % 3_000)}`);
}

interface Outcome {
  world: World;
  /** Numbers of the messages as the subscriber got them, by topic. */
  received: Map<string, number[]>;
  /** How often each published message was completed. */
  completed: number[];
}

/** A publisher and a subscriber, both with durable Sessions, and links that are cut until all is delivered. */
function play(seed: number, qos: number, level: number): Outcome {
  const world = new World(seed);
  world.broker.exports.setOption(abi.OPTION_TOPIC_ALIAS_MAX, 2);
  world.broker.exports.setOption(abi.OPTION_RECEIVE_MAX, 3);
  world.broker.exports.setOption(abi.OPTION_INFLIGHT_MAX, 1 + world.random(20));
  world.broker.exports.setOption(abi.OPTION_RETRY_SEC, 1);
  const received = new Map<string, number[]>(TOPICS.map((topic) => [topic, []]));
  const tokens = new Map<number, number>();
  const completed = new Array<number>(MESSAGES).fill(0);
  const options = { ...OPTIONS, [abi.OPTION_PROTOCOL_LEVEL]: level, [abi.OPTION_RETRY_SEC]: 1 };
  let isSubscribed = false;
  const subscriber = world.addClient("subscriber", options, (event) => {
    if (event.kind === abi.EVENT_COMPLETED) isSubscribed = true;
    if (event.kind === abi.EVENT_MESSAGE) receive(received, event);
  });
  const publisher = world.addClient("publisher", { ...options, [abi.OPTION_INFLIGHT_MAX]: 10 }, (event) => {
    if (event.kind !== abi.EVENT_COMPLETED) return;
    expect(event.code).toBe(abi.COMPLETED_OK);
    const number = tokens.get(event.detail) ?? -1;
    completed[number] = (completed[number] ?? 0) + 1;
  });
  if (level === 5) {
    for (const { core } of [subscriber, publisher]) core.setText(abi.TEXT_CONNECT_PROPERTIES, CONNECT_PROPERTIES);
  }
  subscriber.core.exports.connect();
  publisher.core.exports.connect();
  subscribe(subscriber, "#", qos);
  world.run(HOUR_MS, () => isSubscribed);
  let number = 0;
  const publishNext = () => {
    const payload = payloadOf(number);
    tokens.set(publish(publisher, TOPICS[world.random(TOPICS.length)] ?? "", payload, qos), number);
    number++;
    if (number < MESSAGES) world.after(world.random(100), publishNext);
  };
  publishNext();
  const cutNext = () => {
    world.cut(world.random(2) === 0 ? subscriber : publisher, world.random(8) === 0);
    world.after(world.random(150), cutNext);
  };
  cutNext();
  const arrived = () => new Set([...received.values()].flat()).size;
  world.run(HOUR_MS, () => world.cuts >= CUTS_MIN && arrived() === MESSAGES && completed.every((times) => times > 0));
  // What comes late must be no second copy.
  world.run(world.nowMs + 60_000, () => false);
  return { world, received, completed };
}

function receive(received: Map<string, number[]>, { a, b }: CoreEvent): void {
  const number = Number.parseInt(b.toString("latin1"), 10);
  expect(b.equals(payloadOf(number)), `payload of message ${number}`).toBe(true);
  received.get(a.toString())?.push(number);
}

const ascending = (numbers: number[]) => [...numbers].sort((one, other) => one - other);
const SEEDS = [1, 2, 3, 4, 5, 6];
const LEVELS: [string, number][] = [
  ["5.0", 5],
  ["3.1.1", 4],
  ["3.1", 3],
];
const runs = LEVELS.flatMap(([version, level]) => SEEDS.map((seed) => ({ seed, version, level })));

// [MQTT-4.3.2-1] [MQTT-4.3.2-4] [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.4-7] [MQTT-3.3.4-9]
// [v3.1.1 MQTT-4.3.2-1] [v3.1.1 MQTT-4.3.2-2] [v3.1.1 MQTT-4.4.0-1] [v3.1.1 MQTT-4.6.0-1] [v3.1.1 MQTT-4.6.0-6]
it.each(runs)("QoS 1 over failing links: at least once, in order: $version, seed $seed", ({ seed, level }) => {
  const { world, received, completed } = play(seed, 1, level);
  expect(world.cuts).toBeGreaterThanOrEqual(CUTS_MIN);
  const all = [...received.values()].flat();
  expect(new Set(all).size).toBe(MESSAGES);
  // Without a second copy of anything the cuts would have hit nothing.
  expect(all.length).toBeGreaterThan(MESSAGES);
  for (const [topic, numbers] of received) {
    const first = [...new Set(numbers)];
    expect(first, `first copies on ${topic}`).toEqual(ascending(first));
  }
  expect(completed.every((times) => times === 1)).toBe(true);
});

// [MQTT-4.3.3-1] [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.4.0-1] [MQTT-4.6.0-1]
// [v3.1.1 MQTT-4.3.3-1] [v3.1.1 MQTT-4.3.3-2] [v3.1.1 MQTT-4.4.0-1] [v3.1.1 MQTT-4.6.0-6]
it.each(runs)("QoS 2 over failing links: exactly once, in order: $version, seed $seed", ({ seed, level }) => {
  const { world, received, completed } = play(seed, 2, level);
  expect(world.cuts).toBeGreaterThanOrEqual(CUTS_MIN);
  expect(ascending([...received.values()].flat())).toEqual(completed.map((_, number) => number));
  for (const [topic, numbers] of received) expect(numbers, topic).toEqual(ascending(numbers));
  expect(completed.every((times) => times === 1)).toBe(true);
});

it("plays the same run for the same seed", () => {
  const [one, other] = [play(9, 2, 4), play(9, 2, 4)];
  expect(one.world.nowMs).toBe(other.world.nowMs);
  expect(one.world.cuts).toBe(other.world.cuts);
  expect([...one.received]).toEqual([...other.received]);
  expect(one.world.broker.exports.heapInUse()).toBe(other.world.broker.exports.heapInUse());
});

/** A broker with one connection that is subscribed to `t` at QoS 1. */
function subscribedBroker(): { broker: Core<BrokerExports>; handle: number; sent(): Buffer } {
  const broker = new Core<BrokerExports>("broker", INPUT_MAX, 1);
  broker.exports.handleTime(0);
  const handle = broker.exports.open();
  const sent = () => {
    const pieces: Buffer[] = [];
    broker.drainSends((_, bytes) => pieces.push(bytes));
    return Buffer.concat(pieces);
  };
  broker.handleBytes(handle, parseBytes('10 [ "MQTT" 04 02 0000 "a" ] 82 [ 0001 "t" 01 ]'));
  expect(sent()).toEqual(Buffer.from(parseBytes("20 02 0000 90 03 0001 01")));
  return { broker, handle, sent };
}

const INPUT_MAX = 512;
const PACKET_IDS = 65_535;
/** Identifiers that the client keeps for its PUBLISH packets; the others are for SUBSCRIBE and UNSUBSCRIBE. */
const CLIENT_PACKET_IDS = 61_439;

// [v3.1.1 MQTT-2.3.1-2] [v3.1.1 MQTT-2.3.1-4]: the first message is never acknowledged, all others are.
it("gives no identifier twice while it is in use", () => {
  const { broker, handle, sent } = subscribedBroker();
  const publishAndRead = (): number => {
    broker.writeArgument(Buffer.from("tx"));
    broker.exports.publish(1, 0, 1, 1 << abi.PUBLISH_QOS_SHIFT);
    const bytes = sent();
    return bytes.length === 0 ? 0 : bytes.readUInt16BE(5);
  };
  const acknowledge = (packetId: number) => {
    broker.handleBytes(handle, Uint8Array.of(0x40, 2, packetId >> 8, packetId & 0xff));
  };
  const first = publishAndRead();
  const seen = new Set([first]);
  for (let count = 1; count < PACKET_IDS; count++) {
    const packetId = publishAndRead();
    seen.add(packetId);
    acknowledge(packetId);
  }
  expect(seen.size).toBe(PACKET_IDS);
  expect(seen.has(0)).toBe(false);
  expect(publishAndRead(), "no identifier is free").toBe(0);
  acknowledge(first);
  expect(sent().readUInt16BE(5)).toBe(first);
  expect(publishAndRead()).toBe(2);
});

// [v3.1.1 MQTT-2.3.1-2] in the client
it("goes through all identifiers of the client again and again", () => {
  const world = new World(1);
  let completed = 0;
  const client = world.addClient("a", OPTIONS, ({ kind }) => {
    if (kind === abi.EVENT_COMPLETED) completed++;
  });
  client.core.exports.connect();
  const count = 2 * CLIENT_PACKET_IDS + 10;
  for (let number = 0; number < count; number++) {
    publish(client, "t", Buffer.from("x"), 1);
    if (number % 1_000 === 0) world.run(world.nowMs + 10_000, () => completed === number);
  }
  world.run(world.nowMs + HOUR_MS, () => completed === count);
  expect(completed).toBe(count);
});
