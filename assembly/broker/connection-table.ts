// Connections by handle. A handle is a slot and the slot's generation, so a call with the handle of a connection that has
// just ended finds nothing instead of its successor.
//
//   handle:  | generation, 12 bits | slot, 20 bits, from 1 |

import { HANDLE_SLOT_MASK, OPTION_CONNECTIONS_MAX } from "../abi";
import { enlarge } from "../bytes/heap";
import { option } from "../limits";
import { Connection, createConnection, destroyConnection } from "./connection";

@unmanaged
class Slot {
  connection: Connection | null;
  /** Handle of its connection, or of the next one to have it. */
  handle: u32;
  /** Next free slot, 0 for none. */
  nextFree: u32;
}

let connectionCount: u32 = 0;
export let connectionCountMax: u32 = 0;

let slots: usize = 0;
let slotCount: u32 = 0;
let slotCapacity: u32 = 0;
let firstFree: u32 = 0;

const SLOT_MASK: u32 = HANDLE_SLOT_MASK;
/** The lowest bit of the generation. */
const GENERATION: u32 = SLOT_MASK + 1;

/** Null when there are as many as there may be. */
export function addConnection(): Connection | null {
  if (connectionCount >= min(option(OPTION_CONNECTIONS_MAX), SLOT_MASK)) return null;
  let index = firstFree;
  if (index != 0) firstFree = slotAt(index).nextFree;
  else {
    if (slotCount == slotCapacity) grow();
    index = ++slotCount;
    slotAt(index).handle = index;
  }
  const slot = slotAt(index);
  const connection = createConnection(slot.handle);
  slot.connection = connection;
  connectionCount++;
  connectionCountMax = max(connectionCountMax, connectionCount);
  return connection;
}

export function findConnection(handle: u32): Connection | null {
  const index = handle & SLOT_MASK;
  if (index == 0 || index > slotCount) return null;
  const slot = slotAt(index);
  return slot.handle == handle ? slot.connection : null;
}

/** The connection in the first slot behind that of `handle`, 0 for the first of all; null when there are no more. */
export function nextConnection(handle: u32): Connection | null {
  for (let index = (handle & SLOT_MASK) + 1; index <= slotCount; index++) {
    const connection = slotAt(index).connection;
    if (connection !== null) return connection;
  }
  return null;
}

/** Ends its handle and releases it. */
export function removeConnection(connection: Connection): void {
  const index = connection.handle & SLOT_MASK;
  const slot = slotAt(index);
  slot.connection = null;
  slot.handle = connection.handle + GENERATION;
  slot.nextFree = firstFree;
  firstFree = index;
  connectionCount--;
  destroyConnection(connection);
}

function slotAt(index: u32): Slot {
  return changetype<Slot>(slots + (index - 1) * offsetof<Slot>());
}

function grow(): void {
  const capacity = max<u32>(16, slotCapacity * 2);
  const size = slotCapacity * offsetof<Slot>();
  slots = enlarge(slots, size, size, capacity * offsetof<Slot>());
  slotCapacity = capacity;
}
