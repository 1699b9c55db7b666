// Who may connect to our broker in 5.0, asked by MQTT.js on real sockets: user name and password with their Reason Codes,
// enhanced authentication by a method of the host's own, and SCRAM-SHA-256, whose client's side is written here a second
// time, from RFC 5802, so that it is not our own code on both ends.

import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import type { IClientOptions, MqttClient } from "mqtt";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { AuthenticationMethod, Credentials } from "../../host/broker-authentication.ts";
import { PasswordStore, passwordLine } from "../../host/passwords.ts";
import { scramRecord } from "../../host/scram.ts";
import { parseBytes } from "../core/vectors.ts";
import { endPeers, JsPeer, RawConnection, until } from "./peers-more.ts";
import { closeBrokers, connect5, dismissal, fresh, Js5, Served } from "./peers5.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

afterAll(async () => {
  await endPeers();
  await closeBrokers();
});

type AuthPacket = Parameters<MqttClient["handleAuth"]>[0];

/** Answers each Authentication Data of the broker with other data. */
type Answer = (data: Buffer) => Buffer;

/** MQTT.js with an Authentication Method. `heard`: Authentication Data of the broker, CONNACK's too. */
class AuthPeer extends Js5 {
  readonly heard: string[] = [];
  readonly #method: string;

  constructor(port: number, method: string, first: string | undefined, answer: Answer, options: IClientOptions = {}) {
    const data = first === undefined ? {} : { authenticationData: Buffer.from(first) };
    super(port, { clientId: fresh(), properties: { authenticationMethod: method, ...data }, ...options });
    this.#method = method;
    this.client.handleAuth = (packet, callback) => {
      const received = packet.properties?.authenticationData ?? Buffer.alloc(0);
      // The end of a re-authentication asks for nothing more.
      if (packet.reasonCode !== 0x18) callback();
      else
        callback(undefined, {
          cmd: "auth",
          reasonCode: 0x18,
          properties: { authenticationMethod: method, authenticationData: answer(received) },
        } as AuthPacket);
    };
    this.client.on("packetreceive", (packet) => {
      if (packet.cmd !== "auth" && packet.cmd !== "connack") return;
      this.heard.push((packet.properties?.authenticationData ?? "none").toString());
    });
  }

  /** The outcome of CONNECT: "accepted", or a Reason Code. */
  async outcome(): Promise<number | "accepted"> {
    await until("CONNACK", () => this.ofKind("connack").length > 0);
    const code = this.ofKind("connack")[0]?.reasonCode ?? 0;
    if (code !== 0) return code;
    await this.online();
    return "accepted";
  }

  /** Begins a re-authentication. MQTT.js has no call for it. */
  reauthenticate(data: string, method = this.#method): void {
    this.client.stream.write(parseBytes(`f0 [ 19 [ 15 "${method}" 16 "${data}" ] ]`));
  }
}

describe("user name and password", () => {
  const REFUSALS = {
    wrong: { verdict: false, codes: [0x86, 4] },
    forbidden: { verdict: "not authorised", codes: [0x87, 5] },
    banned: { verdict: { reasonCode: 0x8a }, codes: [0x8a, 5] },
    busy: { verdict: { reasonCode: 0x89 }, codes: [0x89, 3] },
    misnamed: { verdict: { reasonCode: 0x85 }, codes: [0x85, 2] },
    moved: { verdict: { reasonCode: 0x9d, serverReference: "elsewhere" }, codes: [0x9d, 3] },
  } as const;

  test.each(Object.entries(REFUSALS))("%s", async (userName, { verdict, codes }) => {
    const served = await Served.start({
      authenticate: async ({ userName: name }: Credentials) => (name === "ok" ? true : verdict),
    });
    for (const [index, version] of (["5.0", "3.1.1"] as const).entries()) {
      const peer = new JsPeer(served.port, version, { clientId: fresh(), username: userName, password: "x" });
      const failure = await new Promise((resolve) => peer.client.once("error", resolve));
      expect(failure).toMatchObject({ code: codes[index] });
      const accepted = await JsPeer.connect(served.port, version, { username: "ok", password: "" });
      await accepted.end();
    }
    const told = new Js5(served.port, { username: userName });
    await until("CONNACK", () => told.ofKind("connack").length > 0);
    const properties = told.ofKind("connack")[0]?.properties;
    expect(properties?.reasonString).toMatch(/\w+ \w+/);
    expect(properties?.serverReference).toBe("serverReference" in Object(verdict) ? "elsewhere" : undefined);
  });
});

