/**
 * Translates a region, the part of a guest function that direct branches reach from its entry, into one WebAssembly function:
 * structured control flow after "Beyond Relooper" (Ramsey 2022), registers in locals, calls as WebAssembly calls.
 */
import { clearFields, fillFields } from "../decode/decoder.ts";
import { emptyFields } from "../decode/fields.ts";
import type { Instruction } from "../decode/table.ts";
import { NULL_GUARD, PAGE_DIRECTORY, PAGE_SHIFT, SLOT_PAGES, STOP, stateOffset, stopCode } from "../state.ts";
import { Bytes } from "../wasm/bytes.ts";
import { Code, type Label } from "../wasm/code.ts";
import { op } from "../wasm/opcodes.ts";
import { type AccessOptions, type AccessPoint, AccessPoints } from "./access-points.ts";
import { Context, type ImportedFunctions, MAP, type RegisterSet, STATE, type Terminator } from "./context.ts";
import { type Block, type Discovered, discover, type Fetch } from "./discover.ts";
import { computeFlagFlow, type FlagBlock, type FlagFlow, type FlagPlace, flagEffect } from "./flag-flow.ts";
import { reversePostorder, type Shape, shapeOf } from "./graph.ts";
import { handlers } from "./handlers.ts";
import { type BlockSaves, computeFlow, type Flow, type FlowBlock } from "./liveness.ts";
import { moveFlags, reloadRegisters, spillFlags, spillRegisters, storeState } from "./spill.ts";

/** Nested calls before a call leaves to the dispatcher instead, so that the host's stack is never spent. */
const MAXIMUM_DEPTH = 300;

/**
 * A region may overdraw the budget by so much, unless it could stop where it was entered by the dispatcher: there is code for that
 * place already, and what is entered there time and again gets optimized by the host. Elsewhere each stop makes another region, and
 * all the functions that called go on in regions of their own.
 */
export const OVERDRAFT = 16384;

/** Parameters of every translated function: its own address, and how deep the calls are. */
export const PARAMETER_COUNT = 2;
const OWN_ADDRESS = 0;
const DEPTH = 1;

/** A switch compares with up to so many entries one by one; with more it looks in a table, if that is not too large. */
const FEW_ENTRIES = 4;
const MAXIMUM_SPREAD = 16384;

export interface RegionOptions extends AccessOptions {
  readonly fetch: Fetch;
  readonly imports: ImportedFunctions;
  /** The type of translated functions in the module. */
  readonly functionType: number;
  readonly maximumInstructions: number;
  /** Whether a branch target is left out of the region: it has not been executed yet. */
  readonly isCold?: (address: number) => boolean;
  readonly hasFusedMultiply: boolean;
  /** See float-control.ts. */
  readonly isSoftFloat: boolean;
  /** Stores the entry's address on entering, for regions of one instruction. */
  readonly storesEntry: boolean;
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
  readonly flagsAtEnd: FlagPlace;
  readonly accesses: readonly AccessPoint[];
  readonly saves: BlockSaves | null;
}

/** Where blocks' code is collected before it is put in order; one region is translated at a time. */
const scratch = new Bytes(1 << 16);
const fields = emptyFields();
const noRegisters: RegisterSet = { general: 0, vector: 0 };

/** The region of an entry, or of several that control may move between by branches to registers. */
export function translateRegion(entries: readonly number[], options: RegionOptions): Region {
  const discovered = discover(options.fetch, entries, options.maximumInstructions, options.isCold);
  const code = new Code(PARAMETER_COUNT, NULL_GUARD);
  const context = new Context(code, options.imports, options.hasFusedMultiply, options.isSoftFloat);
  const writer = new RegionWriter(entries, discovered.blocks, context, options);
  writer.write();
  return { code, discovered, slots: writer.slots, locations: writer.locations };
}

