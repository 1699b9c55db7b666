// Streams of pieces at their reading end: what comes twice, late, never or wrong, and what an application does not take.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import { during, failure, realBroker, realClient, testBroker } from "./client-world.ts";
import { END, nextOf, piece, text, V5, world } from "./stream-world.ts";

describe("a reader", () => {
  it("drops what comes twice, and waits for what is missing", async () => {
    const test = testBroker();
    const { writer, next } = await world(test);
    for (const number of [0, 0, 1, 3, 2, 1, 3])
      await during(test, piece(writer, `${number}`, { midge_piece: `${number}` }));
    await during(test, piece(writer, "", { midge_piece: "4", midge_end: END("0123") }));
    // A first piece that comes once more does not begin it again.
    await during(test, piece(writer, "0", { midge_piece: "0" }));
    expect(await during(test, text((await next()).readable))).toBe("0123");
    await during(test, piece(writer, "", { midge_stream: "y", midge_piece: "0", midge_end: END("") }));
    expect(await during(test, text((await next()).readable))).toBe("");
  });

  it.each([
    ["a missing piece", { midge_piece: "65" }, "piece 1 is missing"],
    ["another length", { midge_piece: "1", midge_end: END("12").replace("2 ", "3 ") }, "not what was written"],
    ["other bytes", { midge_piece: "1", midge_end: END("1x") }, "not what was written"],
    ["a writer that gives up", { midge_abort: "no more paper" }, "no more paper"],
  ] as [string, Record<string, string>, string][])("fails for %s", async (_, properties, message) => {
    const test = testBroker();
    const { writer, next } = await world(test);
    await during(test, piece(writer, "1", { midge_piece: "0" }));
    const reading = failure(text((await next()).readable));
    await during(test, piece(writer, "2", properties));
    expect(await reading).toMatchObject({ code: "STREAM_BROKEN", message: expect.stringContaining(message) });
  });

  it("fails when its writer vanishes, or is destroyed", async () => {
    const test = testBroker();
    const { writer, next } = await world(test);
    const other = await test.connect(V5);
    for (const client of [writer, other])
      client
        .createWriteStream("s/a")
        .on("error", () => {})
        .write("x");
    await test.advance();
    const readings = [await next(), await next()].map(({ readable }) => failure(text(readable)));
    writer.destroy();
    await test.advance(59_000);
    const stream = other.createWriteStream("s/b");
    stream.write("x");
    await test.advance();
    const aborted = failure(text((await next()).readable));
    stream.destroy();
    expect((await during(test, aborted)).message).toMatch(/gave up: it was closed before its end/);
    await test.advance(10_000);
    expect((await readings[0])?.message).toMatch(/nothing was heard of it for 60000 ms/);
    other.destroy();
    await test.advance(70_000);
    expect((await readings[1])?.code).toBe("STREAM_BROKEN");
  });

  it("does not count the silence of a network that is down", async () => {
    const test = testBroker();
    const { writer, next } = await world(test, { sessionExpirySec: 600, reconnectMaxMs: 1_000 });
    const stream = writer.createWriteStream("s/a");
    stream.write("a");
    await test.advance();
    const reading = text((await next()).readable);
    test.reachable = false;
    test.cut();
    await test.advance(300_000);
    test.reachable = true;
    await test.advance(5_000);
    stream.end("b");
    expect(await during(test, reading)).toBe("ab");
  });

  it("may be read after another one, behind which it has waited", async () => {
    const options = { ...(await realBroker()), ...V5 };
    const [writer, other, reader] = [await realClient(options), await realClient(options), await realClient(options)];
    const streams = await reader.streams("s/#");
    const whole = 4 << 20;
    const writing = [writer, other].map((client) =>
      pipeline(
        Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(whole / 64))),
        client.createWriteStream("s/a"),
      ),
    );
    for (let count = 0; count < 2; count++) {
      let read = 0;
      for await (const part of (await nextOf(streams)).readable) read += part.length;
      expect(read).toBe(whole);
    }
    await Promise.all(writing);
  });

  it("breaks when nobody takes it, and the others go on", async () => {
    const options = { ...(await realBroker()), ...V5 };
    const [writer, reader] = [await realClient(options), await realClient(options)];
    const streams = await reader.streams("s/#");
    for (const name of ["s/first", "s/second"]) {
      const blocks = Array.from({ length: name === "s/first" ? 24 : 1 }, () => Buffer.alloc(1 << 20));
      await pipeline(Readable.from(blocks), writer.createWriteStream(name));
    }
    expect((await failure(text((await nextOf(streams)).readable))).message).toMatch(/nobody has taken it/);
    expect(await text((await nextOf(streams)).readable)).toHaveLength(1 << 20);
  });

  it("is given up when it cannot keep up and its connection must be read on", async () => {
    const limits = { sessionQueueBytes: 64 << 20, outputBytesSoft: 64 << 20, outputBytes: 128 << 20 };
    const options = { ...(await realBroker(limits)), ...V5 };
    const [writer, reader] = [await realClient(options), await realClient(options)];
    const streams = await reader.streams("s/#");
    await writer.respond("never", () => new Promise<string>(() => {}));
    reader.request("never", "", { timeoutMs: 60_000 }).catch(() => {});
    const writing = pipeline(
      Readable.from(Array.from({ length: 24 }, () => Buffer.alloc(1 << 20))),
      writer.createWriteStream("s/a"),
    );
    const { readable } = await nextOf(streams);
    const error = await new Promise<Error>((resolve) => readable.once("error", resolve));
    expect(error.message).toMatch(/faster than it was read/);
    await writing;
  });

  it("leaves out what is no piece, and streams that it has not seen begin", async () => {
    const test = testBroker();
    const { writer, next } = await world(test);
    await during(test, writer.publish("s/hand", "plain", { qos: 1 }));
    for (const properties of [
      { midge_piece: "1" },
      { midge_piece: "-1" },
      { midge_piece: "0", midge_end: "soon" },
      { midge_stream: "", midge_piece: "0" },
      { midge_abort: "nothing there" },
    ])
      await during(test, piece(writer, "", properties as Record<string, string>));
    await during(test, piece(writer, "", { midge_stream: "good", midge_piece: "0", midge_end: END("") }));
    expect(await during(test, text((await next()).readable))).toBe("");
  });

  it("keeps what has arrived whole when its client ends", async () => {
    const test = testBroker();
    const { writer, reader, next } = await world(test);
    for (const name of ["s/first", "s/second"]) writer.createWriteStream(name).end(name);
    await test.advance();
    const first = await next();
    await during(test, reader.end());
    expect(await text(first.readable)).toBe("s/first");
    expect(await text((await next()).readable)).toBe("s/second");
  });

  it("may be left, and its streams go on; unsubscribe() ends them", async () => {
    const test = testBroker();
    const { writer, streams } = await world(test);
    const stream = writer.createWriteStream("s/a");
    stream.on("error", () => {});
    stream.write("a");
    await test.advance();
    let readable = new Readable();
    for await (const incoming of streams) {
      readable = incoming.readable;
      break;
    }
    expect(() => streams[Symbol.asyncIterator]()).toThrow(TypeError);
    stream.write("b");
    writer.createWriteStream("s/b").write("not wanted any more");
    await test.advance();
    expect(readable.read().toString()).toBe("ab");
    const broken = failure(text(readable));
    await during(test, streams.unsubscribe());
    expect((await broken).message).toMatch(/its subscription ended/);
  });

  it.each([true, false])(
    "that breaks before anybody has it says so to whoever reads it (waited for: %s)",
    async (waited) => {
      const test = testBroker();
      const { writer, next } = await world(test);
      const waiting = waited ? next() : undefined;
      const pieces = [piece(writer, "1", { midge_piece: "0" }), piece(writer, "", { midge_abort: "early" })];
      await during(test, Promise.all(pieces));
      const { readable } = await (waiting ?? next());
      const error = await new Promise<Error>((resolve) => readable.once("error", resolve).resume());
      expect(error.message).toMatch(/early/);
    },
  );
});
