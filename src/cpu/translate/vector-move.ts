/** Advanced SIMD that moves or counts bits: duplicates, inserts, permutations, tables, constants, bit counts and byte orders. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import { expandImmediate } from "./floating.ts";
import {
  extractLane,
  keepVector,
  laneOp,
  perLane,
  pushSplat,
  setLowLane,
  setVector,
  shuffleElements,
  upTo,
} from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

/** imm5 holds the size as its lowest set bit, and the index above that; null: reserved. */
function elementOf(f: Fields): { size: number; index: number } | null {
  if ((f.imm5 & 15) === 0) return null;
  const size = 31 - Math.clz32(f.imm5 & -f.imm5);
  return { size, index: f.imm5 >> (size + 1) };
}

/** UMOV and SMOV: a lane to a general register. */
function moveToGeneral(isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    const element = elementOf(f);
    if (element === null) return false;
    const { size, index } = element;
    if (isSigned ? size > 1 + f.Q : (size === 3) !== (f.Q === 1)) return false;
    context.v(f.Rn);
    extractLane(context.code, size, index, isSigned);
    if (isSigned && f.Q === 1) {
      context.code.op(op.i64_extend_i32_s);
      context.setX(f.Rd);
    } else {
      context.setR(f.Rd, size === 3);
    }
    return true;
  };
}

/** Two vectors rearranged: `choose` gives for each element of the result its number in Vn and, from `count` up, Vm. */
function permute(choose: (index: number, count: number) => number): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3 && f.Q === 0) return false;
    const count = (f.Q === 1 ? 16 : 8) >> f.size;
    context.v(f.Rn);
    context.v(f.Rm);
    const elements = upTo(count).map((index) => choose(index, count));
    shuffleElements(
      context.code,
      f.size,
      elements.map((element) => (element < count ? element : element - count + (16 >> f.size))),
    );
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

/** Reverses lanes of 8 << size bits inside containers of `container` bytes. */
function reverse(container: number): Translation<Fields> {
  return (context, f) => {
    const laneBytes = 1 << f.size;
    if (laneBytes >= container) return false;
    const n = keepVector(context, f.Rn);
    const perContainer = container / laneBytes;
    context.code.get(n).get(n);
    shuffleElements(
      context.code,
      f.size,
      upTo(16 >> f.size).map((index) => {
        const within = index % perContainer;
        return index - within + (perContainer - 1 - within);
      }),
    );
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

function table(keepsOthers: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    const index = keepVector(context, f.Rm);
    for (let place = 0; place <= f.len; place++) {
      context.v((f.Rn + place) % 32);
      code.get(index);
      if (place > 0) {
        pushSplat(code, 0, BigInt(16 * place));
        code.op(op.i8x16_sub);
      }
      // Numbers from 16 up, and those that went below zero, give 0.
      code.op(op.i8x16_swizzle);
      if (place > 0) code.op(op.v128_or);
    }
    if (keepsOthers) {
      context.v(f.Rd);
      code.get(index);
      pushSplat(code, 0, BigInt(16 * (f.len + 1)));
      code.op(op.i8x16_lt_u).op(op.v128_bitselect);
    }
    setVector(context, f.Rd, f.Q);
  };
}

/** The constant that abcdefgh stands for, as 64 bits, by the kind of modified immediate. */
function immediate(
  kind: "word" | "half" | "ones" | "byte" | "mask" | "single" | "double",
  invert: boolean,
): Translation<Fields> {
  return (context, f) => {
    let half = expand(kind, f);
    if (invert) half = ~half & 0xffffffffffffffffn;
    context.code.v128(half, half);
    setVector(context, f.Rd, f.Q);
  };
}

function expand(kind: Parameters<typeof immediate>[0], f: Fields): bigint {
  const byte = (f.abc << 5) | f.defgh;
  const repeat = (value: bigint, bits: number): bigint => {
    let result = 0n;
    for (let at = 0; at < 64; at += bits) result |= value << BigInt(at);
    return result;
  };
  switch (kind) {
    case "word":
      return repeat(BigInt(byte) << BigInt(8 * f.part), 32);
    case "half":
      return repeat(BigInt(byte) << BigInt(8 * f.sh), 16);
    case "ones":
      return repeat(f.sh === 1 ? (BigInt(byte) << 16n) | 0xffffn : (BigInt(byte) << 8n) | 0xffn, 32);
    case "byte":
      return repeat(BigInt(byte), 8);
    case "mask": {
      let result = 0n;
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) result |= 0xffn << BigInt(8 * bit);
      return result;
    }
    case "single":
      return repeat(BigInt(new Uint32Array(new Float32Array([expandImmediate(byte)]).buffer)[0] as number), 32);
    case "double":
      return new BigUint64Array(new Float64Array([expandImmediate(byte)]).buffer)[0] as bigint;
  }
}

/** ORR and BIC with a constant. */
function immediateLogic(kind: "word" | "half", opcode: number): Translation<Fields> {
  return (context, f) => {
    const half = expand(kind, f);
    context.v(f.Rd);
    context.code.v128(half, half).op(opcode);
    setVector(context, f.Rd, f.Q);
  };
}

