/** Integer addition, subtraction, comparison, multiplication, division, and address formation. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import { conditionalFlags, pendingFlags } from "./flags.ts";
import { integer, pushConstant, pushMultiplyHigh } from "./operators.ts";

type Handlers = Record<string, Translation<Fields>>;

/** Pops b and a into the flag locals, and pushes a ± b, which becomes the flags' result too. */
export function combineAndSetFlags(context: Context, kind: "add" | "sub", wide: boolean): void {
  const { code, flagLocals: locals } = context;
  const [a, b, result] = wide
    ? [locals.a, locals.b, locals.result]
    : [locals.narrowA, locals.narrowB, locals.narrowResult];
  code.set(b).set(a);
  code.get(a).get(b).op(integer(wide, kind)).tee(result);
  context.setPending(pendingFlags(kind, wide));
}

function finish(context: Context, f: Fields, kind: "add" | "sub", setsFlags: boolean, toSp: boolean): void {
  const wide = f.sf === 1;
  if (setsFlags) {
    combineAndSetFlags(context, kind, wide);
    context.setR(f.Rd, wide);
    return;
  }
  context.code.op(integer(wide, kind));
  if (toSp) context.setROrSp(f.Rd, wide);
  else context.setR(f.Rd, wide);
}

function immediate(kind: "add" | "sub", setsFlags: boolean): Translation<Fields> {
  return (context, f) => {
    context.rOrSp(f.Rn, f.sf === 1);
    pushConstant(context.code, f.sf === 1, f.imm12 << (f.sh * 12));
    finish(context, f, kind, setsFlags, true);
  };
}

/** Pushes Rm, shifted as `shift` (LSL, LSR, ASR, ROR) and `amount` say. */
export function pushShifted(context: Context, f: Fields, wide: boolean): void {
  context.r(f.Rm, wide);
  if (f.imm6 === 0) return;
  pushConstant(context.code, wide, f.imm6);
  context.code.op(integer(wide, (["shl", "shr_u", "shr_s", "rotr"] as const)[f.shift] ?? "shl"));
}

function shifted(kind: "add" | "sub", setsFlags: boolean): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    if (f.shift === 3 || (!wide && f.imm6 >= 32)) return false;
    context.r(f.Rn, wide);
    pushShifted(context, f, wide);
    finish(context, f, kind, setsFlags, false);
  };
}

/** Pushes Rm as i64, extended as `option` says (UXTB to SXTX) and shifted left. */
export function pushExtended(context: Context, register: number, option: number, shift: number): void {
  const { code } = context;
  context.x(register);
  switch (option) {
    case 0:
      code.i64(0xff).op(op.i64_and);
      break;
    case 1:
      code.i64(0xffff).op(op.i64_and);
      break;
    case 2:
      code.i64(0xffffffff).op(op.i64_and);
      break;
    case 4:
      code.op(op.i64_extend8_s);
      break;
    case 5:
      code.op(op.i64_extend16_s);
      break;
    case 6:
      code.op(op.i64_extend32_s);
      break;
  }
  if (shift > 0) code.i64(shift).op(op.i64_shl);
}

function extended(kind: "add" | "sub", setsFlags: boolean): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    if (f.imm3 > 4) return false;
    context.rOrSp(f.Rn, wide);
    pushExtended(context, f.Rm, f.option, f.imm3);
    if (!wide) context.code.op(op.i32_wrap_i64);
    finish(context, f, kind, setsFlags, true);
  };
}

/** ADC and SBC: a + b + C, with b inverted to subtract. The flags are computed at once. */
function withCarry(subtract: boolean, setsFlags: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    const wide = f.sf === 1;
    const type = wide ? "i64" : "i32";
    context.condition(2);
    if (wide) code.op(op.i64_extend_i32_u);
    const carry = context.keep(type);
    context.r(f.Rm, wide);
    if (subtract) {
      pushConstant(code, wide, -1);
      code.op(integer(wide, "xor"));
    }
    const b = context.keep(type);
    context.r(f.Rn, wide);
    const a = context.keep(type);
    const result = context.temporary(type);
    code.get(a).get(b).op(integer(wide, "add")).get(carry).op(integer(wide, "add")).set(result);
    if (setsFlags) {
      const less = wide ? op.i64_lt_s : op.i32_lt_s;
      code.get(result);
      pushConstant(code, wide, 0);
      code.op(less).i32(31).op(op.i32_shl);
      code.get(result).op(integer(wide, "eqz")).i32(30).op(op.i32_shl).op(op.i32_or);
      // Carry out of the top bit: majority(a, b, not result) there.
      const top = (): void => {
        pushConstant(code, wide, wide ? 63 : 31);
        code.op(integer(wide, "shr_u"));
        if (wide) code.op(op.i32_wrap_i64);
      };
      code.get(a).get(b).op(integer(wide, "and"));
      code.get(a).get(b).op(integer(wide, "or")).get(result);
      pushConstant(code, wide, -1);
      code.op(integer(wide, "xor")).op(integer(wide, "and")).op(integer(wide, "or"));
      top();
      code.i32(29).op(op.i32_shl).op(op.i32_or);
      code.get(a).get(result).op(integer(wide, "xor"));
      code.get(b).get(result).op(integer(wide, "xor")).op(integer(wide, "and"));
      top();
      code.i32(28).op(op.i32_shl).op(op.i32_or);
      context.setPackedFlags();
    }
    code.get(result);
    context.setR(f.Rd, wide);
  };
}

