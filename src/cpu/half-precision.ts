/** Conversions from and to half precision, on bit patterns: what FCVT needs where WebAssembly has no f16. */

/** The single with the value of a half. A NaN becomes quiet and keeps its payload. */
export function halfToSingle(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13) | (fraction === 0 ? 0 : 0x400000);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half is a normal single.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/** The half nearest to a double, given as its upper and lower word; ties to even. */
export function doubleToHalf(high: number, low: number): number {
  const sign = (high >>> 16) & 0x8000;
  const exponent = (high >>> 20) & 0x7ff;
  const fraction = high & 0xfffff;
  if (exponent === 0x7ff) {
    return (fraction | low) === 0 ? sign | 0x7c00 : sign | 0x7e00 | (fraction >>> 10);
  }
  const target = exponent - 1008;
  if (target >= 31) return sign | 0x7c00;
  const shift = target > 0 ? 10 : 11 - target;
  if (shift > 22) return sign;
  const significand = 0x100000 | fraction;
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  const up = rest > tie || (rest === tie && (low !== 0 || (kept & 1) === 1)) ? 1 : 0;
  return sign | ((target > 0 ? (target - 1) << 10 : 0) + kept + up);
}
