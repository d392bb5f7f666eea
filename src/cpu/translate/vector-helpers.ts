/** What the translations of vector and floating-point instructions share: lane types, elements, writing results, NaN rules. */
import type { Fields } from "../decode/fields.ts";
import { stateOffset } from "../state.ts";
import type { Code } from "../wasm/code.ts";
import { type OpcodeName, op, type ValueType } from "../wasm/opcodes.ts";
import { type Context, STATE, type Translation } from "./context.ts";

const shapes = ["i8x16", "i16x8", "i32x4", "i64x2"] as const;

/** The opcode of a vector operation on lanes of 8 << size bits. Throws where WebAssembly has none: ask `hasLaneOp` first. */
export function laneOp(size: number, name: string): number {
  const opcode = op[`${shapes[size]}_${name}` as OpcodeName];
  if (opcode === undefined) throw new Error(`no ${shapes[size]}_${name}`);
  return opcode;
}

export function hasLaneOp(size: number, name: string): boolean {
  return op[`${shapes[size]}_${name}` as OpcodeName] !== undefined;
}

/** The opcode of a vector operation on f32 or f64 lanes. */
export function floatOp(double: boolean, name: string): number {
  return op[`${double ? "f64x2" : "f32x4"}_${name}` as OpcodeName];
}

/** The scalar opcode. */
export function scalarOp(double: boolean, name: string): number {
  return op[`${double ? "f64" : "f32"}_${name}` as OpcodeName];
}

/** Pops a vector into Vd; with q = 0 its upper half becomes zero. */
export function setVector(context: Context, register: number, q: number): void {
  if (q === 0) context.code.v128(0xffffffffffffffffn, 0n).op(op.v128_and);
  context.setV(register);
}

/** Pops a vector into Vd; only the lowest lane of 8 << size bits stays. */
export function setLowLane(context: Context, register: number, size: number): void {
  context.code.v128((1n << BigInt(8 << size)) - 1n, 0n).op(op.v128_and);
  context.setV(register);
}

/** Pops an f32 or f64 into Sd or Dd. */
export function setFloat(context: Context, register: number, double: boolean): void {
  const value = context.keep(double ? "f64" : "f32");
  context.code
    .v128(0n, 0n)
    .get(value)
    .opWith(double ? op.f64x2_replace_lane : op.f32x4_replace_lane, 0);
  context.setV(register);
}

/** Pushes Sn or Dn as f32 or f64. */
export function pushFloat(context: Context, register: number, double: boolean): void {
  context.v(register);
  context.code.opWith(double ? op.f64x2_extract_lane : op.f32x4_extract_lane, 0);
}

/** Pushes a vector constant of equal lanes of 8 << size bits. */
export function pushSplat(code: Code, size: number, value: bigint): void {
  let half = 0n;
  const bits = 8n << BigInt(size);
  for (let at = 0n; at < 64n; at += bits) half |= BigInt.asUintN(Number(bits), value) << at;
  code.v128(half, half);
}

/** Byte numbers of a shuffle from element numbers; elements of the second vector follow those of the first. */
export function shuffleElements(code: Code, size: number, elements: readonly number[]): void {
  const lanes: number[] = [];
  for (const element of elements) for (let byte = 0; byte < 1 << size; byte++) lanes.push((element << size) + byte);
  while (lanes.length < 16) lanes.push(0);
  code.shuffle(lanes);
}

/** Numbers from 0 up. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const laneType: readonly ValueType[] = ["i32", "i32", "i32", "i64"];

/** Pushes lane `index` of the vector on the stack as i32 (i64 for 64 bits), extended as asked. */
export function extractLane(code: Code, size: number, index: number, isSigned: boolean): void {
  code.opWith(laneOp(size, size < 2 ? `extract_lane_${isSigned ? "s" : "u"}` : "extract_lane"), index);
}

