#!/usr/bin/env node
// The `midge` command: the program, its subcommands, and how it ends. What a subcommand does is in cli/, a file each.
// Every subcommand ends in one of two ways: an exit code, or a Failure that becomes one line on standard error.

import { Command, CommanderError } from "commander";
import { brokerCommand } from "./cli/broker.ts";
import { demoCommand } from "./cli/demo.ts";
import { EXIT_FAILURE, Failure, UsageFailure } from "./cli/failure.ts";
import { type ConnectionFlags, complaint } from "./cli/mosquitto-options.ts";
import { passwdCommand } from "./cli/passwd.ts";
import { pubCommand } from "./cli/pub.ts";
import { replayCommand } from "./cli/replay.ts";
import { rrCommand } from "./cli/rr.ts";
import { subCommand } from "./cli/sub.ts";
import { VERSION } from "./version.ts";

let exitCode = 0;
const end = (code: number) => {
  exitCode = code;
};
const commands = [
  pubCommand(end),
  subCommand(end),
  rrCommand(end),
  brokerCommand(end),
  passwdCommand(end),
  replayCommand(end),
  demoCommand(end),
];

const program = new Command("midge")
  .description("MQTT for small machines: a broker, and tools to publish and subscribe.")
  .version(VERSION, "--version", "show the version")
  .helpOption("-h, --help", "show this help")
  .helpCommand(false)
  // What stands behind the command's name is the command's: `midge pub -m --version`.
  .enablePositionalOptions()
  .addHelpText("after", "\nEach command has its own help: midge pub --help");
for (const command of commands) {
  // commander prints "error: ..." and ends the process; here it is one line with the command's name, and main() ends
  // it.
  command.exitOverride().configureOutput({ outputError: (text) => tell(command.name(), complaint(text)) });
  program.addCommand(command);
}
program.exitOverride().configureOutput({ outputError: (text) => tell("", complaint(text)) });

/** A line on standard error, behind the program's name. */
function tell(name: string, text: string): void {
  process.stderr.write(`midge${name === "" ? "" : ` ${name}`}: ${text.trim()}\n`);
}

async function main(): Promise<void> {
  let running: Command | undefined;
  program.hook("preAction", (_, command) => {
    running = command;
  });
  try {
    await program.parseAsync();
  } catch (error) {
    // commander has spoken already; it ends with 0 after --help and --version.
    if (error instanceof CommanderError) return end(error.exitCode);
    if (!(error instanceof Failure)) throw error;
    end(error.exitCode);
    const quiet = running?.opts<ConnectionFlags>().quiet === true && !(error instanceof UsageFailure);
    if (!quiet) tell(running?.name() ?? "", error.message);
  }
}

for (const stream of [process.stdout, process.stderr]) {
  // A reader that has gone is no error: `midge --help | head -1`. What else it means for a command, its Output knows.
  stream.on("error", () => {});
}
await main().catch((error: unknown) => {
  console.error(error);
  exitCode = EXIT_FAILURE;
});
// A pipe may still hold the last lines on systems where writing to it does not wait; timers and sockets may stay
// behind.
process.stdout.write("", () => process.exit(exitCode));
