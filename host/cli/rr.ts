// `midge rr`: publishes a request, waits for one answer and prints it, with the flags of mosquitto_rr. With -e the answer is
// whatever comes to that topic; without it, the Client has a topic of its own and knows its answer by its Correlation Data.

import type { Readable } from "node:stream";
import type { Command } from "commander";
import type { Message, ProtocolVersion, QoS } from "../api-types.ts";
import type { MidgeErrorCode } from "../errors.ts";
import { clientOptions, endOptions, versionOf } from "./connect-options.ts";
import { clientFailure, EXIT_FAILURE, Failure, said, UsageFailure } from "./failure.ts";
import { addFormatOptions, chosenFormat, FORMAT_HELP, type FormatFlags } from "./format-options.ts";
import { connect, type Link, messageText } from "./link.ts";
import { addConnectionOptions, type ConnectionFlags, integer, qos } from "./mosquitto-options.ts";
import { checkSource, onePayload, PAYLOAD_LENGTH_MAX, type PayloadFlags } from "./payloads.ts";
import { addPropertyOption, type PacketName, PropertyCommand, propertyHelp } from "./properties.ts";
import { subscribeOptions } from "./subscribing.ts";
import { publishTopic, topicNameProblem } from "./topic.ts";
import { WAIT_MAX, Waiting } from "./waiting.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function rrCommand(end: (exitCode: number) => void): Command {
  const command = new PropertyCommand("rr")
    .summary("publish a request and print the answer")
    .description("Publish a request, wait for its answer and print it. The options are those of mosquitto_rr.")
    .optionsGroup("The request (exactly one of -m -f -s -n):")
    .option("-t, --topic <topic>", "topic to publish the request on")
    .option("-m, --message <payload>", "this payload")
    .option("-f, --file <path>", "the contents of a file")
    .option("-s, --stdin-file", "all of standard input")
    .option("-n, --null-message", "an empty payload")
    .option("-q, --qos <qos>", "of request and answer (default: 1, with -e 0)", qos)
    .optionsGroup("The answer:")
    .option("-e <topic>", "topic on which it comes (default: one of its own, in MQTT 5.0)")
    .option("-R", "with -e: not a message that was retained there, which may be old")
    .option("-W <seconds>", "wait so long, else exit code 27 (default: for ever)", integer(1, WAIT_MAX));
  return addConnectionOptions(addPropertyOption(addFormatOptions(command), PACKETS), VERSION)
    .addHelpText("after", FORMAT_HELP + propertyHelp(PACKETS) + EXAMPLES)
    .action(async (flags: RequestFlags) => end(await rr(flags, process.stdin)));
}

interface RequestFlags extends ConnectionFlags, FormatFlags, PayloadFlags {
  topic?: string;
  qos?: QoS;
  e?: string;
  R?: boolean;
  W?: number;
}

async function rr(flags: RequestFlags, stdin: Readable): Promise<number> {
  const version = versionOf(flags, VERSION);
  const topicName = publishTopic(flags);
  checkSource(flags, "-m TEXT, -f FILE, -s or -n");
  checkAnswer(flags, version);
  const format = chosenFormat(flags);
  // A request may have been carried out although its connection broke: whether to ask again is for the caller to say.
  const options = { ...clientOptions(flags, VERSION), reconnect: false, outboxBytesMax: OUTBOX_BYTES_MAX };
  const payload = await onePayload(flags, stdin);
  // No answer is no success.
  const waiting = new Waiting("rr", flags, EXIT_FAILURE);
  const link = await Promise.race([connect("rr", options, flags), waiting.exitCode]);
  let exitCode: number;
  if (typeof link === "number") exitCode = link;
  else {
    const asked = ask(link, topicName, payload, flags, version).then((answer) => {
      waiting.output.write(format(answer, new Date(), link.notice));
      if (!flags.N) waiting.output.line("");
      return 0;
    });
    exitCode = await Promise.race([asked, waiting.exitCode, link.gone]).catch((error: unknown) => {
      throw error instanceof Failure ? error : requestFailure(error, topicName, link.address, version);
    });
    await link.client.end(endOptions(flags, version, waiting.cutShort));
  }
  await waiting.close(exitCode);
  return exitCode;
}

/** Resolves with the answer. */
async function ask(
  link: Link,
  topicName: string,
  payload: Uint8Array,
  flags: RequestFlags,
  version: ProtocolVersion,
): Promise<Message> {
  const { client, debug } = link;
  if (flags.debug) client.on("message", (message) => debug(messageText(message)));
  if (flags.e !== undefined) return askAt(link, flags.e, topicName, payload, flags, version);
  debug(`PUBLISH q${flags.qos ?? 1}, r0, '${topicName}', ${payload.length} bytes`);
  const { responseTopic, correlationData, ...properties } = flags.property?.publish ?? {};
  return client.request(topicName, payload, { timeoutMs: ANSWER_MS_MAX, ...properties, qos: flags.qos ?? 1 });
}

