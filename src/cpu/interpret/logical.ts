/** Integer logic, moves of constants, bit fields, shifts, bit and byte order, CRC32, interpreted. */
import { crc32, crc32c } from "../crc32.ts";
import { decode, extractFields } from "../decode/decoder.ts";
import type { Instruction } from "../decode/table.ts";
import { decodeBitmask } from "../translate/logical.ts";
import { type Handler, type Machine, outcome } from "./machine.ts";

type Logic = "and" | "or" | "xor";
const isWide = (word: number): boolean => word < 0;

/** Constants of logical instructions by N, immr and imms, found when first wanted. */
const maskLow = new Int32Array(1 << 13);
const maskHigh = new Int32Array(1 << 13);
const UNKNOWN = 0;
const VALID = 1;
const RESERVED = 2;
const maskState = new Uint8Array(1 << 13);

function findMask(word: number, key: number): void {
  const pattern = decodeBitmask(extractFields(decode(word >>> 0) as Instruction, word));
  maskState[key] = pattern === null ? RESERVED : VALID;
  maskLow[key] = Number(BigInt.asIntN(32, pattern ?? 0n));
  maskHigh[key] = Number(BigInt.asIntN(32, (pattern ?? 0n) >> 32n));
}

function combine(m: Machine, logic: Logic, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  if (logic === "and") {
    m.low = aLow & bLow;
    m.high = aHigh & bHigh;
  } else if (logic === "or") {
    m.low = aLow | bLow;
    m.high = aHigh | bHigh;
  } else {
    m.low = aLow ^ bLow;
    m.high = aHigh ^ bHigh;
  }
}

function immediate(logic: Logic, setsFlags = false): Handler {
  return (m, word) => {
    const key = (word >>> 10) & 0x1fff;
    const wide = isWide(word);
    if (maskState[key] === UNKNOWN) findMask(word, key);
    if (maskState[key] === RESERVED || (!wide && (key & 0x1000) !== 0)) return outcome.translate;
    const rn = (word >>> 5) & 31;
    combine(m, logic, m.lowOf(rn), m.highOf(rn), maskLow[key] as number, maskHigh[key] as number);
    if (setsFlags) {
      m.setLogicFlags(wide);
      m.setResult(word & 31, wide);
    } else {
      m.setOrSp(word & 31, m.low, wide ? m.high : 0);
    }
    return outcome.next;
  };
}

function register(logic: Logic, invert: boolean, setsFlags = false): Handler {
  return (m, word) => {
    const amount = (word >>> 10) & 63;
    const wide = isWide(word);
    if (!wide && amount >= 32) return outcome.translate;
    const rn = (word >>> 5) & 31;
    const rm = (word >>> 16) & 31;
    m.shift(m.lowOf(rm), m.highOf(rm), (word >>> 22) & 3, amount, wide);
    const mask = invert ? -1 : 0;
    combine(m, logic, m.lowOf(rn), m.highOf(rn), m.low ^ mask, m.high ^ mask);
    if (setsFlags) m.setLogicFlags(wide);
    m.setResult(word & 31, wide);
    return outcome.next;
  };
}

/** MOVZ and MOVN. */
function moveWide(invert: boolean): Handler {
  return (m, word) => {
    const place = (word >>> 21) & 3;
    const wide = isWide(word);
    if (!wide && place > 1) return outcome.translate;
    const value = ((word >>> 5) & 0xffff) << ((place & 1) * 16);
    const mask = invert ? -1 : 0;
    m.set(word & 31, (place < 2 ? value : 0) ^ mask, wide ? (place < 2 ? 0 : value) ^ mask : 0);
    return outcome.next;
  };
}

function moveKeep(m: Machine, word: number): number {
  const place = (word >>> 21) & 3;
  const wide = isWide(word);
  if (!wide && place > 1) return outcome.translate;
  const rd = word & 31;
  const shift = (place & 1) * 16;
  const value = ((word >>> 5) & 0xffff) << shift;
  const keep = ~(0xffff << shift);
  if (place < 2) m.set(rd, (m.lowOf(rd) & keep) | value, wide ? m.highOf(rd) : 0);
  else m.set(rd, m.lowOf(rd), (m.highOf(rd) & keep) | value);
  return outcome.next;
}

/** Leaves 1s below a bit position of 1 to 64 as the latest result. */
function ones(m: Machine, count: number): void {
  m.low = count >= 32 ? -1 : (1 << count) - 1;
  m.high = count <= 32 ? 0 : count >= 64 ? -1 : (1 << (count - 32)) - 1;
}

/** Bit fields, on 64 bits: a narrow source is taken with its upper half zero, and the result's is dropped. */
function bitfield(kind: "signed" | "unsigned" | "insert"): Handler {
  return (m, word) => {
    const wide = isWide(word);
    const immr = (word >>> 16) & 63;
    const imms = (word >>> 10) & 63;
    if (((word >>> 22) & 1) !== (wide ? 1 : 0) || (!wide && (immr | imms) >= 32)) return outcome.translate;
    const rn = (word >>> 5) & 31;
    const rd = word & 31;
    const down = imms >= immr;
    // The field's length, and its place in the result.
    const length = down ? imms - immr + 1 : imms + 1;
    const place = down ? 0 : (wide ? 64 : 32) - immr;
    // To the top, then down: the upper bits are zeros or copies of the field's own top bit.
    m.shiftLeft(m.lowOf(rn), m.highOf(rn), 63 - imms);
    if (kind === "signed") m.shiftRightSigned(m.low, m.high, 64 - length);
    else m.shiftRight(m.low, m.high, 64 - length);
    m.shiftLeft(m.low, m.high, place);
    if (kind === "insert") {
      const { low, high } = m;
      ones(m, length);
      m.shiftLeft(m.low, m.high, place);
      m.low = (m.lowOf(rd) & ~m.low) | low;
      m.high = (m.highOf(rd) & ~m.high) | high;
    }
    m.setResult(rd, wide);
    return outcome.next;
  };
}

