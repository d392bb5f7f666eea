/**
 * SipHash-2-4 (Aumasson, Bernstein 2012) over four 32-bit words, in 32-bit halves: the keyed hash behind initial sequence
 * numbers (RFC 6528 section 3), SYN cookies and timestamp offsets. Nobody without the key can tell its values from random ones.
 */

/** The result: 64 bits as two words. One per realm: the function never yields. */
export const sipResult: Int32Array = new Int32Array(2);

/** Two rounds per block: the two blocks of the message, the one with its length, then four rounds to finish. */
const ROUNDS = 10;
const FINISHING_ROUND = 6;

/** Hashes 16 bytes (four words, little-endian) under a key of four words. Returns the low word; all 64 bits stand in `sipResult`. */
export function sipHash(key: Int32Array, a: number, b: number, c: number, d: number): number {
  // v0 … v3 as low and high words.
  let l0 = key[0]! ^ 0x70736575;
  let h0 = key[1]! ^ 0x736f6d65;
  let l1 = key[2]! ^ 0x6e646f6d;
  let h1 = key[3]! ^ 0x646f7261;
  let l2 = key[0]! ^ 0x6e657261;
  let h2 = key[1]! ^ 0x6c796765;
  let l3 = key[2]! ^ 0x79746573;
  let h3 = key[3]! ^ 0x74656462;
  for (let round = 0; round < ROUNDS; round++) {
    const isEven = (round & 1) === 0;
    // The last block has no bytes of the message left, and its length in the top byte.
    const low = round < 2 ? a : round < 4 ? c : 0;
    const high = round < 2 ? b : round < 4 ? d : 16 << 24;
    if (round < FINISHING_ROUND && isEven) {
      l3 ^= low;
      h3 ^= high;
    } else if (round === FINISHING_ROUND) l2 ^= 0xff;

    let sum = (l0 >>> 0) + (l1 >>> 0);
    l0 = sum | 0;
    h0 = (h0 + h1 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    let word = (l1 << 13) | (h1 >>> 19);
    h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0;
    l1 = word ^ l0;
    word = l0;
    l0 = h0;
    h0 = word;

    sum = (l2 >>> 0) + (l3 >>> 0);
    l2 = sum | 0;
    h2 = (h2 + h3 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    word = (l3 << 16) | (h3 >>> 16);
    h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2;
    l3 = word ^ l2;

    sum = (l0 >>> 0) + (l3 >>> 0);
    l0 = sum | 0;
    h0 = (h0 + h3 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    word = (l3 << 21) | (h3 >>> 11);
    h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0;
    l3 = word ^ l0;

    sum = (l2 >>> 0) + (l1 >>> 0);
    l2 = sum | 0;
    h2 = (h2 + h1 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    word = (l1 << 17) | (h1 >>> 15);
    h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2;
    l1 = word ^ l2;
    word = l2;
    l2 = h2;
    h2 = word;

    if (round < FINISHING_ROUND && !isEven) {
      l0 ^= low;
      h0 ^= high;
    }
  }
  sipResult[0] = l0 ^ l1 ^ l2 ^ l3;
  sipResult[1] = h0 ^ h1 ^ h2 ^ h3;
  return sipResult[0]!;
}
