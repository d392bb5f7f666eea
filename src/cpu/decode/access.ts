/** What memory an instruction accesses, by its name and fields: for faults, and for checks before the access. */
import { type Fields, signed } from "./fields.ts";
import { type Instruction, instructions } from "./table.ts";

/** The address is base + offset + extended index. */
export interface Access {
  /** The number of a general register, 31 = SP; null: the address of the instruction itself. */
  readonly base: number | null;
  readonly offset: number;
  /** `option` as in UXTB to SXTX. */
  readonly index: { readonly register: number; readonly option: number; readonly shift: number } | null;
  readonly byteLength: number;
  readonly isLoad: boolean;
  readonly isStore: boolean;
}

type Reader = (f: Fields) => Access;

/** By the line's index; null: no access to memory. */
const readers: readonly (Reader | null)[] = instructions.map(readerOf);

/** Whether an instruction may fault on its data. */
export function accessesMemory({ index }: Instruction): boolean {
  return readers[index] !== null;
}

/** Null for an instruction without an access. */
export function accessOf({ index }: Instruction, fields: Fields): Access | null {
  return readers[index]?.(fields) ?? null;
}

function readerOf({ name }: Instruction): Reader | null {
  if (!/^(LD|ST|CAS|SWP)/.test(name)) return null;
  if (/^(LD|ST)\d/.test(name)) return structure(name);
  if (/^(LD|ST)N?P/.test(name)) return pair(name);
  if (/_(unsigned|unscaled|post|pre|reg|literal)$/.test(name)) return single(name);
  return exclusive(name);
}

/** An exponent of two. */
function scaleOf(name: string): (f: Fields) => number {
  if (name.includes("_v")) return name.endsWith("literal") ? (f) => 2 + f.opc : (f) => (f.opx === 1 ? 4 : f.size);
  if (/^(LD|ST)[UT]?RS?B/.test(name)) return () => 0;
  if (/^(LD|ST)[UT]?RS?H/.test(name)) return () => 1;
  return /^LD[UT]?RSW/.test(name) ? () => 2 : (f) => 2 + f.sz;
}

function single(name: string): Reader {
  const scale = scaleOf(name);
  const form = name.slice(name.lastIndexOf("_") + 1);
  const isStore = name.startsWith("ST");
  return (f) => {
    const shift = scale(f);
    const access = { base: f.Rn, offset: 0, index: null, byteLength: 1 << shift, isLoad: !isStore, isStore };
    switch (form) {
      case "unsigned":
        return { ...access, offset: f.imm12 << shift };
      case "unscaled":
      case "pre":
        return { ...access, offset: signed(f.imm9, 9) };
      case "literal":
        return { ...access, base: null, offset: signed(f.imm19, 19) * 4 };
      case "reg":
        return { ...access, index: { register: f.Rm, option: f.option, shift: f.S === 1 ? shift : 0 } };
      default:
        return access;
    }
  };
}

function pair(name: string): Reader {
  const isStore = name.startsWith("ST");
  const isVector = name.includes("_v");
  const isPost = name.endsWith("_post");
  return (f) => {
    const shift = 2 + (isVector ? f.opc : f.sf);
    const offset = isPost ? 0 : signed(f.imm7, 7) * 2 ** shift;
    return { base: f.Rn, offset, index: null, byteLength: 2 << shift, isLoad: !isStore, isStore };
  };
}

/** Exclusive, acquire and release, and atomic: at the base register, and aligned to their size. */
function exclusive(name: string): Reader {
  const isPair = /XP$|^CASP/.test(name);
  const isStore = !/^LDA?(XR|XP|R|PR)$/.test(name);
  const isLoad = !/^ST/.test(name);
  return (f) => {
    return { base: f.Rn, offset: 0, index: null, byteLength: isPair ? 8 << f.sz : 1 << f.size, isLoad, isStore };
  };
}

/** LD1 to LD4 and ST1 to ST4. */
function structure(name: string): Reader {
  const isStore = name.startsWith("ST");
  const count = Number(/_x(\d)/.exec(name)?.[1] ?? name[2]);
  const lane = /_lane_([bhs])/.exec(name)?.[1];
  return (f) => {
    let unit = f.Q === 1 ? 16 : 8;
    if (lane === "s") unit = f.size === 1 ? 8 : 4;
    else if (lane !== undefined) unit = lane === "b" ? 1 : 2;
    else if (/^LD\dR/.test(name)) unit = 1 << f.size;
    return { base: f.Rn, offset: 0, index: null, byteLength: count * unit, isLoad: !isStore, isStore };
  };
}
