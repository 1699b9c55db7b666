// A hash of short byte strings (Topic Names, levels, Client Identifiers) for the tables of the core. Eight bytes at a time:
// a Topic Name is hashed once per PUBLISH. Each block is multiplied with the state, both behind keys made of the seed of
// init(), and the 128 bits of the product are folded: without the keys, names that collide cannot be chosen.

let blockKey: u64 = 0x9e3779b97f4a7c15;
let stateKey: u64 = 0xa0761d6478bd642f;

export function seedHash(seed: u32): void {
  blockKey = fold(<u64>seed ^ 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93);
  stateKey = fold(blockKey ^ 0xa0761d6478bd642f, 0xe7037ed1a0b428db);
}

/** `start` tells apart what has the same bytes: a level by its parent. */
export function hash(bytes: usize, length: u32, start: u32 = 0): u32 {
  let state = fold(stateKey ^ start, blockKey ^ length);
  const end = bytes + length;
  while (bytes + 8 <= end) {
    state = fold(load<u64>(bytes) ^ blockKey, state ^ stateKey);
    bytes += 8;
  }
  let rest: u64 = 0;
  let left = <u32>(end - bytes);
  if (left >= 4) {
    rest = load<u32>(bytes);
    bytes += 4;
    left -= 4;
  }
  while (left > 0) {
    rest = (rest << 8) | load<u8>(bytes++);
    left--;
  }
  return <u32>fold(rest ^ blockKey, state ^ stateKey);
}

/** The product of both, 128 bits, its halves folded into one. */
function fold(a: u64, b: u64): u64 {
  const low = 0xffff_ffff;
  const ll = (a & low) * (b & low);
  const lh = (a & low) * (b >> 32);
  const hl = (a >> 32) * (b & low);
  const middle = (ll >> 32) + (lh & low) + (hl & low);
  const high = (a >> 32) * (b >> 32) + (lh >> 32) + (hl >> 32) + (middle >> 32);
  return ((ll & low) | (middle << 32)) ^ high;
}
