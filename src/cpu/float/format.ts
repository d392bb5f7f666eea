/**
 * Floating-point numbers as bit patterns: their formats, taking them apart, and rounding an exact value into one (FPUnpack and
 * FPRound of the Arm manual), under the control and into the status register of a unit.
 */

export interface Format {
  readonly bits: 16 | 32 | 64;
  readonly fractionBits: number;
  readonly bias: number;
  readonly signBit: bigint;
  readonly quietBit: bigint;
  readonly fractionMask: bigint;
  /** Also the mask of the exponent. */
  readonly infinity: bigint;
  readonly defaultNan: bigint;
}

function format(bits: Format["bits"], fractionBits: number): Format {
  const fraction = BigInt(fractionBits);
  const infinity = (1n << BigInt(bits - 1)) - (1n << fraction);
  const quietBit = 1n << (fraction - 1n);
  return {
    bits,
    fractionBits,
    bias: 2 ** (bits - fractionBits - 2) - 1,
    signBit: 1n << BigInt(bits - 1),
    quietBit,
    fractionMask: (1n << fraction) - 1n,
    infinity,
    defaultNan: infinity | quietBit,
  };
}

export const half: Format = format(16, 10);
export const single: Format = format(32, 23);
export const double: Format = format(64, 52);

/** Bits of FPSR. */
export const statusBit = {
  invalid: 1,
  divideByZero: 2,
  overflow: 4,
  underflow: 8,
  inexact: 16,
  inputDenormal: 128,
  saturation: 0x8000000,
} as const;

/** Bits of FPCR. */
export const controlBit = { flushToZero: 0x1000000, defaultNan: 0x2000000, alternativeHalf: 0x4000000 } as const;
const ROUNDING_SHIFT = 22;

/** The manual's FPRounding. FPCR.RMode numbers the first four. */
export type Rounding = "nearest" | "up" | "down" | "zero" | "away" | "odd";
const controlRounding: readonly Rounding[] = ["nearest", "up", "down", "zero"];

/** ±significand × 2^exponent, if finite; the bits are those of the number, after flushing to zero. */
export interface Unpacked {
  readonly kind: "zero" | "finite" | "infinite" | "quiet" | "signalling";
  readonly sign: 0 | 1;
  readonly exponent: number;
  readonly significand: bigint;
  readonly bits: bigint;
}

export function bitLength(value: bigint): number {
  const digits = value.toString(16);
  return 4 * (digits.length - 1) + (32 - Math.clz32(Number.parseInt(digits[0] as string, 16)));
}

export function isNan({ kind }: Unpacked): boolean {
  return kind === "quiet" || kind === "signalling";
}

/** FPCR and FPSR of the thread that executes, and what every operation needs of them. */
export class FloatUnit {
  control = 0;
  status = 0;

  get rounding(): Rounding {
    return controlRounding[(this.control >>> ROUNDING_SHIFT) & 3] as Rounding;
  }

  raise(bit: number): void {
    this.status |= bit;
  }

  /** FZ of FPCR; half precision has a bit of its own that this CPU lacks. */
  flushes({ bits }: Format): boolean {
    return bits !== 16 && (this.control & controlBit.flushToZero) !== 0;
  }

  isAlternative({ bits }: Format): boolean {
    return bits === 16 && (this.control & controlBit.alternativeHalf) !== 0;
  }

  zero(format: Format, sign: number): bigint {
    return sign === 1 ? format.signBit : 0n;
  }
  infinity(format: Format, sign: number): bigint {
    return format.infinity | this.zero(format, sign);
  }

