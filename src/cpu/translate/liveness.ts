/** Which registers a region must load and store, and where: data flow over its blocks. */

import type { RegisterSet } from "./context.ts";
import type { PendingFlags } from "./flags.ts";

/** What data flow knows of a translated block. */
export interface FlowBlock {
  readonly used: RegisterSet;
  readonly defined: RegisterSet;
  readonly pendingAtEnd: PendingFlags | null;
  /** Whether its code took over the flags that its only predecessor left pending. */
  readonly inheritsFlags: boolean;
  /** Nodes reached with registers in locals. */
  readonly successors: readonly number[];
  /** A node reached through a call: registers come from the state again. */
  readonly afterCall: number | null;
  /** Some way out of it stores the registers into the state. */
  readonly leaves: boolean;
  /** A loop header leaves at its start when the budget is spent. */
  readonly isLoopHeader: boolean;
  /** Whether its code looks at the flags as they were at its start. */
  readonly readsFlags: boolean;
}

export interface Flow {
  /** Registers that differ from the state, perhaps, at the end of each block. */
  readonly dirtyAtEnd: readonly RegisterSet[];
  /** The same at its start. */
  readonly dirtyAtStart: readonly RegisterSet[];
  /** Registers whose locals must be right at the start of each block. */
  readonly liveAtStart: readonly RegisterSet[];
  /** Whether the guest may still look at the flags that each block starts with. */
  readonly flagsWanted: readonly boolean[];
}

export function computeFlow(blocks: readonly FlowBlock[]): Flow {
  const fresh = (): RegisterSet[] => blocks.map(() => ({ general: 0, vector: 0, flags: false }));
  const [dirtyAtStart, dirtyAtEnd, liveAtStart] = [fresh(), fresh(), fresh()];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [index, block] of blocks.entries()) {
      const end = dirtyAtEnd[index] as RegisterSet;
      unite(end, dirtyAtStart[index] as RegisterSet);
      unite(end, block.defined);
      for (const successor of block.successors) {
        if (unite(dirtyAtStart[successor] as RegisterSet, end)) changed = true;
      }
    }
  }
  for (const block of blocks.keys()) unite(dirtyAtEnd[block] as RegisterSet, dirtyAtStart[block] as RegisterSet);
  const flagsWanted = computeFlagsWanted(blocks);
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index] as FlowBlock;
      const out: RegisterSet = { general: 0, vector: 0, flags: false };
      for (const successor of block.successors) unite(out, liveAtStart[successor] as RegisterSet);
      if (block.leaves) unite(out, dirtyAtEnd[index] as RegisterSet);
      const start: RegisterSet = {
        general: block.used.general | (out.general & ~block.defined.general),
        vector: block.used.vector | (out.vector & ~block.defined.vector),
        flags: block.used.flags || (out.flags && !block.defined.flags && block.pendingAtEnd === null),
      };
      if (block.isLoopHeader) {
        const dirty = dirtyAtStart[index] as RegisterSet;
        unite(start, { ...dirty, flags: dirty.flags && flagsWanted[index] === true });
      }
      if (unite(liveAtStart[index] as RegisterSet, start)) changed = true;
    }
  }
  return { dirtyAtEnd, dirtyAtStart, liveAtStart, flagsWanted };
}

/** Flags are looked at after leaving the region, as far as it knows. */
function computeFlagsWanted(blocks: readonly FlowBlock[]): boolean[] {
  const wanted = blocks.map(() => false);
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = blocks.length - 1; index >= 0; index--) {
      const { readsFlags, defined, leaves, successors } = blocks[index] as FlowBlock;
      if (wanted[index] || !(readsFlags || (!defined.flags && (leaves || successors.some((next) => wanted[next])))))
        continue;
      wanted[index] = true;
      changed = true;
    }
  }
  return wanted;
}

/** Adds a set to another; whether that grew. */
function unite(into: RegisterSet, from: RegisterSet): boolean {
  const [general, vector, flags] = [into.general | from.general, into.vector | from.vector, into.flags || from.flags];
  const grew = general !== into.general || vector !== into.vector || flags !== into.flags;
  into.general = general;
  into.vector = vector;
  into.flags = flags;
  return grew;
}
