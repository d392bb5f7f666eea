/**
 * Sequence numbers (RFC 9293 section 3.4) are int32 values; differences wrap. `a` stands before `b` when the
 * signed difference is negative, which holds for numbers less than 2^31 apart.
 */

export function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Before or the same. */
export function isAtMost(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

/** Swaps the four bytes of a word: between the wire's order and the machine's. Result is int32. */
export function swap32(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** Swaps the two bytes of a half word in 0…65535. */
export function swap16(half: number): number {
  return ((half & 0xff) << 8) | (half >>> 8);
}
