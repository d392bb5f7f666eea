/**
 * SipHash-2-4 (Aumasson, Bernstein 2012) over four 32-bit words, in 32-bit halves: the keyed hash behind initial sequence
 * numbers (RFC 6528 section 3), SYN cookies and timestamp offsets. Nobody without the key can tell its values from random ones.
 */

/** State: v0 low, v0 high, v1 low … One per realm: the function never yields. */
const v = new Int32Array(8);
/** The result: 64 bits as two words. */
export const sipResult: Int32Array = new Int32Array(2);

function add(to: number, from: number): void {
  const low = (v[to]! >>> 0) + (v[from]! >>> 0);
  v[to] = low | 0;
  v[to + 1] = (v[to + 1]! + v[from + 1]! + (low > 0xffff_ffff ? 1 : 0)) | 0;
}

/** Rotates the pair at `at` left by `bits` (< 32). */
function rotate(at: number, bits: number): void {
  const low = v[at]!;
  const high = v[at + 1]!;
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}

function rotate32(at: number): void {
  const low = v[at]!;
  v[at] = v[at + 1]!;
  v[at + 1] = low;
}

function xor(to: number, from: number): void {
  v[to] = v[to]! ^ v[from]!;
  v[to + 1] = v[to + 1]! ^ v[from + 1]!;
}

function round(): void {
  add(0, 2);
  rotate(2, 13);
  xor(2, 0);
  rotate32(0);
  add(4, 6);
  rotate(6, 16);
  xor(6, 4);
  add(0, 6);
  rotate(6, 21);
  xor(6, 0);
  add(4, 2);
  rotate(2, 17);
  xor(2, 4);
  rotate32(4);
}

function absorb(low: number, high: number): void {
  v[6] = v[6]! ^ low;
  v[7] = v[7]! ^ high;
  round();
  round();
  v[0] = v[0]! ^ low;
  v[1] = v[1]! ^ high;
}

/** Hashes 16 bytes (four words, little-endian) under a key of four words. Returns the low word; all 64 bits stand in `sipResult`. */
export function sipHash(key: Int32Array, a: number, b: number, c: number, d: number): number {
  v[0] = key[0]! ^ 0x70736575;
  v[1] = key[1]! ^ 0x736f6d65;
  v[2] = key[2]! ^ 0x6e646f6d;
  v[3] = key[3]! ^ 0x646f7261;
  v[4] = key[0]! ^ 0x6e657261;
  v[5] = key[1]! ^ 0x6c796765;
  v[6] = key[2]! ^ 0x79746573;
  v[7] = key[3]! ^ 0x74656462;
  absorb(a, b);
  absorb(c, d);
  // The last block: no bytes left over, length 16 in the top byte.
  absorb(0, 16 << 24);
  v[4] = v[4]! ^ 0xff;
  round();
  round();
  round();
  round();
  sipResult[0] = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
  sipResult[1] = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
  return sipResult[0]!;
}
