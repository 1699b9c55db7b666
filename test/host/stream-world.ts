// What the tests of streams share: two clients of 5.0 and the streams between them, and pieces made by hand, which stand for
// writers that are not ours.

import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { Client, ClientOptions, IncomingStream, Streams, TestBroker } from "../../host/index.ts";
import { during } from "./client-world.ts";

export const V5: ClientOptions = { protocolVersion: "5.0" };

export async function text(readable: Readable): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of readable) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** A writer, a reader and the streams it gets. */
export async function world(test: TestBroker, options: ClientOptions = {}) {
  const [writer, reader] = [await test.connect({ ...V5, ...options }), await test.connect({ ...V5, ...options })];
  const streams = await during(test, reader.streams("s/#"));
  return { writer, reader, streams, next: () => nextOf(streams) };
}

const iterators = new WeakMap<Streams, AsyncIterator<IncomingStream, void>>();

export async function nextOf(streams: Streams): Promise<IncomingStream> {
  const iterator = iterators.get(streams) ?? streams[Symbol.asyncIterator]();
  iterators.set(streams, iterator);
  const { value } = await iterator.next();
  if (value === undefined) throw new Error("there is no other stream");
  return value;
}

/** midge_end of a whole. */
export const END = (payload: string) => `${payload.length} ${createHash("sha256").update(payload).digest("hex")}`;

/** Publishes a piece as any client could. */
export function piece(client: Client, payload: string, properties: Record<string, string>) {
  const userProperties = Object.entries({ midge_stream: "x", ...properties });
  return client.publish("s/hand", payload, { qos: 1, userProperties });
}
