/** Advanced SIMD on single and double precision, vector and scalar forms, for an FPCR of zero like floating.ts. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import { pushConverted, pushFused, pushNumberExtremum, pushTruncated, roundScalar } from "./floating.ts";
import {
  fixVectorNan,
  floatOp,
  keepElement,
  keepVector,
  pushEvery,
  setLowLane,
  setVector,
  shiftOf,
  shuffleElements,
  upTo,
} from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

/** Pushes a result from two vectors in locals. */
type Binary = (context: Context, double: boolean, n: number, m: number) => void;

function plain(name: "add" | "sub" | "mul" | "div" | "min" | "max"): Binary {
  return (context, double, n, m) => {
    context.code.get(n).get(m).op(floatOp(double, name));
    fixVectorNan(context, double, n, m);
  };
}

const number =
  (name: "min" | "max"): Binary =>
  (context, double, n, m) =>
    pushNumberExtremum(context, double, name, n, m);

function compare(name: "eq" | "ge" | "gt", absolute = false): Binary {
  return (context, double, n, m) => {
    for (const operand of [n, m]) {
      context.code.get(operand);
      if (absolute) context.code.op(floatOp(double, "abs"));
    }
    context.code.op(floatOp(double, name));
  };
}

const binaries: Readonly<Record<string, Binary>> = {
  FADD: plain("add"),
  FSUB: plain("sub"),
  FMUL: plain("mul"),
  FDIV: plain("div"),
  FMAX: plain("max"),
  FMIN: plain("min"),
  FMAXNM: number("max"),
  FMINNM: number("min"),
  FABD: (context, double, n, m) => {
    plain("sub")(context, double, n, m);
    context.code.op(floatOp(double, "abs"));
  },
  FCMEQ: compare("eq"),
  FCMGE: compare("ge"),
  FCMGT: compare("gt"),
  FACGE: compare("ge", true),
  FACGT: compare("gt", true),
};

/** Lanes of double need a whole vector. */
function isVector(f: Fields): boolean {
  return f.sz === 0 || f.Q === 1;
}

function set(context: Context, f: Fields, scalar: boolean): void {
  if (scalar) setLowLane(context, f.Rd, 2 + f.sz);
  else setVector(context, f.Rd, f.Q);
}

/** Three vectors, or the lowest lanes of three. */
function three(binary: Binary, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (!scalar && !isVector(f)) return false;
    binary(context, f.sz === 1, keepVector(context, f.Rn), keepVector(context, f.Rm));
    set(context, f, scalar);
    return true;
  };
}

function pairwise(binary: Binary): Translation<Fields> {
  return (context, f) => {
    if (!isVector(f)) return false;
    const [n, m] = [keepVector(context, f.Rn), keepVector(context, f.Rm)];
    pushEvery(context, 2 + f.sz, f.Q, n, m, 0);
    const even = context.keep("v128");
    pushEvery(context, 2 + f.sz, f.Q, n, m, 1);
    binary(context, f.sz === 1, even, context.keep("v128"));
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

/** The two lowest lanes. */
function pairScalar(binary: Binary): Translation<Fields> {
  return (context, f) => {
    const n = keepVector(context, f.Rn);
    context.code.get(n).get(n);
    shuffleElements(
      context.code,
      2 + f.sz,
      upTo(16 >> (2 + f.sz)).map(() => 1),
    );
    binary(context, f.sz === 1, n, context.keep("v128"));
    setLowLane(context, f.Rd, 2 + f.sz);
  };
}

/** All four single lanes, in the manual's order: the halves' results together. */
function across(binary: Binary): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    let value = keepVector(context, f.Rn);
    for (let round = 0; round < 2; round++) {
      code.get(value).get(value);
      shuffleElements(code, 2, [0, 2, 0, 2]);
      const even = context.keep("v128");
      code.get(value).get(value);
      shuffleElements(code, 2, [1, 3, 1, 3]);
      binary(context, false, even, context.keep("v128"));
      value = context.keep("v128");
    }
    code.get(value);
    setLowLane(context, f.Rd, 2);
  };
}

function multiplyAdd(subtract: boolean, source: "vector" | "element", scalar = false): Translation<Fields> {
  return (context, f) => {
    if (!context.hasFusedMultiply || (!scalar && !isVector(f))) return false;
    if (source === "element" && f.sz === 1 && f.L === 1) return false;
    const double = f.sz === 1;
    context.v(f.Rn);
    if (subtract) context.code.op(floatOp(double, "neg"));
    const n = context.keep("v128");
    const m = source === "element" ? keepElement(context, { ...f, size: 2 + f.sz }) : keepVector(context, f.Rm);
    pushFused(context, double, keepVector(context, f.Rd), n, m);
    set(context, f, scalar);
    return true;
  };
}

function multiplyElement(scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if ((!scalar && !isVector(f)) || (f.sz === 1 && f.L === 1)) return false;
    const n = keepVector(context, f.Rn);
    plain("mul")(context, f.sz === 1, n, keepElement(context, { ...f, size: 2 + f.sz }));
    set(context, f, scalar);
    return true;
  };
}

