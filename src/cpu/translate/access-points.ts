/**
 * What stands before each instruction that accesses memory and so may fault: stores of registers that a handler of the fault is to
 * find in the state, and a look at the permissions of pages for CPUs that keep to them.
 */
import { accessesMemory, accessOf } from "../decode/access.ts";
import { extractFields } from "../decode/decoder.ts";
import type { Instruction } from "../decode/table.ts";
import { STOP, stateOffset, stopCode } from "../state.ts";
import { op } from "../wasm/opcodes.ts";
import { type Context, type RegisterSet, STATE } from "./context.ts";
import type { FlagPlace } from "./flag-flow.ts";
import type { BlockSaves } from "./liveness.ts";
import { pushForbidden } from "./permissions.ts";
import { spillFlags, spillRegisters, storeState } from "./spill.ts";

export interface AccessOptions {
  /** Registers that are in the state whenever an instruction accesses memory. */
  readonly kept: RegisterSet;
  /** Whether the flags are so too, if the region reads them later. Others do not by the procedure call standard. */
  readonly keepsFlags: boolean;
  /** Looks at the permissions of pages before each access. */
  readonly checksPermissions: boolean;
}

/** An instruction that accesses memory: where its code begins, and its guest address. */
export interface AccessPoint {
  readonly at: number;
  readonly pc: number;
}

/** Writes this for one block after the other. */
export class AccessPoints {
  readonly #context: Context;
  readonly #options: AccessOptions;
  #points: AccessPoint[] = [];
  #definedBefore: RegisterSet | null = null;
  /** Flags to store before the first access unless the block sets others before. */
  #flagsAtStart: FlagPlace = "state";

  constructor(context: Context, options: AccessOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** `areFlagsRead`: whether the region looks at the flags that the block starts with. */
  startBlock(flags: FlagPlace, areFlagsRead: boolean): void {
    this.#points = [];
    this.#definedBefore = null;
    this.#flagsAtStart = areFlagsRead ? flags : "state";
  }

  before(instruction: Instruction, word: number): void {
    if (!accessesMemory(instruction)) return;
    const { code, pc, defined } = this.#context;
    this.#points.push({ at: code.bytes.length, pc });
    this.#definedBefore ??= { ...defined };
    this.#saveRegisters();
    if (this.#options.keepsFlags) this.#saveFlags();
    if (this.#options.checksPermissions) this.#check(instruction, word);
  }

  get points(): readonly AccessPoint[] {
    return this.#points;
  }

  /** What the block did to the registers kept; null: no access. */
  endBlock(): BlockSaves | null {
    if (this.#definedBefore === null) return null;
    return { kept: this.#options.kept, definedBefore: this.#definedBefore, unsaved: { ...this.#context.unsaved } };
  }

  /** What the block wrote since its last access. What was dirty before it is known later: see Flow.savedFirst. */
  #saveRegisters(): void {
    const { unsaved } = this.#context;
    const { kept } = this.#options;
    spillRegisters(this.#context, {
      general: unsaved.general & kept.general,
      vector: unsaved.vector & kept.vector,
    });
    unsaved.general = 0;
    unsaved.vector = 0;
  }

  #saveFlags(): void {
    const context = this.#context;
    if (context.hasUnsavedFlags) spillFlags(context, context.pending ?? "packed");
    else if (!context.setsFlags) spillFlags(context, this.#flagsAtStart);
    context.hasUnsavedFlags = false;
    this.#flagsAtStart = "state";
  }

  #check(instruction: Instruction, word: number): void {
    const access = accessOf(instruction, extractFields(instruction, word));
    if (access === null) return;
    const context = this.#context;
    const { code } = context;
    const address = pushForbidden(context, access);
    code.if();
    code.i32(0).get(address).memory(op.i32_store, STATE, 2, stateOffset.detail);
    storeState(context, stateOffset.pc, context.pc);
    storeState(context, stateOffset.stop, stopCode.forbidden);
    code.i32(STOP).op(op.return).end();
  }
}
