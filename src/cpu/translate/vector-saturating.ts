/** Saturating Advanced SIMD other than shifts: what saturates sets FPSR.QC. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import { lowMask } from "./operators.ts";
import {
  bothForms,
  formBits,
  keepElement,
  keepVector,
  laneOp,
  noteSaturation,
  pushMultiplyLong,
  pushSplat,
  pushUnsignedComparison,
  setForm,
  setLowLane,
  setNarrowed,
  shuffleElements,
  upTo,
} from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

/** Pushes n ± m saturated; a local with a mask of the lanes that did so. */
function pushSaturated(
  context: Context,
  kind: "add" | "sub",
  isSigned: boolean,
  size: number,
  n: number,
  m: number,
): number {
  const { code } = context;
  const saturated = context.temporary("v128");
  const result = context.temporary("v128");
  code.get(n).get(m).op(laneOp(size, kind)).set(result);
  if (size < 2) {
    code
      .get(n)
      .get(m)
      .op(laneOp(size, `${kind}_sat_${isSigned ? "s" : "u"}`))
      .tee(saturated)
      .get(saturated)
      .get(result)
      .op(op.v128_xor)
      .set(saturated);
    return saturated;
  }
  if (!isSigned) {
    if (kind === "add") pushUnsignedComparison(context, "gt", size, n, result);
    else pushUnsignedComparison(context, "gt", size, m, n);
    code
      .set(saturated)
      .get(result)
      .get(saturated)
      .op(kind === "add" ? op.v128_or : op.v128_andnot);
    return saturated;
  }
  // On overflow the largest number of the first operand's sign.
  const last = (8 << size) - 1;
  code.get(n).get(m).op(op.v128_xor);
  if (kind === "add") code.op(op.v128_not);
  code.get(n).get(result).op(op.v128_xor).op(op.v128_and).i32(last).op(laneOp(size, "shr_s")).set(saturated);
  code.get(n).i32(last).op(laneOp(size, "shr_s"));
  pushSplat(code, size, lowMask(last));
  code.op(op.v128_xor).get(result).get(saturated).op(op.v128_bitselect);
  return saturated;
}

function addOrSubtract(kind: "add" | "sub", isSigned: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 && !scalar && f.Q === 0) return false;
    const [n, m] = [keepVector(context, f.Rn), keepVector(context, f.Rm)];
    context.code.get(pushSaturated(context, kind, isSigned, f.size, n, m));
    noteSaturation(context, formBits(f, f.size, scalar));
    setForm(context, f, f.size, scalar);
    return true;
  };
}

/** SUQADD and USQADD, of numbers of different signedness: with the sign bit of Vd flipped they have the same. */
function addMixed(isSigned: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 && !scalar && f.Q === 0) return false;
    const { code } = context;
    const flip = (): void => {
      pushSplat(code, f.size, 1n << BigInt((8 << f.size) - 1));
      code.op(op.v128_xor);
    };
    context.v(f.Rd);
    flip();
    const d = context.keep("v128");
    const saturated = pushSaturated(context, "add", !isSigned, f.size, d, keepVector(context, f.Rn));
    flip();
    code.get(saturated);
    noteSaturation(context, formBits(f, f.size, scalar));
    setForm(context, f, f.size, scalar);
    return true;
  };
}

/** SQABS and SQNEG: only the most negative number saturates, and comes out as itself. */
function unary(name: "abs" | "neg", scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 && !scalar && f.Q === 0) return false;
    const { code } = context;
    const n = keepVector(context, f.Rn);
    const saturated = context.temporary("v128");
    code.get(n);
    pushSplat(code, f.size, 1n << BigInt((8 << f.size) - 1));
    code.op(laneOp(f.size, "eq")).set(saturated);
    code.get(n).op(laneOp(f.size, name)).get(saturated).op(op.v128_xor).get(saturated);
    noteSaturation(context, formBits(f, f.size, scalar));
    setForm(context, f, f.size, scalar);
    return true;
  };
}

/** SQDMULH and SQRDMULH: the upper halves of doubled products. Only the square of the most negative number saturates. */
function doublingHigh(round: boolean, source: "vector" | "element", scalar: boolean): Translation<Fields> {
  return (context, f) => {
    const { size } = f;
    if (size === 0 || size === 3) return false;
    const { code } = context;
    const n = keepVector(context, f.Rn);
    const m = source === "element" ? keepElement(context, f) : keepVector(context, f.Rm);
    const bits = 8 << size;
    for (const upper of [0, 1]) {
      pushMultiplyLong(context, size, upper, true, n, m);
      if (round) {
        pushSplat(code, size + 1, 1n << BigInt(bits - 2));
        code.op(laneOp(size + 1, "add"));
      }
      code.i32(bits - 1).op(laneOp(size + 1, "shr_s"));
    }
    shuffleElements(
      code,
      size,
      upTo(16 >> size).map((index) => 2 * index),
    );
    const saturated = context.temporary("v128");
    for (const operand of [n, m]) {
      code.get(operand);
      pushSplat(code, size, 1n << BigInt(bits - 1));
      code.op(laneOp(size, "eq"));
    }
    code.op(op.v128_and).tee(saturated).op(op.v128_xor).get(saturated);
    noteSaturation(context, formBits(f, size, scalar));
    setForm(context, f, size, scalar);
    return true;
  };
}

