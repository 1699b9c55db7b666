// request() and respond(): on memory connections, the clock in hand.

import { describe, expect, it } from "vitest";
import type { Client, ClientOptions, Message, TestBroker } from "../../host/index.ts";
import { during, failure, realBroker, realClient, testBroker } from "./client-world.ts";

const V5: ClientOptions = { protocolVersion: "5.0" };

async function pair(test: TestBroker): Promise<[asker: Client, answerer: Client]> {
  return [await test.connect(V5), await test.connect(V5)];
}

describe("a request", () => {
  it("has its answer, with properties", async () => {
    const test = testBroker();
    const [asker, answerer] = await pair(test);
    const asked: Message[] = [];
    await during(
      test,
      answerer.respond("sum/+", async (request) => {
        asked.push(request);
        const sum = request
          .text()
          .split(" ")
          .reduce((total, text) => total + Number(text), 0);
        return { payload: String(sum), contentType: "text/plain", userProperties: [["unit", "m"]] };
      }),
    );
    const answer = await during(test, asker.request("sum/x", "1 2 3", { contentType: "numbers" }));
    expect(answer.text()).toBe("6");
    expect(answer.properties).toMatchObject({ contentType: "text/plain", userProperties: [["unit", "m"]] });
    expect(answer.properties.correlationData).toEqual(asked[0]?.properties.correlationData);
    expect(asked[0]?.properties).toMatchObject({ contentType: "numbers", messageExpirySec: 10 });
    expect(asked[0]?.properties.responseTopic).toMatch(/^response\/test-1\/[0-9a-f]{12}$/);
  });

  it("uses a topic of its own where the server names none", async () => {
    const test = testBroker({ responseInformation: "" });
    const asker = await test.connect({ ...V5, clientId: "a/b+#c" });
    const answerer = await test.connect(V5);
    await during(
      test,
      answerer.respond("where", (request) => request.properties.responseTopic ?? ""),
    );
    const answer = await during(test, asker.request("where", ""));
    expect(answer.text()).toMatch(/^midge\/reply\/a_b__c\/[0-9a-f]{12}$/);
    expect(answer.topicName).toBe(answer.text());
  });

  it("is one of many, each with its own answer, over one Subscription", async () => {
    const test = testBroker();
    const [asker, answerer] = await pair(test);
    const filters: string[] = [];
    test.broker.on("subscribe", ({ topicFilter }) => filters.push(topicFilter));
    const later: (() => void)[] = [];
    await during(
      test,
      answerer.respond("echo", (request) => new Promise((resolve) => later.push(() => resolve(request.payload))), {
        concurrency: 20,
      }),
    );
    const texts = Array.from({ length: 20 }, (_, number) => `${number}`);
    const answers = texts.map((text) => asker.request("echo", text));
    await test.advance();
    expect(later).toHaveLength(20);
    for (const answer of later.reverse()) answer();
    const all = await during(test, Promise.all(answers));
    expect(all.map((message) => message.text())).toEqual(texts);
    expect(filters).toHaveLength(2);
  });

  it("fails after its time, and its answer then finds nobody", async () => {
    const test = testBroker();
    const [asker, answerer] = await pair(test);
    let answer: (text: string) => void = () => {};
    await during(
      test,
      answerer.respond(
        "slow",
        () =>
          new Promise<string>((resolve) => {
            answer = resolve;
          }),
      ),
    );
    const error = failure(asker.request("slow", "", { timeoutMs: 3_000 }));
    await test.advance(3_000);
    expect(await error).toMatchObject({ code: "REQUEST_TIMEOUT" });
    answer("too late");
    await test.advance();
    const next = failure(asker.request("slow", "", { timeoutMs: 10 }));
    await test.advance(10);
    expect((await next).code).toBe("REQUEST_TIMEOUT");
  });

  it("fails at once when nobody answers there", async () => {
    const test = testBroker();
    const [asker] = await pair(test);
    const error = await during(test, failure(asker.request("nobody", "")));
    expect(error).toMatchObject({ code: "NO_RESPONDER", reasonCode: 0x10 });
  });

  it("fails when aborted, refused, or ended with its client, and before 5.0", async () => {
    const test = testBroker();
    const [asker, answerer] = await pair(test);
    await during(
      test,
      answerer.respond("never", () => new Promise<string>(() => {})),
    );
    const abort = new AbortController();
    const aborted = failure(asker.request("never", "", { signal: abort.signal }));
    await test.advance();
    abort.abort();
    expect((await aborted).code).toBe("ABORTED");
    expect((await during(test, failure(asker.request("$SYS/x", "")))).code).toBe("PUBLISH_REFUSED");
    expect((await failure(asker.request("a", "", { timeoutMs: 0 }))).code).toBe("ARGUMENT_INVALID");
    const ended = failure(asker.request("never", ""));
    await test.advance();
    await during(test, asker.end());
    expect((await ended).code).toBe("CLIENT_ENDED");
    expect((await failure(asker.request("never", ""))).code).toBe("CLIENT_ENDED");
    expect((await failure((await test.connect()).request("never", ""))).code).toBe("NOT_SUPPORTED");
  });

  it("outlives a lost connection", async () => {
    const test = testBroker();
    const asker = await test.connect({ ...V5, reconnectMinMs: 100 });
    test.reachable = false;
    test.cut();
    await test.advance();
    const answer = asker.request("echo", "still there", { timeoutMs: 60_000 });
    await test.advance();
    test.reachable = true;
    const answerer = await test.connect(V5);
    await during(
      test,
      answerer.respond("echo", (request) => request.payload),
    );
    await test.advance(5_000);
    expect((await answer).text()).toBe("still there");
  });
});

