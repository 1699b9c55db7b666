// Who may connect, as the application's functions answer: verdicts as Reason Codes, exchanges of enhanced authentication and
// their ends, and what happens when such a function fails, answers late, or answers what cannot be.

import { describe, expect, it, test } from "vitest";
import type { AuthenticationAnswer, AuthenticationMethod, Verdict } from "../../host/broker-authentication.ts";
import type { BrokerOptions } from "../../host/broker-options.ts";
import { PasswordStore, passwordLine } from "../../host/passwords.ts";
import { REASON_STRINGS } from "../../host/reason-strings.ts";
import { scramClient, scramRecord } from "../../host/scram.ts";
import { answer, ByteClient, brokerOf, connect4, connect5, hex, warning } from "./broker5-world.ts";

const LIMITS = "22 0010 27 01000000";

/** AUTH with method "m". */
function auth(code: string, data?: string): string {
  return `f0 [ ${code} [ 15 "m" ${data === undefined ? "" : `16 "${data}"`} ] ]`;
}

/** A method "m" that answers by the words of the client. */
function methods(answers: Record<string, AuthenticationAnswer>): BrokerOptions {
  return { authenticationMethods: { m: () => (data) => answers[data.toString()] ?? { refuse: true } } };
}

function withMethod(clientId: string, data?: string): string {
  return connect5(clientId, `15 "m" ${data === undefined ? "" : `16 "${data}"`}`);
}

describe("authenticate", () => {
  test.each<[Verdict, number, number]>([
    // verdict, Reason Code of 5.0, return code of 3.1.1
    [true, 0, 0],
    [false, 0x86, 4],
    ["not authorised", 0x87, 5],
    [{ reasonCode: 0x85 }, 0x85, 2],
    [{ reasonCode: 0x89 }, 0x89, 3],
    [{ reasonCode: 0x8a }, 0x8a, 5],
    [{ reasonCode: 0x97 }, 0x97, 3],
    [{ reasonCode: 0x9c, serverReference: "there" }, 0x9c, 3],
    [{ reasonCode: 0x9d }, 0x9d, 3],
  ])("%j is %i, and %i before 5.0", async (verdict, reasonCode, returnCode) => {
    const world = brokerOf({ authenticate: async () => verdict });
    const client = await ByteClient.open(world);
    const told = answer((await client.exchange(connect5("c", "", "82", '"user"')))[0]);
    expect(told).toMatchObject({ kind: "CONNACK", reasonCode });
    expect(told.serverReference).toBe(Object(verdict).serverReference);
    expect(client.closed).toBe(reasonCode !== 0);
    const old = await ByteClient.open(world);
    expect(await old.exchange(connect4("d", "82", '"user"'))).toEqual([hex(`20 02 00 0${returnCode}`)]);
  });

  test.each([
    ["fails", () => Promise.reject(new Error("the database is away")), "the database is away"],
    // Keep Alive timeout: a code that CONNACK has not.
    ["answers what CONNACK cannot say", () => ({ reasonCode: 0x8d }), "reason code 141"],
    // Only true accepts.
    ["answers a Reason Code that does not refuse", () => ({ reasonCode: 0 }), "reason code 0 does not refuse"],
    ["answers a success that is none", () => ({ reasonCode: 0x10 }), "reason code 16 does not refuse"],
  ])("refuses as unavailable, with a warning, when it %s", async (_, authenticate, said) => {
    const told = warning("authenticate()");
    const client = await ByteClient.open(brokerOf({ authenticate }));
    const [connack] = await client.exchange(connect5("c"));
    expect(answer(connack)).toMatchObject({ reasonCode: 0x88, reasonString: REASON_STRINGS.get(0x88) });
    expect(await told).toContain(said);
  });

  it.each([undefined, "yes", 1, {}, { reasonCode: "0" }, null])("that answers %j lets nobody in", async (wrong) => {
    const client = await ByteClient.open(brokerOf({ authenticate: () => wrong as unknown as Verdict }));
    const [connack] = await client.exchange(connect5("c"));
    expect(answer(connack).reasonCode).toBeGreaterThanOrEqual(0x87);
  });

  it("may answer when the client has gone and another is there", async () => {
    const answers: ((verdict: Verdict) => void)[] = [];
    const world = brokerOf({ authenticate: () => new Promise((resolve) => answers.push(resolve)) });
    const first = await ByteClient.open(world);
    await first.exchange(connect5("first"));
    await first.drop();
    const second = await ByteClient.open(world);
    await second.exchange(connect5("second"));
    answers[0]?.(true);
    await world.advance();
    expect(second.take()).toEqual([]);
    answers[1]?.(true);
    await world.advance();
    expect(answer(second.take()[0])).toMatchObject({ kind: "CONNACK", reasonCode: 0 });
  });
});

