/**
 * Random instructions on two CPUs: builds a static program by hand that, for each case, loads all registers from memory, runs one
 * instruction, and stores all registers; at its end it writes everything out.
 */
import { type RandomSource, SeededRandom } from "../base/random.ts";
import type { FieldName, Fields } from "./decode/fields.ts";
import { type Instruction, instructions } from "./decode/table.ts";

/** Offsets inside the memory of one case. */
export const caseOffset = {
  input: 0,
  output: 752,
  undefinedMark: 1504,
  control: 1512,
  status: 1520,
  scratch: 1536,
} as const;
export const CASE_BYTES = 2048;
const SP_OFFSET = 224;
const NZCV_OFFSET = 232;
const VECTOR_OFFSET = 240;
/** Where loads and stores aim at, from the start of the scratch memory. */
const SCRATCH_MIDDLE = 192;
const BASE_ADDRESS = 0x10000;
const HEADER_BYTES = 0x1000;
const ALTERNATE_STACK_BYTES = 0x10000;

export interface Case {
  readonly instruction: Instruction;
  readonly word: number;
  /** What FPCR holds meanwhile; undefined in all cases of a program: it is never written. */
  readonly control?: number;
}

/** A word of the table's line, with these fields; others are 0. */
export function encode(name: string, fields: Partial<Fields> = {}): number {
  const instruction = instructions.find((line) => line.name === name);
  if (instruction === undefined) throw new Error(`no line ${name}`);
  let word = instruction.value;
  for (const place of instruction.fields) word |= ((fields[place.name] ?? 0) & ((1 << place.width) - 1)) << place.shift;
  return word >>> 0;
}

/** The lines that a single instruction between loads and stores of registers can show. */
export function isSingle(name: string): boolean {
  return !/^(BL|BR|BLR|RET|SVC|BRK|SYS|MRS|MSR|HINT|STXR|STLXR|STXP|STLXP)$/.test(name);
}

export function isMemory({ name }: Instruction): boolean {
  return /^(LD|ST|CAS|SWP|PRF)/.test(name);
}

const registerFields = new Set<FieldName>(["Rd", "Rn", "Rm", "Ra", "Rt", "Rt2", "Rs"]);

/** A random word of a line that neither leaves the case's memory nor is unpredictable. */
export function randomWord(instruction: Instruction, random: RandomSource): number {
  for (;;) {
    const chosen: Partial<Record<FieldName, number>> = {};
    let word = instruction.value;
    for (const { name, shift, width } of instruction.fields) {
      const value = randomField(instruction, name, width, random);
      chosen[name] = value;
      word |= value << shift;
    }
    if (instruction.nonzero !== 0 && (word & instruction.nonzero) === 0) continue;
    if (isUnpredictable(instruction, chosen)) continue;
    return word >>> 0;
  }
}

function pick(random: RandomSource, bound: number): number {
  return random.nextUint32() % bound;
}

function randomField(instruction: Instruction, name: FieldName, width: number, random: RandomSource): number {
  const { name: line } = instruction;
  // X28 to X30 belong to the harness; vectors have no such limit.
  if (registerFields.has(name)) {
    const isVector = /_v|^[LS][DT]\d|_s$|elem/.test(line) && name !== "Rn" && !(isMemory(instruction) && name === "Rm");
    const register = pick(random, 32);
    return !isVector && register >= 28 && register < 31 ? register - 20 : register;
  }
  if (/^(B|B_cond|CBN?Z|TBN?Z)$/.test(line) && /^imm/.test(name)) return 2;
  if (/literal/.test(line) && name === "imm19") return pick(random, 8) * 4;
  if (isMemory(instruction)) {
    if (name === "imm12") return pick(random, 4);
    if (name === "imm9") return (pick(random, 64) - 32) & 0x1ff;
    if (name === "imm7") return (pick(random, 8) - 4) & 0x7f;
  }
  return pick(random, 2 ** width);
}

