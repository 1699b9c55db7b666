// `midge pub`: publishes and ends, with the flags of mosquitto_pub. Knows how many messages may be under way at once;
// where their payloads come from is payloads.ts, everything about MQTT is the Client's.

import type { Readable } from "node:stream";
import { Command } from "commander";
import type { QoS } from "../api-types.ts";
import { clientFailure, UsageFailure } from "./failure.ts";
import { connect, type Link } from "./link.ts";
import {
  addConnectionOptions,
  type ConnectionFlags,
  clientOptions,
  integer,
  qos,
  seconds,
} from "./mosquitto-options.ts";
import { checkSource, openPayloads, PAYLOAD_LENGTH_MAX, type PayloadFlags } from "./payloads.ts";
import { topicNameProblem } from "./topic.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function pubCommand(end: (exitCode: number) => void): Command {
  const command = new Command("pub")
    .summary("publish messages")
    .description("Publish messages on a topic. The options are those of mosquitto_pub.")
    .optionsGroup("What to publish (exactly one of -m -f -l -s -n):")
    .option("-t, --topic <topic>", "topic to publish on")
    .option("-m, --message <payload>", "this payload")
    .option("-f, --file <path>", "the contents of a file")
    .option("-l, --stdin-line", "each line of standard input, as a message of its own")
    .option("-s, --stdin-file", "all of standard input, as one message")
    .option("-n, --null-message", "an empty payload; with -r it removes the retained message")
    .option("-r, --retain", "the broker keeps it for subscribers to come")
    .option("-q, --qos <qos>", "0 at most once, 1 at least once, 2 exactly once (default: 0)", qos)
    .option("--repeat <count>", "publish it this many times (not with -l)", integer(1, Number.MAX_SAFE_INTEGER))
    .option("--repeat-delay <seconds>", "wait between two of them (default: 0)", seconds)
    .option(
      "-M, --max-inflight <count>",
      "messages of QoS 1 and 2 under way at once (default: 20)",
      integer(1, INFLIGHT_MAX),
    );
  return addConnectionOptions(command)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: PubFlags) => end(await pub(flags, process.stdin)));
}

interface PubFlags extends ConnectionFlags, PayloadFlags {
  topic?: string;
  retain?: boolean;
  qos?: QoS;
  maxInflight?: number;
}

async function pub(flags: PubFlags, stdin: Readable): Promise<number> {
  const topicName = checkedTopic(flags);
  checkSource(flags);
  // A stream of lines outlives a broken connection. One message is its caller's to try again: a broker that closes at
  // every attempt, because the message is too large for it, must not keep a script for ever.
  const reconnect = flags.stdinLine === true;
  const options = { ...clientOptions(flags), reconnect, outboxBytesMax: OUTBOX_BYTES_MAX };
  if (flags.maxInflight !== undefined) options.inflightMax = flags.maxInflight;
  const payloads = await openPayloads(flags, stdin);
  const link = await connect("pub", options, flags);
  const published = publishAll(link, topicName, payloads, flags).catch((error: unknown) => {
    throw clientFailure(error, link.address);
  });
  await Promise.race([published, link.gone]);
  await link.client.end();
  return 0;
}

async function publishAll(
  link: Link,
  topicName: string,
  payloads: AsyncIterable<Uint8Array>,
  flags: PubFlags,
): Promise<void> {
  const { qos = 0, retain = false } = flags;
  const pending: { done: Promise<void>; length: number }[] = [];
  let pendingBytes = 0;
  for await (const payload of payloads) {
    link.debug(`PUBLISH q${qos}, r${+retain}, '${topicName}', ${payload.length} bytes`);
    const done = link.client.publish(topicName, payload, { qos, retain });
    // Awaited below, in order; until then a rejection is not "unhandled".
    done.catch(() => {});
    pending.push({ done, length: payload.length });
    pendingBytes += payload.length;
    // Lines may follow each other closely; a repeated message is published when the one before it is delivered.
    const enough = () => !flags.stdinLine || pending.length >= PENDING_MAX || pendingBytes >= PENDING_BYTES_MAX;
    while (pending.length > 0 && enough()) {
      const oldest = pending.shift();
      await oldest?.done;
      pendingBytes -= oldest?.length ?? 0;
    }
  }
  await Promise.all(pending.map(({ done }) => done));
}

function checkedTopic(flags: PubFlags): string {
  const topicName = flags.topic ?? flags.url?.topic;
  if (topicName === undefined) throw new UsageFailure("a topic is missing: add -t TOPIC");
  const problem = topicNameProblem(topicName);
  if (problem !== undefined) throw new UsageFailure(`cannot publish on '${topicName}': ${problem}`);
  return topicName;
}

/** Lines handed to the Client and not yet sent or acknowledged: enough to keep its window full. */
const PENDING_MAX = 100;
const PENDING_BYTES_MAX = 1_048_576;

/** The Client keeps the other Packet Identifiers for its subscriptions. */
const INFLIGHT_MAX = 61_439;

/** Room for the largest message there is and what may be pending before it: pub holds the bytes anyway. */
const OUTBOX_BYTES_MAX = PAYLOAD_LENGTH_MAX + 2 * PENDING_BYTES_MAX;

const EXAMPLES = `
Examples:
  midge pub -t garden/light -m on
  midge pub -h 192.168.1.10 -t garden/light -m on -q 1 -r
  sensors | midge pub -t garden/log -l
  midge pub -L mqtt://user:secret@broker.local/garden/photo -f photo.jpg
  midge pub -t garden/light -n -r          (removes the retained message)

Exit code: 0 done, 1 wrong usage or no connection, else the CONNACK return code (5: not authorised).`;