describe("an exchange", () => {
  const answers: Record<string, AuthenticationAnswer> = {
    "": { accept: true },
    one: { continue: true, data: Buffer.from("two?") },
    two: { accept: true, data: Buffer.from("done"), userName: "somebody" },
    mute: { continue: true },
    ban: { refuse: true, reasonCode: 0x8a },
    large: { continue: true, data: Buffer.alloc(70_000) },
    odd: { refuse: true, reasonCode: 0x8d },
  };

  it("goes on until it accepts, and says who it was", async () => {
    const world = brokerOf(methods(answers));
    const seen: unknown[] = [];
    world.broker.on("connect", ({ userName }) => seen.push(userName));
    const client = await ByteClient.open(world);
    expect(await client.exchange(connect5("c", '15 "m" 16 "one"', "82", '"admin"'))).toEqual([hex(auth("18", "two?"))]);
    expect(await client.exchange(auth("18", "mute"))).toEqual([hex(auth("18"))]);
    expect(await client.exchange(auth("18", "two"))).toEqual([hex(`20 [ 00 00 [ 15 "m" 16 "done" ${LIMITS} ] ]`)]);
    // Not what it called itself in CONNECT.
    expect(seen).toEqual(["somebody"]);
  });

  test.each([
    // data, Reason Code
    [undefined, 0],
    ["ban", 0x8a],
    ["whatever", 0x87],
  ])("that begins with %s ends with %i", async (data, reasonCode) => {
    const client = await ByteClient.open(brokerOf(methods(answers)));
    const [connack] = await client.exchange(withMethod("c", data));
    expect(answer(connack)).toMatchObject({ kind: "CONNACK", reasonCode });
    expect(client.closed).toBe(reasonCode !== 0);
  });

  test.each([
    ["large", "what no packet can say"],
    ["odd", "what no packet can say"],
  ])("that answers what cannot be (%s) is refused, with a warning", async (data, said) => {
    const told = warning("authentication method");
    const client = await ByteClient.open(brokerOf(methods(answers)));
    const [connack] = await client.exchange(withMethod("c", data));
    expect(answer(connack)).toMatchObject({ kind: "CONNACK", reasonCode: 0x87 });
    expect(await told).toContain(said);
  });

  test.each<[string, AuthenticationMethod, number]>([
    [
      "cannot begin",
      () => {
        throw new Error("no token server");
      },
      0x88,
    ],
    ["fails", () => () => Promise.reject(new Error("no token server")), 0x88],
  ])("whose method %s is refused", async (_, method, reasonCode) => {
    const told = warning("authentication method m failed");
    const client = await ByteClient.open(brokerOf({ authenticationMethods: { m: method } }));
    const [connack] = await client.exchange(withMethod("c", "x"));
    expect(answer(connack)).toMatchObject({ kind: "CONNACK", reasonCode });
    expect(await told).toContain("no token server");
  });

  it.each([
    undefined,
    "accept",
    {},
    { accept: false },
    { continue: false },
    { refuse: true, reasonCode: 0 },
    { refuse: true, reasonCode: "0x87" },
    { accept: true, data: 1 },
  ])("whose method answers %j lets nobody in", async (wrong) => {
    const told = warning("authentication method m failed");
    const method = () => () => wrong as unknown as AuthenticationAnswer;
    const client = await ByteClient.open(brokerOf({ authenticationMethods: { m: method } }));
    const [connack] = await client.exchange(withMethod("c", "x"));
    expect(answer(connack)).toMatchObject({ kind: "CONNACK", reasonCode: 0x88 });
    await told;
  });

  it("is told who begins it", async () => {
    const starts: unknown[] = [];
    const world = brokerOf({
      authenticationMethods: {
        m: (start) => {
          starts.push(start);
          return () => ({ accept: true });
        },
      },
    });
    const client = await ByteClient.open(world);
    await client.exchange(withMethod("c"));
    expect(await client.exchange(auth("19", "again"))).toEqual([hex(auth("00"))]);
    const start = { clientId: "c", address: expect.stringMatching(/^memory:/), method: "m" };
    expect(starts).toEqual([
      { ...start, reauthentication: false },
      { ...start, reauthentication: true },
    ]);
  });

  it.each(["n", "", "constructor", "__proto__"])(
    "by a method nobody offers (%j) is refused with 0x8c",
    async (method) => {
      for (const options of [methods(answers), {}]) {
        const client = await ByteClient.open(brokerOf(options));
        const [connack] = await client.exchange(connect5("c", `15 "${method}"`));
        expect(answer(connack)).toMatchObject({ kind: "CONNACK", reasonCode: 0x8c });
      }
    },
  );

  it("is the only way in, unless authenticate says otherwise", async () => {
    const strict = await ByteClient.open(brokerOf(methods(answers)));
    expect(answer((await strict.exchange(connect5("c")))[0])).toMatchObject({ reasonCode: 0x87 });
    const lax = await ByteClient.open(brokerOf({ ...methods(answers), authenticate: () => true }));
    expect(answer((await lax.exchange(connect5("c")))[0])).toMatchObject({ reasonCode: 0 });
  });

  it("answers late, with nothing read meanwhile", async () => {
    let decide: (answer: AuthenticationAnswer) => void = () => {};
    const world = brokerOf({
      authenticationMethods: { m: () => () => new Promise((resolve) => (decide = resolve)) },
    });
    const client = await ByteClient.open(world);
    expect(await client.exchange(withMethod("c", "one"))).toEqual([]);
    expect(await client.exchange("c0 00")).toEqual([]);
    decide({ accept: true });
    await world.advance();
    expect(client.take()).toEqual([hex(`20 [ 00 00 [ 15 "m" ${LIMITS} ] ]`), "d000"]);
  });

  it("may answer when the client has gone", async () => {
    const decide: ((answer: AuthenticationAnswer) => void)[] = [];
    const world = brokerOf({
      authenticationMethods: { m: () => () => new Promise((resolve) => decide.push(resolve)) },
    });
    const client = await ByteClient.open(world);
    await client.exchange(withMethod("c", "one"));
    await client.drop();
    const next = await ByteClient.open(world);
    await next.exchange(withMethod("d", "one"));
    decide[0]?.({ accept: true });
    await world.advance();
    expect(next.take()).toEqual([]);
  });
});

