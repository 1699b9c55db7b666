// Messages that cross between versions at our broker: publisher version x subscriber version x QoS published x QoS asked for x
// the way they come (live, live with RETAIN set, retained, queued), with MQTT.js and our own client at either end. Every cell
// says what arrives: payload, QoS, RETAIN, and the properties, which only 5.0 can carry to 5.0. The transport is TCP, the
// ordered, lossless stream both ways that the standard asks for [MQTT-4.2.0-1].

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { endPeers } from "./peers-more.ts";
import { closeBrokers, fresh, Served } from "./peers5.ts";
import {
  arrived,
  LIBRARIES,
  type Party,
  type Properties,
  type QoS,
  type Seen,
  type Version,
} from "./peers5-parties.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const VERSIONS = ["3.1", "3.1.1", "5.0"] as const;
const ALL_QOS = [0, 1, 2] as const;
const WAYS = ["live", "live with RETAIN", "retained", "queued"] as const;
const NAMES = ["MQTT.js", "midge"] as const;

const PROPERTIES: Properties = {
  payloadFormat: "utf8",
  messageExpirySec: 1_000,
  contentType: "text/plain",
  responseTopic: "answers/here",
  correlationData: "00ff7f80",
  userProperties: [
    ["zone", "4"],
    ["device", "größer"],
    ["empty", ""],
  ],
};

/** A cell: one message, and what a subscriber should see of it. */
interface Cell {
  topicName: string;
  published: QoS;
  asked: QoS;
}

/** Its clock stands still: what is left of a Message Expiry Interval is exact. */
let served: Served;
let cells = 0;

beforeAll(async () => {
  served = await Served.start({}, true);
});
afterAll(async () => {
  await endPeers();
  await closeBrokers();
  console.log(`cross-version matrix: ${cells} cells`);
});

const LIBRARY_PAIRS = NAMES.flatMap((publisher) => NAMES.map((subscriber) => [publisher, subscriber] as const));
const VERSION_PAIRS = VERSIONS.flatMap((publisher) => VERSIONS.map((subscriber) => [publisher, subscriber] as const));

describe.each(LIBRARY_PAIRS)("%s publishes, %s subscribes", (publisherName, subscriberName) => {
  describe.each(VERSION_PAIRS)("from %s to %s", (publisherVersion, subscriberVersion) => {
    test.each(WAYS)("%s", async (way) => {
      const topic = fresh();
      const clientId = `${topic}s`;
      const publisher = await LIBRARIES[publisherName](served.port, publisherVersion, `${topic}p`, false);
      const subscribe = () => LIBRARIES[subscriberName](served.port, subscriberVersion, clientId, way === "queued");
      let subscriber = await subscribe();
      const grid: Cell[] = ALL_QOS.flatMap((published) =>
        ALL_QOS.map((asked) => ({ topicName: `${topic}/${published}${asked}`, published, asked })),
      );
      if (way !== "retained") await subscribeAll(subscriber, grid, `${topic}/end`);
      if (way === "queued") await served.leaves(clientId, () => subscriber.end());
      const retain = way === "retained" || way === "live with RETAIN";
      const properties = publisherVersion === "5.0" ? { properties: PROPERTIES } : {};
      for (const { topicName, published } of grid) {
        await publisher.publish(topicName, `payload of ${topicName}`, { qos: published, retain, ...properties });
      }
      if (way === "retained") await subscribeAll(subscriber, grid, `${topic}/end`);
      if (way === "queued") subscriber = await subscribe();
      const expected = grid.flatMap((cell) => expectedOf(cell, way, publisherVersion, subscriberVersion));
      await arrived(subscriber, expected.length);
      // At QoS 2, as a receiver may hand that on later than the others: nothing is left behind it.
      await publisher.publish(`${topic}/end`, "end", { qos: 2, retain: false });
      await arrived(subscriber, expected.length + 1);
      const inOrder = subscriber.seen.slice(0, -1).sort((a, b) => (a.topicName < b.topicName ? -1 : 1));
      expect(inOrder).toEqual(expected);
      expect(subscriber.seen.at(-1)).toMatchObject({ topicName: `${topic}/end`, qos: 2, properties: {} });
      cells += grid.length;
      if (retain) for (const { topicName } of grid) await publisher.publish(topicName, "", { qos: 0, retain });
      await Promise.all([publisher.end(), subscriber.end()]);
    });
  });
});

/** Subscribes to each cell at its QoS. In 5.0 with Retain As Published, which 3.x cannot ask for. */
async function subscribeAll(subscriber: Party, grid: Cell[], end: string): Promise<void> {
  for (const { topicName, asked } of grid) expect(await subscriber.subscribe(topicName, asked, true)).toBe(asked);
  await subscriber.subscribe(end, 2, false);
}

/** What a cell brings: a message, or none. */
function expectedOf(cell: Cell, way: (typeof WAYS)[number], publisher: Version, subscriber: Version): Seen[] {
  const qos = Math.min(cell.published, cell.asked);
  // Who is away misses QoS 0.
  if (way === "queued" && qos === 0) return [];
  return [
    {
      topicName: cell.topicName,
      payload: `payload of ${cell.topicName}`,
      qos,
      retain: way === "retained" || (way === "live with RETAIN" && subscriber === "5.0"),
      properties: publisher === "5.0" && subscriber === "5.0" ? PROPERTIES : {},
    },
  ];
}
