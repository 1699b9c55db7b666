// SCRAM-SHA-256 by the messages it exchanges: the example of RFC 7677, what each end must refuse, and SASLprep by the
// examples of RFC 4013.

import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { saslprep } from "../../host/saslprep.ts";
import {
  ITERATIONS_MAX,
  ITERATIONS_MIN,
  ScramError,
  type ScramRecord,
  scramClient,
  scramRecord,
  scramServer,
  scramVerify,
} from "../../host/scram.ts";

// RFC 7677, section 3.
const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const CLIENT_FIRST = `n,,n=user,r=${CLIENT_NONCE}`;
const SERVER_FIRST = `r=${CLIENT_NONCE}${SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const CLIENT_FINAL = `c=biws,r=${CLIENT_NONCE}${SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

const pencil = await scramRecord("pencil", 4096, SALT);

function client() {
  return scramClient("user", "pencil", CLIENT_NONCE);
}

function server(record: ScramRecord = pencil) {
  return scramServer(() => record, SERVER_NONCE);
}

/** Both ends, until they are done. */
async function exchange(userName: string, password: string, recordOf: Parameters<typeof scramServer>[0]) {
  const [ours, theirs] = [scramClient(userName, password), scramServer(recordOf)];
  const challenge = await theirs.respond(ours.first());
  await ours.respond(await theirs.respond(await ours.respond(challenge)));
  return { ours, theirs };
}

/** Why `run` fails. */
async function kind(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(ScramError);
    return (error as ScramError).kind;
  }
  return "none";
}

describe("the example of RFC 7677", () => {
  it("is what the client says", async () => {
    const ours = client();
    expect(ours.first().toString()).toBe(CLIENT_FIRST);
    expect((await ours.respond(Buffer.from(SERVER_FIRST))).toString()).toBe(CLIENT_FINAL);
    expect(ours.finished).toBe(false);
    expect(ours.respond(Buffer.from(SERVER_FINAL))).toHaveLength(0);
    expect(ours.finished).toBe(true);
  });

  it("is what the server says", async () => {
    const theirs = server();
    expect((await theirs.respond(Buffer.from(CLIENT_FIRST))).toString()).toBe(SERVER_FIRST);
    expect(theirs.finished).toBe(false);
    expect((await theirs.respond(Buffer.from(CLIENT_FINAL))).toString()).toBe(SERVER_FINAL);
    expect(theirs).toMatchObject({ finished: true, userName: "user" });
  });
});

describe("an exchange", () => {
  it.each([
    ["a=b,c", "p,=w"],
    ["Jürgen", "päßwort €🦟"],
    // ª and a are the same after SASLprep.
    ["user", "\u00aa\u00ad"],
  ])("of %j with %j succeeds", async (userName, password) => {
    const record = await scramRecord(password.normalize("NFKC").replace("\u00ad", ""));
    const { ours, theirs } = await exchange(userName, password, () => record);
    expect([ours.finished, theirs.finished, theirs.userName]).toEqual([true, true, userName]);
  });

  it("does its hashing beside everything else", async () => {
    const record = await scramRecord("pencil", 300_000, SALT);
    const [ours, theirs] = [scramClient("user", "pencil"), scramServer(() => record)];
    const challenge = await theirs.respond(ours.first());
    let turns = 0;
    const other = setInterval(() => turns++, 1);
    const proof = await ours.respond(challenge);
    clearInterval(other);
    expect(turns).toBeGreaterThan(3);
    expect((await theirs.respond(proof)).toString()).toMatch(/^v=/);
  });

  it("may ask for the record, and takes no message meanwhile", async () => {
    let found: (record: ScramRecord) => void = () => {};
    const theirs = scramServer(() => new Promise((resolve) => (found = resolve)), SERVER_NONCE);
    const challenge = theirs.respond(Buffer.from(CLIENT_FIRST));
    expect(await kind(() => theirs.respond(Buffer.from(CLIENT_FIRST)))).toBe("malformed");
    found(pencil);
    expect((await challenge).toString()).toBe(SERVER_FIRST);
  });

  it("takes no message while the client hashes, and says so at once", async () => {
    const ours = client();
    const proof = ours.respond(Buffer.from(SERVER_FIRST));
    expect(() => ours.respond(Buffer.from(SERVER_FINAL))).toThrow(ScramError);
    expect((await proof).toString()).toBe(CLIENT_FINAL);
  });

  it("never repeats its nonces", () => {
    const seen = new Set(Array.from({ length: 100 }, () => scramClient("user", "pencil").first().toString()));
    expect(seen.size).toBe(100);
  });
});

