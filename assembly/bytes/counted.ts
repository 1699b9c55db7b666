// A block of bytes with several owners: the last one to let go releases it. Application Messages are such blocks, so one
// copy serves the retained store, every session's queue and every connection's output.

import { allocate, release } from "./heap";

@unmanaged
export class Counted {
  references: u32;
  /** Bytes of the whole block. */
  size: u32;
}

/** Bytes in counted blocks: what all queues and the retained store hold together. */
export let countedBytes: usize = 0;

/** A block of `size` bytes with one owner; its bytes behind this header are not zeroed. */
export function createCounted(size: u32): Counted {
  const block = changetype<Counted>(allocate(size));
  block.references = 1;
  block.size = size;
  countedBytes += size;
  return block;
}

export function hold(block: Counted): void {
  block.references++;
}

export function letGo(block: Counted): void {
  if (--block.references > 0) return;
  countedBytes -= block.size;
  release(changetype<usize>(block), block.size);
}
