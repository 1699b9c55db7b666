// Streams of pieces between clients: whole, in order, one beside the other, over lost connections and slow readers; and how a
// writer fails.

import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import type { MidgeError } from "../../host/index.ts";
import { during, failure, realBroker, realClient, testBroker } from "./client-world.ts";
import { nextOf, text, V5, world } from "./stream-world.ts";

describe("a stream", () => {
  it("arrives whole, with its properties, in pieces of bounded size", async () => {
    const test = testBroker();
    const { writer, reader, next } = await world(test);
    const sizes: number[] = [];
    reader.on("message", (message) => sizes.push(message.payload.length));
    const stream = writer.createWriteStream("s/a", {
      contentType: "text/plain",
      userProperties: [["name", "a.txt"]],
      messageExpirySec: 60,
      pieceSize: 1_000,
    });
    const payload = "0123456789".repeat(512);
    const writing = pipeline(Readable.from([payload]), stream);
    await test.advance();
    const incoming = await next();
    expect(incoming.topicName).toBe("s/a");
    expect(incoming.properties).toMatchObject({ contentType: "text/plain", userProperties: [["name", "a.txt"]] });
    expect(await during(test, text(incoming.readable))).toBe(payload);
    await during(test, writing);
    expect(sizes).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 120]);
  });

  it.each([0, 1])("of %i bytes arrives", async (length) => {
    const test = testBroker();
    const { writer, next } = await world(test);
    writer.createWriteStream("s/a").end(Buffer.alloc(length, "x"));
    await test.advance();
    expect(await during(test, text((await next()).readable))).toHaveLength(length);
  });

  it("arrives beside others of its topic", async () => {
    const test = testBroker();
    const { writer, reader, next } = await world(test);
    const writers = [writer, writer, reader].map((client) => client.createWriteStream("s/a", { pieceSize: 10 }));
    for (let round = 0; round < 20; round++) {
      for (const [index, stream] of writers.entries()) stream.write(`${index}`.repeat(7));
      await test.advance();
    }
    for (const stream of writers) stream.end();
    const texts = [await next(), await next(), await next()].map(({ readable }) => text(readable));
    const all = await during(test, Promise.all(texts));
    expect(all.sort()).toEqual(["0".repeat(140), "1".repeat(140), "2".repeat(140)]);
  });

  it("does not let little wait for more", async () => {
    const test = testBroker();
    const { writer, next } = await world(test);
    const stream = writer.createWriteStream("s/a");
    stream.write("first");
    await test.advance();
    const { readable } = await next();
    expect(readable.read().toString()).toBe("first");
    stream.write("second");
    await test.advance();
    expect(readable.read().toString()).toBe("second");
  });

  it("goes on over a lost connection", async () => {
    const test = testBroker();
    const { writer, next } = await world(test, { sessionExpirySec: 600, reconnectMinMs: 100 });
    const payload = randomBytes(50_000).toString("hex");
    const stream = writer.createWriteStream("s/a", { pieceSize: 1_000 });
    const writing = pipeline(Readable.from(payload.match(/.{1,700}/g) ?? []), stream);
    await test.advance();
    const reading = text((await next()).readable);
    for (let cuts = 0; cuts < 5; cuts++) {
      test.cut();
      await test.advance(300);
    }
    await test.advance(5_000);
    await during(test, writing);
    expect((await during(test, reading)) === payload).toBe(true);
  });

  it("waits for a slow reader, and keeps little of it anywhere", { timeout: 60_000 }, async () => {
    // The broker has room for a megabyte; 64 pass through it, at the pace of the reader.
    const options = { ...(await realBroker({ sessionQueueBytes: 1 << 20, fairShareBytes: 1 << 20 })), ...V5 };
    const [writer, reader] = [await realClient(options), await realClient(options)];
    const streams = await reader.streams("s/#");
    const whole = 64 << 20;
    const block = randomBytes(1 << 16);
    let written = 0;
    let read = 0;
    let ahead = 0;
    async function* source() {
      for (; written < whole; written += block.length) yield block;
    }
    const writing = pipeline(source, writer.createWriteStream("s/a"));
    const { readable } = await nextOf(streams);
    for await (const part of readable) {
      read += part.length;
      ahead = Math.max(ahead, written - read);
      if (read % (4 << 20) < part.length) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await writing;
    expect(read).toBe(whole);
    // Queue, window, sockets and the streams' own buffers.
    expect(ahead).toBeLessThan(16 << 20);
  });

  it("waits for room in the outbox", async () => {
    const test = testBroker();
    const { writer, next } = await world(test, { outboxBytesMax: 20_000 });
    const stream = writer.createWriteStream("s/a", { qos: 2 });
    const writing = pipeline(Readable.from([Buffer.alloc(200_000, "x")]), stream);
    await test.advance();
    const reading = text((await next()).readable);
    await test.advance(10_000);
    await during(test, writing);
    expect(await during(test, reading)).toHaveLength(200_000);
  });

  it("is still there after a silence of its writer", async () => {
    const test = testBroker();
    const { writer, next } = await world(test);
    const stream = writer.createWriteStream("s/a");
    stream.write("before");
    await test.advance();
    const reading = text((await next()).readable);
    await test.advance(600_000);
    stream.end(" and after");
    expect(await during(test, reading)).toBe("before and after");
  });
});

