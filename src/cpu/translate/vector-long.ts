/** Advanced SIMD between lanes of different widths, and by an element: lengthening, widening and narrowing arithmetic. */
import type { Fields } from "../decode/fields.ts";
import type { Context, Translation } from "./context.ts";
import {
  keepElement,
  keepVector,
  laneOp,
  pushAbsoluteDifference,
  pushMultiplyLong,
  pushPolynomialProduct,
  pushSplat,
  setNarrowed,
  setVector,
  widen,
} from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

/** Additions and subtractions into lanes twice as wide: both operands widened, or only the second. */
function addLong(kind: "add" | "sub", isSigned: boolean, firstIsWide: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3) return false;
    context.v(f.Rn);
    if (!firstIsWide) widen(context, f.size, f.Q, isSigned);
    context.v(f.Rm);
    widen(context, f.size, f.Q, isSigned);
    context.code.op(laneOp(f.size + 1, kind));
    context.setV(f.Rd);
    return true;
  };
}

function differenceLong(isSigned: boolean, accumulate: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3) return false;
    pushAbsoluteDifference(context, isSigned, f.size, keepVector(context, f.Rn), keepVector(context, f.Rm));
    widen(context, f.size, f.Q, false);
    if (accumulate) {
      context.v(f.Rd);
      context.code.op(laneOp(f.size + 1, "add"));
    }
    context.setV(f.Rd);
    return true;
  };
}

function multiplyLong(isSigned: boolean, accumulate: "add" | "sub" | null, byElement: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 || (byElement && f.size === 0)) return false;
    const n = keepVector(context, f.Rn);
    const m = byElement ? keepElement(context, f) : keepVector(context, f.Rm);
    if (accumulate !== null) context.v(f.Rd);
    pushMultiplyLong(context, f.size, f.Q, isSigned, n, m);
    if (accumulate !== null) context.code.op(laneOp(f.size + 1, accumulate));
    context.setV(f.Rd);
    return true;
  };
}

function multiplyByElement(accumulate: "add" | "sub" | null): Translation<Fields> {
  return (context, f) => {
    if (f.size === 0 || f.size === 3) return false;
    const n = keepVector(context, f.Rn);
    const m = keepElement(context, f);
    if (accumulate !== null) context.v(f.Rd);
    context.code.get(n).get(m).op(laneOp(f.size, "mul"));
    if (accumulate !== null) context.code.op(laneOp(f.size, accumulate));
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

function addNarrow(kind: "add" | "sub", round: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3) return false;
    context.v(f.Rn);
    context.v(f.Rm);
    context.code.op(laneOp(f.size + 1, kind));
    if (round) {
      pushSplat(context.code, f.size + 1, 1n << BigInt((8 << f.size) - 1));
      context.code.op(laneOp(f.size + 1, "add"));
    }
    setNarrowed(context, f, f.size, 1);
    return true;
  };
}

/** Products without carries of bytes; those of doublewords belong to an extension that is not advertised. */
function polynomialLong(context: Context, f: Fields): boolean {
  if (f.size !== 0) return false;
  const operand = (register: number): number => {
    context.v(register);
    widen(context, 0, f.Q, false);
    return context.keep("v128");
  };
  pushPolynomialProduct(context, 1, operand(f.Rn), operand(f.Rm));
  context.setV(f.Rd);
  return true;
}

export const vectorLong: Handlers = {
  SADDL_v: addLong("add", true, false),
  UADDL_v: addLong("add", false, false),
  SADDW_v: addLong("add", true, true),
  UADDW_v: addLong("add", false, true),
  SSUBL_v: addLong("sub", true, false),
  USUBL_v: addLong("sub", false, false),
  SSUBW_v: addLong("sub", true, true),
  USUBW_v: addLong("sub", false, true),
  SABDL_v: differenceLong(true, false),
  UABDL_v: differenceLong(false, false),
  SABAL_v: differenceLong(true, true),
  UABAL_v: differenceLong(false, true),
  SMULL_v: multiplyLong(true, null, false),
  UMULL_v: multiplyLong(false, null, false),
  SMLAL_v: multiplyLong(true, "add", false),
  UMLAL_v: multiplyLong(false, "add", false),
  SMLSL_v: multiplyLong(true, "sub", false),
  UMLSL_v: multiplyLong(false, "sub", false),
  SMULL_elem: multiplyLong(true, null, true),
  UMULL_elem: multiplyLong(false, null, true),
  SMLAL_elem: multiplyLong(true, "add", true),
  UMLAL_elem: multiplyLong(false, "add", true),
  SMLSL_elem: multiplyLong(true, "sub", true),
  UMLSL_elem: multiplyLong(false, "sub", true),
  MUL_elem: multiplyByElement(null),
  MLA_elem: multiplyByElement("add"),
  MLS_elem: multiplyByElement("sub"),
  ADDHN_v: addNarrow("add", false),
  RADDHN_v: addNarrow("add", true),
  SUBHN_v: addNarrow("sub", false),
  RSUBHN_v: addNarrow("sub", true),
  XTN_v: (context, f) => {
    if (f.size === 3) return false;
    context.v(f.Rn);
    setNarrowed(context, f, f.size, 0);
    return true;
  },
  PMULL_v: polynomialLong,
};
