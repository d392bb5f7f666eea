/** Integer logic, moves of constants, bit fields, shifts, bit and byte order, CRC32. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import { pushShifted } from "./arithmetic.ts";
import type { Context, Translation } from "./context.ts";
import { pendingFlags } from "./flags.ts";
import { integer, lowMask, pushConstant, swapGroups } from "./operators.ts";

type Handlers = Record<string, Translation<Fields>>;
type Logic = "and" | "or" | "xor";

/** The constant of a logical instruction (DecodeBitMasks in the manual), or null if reserved. */
export function decodeBitmask(f: Fields): bigint | null {
  const combined = (f.N << 6) | (~f.imms & 0x3f);
  if (combined < 2) return null;
  const length = 31 - Math.clz32(combined);
  const size = 1 << length;
  const ones = f.imms & (size - 1);
  const rotation = f.immr & (size - 1);
  if (ones === size - 1) return null;
  const element = lowMask(ones + 1);
  const rotated = ((element >> BigInt(rotation)) | (element << BigInt(size - rotation))) & lowMask(size);
  let pattern = 0n;
  for (let position = 0; position < 64; position += size) pattern |= rotated << BigInt(position);
  return pattern;
}

function finish(context: Context, f: Fields, setsFlags: boolean, toSp: boolean): void {
  const wide = f.sf === 1;
  if (setsFlags) {
    context.code.tee(wide ? context.flagLocals.result : context.flagLocals.narrowResult);
    context.setPending(pendingFlags("logic", wide));
  }
  if (toSp) context.setROrSp(f.Rd, wide);
  else context.setR(f.Rd, wide);
}

function immediate(logic: Logic, setsFlags = false): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    const mask = decodeBitmask(f);
    if (mask === null || (!wide && f.N === 1)) return false;
    context.r(f.Rn, wide);
    pushConstant(context.code, wide, mask);
    context.code.op(integer(wide, logic));
    finish(context, f, setsFlags, !setsFlags);
    return true;
  };
}

function register(logic: Logic, invert: boolean, setsFlags = false): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    if (!wide && f.imm6 >= 32) return false;
    context.r(f.Rn, wide);
    pushShifted(context, f, wide);
    if (invert) {
      pushConstant(context.code, wide, -1);
      context.code.op(integer(wide, "xor"));
    }
    context.code.op(integer(wide, logic));
    finish(context, f, setsFlags, false);
    return true;
  };
}

function moveWide(f: Fields): bigint {
  return BigInt(f.imm16) << BigInt(f.hw * 16);
}

/** Whether immr, imms and N suit the width. */
function isBitfield(f: Fields): boolean {
  return f.N === f.sf && (f.sf === 1 || (f.immr < 32 && f.imms < 32));
}

const bitfields: Handlers = {
  SBFM: (context, f) => {
    if (!isBitfield(f)) return false;
    const wide = f.sf === 1;
    const top = (wide ? 63 : 31) - f.imms;
    const down = f.imms >= f.immr ? top + f.immr : f.immr - 1 - f.imms;
    context.r(f.Rn, wide);
    pushConstant(context.code, wide, top);
    context.code.op(integer(wide, "shl"));
    pushConstant(context.code, wide, down);
    context.code.op(integer(wide, "shr_s"));
    context.setR(f.Rd, wide);
    return true;
  },
  UBFM: (context, f) => {
    if (!isBitfield(f)) return false;
    pushField(context, f);
    context.setR(f.Rd, f.sf === 1);
    return true;
  },
  BFM: (context, f) => {
    if (!isBitfield(f)) return false;
    const wide = f.sf === 1;
    const mask =
      f.imms >= f.immr ? lowMask(f.imms - f.immr + 1) : lowMask(f.imms + 1) << BigInt((wide ? 64 : 32) - f.immr);
    pushField(context, f);
    context.r(f.Rd, wide);
    pushConstant(context.code, wide, ~mask);
    context.code.op(integer(wide, "and")).op(integer(wide, "or"));
    context.setR(f.Rd, wide);
    return true;
  },
};

/** Pushes the field of Rn at its new place, all other bits zero. */
function pushField(context: Context, f: Fields): void {
  const { code } = context;
  const wide = f.sf === 1;
  const size = wide ? 64 : 32;
  context.r(f.Rn, wide);
  if (f.imms >= f.immr) {
    if (f.immr > 0) {
      pushConstant(code, wide, f.immr);
      code.op(integer(wide, "shr_u"));
    }
    if (f.imms < size - 1) {
      pushConstant(code, wide, lowMask(f.imms - f.immr + 1));
      code.op(integer(wide, "and"));
    }
    return;
  }
  if (f.imms + 1 < f.immr) {
    pushConstant(code, wide, lowMask(f.imms + 1));
    code.op(integer(wide, "and"));
  }
  pushConstant(code, wide, size - f.immr);
  code.op(integer(wide, "shl"));
}