/**
 * CCMP, CCMN: flags of a comparison if the condition holds, otherwise the instruction's constant. A chain of these keeps the
 * operands of the last one only.
 */
function conditionalCompare(kind: "add" | "sub", fromImmediate: boolean): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    context.condition(f.cond);
    context.code.set(context.flagLocals.chosen);
    context.r(f.Rn, wide);
    if (fromImmediate) pushConstant(context.code, wide, f.imm5);
    else context.r(f.Rm, wide);
    combineAndSetFlags(context, kind, wide);
    context.code.op(op.drop);
    context.setPending(conditionalFlags(pendingFlags(kind, wide), f.nzcv));
  };
}

function select(invert: boolean, increment: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    const wide = f.sf === 1;
    context.r(f.Rn, wide);
    if (invert && increment) pushConstant(code, wide, 0);
    context.r(f.Rm, wide);
    if (invert && increment) {
      code.op(integer(wide, "sub"));
    } else if (invert || increment) {
      pushConstant(code, wide, invert ? -1 : 1);
      code.op(integer(wide, invert ? "xor" : "add"));
    }
    context.condition(f.cond);
    code.op(op.select);
    context.setR(f.Rd, wide);
  };
}

function multiplyAdd(kind: "add" | "sub"): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    context.r(f.Ra, wide);
    context.r(f.Rn, wide);
    context.r(f.Rm, wide);
    context.code.op(integer(wide, "mul")).op(integer(wide, kind));
    context.setR(f.Rd, wide);
  };
}

function multiplyAddLong(kind: "add" | "sub", isSigned: boolean): Translation<Fields> {
  const extend = isSigned ? op.i64_extend_i32_s : op.i64_extend_i32_u;
  return (context, f) => {
    context.x(f.Ra);
    context.w(f.Rn);
    context.code.op(extend);
    context.w(f.Rm);
    context.code.op(extend).op(op.i64_mul).op(integer(true, kind));
    context.setX(f.Rd);
  };
}

function multiplyHigh(isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    context.x(f.Rn);
    const a = context.keep("i64");
    context.x(f.Rm);
    const b = context.keep("i64");
    pushMultiplyHigh(context, a, b);
    if (isSigned) {
      for (const [one, other] of [
        [a, b],
        [b, a],
      ] as const) {
        code.get(one).i64(63).op(op.i64_shr_s).get(other).op(op.i64_and).op(op.i64_sub);
      }
    }
    context.setX(f.Rd);
  };
}

/** Division by zero gives 0; the most negative number by −1 gives itself (C6.2, SDIV). */
function divide(isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    const wide = f.sf === 1;
    const type = wide ? "i64" : "i32";
    context.r(f.Rn, wide);
    const a = context.keep(type);
    context.r(f.Rm, wide);
    const b = context.keep(type);
    code.get(b).op(integer(wide, "eqz")).if(type);
    pushConstant(code, wide, 0);
    code.else();
    if (isSigned) {
      code.get(b);
      pushConstant(code, wide, -1);
      code.op(integer(wide, "eq")).if(type);
      pushConstant(code, wide, 0);
      code.get(a).op(integer(wide, "sub")).else();
      code
        .get(a)
        .get(b)
        .op(wide ? op.i64_div_s : op.i32_div_s)
        .end();
    } else {
      code.get(a).get(b).op(integer(wide, "div_u"));
    }
    code.end();
    context.setR(f.Rd, wide);
  };
}

/** `immlo` and `immhi` as a signed number of 21 bits. */
function relative(f: Fields): number {
  return ((f.immhi << 13) >> 11) | f.immlo;
}

export const arithmetic: Handlers = {
  ADR: (context, f) => {
    context.code.i64(context.pc + relative(f));
    context.setX(f.Rd);
  },
  ADRP: (context, f) => {
    context.code.i64(context.pc - (context.pc % 4096) + relative(f) * 4096);
    context.setX(f.Rd);
  },
  ADD_imm: immediate("add", false),
  ADDS_imm: immediate("add", true),
  SUB_imm: immediate("sub", false),
  SUBS_imm: immediate("sub", true),
  ADD_reg: shifted("add", false),
  ADDS_reg: shifted("add", true),
  SUB_reg: shifted("sub", false),
  SUBS_reg: shifted("sub", true),
  ADD_ext: extended("add", false),
  ADDS_ext: extended("add", true),
  SUB_ext: extended("sub", false),
  SUBS_ext: extended("sub", true),
  ADC: withCarry(false, false),
  ADCS: withCarry(false, true),
  SBC: withCarry(true, false),
  SBCS: withCarry(true, true),
  CCMN_reg: conditionalCompare("add", false),
  CCMP_reg: conditionalCompare("sub", false),
  CCMN_imm: conditionalCompare("add", true),
  CCMP_imm: conditionalCompare("sub", true),
  CSEL: select(false, false),
  CSINC: select(false, true),
  CSINV: select(true, false),
  CSNEG: select(true, true),
  UDIV: divide(false),
  SDIV: divide(true),
  MADD: multiplyAdd("add"),
  MSUB: multiplyAdd("sub"),
  SMADDL: multiplyAddLong("add", true),
  SMSUBL: multiplyAddLong("sub", true),
  UMADDL: multiplyAddLong("add", false),
  UMSUBL: multiplyAddLong("sub", false),
  SMULH: multiplyHigh(true),
  UMULH: multiplyHigh(false),
};
