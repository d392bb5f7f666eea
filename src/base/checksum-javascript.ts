/** Copy and checksum without WebAssembly, for realms that forbid it. Adds 32-bit words in doubles, which lose nothing below 2^53. */
import { type ChecksumKernel, foldSum } from "./checksum.ts";

/** Folds a sum of 32-bit words held in a double to 16 bits. 2^32 ≡ 1 in one's complement arithmetic. */
function foldDouble(sum: number): number {
  const high = Math.floor(sum / 0x1_0000_0000);
  const low = sum - high * 0x1_0000_0000;
  return foldSum(foldSum(low) + (high & 0xffff) + (high >>> 16));
}

function swap16(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** The views must span the same memory from its first byte. */
export function createJavaScriptKernel(bytes: Uint8Array, halves: Uint16Array, words: Int32Array): ChecksumKernel {
  /** `offset` is even. */
  function sumEven(offset: number, byteLength: number): number {
    let at = offset;
    let left = byteLength;
    let sum = 0;
    if ((at & 2) !== 0 && left >= 2) {
      sum = halves[at >> 1] as number;
      at += 2;
      left -= 2;
    }
    let index = at >> 2;
    const unrolledEnd = index + ((left >> 4) << 2);
    while (index < unrolledEnd) {
      sum +=
        ((words[index] as number) >>> 0) +
        ((words[index + 1] as number) >>> 0) +
        ((words[index + 2] as number) >>> 0) +
        ((words[index + 3] as number) >>> 0);
      index += 4;
    }
    at += left & ~15;
    left &= 15;
    while (left >= 2) {
      sum += halves[at >> 1] as number;
      at += 2;
      left -= 2;
    }
    if (left === 1) sum += bytes[at] as number;
    return foldDouble(sum);
  }

  function sum(offset: number, byteLength: number, initial = 0): number {
    if (byteLength <= 0) return foldSum(initial);
    if ((offset & 1) === 0) return foldSum(sumEven(offset, byteLength) + initial);
    // On an odd address: the first byte alone, the rest is even-addressed but byte-swapped (RFC 1071 section 2 (B)).
    return foldSum((bytes[offset] as number) + swap16(sumEven(offset + 1, byteLength - 1)) + initial);
  }

  return {
    copy(to: number, from: number, byteLength: number): void {
      bytes.copyWithin(to, from, from + byteLength);
    },
    sum,
    copyAndSum(to: number, from: number, byteLength: number): number {
      bytes.copyWithin(to, from, from + byteLength);
      return sum(from, byteLength);
    },
  };
}
