// Exports that the broker and the client module have in common: abi.ts says what each of them promises.

import { ABI_VERSION, ARGUMENT_MAX, BAD_ARGUMENT, OK } from "../abi";
import { allocate, heapBytes, release } from "../bytes/heap";
import { eventCount, eventRecords } from "../effect/event";
import { sendRecords } from "../effect/send";
import { option, setOptionValue } from "../limits";
import { initInput, inputBuffer } from "../packet/framer";

export { untilDeadline as nextDeadline } from "../effect/deadline";
export { nextSends } from "../effect/send";

let inputSize: u32 = 0;
let argument: usize = 0;
let argumentSize: u32 = 0;

/** Called by init() of each module. */
export function initShared(inputMax: u32): void {
  inputSize = inputMax;
  initInput(inputMax);
}

export function abiVersion(): u32 {
  return ABI_VERSION;
}

export function inputPtr(): usize {
  return inputBuffer();
}

/** True when the host claims more than it had room for. */
export function overInput(length: u32): bool {
  return length == 0 || length > inputSize;
}

/** The buffer stays for the next command, unless that one needs a larger one. */
export function argumentPtr(length: u32): usize {
  if (length > <u32>ARGUMENT_MAX) return 0;
  if (length > argumentSize) {
    if (argumentSize > 0) release(argument, argumentSize);
    argument = allocate(length);
    argumentSize = length;
  }
  return argument;
}

/** True when the host claims more than argumentPtr() gave it. */
export function overArgument(length: u32): bool {
  return length > argumentSize;
}

/** The same for two arguments, one behind the other. */
export function overArguments(first: u32, second: u32): bool {
  return first > argumentSize || second > argumentSize - first;
}

export function argumentBytes(): usize {
  return argument;
}

export function setOption(id: u32, value: u32): u32 {
  return setOptionValue(id, value) ? OK : BAD_ARGUMENT;
}

export function optionValue(id: u32): u32 {
  return option(id);
}

export function sendsPtr(): usize {
  return sendRecords();
}

export function nextEvents(): u32 {
  return eventCount();
}

export function eventsPtr(): usize {
  return eventRecords();
}

export function heapInUse(): u32 {
  return <u32>heapBytes;
}
