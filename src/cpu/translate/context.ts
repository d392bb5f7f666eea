/**
 * What an instruction's translation writes to: one region's WebAssembly function, with guest registers as locals, and a record of
 * which registers the current block reads before it writes them and which it writes.
 */
import { NULL_GUARD, noExclusive, stateOffset } from "../state.ts";
import type { Code } from "../wasm/code.ts";
import { op, type ValueType } from "../wasm/opcodes.ts";
import { type FlagLocals, newFlagLocals, type PendingFlags, pushCondition, pushPacked } from "./flags.ts";

/** A set of guest registers: general ones (31 = SP) and vectors as bits. */
export interface RegisterSet {
  general: number;
  vector: number;
}

/** Memories of a translated module. */
export const GUEST = 0;
export const STATE = 1;
export const MAP = 2;

/** How a block ends. Targets are guest addresses. */
export type Terminator =
  | { readonly kind: "jump"; readonly target: number }
  /** An i32 condition is on the stack at the end of the block's code. */
  | { readonly kind: "branch"; readonly taken: number; readonly otherwise: number }
  /** A call: `target` is an address, or null for the address in the local `target`. */
  | { readonly kind: "call"; readonly target: number | null; readonly returnTo: number }
  /** To the address in the local `target`; a return goes up the WebAssembly stack. */
  | { readonly kind: "indirect"; readonly isReturn: boolean }
  /** Leaves with a stop code; `pc` is where to go on. */
  | { readonly kind: "stop"; readonly code: number; readonly detail: number | null; readonly pc: number }
  /** A supervisor call, which may go on in the region. */
  | { readonly kind: "supervisor"; readonly immediate: number; readonly returnTo: number };

/** Functions that every translated module imports, by number; see runtime.ts. */
export interface ImportedFunctions {
  readonly [name: string]: number;
}

export class Context {
  readonly code: Code;
  readonly imports: ImportedFunctions;
  readonly flagLocals: FlagLocals;
  /** The local that holds the target of an indirect branch or call (i32). */
  readonly target: number;
  /** The guest address of the instruction that is being translated. */
  pc = 0;
  used: RegisterSet = { general: 0, vector: 0 };
  defined: RegisterSet = { general: 0, vector: 0 };
  /** What was written, and whether the flags were, since the block began or since they were saved: see access-points.ts. */
  unsaved: RegisterSet = { general: 0, vector: 0 };
  hasUnsavedFlags = false;
  /** The instruction itself. */
  word = 0;
  /** Whether floating point that depends on FPCR is executed in software; see float-control.ts. */
  readonly isSoftFloat: boolean;
  /** Flags not yet computed; null: they are in the packed local. */
  pending: PendingFlags | null = null;
  /** Whether the block has set the flags. */
  setsFlags = false;
  terminator: Terminator | null = null;
  readonly #general = new Array<number>(32).fill(-1);
  readonly #vector = new Array<number>(32).fill(-1);
  readonly #temporaries: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  readonly #taken: Record<ValueType, number> = { i32: 0, i64: 0, f32: 0, f64: 0, v128: 0 };

  /** Whether the host's vector multiply-add rounds once. */
  readonly hasFusedMultiply: boolean;

  constructor(code: Code, imports: ImportedFunctions, hasFusedMultiply: boolean, isSoftFloat: boolean) {
    this.hasFusedMultiply = hasFusedMultiply;
    this.isSoftFloat = isSoftFloat;
    this.code = code;
    this.imports = imports;
    this.flagLocals = newFlagLocals(code);
    this.target = code.newLocal("i32");
  }

  startBlock(inherited: PendingFlags | null): void {
    this.used = { general: 0, vector: 0 };
    this.defined = { general: 0, vector: 0 };
    this.unsaved = { general: 0, vector: 0 };
    this.hasUnsavedFlags = false;
    this.pending = inherited;
    this.setsFlags = false;
    this.terminator = null;
  }

  startInstruction(pc: number, word: number): void {
    this.pc = pc;
    this.word = word;
    for (const type of ["i32", "i64", "f32", "f64", "v128"] as const) this.#taken[type] = 0;
  }

  /** A local for the rest of this instruction. */
  temporary(type: ValueType): number {
    const pool = this.#temporaries[type];
    const index = this.#taken[type]++;
    let local = pool[index];
    if (local === undefined) {
      local = this.code.newLocal(type);
      pool.push(local);
    }
    return local;
  }

  /** Pops a value into a new temporary. */
  keep(type: ValueType): number {
    const local = this.temporary(type);
    this.code.set(local);
    return local;
  }

