// Sessions by Client Identifier, and the ones named by the broker itself.

import { OPTION_SESSIONS_MAX } from "../abi";
import { hash } from "../bytes/hash";
import { allocateZeroed, heapFull, release } from "../bytes/heap";
import { option } from "../limits";
import { createSession, destroySession, Session } from "../session/session";

export let sessionCount: u32 = 0;

let buckets: usize = 0;
let bucketCount: u32 = 0;
let idSeed: u32 = 0;
let idCounter: u32 = 0;

export function initSessions(seed: u32): void {
  idSeed = seed;
  bucketCount = 16;
  buckets = allocateZeroed((<usize>bucketCount) << alignof<usize>());
}

export function findSession(clientId: usize, length: u32): Session | null {
  const key = hash(clientId, length);
  let session = load<Session | null>(bucketOf(key));
  while (session !== null) {
    if (
      session.hash == key &&
      session.clientIdLength == length &&
      memory.compare(session.clientId, clientId, length) == 0
    )
      return session;
    session = session.chain;
  }
  return null;
}

/** A new Session; null when there are as many as there may be. There must be none of this name. */
export function addSession(clientId: usize, length: u32): Session | null {
  if (sessionCount >= option(OPTION_SESSIONS_MAX) || heapFull()) return null;
  if (sessionCount >= bucketCount) rehash();
  const session = createSession(clientId, length, hash(clientId, length));
  const bucket = bucketOf(session.hash);
  session.chain = load<Session | null>(bucket);
  store<Session>(bucket, session);
  sessionCount++;
  return session;
}

/** Releases it; its Subscriptions must be gone. */
export function removeSession(session: Session): void {
  let link = bucketOf(session.hash);
  while (load<Session>(link) != session) link = changetype<usize>(load<Session>(link)) + offsetof<Session>("chain");
  store<Session | null>(link, session.chain);
  sessionCount--;
  destroySession(session);
}

export const ASSIGNED_ID_LENGTH: u32 = 22;

/** Writes a Client Identifier that no Session has, `midge-` and 16 hexadecimal digits, to `at` [MQTT-3.1.3-6]. */
export function assignClientId(at: usize): void {
  do {
    idCounter++;
    store<u32>(at, 0x6764696d);
    store<u16>(at, 0x2d65, 4);
    writeHex(at + 6, idSeed);
    writeHex(at + 14, idCounter);
  } while (findSession(at, ASSIGNED_ID_LENGTH) !== null);
}

function writeHex(at: usize, value: u32): void {
  for (let i: u32 = 0; i < 8; i++) {
    const digit = (value >> (28 - i * 4)) & 15;
    store<u8>(at + i, digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}

function bucketOf(key: u32): usize {
  return buckets + ((<usize>(key & (bucketCount - 1))) << alignof<usize>());
}

function rehash(): void {
  const old = buckets;
  const oldCount = bucketCount;
  bucketCount *= 2;
  buckets = allocateZeroed((<usize>bucketCount) << alignof<usize>());
  for (let i: u32 = 0; i < oldCount; i++) {
    let session = load<Session | null>(old + ((<usize>i) << alignof<usize>()));
    while (session !== null) {
      const next = session.chain;
      const bucket = bucketOf(session.hash);
      session.chain = load<Session | null>(bucket);
      store<Session>(bucket, session);
      session = next;
    }
  }
  release(old, (<usize>oldCount) << alignof<usize>());
}
