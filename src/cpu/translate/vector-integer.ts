/** Advanced SIMD on integers in lanes of one width: arithmetic, comparison, logic, pairwise and across lanes. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import {
  bothForms,
  hasLaneOp,
  keepVector,
  laneOp,
  pushAbsoluteDifference,
  pushEvery,
  pushPolynomialProduct,
  pushSplat,
  pushUnsignedComparison,
  setLowLane,
  setVector,
  shuffleElements,
  upTo,
} from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

/** Pushes a vector computed from two others, in locals, in lanes of 8 << size bits. False: no such size. */
type Binary = (context: Context, size: number, n: number, m: number) => boolean | undefined;

function simple(name: string, sizes: readonly number[] = [0, 1, 2, 3]): Binary {
  return (context, size, n, m) => {
    if (!sizes.includes(size) || !hasLaneOp(size, name)) return false;
    context.code.get(n).get(m).op(laneOp(size, name));
    return true;
  };
}

const small = [0, 1, 2];

/** Of 64-bit lanes too. */
function unsignedComparison(name: "gt" | "ge"): Binary {
  return (context, size, n, m) => {
    pushUnsignedComparison(context, name, size, n, m);
    return true;
  };
}

const multiply: Binary = (context, size, n, m) => {
  const { code } = context;
  if (size === 3) return false;
  if (size > 0) {
    code.get(n).get(m).op(laneOp(size, "mul"));
    return true;
  }
  code.get(n).get(m).op(op.i16x8_extmul_low_i8x16_u).get(n).get(m).op(op.i16x8_extmul_high_i8x16_u);
  shuffleElements(
    code,
    0,
    upTo(16).map((index) => index * 2),
  );
  return true;
};

/** Products without carries, of bytes. */
const multiplyPolynomials: Binary = (context, size, n, m) => {
  if (size !== 0) return false;
  pushPolynomialProduct(context, 0, n, m);
  return true;
};

function halving(isSigned: boolean, kind: "add" | "sub" | "round"): Binary {
  return (context, size, n, m) => {
    if (size === 3) return false;
    const { code } = context;
    const shift = laneOp(size, isSigned ? "shr_s" : "shr_u");
    if (kind === "sub") {
      code.get(n).i32(1).op(shift).get(m).i32(1).op(shift).op(laneOp(size, "sub"));
      code.get(m).get(n).op(op.v128_andnot);
      pushSplat(code, size, 1n);
      code.op(op.v128_and).op(laneOp(size, "sub"));
      return true;
    }
    code
      .get(n)
      .get(m)
      .op(kind === "add" ? op.v128_and : op.v128_or);
    code
      .get(n)
      .get(m)
      .op(op.v128_xor)
      .i32(1)
      .op(shift)
      .op(laneOp(size, kind === "add" ? "add" : "sub"));
    return true;
  };
}

function absoluteDifference(isSigned: boolean): Binary {
  return (context, size, n, m) => {
    if (size === 3) return false;
    pushAbsoluteDifference(context, isSigned, size, n, m);
    return true;
  };
}

const binaries: Readonly<Record<string, Binary>> = {
  ADD: simple("add"),
  SUB: simple("sub"),
  MUL: multiply,
  CMEQ: simple("eq"),
  CMGT: simple("gt_s"),
  CMGE: simple("ge_s"),
  CMHI: unsignedComparison("gt"),
  CMHS: unsignedComparison("ge"),
  CMTST: (context, size, n, m) => {
    context.code.get(n).get(m).op(op.v128_and).v128(0n, 0n).op(laneOp(size, "ne"));
    return true;
  },
  SMAX: simple("max_s", small),
  SMIN: simple("min_s", small),
  UMAX: simple("max_u", small),
  UMIN: simple("min_u", small),
  SHADD: halving(true, "add"),
  UHADD: halving(false, "add"),
  SRHADD: halving(true, "round"),
  URHADD: halving(false, "round"),
  SHSUB: halving(true, "sub"),
  UHSUB: halving(false, "sub"),
  SABD: absoluteDifference(true),
  UABD: absoluteDifference(false),
};

/** Three vectors of one kind. */
function three(binary: Binary, accumulate?: "add" | "sub"): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 && f.Q === 0) return false;
    if (accumulate !== undefined && f.size === 3) return false;
    const [n, m] = [keepVector(context, f.Rn), keepVector(context, f.Rm)];
    if (accumulate !== undefined) context.v(f.Rd);
    if (binary(context, f.size, n, m) === false) return false;
    if (accumulate !== undefined) context.code.op(laneOp(f.size, accumulate));
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

/** The scalar form, on D registers only. */
function threeScalar(binary: Binary): Translation<Fields> {
  return (context, f) => {
    if (f.size !== 3) return false;
    binary(context, 3, keepVector(context, f.Rn), keepVector(context, f.Rm));
    setLowLane(context, f.Rd, 3);
    return true;
  };
}

function logic(opcode: number, invert = false): Translation<Fields> {
  return (context, f) => {
    context.v(f.Rn);
    context.v(f.Rm);
    if (invert) context.code.op(op.v128_not);
    context.code.op(opcode);
    setVector(context, f.Rd, f.Q);
  };
}

function bitSelect(order: (f: Fields) => readonly [number, number, number]): Translation<Fields> {
  return (context, f) => {
    for (const register of order(f)) context.v(register);
    context.code.op(op.v128_bitselect);
    setVector(context, f.Rd, f.Q);
  };
}

function pairwise(name: string): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 && (f.Q === 0 || name !== "add")) return false;
    const [n, m] = [keepVector(context, f.Rn), keepVector(context, f.Rm)];
    pushEvery(context, f.size, f.Q, n, m, 0);
    pushEvery(context, f.size, f.Q, n, m, 1);
    context.code.op(laneOp(f.size, name));
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

