// Nanoseconds per packet of our codec under V8 against npm's mqtt-packet, which MQTT.js and Aedes use. Each works as a
// host works with it: ours is called through the module's exports and leaves pointers and numbers in linear memory;
// mqtt-packet makes Buffers and objects. "bytes copied in" adds the copy of a packet from a socket's Buffer, "text
// copied in" that of a JavaScript string and a payload. Nothing here asserts a time, only that both codecs make the
// same bytes. Run: node test/bench/codec.mjs, after npm run build:core
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const mqttPacket = createRequire(require.resolve("mqtt"))("mqtt-packet");

const ROUND_MS = 200;
const ROUNDS = 5;

const module = new WebAssembly.Module(readFileSync(new URL("../../build/codec.wasm", import.meta.url)));
const core = new WebAssembly.Instance(module, {}).exports;
const memory = new Uint8Array(core.memory.buffer);
const inputAt = core.inputPtr();
const outputAt = core.outputPtr();

const TOPIC = "garden/greenhouse/soil/moisture";
const PAYLOAD = Buffer.from("x".repeat(64));

const publish = (qos, level) => ({
  cmd: "publish",
  topic: TOPIC,
  payload: PAYLOAD,
  qos,
  messageId: qos ? 7 : undefined,
  level,
});
const PACKETS = [
  { name: "PUBLISH QoS 0", level: 4, packet: publish(0) },
  { name: "PUBLISH QoS 1", level: 4, packet: publish(1) },
  { name: "PUBLISH QoS 0, 5.0", level: 5, packet: publish(0) },
  { name: "PUBLISH QoS 1, 5.0", level: 5, packet: publish(1) },
  { name: "PUBACK", level: 4, packet: { cmd: "puback", messageId: 7 } },
  {
    name: "CONNECT",
    level: 4,
    packet: {
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      clientId: "greenhouse-sensor-17",
      keepalive: 60,
      username: "greenhouse",
      password: Buffer.from("correct horse"),
      will: { topic: "garden/greenhouse/state", payload: Buffer.from("lost"), qos: 1, retain: true },
    },
  },
  {
    name: "SUBSCRIBE, 2 filters",
    level: 4,
    packet: {
      cmd: "subscribe",
      messageId: 7,
      subscriptions: [
        { topic: "garden/+/soil/#", qos: 1 },
        { topic: "garden/pump/set", qos: 0 },
      ],
    },
  },
];

function decodeOurs(bytes, level) {
  const { length } = bytes;
  const coreLevel = bytes[0] === 0x10 ? 0 : level;
  memory.set(bytes, inputAt);
  return () => {
    if (core.decode(length, coreLevel) !== 0) throw new Error("decode");
  };
}

function decodeOursCopied(bytes, level) {
  const { length } = bytes;
  const coreLevel = bytes[0] === 0x10 ? 0 : level;
  return () => {
    memory.set(bytes, inputAt);
    if (core.decode(length, coreLevel) !== 0) throw new Error("decode");
  };
}

function decodeTheirs(bytes, level) {
  const parser = mqttPacket.parser({ protocolVersion: level });
  return () => {
    if (parser.parse(bytes) !== 0) throw new Error("decode");
  };
}

/** Ours encodes from linear memory, where a host's client keeps the message; PUBLISH and PUBACK by their short ways. */
function encodeOurs(bytes, level, packet) {
  const { qos = 0, messageId = 0 } = packet;
  if (packet.cmd === "publish") {
    memory.set(Buffer.concat([Buffer.from(TOPIC), PAYLOAD]), inputAt);
    return () => core.encodePublishOf(TOPIC.length, PAYLOAD.length, qos << 1, messageId, level);
  }
  if (packet.cmd === "puback") return () => core.encodeAckOf(4, messageId);
  decodeOurs(bytes, level)();
  return () => core.encode();
}

/** A PUBLISH from a JavaScript string and a Buffer. */
function encodeOursFromText(level, { qos, messageId = 0 }) {
  const encoder = new TextEncoder();
  const room = memory.subarray(inputAt, inputAt + 1024);
  return () => {
    const { written } = encoder.encodeInto(TOPIC, room);
    memory.set(PAYLOAD, inputAt + written);
    return core.encodePublishOf(written, PAYLOAD.length, qos << 1, messageId, level);
  };
}

function encodeTheirs(packet, level) {
  const options = { protocolVersion: level };
  return () => mqttPacket.generate(packet, options);
}

/** The best of ROUNDS rounds, ns per call: noise only ever adds. */
function measure(call) {
  let best = Number.POSITIVE_INFINITY;
  let batch = 1000;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    const end = start + BigInt(ROUND_MS) * 1_000_000n;
    let calls = 0;
    let now = start;
    while (now < end) {
      for (let index = 0; index < batch; index++) call();
      calls += batch;
      now = process.hrtime.bigint();
    }
    best = Math.min(best, Number(now - start) / calls);
    batch = Math.max(1000, Math.round(1e6 / best));
  }
  return best;
}

function row(name, ours, theirs) {
  const ratio = (theirs / ours).toFixed(1);
  console.log(
    `${name.padEnd(28)} ${ours.toFixed(1).padStart(9)} ${theirs.toFixed(0).padStart(12)} ${ratio.padStart(8)}x`,
  );
}

console.log(`${"ns per packet".padEnd(28)} ${"ours".padStart(9)} ${"mqtt-packet".padStart(12)} ${"ratio".padStart(9)}`);
for (const { name, level, packet } of PACKETS) {
  const bytes = mqttPacket.generate(packet, { protocolVersion: level });
  const encode = encodeOurs(bytes, level, packet);
  const made = memory.slice(outputAt, outputAt + encode());
  if (Buffer.compare(made, bytes) !== 0) throw new Error(`${name}: the two codecs disagree`);
  const theirEncode = measure(encodeTheirs(packet, level));
  const theirDecode = measure(decodeTheirs(bytes, level));
  row(`encode ${name}`, measure(encode), theirEncode);
  if (packet.cmd === "publish") row("  text copied in", measure(encodeOursFromText(level, packet)), theirEncode);
  row(`decode ${name}`, measure(decodeOurs(bytes, level)), theirDecode);
  row("  bytes copied in", measure(decodeOursCopied(bytes, level)), theirDecode);
}
