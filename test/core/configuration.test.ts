// mosquitto.conf in the core: what each key sets, what each may not be, the keys' tables against README.md and against the
// mosquitto that is installed, and words in a host for every fault. The flows of configuration.flow show the rest.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { ConfigurationError, configure, faultText } from "../../host/configuration.ts";
import { CONFIG_TEXT } from "../../host/configuration-texts.ts";
import { type BrokerExports, Core } from "../../host/core.ts";

const read = (name: string) => readFileSync(new URL(`../../assembly/config/${name}`, import.meta.url), "utf8");

const newCore = () => new Core<BrokerExports>("broker", 64, 1);

/** Faults of a text, as `line code hint`. */
function faultsOf(text: string | Uint8Array): string[] {
  try {
    configure(newCore(), text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.map(
      ({ line, code, text }) => `${line} ${nameOf(code)}${text.slice(CONFIG_TEXT[code]?.length)}`,
    );
  }
}

function nameOf(code: number): string {
  const names = Object.entries(abi).filter(([name, value]) => name.startsWith("CONFIG_") && value === code);
  return names.map(([name]) => name.slice("CONFIG_".length)).join();
}

const MIB = 1 << 20;
const NO_LIMIT = 0xffff_ffff;

describe("a key sets an option", () => {
  test.each([
    ["max_connections 5", abi.OPTION_CONNECTIONS_MAX, 5],
    ["max_connections 0", abi.OPTION_CONNECTIONS_MAX, 1_048_575],
    ["max_connections -1", abi.OPTION_CONNECTIONS_MAX, 1_048_575],
    ["max_inflight_bytes 7", abi.OPTION_INFLIGHT_BYTES_MAX, 7],
    ["max_inflight_bytes 0", abi.OPTION_INFLIGHT_BYTES_MAX, NO_LIMIT],
    ["max_inflight_bytes 2147483647", abi.OPTION_INFLIGHT_BYTES_MAX, 2_147_483_647],
    ["max_inflight_messages 1", abi.OPTION_INFLIGHT_MAX, 1],
    ["max_inflight_messages 0", abi.OPTION_INFLIGHT_MAX, 65_535],
    ["max_keepalive 60", abi.OPTION_KEEP_ALIVE_MAX_SEC, 60],
    ["max_keepalive 0", abi.OPTION_KEEP_ALIVE_MAX_SEC, 0],
    ["max_packet_size 20", abi.OPTION_PACKET_SIZE_MAX, 20],
    ["max_packet_size 20", abi.OPTION_OUTPUT_BYTES_MAX, 32 * MIB],
    ["max_packet_size 2147483647", abi.OPTION_PACKET_SIZE_MAX, 268_435_460],
    ["max_packet_size 2147483647", abi.OPTION_OUTPUT_BYTES_MAX, 268_435_460 + 8 * MIB],
    ["max_qos 0", abi.OPTION_QOS_MAX, 0],
    ["max_qos 1\nmax_qos 2", abi.OPTION_QOS_MAX, 2],
    ["maximum_qos 1", abi.OPTION_QOS_MAX, 1],
    ["max_queued_bytes 9", abi.OPTION_SESSION_QUEUE_BYTES_MAX, 9],
    ["max_queued_bytes 0", abi.OPTION_SESSION_QUEUE_BYTES_MAX, NO_LIMIT],
    ["max_topic_alias 0", abi.OPTION_TOPIC_ALIAS_MAX, 0],
    ["max_topic_alias 65535", abi.OPTION_TOPIC_ALIAS_MAX, 65_535],
    ["memory_limit 1000000", abi.OPTION_HEAP_MAX, 1_000_000],
    ["memory_limit 0", abi.OPTION_HEAP_MAX, 2048 * MIB],
    ["message_size_limit 0", abi.OPTION_PAYLOAD_SIZE_MAX, NO_LIMIT],
    ["message_size_limit 1000", abi.OPTION_PAYLOAD_SIZE_MAX, 1_000],
    ["sys_interval 0", abi.OPTION_SYS_INTERVAL_SEC, 0],
    ["retain_available false", abi.OPTION_FEATURES, 14],
    ["retain_available false\nretain_available true", abi.OPTION_FEATURES, 15],
    ["persistent_client_expiration 2h", abi.OPTION_SESSION_EXPIRY_MAX_SEC, 7_200],
    ["persistent_client_expiration 14d", abi.OPTION_SESSION_EXPIRY_MAX_SEC, 14 * 86_400],
    ["persistent_client_expiration 3w", abi.OPTION_SESSION_EXPIRY_MAX_SEC, 21 * 86_400],
    ["persistent_client_expiration 2m", abi.OPTION_SESSION_EXPIRY_MAX_SEC, 60 * 86_400],
    ["persistent_client_expiration 136y", abi.OPTION_SESSION_EXPIRY_MAX_SEC, 136 * 365 * 86_400],
    ["allow_anonymous true", abi.OPTION_AUTHENTICATE, 0],
  ])("%j", (text, option, value) => {
    const core = newCore();
    configure(core, text);
    expect(core.exports.optionValue(option) >>> 0).toBe(value);
  });

  test.each([
    "set_tcp_nodelay true\nset_tcp_nodelay 0",
    "persistence false\nretained_persistence 0\nper_listener_settings false",
    "queue_qos0_messages false\nupgrade_outgoing_qos false\nallow_zero_length_clientid true",
    "protocol mqtt",
    "log_timestamp whatever\nautosave_interval",
  ])("%j changes nothing", (text) => {
    const [before, after] = [newCore(), newCore()];
    configure(after, text);
    const options = (core: Core<BrokerExports>) =>
      Array.from({ length: abi.OPTION_COUNT }, (_, option) => core.exports.optionValue(option));
    expect(options(after)).toEqual(options(before));
  });
});

describe("a value is refused", () => {
  test.each([
    ["max_connections -2", "BAD_VALUE: -1 to 1048575"],
    ["max_connections 1048576", "BAD_VALUE: -1 to 1048575"],
    ["max_inflight_bytes -1", "BAD_VALUE: 0 to 2147483647"],
    ["max_inflight_bytes 2147483648", "BAD_VALUE: 0 to 2147483647"],
    ["max_inflight_messages 65536", "BAD_VALUE: 0 to 65535"],
    ["max_keepalive 65536", "BAD_VALUE: 0 to 65535"],
    ["max_packet_size 19", "BAD_VALUE: 20 to 2147483647"],
    ["max_qos 3", "BAD_VALUE: 0 to 2"],
    ["max_qos 1x", "BAD_VALUE: 0 to 2"],
    ["max_qos -", "BAD_VALUE: 0 to 2"],
    ["max_qos 1 2", "BAD_VALUE: 0 to 2"],
    ["maximum_qos 00000000001", "BAD_VALUE: 0 to 2"],
    ["max_queued_bytes 99999999999999999999999", "BAD_VALUE: 0 to 2147483647"],
    ["max_topic_alias 65536", "BAD_VALUE: 0 to 65535"],
    ["memory_limit 1k", "BAD_VALUE: 0 to 2147483647"],
    ["message_size_limit 268435456", "BAD_VALUE: 0 to 268435455"],
    ["sys_interval 1.5", "BAD_VALUE: 0 to 65535"],
    ["port 0", "BAD_VALUE: 1 to 65535"],
    ["port 65536", "BAD_VALUE: 1 to 65535"],
    ["listener 65536", "BAD_VALUE: 0 to 65535"],
    ["listener -1", "BAD_VALUE: 0 to 65535"],
    ["listener 0", "PATH_MISSING"],
    ["listener 1883 a b", "EXTRA_WORDS"],
    ["bind_address a b", "EXTRA_WORDS"],
    ["retain_available True", "BAD_VALUE: true|false"],
    ["retain_available 2", "BAD_VALUE: true|false"],
    ["set_tcp_nodelay yes", "BAD_VALUE: true|false"],
    ["connection_messages on", "BAD_VALUE: true|false"],
    ["persistence true", "VALUE_NOT_SUPPORTED"],
    ["retained_persistence 1", "VALUE_NOT_SUPPORTED"],
    ["per_listener_settings true", "VALUE_NOT_SUPPORTED"],
    ["queue_qos0_messages true", "VALUE_NOT_SUPPORTED"],
    ["upgrade_outgoing_qos true", "VALUE_NOT_SUPPORTED"],
    ["allow_zero_length_clientid false", "VALUE_NOT_SUPPORTED"],
    ["protocol websockets", "VALUE_NOT_SUPPORTED"],
    ["protocol http", "BAD_VALUE: mqtt"],
    ["log_dest syslog", "VALUE_NOT_SUPPORTED"],
    ["log_dest printer", "BAD_VALUE: none|stdout|stderr|file"],
    ["log_dest file", "PATH_MISSING"],
    ["log_dest stdout x", "EXTRA_WORDS"],
    ["log_type errors", /^BAD_VALUE: all\|none\|error\|.*\|internal$/],
    ["persistent_client_expiration 5", "BAD_VALUE: a number and h, d, w, m or y"],
    ["persistent_client_expiration 0d", "BAD_VALUE: a number and h, d, w, m or y"],
    ["persistent_client_expiration d", "BAD_VALUE: a number and h, d, w, m or y"],
    ["persistent_client_expiration 137y", "BAD_VALUE: a number and h, d, w, m or y"],
    ["persistent_client_expiration 9999999999y", "BAD_VALUE: a number and h, d, w, m or y"],
  ])("%j", (line, fault) => {
    const [first = "", ...others] = faultsOf(`allow_anonymous true\n${line}`);
    expect(first.replace(/^2 /, "")).toMatch(fault);
    expect(others).toEqual([]);
  });

  it("when there is more than a file may have", () => {
    const settings = "sys_interval 1\n".repeat(256);
    expect(faultsOf(settings)).toEqual([]);
    expect(faultsOf(`${settings}sys_interval 1`)).toEqual(["0 TOO_MUCH"]);
    expect(faultsOf(`${"#".repeat(262_143)}\n`)).toEqual([]);
  });
});

describe("the nearest key", () => {
  test.each([
    ["listner", "MISSPELT_KEY: listener"],
    ["alow_anonymos", "MISSPELT_KEY: allow_anonymous"],
    ["max-connections", "MISSPELT_KEY: max_connections"],
    ["maxconnections", "MISSPELT_KEY: max_connections"],
    ["LISTENER", "MISSPELT_KEY: listener"],
    ["usr", "MISSPELT_KEY: user"],
    ["passwordfile", "MISSPELT_KEY: password_file"],
    ["topics", "MISSPELT_KEY: topic"],
    ["bridge_psq", "MISSPELT_KEY: bridge_psk"],
    ["xyzzy", "UNKNOWN_KEY"],
    ["x", "UNKNOWN_KEY"],
    ["a".repeat(4_000), "UNKNOWN_KEY"],
    ["auth_opt_", "NOT_SUPPORTED"],
    ["auth_opt_backends", "NOT_SUPPORTED"],
    ["plugin_opt_file", "NOT_SUPPORTED"],
  ])("%.20s: %s", (key, fault) => {
    expect(faultsOf(`${key} x`)).toEqual([`1 ${fault}`]);
  });
});

/** Rows of README.md: key, state, values, notes. */
const rows = [...read("README.md").matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$/gm)].map(
  ([, key = "", state = "", , notes = ""]) => ({ key, state, notes: notes.trim() }),
);

