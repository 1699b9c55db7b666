// `midge sub`: prints what arrives, with the flags of mosquitto_sub. Knows which messages to print and when to stop;
// everything about MQTT is the Client's, and how a message looks is format.ts.

import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import type { Message, QoS } from "../api-types.ts";
import type { Client } from "../client.ts";
import { clientFailure, EXIT_TIMED_OUT, Failure, reasonOf, UsageFailure } from "./failure.ts";
import { compileFormat, type Format, payloadFormat, verboseFormat } from "./format.ts";
import { connect, type Link } from "./link.ts";
import {
  addConnectionOptions,
  type ConnectionFlags,
  clientOptions,
  collect,
  integer,
  qos,
} from "./mosquitto-options.ts";
import { Output } from "./output.ts";
import { Printer, type PrinterFlags } from "./printer.ts";
import { Ending, onInterrupt } from "./signals.ts";
import { topicFilterProblem } from "./topic.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function subCommand(end: (exitCode: number) => void): Command {
  const command = new Command("sub")
    .summary("subscribe and print messages")
    .description("Subscribe to topics and print the messages. The options are those of mosquitto_sub.")
    .optionsGroup("Subscriptions:")
    .option("-t, --topic <filter>", "topic filter to subscribe to; may be given many times", collect)
    .option("-q, --qos <qos>", "highest QoS to receive with (default: 0)", qos)
    .option("-T, --filter-out <filter>", "do not print topics that match; may be given many times", collect)
    .option("-U, --unsubscribe <filter>", "unsubscribe; may be given many times", collect)
    .option("-R", "do not print retained messages, which may be old")
    .option("--retained-only", "print retained messages only; end at the first that is not")
    .option("--remove-retained", "remove each retained message received (unless -T names it)")
    .optionsGroup("When to end:")
    .option("-C <count>", "after this many messages", integer(1, Number.MAX_SAFE_INTEGER))
    .option("-W <seconds>", "after this time, with exit code 27", integer(1, TIMEOUT_MAX))
    .option("-E", "as soon as the broker has acknowledged the subscriptions")
    .optionsGroup("Output:")
    .option("-v, --verbose", "print topic and payload")
    .option("-F <format>", "print this format, see below")
    .option("--pretty", "with %j or %J: over several lines")
    .option("-N", "no line end after a message");
  return addConnectionOptions(command)
    .addHelpText("after", FORMAT_HELP + EXAMPLES)
    .action(async (flags: SubFlags) => end(await sub(flags)));
}

interface SubFlags extends ConnectionFlags, PrinterFlags {
  topic?: string[];
  qos?: QoS;
  unsubscribe?: string[];
  W?: number;
  E?: boolean;
  verbose?: boolean;
  F?: string;
  pretty?: boolean;
}

async function sub(flags: SubFlags): Promise<number> {
  checkFlags(flags);
  const format = chosenFormat(flags);
  const options = clientOptions(flags);
  // Whatever ends it first: a signal, -W, -C, -E, --retained-only, a reader that has gone.
  const ending = new Ending();
  const output = new Output(process.stdout, () => ending.finish(0));
  onInterrupt(() => ending.finish(0));
  // mosquitto_sub counts -W from its CONNACK. From the start is kinder to scripts: a silent address does not hold them
  // longer.
  if (flags.W !== undefined) setTimeout(() => ending.finish(EXIT_TIMED_OUT), flags.W * 1000);

  const link = await Promise.race([connect("sub", options, flags), ending.exitCode]);
  const exitCode = typeof link === "number" ? link : await receive(link, flags, format, output, ending);
  await output.end();
  if (exitCode === EXIT_TIMED_OUT && !flags.quiet) {
    process.stderr.write(`midge sub: timed out after ${flags.W} s (-W)\n`);
  }
  return exitCode;
}

/** From CONNACK to DISCONNECT. Resolves with the exit code. */
async function receive(
  { client, address, gone, debug, notice }: Link,
  flags: SubFlags,
  format: Format,
  output: Output,
  ending: Ending,
): Promise<number> {
  const removals = new Set<Promise<void>>();
  const printer = new Printer(flags, format, {
    write: (bytes) => output.write(bytes),
    complain: notice,
    finish: () => ending.finish(0),
    removeRetained(topicName) {
      const removal = client.publish(topicName, "", { qos: 1, retain: true });
      removals.add(removal);
      removal.then(
        () => removals.delete(removal),
        (error) => notice(`cannot remove the retained message of ${topicName}: ${reasonOf(error)}`),
      );
    },
  });
  client.on("message", (message) => {
    if (flags.debug) debug(messageText(message));
    printer.receive(message);
  });
  const subscribed = subscribeAll(client, flags, debug, notice).then(() => {
    if (flags.E) ending.finish(0);
    return ending.exitCode;
  });
  const exitCode = await Promise.race([ending.exitCode, subscribed, gone]).catch((error: unknown) => {
    throw clientFailure(error, address);
  });
  // Nothing to wait for when the connection is gone: what was asked for is done.
  const lost = gone.catch(() => {});
  await Promise.race([Promise.allSettled(removals), sleep(REMOVALS_WAIT_MS), lost]);
  await client.end();
  return exitCode;
}

