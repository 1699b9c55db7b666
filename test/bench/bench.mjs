// npm run bench: the Node broker beside its peers, in one run, in one table. README.md says what is measured and how.
// Builds the load generator, runs every scenario with every broker, round robin, and prints medians. Exit status 1 if
// the first broker of --brokers failed or lost messages at QoS 1 or 2; what the others do is only reported.
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { addBroker, brokerNames, programs, startBroker } from "./brokers.mjs";
import { isBroken, layout, table } from "./report.mjs";
import { scenarios } from "./scenarios.mjs";
import { measureStarts } from "./start.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const build = fileURLToPath(new URL("../../build", import.meta.url));

const usage = `usage: node test/bench/bench.mjs [options]
  --rounds N         measurements of each cell, of which the median is shown; default 5
  --seconds N        length of a measured window; default 0.6
  --warmup N         seconds of traffic before it; default 0.4
  --only A,B         scenarios: ${[...new Set(scenarios.map(({ name }) => name)), "start"].join(", ")}; default all
  --qos A,B          of pairs, fan-out, fan-in and those at 5.0; default 0,1,2
  --payload A,B      of the same, in bytes: 64, 1024 (none at 5.0); default both
  --window N         QoS 1 and 2 messages in flight per publisher; default 20
  --brokers A,B      the first is compared with the others; default ${brokerNames().join(",")}
  --add NAME=COMMAND one more broker; {port} in its command is replaced; repeatable
  --markdown         the table as Markdown
  --help`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "0.6" },
      warmup: { type: "string", default: "0.4" },
      only: { type: "string" },
      qos: { type: "string", default: "0,1,2" },
      payload: { type: "string", default: "64,1024" },
      window: { type: "string", default: "20" },
      brokers: { type: "string" },
      add: { type: "string", multiple: true, default: [] },
      markdown: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  for (const text of values.add) {
    const equals = text.indexOf("=");
    if (equals < 1) throw new Error(`--add takes NAME=COMMAND, not ${text}`);
    addBroker(text.slice(0, equals), text.slice(equals + 1));
  }
  const names = [...new Set(scenarios.map(({ name }) => name)), "start"];
  const list = (key, allowed) => {
    const chosen = values[key]?.split(",") ?? allowed;
    const wrong = chosen.find((name) => !allowed.includes(name));
    if (wrong !== undefined) throw new Error(`--${key}: ${wrong} is none of ${allowed.join(", ")}`);
    return chosen;
  };
  const only = list("only", names);
  const qos = list("qos", ["0", "1", "2"]);
  const payload = list("payload", ["64", "1024"]);
  const rounds = Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0))
    throw new Error(`--rounds takes a positive number, not ${values.rounds}`);
  return {
    ...values,
    rounds,
    brokers: list("brokers", brokerNames()),
    starts: only.includes("start"),
    chosen: scenarios.filter(
      (scenario) =>
        only.includes(scenario.name) &&
        (scenario.qos === undefined || qos.includes(String(scenario.qos))) &&
        (scenario.payload === undefined || payload.includes(String(scenario.payload))),
    ),
  };
}

function compile() {
  mkdirSync(build, { recursive: true });
  const flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"];
  const sources = readdirSync(join(here, "load"))
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(here, "load", name));
  execFileSync("cc", [...flags, ...sources, "-o", join(build, "load")], { stdio: "inherit" });
  const relay = [join(here, "relay.c"), join(here, "load/fail.c")];
  execFileSync("cc", [...flags, ...relay, "-o", join(build, "relay")], { stdio: "inherit" });
}

/** One scenario, one broker, once. Undefined: the scenario is not for this broker. */
async function measure(scenario, name, options, directory) {
  let broker;
  try {
    broker = await startBroker(name, scenario, directory);
    if (broker === undefined) return undefined;
    const given = ["--port", String(broker.port), "--pid", String(broker.pid)];
    const times = ["--seconds", options.seconds, "--warmup", options.warmup, "--window", options.window];
    const patienceMs = 60_000 + 2000 * (Number(options.seconds) + Number(options.warmup));
    const { stdout } = await promisify(execFile)(join(build, "load"), [...given, ...times, ...scenario.load], {
      timeout: patienceMs,
    });
    return { report: JSON.parse(stdout) };
  } catch (error) {
    const reason = (error.stderr || error.message).trim().split("\n")[0];
    const said = broker
      ?.said()
      .split("\n")
      .find((line) => /error/i.test(line));
    return { failure: said === undefined ? reason : `${reason} (${said.trim().slice(0, 120)})` };
  } finally {
    await broker?.stop();
  }
}

async function measureAll(options, directory) {
  const results = options.chosen.map((scenario) => ({
    scenario,
    byBroker: new Map(options.brokers.map((name) => [name, []])),
  }));
  for (let round = 0; round < options.rounds; round++) {
    process.stderr.write(`round ${round + 1} of ${options.rounds}\n`);
    for (const { scenario, byBroker } of results) {
      // Another broker is the first in each round, so that none always runs on a machine that has just rested.
      for (let i = 0; i < options.brokers.length; i++) {
        const name = options.brokers[(i + round) % options.brokers.length];
        const measurement = await measure(scenario, name, options, directory);
        if (measurement !== undefined) byBroker.get(name).push(measurement);
      }
    }
  }
  return results;
}

const START_HEAD = ["broker", "start ms", "CPU ms", "resident MB", "program KB"];
/** A start takes little time, and varies much. */
const STARTS_A_ROUND = 4;

async function main() {
  const options = readOptions();
  if (options.help) {
    console.log(usage);
    return 0;
  }
  compile();
  const directory = mkdtempSync(join(tmpdir(), "midge-bench-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const results = await measureAll(options, directory);
  if (results.length > 0) console.log(table(results, options.brokers, options.markdown));
  if (options.starts) {
    const started = options.brokers.filter((name) => name !== "relay");
    const rows = await measureStarts(started, programs, options.rounds * STARTS_A_ROUND, directory);
    console.log(`\n${layout([START_HEAD, ...rows], options.markdown)}`);
  }
  const first = options.brokers[0];
  return results.some(({ scenario, byBroker }) => isBroken(scenario, byBroker.get(first))) ? 1 : 0;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
