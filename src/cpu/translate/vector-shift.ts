/** Advanced SIMD shifts: by an immediate or a register, rounding, saturating, inserting, lengthening and narrowing. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import { lowMask } from "./operators.ts";
import {
  bothForms,
  formBits,
  keepVector,
  laneOp,
  noteSaturation,
  perLane,
  pushShiftedRight,
  pushSplat,
  setForm,
  setLowLane,
  setNarrowed,
  setVector,
  shiftOf,
  widen,
} from "./vector-helpers.ts";
import { setSaturated } from "./vector-saturating.ts";

type Handlers = Record<string, Translation<Fields>>;

/** Shift of each lane by the signed lowest byte of the other's lane: left, or right if negative. */
function shiftByRegister(isSigned: boolean): (context: Context, size: number, q: number, n: number, m: number) => void {
  return (context, size, q, n, m) => {
    const { code } = context;
    const bits = 8 << size;
    const wide = size === 3;
    perLane(context, size, q, isSigned, [n, m], ([value, amount]) => {
      const shift = context.temporary("i32");
      const [a, b] = [value as number, amount as number];
      code.get(b);
      if (wide) code.op(op.i32_wrap_i64);
      code.op(op.i32_extend8_s).set(shift);
      const amountOf = (negate: boolean): void => {
        if (negate) code.i32(0).get(shift).op(op.i32_sub);
        else code.get(shift);
        if (wide) code.op(op.i64_extend_i32_u);
      };
      const type = wide ? "i64" : "i32";
      const constant = (): void => {
        if (wide) code.i64(0);
        else code.i32(0);
      };
      code.get(shift).i32(0).op(op.i32_ge_s).if(type);
      code.get(shift).i32(bits).op(op.i32_ge_s).if(type);
      constant();
      code.else().get(a);
      amountOf(false);
      code.op(wide ? op.i64_shl : op.i32_shl).end();
      code.else();
      code.get(shift).i32(-bits).op(op.i32_le_s).if(type);
      if (isSigned) {
        code.get(a);
        if (wide) code.i64(63).op(op.i64_shr_s);
        else code.i32(31).op(op.i32_shr_s);
      } else {
        constant();
      }
      code.else().get(a);
      amountOf(true);
      if (wide) code.op(isSigned ? op.i64_shr_s : op.i64_shr_u);
      else code.op(isSigned ? op.i32_shr_s : op.i32_shr_u);
      code.end().end();
    });
  };
}

function shiftRight(isSigned: boolean, round: boolean, accumulate: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    const { size, right } = shiftOf(f);
    if (scalar ? size !== 3 : size === 3 && f.Q === 0) return false;
    const { code } = context;
    const n = keepVector(context, f.Rn);
    pushShiftedRight(context, size, right, isSigned, n);
    if (round) {
      // Add the last bit that was shifted out.
      pushShiftedRight(context, size, right - 1, isSigned, n);
      pushSplat(code, size, 1n);
      code.op(op.v128_and).op(laneOp(size, "add"));
    }
    if (accumulate) {
      context.v(f.Rd);
      code.op(laneOp(size, "add"));
    }
    if (scalar) setLowLane(context, f.Rd, 3);
    else setVector(context, f.Rd, f.Q);
    return true;
  };
}

/** SHL; SLI and SRI keep the bits of Vd that nothing is shifted into. */
function shiftInsert(kind: "SHL" | "SLI" | "SRI", scalar: boolean): Translation<Fields> {
  return (context, f) => {
    const { size, bits, left, right } = shiftOf(f);
    if (scalar ? size !== 3 : size === 3 && f.Q === 0) return false;
    const { code } = context;
    const n = keepVector(context, f.Rn);
    if (kind === "SRI") pushShiftedRight(context, size, right, false, n);
    else code.get(n).i32(left).op(laneOp(size, "shl"));
    if (kind !== "SHL") {
      const all = (1n << BigInt(bits)) - 1n;
      context.v(f.Rd);
      pushSplat(code, size, kind === "SLI" ? (1n << BigInt(left)) - 1n : all ^ (all >> BigInt(right)));
      code.op(op.v128_and).op(op.v128_or);
    }
    if (scalar) setLowLane(context, f.Rd, 3);
    else setVector(context, f.Rd, f.Q);
    return true;
  };
}

