/** Advanced SIMD on integers: arithmetic, comparison, logic, pairwise, widening, narrowing, across lanes, and shifts. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import type { Context, Translation } from "./context.ts";
import {
  hasLaneOp,
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

/** WebAssembly has no unsigned comparison of 64-bit lanes: flip the sign bits. */
function unsignedComparison(name: "gt" | "ge"): Binary {
  return (context, size, n, m) => {
    const { code } = context;
    if (size < 3) {
      code
        .get(n)
        .get(m)
        .op(laneOp(size, `${name}_u`));
      return true;
    }
    const flip = (local: number): void => {
      code.get(local);
      pushSplat(code, 3, 1n << 63n);
      code.op(op.v128_xor);
    };
    flip(n);
    flip(m);
    code.op(laneOp(3, `${name}_s`));
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
    const sign = isSigned ? "s" : "u";
    const { code } = context;
    code
      .get(n)
      .get(m)
      .op(laneOp(size, `max_${sign}`))
      .get(n)
      .get(m)
      .op(laneOp(size, `min_${sign}`))
      .op(laneOp(size, "sub"));
    return true;
  };
}

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

/** Saturating addition and subtraction, for 8 and 16 bits as WebAssembly has it, for 32 through 64. */
function saturating(kind: "add" | "sub", isSigned: boolean, scalar: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    if (f.size === 3 && (scalar || f.Q === 1)) {
      pushSaturating64(context, kind, isSigned, keepVector(context, f.Rn), keepVector(context, f.Rm));
    } else if (f.size === 3) {
      return false;
    } else if (f.size < 2) {
      context.v(f.Rn);
      context.v(f.Rm);
      code.op(laneOp(f.size, `${kind}_sat_${isSigned ? "s" : "u"}`));
    } else {
      const [n, m] = [keepVector(context, f.Rn), keepVector(context, f.Rm)];
      perLane(context, 2, scalar ? 0 : f.Q, isSigned, [n, m], ([a, b]) => {
        const extend = isSigned ? op.i64_extend_i32_s : op.i64_extend_i32_u;
        const [low, high] = isSigned ? [-0x80000000n, 0x7fffffffn] : [0n, 0xffffffffn];
        const wide = context.temporary("i64");
        code
          .get(a as number)
          .op(extend)
          .get(b as number)
          .op(extend)
          .op(kind === "add" ? op.i64_add : op.i64_sub)
          .set(wide);
        code.i64(high).get(wide).get(wide).i64(high).op(op.i64_gt_s).op(op.select).set(wide);
        code.i64(low).get(wide).get(wide).i64(low).op(op.i64_lt_s).op(op.select).op(op.i32_wrap_i64);
      });
    }
    if (scalar) setLowLane(context, f.Rd, f.size);
    else setVector(context, f.Rd, f.Q);
    return true;
  };
}

function pushSaturating64(context: Context, kind: "add" | "sub", isSigned: boolean, n: number, m: number): void {
  const { code } = context;
  const result = context.temporary("v128");
  code.get(n).get(m).op(laneOp(3, kind)).set(result);
  if (isSigned) {
    // On overflow the largest number of the first operand's sign.
    code.get(n).i32(63).op(op.i64x2_shr_s);
    pushSplat(code, 3, 0x7fffffffffffffffn);
    code.op(op.v128_xor).get(result);
    code.get(n).get(m).op(op.v128_xor);
    if (kind === "add") code.op(op.v128_not);
    code.get(n).get(result).op(op.v128_xor).op(op.v128_and).i32(63).op(op.i64x2_shr_s).op(op.v128_bitselect);
    return;
  }
  if (kind === "add") {
    unsignedComparison("gt")(context, 3, n, result);
    code.get(result).op(op.v128_or);
  } else {
    code.get(result);
    unsignedComparison("ge")(context, 3, n, m);
    code.op(op.v128_and);
  }
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

/** Pushes the even or odd elements of n and then m. */
export function pushEvery(context: Context, size: number, q: number, n: number, m: number, odd: 0 | 1): void {
  const count = (q === 1 ? 16 : 8) >> size;
  const elements = upTo(count).map((index) => 2 * index + odd);
  context.code.get(n).get(m);
  shuffleElements(
    context.code,
    size,
    elements.map((element) => (element < count ? element : element - count + (16 >> size))),
  );
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

const shapeNames = ["i8x16", "i16x8", "i32x4"] as const;

/** Pops a vector, pushes its lower or upper half with lanes twice as wide. */
function widen(context: Context, size: number, upper: number, isSigned: boolean): void {
  const name = `extend_${upper === 1 ? "high" : "low"}_${shapeNames[size]}_${isSigned ? "s" : "u"}`;
  context.code.op(laneOp(size + 1, name));
}

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
    absoluteDifference(isSigned)(context, f.size, keepVector(context, f.Rn), keepVector(context, f.Rm));
    widen(context, f.size, f.Q, false);
    if (accumulate) {
      context.v(f.Rd);
      context.code.op(laneOp(f.size + 1, "add"));
    }
    context.setV(f.Rd);
    return true;
  };
}