/** SQDMULL, and SQDMLAL and SQDMLSL, which saturate once more when they accumulate. */
function doublingLong(
  accumulate: "add" | "sub" | null,
  source: "vector" | "element",
  scalar: boolean,
): Translation<Fields> {
  return (context, f) => {
    if (f.size === 0 || f.size === 3) return false;
    const { code } = context;
    const n = keepVector(context, f.Rn);
    const m = source === "element" ? keepElement(context, f) : keepVector(context, f.Rm);
    const wide = f.size + 1;
    const bits = scalar ? 8 << wide : 128;
    const product = context.temporary("v128");
    const saturated = context.temporary("v128");
    pushMultiplyLong(context, f.size, scalar ? 0 : f.Q, true, n, m);
    code.i32(1).op(laneOp(wide, "shl")).tee(product);
    pushSplat(code, wide, 1n << BigInt((8 << wide) - 1));
    code.op(laneOp(wide, "eq")).tee(saturated).get(product).op(op.v128_xor).set(product);
    code.get(saturated);
    noteSaturation(context, bits);
    if (accumulate === null) {
      code.get(product);
    } else {
      code.get(pushSaturated(context, accumulate, true, wide, keepVector(context, f.Rd), product));
      noteSaturation(context, bits);
    }
    if (scalar) setLowLane(context, f.Rd, wide);
    else context.setV(f.Rd);
    return true;
  };
}

function narrow(fromSigned: boolean, toSigned: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3) return false;
    setSaturated(context, f, keepVector(context, f.Rn), fromSigned, toSigned, scalar);
    return true;
  };
}

/** Puts the lanes, twice as wide as f.size says, of a vector in a local into Vd, saturated. */
export function setSaturated(
  context: Context,
  f: Fields,
  value: number,
  fromSigned: boolean,
  toSigned: boolean,
  scalar: boolean,
): void {
  const { code } = context;
  const bits = 8 << f.size;
  const low = toSigned ? -(1n << BigInt(bits - 1)) : 0n;
  const high = lowMask(toSigned ? bits - 1 : bits);
  const wide = f.size + 1;
  const result = context.temporary("v128");
  code.get(value).set(result);
  const limit = (bound: bigint, name: "min" | "max"): void => {
    if (wide < 3) {
      code.get(result);
      pushSplat(code, wide, bound);
      code.op(laneOp(wide, `${name}_${fromSigned ? "s" : "u"}`)).set(result);
      return;
    }
    const constant = context.temporary("v128");
    pushSplat(code, 3, bound);
    code.set(constant).get(constant).get(result);
    const [a, b] = name === "min" ? [result, constant] : [constant, result];
    if (fromSigned) code.get(a).get(b).op(op.i64x2_gt_s);
    else pushUnsignedComparison(context, "gt", 3, a, b);
    code.op(op.v128_bitselect).set(result);
  };
  limit(high, "min");
  if (fromSigned) limit(low, "max");
  code.get(result).get(value).get(result).op(op.v128_xor);
  noteSaturation(context, scalar ? 8 << wide : 128);
  if (scalar) setLowLane(context, f.Rd, f.size);
  else setNarrowed(context, f, f.size, 0);
}

function byElement(
  name: string,
  make: (source: "vector" | "element", scalar: boolean) => Translation<Fields>,
): Handlers {
  return {
    [`${name}_v`]: make("vector", false),
    [`${name}_s`]: make("vector", true),
    [`${name}_elem`]: make("element", false),
    [`${name}_selem`]: make("element", true),
  };
}

export const vectorSaturating: Handlers = {
  ...bothForms("SQADD", (scalar) => addOrSubtract("add", true, scalar)),
  ...bothForms("UQADD", (scalar) => addOrSubtract("add", false, scalar)),
  ...bothForms("SQSUB", (scalar) => addOrSubtract("sub", true, scalar)),
  ...bothForms("UQSUB", (scalar) => addOrSubtract("sub", false, scalar)),
  ...bothForms("SUQADD", (scalar) => addMixed(true, scalar)),
  ...bothForms("USQADD", (scalar) => addMixed(false, scalar)),
  ...bothForms("SQABS", (scalar) => unary("abs", scalar)),
  ...bothForms("SQNEG", (scalar) => unary("neg", scalar)),
  ...byElement("SQDMULH", (source, scalar) => doublingHigh(false, source, scalar)),
  ...byElement("SQRDMULH", (source, scalar) => doublingHigh(true, source, scalar)),
  ...byElement("SQDMULL", (source, scalar) => doublingLong(null, source, scalar)),
  ...byElement("SQDMLAL", (source, scalar) => doublingLong("add", source, scalar)),
  ...byElement("SQDMLSL", (source, scalar) => doublingLong("sub", source, scalar)),
  ...bothForms("SQXTN", (scalar) => narrow(true, true, scalar)),
  ...bothForms("SQXTUN", (scalar) => narrow(true, false, scalar)),
  ...bothForms("UQXTN", (scalar) => narrow(false, false, scalar)),
};