function shiftLeftLong(isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    const { size, left } = shiftOf(f);
    if (size === 3) return false;
    context.v(f.Rn);
    widen(context, size, f.Q, isSigned);
    context.code.i32(left).op(laneOp(size + 1, "shl"));
    context.setV(f.Rd);
    return true;
  };
}

function shiftRightNarrow(round: boolean): Translation<Fields> {
  return (context, f) => {
    const { size, right } = shiftOf(f);
    if (size === 3) return false;
    context.v(f.Rn);
    if (round) {
      pushSplat(context.code, size + 1, 1n << BigInt(right - 1));
      context.code.op(laneOp(size + 1, "add"));
    }
    context.code.i32(right).op(laneOp(size + 1, "shr_u"));
    setNarrowed(context, f, size, 0);
    return true;
  };
}

/** What shiftLane is told; see runtime.ts. */
export const shiftKind = { signed: 1, rounding: 2, saturating: 4 } as const;

/** Shifts by a register that round or saturate, one lane after another. */
function shiftLanes(kind: number, scalar: boolean): Translation<Fields> {
  const isSigned = (kind & shiftKind.signed) !== 0;
  return (context, f) => {
    const { size } = f;
    if (size === 3 ? !scalar && f.Q === 0 : scalar && (kind & shiftKind.saturating) === 0) return false;
    const { code } = context;
    const operands = [keepVector(context, f.Rn), keepVector(context, f.Rm)];
    perLane(
      context,
      size,
      f.Q,
      isSigned,
      operands,
      ([value, amount]) => {
        code.get(value as number);
        if (size < 3) code.op(isSigned ? op.i64_extend_i32_s : op.i64_extend_i32_u);
        code.get(amount as number);
        if (size === 3) code.op(op.i32_wrap_i64);
        code
          .op(op.i32_extend8_s)
          .i32(8 << size)
          .i32(kind);
        context.call("shiftLane");
        if (size < 3) code.op(op.i32_wrap_i64);
      },
      scalar ? 1 : undefined,
    );
    setForm(context, f, size, scalar);
    return true;
  };
}

/** SQSHL, UQSHL and SQSHLU by an immediate: what does not come back when shifted right again has saturated. */
function shiftLeftSaturating(fromSigned: boolean, toSigned: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    const { size, bits, left } = shiftOf(f);
    if (!scalar && size === 3 && f.Q === 0) return false;
    const { code } = context;
    const n = keepVector(context, f.Rn);
    const shifted = context.temporary("v128");
    const lost = context.temporary("v128");
    code.get(n).i32(left).op(laneOp(size, "shl")).tee(shifted).i32(left);
    code
      .op(laneOp(size, toSigned ? "shr_s" : "shr_u"))
      .get(n)
      .op(laneOp(size, "ne"));
    if (fromSigned && !toSigned) {
      code.get(n).v128(0n, 0n).op(laneOp(size, "lt_s")).op(op.v128_or);
    }
    code.set(lost);
    // The bound: all ones, the largest number of the sign, or zero for negative ones.
    if (fromSigned) {
      code
        .get(n)
        .i32(bits - 1)
        .op(laneOp(size, "shr_s"));
      pushSplat(code, size, toSigned ? lowMask(bits - 1) : lowMask(bits));
      code.op(op.v128_xor);
    } else {
      pushSplat(code, size, lowMask(bits));
    }
    code.get(shifted).get(lost).op(op.v128_bitselect);
    code.get(lost);
    noteSaturation(context, formBits(f, size, scalar));
    setForm(context, f, size, scalar);
    return true;
  };
}

function shiftRightSaturating(
  fromSigned: boolean,
  toSigned: boolean,
  round: boolean,
  scalar: boolean,
): Translation<Fields> {
  return (context, f) => {
    const { size, right } = shiftOf(f);
    if (size === 3) return false;
    const n = keepVector(context, f.Rn);
    pushShiftedRight(context, size + 1, right, fromSigned, n);
    if (round) {
      pushShiftedRight(context, size + 1, right - 1, fromSigned, n);
      pushSplat(context.code, size + 1, 1n);
      context.code.op(op.v128_and).op(laneOp(size + 1, "add"));
    }
    setSaturated(context, { ...f, size }, context.keep("v128"), fromSigned, toSigned, scalar);
    return true;
  };
}