describe("a re-authentication", () => {
  const answers: Record<string, AuthenticationAnswer> = {
    alice: { accept: true, userName: "alice" },
    bob: { accept: true, userName: "bob" },
    more: { continue: true, data: Buffer.from("?") },
    wrong: { refuse: true, reasonCode: 0x86 },
    away: { refuse: true, reasonCode: 0x88 },
    ban: { refuse: true, reasonCode: 0x8a },
    quota: { refuse: true, reasonCode: 0x97 },
  };

  async function alice() {
    const client = await ByteClient.open(brokerOf(methods(answers)));
    await client.exchange(withMethod("c", "alice"));
    return client;
  }

  it("succeeds, as often as it is wanted", async () => {
    const client = await alice();
    for (let count = 0; count < 3; count++) {
      expect(await client.exchange(auth("19", "more"))).toEqual([hex(auth("18", "?"))]);
      expect(await client.exchange("c0 00")).toEqual(["d000"]);
      expect(await client.exchange(auth("18", "alice"))).toEqual([hex(auth("00"))]);
    }
  });

  test.each([
    // data, Reason Code of DISCONNECT
    ["quota", 0x97],
    // as another user
    ["bob", 0x87],
    // CONNACK has these codes, DISCONNECT has not
    ["wrong", 0x87],
    ["ban", 0x87],
    ["away", 0x89],
  ])("as %s ends the connection with %i", async (data, reasonCode) => {
    const client = await alice();
    const [disconnect] = await client.exchange(auth("19", data));
    expect(answer(disconnect)).toMatchObject({
      kind: "DISCONNECT",
      reasonCode,
      reasonString: REASON_STRINGS.get(reasonCode),
    });
    expect(client.closed).toBe(true);
  });

  it("does not hold up messages", async () => {
    let decide: (answer: AuthenticationAnswer) => void = () => {};
    let count = 0;
    const method: AuthenticationMethod = () => () =>
      count++ === 0 ? { accept: true } : new Promise((resolve) => (decide = resolve));
    const world = brokerOf({ authenticationMethods: { m: method } });
    const client = await ByteClient.open(world);
    await client.exchange(withMethod("c"));
    expect(await client.exchange(auth("19"))).toEqual([]);
    expect(await client.exchange("c0 00")).toEqual(["d000"]);
    decide({ accept: true });
    await world.advance();
    expect(client.take()).toEqual([hex(auth("00"))]);
  });
});

