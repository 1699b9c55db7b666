// Enhanced authentication in the Client class: SCRAM-SHA-256 against the broker's password store, methods of an application's
// own, and servers that do not prove themselves.

import { describe, expect, it } from "vitest";
import {
  type Authentication,
  type BrokerOptions,
  type ClientOptions,
  PasswordStore,
  passwordLine,
  scramRecord,
} from "../../host/index.ts";
import { during, failure, testBroker } from "./client-world.ts";

const SCRAM: ClientOptions = {
  protocolVersion: "5.0",
  userName: "ann",
  password: "secret",
  authentication: "SCRAM-SHA-256",
  reconnectMinMs: 100,
};

async function passwords(): Promise<PasswordStore> {
  return new PasswordStore(passwordLine("ann", await scramRecord("secret")));
}

describe("SCRAM-SHA-256", () => {
  it("proves who it is on each connection, without its password", async () => {
    const test = testBroker({ passwords: await passwords() });
    const names: unknown[] = [];
    test.broker.on("connect", ({ userName }) => names.push(userName));
    const client = await test.connect(SCRAM);
    await test.advance();
    test.cut();
    await test.advance(1_000);
    // The keys are derived in real time.
    for (let round = 0; !client.connected && round < 200; round++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await test.advance();
    }
    expect(client.connected).toBe(true);
    expect(names).toEqual(["ann", "ann"]);
  });

  it("proves it once more when asked to", async () => {
    const test = testBroker({ passwords: await passwords() });
    const client = await test.connect(SCRAM);
    await during(test, Promise.all([client.reauthenticate(), client.reauthenticate()]));
    await during(test, client.reauthenticate());
    expect(client.connected).toBe(true);
  });

  it.each([
    ["a wrong password", { password: "guess" }],
    ["an unknown name", { userName: "bob" }],
  ])("refuses %s", async (_, options) => {
    const test = testBroker({ passwords: await passwords() });
    const error = await failure(test.connect({ ...SCRAM, ...options }));
    expect(error).toMatchObject({ code: "CONNECTION_REFUSED", reasonCode: 0x86 });
  });

  it.each([
    ["says nothing about itself", undefined],
    ["does not know the password", Buffer.from("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")],
  ])("does not trust a server that %s", async (_, data) => {
    const authenticationMethods: BrokerOptions["authenticationMethods"] = {
      "SCRAM-SHA-256": () => (first) => {
        const nonce = /r=(.*)$/.exec(first.toString())?.[1];
        if (nonce !== undefined && first.toString().startsWith("n,,")) {
          return { continue: true, data: Buffer.from(`r=${nonce}x,s=c2FsdA==,i=4096`) };
        }
        return data === undefined ? { accept: true } : { accept: true, data };
      },
    };
    const test = testBroker({ authenticationMethods });
    const error = await failure(test.connect(SCRAM));
    expect(error.code).toBe("AUTHENTICATION_FAILED");
    expect(error.message).toMatch(/password/);
  });
});

/** Counts up together: the client says 1, the server 2, the client 3, and so on. */
function counting(last: number, exchanges: string[]): Authentication {
  return {
    method: "COUNT",
    data() {
      exchanges.push("begin");
      return Buffer.from("1");
    },
    async respond(data) {
      exchanges.push(Buffer.from(data).toString());
      await new Promise((resolve) => setImmediate(resolve));
      return Buffer.from(String(Number(Buffer.from(data).toString()) + 1));
    },
    accepted(data) {
      exchanges.push(`accepted ${Buffer.from(data).toString()}`);
      if (Number(Buffer.from(data).toString()) !== last) throw new Error("lost count");
    },
  };
}

function countingBroker(last: number): BrokerOptions {
  return {
    authenticationMethods: {
      COUNT: () => (data) => {
        const next = Buffer.from(String(Number(data.toString()) + 1));
        return Number(next.toString()) >= last ? { accept: true, data: next } : { continue: true, data: next };
      },
    },
  };
}

describe("a method of one's own", () => {
  it("has as many steps as it wants, and begins anew each time", async () => {
    const test = testBroker(countingBroker(6));
    const exchanges: string[] = [];
    const options: ClientOptions = { protocolVersion: "5.0", authentication: counting(6, exchanges) };
    const client = await test.connect(options);
    expect(exchanges).toEqual(["begin", "2", "4", "accepted 6"]);
    await during(test, client.reauthenticate());
    expect(exchanges).toHaveLength(8);
  });

  it("ends the connection when it throws, and the client tries again", async () => {
    const test = testBroker(countingBroker(4));
    const exchanges: string[] = [];
    const method = counting(4, exchanges);
    let broken = false;
    const authentication: Authentication = {
      ...method,
      respond(data) {
        if (broken) throw new Error("the key store is gone");
        return method.respond(data);
      },
    };
    const client = await test.connect({ protocolVersion: "5.0", authentication, reconnectMinMs: 100 });
    const errors: unknown[] = [];
    client.on("disconnect", ({ error }) => errors.push(error));
    await test.advance();
    broken = true;
    const again = failure(client.reauthenticate());
    await test.advance();
    expect((await again).code).toBe("AUTHENTICATION_FAILED");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: "AUTHENTICATION_FAILED", message: expect.stringContaining("key store") });
    broken = false;
    await test.advance(1_000);
    expect(client.connected).toBe(true);
  });

  it("that cannot begin connects nowhere", async () => {
    const test = testBroker(countingBroker(4));
    const authentication: Authentication = {
      method: "COUNT",
      data() {
        throw new Error("no numbers");
      },
      respond: () => Buffer.of(),
    };
    const error = await failure(test.connect({ protocolVersion: "5.0", authentication }));
    expect(error).toMatchObject({ code: "AUTHENTICATION_FAILED", message: expect.stringContaining("no numbers") });
  });

  it("rejects what cannot be: another method, none at all, no connection", async () => {
    const test = testBroker(countingBroker(4));
    const other: Authentication = { method: "OTHER", respond: () => Buffer.of() };
    const refused = await failure(test.connect({ protocolVersion: "5.0", authentication: other }));
    expect(refused).toMatchObject({ code: "CONNECTION_REFUSED", reasonCode: 0x8c });
    const open = testBroker();
    const plain = await open.connect({ protocolVersion: "5.0" });
    expect((await failure(plain.reauthenticate())).code).toBe("ARGUMENT_INVALID");
    const client = await test.connect({ protocolVersion: "5.0", authentication: counting(4, []) });
    test.reachable = false;
    test.cut();
    await test.advance();
    expect((await failure(client.reauthenticate())).code).toBe("CONNECTION_LOST");
  });
});
