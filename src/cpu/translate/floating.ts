/**
 * Scalar floating point for an FPCR of zero: rounding to nearest, NaN results as on hardware, the exception flags of FPSR not kept.
 * For all else see float-control.ts.
 */
import type { Fields } from "../decode/fields.ts";
import { type OpcodeName, op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import { conditionalFlags, pendingFlags } from "./flags.ts";
import { fixScalarNan, fixVectorNan, floatOp, keepVector, pushFloat, scalarOp, setFloat } from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

/** ftype 0: single, 1: double; the others are half precision and reserved. */
function isSupported(f: Fields): boolean {
  return f.ftype < 2;
}

function binary(name: "add" | "sub" | "mul" | "div" | "min" | "max", negate = false): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f)) return false;
    const double = f.ftype === 1;
    pushFloat(context, f.Rn, double);
    pushFloat(context, f.Rm, double);
    context.code.op(scalarOp(double, name));
    fixScalarNan(context, double, f.Rn, f.Rm);
    if (negate) context.code.op(scalarOp(double, "neg"));
    setFloat(context, f.Rd, double);
    return true;
  };
}

/** FMAXNM and FMINNM: a quiet NaN loses against a number. */
export function pushNumberExtremum(
  context: Context,
  double: boolean,
  name: "pmax" | "min" | "max",
  first: number,
  second: number,
): void {
  const { code } = context;
  const quiet = double ? 0x0008000000000000n : 0x0040000000400000n;
  const not = floatOp(double, "ne");
  // Replaces a quiet NaN in `one` by `other`; if that is a NaN too the rules for NaNs apply to both.
  const replaced = (one: number, other: number): number => {
    code.get(other).get(one);
    code.get(one).get(one).op(not).get(one).v128(quiet, quiet).op(op.v128_and).v128(quiet, quiet);
    code.op(double ? op.i64x2_eq : op.i32x4_eq).op(op.v128_and);
    code.get(other).get(other).op(floatOp(double, "eq")).op(op.v128_and);
    code.op(op.v128_bitselect);
    return context.keep("v128");
  };
  const a = replaced(first, second);
  const b = replaced(second, first);
  code.get(a).get(b).op(floatOp(double, name));
  fixVectorNan(context, double, a, b);
}

function numberExtremum(name: "min" | "max"): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f)) return false;
    const double = f.ftype === 1;
    pushNumberExtremum(context, double, name, keepVector(context, f.Rn), keepVector(context, f.Rm));
    context.code.opWith(double ? op.f64x2_extract_lane : op.f32x4_extract_lane, 0);
    setFloat(context, f.Rd, double);
    return true;
  };
}

function unary(name: "abs" | "neg" | "copy"): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f)) return false;
    pushFloat(context, f.Rn, f.ftype === 1);
    if (name !== "copy") context.code.op(scalarOp(f.ftype === 1, name));
    setFloat(context, f.Rd, f.ftype === 1);
    return true;
  };
}

/** Rounds the value on the stack to an integral one. */
export function roundScalar(
  context: Context,
  double: boolean,
  mode: "nearest" | "ceil" | "floor" | "trunc" | "away",
): void {
  const { code } = context;
  if (mode !== "away") {
    code.op(scalarOp(double, mode));
    return;
  }
  const type = double ? "f64" : "f32";
  const constant = (value: number): void => {
    if (double) code.f64(value);
    else code.f32(value);
  };
  const value = context.keep(type);
  const truncated = context.temporary(type);
  code.get(value).op(scalarOp(double, "trunc")).tee(truncated);
  constant(1);
  constant(0);
  code.get(value).get(truncated).op(scalarOp(double, "sub")).op(scalarOp(double, "abs"));
  constant(0.5);
  code.op(scalarOp(double, "ge")).op(op.select);
  code.get(value).op(scalarOp(double, "copysign")).op(scalarOp(double, "add"));
  code.get(value).op(scalarOp(double, "copysign"));
}

function round(mode: Parameters<typeof roundScalar>[2]): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f)) return false;
    const double = f.ftype === 1;
    pushFloat(context, f.Rn, double);
    roundScalar(context, double, mode);
    fixScalarNan(context, double, f.Rn, f.Rn);
    setFloat(context, f.Rd, double);
    return true;
  };
}

function compare(withZero: boolean, conditional = false): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f)) return false;
    const { code, flagLocals: locals } = context;
    const double = f.ftype === 1;
    if (conditional) {
      context.condition(f.cond);
      code.set(locals.chosen);
    }
    pushFloat(context, f.Rn, double);
    if (!double) code.op(op.f64_promote_f32);
    code.set(locals.floatA);
    if (withZero) {
      code.f64(0);
    } else {
      pushFloat(context, f.Rm, double);
      if (!double) code.op(op.f64_promote_f32);
    }
    code.set(locals.floatB);
    const compared = pendingFlags("compare", false);
    context.setPending(conditional ? conditionalFlags(compared, f.nzcv) : compared);
    return true;
  };
}

