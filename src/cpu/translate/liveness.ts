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
}

export interface Flow {
  /** Registers that differ from the state, perhaps, at the end of each block. */
  readonly dirtyAtEnd: readonly RegisterSet[];
  /** The same at its start. */
  readonly dirtyAtStart: readonly RegisterSet[];
  /** Registers whose locals must be right at the start of each block. */
  readonly liveAtStart: readonly RegisterSet[];
}

/** Blocks are in reverse postorder. */
export function computeFlow(blocks: readonly FlowBlock[]): Flow {
  const fresh = (): RegisterSet[] => blocks.map(() => ({ general: 0, vector: 0 }));
  const [dirtyAtStart, dirtyAtEnd, liveAtStart] = [fresh(), fresh(), fresh()];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [index, block] of blocks.entries()) {
      const end = dirtyAtEnd[index] as RegisterSet;
      const start = dirtyAtStart[index] as RegisterSet;
      end.general = start.general | block.defined.general;
      end.vector = start.vector | block.defined.vector;
      for (const successor of block.successors) {
        if (unite(dirtyAtStart[successor] as RegisterSet, end)) changed = true;
      }
    }
  }
  const out: RegisterSet = { general: 0, vector: 0 };
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index] as FlowBlock;
      out.general = 0;
      out.vector = 0;
      for (const successor of block.successors) unite(out, liveAtStart[successor] as RegisterSet);
      if (block.leaves) unite(out, dirtyAtEnd[index] as RegisterSet);
      out.general = block.used.general | (out.general & ~block.defined.general);
      out.vector = block.used.vector | (out.vector & ~block.defined.vector);
      if (block.isLoopHeader) unite(out, dirtyAtStart[index] as RegisterSet);
      if (unite(liveAtStart[index] as RegisterSet, out)) changed = true;
    }
  }
  return { dirtyAtEnd, dirtyAtStart, liveAtStart };
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
