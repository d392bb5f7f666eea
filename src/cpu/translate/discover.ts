/**
 * Finds the blocks of a region: follows direct branches from its entries, up to a number of instructions, and takes in small
 * functions that it calls from loops, a copy for each call.
 */
import { decode } from "../decode/decoder.ts";
import { signed } from "../decode/fields.ts";
import type { Instruction } from "../decode/table.ts";
import { reversePostorder } from "./graph.ts";

/** Reads the instruction word at a guest address; −1 outside memory. */
export type Fetch = (address: number) => number;

export interface Decoded {
  readonly word: number;
  /** null: no line of the table. */
  readonly instruction: Instruction | null;
}

/**
 * How a block ends. "fall": without a branch; "stop": nothing of the region follows; "switch": it has no code of its own, and
 * goes to one of the entries.
 */
type ExitKind =
  | "fall"
  | "jump"
  | "branch"
  | "call"
  | "indirectCall"
  | "supervisor"
  | "indirect"
  | "return"
  | "stop"
  | "switch";

/** Straight-line code: entered at its start, left at its end. */
export interface Block {
  readonly start: number;
  readonly instructions: readonly Decoded[];
  /** The address after the last instruction, where it falls through to if that is no branch. */
  readonly end: number;
  readonly exit: ExitKind;
  /**
   * Places in the list of blocks, −1 for what is no part of the region: where a jump goes; where a branch goes if taken and if
   * not; where a call returns to, or the first block of a callee's copy; where a copy's return goes; the entries of a switch,
   * and it for an indirect branch.
   */
  readonly successors: number[];
  /** Whether the call at its end goes on in a copy of the callee. */
  isInlined: boolean;
  /** In a callee's copy: the address that it returns to. */
  readonly returnTo: number | null;
}

export interface Discovered {
  /** The first is where the region starts; with several entries it chooses between them. None: there is no code. */
  readonly blocks: readonly Block[];
  readonly instructionCount: number;
  /** Targets of direct calls that are made as calls. */
  readonly callees: ReadonlySet<number>;
}

/** A block before it is put into a region, with addresses. */
interface RawBlock {
  readonly start: number;
  readonly instructions: Decoded[];
  end: number;
  exit: ExitKind;
  targets: readonly number[];
}

interface RawFunction {
  readonly blocks: ReadonlyMap<number, RawBlock>;
  readonly instructionCount: number;
}

/** Functions without calls of their own that are copied wherever they are called. */
const TINY_INSTRUCTIONS = 8;
/** Functions that are copied where they are called in a loop. */
const SMALL_INSTRUCTIONS = 40;
const INLINE_DEPTH = 2;
/** Instructions in all copies of a region. */
const INLINED_INSTRUCTIONS = 240;
const IC_IVAU = 0xd50b7520;
const nowhere: readonly number[] = [];
const never = (): boolean => false;

/** What an instruction's name says of the end of its block. */
const exitOfName: Readonly<Record<string, ExitKind>> = {
  B: "jump",
  B_cond: "branch",
  CBZ: "branch",
  CBNZ: "branch",
  TBZ: "branch",
  TBNZ: "branch",
  BL: "call",
  BLR: "indirectCall",
  SVC: "supervisor",
  BR: "indirect",
  RET: "return",
  BRK: "stop",
};

function exitOf({ word, instruction }: Decoded): ExitKind | null {
  if (instruction === null) return "stop";
  if (instruction.name === "SYS") return (word & ~31) >>> 0 === IC_IVAU ? "stop" : null;
  return exitOfName[instruction.name] ?? null;
}

/** Where control goes on after a block's last instruction. For a call: where it returns to. */
function targetsOf({ word, instruction }: Decoded, exit: ExitKind, pc: number): readonly number[] {
  switch (exit) {
    case "jump":
      return [(pc + signed(word, 26) * 4) >>> 0];
    case "branch": {
      const isTest = instruction?.name === "TBZ" || instruction?.name === "TBNZ";
      return [(pc + (isTest ? signed(word >>> 5, 14) : signed(word >>> 5, 19)) * 4) >>> 0, pc + 4];
    }
    case "call":
    case "indirectCall":
    case "supervisor":
      return [pc + 4];
    default:
      return nowhere;
  }
}

