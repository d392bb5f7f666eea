/** HTTP's dates: IMF-fixdate written, the two obsolete forms read as well (RFC 9110 5.6.7). Milliseconds since 1970. */

/** "Sun, 06 Nov 1994 08:49:37 GMT": always 29 characters. */
export function formatHttpDate(milliseconds: number): string {
  return new Date(Math.floor(milliseconds / 1000) * 1000).toUTCString();
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const TIME = "(\\d{2}):(\\d{2}):(\\d{2})";
const MONTH = `(${MONTHS.join("|")})`;
const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const imfFixdate = new RegExp(`^${DAY}, (\\d{2}) ${MONTH} (\\d{4}) ${TIME} GMT$`);
const rfc850 = new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\\d{2})-${MONTH}-(\\d{2}) ${TIME} GMT$`);
const asctime = new RegExp(`^${DAY} ${MONTH} ([ \\d]\\d) ${TIME} (\\d{4})$`);

/** Undefined for text that is no HTTP date. `now` decides the century of two-digit years. */
export function parseHttpDate(text: string, nowMilliseconds: number): number | undefined {
  let match = imfFixdate.exec(text);
  if (match !== null) return fromParts(match[3], match[2], match[1], match[4], match[5], match[6]);
  match = asctime.exec(text);
  if (match !== null) return fromParts(match[6], match[1], match[2]?.trim(), match[3], match[4], match[5]);
  match = rfc850.exec(text);
  if (match === null) return undefined;
  // RFC 9110 5.6.7: a date that seems more than 50 years in the future is the most recent past year with those digits.
  const century = Math.floor(new Date(nowMilliseconds).getUTCFullYear() / 100) * 100;
  const year = century + Number(match[3]);
  const date = fromParts(String(year), match[2], match[1], match[4], match[5], match[6]);
  const fifty = 50 * 365.25 * 86_400_000;
  if (date === undefined || date <= nowMilliseconds + fifty) return date;
  return fromParts(String(year - 100), match[2], match[1], match[4], match[5], match[6]);
}

function fromParts(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
): number | undefined {
  const monthIndex = MONTHS.indexOf(month ?? "");
  const dayNumber = Number(day);
  // A leap second is written as 60.
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const date = Date.UTC(Number(year), monthIndex, dayNumber, Number(hour), Number(minute), Number(second));
  return dayNumber >= 1 && new Date(Date.UTC(Number(year), monthIndex, dayNumber)).getUTCDate() === dayNumber
    ? date
    : undefined;
}
