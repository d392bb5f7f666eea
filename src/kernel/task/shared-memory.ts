/**
 * What stands behind a MAP_SHARED mapping. Each process has a memory of its own, so nothing is shared in truth; but only one
 * process runs at a time, so it is enough to exchange the bytes when another one begins to run. The process that may have
 * written last is the owner; what it wrote is published when someone else enters, and fetched by that one. An object that
 * only one process maps costs nothing.
 *
 * Two mappings of one object in the same process are the exception: a write through one shows in the other when the process
 * next makes a system call or gets its next turn, and not before.
 */
import { PAGE_BYTES } from "../../abi/memory.ts";
import type { Area, AreaList } from "./area.ts";
import type { MemoryAccount } from "./memory-account.ts";
import type { UserMemory } from "./user-memory.ts";

/** An address space, as far as shared memory needs to know it. */
export interface SharingSpace {
  readonly memory: UserMemory;
  readonly list: AreaList;
}

const PAGE_WORDS: number = PAGE_BYTES / 4;

export abstract class SharedMemory {
  /** Those that map the object, and the version that each has seen. */
  protected readonly seen: Map<SharingSpace, number> = new Map();
  /** Whose memory may be newer than what was published. */
  protected owner: SharingSpace | null = null;
  /** The published bytes; none while there is no one to publish them to. */
  protected contents: Uint8Array = new Uint8Array(0);
  protected readonly account: MemoryAccount;
  private version = 1;
  private readonly overlapping: Set<SharingSpace> = new Set();

  constructor(account: MemoryAccount) {
    this.account = account;
  }

  isOwnedBy(space: SharingSpace): boolean {
    return this.owner === space;
  }

  /** A space maps the object, and what it has mapped is up to date if `isLoaded`. */
  attach(space: SharingSpace, isLoaded: boolean): void {
    if (this.seen.has(space)) return;
    this.seen.set(space, isLoaded ? this.version : 0);
  }

  /** A space has no area of the object any more. */
  detach(space: SharingSpace): void {
    if (this.owner === space) this.owner = null;
    this.seen.delete(space);
    this.overlapping.delete(space);
    if (this.seen.size > 0) return;
    this.account.giveBack(this.contents.length);
    this.contents = new Uint8Array(0);
  }

  /** The space's areas have changed: an object that is mapped twice has to be kept equal to itself. */
  arranged(space: SharingSpace): void {
    if (hasOverlap(this.areasOf(space))) this.overlapping.add(space);
    else this.overlapping.delete(space);
  }

  /** The space's process is about to run, or the kernel to use its memory. */
  enter(space: SharingSpace): void {
    if (this.owner === space) {
      if (this.overlapping.has(space)) this.publish();
      return;
    }
    this.publish();
    if (this.seen.get(space) !== this.version) {
      for (const area of this.areasOf(space)) this.fetch(space, area);
      this.seen.set(space, this.version);
    }
    this.owner = this.areasOf(space).some((area) => area.mayWrite) ? space : null;
  }

  /** Takes over what the owner has written, as far as it lies in [from, to) of the object; 0, or the -errno of a write to the file. */
  publish(from = 0, to: number = Number.POSITIVE_INFINITY): number {
    const { owner } = this;
    if (owner === null || !this.isPublished) return 0;
    let hasChanged = false;
    let result = 0;
    const areas = this.areasOf(owner);
    const isOverlapping = this.overlapping.has(owner);
    for (const area of areas) {
      const first = Math.max(area.offset, Math.floor(from / PAGE_BYTES) * PAGE_BYTES);
      const last = Math.min(area.offsetAt(area.end), Math.ceil(to / PAGE_BYTES) * PAGE_BYTES, this.contents.length);
      if (first >= last || !area.mayWrite) continue;
      const start = area.start + (first - area.offset);
      const end = area.start + (last - area.offset);
      const outcome = this.take(owner, area, start, end, isOverlapping);
      if (outcome !== 0) hasChanged = true;
      if (outcome < 0) result = outcome;
    }
    if (!hasChanged) return result;
    this.version++;
    this.seen.set(owner, this.version);
    if (isOverlapping) for (const area of areas) this.fetch(owner, area);
    return result;
  }

  /** The object's areas in one space that have bytes. */
  protected areasOf(space: SharingSpace): Area[] {
    return space.list.areas.filter((area) => area.shared === this && area.isPopulated);
  }

