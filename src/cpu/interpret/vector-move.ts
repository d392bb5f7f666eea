/** Advanced SIMD that moves bits, interpreted: duplicates, inserts, permutations, tables and constants. */
import { type Handler, type Machine, outcome } from "./machine.ts";
import {
  countOf,
  finish,
  isQuad,
  lanesOf,
  resultLanes,
  resultOf,
  resultWords,
  rmOf,
  rnOf,
  sizeOf,
} from "./vector-lanes.ts";

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

export const vectorMove: Readonly<Record<string, Handler>> = {
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
  REV64_v: reverse(8),
  REV32_v: reverse(4),
  REV16_v: reverse(2),
};