/** Reverses the bits of each byte of the vector on the stack, through a table for nibbles. */
function reverseBits(context: Context): void {
  const { code } = context;
  const value = context.keep("v128");
  const reversed = [0x0e060a020c040800n, 0x0f070b030d050901n] as const;
  code.v128(...reversed).get(value);
  pushSplat(code, 0, 15n);
  code.op(op.v128_and).op(op.i8x16_swizzle).i32(4).op(op.i8x16_shl);
  code
    .v128(...reversed)
    .get(value)
    .i32(4)
    .op(op.i8x16_shr_u)
    .op(op.i8x16_swizzle)
    .op(op.v128_or);
}

/** CLZ and CLS, one lane after another. */
function countLeading(sign: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3) return false;
    const { code } = context;
    const bits = 8 << f.size;
    perLane(context, f.size, f.Q, sign, [keepVector(context, f.Rn)], ([lane]) => {
      code.get(lane as number);
      if (sign)
        code
          .get(lane as number)
          .i32(1)
          .op(op.i32_shr_s)
          .op(op.i32_xor);
      code
        .op(op.i32_clz)
        .i32(32 - bits + (sign ? 1 : 0))
        .op(op.i32_sub);
    });
    setVector(context, f.Rd, f.Q);
    return true;
  };
}

export const vectorMove: Handlers = {
  DUP_element: (context, f) => {
    const element = elementOf(f);
    if (element === null || (element.size === 3 && f.Q === 0)) return false;
    const n = keepVector(context, f.Rn);
    context.code.get(n).get(n);
    shuffleElements(
      context.code,
      element.size,
      upTo(16 >> element.size).map(() => element.index),
    );
    setVector(context, f.Rd, f.Q);
    return true;
  },
  DUP_general: (context, f) => {
    const element = elementOf(f);
    if (element === null || (element.size === 3 && f.Q === 0)) return false;
    context.r(f.Rn, element.size === 3);
    context.code.op(laneOp(element.size, "splat"));
    setVector(context, f.Rd, f.Q);
    return true;
  },
  DUP_scalar: (context, f) => {
    const element = elementOf(f);
    if (element === null) return false;
    const n = keepVector(context, f.Rn);
    context.code.get(n).get(n);
    shuffleElements(context.code, element.size, [element.index]);
    setLowLane(context, f.Rd, element.size);
    return true;
  },
  SMOV: moveToGeneral(true),
  UMOV: moveToGeneral(false),
  INS_general: (context, f) => {
    const element = elementOf(f);
    if (element === null) return false;
    context.v(f.Rd);
    context.r(f.Rn, element.size === 3);
    context.code.opWith(laneOp(element.size, "replace_lane"), element.index);
    context.setV(f.Rd);
    return true;
  },
  INS_element: (context, f) => {
    const element = elementOf(f);
    if (element === null) return false;
    const { size, index } = element;
    const elements = upTo(16 >> size);
    elements[index] = (16 >> size) + (f.imm4 >> size);
    context.v(f.Rd);
    context.v(f.Rn);
    shuffleElements(context.code, size, elements);
    context.setV(f.Rd);
    return true;
  },
  EXT: (context, f) => {
    if (f.Q === 0 && f.imm4 > 7) return false;
    context.v(f.Rn);
    context.v(f.Rm);
    context.code.shuffle(
      upTo(16).map((lane) => {
        const byte = (lane + f.imm4) % 32;
        return f.Q === 1 || byte < 8 ? byte : 16 + ((byte - 8) % 16);
      }),
    );
    setVector(context, f.Rd, f.Q);
    return true;
  },
  TBL: table(false),
  TBX: table(true),
  UZP1: permute((index) => 2 * index),
  UZP2: permute((index) => 2 * index + 1),
  ZIP1: permute((index, count) => (index >> 1) + (index & 1) * count),
  ZIP2: permute((index, count) => (index >> 1) + (index & 1) * count + count / 2),
  TRN1: permute((index, count) => (index & ~1) + (index & 1) * count),
  TRN2: permute((index, count) => (index | 1) + (index & 1) * count),
  MOVI_imm: immediate("word", false),
  MVNI: immediate("word", true),
  MOVI_16: immediate("half", false),
  MVNI_16: immediate("half", true),
  MOVI_ones: immediate("ones", false),
  MVNI_ones: immediate("ones", true),
  MOVI_8: immediate("byte", false),
  MOVI_64: immediate("mask", false),
  FMOV_vs: immediate("single", false),
  FMOV_vd: (context, f) => immediate("double", false)(context, { ...f, Q: 1 }),
  ORR_vimm: immediateLogic("word", op.v128_or),
  ORR_vimm16: immediateLogic("half", op.v128_or),
  BIC_vimm: immediateLogic("word", op.v128_andnot),
  BIC_vimm16: immediateLogic("half", op.v128_andnot),
  REV64_v: reverse(8),
  REV32_v: reverse(4),
  REV16_v: reverse(2),
  CNT_v: (context, f) => {
    if (f.size !== 0) return false;
    context.v(f.Rn);
    context.code.op(op.i8x16_popcnt);
    setVector(context, f.Rd, f.Q);
    return true;
  },
  NOT_v: (context, f) => {
    context.v(f.Rn);
    context.code.op(op.v128_not);
    setVector(context, f.Rd, f.Q);
  },
  RBIT_v: (context, f) => {
    context.v(f.Rn);
    reverseBits(context);
    setVector(context, f.Rd, f.Q);
  },
  CLZ_v: countLeading(false),
  CLS_v: countLeading(true),
};