describe("a writer", () => {
  it("fails when nobody is subscribed", async () => {
    const test = testBroker();
    const writer = await test.connect(V5);
    const writing = failure(pipeline(Readable.from(["lost"]), writer.createWriteStream("s/a")));
    await test.advance();
    expect(await writing).toMatchObject({ code: "NO_RESPONDER", reasonCode: 0x10 });
  });

  it("fails with its client, its signal, or what publish() refuses", async () => {
    const test = testBroker();
    const { writer } = await world(test);
    const abort = new AbortController();
    const errors = [
      writer.createWriteStream("s/a", { signal: abort.signal }),
      writer.createWriteStream("s/+"),
      writer.createWriteStream("$SYS/x"),
      writer.createWriteStream("s/a"),
    ].map((stream) => {
      stream.write("x");
      return new Promise<MidgeError>((resolve) => stream.once("error", resolve as (error: Error) => void));
    });
    await test.advance();
    abort.abort();
    await during(test, writer.end());
    expect((await Promise.all(errors)).map(({ code }) => code)).toEqual([
      "ABORT_ERR",
      "TOPIC_INVALID",
      "PUBLISH_REFUSED",
      "CLIENT_ENDED",
    ]);
    expect(() => writer.createWriteStream("s/a")).toThrow(expect.objectContaining({ code: "CLIENT_ENDED" }));
  });

  it("refuses what cannot be", async () => {
    const test = testBroker();
    const [client, before] = [await test.connect(V5), await test.connect()];
    expect(() => client.createWriteStream("a", { pieceSize: 0 })).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
    expect(() => client.createWriteStream("a", { contentType: "\0" })).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
    expect(() => before.createWriteStream("a")).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
    expect((await failure(before.streams("a"))).code).toBe("NOT_SUPPORTED");
  });

  it("keeps below what the server takes", async () => {
    const test = testBroker({ limits: { packetSize: 2_000 } });
    const { writer, next } = await world(test);
    const writing = pipeline(Readable.from([Buffer.alloc(20_000, "x")]), writer.createWriteStream("s/a"));
    await test.advance();
    const reading = text((await next()).readable);
    await during(test, writing);
    expect(await during(test, reading)).toHaveLength(20_000);
  });

  it("may use its bytes again as soon as write() has called back", async () => {
    const test = testBroker();
    const { writer, next } = await world(test);
    const stream = writer.createWriteStream("s/a");
    const bytes = Buffer.alloc(3);
    for (const letters of ["abc", "def", "ghi"]) {
      bytes.write(letters);
      await new Promise((resolve) => stream.write(bytes, resolve));
    }
    bytes.fill("-");
    stream.end();
    await test.advance();
    expect(await during(test, text((await next()).readable))).toBe("abcdefghi");
  });
});
