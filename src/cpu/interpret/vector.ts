/**
 * The part of Advanced SIMD that C libraries and compilers use for strings, copies and small loops, interpreted: integer lanes of
 * up to 32 bits, logic, moves and constants. Lanes of 64 bits are mostly left to the translator.
 */
import { type Handler, type Machine, outcome } from "./machine.ts";

const rnOf = (word: number): number => (word >>> 5) & 31;
const rmOf = (word: number): number => (word >>> 16) & 31;
const sizeOf = (word: number): number => (word >>> 22) & 3;
const isQuad = (word: number): boolean => ((word >>> 30) & 1) === 1;

/** The result is put together here, as its register may be an operand too. */
const buffer = new ArrayBuffer(16);
const resultLanes = [new Uint8Array(buffer), new Uint16Array(buffer), new Uint32Array(buffer)] as const;
const resultWords = new Int32Array(buffer);

/** Moves the result to Vd; without Q the upper half becomes zero. */
function finish(m: Machine, word: number, quad: boolean = isQuad(word)): number {
  m.setVector(
    word & 31,
    resultWords[0] as number,
    resultWords[1] as number,
    quad ? (resultWords[2] as number) : 0,
    quad ? (resultWords[3] as number) : 0,
  );
  return outcome.next;
}

type Lanes = { [index: number]: number };
const lanesOf = (m: Machine, size: number, isSigned: boolean): Lanes =>
  (isSigned ? m.signedLanes[size] : m.unsignedLanes[size]) as Lanes;
const resultOf = (size: number): Lanes => resultLanes[size as 0 | 1 | 2] as Lanes;
const countOf = (word: number, size: number): number => (isQuad(word) ? 16 : 8) >> size;

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

/** Lanes chosen from Vn and, from `count` up, Vm. */
function permute(choose: (index: number, count: number) => number): Handler {
  return (m, word) => {
    const size = sizeOf(word);
    if (size === 3) return outcome.translate;
    const lanes = lanesOf(m, size, false);
    const result = resultOf(size);
    const [n, other] = [m.lanesOf(rnOf(word), size), m.lanesOf(rmOf(word), size)];
    const count = countOf(word, size);
    for (let index = 0; index < count; index++) {
      const chosen = choose(index, count);
      result[index] = lanes[chosen < count ? n + chosen : other + chosen - count] as number;
    }
    return finish(m, word);
  };
}

/** Reverses the lanes inside containers of this many bytes. */
function reverse(container: number): Handler {
  return (m, word) => {
    const size = sizeOf(word);
    if (1 << size >= container) return outcome.translate;
    const lanes = lanesOf(m, size, false);
    const result = resultOf(size);
    const n = m.lanesOf(rnOf(word), size);
    const last = (container >> size) - 1;
    for (let index = 0; index < 16 >> size; index++) result[index] = lanes[n + (index ^ last)] as number;
    return finish(m, word);
  };
}

