/**
 * Scalar floating point, interpreted, as far as JavaScript's own arithmetic gives the same bits. Where a NaN takes part, the
 * translator does it.
 */
import { stateOffset } from "../state.ts";
import { expandImmediate } from "../translate/floating.ts";
import { type Handler, type Machine, outcome } from "./machine.ts";

const DOUBLE_AT = stateOffset.v >> 3;
const SINGLE_AT = stateOffset.v >> 2;

/** The value of Dn or Sn; ftype has been checked. */
function get(m: Machine, register: number, double: boolean): number {
  return (double ? m.doubles[DOUBLE_AT + 2 * register] : m.singles[SINGLE_AT + 4 * register]) as number;
}

/** Sets Dn or Sn, rounded to it, and clears the rest of the register. */
function put(m: Machine, register: number, double: boolean, value: number): number {
  m.setVector(register, 0, 0, 0, 0);
  if (double) m.doubles[DOUBLE_AT + 2 * register] = value;
  else m.singles[SINGLE_AT + 4 * register] = value;
  return outcome.next;
}

/** 1 for doubles, 0 for singles, more for what is left to the translator. */
const typeOf = (word: number): number => (word >>> 22) & 3;
const rn = (word: number): number => (word >>> 5) & 31;
const rm = (word: number): number => (word >>> 16) & 31;

/** Singles too are computed as doubles and rounded then, which is exact for + − × ÷ and the square root. */
function binary(operate: (a: number, b: number) => number): Handler {
  return (m, word) => {
    const type = typeOf(word);
    if (type > 1) return outcome.translate;
    const value = operate(get(m, rn(word), type === 1), get(m, rm(word), type === 1));
    return Number.isNaN(value) ? outcome.translate : put(m, word & 31, type === 1, value);
  };
}

function unary(operate: (a: number) => number): Handler {
  return (m, word) => {
    const type = typeOf(word);
    if (type > 1) return outcome.translate;
    const value = operate(get(m, rn(word), type === 1));
    return Number.isNaN(value) ? outcome.translate : put(m, word & 31, type === 1, value);
  };
}

/** Copies the bits with a change of the sign's word: and, then exclusive or. */
function bitwise(keep: number, flip: number): Handler {
  return (m, word) => {
    const type = typeOf(word);
    if (type > 1) return outcome.translate;
    const top = (m.vectorWord(rn(word), type) & keep) ^ flip;
    m.setVector(word & 31, type === 1 ? m.vectorWord(rn(word), 0) : top, type === 1 ? top : 0, 0, 0);
    return outcome.next;
  };
}

/** NZCV of a comparison: less N, equal ZC, greater C, unordered CV. */
function compareFlags(a: number, b: number): number {
  if (a < b) return 8;
  if (a === b) return 6;
  return a > b ? 2 : 3;
}

function compare(withZero: boolean): Handler {
  return (m, word) => {
    const type = typeOf(word);
    if (type > 1) return outcome.translate;
    m.nzcv = compareFlags(get(m, rn(word), type === 1), withZero ? 0 : get(m, rm(word), type === 1));
    return outcome.next;
  };
}

function conditionalCompare(m: Machine, word: number): number {
  const type = typeOf(word);
  if (type > 1) return outcome.translate;
  m.nzcv = m.holds((word >>> 12) & 15)
    ? compareFlags(get(m, rn(word), type === 1), get(m, rm(word), type === 1))
    : word & 15;
  return outcome.next;
}

/** Rounds half to even. */
function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
function roundAway(value: number): number {
  const truncated = Math.trunc(value);
  return Math.abs(value - truncated) >= 0.5 ? truncated + Math.sign(value) : truncated;
}

/** Rounding keeps the sign of what becomes zero. */
function round(operate: (value: number) => number): Handler {
  return unary((value) => {
    if (!Number.isFinite(value)) return value;
    const rounded = operate(value);
    return rounded === 0 ? (value < 0 || Object.is(value, -0) ? -0 : 0) : rounded;
  });
}

/** To a general register with saturation; NaN gives 0. */
function toInteger(operate: (value: number) => number, isSigned: boolean): Handler {
  return (m, word) => {
    const type = typeOf(word);
    if (type > 1) return outcome.translate;
    const wide = word < 0;
    const value = get(m, rn(word), type === 1);
    const rounded = Number.isNaN(value) ? 0 : Number.isFinite(value) ? operate(value) : value;
    const bits = (wide ? 64 : 32) - (isSigned ? 1 : 0);
    if (rounded >= 2 ** bits) {
      m.set(word & 31, -1, wide ? (isSigned ? 0x7fffffff : -1) : 0);
      if (!wide && isSigned) m.set(word & 31, 0x7fffffff, 0);
    } else if (rounded <= (isSigned ? -(2 ** bits) : 0)) {
      m.set(word & 31, isSigned && !wide ? 1 << 31 : 0, isSigned && wide ? 1 << 31 : 0);
    } else {
      m.set(word & 31, rounded | 0, wide ? Math.floor(rounded / 2 ** 32) | 0 : 0);
    }
    return outcome.next;
  };
}

