/** Integer addition, subtraction, comparison, multiplication, division, and address formation, interpreted. */
import { type Handler, type Machine, outcome } from "./machine.ts";

const isWide = (word: number): boolean => word < 0;

/** a ± b, with b as halves, into Rd. `toSp`: register 31 is SP. */
function combine(
  m: Machine,
  word: number,
  aLow: number,
  aHigh: number,
  bLow: number,
  bHigh: number,
  subtract: boolean,
  setsFlags: boolean,
): void {
  if (isWide(word)) {
    if (subtract) m.addWide(aLow, aHigh, ~bLow, ~bHigh, 1, setsFlags);
    else m.addWide(aLow, aHigh, bLow, bHigh, 0, setsFlags);
  } else if (subtract) {
    m.addNarrow(aLow, ~bLow, 1, setsFlags);
  } else {
    m.addNarrow(aLow, bLow, 0, setsFlags);
  }
}

function immediate(subtract: boolean, setsFlags: boolean): Handler {
  return (m, word) => {
    const rn = (word >>> 5) & 31;
    const value = ((word >>> 10) & 0xfff) << (((word >>> 22) & 1) * 12);
    combine(m, word, m.lowOrSp(rn), m.highOrSp(rn), value, 0, subtract, setsFlags);
    if (setsFlags) m.set(word & 31, m.low, m.high);
    else m.setOrSp(word & 31, m.low, m.high);
    return outcome.next;
  };
}

function shifted(subtract: boolean, setsFlags: boolean): Handler {
  return (m, word) => {
    const kind = (word >>> 22) & 3;
    const amount = (word >>> 10) & 63;
    const wide = isWide(word);
    if (kind === 3 || (!wide && amount >= 32)) return outcome.translate;
    const rn = (word >>> 5) & 31;
    const rm = (word >>> 16) & 31;
    m.shift(m.lowOf(rm), m.highOf(rm), kind, amount, wide);
    combine(m, word, m.lowOf(rn), m.highOf(rn), m.low, m.high, subtract, setsFlags);
    m.set(word & 31, m.low, m.high);
    return outcome.next;
  };
}

/** Rm extended as `option` says (UXTB to SXTX) and shifted left, as the latest result. */
export function extend(m: Machine, register: number, option: number, shift: number): void {
  let low = m.lowOf(register);
  let high = 0;
  switch (option) {
    case 0:
      low &= 0xff;
      break;
    case 1:
      low &= 0xffff;
      break;
    case 2:
      break;
    case 4:
      low = (low << 24) >> 24;
      high = low >> 31;
      break;
    case 5:
      low = (low << 16) >> 16;
      high = low >> 31;
      break;
    case 6:
      high = low >> 31;
      break;
    default:
      high = m.highOf(register);
  }
  m.shiftLeft(low, high, shift);
}

function extended(subtract: boolean, setsFlags: boolean): Handler {
  return (m, word) => {
    const shift = (word >>> 10) & 7;
    if (shift > 4) return outcome.translate;
    const rn = (word >>> 5) & 31;
    extend(m, (word >>> 16) & 31, (word >>> 13) & 7, shift);
    combine(m, word, m.lowOrSp(rn), m.highOrSp(rn), m.low, m.high, subtract, setsFlags);
    if (setsFlags) m.set(word & 31, m.low, m.high);
    else m.setOrSp(word & 31, m.low, m.high);
    return outcome.next;
  };
}

function withCarry(subtract: boolean, setsFlags: boolean): Handler {
  return (m, word) => {
    const rn = (word >>> 5) & 31;
    const rm = (word >>> 16) & 31;
    const carry = (m.nzcv >> 1) & 1;
    const invert = subtract ? -1 : 0;
    const low = m.lowOf(rm) ^ invert;
    if (isWide(word)) m.addWide(m.lowOf(rn), m.highOf(rn), low, m.highOf(rm) ^ invert, carry, setsFlags);
    else m.addNarrow(m.lowOf(rn), low, carry, setsFlags);
    m.set(word & 31, m.low, m.high);
    return outcome.next;
  };
}

