// Every failure that leaves the package: one class, a stable `code`, and a sentence that says what happened.

import {
  BAD_PROPERTIES,
  BAD_STATE,
  BAD_TOPIC,
  CLOSE_ADMINISTRATIVE,
  CLOSE_AUTHENTICATION,
  CLOSE_CONNECT_TIMEOUT,
  CLOSE_DISCONNECT,
  CLOSE_KEEP_ALIVE,
  CLOSE_LIMIT,
  CLOSE_MALFORMED,
  CLOSE_NETWORK,
  CLOSE_PACKET_SIZE,
  CLOSE_PROTOCOL,
  CLOSE_REFUSED,
  CLOSE_SERVER,
  CLOSE_SHUT_DOWN,
  CLOSE_SLOW,
  CLOSE_TAKEN_OVER,
  CLOSE_TOPIC,
  LIMIT_REACHED,
  NOT_SUPPORTED,
  TOO_LARGE,
} from "../assembly/abi.ts";
import type { Properties } from "./property-types.ts";
import { RETURN_CODE_TEXT, reasonText } from "./reason-codes.ts";

/** What a call of this package can fail with. "5.0:" marks those that carry `reasonCode`, and what else the server has said. */
export type MidgeErrorCode =
  /** No Network Connection; `cause` says why. */
  | "CONNECTION_FAILED"
  /** CONNACK with another code than 0: before 5.0 `returnCode`. 5.0: `reasonCode`. */
  | "CONNECTION_REFUSED"
  /** The connection was there and is gone. */
  | "CONNECTION_LOST"
  /** 5.0: the server said DISCONNECT. */
  | "SERVER_DISCONNECTED"
  /** No CONNACK in time. */
  | "CONNECT_TIMEOUT"
  /** The peer broke the protocol. */
  | "PROTOCOL_ERROR"
  /** The exchange of enhanced authentication failed at this end; `cause` says why. */
  | "AUTHENTICATION_FAILED"
  /** No room in the outbox: wait for publish() to resolve, or publish less. */
  | "OUTBOX_FULL"
  /** As many Subscriptions as a client may have: 4,096 at once. */
  | "TOO_MANY_SUBSCRIPTIONS"
  /** A Subscription was sent more than it keeps while this client waited for answers: use a client for each. */
  | "OVERRUN"
  /** 5.0: PUBACK or PUBREC with 0x80 or more. */
  | "PUBLISH_REFUSED"
  /** SUBACK with 0x80. 5.0: or more. */
  | "SUBSCRIPTION_REFUSED"
  /** 5.0: UNSUBACK with 0x80 or more. */
  | "UNSUBSCRIPTION_REFUSED"
  /** This protocol version has it not, or the server has said that it does not do it. */
  | "NOT_SUPPORTED"
  /** Nobody is subscribed to what was asked, or written. */
  | "NO_RESPONDER"
  /** No answer to a request in time. */
  | "REQUEST_TIMEOUT"
  /** A stream ended before its last piece, or arrived as another one. */
  | "STREAM_BROKEN"
  | "TOPIC_INVALID"
  | "ARGUMENT_INVALID"
  | "PACKET_TOO_LARGE"
  /** end() or destroy() came first. */
  | "CLIENT_ENDED"
  | "ABORTED"
  /** The broker cannot listen there; `cause` is the system's error. */
  | "LISTEN_FAILED"
  /** Something is wrong with a configuration: `faults` of the ConfigurationError says what. */
  | "CONFIGURATION_INVALID"
  /** The engine asked for is not built on this machine, which needs a C compiler. */
  | "NO_ENGINE";

/** What a MidgeError may carry beside its code. */
export interface MidgeErrorDetails {
  cause?: unknown;
  returnCode?: number;
  reasonCode?: number;
  reasonString?: string | undefined;
  serverReference?: string | undefined;
}

/** What every call of this package fails with: `code` is for programs and stays, `message` is for people and may change. */
export class MidgeError extends Error {
  readonly code: MidgeErrorCode;
  /** Return code of CONNACK before 5.0, with CONNECTION_REFUSED. */
  readonly returnCode: number | undefined;
  /** Reason Code of 5.0. */
  readonly reasonCode: number | undefined;
  /** What the server says about it, for a person. */
  readonly reasonString: string | undefined;
  /** Where the server says to connect instead, with Reason Codes 0x9C (for now) and 0x9D (for good). */
  readonly serverReference: string | undefined;

