/**
 * Translates a region, the part of a guest function that direct branches reach from its entry, into one WebAssembly function:
 * structured control flow after "Beyond Relooper" (Ramsey 2022), registers in locals, calls as WebAssembly calls.
 */
import { accessesMemory, accessOf } from "../decode/access.ts";
import { clearFields, extractFields, fillFields } from "../decode/decoder.ts";
import { emptyFields } from "../decode/fields.ts";
import type { Instruction } from "../decode/table.ts";
import { flagKind, NULL_GUARD, PAGE_DIRECTORY, PAGE_SHIFT, SLOT_PAGES, STOP, stateOffset, stopCode } from "../state.ts";
import { Bytes } from "../wasm/bytes.ts";
import { Code, type Label } from "../wasm/code.ts";
import { op } from "../wasm/opcodes.ts";
import { Context, type ImportedFunctions, MAP, type RegisterSet, STATE, type Terminator } from "./context.ts";
import { type Block, type Discovered, discover, type Fetch } from "./discover.ts";
import { type PendingFlags, pushPacked } from "./flags.ts";
import { reversePostorder, type Shape, shapeOf } from "./graph.ts";
import { handlers } from "./handlers.ts";
import { type BlockSaves, computeFlow, type Flow, type FlowBlock } from "./liveness.ts";
import { pushForbidden } from "./permissions.ts";

/** Nested calls before a call leaves to the dispatcher instead, so that the host's stack is never spent. */
const MAXIMUM_DEPTH = 300;

/** Parameters of every translated function: its own address, and how deep the calls are. */
export const PARAMETER_COUNT = 2;
const DEPTH = 1;

export interface RegionOptions {
  readonly fetch: Fetch;
  readonly imports: ImportedFunctions;
  /** The type of translated functions in the module. */
  readonly functionType: number;
  readonly maximumInstructions: number;
  readonly hasFusedMultiply: boolean;
  /** Stores the entry's address on entering, for regions of one instruction. */
  readonly storesEntry: boolean;
  /** Registers that are in the state whenever an instruction accesses memory, in case that faults. */
  readonly kept: RegisterSet;
  /** Looks at the permissions of pages before each access. */
  readonly checksPermissions: boolean;
  /** The table slot of the function that stands, or will stand, for an address. */
  slotFor(address: number): number;
}

export interface Region {
  readonly code: Code;
  readonly discovered: Discovered;
  /** Pairs: where in the code a table slot stands (as five bytes), and the guest address that it is for. */
  readonly slots: readonly number[];
  /** Pairs: where in the code that of an instruction which accesses memory begins, and the instruction's guest address. */
  readonly locations: readonly number[];
}

/** One block in WebAssembly, without its way out. */
interface Translated {
  /** Its code's place in the scratch bytes. */
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly terminator: Terminator;
  readonly used: RegisterSet;
  readonly defined: RegisterSet;
  readonly readsFlags: boolean;
  readonly pendingAtEnd: PendingFlags | null;
  readonly inheritsFlags: boolean;
  readonly pendingAtStart: PendingFlags | null;
  readonly accesses: readonly AccessPlace[];
  readonly saves: BlockSaves | null;
}

/** Where an instruction that accesses memory begins in the scratch bytes. */
interface AccessPlace {
  readonly at: number;
  readonly pc: number;
}

/** Where blocks' code is collected before it is put in order; one region is translated at a time. */
const scratch = new Bytes(1 << 16);
const fields = emptyFields();

export function translateRegion(entry: number, options: RegionOptions): Region {
  const discovered = discover(options.fetch, entry, options.maximumInstructions);
  const code = new Code(PARAMETER_COUNT, NULL_GUARD);
  const writer = new RegionWriter(
    entry,
    discovered.blocks,
    new Context(code, options.imports, options.hasFusedMultiply),
    options,
  );
  writer.write();
  return { code, discovered, slots: writer.slots, locations: writer.locations };
}

class RegionWriter {
  /** See Region. */
  readonly slots: number[] = [];
  readonly locations: number[] = [];
  readonly #entry: number;
  readonly #context: Context;
  readonly #code: Code;
  readonly #options: RegionOptions;
  readonly #translated = new Map<number, Translated>();
  /** Start addresses in reverse postorder, and the places there by address. */
  #order: number[] = [];
  #placeOf = new Map<number, number>();
  /** Edges that would enter a loop sideways, as "from to": they leave the region. */
  readonly #cut = new Set<string>();
  #shape: Shape = { dominator: [], children: [], isLoopHeader: [], isMerge: [] };
  #flow: Flow = { dirtyAtEnd: [], dirtyAtStart: [], liveAtStart: [], flagsWanted: [], savedFirst: [] };
  readonly #loopLabels = new Map<number, Label>();
  readonly #mergeLabels = new Map<number, Label>();
  readonly #budget: number;
  readonly #result: number;