/** The same with -e: the first message there is the answer, if it does not belong to another request. */
async function askAt(
  { client, debug }: Link,
  responseTopic: string,
  topicName: string,
  payload: Uint8Array,
  flags: RequestFlags,
  version: ProtocolVersion,
): Promise<Message> {
  const { qos = 0 } = flags;
  const properties = version === "5.0" ? { ...flags.property?.publish, responseTopic } : {};
  const correlationData = flags.property?.publish?.correlationData;
  const answered = new Promise<Message>((resolve) => {
    client.on("message", (message) => {
      if (message.topicName !== responseTopic || (flags.R && message.retain)) return;
      if (isOther(correlationData, message.properties.correlationData)) return;
      resolve(message);
    });
  });
  debug(`SUBSCRIBE '${responseTopic}', q${qos}`);
  await client.subscribe(responseTopic, subscribeOptions(flags, version));
  debug(`SUBACK '${responseTopic}'`);
  debug(`PUBLISH q${qos}, r0, '${topicName}', ${payload.length} bytes`);
  const { reasonCode } = await client.publish(topicName, payload, { ...properties, qos });
  if (reasonCode === NO_MATCHING_SUBSCRIBERS) throw new Failure(nobody(topicName));
  return answered;
}

/** Whether an answer belongs to another request: it has Correlation Data, and not ours. */
function isOther(ours: Uint8Array | undefined, theirs: Uint8Array | undefined): boolean {
  return ours !== undefined && theirs !== undefined && Buffer.compare(ours, theirs) !== 0;
}

function checkAnswer(flags: RequestFlags, version: ProtocolVersion): void {
  const { publish, subscribe } = flags.property ?? {};
  if (publish?.responseTopic !== undefined) throw new UsageFailure("the response topic is what -e says");
  if (flags.e !== undefined) {
    const problem = topicNameProblem(flags.e);
    if (problem !== undefined) throw new UsageFailure(`'${flags.e}' is no topic for an answer: ${problem}`);
    return;
  }
  if (version !== "5.0") throw new UsageFailure(`MQTT ${version} knows no answers: add -e TOPIC, or take -V away`);
  if (publish?.correlationData !== undefined) {
    throw new UsageFailure("without -e a request has correlation data of its own: add -e TOPIC, or leave it out");
  }
  if (subscribe !== undefined) throw new UsageFailure("-D subscribe is for the topic of -e: add -e TOPIC");
}

function requestFailure(error: unknown, topicName: string, address: string, version: ProtocolVersion): unknown {
  const { code, reasonCode } = error as { code?: MidgeErrorCode; reasonCode?: number };
  if (code === "NO_RESPONDER") return new Failure(nobody(topicName));
  if (code !== "SUBSCRIPTION_REFUSED") return clientFailure(error, address);
  const what = "the broker refused the subscription to the answer";
  return version === "5.0" ? new Failure(`${what}: ${said(error)}`, reasonCode) : new Failure(what);
}

function nobody(topicName: string): string {
  return `there will be no answer: nobody is subscribed to ${topicName}`;
}

/** mosquitto_rr's. */
const VERSION: ProtocolVersion = "5.0";

/** Packets it sends that -D may name. */
const PACKETS: readonly PacketName[] = ["connect", "will", "publish", "subscribe", "disconnect"];

/** PUBACK and PUBREC say so at QoS 1 and 2, from 5.0 on. */
const NO_MATCHING_SUBSCRIBERS = 0x10;

/** The longest the Client can wait; -W ends it before. */
const ANSWER_MS_MAX = WAIT_MAX * 1000;

/** Room for the largest message there is: rr holds the bytes anyway. */
const OUTBOX_BYTES_MAX = PAYLOAD_LENGTH_MAX + 1_048_576;

const EXAMPLES = `

Examples:
  midge rr -t garden/pump/ask -m state
  midge rr -t garden/pump/ask -m state -W 5                  (exit code 27 when nobody answers within 5 s)
  midge rr -t garden/soil/ask -n -e garden/soil/answer -v    (with a response topic, as mosquitto_rr)
  midge rr -V 311 -t ask -e answer -m state                  (with who speaks no MQTT 5.0)
  midge sub -V 5 -t garden/pump/ask -F '%R %D %p'            (what the other side sees: where to answer, and with what)

Exit code: 0 answered, 1 wrong usage, no connection, or nobody to answer, 27 time ran out (-W), else the code with which
the broker refused (135: not authorised).`;