/** Resolves when the broker has acknowledged all of it. Rejects with a Failure when it refused every subscription. */
async function subscribeAll(
  client: Client,
  flags: SubFlags,
  debug: (text: string) => void,
  notice: (text: string) => void,
): Promise<void> {
  const filters = topicFilters(flags);
  const refused: string[] = [];
  const subscribe = async (filter: string) => {
    try {
      debug(`SUBSCRIBE '${filter}', q${flags.qos ?? 0}`);
      const { grantedQos } = await client.subscribe(filter, { qos: flags.qos ?? 0 });
      debug(`SUBACK '${filter}', granted q${grantedQos}`);
    } catch (error) {
      if ((error as { code?: string }).code !== "SUBSCRIPTION_REFUSED") throw error;
      refused.push(filter);
    }
  };
  await Promise.all(filters.map(subscribe));
  if (filters.length > 0 && refused.length === filters.length) {
    throw new Failure("the broker refused every subscription");
  }
  for (const filter of refused) notice(`the broker refused the subscription to ${filter}`);
  const unsubscribe = async (filter: string) => {
    debug(`UNSUBSCRIBE '${filter}'`);
    await client.unsubscribe(filter);
    debug(`UNSUBACK '${filter}'`);
  };
  await Promise.all((flags.unsubscribe ?? []).map(unsubscribe));
}

function messageText({ duplicate, qos, retain, packetId, topicName, payload }: Message): string {
  return `PUBLISH d${+duplicate}, q${qos}, r${+retain}, m${packetId}, '${topicName}', ${payload.length} bytes`;
}

function topicFilters(flags: SubFlags): string[] {
  return [...(flags.url?.topic === undefined ? [] : [flags.url.topic]), ...(flags.topic ?? [])];
}

function checkFlags(flags: SubFlags): void {
  const named = [...topicFilters(flags), ...(flags.unsubscribe ?? [])];
  if (named.length === 0) throw new UsageFailure("a topic is missing: add -t TOPIC (-t '#' is all of them)");
  for (const filter of [...named, ...(flags.filterOut ?? [])]) {
    const problem = topicFilterProblem(filter);
    if (problem !== undefined) throw new UsageFailure(`'${filter}' is not a topic filter: ${problem}`);
  }
  if (flags.R && flags.retainedOnly) throw new UsageFailure("-R and --retained-only together would print nothing");
}

function chosenFormat(flags: SubFlags): Format {
  if (flags.F !== undefined) return compileFormat(flags.F, flags.pretty);
  return flags.verbose ? verboseFormat : payloadFormat;
}

/** A timer of Node holds 2^31 - 1 milliseconds. */
const TIMEOUT_MAX = 2_147_483;

/** How long the removals of --remove-retained may take to be acknowledged once everything else is done. */
const REMOVALS_WAIT_MS = 5_000;

const FORMAT_HELP = `
Format (-F): text with these sequences; %10t is at least 10 characters wide, %-10t left aligned, %010l with zeros, %.10t at most 10
  %t topic       %p payload      %l its length   %x %X payload in hexadecimal
  %q QoS         %r retained     %m packet id    %% a percent sign
  %j JSON with the payload as a string           %J JSON with the payload as JSON
  %I time in ISO 8601            %U Unix time with nanoseconds
  @X conversion X of strftime(3), @N nanoseconds, @@ an at sign
  \\\\ \\0 \\a \\e \\n \\r \\t \\v        escapes
  %A %C %D %E %F %P %R %S        properties of MQTT 5.0: empty`;

const EXAMPLES = `

Examples:
  midge sub -t 'garden/#' -v
  midge sub -h 192.168.1.10 -t garden/soil -C 1 -W 10        (one message, or exit code 27 after 10 s)
  midge sub -t '#' -F '@H:@M:@S  %-30t %p'
  midge sub -t '#' -F %j | jq .payload
  midge sub -i logger -c -q 1 -t garden/log                  (what is missed while away comes later)
  midge sub -t 'garden/#' --retained-only --remove-retained -W 2

Exit code: 0 done, 1 wrong usage or no connection, 27 time ran out (-W), else the CONNACK return code (5: not authorised).`;