/** Computes a vector one lane after another: `compute` gets operand lanes in locals and pushes the result lane. */
export function perLane(
  context: Context,
  size: number,
  q: number,
  isSigned: boolean,
  operands: readonly number[],
  compute: (lanes: readonly number[]) => void,
  count: number = (q === 1 ? 16 : 8) >> size,
): void {
  const { code } = context;
  const type = laneType[size] as ValueType;
  const lanes = operands.map(() => context.temporary(type));
  const result = context.temporary("v128");
  code.v128(0n, 0n).set(result);
  for (let index = 0; index < count; index++) {
    for (const [place, operand] of operands.entries()) {
      code.get(operand);
      extractLane(code, size, index, isSigned);
      code.set(lanes[place] as number);
    }
    code.get(result);
    compute(lanes);
    code.opWith(laneOp(size, "replace_lane"), index).set(result);
  }
  code.get(result);
}

/**
 * Pushes a float result from the one on the stack (f32 or f64), which came from Vn and Vm: if it is not a number, the one that
 * Arm defines (FPProcessNaNs in the manual).
 */
export function fixScalarNan(context: Context, double: boolean, first: number, second: number): void {
  const { code } = context;
  const type = double ? "f64" : "f32";
  const result = context.temporary(type);
  code.tee(result).get(result).op(scalarOp(double, "ne")).if();
  context.v(first);
  context.v(second);
  context.call(double ? "nan64" : "nan32");
  code
    .opWith(double ? op.f64x2_extract_lane : op.f32x4_extract_lane, 0)
    .set(result)
    .end();
  code.get(result);
}

/** The same for vectors in locals; the result is on the stack. */
export function fixVectorNan(context: Context, double: boolean, first: number, second: number): void {
  const { code } = context;
  const result = context.temporary("v128");
  code.tee(result).get(result).op(floatOp(double, "ne")).op(op.v128_any_true).if();
  code.get(first).get(second);
  context.call(double ? "nan64" : "nan32");
  code.get(result).get(result).get(result).op(floatOp(double, "ne")).op(op.v128_bitselect).set(result).end();
  code.get(result);
}

/** Keeps Vn in a temporary. */
export function keepVector(context: Context, register: number): number {
  context.v(register);
  return context.keep("v128");
}

/** The vector and the scalar form of an instruction. */
export function bothForms(
  name: string,
  make: (scalar: boolean) => Translation<Fields>,
): Record<string, Translation<Fields>> {
  return { [`${name}_v`]: make(false), [`${name}_s`]: make(true) };
}

/** Pops a vector into Vd: one lane in a scalar form, half or all of it in a vector form. */
export function setForm(context: Context, f: Fields, size: number, scalar: boolean): void {
  if (scalar) setLowLane(context, f.Rd, size);
  else setVector(context, f.Rd, f.Q);
}

/** Pops a mask of lanes that saturated; FPSR.QC if there are any in the lowest `bits` bits. */
export function noteSaturation(context: Context, bits: number): void {
  const { code } = context;
  const saturation = 0x8000000;
  if (bits < 128) code.v128((1n << BigInt(bits)) - 1n, 0n).op(op.v128_and);
  code.op(op.v128_any_true).if();
  code.i32(0).i32(0).memory(op.i32_load, STATE, 2, stateOffset.fpsr).i32(saturation).op(op.i32_or);
  code.memory(op.i32_store, STATE, 2, stateOffset.fpsr).end();
}

/** How many bits of a vector the form works on. */
export function formBits(f: Fields, size: number, scalar: boolean): number {
  if (scalar) return 8 << size;
  return f.Q === 1 ? 128 : 64;
}

/** Pushes a comparison of unsigned lanes. WebAssembly has none of 64 bits: flip the sign bits. */
export function pushUnsignedComparison(context: Context, name: "gt" | "ge", size: number, n: number, m: number): void {
  const { code } = context;
  if (size < 3) {
    code
      .get(n)
      .get(m)
      .op(laneOp(size, `${name}_u`));
    return;
  }
  for (const local of [n, m]) {
    code.get(local);
    pushSplat(code, 3, 1n << 63n);
    code.op(op.v128_xor);
  }
  code.op(laneOp(3, `${name}_s`));
}

/** Pushes |n − m| of lanes of up to 32 bits. */
export function pushAbsoluteDifference(context: Context, isSigned: boolean, size: number, n: number, m: number): void {
  const sign = isSigned ? "s" : "u";
  context.code
    .get(n)
    .get(m)
    .op(laneOp(size, `max_${sign}`))
    .get(n)
    .get(m)
    .op(laneOp(size, `min_${sign}`))
    .op(laneOp(size, "sub"));
}

