/**
 * Where the condition flags are at the start of each block: in the state, packed in their local, or as operands left by the
 * instruction that set them. Blocks that several others lead to take over operands if all left the same kind.
 */
import { instructions } from "../decode/table.ts";
import type { Decoded } from "./discover.ts";
import { conditionalFlags, type PendingFlags, pendingFlags } from "./flags.ts";

/** "state": in the state memory, and nowhere else. */
export type FlagPlace = "state" | "packed" | PendingFlags;

/** What data flow knows of a block before it is translated. */
export interface FlagBlock {
  /** Whether it looks at the flags that it starts with. */
  readonly reads: boolean;
  /** How its end leaves the flags that it sets; null: it sets none. */
  readonly sets: FlagPlace | null;
  /** Nodes reached with registers in locals. */
  readonly successors: readonly number[];
  /** A node reached through a call: flags come from the state. */
  readonly afterCall: number;
  /** Some way out of it leaves the region. */
  readonly leaves: boolean;
}

export interface FlagFlow {
  readonly atStart: readonly FlagPlace[];
  /** Whether the guest may still look at the flags that each block starts with. */
  readonly wanted: readonly boolean[];
  /** Whether the region itself may. */
  readonly read: readonly boolean[];
}

type Setter = (word: number) => FlagPlace | null;

const MSR_NZCV = 0xd51b4200;
const readers = /^(B_cond|CSEL|CSINC|CSINV|CSNEG|CCM[NP]_(reg|imm)|FCCMPE?|FCSEL|ADCS?|SBCS?|MRS)$/;
const isReader: readonly boolean[] = instructions.map(({ name }) => readers.test(name));
const setters: readonly (Setter | null)[] = instructions.map(({ name }) => setterOf(name));

function setterOf(name: string): Setter | null {
  const wide = (word: number): boolean => word >>> 31 === 1;
  if (/^ADDS_(imm|reg|ext)$/.test(name)) return (word) => pendingFlags("add", wide(word));
  if (/^SUBS_(imm|reg|ext)$/.test(name)) return (word) => pendingFlags("sub", wide(word));
  if (/^(AND|BIC)S_(imm|reg)$/.test(name)) return (word) => pendingFlags("logic", wide(word));
  if (/^CCMN/.test(name)) return (word) => conditionalFlags(pendingFlags("add", wide(word)), word & 15);
  if (/^CCMP/.test(name)) return (word) => conditionalFlags(pendingFlags("sub", wide(word)), word & 15);
  if (/^FCMPE?(_zero)?$/.test(name)) return () => pendingFlags("compare", false);
  if (/^FCCMPE?$/.test(name)) return (word) => conditionalFlags(pendingFlags("compare", false), word & 15);
  if (/^(ADC|SBC)S$/.test(name)) return () => "packed";
  if (name === "MSR") return (word) => ((word & ~31) >>> 0 === MSR_NZCV ? "packed" : null);
  return null;
}

/** How straight-line code treats the flags. Software leaves those of floating-point comparisons packed. */
export function flagEffect(code: readonly Decoded[], isSoftFloat: boolean): { reads: boolean; sets: FlagPlace | null } {
  let reads = false;
  let sets: FlagPlace | null = null;
  for (const { word, instruction } of code) {
    if (instruction === null) break;
    if (sets === null && isReader[instruction.index] === true) reads = true;
    const set = setters[instruction.index]?.(word) ?? null;
    if (set !== null) sets = isSoftFloat && instruction.name.startsWith("FC") ? "packed" : set;
  }
  return { reads, sets };
}

/** Blocks are in reverse postorder; the first is the entry, with the flags in the state. */
export function computeFlagFlow(blocks: readonly FlagBlock[]): FlagFlow {
  const wanted = backwards(blocks, true);
  const read = backwards(blocks, false);
  const atStart = new Array<FlagPlace | null>(blocks.length).fill(null);
  const arrive = (at: number, place: FlagPlace): boolean => {
    const before = atStart[at] as FlagPlace | null;
    // Where places differ, or somebody will look, operands would not do.
    let now: FlagPlace = before === null || before === place ? place : "state";
    if (now === "state" && read[at] === true) now = "packed";
    if (now === before || before === "state" || (before === "packed" && read[at] === true)) return false;
    atStart[at] = now;
    return true;
  };
  arrive(0, "state");
  for (let changed = true; changed; ) {
    changed = false;
    for (const [index, { sets, successors, afterCall }] of blocks.entries()) {
      const place = sets ?? atStart[index];
      if (place !== null && place !== undefined) {
        for (const successor of successors) if (arrive(successor, place)) changed = true;
      }
      if (afterCall >= 0 && arrive(afterCall, "state")) changed = true;
    }
  }
  return { atStart: atStart.map((place) => place ?? "state"), wanted, read };
}

/** Blocks whose flags at the start are looked at later on, counting exits as looks or not. */
function backwards(blocks: readonly FlagBlock[], countExits: boolean): boolean[] {
  const found = blocks.map(() => false);
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = blocks.length - 1; index >= 0; index--) {
      if (found[index] === true) continue;
      const { reads, sets, leaves, successors } = blocks[index] as FlagBlock;
      if (!reads && (sets !== null || !((countExits && leaves) || successors.some((next) => found[next] === true))))
        continue;
      found[index] = true;
      changed = true;
    }
  }
  return found;
}
