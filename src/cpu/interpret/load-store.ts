/** Loads and stores of general and vector registers, single, in pairs and in whole structures, interpreted. */
import { extend } from "./arithmetic.ts";
import { type Handler, type Machine, outcome } from "./machine.ts";

/** Kinds of access by size, vector bit and opc, as all single forms hold them in bits 31-30, 26 and 23-22. */
const kind = {
  none: 0,
  storeByte: 1,
  storeHalf: 2,
  storeWord: 3,
  storeDouble: 4,
  loadByte: 5,
  loadHalf: 6,
  loadWord: 7,
  loadDouble: 8,
  loadSignedByte: 9,
  loadSignedHalf: 10,
  loadSignedWord: 11,
  loadSignedByteNarrow: 12,
  loadSignedHalfNarrow: 13,
  storeVector: 14,
  loadVector: 19,
} as const;

const general = [
  [kind.storeByte, kind.loadByte, kind.loadSignedByte, kind.loadSignedByteNarrow],
  [kind.storeHalf, kind.loadHalf, kind.loadSignedHalf, kind.loadSignedHalfNarrow],
  [kind.storeWord, kind.loadWord, kind.loadSignedWord, kind.none],
  [kind.storeDouble, kind.loadDouble, kind.none, kind.none],
];
/** Kind by size × 8 + vector × 4 + opc, and the exponent of the size in bytes. */
const kinds = new Uint8Array(32);
const scales = new Uint8Array(32);
for (let size = 0; size < 4; size++) {
  for (let opc = 0; opc < 4; opc++) {
    kinds[size * 8 + opc] = general[size]?.[opc] ?? kind.none;
    scales[size * 8 + opc] = size;
    const scale = opc < 2 ? size : 4;
    const first = (opc & 1) === 0 ? kind.storeVector : kind.loadVector;
    kinds[size * 8 + 4 + opc] = opc >= 2 && size > 0 ? kind.none : first + scale;
    scales[size * 8 + 4 + opc] = scale;
  }
}

const kindIndex = (word: number): number => ((word >>> 30) << 3) | ((word >>> 24) & 4) | ((word >>> 22) & 3);

/** Moves a register of this kind; the address has been checked. */
function access(m: Machine, accessKind: number, address: number, register: number): void {
  const { guest } = m;
  switch (accessKind) {
    case kind.storeByte:
      guest.setInt8(address, m.lowOf(register));
      return;
    case kind.storeHalf:
      guest.setInt16(address, m.lowOf(register), true);
      return;
    case kind.storeWord:
      guest.setInt32(address, m.lowOf(register), true);
      return;
    case kind.storeDouble:
      guest.setInt32(address, m.lowOf(register), true);
      guest.setInt32(address + 4, m.highOf(register), true);
      return;
    case kind.loadByte:
      m.set(register, guest.getUint8(address), 0);
      return;
    case kind.loadHalf:
      m.set(register, guest.getUint16(address, true), 0);
      return;
    case kind.loadWord:
      m.set(register, guest.getInt32(address, true), 0);
      return;
    case kind.loadDouble:
      m.set(register, guest.getInt32(address, true), guest.getInt32(address + 4, true));
      return;
    case kind.loadSignedByte: {
      const value = guest.getInt8(address);
      m.set(register, value, value >> 31);
      return;
    }
    case kind.loadSignedHalf: {
      const value = guest.getInt16(address, true);
      m.set(register, value, value >> 31);
      return;
    }
    case kind.loadSignedWord: {
      const value = guest.getInt32(address, true);
      m.set(register, value, value >> 31);
      return;
    }
    case kind.loadSignedByteNarrow:
      m.set(register, guest.getInt8(address), 0);
      return;
    case kind.loadSignedHalfNarrow:
      m.set(register, guest.getInt16(address, true), 0);
      return;
    default:
      if (accessKind >= kind.loadVector) loadVector(m, accessKind - kind.loadVector, address, register);
      else storeVector(m, accessKind - kind.storeVector, address, register);
  }
}

