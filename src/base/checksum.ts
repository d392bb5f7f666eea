/**
 * The Internet checksum (RFC 1071) as a partial sum over little-endian 16-bit words, folded to 16 bits. The one's
 * complement sum does not depend on byte order (RFC 1071 section 2 (B)), so words are added as the machine has them
 * and a finished sum is stored the same way: no swap anywhere.
 */

/** What moves and sums bytes inside one memory. Offsets and lengths are in bytes; any alignment. */
export interface ChecksumKernel {
  /** Moves bytes; the ranges may overlap. */
  copy(to: number, from: number, byteLength: number): void;
  /** Partial sum in 0…65535 with `initial` (0…2^31) added in; an odd last byte counts as if a zero byte followed. */
  sum(offset: number, byteLength: number, initial?: number): number;
  /** `copy` and `sum` of the same bytes in one pass; the ranges must not overlap. */
  copyAndSum(to: number, from: number, byteLength: number): number;
}

/** Folds a sum of 16-bit words (up to 2^32 − 1) to 16 bits. Zero only when every word was zero. */
export function foldSum(sum: number): number {
  let folded = (sum >>> 16) + (sum & 0xffff);
  folded = (folded >>> 16) + (folded & 0xffff);
  return folded;
}

/** The value to store (with a little-endian 16-bit store) for a partial sum up to 2^32 − 1. */
export function finishSum(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}

/** The sum of the TCP or UDP pseudo-header (RFC 9293 3.1, RFC 768): addresses in host order, length of the transport part. Unfolded. */
export function pseudoHeaderSum(source: number, destination: number, protocol: number, length: number): number {
  const big =
    (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + (length & 0xffff);
  const folded = foldSum(big);
  return ((folded & 0xff) << 8) | (folded >>> 8);
}

/** Byte by byte over any array: for cold paths outside the arena, and the yardstick of the tests. */
export function sumBytes(bytes: Uint8Array, offset: number, byteLength: number): number {
  let sum = 0;
  for (let k = 0; k < byteLength; k++) {
    sum += (bytes[offset + k] as number) << ((k & 1) * 8);
    if (sum > 0x3fff_ffff) sum = foldSum(sum);
  }
  return foldSum(sum);
}
