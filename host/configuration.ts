// A mosquitto.conf for a broker: the core reads it and sets what is the core's; what only a host can do comes back from here.
// Knows no key.

import { EVENT_FAULT, EVENT_LISTENER, EVENT_SETTING, OK } from "../assembly/abi.ts";
import type { ListenAddress } from "./broker-options.ts";
import { CONFIG_TEXT } from "./configuration-texts.ts";
import type { BrokerExports, Core, CoreEvent } from "./core.ts";
import { MidgeError } from "./errors.ts";

/** What the text of a configuration asks of the host. */
export interface Configuration {
  /** Where to listen; undefined when it does not say. */
  readonly listen: readonly ListenAddress[] | undefined;
  /** What the core leaves to the program around it: pid_file, user, log_dest, log_type, connection_messages. Several of
   *  log_dest and log_type add up, of the others the last one counts. */
  readonly settings: readonly ConfigurationSetting[];
}

export interface ConfigurationSetting {
  readonly key: string;
  readonly value: string;
}

/** A line that is wrong. */
export interface ConfigurationFault {
  /** From 1; 0 when it is not about one line. */
  readonly line: number;
  /** Empty when the line could not be read. */
  readonly key: string;
  readonly value: string;
  /** CONFIG_* of the ABI. */
  readonly code: number;
  /** In words. */
  readonly text: string;
}

/** All that is wrong with a configuration. */
export class ConfigurationError extends MidgeError {
  readonly faults: readonly ConfigurationFault[];

  constructor(faults: readonly ConfigurationFault[]) {
    super("CONFIGURATION_INVALID", faults.map((fault) => faultText(fault)).join("\n"));
    this.name = "ConfigurationError";
    this.faults = faults;
  }
}

/** Configures a core that has had no connection. Throws a ConfigurationError, and then nothing has changed. */
export function configure(core: Core<BrokerExports>, text: string | Uint8Array): Configuration {
  const bytes = Buffer.from(text as string);
  core.writeArgument(bytes);
  const status = core.exports.configure(bytes.length);
  const events = core.drainEvents();
  if (status !== OK) throw new ConfigurationError(events.filter(({ kind }) => kind === EVENT_FAULT).map(faultOf));
  const listen = events.filter(({ kind }) => kind === EVENT_LISTENER).map(addressOf);
  const settings = events.filter(({ kind }) => kind === EVENT_SETTING);
  return {
    listen: listen.length > 0 ? listen : undefined,
    settings: settings.map(({ a, b }) => ({ key: a.toString(), value: b.toString() })),
  };
}

/** A fault on one line. `file`: the name that stands before it, as in `mosquitto.conf:3: max_qos: ...`. */
export function faultText({ line, key, text }: ConfigurationFault, file?: string): string {
  const number = line === 0 ? [] : [String(line)];
  const place = file === undefined ? number.map((text) => `line ${text}`) : [[file, ...number].join(":")];
  return [...place, ...(key === "" ? [] : [key]), text].join(": ");
}

function faultOf({ code, detail, a, b, c }: CoreEvent): ConfigurationFault {
  const hint = c.length === 0 ? "" : `: ${c}`;
  return { line: detail, key: a.toString(), value: b.toString(), code, text: `${CONFIG_TEXT[code]}${hint}` };
}

function addressOf({ code, a, b }: CoreEvent): ListenAddress {
  return b.length > 0 ? { path: b.toString() } : { host: a.toString(), port: code };
}