/** Names of the tables in a file of the core: a comment says each, and its bytes must be the same. */
function namesIn(file: string): string[] {
  const tables = [...read(file).matchAll(/memory\.data<u8>\(\[\n([\s\S]*?)\n\]\)/g)].map((match) => match[1] ?? "");
  return tables.flatMap((table) => {
    const said = [...table.matchAll(/^ *\/\/ (.*)$/gm)].map((match) => match[1] ?? "");
    const bytes = table
      .replace(/\/\/.*$/gm, "")
      .split(",")
      .filter((byte) => byte.trim() !== "");
    expect(String.fromCharCode(...bytes.map(Number))).toBe(`${said.join("|")}\0`);
    return said;
  });
}

describe("README.md", () => {
  const known = [...namesIn("keys.ts"), ...namesIn("other-keys.ts")];

  it("has the keys that the core has", () => {
    expect(rows.map(({ key }) => key)).toEqual([...known].sort());
    expect(new Set(known).size).toBe(known.length);
  });

  it("numbers them as keys.ts does", () => {
    const numbers = [...read("keys.ts").matchAll(/^export const (\w+): u32 = (\d+);$/gm)];
    expect(numbers.map((match) => [match[1], Number(match[2])])).toEqual(
      namesIn("keys.ts").map((name, index) => [name.toUpperCase(), index]),
    );
  });

  it("need not say what values.ts does: its bytes are what its comments say", () => {
    const tables = [
      ...read("values.ts").matchAll(/\/\*\* (.*) \*\/\nexport const \w+: usize = memory\.data<u8>\(\[([^\]]*)\]/g),
    ];
    expect(tables.length).toBe(7);
    for (const [, said = "", bytes = ""] of tables) {
      const numbers = bytes.split(",").filter((byte) => byte.trim() !== "");
      expect(String.fromCharCode(...numbers.map(Number)).replace(/\0$/, "")).toBe(said);
    }
  });

  test.each(rows)("$key is $state", ({ key, state }) => {
    const fault = { supported: ["1 VALUE_MISSING"], ignored: [], "not yet": ["1 NOT_SUPPORTED"] }[state];
    const others = new Set(["0 NOBODY", "1 NOBODY"]);
    expect(faultsOf(key.replace("*", "x")).filter((other) => !others.has(other))).toEqual(fault);
  });

  it("has no key of 2.0 that mosquitto does not know", { timeout: 60_000 }, () => {
    const program =
      ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].find((path) => existsSync(path)) ?? "mosquitto";
    const folder = mkdtempSync(join(tmpdir(), "midge-test-"));
    const file = join(folder, "mosquitto.conf");
    const ofVersion2 = rows.filter(({ notes }) => notes !== "2.1");
    const unknown = ofVersion2.filter(({ key }) => {
      // The last line stops it where the key alone does not.
      writeFileSync(file, `${key.replace("*", "x")} \nmidge_none\n`);
      const { stderr } = spawnSync(program, ["-c", file], { timeout: 10_000, encoding: "utf8" });
      return /Unknown configuration variable "(?!midge_none)/.test(stderr);
    });
    rmSync(folder, { recursive: true });
    expect(unknown.map(({ key }) => key)).toEqual([]);
  });
});

describe("a host has words", () => {
  const codes = Object.entries(abi).filter(([name]) => name.startsWith("CONFIG_"));

  it("for every fault, and no others", () => {
    expect(Object.keys(CONFIG_TEXT).map(Number)).toEqual(codes.map(([, code]) => code));
  });

  test.each([
    [{ line: 3, key: "max_qos" }, "m.conf", "m.conf:3: max_qos: wrong"],
    [{ line: 3, key: "max_qos" }, undefined, "line 3: max_qos: wrong"],
    [{ line: 3, key: "" }, "m.conf", "m.conf:3: wrong"],
    [{ line: 0, key: "" }, "m.conf", "m.conf: wrong"],
    [{ line: 0, key: "" }, undefined, "wrong"],
  ])("%j in %s", (where, file, text) => {
    expect(faultText({ ...where, value: "", code: 1, text: "wrong" }, file)).toBe(text);
  });
});