function isUnpredictable({ name }: Instruction, f: Partial<Record<FieldName, number>>): boolean {
  const isVector = /_v/.test(name);
  // Not unpredictable: of an extension that the processors to compare with have, and this one does not tell of.
  if (name === "PMULL_v" && f.size === 3) return true;
  if (/_(post|pre)$/.test(name) && !isVector && f.Rn === f.Rt) return true;
  if (/_(post|pre)$/.test(name) && !isVector && f.Rn !== 31 && f.Rn === f.Rt2) return true;
  if (/^LD(N?P|A?XP)/.test(name) && f.Rt === f.Rt2) return true;
  if (/_reg$/.test(name) && isMemoryName(name) && f.Rm === f.Rn) return true;
  if (/^(CAS|LD(ADD|CLR|EOR|SET|[SU]M)|SWP)/.test(name) && (f.Rs === f.Rn || f.Rt === f.Rn)) return true;
  return /^(BIT|BIF|BSL)$/.test(name) ? false : isMemoryName(name) && f.Rn !== undefined && f.Rn >= 28 && f.Rn < 31;
}

function isMemoryName(name: string): boolean {
  return /^(LD|ST|CAS|SWP|PRF)/.test(name);
}

const interesting64 = [
  0n,
  1n,
  2n,
  0xffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
];
const interestingDouble = [
  0n,
  1n << 63n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0xfff8000000001234n,
  0x7ff0000000000001n,
  0xfff4000000000000n,
  1n,
  0x000fffffffffffffn,
  0x0010000000000000n,
  0x7fefffffffffffffn,
  0x41dfffffffc00000n,
  0xc1e0000000000000n,
  0x43e0000000000000n,
  0xc3e0000000000000n,
  0x3fe0000000000000n,
  0x3ff8000000000000n,
  0x4004000000000000n,
];
const interestingSingle = [
  0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc01234, 0x7f800001, 0xffa00000, 1,
  0x007fffff, 0x00800000, 0x7f7fffff, 0x4effffff, 0xcf000000, 0x5f000000, 0x3f000000, 0x3fc00000, 0x40200000,
];

function random64(random: RandomSource): bigint {
  const high = BigInt(random.nextUint32());
  const low = BigInt(random.nextUint32());
  switch (pick(random, 4)) {
    case 0:
      return interesting64[pick(random, interesting64.length)] as bigint;
    case 1:
      return BigInt.asUintN(64, BigInt.asIntN(32, low) >> BigInt(pick(random, 31)));
    default:
      return (high << 32n) | low;
  }
}

function randomVectorHalf(random: RandomSource): bigint {
  const single = (): bigint => {
    switch (pick(random, 3)) {
      case 0:
        return BigInt(interestingSingle[pick(random, interestingSingle.length)] as number);
      case 1: // A number of moderate size.
        return BigInt(((random.nextUint32() & 0x807fffff) | ((112 + pick(random, 32)) << 23)) >>> 0);
      default:
        return BigInt(random.nextUint32());
    }
  };
  switch (pick(random, 5)) {
    case 0:
      return interestingDouble[pick(random, interestingDouble.length)] as bigint;
    case 1:
      return (
        ((random64(random) & 0x800fffffffffffffn) | (BigInt(1000 + pick(random, 70)) << 52n)) & 0xffffffffffffffffn
      );
    case 2:
      return random64(random);
    default:
      return (single() << 32n) | single();
  }
}