/** To a general register: round, then convert with saturation; NaN gives 0. */
function toInteger(mode: Parameters<typeof roundScalar>[2], isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f)) return false;
    const double = f.ftype === 1;
    pushFloat(context, f.Rn, double);
    if (mode !== "trunc") roundScalar(context, double, mode);
    pushTruncated(context, f.sf === 1, double, isSigned);
    context.setR(f.Rd, f.sf === 1);
    return true;
  };
}

export function pushTruncated(context: Context, wide: boolean, double: boolean, isSigned: boolean): void {
  context.code.op(
    op[`${wide ? "i64" : "i32"}_trunc_sat_${double ? "f64" : "f32"}_${isSigned ? "s" : "u"}` as OpcodeName],
  );
}

export function pushConverted(context: Context, wide: boolean, double: boolean, isSigned: boolean): void {
  context.code.op(
    op[`${double ? "f64" : "f32"}_convert_${wide ? "i64" : "i32"}_${isSigned ? "s" : "u"}` as OpcodeName],
  );
}

function fromInteger(isSigned: boolean, isFixed: boolean): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f) || (isFixed && f.sf === 0 && f.scale < 32)) return false;
    const double = f.ftype === 1;
    context.r(f.Rn, f.sf === 1);
    pushConverted(context, f.sf === 1, double, isSigned);
    if (isFixed) {
      // Exact: a power of two that stays far from the smallest numbers.
      const factor = 2 ** (f.scale - 64);
      if (double) context.code.f64(factor).op(op.f64_mul);
      else context.code.f32(factor).op(op.f32_mul);
    }
    setFloat(context, f.Rd, double);
    return true;
  };
}

function toFixed(isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f) || (f.sf === 0 && f.scale < 32)) return false;
    pushFloat(context, f.Rn, f.ftype === 1);
    if (f.ftype === 0) context.code.op(op.f64_promote_f32);
    context.code.f64(2 ** (64 - f.scale)).op(op.f64_mul);
    pushTruncated(context, f.sf === 1, true, isSigned);
    context.setR(f.Rd, f.sf === 1);
    return true;
  };
}

/** The constant of FMOV (immediate): VFPExpandImm in the manual. */
export function expandImmediate(imm8: number): number {
  const exponent = ((imm8 >> 4) & 7) ^ 4;
  return ((imm8 & 0x80) !== 0 ? -1 : 1) * ((16 + (imm8 & 15)) / 16) * 2 ** (exponent - 3);
}

/** (±n × m) ± a, rounded once. The vector instruction is truly fused where the CPU was found to do so. */
function multiplyAdd(negateProduct: boolean, negateAddend: boolean): Translation<Fields> {
  return (context, f) => {
    if (!isSupported(f) || !context.hasFusedMultiply) return false;
    const double = f.ftype === 1;
    const operand = (register: number, negate: boolean): number => {
      context.v(register);
      if (negate) context.code.op(floatOp(double, "neg"));
      return context.keep("v128");
    };
    const n = operand(f.Rn, negateProduct);
    const m = operand(f.Rm, false);
    const a = operand(f.Ra, negateAddend);
    pushFused(context, double, a, n, m);
    context.code.opWith(double ? op.f64x2_extract_lane : op.f32x4_extract_lane, 0);
    setFloat(context, f.Rd, double);
    return true;
  };
}

/** Pushes addend + n × m in all lanes. */
export function pushFused(context: Context, double: boolean, addend: number, n: number, m: number): void {
  const { code } = context;
  const result = context.temporary("v128");
  code.get(n).get(m).get(addend).op(floatOp(double, "relaxed_madd")).tee(result).get(result);
  code.op(floatOp(double, "ne")).op(op.v128_any_true).if();
  code.get(addend).get(n).get(m);
  context.call(double ? "fusedNan64" : "fusedNan32");
  code.get(result).get(result).get(result).op(floatOp(double, "ne")).op(op.v128_bitselect).set(result).end();
  code.get(result);
}

function moveBits(type: "i32" | "i64", direction: "fromGeneral" | "toGeneral", lane: number): Translation<Fields> {
  return (context, f) => {
    const wide = type === "i64";
    if (direction === "toGeneral") {
      context.v(f.Rn);
      context.code.opWith(wide ? op.i64x2_extract_lane : op.i32x4_extract_lane, lane);
      context.setR(f.Rd, wide);
      return;
    }
    if (lane === 1) context.v(f.Rd);
    else context.code.v128(0n, 0n);
    context.r(f.Rn, wide);
    context.code.opWith(wide ? op.i64x2_replace_lane : op.i32x4_replace_lane, lane);
    context.setV(f.Rd);
  };
}