  constructor(entry: number, blocks: ReadonlyMap<number, Block>, context: Context, options: RegionOptions) {
    this.#entry = entry;
    this.#context = context;
    this.#code = context.code;
    this.#options = options;
    this.#budget = this.#code.newLocal("i32");
    this.#result = this.#code.newLocal("i32");
    this.#translateBlocks(blocks);
    this.#shapeGraph();
  }

  write(): void {
    this.#countEntry();
    if (this.#options.storesEntry) this.#store(stateOffset.pc, this.#entry);
    if (!this.#translated.has(this.#entry)) {
      this.#stop(stopCode.fetchFault, this.#entry, null);
      return;
    }
    this.#reload(this.#flow.liveAtStart[0] as RegisterSet);
    this.#writeTree(0);
    this.#code.op(op.unreachable);
  }

  #translateBlocks(blocks: ReadonlyMap<number, Block>): void {
    const order = reversePostorder(this.#entry, (start) => blocks.get(start)?.successors ?? []);
    const predecessorCount = new Map<number, number>([[this.#entry, 1]]);
    for (const start of order) {
      for (const next of blocks.get(start)?.successors ?? [])
        predecessorCount.set(next, (predecessorCount.get(next) ?? 0) + 1);
    }
    const inherited = new Map<number, PendingFlags>();
    const body = this.#code.bytes;
    scratch.length = 0;
    this.#code.bytes = scratch;
    for (const start of order) {
      const block = blocks.get(start);
      if (block === undefined) continue;
      const translated = this.#translateBlock(block, inherited.get(start) ?? null);
      this.#translated.set(start, translated);
      const { pendingAtEnd, terminator } = translated;
      if (pendingAtEnd === null || (terminator.kind !== "jump" && terminator.kind !== "branch")) continue;
      for (const next of block.successors) if (predecessorCount.get(next) === 1) inherited.set(next, pendingAtEnd);
    }
    this.#code.bytes = body;
  }

  #translateBlock(block: Block, inherited: PendingFlags | null): Translated {
    const context = this.#context;
    const codeStart = scratch.length;
    context.startBlock(inherited);
    const accesses: AccessPlace[] = [];
    let definedBefore: RegisterSet | null = null;
    let pc = block.start;
    for (const { word, instruction } of block.instructions) {
      context.startInstruction(pc);
      if (instruction !== null && accessesMemory(instruction)) {
        definedBefore ??= { ...context.defined };
        accesses.push({ at: scratch.length, pc });
        this.#saveBeforeAccess();
        if (this.#options.checksPermissions) this.#checkAccess(instruction, word);
      }
      const before = scratch.length;
      if (instruction === null || !this.#translateInstruction(instruction, word)) {
        scratch.length = before;
        context.terminator = { kind: "stop", code: stopCode.unknownInstruction, detail: word, pc };
      }
      if (context.terminator !== null) break;
      pc += 4;
    }
    return {
      codeStart,
      codeEnd: scratch.length,
      terminator: context.terminator ?? { kind: "jump", target: block.end },
      used: context.used,
      defined: context.defined,
      readsFlags: context.readsFlags,
      pendingAtEnd: context.pending,
      inheritsFlags: inherited !== null,
      pendingAtStart: inherited,
      accesses,
      saves:
        definedBefore === null ? null : { kept: this.#options.kept, definedBefore, unsaved: { ...context.unsaved } },
    };
  }

  /** Stores what the block wrote since the last access. What was dirty before it is known later: see #writeBlock. */
  #saveBeforeAccess(): void {
    const { unsaved, pending } = this.#context;
    const { kept } = this.#options;
    this.#spillRegisters(
      {
        general: unsaved.general & kept.general,
        vector: unsaved.vector & kept.vector,
        flags: unsaved.flags && kept.flags,
      },
      pending,
    );
    unsaved.general = 0;
    unsaved.vector = 0;
    unsaved.flags = false;
  }

  #checkAccess(instruction: Instruction, word: number): void {
    const access = accessOf(instruction, extractFields(instruction, word));
    if (access === null) return;
    const address = pushForbidden(this.#context, access);
    this.#code.if();
    this.#code.i32(0).get(address).memory(op.i32_store, STATE, 2, stateOffset.detail);
    this.#stop(stopCode.forbidden, this.#context.pc, null);
    this.#code.end();
  }

  #translateInstruction(instruction: Instruction, word: number): boolean {
    const translation = handlers[instruction.index];
    if (translation === undefined) return false;
    fillFields(fields, instruction, word);
    const known = translation(this.#context, fields) !== false;
    clearFields(fields, instruction);
    return known;
  }

  /** Where control goes on inside the region with registers in locals. */
  #successors(start: number): number[] {
    const terminator = this.#translated.get(start)?.terminator;
    if (terminator === undefined) return [];
    return targetsOf(terminator).filter((target) => this.#isInside(start, target));
  }

  #isInside(from: number, target: number): boolean {
    return this.#translated.has(target) && !this.#cut.has(`${from} ${target}`);
  }

  #shapeGraph(): void {
    for (;;) {
      this.#order = reversePostorder(this.#entry, (start) => this.#successors(start));
      this.#placeOf = new Map(this.#order.map((start, place) => [start, place]));
      const nodes = this.#order.map((start) => ({
        successors: this.#successors(start).map((target) => this.#placeOf.get(target) as number),
      }));
      const { shape, irreducible } = shapeOf(nodes);
      if (irreducible.length === 0) {
        this.#shape = shape;
        break;
      }
      for (const [from, to] of irreducible) this.#cut.add(`${this.#order[from]} ${this.#order[to]}`);
    }
    if (!this.#translated.has(this.#entry)) return;
    this.#flow = computeFlow(
      this.#order.map((start, place): FlowBlock => {
        const translated = this.#translated.get(start) as Translated;
        const { terminator } = translated;
        const inside = this.#successors(start).map((target) => this.#placeOf.get(target) as number);
        const isCall = terminator.kind === "call" || terminator.kind === "supervisor";
        return {
          ...translated,
          successors: isCall ? [] : inside,
          afterCall: isCall ? (inside[0] ?? null) : null,
          leaves: isCall || inside.length < targetsOf(terminator).length || inside.length === 0,
          isLoopHeader: this.#shape.isLoopHeader[place] === true,
        };
      }),
    );
  }

  /** Takes one from the budget; leaves at once if it is spent. */
  #countEntry(): void {
    const code = this.#code;
    code.i32(0).i32(0).memory(op.i32_load, STATE, 2, stateOffset.budget).i32(1).op(op.i32_sub).tee(this.#budget);
    code.memory(op.i32_store, STATE, 2, stateOffset.budget);
    code.get(this.#budget).i32(0).op(op.i32_lt_s).if();
    this.#stop(stopCode.budget, this.#entry, null);
    code.end();
  }

  #writeTree(place: number): void {
    const merges = (this.#shape.children[place] ?? []).filter((child) => this.#shape.isMerge[child]);
    merges.sort((a, b) => b - a);
    if (this.#shape.isLoopHeader[place] !== true) {
      this.#writeWithin(place, merges);
      return;
    }
    this.#loopLabels.set(place, this.#code.loop());
    this.#countLoop(place);
    this.#writeWithin(place, merges);
    this.#code.end();
  }

  #countLoop(place: number): void {
    const code = this.#code;
    const dirty = this.#flow.dirtyAtStart[place] as RegisterSet;
    code.get(this.#budget).i32(1).op(op.i32_sub).tee(this.#budget).i32(0).op(op.i32_lt_s).if();
    this.#spill({ ...dirty, flags: dirty.flags && this.#flow.flagsWanted[place] === true }, null);
    this.#stop(stopCode.budget, this.#order[place] as number, null);
    code.end();
  }

  #writeWithin(place: number, merges: readonly number[]): void {
    const [merge, ...rest] = merges;
    if (merge === undefined) {
      this.#writeBlock(place);
      return;
    }
    this.#mergeLabels.set(merge, this.#code.block());
    this.#writeWithin(place, rest);
    this.#code.end();
    this.#writeTree(merge);
  }

  #writeBlock(place: number): void {
    const code = this.#code;
    const { terminator } = this.#writeStraight(place);
    switch (terminator.kind) {
      case "jump":
        this.#go(place, terminator.target);
        return;
      case "branch":
        code.if();
        this.#go(place, terminator.taken);
        code.else();
        this.#go(place, terminator.otherwise);
        code.end();
        return;
      case "call":
        this.#writeCall(place, terminator.target, terminator.returnTo);
        return;
      case "indirect":
        this.#spillAtEnd(place);
        if (terminator.isReturn) code.get(this.#context.target).op(op.return);
        else this.#dispatchTo(null, true);
        return;
      case "stop":
        this.#spillAtEnd(place);
        this.#stop(terminator.code, terminator.pc, terminator.detail);
        return;
      case "supervisor":
        this.#writeSupervisorCall(place, terminator.immediate, terminator.returnTo);
        return;
    }
  }

  /** A block's code without its way out. */
  #writeStraight(place: number): Translated {
    const { bytes } = this.#code;
    const block = this.#translated.get(this.#order[place] as number) as Translated;
    const firstAccess = block.accesses[0]?.at ?? block.codeEnd;
    bytes.append(scratch.data, block.codeStart, firstAccess);
    this.#spillRegisters(this.#flow.savedFirst[place] as RegisterSet, block.pendingAtStart);
    const moved = bytes.length - firstAccess;
    bytes.append(scratch.data, firstAccess, block.codeEnd);
    for (const { at, pc } of block.accesses) this.locations.push(moved + at, pc);
    return block;
  }

  /** Ends a path: on to a block of the region, or out of it. */
  #go(from: number, target: number): void {
    const start = this.#order[from] as number;
    if (!this.#isInside(start, target)) {
      this.#spillAtEnd(from);
      this.#dispatchTo(target, true);
      return;
    }
    const to = this.#placeOf.get(target) as number;
    const { pendingAtEnd } = this.#translated.get(start) as Translated;
    const destination = this.#translated.get(target) as Translated;
    if (pendingAtEnd !== null && !destination.inheritsFlags && this.#flow.liveAtStart[to]?.flags === true) {
      pushPacked(this.#code, this.#context.flagLocals, pendingAtEnd);
      this.#code.set(this.#context.flagLocals.packed);
    }
    this.#jumpTo(from, to);
  }

  #jumpTo(from: number, to: number): void {
    if (to <= from) this.#code.br(this.#loopLabels.get(to) as Label);
    else if (this.#shape.isMerge[to]) this.#code.br(this.#mergeLabels.get(to) as Label);
    else this.#writeTree(to);
  }

  #writeCall(place: number, target: number | null, returnTo: number): void {
    const code = this.#code;
    this.#spillAtEnd(place);
    code.get(DEPTH).i32(MAXIMUM_DEPTH).op(op.i32_ge_u).if();
    if (target === null) code.get(this.#context.target);
    else code.i32(target);
    code.op(op.return).end();
    this.#dispatchTo(target, false);
    code.tee(this.#result).i32(returnTo).op(op.i32_ne).if();
    code.get(this.#result).op(op.return).end();
    this.#resume(place, returnTo);
  }

  #writeSupervisorCall(place: number, immediate: number, returnTo: number): void {
    const code = this.#code;
    this.#spillAtEnd(place);
    this.#store(stateOffset.pc, returnTo);
    this.#store(stateOffset.detail, immediate);
    this.#store(stateOffset.stop, stopCode.supervisorCall);
    this.#context.call("supervisorCall");
    code.if();
    code.i32(STOP).op(op.return).end();
    this.#resume(place, returnTo);
  }

  /** Goes on after a call, with registers from the state. */
  #resume(from: number, target: number): void {
    if (!this.#isInside(this.#order[from] as number, target)) {
      this.#dispatchTo(target, true);
      return;
    }
    const to = this.#placeOf.get(target) as number;
    this.#reload(this.#flow.liveAtStart[to] as RegisterSet);
    this.#code.i32(0).memory(op.i32_load, STATE, 2, stateOffset.budget).set(this.#budget);
    this.#jumpTo(from, to);
  }

  /** Calls the function of an address (null: of the address in the target local), as the last act or not. */
  #dispatchTo(target: number | null, isLast: boolean): void {
    const code = this.#code;
    const { functionType } = this.#options;
    if (target === null) code.get(this.#context.target);
    else code.i32(target);
    code.get(DEPTH);
    if (!isLast) code.i32(1).op(op.i32_add);
    if (target === null) pushSlot(code, this.#context.target);
    else {
      const slot = this.#options.slotFor(target);
      this.slots.push(code.bytes.length + 1, target);
      code.i32Padded(slot);
    }
    code.opWith(isLast ? op.return_call_indirect : op.call_indirect, functionType, 0);
  }

  #stop(reason: number, pc: number, detail: number | null): void {
    this.#store(stateOffset.pc, pc);
    this.#store(stateOffset.stop, reason);
    if (detail !== null) this.#store(stateOffset.detail, detail);
    this.#code.i32(STOP).op(op.return);
  }

  #store(offset: number, value: number): void {
    this.#code.i32(0).i32(value).memory(op.i32_store, STATE, 2, offset);
  }

  #spillAtEnd(place: number): void {
    const { pendingAtEnd } = this.#translated.get(this.#order[place] as number) as Translated;
    this.#spill(this.#flow.dirtyAtEnd[place] as RegisterSet, pendingAtEnd);
  }

  #spill(set: RegisterSet, pending: PendingFlags | null): void {
    this.#spillRegisters(set, pending);
    if (this.#shape.isLoopHeader.includes(true)) {
      this.#code.i32(0).get(this.#budget).memory(op.i32_store, STATE, 2, stateOffset.budget);
    }
  }

  #spillRegisters(set: RegisterSet, pending: PendingFlags | null): void {
    const code = this.#code;
    for (let register = 0; register < 32; register++) {
      if ((set.general & (1 << register)) === 0) continue;
      code
        .i32(0)
        .get(this.#context.generalLocal(register))
        .memory(op.i64_store, STATE, 3, 8 * register);
    }
    for (let register = 0; register < 32; register++) {
      if ((set.vector & (1 << register)) === 0) continue;
      code.i32(0).get(this.#context.vectorLocal(register));
      code.memory(op.v128_store, STATE, 4, stateOffset.v + 16 * register);
    }
    if (set.flags) this.#spillFlags(pending);
  }

  /** Most flags are never looked at again: leave the operands, which costs less than computing them. */
  #spillFlags(pending: PendingFlags | null): void {
    const { code, flagLocals: locals } = this.#context;
    if (pending === null || pending.kind === "compare" || pending.kind === "conditional") {
      code.i32(0);
      pushPacked(code, locals, pending);
      code.memory(op.i32_store, STATE, 2, stateOffset.nzcv);
      this.#store(stateOffset.flagKind, flagKind.computed);
      return;
    }
    const { kind, wide } = pending;
    const operands =
      kind === "logic"
        ? [wide ? locals.result : locals.narrowResult]
        : wide
          ? [locals.a, locals.b]
          : [locals.narrowA, locals.narrowB];
    this.#store(stateOffset.flagKind, flagKind[kind] + (wide ? 1 : 0));
    for (const [index, operand] of operands.entries()) {
      code
        .i32(0)
        .get(operand)
        .memory(wide ? op.i64_store : op.i32_store, STATE, 2, stateOffset.flagA + 8 * index);
    }
  }

  #reload(set: RegisterSet): void {
    const code = this.#code;
    for (let register = 0; register < 32; register++) {
      if ((set.general & (1 << register)) === 0) continue;
      code
        .i32(0)
        .memory(op.i64_load, STATE, 3, 8 * register)
        .set(this.#context.generalLocal(register));
    }
    for (let register = 0; register < 32; register++) {
      if ((set.vector & (1 << register)) === 0) continue;
      code.i32(0).memory(op.v128_load, STATE, 4, stateOffset.v + 16 * register);
      code.set(this.#context.vectorLocal(register));
    }
    if (!set.flags) return;
    this.#context.call("packFlags");
    code.set(this.#context.flagLocals.packed);
  }
}

/** Addresses that a way out names, those after calls too. */
function targetsOf(terminator: Terminator): number[] {
  switch (terminator.kind) {
    case "jump":
      return [terminator.target];
    case "branch":
      return [terminator.taken, terminator.otherwise];
    case "call":
    case "supervisor":
      return [terminator.returnTo];
    default:
      return [];
  }
}

/** Pushes the table slot for the address in a local: the map's page, then the place in it. */
export function pushSlot(code: Code, address: number, mapMemory: number = MAP): void {
  code.get(address).i32(PAGE_SHIFT).op(op.i32_shr_u).i32(2).op(op.i32_shl);
  code.memory(op.i32_load, mapMemory, 2, PAGE_DIRECTORY);
  code.get(address).i32(0xffc).op(op.i32_and).op(op.i32_add);
  code.memory(op.i32_load, mapMemory, 2, SLOT_PAGES);
}
