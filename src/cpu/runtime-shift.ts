/** The runtime module's function that shifts one lane by a register as SQSHL, SRSHL, SQRSHL and their unsigned kin do. */
import { statusBit } from "./float/format.ts";
import { stateOffset } from "./state.ts";
import { shiftKind } from "./translate/vector-shift.ts";
import { Code } from "./wasm/code.ts";
import { op, type ValueType } from "./wasm/opcodes.ts";

/** The lane extended to 64 bits as its signedness says, the amount, the lane's bits, and a set of shiftKind. */
export const shiftLaneType: readonly [ValueType[], ValueType[]] = [["i64", "i32", "i32", "i32"], ["i64"]];

/** The state is memory 0. */
export function shiftLane(): Code {
  const code = new Code(4);
  const [value, amount, bits, kind] = [0, 1, 2, 3] as const;
  const isKind = (bit: number): Code => code.get(kind).i32(bit).op(op.i32_and);
  const result = code.newLocal("i64");
  const bound = code.newLocal("i64");
  code.get(amount).i32(0).op(op.i32_lt_s).if();
  shiftRight();
  code.end();
  shiftLeft();
  return code;

  /** By −amount; the bit that goes out last is added to a rounded result. */
  function shiftRight(): void {
    const by = code.newLocal("i64");
    code.i32(0).get(amount).op(op.i32_sub).op(op.i64_extend_i32_u).set(by);
    // Everything is gone; a signed lane is all sign, and rounds to zero.
    code.get(by).i64(64).op(op.i64_gt_u).if();
    isKind(shiftKind.signed | shiftKind.rounding)
      .i32(shiftKind.signed)
      .op(op.i32_eq)
      .if("i64");
    code.get(value).i64(63).op(op.i64_shr_s).else().i64(0).end().op(op.return).end();
    isKind(shiftKind.signed).if("i64");
    code.get(value).get(by).i64(63).get(by).i64(63).op(op.i64_lt_u).op(op.select).op(op.i64_shr_s);
    code.else();
    code.i64(0).get(value).get(by).op(op.i64_shr_u).get(by).i64(64).op(op.i64_eq).op(op.select);
    code.end().set(result);
    isKind(shiftKind.rounding).if();
    code.get(value).get(by).i64(1).op(op.i64_sub).op(op.i64_shr_u).i64(1).op(op.i64_and);
    code.get(result).op(op.i64_add).set(result).end();
    code.get(result).op(op.return);
  }

  function shiftLeft(): void {
    code.i64(0).get(value).get(amount).op(op.i64_extend_i32_u).op(op.i64_shl);
    code.get(amount).get(bits).op(op.i32_ge_u).op(op.select).set(result);
    isKind(shiftKind.saturating).op(op.i32_eqz).if();
    code.get(result).op(op.return).end();
    // Extends the lane again and shifts it back: it has saturated if that is another value.
    const back = code.newLocal("i64");
    const unused = code.newLocal("i64");
    code.i64(64).get(bits).op(op.i64_extend_i32_u).op(op.i64_sub).set(unused);
    code.get(result).get(unused).op(op.i64_shl).set(back);
    for (const isSigned of [true, false]) {
      const shift = isSigned ? op.i64_shr_s : op.i64_shr_u;
      if (isSigned) isKind(shiftKind.signed).if();
      code.get(back).get(unused).op(shift).get(amount).op(op.i64_extend_i32_u).op(shift).set(back);
      code.i64(-1).get(unused);
      if (isSigned) code.i64(1).op(op.i64_add);
      code.op(op.i64_shr_u).set(bound);
      if (isSigned) code.get(bound).get(value).i64(63).op(op.i64_shr_s).op(op.i64_xor).set(bound).else();
    }
    code.end();
    code.get(back).get(value).op(op.i64_eq).if();
    code.get(result).op(op.return).end();
    code.i32(0).i32(0).memory(op.i32_load, 0, 2, stateOffset.fpsr).i32(statusBit.saturation).op(op.i32_or);
    code.memory(op.i32_store, 0, 2, stateOffset.fpsr);
    code.get(bound);
  }
}
