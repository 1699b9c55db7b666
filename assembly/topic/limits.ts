// Which valid Topic Names and Topic Filters are still too much for us, or not for clients.

import { OPTION_TOPIC_LENGTH_MAX, OPTION_TOPIC_LEVELS_MAX } from "../abi";
import { option } from "../limits";
import { topicLevels } from "./name";

/** Over the limits of bytes or levels, for names and filters alike. */
export function topicTooLong(topic: usize, length: u32): bool {
  if (length > option(OPTION_TOPIC_LENGTH_MAX)) return true;
  // There is at most one level more than bytes, so short ones need not be counted.
  const levelsMax = option(OPTION_TOPIC_LEVELS_MAX);
  return length >= levelsMax && topicLevels(topic, length) > levelsMax;
}

/** $SYS is the broker's own: clients cannot publish there [MQTT-4.7.2-1]. */
export function isReserved(topicName: usize, length: u32): bool {
  return length >= 4 && load<u32>(topicName) == SYS && (length == 4 || load<u8>(topicName, 4) == 0x2f);
}

/** "$SYS" as a little-endian number. */
const SYS: u32 = 0x53595324;