/** The program for these cases, and where their memory stands in what it writes. */
export function buildProgram(cases: readonly Case[], seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  const caseWords = 4;
  const codeBytes = (cases.length * caseWords + 256) * 4;
  const dataStart = Math.ceil((BASE_ADDRESS + HEADER_BYTES + codeBytes) / 4096) * 4096;
  const stackStart = dataStart + cases.length * CASE_BYTES;
  const end = stackStart + ALTERNATE_STACK_BYTES;
  const file = new Uint8Array(end - BASE_ADDRESS);
  const view = new DataView(file.buffer);
  let pc = BASE_ADDRESS + HEADER_BYTES;
  const emit = (word: number): void => {
    view.setUint32(pc - BASE_ADDRESS, word, true);
    pc += 4;
  };
  const constant = (register: number, value: number): void => {
    emit(encode("MOVZ", { sf: 1, Rd: register, imm16: value & 0xffff }));
    emit(encode("MOVK", { sf: 1, Rd: register, imm16: value >>> 16, hw: 1 }));
  };
  const systemCall = (number: number, ...values: number[]): void => {
    for (const [register, value] of values.entries()) constant(register, value);
    constant(8, number);
    emit(encode("SVC"));
  };
  const nzcv = { o0: 1, op1: 3, CRn: 4, CRm: 2, op2: 0 };
  const fpcr = { o0: 1, op1: 3, CRn: 4, CRm: 4, op2: 0 };
  const fpsr = { ...fpcr, op2: 1 };

  // Routines: load all, save all, and the handler of SIGILL, which marks X29 and skips the instruction.
  const load = pc;
  emit(encode("LDR_unsigned", { sz: 1, Rn: 28, Rt: 0, imm12: SP_OFFSET / 8 }));
  emit(encode("ADD_imm", { sf: 1, Rn: 0, Rd: 31 }));
  emit(encode("LDR_unsigned", { sz: 1, Rn: 28, Rt: 0, imm12: NZCV_OFFSET / 8 }));
  emit(encode("MSR", { ...nzcv, Rt: 0 }));
  emit(encode("MSR", { ...fpsr, Rt: 31 }));
  if (cases.some(({ control }) => control !== undefined)) {
    emit(encode("LDR_unsigned", { sz: 1, Rn: 28, Rt: 0, imm12: caseOffset.control / 8 }));
    emit(encode("MSR", { ...fpcr, Rt: 0 }));
  }
  for (let register = 0; register < 32; register += 2) {
    emit(
      encode("LDP_v_offset", {
        opc: 2,
        Rn: 28,
        Rt: register,
        Rt2: register + 1,
        imm7: (VECTOR_OFFSET + register * 16) / 16,
      }),
    );
  }
  for (let register = 0; register < 28; register += 2) {
    emit(encode("LDP_offset", { sf: 1, Rn: 28, Rt: register, Rt2: register + 1, imm7: register }));
  }
  emit(encode("RET", { Rn: 30 }));
  const save = pc;
  emit(encode("STR_unsigned", { sz: 1, Rn: 28, Rt: 29, imm12: caseOffset.undefinedMark / 8 }));
  emit(encode("ADD_imm", { sf: 1, Rn: 28, Rd: 29, imm12: caseOffset.output }));
  for (let register = 0; register < 28; register += 2) {
    emit(encode("STP_offset", { sf: 1, Rn: 29, Rt: register, Rt2: register + 1, imm7: register }));
  }
  emit(encode("ADD_imm", { sf: 1, Rn: 31, Rd: 0 }));
  emit(encode("STR_unsigned", { sz: 1, Rn: 29, Rt: 0, imm12: SP_OFFSET / 8 }));
  emit(encode("MRS", { ...nzcv, Rt: 0 }));
  emit(encode("STR_unsigned", { sz: 1, Rn: 29, Rt: 0, imm12: NZCV_OFFSET / 8 }));
  emit(encode("MRS", { ...fpsr, Rt: 0 }));
  emit(encode("STR_unsigned", { sz: 1, Rn: 28, Rt: 0, imm12: caseOffset.status / 8 }));
  for (let register = 0; register < 32; register += 2) {
    emit(
      encode("STP_v_offset", {
        opc: 2,
        Rn: 29,
        Rt: register,
        Rt2: register + 1,
        imm7: (VECTOR_OFFSET + register * 16) / 16,
      }),
    );
  }
  emit(encode("ADD_imm", { sf: 1, Rn: 28, Rd: 28, imm12: CASE_BYTES }));
  emit(encode("MOVZ", { sf: 1, Rd: 29 }));
  emit(encode("RET", { Rn: 30 }));
  const handler = pc;
  const ucontextPc = 440;
  const ucontextX29 = 184 + 29 * 8;
  emit(encode("LDR_unsigned", { sz: 1, Rn: 2, Rt: 3, imm12: ucontextPc / 8 }));
  emit(encode("ADD_imm", { sf: 1, Rn: 3, Rd: 3, imm12: 4 }));
  emit(encode("STR_unsigned", { sz: 1, Rn: 2, Rt: 3, imm12: ucontextPc / 8 }));
  emit(encode("MOVZ", { sf: 1, Rd: 3, imm16: 1 }));
  emit(encode("STR_unsigned", { sz: 1, Rn: 2, Rt: 3, imm12: ucontextX29 / 8 }));
  emit(encode("RET", { Rn: 30 }));

  // struct sigaction and stack_t stand in the page of the ELF header.
  const action = 0x800;
  const alternateStack = 0x840;
  view.setUint32(action, handler, true);
  view.setUint32(action + 8, 0x08000004, true); // SA_ONSTACK | SA_SIGINFO
  view.setUint32(alternateStack, stackStart, true);
  view.setUint32(alternateStack + 16, ALTERNATE_STACK_BYTES, true);
  const entry = pc;
  systemCall(132, BASE_ADDRESS + alternateStack, 0);
  systemCall(134, 4, BASE_ADDRESS + action, 0, 8);
  constant(28, dataStart);
  emit(encode("MOVZ", { sf: 1, Rd: 29 }));
  const callTo = (target: number): void => emit(encode("BL", { imm26: (target - pc) / 4 }));
  for (const { word } of cases) {
    callTo(load);
    emit(word);
    // A taken branch skips this.
    emit(encode("HINT"));
    callTo(save);
  }
  systemCall(64, 1, dataStart, cases.length * CASE_BYTES);
  systemCall(93, 0);
  if (pc > dataStart) throw new Error("the code does not fit");

  for (const [index, { instruction, word, control }] of cases.entries()) {
    view.setUint32(dataStart - BASE_ADDRESS + index * CASE_BYTES + caseOffset.control, control ?? 0, true);
    fillCase(
      view,
      dataStart - BASE_ADDRESS + index * CASE_BYTES,
      dataStart + index * CASE_BYTES,
      instruction,
      word,
      random,
    );
  }
  writeHeader(view, entry, file.length);
  return file;
}

