// `midge broker`: starts the broker, says where it listens and who may connect, and ends it in good order on a signal.

import { Command } from "commander";
import { Broker } from "../broker.ts";
import { logBroker } from "./broker-log.ts";
import { listenFailure } from "./failure.ts";
import { addressText, collect, listenPort } from "./mosquitto-options.ts";
import { Output } from "./output.ts";
import { Ending, onInterrupt } from "./signals.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function brokerCommand(end: (exitCode: number) => void): Command {
  return new Command("broker")
    .summary("run a broker")
    .description("Run an MQTT broker for 3.1 and 3.1.1 on one port. It keeps everything in memory.")
    .option("-p, --port <port>", "TCP port to listen on; 0 takes a free one", listenPort, PORT_DEFAULT)
    .option(
      "--host <address>",
      "address of this machine to listen on; may be given many times (default: 127.0.0.1)",
      collect,
    )
    .option("-v, --verbose", "a line for each connect, subscribe, unsubscribe, publish and disconnect")
    .helpOption("--help", "show this help")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: BrokerFlags) => end(await run(flags)));
}

interface BrokerFlags {
  port: number;
  host?: string[];
  verbose?: boolean;
}

async function run(flags: BrokerFlags): Promise<number> {
  const ending = new Ending();
  onInterrupt(() => ending.finish(0));
  const output = new Output(process.stdout, () => ending.finish(0));
  const hosts = flags.host ?? ["127.0.0.1"];
  const broker = await Broker.start({ listen: hosts.map((host) => ({ host, port: flags.port })) }).catch((error) => {
    throw listenFailure(error, flags.port);
  });
  for (const line of welcome(broker.addresses)) output.line(line);
  if (flags.verbose) logBroker(broker, (line) => output.line(line));
  const exitCode = await ending.exitCode;
  await broker.close();
  await output.end();
  return exitCode;
}

/** Where the broker listens, who may connect, and how to change that. */
function welcome(addresses: readonly { host: string; port: number }[]): string[] {
  const open = addresses.filter(({ host }) => !isLoopback(host));
  const who =
    open.length === 0
      ? "Open to every program on this machine, without a password. Other machines cannot connect: --host 0.0.0.0 lets them in."
      : `Open to everyone who reaches ${open.map(addressText).join(", ")}, without a password or encryption: only for networks you trust.`;
  return [
    `midge broker listens on ${addresses.map(addressText).join(", ")}`,
    who,
    "Ctrl-C ends it; -v shows what happens.",
  ];
}

function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^(::ffff:)?127\./.test(host);
}

const PORT_DEFAULT = 1883;

const EXAMPLES = `
Examples:
  midge broker                              (127.0.0.1:1883, for this machine only)
  midge broker -v -p 1884
  midge broker --host 0.0.0.0               (all addresses, IPv4: for other machines)
  midge broker --host 127.0.0.1 --host ::1

A port in use usually means that another broker, such as mosquitto, runs already.
Exit code: 0 ended by Ctrl-C or SIGTERM, 1 it could not listen.`;