function extract(m: Machine, word: number): number {
  const first = (word >>> 11) & 15;
  const width = isQuad(word) ? 16 : 8;
  if (first >= width) return outcome.translate;
  const bytes = lanesOf(m, 0, false);
  const [n, other] = [m.lanesOf(rnOf(word), 0), m.lanesOf(rmOf(word), 0)];
  for (let index = 0; index < width; index++) {
    const from = index + first;
    resultLanes[0][index] = bytes[from < width ? n + from : other + from - width] as number;
  }
  return finish(m, word);
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

/** imm5 holds the size as its lowest set bit, and the index above that; −1: reserved. */
function elementSize(word: number): number {
  const imm5 = rmOf(word);
  return (imm5 & 15) === 0 ? -1 : 31 - Math.clz32(imm5 & -imm5);
}
const elementIndex = (word: number, size: number): number => rmOf(word) >> (size + 1);

/** Fills all lanes with a value of 1 << size bytes. */
function fill(size: number, low: number, high: number): void {
  let [first, second] = [low, high];
  if (size === 0) first = Math.imul(low & 0xff, 0x01010101);
  else if (size === 1) first = Math.imul(low & 0xffff, 0x00010001);
  if (size < 3) second = first;
  resultWords[0] = first;
  resultWords[1] = second;
  resultWords[2] = first;
  resultWords[3] = second;
}

/** A lane as the latest result, sign- or zero-extended. */
function readLane(m: Machine, register: number, size: number, index: number, isSigned: boolean): void {
  if (size === 3) {
    m.low = m.vectorWord(register, 2 * index);
    m.high = m.vectorWord(register, 2 * index + 1);
    return;
  }
  m.low = (lanesOf(m, size, isSigned)[m.lanesOf(register, size) + index] as number) | 0;
  m.high = isSigned ? m.low >> 31 : 0;
}

function writeLane(m: Machine, register: number, size: number, index: number): void {
  const { low, high } = m;
  if (size < 3) {
    lanesOf(m, size, false)[m.lanesOf(register, size) + index] = low;
    return;
  }
  const lanes = lanesOf(m, 2, true);
  const at = m.lanesOf(register, 2) + 2 * index;
  lanes[at] = low;
  lanes[at + 1] = high;
}

/** DUP: a general register or a lane to all lanes. */
function duplicate(fromElement: boolean): Handler {
  return (m, word) => {
    const size = elementSize(word);
    if (size < 0 || (size === 3 && !isQuad(word))) return outcome.translate;
    const rn = rnOf(word);
    if (fromElement) {
      readLane(m, rn, size, elementIndex(word, size), false);
    } else {
      m.low = m.lowOf(rn);
      m.high = m.highOf(rn);
    }
    fill(size, m.low, m.high);
    return finish(m, word);
  };
}

function moveToGeneral(isSigned: boolean): Handler {
  return (m, word) => {
    const size = elementSize(word);
    const quad = isQuad(word);
    if (size < 0 || (isSigned ? size > (quad ? 2 : 1) : (size === 3) !== quad)) return outcome.translate;
    readLane(m, rnOf(word), size, elementIndex(word, size), isSigned);
    m.setResult(word & 31, quad);
    return outcome.next;
  };
}

type Constant = "word" | "half" | "ones" | "byte" | "mask";

/** The constant of a modified immediate in all lanes of the result. */
function expand(kind: Constant, word: number): void {
  const byte = ((word >>> 11) & 0xe0) | ((word >>> 5) & 0x1f);
  if (kind === "word") fill(2, byte << (8 * ((word >>> 13) & 3)), 0);
  else if (kind === "half") fill(1, byte << (8 * ((word >>> 13) & 1)), 0);
  else if (kind === "ones") fill(2, ((word >>> 12) & 1) === 1 ? (byte << 16) | 0xffff : (byte << 8) | 0xff, 0);
  else if (kind === "byte") fill(0, byte, 0);
  else for (let index = 0; index < 16; index++) resultLanes[0][index] = -((byte >> (index & 7)) & 1);
}

function immediate(kind: Constant, invert = false): Handler {
  return (m, word) => {
    expand(kind, word);
    if (invert) for (let index = 0; index < 4; index++) resultWords[index] = ~(resultWords[index] as number);
    return finish(m, word);
  };
}

function immediateLogic(kind: Constant, clears: boolean): Handler {
  return (m, word) => {
    expand(kind, word);
    for (let index = 0; index < 4; index++) {
      const constant = resultWords[index] as number;
      const old = m.vectorWord(word & 31, index);
      resultWords[index] = clears ? old & ~constant : old | constant;
    }
    return finish(m, word);
  };
}

/** TBL: bytes of up to four registers by number; others give 0. */
function table(m: Machine, word: number): number {
  const bytes = lanesOf(m, 0, false);
  const end = 16 * (((word >>> 13) & 3) + 1);
  const indices = m.lanesOf(rmOf(word), 0);
  const first = m.lanesOf(0, 0);
  for (let index = 0; index < 16; index++) {
    const chosen = bytes[indices + index] as number;
    resultLanes[0][index] = chosen < end ? (bytes[first + ((16 * rnOf(word) + chosen) & 511)] as number) : 0;
  }
  return finish(m, word);
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
  DUP_element: duplicate(true),
  DUP_general: duplicate(false),
  DUP_scalar: (m, word) => {
    const size = elementSize(word);
    if (size < 0) return outcome.translate;
    readLane(m, rnOf(word), size, elementIndex(word, size), false);
    m.setVector(word & 31, m.low, size === 3 ? m.high : 0, 0, 0);
    return outcome.next;
  },
  SMOV: moveToGeneral(true),
  UMOV: moveToGeneral(false),
  INS_general: (m, word) => {
    const size = elementSize(word);
    if (size < 0) return outcome.translate;
    m.low = m.lowOf(rnOf(word));
    m.high = m.highOf(rnOf(word));
    writeLane(m, word & 31, size, elementIndex(word, size));
    return outcome.next;
  },
  INS_element: (m, word) => {
    const size = elementSize(word);
    if (size < 0) return outcome.translate;
    readLane(m, rnOf(word), size, ((word >>> 11) & 15) >> size, false);
    writeLane(m, word & 31, size, elementIndex(word, size));
    return outcome.next;
  },
  EXT: extract,
  TBL: table,
  UZP1: permute((index) => 2 * index),
  UZP2: permute((index) => 2 * index + 1),
  ZIP1: permute((index, count) => (index >> 1) + (index & 1) * count),
  ZIP2: permute((index, count) => (index >> 1) + (index & 1) * count + count / 2),
  TRN1: permute((index, count) => (index & ~1) + (index & 1) * count),
  TRN2: permute((index, count) => (index | 1) + (index & 1) * count),
  MOVI_imm: immediate("word"),
  MVNI: immediate("word", true),
  MOVI_16: immediate("half"),
  MVNI_16: immediate("half", true),
  MOVI_ones: immediate("ones"),
  MVNI_ones: immediate("ones", true),
  MOVI_8: immediate("byte"),
  MOVI_64: immediate("mask"),
  ORR_vimm: immediateLogic("word", false),
  ORR_vimm16: immediateLogic("half", false),
  BIC_vimm: immediateLogic("word", true),
  BIC_vimm16: immediateLogic("half", true),
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
  REV64_v: reverse(8),
  REV32_v: reverse(4),
  REV16_v: reverse(2),
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