function calleeOf(block: RawBlock): number {
  const { word } = block.instructions.at(-1) as Decoded;
  return (block.end - 4 + signed(word, 26) * 4) >>> 0;
}

/**
 * Code that is too long for one region is cut at multiples of this, so that the regions of a long loop's body begin at the same
 * addresses in each of its rounds.
 */
const CUT_BYTES = 1024;

function follow(
  fetch: Fetch,
  entries: readonly number[],
  maximumInstructions: number,
  isCold: (address: number) => boolean = never,
): RawFunction {
  const decodedAt = new Map<number, Decoded>();
  const leaders = new Set(entries);
  const starts = [...entries];
  const cutFrom = maximumInstructions > CUT_BYTES / 2 ? maximumInstructions - CUT_BYTES / 4 : maximumInstructions;
  for (let index = 0; index < starts.length; index++) {
    for (let pc = starts[index] as number; decodedAt.size < maximumInstructions && !decodedAt.has(pc); pc += 4) {
      const word = fetch(pc);
      if (word === -1 || (decodedAt.size >= cutFrom && pc % CUT_BYTES === 0)) break;
      const decoded = { word, instruction: decode(word) };
      decodedAt.set(pc, decoded);
      const exit = exitOf(decoded);
      if (exit === null) continue;
      for (const target of targetsOf(decoded, exit, pc)) {
        if (leaders.has(target) || isCold(target)) continue;
        leaders.add(target);
        starts.push(target);
      }
      break;
    }
  }
  const blocks = new Map<number, RawBlock>();
  for (const start of leaders) {
    const block: RawBlock = { start, instructions: [], end: start, exit: "fall", targets: nowhere };
    for (let decoded = decodedAt.get(start); decoded !== undefined; decoded = decodedAt.get(block.end)) {
      block.instructions.push(decoded);
      const exit = exitOf(decoded);
      if (exit !== null) {
        block.exit = exit;
        block.targets = targetsOf(decoded, exit, block.end);
      }
      block.end += 4;
      if (exit !== null || leaders.has(block.end)) break;
    }
    if (block.instructions.length === 0) continue;
    if (block.exit === "fall") block.targets = [block.end];
    blocks.set(start, block);
  }
  return { blocks, instructionCount: decodedAt.size };
}

/** `isCold` tells branch targets that are left out, as code that is hardly ever executed. */
export function discover(
  fetch: Fetch,
  entries: readonly number[],
  maximumInstructions: number,
  isCold?: (address: number) => boolean,
): Discovered {
  return new Discovery(fetch, maximumInstructions).run(entries, isCold);
}

class Discovery {
  readonly #fetch: Fetch;
  readonly #maximumInstructions: number;
  readonly #blocks: Block[] = [];
  readonly #callees = new Set<number>();
  /** Callees looked at; null: not to be copied. */
  readonly #small = new Map<number, RawFunction | null>();
  #instructionCount = 0;
  #inlinedInstructions = 0;

  constructor(fetch: Fetch, maximumInstructions: number) {
    this.#fetch = fetch;
    this.#maximumInstructions = maximumInstructions;
  }