/** WebAssembly takes the amount modulo the width, as Arm does. */
function shiftBy(name: "shl" | "shr_u" | "shr_s" | "rotr"): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    context.r(f.Rn, wide);
    context.r(f.Rm, wide);
    context.code.op(integer(wide, name));
    context.setR(f.Rd, wide);
  };
}

/** Swaps groups of these sizes in turn; for W registers the upper half stays zero. */
function reorder(...groups: readonly number[]): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    context.x(f.Rn);
    for (const bits of groups) swapGroups(context, bits);
    if (!wide) context.code.i64(0xffffffff).op(op.i64_and);
    context.setX(f.Rd);
  };
}

function crc(name: string, bytes: number): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    context.w(f.Rn);
    if (bytes < 8) {
      context.w(f.Rm);
      code.i32(bytes);
      context.call(name);
    } else {
      context.w(f.Rm);
      code.i32(4);
      context.call(name);
      context.x(f.Rm);
      code.i64(32).op(op.i64_shr_u).op(op.i32_wrap_i64).i32(4);
      context.call(name);
    }
    context.setW(f.Rd);
  };
}

export const logical: Handlers = {
  AND_imm: immediate("and"),
  ORR_imm: immediate("or"),
  EOR_imm: immediate("xor"),
  ANDS_imm: immediate("and", true),
  AND_reg: register("and", false),
  BIC_reg: register("and", true),
  ORR_reg: register("or", false),
  ORN_reg: register("or", true),
  EOR_reg: register("xor", false),
  EON_reg: register("xor", true),
  ANDS_reg: register("and", false, true),
  BICS_reg: register("and", true, true),
  MOVN: (context, f) => {
    if (f.sf === 0 && f.hw > 1) return false;
    context.code.i64(f.sf === 1 ? ~moveWide(f) : ~moveWide(f) & 0xffffffffn);
    context.setX(f.Rd);
    return true;
  },
  MOVZ: (context, f) => {
    if (f.sf === 0 && f.hw > 1) return false;
    context.code.i64(moveWide(f));
    context.setX(f.Rd);
    return true;
  },
  MOVK: (context, f) => {
    if (f.sf === 0 && f.hw > 1) return false;
    context.x(f.Rd);
    const kept = ~(0xffffn << BigInt(f.hw * 16));
    context.code
      .i64(f.sf === 1 ? kept : kept & 0xffffffffn)
      .op(op.i64_and)
      .i64(moveWide(f))
      .op(op.i64_or);
    context.setX(f.Rd);
    return true;
  },
  ...bitfields,
  EXTR: (context, f) => {
    const wide = f.sf === 1;
    if (f.N !== f.sf || (!wide && f.imms >= 32)) return false;
    if (f.imms === 0) {
      context.r(f.Rm, wide);
    } else {
      context.r(f.Rm, wide);
      pushConstant(context.code, wide, f.imms);
      context.code.op(integer(wide, "shr_u"));
      context.r(f.Rn, wide);
      pushConstant(context.code, wide, (wide ? 64 : 32) - f.imms);
      context.code.op(integer(wide, "shl")).op(integer(wide, "or"));
    }
    context.setR(f.Rd, wide);
    return true;
  },
  LSLV: shiftBy("shl"),
  LSRV: shiftBy("shr_u"),
  ASRV: shiftBy("shr_s"),
  RORV: shiftBy("rotr"),
  RBIT: (context, f) => {
    context.x(f.Rn);
    for (const bits of [1, 2, 4, 8, 16]) swapGroups(context, bits);
    context.code.i64(32).op(f.sf === 1 ? op.i64_rotl : op.i64_shl);
    if (f.sf === 0) context.code.i64(32).op(op.i64_shr_u);
    context.setX(f.Rd);
  },
  REV16: reorder(8),
  REV_w: reorder(8, 16),
  REV32: (context, f) => reorder(8, 16)(context, { ...f, sf: 1 }),
  REV_x: (context, f) => {
    context.x(f.Rn);
    swapGroups(context, 8);
    swapGroups(context, 16);
    context.code.i64(32).op(op.i64_rotl);
    context.setX(f.Rd);
  },
  CLZ: (context, f) => {
    context.r(f.Rn, f.sf === 1);
    context.code.op(integer(f.sf === 1, "clz"));
    context.setR(f.Rd, f.sf === 1);
  },
  CLS: (context, f) => {
    const wide = f.sf === 1;
    context.r(f.Rn, wide);
    context.r(f.Rn, wide);
    pushConstant(context.code, wide, 1);
    context.code.op(integer(wide, "shr_s")).op(integer(wide, "xor")).op(integer(wide, "clz"));
    pushConstant(context.code, wide, 1);
    context.code.op(integer(wide, "sub"));
    context.setR(f.Rd, wide);
  },
  CRC32B: crc("crc32", 1),
  CRC32H: crc("crc32", 2),
  CRC32W: crc("crc32", 4),
  CRC32X: crc("crc32", 8),
  CRC32CB: crc("crc32c", 1),
  CRC32CH: crc("crc32c", 2),
  CRC32CW: crc("crc32c", 4),
  CRC32CX: crc("crc32c", 8),
};
