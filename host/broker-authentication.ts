// Who may connect: what the core asks (EVENT_AUTHENTICATE, EVENT_AUTH) is put to the application's functions, and what they
// answer, now or later, becomes Reason Codes. Knows no passwords and no method of its own. Whatever goes wrong here refuses
// that one client, and is told as a warning.

import {
  AUTHENTICATE_PASSWORD,
  AUTHENTICATE_USER_NAME,
  AUTHENTICATE_WITH_METHOD,
  AUTHENTICATE_WITH_PASSWORD,
  BAD_HANDLE,
  EVENT_AUTH,
  EVENT_AUTHENTICATE,
  OK,
} from "../assembly/abi.ts";
import type { BrokerExports, CoreEvent } from "./core.ts";
import type { Driver } from "./driver.ts";
import { SCRAM_SHA_256 } from "./scram.ts";
import type { Transport } from "./transport/transport.ts";

/** Who wants to connect, for BrokerOptions.authenticate. */
export interface Credentials {
  readonly clientId: string;
  readonly address: string;
  readonly userName: string | undefined;
  readonly password: Buffer | undefined;
}

/** The answer to a CONNECT: accepted; 0x86, bad user name or password; 0x87, not authorised; or another Reason Code that
 *  CONNACK has from 0x80 up; only true accepts. A client of 3.x gets the return code nearest to it. `serverReference`: where it should go, with
 *  0x9c and 0x9d. */
export type Verdict = boolean | "not authorised" | { reasonCode: number; serverReference?: string };

/** The beginning of an enhanced authentication. */
export interface AuthenticationStart {
  readonly clientId: string;
  readonly address: string;
  /** The Authentication Method. */
  readonly method: string;
  /** It is connected already, and proves itself again. */
  readonly reauthentication: boolean;
}

/** What an exchange answers: more to say, done, or not with us. `data` is Authentication Data; default: none. `userName` is
 *  who it turned out to be: what the event `connect` tells then, whatever CONNECT said. In a re-authentication it must be
 *  the same one. `reasonCode`: from 0x80 up, default 0x87, not authorised. */
export type AuthenticationAnswer =
  | { continue: true; data?: Uint8Array }
  | { accept: true; data?: Uint8Array; userName?: string }
  | { refuse: true; reasonCode?: number };

/** Is given the client's Authentication Data one after the other, first that of CONNECT or of the AUTH that re-authenticates;
 *  empty when there is none. An error refuses. */
export type AuthenticationExchange = (data: Buffer) => AuthenticationAnswer | Promise<AuthenticationAnswer>;

/** Begins an exchange. */
export type AuthenticationMethod = (start: AuthenticationStart) => AuthenticationExchange;

/** What knows users and their passwords: a PasswordStore, or one of your own. */
export interface CredentialStore {
  /** Decides on a CONNECT by its user name and password. */
  authenticate(credentials: Credentials): Verdict | Promise<Verdict>;
  /** The method SCRAM-SHA-256. */
  scram(start: AuthenticationStart): AuthenticationExchange;
}

/** The part of BrokerOptions that decides who may connect. */
export interface AuthenticationOptions {
  /** Users and passwords: for clients that send both in CONNECT, and for SCRAM-SHA-256. The two options below take
   *  precedence. */
  passwords?: CredentialStore;
  /** Decides on every CONNECT without an Authentication Method; an error refuses with 0x88, server unavailable. Default:
   *  by `passwords`; without any, but with methods, nobody; else everybody is accepted, with or without a name. */
  authenticate?: (credentials: Credentials) => Verdict | Promise<Verdict>;
  /** Enhanced authentication of 5.0 by the name of the Authentication Method. Default: SCRAM-SHA-256 if there are
   *  `passwords`. A method that is not here is refused with 0x8c. */
  authenticationMethods?: Readonly<Record<string, AuthenticationMethod>>;
}

/** An exchange under way. */
interface Running {
  readonly method: AuthenticationMethod;
  readonly start: AuthenticationStart;
  /** Once begun. */
  respond?: AuthenticationExchange;
}

/** What the core has to ask about clients: OPTION_AUTHENTICATE. */
export function authenticateBits(options: AuthenticationOptions): number {
  const { passwords, authenticate, authenticationMethods = {} } = options;
  const hasMethods = passwords !== undefined || Object.keys(authenticationMethods).length > 0;
  return (
    (hasMethods || authenticate !== undefined ? AUTHENTICATE_WITH_PASSWORD : 0) |
    (hasMethods ? AUTHENTICATE_WITH_METHOD : 0)
  );
}

