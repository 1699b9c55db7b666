// What the broker does with the properties of a message besides reading them: some must not travel on, some mean something
// to it.

import { OPTION_PRIORITY } from "../abi";
import { bytesEqual } from "../bytes/compare";
import { WITH_5_0 } from "../features";
import { option } from "../limits";
import { PUBLISH } from "../packet/packet-type";
import {
  decodePropertyList,
  hasProperty,
  itemLength,
  itemName,
  itemNameLength,
  itemPtr,
  itemValue,
  itemValueLength,
  nextProperty,
  SUBSCRIPTION_IDENTIFIER,
  TOPIC_ALIAS,
  USER_PROPERTY,
} from "../packet/property";
import { SUCCESS } from "../packet/reason-code";

/** Takes the property, which is there once, out of a list where it stands: the bytes before it move up to its place. Returns
 *  where the list begins now; it is itemLength bytes shorter. */
export function withoutProperty(identifier: u32, properties: usize, length: u32): usize {
  const end = properties + length;
  let at = properties;
  while (nextProperty(at, end) != identifier) at = itemPtr + itemLength;
  memory.copy(properties + itemLength, properties, at - properties);
  return properties + itemLength;
}

/** True when these raw bytes are properties that a message may have. */
export function messagePropertiesValid(properties: usize, length: u32): bool {
  if (length == 0) return true;
  if (!WITH_5_0) return false;
  if (decodePropertyList(properties, length, PUBLISH) != SUCCESS) return false;
  return !hasProperty(TOPIC_ALIAS) && !hasProperty(SUBSCRIPTION_IDENTIFIER);
}

/** midge_priority */
const PRIORITY: usize = memory.data<u8>([109, 105, 100, 103, 101, 95, 112, 114, 105, 111, 114, 105, 116, 121]);
const PRIORITY_LENGTH: u32 = 14;
/** urgent */
const URGENT: usize = memory.data<u8>([117, 114, 103, 101, 110, 116]);
const URGENT_LENGTH: u32 = 6;

/** The message has the User Property midge_priority=urgent, and that is to mean something. */
export function isUrgent(properties: usize, length: u32): bool {
  if (!WITH_5_0 || length == 0 || option(OPTION_PRIORITY) == 0) return false;
  const end = properties + length;
  let at = nextUserProperty(properties, end, PRIORITY, PRIORITY_LENGTH);
  while (at != 0) {
    if (itemValueLength == URGENT_LENGTH && bytesEqual(itemValue, URGENT, URGENT_LENGTH)) return true;
    at = nextUserProperty(at, end, PRIORITY, PRIORITY_LENGTH);
  }
  return false;
}

/** Finds the next User Property of this name in a valid list, from `at` on: its value is in itemValue. Returns the place behind
 *  it, 0 when there is none. */
export function nextUserProperty(at: usize, end: usize, name: usize, nameLength: u32): usize {
  while (at < end) {
    const isUser = nextProperty(at, end) == USER_PROPERTY;
    at = itemPtr + itemLength;
    if (isUser && itemNameLength == nameLength && bytesEqual(itemName, name, nameLength)) return at;
  }
  return 0;
}
