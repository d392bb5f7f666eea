/**
 * The part of Advanced SIMD that C libraries and compilers use for strings, copies and small loops, interpreted: integer lanes of
 * up to 32 bits, logic, moves and constants. Lanes of 64 bits are mostly left to the translator.
 */
import { type Handler, type Machine, outcome } from "./machine.ts";
import { countOf, finish, isQuad, lanesOf, resultOf, resultWords, rmOf, rnOf, sizeOf } from "./vector-lanes.ts";

/** Lane by lane; a result is taken modulo the lane's width. */
function binary(isSigned: boolean, operate: (a: number, b: number) => number): Handler {
  return (m, word) => {
    const size = sizeOf(word);
    if (size === 3) return outcome.translate;
    const lanes = lanesOf(m, size, isSigned);
    const result = resultOf(size);
    const [n, other] = [m.lanesOf(rnOf(word), size), m.lanesOf(rmOf(word), size)];
    const count = countOf(word, size);
    for (let index = 0; index < count; index++)
      result[index] = operate(lanes[n + index] as number, lanes[other + index] as number);
    return finish(m, word);
  };
}

/** Neighbouring lanes of Vn, then of Vm. */
function pairwise(isSigned: boolean, operate: (a: number, b: number) => number): Handler {
  return (m, word) => {
    const size = sizeOf(word);
    if (size === 3) return outcome.translate;
    const lanes = lanesOf(m, size, isSigned);
    const result = resultOf(size);
    const half = countOf(word, size) >> 1;
    for (let index = 0; index < 2 * half; index++) {
      const from = m.lanesOf(index < half ? rnOf(word) : rmOf(word), size) + 2 * (index % half);
      result[index] = operate(lanes[from] as number, lanes[from + 1] as number);
    }
    return finish(m, word);
  };
}

function unary(isSigned: boolean, operate: (a: number) => number): Handler {
  return (m, word) => {
    const size = sizeOf(word);
    if (size === 3) return outcome.translate;
    const lanes = lanesOf(m, size, isSigned);
    const result = resultOf(size);
    const n = m.lanesOf(rnOf(word), size);
    const count = countOf(word, size);
    for (let index = 0; index < count; index++) result[index] = operate(lanes[n + index] as number);
    return finish(m, word);
  };
}

/** All lanes to one, which may be twice as wide. */
function across(isSigned: boolean, widens: boolean, operate: (a: number, b: number) => number): Handler {
  return (m, word) => {
    const size = sizeOf(word);
    if (size === 3 || (size === 2 && (!isQuad(word) || widens))) return outcome.translate;
    const lanes = lanesOf(m, size, isSigned);
    const n = m.lanesOf(rnOf(word), size);
    const count = countOf(word, size);
    let value = lanes[n] as number;
    for (let index = 1; index < count; index++) value = operate(value, lanes[n + index] as number);
    resultWords.fill(0);
    resultOf(widens ? size + 1 : size)[0] = value;
    return finish(m, word);
  };
}

/** Word by word, with the destination as the third operand. */
function logic(operate: (n: number, m: number, d: number) => number): Handler {
  return (m, word) => {
    const [rd, rn, rm] = [word & 31, rnOf(word), rmOf(word)];
    for (let index = 0; index < 4; index++)
      resultWords[index] = operate(m.vectorWord(rn, index), m.vectorWord(rm, index), m.vectorWord(rd, index));
    return finish(m, word);
  };
}

/** Shifts by an immediate: immh holds the size as its highest set bit. */
function shift(isSigned: boolean, isLeft: boolean, operate: (value: number, amount: number) => number): Handler {
  return (m, word) => {
    const field = (word >>> 16) & 0x7f;
    const size = 28 - Math.clz32(field);
    if (size > 2 || size < 0) return outcome.translate;
    const bits = 8 << size;
    const amount = isLeft ? field - bits : 2 * bits - field;
    const lanes = lanesOf(m, size, isSigned);
    const result = resultOf(size);
    const n = m.lanesOf(rnOf(word), size);
    const count = countOf(word, size);
    for (let index = 0; index < count; index++) result[index] = operate(lanes[n + index] as number, amount);
    return finish(m, word);
  };
}

/** SHRN: lanes of twice the size, shifted right, their low halves. XTN is a shift by nothing. */
function narrow(m: Machine, word: number, size: number, amount: number): number {
  const result = resultOf(size);
  const count = 8 >> size;
  if (size === 2) {
    for (let index = 0; index < 2; index++) {
      m.shiftRight(m.vectorWord(rnOf(word), 2 * index), m.vectorWord(rnOf(word), 2 * index + 1), amount);
      result[index] = m.low;
    }
  } else {
    const lanes = lanesOf(m, size + 1, false);
    const n = m.lanesOf(rnOf(word), size + 1);
    for (let index = 0; index < count; index++) result[index] = (lanes[n + index] as number) >>> amount;
  }
  // The form with a 2 writes the upper half and keeps the lower.
  const rd = word & 31;
  const [first, second] = [resultWords[0] as number, resultWords[1] as number];
  if (isQuad(word)) m.setVector(rd, m.vectorWord(rd, 0), m.vectorWord(rd, 1), first, second);
  else m.setVector(rd, first, second, 0, 0);
  return outcome.next;
}

