// strftime(3) in the C locale, one conversion at a time, for the @ sequences of -F. Node has no such function, and Intl
// speaks other patterns. Local time, as mosquitto_sub prints it. An unknown conversion comes back as it was written.

/** What `%<conversion>` stands for at that moment. `conversion`: one character. */
export function strftime(conversion: string, at: Date): string {
  const convert = CONVERSIONS[conversion];
  return convert === undefined ? `%${conversion}` : convert(at);
}

/**
 * Date and time as ISO 8601 with the zone's offset: 2016-08-10T09:47:38+0100. `fraction`: what to put behind the
 * seconds.
 */
export function isoTime(at: Date, fraction = ""): string {
  return `${strftime("F", at)}T${strftime("T", at)}${fraction}${strftime("z", at)}`;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

const CONVERSIONS: Readonly<Record<string, (at: Date) => string>> = {
  a: (at) => dayName(at).slice(0, 3),
  A: dayName,
  b: (at) => monthName(at).slice(0, 3),
  B: monthName,
  c: (at) => join(at, "a b e T Y"),
  C: (at) => zeros(Math.trunc(at.getFullYear() / 100), 2),
  d: (at) => zeros(at.getDate(), 2),
  D: (at) => join(at, "m d y", "/"),
  e: (at) => blanks(at.getDate()),
  F: (at) => join(at, "Y m d", "-"),
  g: (at) => zeros(isoWeek(at).year % 100, 2),
  G: (at) => String(isoWeek(at).year),
  h: (at) => monthName(at).slice(0, 3),
  H: (at) => zeros(at.getHours(), 2),
  I: (at) => zeros(hour12(at), 2),
  j: (at) => zeros(dayOfYear(at) + 1, 3),
  k: (at) => blanks(at.getHours()),
  l: (at) => blanks(hour12(at)),
  m: (at) => zeros(at.getMonth() + 1, 2),
  M: (at) => zeros(at.getMinutes(), 2),
  n: () => "\n",
  p: (at) => (at.getHours() < 12 ? "AM" : "PM"),
  P: (at) => (at.getHours() < 12 ? "am" : "pm"),
  r: (at) => `${join(at, "I M S", ":")} ${strftime("p", at)}`,
  R: (at) => join(at, "H M", ":"),
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  S: (at) => zeros(at.getSeconds(), 2),
  t: () => "\t",
  T: (at) => join(at, "H M S", ":"),
  u: (at) => String(at.getDay() || 7),
  U: (at) => zeros(weekOfYear(at, at.getDay()), 2),
  V: (at) => zeros(isoWeek(at).week, 2),
  w: (at) => String(at.getDay()),
  W: (at) => zeros(weekOfYear(at, (at.getDay() + 6) % 7), 2),
  x: (at) => strftime("D", at),
  X: (at) => strftime("T", at),
  y: (at) => zeros(at.getFullYear() % 100, 2),
  Y: (at) => String(at.getFullYear()),
  z: offset,
  // JavaScript has letters for the zones of few countries; the others are GMT+1 and the like.
  Z: (at) => ZONE_NAME.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "",
  "%": () => "%",
};

/** Several conversions in a row: "Y m d" with "-" between them is 2016-08-10. */
function join(at: Date, conversions: string, separator = " "): string {
  return conversions
    .split(" ")
    .map((conversion) => strftime(conversion, at))
    .join(separator);
}

function zeros(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function blanks(value: number): string {
  return String(value).padStart(2, " ");
}

function dayName(at: Date): string {
  return DAYS[at.getDay()] ?? "";
}

function monthName(at: Date): string {
  return MONTHS[at.getMonth()] ?? "";
}

function hour12(at: Date): number {
  return at.getHours() % 12 || 12;
}

/** 0 on the first of January. Counted in UTC days, because a local day may have 23 or 25 hours. */
function dayOfYear(at: Date): number {
  return (Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) - Date.UTC(at.getFullYear(), 0, 1)) / DAY_MS;
}

/** Weeks that began this year, up to this day. `sinceFirstDay`: days since the day a week begins with. */
function weekOfYear(at: Date, sinceFirstDay: number): number {
  return Math.floor((dayOfYear(at) + 7 - sinceFirstDay) / 7);
}

/** ISO 8601: a week belongs to the year that has its Thursday. */
function isoWeek(at: Date): { year: number; week: number } {
  const thursday = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 3 - ((at.getDay() + 6) % 7));
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function offset(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${zeros(Math.floor(absolute / 60), 2)}${zeros(absolute % 60, 2)}`;
}

const DAY_MS = 86_400_000;
const ZONE_NAME = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" });