describe("a method of the host's own", () => {
  /** Asks for three words one after the other; "refuse me" is refused with a code of its own. */
  const words: AuthenticationMethod = ({ reauthentication }) => {
    const expected = ["first", "second", "third"];
    let step = 0;
    return (data) => {
      if (data.toString() === "refuse me") return { refuse: true, reasonCode: 0x8a };
      if (data.toString() !== expected[step++]) return { refuse: true };
      if (step < expected.length) return { continue: true, data: Buffer.from(`now the ${expected[step]}`) };
      return { accept: true, data: Buffer.from(reauthentication ? "welcome again" : "welcome") };
    };
  };
  const start = () => Served.start({ authenticationMethods: { WORDS: words }, authenticate: () => true });
  /** Does as it is told. */
  const obey: Answer = (data) => Buffer.from(data.toString().replace("now the ", ""));

  test("several exchanges, then CONNACK with the last word", async () => {
    const served = await start();
    const peer = new AuthPeer(served.port, "WORDS", "first", obey);
    expect(await peer.outcome()).toBe("accepted");
    expect(peer.heard).toEqual(["now the second", "now the third", "welcome"]);
    expect(peer.connack.properties?.authenticationMethod).toBe("WORDS");
    expect(await peer.publishCode(fresh(), "")).toBe(0x10);
  });

  test.each([
    // what it says first, what it answers then, method, the code
    ["fist", "", "WORDS", 0x87],
    ["first", "wrong", "WORDS", 0x87],
    ["first", "refuse me", "WORDS", 0x8a],
    [undefined, "", "WORDS", 0x87],
    ["first", "", "OTHER", 0x8c],
  ])("%s, %s with %s is refused", async (first, second, method, code) => {
    const served = await start();
    const peer = new AuthPeer(served.port, method, first, () => Buffer.from(second));
    expect(await peer.outcome()).toBe(code);
    const next = await served.connect();
    expect(await next.publishCode(fresh(), "")).toBe(0x10);
  });

  test("nothing but AUTH may come in between, and only with the same method", async () => {
    const served = await start();
    for (const bytes of ['30 [ "t" [] ]', 'f0 [ 18 [ 15 "OTHER" 16 "second" ] ]', 'f0 [ 19 [ 15 "WORDS" ] ]']) {
      const raw = await RawConnection.open(served.port);
      raw.send(connect5(fresh(), { properties: '15 "WORDS" 16 "first"' }));
      const [auth] = await raw.packets(1);
      expect(auth?.subarray(0, 1).toString("hex")).toBe("f0");
      raw.send(bytes);
      await raw.ended();
      expect((await raw.packets(2))[1]?.toString("hex")).toMatch(/^20..0082/);
    }
  });

  test("re-authentication, while messages go on", async () => {
    const served = await start();
    const topic = fresh();
    const peer = new AuthPeer(served.port, "WORDS", "first", obey);
    await peer.outcome();
    await peer.client.subscribeAsync(topic, { qos: 1 });
    peer.reauthenticate("first");
    for (let index = 0; index < 20; index++) await peer.client.publishAsync(topic, `${index}`, { qos: 1 });
    await peer.arrived(20);
    await until("the end of it", () => peer.heard.length >= 6);
    expect(peer.heard.slice(3)).toEqual(["now the second", "now the third", "welcome again"]);
    expect(peer.ofKind("auth").map(({ reasonCode }) => reasonCode)).toEqual([0x18, 0x18, 0x18, 0x18, 0x00]);
    expect(peer.client.connected).toBe(true);
  });

  test.each([
    ["refused", "wrong", "WORDS", 0x87],
    ["with another method", "first", "OTHER", 0x82],
  ])("a re-authentication %s ends the connection", async (_, data, method, code) => {
    const served = await start();
    const peer = new AuthPeer(served.port, "WORDS", "first", obey);
    await peer.outcome();
    peer.reauthenticate(data, method);
    expect((await peer.dismissed()).reasonCode).toBe(code);
  });

  test("who came without a method has none to re-authenticate with", async () => {
    const served = await start();
    const raw = await served.raw(fresh());
    raw.send('f0 [ 19 [ 15 "WORDS" ] ]');
    expect(await dismissal(raw)).toBe("82");
  });
});

