// The comparison of two byte strings, in one place: the compiler puts its loop where it is called, a hundred bytes each time.

export function bytesEqual(a: usize, b: usize, length: u32): bool {
  return memory.compare(a, b, length) == 0;
}
