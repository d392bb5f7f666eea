/**
 * Floating-point arithmetic on bit patterns as the Arm manual defines it (its functions FPAdd, FPMul … by the same names without FP):
 * every rounding mode, flushing to zero, the default NaN and the exception flags. Exact values are bigints: this is the slow way,
 * for what WebAssembly's own arithmetic, which only rounds to nearest, cannot do.
 */
import { doubleReciprocal, doubleReciprocalRoot, singleReciprocal, singleReciprocalRoot } from "./estimate.ts";
import {
  bitLength,
  controlBit,
  FloatUnit,
  type Format,
  isNan,
  overflowsToInfinity,
  type Rounding,
  statusBit,
  type Unpacked,
} from "./format.ts";

export class SoftFloat extends FloatUnit {
  add(format: Format, a: bigint, b: bigint): bigint {
    return this.#sum(format, this.unpack(format, a), this.unpack(format, b), 0);
  }

  sub(format: Format, a: bigint, b: bigint): bigint {
    return this.#sum(format, this.unpack(format, a), this.unpack(format, b), 1);
  }

  #sum(format: Format, x: Unpacked, y: Unpacked, negate: 0 | 1): bigint {
    const nan = this.nanOf(format, x, y);
    if (nan !== null) return nan;
    const sign = y.sign ^ negate;
    if (x.kind === "infinite") {
      return y.kind === "infinite" && x.sign !== sign ? this.invalid(format) : this.infinity(format, x.sign);
    }
    if (y.kind === "infinite") return this.infinity(format, sign);
    return this.#roundSum(format, x.sign, x.significand, x.exponent, sign, y.significand, y.exponent);
  }

  /** The sum of two exact numbers; of opposite ones, a zero with the sign that the rounding mode says. */
  #roundSum(
    format: Format,
    sign: number,
    significand: bigint,
    exponent: number,
    otherSign: number,
    other: bigint,
    otherExponent: number,
  ): bigint {
    const low = Math.min(exponent, otherExponent);
    const a = significand << BigInt(exponent - low);
    const b = other << BigInt(otherExponent - low);
    const sum = (sign === 1 ? -a : a) + (otherSign === 1 ? -b : b);
    if (sum === 0n) return this.zero(format, sign === otherSign ? sign : this.#zeroSign());
    return this.round(format, sum < 0n ? 1 : 0, sum < 0n ? -sum : sum, low);
  }

  #zeroSign(): 0 | 1 {
    return this.rounding === "down" ? 1 : 0;
  }

  mul(format: Format, a: bigint, b: bigint): bigint {
    return this.#product(format, a, b, false);
  }

  /** Infinity times zero is two. */
  mulExtended(format: Format, a: bigint, b: bigint): bigint {
    return this.#product(format, a, b, true);
  }

  #product(format: Format, a: bigint, b: bigint, isExtended: boolean): bigint {
    const [x, y] = [this.unpack(format, a), this.unpack(format, b)];
    const nan = this.nanOf(format, x, y);
    if (nan !== null) return nan;
    const sign = x.sign ^ y.sign;
    if (isZeroTimesInfinity(x, y)) {
      return isExtended ? this.zero(format, sign) | constant(format, 2) : this.invalid(format);
    }
    if (x.kind === "infinite" || y.kind === "infinite") return this.infinity(format, sign);
    return this.round(format, sign, x.significand * y.significand, x.exponent + y.exponent);
  }

  div(format: Format, a: bigint, b: bigint): bigint {
    const [x, y] = [this.unpack(format, a), this.unpack(format, b)];
    const nan = this.nanOf(format, x, y);
    if (nan !== null) return nan;
    const sign = x.sign ^ y.sign;
    if (x.kind === y.kind && x.kind !== "finite") return this.invalid(format);
    if (x.kind === "infinite") return this.infinity(format, sign);
    if (y.kind === "zero") {
      this.raise(statusBit.divideByZero);
      return this.infinity(format, sign);
    }
    if (x.kind === "zero" || y.kind === "infinite") return this.zero(format, sign);
    const extra = 2 * format.fractionBits + 4;
    const dividend = x.significand << BigInt(extra);
    const quotient = dividend / y.significand;
    const sticky = quotient * y.significand === dividend ? 0n : 1n;
    return this.round(format, sign, (quotient << 1n) | sticky, x.exponent - y.exponent - extra - 1);
  }

  sqrt(format: Format, a: bigint): bigint {
    const x = this.unpack(format, a);
    if (isNan(x)) return this.quieten(format, x);
    if (x.kind === "zero") return this.zero(format, x.sign);
    if (x.sign === 1) return this.invalid(format);
    if (x.kind === "infinite") return this.infinity(format, 0);
    const extra = 2 * format.fractionBits + 4 + (x.exponent & 1);
    const radicand = x.significand << BigInt(extra);
    const root = squareRoot(radicand);
    const sticky = root * root === radicand ? 0n : 1n;
    return this.round(format, 0, (root << 1n) | sticky, (x.exponent - extra) / 2 - 1);
  }

  /** addend + a × b, rounded once. */
  mulAdd(format: Format, addend: bigint, a: bigint, b: bigint): bigint {
    const [z, x, y] = [this.unpack(format, addend), this.unpack(format, a), this.unpack(format, b)];
    const isInvalid = isZeroTimesInfinity(x, y);
    const nan = this.nanOf(format, z, x, y);
    if (nan !== null) return z.kind === "quiet" && isInvalid ? this.invalid(format) : nan;
    const sign = x.sign ^ y.sign;
    const isInfinite = x.kind === "infinite" || y.kind === "infinite";
    if (isInvalid || (isInfinite && z.kind === "infinite" && z.sign !== sign)) return this.invalid(format);
    if (isInfinite) return this.infinity(format, sign);
    if (z.kind === "infinite") return this.infinity(format, z.sign);
    const product = x.significand * y.significand;
    return this.#roundSum(format, z.sign, z.significand, z.exponent, sign, product, x.exponent + y.exponent);
  }

  /** FRECPS: 2 − a × b. */
  reciprocalStep(format: Format, a: bigint, b: bigint): bigint {
    return this.#step(format, a, b, 2n, 0, 2);
  }

  /** FRSQRTS: (3 − a × b) / 2. */
  reciprocalRootStep(format: Format, a: bigint, b: bigint): bigint {
    return this.#step(format, a, b, 3n, -1, 1.5);
  }

  #step(format: Format, a: bigint, b: bigint, from: bigint, scale: number, otherwise: number): bigint {
    const [x, y] = [this.unpack(format, a ^ format.signBit), this.unpack(format, b)];
    const nan = this.nanOf(format, x, y);
    if (nan !== null) return nan;
    const sign = x.sign ^ y.sign;
    if (isZeroTimesInfinity(x, y)) return constant(format, otherwise);
    if (x.kind === "infinite" || y.kind === "infinite") return this.infinity(format, sign);
    const exponent = x.exponent + y.exponent;
    return this.#roundSum(format, 0, from, scale, sign, x.significand * y.significand, exponent + scale);
  }

  /** `direction` 1: the larger, −1: the smaller. */
  extremum(format: Format, a: bigint, b: bigint, direction: 1 | -1): bigint {
    const [x, y] = [this.unpack(format, a), this.unpack(format, b)];
    const nan = this.nanOf(format, x, y);
    if (nan !== null) return nan;
    if (x.kind === "zero" && y.kind === "zero") return direction === 1 ? x.bits & y.bits : x.bits | y.bits;
    return compareNumbers(x, y) * direction > 0 ? x.bits : y.bits;
  }

  /** The same where a quiet NaN loses against a number. */
  extremumNumber(format: Format, a: bigint, b: bigint, direction: 1 | -1): bigint {
    const [isQuietA, isQuietB] = [isQuiet(format, a), isQuiet(format, b)];
    const least = this.infinity(format, direction === 1 ? 1 : 0);
    if (isQuietA && !isQuietB) return this.extremum(format, least, b, direction);
    if (isQuietB && !isQuietA) return this.extremum(format, a, least, direction);
    return this.extremum(format, a, b, direction);
  }

  /** −1, 0, 1, or null if they are unordered; `signals`: a quiet NaN is invalid too. */
  compare(format: Format, a: bigint, b: bigint, signals: boolean): number | null {
    const [x, y] = [this.unpack(format, a), this.unpack(format, b)];
    if (!isNan(x) && !isNan(y)) return compareNumbers(x, y);
    if (signals || x.kind === "signalling" || y.kind === "signalling") this.raise(statusBit.invalid);
    return null;
  }

  /** `isExact`: FRINTX, which tells that the value changed. */
  roundToIntegral(format: Format, a: bigint, rounding: Rounding, isExact: boolean): bigint {
    const x = this.unpack(format, a);
    if (isNan(x)) return this.quieten(format, x);
    if (x.kind !== "finite") return x.bits;
    const { kept, inexact } = this.shiftAndRound(x.sign, x.significand, -x.exponent, rounding);
    if (inexact && isExact) this.raise(statusBit.inexact);
    if (!inexact) return x.bits;
    return this.round(format, x.sign, kept, 0, "zero");
  }

  /** To an integer of `width` bits, as an unsigned bigint; the value is taken times 2^fractionBits. */
  toFixed(
    format: Format,
    a: bigint,
    fractionBits: number,
    width: number,
    isSigned: boolean,
    rounding: Rounding,
  ): bigint {
    const x = this.unpack(format, a);
    if (isNan(x)) {
      this.raise(statusBit.invalid);
      return 0n;
    }
    const bits = BigInt(width);
    const low = isSigned ? -(1n << (bits - 1n)) : 0n;
    const high = (1n << (isSigned ? bits - 1n : bits)) - 1n;
    if (x.kind === "infinite") {
      this.raise(statusBit.invalid);
      return BigInt.asUintN(width, x.sign === 1 ? low : high);
    }
    const { kept, inexact } = this.shiftAndRound(x.sign, x.significand, -x.exponent - fractionBits, rounding);
    const value = x.sign === 1 ? -kept : kept;
    if (value < low || value > high) {
      this.raise(statusBit.invalid);
      return BigInt.asUintN(width, value < low ? low : high);
    }
    if (inexact) this.raise(statusBit.inexact);
    return BigInt.asUintN(width, value);
  }

  /** value / 2^fractionBits */
  fromFixed(format: Format, value: bigint, fractionBits: number): bigint {
    return this.round(format, value < 0n ? 1 : 0, value < 0n ? -value : value, -fractionBits);
  }

  convert(from: Format, to: Format, a: bigint, rounding: Rounding = this.rounding): bigint {
    const x = this.unpack(from, a);
    if (isNan(x)) {
      const shift = BigInt(Math.abs(to.fractionBits - from.fractionBits));
      if (x.kind === "signalling" || this.isAlternative(to)) this.raise(statusBit.invalid);
      if (this.isAlternative(to)) return this.zero(to, x.sign);
      if ((this.control & controlBit.defaultNan) !== 0) return to.defaultNan;
      const payload = to.fractionBits > from.fractionBits ? x.significand << shift : x.significand >> shift;
      return this.infinity(to, x.sign) | payload | to.quietBit;
    }
    if (x.kind === "infinite") {
      if (!this.isAlternative(to)) return this.infinity(to, x.sign);
      this.raise(statusBit.invalid);
      return this.zero(to, x.sign) | (to.signBit - 1n);
    }
    return this.round(to, x.sign, x.significand, x.exponent, rounding);
  }

  /** FRECPE */
  reciprocalEstimate(format: Format, a: bigint): bigint {
    const x = this.unpack(format, a);
    if (isNan(x)) return this.quieten(format, x);
    if (x.kind === "infinite") return this.zero(format, x.sign);
    if (x.kind === "zero") {
      this.raise(statusBit.divideByZero);
      return this.infinity(format, x.sign);
    }
    const top = x.exponent + bitLength(x.significand) - 1;
    if (top < -format.bias - 1) {
      this.raise(statusBit.overflow | statusBit.inexact);
      return overflowsToInfinity(x.sign, this.rounding)
        ? this.infinity(format, x.sign)
        : this.infinity(format, x.sign) - 1n;
    }
    if (top >= format.bias - 1 && this.flushes(format)) {
      this.raise(statusBit.underflow);
      return this.zero(format, x.sign);
    }
    return this.#estimate(format, x.bits, singleReciprocal, doubleReciprocal);
  }

  /** FRSQRTE */
  reciprocalRootEstimate(format: Format, a: bigint): bigint {
    const x = this.unpack(format, a);
    if (isNan(x)) return this.quieten(format, x);
    if (x.kind === "zero") {
      this.raise(statusBit.divideByZero);
      return this.infinity(format, x.sign);
    }
    if (x.sign === 1) return this.invalid(format);
    return this.#estimate(format, x.bits, singleReciprocalRoot, doubleReciprocalRoot);
  }

  #estimate(
    { bits }: Format,
    value: bigint,
    ofSingle: (bits: number) => number,
    ofDouble: (high: number, low: number) => number,
  ): bigint {
    if (bits === 32) return BigInt(ofSingle(Number(BigInt.asIntN(32, value))) >>> 0);
    const high = ofDouble(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
    return BigInt(high >>> 0) << 32n;
  }

  /** FRECPX: the exponent turned over. */
  reciprocalExponent(format: Format, a: bigint): bigint {
    const x = this.unpack(format, a);
    if (isNan(x)) return this.quieten(format, x);
    const exponent = a & format.infinity;
    const result =
      exponent === 0n ? format.infinity - (1n << BigInt(format.fractionBits)) : ~exponent & format.infinity;
    return this.zero(format, x.sign) | result;
  }
}

function isZeroTimesInfinity(x: Unpacked, y: Unpacked): boolean {
  return (x.kind === "zero" && y.kind === "infinite") || (x.kind === "infinite" && y.kind === "zero");
}

function isQuiet(format: Format, bits: bigint): boolean {
  return (bits & format.defaultNan) === format.defaultNan;
}

/** 1.5 or 2. */
function constant(format: Format, value: number): bigint {
  const fraction = value === 2 ? 1n << BigInt(format.fractionBits) : format.quietBit;
  return (BigInt(format.bias) << BigInt(format.fractionBits)) + fraction;
}

function compareNumbers(x: Unpacked, y: Unpacked): -1 | 0 | 1 {
  const [a, b] = [orderOf(x), orderOf(y)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Bit patterns of numbers are in order, but for the sign. */
function orderOf({ bits, sign, kind }: Unpacked): bigint {
  if (kind === "zero") return 0n;
  return sign === 1 ? -BigInt.asUintN(bits >> 32n === 0n ? 31 : 63, bits) : bits;
}

/** The integer part of a square root, by Newton's method from above. */
function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
