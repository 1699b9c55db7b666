// What clients leave behind when they are gone: nothing. The same life of a broker, again and again, must not take more
// memory the tenth time than the second, by when tables and caches have their size.
import { expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { type BrokerExports, type ClientExports, Core } from "../../host/core.ts";
import { parseBytes } from "./vectors.ts";

const INPUT_MAX = 64;
const ROUNDS = 10;

/** Time between two rounds, in milliseconds: all that expires has expired. */
const ROUND_MS = 100_000;

/** Lives of one connection, as the bytes that it sends. */
const LIVES = [
  '10 [ "MQTT" 04 02 0000 "clean" ] 82 [ 0001 "t/#" 02 "u" 01 ] 30 [ "t/1" \'x\' ] e0 00',
  '10 [ "MQTT" 04 00 0000 "durable" ] 82 [ 0001 "t/#" 02 "u" 01 ] 34 [ "t/1" 0007 \'unfinished\' ]',
  '10 [ "MQTT" 04 3e 0000 "will" "t/will" "gone" ] 82 [ 0001 "t/#" 02 ] 33 [ "t/2" 0001 61*5000 ] 31 [ "t/3" \'x\' ]',
  '10 [ "MQTT" 04 02 0000 "half" ] 30 ff7f "t" 62*1000',
  '10 [ "MQTT" 04 02 0000 "bad" ] 82 [ 0001 "+/x" 00 ] 36 00',
  '10 [ "MQTT" 07 02 0000 "refused" ]',
  '10 [ "MQTT" 04 02 0000 "durable" ] 31 [ "t/will" ] 31 [ "t/2" ] 31 [ "t/3" ] a2 [ 0002 "never" ] e0 00',
];

/** Lives at 5.0: aliases both ways, Subscriptions shared and lapsing, Wills that wait, messages that expire, an exchange of
 *  AUTH that is never finished. */
const LIVES_5 = [
  '10 [ "MQTT" 05 02 0000 [ 22 0010 ] "five" ] 82 [ 0001 [ 0b 07 ] "t/#" 02 "$share/g/t/#" 01 ] 30 [ "t/alias" [ 23 0001 ] ]',
  '10 [ "MQTT" 05 00 0000 [ 11 00000001 ] "short" ] 82 [ 0001 [ 26 "midge_expiry" "2" ] "t/#" 02 "$share/g/t/#" 01 ]',
  '10 [ "MQTT" 05 00 0000 [ 11 0000000a ] "longer" ] 82 [ 0001 [ 26 "midge_expiry" "2" ] "t/#" 02 "$share/g/t/#" 01 ]',
  '10 [ "MQTT" 05 04 0000 [ 11 00000009 ] "late" [ 18 00000005 03 "x" ] "t/late" "gone" ] 33 [ "t/4" 0001 [ 02 00000001 ] ]',
  '10 [ "MQTT" 05 04 0000 [ 11 00000009 ] "back" [ 18 00000005 ] "t/late" "gone" ] 34 [ "t/5" 0001 [ 02 00000002 ] 61*500 ]',
  '10 [ "MQTT" 05 02 0000 [ 15 "method" 16 "data" ] "never" ] 30 [ "t/6" [] 61*500 ]',
  '10 [ "MQTT" 05 00 0000 [ 11 00000009 ] "back" ] 32 [ "t/7" 0001 [ 26 "k" "v" ] \'x\' ] e0 [ 00 [ 11 00000003 ] ]',
  '10 [ "MQTT" 05 00 0000 [ 11 00000009 27 00000008 ] "no room for its CONNACK" ]',
];

function drain(core: Core<BrokerExports> | Core<ClientExports>): number[] {
  const kinds: number[] = [];
  for (let busy = true; busy; ) {
    busy = core.drainSends(() => {});
    const events = core.drainEvents();
    kinds.push(...events.map(({ kind }) => kind));
    busy ||= events.length > 0;
  }
  return kinds;
}

it("a broker that all clients have left holds what it held before", () => {
  const broker = new Core<BrokerExports>("broker", INPUT_MAX, 1);
  broker.exports.setOption(abi.OPTION_SYS_INTERVAL_SEC, 0);
  broker.exports.setOption(abi.OPTION_AUTHENTICATE, abi.AUTHENTICATE_WITH_METHOD);
  const heap: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    broker.exports.handleTime(round * ROUND_MS);
    const handles = [...LIVES, ...LIVES_5].map((life) => {
      const handle = broker.exports.open();
      broker.handleBytes(handle, parseBytes(life));
      drain(broker);
      return handle;
    });
    for (const handle of handles) broker.exports.handleClosed(handle);
    // The last one ended the durable Session; one Will was published after that, and is cleared.
    broker.writeArgument(Buffer.from("t/will"));
    broker.exports.publish(6, 0, 0, abi.PUBLISH_RETAIN);
    broker.exports.handleTime(round * ROUND_MS + ROUND_MS / 2);
    drain(broker);
    heap.push(broker.exports.heapInUse());
  }
  expect(new Set(heap.slice(1)), heap.join(" ")).toEqual(new Set([heap.at(-1)]));
});

it.each([4, 5])("a client that reconnects all the time holds what it held before: level %i", (level) => {
  const is5 = level === 5;
  const connack = is5 ? '20 [ 00 00 [ 22 0004 12 "assigned" ] ]' : "20 02 0000";
  const none = is5 ? "[]" : "";
  const client = new Core<ClientExports>("client", INPUT_MAX, 1);
  client.exports.setOption(abi.OPTION_PROTOCOL_LEVEL, level);
  client.exports.setOption(abi.OPTION_OUTBOX_BYTES_MAX, 3_000);
  client.exports.setOption(abi.OPTION_OUTBOX_DROP, abi.OUTBOX_DROP_OLDEST);
  client.exports.handleTime(0);
  client.exports.connect();
  const heap: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    client.exports.handleTime(round * 100_000);
    expect(drain(client)).toContain(abi.EVENT_OPEN);
    client.exports.handleOpened();
    client.handleBytes(abi.CLIENT_CONNECTION, parseBytes(`${connack} 34 [ "t" 0001 ${none} 61*500 ]`));
    client.writeArgument(Buffer.from("t/#"));
    client.exports.subscribe(3, 0, 1);
    client.exports.unsubscribe(3, 0);
    // The first of them is in flight for ever; the others drive one another out.
    for (let count = 0; count < 100; count++) {
      client.writeArgument(Buffer.from("t"), Buffer.alloc(900));
      client.exports.publish(1, 0, 900, 1 << abi.PUBLISH_QOS_SHIFT);
    }
    drain(client);
    const answers = `90 [ ${packetId(2 * round)} ${none} 01 ] b0 [ ${packetId(2 * round + 1)} ${is5 ? "[] 00" : ""} ]`;
    client.handleBytes(abi.CLIENT_CONNECTION, parseBytes(`${answers} 30 ff7f "t" 'half'`));
    client.exports.handleClosed(abi.CLIENT_CONNECTION);
    drain(client);
    heap.push(client.exports.heapInUse());
  }
  expect(new Set(heap.slice(1)), heap.join(" ")).toEqual(new Set([heap.at(-1)]));
});

/** Of the client's `count`th request, from 0. */
function packetId(count: number): string {
  return (0xf000 + count).toString(16);
}