/** Folds all lanes of the vector on the stack into lane 0. */
function fold(context: Context, size: number, q: number, name: string): void {
  const { code } = context;
  for (let bytes = q === 1 ? 8 : 4; bytes >= 1 << size; bytes /= 2) {
    const value = context.keep("v128");
    code
      .get(value)
      .get(value)
      .get(value)
      .shuffle(upTo(16).map((lane) => (lane + bytes) % 16))
      .op(laneOp(size, name));
  }
}

function across(name: string): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 || (f.size === 2 && f.Q === 0)) return false;
    context.v(f.Rn);
    fold(context, f.size, f.Q, name);
    setLowLane(context, f.Rd, f.size);
    return true;
  };
}

/** Pushes sums of neighbours, in lanes twice as wide, of the vector in a local. */
function pushPairSums(context: Context, size: number, isSigned: boolean, value: number): void {
  const { code } = context;
  const sign = isSigned ? "s" : "u";
  if (size < 2) {
    code.get(value).op(laneOp(size + 1, `extadd_pairwise_${size === 0 ? "i8x16" : "i16x8"}_${sign}`));
    return;
  }
  if (isSigned) code.get(value).i32(32).op(op.i64x2_shl).i32(32).op(op.i64x2_shr_s);
  else code.get(value).v128(0xffffffffn, 0xffffffffn).op(op.v128_and);
  code
    .get(value)
    .i32(32)
    .op(isSigned ? op.i64x2_shr_s : op.i64x2_shr_u)
    .op(op.i64x2_add);
}

function addLongAcross(isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 || (f.size === 2 && f.Q === 0)) return false;
    pushPairSums(context, f.size, isSigned, keepVector(context, f.Rn));
    fold(context, f.size + 1, f.Q, "add");
    setLowLane(context, f.Rd, f.size + 1);
    return true;
  };
}

function addLongPairwise(isSigned: boolean, accumulate: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3) return false;
    pushPairSums(context, f.size, isSigned, keepVector(context, f.Rn));
    if (accumulate) {
      context.v(f.Rd);
      context.code.op(laneOp(f.size + 1, "add"));
    }
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

function compareZero(name: string, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (scalar ? f.size !== 3 : f.size === 3 && f.Q === 0) return false;
    context.v(f.Rn);
    context.code.v128(0n, 0n).op(laneOp(f.size, name));
    if (scalar) setLowLane(context, f.Rd, 3);
    else setVector(context, f.Rd, f.Q);
    return true;
  };
}

function unary(name: string, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (scalar ? f.size !== 3 : f.size === 3 && f.Q === 0) return false;
    context.v(f.Rn);
    context.code.op(laneOp(f.size, name));
    if (scalar) setLowLane(context, f.Rd, 3);
    else setVector(context, f.Rd, f.Q);
    return true;
  };
}

function threeForms(): Handlers {
  const handlers: Handlers = {};
  for (const [name, binary] of Object.entries(binaries)) handlers[`${name}_v`] = three(binary);
  for (const name of ["ADD", "SUB", "CMEQ", "CMGT", "CMGE", "CMHI", "CMHS", "CMTST"]) {
    handlers[`${name}_s`] = threeScalar(binaries[name] as Binary);
  }
  return handlers;
}

export const vectorInteger: Handlers = {
  ...threeForms(),
  PMUL_v: three(multiplyPolynomials),
  MLA_v: three(multiply, "add"),
  MLS_v: three((context, size, n, m) => multiply(context, size, n, m), "sub"),
  SABA_v: three(absoluteDifference(true), "add"),
  UABA_v: three(absoluteDifference(false), "add"),
  AND_v: logic(op.v128_and),
  BIC_v: logic(op.v128_andnot),
  ORR_v: logic(op.v128_or),
  ORN_v: logic(op.v128_or, true),
  EOR_v: logic(op.v128_xor),
  BSL: bitSelect((f) => [f.Rn, f.Rm, f.Rd]),
  BIT: bitSelect((f) => [f.Rn, f.Rd, f.Rm]),
  BIF: bitSelect((f) => [f.Rd, f.Rn, f.Rm]),
  ADDP_v: pairwise("add"),
  SMAXP_v: pairwise("max_s"),
  SMINP_v: pairwise("min_s"),
  UMAXP_v: pairwise("max_u"),
  UMINP_v: pairwise("min_u"),
  ADDP_s: (context, f) => {
    context.v(f.Rn);
    fold(context, 3, 1, "add");
    setLowLane(context, f.Rd, 3);
  },
  ADDV: across("add"),
  SMAXV: across("max_s"),
  SMINV: across("min_s"),
  UMAXV: across("max_u"),
  UMINV: across("min_u"),
  SADDLV: addLongAcross(true),
  UADDLV: addLongAcross(false),
  SADDLP_v: addLongPairwise(true, false),
  UADDLP_v: addLongPairwise(false, false),
  SADALP_v: addLongPairwise(true, true),
  UADALP_v: addLongPairwise(false, true),
  ...bothForms("CMGT_zero", (scalar) => compareZero("gt_s", scalar)),
  ...bothForms("CMGE_zero", (scalar) => compareZero("ge_s", scalar)),
  ...bothForms("CMEQ_zero", (scalar) => compareZero("eq", scalar)),
  ...bothForms("CMLE_zero", (scalar) => compareZero("le_s", scalar)),
  ...bothForms("CMLT_zero", (scalar) => compareZero("lt_s", scalar)),
  ...bothForms("ABS", (scalar) => unary("abs", scalar)),
  ...bothForms("NEG", (scalar) => unary("neg", scalar)),
};