/** USHLL and SSHLL to lanes of up to 32 bits. */
function widen(isSigned: boolean): Handler {
  return (m, word) => {
    const field = (word >>> 16) & 0x7f;
    const size = 28 - Math.clz32(field);
    if (size > 1 || size < 0) return outcome.translate;
    const amount = field - (8 << size);
    const lanes = lanesOf(m, size, isSigned);
    const result = resultOf(size + 1);
    const count = 8 >> size;
    const n = m.lanesOf(rnOf(word), size) + (isQuad(word) ? count : 0);
    for (let index = 0; index < count; index++) result[index] = (lanes[n + index] as number) << amount;
    return finish(m, word, true);
  };
}

/** Adds words of 64-bit lanes. `subtract` inverts Vm. */
function addLanes(subtract: boolean): Handler {
  const small = binary(false, subtract ? (a, b) => a - b : (a, b) => a + b);
  return (m, word) => {
    if (sizeOf(word) !== 3) return small(m, word);
    if (!isQuad(word)) return outcome.translate;
    const [rn, rm] = [rnOf(word), rmOf(word)];
    const invert = subtract ? -1 : 0;
    for (let at = 0; at < 4; at += 2) {
      const [low, high] = [m.vectorWord(rm, at) ^ invert, m.vectorWord(rm, at + 1) ^ invert];
      m.addWide(m.vectorWord(rn, at), m.vectorWord(rn, at + 1), low, high, subtract ? 1 : 0, false);
      resultWords[at] = m.low;
      resultWords[at + 1] = m.high;
    }
    return finish(m, word);
  };
}

function popCount(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) count++;
  return count;
}

const onlyBytes =
  (handler: Handler): Handler =>
  (m, word) =>
    sizeOf(word) === 0 ? handler(m, word) : outcome.translate;

export const vector: Readonly<Record<string, Handler>> = {
  AND_v: logic((n, m) => n & m),
  BIC_v: logic((n, m) => n & ~m),
  ORR_v: logic((n, m) => n | m),
  ORN_v: logic((n, m) => n | ~m),
  EOR_v: logic((n, m) => n ^ m),
  BSL: logic((n, m, d) => (n & d) | (m & ~d)),
  BIT: logic((n, m, d) => (n & m) | (d & ~m)),
  BIF: logic((n, m, d) => (n & ~m) | (d & m)),
  NOT_v: logic((n) => ~n),
  ADD_v: addLanes(false),
  SUB_v: addLanes(true),
  MUL_v: binary(true, Math.imul),
  CMEQ_v: binary(true, (a, b) => (a === b ? -1 : 0)),
  CMGT_v: binary(true, (a, b) => (a > b ? -1 : 0)),
  CMGE_v: binary(true, (a, b) => (a >= b ? -1 : 0)),
  CMHI_v: binary(false, (a, b) => (a > b ? -1 : 0)),
  CMHS_v: binary(false, (a, b) => (a >= b ? -1 : 0)),
  CMTST_v: binary(true, (a, b) => ((a & b) === 0 ? 0 : -1)),
  SMAX_v: binary(true, Math.max),
  SMIN_v: binary(true, Math.min),
  UMAX_v: binary(false, Math.max),
  UMIN_v: binary(false, Math.min),
  ADDP_v: pairwise(true, (a, b) => a + b),
  SMAXP_v: pairwise(true, Math.max),
  SMINP_v: pairwise(true, Math.min),
  UMAXP_v: pairwise(false, Math.max),
  UMINP_v: pairwise(false, Math.min),
  ADDV: across(false, false, (a, b) => a + b),
  UADDLV: across(false, true, (a, b) => a + b),
  SADDLV: across(true, true, (a, b) => a + b),
  SMAXV: across(true, false, Math.max),
  SMINV: across(true, false, Math.min),
  UMAXV: across(false, false, Math.max),
  UMINV: across(false, false, Math.min),
  CMEQ_zero_v: unary(true, (a) => (a === 0 ? -1 : 0)),
  CMGT_zero_v: unary(true, (a) => (a > 0 ? -1 : 0)),
  CMGE_zero_v: unary(true, (a) => (a >= 0 ? -1 : 0)),
  CMLT_zero_v: unary(true, (a) => (a < 0 ? -1 : 0)),
  CMLE_zero_v: unary(true, (a) => (a <= 0 ? -1 : 0)),
  NEG_v: unary(true, (a) => -a),
  ABS_v: unary(true, Math.abs),
  CNT_v: onlyBytes(unary(false, popCount)),
  SHL_v: shift(true, true, (value, amount) => value << amount),
  SSHR_v: shift(true, false, (value, amount) => value >> Math.min(amount, 31)),
  USHR_v: shift(false, false, (value, amount) => (amount === 32 ? 0 : value >>> amount)),
  SHRN_v: (m, word) => {
    const field = (word >>> 16) & 0x7f;
    const size = 28 - Math.clz32(field);
    return size > 2 || size < 0 ? outcome.translate : narrow(m, word, size, (16 << size) - field);
  },
  XTN_v: (m, word) => (sizeOf(word) === 3 ? outcome.translate : narrow(m, word, sizeOf(word), 0)),
  USHLL_v: widen(false),
  SSHLL_v: widen(true),
  ADDP_s: (m, word) => {
    const rn = rnOf(word);
    m.addWide(m.vectorWord(rn, 0), m.vectorWord(rn, 1), m.vectorWord(rn, 2), m.vectorWord(rn, 3), 0, false);
    m.setVector(word & 31, m.low, m.high, 0, 0);
    return outcome.next;
  },
};
