/** Operators by name and width, and small sequences that WebAssembly lacks. */
import type { Code } from "../wasm/code.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context } from "./context.ts";

type IntegerOperator =
  | "add"
  | "sub"
  | "mul"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr_s"
  | "shr_u"
  | "rotr"
  | "clz"
  | "div_u"
  | "eqz"
  | "eq";

/** The i64 or i32 operator of this name. */
export function integer(wide: boolean, name: IntegerOperator): number {
  return wide ? op[`i64_${name}`] : op[`i32_${name}`];
}

/** Pushes an i64 or i32 constant. */
export function pushConstant(code: Code, wide: boolean, value: bigint | number): void {
  if (wide) code.i64(value);
  else code.i32(Number(BigInt.asIntN(32, BigInt(value))));
}

/** A mask of this many low bits, up to 64. */
export function lowMask(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** Swaps neighbouring groups of `bits` bits of the i64 on the stack. */
export function swapGroups(context: Context, bits: number): void {
  const { code } = context;
  let mask = 0n;
  for (let position = 0; position < 64; position += 2 * bits) mask |= lowMask(bits) << BigInt(position);
  const value = context.keep("i64");
  code.get(value).i64(mask).op(op.i64_and).i64(bits).op(op.i64_shl);
  code.get(value).i64(bits).op(op.i64_shr_u).i64(mask).op(op.i64_and).op(op.i64_or);
}

/** Pushes the upper half of the product of two i64 locals as unsigned numbers. */
export function pushMultiplyHigh(context: Context, a: number, b: number): void {
  const { code } = context;
  const low = 0xffffffffn;
  const half = (local: number, upper: boolean): Code =>
    upper ? code.get(local).i64(32).op(op.i64_shr_u) : code.get(local).i64(low).op(op.i64_and);
  const middle = context.temporary("i64");
  half(a, true);
  half(b, false).op(op.i64_mul);
  half(a, false);
  half(b, false).op(op.i64_mul).i64(32).op(op.i64_shr_u).op(op.i64_add).set(middle);
  half(a, true);
  half(b, true).op(op.i64_mul);
  half(middle, true).op(op.i64_add);
  half(a, false);
  half(b, true).op(op.i64_mul);
  half(middle, false).op(op.i64_add).i64(32).op(op.i64_shr_u).op(op.i64_add);
}