  generalLocal(number: number): number {
    let local = this.#general[number] as number;
    if (local < 0) {
      local = this.code.newLocal("i64");
      this.#general[number] = local;
    }
    return local;
  }

  vectorLocal(number: number): number {
    let local = this.#vector[number] as number;
    if (local < 0) {
      local = this.code.newLocal("v128");
      this.#vector[number] = local;
    }
    return local;
  }

  /** Pushes Xn, or SP for 31, as i64. */
  xOrSp(number: number): void {
    if ((this.defined.general & (1 << number)) === 0) this.used.general |= 1 << number;
    this.code.get(this.generalLocal(number));
  }

  /** Pops an i64 into Xn, or SP for 31. */
  setXOrSp(number: number): void {
    this.defined.general |= 1 << number;
    this.unsaved.general |= 1 << number;
    this.code.set(this.generalLocal(number));
  }

  /** Pushes Xn, or zero for 31, as i64. */
  x(number: number): void {
    if (number === 31) this.code.i64(0);
    else this.xOrSp(number);
  }

  setX(number: number): void {
    if (number === 31) this.code.op(op.drop);
    else this.setXOrSp(number);
  }

  /** Pushes Wn, or zero for 31, as i32. */
  w(number: number): void {
    if (number === 31) {
      this.code.i32(0);
      return;
    }
    this.xOrSp(number);
    this.code.op(op.i32_wrap_i64);
  }

  /** Pops an i32 into Wn; the upper half becomes zero. */
  setW(number: number): void {
    if (number === 31) {
      this.code.op(op.drop);
      return;
    }
    this.code.op(op.i64_extend_i32_u);
    this.setXOrSp(number);
  }

  /** X or W by the width of the operation. */
  r(number: number, wide: boolean): void {
    if (wide) this.x(number);
    else this.w(number);
  }
  setR(number: number, wide: boolean): void {
    if (wide) this.setX(number);
    else this.setW(number);
  }
  /** The same with SP for 31. */
  rOrSp(number: number, wide: boolean): void {
    this.xOrSp(number);
    if (!wide) this.code.op(op.i32_wrap_i64);
  }
  setROrSp(number: number, wide: boolean): void {
    if (!wide) this.code.op(op.i64_extend_i32_u);
    this.setXOrSp(number);
  }

  v(number: number): void {
    if ((this.defined.vector & (1 << number)) === 0) this.used.vector |= 1 << number;
    this.code.get(this.vectorLocal(number));
  }

  setV(number: number): void {
    this.defined.vector |= 1 << number;
    this.unsaved.vector |= 1 << number;
    this.code.set(this.vectorLocal(number));
  }

  /** Pushes i32 0 or 1. */
  condition(condition: number): void {
    pushCondition(this.code, this.flagLocals, this.pending, condition);
  }

  packedFlags(): void {
    pushPacked(this.code, this.flagLocals, this.pending);
  }

  /** The flags follow from operands just put into the flag locals. */
  setPending(pending: PendingFlags): void {
    this.pending = pending;
    this.setsFlags = true;
    this.hasUnsavedFlags = true;
  }

  /** Pops NZCV in bits 31 to 28. */
  setPackedFlags(): void {
    this.code.set(this.flagLocals.packed);
    this.pending = null;
    this.setsFlags = true;
    this.hasUnsavedFlags = true;
  }

  /** Pushes what an access to guest address Xn|SP + offset takes as its address: see NULL_GUARD. */
  address(base: number, offset: number): void {
    this.xOrSp(base);
    this.code
      .op(op.i32_wrap_i64)
      .i32(offset - NULL_GUARD)
      .op(op.i32_add);
  }

  /** Pops an i64 guest address, pushes what an access takes as its address. */
  toMemoryAddress(offset = 0): void {
    this.code
      .op(op.i32_wrap_i64)
      .i32(offset - NULL_GUARD)
      .op(op.i32_add);
  }

  clearExclusive(): void {
    this.code.i32(0).i32(noExclusive).memory(op.i32_store, STATE, 2, stateOffset.exclusiveAddress);
  }

  call(name: string): void {
    const number = this.imports[name];
    if (number === undefined) throw new Error(`no import ${name}`);
    this.code.opWith(op.call, number);
  }
}

/** Translates one instruction. False: this form is not allocated, or not translated yet; nothing has been emitted then. */
// biome-ignore lint/suspicious/noConfusingVoidType: most forms are always allocated, and their translations return nothing.
export type Translation<Fields> = (context: Context, fields: Fields) => boolean | void;
