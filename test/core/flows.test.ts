// Plays every flow of test/flows against the modules in dist/, in every mode; checks what the flows cite; and checks that
// the runner can fail, since a runner that cannot would make all flows pass.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXPECTATIONS, MODES, runFlow } from "./flow-run.ts";
import { parseFlows, readFlows } from "./flows.ts";

const flows = readFlows();

const files = [...new Set(flows.map((flow) => flow.at.split(":")[0]))];
describe.each(files)("%s", (file) => {
  for (const flow of flows.filter(({ at }) => at.startsWith(`${file}:`))) {
    it(`${flow.at} ${flow.name} [${flow.cites.join(", ")}]`, () => {
      for (const mode of MODES) runFlow(flow, mode);
    });
  }
});

describe("all flows", () => {
  it("have names of their own", () => {
    const names = flows.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it("expect something", () => {
    const idle = flows.filter(
      ({ steps }) => !steps.some(({ verb, result }) => EXPECTATIONS.has(verb) || result !== "OK"),
    );
    expect(idle.map(({ at }) => at)).toEqual([]);
  });

  it("cite clauses that are ours", () => {
    const table = readFileSync(new URL("../clauses.txt", import.meta.url), "utf8");
    const states = new Map<string, string>();
    for (const line of table.split("\n")) {
      const [id = "", state = ""] = line.split("|").map((column) => column.trim());
      if (state !== "") states.set(id, state);
    }
    const wrong = flows.flatMap(({ at, cites }) =>
      cites.filter((id) => !/^(open|covered)$/.test(states.get(id) ?? "unknown")).map((id) => `${at} ${id}`),
    );
    expect(wrong).toEqual([]);
  });
});

const CONNECT = 'c1 open\nc1 > 10 [ "MQTT" 04 02 0000 "a" ]';

describe("the runner", () => {
  it.each([
    ["output that no line expects", `${CONNECT}\nat 1`, /x.flow:4 .*c1 was sent 20 02 00 00 after x.flow:3/],
    ["output left at the end", CONNECT, /x.flow:3 .*c1 was sent 20 02 00 00/],
    ["other bytes", `${CONNECT}\nc1 < 20 02 0001`, /x.flow:4 .*not 20 02 00 01\n {2}but 20 02 00 00/],
    ["fewer bytes than expected", `${CONNECT}\nc1 < 20 02 0000 d0 00`, /x.flow:4 .*but 20 02 00 00/s],
    ["more bytes than expected", `${CONNECT}\nc1 < 20 02 00`, /x.flow:3 .*c1 was sent 00/],
    ["a close that no line expects", "c1 open\nc1 > 00 00", /x.flow:3 .*event CLOSE 5 \(PROTOCOL\)/],
    ["no close where one is expected", "c1 open\nc1 closed PROTOCOL", /x.flow:3 .*no event/],
    ["another reason", "c1 open\nc1 > 00 00\nc1 closed LIMIT", /x.flow:4 .*not this event but event CLOSE 5/],
    ["another status", "c1 open\nc1 network-closed\nc1 network-closed", /x.flow:4 .*returned 1, not OK/],
    ["a Quality of Service that is none", "publish qos3 't' | 'x'", /x.flow:2 .*not a Quality of Service/],
    ["a name that is not in abi.ts", "option NAME 1", /x.flow:2 .*OPTION_NAME is not in abi.ts/],
    ["a text that is not in abi.ts", "text NAME 'x'", /x.flow:2 .*TEXT_NAME is not in abi.ts/],
    ["options that are none", "client\nsubscribe many 't'", /x.flow:3 .*not a number: many/],
    ["time that goes back", "at 5\nat 4", /x.flow:3 .*time goes back/],
  ])("fails for %s", (_, steps, message) => {
    for (const mode of MODES) {
      expect(() => runFlow(onlyFlow(`flow x\n${steps}`), mode)).toThrow(message);
    }
  });

  it.each([
    ["fly x", /x.flow:1: no flow line/],
    ["flow x\nc1 opens", /x.flow:2: no such line/],
    ["flow x\nopen", /x.flow:2: no such line/],
    ["flow x\nc1 > 1", /x.flow:2: not bytes/],
    ["flow x\nc1 > HELLO", /x.flow:2: HELLO is not defined/],
    ["flow x\nc1 closed", /x.flow:2: closed lacks a word/],
    ["flow x\nversion 'x'", /x.flow:2: no such line/],
    ["flow x\nshut-down", /x.flow:2: shut-down lacks a word/],
    ["flow x\ndisconnect-client 0x98", /x.flow:2: disconnect-client does not take 0 byte strings/],
    ["flow x\npublish qos0 't'", /x.flow:2: publish does not take 1 byte strings/],
    ["flow x\nc1 open 00", /x.flow:2: open does not take 1 byte strings/],
    ["define A = 00\ndefine A = 01", /x.flow:2: not a new definition/],
  ])("refuses to read %j", (text, message) => {
    expect(() => parseFlows(text, "x.flow")).toThrow(message);
  });

  it("leaves strings alone", () => {
    const [flow] = parseFlows("define X = 'A'\nflow x\nc1 > 'X # | =>' X \"X\" # a comment", "x.flow");
    expect(Buffer.from(flow?.steps[0]?.bytes[0] ?? []).toString("latin1")).toBe("X # | =>A\0\x01X");
  });
});

function onlyFlow(text: string) {
  const [flow] = parseFlows(text, "x.flow");
  if (flow === undefined) throw new Error("no flow");
  return flow;
}