function conditionalCompare(subtract: boolean, fromImmediate: boolean): Handler {
  return (m, word) => {
    if (!m.holds((word >>> 12) & 15)) {
      m.nzcv = word & 15;
      return outcome.next;
    }
    const rn = (word >>> 5) & 31;
    const rm = (word >>> 16) & 31;
    const low = fromImmediate ? rm : m.lowOf(rm);
    combine(m, word, m.lowOf(rn), m.highOf(rn), low, fromImmediate ? 0 : m.highOf(rm), subtract, true);
    return outcome.next;
  };
}

function select(invert: boolean, increment: boolean): Handler {
  return (m, word) => {
    const wide = isWide(word);
    if (m.holds((word >>> 12) & 15)) {
      const rn = (word >>> 5) & 31;
      m.set(word & 31, m.lowOf(rn), wide ? m.highOf(rn) : 0);
      return outcome.next;
    }
    const rm = (word >>> 16) & 31;
    const mask = invert ? -1 : 0;
    m.addWide(m.lowOf(rm) ^ mask, m.highOf(rm) ^ mask, 0, 0, increment ? 1 : 0, false);
    m.setResult(word & 31, wide);
    return outcome.next;
  };
}

/** Adds the latest result to Ra, or subtracts it, into Rd. */
function accumulate(m: Machine, word: number, subtract: boolean, wide: boolean): number {
  const ra = (word >>> 10) & 31;
  if (subtract) m.addWide(m.lowOf(ra), m.highOf(ra), ~m.low, ~m.high, 1, false);
  else m.addWide(m.lowOf(ra), m.highOf(ra), m.low, m.high, 0, false);
  m.setResult(word & 31, wide);
  return outcome.next;
}

function multiplyAdd(subtract: boolean): Handler {
  return (m, word) => {
    const rn = (word >>> 5) & 31;
    const rm = (word >>> 16) & 31;
    const wide = isWide(word);
    if (wide) m.multiply(m.lowOf(rn), m.highOf(rn), m.lowOf(rm), m.highOf(rm));
    else m.low = Math.imul(m.lowOf(rn), m.lowOf(rm));
    return accumulate(m, word, subtract, wide);
  };
}

function multiplyAddLong(subtract: boolean, isSigned: boolean): Handler {
  return (m, word) => {
    const a = m.lowOf((word >>> 5) & 31);
    const b = m.lowOf((word >>> 16) & 31);
    m.multiplyWords(a, b);
    if (isSigned) m.high = (m.high - ((a >> 31) & b) - ((b >> 31) & a)) | 0;
    return accumulate(m, word, subtract, true);
  };
}

function multiplyHigh(isSigned: boolean): Handler {
  return (m, word) => {
    const rn = (word >>> 5) & 31;
    const rm = (word >>> 16) & 31;
    const aLow = m.lowOf(rn);
    const aHigh = m.highOf(rn);
    const bLow = m.lowOf(rm);
    const bHigh = m.highOf(rm);
    m.multiplyWords(aLow, bLow);
    const carried = m.high;
    m.multiplyWords(aHigh, bLow);
    m.addWide(m.low, m.high, carried, 0, 0, false);
    const middleLow = m.low;
    const middleHigh = m.high;
    m.multiplyWords(aLow, bHigh);
    m.addWide(m.low, m.high, middleLow, 0, 0, false);
    const upper = m.high;
    m.multiplyWords(aHigh, bHigh);
    m.addWide(m.low, m.high, middleHigh, 0, 0, false);
    m.addWide(m.low, m.high, upper, 0, 0, false);
    if (isSigned) {
      const a = aHigh >> 31;
      const b = bHigh >> 31;
      m.addWide(m.low, m.high, ~(bLow & a), ~(bHigh & a), 1, false);
      m.addWide(m.low, m.high, ~(aLow & b), ~(aHigh & b), 1, false);
    }
    m.setResult(word & 31, true);
    return outcome.next;
  };
}

