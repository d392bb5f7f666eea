/**
 * Exclusive loads and stores, acquire and release, and atomic memory operations, interpreted. Tasks take turns on one JavaScript
 * thread, so that plain accesses are atomic. Misaligned ones fault, as in translated code.
 */
import { NULL_GUARD, noExclusive, stateOffset } from "../state.ts";
import { type Handler, type Machine, outcome } from "./machine.ts";

const MONITOR = stateOffset.exclusiveAddress >> 2;
const EXPECTED = stateOffset.exclusiveLow >> 2;

/** outcome.next if the access can be made. */
function check(m: Machine, address: number, byteLength: number, alignment: number): number {
  if (!m.reaches(address, byteLength)) return outcome.fault;
  if ((address & (alignment - 1)) === 0) return outcome.next;
  m.faultAddress = address;
  return outcome.misaligned;
}

/** The value of 1 << size bytes at an address as the latest result. */
function load(m: Machine, address: number, size: number): void {
  const { guest } = m;
  m.high = size === 3 ? guest.getInt32(address + 4, true) : 0;
  if (size === 0) m.low = guest.getUint8(address);
  else if (size === 1) m.low = guest.getUint16(address, true);
  else m.low = guest.getInt32(address, true);
}

function store(m: Machine, address: number, size: number, low: number, high: number): void {
  const { guest } = m;
  if (size === 0) guest.setInt8(address, low);
  else if (size === 1) guest.setInt16(address, low, true);
  else guest.setInt32(address, low, true);
  if (size === 3) guest.setInt32(address + 4, high, true);
}

const sizeOf = (word: number): number => word >>> 30;
const addressOf = (m: Machine, word: number): number => m.lowOrSp((word >>> 5) & 31) >>> 0;

function loadExclusive(m: Machine, word: number): number {
  const size = sizeOf(word);
  const address = addressOf(m, word);
  const checked = check(m, address, 1 << size, 1 << size);
  if (checked !== outcome.next) return checked;
  load(m, address, size);
  setMonitor(m, address);
  m.set(word & 31, m.low, m.high);
  return outcome.next;
}

/** Remembers an address, as translated code has it, and the latest result that was there. */
function setMonitor(m: Machine, address: number): void {
  m.x[MONITOR] = address - NULL_GUARD;
  m.x[EXPECTED] = m.low;
  m.x[EXPECTED + 1] = m.high;
}

/** Whether the monitor is on this address; it is cleared. */
function takeMonitor(m: Machine, address: number): boolean {
  const isHeld = m.x[MONITOR] === ((address - NULL_GUARD) | 0);
  m.x[MONITOR] = noExclusive;
  return isHeld;
}

function isExpected(m: Machine, at: number): boolean {
  return m.low === m.x[at] && m.high === m.x[at + 1];
}

function storeExclusive(m: Machine, word: number): number {
  const size = sizeOf(word);
  const address = addressOf(m, word);
  const checked = check(m, address, 1 << size, 1 << size);
  if (checked !== outcome.next) return checked;
  let failed = 1;
  if (takeMonitor(m, address)) {
    load(m, address, size);
    if (isExpected(m, EXPECTED)) {
      store(m, address, size, m.lowOf(word & 31), m.highOf(word & 31));
      failed = 0;
    }
  }
  m.set((word >>> 16) & 31, failed, 0);
  return outcome.next;
}

function loadExclusivePair(m: Machine, word: number): number {
  const wide = (word & 0x40000000) !== 0;
  const address = addressOf(m, word);
  const checked = check(m, address, wide ? 16 : 8, 8);
  if (checked !== outcome.next) return checked;
  load(m, address, 3);
  setMonitor(m, address);
  const rt = word & 31;
  const rt2 = (word >>> 10) & 31;
  if (!wide) {
    m.set(rt, m.low, 0);
    m.set(rt2, m.high, 0);
    return outcome.next;
  }
  m.set(rt, m.low, m.high);
  load(m, address + 8, 3);
  m.x[EXPECTED + 2] = m.low;
  m.x[EXPECTED + 3] = m.high;
  m.set(rt2, m.low, m.high);
  return outcome.next;
}

function storeExclusivePair(m: Machine, word: number): number {
  const wide = (word & 0x40000000) !== 0;
  const address = addressOf(m, word);
  const checked = check(m, address, wide ? 16 : 8, 8);
  if (checked !== outcome.next) return checked;
  const rt = word & 31;
  const rt2 = (word >>> 10) & 31;
  let failed = 1;
  if (takeMonitor(m, address)) {
    load(m, address, 3);
    let isSame = isExpected(m, EXPECTED);
    if (wide && isSame) {
      load(m, address + 8, 3);
      isSame = isExpected(m, EXPECTED + 2);
    }
    if (isSame) {
      store(m, address, 3, m.lowOf(rt), wide ? m.highOf(rt) : m.lowOf(rt2));
      if (wide) store(m, address + 8, 3, m.lowOf(rt2), m.highOf(rt2));
      failed = 0;
    }
  }
  m.set((word >>> 16) & 31, failed, 0);
  return outcome.next;
}