export const floating: Handlers = {
  FMOV_reg: unary("copy"),
  FABS: unary("abs"),
  FNEG: unary("neg"),
  FSQRT: (context, f) => {
    if (!isSupported(f)) return false;
    pushFloat(context, f.Rn, f.ftype === 1);
    context.code.op(scalarOp(f.ftype === 1, "sqrt"));
    fixScalarNan(context, f.ftype === 1, f.Rn, f.Rn);
    setFloat(context, f.Rd, f.ftype === 1);
    return true;
  },
  FCVT: (context, f) => {
    const from = f.ftype;
    const to = f.opc;
    if (from === 2 || to === 2 || from === to) return false;
    const { code } = context;
    if (from === 3) {
      context.v(f.Rn);
      code.opWith(op.i16x8_extract_lane_u, 0);
      context.call("halfToSingle");
      code.op(op.f32_reinterpret_i32);
    } else {
      pushFloat(context, f.Rn, from === 1);
    }
    if (to !== 0 && from !== 1) code.op(op.f64_promote_f32);
    if (to !== 3) {
      if (from === 1) code.op(op.f32_demote_f64);
      setFloat(context, f.Rd, to === 1);
      return true;
    }
    code.op(op.i64_reinterpret_f64);
    const bits = context.keep("i64");
    code.v128(0n, 0n).get(bits).i64(32).op(op.i64_shr_u).op(op.i32_wrap_i64).get(bits).op(op.i32_wrap_i64);
    context.call("doubleToHalf");
    code.opWith(op.i16x8_replace_lane, 0);
    context.setV(f.Rd);
    return true;
  },
  FRINTN: round("nearest"),
  FRINTP: round("ceil"),
  FRINTM: round("floor"),
  FRINTZ: round("trunc"),
  FRINTA: round("away"),
  FRINTX: round("nearest"),
  FRINTI: round("nearest"),
  FMUL: binary("mul"),
  FDIV: binary("div"),
  FADD: binary("add"),
  FSUB: binary("sub"),
  FMAX: binary("max"),
  FMIN: binary("min"),
  FMAXNM: numberExtremum("max"),
  FMINNM: numberExtremum("min"),
  FNMUL: binary("mul", true),
  FMADD: multiplyAdd(false, false),
  FMSUB: multiplyAdd(true, false),
  FNMADD: multiplyAdd(true, true),
  FNMSUB: multiplyAdd(false, true),
  FCMP: compare(false),
  FCMP_zero: compare(true),
  FCMPE: compare(false),
  FCMPE_zero: compare(true),
  FCCMP: compare(false, true),
  FCCMPE: compare(false, true),
  FCSEL: (context, f) => {
    if (!isSupported(f)) return false;
    const double = f.ftype === 1;
    pushFloat(context, f.Rn, double);
    pushFloat(context, f.Rm, double);
    context.condition(f.cond);
    context.code.op(op.select);
    setFloat(context, f.Rd, double);
    return true;
  },
  FMOV_imm: (context, f) => {
    if (!isSupported(f)) return false;
    const value = expandImmediate(f.imm8);
    if (f.ftype === 1) context.code.f64(value);
    else context.code.f32(value);
    setFloat(context, f.Rd, f.ftype === 1);
    return true;
  },
  FCVTNS_gen: toInteger("nearest", true),
  FCVTNU_gen: toInteger("nearest", false),
  FCVTAS_gen: toInteger("away", true),
  FCVTAU_gen: toInteger("away", false),
  FCVTPS_gen: toInteger("ceil", true),
  FCVTPU_gen: toInteger("ceil", false),
  FCVTMS_gen: toInteger("floor", true),
  FCVTMU_gen: toInteger("floor", false),
  FCVTZS_gen: toInteger("trunc", true),
  FCVTZU_gen: toInteger("trunc", false),
  SCVTF_gen: fromInteger(true, false),
  UCVTF_gen: fromInteger(false, false),
  SCVTF_fixed: fromInteger(true, true),
  UCVTF_fixed: fromInteger(false, true),
  FCVTZS_fixed: toFixed(true),
  FCVTZU_fixed: toFixed(false),
  FMOV_wtos: moveBits("i32", "fromGeneral", 0),
  FMOV_stow: moveBits("i32", "toGeneral", 0),
  FMOV_xtod: moveBits("i64", "fromGeneral", 0),
  FMOV_dtox: moveBits("i64", "toGeneral", 0),
  FMOV_xtotop: moveBits("i64", "fromGeneral", 1),
  FMOV_toptox: moveBits("i64", "toGeneral", 1),
};
