// Reason Codes of 5.0 (section 2.4) and the return codes of 3.1 and 3.1.1, in words: for errors, events and the command line.

/** Reason Code -> short text, of every packet that has one. */
export const REASON_TEXT: Readonly<Record<number, string>> = {
  0: "success",
  1: "granted QoS 1",
  2: "granted QoS 2",
  4: "disconnected, with Will",
  16: "no matching subscribers",
  17: "no such subscription",
  24: "continue authentication",
  25: "re-authenticate",
  128: "unspecified error",
  129: "malformed packet",
  130: "protocol error",
  131: "not accepted for a reason of its own",
  132: "unsupported protocol version",
  133: "client id not valid",
  134: "bad user name or password",
  135: "not authorised",
  136: "server unavailable",
  137: "server busy",
  138: "banned",
  139: "server shutting down",
  140: "bad authentication method",
  141: "Keep Alive timeout",
  142: "session taken over",
  143: "topic filter invalid",
  144: "topic name invalid",
  145: "packet identifier in use",
  146: "packet identifier not found",
  147: "receive maximum exceeded",
  148: "topic alias invalid",
  149: "packet too large",
  150: "message rate too high",
  151: "quota exceeded",
  152: "administrative action",
  153: "payload format invalid",
  154: "RETAIN not supported",
  155: "QoS not supported",
  156: "use another server",
  157: "server moved",
  158: "shared subscriptions not supported",
  159: "connection rate exceeded",
  160: "maximum connect time",
  161: "subscription identifiers not supported",
  162: "wildcard subscriptions not supported",
};

/** Return code of CONNACK before 5.0 -> short text. */
export const RETURN_CODE_TEXT: Readonly<Record<number, string>> = {
  0: "accepted",
  1: "unacceptable protocol version",
  2: "identifier rejected",
  3: "server unavailable",
  4: "bad user name or password",
  5: "not authorised",
};

/** A Reason Code for a person: `not authorised (0x87)`. */
export function reasonText(reasonCode: number): string {
  const number = `0x${reasonCode.toString(16).padStart(2, "0")}`;
  const text = REASON_TEXT[reasonCode];
  return text === undefined ? `reason code ${number}` : `${text} (${number})`;
}