/** Puts the core's questions to the application. */
export class Authentication {
  readonly #driver: Driver<BrokerExports>;
  readonly #transports: ReadonlyMap<number, Transport>;
  readonly #authenticate: AuthenticationOptions["authenticate"];
  readonly #methods: ReadonlyMap<string, AuthenticationMethod>;
  readonly #running = new Map<number, Running>();
  readonly #userNames = new Map<number, string>();

  /** `transports`: the connections there are; one that is not in it any more gets no answer. */
  constructor(
    options: AuthenticationOptions,
    driver: Driver<BrokerExports>,
    transports: ReadonlyMap<number, Transport>,
  ) {
    const { passwords } = options;
    this.#driver = driver;
    this.#transports = transports;
    this.#methods = new Map(
      Object.entries({
        ...(passwords && { [SCRAM_SHA_256]: (start: AuthenticationStart) => passwords.scram(start) }),
        ...options.authenticationMethods,
      }),
    );
    // Who asks for a method means that nobody gets in without one.
    const nobody = this.#methods.size > 0 ? () => "not authorised" as const : undefined;
    const byPassword = passwords && ((credentials: Credentials) => passwords.authenticate(credentials));
    this.#authenticate = options.authenticate ?? byPassword ?? nobody;
  }

  /** Takes the events that ask; false for all others. */
  handleEvent(event: CoreEvent): boolean {
    if (event.kind !== EVENT_AUTHENTICATE && event.kind !== EVENT_AUTH) return false;
    const transport = this.#transports.get(event.connection);
    if (transport === undefined) return true;
    if (event.kind === EVENT_AUTHENTICATE) void this.#decide(event, transport);
    else if (event.code === CONTINUE_AUTHENTICATION) this.#goOn(event, transport);
    else this.#begin(event, transport);
    return true;
  }

  /** Who an exchange has found the connection to be, if one has. */
  userName(connection: number): string | undefined {
    return this.#userNames.get(connection);
  }

  /** The connection is over. */
  forget(connection: number): void {
    this.#running.delete(connection);
    this.#userNames.delete(connection);
  }

  async #decide(event: CoreEvent, transport: Transport): Promise<void> {
    const { connection, detail } = event;
    let reasonCode: number = REASON.serverUnavailable;
    let reference = Buffer.alloc(0);
    transport.pause();
    try {
      const verdict = await this.#authenticate?.({
        clientId: event.a.toString(),
        address: transport.remoteAddress,
        userName: (detail & AUTHENTICATE_USER_NAME) !== 0 ? event.b.toString() : undefined,
        password: (detail & AUTHENTICATE_PASSWORD) !== 0 ? event.c : undefined,
      });
      if (typeof verdict === "object") {
        reference = Buffer.from(verdict.serverReference ?? "");
        reasonCode = refusing(verdict.reasonCode);
      } else if (verdict === true) reasonCode = REASON.success;
      else reasonCode = verdict === false ? REASON.badUserNameOrPassword : REASON.notAuthorised;
    } catch (error) {
      warn(`authenticate() failed, the client is refused: ${String(error)}`);
    }
    // The connection may be gone by now, and its handle another's.
    if (this.#transports.get(connection) !== transport) return;
    const { core } = this.#driver;
    core.writeArgument(reference);
    const status = core.exports.handleAuthenticated(connection, reasonCode, reference.length);
    if (status !== OK && status !== BAD_HANDLE) {
      warn(`authenticate() answered what CONNACK cannot say, the client is refused: reason code ${reasonCode}`);
      core.exports.handleAuthenticated(connection, REASON.serverUnavailable, 0);
    }
    transport.resume();
  }

  /** CONNECT with a method, or AUTH that re-authenticates. */
  #begin(event: CoreEvent, transport: Transport): void {
    const start: AuthenticationStart = {
      clientId: event.a.toString(),
      address: transport.remoteAddress,
      method: event.b.toString(),
      reauthentication: event.code !== 0,
    };
    const method = this.#methods.get(start.method) ?? unknownMethod;
    const running: Running = { method, start };
    this.#running.set(event.connection, running);
    void this.#ask(event.connection, transport, running, event.c);
  }

  /** AUTH with more data, which the core lets through only when it was asked for. */
  #goOn(event: CoreEvent, transport: Transport): void {
    const running = this.#running.get(event.connection);
    if (running !== undefined) void this.#ask(event.connection, transport, running, event.c);
  }

  async #ask(connection: number, transport: Transport, running: Running, data: Buffer): Promise<void> {
    const { reauthentication, method } = running.start;
    let reply: Reply = { reasonCode: REASON.serverUnavailable, data: NOTHING };
    // During a re-authentication all else goes on.
    if (!reauthentication) transport.pause();
    try {
      running.respond ??= running.method(running.start);
      reply = replyOf(await running.respond(data));
    } catch (error) {
      warn(`authentication method ${method} failed, the client is refused: ${String(error)}`);
    }
    if (this.#transports.get(connection) !== transport) return;
    if (reply.reasonCode !== CONTINUE_AUTHENTICATION) this.#running.delete(connection);
    this.#reply(connection, reauthentication ? this.#again(connection, reply) : reply);
    if (!reauthentication) transport.resume();
  }

  /** What a re-authentication makes of the answer. */
  #again(connection: number, reply: Reply): Reply {
    // What it may do was decided for the user it came as.
    const isOther = reply.reasonCode === REASON.success && reply.userName !== this.#userNames.get(connection);
    if (isOther) return { reasonCode: REASON.notAuthorised, data: NOTHING };
    return { ...reply, reasonCode: DISCONNECT_INSTEAD[reply.reasonCode] ?? reply.reasonCode };
  }

  #reply(connection: number, { reasonCode, data, userName }: Reply): void {
    const { core } = this.#driver;
    // Before the core reports the connection.
    if (userName !== undefined) this.#userNames.set(connection, userName);
    core.writeArgument(data);
    const status = core.exports.handleAuth(connection, reasonCode, data.length);
    if (status === OK || status === BAD_HANDLE) return;
    warn(`an authentication method answered what no packet can say, the client is refused: reason code ${reasonCode}`);
    core.exports.handleAuth(connection, REASON.notAuthorised, 0);
  }
}

