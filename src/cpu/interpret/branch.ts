/** Branches, system calls and user-mode system registers, interpreted. */
import { INTERPRETED } from "../indirect-targets.ts";
import { noExclusive, stateOffset, stopCode } from "../state.ts";
import { constantRegisters, FPCR_BITS, FPSR_BITS } from "../translate/branch.ts";
import { type Handler, type Machine, outcome } from "./machine.ts";

function branchBy(m: Machine, offset: number): number {
  m.target = (m.pc + offset) >>> 0;
  return outcome.branch;
}

function fallThrough(m: Machine): number {
  m.reach(m.pc + 4);
  return outcome.next;
}

/** The branch offset in bytes of a field of 19 bits. */
const offset19 = (word: number): number => ((word << 8) >> 13) << 2;

function compareAndBranch(ifZero: boolean): Handler {
  return (m, word) => {
    const rt = word & 31;
    const bits = word < 0 ? m.lowOf(rt) | m.highOf(rt) : m.lowOf(rt);
    return (bits === 0) === ifZero ? branchBy(m, offset19(word)) : fallThrough(m);
  };
}

function testAndBranch(ifZero: boolean): Handler {
  return (m, word) => {
    const rt = word & 31;
    const half = word < 0 ? m.highOf(rt) : m.lowOf(rt);
    const isZero = ((half >>> ((word >>> 19) & 31)) & 1) === 0;
    return isZero === ifZero ? branchBy(m, ((word << 13) >> 18) << 2) : fallThrough(m);
  };
}

function link(m: Machine): void {
  const next = m.pc + 4;
  m.set(30, next | 0, next >= 2 ** 32 ? 1 : 0);
}

function stop(m: Machine, code: number, detail: number, pc: number): number {
  m.x[stateOffset.pc >> 2] = pc;
  m.x[stateOffset.stop >> 2] = code;
  m.x[stateOffset.detail >> 2] = detail;
  return outcome.stop;
}

/** op0 (its low bit) to op2 of a system register, as they stand in the word. */
const SYSTEM_REGISTER = 0xfffe0;
const placeOf = (op0: number, op1: number, crn: number, crm: number, op2: number): number =>
  ((op0 & 1) << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5);
const NZCV = placeOf(3, 3, 4, 2, 0);
const constants = new Map(
  Object.entries(constantRegisters).map(([name, value]) => {
    const [op0, op1, crn, crm, op2] = name.split(" ").map((part) => Number(part.replace("c", "")));
    return [placeOf(op0 ?? 0, op1 ?? 0, crn ?? 0, crm ?? 0, op2 ?? 0), value];
  }),
);
/** Registers kept in the state: the word there, how many words, and the bits of the lowest that can be written; 0: none. */
const kept = new Map([
  [placeOf(3, 3, 13, 0, 2), { at: stateOffset.tpidr >> 2, isWide: true, writable: -1 }],
  [placeOf(3, 3, 14, 0, 2), { at: stateOffset.counter >> 2, isWide: true, writable: 0 }],
  [placeOf(3, 3, 4, 4, 0), { at: stateOffset.fpcr >> 2, isWide: false, writable: FPCR_BITS }],
  [placeOf(3, 3, 4, 4, 1), { at: stateOffset.fpsr >> 2, isWide: false, writable: FPSR_BITS }],
]);

function readSystemRegister(m: Machine, word: number): number {
  const name = word & SYSTEM_REGISTER;
  const rt = word & 31;
  if (name === NZCV) {
    m.set(rt, m.nzcv << 28, 0);
    return outcome.next;
  }
  const constant = constants.get(name);
  if (constant !== undefined) {
    m.set(rt, constant | 0, 0);
    return outcome.next;
  }
  const place = kept.get(name);
  if (place === undefined) return outcome.translate;
  m.set(rt, m.x[place.at] as number, place.isWide ? (m.x[place.at + 1] as number) : 0);
  return outcome.next;
}

function writeSystemRegister(m: Machine, word: number): number {
  const name = word & SYSTEM_REGISTER;
  const rt = word & 31;
  if (name === NZCV) {
    m.nzcv = m.lowOf(rt) >>> 28;
    return outcome.next;
  }
  const place = kept.get(name);
  if (place === undefined || place.writable === 0) return outcome.translate;
  m.x[place.at] = m.lowOf(rt) & place.writable;
  if (place.isWide) m.x[place.at + 1] = m.highOf(rt);
  // Translated code under way may be of the other flavour now.
  if (place.at === stateOffset.fpcr >> 2) return stop(m, stopCode.floatControl, 0, m.pc + 4);
  return outcome.next;
}

const SYSTEM_OPERATION = 0x7ffe0;
const IC_IVAU = 0x37520 | 0;
const INDIRECT_FROM = stateOffset.indirectFrom >> 2;
const INDIRECT_TO = stateOffset.indirectTo >> 2;

export const branch: Readonly<Record<string, Handler>> = {
  B: (m, word) => branchBy(m, ((word << 6) >> 6) << 2),
  BL: (m, word) => {
    link(m);
    m.target = (m.pc + (((word << 6) >> 6) << 2)) >>> 0;
    return outcome.call;
  },
  B_cond: (m, word) => (m.holds(word & 15) ? branchBy(m, offset19(word)) : fallThrough(m)),
  CBZ: compareAndBranch(true),
  CBNZ: compareAndBranch(false),
  TBZ: testAndBranch(true),
  TBNZ: testAndBranch(false),
  BR: (m, word) => {
    m.target = m.lowOf((word >>> 5) & 31) >>> 0;
    m.x[INDIRECT_FROM] = m.pc + INTERPRETED;
    m.x[INDIRECT_TO] = m.target;
    return outcome.call;
  },
  BLR: (m, word) => {
    m.target = m.lowOf((word >>> 5) & 31) >>> 0;
    link(m);
    return outcome.call;
  },
  RET: (m, word) => {
    m.target = m.lowOf((word >>> 5) & 31) >>> 0;
    return outcome.return;
  },
  SVC: () => outcome.supervisorCall,
  BRK: (m, word) => stop(m, stopCode.breakpoint, (word >>> 5) & 0xffff, m.pc),
  HINT: () => outcome.next,
  CLREX: (m) => {
    m.x[stateOffset.exclusiveAddress >> 2] = noExclusive;
    return outcome.next;
  },
  DSB: () => outcome.next,
  DMB: () => outcome.next,
  ISB: () => outcome.next,
  SYS: (m, word) =>
    (word & SYSTEM_OPERATION) === IC_IVAU
      ? stop(m, stopCode.invalidate, m.lowOf(word & 31), m.pc + 4)
      : outcome.translate,
  MRS: readSystemRegister,
  MSR: writeSystemRegister,
};
