// SCRAM-SHA-256 (RFC 5802, RFC 7677), both ends: proof that the client knows the password and the server its record,
// without the password travelling or being stored. Messages in, messages out: knows no packet, socket or file. There is
// no channel binding: a client that demands it is refused, one that only could (`y`) is not.
// A function here returns the message to send, now or later, or fails with a ScramError; after an error the exchange is over.

import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { saslprep } from "./saslprep.ts";

/** Name of the Authentication Method. */
export const SCRAM_SHA_256 = "SCRAM-SHA-256";

/** What a server keeps of a password. Whoever steals it can guess passwords at `iterations` hashes a guess. */
export interface ScramRecord {
  /** Any bytes, at least one. */
  readonly salt: Buffer;
  /** 4,096 to 5,000,000. */
  readonly iterations: number;
  /** 32 bytes each. */
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Fewest iterations: what RFC 7677 asks for. A client does not do with less, since a false server could ask for one. */
export const ITERATIONS_MIN = 4_096;
/** Most of them: some seconds of work. A false server could ask for hours. */
export const ITERATIONS_MAX = 5_000_000;

/** Bytes of the salt of a new record. */
export const SALT_LENGTH = 16;

/** Bytes of SHA-256. */
export const KEY_LENGTH = 32;

/** Why an exchange failed. `kind`: the other end's message cannot be read; it asks for what is not done here; it did not
 *  prove that it knows the password, or the record of it. */
export class ScramError extends Error {
  readonly kind: "malformed" | "unsupported" | "refused";

  constructor(kind: ScramError["kind"], message: string) {
    super(message);
    this.name = "ScramError";
    this.kind = kind;
  }
}

/** The record of a password, for a store. Rejects with a ScramError when SASLprep forbids the password. */
export async function scramRecord(
  password: string,
  iterations: number = ITERATIONS_MIN,
  salt: Buffer = randomBytes(SALT_LENGTH),
): Promise<ScramRecord> {
  const prepared = prepare(password, "password");
  return { salt, iterations, ...keysOf(await derive(prepared, salt, iterations, KEY_LENGTH, "sha256")) };
}

/** Whether `password` is the one of `record`; takes as long for a wrong one. */
export async function scramVerify(record: ScramRecord, password: string): Promise<boolean> {
  const prepared = saslprep(password);
  const salted = await derive(prepared ?? password, record.salt, record.iterations, KEY_LENGTH, "sha256");
  return timingSafeEqual(keysOf(salted).storedKey, record.storedKey) && prepared !== undefined;
}

/** One end of an exchange. */
export interface ScramExchange {
  /** True once the other end has proved itself and nothing more is to be received. */
  readonly finished: boolean;
  /** Takes the other end's next message and returns the answer to it; empty when there is none. */
  respond(data: Buffer): Buffer | Promise<Buffer>;
}

export interface ScramClient extends ScramExchange {
  readonly method: "SCRAM-SHA-256";
  /** As in ScramExchange. A promise is only the answer that takes hashing, which is done outside this thread; all else is
   *  there, or thrown, at once. */
  respond(data: Buffer): Buffer | Promise<Buffer>;
  /** The first message, for CONNECT or for AUTH that re-authenticates. */
  first(): Buffer;
}

/** The client's end, for one exchange. Make sure that `finished` is true before you trust the server: it then knows the
 *  password's record. Throws a ScramError for a name or password that SASLprep forbids. `nonce`: printable characters but
 *  no comma; another one each time, so only tests give it. */
export function scramClient(userName: string, password: string, nonce: string = randomNonce()): ScramClient {
  const prepared = prepare(password, "password");
  const firstBare = `n=${escapeName(prepare(userName, "user name"))},r=${nonce}`;
  let state: ScramState = "first";
  let serverSignature: Buffer;

  function answerFirst(text: string): Promise<Buffer> {
    const fields = /^r=(?<nonce>[^,]*),s=(?<salt>[^,]*),i=(?<iterations>[1-9]\d{0,9})(?:,[A-Za-z]=[^,]*)*$/.exec(
      text,
    )?.groups;
    if (fields === undefined) throw malformed("the server's first message");
    const salt = decodeBase64(fields.salt);
    const iterations = Number(fields.iterations);
    if (salt.length === 0) throw malformed("the server's salt");
    if (!fields.nonce?.startsWith(nonce) || fields.nonce === nonce) throw malformed("the server's nonce");
    if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
      throw new ScramError(
        "unsupported",
        `the server asks for ${iterations} iterations: too ${iterations > ITERATIONS_MIN ? "many" : "few"}`,
      );
    }
    const unproved = `c=${Buffer.from(GS2_HEADER).toString("base64")},r=${fields.nonce}`;
    state = "busy";
    return prove(unproved, `${firstBare},${text},${unproved}`, salt, iterations);
  }

  async function prove(unproved: string, signed: string, salt: Buffer, iterations: number): Promise<Buffer> {
    const salted = await derive(prepared, salt, iterations, KEY_LENGTH, "sha256");
    const clientKey = hmac(salted, "Client Key");
    serverSignature = hmac(keysOf(salted).serverKey, signed);
    const proof = xor(clientKey, hmac(sha256(clientKey), signed));
    state = "final";
    return Buffer.from(`${unproved},p=${proof.toString("base64")}`);
  }

  function checkFinal(text: string): Buffer {
    const fields = /^(?:v=(?<verifier>[^,]*)|e=(?<error>[^,]*))(?:,[A-Za-z]=[^,]*)*$/.exec(text)?.groups;
    if (fields === undefined) throw malformed("the server's last message");
    if (fields.error !== undefined) throw new ScramError("refused", `the server refuses: ${fields.error}`);
    if (!equal(decodeBase64(fields.verifier), serverSignature)) {
      throw new ScramError("refused", "the server does not know the password: it is not the one it claims to be");
    }
    state = "finished";
    return Buffer.alloc(0);
  }

