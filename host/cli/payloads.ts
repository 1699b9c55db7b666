// Where `midge pub` and `midge rr` take their payloads from: -m, -f, -l, -s or -n. Bytes all the way: no text decoding, no lost
// carriage returns. A file and all of standard input are read before connecting, so that a wrong name fails first;
// lines are read one by one while the connection keeps up.

import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure, reasonOf, UsageFailure } from "./failure.ts";

/** The flags that name a source; see `midge pub --help`. */
export interface PayloadFlags {
  message?: string;
  file?: string;
  stdinLine?: boolean;
  stdinFile?: boolean;
  nullMessage?: boolean;
  repeat?: number;
  repeatDelay?: number;
}

/** Throws UsageFailure unless exactly one source is named. `choice`: those there are, as one types them. */
export function checkSource(flags: PayloadFlags, choice = "-m TEXT, -f FILE, -l, -s or -n"): void {
  const sources = [flags.message, flags.file, flags.stdinLine, flags.stdinFile, flags.nullMessage];
  const count = sources.filter((source) => source !== undefined).length;
  if (count === 0) throw new UsageFailure(`a message is missing: add ${choice}`);
  if (count > 1) throw new UsageFailure(`one kind of message at a time: ${choice}`);
  if (flags.stdinLine && flags.repeat !== undefined) throw new UsageFailure("--repeat is for one message, not for -l");
}

/** The payloads to publish, in order. Rejects with Failure when a file or standard input cannot be read. */
export async function openPayloads(flags: PayloadFlags, stdin: Readable): Promise<AsyncIterable<Uint8Array>> {
  return flags.stdinLine ? lines(stdin) : repeat(await onePayload(flags, stdin), flags);
}

/** The payload of -m, -n, -f or -s. Rejects with Failure when a file or standard input cannot be read. */
export async function onePayload(flags: PayloadFlags, stdin: Readable): Promise<Uint8Array> {
  if (flags.message !== undefined) return Buffer.from(flags.message);
  if (flags.file !== undefined) return readWhole(createReadStream(flags.file), flags.file);
  if (!flags.stdinFile) return new Uint8Array(0);
  const payload = await readWhole(stdin, "standard input");
  // As mosquitto_pub: with -r an empty message would remove what a failed pipe should have replaced.
  if (payload.length === 0) throw new Failure("standard input was empty. For an empty message: -n");
  return payload;
}

async function readWhole(stream: Readable, name: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > PAYLOAD_LENGTH_MAX) throw new Failure(`${name} is longer than an MQTT message can be (256 MB)`);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`cannot read ${name}: ${reasonOf(error)}`);
  }
  return Buffer.concat(chunks);
}

async function* repeat(payload: Uint8Array, flags: PayloadFlags): AsyncGenerator<Uint8Array> {
  const count = flags.repeat ?? 1;
  for (let done = 0; done < count; done++) {
    if (done > 0 && flags.repeatDelay !== undefined) await sleep(flags.repeatDelay * 1000);
    yield payload;
  }
}

/** Lines as bytes, without their line feed; a last line may lack it. Reads on only while its consumer keeps up. */
export async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      parts = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > PAYLOAD_LENGTH_MAX) throw new Failure("a line is longer than an MQTT message can be (256 MB)");
  }
  if (length > 0) yield Buffer.concat(parts);
}

const LINE_FEED = 0x0a;

/** A PUBLISH holds at most 268,435,455 bytes behind its fixed header, some of them topic and Packet Identifier. */
export const PAYLOAD_LENGTH_MAX = 268_435_455;