function loadAcquire(m: Machine, word: number): number {
  const size = sizeOf(word);
  const address = addressOf(m, word);
  const checked = check(m, address, 1 << size, 1 << size);
  if (checked !== outcome.next) return checked;
  load(m, address, size);
  m.set(word & 31, m.low, m.high);
  return outcome.next;
}

function storeRelease(m: Machine, word: number): number {
  const size = sizeOf(word);
  const address = addressOf(m, word);
  const checked = check(m, address, 1 << size, 1 << size);
  if (checked !== outcome.next) return checked;
  store(m, address, size, m.lowOf(word & 31), m.highOf(word & 31));
  return outcome.next;
}

function compareAndSwap(m: Machine, word: number): number {
  const size = sizeOf(word);
  const address = addressOf(m, word);
  const rs = (word >>> 16) & 31;
  const checked = check(m, address, 1 << size, 1 << size);
  if (checked !== outcome.next) return checked;
  load(m, address, size);
  const mask = size < 2 ? (1 << (8 << size)) - 1 : -1;
  if (m.low === (m.lowOf(rs) & mask) && (size < 3 || m.high === m.highOf(rs)))
    store(m, address, size, m.lowOf(word & 31), m.highOf(word & 31));
  m.set(rs, m.low, m.high);
  return outcome.next;
}

/** The new value is given the old one (the latest result) and Rs, and becomes the latest result. */
function readModifyWrite(change: (m: Machine, low: number, high: number, size: number) => void): Handler {
  return (m, word) => {
    const size = sizeOf(word);
    const address = addressOf(m, word);
    const rs = (word >>> 16) & 31;
    const checked = check(m, address, 1 << size, 1 << size);
    if (checked !== outcome.next) return checked;
    load(m, address, size);
    const { low, high } = m;
    change(m, m.lowOf(rs), m.highOf(rs), size);
    store(m, address, size, m.low, m.high);
    m.set(word & 31, low, high);
    return outcome.next;
  };
}

function isLess(aLow: number, aHigh: number, bLow: number, bHigh: number, isSigned: boolean): boolean {
  if (aHigh !== bHigh) return isSigned ? aHigh < bHigh : aHigh >>> 0 < bHigh >>> 0;
  return aLow >>> 0 < bLow >>> 0;
}

function extremum(wantsLess: boolean, isSigned: boolean): Handler {
  return readModifyWrite((m, low, high, size) => {
    // Both in the top bits of 64, so that their signs stand where those of doublewords do.
    const up = 64 - (8 << size);
    const oldLow = m.low;
    const oldHigh = m.high;
    m.shiftLeft(low, high, up);
    const operandLow = m.low;
    const operandHigh = m.high;
    m.shiftLeft(oldLow, oldHigh, up);
    const operandLess = isLess(operandLow, operandHigh, m.low, m.high, isSigned);
    const keepsOld = operandLess !== wantsLess;
    m.low = keepsOld ? oldLow : low;
    m.high = keepsOld ? oldHigh : high;
  });
}

export const exclusive: Readonly<Record<string, Handler>> = {
  LDXR: loadExclusive,
  LDAXR: loadExclusive,
  STXR: storeExclusive,
  STLXR: storeExclusive,
  LDXP: loadExclusivePair,
  LDAXP: loadExclusivePair,
  STXP: storeExclusivePair,
  STLXP: storeExclusivePair,
  LDAR: loadAcquire,
  LDAPR: loadAcquire,
  STLR: storeRelease,
  CAS: compareAndSwap,
  LDADD: readModifyWrite((m, low, high) => m.addWide(m.low, m.high, low, high, 0, false)),
  LDCLR: readModifyWrite((m, low, high) => {
    m.low &= ~low;
    m.high &= ~high;
  }),
  LDEOR: readModifyWrite((m, low, high) => {
    m.low ^= low;
    m.high ^= high;
  }),
  LDSET: readModifyWrite((m, low, high) => {
    m.low |= low;
    m.high |= high;
  }),
  SWP: readModifyWrite((m, low, high) => {
    m.low = low;
    m.high = high;
  }),
  LDSMAX: extremum(false, true),
  LDSMIN: extremum(true, true),
  LDUMAX: extremum(false, false),
  LDUMIN: extremum(true, false),
};
