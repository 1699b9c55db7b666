// Tables of names: ASCII, | between the names, 0 at the end. Finds a name in one, and the name that a misspelt one is
// nearest to. Knows nothing of what the names mean.

import { bytesEqual } from "../bytes/compare";

const BAR: u8 = 124;
const STAR: u8 = 42;

/** nameIndex(): not in this table. */
export const NOT_FOUND: u32 = 0xffff_ffff;

/** Where the name found last by nextName() or nearestName() stands. */
export let nameAt: usize = 0;
export let nameLength: u32 = 0;

/** The row of a name. One that ends in * is found by all that begin with what is before it. */
export function nameIndex(table: usize, name: usize, length: u32): u32 {
  let index: u32 = 0;
  for (nameAt = 0; nextName(table); index++) {
    const stem = load<u8>(nameAt + nameLength - 1) == STAR ? nameLength - 1 : nameLength;
    const fits = stem == nameLength ? length == stem : length >= stem;
    if (fits && bytesEqual(nameAt, name, stem)) return index;
  }
  return NOT_FOUND;
}

/** Steps to the next name of a table, to the first one if nameAt is 0. False behind the last one. */
export function nextName(table: usize): bool {
  if (nameAt == 0) nameAt = table;
  else if (load<u8>(nameAt + nameLength) == 0) return false;
  else nameAt += nameLength + 1;
  nameLength = tableNameLength(nameAt);
  return true;
}

/** All of a table as one text. */
export function tableLength(table: usize): u32 {
  let length: u32 = 0;
  while (load<u8>(table + length) != 0) length++;
  return length;
}

function tableNameLength(at: usize): u32 {
  let length: u32 = 0;
  let byte = load<u8>(at);
  while (byte != BAR && byte != 0) byte = load<u8>(at + ++length);
  return length;
}

/** Longer than any name in a table, and than any misspelt one worth comparing. */
const LENGTH_MAX: u32 = 48;
const row: usize = memory.data(LENGTH_MAX + 1);

let nearestAt: usize = 0;
let nearestLength: u32 = 0;
let nearestEdits: u32 = 0;

/** Begins a search over several tables. */
export function nearestStart(length: u32): void {
  nearestAt = 0;
  // A short word has many neighbours: one edit of three letters is another word.
  nearestEdits = 1 + min<u32>(2, length >> 2);
}

/** Looks for a nearer name than found so far. */
export function nearestIn(table: usize, name: usize, length: u32): void {
  if (length > LENGTH_MAX) return;
  for (nameAt = 0; nextName(table); ) {
    const count = edits(name, length, nameAt, nameLength);
    if (count >= nearestEdits + (nearestAt == 0 ? 1 : 0)) continue;
    nearestEdits = count;
    nearestAt = nameAt;
    nearestLength = nameLength;
  }
}

/** The end of the search: the name at nameAt, or false when none is near. */
export function nearestFound(): bool {
  nameAt = nearestAt;
  nameLength = nearestLength;
  return nearestAt != 0;
}

/** Letters to put in, take out or change, to make one of the other: Levenshtein's distance. `row` holds one line of its
 *  table; its cells count up to LENGTH_MAX. Upper and lower case are the same. */
function edits(a: usize, aLength: u32, b: usize, bLength: u32): u32 {
  for (let j: u32 = 0; j <= bLength; j++) store<u8>(row + j, <u8>j);
  for (let i: u32 = 1; i <= aLength; i++) {
    let diagonal = <u32>load<u8>(row);
    let left = i;
    store<u8>(row, <u8>i);
    const letter = load<u8>(a + i - 1);
    for (let j: u32 = 1; j <= bLength; j++) {
      const above = <u32>load<u8>(row + j);
      const same = ((letter ^ load<u8>(b + j - 1)) & 0xdf) == 0;
      left = min(min(above, left) + 1, same ? diagonal : diagonal + 1);
      store<u8>(row + j, <u8>left);
      diagonal = above;
    }
  }
  return load<u8>(row + bLength);
}
