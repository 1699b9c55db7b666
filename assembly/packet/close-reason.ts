// What a decoder found wrong, as the reason to close the connection that the host is told.

import { CLOSE_MALFORMED, CLOSE_PROTOCOL, CLOSE_TOPIC } from "../abi";
import { MALFORMED_PACKET, TOPIC_FILTER_INVALID, TOPIC_NAME_INVALID } from "./reason-code";

export function closeReasonOf(reasonCode: u32): u32 {
  if (reasonCode == MALFORMED_PACKET) return CLOSE_MALFORMED;
  return reasonCode == TOPIC_NAME_INVALID || reasonCode == TOPIC_FILTER_INVALID ? CLOSE_TOPIC : CLOSE_PROTOCOL;
}
