/** Estimates of reciprocals and of their roots, the steps that refine them, and FMULX, which goes with them. */
import type { Fields } from "../decode/fields.ts";
import { estimateKind } from "../float/estimate.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import {
  bothForms,
  fixVectorNan,
  floatOp,
  keepElement,
  keepVector,
  laneOp,
  pushSplat,
  setForm,
  setVector,
} from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

function pushConstant(context: Context, double: boolean, value: number): void {
  if (double) context.code.f64(value).op(op.f64x2_splat);
  else context.code.f32(value).op(op.f32x4_splat);
}

/**
 * Pops a result of two vectors in locals and pushes it with `replacement`, a vector in a local, where it is no number although both
 * operands are (infinity times zero); NaNs as usual.
 */
function replaceInvalid(context: Context, double: boolean, n: number, m: number, replacement: number): void {
  const { code } = context;
  const result = context.keep("v128");
  code.get(replacement).get(result).get(result).get(result).op(floatOp(double, "ne"));
  for (const operand of [n, m]) code.get(operand).get(operand).op(floatOp(double, "eq")).op(op.v128_and);
  code.op(op.v128_bitselect);
  fixVectorNan(context, double, n, m);
}

function multiplyExtended(source: "vector" | "element", scalar: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    const double = f.sz === 1;
    const n = keepVector(context, f.Rn);
    const m = source === "element" ? keepElement(context, { ...f, size: 2 + f.sz }) : keepVector(context, f.Rm);
    pushConstant(context, double, 2);
    code.get(n).get(m).op(op.v128_xor);
    pushSplat(code, 2 + f.sz, 1n << (double ? 63n : 31n));
    code.op(op.v128_and).op(op.v128_or);
    const two = context.keep("v128");
    code.get(n).get(m).op(floatOp(double, "mul"));
    replaceInvalid(context, double, n, m, two);
    setForm(context, f, 2 + f.sz, scalar);
    return true;
  };
}

/** FRECPS: 2 − n × m, and FRSQRTS: (3 − n × m) / 2, each rounded once. */
function step(root: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    if (!context.hasFusedMultiply) return false;
    const { code } = context;
    const double = f.sz === 1;
    const madd = floatOp(double, "relaxed_madd");
    context.v(f.Rn);
    code.op(floatOp(double, "neg"));
    const n = context.keep("v128");
    const m = keepVector(context, f.Rm);
    pushConstant(context, double, root ? 1.5 : 2);
    const otherwise = context.keep("v128");
    code.get(n).get(m);
    if (root) {
      const result = context.temporary("v128");
      pushConstant(context, double, 3);
      code.op(madd);
      pushConstant(context, double, 0.5);
      code.op(floatOp(double, "mul")).set(result);
      // Too large before halving is perhaps not too large after it; then halving a factor is exact.
      code.get(n);
      pushConstant(context, double, 0.5);
      code.op(floatOp(double, "mul")).get(m).get(otherwise).op(madd).get(result);
      code.get(result).op(floatOp(double, "abs"));
      pushConstant(context, double, Number.POSITIVE_INFINITY);
      code.op(floatOp(double, "eq")).op(op.v128_bitselect);
    } else {
      code.get(otherwise).op(madd);
    }
    replaceInvalid(context, double, n, m, otherwise);
    setForm(context, f, 2 + f.sz, scalar);
    return true;
  };
}

/** FRECPE and FRSQRTE, one lane after another. */
function estimate(root: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    const double = f.sz === 1;
    const n = keepVector(context, f.Rn);
    const kind = (root ? estimateKind.singleRoot : estimateKind.single) + f.sz;
    const count = scalar ? 1 : (f.Q === 1 ? 4 : 2) >> f.sz;
    code.v128(0n, 0n);
    for (let index = 0; index < count; index++) {
      const high = double ? 2 * index + 1 : index;
      code.i32(kind).get(n).opWith(op.i32x4_extract_lane, high);
      if (double) code.get(n).opWith(op.i32x4_extract_lane, high - 1);
      else code.i32(0);
      context.call("estimate");
      code.opWith(op.i32x4_replace_lane, high);
    }
    fixVectorNan(context, double, n, n);
    setForm(context, f, 2 + f.sz, scalar);
    return true;
  };
}

/** URECPE and URSQRTE */
function fixedEstimate(kind: number): Translation<Fields> {
  return (context, f) => {
    if (f.sz === 1) return false;
    const { code } = context;
    const n = keepVector(context, f.Rn);
    code.v128(0n, 0n);
    for (let index = 0; index < (f.Q === 1 ? 4 : 2); index++) {
      code.i32(kind).get(n).opWith(op.i32x4_extract_lane, index).i32(0);
      context.call("estimate");
      code.opWith(laneOp(2, "replace_lane"), index);
    }
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

/** Nothing uses these enough: they are executed in software; see float-control.ts. */
const inSoftware: Translation<Fields> = () => false;

/** Whether a form is an instruction at all, float-control.ts has checked. */
export const vectorReciprocal: Handlers = {
  ...bothForms("FMULX", (scalar) => multiplyExtended("vector", scalar)),
  FMULX_elem: multiplyExtended("element", false),
  FMULX_selem: multiplyExtended("element", true),
  ...bothForms("FRECPS", (scalar) => step(false, scalar)),
  ...bothForms("FRSQRTS", (scalar) => step(true, scalar)),
  ...bothForms("FRECPE", (scalar) => estimate(false, scalar)),
  ...bothForms("FRSQRTE", (scalar) => estimate(true, scalar)),
  URECPE_v: fixedEstimate(estimateKind.fixed),
  URSQRTE_v: fixedEstimate(estimateKind.fixedRoot),
  FRECPX_s: inSoftware,
  ...bothForms("FCVTXN", () => inSoftware),
};
