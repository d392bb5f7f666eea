/** Randomness is an argument. The host passes its entropy; a seeded run passes a generator that repeats. */

export interface RandomSource {
  /** 32 random bits as an unsigned number. */
  nextUint32(): number;
  fill(bytes: Uint8Array, offset: number, length: number): void;
}

/** xoshiro128** seeded through splitmix32: fast and repeatable, not for secrets. */
export class SeededRandom implements RandomSource {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(seed: number) {
    let state = seed | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return (z ^ (z >>> 15)) | 0;
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1;
  }

  nextUint32(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  fill(bytes: Uint8Array, offset: number, length: number): void {
    for (let at = offset; at < offset + length; at += 4) {
      const word = this.nextUint32();
      for (let k = 0; k < 4 && at + k < offset + length; k++) bytes[at + k] = word >>> (8 * k);
    }
  }
}

/** A number in [0, 1) with 32 bits of resolution. */
export function nextFraction(random: RandomSource): number {
  return random.nextUint32() / 0x1_0000_0000;
}

/** An integer in [0, limit). */
export function nextBelow(random: RandomSource, limit: number): number {
  return Math.floor((random.nextUint32() / 0x1_0000_0000) * limit);
}
