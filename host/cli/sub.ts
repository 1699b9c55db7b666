// `midge sub`: prints what arrives, with the flags of mosquitto_sub. Knows which messages to print and when to stop;
// everything about MQTT is the Client's, and how a message looks is format.ts.

import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { clientOptions, endOptions, versionOf } from "./connect-options.ts";
import { clientFailure, reasonOf, UsageFailure } from "./failure.ts";
import type { Format } from "./format.ts";
import { addFormatOptions, chosenFormat, FORMAT_HELP, type FormatFlags } from "./format-options.ts";
import { connect, type Link, messageText } from "./link.ts";
import { addConnectionOptions, type ConnectionFlags, collect, integer, percentage, qos } from "./mosquitto-options.ts";
import { Printer, type PrinterFlags } from "./printer.ts";
import { addPropertyOption, type PacketName, PropertyCommand, propertyHelp } from "./properties.ts";
import { checkFilter, checkSubscribing, RETAIN_HANDLINGS, type SubscribingFlags, subscribeAll } from "./subscribing.ts";
import { WAIT_MAX, Waiting } from "./waiting.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function subCommand(end: (exitCode: number) => void): Command {
  const command = new PropertyCommand("sub")
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
    .option("--random-filter <percent>", "print this share of the messages, 0.1 to 100, chosen at random", percentage)
    .addOption(
      new Option(
        "--retain-handling <when>",
        "send retained messages: always, if the subscription is new, never (5.0)",
      ).choices(RETAIN_HANDLINGS),
    )
    .option("--retain-as-published", "tell whether the publisher has asked to retain a message (5.0)")
    .option("--no-local", "not what this client has published itself (5.0)")
    .optionsGroup("When to end:")
    .option("-C <count>", "after this many messages", integer(1, Number.MAX_SAFE_INTEGER))
    .option("-W <seconds>", "after this time, with exit code 27", integer(1, WAIT_MAX))
    .option("-E", "as soon as the broker has acknowledged the subscriptions");
  return addConnectionOptions(addPropertyOption(addFormatOptions(command), PACKETS))
    .addHelpText("after", FORMAT_HELP + propertyHelp(PACKETS) + EXAMPLES)
    .action(async (flags: SubFlags) => end(await sub(flags)));
}

interface SubFlags extends ConnectionFlags, FormatFlags, PrinterFlags, SubscribingFlags {
  W?: number;
  E?: boolean;
}

async function sub(flags: SubFlags): Promise<number> {
  const version = versionOf(flags);
  checkSubscribing(flags, version);
  for (const filter of flags.filterOut ?? []) checkFilter(filter);
  if (flags.R && flags.retainedOnly) throw new UsageFailure("-R and --retained-only together would print nothing");
  const format = chosenFormat(flags);
  const options = clientOptions(flags);
  const waiting = new Waiting("sub", flags, 0);
  const link = await Promise.race([connect("sub", options, flags), waiting.exitCode]);
  let exitCode: number;
  if (typeof link === "number") exitCode = link;
  else {
    exitCode = await receive(link, flags, format, waiting);
    // As mosquitto_sub: who is cut short leaves with its Will.
    await link.client.end(endOptions(flags, version, waiting.cutShort));
  }
  await waiting.close(exitCode);
  return exitCode;
}

/** From CONNACK until nothing more is wanted. Resolves with the exit code. */
async function receive(link: Link, flags: SubFlags, format: Format, waiting: Waiting): Promise<number> {
  const { client, address, gone, debug, notice } = link;
  const removals = new Set<Promise<unknown>>();
  const printer = new Printer(flags, format, {
    write: (bytes) => waiting.output.write(bytes),
    complain: notice,
    finish: () => waiting.finish(0),
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
  const subscribed = subscribeAll(link, flags, versionOf(flags)).then(() => {
    if (flags.E) waiting.finish(0);
    return waiting.exitCode;
  });
  const exitCode = await Promise.race([waiting.exitCode, subscribed, gone]).catch((error: unknown) => {
    throw clientFailure(error, address);
  });
  // Nothing to wait for when the connection is gone: what was asked for is done.
  const lost = gone.catch(() => {});
  await Promise.race([Promise.allSettled(removals), sleep(REMOVALS_WAIT_MS), lost]);
  return exitCode;
}

/** Packets it sends that -D may name. */
const PACKETS: readonly PacketName[] = ["connect", "will", "subscribe", "unsubscribe", "disconnect"];

/** How long the removals of --remove-retained may take to be acknowledged once everything else is done. */
const REMOVALS_WAIT_MS = 5_000;

const EXAMPLES = `

Examples:
  midge sub -t 'garden/#' -v
  midge sub -h 192.168.1.10 -t garden/soil -C 1 -W 10        (one message, or exit code 27 after 10 s)
  midge sub -t '#' -F '@H:@M:@S  %-30t %p'
  midge sub -t '#' -F %j | jq .payload
  midge sub -i logger -c -q 1 -t garden/log                  (what is missed while away comes later)
  midge sub -t 'garden/#' --retained-only --remove-retained -W 2
  midge sub -V 5 -t '$share/loggers/garden/#'                (the messages are shared with others of the group)
  midge sub -t garden/soil -F '%t %C %P %p' -D subscribe user-property midge_expiry 3600

Exit code: 0 done, 1 wrong usage or no connection, 27 time ran out (-W), else the code with which the broker refused
(5 or 135: not authorised).`;
