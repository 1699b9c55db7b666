// A payload of any length as a row of ordinary messages, so that nobody has to hold it whole: neither its writer, nor the
// broker, nor its reader. One huge PUBLISH would also hold up everything behind it on its connection.
//
// The wire form, for other clients that want to take part. Every piece is a PUBLISH of 5.0 to the stream's Topic Name, QoS 1
// or 2, RETAIN 0, with these User Properties before those of the application:
//   midge_stream  what tells this stream from others of the same Topic Name: 1 to 64 characters, unique
//   midge_piece   its number in decimal: 0, 1, 2 and so on
//   midge_end     in the last piece only: bytes of the whole in decimal, a space, and their SHA-256 in 64 hexadecimal digits
//   midge_abort   instead of midge_piece: the writer gives up; its value is a text for a person
// Pieces have any length, none too; an empty one says that the writer is still there (once in HEARTBEAT_MS). The properties
// of the first piece are those of the stream; the others have none but Message Expiry Interval.
//
// A reader takes pieces by number and drops every other: what comes twice, as it may at QoS 1, and what comes before one that
// is missing. A broker that has no room refuses a piece (0x97, Quota exceeded): then the writer waits, and sends that
// piece and all after it again. It never has more than WINDOW of them unacknowledged, so a reader that sees a number
// MISSING_MAX or more above the one it waits for knows that this one will never come. A stream that is silent for
// IDLE_MS is broken, too. The broker refuses a piece when nobody had room for it: of several readers, one that is slower
// than the others for longer than its queue lasts misses pieces, and breaks.

import type { Message } from "./api-types.ts";
import { MidgeError } from "./errors.ts";
import type { ReceivedProperties, UserProperties } from "./property-types.ts";

/** Bytes of a piece: few enough to mix with other messages, enough to make their headers cheap. */
export const PIECE_SIZE = 65_536;
/** Pieces that a writer has sent and not seen acknowledged: a megabyte. */
export const WINDOW = 16;
/** Four times that, for writers that think big. */
export const MISSING_MAX = 64;
export const HEARTBEAT_MS = 10_000;
export const IDLE_MS = 60_000;

/** What a message says about its stream. */
export type Piece =
  | { readonly id: string; readonly number: number; readonly end: StreamEnd | undefined }
  | { readonly id: string; readonly abort: string };

export interface StreamEnd {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

const OWN_NAMES: ReadonlySet<string> = new Set(["midge_stream", "midge_piece", "midge_end", "midge_abort"]);

export function pieceProperties(id: string, number: number, end: StreamEnd | undefined): UserProperties {
  const properties: [string, string][] = [
    ["midge_stream", id],
    ["midge_piece", String(number)],
  ];
  if (end !== undefined) properties.push(["midge_end", `${end.bytes} ${end.sha256}`]);
  return properties;
}

export function abortProperties(id: string, text: string): UserProperties {
  return [
    ["midge_stream", id],
    ["midge_abort", text],
  ];
}

/** Undefined when the message is no piece of a stream. */
export function pieceOf(message: Message): Piece | undefined {
  const { userProperties } = message.properties;
  if (userProperties === undefined) return undefined;
  const own = new Map(userProperties.filter(([name]) => OWN_NAMES.has(name)));
  const id = own.get("midge_stream");
  if (id === undefined || id.length < 1 || id.length > 64) return undefined;
  const abort = own.get("midge_abort");
  if (abort !== undefined) return { id, abort };
  const number = own.get("midge_piece");
  if (number === undefined || !/^\d{1,15}$/.test(number)) return undefined;
  const end = own.get("midge_end");
  const parts = end === undefined ? undefined : /^(\d{1,15}) ([0-9a-f]{64})$/.exec(end);
  if (parts === null) return undefined;
  return {
    id,
    number: Number(number),
    end: parts === undefined ? undefined : { bytes: Number(parts[1]), sha256: parts[2] as string },
  };
}

/** The properties of a stream by those of its first piece. */
export function streamProperties({ userProperties = [], ...others }: ReceivedProperties): ReceivedProperties {
  const rest = userProperties.filter(([name]) => !OWN_NAMES.has(name));
  return rest.length === 0 ? others : { ...others, userProperties: rest };
}

export function broken(what: string, cause?: unknown): MidgeError {
  return new MidgeError("STREAM_BROKEN", `the stream is broken: ${what}`, { cause });
}