function registerShifts(): Handlers {
  const handlers: Handlers = {};
  for (const [letter, sign] of [
    ["S", shiftKind.signed],
    ["U", 0],
  ] as const) {
    const shift = shiftByRegister(letter === "S");
    handlers[`${letter}SHL_v`] = (context, f) => {
      if (f.size === 3 && f.Q === 0) return false;
      shift(context, f.size, f.Q, keepVector(context, f.Rn), keepVector(context, f.Rm));
      setVector(context, f.Rd, f.Q);
      return true;
    };
    handlers[`${letter}SHL_s`] = (context, f) => {
      if (f.size !== 3) return false;
      shift(context, 3, 0, keepVector(context, f.Rn), keepVector(context, f.Rm));
      setLowLane(context, f.Rd, 3);
      return true;
    };
    const { rounding, saturating } = shiftKind;
    Object.assign(
      handlers,
      bothForms(`${letter}RSHL`, (scalar) => shiftLanes(sign | rounding, scalar)),
      bothForms(`${letter}QSHL`, (scalar) => shiftLanes(sign | saturating, scalar)),
      bothForms(`${letter}QRSHL`, (scalar) => shiftLanes(sign | rounding | saturating, scalar)),
    );
  }
  return handlers;
}

export const vectorShift: Handlers = {
  ...registerShifts(),
  ...bothForms("SSHR", (scalar) => shiftRight(true, false, false, scalar)),
  ...bothForms("USHR", (scalar) => shiftRight(false, false, false, scalar)),
  ...bothForms("SSRA", (scalar) => shiftRight(true, false, true, scalar)),
  ...bothForms("USRA", (scalar) => shiftRight(false, false, true, scalar)),
  ...bothForms("SRSHR", (scalar) => shiftRight(true, true, false, scalar)),
  ...bothForms("URSHR", (scalar) => shiftRight(false, true, false, scalar)),
  ...bothForms("SRSRA", (scalar) => shiftRight(true, true, true, scalar)),
  ...bothForms("URSRA", (scalar) => shiftRight(false, true, true, scalar)),
  ...bothForms("SHL", (scalar) => shiftInsert("SHL", scalar)),
  ...bothForms("SLI", (scalar) => shiftInsert("SLI", scalar)),
  ...bothForms("SRI", (scalar) => shiftInsert("SRI", scalar)),
  SSHLL_v: shiftLeftLong(true),
  USHLL_v: shiftLeftLong(false),
  SHRN_v: shiftRightNarrow(false),
  RSHRN_v: shiftRightNarrow(true),
  SHLL_v: (context, f) => {
    if (f.size === 3) return false;
    context.v(f.Rn);
    widen(context, f.size, f.Q, false);
    context.code.i32(8 << f.size).op(laneOp(f.size + 1, "shl"));
    context.setV(f.Rd);
    return true;
  },
  ...bothForms("SQSHL_imm", (scalar) => shiftLeftSaturating(true, true, scalar)),
  ...bothForms("UQSHL_imm", (scalar) => shiftLeftSaturating(false, false, scalar)),
  ...bothForms("SQSHLU", (scalar) => shiftLeftSaturating(true, false, scalar)),
  ...bothForms("SQSHRN", (scalar) => shiftRightSaturating(true, true, false, scalar)),
  ...bothForms("SQRSHRN", (scalar) => shiftRightSaturating(true, true, true, scalar)),
  ...bothForms("SQSHRUN", (scalar) => shiftRightSaturating(true, false, false, scalar)),
  ...bothForms("SQRSHRUN", (scalar) => shiftRightSaturating(true, false, true, scalar)),
  ...bothForms("UQSHRN", (scalar) => shiftRightSaturating(false, false, false, scalar)),
  ...bothForms("UQRSHRN", (scalar) => shiftRightSaturating(false, false, true, scalar)),
};