/** A doubleword of more than 53 bits is left to the translator, which rounds it once. */
function fromInteger(isSigned: boolean): Handler {
  return (m, word) => {
    const type = typeOf(word);
    if (type > 1) return outcome.translate;
    const low = m.lowOf(rn(word));
    if (word >= 0) return put(m, word & 31, type === 1, isSigned ? low : low >>> 0);
    const high = m.highOf(rn(word));
    if (high >= 1 << 20 || high < (isSigned ? -(1 << 20) : 0)) return outcome.translate;
    return put(m, word & 31, type === 1, high * 2 ** 32 + (low >>> 0));
  };
}

export const floating: Readonly<Record<string, Handler>> = {
  FMOV_reg: bitwise(-1, 0),
  FABS: bitwise(0x7fffffff, 0),
  FNEG: bitwise(-1, 1 << 31),
  FSQRT: unary(Math.sqrt),
  FADD: binary((a, b) => a + b),
  FSUB: binary((a, b) => a - b),
  FMUL: binary((a, b) => a * b),
  FDIV: binary((a, b) => a / b),
  FNMUL: binary((a, b) => -(a * b)),
  FMAX: binary(Math.max),
  FMIN: binary(Math.min),
  FMAXNM: binary(Math.max),
  FMINNM: binary(Math.min),
  FRINTN: round(roundToEven),
  FRINTP: round(Math.ceil),
  FRINTM: round(Math.floor),
  FRINTZ: round(Math.trunc),
  FRINTA: round(roundAway),
  FRINTX: round(roundToEven),
  FRINTI: round(roundToEven),
  FCMP: compare(false),
  FCMP_zero: compare(true),
  FCMPE: compare(false),
  FCMPE_zero: compare(true),
  FCCMP: conditionalCompare,
  FCCMPE: conditionalCompare,
  FCSEL: (m, word) => {
    const type = typeOf(word);
    if (type > 1) return outcome.translate;
    const from = m.holds((word >>> 12) & 15) ? rn(word) : rm(word);
    m.setVector(word & 31, m.vectorWord(from, 0), type === 1 ? m.vectorWord(from, 1) : 0, 0, 0);
    return outcome.next;
  },
  FMOV_imm: (m, word) => {
    const type = typeOf(word);
    return type > 1 ? outcome.translate : put(m, word & 31, type === 1, expandImmediate((word >>> 13) & 0xff));
  },
  FCVT: (m, word) => {
    const from = typeOf(word);
    const to = (word >>> 15) & 3;
    if (from > 1 || to > 1 || from === to) return outcome.translate;
    const value = get(m, rn(word), from === 1);
    return Number.isNaN(value) ? outcome.translate : put(m, word & 31, to === 1, value);
  },
  FCVTNS_gen: toInteger(roundToEven, true),
  FCVTNU_gen: toInteger(roundToEven, false),
  FCVTAS_gen: toInteger(roundAway, true),
  FCVTAU_gen: toInteger(roundAway, false),
  FCVTPS_gen: toInteger(Math.ceil, true),
  FCVTPU_gen: toInteger(Math.ceil, false),
  FCVTMS_gen: toInteger(Math.floor, true),
  FCVTMU_gen: toInteger(Math.floor, false),
  FCVTZS_gen: toInteger(Math.trunc, true),
  FCVTZU_gen: toInteger(Math.trunc, false),
  SCVTF_gen: fromInteger(true),
  UCVTF_gen: fromInteger(false),
  FMOV_wtos: (m, word) => {
    m.setVector(word & 31, m.lowOf(rn(word)), 0, 0, 0);
    return outcome.next;
  },
  FMOV_stow: (m, word) => {
    m.set(word & 31, m.vectorWord(rn(word), 0), 0);
    return outcome.next;
  },
  FMOV_xtod: (m, word) => {
    m.setVector(word & 31, m.lowOf(rn(word)), m.highOf(rn(word)), 0, 0);
    return outcome.next;
  },
  FMOV_dtox: (m, word) => {
    m.set(word & 31, m.vectorWord(rn(word), 0), m.vectorWord(rn(word), 1));
    return outcome.next;
  },
  FMOV_xtotop: (m, word) => {
    const rd = word & 31;
    m.setVector(rd, m.vectorWord(rd, 0), m.vectorWord(rd, 1), m.lowOf(rn(word)), m.highOf(rn(word)));
    return outcome.next;
  },
  FMOV_toptox: (m, word) => {
    m.set(word & 31, m.vectorWord(rn(word), 2), m.vectorWord(rn(word), 3));
    return outcome.next;
  },
};
