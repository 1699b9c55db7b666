// `midge broker`: starts the broker, says where it listens and who may connect, and ends it in good order on a signal.

import { Command, InvalidArgumentError } from "commander";
import { Broker } from "../broker.ts";
import type { BrokerOptions } from "../broker-options.ts";
import { PasswordStore } from "../passwords.ts";
import { logBroker } from "./broker-log.ts";
import { configurationFailure, ProgramSettings, readConfiguration } from "./configuration.ts";
import { chosenEngine, type EngineFlag, engineOption } from "./engine-option.ts";
import { Failure, listenFailure, reasonOf } from "./failure.ts";
import { addressText, collect, listenPort } from "./mosquitto-options.ts";
import { Output } from "./output.ts";
import { recordedEngine } from "./record.ts";
import { Ending, onInterrupt } from "./signals.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function brokerCommand(end: (exitCode: number) => void): Command {
  return new Command("broker")
    .summary("run a broker")
    .description("Run an MQTT broker for 3.1, 3.1.1 and 5.0 on one port. It keeps everything in memory.")
    .option("-c, --config-file <file>", "a mosquitto.conf; where it has a listener, -p and --host mean nothing")
    .option("-p, --port <port>", `TCP port to listen on; 0 takes a free one (default: ${PORT_DEFAULT})`, listenPort)
    .option(
      "--host <address>",
      "address of this machine to listen on; may be given many times (default: 127.0.0.1)",
      collect,
    )
    .option("--password-file <file>", "let in only the users of this file, which midge passwd writes")
    .option(
      "--redirect <server>",
      "accept nobody, and send clients of 5.0 to this server, as in example.org:1883",
      serverName,
    )
    .addOption(engineOption())
    .option("--record <file>", "record all that happens, passwords too, for midge replay")
    .option("-v, --verbose", "a line for each connect, subscribe, unsubscribe, publish and disconnect")
    .helpOption("--help", "show this help")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: BrokerFlags) => end(await run(flags)));
}

interface BrokerFlags extends EngineFlag {
  configFile?: string;
  port?: number;
  host?: string[];
  passwordFile?: string;
  redirect?: string;
  record?: string;
  verbose?: boolean;
}

async function run(flags: BrokerFlags): Promise<number> {
  const ending = new Ending();
  onInterrupt(() => ending.finish(0));
  const output = new Output(process.stdout, () => ending.finish(0));
  const passwords = flags.passwordFile === undefined ? undefined : await readPasswords(flags.passwordFile);
  const recorded = recordedEngine(chosenEngine(flags), flags.record, (text) => {
    process.stderr.write(`midge broker: ${text}\n`);
  });
  const options = await brokerOptions(flags, passwords);
  const broker = await Broker.start({ ...options, engine: recorded.engine }).catch((error) => {
    throw startFailure(error, flags);
  });
  const settings = await programSettings(broker, flags, output);
  for (const line of welcome(broker, flags, passwords)) output.line(line);
  if (settings !== undefined) logBroker(broker, (line) => settings.print(line), undefined, settings.kinds);
  else if (flags.verbose) logBroker(broker, (line) => output.line(line));
  if (passwords !== undefined) reloadOnHangup(passwords, (line) => output.line(line));
  const exitCode = await ending.exitCode;
  await broker.close();
  settings?.close();
  recorded.close();
  await output.end();
  return exitCode;
}

async function brokerOptions(flags: BrokerFlags, passwords: PasswordStore | undefined): Promise<BrokerOptions> {
  const { configFile, host = ["127.0.0.1"], port = PORT_DEFAULT } = flags;
  return {
    listen: host.map((name) => ({ host: name, port })),
    ...(configFile !== undefined && { configuration: await readConfiguration(configFile) }),
    ...(passwords && { passwords }),
    ...(flags.redirect !== undefined && { redirect: { serverReference: flags.redirect } }),
  };
}

function startFailure(error: unknown, { configFile, port = PORT_DEFAULT }: BrokerFlags): unknown {
  return configFile === undefined ? listenFailure(error, port) : configurationFailure(error, configFile);
}

