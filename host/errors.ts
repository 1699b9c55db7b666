// Every failure that leaves the package: one class, a stable `code`, and a sentence that says what happened.

import {
  BAD_STATE,
  BAD_TOPIC,
  CLOSE_CONNECT_TIMEOUT,
  CLOSE_DISCONNECT,
  CLOSE_KEEP_ALIVE,
  CLOSE_LIMIT,
  CLOSE_MALFORMED,
  CLOSE_NETWORK,
  CLOSE_PACKET_SIZE,
  CLOSE_PROTOCOL,
  CLOSE_REFUSED,
  CLOSE_SLOW,
  CLOSE_TAKEN_OVER,
  CLOSE_TOPIC,
  LIMIT_REACHED,
  TOO_LARGE,
} from "../assembly/abi.ts";

/** What a call of this package can fail with. */
export type MidgeErrorCode =
  /** No Network Connection; `cause` says why. */
  | "CONNECTION_FAILED"
  /** CONNACK with another return code than 0: `returnCode`. */
  | "CONNECTION_REFUSED"
  /** The connection was there and is gone. */
  | "CONNECTION_LOST"
  /** No CONNACK in time. */
  | "CONNECT_TIMEOUT"
  /** The peer broke the protocol. */
  | "PROTOCOL_ERROR"
  /** No room in the outbox: wait for publish() to resolve, or publish less. */
  | "OUTBOX_FULL"
  /** SUBACK with 0x80. */
  | "SUBSCRIPTION_REFUSED"
  | "TOPIC_INVALID"
  | "ARGUMENT_INVALID"
  | "PACKET_TOO_LARGE"
  /** end() or destroy() came first. */
  | "CLIENT_ENDED"
  | "ABORTED"
  /** The broker cannot listen there; `cause` is the system's error. */
  | "LISTEN_FAILED";

export class MidgeError extends Error {
  readonly code: MidgeErrorCode;
  /** Return code of CONNACK, with CONNECTION_REFUSED. */
  readonly returnCode: number | undefined;

  constructor(code: MidgeErrorCode, message: string, options: { cause?: unknown; returnCode?: number } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "MidgeError";
    this.code = code;
    this.returnCode = options.returnCode;
  }
}

/** CONNACK return codes, in words. */
export const RETURN_CODE_TEXT: Readonly<Record<number, string>> = {
  0: "accepted",
  1: "unacceptable protocol version",
  2: "identifier rejected",
  3: "server unavailable",
  4: "bad user name or password",
  5: "not authorised",
  // 0x84, the one code of 5.0 that is sent so far: to a client that asks for 5.0.
  132: "unacceptable protocol version",
};

/** Why a connection ended, in words, by CLOSE_* of the ABI. */
export const CLOSE_TEXT: Readonly<Record<number, string>> = {
  [CLOSE_DISCONNECT]: "disconnected",
  [CLOSE_NETWORK]: "the network connection was lost",
  [CLOSE_KEEP_ALIVE]: "nothing was heard within the Keep Alive time",
  [CLOSE_MALFORMED]: "it sent bytes that are no MQTT packet",
  [CLOSE_PROTOCOL]: "it broke the protocol",
  [CLOSE_TAKEN_OVER]: "another connection took over its client id",
  [CLOSE_REFUSED]: "the connection was refused",
  [CLOSE_CONNECT_TIMEOUT]: "the connection was not established in time",
  [CLOSE_PACKET_SIZE]: "it sent a packet larger than allowed",
  [CLOSE_SLOW]: "it did not take what was sent to it",
  [CLOSE_LIMIT]: "a limit was reached",
  [CLOSE_TOPIC]: "it used a topic that is not allowed",
};

/** A CONNECT that the core does not even send. */
export const IDENTITY_TEXT =
  "no broker may accept this: a password needs a userName, and an empty clientId needs cleanSession (and is not in 3.1)";

/** A status of the core that refused a command, as an error. `what`: the command in words. */
export function statusError(status: number, what: string): MidgeError {
  switch (status) {
    case BAD_TOPIC:
      return new MidgeError("TOPIC_INVALID", `not a valid topic: ${what}`);
    case LIMIT_REACHED:
      return new MidgeError(
        "OUTBOX_FULL",
        `no room in the outbox: ${what}; wait for earlier messages, or raise outboxBytesMax`,
      );
    case TOO_LARGE:
      return new MidgeError("PACKET_TOO_LARGE", `larger than a packet may be: ${what}`);
    case BAD_STATE:
      return new MidgeError("CLIENT_ENDED", `the client was ended: ${what}`);
    default:
      return new MidgeError("ARGUMENT_INVALID", `an argument is out of its range: ${what}`);
  }
}

/** Why a client's connection was not made, or is gone; `reason` is CLOSE_* of the ABI. */
export function offlineError(
  reason: number,
  returnCode: number,
  wasConnected: boolean,
  cause: Error | undefined,
): MidgeError {
  if (reason === CLOSE_REFUSED) {
    const text = RETURN_CODE_TEXT[returnCode] ?? `return code ${returnCode}`;
    return new MidgeError("CONNECTION_REFUSED", `the broker refused the connection: ${text}`, { returnCode });
  }
  if (reason === CLOSE_CONNECT_TIMEOUT) return new MidgeError("CONNECT_TIMEOUT", "the broker did not answer in time");
  if (reason === CLOSE_NETWORK) {
    const detail = cause === undefined ? "closed by the other end" : cause.message;
    const code = wasConnected ? "CONNECTION_LOST" : "CONNECTION_FAILED";
    return new MidgeError(code, `${wasConnected ? "connection lost" : "cannot connect"}: ${detail}`, { cause });
  }
  return new MidgeError("PROTOCOL_ERROR", `connection closed: ${CLOSE_TEXT[reason] ?? `reason ${reason}`}`);
}
