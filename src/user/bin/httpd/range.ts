/** The Range field (RFC 9110 14): which bytes of a file a client wants. */

export interface ByteRange {
  /** First byte. */
  start: number;
  /** One after the last. */
  end: number;
}

/** More ranges than this, or ranges that overlap into more bytes than the file has, are answered with the whole file. */
const MOST_RANGES = 16;

/**
 * The satisfiable ranges in the order asked for; "ignore" where the field is malformed, of another unit or abusive (the
 * answer is 200 with the whole); "unsatisfiable" where none lies within the file (416).
 */
export function parseRange(field: string, size: number): ByteRange[] | "ignore" | "unsatisfiable" {
  const match = /^bytes[ \t]*=(.*)$/i.exec(field);
  if (match === null) return "ignore";
  const ranges: ByteRange[] = [];
  let specifications = 0;
  let total = 0;
  for (const part of (match[1] as string).split(",")) {
    const specification = part.trim();
    // RFC 9110 5.6.1.2: empty members of a list are passed over.
    if (specification === "") continue;
    if (++specifications > MOST_RANGES) return "ignore";
    const pair = /^(\d*)-(\d*)$/.exec(specification);
    if (pair === null) return "ignore";
    const range = rangeOf(pair[1] as string, pair[2] as string, size);
    if (range === "ignore") return "ignore";
    if (range === undefined) continue;
    ranges.push(range);
    total += range.end - range.start;
  }
  if (specifications === 0) return "ignore";
  if (ranges.length === 0) return "unsatisfiable";
  return ranges.length > 1 && total > size ? "ignore" : ranges;
}

function rangeOf(first: string, last: string, size: number): ByteRange | "ignore" | undefined {
  if (first === "") {
    if (last === "") return "ignore";
    // The last so many bytes; "-0" is none (RFC 9110 14.1.2).
    const length = Math.min(Number(last), size);
    return length === 0 ? undefined : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return "ignore";
  if (start >= size) return undefined;
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}
