// The option -c of `midge broker`: reads mosquitto.conf, says what is wrong with it, and acts on what the core leaves to the
// program: log, pid file, user. Knows no other key.

import { execFileSync } from "node:child_process";
import { unlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { BrokerEvents } from "../broker-events.ts";
import { ConfigurationError, type ConfigurationSetting, faultText } from "../configuration.ts";
import type { MidgeErrorCode } from "../errors.ts";
import { LOG_KINDS, printable } from "./broker-log.ts";
import { Failure, reasonOf } from "./failure.ts";
import { LogFile } from "./log-file.ts";

/** The text of a configuration file; rejects with Failure. */
export function readConfiguration(file: string): Promise<Buffer> {
  return readFile(file).catch((error: Error) => {
    throw new Failure(`cannot read ${file}: ${reasonOf(error)}`);
  });
}

/** Why a broker with the configuration `file` did not start, as a Failure; each fault of the file has been printed on a line
 *  of its own then. An error of another kind comes back as it is. */
export function configurationFailure(error: unknown, file: string): unknown {
  if (error instanceof ConfigurationError) {
    for (const fault of error.faults) process.stderr.write(`${printable(faultText(fault, file))}\n`);
    return new Failure(`${file} is not good, and nothing was started`);
  }
  if ((error as { code?: MidgeErrorCode }).code !== "LISTEN_FAILED") return error;
  const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  const reason = cause?.code === "EADDRINUSE" ? "another program has it" : reasonOf(error);
  return new Failure(`${message.slice(0, message.indexOf(": "))}, as ${file} says: ${reason}`);
}

/** What the settings of a configuration ask of the program while its broker runs. */
export class ProgramSettings {
  /** What is logged. */
  readonly kinds: readonly (keyof BrokerEvents)[];
  readonly #pidFile: string | undefined;
  readonly #files: LogFile[];
  readonly #printers: ((line: string) => void)[];
  readonly #reopen = () => {
    for (const file of this.#files) file.reopen();
  };

  /** Writes the pid file, opens the log, and last gives up what root may do; throws Failure. `verbose`: all is logged.
   *  `print`: to standard output. */
  constructor(settings: readonly ConfigurationSetting[], verbose: boolean, print: (line: string) => void) {
    const all = (key: string) => settings.filter((setting) => setting.key === key).map(({ value }) => value);
    const places = destinations(all("log_dest"));
    const warn = (text: string) => process.stderr.write(`midge broker: ${text}\n`);
    this.kinds = verbose ? LOG_KINDS : logKinds(all("log_type"), all("connection_messages").at(-1) !== "false");
    this.#pidFile = all("pid_file").at(-1);
    this.#files = places.flatMap((place) => (place.startsWith(FILE) ? [new LogFile(filePath(place), warn)] : []));
    this.#printers = this.#files.map((file) => (line: string) => file.line(line));
    if (places.includes("stdout")) this.#printers.push(print);
    if (places.includes("stderr")) this.#printers.push((line) => process.stderr.write(`${line}\n`));
    if (this.#pidFile !== undefined) writePid(this.#pidFile);
    const user = all("user").at(-1);
    if (user !== undefined) becomeUser(user);
    process.on("SIGHUP", this.#reopen);
  }

  /** Logs a line. */
  print(line: string): void {
    for (const print of this.#printers) print(line);
  }

  close(): void {
    process.off("SIGHUP", this.#reopen);
    for (const file of this.#files) file.close();
    if (this.#pidFile === undefined) return;
    try {
      unlinkSync(this.#pidFile);
    } catch {
      // A user that root became may not: the file says then what no longer is, as mosquitto's does.
    }
  }
}

const FILE = "file";

/** Path of `file PATH`, as the value of log_dest. */
function filePath(place: string): string {
  return place.slice(FILE.length).trim();
}

/** Where the log goes, each once; what stands before `none` does not count. */
function destinations(values: readonly string[]): string[] {
  if (values.length === 0) return ["stderr"];
  return [...new Set(values.slice(values.lastIndexOf("none") + 1))];
}

/** What mosquitto logs with these types. */
function logKinds(values: readonly string[], ofConnections: boolean): (keyof BrokerEvents)[] {
  const types = values.length === 0 ? DEFAULT_TYPES : values.slice(values.lastIndexOf("none") + 1);
  const has = (type: string) => types.includes(type) || types.includes("all");
  return LOG_KINDS.filter((kind) => {
    if (kind === "subscribe" || kind === "unsubscribe") return has(kind);
    return kind === "publish" ? has("debug") : ofConnections && has("notice");
  });
}

const DEFAULT_TYPES = ["error", "warning", "notice", "information"];

function writePid(file: string): void {
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch (error) {
    throw new Failure(`cannot write the pid file ${file}: ${reasonOf(error)}`);
  }
}

/** As mosquitto does: only root can, and others stay who they are. */
function becomeUser(name: string): void {
  if (process.getuid?.() !== 0 || name === "root") return;
  try {
    const groups = String(execFileSync("id", ["-G", "--", name], { stdio: ["ignore", "pipe", "ignore"] }));
    // Its own group comes first.
    const [group = 0, ...others] = groups.split(" ").map(Number);
    process.setgroups?.([group, ...others]);
    process.setgid?.(group);
    process.setuid?.(name);
  } catch {
    throw new Failure(`cannot become the user ${name}`);
  }
}