  run(entries: readonly number[], isCold?: (address: number) => boolean): Discovered {
    const root = follow(this.#fetch, entries, this.#maximumInstructions, isCold);
    const chosen: number[] = [];
    if (entries.length > 1) {
      const start = entries[0] as number;
      const common = { isInlined: false, returnTo: null, exit: "switch", successors: chosen } as const;
      this.#blocks.push({ ...common, start, end: start, instructions: [] });
    }
    const places = this.#place(root, 0, null, -1);
    if (entries.length > 1) {
      for (const entry of entries) chosen.push(places.get(entry) ?? -1);
      for (const { exit, successors } of this.#blocks) if (exit === "indirect") successors.push(0);
    }
    return {
      blocks: this.#blocks,
      instructionCount: this.#instructionCount,
      callees: this.#callees,
    };
  }

  /** Puts a function's blocks into the region; `after` is the block that a copy returns to. Places by address. */
  #place(from: RawFunction, depth: number, returnTo: number | null, after: number): ReadonlyMap<number, number> {
    const places = new Map<number, number>();
    this.#instructionCount += from.instructionCount;
    for (const start of from.blocks.keys()) places.set(start, this.#blocks.length + places.size);
    const calls: { readonly block: Block; readonly callee: number; readonly isInLoop: boolean }[] = [];
    const loops = loopsOf(from);
    for (const raw of from.blocks.values()) {
      const successors = raw.targets.map((target) => places.get(target) ?? -1);
      if (raw.exit === "return" && returnTo !== null) successors.push(after);
      const { start, instructions, end, exit } = raw;
      const block: Block = { start, instructions, end, exit, successors, isInlined: false, returnTo };
      this.#blocks.push(block);
      if (exit !== "call") continue;
      const isInLoop = loops.some(([first, last]) => first <= start && end <= last);
      calls.push({ block, callee: calleeOf(raw), isInLoop });
    }
    for (const { block, callee, isInLoop } of calls) {
      const copied = depth < INLINE_DEPTH ? this.#smallFunction(callee, isInLoop) : null;
      if (copied === null) {
        this.#callees.add(callee);
        continue;
      }
      this.#inlinedInstructions += copied.instructionCount;
      const copy = this.#place(copied, depth + 1, block.end, block.successors[0] as number);
      block.isInlined = true;
      block.successors[0] = copy.get(callee) as number;
    }
    return places;
  }

  #smallFunction(entry: number, isInLoop: boolean): RawFunction | null {
    let found = this.#small.get(entry);
    if (found === undefined) {
      found = follow(this.#fetch, [entry], SMALL_INSTRUCTIONS + 1);
      if (!isSmall(found)) found = null;
      this.#small.set(entry, found);
    }
    if (found === null || this.#inlinedInstructions + found.instructionCount > INLINED_INSTRUCTIONS) return null;
    if (this.#instructionCount + found.instructionCount > this.#maximumInstructions) return null;
    const isLeaf = [...found.blocks.values()].every(({ exit }) => exit !== "call" && exit !== "indirectCall");
    // A loop of its own is worth a function of its own, in which the host has registers for it.
    if (isInLoop) return isLeaf && hasLoop(found) ? null : found;
    return isLeaf && found.instructionCount <= TINY_INSTRUCTIONS ? found : null;
  }
}

/** Whether all of it is there and nothing but returns leaves it. */
function isSmall({ blocks, instructionCount }: RawFunction): boolean {
  if (instructionCount === 0 || instructionCount > SMALL_INSTRUCTIONS) return false;
  let returns = false;
  for (const { exit, targets } of blocks.values()) {
    if (exit === "indirect" || exit === "supervisor" || exit === "stop") return false;
    if (!targets.every((target) => blocks.has(target))) return false;
    if (exit === "return") returns = true;
  }
  return returns;
}

/** Whether its branches form a loop: in reverse postorder, a loop has an edge backwards. */
function hasLoop({ blocks }: RawFunction): boolean {
  const targetsOfBlock = (start: number): readonly number[] => blocks.get(start)?.targets ?? nowhere;
  // The first block is the entry.
  const [entry = 0] = blocks.keys();
  const placeOf = new Map(reversePostorder(entry, targetsOfBlock).map((start, place) => [start, place]));
  for (const [start, place] of placeOf) {
    if (targetsOfBlock(start).some((target) => (placeOf.get(target) ?? place + 1) <= place)) return true;
  }
  return false;
}

/** Address ranges that backward branches span. */
function loopsOf({ blocks }: RawFunction): [first: number, last: number][] {
  const loops: [number, number][] = [];
  for (const { exit, targets, end } of blocks.values()) {
    if (exit !== "jump" && exit !== "branch") continue;
    const target = targets[0] as number;
    if (target < end) loops.push([target, end]);
  }
  return loops;
}
