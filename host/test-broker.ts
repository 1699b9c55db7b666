// A broker for other people's unit tests: in this process, on memory connections, with a clock that stands still until the
// test moves it. Nothing listens, nothing waits, and a run repeats exactly.

import type { ClientOptions } from "./api-types.ts";
import { Broker, type BrokerOptions } from "./broker.ts";
import { Client } from "./client.ts";
import { VirtualClock } from "./clock.ts";
import { memoryPair } from "./transport/memory.ts";
import type { Connector } from "./transport/transport.ts";

export interface TestBroker {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  /** Opens connections to the broker, for Client.connectWith(). */
  readonly connector: Connector;
  /** A client of this broker, connected. */
  connect(options?: ClientOptions): Promise<Client>;
  /** Lets `ms` of the clock pass (default 0: only what is due now), and what it causes happen. */
  advance(ms?: number): Promise<void>;
  close(): Promise<void>;
}

/** A broker with its own clock. */
export function createTestBroker(options: Omit<BrokerOptions, "listen" | "clock"> = {}): TestBroker {
  const clock = new VirtualClock();
  const broker = new Broker({ seed: 1, ...options, clock });
  let connections = 0;
  const connector: Connector = async () => {
    const name = `memory:${++connections}`;
    const [client, server] = memoryPair(clock, [name, "memory:broker"]);
    broker.accept(server);
    return client;
  };
  const settle = async () => {
    // Promises of the application run between the turns of the clock.
    for (let round = 0; round < ROUNDS; round++) {
      clock.advance(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    broker,
    clock,
    connector,
    async connect(clientOptions = {}) {
      const client = Client.connectWith(connector, { seed: ++connections, ...clientOptions }, clock);
      await settle();
      return client;
    },
    async advance(ms = 0) {
      clock.advance(ms);
      await settle();
    },
    close: () => broker.close(),
  };
}

/** Turns of two machines that an exchange of four packets takes, and some more. */
const ROUNDS = 8;