  constructor(code: MidgeErrorCode, message: string, details: MidgeErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.name = "MidgeError";
    this.code = code;
    this.returnCode = details.returnCode;
    this.reasonCode = details.reasonCode;
    this.reasonString = details.reasonString;
    this.serverReference = details.serverReference;
  }
}

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
  [CLOSE_PACKET_SIZE]: "a packet was, or would be, larger than allowed",
  [CLOSE_SLOW]: "it did not take what was sent to it",
  [CLOSE_LIMIT]: "a limit was reached",
  [CLOSE_TOPIC]: "it used a topic that is not allowed",
  [CLOSE_SERVER]: "the server disconnected",
  [CLOSE_ADMINISTRATIVE]: "the broker's owner disconnected it",
  [CLOSE_SHUT_DOWN]: "the broker was shut down",
  [CLOSE_AUTHENTICATION]: "it could not authenticate again",
};

/** A CONNECT that the core does not even send. */
export const IDENTITY_TEXT =
  "no broker may accept this: a password needs a userName, and an empty clientId needs cleanSession (and is not in 3.1)";

/** A status of the core that refused a command, as an error. `what`: the command in words; `limit`: the one it may meet, if
 *  that is not the outbox. */
export function statusError(status: number, what: string, limit?: string): MidgeError {
  switch (status) {
    case BAD_TOPIC:
      return new MidgeError("TOPIC_INVALID", `not a valid topic: ${what}`);
    case LIMIT_REACHED:
      if (limit !== undefined) return new MidgeError("TOO_MANY_SUBSCRIPTIONS", `${limit}: ${what}`);
      return new MidgeError(
        "OUTBOX_FULL",
        `no room in the outbox: ${what}; wait for earlier messages, or raise outboxBytesMax`,
      );
    case TOO_LARGE:
      return new MidgeError("PACKET_TOO_LARGE", `larger than a packet may be: ${what}`);
    case BAD_STATE:
      return new MidgeError("CLIENT_ENDED", `the client was ended: ${what}`);
    case NOT_SUPPORTED:
      return new MidgeError("NOT_SUPPORTED", `the server has said that it does not do this: ${what}`);
    case BAD_PROPERTIES:
      return new MidgeError("ARGUMENT_INVALID", `a property that may not stand there: ${what}`);
    default:
      return new MidgeError("ARGUMENT_INVALID", `an argument is out of its range: ${what}`);
  }
}

/** What a server has refused or ended with `reasonCode` of 5.0. `what`: in words; `properties`: of its packet. */
export function reasonError(
  code: MidgeErrorCode,
  what: string,
  reasonCode: number,
  { reasonString, serverReference }: Properties,
): MidgeError {
  const said = reasonString === undefined ? "" : `: ${reasonString}`;
  const elsewhere = serverReference === undefined ? "" : `; it refers to ${serverReference}`;
  return new MidgeError(code, `${what}: ${reasonText(reasonCode)}${said}${elsewhere}`, {
    reasonCode,
    reasonString,
    serverReference,
  });
}

/** How a client's connection ended, or was not made. */
export interface Offline {
  /** CLOSE_* of the ABI. */
  readonly reason: number;
  /** Of CONNACK, or of the server's DISCONNECT. */
  readonly packetCode: number;
  /** Of the same packet. */
  readonly properties: Properties;
  /** Before 5.0 `packetCode` is a return code. */
  readonly is5: boolean;
  readonly wasConnected: boolean;
  /** What the transport says. */
  readonly cause: Error | undefined;
}

/** Why a client's connection was not made, or is gone. */
export function offlineError({ reason, packetCode, properties, is5, wasConnected, cause }: Offline): MidgeError {
  // This end has closed it, for a reason of its own.
  if (cause instanceof MidgeError) return cause;
  switch (reason) {
    case CLOSE_REFUSED: {
      const what = "the broker refused the connection";
      if (is5) return reasonError("CONNECTION_REFUSED", what, packetCode, properties);
      const text = RETURN_CODE_TEXT[packetCode] ?? `return code ${packetCode}`;
      return new MidgeError("CONNECTION_REFUSED", `${what}: ${text}`, { returnCode: packetCode });
    }
    case CLOSE_SERVER:
      return reasonError("SERVER_DISCONNECTED", "the broker closed the connection", packetCode, properties);
    case CLOSE_CONNECT_TIMEOUT:
      return new MidgeError("CONNECT_TIMEOUT", "the broker did not answer in time");
    case CLOSE_NETWORK: {
      const detail = cause === undefined ? "closed by the other end" : cause.message;
      const code = wasConnected ? "CONNECTION_LOST" : "CONNECTION_FAILED";
      return new MidgeError(code, `${wasConnected ? "connection lost" : "cannot connect"}: ${detail}`, { cause });
    }
    default:
      return new MidgeError("PROTOCOL_ERROR", `connection closed: ${CLOSE_TEXT[reason] ?? `reason ${reason}`}`);
  }
}
