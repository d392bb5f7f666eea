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
  /** What it stores into the state before its accesses to memory; null: nothing. */
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
  /** The same at its start. */
  readonly dirtyAtStart: readonly RegisterSet[];
  /** Registers whose locals must be right at the start of each block. */
  readonly liveAtStart: readonly RegisterSet[];
  /** Whether the guest may still look at the flags that each block starts with. */
  readonly flagsWanted: readonly boolean[];
  /** Registers to store before each block's first access, besides those that it wrote itself. */
  readonly savedFirst: readonly RegisterSet[];
}

export function computeFlow(blocks: readonly FlowBlock[]): Flow {
  const fresh = (): RegisterSet[] => blocks.map(() => ({ general: 0, vector: 0, flags: false }));
  const [dirtyAtStart, dirtyAtEnd, liveAtStart] = [fresh(), fresh(), fresh()];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [index, block] of blocks.entries()) {
      const end = dirtyAtEnd[index] as RegisterSet;
      unite(end, dirtyAfter(block, dirtyAtStart[index] as RegisterSet));
      for (const successor of block.successors) {
        if (unite(dirtyAtStart[successor] as RegisterSet, end)) changed = true;
      }
    }
  }
  for (const [index, block] of blocks.entries()) {
    unite(dirtyAtEnd[index] as RegisterSet, dirtyAfter(block, dirtyAtStart[index] as RegisterSet));
  }
  const flagsWanted = computeFlagsWanted(blocks, true);
  const flagsRead = blocks.some(({ saves }) => saves?.kept.flags === true) ? computeFlagsWanted(blocks, false) : [];
  const savedFirst = blocks.map(({ saves }, index) =>
    saves === null ? none : savedFirstOf(saves, dirtyAtStart[index] as RegisterSet, flagsRead[index] === true),
  );
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
      unite(start, savedFirst[index] as RegisterSet);
      if (block.isLoopHeader) {
        const dirty = dirtyAtStart[index] as RegisterSet;
        unite(start, { ...dirty, flags: dirty.flags && flagsWanted[index] === true });
      }
      if (unite(liveAtStart[index] as RegisterSet, start)) changed = true;
    }
  }
  return { dirtyAtEnd, dirtyAtStart, liveAtStart, flagsWanted, savedFirst };
}

const none: RegisterSet = { general: 0, vector: 0, flags: false };

/** What is dirty at a block's end if this is at its start. */
function dirtyAfter({ defined, saves }: FlowBlock, start: RegisterSet): RegisterSet {
  const general = start.general | defined.general;
  const vector = start.vector | defined.vector;
  const flags = start.flags || defined.flags;
  if (saves === null) return { general, vector, flags };
  const { kept, unsaved } = saves;
  return {
    general: (general & ~kept.general) | (unsaved.general & kept.general),
    vector: (vector & ~kept.vector) | (unsaved.vector & kept.vector),
    flags,
  };
}

/** Flags are stored only for those that read them inside the region: callers and callees do not by the procedure call standard. */
function savedFirstOf({ kept, definedBefore }: BlockSaves, dirty: RegisterSet, flagsRead: boolean): RegisterSet {
  return {
    general: dirty.general & kept.general & ~definedBefore.general,
    vector: dirty.vector & kept.vector & ~definedBefore.vector,
    flags: dirty.flags && kept.flags && flagsRead && !definedBefore.flags,
  };
}

/** Flags are looked at after leaving the region, as far as it knows: `countLeaving`. */
function computeFlagsWanted(blocks: readonly FlowBlock[], countLeaving: boolean): boolean[] {
  const wanted = blocks.map(() => false);
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = blocks.length - 1; index >= 0; index--) {
      const { readsFlags, defined, leaves, successors } = blocks[index] as FlowBlock;
      if (
        wanted[index] ||
        !(readsFlags || (!defined.flags && ((leaves && countLeaving) || successors.some((next) => wanted[next]))))
      )
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
