// Properties that the host gives with a command: raw, without their length before them. Whether they are well formed is
// packet/property.ts's to say; which of them only a server may send is known here. And a way to read numbers with a default.

import { WITH_5_0 } from "../features";
import { DISCONNECT, PUBLISH } from "../packet/packet-type";
import {
  decodePropertyList,
  hasProperty,
  propertyValue,
  SERVER_REFERENCE,
  SUBSCRIPTION_IDENTIFIER,
  TOPIC_ALIAS,
} from "../packet/property";
import { SUCCESS } from "../packet/reason-code";

/** A number in the packet decoded last, or what holds where it has none. */
export function propertyOr(identifier: u32, otherwise: u32): u32 {
  return hasProperty(identifier) ? propertyValue(identifier) : otherwise;
}

/** May a client send these in a packet of this type (or WILL)? If so, the getters of property.ts tell what is in them. */
export function propertiesValid(properties: usize, length: u32, packet: u32): bool {
  if (!WITH_5_0) return length == 0;
  if (decodePropertyList(properties, length, packet) != SUCCESS) return false;
  // Topic Aliases are the client's own business, and would say another thing on the next connection.
  if (packet == PUBLISH) return !hasProperty(SUBSCRIPTION_IDENTIFIER) && !hasProperty(TOPIC_ALIAS); // [MQTT-3.3.4-6]
  return packet != DISCONNECT || !hasProperty(SERVER_REFERENCE); // 3.14.2.2.5
}
