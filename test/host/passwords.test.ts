// The password store and its file: what it takes, what it refuses with file and line, that unknown users cannot be told from
// wrong passwords, and `midge passwd`, run as a user runs it.

import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import type { AuthenticationAnswer } from "../../host/broker-authentication.ts";
import { PasswordStore, passwordLine } from "../../host/passwords.ts";
import { scramClient, scramRecord } from "../../host/scram.ts";
import { MIDGE, run, stopAll, temporaryFile } from "./peers.ts";

afterAll(stopAll);

// The record of "pencil" with the salt of RFC 7677, as PostgreSQL 16 writes it.
const PENCIL =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const KEY = `${"A".repeat(43)}=`;

const FILE = `# users of the greenhouse

alice:${PENCIL}
Jürgen:${PENCIL}
`;

/** Authenticates with SCRAM; the store's last answer. */
async function scram(store: PasswordStore, userName: string, password: string): Promise<AuthenticationAnswer> {
  const exchange = store.scram();
  const client = scramClient(userName, password);
  const first = await exchange(client.first());
  if (!("continue" in first)) return first;
  return exchange(await client.respond(Buffer.from(first.data ?? [])));
}

/** Salt and iterations that a user is told. */
async function told(store: PasswordStore, userName: string): Promise<string> {
  const exchange = store.scram();
  const answer = await exchange(Buffer.from(`n,,n=${userName},r=abc`));
  if (!("continue" in answer)) throw new Error("no challenge");
  return String(answer.data).replace(/^r=[^,]*,/, "");
}

describe("a password store", () => {
  const store = new PasswordStore(FILE);

  it("knows its users", async () => {
    expect(store.size).toBe(2);
    expect(await store.verify("alice", "pencil")).toBe(true);
    expect(await store.verify("Jürgen", "pencil")).toBe(true);
    for (const [name, password] of [
      ["alice", "pencils"],
      ["alice", ""],
      ["bob", "pencil"],
      ["", "pencil"],
      ["ALICE", "pencil"],
    ] as const) {
      expect(await store.verify(name, password)).toBe(false);
    }
  });

  it("has records as PostgreSQL has them", async () => {
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    expect(passwordLine("alice", await scramRecord("pencil", 4_096, salt))).toBe(`alice:${PENCIL}`);
  });

  it("judges a CONNECT", async () => {
    const judge = (userName?: string, password?: Buffer) => store.authenticate({ userName, password });
    expect(await judge("alice", Buffer.from("pencil"))).toBe(true);
    expect(await judge("alice", Buffer.from([0xff, 0xfe]))).toBe(false);
    expect(await judge("alice")).toBe(false);
    expect(await judge("bob", Buffer.from("pencil"))).toBe(false);
    expect(await judge()).toBe("not authorised");
  });

  it("takes part in SCRAM-SHA-256", async () => {
    expect(await scram(store, "alice", "pencil")).toMatchObject({ accept: true, userName: "alice" });
    // Bytes that have another form after SASLprep are the same user.
    expect(await scram(store, "Ju\u0308rgen", "pencil")).toMatchObject({ accept: true, userName: "Jürgen" });
    expect(await scram(store, "alice", "pencils")).toEqual({ refuse: true, reasonCode: 0x86 });
    expect(await scram(store, "bob", "pencil")).toEqual({ refuse: true, reasonCode: 0x86 });
    const exchange = store.scram();
    expect(await exchange(Buffer.from("n"))).toEqual({ refuse: true, reasonCode: 0x82 });
    expect(await exchange(Buffer.from("p=tls-unique,,n=alice,r=a"))).toEqual({ refuse: true, reasonCode: 0x8c });
  });

  it("answers for unknown users as for known ones, and always the same", async () => {
    const [known, bob, eve] = [await told(store, "alice"), await told(store, "bob"), await told(store, "eve")];
    expect(bob).toMatch(/^s=[^,]{22}==,i=4096$/);
    expect(bob).not.toBe(known);
    expect(bob).not.toBe(eve);
    expect(await told(store, "bob")).toBe(bob);
    // The same after a restart, and not to be computed from outside.
    expect(await told(new PasswordStore(FILE), "bob")).toBe(bob);
    const other = new PasswordStore(passwordLine("alice", await scramRecord("pencil")));
    expect(await told(other, "bob")).not.toBe(bob);
  });

  it("gives unknown users the iterations and salts that its users have", async () => {
    const record = await scramRecord("pencil", 5_000, Buffer.alloc(9, 1));
    const mixed = new PasswordStore(`${FILE}${passwordLine("carol", record)}`);
    const seen = new Set<string>();
    for (let number = 0; number < 100; number++) {
      const [, salt = "", iterations = ""] = /^s=([^,]*),i=(\d+)$/.exec(await told(mixed, `nobody${number}`)) ?? [];
      seen.add(`${Buffer.from(salt, "base64").length} ${iterations}`);
    }
    expect([...seen].sort()).toEqual(["16 4096", "9 5000"]);
  });

  it("tells unknown users the same when its file changes, by the secret in it", async () => {
    const fast = await scramRecord("pencil", 5_000, Buffer.alloc(9, 1));
    const secret = `#midge-secret:${Buffer.alloc(32, 7).toString("base64")}`;
    const small = new PasswordStore(`${secret}\n${FILE}${passwordLine("carol", fast)}`);
    const large = new PasswordStore(`${FILE}${secret}\n${passwordLine("carol", fast)}\ndave:${PENCIL}`);
    const other = new PasswordStore(`#midge-secret:${KEY}\n${FILE}`);
    let same = 0;
    for (let number = 0; number < 100; number++) {
      const [before, after] = [await told(small, `nobody${number}`), await told(large, `nobody${number}`)];
      expect(await told(other, `nobody${number}`)).not.toBe(before);
      if (after === before) same++;
    }
    // What kinds of records there are has shifted a little, from 2 : 1 to 3 : 1; all else stays.
    expect(same).toBeGreaterThan(80);
    expect(large.size).toBe(4);
  });

  it("may be empty, and lets in nobody then", async () => {
    const empty = new PasswordStore("");
    expect(empty.size).toBe(0);
    expect(await empty.verify("alice", "pencil")).toBe(false);
    expect(await scram(empty, "alice", "pencil")).toEqual({ refuse: true, reasonCode: 0x86 });
  });
});