  unpack(format: Format, bits: bigint): Unpacked {
    const sign = (bits & format.signBit) === 0n ? 0 : 1;
    const biased = Number((bits & format.infinity) >> BigInt(format.fractionBits));
    const fraction = bits & format.fractionMask;
    const exponent = Math.max(biased, 1) - format.bias - format.fractionBits;
    const rest = { sign, exponent, significand: fraction, bits } as const;
    if (biased === 0) {
      if (fraction === 0n) return { ...rest, kind: "zero" };
      if (!this.flushes(format)) return { ...rest, kind: "finite" };
      this.raise(statusBit.inputDenormal);
      return { ...rest, kind: "zero", significand: 0n, bits: this.zero(format, sign) };
    }
    if ((bits & format.infinity) === format.infinity && !this.isAlternative(format)) {
      if (fraction === 0n) return { ...rest, kind: "infinite" };
      return { ...rest, kind: (fraction & format.quietBit) === 0n ? "signalling" : "quiet" };
    }
    return { ...rest, kind: "finite", significand: fraction | (format.fractionMask + 1n) };
  }

  /** What an invalid operation gives. */
  invalid(format: Format): bigint {
    this.raise(statusBit.invalid);
    return format.defaultNan;
  }

  /** FPProcessNaN */
  quieten(format: Format, nan: Unpacked): bigint {
    if (nan.kind === "signalling") this.raise(statusBit.invalid);
    if ((this.control & controlBit.defaultNan) !== 0) return format.defaultNan;
    return nan.bits | format.quietBit;
  }

  /** FPProcessNaNs: the first signalling NaN, else the first quiet one; null if there is none. */
  nanOf(format: Format, ...operands: readonly Unpacked[]): bigint | null {
    const nan = operands.find(({ kind }) => kind === "signalling") ?? operands.find(({ kind }) => kind === "quiet");
    return nan === undefined ? null : this.quieten(format, nan);
  }

  /** ±significand × 2^exponent, rounded. A significand that is cut short has its last bit set instead (sticky). */
  round(
    format: Format,
    sign: number,
    significand: bigint,
    exponent: number,
    rounding: Rounding = this.rounding,
  ): bigint {
    const signBits = this.zero(format, sign);
    if (significand === 0n) return signBits;
    const top = exponent + bitLength(significand) - 1;
    const smallest = 1 - format.bias;
    if (top < smallest && this.flushes(format)) {
      this.raise(statusBit.underflow);
      return signBits;
    }
    const scale = Math.max(top, smallest) - format.fractionBits;
    const { kept, inexact } = this.shiftAndRound(sign, significand, scale - exponent, rounding);
    if (top < smallest && inexact) this.raise(statusBit.underflow);
    // The leading bit adds one to the exponent; so does a carry out of rounding.
    const result = (top < smallest ? 0n : BigInt(top - smallest) << BigInt(format.fractionBits)) + kept;
    if (this.isAlternative(format)) {
      if (result >= format.signBit) {
        this.raise(statusBit.invalid);
        return signBits | (format.signBit - 1n);
      }
    } else if (result >= format.infinity) {
      this.raise(statusBit.overflow | statusBit.inexact);
      return signBits | (overflowsToInfinity(sign, rounding) ? format.infinity : format.infinity - 1n);
    }
    if (inexact) this.raise(statusBit.inexact);
    return signBits | result;
  }

  /** significand / 2^shift as an integer. */
  shiftAndRound(
    sign: number,
    significand: bigint,
    shift: number,
    rounding: Rounding,
  ): { kept: bigint; inexact: boolean } {
    if (shift <= 0) return { kept: significand << BigInt(-shift), inexact: false };
    const kept = significand >> BigInt(shift);
    const rest = significand - (kept << BigInt(shift));
    if (rest === 0n) return { kept, inexact: false };
    const tie = 1n << BigInt(shift - 1);
    const isOdd = (kept & 1n) === 1n;
    const roundsUp = {
      nearest: rest > tie || (rest === tie && isOdd),
      up: sign === 0,
      down: sign === 1,
      zero: false,
      away: rest >= tie,
      odd: !isOdd,
    }[rounding];
    return { kept: roundsUp ? kept + 1n : kept, inexact: true };
  }
}

export function overflowsToInfinity(sign: number, rounding: Rounding): boolean {
  switch (rounding) {
    case "up":
      return sign === 0;
    case "down":
      return sign === 1;
    case "zero":
    case "odd":
      return false;
    default:
      return true;
  }
}
