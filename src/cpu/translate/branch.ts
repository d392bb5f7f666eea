/** Branches, system calls and user-mode system registers. Each branch ends its block by naming a terminator. */
import { type Fields, signed } from "../decode/fields.ts";
import { stateOffset, stopCode } from "../state.ts";
import { op } from "../wasm/opcodes.ts";
import { type Context, STATE, type Translation } from "./context.ts";

type Handlers = Record<string, Translation<Fields>>;

function wrap(address: number): number {
  return address >>> 0;
}

function compareAndBranch(ifZero: boolean): Translation<Fields> {
  return (context, f) => {
    const wide = f.sf === 1;
    context.r(f.Rt, wide);
    if (ifZero) context.code.op(wide ? op.i64_eqz : op.i32_eqz);
    else if (wide) context.code.i64(0).op(op.i64_ne);
    branchTo(context, signed(f.imm19, 19));
  };
}

function testAndBranch(ifZero: boolean): Translation<Fields> {
  return (context, f) => {
    context.x(f.Rt);
    context.code.i64(1n << BigInt((f.b5 << 5) | f.b40)).op(op.i64_and);
    if (ifZero) context.code.op(op.i64_eqz);
    else context.code.i64(0).op(op.i64_ne);
    branchTo(context, signed(f.imm14, 14));
  };
}

/** The condition is on the stack. */
function branchTo(context: Context, words: number): void {
  context.terminator = { kind: "branch", taken: wrap(context.pc + words * 4), otherwise: wrap(context.pc + 4) };
}

function setTarget(context: Context, register: number): void {
  context.x(register);
  context.code.op(op.i32_wrap_i64).set(context.target);
}

function setLink(context: Context): void {
  context.code.i64(context.pc + 4);
  context.setX(30);
}

/** System registers by op0 (as o0), op1, CRn, CRm, op2. */
function systemRegister(f: Fields): string {
  return `${f.o0 + 2} ${f.op1} c${f.CRn} c${f.CRm} ${f.op2}`;
}
const NZCV = "3 3 c4 c2 0";
const FPCR = "3 3 c4 c4 0";
const FPSR = "3 3 c4 c4 1";
const TPIDR_EL0 = "3 3 c13 c0 2";
const CNTVCT_EL0 = "3 3 c14 c0 2";
/** By name, as systemRegister() gives it. */
export const constantRegisters: Readonly<Record<string, number>> = {
  /** CTR_EL0: cache lines of 64 bytes; IDC = 1: no cleaning needed; DIC = 0: IC IVAU is needed. */
  "3 3 c0 c0 1": 0x9444c004,
  /** DCZID_EL0: DC ZVA is prohibited. */
  "3 3 c0 c0 7": 0x10,
  /** TPIDRRO_EL0 */
  "3 3 c13 c0 3": 0,
  /** CNTFRQ_EL0: the counter counts nanoseconds. */
  "3 3 c14 c0 0": 1_000_000_000,
};
/** Bits of FPCR that FEAT_FP has: AHP, DN, FZ, RMode. */
export const FPCR_BITS = 0x07c00000;
/** QC and the cumulative exception bits. */
export const FPSR_BITS: number = 0xf800009f | 0;

function pushState32(context: Context, offset: number): void {
  context.code.i32(0).memory(op.i32_load, STATE, 2, offset);
}

export const branch: Handlers = {
  B: (context, f) => {
    context.terminator = { kind: "jump", target: wrap(context.pc + signed(f.imm26, 26) * 4) };
  },
  BL: (context, f) => {
    setLink(context);
    const target = wrap(context.pc + signed(f.imm26, 26) * 4);
    context.terminator = { kind: "call", target, returnTo: wrap(context.pc + 4) };
  },
  B_cond: (context, f) => {
    context.condition(f.cond);
    branchTo(context, signed(f.imm19, 19));
  },
  CBZ: compareAndBranch(true),
  CBNZ: compareAndBranch(false),
  TBZ: testAndBranch(true),
  TBNZ: testAndBranch(false),
  BR: (context, f) => {
    setTarget(context, f.Rn);
    context.terminator = { kind: "indirect", isReturn: false };
  },
  BLR: (context, f) => {
    setTarget(context, f.Rn);
    setLink(context);
    context.terminator = { kind: "call", target: null, returnTo: wrap(context.pc + 4) };
  },
  RET: (context, f) => {
    setTarget(context, f.Rn);
    context.terminator = { kind: "indirect", isReturn: true };
  },
  SVC: (context, f) => {
    context.terminator = { kind: "supervisor", immediate: f.imm16, returnTo: wrap(context.pc + 4) };
  },
  BRK: (context, f) => {
    context.terminator = { kind: "stop", code: stopCode.breakpoint, detail: f.imm16, pc: context.pc };
  },
  /** NOP, YIELD, BTI, and the pointer authentication that sits in the hint space. */
  HINT: () => {},
  CLREX: (context) => context.clearExclusive(),
  DSB: () => {},
  DMB: (context) => {
    context.code.opWith(op.atomic_fence, 0);
  },
  ISB: () => {},
  SYS: (context, f) => {
    if (f.op1 !== 3 || f.CRn !== 7) return false;
    // DC CVAC, CVAU, CVAP, CIVAC: memory is coherent.
    if (f.op2 === 1 && [10, 11, 12, 14].includes(f.CRm)) return true;
    if (f.op2 !== 1 || f.CRm !== 5) return false;
    // IC IVAU
    context.code.i32(0);
    context.x(f.Rt);
    context.code.op(op.i32_wrap_i64).memory(op.i32_store, STATE, 2, stateOffset.detail);
    context.terminator = { kind: "stop", code: stopCode.invalidate, detail: null, pc: wrap(context.pc + 4) };
    return true;
  },
  MRS: (context, f) => {
    const register = systemRegister(f);
    const constant = constantRegisters[register];
    if (constant !== undefined) {
      context.code.i64(constant);
    } else if (register === NZCV) {
      context.packedFlags();
      context.code.op(op.i64_extend_i32_u);
    } else if (register === FPCR || register === FPSR) {
      pushState32(context, register === FPCR ? stateOffset.fpcr : stateOffset.fpsr);
      context.code.op(op.i64_extend_i32_u);
    } else if (register === TPIDR_EL0 || register === CNTVCT_EL0) {
      const offset = register === TPIDR_EL0 ? stateOffset.tpidr : stateOffset.counter;
      context.code.i32(0).memory(op.i64_load, STATE, 3, offset);
    } else {
      return false;
    }
    context.setX(f.Rt);
    return true;
  },
  MSR: (context, f) => {
    const { code } = context;
    const register = systemRegister(f);
    if (register === NZCV) {
      context.w(f.Rt);
      code.i32(0xf0000000).op(op.i32_and);
      context.setPackedFlags();
    } else if (register === FPCR || register === FPSR) {
      code.i32(0);
      context.w(f.Rt);
      code.i32(register === FPCR ? FPCR_BITS : FPSR_BITS).op(op.i32_and);
      code.memory(op.i32_store, STATE, 2, register === FPCR ? stateOffset.fpcr : stateOffset.fpsr);
      // What follows may need the other flavour of code.
      if (register === FPCR)
        context.terminator = { kind: "stop", code: stopCode.floatControl, detail: null, pc: wrap(context.pc + 4) };
    } else if (register === TPIDR_EL0) {
      code.i32(0);
      context.x(f.Rt);
      code.memory(op.i64_store, STATE, 3, stateOffset.tpidr);
    } else {
      return false;
    }
    return true;
  },
};
