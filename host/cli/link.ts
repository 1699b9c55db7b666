// A connected Client as pub, sub and rr use it: the first connect must succeed, later losses are told and tried again, and
// `gone` rejects when the Client gives up. Prints to standard error only: notices unless --quiet, details with -d.

import type { ClientOptions, Message } from "../api-types.ts";
import { Client } from "../client.ts";
import { followSrv } from "./connect-options.ts";
import { clientFailure, reasonOf } from "./failure.ts";
import { addressText, type ConnectionFlags } from "./mosquitto-options.ts";

export interface Link {
  readonly client: Client;
  /** Where it is connected to, for messages. */
  readonly address: string;
  /** Never resolves; rejects with a Failure when the connection is lost and will not be tried again. */
  readonly gone: Promise<never>;
  /** A detail for -d. */
  debug(text: string): void;
  /** A line for standard error, unless --quiet. */
  notice(text: string): void;
}

/** Connects, following -S. Rejects with a Failure. `name`: of the command, in front of its notices. */
export async function connect(name: string, wanted: ClientOptions, flags: ConnectionFlags): Promise<Link> {
  const options = await followSrv(wanted, flags);
  const address = addressText(options);
  const notice = (text: string) => {
    if (!flags.quiet) process.stderr.write(`midge ${name}: ${text}\n`);
  };
  const debug = (text: string) => {
    if (flags.debug) process.stderr.write(`${text}\n`);
  };
  debug(`CONNECT to ${address}, MQTT ${options.protocolVersion ?? "3.1.1"}`);
  const client = await Client.connect(options).catch((error: unknown) => {
    throw clientFailure(error, address);
  });
  debug(`CONNACK accepted, client id ${client.clientId}`);
  let connections = 0;
  client.on("connect", ({ sessionPresent }) => {
    // That of the first connection comes when this one has returned already.
    if (++connections > 1) debug(`CONNACK accepted again, session present ${sessionPresent}`);
  });
  return { client, address, gone: watch(client, address, notice), debug, notice };
}

/** A message that arrived, for -d. */
export function messageText({ duplicate, qos, retain, packetId, topicName, payload }: Message): string {
  return `PUBLISH d${+duplicate}, q${qos}, r${+retain}, m${packetId}, '${topicName}', ${payload.length} bytes`;
}

function watch(client: Client, address: string, notice: (text: string) => void): Promise<never> {
  const gone = new Promise<never>((_, reject) => {
    client.on("disconnect", ({ error, reconnectInMs }) => {
      const failure = clientFailure(error, address);
      if (reconnectInMs === undefined) reject(failure);
      else notice(`${reasonOf(failure)}; next try in ${(reconnectInMs / 1000).toFixed(1)} s`);
    });
  });
  // Whoever ends first stops waiting for it.
  gone.catch(() => {});
  return gone;
}