function compareZero(name: "eq" | "ge" | "gt" | "le" | "lt", scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (!scalar && !isVector(f)) return false;
    context.v(f.Rn);
    context.code.v128(0n, 0n).op(floatOp(f.sz === 1, name));
    set(context, f, scalar);
    return true;
  };
}

function unary(name: "abs" | "neg" | "sqrt" | "nearest" | "ceil" | "floor" | "trunc"): Translation<Fields> {
  return (context, f) => {
    if (!isVector(f)) return false;
    const n = keepVector(context, f.Rn);
    context.code.get(n).op(floatOp(f.sz === 1, name));
    if (name !== "abs" && name !== "neg") fixVectorNan(context, f.sz === 1, n, n);
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

/** Computes float or integer lanes of 32 << sz bits one after another; each is pushed by `compute` from lane `index`. */
function eachLane(
  context: Context,
  f: Fields,
  scalar: boolean,
  toFloat: boolean,
  compute: (index: number) => void,
): void {
  const { code } = context;
  const double = f.sz === 1;
  const replace = toFloat
    ? double
      ? op.f64x2_replace_lane
      : op.f32x4_replace_lane
    : double
      ? op.i64x2_replace_lane
      : op.i32x4_replace_lane;
  const result = context.temporary("v128");
  code.v128(0n, 0n).set(result);
  const count = scalar ? 1 : (f.Q === 1 ? 4 : 2) >> f.sz;
  for (let index = 0; index < count; index++) {
    code.get(result);
    compute(index);
    code.opWith(replace, index).set(result);
  }
  code.get(result);
  context.setV(f.Rd);
}

function roundAway(context: Context, f: Fields): boolean {
  if (!isVector(f)) return false;
  const double = f.sz === 1;
  const n = keepVector(context, f.Rn);
  const { code } = context;
  const rounded = context.temporary("v128");
  code.v128(0n, 0n).set(rounded);
  for (let index = 0; index < (f.Q === 1 ? 4 : 2) >> f.sz; index++) {
    code
      .get(rounded)
      .get(n)
      .opWith(double ? op.f64x2_extract_lane : op.f32x4_extract_lane, index);
    roundScalar(context, double, "away");
    code.opWith(double ? op.f64x2_replace_lane : op.f32x4_replace_lane, index).set(rounded);
  }
  code.get(rounded);
  fixVectorNan(context, double, n, n);
  setVector(context, f.Rd, f.Q);
  return true;
}

/** `fixed`: to a fixed-point number with as many fraction bits as the shift says. */
function toInteger(
  mode: Parameters<typeof roundScalar>[2],
  isSigned: boolean,
  scalar: boolean,
  fixed = false,
): Translation<Fields> {
  return (context, fields) => {
    const shift = shiftOf(fields);
    if (fixed && shift.size < 2) return false;
    const f = fixed ? { ...fields, sz: shift.size - 2 } : fields;
    if (!scalar && !isVector(f)) return false;
    const double = f.sz === 1;
    const n = keepVector(context, f.Rn);
    eachLane(context, f, scalar, false, (index) => {
      context.code.get(n).opWith(double ? op.f64x2_extract_lane : op.f32x4_extract_lane, index);
      if (fixed) {
        if (!double) context.code.op(op.f64_promote_f32);
        context.code.f64(2 ** shift.right).op(op.f64_mul);
      } else if (mode !== "trunc") {
        roundScalar(context, double, mode);
      }
      pushTruncated(context, double, double || fixed, isSigned);
    });
    return true;
  };
}

function fromInteger(isSigned: boolean, scalar: boolean, fixed = false): Translation<Fields> {
  return (context, fields) => {
    const shift = shiftOf(fields);
    if (fixed && shift.size < 2) return false;
    const f = fixed ? { ...fields, sz: shift.size - 2 } : fields;
    if (!scalar && !isVector(f)) return false;
    const double = f.sz === 1;
    const n = keepVector(context, f.Rn);
    eachLane(context, f, scalar, true, (index) => {
      context.code.get(n).opWith(double ? op.i64x2_extract_lane : op.i32x4_extract_lane, index);
      pushConverted(context, double, double, isSigned);
      if (!fixed) return;
      if (double) context.code.f64(2 ** -shift.right).op(op.f64_mul);
      else context.code.f32(2 ** -shift.right).op(op.f32_mul);
    });
    return true;
  };
}

/** Four singles, on the stack, to halves in the lower half of a vector. */
function pushHalves(context: Context): void {
  const { code } = context;
  const singles = context.keep("v128");
  const bits = context.temporary("i64");
  code.v128(0n, 0n);
  for (let index = 0; index < 4; index++) {
    code.get(singles).opWith(op.f32x4_extract_lane, index).op(op.f64_promote_f32).op(op.i64_reinterpret_f64).set(bits);
    code.get(bits).i64(32).op(op.i64_shr_u).op(op.i32_wrap_i64).get(bits).op(op.i32_wrap_i64);
    context.call("doubleToHalf");
    code.opWith(op.i16x8_replace_lane, index);
  }
}

/** FCVTN: doubles to singles, or singles to halves, in the lower or, with Q, upper half. */
function narrow(context: Context, f: Fields): boolean {
  context.v(f.Rn);
  if (f.sz === 0) pushHalves(context);
  else context.code.op(op.f32x4_demote_f64x2_zero);
  const value = context.keep("v128");
  if (f.Q === 0) {
    context.code.get(value);
  } else {
    context.v(f.Rd);
    context.code.get(value);
    shuffleElements(context.code, 3, [0, 2]);
  }
  context.setV(f.Rd);
  return true;
}

function widen(context: Context, f: Fields): boolean {
  const n = keepVector(context, f.Rn);
  if (f.sz === 0) {
    context.code.v128(0n, 0n);
    for (let index = 0; index < 4; index++) {
      context.code.get(n).opWith(op.i16x8_extract_lane_u, f.Q * 4 + index);
      context.call("halfToSingle");
      context.code.opWith(op.i32x4_replace_lane, index);
    }
    context.setV(f.Rd);
    return true;
  }
  context.code.get(n).get(n);
  shuffleElements(context.code, 3, [f.Q, f.Q]);
  context.code.op(op.f64x2_promote_low_f32x4);
  context.setV(f.Rd);
  return true;
}

function forms(name: string, make: (scalar: boolean) => Translation<Fields>): Handlers {
  return { [`${name}_v`]: make(false), [`${name}_s`]: make(true) };
}

function families(): Handlers {
  const handlers: Handlers = {};
  for (const [name, binary] of Object.entries(binaries)) handlers[`${name}_v`] = three(binary, false);
  for (const name of ["FABD", "FCMEQ", "FCMGE", "FCMGT", "FACGE", "FACGT"]) {
    handlers[`${name}_s`] = three(binaries[name] as Binary, true);
  }
  for (const [name, base] of Object.entries({
    FADDP: "FADD",
    FMAXP: "FMAX",
    FMINP: "FMIN",
    FMAXNMP: "FMAXNM",
    FMINNMP: "FMINNM",
  })) {
    handlers[`${name}_v`] = pairwise(binaries[base] as Binary);
    handlers[`${name}_s`] = pairScalar(binaries[base] as Binary);
  }
  for (const name of ["FMAX", "FMIN", "FMAXNM", "FMINNM"]) handlers[`${name}V`] = across(binaries[name] as Binary);
  for (const [letter, mode] of Object.entries({
    N: "nearest",
    M: "floor",
    A: "away",
    P: "ceil",
    Z: "trunc",
  } as const)) {
    for (const sign of ["S", "U"]) {
      Object.assign(
        handlers,
        forms(`FCVT${letter}${sign}`, (scalar) => toInteger(mode, sign === "S", scalar)),
      );
    }
  }
  return handlers;
}

export const vectorFloating: Handlers = {
  ...families(),
  FMLA_v: multiplyAdd(false, "vector"),
  FMLS_v: multiplyAdd(true, "vector"),
  FMLA_elem: multiplyAdd(false, "element"),
  FMLS_elem: multiplyAdd(true, "element"),
  FMLA_selem: multiplyAdd(false, "element", true),
  FMLS_selem: multiplyAdd(true, "element", true),
  FMUL_elem: multiplyElement(false),
  FMUL_selem: multiplyElement(true),
  ...forms("FCMEQ_zero", (scalar) => compareZero("eq", scalar)),
  ...forms("FCMGE_zero", (scalar) => compareZero("ge", scalar)),
  ...forms("FCMGT_zero", (scalar) => compareZero("gt", scalar)),
  ...forms("FCMLE_zero", (scalar) => compareZero("le", scalar)),
  ...forms("FCMLT_zero", (scalar) => compareZero("lt", scalar)),
  FABS_v: unary("abs"),
  FNEG_v: unary("neg"),
  FSQRT_v: unary("sqrt"),
  FRINTN_v: unary("nearest"),
  FRINTX_v: unary("nearest"),
  FRINTI_v: unary("nearest"),
  FRINTP_v: unary("ceil"),
  FRINTM_v: unary("floor"),
  FRINTZ_v: unary("trunc"),
  FRINTA_v: roundAway,
  ...forms("SCVTF", (scalar) => fromInteger(true, scalar)),
  ...forms("UCVTF", (scalar) => fromInteger(false, scalar)),
  ...forms("SCVTF_fixed", (scalar) => fromInteger(true, scalar, true)),
  ...forms("UCVTF_fixed", (scalar) => fromInteger(false, scalar, true)),
  ...forms("FCVTZS_fixed", (scalar) => toInteger("trunc", true, scalar, true)),
  ...forms("FCVTZU_fixed", (scalar) => toInteger("trunc", false, scalar, true)),
  FCVTN_v: narrow,
  FCVTL_v: widen,
};