  return {
    method: SCRAM_SHA_256,
    get finished() {
      return state === "finished";
    },
    first: () => Buffer.from(`${GS2_HEADER}${firstBare}`),
    respond(data) {
      const text = decodeText(data);
      checkTurn(state);
      return state === "first" ? answerFirst(text) : checkFinal(text);
    },
  };
}

export interface ScramServer extends ScramExchange {
  /** As in ScramExchange. Rejects with a ScramError, or with the error of `recordOf`. */
  respond(data: Buffer): Promise<Buffer>;
  /** Who it is, once `finished`; prepared with SASLprep. */
  readonly userName: string;
}

/** The server's end, for one exchange. `recordOf` has, now or later, a record for every name, a made-up one for those it does not know:
 *  then nobody can tell them from a wrong password. `nonce` as in scramClient(). */
export function scramServer(
  recordOf: (userName: string) => ScramRecord | Promise<ScramRecord>,
  nonce: string = randomNonce(),
): ScramServer {
  let state: ScramState = "first";
  let userName = "";
  let record: ScramRecord;
  let header = "";
  let bothNonces = "";
  let signedFirst = "";

  async function answerFirst(text: string): Promise<Buffer> {
    const fields = CLIENT_FIRST.exec(text)?.groups;
    if (fields === undefined) throw malformed("the client's first message");
    if (fields.flag?.startsWith("p=")) throw new ScramError("unsupported", "channel binding is not done here");
    if (fields.authorise !== undefined) throw new ScramError("unsupported", "nobody acts for another user here");
    const prepared = saslprep(unescapeName(fields.name ?? ""));
    if (prepared === undefined || prepared === "") throw malformed("the user name");
    userName = prepared;
    state = "busy";
    record = await recordOf(userName);
    header = fields.header ?? "";
    bothNonces = `${fields.nonce}${nonce}`;
    const message = `r=${bothNonces},s=${record.salt.toString("base64")},i=${record.iterations}`;
    signedFirst = `${fields.bare},${message}`;
    state = "final";
    return Buffer.from(message);
  }

  function checkFinal(text: string): Buffer {
    const fields = CLIENT_FINAL.exec(text)?.groups;
    if (fields === undefined) throw malformed("the client's last message");
    if (!decodeBase64(fields.binding).equals(Buffer.from(header))) throw malformed("the channel binding");
    if (fields.nonce !== bothNonces) throw malformed("the client's nonce");
    const proof = decodeBase64(fields.proof);
    if (proof.length !== KEY_LENGTH) throw malformed("the client's proof");
    const signed = `${signedFirst},${fields.unproved}`;
    const clientKey = xor(proof, hmac(record.storedKey, signed));
    if (!timingSafeEqual(sha256(clientKey), record.storedKey))
      throw new ScramError("refused", "a wrong user name or password");
    state = "finished";
    return Buffer.from(`v=${hmac(record.serverKey, signed).toString("base64")}`);
  }

  return {
    get finished() {
      return state === "finished";
    },
    get userName() {
      return userName;
    },
    async respond(data) {
      const text = decodeText(data);
      checkTurn(state);
      return state === "first" ? answerFirst(text) : checkFinal(text);
    },
  };
}

const derive = promisify(pbkdf2);

/** What an end waits for: the other's first or last message, its own answer, or nothing more. */
type ScramState = "first" | "busy" | "final" | "finished";

function checkTurn(state: ScramState): void {
  if (state === "busy") throw malformed("a message before the last one was answered");
  if (state === "finished") throw malformed("a message after the last one");
}

/** "No channel binding, no other identity". */
const GS2_HEADER = "n,,";

// Attributes come in a fixed order, extensions behind them (RFC 5802, section 7). A mandatory extension (m=), of which there
// is none, would stand first and so matches neither. [^,]* holds no NUL: the regular expressions of the standard differ
// from these only in what they forbid inside a nonce, which is checked where it matters.
const CLIENT_FIRST =
  /^(?<header>(?<flag>n|y|p=[A-Za-z0-9.-]+),(?:a=(?<authorise>[^,]*))?,)(?<bare>n=(?<name>[^,]*),r=(?<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]*)*)$/;
const CLIENT_FINAL = /^(?<unproved>c=(?<binding>[^,]*),r=(?<nonce>[^,]*)(?:,[A-Za-z]=[^,]*)*?),p=(?<proof>[^,]*)$/;

function keysOf(saltedPassword: Buffer): { storedKey: Buffer; serverKey: Buffer } {
  return { storedKey: sha256(hmac(saltedPassword, "Client Key")), serverKey: hmac(saltedPassword, "Server Key") };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] as number)));
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function randomNonce(): string {
  return randomBytes(18).toString("base64");
}

function prepare(text: string, what: string): string {
  const prepared = saslprep(text);
  if (prepared === undefined || prepared === "") {
    throw new ScramError("unsupported", `the ${what} is empty, or holds a character that SCRAM does not allow`);
  }
  return prepared;
}

function escapeName(name: string): string {
  return name.replace(/=/g, "=3D").replace(/,/g, "=2C");
}

function unescapeName(text: string): string {
  if (/=(?!2C|3D)/.test(text)) throw malformed("the user name");
  return text.replace(/=2C/g, ",").replace(/=3D/g, "=");
}

/** Decodes base64 as RFC 5802 wants it: padded, nothing else in it. */
function decodeBase64(text = ""): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw malformed("its base64");
  return bytes;
}

function decodeText(data: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw malformed("its UTF-8");
  }
}

function malformed(what: string): ScramError {
  return new ScramError("malformed", `not as SCRAM has it: ${what}`);
}
