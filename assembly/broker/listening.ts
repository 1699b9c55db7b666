// Which reports the host wants. One that nobody listens to costs a test of a bit.

import { OPTION_EVENTS } from "../abi";
import { option } from "../limits";

export function eventWanted(kind: u32): bool {
  return ((option(OPTION_EVENTS) >> kind) & 1) != 0;
}
