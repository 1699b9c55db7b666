// The format of a recording: all calls of one instance of a core module, in order, what stood in its input, and what came
// out. firmware/record.c writes the same. Integers are little-endian.
//
//   header   8 bytes "MIDGEREC" | u32 FORMAT_VERSION | u32 ABI_VERSION | u8 length, module name
//            u8 count of exports | for each, sorted by name: u8 length, name | u8 arity | u8 1 if it returns a value, else 0
//   records  u8 kind |
//            0x00..0xef   a call, kind is its index in the table: u32 arguments x arity | u32 result, if it returns one
//            INPUT        u32 length | bytes at inputPtr(), before the handleBytes() call they are for
//            ARGUMENT     u32 length | bytes at the pointer of the last argumentPtr(), before the first call behind it that is
//                         another one (before its INPUT, too); left out when there are none
//            OUTPUT       u32 length | bytes, behind a nextSends() or nextEvents() call whose result is not 0:
//              sends      for each: u32 connection | u32 length | bytes
//              events     for each: u32 kind, connection, code, detail, aLength, bLength, cLength | a | b | c
//
// A call that trapped is the last record, without its result. Results include pointers: the core is deterministic.

import * as abi from "../assembly/abi.ts";
import type { CoreExports } from "./core.ts";

export const MAGIC = "MIDGEREC";
export const FORMAT_VERSION = 1;
/** Kinds of records; below the first of them they are calls. */
export const INPUT = 0xf0;
export const ARGUMENT = 0xf1;
export const OUTPUT = 0xf2;

/** Bytes before `bytes` of a send, and before `a` of an event. */
const SEND_HEAD = 8;
const EVENT_HEAD = 28;

/** Content of OUTPUT for the `count` sends there are now. */
export function sendsOutput(exports: CoreExports, count: number): Buffer {
  const memory = Buffer.from(exports.memory.buffer);
  const pieces: Uint8Array[] = [];
  for (let at = exports.sendsPtr() >>> 0, end = at + count * abi.SEND_SIZE; at < end; at += abi.SEND_SIZE) {
    const from = memory.readUInt32LE(at + abi.SEND_BYTES);
    const length = memory.readUInt32LE(at + abi.SEND_LENGTH);
    pieces.push(words(memory.readUInt32LE(at + abi.SEND_CONNECTION), length), memory.subarray(from, from + length));
  }
  return Buffer.concat(pieces);
}

/** Content of OUTPUT for the `count` events there are now. */
export function eventsOutput(exports: CoreExports, count: number): Buffer {
  const memory = Buffer.from(exports.memory.buffer);
  const pieces: Uint8Array[] = [];
  for (let at = exports.eventsPtr() >>> 0, end = at + count * abi.EVENT_SIZE; at < end; at += abi.EVENT_SIZE) {
    const field = (offset: number) => memory.readUInt32LE(at + offset);
    const lengths = [field(abi.EVENT_A_LENGTH), field(abi.EVENT_B_LENGTH), field(abi.EVENT_C_LENGTH)];
    const numbers = [abi.EVENT_KIND, abi.EVENT_CONNECTION, abi.EVENT_CODE, abi.EVENT_DETAIL].map(field);
    pieces.push(words(...numbers, ...lengths));
    for (const [index, offset] of [abi.EVENT_A, abi.EVENT_B, abi.EVENT_C].entries()) {
      const from = field(offset);
      pieces.push(memory.subarray(from, from + (lengths[index] ?? 0)));
    }
  }
  return Buffer.concat(pieces);
}

/** A send of an OUTPUT. */
export interface RecordedSend {
  readonly connection: number;
  readonly bytes: Buffer;
}

/** An event of an OUTPUT. */
export interface RecordedEvent {
  readonly kind: number;
  readonly connection: number;
  readonly code: number;
  readonly detail: number;
  /** a, b and c. */
  readonly parts: readonly Buffer[];
}

/** The sends of an OUTPUT, as far as they are whole. */
export function readSends(output: Buffer): RecordedSend[] {
  const sends: RecordedSend[] = [];
  for (let at = 0; at + SEND_HEAD <= output.length; ) {
    const bytes = output.subarray(at + SEND_HEAD, at + SEND_HEAD + output.readUInt32LE(at + 4));
    sends.push({ connection: output.readUInt32LE(at), bytes });
    at += SEND_HEAD + bytes.length;
  }
  return sends;
}

/** The events of an OUTPUT, as far as they are whole. */
export function readEvents(output: Buffer): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  for (let at = 0; at + EVENT_HEAD <= output.length; ) {
    const [kind, connection, code, detail, ...lengths] = Array.from({ length: 7 }, (_, index) =>
      output.readUInt32LE(at + 4 * index),
    ) as [number, number, number, number, number, number, number];
    at += EVENT_HEAD;
    const parts = lengths.map((length) => {
      at += length;
      return output.subarray(at - length, at);
    });
    events.push({ kind, connection, code, detail, parts });
  }
  return events;
}

function words(...values: number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
}
