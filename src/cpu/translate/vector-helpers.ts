/** What the translations of vector and floating-point instructions share: lane types, writing results, NaN rules. */
import type { Code } from "../wasm/code.ts";
import { type OpcodeName, op, type ValueType } from "../wasm/opcodes.ts";
import type { Context } from "./context.ts";

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
): void {
  const { code } = context;
  const type = laneType[size] as ValueType;
  const lanes = operands.map(() => context.temporary(type));
  const result = context.temporary("v128");
  code.v128(0n, 0n).set(result);
  for (let index = 0; index < (q === 1 ? 16 : 8) >> size; index++) {
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
