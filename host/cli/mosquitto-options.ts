// The options that `midge pub`, `midge sub` and `midge rr` share: those of mosquitto_pub, mosquitto_sub and mosquitto_rr,
// with the same letters and defaults, and what each may say. What they mean together is connect-options.ts. Knows no socket
// and prints nothing; a wrong value is an InvalidArgumentError (commander names the option).

import { type Command, InvalidArgumentError } from "commander";
import type { ProtocolVersion, QoS } from "../api-types.ts";
import { type PropertyFlags, sessionExpiry } from "./properties.ts";

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
  x?: number;
  property?: PropertyFlags;
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

/** Adds the shared options to a command, all but -D. `version`: of MQTT, when neither -V nor -D says one. */
export function addConnectionOptions(command: Command, version: ProtocolVersion = VERSION_DEFAULT): Command {
  const name = VERSION_NAMES.find(([, candidate]) => candidate === version)?.[0];
  return command
    .optionsGroup("Connection:")
    .option("-h, --host <host>", `host name or address of the broker (default: ${HOST_DEFAULT})`)
    .option("-p, --port <port>", `TCP port of the broker (default: ${PORT_DEFAULT})`, port)
    .option("-L, --url <url>", "mqtt://[user[:password]@]host[:port]/topic, taken as written", brokerUrl)
    .option("-S", "look the broker up in DNS: the SRV record _mqtt._tcp.<host>")
    .option("-u, --username <name>", "user name")
    .option("-P, --pw <password>", "password; before 5.0 it needs a user name")
    .option("-i, --id <id>", "client id (default: midge- and random letters)")
    .option("-I, --id-prefix <prefix>", "client id: this prefix and the process id")
    .option("-c, --disable-clean-session", "keep the session at the broker for the next time; needs -i")
    .option("-k, --keepalive <seconds>", "keep alive, 0 (off) to 65535 (default: 60)", integer(0, 65_535))
    .option(
      "-V, --protocol-version <version>",
      `31, 311 or 5, or mqttv31 and so on (default: ${name})`,
      protocolVersion,
    )
    .option("-x <seconds>", "how long the broker keeps the session (5.0; -1: for ever)", sessionExpiry)
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

/** Host and port as one writes them: 127.0.0.1:1883, [::1]:1883; or the path of a Unix socket. */
export function addressText(options: { host?: string; port?: number; path?: string }): string {
  if (options.path !== undefined) return options.path;
  const host = options.host ?? HOST_DEFAULT;
  return `${host.includes(":") ? `[${host}]` : host}:${options.port ?? PORT_DEFAULT}`;
}

/** The same object without the members that are undefined: an option that is not there takes its default. */
export function defined<T extends object>(object: { [K in keyof T]: T[K] | undefined }): T {
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

/** Reader of a percentage, for commander: as mosquitto_sub has it, from a tenth of one. */
export function percentage(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) < 0.1 || Number(text) > 100) {
    throw new InvalidArgumentError("It is a number from 0.1 to 100.");
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
  const version = VERSION_NAMES.find(([name]) => text === name || text === `mqttv${name}`)?.[1];
  if (version === undefined) throw new InvalidArgumentError("It is 31, 311 or 5.");
  return version;
}

/** What commander complains about, on one line, and why an option of mosquitto's clients is unknown here. */
export function complaint(text: string): string {
  const line = text
    .replace(/^error: /, "")
    .trim()
    // The words of -D come as one, see properties.ts.
    .replace(/[\n\0]/g, " ");
  const option = /^unknown option '([^']*)'/.exec(line)?.[1] ?? "";
  const reason = NOT_YET.find(([options]) => options.includes(option))?.[1];
  return reason === undefined ? line : `${option}: ${reason}`;
}

/** Options that mosquitto's clients have and Midge has not. */
const NOT_YET: readonly (readonly [options: readonly string[], reason: string])[] = [
  [
    ["--cafile", "--capath", "--cert", "--key", "--keyform", "--ciphers", "--insecure", "--psk", "--psk-identity"],
    "TLS is not supported yet",
  ],
  [
    ["--tls-version", "--tls-alpn", "--tls-engine", "--tls-engine-kpass-sha1", "--tls-use-os-certs"],
    "TLS is not supported yet",
  ],
  [["-A", "--unix", "--proxy"], "not supported; mosquitto's own clients have it"],
];

/** Collects an option that may be given many times, for commander. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

export const HOST_DEFAULT = "127.0.0.1";
export const PORT_DEFAULT = 1883;

export const VERSION_DEFAULT: ProtocolVersion = "3.1.1";

/** Argument of -V -> version. */
const VERSION_NAMES: readonly (readonly [name: string, version: ProtocolVersion])[] = [
  ["31", "3.1"],
  ["311", "3.1.1"],
  ["5", "5.0"],
];