  /** Makes room for published bytes; false where there is none. */
  protected reserve(byteLength: number): boolean {
    const more = byteLength - this.contents.length;
    if (more <= 0) return true;
    if (!this.account.charge(more)) return false;
    try {
      const larger = new Uint8Array(Math.ceil(byteLength / PAGE_BYTES) * PAGE_BYTES);
      larger.set(this.contents);
      this.account.charge(larger.length - byteLength);
      this.contents = larger;
      return true;
    } catch {
      // The host has no memory left.
      this.account.giveBack(more);
      return false;
    }
  }

  /** Fills a zeroed area that a space is about to map, or to make accessible; false where there is no memory for it. */
  abstract load(space: SharingSpace, area: Area, start: number, end: number): boolean;

  /** Whether there is anything to publish to. */
  protected abstract get isPublished(): boolean;

  /** Copies the changes of a part of an area to the published bytes: 1 if there may be some, 0 if not, -errno where the file refused them. */
  protected abstract take(space: SharingSpace, area: Area, start: number, end: number, mustCompare: boolean): number;

  /** Copies the published bytes to a part of an area; zeros where there are none. */
  protected fetch(space: SharingSpace, area: Area, start: number = area.start, end: number = area.end): void {
    const { bytes } = space.memory;
    const offset = area.offsetAt(start);
    const known = Math.max(0, Math.min(end - start, this.contents.length - offset));
    bytes.set(this.contents.subarray(offset, offset + known), start);
    bytes.fill(0, start + known, end);
  }
}

/** Anonymous shared memory: passed on by fork. */
export class SharedAnonymousMemory extends SharedMemory {
  protected get isPublished(): boolean {
    return this.contents.length > 0;
  }

  /** Another will see it soon: a fork, or a second mapping. False where there is no memory for that. */
  share(): boolean {
    let end = 0;
    for (const space of this.seen.keys()) {
      for (const area of this.areasOf(space)) end = Math.max(end, area.offsetAt(area.end));
    }
    return this.reserve(end);
  }

  load(space: SharingSpace, area: Area, start: number, end: number): boolean {
    if (!this.isPublished) return true;
    this.publish();
    this.fetch(space, area, start, end);
    return true;
  }

  protected take(space: SharingSpace, area: Area, start: number, end: number, mustCompare: boolean): number {
    const { bytes } = space.memory;
    const offset = area.offsetAt(start);
    if (!mustCompare) {
      this.contents.set(bytes.subarray(start, end), offset);
      return 1;
    }
    let hasChanged = 0;
    forChangedPages(space.memory.buffer, start, end, this.contents, offset, (from, to) => {
      this.contents.set(bytes.subarray(from, to), offset + (from - start));
      hasChanged = 1;
    });
    return hasChanged;
  }
}

function hasOverlap(areas: Area[]): boolean {
  const sorted = areas.sort((a, b) => a.offset - b.offset);
  return sorted.some((area, index) => {
    const next = sorted[index + 1];
    return next !== undefined && next.offset < area.offsetAt(area.end);
  });
}

/** Visits the runs of pages in [start, end) of a memory that differ from `contents` at `offset`. Both begin at page bounds. */
export function forChangedPages(
  buffer: ArrayBuffer | SharedArrayBuffer,
  start: number,
  end: number,
  contents: Uint8Array,
  offset: number,
  visit: (start: number, end: number) => void,
): void {
  const words = new Int32Array(buffer);
  const known = new Int32Array(contents.buffer);
  let from = -1;
  for (let at = start; at < end; at += PAGE_BYTES) {
    const isChanged = differs(words, at / 4, known, (offset + (at - start)) / 4);
    if (isChanged && from < 0) from = at;
    else if (!isChanged && from >= 0) {
      visit(from, at);
      from = -1;
    }
  }
  if (from >= 0) visit(from, end);
}

function differs(a: Int32Array, atA: number, b: Int32Array, atB: number): boolean {
  for (let k = 0; k < PAGE_WORDS; k += 4) {
    const some =
      ((a[atA + k] as number) ^ (b[atB + k] as number)) |
      ((a[atA + k + 1] as number) ^ (b[atB + k + 1] as number)) |
      ((a[atA + k + 2] as number) ^ (b[atB + k + 2] as number)) |
      ((a[atA + k + 3] as number) ^ (b[atB + k + 3] as number));
    if (some !== 0) return true;
  }
  return false;
}
