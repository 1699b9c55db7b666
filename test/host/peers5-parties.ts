// Two client libraries behind one face, for tests that do the same with each at both ends: MQTT.js and our own Client, in any
// version, on real sockets. Messages are compared in one form; what a version does not have is not in it.

import type { IPublishPacket } from "mqtt";
import { Client, type Message } from "../../host/index.ts";
import { JsPeer, until, type VERSIONS } from "./peers-more.ts";

export type Version = keyof typeof VERSIONS;
export type QoS = 0 | 1 | 2;

/** One of each property that a message may have. */
export interface Properties {
  payloadFormat: "utf8";
  messageExpirySec: number;
  contentType: string;
  responseTopic: string;
  /** In hex. */
  correlationData: string;
  userProperties: [name: string, value: string][];
}

/** A message as it arrived. Without properties: an empty object. */
export interface Seen {
  topicName: string;
  payload: string;
  qos: number;
  retain: boolean;
  properties: Partial<Properties>;
}

export interface Party {
  readonly seen: Seen[];
  publish(
    topicName: string,
    payload: string,
    how: { qos: QoS; retain: boolean; properties?: Properties },
  ): Promise<void>;
  /** Resolves to the granted QoS. `retainAsPublished`: of 5.0. */
  subscribe(topicFilter: string, qos: QoS, retainAsPublished: boolean): Promise<number>;
  /** DISCONNECT. */
  end(): Promise<void>;
}

/** `kept`: with a Session from before, which is kept afterwards. */
export type Connect = (port: number, version: Version, clientId: string, kept: boolean) => Promise<Party>;

/** Waits until a party has `count` messages. */
export async function arrived(party: Party, count: number): Promise<void> {
  await until(`message ${count} of ${count}`, () => party.seen.length >= count).catch((error) => {
    const lines = party.seen.map(({ topicName, payload }) => `${topicName} ${payload}`);
    throw new Error(`${error.message}, these came:\n${lines.join("\n")}`);
  });
}

const connectJs: Connect = async (port, version, clientId, kept) => {
  const seen: Seen[] = [];
  const expiry = kept && version === "5.0" ? { properties: { sessionExpiryInterval: 1_000 } } : {};
  const peer = new JsPeer(port, version, { clientId, clean: !kept, ...expiry });
  peer.client.on("message", (topicName, payload, packet) => seen.push(seenByJs(topicName, payload, packet)));
  await peer.online();
  return {
    seen,
    async publish(topicName, payload, { qos, retain, properties }) {
      await peer.client.publishAsync(topicName, payload, {
        qos,
        retain,
        ...(properties && {
          properties: {
            payloadFormatIndicator: true,
            messageExpiryInterval: properties.messageExpirySec,
            contentType: properties.contentType,
            responseTopic: properties.responseTopic,
            correlationData: Buffer.from(properties.correlationData, "hex"),
            userProperties: Object.fromEntries(properties.userProperties),
          },
        }),
      });
    },
    async subscribe(topicFilter, qos, rap) {
      const [granted] = await peer.client.subscribeAsync(topicFilter, { qos, ...(version === "5.0" && { rap }) });
      return granted?.qos ?? 128;
    },
    end: () => peer.end(),
  };
};

function seenByJs(topicName: string, bytes: Buffer, { qos, retain, properties = {} }: IPublishPacket): Seen {
  const { payloadFormatIndicator, messageExpiryInterval, correlationData, userProperties } = properties;
  const { contentType, responseTopic } = properties;
  return {
    topicName,
    payload: bytes.toString(),
    qos,
    retain,
    properties: {
      ...(payloadFormatIndicator && { payloadFormat: "utf8" }),
      ...(messageExpiryInterval !== undefined && { messageExpirySec: messageExpiryInterval }),
      ...(contentType !== undefined && { contentType }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(correlationData !== undefined && { correlationData: correlationData.toString("hex") }),
      // Each name once: MQTT.js makes a list of values of a name that comes again, and the order is lost.
      ...(userProperties && { userProperties: Object.entries(userProperties) as [string, string][] }),
    },
  };
}

const connectMidge: Connect = async (port, version, clientId, kept) => {
  const seen: Seen[] = [];
  const client = await Client.connect({
    host: "127.0.0.1",
    port,
    protocolVersion: version,
    clientId,
    cleanSession: !kept,
    reconnect: false,
  });
  client.on("message", (message) => seen.push(seenByMidge(message)));
  return {
    seen,
    async publish(topicName, payload, { qos, retain, properties }) {
      const own = properties && { ...properties, correlationData: Buffer.from(properties.correlationData, "hex") };
      await client.publish(topicName, payload, { qos, retain, ...own });
    },
    async subscribe(topicFilter, qos, retainAsPublished) {
      const options = { qos, ...(version === "5.0" && { retainAsPublished }) };
      return (await client.subscribe(topicFilter, options)).grantedQos;
    },
    end: () => client.end(),
  };
};

function seenByMidge(message: Message): Seen {
  const { topicName, qos, retain } = message;
  const { topicAlias: _, correlationData, ...others } = message.properties;
  return {
    topicName,
    payload: message.text(),
    qos,
    retain,
    properties: {
      ...others,
      ...(correlationData && { correlationData: Buffer.from(correlationData).toString("hex") }),
    } as Partial<Properties>,
  };
}

export const LIBRARIES: Readonly<Record<"MQTT.js" | "midge", Connect>> = { "MQTT.js": connectJs, midge: connectMidge };
