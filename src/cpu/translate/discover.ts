/** Finds the blocks of a region: follows direct branches from an entry, up to a number of instructions. */
import { decode } from "../decode/decoder.ts";
import { signed } from "../decode/fields.ts";
import type { Instruction } from "../decode/table.ts";

/** Reads the instruction word at a guest address; −1 outside memory. */
export type Fetch = (address: number) => number;

export interface Decoded {
  readonly word: number;
  /** null: no line of the table. */
  readonly instruction: Instruction | null;
}

/** Straight-line code: entered at its start, left at its end. */
export interface Block {
  readonly start: number;
  readonly instructions: readonly Decoded[];
  /** Blocks of the region that a direct branch or falling through reaches. */
  readonly successors: readonly number[];
  /** The address after the last instruction, where it falls through to if that is no branch. */
  readonly end: number;
}

export interface Discovered {
  readonly blocks: ReadonlyMap<number, Block>;
  readonly instructionCount: number;
  /** Targets of direct calls. */
  readonly callees: ReadonlySet<number>;
}

const IC_IVAU = 0xd50b7520;

/** Where control goes after an instruction: null if it is no branch; the addresses known beforehand otherwise. */
function successorsOf(decoded: Decoded, pc: number): number[] | null {
  const { word, instruction } = decoded;
  if (instruction === null) return [];
  switch (instruction.name) {
    case "B":
      return [(pc + signed(word, 26) * 4) >>> 0];
    case "B_cond":
    case "CBZ":
    case "CBNZ":
      return [(pc + signed(word >>> 5, 19) * 4) >>> 0, pc + 4];
    case "TBZ":
    case "TBNZ":
      return [(pc + signed(word >>> 5, 14) * 4) >>> 0, pc + 4];
    case "BL":
    case "BLR":
    case "SVC":
      return [pc + 4];
    case "BR":
    case "RET":
    case "BRK":
      return [];
    case "SYS":
      return (word & ~31) >>> 0 === IC_IVAU ? [] : null;
    default:
      return null;
  }
}

export function discover(fetch: Fetch, entry: number, maximumInstructions: number): Discovered {
  const decodedAt = new Map<number, Decoded>();
  const leaders = new Set([entry]);
  const callees = new Set<number>();
  const starts = [entry];
  for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
    for (let pc = start; !decodedAt.has(pc) && decodedAt.size < maximumInstructions; pc += 4) {
      const word = fetch(pc);
      if (word === -1) break;
      const decoded = { word, instruction: decode(word) };
      decodedAt.set(pc, decoded);
      if (decoded.instruction?.name === "BL") callees.add((pc + signed(word, 26) * 4) >>> 0);
      const successors = successorsOf(decoded, pc);
      if (successors === null) continue;
      for (const successor of successors) {
        if (leaders.has(successor)) continue;
        leaders.add(successor);
        starts.push(successor);
      }
      break;
    }
  }
  const blocks = new Map<number, Block>();
  for (const start of leaders) {
    const instructions: Decoded[] = [];
    let successors: number[] | null = null;
    let pc = start;
    for (; successors === null; pc += 4) {
      const decoded = decodedAt.get(pc);
      if (decoded === undefined) break;
      instructions.push(decoded);
      successors = successorsOf(decoded, pc);
      if (successors === null && leaders.has(pc + 4)) successors = [pc + 4];
    }
    if (instructions.length === 0) continue;
    blocks.set(start, { start, instructions, successors: successors ?? [pc], end: pc });
  }
  return { blocks, instructionCount: decodedAt.size, callees };
}
