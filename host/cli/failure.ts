// What the commands fail with: one line that a person understands, and the exit code of mosquitto's clients. Knows the
// codes of MidgeError, of CONNACK and of the operating system, and turns them into words; knows no command and prints
// nothing.

import type { MidgeError, MidgeErrorCode } from "../errors.ts";
import { reasonText } from "../reason-codes.ts";
import { printable } from "./broker-log.ts";

/** Exit code for wrong usage and for everything that has no code of its own. */
export const EXIT_FAILURE = 1;
/** Exit code when -W ran out: mosquitto_sub ends with libmosquitto's MOSQ_ERR_TIMEOUT, which is 27. */
export const EXIT_TIMED_OUT = 27;

/** The end of a command. `message`: one line without the program's name, for standard error. `exitCode`: 1..255. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_FAILURE) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command line itself cannot be meant. Told even with --quiet, which is for what happens while running. */
export class UsageFailure extends Failure {}

/**
 * What a Client failed with, as a Failure: why it did not connect, or is gone, or did not publish or subscribe.
 * `address` is where it went, as in "127.0.0.1:1883". An error that is none of a Client's comes back as it is.
 */
export function clientFailure(error: unknown, address: string): unknown {
  const { code, returnCode, reasonCode } = error as { code?: MidgeErrorCode; returnCode?: number; reasonCode?: number };
  switch (code) {
    case "CONNECTION_REFUSED": {
      const reason =
        reasonCode === undefined ? (CONNACK_TEXT[returnCode ?? 0] ?? `return code ${returnCode}`) : said(error);
      // The code is the exit code, as in mosquitto_sub; 0 would be success, so it cannot be one.
      const exitCode = reasonCode || returnCode || EXIT_FAILURE;
      return new Failure(`the broker at ${address} refused the connection: ${reason}`, exitCode);
    }
    case "SERVER_DISCONNECTED":
      return new Failure(`the broker at ${address} ended the connection: ${said(error)}`, reasonCode || EXIT_FAILURE);
    case "PUBLISH_REFUSED":
      return new Failure(`the broker refused the message: ${said(error)}`, reasonCode);
    case "UNSUBSCRIPTION_REFUSED":
      return new Failure(`the broker refused to unsubscribe: ${said(error)}`, reasonCode);
    case "AUTHENTICATION_FAILED":
      return new Failure(`cannot authenticate at ${address}: ${reasonOf(error)}`);
    case "CONNECT_TIMEOUT":
      return new Failure(`${address} did not answer CONNECT in time. Is it an MQTT broker?`);
    case "PROTOCOL_ERROR":
      return new Failure(`${address} does not speak MQTT as it should: ${reasonOf(error)}`);
    case "CONNECTION_LOST":
      return new Failure(`the connection to ${address} was lost: ${reasonOf(error)}`);
    case "CONNECTION_FAILED":
      return new Failure(`cannot connect to ${address}: ${reasonOf(error)}`);
    default:
      // A Failure already, or a bug of ours, which must keep its stack.
      return code === undefined ? error : new Failure(reasonOf(error));
  }
}

/** What the broker has said with the Reason Code of a MidgeError: the code in words, its own text, what to try. */
export function said(error: unknown): string {
  const { reasonCode, reasonString, serverReference } = error as Partial<MidgeError>;
  // Before 5.0 a SUBACK only says that it refuses.
  if (reasonCode === undefined) return reasonOf(error);
  const parts = [`${reasonText(reasonCode)}${REASON_HINTS[reasonCode] ?? ""}`];
  if (serverReference !== undefined) parts.push(`it names ${printable(serverReference)}`);
  if (reasonString !== undefined) parts.push(`the broker says "${printable(reasonString)}"`);
  return parts.join("; ");
}

/**
 * Why the broker could not listen. `port` is the one it was asked for; the system's own error names the address. An
 * error of another kind comes back as it is.
 */
export function listenFailure(error: unknown, port: number): unknown {
  if ((error as { code?: MidgeErrorCode }).code !== "LISTEN_FAILED") return error;
  const cause = systemError(error);
  const where = cause?.address === undefined ? `port ${port}` : `${cause.address}:${cause.port ?? port}`;
  switch (cause?.code) {
    case "EADDRINUSE":
      return new Failure(
        `${where} is in use by another program. Stop that one, or choose another port: midge broker -p ${freePortHint(port)}`,
      );
    case "EACCES":
      return new Failure(`no permission to listen on ${where}. Choose a port from 1024 up: midge broker -p 1883`);
    case "EADDRNOTAVAIL":
      return new Failure(`this machine has no address ${cause.address}. For all of its addresses: --host 0.0.0.0`);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new Failure(
        `there is no host called ${cause.hostname ?? "that"}. --host takes an address of this machine`,
      );
    default:
      return new Failure(`cannot listen on ${where}: ${reasonOf(error)}`);
  }
}

/** The words for an error: those of the operating system's code where there is one, else its own message. */
export function reasonOf(error: unknown): string {
  const cause = systemError(error);
  const text = cause?.code === undefined ? undefined : SYSTEM_TEXT[cause.code];
  if (text !== undefined) return text;
  const { cause: inner } = error as { cause?: unknown };
  if (inner instanceof Error && inner.message !== "") return inner.message;
  // The Client says what happened and why; what happened, the sentence around this says already.
  return String(error instanceof Error ? error.message : error).replace(/^(cannot connect|connection \w+): /, "");
}

interface SystemError {
  code?: string;
  address?: string;
  port?: number;
  hostname?: string;
}

/** The operating system's error: the error itself, or the cause that a MidgeError carries. */
function systemError(error: unknown): SystemError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    // ECONNREFUSED and the like are the system's; ERR_... are Node's own, and say enough in their message.
    if (/^E(?!RR_)/.test((at as SystemError).code ?? "")) return at as SystemError;
  }
  return undefined;
}

function freePortHint(port: number): number {
  return port < 65535 ? port + 1 : 1883;
}

/** CONNACK return codes. [v3.1.1 MQTT-3.2.2-4], table 3.1; those of 3.1 are the same. */
const CONNACK_TEXT: readonly (string | undefined)[] = [
  undefined,
  "it does not speak this version of MQTT (try -V 311 or -V 31)",
  "it does not accept this client id (see -i)",
  "it is not available now",
  "the user name or password is wrong (see -u and -P)",
  "not authorised (see -u and -P)",
];

/** The same hints for Reason Codes of 5.0. */
const REASON_HINTS: Readonly<Record<number, string>> = {
  132: " (try -V 311 or -V 31)",
  133: " (see -i)",
  134: " (see -u and -P)",
  135: " (see -u and -P)",
};

const SYSTEM_TEXT: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused. Is a broker running there? To start one: midge broker",
  ECONNRESET: "the other side closed the connection",
  EPIPE: "the other side closed the connection",
  ETIMEDOUT: "no answer. Is the address right, and does a firewall let it through?",
  EHOSTUNREACH: "that host cannot be reached from here",
  ENETUNREACH: "that network cannot be reached from here",
  EADDRNOTAVAIL: "that is not an address one can connect to",
  ENOTFOUND: "no such host name",
  EAI_AGAIN: "the host name cannot be looked up now (no answer from DNS)",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "no such file",
  EISDIR: "it is a directory",
  ENOSPC: "no space is left on the device",
};
