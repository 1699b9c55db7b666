// SASLprep (RFC 4013): the one form of a user name or password that both ends of a SCRAM exchange compute with, however it
// was typed. Mapping, normalisation (NFKC) and the prohibited characters are done. Not done: the rule on mixed text
// directions (section 2.3) and the list of characters unassigned in Unicode 3.2 (section 2.5); JavaScript has no table for
// either, and both ends only have to agree. NFKC is that of this Node's Unicode, which never changes what was assigned.

/** The prepared form of `text`, or undefined when it holds a character that SASLprep forbids. May be empty. */
export function saslprep(text: string): string | undefined {
  // Nearly every name and password: nothing to map, normalise or forbid.
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const prepared = text.replace(OTHER_SPACES, " ").replace(MAPPED_TO_NOTHING, "").normalize("NFKC");
  return PROHIBITED.test(prepared) ? undefined : prepared;
}

// RFC 3454, tables C.1.2 and B.1. ZERO WIDTH SPACE stands in both; it becomes a space, as spaces are mapped first.
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const MAPPED_TO_NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;

/** RFC 3454, tables C.1.2, C.2.1, C.2.2 and C.3 to C.9: what the output must not hold. */
const PROHIBITED = new RegExp(
  [
    OTHER_SPACES.source,
    "\\p{Cc}|\\p{Co}|\\p{Cs}|\\p{Noncharacter_Code_Point}",
    "[\\u06dd\\u070f\\u180e\\u200c\\u200d\\u2028\\u2029\\u2060-\\u2063\\u206a-\\u206f\\ufeff\\ufff9-\\ufffd\\u{1d173}-\\u{1d17a}]",
    "[\\u2ff0-\\u2ffb\\u0340\\u0341\\u200e\\u200f\\u202a-\\u202e\\u{e0001}\\u{e0020}-\\u{e007f}]",
  ].join("|"),
  "u",
);
