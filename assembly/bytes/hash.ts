// A hash of short byte strings (Topic Names, levels, Client Identifiers) for the tables of the core. Eight bytes at a time:
// a Topic Name is hashed once per PUBLISH. Keyed with the seed of init(), so that a peer cannot choose names that collide.

let key: u64 = 0x9e3779b97f4a7c15;

export function seedHash(seed: u32): void {
  key = (((<u64>seed) << 32) | 0x7f4a7c15) ^ 0x9e3779b97f4a7c15;
}

export function hash(bytes: usize, length: u32, start: u32 = 0): u32 {
  let state = key ^ ((<u64>start) << 32) ^ length;
  const end = bytes + length;
  while (bytes + 8 <= end) {
    state = mix(state ^ load<u64>(bytes));
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
  // Twice: a difference in the high half, which is where `start` is, comes down with the first fold only to bits as high as
  // its own, and buckets are picked by the low ones.
  return <u32>mix(mix(state ^ rest));
}

/** Multiply and fold: every input bit reaches the low half, which picks the bucket. */
function mix(state: u64): u64 {
  state *= 0xd6e8feb86659fd93;
  return state ^ (state >> 32);
}
