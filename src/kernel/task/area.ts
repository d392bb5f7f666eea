/**
 * What is mapped where: one `Area` is what Linux calls a VMA, and an `AreaList` keeps those of one process sorted. This is
 * bookkeeping alone; what it means for the memory is address-space.ts's business.
 */
import { MAP_SHARED, PAGE_BYTES, PROT_WRITE } from "../../abi/memory.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { SharedMemory } from "./shared-memory.ts";

export const HEAP_NAME = "[heap]";
export const STACK_NAME = "[stack]";

export interface AreaFields {
  start: number;
  end: number;
  protection: number;
  flags: number;
  file: OpenFile | null;
  offset: number;
  name: string;
}

/** A page-aligned range with one protection and one source. */
export class Area implements AreaFields {
  start: number;
  end: number;
  protection: number;
  /** MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN: those of mmap(2) that say what the area is. */
  readonly flags: number;
  /** Held, for as long as the area is. */
  readonly file: OpenFile | null;
  /** Of `start`, in the file or the shared object. */
  offset: number;
  /** "[heap]", "[stack]", "" … for what is no file. */
  readonly name: string;
  /** What its bytes are exchanged with when other processes map them too; null for private memory. */
  readonly shared: SharedMemory | null;
  /** False where PROT_WRITE can never be had: a shared mapping of a file that is not open for writing. */
  mayWrite = true;
  /** Its bytes are in the memory. False as long as it has been PROT_NONE from the start: such an area costs nothing. */
  isPopulated = false;
  /** It could be written at some time, so its bytes may be others than those it was mapped with. */
  wasWritable: boolean;
  /** The same object in two areas of the same place, neither of which was ever writable, means the same bytes. */
  origin: object = {};
  /** The process was forked since it was mapped: Linux would count its pages as shared. */
  wasForked = false;
  /** MADV_DONTFORK and MADV_WIPEONFORK. */
  skipsFork = false;
  wipesOnFork = false;

  constructor(fields: AreaFields, shared: SharedMemory | null) {
    this.start = fields.start;
    this.end = fields.end;
    this.protection = fields.protection;
    this.flags = fields.flags;
    this.file = fields.file;
    this.offset = fields.offset;
    this.name = fields.name;
    this.shared = shared;
    this.wasWritable = (fields.protection & PROT_WRITE) !== 0;
  }

  get byteLength(): number {
    return this.end - this.start;
  }

  get isAccessible(): boolean {
    return this.protection !== 0;
  }

  get isShared(): boolean {
    return (this.flags & MAP_SHARED) !== 0;
  }

  /** The same area over another range, which continues its offsets. Holds the file once more. */
  cloneFor(start: number, end: number, offset: number): Area {
    const copy = new Area(this, this.shared);
    copy.start = start;
    copy.end = end;
    copy.offset = offset;
    copy.mayWrite = this.mayWrite;
    copy.isPopulated = this.isPopulated;
    copy.wasWritable = this.wasWritable;
    copy.origin = this.origin;
    copy.wasForked = this.wasForked;
    copy.skipsFork = this.skipsFork;
    copy.wipesOnFork = this.wipesOnFork;
    copy.file?.retain();
    return copy;
  }

  /** The offset that belongs to an address at or behind its start. */
  offsetAt(address: number): number {
    return this.file === null && this.shared === null ? 0 : this.offset + (address - this.start);
  }

  /** Whether `next`, which begins where this ends, is more of the same. */
  continuesIn(next: Area): boolean {
    return (
      this.end === next.start &&
      this.protection === next.protection &&
      this.flags === next.flags &&
      this.file === next.file &&
      this.shared === next.shared &&
      this.name === next.name &&
      this.isPopulated === next.isPopulated &&
      this.mayWrite === next.mayWrite &&
      this.skipsFork === next.skipsFork &&
      this.wipesOnFork === next.wipesOnFork &&
      this.offsetAt(this.end) === next.offset
    );
  }
}

export class AreaList {
  /** Sorted, not overlapping. */
  readonly areas: Area[] = [];

  get count(): number {
    return this.areas.length;
  }

  /** Index of the first area that ends behind `address`. */
  indexFrom(address: number): number {
    const { areas } = this;
    let low = 0;
    let high = areas.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((areas[middle] as Area).end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The area that holds `address`. */
  find(address: number): Area | null {
    const area = this.areas[this.indexFrom(address)];
    return area !== undefined && area.start <= address ? area : null;
  }

  overlaps(start: number, end: number): boolean {
    const area = this.areas[this.indexFrom(start)];
    return area !== undefined && area.start < end;
  }

  /** Splits what straddles either end, so that whole areas lie within; the index of the first of them. */
  isolate(start: number, end: number): number {
    this.splitAt(end);
    this.splitAt(start);
    return this.indexFrom(start);
  }

  /** Takes out all of the range. Who gets the areas drops their files. */
  remove(start: number, end: number): Area[] {
    if (!this.overlaps(start, end)) return [];
    const first = this.isolate(start, end);
    let last = first;
    while (last < this.areas.length && (this.areas[last] as Area).start < end) last++;
    return this.areas.splice(first, last - first);
  }

  /** Puts an area into a free range; it may become part of a neighbour. */
  insert(area: Area): void {
    const index = this.indexFrom(area.start);
    this.areas.splice(index, 0, area);
    this.mergeWithin(area.start, area.end);
  }

  /** Joins what belongs together in the range and at its ends. */
  mergeWithin(start: number, end: number): void {
    const { areas } = this;
    const first = Math.max(1, this.indexFrom(start));
    let kept = first;
    let index = first;
    for (; index < areas.length; index++) {
      const before = areas[kept - 1] as Area;
      const area = areas[index] as Area;
      if (area.start > end) break;
      if (!before.continuesIn(area)) {
        areas[kept++] = area;
        continue;
      }
      before.end = area.end;
      before.wasWritable ||= area.wasWritable;
      before.wasForked ||= area.wasForked;
      if (before.origin !== area.origin) before.origin = {};
      area.file?.drop();
    }
    if (index > kept) areas.splice(kept, index - kept);
  }

  /** The lowest gap of `byteLength` in [from, to); -1 where there is none. */
  findGap(byteLength: number, from: number, to: number): number {
    let at = from;
    for (let index = this.indexFrom(from); index < this.areas.length; index++) {
      const area = this.areas[index] as Area;
      if (area.start - at >= byteLength) break;
      at = Math.max(at, area.end);
    }
    return at + byteLength <= to ? at : -1;
  }

  /** Whether all of [start, end) lies in areas that `suits` finds right. */
  covers(start: number, end: number, suits: ((area: Area) => boolean) | null = null): boolean {
    let at = start;
    for (let index = this.indexFrom(start); at < end; index++) {
      const area = this.areas[index];
      if (area === undefined || area.start > at || (suits !== null && !suits(area))) return false;
      at = area.end;
    }
    return true;
  }

  private splitAt(address: number): void {
    const index = this.indexFrom(address);
    const area = this.areas[index];
    if (area === undefined || area.start >= address) return;
    this.areas.splice(index + 1, 0, area.cloneFor(address, area.end, area.offsetAt(address)));
    area.end = address;
  }
}

export function roundUpToPage(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}