class RegionWriter {
  /** See Region. */
  readonly slots: number[] = [];
  readonly locations: number[] = [];
  readonly #entries: readonly number[];
  readonly #context: Context;
  readonly #code: Code;
  readonly #options: RegionOptions;
  readonly #accessPoints: AccessPoints;
  /** In reverse postorder; a block's number there is its place. */
  #blocks: readonly Block[] = [];
  /** By place: the places of the block's successors; −1: outside, or entering a loop sideways, which leaves the region. */
  #next: number[][] = [];
  #translated: readonly Translated[] = [];
  #shape: Shape = { dominator: [], children: [], isLoopHeader: [], isMerge: [] };
  #hasLoops = false;
  /**
   * By place: whether a loop that starts there calls. What is dirty before such a loop is stored once, not again for every call, and
   * need not come back after the call if only a way out of the loop stores it.
   */
  #callsInLoop: boolean[] = [];
  #flags: FlagFlow = { atStart: [], wanted: [], read: [] };
  #flow: Flow = { dirtyAtEnd: [], dirtyAtStart: [], liveAtStart: [], savedFirst: [] };
  readonly #loopLabels = new Map<number, Label>();
  readonly #mergeLabels = new Map<number, Label>();
  readonly #budget: number;
  readonly #result: number;

  constructor(entries: readonly number[], blocks: readonly Block[], context: Context, options: RegionOptions) {
    this.#entries = entries;
    this.#context = context;
    this.#code = context.code;
    this.#options = options;
    this.#accessPoints = new AccessPoints(context, options);
    this.#budget = this.#code.newLocal("i32");
    this.#result = this.#code.newLocal("i32");
    if (blocks.length === 0) return;
    this.#shapeGraph(blocks);
    this.#flags = computeFlagFlow(this.#blocks.map((block, place) => this.#flagBlock(block, place)));
    this.#translateBlocks();
    this.#callsInLoop = this.#findCallsInLoops();
    this.#flow = computeFlow(this.#translated.map((translated, place) => this.#flowBlock(translated, place)));
  }

  write(): void {
    const code = this.#code;
    this.#countEntry();
    if (this.#options.storesEntry) code.i32(0).get(OWN_ADDRESS).memory(op.i32_store, STATE, 2, stateOffset.pc);
    if (this.#blocks.length === 0) {
      this.#stop(stopCode.fetchFault, this.#entries[0] as number, null);
      return;
    }
    reloadRegisters(this.#context, this.#flow.liveAtStart[0] as RegisterSet);
    moveFlags(this.#context, "state", this.#flags.atStart[0] as FlagPlace);
    if (this.#entries.length > 1) code.get(OWN_ADDRESS).set(this.#context.target);
    this.#writeTree(0);
    code.op(op.unreachable);
  }

  #shapeGraph(blocks: readonly Block[]): void {
    const successors = blocks.map((block) => [...block.successors]);
    const inside = (index: number): number[] => (successors[index] as number[]).filter((next) => next >= 0);
    for (;;) {
      const order = reversePostorder(0, inside);
      const placeOf = new Array<number>(blocks.length).fill(-1);
      for (const [place, index] of order.entries()) placeOf[index] = place;
      const nodes = order.map((index) => ({ successors: inside(index).map((next) => placeOf[next] as number) }));
      const { shape, irreducible } = shapeOf(nodes);
      if (irreducible.length === 0) {
        this.#shape = shape;
        this.#blocks = order.map((index) => blocks[index] as Block);
        this.#next = order.map((index) =>
          (successors[index] as number[]).map((next) => (next < 0 ? -1 : (placeOf[next] as number))),
        );
        this.#hasLoops = shape.isLoopHeader.includes(true);
        return;
      }
      for (const [from, to] of irreducible) {
        const list = successors[order[from] as number] as number[];
        for (const [position, next] of list.entries()) if (next === order[to]) list[position] = -1;
      }
    }
  }

  #findCallsInLoops(): boolean[] {
    const predecessors: number[][] = this.#blocks.map(() => []);
    for (const [from, next] of this.#next.entries()) for (const to of next) predecessors[to]?.push(from);
    return this.#blocks.map((_, header) => {
      if (this.#shape.isLoopHeader[header] !== true) return false;
      const inLoop = new Set([header]);
      for (const place of inLoop) {
        if (this.#isCall(this.#blocks[place] as Block)) return true;
        for (const from of predecessors[place] ?? []) if (from > header || place !== header) inLoop.add(from);
      }
      return false;
    });
  }

  /** Whether a block's end calls another function, after which registers are in the state. */
  #isCall({ exit, isInlined }: Block): boolean {
    return (exit === "call" && !isInlined) || exit === "indirectCall" || exit === "supervisor";
  }

  #leaves(block: Block, place: number): boolean {
    const next = this.#next[place] as number[];
    return (
      this.#isCall(block) ||
      block.exit === "return" ||
      block.exit === "switch" ||
      next.length === 0 ||
      next.includes(-1)
    );
  }