/** Division by zero gives 0; the most negative number by −1 gives itself. */
function divide(isSigned: boolean): Handler {
  return (m, word) => {
    const rn = (word >>> 5) & 31;
    const rm = (word >>> 16) & 31;
    const aLow = m.lowOf(rn);
    const bLow = m.lowOf(rm);
    if (!isWide(word)) {
      const quotient = isSigned ? aLow / bLow : (aLow >>> 0) / (bLow >>> 0);
      // Infinity and NaN give 0; 2^31 wraps to itself.
      m.set(word & 31, quotient | 0, 0);
      return outcome.next;
    }
    divideWide(m, aLow, m.highOf(rn), bLow, m.highOf(rm), isSigned);
    m.setResult(word & 31, true);
    return outcome.next;
  };
}

const SAFE_HIGH = 1 << 21;

function divideWide(m: Machine, aLow: number, aHigh: number, bLow: number, bHigh: number, isSigned: boolean): void {
  if ((bLow | bHigh) === 0) {
    m.low = 0;
    m.high = 0;
    return;
  }
  // Below 2^53 the rounded quotient of two numbers has the right integral part.
  if (aHigh >= 0 && aHigh < SAFE_HIGH && bHigh >= 0 && bHigh < SAFE_HIGH) {
    const quotient = Math.floor((aHigh * 2 ** 32 + (aLow >>> 0)) / (bHigh * 2 ** 32 + (bLow >>> 0)));
    m.low = quotient | 0;
    m.high = (quotient / 2 ** 32) | 0;
    return;
  }
  const value = (low: number, high: number): bigint =>
    (BigInt(isSigned ? high : high >>> 0) << 32n) | BigInt(low >>> 0);
  const quotient = value(aLow, aHigh) / value(bLow, bHigh);
  m.low = Number(BigInt.asIntN(32, quotient));
  m.high = Number(BigInt.asIntN(32, quotient >> 32n));
}

/** immhi and immlo as a signed number of 21 bits. */
const relative = (word: number): number => (((word << 8) >> 13) << 2) | ((word >>> 29) & 3);

/** Sets Rd to an address that may lie below zero or above 4 GiB. */
function setAddress(m: Machine, word: number, address: number): number {
  m.set(word & 31, address | 0, Math.floor(address / 2 ** 32));
  return outcome.next;
}

export const arithmetic: Readonly<Record<string, Handler>> = {
  ADR: (m, word) => setAddress(m, word, m.pc + relative(word)),
  ADRP: (m, word) => setAddress(m, word, m.pc - (m.pc & 4095) + relative(word) * 4096),
  ADD_imm: immediate(false, false),
  ADDS_imm: immediate(false, true),
  SUB_imm: immediate(true, false),
  SUBS_imm: immediate(true, true),
  ADD_reg: shifted(false, false),
  ADDS_reg: shifted(false, true),
  SUB_reg: shifted(true, false),
  SUBS_reg: shifted(true, true),
  ADD_ext: extended(false, false),
  ADDS_ext: extended(false, true),
  SUB_ext: extended(true, false),
  SUBS_ext: extended(true, true),
  ADC: withCarry(false, false),
  ADCS: withCarry(false, true),
  SBC: withCarry(true, false),
  SBCS: withCarry(true, true),
  CCMN_reg: conditionalCompare(false, false),
  CCMP_reg: conditionalCompare(true, false),
  CCMN_imm: conditionalCompare(false, true),
  CCMP_imm: conditionalCompare(true, true),
  CSEL: select(false, false),
  CSINC: select(false, true),
  CSINV: select(true, false),
  CSNEG: select(true, true),
  UDIV: divide(false),
  SDIV: divide(true),
  MADD: multiplyAdd(false),
  MSUB: multiplyAdd(true),
  SMADDL: multiplyAddLong(false, true),
  SMSUBL: multiplyAddLong(true, true),
  UMADDL: multiplyAddLong(false, false),
  UMSUBL: multiplyAddLong(true, false),
  SMULH: multiplyHigh(true),
  UMULH: multiplyHigh(false),
};
