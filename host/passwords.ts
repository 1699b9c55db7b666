// The password store: users and the records of their passwords, from a file of lines `name:record`. A record is
// `SCRAM-SHA-256$<iterations>:<salt>$<storedKey>:<serverKey>`, the three in base64, as PostgreSQL has it. It serves both
// user name and password of CONNECT and the SCRAM exchange. An unknown user is answered like a wrong password, at the same
// cost, with a record made up of the name and the secret that the file has in a line of its own. Writing the file is
// cli/passwd.ts.

import { createHash, hkdfSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type {
  AuthenticationAnswer,
  AuthenticationExchange,
  CredentialStore,
  Credentials,
  Verdict,
} from "./broker-authentication.ts";
import { MidgeError } from "./errors.ts";
import { saslprep } from "./saslprep.ts";
import {
  ITERATIONS_MAX,
  ITERATIONS_MIN,
  KEY_LENGTH,
  SALT_LENGTH,
  SCRAM_SHA_256,
  ScramError,
  type ScramRecord,
  type ScramServer,
  scramServer,
  scramVerify,
} from "./scram.ts";

/** A user of the store. `record`: what proves the password. */
interface User {
  readonly record: ScramRecord;
}

/** What a stranger sees of a record beside its salt, and how many users have such a one. */
interface Kind {
  readonly iterations: number;
  readonly saltLength: number;
  users: number;
}

/** Users and their passwords. Give it to a broker as `passwords`. */
export class PasswordStore implements CredentialStore {
  readonly #file: string;
  #users: ReadonlyMap<string, User> = new Map();
  #kinds: readonly Kind[] = [];
  /** What made-up records are derived from. */
  #secret: Buffer = randomBytes(KEY_LENGTH);

  /** Reads a file. Rejects with code ARGUMENT_INVALID and a message that names the file, and the line if it is one's fault. */
  static async read(file: string): Promise<PasswordStore> {
    const store = new PasswordStore("", file);
    await store.reload();
    return store;
  }

  /** A store of the users in `text`, the content of a password file; `file` names it in errors. Throws as read() does.
   *  Without a line `#midge-secret:`, which midge passwd writes, whoever asks for the challenge of a name before and after a
   *  change of the text can tell whether there is such a user. */
  constructor(text: string, file = "password file") {
    this.#file = file;
    this.#load(text);
  }

  /** Reads the file again; after an error, which is as in read(), the users are those from before. */
  async reload(): Promise<void> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#file);
    } catch (error) {
      const { message } = error as Error;
      throw new MidgeError("ARGUMENT_INVALID", `cannot read the password file: ${message}`, { cause: error });
    }
    this.#load(decodeFile(bytes, this.#file));
  }

  /** How many users there are. */
  get size(): number {
    return this.#users.size;
  }

  /** Whether this is the user's password. Takes as long as for any other answer when there is no such user. */
  async verify(userName: string, password: string): Promise<boolean> {
    const madeUp = this.#madeUpRecord(userName);
    const user = this.#users.get(userName);
    return (await scramVerify(user?.record ?? madeUp, password)) && user !== undefined;
  }

  /** Clients without a name are not authorised. */
  async authenticate({ userName, password }: Pick<Credentials, "userName" | "password">): Promise<Verdict> {
    if (userName === undefined) return "not authorised";
    // Bytes that are not UTF-8 become U+FFFD, which stands in no password.
    return this.verify(userName, password?.toString() ?? "");
  }

  /** One exchange of SCRAM-SHA-256. */
  scram(): AuthenticationExchange {
    const server = scramServer((userName) => {
      const madeUp = this.#madeUpRecord(userName);
      return this.#users.get(userName)?.record ?? madeUp;
    });
    return (data) => scramAnswer(server, data);
  }

  #load(text: string): void {
    const { users, secret } = parse(text, this.#file);
    this.#users = users;
    const records = [...users.values()].map(({ record }) => record);
    this.#kinds = kindsOf(records);
    // Else from all records, so that no user can compute it, and the same after a restart: a salt that changed then would be
    // a made-up one.
    const hash = createHash("sha256");
    for (const { storedKey, serverKey } of records) hash.update(storedKey).update(serverKey);
    this.#secret = secret ?? (records.length > 0 ? hash.digest() : randomBytes(KEY_LENGTH));
  }

  /** What a user that does not exist seems to have: always the same, and like one of those that exist. */
  #madeUpRecord(userName: string): ScramRecord {
    const bytes = (what: string, length: number) =>
      Buffer.from(hkdfSync("sha256", this.#secret, userName, what, length));
    // Each kind as often as users have it; and by weighted rendezvous hashing, so that few names change their kind when the
    // users change.
    let like: Omit<Kind, "users"> = { iterations: ITERATIONS_MIN, saltLength: SALT_LENGTH };
    let least = Number.POSITIVE_INFINITY;
    for (const kind of this.#kinds) {
      const draw = (bytes(`like ${kind.iterations} ${kind.saltLength}`, 4).readUInt32LE() + 0.5) / 2 ** 32;
      const score = -Math.log(draw) / kind.users;
      if (score < least) [like, least] = [kind, score];
    }
    return {
      salt: bytes("salt", like.saltLength),
      iterations: like.iterations,
      storedKey: bytes("stored key", KEY_LENGTH),
      serverKey: bytes("server key", KEY_LENGTH),
    };
  }
}

/** The line of a user in a password file, without its end. */
export function passwordLine(userName: string, { salt, iterations, storedKey, serverKey }: ScramRecord): string {
  const keys = `${storedKey.toString("base64")}:${serverKey.toString("base64")}`;
  return `${userName}:${SCRAM_SHA_256}$${iterations}:${salt.toString("base64")}$${keys}`;
}

