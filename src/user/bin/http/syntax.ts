/** The characters of HTTP messages (RFC 9110 5.6, RFC 9112): tables over bytes, and small comparisons. */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;

function tableOf(isMember: (character: string, code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (isMember(String.fromCharCode(code), code) ? 1 : 0));
}

/** RFC 9110 5.6.2: what methods and field names are made of. */
export const isTokenByte: Uint8Array = tableOf((character) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character));

/** RFC 9110 5.5: visible characters, space, tab and the bytes above 127. Never CR, LF or NUL. */
export const isFieldByte: Uint8Array = tableOf((_, code) => code === TAB || (code >= SPACE && code !== 0x7f));

/** RFC 3986: what a path or query may hold literally, and % for the escapes. Others must come escaped. */
export const isTargetByte: Uint8Array = tableOf((character) => /[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]/.test(character));

/** Whether bytes are this text, which must be in lower case, no matter their own case. */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, lowerCase: string): boolean {
  if (end - start !== lowerCase.length) return false;
  for (let k = 0; k < lowerCase.length; k++) {
    const byte = bytes[start + k] as number;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== lowerCase.charCodeAt(k)) return false;
  }
  return true;
}

/** Decimal digits and nothing else; -1 otherwise, and for numbers above 2^53. */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  let value = 0;
  for (let k = start; k < end; k++) {
    const digit = (bytes[k] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return value;
}

/** Whether a comma-separated list has this member (in lower case). */
export function listHas(bytes: Uint8Array, start: number, end: number, lowerCase: string): boolean {
  let from = start;
  for (let k = start; k <= end; k++) {
    if (k < end && bytes[k] !== 0x2c) continue;
    let first = from;
    let last = k;
    while (first < last && isBlank(bytes[first] as number)) first++;
    while (last > first && isBlank(bytes[last - 1] as number)) last--;
    if (equalsIgnoringCase(bytes, first, last, lowerCase)) return true;
    from = k + 1;
  }
  return false;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}
