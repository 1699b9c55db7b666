// `midge demo`, what `npm start` runs: a broker, three simulated devices and a view of their topics, in one process.

import { Command } from "commander";
import type { Message } from "../api-types.ts";
import { Broker } from "../broker.ts";
import { Client } from "../client.ts";
import { runDevices } from "./demo-devices.ts";
import { type Seen, seenLine, TopicTable } from "./demo-view.ts";
import { listenFailure } from "./failure.ts";
import { integer, listenPort } from "./mosquitto-options.ts";
import { Output } from "./output.ts";
import { onInterrupt } from "./signals.ts";

/** The command, ready to be added to the program. `end` receives the exit code. */
export function demoCommand(end: (exitCode: number) => void): Command {
  return new Command("demo")
    .summary("see it work: a broker, three simulated devices, a live view")
    .description("Run a broker on 127.0.0.1 with three simulated devices, and show their topics live.")
    .option("-p, --port <port>", `TCP port (default: ${PORT_DEFAULT}, or the next free one)`, listenPort)
    .option("--seconds <count>", "end after this time", integer(1, 2_147_483))
    .helpOption("--help", "show this help")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: DemoFlags) => end(await demo(flags)));
}

interface DemoFlags {
  port?: number;
  seconds?: number;
}

async function demo(flags: DemoFlags): Promise<number> {
  const over = new AbortController();
  onInterrupt(() => over.abort());
  const output = new Output(process.stdout, () => over.abort());
  if (flags.seconds !== undefined) setTimeout(() => over.abort(), flags.seconds * 1000);
  const { broker, port } = await startBroker(flags.port, PORT_DEFAULT);
  const view = await Client.connect({ host: "127.0.0.1", port, clientId: "demo-view" });
  const moved = flags.port === undefined && port !== PORT_DEFAULT;
  const head = [...(moved ? [`Port ${PORT_DEFAULT} is in use, so this is on ${port}.`] : []), ...introduction(port)];
  const show = process.stdout.isTTY ? showTable(head, output, over.signal) : showLines(head, output);
  watch(broker, view, show);
  await view.subscribe("#", { qos: 2 });
  await runDevices(port, over.signal);
  await view.end();
  await broker.close();
  await output.end();
  return 0;
}

/** A broker on the port asked for, or else on the first free one from `first` on. Rejects with a Failure. */
export async function startBroker(
  wanted: number | undefined,
  first: number,
): Promise<{ broker: Broker; port: number }> {
  for (let port = wanted ?? first; ; port++) {
    try {
      const broker = await Broker.start({ listen: [{ host: "127.0.0.1", port }] });
      return { broker, port: broker.addresses[0]?.port ?? port };
    } catch (error) {
      const inUse = (error as { cause?: { code?: string } }).cause?.code === "EADDRINUSE";
      if (wanted !== undefined || !inUse || port === first + PORTS_TRIED - 1) throw listenFailure(error, port);
    }
  }
}

/**
 * Calls `show` for every message. Its payload comes to the subscriber; how it was published only the broker knows,
 * since a live message reaches subscribers without RETAIN [v3.1.1 MQTT-3.3.1-9]. The broker speaks first.
 */
function watch(broker: Broker, view: Client, show: (seen: Seen) => void): void {
  const retained = new Map<string, boolean>();
  broker.on("publish", ({ topicName, retain }) => {
    if (retained.size < RETAINED_MAX || retained.has(topicName)) retained.set(topicName, retain);
  });
  view.on("message", ({ topicName, payload, qos, retain }: Message) => {
    show({ topicName, payload, qos, retain: retain || retained.get(topicName) === true });
  });
}

function showLines(head: readonly string[], output: Output): (seen: Seen) => void {
  for (const line of head) output.line(line);
  return (seen) => output.line(seenLine(seen, new Date()));
}

/**
 * Redraws the table in place a few times a second, in the terminal's second screen: the first one comes back at the
 * end.
 */
function showTable(head: readonly string[], output: Output, over: AbortSignal): (seen: Seen) => void {
  const table = new TopicTable();
  const draw = () => {
    const { columns = 80, rows = 24 } = process.stdout;
    const top = head.map((line) => line.slice(0, columns));
    const lines = [...top, "", ...table.lines(Date.now(), columns, rows - head.length - 2)];
    output.write(Buffer.from(HOME + lines.map((line) => line + CLEAR_LINE).join("\n") + CLEAR_BELOW));
  };
  output.write(Buffer.from(SECOND_SCREEN + HIDE_CURSOR));
  // Also when the demo ends with an error or a second Ctrl-C: a terminal without a cursor is nobody's wish.
  process.once("exit", () => process.stdout.write(SHOW_CURSOR + FIRST_SCREEN));
  const timer = setInterval(draw, REDRAW_MS);
  over.addEventListener("abort", () => clearInterval(timer));
  return (seen) => table.see(seen, Date.now());
}

function introduction(port: number): string[] {
  const option = port === PORT_DEFAULT ? "" : ` -p ${port}`;
  return [
    `Midge demo: a broker on 127.0.0.1:${port}, a thermometer, a door and a pump. Ctrl-C ends it.`,
    `In another terminal: npx midge sub${option} -t '#' -v`,
    `                     npx midge pub${option} -t garden/pump/set -m on`,
  ];
}

const PORT_DEFAULT = 1883;

/** Ports tried in a row before giving up. */
const PORTS_TRIED = 20;

/** Topics whose retain flag is remembered; the view shows fewer. */
const RETAINED_MAX = 1_000;

const REDRAW_MS = 250;

// ECMA-48 control functions, and xterm's private modes 25 (cursor) and 1049 (second screen).
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const SECOND_SCREEN = "\x1b[?1049h";
const FIRST_SCREEN = "\x1b[?1049l";

const EXAMPLES = `
Examples:
  midge demo
  midge demo -p 1884 --seconds 30
  midge demo | grep door                    (not a terminal: a line for each message)`;
