/** Which registers a region must load and store, and where: data flow over its blocks, with sets of registers as bits. */
import type { RegisterSet } from "./context.ts";

/** What data flow knows of a translated block. */
export interface FlowBlock {
  /** Registers read before they are written, and registers written. */
  readonly used: RegisterSet;
  readonly defined: RegisterSet;
  /** Nodes reached with registers in locals. */
  readonly successors: readonly number[];
  /** Some way out of it stores the registers into the state. */
  readonly leaves: boolean;
  /** A loop header leaves at its start when the budget is spent. */
  readonly isLoopHeader: boolean;
  /** It starts with nothing dirty but what its back-edges bring; see Flow.dirtyAtStart. */
  readonly startsClean: boolean;
  /** What it stores into the state before its accesses to memory; null: there are none. */
  readonly saves: BlockSaves | null;
}

/** Registers of `kept` are in the state when a block accesses memory. */
export interface BlockSaves {
  readonly kept: RegisterSet;
  /** Written before its first access. */
  readonly definedBefore: RegisterSet;
  /** Written after its last access. */
  readonly unsaved: RegisterSet;
}

export interface Flow {
  /** Registers that differ from the state, perhaps, at the end of each block. */
  readonly dirtyAtEnd: readonly RegisterSet[];
  /** The same at its start. What is dirty at a predecessor's end and not here, the edge between them must store. */
  readonly dirtyAtStart: readonly RegisterSet[];
  /** Registers whose locals must be right at the start of each block. */
  readonly liveAtStart: readonly RegisterSet[];
  /** Registers to store before each block's first access, besides those that it wrote itself. */
  readonly savedFirst: readonly RegisterSet[];
}

const none: RegisterSet = { general: 0, vector: 0 };

/** Blocks are in reverse postorder. */
export function computeFlow(blocks: readonly FlowBlock[]): Flow {
  const fresh = (): RegisterSet[] => blocks.map(() => ({ general: 0, vector: 0 }));
  const [dirtyAtStart, dirtyAtEnd, liveAtStart] = [fresh(), fresh(), fresh()];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [index, block] of blocks.entries()) {
      const end = dirtyAtEnd[index] as RegisterSet;
      const start = dirtyAtStart[index] as RegisterSet;
      const { defined, saves } = block;
      const kept = saves?.kept ?? none;
      const unsaved = saves?.unsaved ?? none;
      end.general = ((start.general | defined.general) & ~kept.general) | (unsaved.general & kept.general);
      end.vector = ((start.vector | defined.vector) & ~kept.vector) | (unsaved.vector & kept.vector);
      for (const successor of block.successors) {
        if (successor > index && blocks[successor]?.startsClean === true) continue;
        if (unite(dirtyAtStart[successor] as RegisterSet, end)) changed = true;
      }
    }
  }
  const savedFirst = blocks.map(({ saves }, index): RegisterSet => {
    if (saves === null) return none;
    const start = dirtyAtStart[index] as RegisterSet;
    return {
      general: start.general & saves.kept.general & ~saves.definedBefore.general,
      vector: start.vector & saves.kept.vector & ~saves.definedBefore.vector,
    };
  });
  const out: RegisterSet = { general: 0, vector: 0 };
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index] as FlowBlock;
      out.general = 0;
      out.vector = 0;
      for (const successor of block.successors) {
        unite(out, liveAtStart[successor] as RegisterSet);
        if (blocks[successor]?.startsClean !== true) continue;
        const end = dirtyAtEnd[index] as RegisterSet;
        const next = dirtyAtStart[successor] as RegisterSet;
        out.general |= end.general & ~next.general;
        out.vector |= end.vector & ~next.vector;
      }
      if (block.leaves) unite(out, dirtyAtEnd[index] as RegisterSet);
      out.general = block.used.general | (out.general & ~block.defined.general);
      out.vector = block.used.vector | (out.vector & ~block.defined.vector);
      unite(out, savedFirst[index] as RegisterSet);
      if (block.isLoopHeader) unite(out, dirtyAtStart[index] as RegisterSet);
      if (unite(liveAtStart[index] as RegisterSet, out)) changed = true;
    }
  }
  return { dirtyAtEnd, dirtyAtStart, liveAtStart, savedFirst };
}

/** Adds a set to another; whether that grew. */
function unite(into: RegisterSet, from: RegisterSet): boolean {
  const general = into.general | from.general;
  const vector = into.vector | from.vector;
  const grew = general !== into.general || vector !== into.vector;
  into.general = general;
  into.vector = vector;
  return grew;
}
