// Which reports the host wants. One that nobody listens to costs a test of a bit.

import { OPTION_EVENTS } from "../abi";
import { eventBytes } from "../effect/event";
import { option } from "../limits";

/** Bytes of reports until the host takes them. Over it the rest of this turn is not reported: one packet may name many
 *  filters, and each report of a long Client Identifier copies it. */
const REPORT_BYTES_MAX: u32 = 16 << 20;

export function eventWanted(kind: u32): bool {
  return ((option(OPTION_EVENTS) >> kind) & 1) != 0 && eventBytes < REPORT_BYTES_MAX;
}
