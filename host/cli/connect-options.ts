// What the flags of a connection mean together: ClientOptions. What cannot be meant is a UsageFailure, before any
// connection. What a single flag may say is mosquitto-options.ts.

import { resolveSrv } from "node:dns/promises";
import type { Authentication, ClientOptions, EndOptions, ProtocolVersion, Will } from "../api-types.ts";
import { Failure, reasonOf, UsageFailure } from "./failure.ts";
import { type ConnectionFlags, defined, HOST_DEFAULT, PORT_DEFAULT, VERSION_DEFAULT } from "./mosquitto-options.ts";
import { topicNameProblem } from "./topic.ts";

/**
 * The ClientOptions that the flags mean. An explicit -h, -p, -u or -P is preferred to that part of -L, in any order.
 * `version`: of MQTT, when neither -V nor -D says one.
 */
export function clientOptions(flags: ConnectionFlags, version: ProtocolVersion = VERSION_DEFAULT): ClientOptions {
  const { url } = flags;
  const userName = flags.username ?? url?.userName;
  const password = flags.pw ?? url?.password;
  const protocolVersion = versionOf(flags, version);
  if (password !== undefined && userName === undefined && protocolVersion !== "5.0") {
    throw new UsageFailure("a password (-P) needs a user name (-u)"); // [v3.1.1 MQTT-3.1.2-22]
  }
  const properties = connectProperties(flags, protocolVersion);
  if (properties.authentication === SCRAM && (userName === undefined || password === undefined)) {
    throw new UsageFailure(`${SCRAM} needs a user name (-u) and a password (-P)`);
  }
  return defined({
    host: flags.host ?? url?.host ?? HOST_DEFAULT,
    port: flags.port ?? url?.port ?? PORT_DEFAULT,
    protocolVersion,
    clientId: clientIdOf(flags),
    cleanSession: !flags.disableCleanSession,
    keepAliveSec: flags.keepalive,
    userName,
    password,
    will: will(flags),
    ...properties,
  });
}

/** Version of MQTT that the flags mean; `version` when they say nothing about it. */
export function versionOf(flags: ConnectionFlags, version: ProtocolVersion = VERSION_DEFAULT): ProtocolVersion {
  const chosen = flags.protocolVersion ?? (flags.property === undefined ? version : "5.0");
  if (chosen === "5.0") return chosen;
  if (flags.property !== undefined) throw new UsageFailure(`-D is for MQTT 5.0, and -V says ${chosen}: leave one out`);
  if (flags.x !== undefined) throw new UsageFailure("-x is for MQTT 5.0: add -V 5");
  return chosen;
}

/** How to leave. `cutShort`: by a signal or -W; as with mosquitto's clients the broker then publishes the Will at 5.0. */
export function endOptions(flags: ConnectionFlags, version: ProtocolVersion, cutShort: boolean): EndOptions {
  if (version !== "5.0") return {};
  const { sessionExpirySec, reasonString, userProperties } = flags.property?.disconnect ?? {};
  return defined({ reasonCode: cutShort ? 0x04 : undefined, sessionExpirySec, reasonString, userProperties });
}

/** Follows -S: the same options with the host and port of the SRV record. `resolve` is DNS, another one in tests. */
export async function followSrv(
  options: ClientOptions,
  flags: ConnectionFlags,
  resolve: (name: string) => Promise<SrvRecord[]> = resolveSrv,
): Promise<ClientOptions> {
  if (!flags.S) return options;
  const domain = flags.host ?? flags.url?.host;
  if (domain === undefined) throw new UsageFailure("-S needs the domain to look up: add -h example.org");
  const name = `_mqtt._tcp.${domain}`;
  const records = await resolve(name).catch((error: unknown) => {
    throw new Failure(`cannot look up the SRV record ${name}: ${reasonOf(error)}`);
  });
  // RFC 2782: the lowest priority value first. Weights spread load over many clients; one client takes the heaviest.
  const [first] = records.sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  if (first === undefined) throw new Failure(`there is no SRV record ${name}`);
  return { ...options, host: first.name, port: first.port };
}

function clientIdOf(flags: ConnectionFlags): string | undefined {
  if (flags.id !== undefined && flags.idPrefix !== undefined) {
    throw new UsageFailure("-i and -I exclude each other");
  }
  const clientId = flags.idPrefix === undefined ? flags.id : `${flags.idPrefix}${process.pid}`;
  if (clientId !== undefined) return clientId;
  if (flags.disableCleanSession) {
    throw new UsageFailure("-c keeps a session for the next time, so it needs a client id to find it by: add -i NAME");
  }
  // What nobody can come back to should end some time.
  if ((flags.x ?? flags.property?.connect?.sessionExpirySec) === Number.POSITIVE_INFINITY) {
    throw new UsageFailure("a session that is kept for ever needs a client id to find it by: add -i NAME");
  }
  return undefined;
}

/** What -x and -D say about CONNECT of this version. */
function connectProperties(flags: ConnectionFlags, version: ProtocolVersion): Partial<ClientOptions> {
  const { authenticationMethod, authenticationData, ...properties } = flags.property?.connect ?? {};
  if (flags.x !== undefined && properties.sessionExpirySec !== undefined) {
    throw new UsageFailure("the session expiry interval is given twice: by -x and by -D");
  }
  const sessionExpirySec = flags.x ?? properties.sessionExpirySec;
  const kept = (sessionExpirySec ?? 0) > 0 || (sessionExpirySec === undefined && flags.disableCleanSession);
  if (!kept && (flags.property?.disconnect?.sessionExpirySec ?? 0) > 0) {
    // Section 3.14.2.2.2: a Protocol Error.
    throw new UsageFailure("a session that ends with its connection cannot be kept by DISCONNECT: add -x or -c");
  }
  return defined({
    // As mosquitto's clients: the broker uses aliases when they are asked for, and %A and %j show them.
    topicAliasMaximum: version === "5.0" ? 0 : undefined,
    ...properties,
    sessionExpirySec,
    authentication: authentication(authenticationMethod, authenticationData),
  });
}

/** SCRAM-SHA-256 is spoken, with -u and -P. Of any other method only the first word can be said. */
function authentication(method: string | undefined, data: Uint8Array | undefined): ClientOptions["authentication"] {
  if (method === undefined) {
    if (data === undefined) return undefined;
    throw new UsageFailure("authentication-data needs an authentication-method"); // 3.1.2.11.10
  }
  if (method === SCRAM && data === undefined) return SCRAM;
  const words: Authentication = {
    method,
    respond() {
      throw new Error(`the broker goes on with the authentication method ${method}, which midge does not know`);
    },
  };
  return data === undefined ? words : { ...words, data: () => data };
}

function will(flags: ConnectionFlags): Will | undefined {
  const { willTopic, willPayload, willQos, willRetain } = flags;
  const properties = flags.property?.will;
  if (willTopic === undefined) {
    if (willPayload === undefined && willQos === undefined && !willRetain && !properties) return undefined;
    throw new UsageFailure("a will needs a topic: add --will-topic TOPIC");
  }
  const problem = topicNameProblem(willTopic);
  if (problem !== undefined) throw new UsageFailure(`'${willTopic}' is no topic for a will: ${problem}`);
  return defined({ topicName: willTopic, payload: willPayload, qos: willQos, retain: willRetain, ...properties });
}

interface SrvRecord {
  name: string;
  port: number;
  priority: number;
  weight: number;
}

const SCRAM = "SCRAM-SHA-256";