  #inside(place: number): number[] {
    return (this.#next[place] as number[]).filter((next) => next >= 0);
  }

  #flagBlock(block: Block, place: number): FlagBlock {
    const isCall = this.#isCall(block);
    return {
      ...flagEffect(block.instructions, this.#context.isSoftFloat),
      successors: isCall ? [] : this.#inside(place),
      afterCall: isCall ? (this.#next[place]?.[0] ?? -1) : -1,
      leaves: this.#leaves(block, place),
    };
  }

  #flowBlock({ used, defined, saves, terminator }: Translated, place: number): FlowBlock {
    const block = this.#blocks[place] as Block;
    return {
      used,
      defined,
      saves,
      successors: this.#isCall(block) ? [] : this.#inside(place),
      leaves: this.#leaves(block, place) || terminator.kind === "stop",
      isLoopHeader: this.#shape.isLoopHeader[place] === true,
      startsClean: this.#callsInLoop[place] === true,
    };
  }

  #translateBlocks(): void {
    const body = this.#code.bytes;
    scratch.length = 0;
    this.#code.bytes = scratch;
    this.#translated = this.#blocks.map((block, place) =>
      this.#translateBlock(block, this.#flags.atStart[place] as FlagPlace, this.#flags.read[place] === true),
    );
    this.#code.bytes = body;
  }

  #translateBlock(block: Block, flags: FlagPlace, areFlagsRead: boolean): Translated {
    const context = this.#context;
    const codeStart = scratch.length;
    context.startBlock(typeof flags === "string" ? null : flags);
    this.#accessPoints.startBlock(flags, areFlagsRead);
    let pc = block.start;
    for (const { word, instruction } of block.instructions) {
      context.startInstruction(pc, word);
      if (instruction !== null) this.#accessPoints.before(instruction, word);
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
      flagsAtEnd: context.setsFlags ? (context.pending ?? "packed") : flags,
      accesses: this.#accessPoints.points,
      saves: this.#accessPoints.endBlock(),
    };
  }

  #translateInstruction(instruction: Instruction, word: number): boolean {
    const translation = handlers[instruction.index];
    if (translation === undefined) return false;
    fillFields(fields, instruction, word);
    const known = translation(this.#context, fields) !== false;
    clearFields(fields, instruction);
    return known;
  }

  /** Takes one from the budget; leaves at once if it is spent. */
  #countEntry(): void {
    // What only returns needs none.
    if (this.#isShortLeaf()) return;
    const code = this.#code;
    code.i32(0).i32(0).memory(op.i32_load, STATE, 2, stateOffset.budget).i32(1).op(op.i32_sub).tee(this.#budget);
    code.memory(op.i32_store, STATE, 2, stateOffset.budget);
    code.get(this.#budget).i32(0).op(op.i32_lt_s).if();
    this.#openPreferredStop();
    this.#stopAt(stopCode.budget, OWN_ADDRESS);
    code.end().end();
  }

  #isShortLeaf(): boolean {
    const canGoOn = (block: Block, place: number): boolean =>
      block.exit !== "return" && block.exit !== "stop" && this.#leaves(block, place);
    return !this.#hasLoops && !this.#blocks.some(canGoOn);
  }

  /** Opens a condition: the dispatcher called, or the overdraft is used up. */
  #openPreferredStop(): void {
    this.#code.get(DEPTH).op(op.i32_eqz).get(this.#budget).i32(-OVERDRAFT).op(op.i32_lt_s).op(op.i32_or).if();
  }

  #writeTree(place: number): void {
    const merges = (this.#shape.children[place] ?? []).filter((child) => this.#shape.isMerge[child]);
    merges.sort((a, b) => b - a);
    if (this.#shape.isLoopHeader[place] !== true) {
      this.#writeWithin(place, merges, 0);
      return;
    }
    this.#loopLabels.set(place, this.#code.loop());
    this.#countLoop(place);
    this.#writeWithin(place, merges, 0);
    this.#code.end();
  }

  #countLoop(place: number): void {
    const code = this.#code;
    const isPreferred = place === 0;
    code.get(this.#budget).i32(1).op(op.i32_sub).tee(this.#budget);
    code
      .i32(isPreferred ? 0 : -OVERDRAFT)
      .op(op.i32_lt_s)
      .if();
    if (isPreferred) this.#openPreferredStop();
    this.#spill(
      this.#flow.dirtyAtStart[place] as RegisterSet,
      this.#flags.wanted[place] === true ? (this.#flags.atStart[place] as FlagPlace) : "state",
    );
    if ((this.#blocks[place] as Block).exit === "switch") this.#stopAt(stopCode.budget, this.#context.target);
    else this.#stop(stopCode.budget, (this.#blocks[place] as Block).start, null);
    if (isPreferred) code.end();
    code.end();
  }

  #writeWithin(place: number, merges: readonly number[], from: number): void {
    const merge = merges[from];
    if (merge === undefined) {
      this.#writeBlock(place);
      return;
    }
    this.#mergeLabels.set(merge, this.#code.block());
    this.#writeWithin(place, merges, from + 1);
    this.#code.end();
    this.#writeTree(merge);
  }

  #writeBlock(place: number): void {
    const code = this.#code;
    const block = this.#blocks[place] as Block;
    const { terminator } = this.#writeStraight(place);
    if (block.exit === "switch") {
      this.#writeSwitch(place);
      return;
    }
    switch (terminator.kind) {
      case "jump":
        this.#go(place, 0, terminator.target);
        return;
      case "branch":
        code.if();
        this.#go(place, 0, terminator.taken);
        code.else();
        this.#go(place, 1, terminator.otherwise);
        code.end();
        return;
      case "call":
        if (block.isInlined) this.#go(place, 0, terminator.target as number);
        else this.#writeCall(place, terminator.target, terminator.returnTo);
        return;
      case "indirect":
        if (terminator.isReturn) this.#writeReturn(place);
        else if (block.successors.length > 0) this.#go(place, 0, null);
        else this.#leaveIndirectly(place);
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
    const block = this.#translated[place] as Translated;
    const firstAccess = block.accesses[0]?.at ?? block.codeEnd;
    bytes.append(scratch.data, block.codeStart, firstAccess);
    spillRegisters(this.#context, this.#flow.savedFirst[place] as RegisterSet);
    const moved = bytes.length - firstAccess;
    bytes.append(scratch.data, firstAccess, block.codeEnd);
    for (const { at, pc } of block.accesses) this.locations.push(moved + at, pc);
    return block;
  }

  /** Ends a path: on to a block's successor, or out of the region to an address (null: the one in the target local). */
  #go(from: number, position: number, address: number | null): void {
    const to = this.#next[from]?.[position] ?? -1;
    if (to < 0) {
      this.#spillAtEnd(from);
      this.#dispatchTo(address, true);
      return;
    }
    this.#spillBetween(from, to);
    if (this.#flags.wanted[to] === true) {
      const { flagsAtEnd } = this.#translated[from] as Translated;
      moveFlags(this.#context, flagsAtEnd, this.#flags.atStart[to] as FlagPlace);
    }
    this.#jumpTo(from, to);
  }

  #spillBetween(from: number, to: number): void {
    if (this.#callsInLoop[to] !== true) return;
    const end = this.#flow.dirtyAtEnd[from] as RegisterSet;
    const start = this.#flow.dirtyAtStart[to] as RegisterSet;
    spillRegisters(this.#context, {
      general: end.general & ~start.general,
      vector: end.vector & ~start.vector,
    });
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

  /** A return goes up the WebAssembly stack; that of a callee's copy goes on behind the call, if that is where it wants to. */
  #writeReturn(place: number): void {
    const code = this.#code;
    const { returnTo } = this.#blocks[place] as Block;
    if (returnTo !== null) {
      code.get(this.#context.target).i32(returnTo).op(op.i32_eq).if();
      this.#go(place, 0, returnTo);
      code.end();
    }
    this.#spillAtEnd(place);
    code.get(this.#context.target).op(op.return);
  }

  /** Leaves by a branch to a register, and says so: the target may become an entry of this region. */
  #leaveIndirectly(place: number): void {
    const code = this.#code;
    this.#spillAtEnd(place);
    storeState(this.#context, stateOffset.indirectFrom, this.#entries[0] as number);
    code.i32(0).get(this.#context.target).memory(op.i32_store, STATE, 2, stateOffset.indirectTo);
    this.#dispatchTo(null, true);
  }

  /** To the entry in the target local, by comparisons if there are few. */
  #writeSwitch(place: number): void {
    const code = this.#code;
    const { target } = this.#context;
    const entries = this.#entries;
    const first = Math.min(...entries);
    const spread = (Math.max(...entries) - first) / 4 + 1;
    if (entries.length <= FEW_ENTRIES || spread > MAXIMUM_SPREAD) {
      for (const [position, entry] of entries.entries()) {
        code.get(target).i32(entry).op(op.i32_eq).if();
        this.#go(place, position, entry);
        code.end();
      }
    } else {
      const otherwise = code.block();
      const labels = entries.map(() => code.block());
      // Rotating makes misaligned addresses the largest numbers.
      code.get(target).i32(first).op(op.i32_sub).i32(2).op(op.i32_rotr);
      const table = new Array<Label>(spread).fill(otherwise);
      for (const [position, entry] of entries.entries()) table[(entry - first) / 4] = labels[position] as Label;
      code.brTable(table, otherwise);
      for (const position of [...entries.keys()].reverse()) {
        code.end();
        this.#go(place, position, entries[position] as number);
      }
      code.end();
    }
    this.#leaveIndirectly(place);
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
  #resume(from: number, address: number): void {
    const to = this.#next[from]?.[0] ?? -1;
    if (to < 0) {
      this.#dispatchTo(address, true);
      return;
    }
    reloadRegisters(this.#context, this.#flow.liveAtStart[to] as RegisterSet);
    moveFlags(this.#context, "state", this.#flags.atStart[to] as FlagPlace);
    if (this.#hasLoops) this.#code.i32(0).memory(op.i32_load, STATE, 2, stateOffset.budget).set(this.#budget);
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

  /** The same with the address in a local. */
  #stopAt(reason: number, local: number): void {
    this.#code.i32(0).get(local).memory(op.i32_store, STATE, 2, stateOffset.pc);
    this.#store(stateOffset.stop, reason);
    this.#code.i32(STOP).op(op.return);
  }

  #store(offset: number, value: number): void {
    storeState(this.#context, offset, value);
  }

  #spillAtEnd(place: number): void {
    this.#spill(this.#flow.dirtyAtEnd[place] ?? noRegisters, (this.#translated[place] as Translated).flagsAtEnd);
  }

  #spill(set: RegisterSet, flags: FlagPlace): void {
    spillRegisters(this.#context, set);
    spillFlags(this.#context, flags);
    if (this.#hasLoops) this.#code.i32(0).get(this.#budget).memory(op.i32_store, STATE, 2, stateOffset.budget);
  }
}

/** Pushes the table slot for the address in a local: the map's page, then the place in it. */
export function pushSlot(code: Code, address: number, mapMemory: number = MAP): void {
  code.get(address).i32(PAGE_SHIFT).op(op.i32_shr_u).i32(2).op(op.i32_shl);
  code.memory(op.i32_load, mapMemory, 2, PAGE_DIRECTORY);
  code.get(address).i32(0xffc).op(op.i32_and).op(op.i32_add);
  code.memory(op.i32_load, mapMemory, 2, SLOT_PAGES);
}
