/** mremap(2) and madvise(2): what changes areas that are mapped already. */
import { EFAULT, EINVAL, ENOMEM } from "../../abi/errno.ts";
import {
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  MAP_FIXED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PAGE_BYTES,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import type { AddressSpace } from "./address-space.ts";
import { type Area, roundUpToPage } from "./area.ts";
import { SharedAnonymousMemory } from "./shared-memory.ts";

const REMAP_FLAGS: number = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

/** mremap(2): the address of the mapping afterwards, or -errno. */
export function remap(
  space: AddressSpace,
  address: number,
  oldBytes: number,
  newBytes: number,
  flags: number,
  newAddress: number,
): number {
  const mayMove = (flags & MREMAP_MAYMOVE) !== 0;
  const keepsOld = (flags & MREMAP_DONTUNMAP) !== 0;
  const movesAway = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
  if ((flags & ~REMAP_FLAGS) !== 0) return -EINVAL;
  if (movesAway && !mayMove) return -EINVAL;
  if (keepsOld && oldBytes !== newBytes) return -EINVAL;
  if (address % PAGE_BYTES !== 0) return -EINVAL;
  const before = roundUpToPage(oldBytes);
  const after = roundUpToPage(newBytes);
  if (after === 0) return -EINVAL;
  if (movesAway) {
    if (!space.isRange(newAddress, after)) return -EINVAL;
    if (address + before > newAddress && newAddress + after > address) return -EINVAL;
  }
  const area = space.list.find(address);
  if (area === null) return -EFAULT;
  if (movesAway) return moveAway(space, area, address, before, after, flags, newAddress);
  // Negative lengths are nearly 2^64: a tail of that size cannot be cut off, nor an area made so large.
  if (before < 0) return -EINVAL;
  if (after < 0) return -ENOMEM;
  if (after <= before) {
    if (after < before) space.discard(address + after, address + before);
    return address;
  }
  const extended = extend(space, area, address, before, after);
  if (extended !== -ENOMEM || !mayMove) return extended;
  const target = space.place(0, after, 0);
  return target < 0 ? target : move(space, address, before, after, target, false);
}

/** With MREMAP_FIXED or MREMAP_DONTUNMAP. */
function moveAway(
  space: AddressSpace,
  area: Area,
  address: number,
  before: number,
  after: number,
  flags: number,
  newAddress: number,
): number {
  const isFixed = (flags & MREMAP_FIXED) !== 0;
  const keepsOld = (flags & MREMAP_DONTUNMAP) !== 0;
  // Without a change of size several areas may move at once, with the holes between them.
  const movesMany = isFixed && !keepsOld && before === after;
  const kept = before < 0 ? after : Math.min(before, after);
  const checked = movesMany ? 0 : checkResize(space, area, address, kept, after);
  if (checked < 0) return checked;
  const target = space.place(newAddress, after, isFixed ? MAP_FIXED : 0);
  if (target < 0) return target;
  if (movesMany) return moveAll(space, address, before, target);
  if (isFixed) space.discard(target, target + after);
  if (before < 0) return -EINVAL;
  if (before > after) space.discard(address + after, address + before);
  return move(space, address, kept, after, target, keepsOld);
}

function moveAll(space: AddressSpace, address: number, byteLength: number, target: number): number {
  const end = address + byteLength;
  for (let at = address; at < end; ) {
    const area = space.list.areas[space.list.indexFrom(at)];
    if (area === undefined || area.start >= end) break;
    const start = Math.max(at, area.start);
    const length = Math.min(end, area.end) - start;
    const to = target + (start - address);
    space.discard(to, to + length);
    const result = move(space, start, length, length, to, false);
    if (result < 0) return result;
    at = start + length;
  }
  return target;
}

/** Whether so much of an area may be resized: vma_to_resize's checks. */
function checkResize(space: AddressSpace, area: Area, address: number, before: number, after: number): number {
  // With an old size of 0 a shared mapping is duplicated.
  if (before === 0 && !area.isShared) return -EINVAL;
  if (before > area.end - address) return -EFAULT;
  return after > before && !space.isWithinLimits(area, after - before, 0) ? -ENOMEM : 0;
}

/** Grows an area at its end, if what follows is free; -ENOMEM where not. */
function extend(space: AddressSpace, area: Area, address: number, before: number, after: number): number {
  const checked = checkResize(space, area, address, before, after);
  if (checked < 0) return checked;
  const end = address + after;
  if (address + before !== area.end || space.place(area.end, after - before, MAP_FIXED) < 0) return -ENOMEM;
  if (space.list.overlaps(area.end, end)) return -ENOMEM;
  const more = area.cloneFor(area.end, end, area.offsetAt(area.end));
  if (!enter(space, more)) return -ENOMEM;
  return address;
}

function move(
  space: AddressSpace,
  address: number,
  before: number,
  after: number,
  target: number,
  keepsOld: boolean,
): number {
  const area = space.list.find(address);
  if (area === null) return -EFAULT;
  const checked = checkResize(space, area, address, before, after);
  if (checked < 0) return checked;
  if (before === 0 && area.shared instanceof SharedAnonymousMemory && !area.shared.share()) return -ENOMEM;
  const moved = area.cloneFor(target, target + after, area.offsetAt(address));
  moved.origin = {};
  if (!enter(space, moved)) return -ENOMEM;
  const source = space.list.find(address);
  if (source?.isPopulated) {
    // With an old size of 0 the shared object shows at both places.
    const length = before === 0 ? Math.min(after, source.end - address) : Math.min(before, after);
    space.memory.bytes.copyWithin(target, address, address + length);
  }
  if (keepsOld) space.reset(address, address + before);
  else if (before > 0) space.discard(address, address + before);
  return target;
}

/** Populates a clone where its model was populated, and puts it in its place; gives it up where there is no room. */
function enter(space: AddressSpace, area: Area): boolean {
  const isPopulated = area.isPopulated;
  area.isPopulated = false;
  if (isPopulated && !space.populate(area)) {
    area.file?.drop();
    return false;
  }
  space.enlist(area);
  return true;
}

/** Hints that change nothing here: there is one kind of page, all of them are there, and nothing is dumped. */
const hints: ReadonlySet<number> = new Set([
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_DONTDUMP,
  MADV_DODUMP,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_COLD,
  MADV_PAGEOUT,
]);

/** madvise(2). What is not mapped is passed over, and told at the end. */
export function advise(space: AddressSpace, address: number, byteLength: number, advice: number): number {
  const change = changes.get(advice);
  if (change === undefined && !hints.has(advice)) return -EINVAL;
  // A range must not end behind the last address of all.
  if (address % PAGE_BYTES !== 0 || byteLength < 0 || address < 0) return -EINVAL;
  if (byteLength === 0) return 0;
  if (!space.isRange(address, byteLength)) return -ENOMEM;
  const end = address + roundUpToPage(byteLength);
  let hasHole = false;
  for (let at = address; at < end; ) {
    const area = space.list.areas[space.list.indexFrom(at)];
    if (area === undefined || area.start >= end) {
      hasHole = true;
      break;
    }
    if (area.start > at) hasHole = true;
    const start = Math.max(at, area.start);
    const to = Math.min(end, area.end);
    const result = change?.(space, area, start, to) ?? 0;
    if (result < 0) return result;
    at = to;
  }
  return hasHole ? -ENOMEM : 0;
}

type Change = (space: AddressSpace, area: Area, start: number, end: number) => number;

/** Changes a property of a part of an area. */
function mark(space: AddressSpace, start: number, end: number, set: (part: Area) => void): number {
  set(space.list.areas[space.list.isolate(start, end)] as Area);
  space.list.mergeWithin(start, end);
  return 0;
}

const changes: ReadonlyMap<number, Change> = new Map<number, Change>([
  [
    MADV_DONTNEED,
    (space, _area, start, end) => {
      space.reset(start, end);
      return 0;
    },
  ],
  // Pages may be freed when memory is short, and it never is.
  [MADV_FREE, (_space, area) => (area.file === null && !area.isShared ? 0 : -EINVAL)],
  [MADV_POPULATE_READ, (_space, area) => ((area.protection & PROT_READ) !== 0 ? 0 : -EFAULT)],
  [MADV_POPULATE_WRITE, (_space, area) => ((area.protection & PROT_WRITE) !== 0 ? 0 : -EFAULT)],
  [
    MADV_DONTFORK,
    (space, _area, start, end) =>
      mark(space, start, end, (part) => {
        part.skipsFork = true;
      }),
  ],
  [
    MADV_DOFORK,
    (space, _area, start, end) =>
      mark(space, start, end, (part) => {
        part.skipsFork = false;
      }),
  ],
  [
    MADV_WIPEONFORK,
    (space, area, start, end) =>
      area.file !== null || area.isShared
        ? -EINVAL
        : mark(space, start, end, (part) => {
            part.wipesOnFork = true;
          }),
  ],
  [
    MADV_KEEPONFORK,
    (space, _area, start, end) =>
      mark(space, start, end, (part) => {
        part.wipesOnFork = false;
      }),
  ],
]);