/** Pushes products in lanes twice as wide. */
function pushMultiplyLong(
  context: Context,
  size: number,
  upper: number,
  isSigned: boolean,
  n: number,
  m: number,
): void {
  const name = `extmul_${upper === 1 ? "high" : "low"}_${shapeNames[size]}_${isSigned ? "s" : "u"}`;
  context.code
    .get(n)
    .get(m)
    .op(laneOp(size + 1, name));
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

/** The element that a by-element form names, in all lanes. */
export function keepElement(context: Context, f: Fields): number {
  const half = f.size === 1;
  const register = half ? f.Rm4 : (f.M << 4) | f.Rm4;
  const index = half ? (f.H << 2) | (f.L << 1) | f.M : f.size === 2 ? (f.H << 1) | f.L : f.H;
  const value = keepVector(context, register);
  context.code.get(value).get(value);
  shuffleElements(
    context.code,
    f.size,
    upTo(16 >> f.size).map(() => index),
  );
  return context.keep("v128");
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

/** Pops a vector of wide lanes and puts their lower (or upper) halves into the lower or, with Q, upper half of Vd. */
export function setNarrowed(context: Context, f: Fields, size: number, upperHalves: 0 | 1): void {
  const { code } = context;
  const wide = context.keep("v128");
  const elements = upTo(8 >> size).map((index) => 2 * index + upperHalves);
  if (f.Q === 0) {
    code.get(wide).v128(0n, 0n);
    shuffleElements(code, size, [...elements, ...upTo(8 >> size).map((index) => (16 >> size) + index)]);
  } else {
    context.v(f.Rd);
    code.get(wide);
    shuffleElements(code, size, [...upTo(8 >> size), ...elements.map((element) => (16 >> size) + element)]);
  }
  context.setV(f.Rd);
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

/** Size and amount of a shift by an immediate. */
export function shiftOf(f: Fields): { size: number; bits: number; right: number; left: number } {
  const size = 31 - Math.clz32(f.immh);
  const bits = 8 << size;
  const amount = (f.immh << 3) | f.immb;
  return { size, bits, right: 2 * bits - amount, left: amount - bits };
}

/** Pushes the vector in a local shifted right; by the full width too. */
export function pushShiftedRight(
  context: Context,
  size: number,
  amount: number,
  isSigned: boolean,
  value: number,
): void {
  const { code } = context;
  const bits = 8 << size;
  if (amount >= bits && !isSigned) {
    code.v128(0n, 0n);
    return;
  }
  code
    .get(value)
    .i32(Math.min(amount, bits - 1))
    .op(laneOp(size, isSigned ? "shr_s" : "shr_u"));
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

/** Saturating narrowing: WebAssembly has it for 16 and 32 bits; 64-bit lanes go one by one. */
function saturateNarrow(fromSigned: boolean, toSigned: boolean): Translation<Fields> {
  return (context, f) => {
    if (f.size === 3) return false;
    const { code } = context;
    const bits = BigInt(8 << f.size);
    const low = toSigned ? -(1n << (bits - 1n)) : 0n;
    const high = toSigned ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n;
    const wideSize = f.size + 1;
    const value = keepVector(context, f.Rn);
    const limit = (bound: bigint, name: "min" | "max"): void => {
      if (wideSize < 3) {
        code.get(value);
        pushSplat(code, wideSize, bound);
        code.op(laneOp(wideSize, `${name}_${fromSigned ? "s" : "u"}`)).set(value);
        return;
      }
      const constant = context.temporary("v128");
      pushSplat(code, 3, bound);
      code.set(constant).get(constant).get(value);
      const [a, b] = name === "min" ? [value, constant] : [constant, value];
      if (fromSigned) code.get(a).get(b).op(op.i64x2_gt_s);
      else unsignedComparison("gt")(context, 3, a, b);
      code.op(op.v128_bitselect).set(value);
    };
    limit(high, "min");
    if (fromSigned) limit(low, "max");
    code.get(value);
    setNarrowed(context, f, f.size, 0);
    return true;
  };
}

function bothForms(name: string, make: (scalar: boolean) => Translation<Fields>): Handlers {
  return { [`${name}_v`]: make(false), [`${name}_s`]: make(true) };
}

function threeForms(): Handlers {
  const handlers: Handlers = {};
  for (const [name, binary] of Object.entries(binaries)) handlers[`${name}_v`] = three(binary);
  for (const name of ["ADD", "SUB", "CMEQ", "CMGT", "CMGE", "CMHI", "CMHS", "CMTST"]) {
    handlers[`${name}_s`] = threeScalar(binaries[name] as Binary);
  }
  for (const [name, isSigned] of [
    ["SSHL", true],
    ["USHL", false],
  ] as const) {
    const shift = shiftByRegister(isSigned);
    handlers[`${name}_v`] = (context, f) => {
      if (f.size === 3 && f.Q === 0) return false;
      shift(context, f.size, f.Q, keepVector(context, f.Rn), keepVector(context, f.Rm));
      setVector(context, f.Rd, f.Q);
      return true;
    };
    handlers[`${name}_s`] = (context, f) => {
      if (f.size !== 3) return false;
      shift(context, 3, 0, keepVector(context, f.Rn), keepVector(context, f.Rm));
      setLowLane(context, f.Rd, 3);
      return true;
    };
  }
  return handlers;
}

export const vectorInteger: Handlers = {
  ...threeForms(),
  ...bothForms("SQADD", (scalar) => saturating("add", true, scalar)),
  ...bothForms("UQADD", (scalar) => saturating("add", false, scalar)),
  ...bothForms("SQSUB", (scalar) => saturating("sub", true, scalar)),
  ...bothForms("UQSUB", (scalar) => saturating("sub", false, scalar)),
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
  ...bothForms("CMGT_zero", (scalar) => compareZero("gt_s", scalar)),
  ...bothForms("CMGE_zero", (scalar) => compareZero("ge_s", scalar)),
  ...bothForms("CMEQ_zero", (scalar) => compareZero("eq", scalar)),
  ...bothForms("CMLE_zero", (scalar) => compareZero("le_s", scalar)),
  ...bothForms("CMLT_zero", (scalar) => compareZero("lt_s", scalar)),
  ...bothForms("ABS", (scalar) => unary("abs", scalar)),
  ...bothForms("NEG", (scalar) => unary("neg", scalar)),
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
  XTN_v: (context, f) => {
    if (f.size === 3) return false;
    context.v(f.Rn);
    setNarrowed(context, f, f.size, 0);
    return true;
  },
  SQXTN_v: saturateNarrow(true, true),
  SQXTUN_v: saturateNarrow(true, false),
  UQXTN_v: saturateNarrow(false, false),
  SHLL_v: (context, f) => {
    if (f.size === 3) return false;
    context.v(f.Rn);
    widen(context, f.size, f.Q, false);
    context.code.i32(8 << f.size).op(laneOp(f.size + 1, "shl"));
    context.setV(f.Rd);
    return true;
  },
};