/** Acts on what the configuration, if there is one, asks of this program. */
async function programSettings(
  broker: Broker,
  flags: BrokerFlags,
  output: Output,
): Promise<ProgramSettings | undefined> {
  const { configuration } = broker;
  if (configuration === undefined) return undefined;
  // mosquitto does so without a word.
  if (configuration.listen !== undefined && (flags.port !== undefined || flags.host !== undefined)) {
    process.stderr.write(`midge broker: ${flags.configFile} says where to listen: -p and --host do not count\n`);
  }
  try {
    return new ProgramSettings(configuration.settings, flags.verbose === true, (line) => output.line(line));
  } catch (error) {
    await broker.close();
    throw error;
  }
}

function readPasswords(file: string): Promise<PasswordStore> {
  return PasswordStore.read(file).catch((error: Error) => {
    throw new Failure(passwordFailure(error));
  });
}

/** As mosquitto does: new users and passwords without losing what the broker holds. */
function reloadOnHangup(passwords: PasswordStore, print: (line: string) => void): void {
  process.on("SIGHUP", () => {
    passwords.reload().then(
      () => print(`read the password file again: ${counted(passwords)}`),
      (error: Error) => print(`the users stay as they were: ${passwordFailure(error)}`),
    );
  });
}

/** What is wrong with the password file: its own words, or those for the system's error. */
function passwordFailure(error: Error): string {
  return error.cause === undefined ? error.message : `cannot read the password file: ${reasonOf(error)}`;
}

function counted({ size }: PasswordStore): string {
  return size === 1 ? "1 user" : `${size} users`;
}

/** Where the broker listens, who may connect, and how to change that. */
function welcome(broker: Broker, flags: BrokerFlags, passwords: PasswordStore | undefined): string[] {
  const { addresses, configuration } = broker;
  const open = addresses.filter(({ host, path }) => path === undefined && !isLoopback(host));
  const reach = open.map(addressText).join(", ");
  const change =
    configuration?.listen === undefined ? "--host 0.0.0.0 lets them in" : "listener 1883 would let them in";
  const inside = `Other machines cannot connect: ${change}.`;
  const lines = [`midge broker listens on ${addresses.map(addressText).join(", ")}`];
  if (passwords !== undefined) {
    lines.push(`Open to the users of ${flags.passwordFile} (${counted(passwords)}), by password or SCRAM-SHA-256.`);
    lines.push(
      open.length === 0
        ? inside
        : `Whoever listens on the way to ${reach} can read messages, and passwords but with SCRAM: only for networks you trust.`,
    );
  } else if (open.length === 0) {
    lines.push(`Open to every program on this machine, without a password. ${inside}`);
  } else {
    lines.push(`Open to everyone who reaches ${reach}, without a password or encryption: only for networks you trust.`);
  }
  if (flags.redirect !== undefined)
    lines.push(`Every client is refused, and sent to ${flags.redirect} if it speaks 5.0.`);
  if (flags.record !== undefined) lines.push(`Recorded in ${flags.record}: all that clients send, passwords too.`);
  lines.push("Ctrl-C ends it; -v shows what happens.");
  return lines;
}

function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^(::ffff:)?127\./.test(host);
}

/** Reader of --redirect, for commander. */
function serverName(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is a server, as in example.org:1883.");
  return text;
}

const PORT_DEFAULT = 1883;

const EXAMPLES = `
Examples:
  midge broker                              (127.0.0.1:1883, for this machine only)
  midge broker -v -p 1884
  midge broker --host 0.0.0.0               (all addresses, IPv4: for other machines)
  midge broker --host 127.0.0.1 --host ::1
  midge broker -c mosquitto.conf            (assembly/config/README.md lists the keys it may have)
  midge broker --password-file passwords    (users made with midge passwd; SIGHUP reads the file again)

A port in use usually means that another broker, such as mosquitto, runs already.
Exit code: 0 ended by Ctrl-C or SIGTERM, 1 it could not start.`;