describe("SCRAM-SHA-256", () => {
  const start = async () => {
    const lines = [
      passwordLine("user", await scramRecord("pencil")),
      passwordLine("other", await scramRecord("other's own", 8_192)),
    ];
    return Served.start({ passwords: new PasswordStore(lines.join("\n")) });
  };
  const peer = (served: Served, userName: string, password: string, options?: IClientOptions) => {
    const { first, answer } = scram(userName, password);
    return new AuthPeer(served.port, "SCRAM-SHA-256", first, answer, options);
  };

  test("the right password, and the server proves that it knows it", async () => {
    const served = await start();
    const { first, answer, serverFinal } = scram("user", "pencil");
    const client = new AuthPeer(served.port, "SCRAM-SHA-256", first, answer);
    expect(await client.outcome()).toBe("accepted");
    expect(client.heard.at(-1)).toBe(serverFinal());
    expect(await client.publishCode(fresh(), "")).toBe(0x10);
  });

  test("a wrong password, and a user that does not exist, look the same", async () => {
    const served = await start();
    for (const [name, password] of [
      ["user", "pen"],
      ["nobody", "pencil"],
    ] as const) {
      const client = peer(served, name, password);
      expect(await client.outcome()).toBe(0x86);
      expect(client.heard[0]).toMatch(/^r=[^,]+,s=[^,]+,i=\d+$/);
    }
  });

  test("user name and password in CONNECT ask the same store; without a name nobody gets in", async () => {
    const served = await start();
    const accepted = await served.connect({ username: "other", password: "other's own" });
    expect(accepted.connack.reasonCode).toBe(0);
    await expect(served.connect({ username: "other", password: "pencil" })).rejects.toMatchObject({ code: 0x86 });
    await expect(served.connect()).rejects.toMatchObject({ code: 0x87 });
  });
});

/** The client's side of RFC 5802 with the hash of RFC 7677, for one exchange. */
function scram(userName: string, password: string) {
  const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const bare = `n=${userName},r=rOprNGfwEbeRWgbNEkqO`;
  let serverSignature = Buffer.alloc(0);
  return {
    first: `n,,${bare}`,
    answer(data: Buffer): Buffer {
      const [nonce = "", salt = "", iterations = ""] = data.toString().split(",");
      const salted = pbkdf2Sync(
        password,
        Buffer.from(salt.slice(2), "base64"),
        Number(iterations.slice(2)),
        32,
        "sha256",
      );
      const withoutProof = `c=biws,${nonce}`;
      const message = `${bare},${data},${withoutProof}`;
      const clientKey = hmac(salted, "Client Key");
      const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
      serverSignature = hmac(hmac(salted, "Server Key"), message);
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
      return Buffer.from(`${withoutProof},p=${proof.toString("base64")}`);
    },
    serverFinal: () => `v=${serverSignature.toString("base64")}`,
  };
}
