// The scenarios of the benchmark: one row each, in the order of the report. Knows what `load` is asked for, and how a
// row is named; nothing of brokers.
//
// Credit bounds what is under way between publishers and subscribers: 4,000 messages in all at 64 B, so that each
// broker can batch and none is driven into its limits (Aedes falls to a third of its speed beyond 10,000), and a
// quarter of that at 1 KB: 1 MB towards one subscriber.

/**
 * @typedef {object} Scenario
 * @property {string} name what `--only` selects
 * @property {string} label the row's name in the report
 * @property {string} unit what CPU time is divided by: "message" or "connect"; "" where only memory is measured
 * @property {string} [memoryUnit] what the added memory is divided by
 * @property {number} [level] Protocol Level: 5 is for brokers of MQTT 5.0 alone
 * @property {number} [qos]
 * @property {number} [payload] bytes
 * @property {number} [publishers]
 * @property {number} [subscribers]
 * @property {string[]} load options for `load`
 */

const shapes = [
  { name: "pairs", label: "20 pairs", publishers: 20, subscribers: 20, credit: 200 },
  { name: "fan-out", label: "fan-out 1 to 100", publishers: 1, subscribers: 100, credit: 200 },
  { name: "fan-in", label: "fan-in 100 to 1", publishers: 100, subscribers: 1, credit: 40 },
];

/** @returns {Scenario} */
function traffic({ name, label, publishers, subscribers, credit }, qos, payload) {
  const given = { scenario: name, publishers, subscribers, qos, payload, credit: payload > 256 ? credit / 4 : credit };
  return {
    name,
    label: `${label}, QoS ${qos}, ${payload === 1024 ? "1 KB" : `${payload} B`}`,
    unit: "message",
    qos,
    payload,
    publishers,
    subscribers,
    load: Object.entries(given).flatMap(([option, value]) => [`--${option}`, String(value)]),
  };
}

/** The same at 5.0: without properties, and with those that `load` gives its messages. @returns {Scenario[]} */
function traffic5(shape, qos, payload) {
  const base = traffic(shape, qos, payload);
  const at5 = { ...base, name: `${base.name}-5`, level: 5, label: base.label.replace(",", ", 5.0,") };
  return [0, 1].map((properties) => ({
    ...at5,
    label: properties === 1 ? `${at5.label}, properties` : at5.label,
    load: [...base.load, "--level", "5", "--properties", String(properties)],
  }));
}

/** All rows. @type {Scenario[]} */
export const scenarios = [
  ...shapes.flatMap((shape) => [0, 1, 2].flatMap((qos) => [64, 1024].map((payload) => traffic(shape, qos, payload)))),
  ...[0, 1, 2].flatMap((qos) => traffic5(shapes[0], qos, 64)),
  ...[0, 1].flatMap((qos) => traffic5(shapes[1], qos, 64)),
  {
    name: "filters",
    label: "10,000 wildcard filters, QoS 0, 64 B",
    unit: "message",
    memoryUnit: "filter",
    load: ["--scenario", "filters", "--count", "10000", "--publishers", "20", "--subscribers", "1", "--credit", "200"],
  },
  {
    name: "retained",
    label: "10,000 retained 64 B to a new #",
    unit: "message",
    memoryUnit: "message",
    load: ["--scenario", "retained", "--count", "10000"],
  },
  { name: "storm", label: "connect storm", unit: "connect", load: ["--scenario", "storm", "--count", "3000"] },
  ...[1_000, 10_000].map((count) => ({
    name: "idle",
    label: `${count.toLocaleString("en-US")} idle connections`,
    unit: "",
    memoryUnit: "connection",
    load: ["--scenario", "idle", "--count", String(count)],
  })),
];
