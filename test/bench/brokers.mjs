// How each broker of the benchmark is started, found ready and stopped: a new process for every measurement, so that
// no figure depends on what ran before it. Knows processes and ports; nothing of scenarios but their shape.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

// Every key is there so that mosquitto does the same work as the others: no limit that drops what they would deliver
// (2.0.11 drops beyond 1,000 queued messages by default), no Nagle delay, no $SYS tree, no log line per connection.
const mosquittoConfig = (port) => `listener ${port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
set_tcp_nodelay true
sys_interval 0
log_dest stderr
log_type error
log_type warning
`;

/** Debian puts it where not every user's PATH looks. */
const mosquitto = existsSync("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : "mosquitto";

/**
 * The command of each broker, or undefined where the scenario is not for it.
 * @typedef {import("./scenarios.mjs").Scenario} Scenario
 * @type {Record<string, (port: number, scenario: Scenario, directory: string) => string[] | undefined>}
 */
const commands = {
  midged: (port) => [programs.midged, "-p", String(port)],
  "midged-wasm3": (port) => [programs["midged-wasm3"], "-p", String(port)],
  midge: (port) => [process.execPath, join(root, "dist/cli.js"), "broker", "-p", String(port)],
  aedes: (port, { level }) =>
    level === 5 ? undefined : [process.execPath, join(root, "test/bench/aedes.mjs"), String(port)],
  mosquitto: (port, _scenario, directory) => {
    const path = join(directory, `mosquitto-${port}.conf`);
    writeFileSync(path, mosquittoConfig(port));
    return [mosquitto, "-c", path];
  },
  relay: (port, { name, publishers, subscribers }) =>
    name === "pairs" || name === "fan-out"
      ? [join(root, "build/relay"), String(port), String(publishers), String(subscribers)]
      : undefined,
};

/** Where the programs are that are files of their own. */
export const programs = {
  midged: join(root, "build/midged"),
  "midged-wasm3": join(root, "build/midged-wasm3"),
  mosquitto,
};

/** Names that `--brokers` may list. */
export const brokerNames = () => Object.keys(commands);

/** Adds a broker: `command` is split at spaces, and {port} in it is replaced. */
export function addBroker(name, command) {
  commands[name] = (port) => command.split(" ").map((word) => word.replace("{port}", String(port)));
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Whether something listens on the port: asked of the kernel, as a trial connection would be the relay's first. */
function isListening(port) {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["/proc/net/tcp", "/proc/net/tcp6"].some(
    (path) =>
      existsSync(path) &&
      readFileSync(path, "latin1")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .some(([, local, , state]) => local?.endsWith(suffix) && state === "0A"),
  );
}

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** @typedef {{ port: number, pid: number, said: () => string, stop: () => Promise<void> }} Broker */

/**
 * A process that may not listen yet. `said()`: the end of its standard error, `stop()`: resolves when it is gone, `gone()`:
 * how it ended, undefined while it runs.
 */
export async function launchBroker(name, directory, scenario = { name: "" }) {
  const port = await freePort();
  const command = commands[name](port, scenario, directory);
  if (command === undefined) return undefined;
  const child = spawn(command[0], command.slice(1), { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let said = "";
  let end;
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said = (said + text).slice(-2000);
  });
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(String(error)));
    child.once("exit", (code, signal) => resolve(`exit ${code ?? signal}`));
  }).then((reason) => {
    end = reason;
    running.delete(child);
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const patience = setTimeout(() => child.kill("SIGKILL"), 2000);
    await ended;
    clearTimeout(patience);
  };
  return { child, port, pid: child.pid, said: () => said.trim(), stop, gone: () => end };
}

/**
 * Starts a broker and waits until it listens (at most 10 s). Files it needs go to `directory`.
 * @returns {Promise<Broker | undefined>} undefined: this scenario is not for it
 */
export async function startBroker(name, scenario, directory) {
  const broker = await launchBroker(name, directory, scenario);
  if (broker === undefined) return undefined;
  for (let waited = 0; !isListening(broker.port); waited += 10) {
    if (broker.gone() !== undefined) throw new Error(`${name} did not start: ${broker.gone()} ${broker.said()}`);
    if (waited > 10_000) {
      await broker.stop();
      throw new Error(`${name} does not listen on port ${broker.port} after 10 s ${broker.said()}`);
    }
    await sleep(10);
  }
  return broker;
}