function extract(m: Machine, word: number): number {
  const wide = isWide(word);
  const amount = (word >>> 10) & 63;
  if (((word >>> 22) & 1) !== (wide ? 1 : 0) || (!wide && amount >= 32)) return outcome.translate;
  const rn = (word >>> 5) & 31;
  const rm = (word >>> 16) & 31;
  if (!wide) {
    m.shiftRight(m.lowOf(rm), m.lowOf(rn), amount);
  } else if (amount > 0) {
    m.shiftLeft(m.lowOf(rn), m.highOf(rn), 64 - amount);
    const { low, high } = m;
    m.shiftRight(m.lowOf(rm), m.highOf(rm), amount);
    m.low |= low;
    m.high |= high;
  } else {
    m.low = m.lowOf(rm);
    m.high = m.highOf(rm);
  }
  m.setResult(word & 31, wide);
  return outcome.next;
}

/** The amount is taken modulo the width. `kind` as in shifted-register forms. */
function shiftBy(kind: number): Handler {
  return (m, word) => {
    const rn = (word >>> 5) & 31;
    m.shift(m.lowOf(rn), m.highOf(rn), kind, m.lowOf((word >>> 16) & 31) & 63, isWide(word));
    m.set(word & 31, m.low, m.high);
    return outcome.next;
  };
}

function swapHalves(value: number): number {
  return (value >>> 16) | (value << 16);
}
function swapBytesInHalves(value: number): number {
  return ((value >>> 8) & 0xff00ff) | ((value & 0xff00ff) << 8);
}
function reverseBytes(value: number): number {
  return swapHalves(swapBytesInHalves(value));
}
function reverseBits(value: number): number {
  let bits = value;
  bits = ((bits >>> 1) & 0x55555555) | ((bits & 0x55555555) << 1);
  bits = ((bits >>> 2) & 0x33333333) | ((bits & 0x33333333) << 2);
  bits = ((bits >>> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4);
  return reverseBytes(bits);
}

/** Reorders each word, and exchanges the words too if `across`. */
function reorder(reorderWord: (value: number) => number, across: boolean): Handler {
  return (m, word) => {
    const rn = (word >>> 5) & 31;
    const low = reorderWord(m.lowOf(rn));
    if (!isWide(word)) {
      m.set(word & 31, low, 0);
      return outcome.next;
    }
    const high = reorderWord(m.highOf(rn));
    m.set(word & 31, across ? high : low, across ? low : high);
    return outcome.next;
  };
}

function leadingZeros(low: number, high: number, wide: boolean): number {
  if (!wide) return Math.clz32(low);
  return high === 0 ? 32 + Math.clz32(low) : Math.clz32(high);
}

function crc(step: (crc: number, value: number, bytes: number) => number, bytes: number): Handler {
  return (m, word) => {
    const rm = (word >>> 16) & 31;
    let value = step(m.lowOf((word >>> 5) & 31), m.lowOf(rm), Math.min(bytes, 4));
    if (bytes === 8) value = step(value, m.highOf(rm), 4);
    m.set(word & 31, value, 0);
    return outcome.next;
  };
}

export const logical: Readonly<Record<string, Handler>> = {
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
  MOVN: moveWide(true),
  MOVZ: moveWide(false),
  MOVK: moveKeep,
  SBFM: bitfield("signed"),
  UBFM: bitfield("unsigned"),
  BFM: bitfield("insert"),
  EXTR: extract,
  LSLV: shiftBy(0),
  LSRV: shiftBy(1),
  ASRV: shiftBy(2),
  RORV: shiftBy(3),
  RBIT: reorder(reverseBits, true),
  REV16: reorder(swapBytesInHalves, false),
  REV_w: reorder(reverseBytes, false),
  REV32: reorder(reverseBytes, false),
  REV_x: reorder(reverseBytes, true),
  CLZ: (m, word) => {
    const rn = (word >>> 5) & 31;
    m.set(word & 31, leadingZeros(m.lowOf(rn), m.highOf(rn), isWide(word)), 0);
    return outcome.next;
  },
  CLS: (m, word) => {
    const rn = (word >>> 5) & 31;
    const wide = isWide(word);
    const low = m.lowOf(rn);
    const high = m.highOf(rn);
    const sign = (wide ? high : low) >> 31;
    m.set(word & 31, leadingZeros(low ^ sign, high ^ sign, wide) - 1, 0);
    return outcome.next;
  },
  CRC32B: crc(crc32, 1),
  CRC32H: crc(crc32, 2),
  CRC32W: crc(crc32, 4),
  CRC32X: crc(crc32, 8),
  CRC32CB: crc(crc32c, 1),
  CRC32CH: crc(crc32c, 2),
  CRC32CW: crc(crc32c, 4),
  CRC32CX: crc(crc32c, 8),
};