/** A new line for the secret that made-up records are derived from, without its end. A file has one, and keeps it. */
export function secretLine(): string {
  return `${SECRET}${randomBytes(KEY_LENGTH).toString("base64")}`;
}

/** Whether this line of a password file is one for the secret. */
export function isSecretLine(line: string): boolean {
  return line.startsWith(SECRET);
}

/** What is wrong with a user name, or undefined. */
export function userNameProblem(userName: string): string | undefined {
  if (userName === "") return "it is empty";
  if (userName.includes(":")) return "it holds a colon, which ends the name in a password file";
  if (userName.startsWith("#")) return "it begins with #, as comments do in a password file";
  if (Buffer.byteLength(userName) > USER_NAME_MAX) return "it is longer than MQTT allows";
  if (/\p{Cc}/u.test(userName)) return "it holds a control character";
  const prepared = saslprep(userName);
  if (prepared === undefined) return "it holds a character that SCRAM does not allow in names (SASLprep, RFC 4013)";
  return prepared === userName ? undefined : `it has another form after SASLprep (RFC 4013); write it as '${prepared}'`;
}

/** The content of a password file as text. Throws with code ARGUMENT_INVALID when it is not UTF-8. */
export function decodeFile(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new MidgeError("ARGUMENT_INVALID", `${file}: it is not a text in UTF-8`);
  }
}

/** How the line of the secret begins: a comment to whoever does not know it. */
const SECRET = "#midge-secret:";
/** Longest User Name in CONNECT, bytes. */
const USER_NAME_MAX = 65_535;
/** A longer salt adds nothing, and would not fit in a packet one day. */
const SALT_MAX = 1_024;

function kindsOf(records: readonly ScramRecord[]): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const { iterations, salt } of records) {
    const name = `${iterations} ${salt.length}`;
    const kind = kinds.get(name) ?? { iterations, saltLength: salt.length, users: 0 };
    kind.users++;
    kinds.set(name, kind);
  }
  return [...kinds.values()];
}

function parse(text: string, file: string): { users: Map<string, User>; secret: Buffer | undefined } {
  const users = new Map<string, User>();
  let secret: Buffer | undefined;
  const lines = new Map<string, number>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const fail = (problem: string) => {
      throw new MidgeError("ARGUMENT_INVALID", `${file}:${index + 1}: ${problem}`);
    };
    if (isSecretLine(line)) {
      const bytes = decodeBase64(line.slice(SECRET.length).trimEnd());
      if (bytes?.length !== KEY_LENGTH) {
        fail(`its secret is not ${KEY_LENGTH} bytes in base64; without this line midge passwd makes one`);
      }
      secret ??= bytes;
    }
    if (line.trim() === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    if (colon < 0) fail("a line is NAME:RECORD, as midge passwd writes it, or a comment that begins with #");
    const name = line.slice(0, colon);
    const problem = userNameProblem(name);
    if (problem !== undefined) fail(`the user name: ${problem}`);
    const earlier = lines.get(name);
    if (earlier !== undefined) fail(`user '${name}' is in line ${earlier} already`);
    const record = parseRecord(line.slice(colon + 1).trimEnd());
    if (typeof record === "string") fail(`user '${name}': ${record}`);
    else users.set(name, { record });
    lines.set(name, index + 1);
  }
  return { users, secret };
}

/** The record, or what is wrong with it. */
function parseRecord(text: string): ScramRecord | string {
  if (/^\$[67]\$/.test(text)) return "a password of mosquitto's file is not read yet; set it again with midge passwd";
  const fields = /^SCRAM-SHA-256\$(?<count>\d+):(?<salt>[^$:]*)\$(?<stored>[^$:]*):(?<server>[^$:]*)$/.exec(
    text,
  )?.groups;
  // The text itself is not shown: it may be a password in plain.
  if (fields === undefined) return "its record is not of the form SCRAM-SHA-256$<iterations>:<salt>$<key>:<key>";
  const iterations = Number(fields.count);
  if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
    return `its iterations are ${fields.count}, not from ${ITERATIONS_MIN} to ${ITERATIONS_MAX}`;
  }
  const salt = decodeBase64(fields.salt);
  if (salt === undefined || salt.length === 0 || salt.length > SALT_MAX) {
    return `its salt is not 1 to ${SALT_MAX} bytes in base64`;
  }
  const storedKey = decodeBase64(fields.stored);
  const serverKey = decodeBase64(fields.server);
  if (storedKey?.length !== KEY_LENGTH || serverKey?.length !== KEY_LENGTH) {
    return `its two keys are not ${KEY_LENGTH} bytes in base64 each`;
  }
  return { salt, iterations, storedKey, serverKey };
}

function decodeBase64(text = ""): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** One message of an exchange, answered; SCRAM's failures in Reason Codes. */
async function scramAnswer(server: ScramServer, data: Buffer): Promise<AuthenticationAnswer> {
  try {
    const answer = await server.respond(data);
    return server.finished
      ? { accept: true, data: answer, userName: server.userName }
      : { continue: true, data: answer };
  } catch (error) {
    if (!(error instanceof ScramError)) throw error;
    return { refuse: true, reasonCode: SCRAM_REASON_CODES[error.kind] };
  }
}

/** Protocol Error, Bad Authentication Method, Bad User Name or Password. */
const SCRAM_REASON_CODES = { malformed: 0x82, unsupported: 0x8c, refused: 0x86 } as const;
