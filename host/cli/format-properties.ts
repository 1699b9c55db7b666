// Properties of MQTT 5.0 as the output formats of `midge sub` and `midge rr` show them: the letters of -F and the member
// "properties" of JSON. All is put together as byte strings, see format.ts; names and order are those of mosquitto_sub.

import type { ReceivedProperties } from "../property-types.ts";
import { jsonBytes } from "./json.ts";

/** %F: 0 or 1, as on the wire. */
export function payloadFormatNumber({ payloadFormat }: ReceivedProperties): string {
  if (payloadFormat === undefined) return "";
  return payloadFormat === "utf8" ? "1" : "0";
}

/** %P: NAME:VALUE, with blanks between them, in the order of the message. */
export function userPropertiesText({ userProperties = [] }: ReceivedProperties): string {
  return userProperties.map(([name, value]) => `${name}:${value}`).join(" ");
}

/** %S: several come from overlapping subscriptions; blanks between them. */
export function subscriptionIdentifiersText({ subscriptionIdentifiers = [] }: ReceivedProperties): string {
  return subscriptionIdentifiers.join(" ");
}

/** The member of %j and %J, in a list that is empty when there are no properties. */
export function propertiesMember(properties: ReceivedProperties): string[] {
  // The decoder has put them in the order in which they came.
  const members = Object.entries(properties).flatMap(([key, value]) => {
    const member = MEMBERS[key];
    return value === undefined || member === undefined ? [] : [`"${member[0]}":${member[1](value)}`];
  });
  return members.length === 0 ? [] : [`"properties":{${members.join(",")}}`];
}

function jsonText(value: unknown): string {
  return jsonBytes(Buffer.from(value as string | Uint8Array).toString("latin1"));
}

/** A name may stand there more than once: what reads JSON by the book sees the last one, as with mosquitto_sub. */
function jsonPairs(value: unknown): string {
  const pairs = value as readonly (readonly [string, string])[];
  return `{${pairs.map(([name, text]) => `${jsonText(name)}:${jsonText(text)}`).join(",")}}`;
}

/** One is a number, as mosquitto_sub prints it, which cannot receive several. */
function jsonIdentifiers(value: unknown): string {
  const identifiers = value as readonly number[];
  return identifiers.length === 1 ? String(identifiers[0]) : `[${identifiers.join(",")}]`;
}

/** Name in the API -> name in JSON, and how its value is written. */
const MEMBERS: Readonly<Record<string, readonly [name: string, json: (value: unknown) => string]>> = {
  payloadFormat: ["payload-format-indicator", (value) => (value === "utf8" ? "1" : "0")],
  messageExpirySec: ["message-expiry-interval", String],
  contentType: ["content-type", jsonText],
  responseTopic: ["response-topic", jsonText],
  correlationData: ["correlation-data", jsonText],
  subscriptionIdentifiers: ["subscription-identifier", jsonIdentifiers],
  topicAlias: ["topic-alias", String],
  userProperties: ["user-properties", jsonPairs],
};