function fillCase(
  view: DataView,
  at: number,
  address: number,
  instruction: Instruction,
  word: number,
  random: RandomSource,
): void {
  for (let register = 0; register < 28; register++) view.setBigUint64(at + register * 8, random64(random), true);
  const middle = address + caseOffset.scratch + SCRATCH_MIDDLE;
  view.setBigUint64(at + SP_OFFSET, BigInt(middle), true);
  view.setBigUint64(at + NZCV_OFFSET, BigInt(random.nextUint32() & 0xf0000000) & 0xf0000000n, true);
  for (let half = 0; half < 64; half++)
    view.setBigUint64(at + VECTOR_OFFSET + half * 8, randomVectorHalf(random), true);
  for (let offset = caseOffset.scratch; offset < CASE_BYTES; offset += 4)
    view.setUint32(at + offset, random.nextUint32(), true);
  if (!isMemory(instruction)) return;
  const base = (word >>> 5) & 31;
  const mustAlign = /^(LDX|LDAX|STX|LDAR|LDAPR|STLR|CAS|SWP|LD(ADD|CLR|EOR|SET|[SU]M))/.test(instruction.name);
  if (base < 28)
    view.setBigUint64(at + base * 8, BigInt(middle + (mustAlign ? 16 * pick(random, 2) : pick(random, 32))), true);
  const offset = (word >>> 16) & 31;
  if (/_reg$/.test(instruction.name) && offset < 28) view.setBigUint64(at + offset * 8, BigInt(pick(random, 6)), true);
  // A comparison that holds now and then.
  if (/^CAS/.test(instruction.name) && pick(random, 2) === 0) {
    const target = Number(view.getBigUint64(at + base * 8, true)) - address;
    if (base < 28 && offset < 27 && offset !== base) {
      view.setBigUint64(at + offset * 8, view.getBigUint64(at + target, true), true);
      if (offset + 1 !== base) view.setBigUint64(at + offset * 8 + 8, view.getBigUint64(at + target + 8, true), true);
    }
  }
}

/** An ELF executable of one segment that may be read, written and executed. */
function writeHeader(view: DataView, entry: number, length: number): void {
  const header = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1];
  for (const [index, byte] of header.entries()) view.setUint8(index, byte);
  view.setUint16(16, 2, true);
  view.setUint16(18, 183, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, entry, true);
  view.setUint32(32, 64, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 7, true);
  view.setUint32(80, BASE_ADDRESS, true);
  view.setUint32(88, BASE_ADDRESS, true);
  view.setUint32(96, length, true);
  view.setUint32(104, length, true);
  view.setUint32(112, 4096, true);
}
