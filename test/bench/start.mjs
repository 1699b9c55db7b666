// How long each broker takes from its start to the first CONNACK, what CPU time that costs, what memory it then has, and how
// many bytes its program has. Processes are started one after the other, round robin; figures are medians.
import { readFileSync, statSync } from "node:fs";
import net from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { launchBroker } from "./brokers.mjs";

const CONNECT = Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x61]);
const PATIENCE_MS = 10_000;

/** One attempt to be answered; false when nobody is there yet. */
function answered(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" }, () => socket.write(CONNECT));
    socket.once("error", () => resolve(false));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** CPU time of all threads, user and system, in milliseconds. */
function cpuMs(pid) {
  const [runNs] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ").map(Number);
  return runNs / 1e6;
}

function residentKb(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

async function startOnce(name, directory) {
  const { child, port, stop } = await launchBroker(name, directory);
  const startedMs = performance.now();
  while (!(await answered(port))) {
    if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`${name} does not answer`);
    await sleep(0);
  }
  const result = { ms: performance.now() - startedMs, cpuMs: cpuMs(child.pid), residentKb: residentKb(child.pid) };
  await stop();
  return result;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Rows of [broker, ms, CPU ms, resident MB, program KB], as text. `programs`: path of each broker's program, where it is one. */
export async function measureStarts(names, programs, rounds, directory) {
  const results = new Map(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results.get(name).push(await startOnce(name, directory));
  }
  return names.map((name) => {
    const of = (field) => median(results.get(name).map((result) => result[field]));
    const size = programs[name] === undefined ? "" : Math.round(statSync(programs[name]).size / 1024).toString();
    return [name, of("ms").toFixed(1), of("cpuMs").toFixed(1), (of("residentKb") / 1024).toFixed(1), size];
  });
}