describe("a responder", () => {
  it("takes no more requests at once than it was told", async () => {
    const test = testBroker();
    const [asker, answerer] = await pair(test);
    let running = 0;
    let most = 0;
    await during(
      test,
      answerer.respond(
        "work",
        async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
          return "done";
        },
        { concurrency: 3 },
      ),
    );
    const answers = Array.from({ length: 10 }, () => asker.request("work", ""));
    for (let round = 0; round < 20; round++) await test.advance();
    await Promise.all(answers);
    expect(most).toBe(3);
  });

  it("leaves out what is no request, and what was retained", async () => {
    const test = testBroker();
    const [asker, answerer] = await pair(test);
    await during(test, asker.publish("work", "old", { retain: true, responseTopic: "a", qos: 1 }));
    const asked: string[] = [];
    const responder = await during(
      test,
      answerer.respond("work", (request) => {
        asked.push(request.text());
        return "";
      }),
    );
    await during(test, asker.publish("work", "no Response Topic", { qos: 1 }));
    await during(test, asker.publish("work", "one", { qos: 1, responseTopic: "a" }));
    expect(asked).toEqual(["one"]);
    await during(test, responder.unsubscribe());
    expect((await during(test, failure(asker.request("work", "")))).code).toBe("NO_RESPONDER");
  });

  it("that throws leaves its request without an answer, and goes on", async () => {
    const test = testBroker();
    const [asker, answerer] = await pair(test);
    const uncaught: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error.message));
    try {
      await during(
        test,
        answerer.respond("work", (request) => {
          if (request.text() === "bad") throw new Error("cannot do that");
          return "done";
        }),
      );
      const bad = failure(asker.request("work", "bad", { timeoutMs: 100 }));
      const good = asker.request("work", "good");
      await test.advance(100);
      expect([(await bad).code, (await good).text(), uncaught]).toEqual([
        "REQUEST_TIMEOUT",
        "done",
        ["cannot do that"],
      ]);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
    }
  });

  it("shares the work with the others of its group, on real sockets", async () => {
    const options = { ...(await realBroker()), ...V5 };
    const asker = await realClient(options);
    const counts = [0, 0];
    for (const worker of [0, 1]) {
      const client = await realClient(options);
      await client.respond("$share/workers/double", (request) => {
        counts[worker] = (counts[worker] as number) + 1;
        return String(Number(request.text()) * 2);
      });
    }
    const numbers = Array.from({ length: 100 }, (_, number) => number);
    const answers = await Promise.all(numbers.map((number) => asker.request("double", String(number))));
    expect(answers.map((answer) => Number(answer.text()))).toEqual(numbers.map((number) => number * 2));
    expect(counts).toEqual([50, 50]);
  });
});