describe("the server refuses", () => {
  test.each([
    // the client's first message, kind
    ["", "malformed"],
    ["n,,", "malformed"],
    ["n,n=user,r=abc", "malformed"],
    ["n,,n=user", "malformed"],
    ["n,,n=user,r=", "malformed"],
    ["n,,n=user,r=a\x7fb", "malformed"],
    ["n,,r=abc,n=user", "malformed"],
    ["x,,n=user,r=abc", "malformed"],
    ["n,,m=ext,n=user,r=abc", "malformed"],
    ["n,,n=,r=abc", "malformed"],
    ["n,,n=a=b,r=abc", "malformed"],
    ["n,,n=a=2c,r=abc", "malformed"],
    ["n,,n=a\0,r=abc", "malformed"],
    ["n,,n=\u202euser,r=abc", "malformed"],
    ["n,,n=user,r=abc,junk", "malformed"],
    ["p=tls-unique,,n=user,r=abc", "unsupported"],
    ["n,a=other,n=user,r=abc", "unsupported"],
    // and these it takes
    ["y,,n=user,r=abc", "none"],
    ["n,,n=user,r=abc,x=extension", "none"],
  ])("%j: %s", async (first, expected) => {
    expect(await kind(() => server().respond(Buffer.from(first)))).toBe(expected);
  });

  const BOTH = `${CLIENT_NONCE}${SERVER_NONCE}`;
  const PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  test.each([
    // the client's last message, kind
    ["", "malformed"],
    [`c=biws,r=${BOTH}`, "malformed"],
    [`c=biws,r=${BOTH},p=`, "malformed"],
    [`c=biws,r=${BOTH},p=AAAA`, "malformed"],
    [`c=biws,r=${BOTH},p=${PROOF.slice(0, -1)}`, "malformed"],
    [`c=biws,r=${BOTH},p=${PROOF},x=1`, "malformed"],
    [`r=${BOTH},c=biws,p=${PROOF}`, "malformed"],
    // "y,," instead of what it began with: someone on the way has changed it
    [`c=eSws,r=${BOTH},p=${PROOF}`, "malformed"],
    [`c=biws,r=${CLIENT_NONCE},p=${PROOF}`, "malformed"],
    [`c=biws,r=${BOTH}x,p=${PROOF}`, "malformed"],
    [`c=biws,r=${BOTH},p=${"A".repeat(43)}=`, "refused"],
    [`c=biws,r=${BOTH},x=1,p=${PROOF}`, "refused"],
    [CLIENT_FINAL, "none"],
  ])("%j: %s", async (final, expected) => {
    const theirs = server();
    await theirs.respond(Buffer.from(CLIENT_FIRST));
    expect(await kind(() => theirs.respond(Buffer.from(final)))).toBe(expected);
    expect(theirs.finished).toBe(expected === "none");
  });

  it("a wrong password, and anything behind the end", async () => {
    const theirs = server();
    const ours = scramClient("user", "pencils", CLIENT_NONCE);
    const final = await ours.respond(await theirs.respond(ours.first()));
    expect(await kind(() => theirs.respond(final))).toBe("refused");
    const done = (await exchange("user", "pencil", () => pencil)).theirs;
    expect(await kind(() => done.respond(Buffer.from(CLIENT_FIRST)))).toBe("malformed");
  });

  it("whatever bytes come, with a ScramError", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.boolean(), async (bytes, late) => {
        const theirs = server();
        if (late) await theirs.respond(Buffer.from(CLIENT_FIRST));
        expect(await kind(() => theirs.respond(Buffer.from(bytes)))).toBe("malformed");
      }),
    );
  });
});

