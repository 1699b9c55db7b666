// Allocation of everything the core keeps, counted, so that a test can see that nothing is left behind and $SYS can say
// how much is in use. Structs come zeroed. A block is released with the size it was asked for: no header of our own.

import { OPTION_HEAP_MAX } from "../abi";
import { option } from "../limits";

/** Bytes asked for and not yet released; the allocator's own 4 bytes a block are not in it. */
export let heapBytes: usize = 0;

/** Nothing new may be kept. */
export function heapFull(): bool {
  return <u32>heapBytes > option(OPTION_HEAP_MAX);
}

export function allocate(size: usize): usize {
  heapBytes += size;
  return heap.alloc(size);
}

export function release(block: usize, size: usize): void {
  heapBytes -= size;
  heap.free(block);
}

export function allocateZeroed(size: usize): usize {
  const block = allocate(size);
  memory.fill(block, 0, size);
  return block;
}

/** A block of `larger` bytes that begins with the first `used` bytes of `block`, which is released; it had `size` bytes,
 *  or there was none and `size` is 0. */
export function enlarge(block: usize, size: usize, used: usize, larger: usize): usize {
  const enlarged = allocate(larger);
  if (size > 0) {
    memory.copy(enlarged, block, used);
    release(block, size);
  }
  return enlarged;
}

/** A zeroed struct; T is an unmanaged class. */
export function create<T>(): T {
  return changetype<T>(allocateZeroed(offsetof<T>()));
}

export function destroy<T>(struct: T): void {
  release(changetype<usize>(struct), offsetof<T>());
}

/** A copy of `length` bytes, or 0 for none. */
export function duplicate(bytes: usize, length: u32): usize {
  if (length == 0) return 0;
  const copy = allocate(length);
  memory.copy(copy, bytes, length);
  return copy;
}
