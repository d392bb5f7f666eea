/**
 * fork(2)'s copy of an address space into a memory of the child's own. It copies what the child could see and no more: nothing
 * of reservations, of the stack only what is in use, no pages of zeros into a fresh memory, and into one that an earlier
 * child of the same program has left no file pages that it still holds.
 */
import { ENOMEM } from "../../abi/errno.ts";
import { MAP_GROWSDOWN, PAGE_BYTES, PROT_EXEC } from "../../abi/memory.ts";
import { AddressSpace } from "./address-space.ts";
import { type Area, STACK_NAME } from "./area.ts";
import { SharedAnonymousMemory } from "./shared-memory.ts";
import type { UserMemory } from "./user-memory.ts";

export interface ForkOptions {
  /** Of the thread that forks: what lies below it in its stack is nobody's. */
  stackPointer: number;
  /** The released address space that used the memory last; null for a memory that is new. */
  previous?: AddressSpace | null;
  /** The child's own, as for AddressSpace. */
  onCodeChange?: (start: number, end: number) => void;
  onCodeMapped?: (start: number, end: number) => void;
  limits?: readonly { readonly current: number }[];
}

const PAGE_WORDS: number = PAGE_BYTES / 4;
/** A compiler lets no frame skip more of a stack than this without touching it; and what is left of an earlier child is mostly here. */
const STACK_CLEARED_BYTES = 65_536;
/** Deeper down, one word in so many is looked at. */
const STACK_SAMPLE_WORDS = 256;

/** The child's address space, or -ENOMEM. */
export function forkAddressSpace(parent: AddressSpace, into: UserMemory, options: ForkOptions): AddressSpace | number {
  const { previous = null } = options;
  const { onCodeChange, onCodeMapped, limits, ...inherited } = parent.options;
  const own = {
    ...(options.onCodeChange && { onCodeChange: options.onCodeChange }),
    ...(options.onCodeMapped && { onCodeMapped: options.onCodeMapped }),
    ...(options.limits && { limits: options.limits }),
  };
  const child = new AddressSpace(into, { ...inherited, ...own });
  let end = 0;
  let populated = 0;
  let fresh = 0;
  if (previous !== null) child.stale.addAll(previous.stale);
  for (const area of parent.list.areas) {
    if (!area.isPopulated || area.skipsFork) continue;
    end = area.end;
    populated += area.byteLength;
    fresh += area.byteLength - child.stale.overlap(area.start, area.end);
  }
  if (!child.growTo(end) || !child.charge(populated, child.stale.size + fresh)) return -ENOMEM;
  for (const object of parent.sharedObjects) {
    if (!(object instanceof SharedAnonymousMemory) || object.share()) continue;
    child.release();
    return -ENOMEM;
  }
  const copy = new ForkCopy(parent, child, previous, options.stackPointer);
  for (const area of parent.list.areas) {
    if (area.skipsFork) continue;
    area.wasForked = area.isPopulated && !area.isShared;
    const { start, offset } = area;
    child.list.areas.push(area.cloneFor(start, area.end, offset));
    if (area.isPopulated && copy.area(area) && (area.protection & PROT_EXEC) !== 0)
      child.options.onCodeMapped?.(start, area.end);
  }
  for (const object of parent.sharedObjects) {
    // Those that MADV_DONTFORK left out are not the child's.
    if (!child.list.areas.some((area) => area.shared === object)) continue;
    child.sharedObjects.push(object);
    object.attach(child, false);
    object.arranged(child);
  }
  child.barriers = parent.barriers;
  child.strings = parent.strings;
  child.setHeap(parent.heapStart);
  child.setHeapEnd(parent.heapEnd);
  return child;
}

class ForkCopy {
  private readonly child: AddressSpace;
  private readonly previous: AddressSpace | null;
  private readonly stackPointer: number;
  private readonly source: Uint8Array;
  private readonly target: Uint8Array;
  private readonly sourceWords: Int32Array;
  private readonly targetWords: Int32Array;

