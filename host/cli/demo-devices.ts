// The three simulated devices of `midge demo`, each with a Client of its own, as a real device would have. They show
// what MQTT is for: a reading that is retained, a will that tells of a loss, a command that is answered.

import { setTimeout as sleep } from "node:timers/promises";
import type { ClientOptions, Message } from "../api-types.ts";
import { Client } from "../client.ts";

/** Runs all devices against the broker until `signal` aborts, then ends their connections. */
export async function runDevices(port: number, signal: AbortSignal): Promise<void> {
  const broker = { host: "127.0.0.1", port };
  await Promise.all([thermometer(broker, signal), door(broker, signal), pump(broker, signal)]);
}

/**
 * A temperature every second, retained: whoever subscribes later has a value at once. QoS 0: the next one comes soon.
 */
async function thermometer(broker: ClientOptions, signal: AbortSignal): Promise<void> {
  const client = await Client.connect({ ...broker, clientId: "thermometer" });
  for (let second = 0; await pause(1_000, signal); second++) {
    const noise = (Math.random() - 0.5) * 0.4;
    const celsius = 21 + 4 * Math.sin((second * 2 * Math.PI) / DAY_SEC) + noise;
    await client.publish(TOPICS.temperature, celsius.toFixed(1), { retain: true });
  }
  await client.end();
}

/**
 * A door that opens and closes, QoS 1: no change may be lost. Now and then its battery fails, and its will says
 * "offline".
 */
async function door(broker: ClientOptions, signal: AbortSignal): Promise<void> {
  const will = { topicName: TOPICS.door, payload: "offline", qos: 1, retain: true } as const;
  while (!signal.aborted) {
    const client = await Client.connect({ ...broker, clientId: "door", will });
    for (let change = 0; change < DOOR_CHANGES; change++) {
      await client.publish(TOPICS.door, change % 2 === 0 ? "closed" : "open", { qos: 1, retain: true });
      if (!(await pause(3_000, signal))) return client.end();
    }
    // No DISCONNECT: for the broker the door has disappeared.
    client.destroy();
    await pause(4_000, signal);
  }
}

/**
 * A pump that obeys its set topic and answers with its state, QoS 2: exactly once. A timer of the demo presses its
 * button.
 */
async function pump(broker: ClientOptions, signal: AbortSignal): Promise<void> {
  const client = await Client.connect({ ...broker, clientId: "pump" });
  client.on("message", (message: Message) => {
    const state = message.text() === "on" ? "running" : "stopped";
    // Ending the demo rejects what is still under way, and nobody waits for it then.
    client.publish(TOPICS.pumpState, state, { qos: 2, retain: true }).catch(() => {});
  });
  await client.subscribe(TOPICS.pumpSet, { qos: 1 });
  for (let press = 0; await pause(5_000, signal); press++) {
    await client.publish(TOPICS.pumpSet, press % 2 === 0 ? "on" : "off", { qos: 1 });
  }
  await client.end();
}

/** Waits. False when the demo is over. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}

const TOPICS = {
  temperature: "garden/greenhouse/temperature",
  door: "garden/door/state",
  pumpSet: "garden/pump/set",
  pumpState: "garden/pump/state",
} as const;

/** A simulated day, from one warm noon to the next, in seconds. */
const DAY_SEC = 60;

/** Times the door opens or closes before its battery fails. */
const DOOR_CHANGES = 6;