describe("the client refuses", () => {
  const salt = SALT.toString("base64");
  test.each([
    // the server's first message, kind
    ["", "malformed"],
    ["e=other-error", "malformed"],
    [`r=${CLIENT_NONCE}x,s=${salt}`, "malformed"],
    [`r=${CLIENT_NONCE}x,s=,i=4096`, "malformed"],
    [`r=${CLIENT_NONCE}x,s=A,i=4096`, "malformed"],
    [`r=${CLIENT_NONCE}x,s=${salt},i=0`, "malformed"],
    [`r=${CLIENT_NONCE}x,s=${salt},i=-4096`, "malformed"],
    [`r=${CLIENT_NONCE}x,s=${salt},i=4096x`, "malformed"],
    [`m=ext,r=${CLIENT_NONCE}x,s=${salt},i=4096`, "malformed"],
    // a nonce without the server's part, or not beginning with the client's
    [`r=${CLIENT_NONCE},s=${salt},i=4096`, "malformed"],
    [`r=x${CLIENT_NONCE}x,s=${salt},i=4096`, "malformed"],
    [`r=${CLIENT_NONCE}x,s=${salt},i=${ITERATIONS_MIN - 1}`, "unsupported"],
    [`r=${CLIENT_NONCE}x,s=${salt},i=${ITERATIONS_MAX + 1}`, "unsupported"],
    [`r=${CLIENT_NONCE}x,s=${salt},i=4096,x=extension`, "none"],
  ])("%j: %s", async (first, expected) => {
    expect(await kind(() => client().respond(Buffer.from(first)))).toBe(expected);
  });

  test.each([
    // the server's last message, kind
    ["", "malformed"],
    ["v=AAAA", "refused"],
    [`v=${"A".repeat(43)}=`, "refused"],
    ["e=invalid-proof", "refused"],
    [`${SERVER_FINAL},x=extension`, "none"],
  ])("%j: %s", async (final, expected) => {
    const ours = client();
    await ours.respond(Buffer.from(SERVER_FIRST));
    expect(await kind(() => ours.respond(Buffer.from(final)))).toBe(expected);
    expect(ours.finished).toBe(expected === "none");
  });

  it("names and passwords that cannot be", async () => {
    expect(await kind(() => scramClient("", "pencil"))).toBe("unsupported");
    expect(await kind(() => scramClient("user", "pen\u0007cil"))).toBe("unsupported");
  });
});

describe("a record", () => {
  it("is verified with its password alone", async () => {
    expect(await scramVerify(pencil, "pencil")).toBe(true);
    for (const wrong of ["Pencil", "", "pencil ", "\ufffd"]) expect(await scramVerify(pencil, wrong)).toBe(false);
  });

  it("differs each time, and is not made of what is forbidden", async () => {
    expect((await scramRecord("pencil")).storedKey).not.toEqual((await scramRecord("pencil")).storedKey);
    await expect(scramRecord("a\0b")).rejects.toThrow(ScramError);
  });
});

describe("SASLprep", () => {
  test.each([
    // RFC 4013, section 3, but for the two that need tables JavaScript has not
    ["I\u00adX", "IX"],
    ["user", "user"],
    ["USER", "USER"],
    ["\u00aa", "a"],
    ["\u2168", "IX"],
    ["\u0007", undefined],
    // and more
    ["", ""],
    ["\u3000\u00a0", "  "],
    ["e\u0301", "\u00e9"],
    ["\u200b", " "],
    ["\ue000", undefined],
    ["\ufdd0", undefined],
    ["\ud800", undefined],
    ["\ufffd", undefined],
    ["\u2028", undefined],
    ["\u{e0041}", undefined],
    ["🦟", "🦟"],
  ])("of %j is %j", (text, expected) => {
    expect(saslprep(text)).toBe(expected);
  });
});
