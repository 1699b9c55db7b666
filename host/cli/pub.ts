// `midge pub`: publishes and ends, with the flags of mosquitto_pub. Knows how many messages may be under way at once;
// where their payloads come from is payloads.ts, everything about MQTT is the Client's.

import type { Readable } from "node:stream";
import type { Command } from "commander";
import type { PublishOptions, QoS } from "../api-types.ts";
import { reasonText } from "../reason-codes.ts";
import { clientOptions, endOptions, versionOf } from "./connect-options.ts";
import { clientFailure, said } from "./failure.ts";
import { connect, type Link } from "./link.ts";
import { addConnectionOptions, type ConnectionFlags, integer, qos, seconds } from "./mosquitto-options.ts";
import { checkSource, openPayloads, PAYLOAD_LENGTH_MAX, type PayloadFlags } from "./payloads.ts";
import { addPropertyOption, type PacketName, PropertyCommand, propertyHelp } from "./properties.ts";
import { publishTopic } from "./topic.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function pubCommand(end: (exitCode: number) => void): Command {
  const command = new PropertyCommand("pub")
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
  return addConnectionOptions(addPropertyOption(command, PACKETS))
    .addHelpText("after", propertyHelp(PACKETS) + EXAMPLES)
    .action(async (flags: PubFlags) => end(await pub(flags, process.stdin)));
}

interface PubFlags extends ConnectionFlags, PayloadFlags {
  topic?: string;
  retain?: boolean;
  qos?: QoS;
  maxInflight?: number;
}

async function pub(flags: PubFlags, stdin: Readable): Promise<number> {
  const topicName = publishTopic(flags);
  checkSource(flags);
  // A stream of lines outlives a broken connection. One message is its caller's to try again: a broker that closes at
  // every attempt, because the message is too large for it, must not keep a script for ever.
  const reconnect = flags.stdinLine === true;
  const options = { ...clientOptions(flags), reconnect, outboxBytesMax: OUTBOX_BYTES_MAX };
  if (flags.maxInflight !== undefined) options.inflightMax = flags.maxInflight;
  const payloads = await openPayloads(flags, stdin);
  const link = await connect("pub", options, flags);
  const { qos = 0, retain = false } = flags;
  const publisher = new Publisher(link, topicName, { ...flags.property?.publish, qos, retain });
  const published = publisher.publishAll(payloads, flags.stdinLine === true).catch((error: unknown) => {
    throw clientFailure(error, link.address);
  });
  await Promise.race([published, link.gone]);
  await link.client.end(endOptions(flags, versionOf(flags), false));
  return publisher.exitCode;
}

/** Publishes one payload after the other. A message that the broker refuses is told, and does not end it. */
class Publisher {
  /** 0, or the Reason Code of the first message that was refused. */
  exitCode = 0;
  readonly #link: Link;
  readonly #topicName: string;
  readonly #options: PublishOptions & { qos: QoS; retain: boolean };
  #count = 0;

  constructor(link: Link, topicName: string, options: PublishOptions & { qos: QoS; retain: boolean }) {
    this.#link = link;
    this.#topicName = topicName;
    this.#options = options;
  }

  /** `pipelined`: several may be under way; else each is published when the one before it is delivered. */
  async publishAll(payloads: AsyncIterable<Uint8Array>, pipelined: boolean): Promise<void> {
    const pending: { done: Promise<void>; length: number }[] = [];
    let pendingBytes = 0;
    for await (const payload of payloads) {
      const done = this.#publish(payload);
      // Awaited below, in order; until then a rejection is not "unhandled".
      done.catch(() => {});
      pending.push({ done, length: payload.length });
      pendingBytes += payload.length;
      const enough = () => !pipelined || pending.length >= PENDING_MAX || pendingBytes >= PENDING_BYTES_MAX;
      while (pending.length > 0 && enough()) {
        const oldest = pending.shift();
        await oldest?.done;
        pendingBytes -= oldest?.length ?? 0;
      }
    }
    await Promise.all(pending.map(({ done }) => done));
  }

  async #publish(payload: Uint8Array): Promise<void> {
    const { client, debug, notice } = this.#link;
    const { qos, retain } = this.#options;
    const number = ++this.#count;
    debug(`PUBLISH q${qos}, r${+retain}, '${this.#topicName}', ${payload.length} bytes`);
    try {
      const { reasonCode } = await client.publish(this.#topicName, payload, this.#options);
      if (qos > 0) debug(`${qos === 1 ? "PUBACK" : "PUBREC"} of message ${number}: ${reasonText(reasonCode)}`);
    } catch (error) {
      const { code, reasonCode } = error as { code?: string; reasonCode?: number };
      if (code !== "PUBLISH_REFUSED" || reasonCode === undefined) throw error;
      notice(`publish ${number} failed: ${said(error)}`);
      this.exitCode ||= reasonCode;
    }
  }
}

/** Packets it sends that -D may name. */
const PACKETS: readonly PacketName[] = ["connect", "will", "publish", "disconnect"];

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
  midge pub -t garden/soil -f soil.json -D publish content-type application/json -D publish user-property bed 3
  midge pub -t garden/alarm -m frost -q 1 -D publish message-expiry-interval 3600

Exit code: 0 done, 1 wrong usage or no connection, else the code with which the broker refused the connection, or the
first message that it refused (5 or 135: not authorised).`;
