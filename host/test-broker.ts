// A broker for other people's unit tests: in this process, on memory connections, with a clock that stands still until the
// test moves it. Nothing listens, nothing waits, and a run repeats exactly.

import type { ClientOptions } from "./api-types.ts";
import { Broker } from "./broker.ts";
import type { BrokerOptions } from "./broker-options.ts";
import { Client } from "./client.ts";
import { VirtualClock } from "./clock.ts";
import { type MemoryTransport, memoryPair } from "./transport/memory.ts";
import type { Connector } from "./transport/transport.ts";

export interface TestBroker {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  /** Opens connections to the broker, for Client.connectWith(). */
  readonly connector: Connector;
  /** A client of this broker, connected. */
  connect(options?: ClientOptions): Promise<Client>;
  /** False: connections cannot be opened, as with a broken network. Default: true. */
  reachable: boolean;
  /** Cuts every connection that is open, as a broken network does: nobody says DISCONNECT. */
  cut(): void;
  /** Lets `ms` of the clock pass (default 0: only what is due now), and what it causes happen. */
  advance(ms?: number): Promise<void>;
  close(): Promise<void>;
}

/** A broker with its own clock. */
export function createTestBroker(options: Omit<BrokerOptions, "listen" | "clock"> = {}): TestBroker {
  const clock = new VirtualClock();
  const broker = new Broker({ seed: 1, ...options, clock });
  let connections = 0;
  let clients = 0;
  let open: [MemoryTransport, MemoryTransport][] = [];
  const connector: Connector = async () => {
    if (!test.reachable) throw new Error("the test broker is set unreachable");
    const pair = memoryPair(clock, [`memory:${++connections}`, "memory:broker"]);
    open.push(pair);
    broker.accept(pair[1]);
    return pair[0];
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const settle = async () => {
    // Promises of the application run between the turns of the clock.
    for (let round = 0; round < ROUNDS; round++) {
      clock.advance(0);
      await turn();
    }
  };
  const test: TestBroker = {
    broker,
    clock,
    connector,
    reachable: true,
    cut() {
      for (const [client, server] of open) {
        client.cut();
        server.cut();
      }
      open = [];
    },
    async connect(clientOptions: ClientOptions = {}) {
      const number = ++clients;
      const options = { clientId: `test-${number}`, seed: number, ...clientOptions };
      return Client.connectWith(connector, options, clock);
    },
    async advance(ms = 0) {
      const untilMs = clock.now() + ms;
      // From one due time to the next: what an application does about the first may come before the second.
      for (let dueMs = clock.nextDueMs; dueMs !== undefined && dueMs <= untilMs; dueMs = clock.nextDueMs) {
        clock.advance(Math.max(dueMs - clock.now(), 0));
        await turn();
      }
      clock.advance(untilMs - clock.now());
      await settle();
    },
    close: () => broker.close(),
  };
  return test;
}

/** Turns of two machines that an exchange of four packets takes, and some more. */
const ROUNDS = 8;
