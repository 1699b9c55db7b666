// JSON for -F %j and %J, over byte strings (one character per byte), so that a payload's bytes reach the output
// unchanged. A payload that is JSON already is not parsed and printed again: that would change its numbers (2.50, and
// all beyond 2^53).

/** A JSON string of those bytes. Bytes that are not UTF-8 stay as they are, as mosquitto_sub leaves them. */
export function jsonBytes(bytes: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what RFC 8259, section 7, says to escape
  return `"${bytes.replace(/["\\\x00-\x1f]/g, escapeOne)}"`;
}

/** Whether those bytes are one JSON value in UTF-8. */
export function isValidJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/**
 * Valid JSON on one line, or with `pretty` one member of an object a line, laid out as mosquitto_sub does: tabs, arrays on one
 * line. Numbers and strings stay as they were written.
 */
export function reformatJson(json: string, pretty: boolean): string {
  /** What is open, objects and arrays, outermost first. */
  const open: string[] = [];
  let previous = "";
  let out = "";
  for (const [token] of json.matchAll(TOKENS)) {
    const inObject = open.at(-1) === "{";
    if (token === "}" || token === "]") open.pop();
    if (pretty) out += gap(previous, token, inObject, open.length);
    out += token;
    if (token === "{" || token === "[") open.push(token);
    previous = token;
  }
  return out;
}

/** What stands between two tokens. `depth`: how many objects and arrays are open behind the second one. */
function gap(previous: string, token: string, inObject: boolean, depth: number): string {
  const breaks = token === "}" || (inObject && (previous === "{" || previous === ","));
  if (breaks) return `\n${"\t".repeat(Math.min(depth, INDENT_MAX))}`;
  if (previous === ",") return " ";
  return previous === ":" ? "\t" : "";
}

/** Strings, punctuation, and the rest: numbers and words. What is between them is white space. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Tabs before a line at most: a hundred thousand brackets in a row would else print ten gigabytes. */
const INDENT_MAX = 64;

function escapeOne(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};
