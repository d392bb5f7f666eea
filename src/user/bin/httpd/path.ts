/**
 * From the path of a request to the path of a file: escapes decoded, "." and ".." worked off, empty segments dropped. What
 * comes out begins with "/", has no segment that means anything special, and cannot leave the folder it is appended to.
 */

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;

/**
 * Decodes bytes[start, end) to `into` at `at`. The length of the result, or a negative HTTP status: 400 for broken escapes, NUL and paths
 * that climb above the root, 404 for an escaped slash, which no file name can hold. A slash at the end is kept.
 */
export function decodePath(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  let out = at;
  let k = start;
  for (;;) {
    while (k < end && bytes[k] === SLASH) k++;
    if (k === end) {
      into[out] = SLASH;
      return out + 1 - at;
    }
    into[out++] = SLASH;
    const segment = out;
    while (k < end && bytes[k] !== SLASH) {
      let byte = bytes[k] as number;
      k++;
      if (byte === PERCENT) {
        byte = k + 2 <= end ? hexPair(bytes[k] as number, bytes[k + 1] as number) : -1;
        if (byte <= 0) return -400;
        if (byte === SLASH) return -404;
        k += 2;
      }
      into[out++] = byte;
    }
    const length = out - segment;
    if (length === 1 && into[segment] === DOT) {
      out = segment - 1;
    } else if (length === 2 && into[segment] === DOT && into[segment + 1] === DOT) {
      out = segment - 1;
      if (out === at) return -400;
      do out--;
      while (into[out] !== SLASH);
    } else if (k === end) {
      return out - at;
    }
  }
}

function hexPair(high: number, low: number): number {
  const h = hexDigit(high);
  const l = hexDigit(low);
  return h < 0 || l < 0 ? -1 : h * 16 + l;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** A decoded path as it stands in a URL again: everything but RFC 3986's unreserved characters and "/" escaped. */
export function encodePath(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let k = start; k < end; k++) {
    const byte = bytes[k] as number;
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-._~/!$&'()*+,;=:@]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