function loadVector(m: Machine, scale: number, address: number, register: number): void {
  const { guest } = m;
  if (scale === 0) m.setVector(register, guest.getUint8(address), 0, 0, 0);
  else if (scale === 1) m.setVector(register, guest.getUint16(address, true), 0, 0, 0);
  else if (scale === 2) m.setVector(register, guest.getInt32(address, true), 0, 0, 0);
  else if (scale === 3) m.setVector(register, guest.getInt32(address, true), guest.getInt32(address + 4, true), 0, 0);
  else
    m.setVector(
      register,
      guest.getInt32(address, true),
      guest.getInt32(address + 4, true),
      guest.getInt32(address + 8, true),
      guest.getInt32(address + 12, true),
    );
}

function storeVector(m: Machine, scale: number, address: number, register: number): void {
  const { guest } = m;
  const first = m.vectorWord(register, 0);
  if (scale === 0) guest.setInt8(address, first);
  else if (scale === 1) guest.setInt16(address, first, true);
  else guest.setInt32(address, first, true);
  if (scale < 3) return;
  guest.setInt32(address + 4, m.vectorWord(register, 1), true);
  if (scale === 3) return;
  guest.setInt32(address + 8, m.vectorWord(register, 2), true);
  guest.setInt32(address + 12, m.vectorWord(register, 3), true);
}

/** Adds a signed offset to a base register. */
function writeBack(m: Machine, base: number, offset: number): void {
  m.addWide(m.lowOrSp(base), m.highOrSp(base), offset, offset >> 31, 0, false);
  m.setOrSp(base, m.low, m.high);
}

function single(form: "unsigned" | "unscaled" | "post" | "pre"): Handler {
  return (m, word) => {
    const index = kindIndex(word);
    const accessKind = kinds[index] as number;
    if (accessKind === kind.none) return outcome.translate;
    const scale = scales[index] as number;
    const rn = (word >>> 5) & 31;
    const offset = form === "unsigned" ? ((word >>> 10) & 0xfff) << scale : (word << 11) >> 23;
    const address = (m.lowOrSp(rn) + (form === "post" ? 0 : offset)) >>> 0;
    if (!m.reaches(address, 1 << scale)) return outcome.fault;
    access(m, accessKind, address, word & 31);
    if (form === "post" || form === "pre") writeBack(m, rn, offset);
    return outcome.next;
  };
}

function withRegister(m: Machine, word: number): number {
  const index = kindIndex(word);
  const accessKind = kinds[index] as number;
  const option = (word >>> 13) & 7;
  if (accessKind === kind.none || (option & 2) === 0) return outcome.translate;
  const scale = scales[index] as number;
  extend(m, (word >>> 16) & 31, option, ((word >>> 12) & 1) === 1 ? scale : 0);
  const address = (m.lowOrSp((word >>> 5) & 31) + m.low) >>> 0;
  if (!m.reaches(address, 1 << scale)) return outcome.fault;
  access(m, accessKind, address, word & 31);
  return outcome.next;
}

function pair(accessKind: number, scale: number, m: Machine, word: number, form: "post" | "pre" | "offset"): number {
  const rn = (word >>> 5) & 31;
  const offset = ((word << 10) >> 25) * (1 << scale);
  const address = (m.lowOrSp(rn) + (form === "post" ? 0 : offset)) >>> 0;
  const step = 1 << scale;
  if (!m.reaches(address, 2 * step)) return outcome.fault;
  access(m, accessKind, address, word & 31);
  access(m, accessKind, address + step, (word >>> 10) & 31);
  if (form !== "offset") writeBack(m, rn, offset);
  return outcome.next;
}

function generalPair(isLoad: boolean, form: "post" | "pre" | "offset"): Handler {
  const [narrow, wide] = isLoad ? [kind.loadWord, kind.loadDouble] : [kind.storeWord, kind.storeDouble];
  return (m, word) => (word < 0 ? pair(wide, 3, m, word, form) : pair(narrow, 2, m, word, form));
}

