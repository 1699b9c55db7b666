// From the lines that `load` printed to one table: medians over the rounds, and each broker's ratio to the first one.
// Pure: takes measurements, returns text.

/** @typedef {{ report?: Record<string, number>, failure?: string }} Measurement one round of one scenario and broker */

function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const cpuUs = (report) => report.brokerCpuNs / 1e3 / report.units;
const bytesEach = (report) => ((report.memoryAfterKb - report.memoryBeforeKb) * 1024) / report.memoryUnits;

function number(value, digits = 3) {
  if (!Number.isFinite(value)) return "";
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(digits);
}

/** What went wrong in any round, summed. A failed round has no other figures. */
function errors(measurements) {
  const sum = (key) => measurements.reduce((total, { report }) => total + (report?.[key] ?? 0), 0);
  const words = { lost: "lost", duplicated: "duplicated", outOfOrder: "out of order", stalls: "stalls" };
  const counted = Object.keys(words)
    .filter((key) => sum(key) > 0)
    .map((key) => `${sum(key)} ${words[key]}`);
  const failures = measurements.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  if (failures.length > 0) counted.push(`${failures.length} of ${measurements.length} failed: ${failures[0]}`);
  return counted.length > 0 ? counted.join(", ") : "0";
}

/** The cells of one row. `reference`: the median CPU time, or bytes, of the first broker, or undefined. */
function row(scenario, broker, measurements, reference) {
  const reports = measurements.flatMap(({ report }) => (report === undefined ? [] : [report]));
  const over = (field) => median(reports.map(field));
  const cpus = reports.map(cpuUs);
  const cpu = scenario.unit === "" ? Number.NaN : median(cpus);
  const bytes = scenario.memoryUnit === undefined ? Number.NaN : over(bytesEach);
  const compared = scenario.unit === "" ? bytes : cpu;
  const ratio = compared / (reference ?? compared);
  const spread = scenario.unit === "" ? Number.NaN : ((Math.max(...cpus) - Math.min(...cpus)) / cpu) * 100;
  const latencies = reports.some((report) => report.latencyP50Us > 0);
  const cells = [
    scenario.label,
    broker,
    scenario.unit === "" ? "" : number(over((report) => (report.units / report.wallNs) * 1e9)),
    number(cpu),
    Number.isFinite(spread) ? `${Math.round(spread)} %` : "",
    Number.isFinite(ratio) ? ratio.toPrecision(2) : "",
    number(over((report) => report.peakKb / 1024)),
    number(bytes),
    latencies ? number(over((report) => report.latencyP50Us / 1e3)) : "",
    latencies ? number(over((report) => report.latencyP99Us / 1e3)) : "",
    errors(measurements),
  ];
  return { cells, compared };
}

const heads = (first) => [
  "scenario",
  "broker",
  "per second",
  "CPU us",
  "spread",
  `to ${first}`,
  "peak MB",
  "bytes each",
  "p50 ms",
  "p99 ms",
  "errors",
];

/** Rows of cells as a table; the first row is its head. */
export function layout(rows, markdown) {
  if (markdown) {
    const [head, ...body] = rows.map((cells) => `| ${cells.join(" | ")} |`);
    const rule = `| --- | --- |${" ---: |".repeat(rows[0].length - 3)} --- |`;
    return [head, rule, ...body].join("\n");
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const pad = (cell, column, last) =>
    column < 2 ? cell.padEnd(widths[column]) : column === last ? cell : cell.padStart(widths[column]);
  return rows.map((cells) => cells.map((cell, column) => pad(cell, column, cells.length - 1)).join("  ")).join("\n");
}

/**
 * The table.
 * @param {{ scenario: import("./scenarios.mjs").Scenario, byBroker: Map<string, Measurement[]> }[]} results
 * @param {string[]} brokers the first is the one that all are compared with
 * @param {boolean} markdown
 */
export function table(results, brokers, markdown) {
  const rows = [heads(brokers[0])];
  for (const { scenario, byBroker } of results) {
    let reference;
    for (const broker of brokers) {
      const measurements = byBroker.get(broker) ?? [];
      if (measurements.length === 0) continue; // the scenario is not for this broker
      const { cells, compared } = row(scenario, broker, measurements, reference);
      if (broker === brokers[0]) reference = compared;
      else if (reference === undefined) cells[5] = ""; // the first broker does not take part: nothing to compare with
      rows.push(cells);
    }
  }
  return layout(rows, markdown);
}

/** Whether a broker failed a round, or lost a message that it had acknowledged or should have delivered (QoS 1, 2,
 *  retained). Loss at QoS 0 is reported, but allowed. */
export function isBroken(scenario, measurements) {
  return measurements.some(
    ({ report, failure }) =>
      failure !== undefined || (report.lost > 0 && (scenario.qos > 0 || scenario.name === "retained")),
  );
}