/** Pushes the even or odd elements of n and then m. */
export function pushEvery(context: Context, size: number, q: number, n: number, m: number, odd: 0 | 1): void {
  const count = (q === 1 ? 16 : 8) >> size;
  const elements = upTo(count).map((index) => 2 * index + odd);
  context.code.get(n).get(m);
  shuffleElements(
    context.code,
    size,
    elements.map((element) => (element < count ? element : element - count + (16 >> size))),
  );
}

const shapeNames = ["i8x16", "i16x8", "i32x4"] as const;

/** Pops a vector, pushes its lower or upper half with lanes twice as wide. */
export function widen(context: Context, size: number, upper: number, isSigned: boolean): void {
  const name = `extend_${upper === 1 ? "high" : "low"}_${shapeNames[size]}_${isSigned ? "s" : "u"}`;
  context.code.op(laneOp(size + 1, name));
}

/** Pushes products in lanes twice as wide. */
export function pushMultiplyLong(
  context: Context,
  size: number,
  upper: number,
  isSigned: boolean,
  n: number,
  m: number,
): void {
  const name = `extmul_${upper === 1 ? "high" : "low"}_${shapeNames[size]}_${isSigned ? "s" : "u"}`;
  context.code
    .get(n)
    .get(m)
    .op(laneOp(size + 1, name));
}

/** The element that a by-element form names, in all lanes. */
export function keepElement(context: Context, f: Fields): number {
  const half = f.size === 1;
  const register = half ? f.Rm4 : (f.M << 4) | f.Rm4;
  const index = half ? (f.H << 2) | (f.L << 1) | f.M : f.size === 2 ? (f.H << 1) | f.L : f.H;
  const value = keepVector(context, register);
  context.code.get(value).get(value);
  shuffleElements(
    context.code,
    f.size,
    upTo(16 >> f.size).map(() => index),
  );
  return context.keep("v128");
}

/** Pops a vector of wide lanes and puts their lower (or upper) halves into the lower or, with Q, upper half of Vd. */
export function setNarrowed(context: Context, f: Fields, size: number, upperHalves: 0 | 1): void {
  const { code } = context;
  const wide = context.keep("v128");
  const elements = upTo(8 >> size).map((index) => 2 * index + upperHalves);
  if (f.Q === 0) {
    code.get(wide).v128(0n, 0n);
    shuffleElements(code, size, [...elements, ...upTo(8 >> size).map((index) => (16 >> size) + index)]);
  } else {
    context.v(f.Rd);
    code.get(wide);
    shuffleElements(code, size, [...upTo(8 >> size), ...elements.map((element) => (16 >> size) + element)]);
  }
  context.setV(f.Rd);
}

/** Size and amount of a shift by an immediate. */
export function shiftOf(f: Fields): { size: number; bits: number; right: number; left: number } {
  const size = 31 - Math.clz32(f.immh);
  const bits = 8 << size;
  const amount = (f.immh << 3) | f.immb;
  return { size, bits, right: 2 * bits - amount, left: amount - bits };
}

/** Pushes the vector in a local shifted right; by the full width too. */
export function pushShiftedRight(
  context: Context,
  size: number,
  amount: number,
  isSigned: boolean,
  value: number,
): void {
  const { code } = context;
  const bits = 8 << size;
  if (amount >= bits && !isSigned) {
    code.v128(0n, 0n);
    return;
  }
  code
    .get(value)
    .i32(Math.min(amount, bits - 1))
    .op(laneOp(size, isSigned ? "shr_s" : "shr_u"));
}

/** Pushes products without carries of polynomials of degree below 8, in lanes of bytes or halves. */
export function pushPolynomialProduct(context: Context, size: number, n: number, m: number): void {
  const { code } = context;
  const last = (8 << size) - 1;
  for (let bit = 0; bit < 8; bit++) {
    code.get(n).i32(bit).op(laneOp(size, "shl"));
    // All bits of the lane as this bit of the other factor.
    code
      .get(m)
      .i32(last - bit)
      .op(laneOp(size, "shl"))
      .i32(last)
      .op(laneOp(size, "shr_s"))
      .op(op.v128_and);
    if (bit > 0) code.op(op.v128_xor);
  }
}
