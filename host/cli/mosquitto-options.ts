// The options that `midge pub` and `midge sub` share: those of mosquitto_pub and mosquitto_sub, with the same letters
// and defaults. Turns what commander has read into ClientOptions, and rejects what cannot be meant, before any
// connection. Knows no socket and prints nothing; a wrong value is an InvalidArgumentError (commander names the option)
// or a UsageFailure.

import { resolveSrv } from "node:dns/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { ClientOptions, ProtocolVersion, QoS, Will } from "../api-types.ts";
import { Failure, reasonOf, UsageFailure } from "./failure.ts";
import { topicNameProblem } from "./topic.ts";

/** What commander hands over for the shared options. Absent means "not given". */
export interface ConnectionFlags {
  host?: string;
  port?: number;
  url?: BrokerUrl;
  S?: boolean;
  id?: string;
  idPrefix?: string;
  username?: string;
  pw?: string;
  keepalive?: number;
  disableCleanSession?: boolean;
  protocolVersion?: ProtocolVersion;
  willTopic?: string;
  willPayload?: string;
  willQos?: QoS;
  willRetain?: boolean;
  debug?: boolean;
  quiet?: boolean;
}

/** The parts of mqtt://[user[:password]@]host[:port]/topic. */
export interface BrokerUrl {
  host: string;
  port?: number;
  userName?: string;
  password?: string;
  topic?: string;
}

/** Adds the shared options to a command. */
export function addConnectionOptions(command: Command): Command {
  return command
    .optionsGroup("Connection:")
    .option("-h, --host <host>", `host name or address of the broker (default: ${HOST_DEFAULT})`)
    .option("-p, --port <port>", `TCP port of the broker (default: ${PORT_DEFAULT})`, port)
    .option("-L, --url <url>", "mqtt://[user[:password]@]host[:port]/topic, taken as written", brokerUrl)
    .option("-S", "look the broker up in DNS: the SRV record _mqtt._tcp.<host>")
    .option("-u, --username <name>", "user name")
    .option("-P, --pw <password>", "password; needs a user name")
    .option("-i, --id <id>", "client id (default: midge- and random letters)")
    .option("-I, --id-prefix <prefix>", "client id: this prefix and the process id")
    .option("-c, --disable-clean-session", "keep the session at the broker for the next time; needs -i")
    .option("-k, --keepalive <seconds>", "keep alive, 0 (off) to 65535 (default: 60)", integer(0, 65_535))
    .option("-V, --protocol-version <version>", "31 or mqttv31, 311 or mqttv311 (default: 311)", protocolVersion)
    .option("--nodelay", "accepted; Midge never holds small packets back")
    .optionsGroup("Will, published by the broker when this client disappears:")
    .option("--will-topic <topic>", "its topic")
    .option("--will-payload <payload>", "its payload (default: empty)")
    .option("--will-qos <qos>", "its QoS (default: 0)", qos)
    .option("--will-retain", "retain it")
    .optionsGroup("Other:")
    .option("-d, --debug", "say on standard error what is sent and received")
    .option("--quiet", "print no errors while running; the exit code tells")
    .helpOption("--help", "show this help");
}

/**
 * The ClientOptions that the flags mean. An explicit -h, -p, -u or -P is preferred to that part of -L, in any order.
 */