  constructor(parent: AddressSpace, child: AddressSpace, previous: AddressSpace | null, stackPointer: number) {
    this.child = child;
    this.previous = previous;
    this.stackPointer = stackPointer;
    this.source = parent.memory.bytes;
    this.target = child.memory.bytes;
    this.sourceWords = new Int32Array(parent.memory.buffer);
    this.targetWords = new Int32Array(child.memory.buffer);
  }

  /** Copies an area; false where its bytes are in the memory already. */
  area(area: Area): boolean {
    let { start } = area;
    const { end } = area;
    const { stale } = this.child;
    const isThere = this.isThereAlready(area);
    // What a shared object holds is fetched before the child runs.
    if (area.shared === null && !isThere) {
      if (area.wipesOnFork) {
        stale.forEachWithin(start, end, (from, to) => this.target.fill(0, from, to));
        start = end;
      } else if (isStack(area) && this.stackPointer >= start && this.stackPointer < end) {
        const used = Math.floor(this.stackPointer / PAGE_BYTES) * PAGE_BYTES;
        stale.forEachWithin(start, used, (from, to) => this.clearStack(from, to, used));
        start = used;
      }
      if (start < end) this.copy(start, end);
    }
    stale.remove(area.start, end);
    return !isThere;
  }

  /** Whether the memory still holds the same pages of the same file, which neither parent nor earlier child could write. */
  private isThereAlready(area: Area): boolean {
    if (area.wasWritable || area.file === null || this.previous === null) return false;
    const left = this.previous.leftBehind.get(area.start);
    return left !== undefined && left.origin === area.origin && left.end === area.end && left.offset === area.offset;
  }

  private copy(start: number, end: number): void {
    const { stale } = this.child;
    let at = start;
    stale.forEachWithin(start, end, (from, to) => {
      this.copyUnlessZero(at, from);
      this.target.set(this.source.subarray(from, to), from);
      at = to;
    });
    this.copyUnlessZero(at, end);
  }

  /** Into pages that are zero: what is zero in the parent, too, stays untouched, so that the host gives it no memory. */
  private copyUnlessZero(start: number, end: number): void {
    const words = this.sourceWords;
    let from = start;
    for (let at = start; at < end; at += PAGE_BYTES) {
      if (!isZero(words, at / 4)) continue;
      if (at > from) this.target.set(this.source.subarray(from, at), from);
      from = at + PAGE_BYTES;
    }
    if (end > from) this.target.set(this.source.subarray(from, end), from);
  }

  /** What an earlier child left below the stack pointer. Nothing may rely on it, but it is not the child's to read. */
  private clearStack(start: number, end: number, used: number): void {
    const deep = Math.max(start, Math.min(end, used - STACK_CLEARED_BYTES));
    this.target.fill(0, deep, end);
    const words = this.targetWords;
    for (let at = start; at < deep; at += PAGE_BYTES) {
      const first = at / 4;
      for (let k = first; k < first + PAGE_WORDS; k += STACK_SAMPLE_WORDS) {
        if (words[k] === 0) continue;
        this.target.fill(0, at, at + PAGE_BYTES);
        break;
      }
    }
  }
}

function isStack(area: Area): boolean {
  return area.name === STACK_NAME || (area.flags & MAP_GROWSDOWN) !== 0;
}

/** Whether the page of words from `first` is all zeros. */
function isZero(words: Int32Array, first: number): boolean {
  for (let k = first; k < first + PAGE_WORDS; k += 8) {
    const some =
      (words[k] as number) |
      (words[k + 1] as number) |
      (words[k + 2] as number) |
      (words[k + 3] as number) |
      (words[k + 4] as number) |
      (words[k + 5] as number) |
      (words[k + 6] as number) |
      (words[k + 7] as number);
    if (some !== 0) return false;
  }
  return true;
}