/** An answer in the core's terms. */
interface Reply {
  readonly reasonCode: number;
  readonly data: Uint8Array;
  readonly userName?: string | undefined;
}

/** Throws for what is no answer: nobody gets in by a mistake. */
function replyOf(answer: AuthenticationAnswer): Reply {
  if ("refuse" in answer) {
    return { reasonCode: refusing(answer.reasonCode ?? REASON.notAuthorised), data: NOTHING };
  }
  const data = Buffer.from(answer.data ?? NOTHING);
  if ("continue" in answer && answer.continue) return { reasonCode: CONTINUE_AUTHENTICATION, data };
  if ("accept" in answer && answer.accept) return { reasonCode: REASON.success, data, userName: answer.userName };
  throw new TypeError("the answer neither continues nor accepts nor refuses");
}

/** A Reason Code that refuses. Throws for anything else, which must not become 0, success, in the core. */
function refusing(reasonCode: number): number {
  if (!Number.isInteger(reasonCode)) throw new TypeError(`${reasonCode} is no reason code`);
  if (reasonCode < 0x80) throw new TypeError(`reason code ${reasonCode} does not refuse`);
  return reasonCode;
}

/** For a method that nobody offers. */
const unknownMethod: AuthenticationMethod = () => () => ({ refuse: true, reasonCode: REASON.badAuthenticationMethod });

const NOTHING = new Uint8Array(0);

function warn(text: string): void {
  process.emitWarning(text);
}

const CONTINUE_AUTHENTICATION = 0x18;

const REASON = {
  success: 0x00,
  clientIdNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorised: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  badAuthenticationMethod: 0x8c,
} as const;

/** Codes of CONNACK that DISCONNECT has not, which is what refuses a re-authentication: the nearest it has. */
const DISCONNECT_INSTEAD: Readonly<Record<number, number>> = {
  [REASON.clientIdNotValid]: REASON.notAuthorised,
  [REASON.badUserNameOrPassword]: REASON.notAuthorised,
  [REASON.serverUnavailable]: REASON.serverBusy,
  [REASON.banned]: REASON.notAuthorised,
};