describe("passwords", () => {
  async function options(): Promise<BrokerOptions> {
    return { passwords: new PasswordStore(passwordLine("alice", await scramRecord("pencil"))) };
  }

  test.each([
    // what follows the client id in CONNECT, its flags, Reason Code, return code of 3.1.1
    ['"alice" "pencil"', "c2", 0, 0],
    ['"alice" "pencils"', "c2", 0x86, 4],
    ['"bob" "pencil"', "c2", 0x86, 4],
    ['"alice"', "82", 0x86, 4],
    ["", "02", 0x87, 5],
  ])("with %j", async (rest, flags, reasonCode, returnCode) => {
    const world = brokerOf(await options());
    const client = await ByteClient.open(world);
    expect(answer(await client.ask(connect5("c", "", flags, rest)))).toMatchObject({ kind: "CONNACK", reasonCode });
    const old = await ByteClient.open(world);
    expect(await old.ask(connect4("d", flags, rest))).toBe(`2002000${returnCode}`);
  });

  it("serve SCRAM-SHA-256, to connect and to re-authenticate, to the client's own end of it", async () => {
    const world = brokerOf(await options());
    const users: unknown[] = [];
    world.broker.on("connect", ({ userName }) => users.push(userName));
    const client = await ByteClient.open(world);
    const data = (bytes: Uint8Array) => `15 "SCRAM-SHA-256" 16 "${Buffer.from(bytes).toString()}"`;
    const scram = scramClient("alice", "pencil");
    const first = answer(await client.ask(connect5("c", data(scram.first()))));
    expect(first).toMatchObject({ kind: "AUTH", reasonCode: 0x18 });
    const second = await scram.respond(Buffer.from(first.authenticationData ?? []));
    const last = answer(await client.ask(`f0 [ 18 [ ${data(second)} ] ]`));
    expect(last).toMatchObject({ kind: "CONNACK", reasonCode: 0, authenticationMethod: "SCRAM-SHA-256" });
    await scram.respond(Buffer.from(last.authenticationData ?? []));
    expect([scram.finished, users]).toEqual([true, ["alice"]]);

    const again = scramClient("alice", "pencil");
    const challenge = answer(await client.ask(`f0 [ 19 [ ${data(again.first())} ] ]`));
    const proof = await again.respond(Buffer.from(challenge.authenticationData ?? []));
    const end = answer(await client.ask(`f0 [ 18 [ ${data(proof)} ] ]`));
    expect(end).toMatchObject({ kind: "AUTH", reasonCode: 0 });
    await again.respond(Buffer.from(end.authenticationData ?? []));
    expect(again.finished).toBe(true);
  });

  it.each([
    ["bob", "pencil", 0x86],
    ["alice", "pencils", 0x86],
  ])("refuse %s with %s after the same challenge", async (userName, password, reasonCode) => {
    const client = await ByteClient.open(brokerOf(await options()));
    const data = (bytes: Uint8Array) => `15 "SCRAM-SHA-256" 16 "${Buffer.from(bytes).toString()}"`;
    const scram = scramClient(userName, password);
    const first = answer(await client.ask(connect5("c", data(scram.first()))));
    expect(Buffer.from(first.authenticationData ?? []).toString()).toMatch(/^r=[^,]+,s=[^,]{24},i=4096$/);
    const proof = await scram.respond(Buffer.from(first.authenticationData ?? []));
    expect(answer(await client.ask(`f0 [ 18 [ ${data(proof)} ] ]`))).toMatchObject({ kind: "CONNACK", reasonCode });
  });

  it("give way to the functions that are given beside them", async () => {
    const world = brokerOf({ ...(await options()), authenticate: ({ userName }) => userName === "guest" });
    const client = await ByteClient.open(world);
    expect(answer(await client.ask(connect5("c", "", "82", '"guest"')))).toMatchObject({ reasonCode: 0 });
  });
});
