/**
 * The reciprocal estimates of eight bits that FRECPE, FRSQRTE and their kin give: RecipEstimate and RecipSqrtEstimate of the Arm
 * manual, and what is made of them in each format.
 */

/** 256 to 511 stand for 0.5 to 1; the result for 1 to 2. */
function reciprocal(scaled: number): number {
  return (Math.floor(2 ** 19 / (2 * scaled + 1)) + 1) >> 1;
}

/** 128 to 511 stand for 0.25 to 1; the result for 1 to 2. */
function reciprocalRoot(scaled: number): number {
  const middle = scaled < 256 ? 2 * scaled + 1 : 2 * ((scaled & ~1) + 1);
  // The manual counts up from 512; the square root is a few steps away at most.
  let estimate = Math.max(512, Math.floor(Math.sqrt(2 ** 28 / middle)) - 2);
  while (middle * (estimate + 1) ** 2 < 2 ** 28) estimate++;
  return (estimate + 1) >> 1;
}

const reciprocals = Int32Array.from({ length: 512 }, (_, index) => (index < 256 ? 0 : reciprocal(index)));
const roots = Int32Array.from({ length: 512 }, (_, index) => (index < 128 ? 0 : reciprocalRoot(index)));

const SINGLE_NAN = 0x7fc00000;
const DOUBLE_NAN = 0x7ff80000;

/** URECPE: of a fixed-point number from 0.5 up. */
function fixedReciprocal(operand: number): number {
  return operand >= 0 ? -1 : (reciprocals[operand >>> 23] as number) << 23;
}

/** URSQRTE: of a fixed-point number from 0.25 up. */
function fixedReciprocalRoot(operand: number): number {
  return operand >>> 30 === 0 ? -1 : (roots[operand >>> 23] as number) << 23;
}

/**
 * Exponent and the first 23 bits of the fraction of a finite number that is not zero, as if its format had no smallest exponent:
 * enough for an estimate. `fraction` is left-aligned in 32 bits with `rest` following it.
 */
function normalize(exponent: number, fraction: number, rest: number): { exponent: number; top: number } {
  if (exponent !== 0) return { exponent, top: fraction >>> 24 };
  // The bit that becomes the leading one goes out at the top.
  const shift = 1 + (fraction !== 0 ? Math.clz32(fraction) : 32 + Math.clz32(rest));
  const top = shift >= 32 ? rest << (shift - 32) : (fraction << shift) | (rest >>> (32 - shift));
  return { exponent: 1 - shift, top: shift === 64 ? 0 : top >>> 24 };
}

/** The estimate as exponent and fraction, of which `bits` bits follow the exponent; results below the smallest exponent shift right. */
function packReciprocal(sign: number, exponent: number, estimate: number, bits: number): number {
  const fraction = (estimate & 255) << (bits - 8);
  const implicit = 1 << bits;
  if (exponent > 0) return sign | (exponent << bits) | fraction;
  return sign | ((implicit | fraction) >>> (1 - exponent));
}

/** FRECPE of a single (of a NaN some NaN), rounding to nearest. */
export function singleReciprocal(bits: number): number {
  const sign = bits & 0x80000000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude === 0x7f800000) return sign;
  // Below 2^-128 the result would be too large.
  if (magnitude < 0x00200000) return sign | 0x7f800000;
  if (magnitude > 0x7f800000) return SINGLE_NAN;
  const { exponent, top } = normalize(magnitude >>> 23, magnitude << 9, 0);
  return packReciprocal(sign, 253 - exponent, reciprocals[256 | top] as number, 23);
}

/** The upper word of FRECPE of a double, rounding to nearest; the lower word is zero. */
export function doubleReciprocal(high: number, low: number): number {
  const sign = high & 0x80000000;
  const magnitude = high & 0x7fffffff;
  if (magnitude === 0x7ff00000 && low === 0) return sign;
  if (magnitude >= 0x7ff00000) return DOUBLE_NAN;
  if (magnitude < 0x00040000) return sign | 0x7ff00000;
  const { exponent, top } = normalize(magnitude >>> 20, (magnitude << 12) | (low >>> 20), low << 12);
  return packReciprocal(sign, 2045 - exponent, reciprocals[256 | top] as number, 20);
}

/** FRSQRTE of a single. */
export function singleReciprocalRoot(bits: number): number {
  if ((bits & 0x7fffffff) === 0) return (bits & 0x80000000) | 0x7f800000;
  if (bits < 0 || bits > 0x7f800000) return SINGLE_NAN;
  if (bits === 0x7f800000) return 0;
  const { exponent, top } = normalize(bits >>> 23, bits << 9, 0);
  const scaled = (exponent & 1) === 0 ? 256 | top : 128 | (top >>> 1);
  return (((380 - exponent) >> 1) << 23) | (((roots[scaled] as number) & 255) << 15);
}

/** The upper word of FRSQRTE of a double; the lower word is zero. */
export function doubleReciprocalRoot(high: number, low: number): number {
  if ((high & 0x7fffffff) === 0 && low === 0) return (high & 0x80000000) | 0x7ff00000;
  if (high === 0x7ff00000 && low === 0) return 0;
  if (high < 0 || high >= 0x7ff00000) return DOUBLE_NAN;
  const { exponent, top } = normalize(high >>> 20, (high << 12) | (low >>> 20), low << 12);
  const scaled = (exponent & 1) === 0 ? 256 | top : 128 | (top >>> 1);
  return (((3068 - exponent) >> 1) << 20) | (((roots[scaled] as number) & 255) << 12);
}

/** Which estimate translated code asks for. */
export const estimateKind = { single: 0, double: 1, singleRoot: 2, doubleRoot: 3, fixed: 4, fixedRoot: 5 } as const;

/** An estimate by its kind: one word, for a double the upper one. */
export function estimate(kind: number, high: number, low: number): number {
  switch (kind) {
    case estimateKind.single:
      return singleReciprocal(high);
    case estimateKind.double:
      return doubleReciprocal(high, low);
    case estimateKind.singleRoot:
      return singleReciprocalRoot(high);
    case estimateKind.doubleRoot:
      return doubleReciprocalRoot(high, low);
    case estimateKind.fixed:
      return fixedReciprocal(high);
    default:
      return fixedReciprocalRoot(high);
  }
}