describe("a password file", () => {
  it("is read again, and after an error the users stay", async () => {
    const file = temporaryFile("passwords", FILE);
    const store = await PasswordStore.read(file);
    writeFileSync(file, `\ufeffbob:${PENCIL}\r\n# the end`);
    await store.reload();
    expect([await store.verify("bob", "pencil"), await store.verify("alice", "pencil")]).toEqual([true, false]);
    writeFileSync(file, "bob");
    await expect(store.reload()).rejects.toThrow(`${file}:1: `);
    expect(await store.verify("bob", "pencil")).toBe(true);
  });

  test.each([
    // file, what is said
    ["alice", /^f:1: a line is NAME:RECORD/],
    [`# a\n\n:${PENCIL}`, /^f:3: the user name: it is empty/],
    [`al\u00adice:${PENCIL}`, /^f:1: the user name: .* write it as 'alice'/],
    [`a\u200eb:${PENCIL}`, /^f:1: the user name: .*SASLprep/],
    [`a:${PENCIL}\nb:${PENCIL}\na:${PENCIL}`, /^f:3: user 'a' is in line 1 already/],
    ["# a\n#midge-secret:AAAA", /^f:2: its secret is not 32 bytes in base64; without this line midge passwd makes one/],
    ["a:$7$101$abc$def", /^f:1: user 'a': a password of mosquitto's file is not read yet; .*midge passwd/],
    ["a:$6$abc$def", /^f:1: user 'a': a password of mosquitto's/],
    ["a:pencil", /^f:1: user 'a': its record is not of the form/],
    [`a:${PENCIL}:`, /^f:1: user 'a': its record is not of the form/],
    [`a:SCRAM-SHA-256$4095:AAAA$${KEY}:${KEY}`, /^f:1: user 'a': its iterations are 4095, not from 4096 to 5000000/],
    [`a:SCRAM-SHA-256$5000001:AAAA$${KEY}:${KEY}`, /its iterations are 5000001/],
    [`a:SCRAM-SHA-256$4096:$${KEY}:${KEY}`, /its salt is not/],
    [`a:SCRAM-SHA-256$4096:AAA$${KEY}:${KEY}`, /its salt is not/],
    [`a:SCRAM-SHA-256$4096:AAAA$AAAA:${KEY}`, /its two keys are not/],
    [`a:SCRAM-SHA-256$4096:AAAA$${KEY}:AAAA`, /its two keys are not/],
  ])("%j is refused", (text, said) => {
    expect(() => new PasswordStore(text, "f")).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
    expect(() => new PasswordStore(text, "f")).toThrow(said);
  });

  it("never shows what may be a password in plain", () => {
    expect(() => new PasswordStore("a:secret", "f")).not.toThrow(/secret/);
  });

  it("that cannot be read says why", async () => {
    await expect(PasswordStore.read("/nowhere/passwords")).rejects.toThrow(/cannot read the password file: ENOENT/);
    const file = temporaryFile("passwords", Buffer.from([0x61, 0xff]));
    await expect(PasswordStore.read(file)).rejects.toThrow(`${file}: it is not a text in UTF-8`);
  });
});

describe("midge passwd", () => {
  const passwd = (args: string[], input = "") => run([...MIDGE, "passwd", ...args], { input });

  it("makes a file for its owner alone, changes it, and removes a user", async () => {
    const file = join(dirname(temporaryFile("other", "")), "passwords");
    expect(await passwd(["-c", "-b", file, "alice", "one"])).toMatchObject({ exitCode: 0, stderr: "" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await passwd([file, "bob"], "two\nthree\n")).toMatchObject({ exitCode: 0, stderr: "" });
    let store = await PasswordStore.read(file);
    expect([await store.verify("alice", "one"), await store.verify("bob", "two")]).toEqual([true, true]);
    await passwd(["-b", "-I", "5000", file, "alice", "other"]);
    await passwd(["-D", file, "bob"]);
    store = await PasswordStore.read(file);
    expect([store.size, await store.verify("alice", "other")]).toEqual([1, true]);
    expect(readFileSync(file, "utf8")).toContain("SCRAM-SHA-256$5000:");
    // Nothing is left behind.
    expect(readdirSync(dirname(file)).sort()).toEqual(["other", "passwords"]);
    expect(await passwd(["-c", "-b", file, "carol", "x"])).toMatchObject({ exitCode: 0 });
    expect((await PasswordStore.read(file)).size).toBe(1);
  });

  it("keeps the other lines, the link to the file, and its owner", async () => {
    const text = "# note\n\nother:$7$101$a$b\nlast line without an end";
    const file = temporaryFile("passwords", text);
    const link = join(dirname(file), "link");
    symlinkSync(file, link);
    chmodSync(file, 0o644);
    await passwd(["-b", link, "alice", "one"]);
    expect(readFileSync(file, "utf8")).toMatch(
      /^#midge-secret:.{44}\n# note\n\nother:\$7\$101\$a\$b\nlast line without an end\nalice:SCRAM.*\n$/,
    );
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(statSync(file)).toMatchObject({ uid: process.getuid?.(), gid: process.getgid?.() });
    // Nobody but the owner and the group has anything to do with it.
    expect(statSync(file).mode & 0o777).toBe(0o640);
    const content = readFileSync(file, "utf8");
    await passwd(["-b", link, "bob", "two"]);
    expect(readFileSync(file, "utf8").startsWith(content)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it("loses no user when two are at work: one is told", async () => {
    const file = temporaryFile("passwords", "");
    const names = Array.from({ length: 8 }, (_, index) => `user${index}`);
    const results = await Promise.all(names.map((name) => passwd(["-b", file, name, "x"])));
    const store = await PasswordStore.read(file);
    for (const [index, { exitCode, stderr }] of results.entries()) {
      expect(await store.verify(names[index] as string, "x")).toBe(exitCode === 0);
      if (exitCode !== 0) expect(stderr).toMatch(/^midge passwd: another midge passwd is at work on .*\n$/);
    }
    expect(results.some(({ exitCode }) => exitCode === 0)).toBe(true);
    expect(readdirSync(dirname(file))).toEqual(["passwords"]);
  });

  it("says what to do about the mark of one that was killed, and leaves the file alone", async () => {
    const file = temporaryFile("passwords", FILE);
    const mark = `${file}.midge-passwd`;
    writeFileSync(mark, "");
    for (const args of [
      ["-b", file, "bob", "x"],
      ["-D", file, "alice"],
      ["-c", "-b", file, "bob", "x"],
    ]) {
      const { exitCode, stderr } = await passwd(args);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`another midge passwd is at work on ${file}; if none is, remove ${mark}`);
    }
    expect([readFileSync(file, "utf8"), existsSync(mark)]).toEqual([FILE, true]);
  });

  it("asks twice at a terminal, and shows nothing", async () => {
    const file = temporaryFile("passwords", "");
    const same = await atTerminal([...MIDGE, "passwd", file, "alice"], ["s3cret", "s3cret"]);
    expect(same).toEqual({ exitCode: 0, shown: "Password: \r\nAgain: \r\n" });
    expect(await (await PasswordStore.read(file)).verify("alice", "s3cret")).toBe(true);
    const other = await atTerminal([...MIDGE, "passwd", file, "alice"], ["s3cret", "secret"]);
    expect(other.exitCode).toBe(1);
    expect(other.shown).toContain("midge passwd: the two passwords are not the same");
    // Ctrl-C
    const ended = await atTerminal([...MIDGE, "passwd", file, "bob"], ["\x03"]);
    expect(ended.exitCode).toBe(1);
    expect(ended.shown).toContain("midge passwd: no password was given");
    expect((await PasswordStore.read(file)).size).toBe(1);
  });

  test.each([
    // arguments, what is said; FILE holds alice
    ["NONE alice", /there is no file .*NONE; -c makes one/],
    ["-D FILE bob", /there is no user 'bob' in /],
    ["-D FILE alice one", /-D needs no password/],
    ["-D -c FILE alice", /-D removes a user; it goes with no other option/],
    ["-b FILE alice", /-b needs the password/],
    ["FILE alice one", /a password on the command line needs -b/],
    ["-b FILE al:ice one", /'al:ice' is no name for a user: it holds a colon/],
    ["-b FILE #alice one", /it begins with #/],
    ["FILE alice", /the password is empty/],
    ["-b FILE alice a\u0007b", /a character that SCRAM does not allow/],
    ["-I 1 -b FILE alice one", /4096 to 5000000/],
    ["-b /nowhere/FILE alice one", /there is no file/],
    ["-c -b /nowhere/FILE alice one", /cannot write \/nowhere\/FILE: no such file/],
    ["FILE", /missing required argument 'user'/],
  ])("%s fails in one line", async (line, said) => {
    const file = temporaryFile("FILE", FILE);
    const args = line.split(" ").map((word) => (/^(FILE|NONE)$/.test(word) ? join(dirname(file), word) : word));
    const result = await passwd(args);
    expect(result).toMatchObject({ exitCode: 1, stdout: Buffer.alloc(0) });
    expect(result.stderr).toMatch(said);
    expect(result.stderr).toMatch(/^midge passwd: .*\n$/);
    expect(readFileSync(file, "utf8")).toBe(FILE);
    expect(readdirSync(dirname(file))).toEqual(["FILE"]);
  });
});

/** Runs a command at a terminal of its own and types a line at each prompt; what the terminal showed. */
async function atTerminal(command: string[], typed: string[]): Promise<{ exitCode: number | null; shown: string }> {
  const script = temporaryFile(
    "terminal.py",
    `
import os, pty, sys
pid, end = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""
for line in os.environ["TYPED"].split(","):
    asked = shown.count(b": ")
    while shown.count(b": ") == asked:
        shown += os.read(end, 1000)
    os.write(end, line.encode() + (b"" if line == "\\x03" else b"\\r"))
while True:
    try:
        more = os.read(end, 1000)
    except OSError:
        break
    if not more:
        break
    shown += more
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`,
  );
  const result = await run(["/usr/bin/python3", script, ...command], { env: { TYPED: typed.join(",") } });
  return { exitCode: result.exitCode, shown: result.stdout.toString() };
}