export function clientOptions(flags: ConnectionFlags): ClientOptions {
  const { url } = flags;
  const userName = flags.username ?? url?.userName;
  const password = flags.pw ?? url?.password;
  if (password !== undefined && userName === undefined) {
    throw new UsageFailure("a password (-P) needs a user name (-u)"); // [v3.1.1 MQTT-3.1.2-22]
  }
  if (flags.id !== undefined && flags.idPrefix !== undefined) {
    throw new UsageFailure("-i and -I exclude each other");
  }
  const clientId = flags.idPrefix === undefined ? flags.id : `${flags.idPrefix}${process.pid}`;
  if (flags.disableCleanSession && clientId === undefined) {
    throw new UsageFailure("-c keeps a session for the next time, so it needs a client id to find it by: add -i NAME");
  }
  return defined({
    host: flags.host ?? url?.host ?? HOST_DEFAULT,
    port: flags.port ?? url?.port ?? PORT_DEFAULT,
    protocolVersion: flags.protocolVersion,
    clientId,
    cleanSession: !flags.disableCleanSession,
    keepAliveSec: flags.keepalive,
    userName,
    password,
    will: will(flags),
  });
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

/** Host and port as one writes them: 127.0.0.1:1883, [::1]:1883. */
export function addressText(options: { host?: string; port?: number }): string {
  const host = options.host ?? HOST_DEFAULT;
  return `${host.includes(":") ? `[${host}]` : host}:${options.port ?? PORT_DEFAULT}`;
}

interface SrvRecord {
  name: string;
  port: number;
  priority: number;
  weight: number;
}

function will(flags: ConnectionFlags): Will | undefined {
  const { willTopic, willPayload, willQos, willRetain } = flags;
  if (willTopic === undefined) {
    if (willPayload === undefined && willQos === undefined && !willRetain) return undefined;
    throw new UsageFailure("a will needs a topic: add --will-topic TOPIC");
  }
  const problem = topicNameProblem(willTopic);
  if (problem !== undefined) throw new UsageFailure(`'${willTopic}' is no topic for a will: ${problem}`);
  return defined({ topicName: willTopic, payload: willPayload, qos: willQos, retain: willRetain });
}

/** The same object without the members that are undefined: an option that is not there takes its default. */
function defined<T extends object>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/**
 * Reads the argument of -L. User name, password and topic are taken as written: mosquitto decodes no %XX there either.
 */
export function brokerUrl(text: string): BrokerUrl {
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1];
  if (scheme === "mqtts") throw new InvalidArgumentError("TLS is not supported yet; use mqtt://");
  if (scheme !== "mqtt") throw new InvalidArgumentError("It begins with mqtt://");
  const match = URL_PARTS.exec(text);
  if (match?.groups === undefined) throw new InvalidArgumentError("It is mqtt://[user[:password]@]host[:port]/topic");
  const { user, password, bracketed, name, digits, topic } = match.groups;
  return defined({
    host: bracketed ?? name ?? "",
    port: digits === undefined ? undefined : port(digits),
    userName: user,
    password,
    topic: topic || undefined,
  });
}

/** The last @ before the path ends the user part, so a password may hold one. An IPv6 address stands in brackets. */
const URL_PARTS =
  /^mqtt:\/\/(?:(?<user>[^:/]*)(?::(?<password>[^/]*))?@)?(?:\[(?<bracketed>[^\]]+)\]|(?<name>[^:/@[\]]+))(?::(?<digits>\d+))?(?:\/(?<topic>.*))?$/su;

/** Reader of whole numbers in a range, for commander. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Reader of seconds with a fraction, for commander. A timer of Node holds 2^31 - 1 milliseconds. */
export function seconds(text: string): number {
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text) || Number(text) > 2_147_483) {
    throw new InvalidArgumentError("It is a number of seconds, as in 0.5.");
  }
  return Number(text);
}

/** Reader of a TCP port, for commander. */
export const port = integer(1, 65_535);

/** Reader of a TCP port to listen on: 0 means a free one. */
export const listenPort = integer(0, 65_535);

/** Reader of a QoS, for commander. */
export function qos(text: string): QoS {
  if (!/^[012]$/.test(text)) throw new InvalidArgumentError("It is 0, 1 or 2.");
  return Number(text) as QoS;
}

/** Reader of -V, for commander. */
export function protocolVersion(text: string): ProtocolVersion {
  const name = text.replace(/^mqttv/, "");
  if (name === "31") return "3.1";
  if (name === "311") return "3.1.1";
  if (name === "5") throw new InvalidArgumentError("MQTT 5.0 is not supported yet; use 311.");
  throw new InvalidArgumentError("It is 31 or 311.");
}

/** What commander complains about, on one line, and why an option of mosquitto_pub or mosquitto_sub is unknown here. */
export function complaint(text: string): string {
  const line = text
    .replace(/^error: /, "")
    .trim()
    .replace(/\n/g, " ");
  const option = /^unknown option '([^']*)'/.exec(line)?.[1] ?? "";
  const reason = NOT_YET.find(([options]) => options.includes(option))?.[1];
  return reason === undefined ? line : `${option}: ${reason}`;
}

/** Options that mosquitto_pub or mosquitto_sub has and Midge has not. */
const NOT_YET: readonly (readonly [options: readonly string[], reason: string])[] = [
  [
    ["--cafile", "--capath", "--cert", "--key", "--keyform", "--ciphers", "--insecure", "--psk", "--psk-identity"],
    "TLS is not supported yet",
  ],
  [
    ["--tls-version", "--tls-alpn", "--tls-engine", "--tls-engine-kpass-sha1", "--tls-use-os-certs"],
    "TLS is not supported yet",
  ],
  [["-D", "--property", "-x", "--retain-as-published"], "MQTT 5.0 is not supported yet"],
  [["-A", "--unix", "--proxy", "--random-filter"], "not supported; mosquitto's own clients have it"],
];

/** Collects an option that may be given many times, for commander. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

const HOST_DEFAULT = "127.0.0.1";
const PORT_DEFAULT = 1883;