function vectorPair(isLoad: boolean, form: "post" | "pre" | "offset"): Handler {
  const first = isLoad ? kind.loadVector : kind.storeVector;
  return (m, word) => {
    const scale = 2 + (word >>> 30);
    return scale === 5 ? outcome.translate : pair(first + scale, scale, m, word, form);
  };
}

function literal(m: Machine, word: number, accessKind: number, scale: number): number {
  const address = (m.pc + (((word << 8) >> 13) << 2)) >>> 0;
  if (!m.reaches(address, 1 << scale)) return outcome.fault;
  access(m, accessKind, address, word & 31);
  return outcome.next;
}

/** LD1 and ST1 of consecutive whole registers. */
function consecutive(isLoad: boolean, registers: number, post: boolean): Handler {
  return (m, word) => {
    const scale = 3 + ((word >>> 30) & 1);
    const rn = (word >>> 5) & 31;
    const address = m.lowOrSp(rn) >>> 0;
    const byteLength = registers << scale;
    if (!m.reaches(address, byteLength)) return outcome.fault;
    for (let place = 0; place < registers; place++) {
      const register = (word + place) & 31;
      if (isLoad) loadVector(m, scale, address + (place << scale), register);
      else storeVector(m, scale, address + (place << scale), register);
    }
    if (post) {
      const rm = (word >>> 16) & 31;
      const [low, high] = rm === 31 ? [byteLength, 0] : [m.lowOf(rm), m.highOf(rm)];
      m.addWide(m.lowOrSp(rn), m.highOrSp(rn), low, high, 0, false);
      m.setOrSp(rn, m.low, m.high);
    }
    return outcome.next;
  };
}

function allForms(): Record<string, Handler> {
  const handlers: Record<string, Handler> = {};
  for (const name of "STRB LDRB LDRSB STRH LDRH LDRSH STR LDR LDRSW STR_v LDR_v".split(" ")) {
    for (const form of ["unsigned", "post", "pre"] as const) handlers[`${name}_${form}`] = single(form);
    handlers[`${name}_reg`] = withRegister;
    handlers[`${name.replace(/^(LD|ST)/, "$1U")}_unscaled`] = single("unscaled");
    if (!name.endsWith("_v")) handlers[`${name.replace(/^(LD|ST)/, "$1T")}_unscaled`] = single("unscaled");
  }
  for (const isLoad of [false, true]) {
    const name = isLoad ? "LD" : "ST";
    for (const form of ["post", "pre", "offset"] as const) {
      handlers[`${name}P_${form}`] = generalPair(isLoad, form);
      handlers[`${name}P_v_${form}`] = vectorPair(isLoad, form);
      handlers[`LDPSW_${form}`] = (m, word) => pair(kind.loadSignedWord, 2, m, word, form);
    }
    handlers[`${name}NP`] = generalPair(isLoad, "offset");
    handlers[`${name}NP_v`] = vectorPair(isLoad, "offset");
    for (const registers of [1, 2, 3, 4]) {
      handlers[`${name}1_x${registers}`] = consecutive(isLoad, registers, false);
      handlers[`${name}1_x${registers}_post`] = consecutive(isLoad, registers, true);
    }
  }
  return handlers;
}

export const loadStore: Readonly<Record<string, Handler>> = {
  ...allForms(),
  PRFM_unsigned: () => outcome.next,
  PRFUM_unscaled: () => outcome.next,
  PRFM_reg: (_machine, word) => (((word >>> 14) & 1) === 0 ? outcome.translate : outcome.next),
  PRFM_literal: () => outcome.next,
  LDR_literal: (m, word) =>
    ((word >>> 30) & 1) === 1 ? literal(m, word, kind.loadDouble, 3) : literal(m, word, kind.loadWord, 2),
  LDRSW_literal: (m, word) => literal(m, word, kind.loadSignedWord, 2),
  LDR_v_literal: (m, word) => {
    const scale = 2 + (word >>> 30);
    return scale === 5 ? outcome.translate : literal(m, word, kind.loadVector + scale, scale);
  },
};
