/**
 * The address space of a process: what brk(2), mmap(2) and their kin make of one linear memory. Addresses are addresses in
 * that memory. It has no page tables: protection is bookkeeping that the CPU asks for where it must (may this be executed?),
 * a private mapping of a file is a copy made when it is mapped, and memory that was given back is zeroed when it is handed
 * out again. What was only ever PROT_NONE has neither been touched nor counted.
 */
import { EACCES, EEXIST, EINVAL, ENOMEM, EPERM } from "../../abi/errno.ts";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  PAGE_BYTES,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import { RLIMIT_AS, RLIMIT_DATA } from "../../abi/resource.ts";
import { RangeSet } from "../../base/range-set.ts";
import { Area, AreaList, HEAP_NAME, roundUpToPage } from "./area.ts";
import { type MapRequest, makeArea, PROTECTION_BITS } from "./mapping.ts";
import { MemoryAccount } from "./memory-account.ts";
import type { SharedMemory } from "./shared-memory.ts";
import { NULL_GUARD_BYTES, type UserMemory } from "./user-memory.ts";

/**
 * Where mmap(2) begins to look for room in a program of machine code, if program and heap leave it: the same at each run, so
 * that code found there once is found there again, and low, since a host's garbage collector takes a memory's whole length
 * for used and runs the more often.
 */
const MAP_BASE = 0x0400_0000;
/** The least that the heap can grow by before it meets mappings. */
const HEAP_ROOM_BYTES = 0x0200_0000;
const DEFAULT_LIMIT_BYTES: number = 2 ** 30;
/** /proc/sys/vm/max_map_count. */
const AREA_COUNT_MAXIMUM = 65_530;
/** A WebAssembly memory gets a new buffer, and new views, each time it grows: so it does not grow by single pages. */
const GROWTH_BYTES = 1 << 20;
/** Large ones grow by this part of what they are. */
const GROWTH_SHARE = 16;
/** Linux's bound of user addresses: what lies beyond is no address at all, what lies between it and the memory's end is never mapped. */
const TASK_BYTES: number = 2 ** 48;

export interface AddressSpaceOptions {
  /** Where brk(2)'s heap begins. */
  heapStart: number;
  /** Bound of what is mapped with any access. Default 1 GiB. */
  limitBytes?: number;
  /** Where the search for room begins. Default: 64 MiB, or the next multiple of it that leaves the heap some room. */
  mapBase?: number;
  /** No mapping reaches beyond. Default: what the memory can grow to. */
  mapLimit?: number;
  /** Executable bytes of this range are gone, changed or no longer executable. */
  onCodeChange?: (start: number, end: number) => void;
  /** Executable bytes stand here from now on, maybe those that stood here in an earlier process. */
  onCodeMapped?: (start: number, end: number) => void;
  /** The bound of all processes together. */
  account?: MemoryAccount;
  /** RLIMIT_AS and RLIMIT_DATA are read from here, by number. */
  limits?: readonly { readonly current: number }[];
}

/** Of machine code. Programs reserve far more than they use: what counts is what they make accessible. */
export const ADDRESS_SPACE_BYTES: number = 2 ** 32;

/** Texts side by side on the stack, each with a 0 behind it: the arguments, then the environment. */
export interface ProgramStrings {
  readonly argumentStart: number;
  readonly argumentEnd: number;
  readonly environmentEnd: number;
}

export class AddressSpace {
  readonly memory: UserMemory;
  readonly options: AddressSpaceOptions;
  readonly list: AreaList = new AreaList();
  /** Ranges that no populated area covers, but whose bytes may be other than zero. */
  readonly stale: RangeSet = new RangeSet();
  /** What the areas with MAP_SHARED share; empty in most processes. */
  readonly sharedObjects: SharedMemory[] = [];
  /** After the release: the areas that held pages of files unchanged, by their starts. For fork-memory.ts. */
  readonly leftBehind: Map<number, Area> = new Map();
  /** Where the program's arguments and its environment lie, which it may overwrite for /proc/PID/cmdline; null for none. */
  strings: ProgramStrings | null = null;
  /** Commands of membarrier(2) that the program has registered for. */
  barriers = 0;
  /** RLIMIT_AS and RLIMIT_DATA are read from here, by number. */
  limits: readonly { readonly current: number }[] | null;
  private readonly limitBytes: number;
  private mapBase: number;
  private readonly mapLimit: number;
  private readonly account: MemoryAccount;
  private heapStartAddress: number;
  private breakAddress: number;
  /** Bytes of populated areas, and those together with what is stale. */
  private populated = 0;
  private touched = 0;
  private references = 1;

  constructor(memory: UserMemory, options: AddressSpaceOptions) {
    this.memory = memory;
    this.options = options;
    this.limits = options.limits ?? null;
    this.limitBytes = options.limitBytes ?? DEFAULT_LIMIT_BYTES;
    this.mapBase = options.mapBase ?? defaultMapBase(options.heapStart);
    this.mapLimit = Math.min(options.mapLimit ?? memory.maximumBytes, memory.maximumBytes);
    this.account = options.account ?? new MemoryAccount();
    this.heapStartAddress = options.heapStart;
    this.breakAddress = options.heapStart;
  }

  /** Maps zeroed memory or a file's bytes: the address, or -errno as mmap(2) has it. */
  map(request: MapRequest): number {
    const length = roundUpToPage(request.byteLength);
    if (request.byteLength === 0) return -EINVAL;
    // A negative length is one of nearly 2^64.
    if (!(length > 0 && length <= this.mapLimit)) return -ENOMEM;
    if (this.list.count >= AREA_COUNT_MAXIMUM) return -ENOMEM;
    const start = this.place(request.address, length, request.flags);
    if (start < 0) return start;
    const area = makeArea(request, start, start + length, this.account);
    if (typeof area === "number") return area;
    if (!this.hasRoomFor(area)) return -ENOMEM;
    area.file?.retain();
    this.discard(start, start + length);
    if (area.isAccessible && !this.populate(area)) {
      area.file?.drop();
      return -ENOMEM;
    }
    this.enlist(area);
    if ((area.protection & PROT_EXEC) !== 0) this.options.onCodeMapped?.(start, area.end);
    return start;
  }

  /**
   * Does a part of the zeroing that a mapping needs where memory was given back before: up to `mostBytes`, so that it does not take
   * all of a turn. True when there is no more left than that: map() then.
   */
  prepare(request: MapRequest, mostBytes: number): boolean {
    const length = roundUpToPage(request.byteLength);
    if (!(length > mostBytes && length <= this.mapLimit) || (request.protection & PROTECTION_BITS) === 0) return true;
    const start = this.place(request.address, length, request.flags);
    if (start < 0) return true;
    return this.clearStale(start, start + length, mostBytes);
  }

  /** Zeroes up to `mostBytes` of what lies unused in the range; true if that was all. */
  private clearStale(start: number, end: number, mostBytes: number): boolean {
    const { bytes } = this.memory;
    let left = mostBytes;
    let clearedEnd = start;
    this.stale.forEachWithin(start, end, (from, to) => {
      if (left <= 0) return;
      const until = Math.min(to, from + left);
      bytes.fill(0, from, until);
      left -= until - from;
      clearedEnd = until;
    });
    this.stale.remove(start, clearedEnd);
    // It is counted again when it is mapped.
    this.touched -= mostBytes - left;
    this.account.giveBack(mostBytes - left);
    return left > 0;
  }

  /** munmap(2). Nothing mapped there is no error. */
  unmap(address: number, byteLength: number): number {
    if (!this.isRange(address, byteLength) || byteLength === 0) return -EINVAL;
    const end = address + roundUpToPage(byteLength);
    if (this.list.count >= AREA_COUNT_MAXIMUM && this.cutsHole(address, end)) return -ENOMEM;
    this.discard(address, end);
    return 0;
  }

  /** mprotect(2). Where it fails, the areas before the one it failed at are changed, as on Linux. */
  protect(address: number, byteLength: number, protection: number): number {
    if (address % PAGE_BYTES !== 0) return -EINVAL;
    if (byteLength === 0) return 0;
    if (!this.isRange(address, byteLength)) return -ENOMEM;
    const end = address + roundUpToPage(byteLength);
    let at = address;
    let result = 0;
    while (at < end) {
      const area = this.list.find(at);
      if (area === null) {
        result = -ENOMEM;
        break;
      }
      const to = Math.min(end, area.end);
      result = this.protectWithin(area, at, to, protection & PROTECTION_BITS);
      if (result < 0) break;
      at = to;
    }
    this.list.mergeWithin(address, end);
    return result;
  }

  /** brk(2) as the kernel has it: the break afterwards, which is the old one when the wish cannot be met. */
  moveBreak(address: number): number {
    if (!(address >= this.heapStartAddress && address <= this.mapLimit)) return this.breakAddress;
    const before = roundUpToPage(this.breakAddress);
    const after = roundUpToPage(address);
    if (address - this.heapStartAddress > this.limit(RLIMIT_DATA)) return this.breakAddress;
    if (after < before) this.discard(after, before);
    else if (after > before) {
      if (after > this.mapLimit || this.list.overlaps(before, after)) return this.breakAddress;
      const flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
      const protection = PROT_READ | PROT_WRITE;
      const name = HEAP_NAME;
      const grown = { address: before, byteLength: after - before, protection, flags, file: null, offset: 0, name };
      if (this.map(grown) < 0) return this.breakAddress;
    }
    this.breakAddress = address;
    return address;
  }

  /** Says where the heap begins, before there is one. */
  setHeap(start: number): void {
    this.heapStartAddress = start;
    this.breakAddress = start;
    this.mapBase = this.options.mapBase ?? defaultMapBase(start);
  }

  /** Where the heap ends in a copy of another process's memory. */
  setHeapEnd(end: number): void {
    this.breakAddress = end;
  }

  /** Counts what was put into the memory and the area list by other means; false where there is no room. */
  charge(populated: number, touched: number): boolean {
    if (!this.account.charge(touched)) return false;
    this.populated += populated;
    this.touched += touched;
    return true;
  }

  /** Enters what is in the memory already: a TypeScript program's own part of it. */
  adopt(start: number, end: number, name: string): void {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const area = new Area({ start, end, protection: PROT_READ | PROT_WRITE, flags, file: null, offset: 0, name }, null);
    area.isPopulated = true;
    this.charge(end - start, end - start);
    this.list.insert(area);
  }

  /** Whether something is mapped in all of the range. */
  isMapped(address: number, byteLength: number): boolean {
    return this.list.covers(address, address + byteLength);
  }

  /** Whether all of the range is mapped with these protections at least. */
  isAccessible(address: number, byteLength: number, protection: number): boolean {
    return this.list.covers(address, address + byteLength, (area) => (area.protection & protection) === protection);
  }

  areas(): readonly Area[] {
    return this.list.areas;
  }

  get heapStart(): number {
    return this.heapStartAddress;
  }

  /** The end of the heap. */
  get heapEnd(): number {
    return this.breakAddress;
  }

  /** Bytes of all areas, PROT_NONE included. */
  get mappedBytes(): number {
    let sum = 0;
    for (const area of this.list.areas) sum += area.byteLength;
    return sum;
  }

  /** Bytes of the areas that have been accessible: what counts for the limit. */
  get populatedBytes(): number {
    return this.populated;
  }

  /** Another process uses the same address space (CLONE_VM). */
  retain(): this {
    this.references++;
    return this;
  }

  /** A process has no more use for it (exec, exit): with the last, files and shared memory are given up, and the account gets its own. */
  release(): void {
    if (--this.references > 0) return;
    for (const object of this.sharedObjects) {
      object.publish();
      object.detach(this);
    }
    this.sharedObjects.length = 0;
    for (const area of this.list.areas) {
      if (area.isPopulated) this.stale.add(area.start, area.end);
      if (area.isPopulated && !area.wasWritable && area.file !== null) this.leftBehind.set(area.start, area);
      area.file?.drop();
    }
    this.list.areas.length = 0;
    this.account.giveBack(this.touched);
    this.populated = 0;
    this.touched = 0;
  }

  /** Whether [address, address + length) can be a range of whole pages here. */
  isRange(address: number, byteLength: number): boolean {
    return address >= 0 && address % PAGE_BYTES === 0 && byteLength >= 0 && byteLength <= TASK_BYTES - address;
  }

  /** Unmaps whole pages. */
  discard(start: number, end: number): void {
    // What was written reaches the object before its bytes are out of reach.
    for (const object of this.sharedObjects) if (object.isOwnedBy(this)) object.publish();
    let losesShared = false;
    for (const area of this.list.remove(start, end)) {
      this.unpopulate(area);
      if (area.shared !== null) losesShared = true;
      area.file?.drop();
    }
    if (losesShared) this.detachUnused();
  }

  /** Puts an area into its place, which is free. */
  enlist(area: Area): void {
    const { shared } = area;
    this.list.insert(area);
    if (shared === null) return;
    if (!this.sharedObjects.includes(shared)) {
      this.sharedObjects.push(shared);
      shared.attach(this, true);
    }
    shared.arranged(this);
    shared.enter(this);
  }

  /**
   * Brings what other processes have written to shared memory into this one. Before the process runs, and before the kernel
   * uses its memory for it.
   */
  enter(): void {
    for (const object of this.sharedObjects) object.enter(this);
  }

  /** msync(2) of a range that is mapped: 0, or the -errno of a write to a file. */
  synchronize(start: number, end: number): number {
    let result = 0;
    for (let index = this.list.indexFrom(start); index < this.list.count; index++) {
      const area = this.list.areas[index] as Area;
      if (area.start >= end) break;
      if (area.shared === null || !area.shared.isOwnedBy(this)) continue;
      const from = area.offsetAt(Math.max(start, area.start));
      const error = area.shared.publish(from, area.offsetAt(Math.min(end, area.end)));
      if (error < 0) result = error;
    }
    return result;
  }

  private detachUnused(): void {
    for (const object of [...this.sharedObjects]) {
      if (this.list.areas.some((area) => area.shared === object)) object.arranged(this);
      else {
        object.detach(this);
        this.sharedObjects.splice(this.sharedObjects.indexOf(object), 1);
      }
    }
  }

  /** What an area held is given up: it is zero, or the file's bytes, when it is populated again. */
  unpopulate(area: Area): void {
    if ((area.protection & PROT_EXEC) !== 0) this.options.onCodeChange?.(area.start, area.end);
    if (!area.isPopulated) return;
    this.stale.add(area.start, area.end);
    this.populated -= area.byteLength;
    area.isPopulated = false;
  }

  /** Forgets what private areas of the range have been written (MADV_DONTNEED). What is PROT_NONE is given up altogether. */
  reset(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const area = this.list.areas[this.list.indexFrom(at)];
      if (area === undefined || area.start >= end) return;
      const from = Math.max(at, area.start);
      const to = Math.min(end, area.end);
      at = to;
      // The bytes of a shared object are its own.
      if (area.isShared || !area.isPopulated) continue;
      if (area.isAccessible) {
        if ((area.protection & PROT_EXEC) !== 0) this.options.onCodeChange?.(from, to);
        if (area.file !== null) area.origin = {};
        this.stale.add(from, to);
        this.load(area, from, to);
      } else {
        this.unpopulate(this.list.areas[this.list.isolate(from, to)] as Area);
        this.list.mergeWithin(from, to);
      }
    }
  }

  /** Brings an area's bytes into the memory; false where there is no room, for the process or for all. */
  populate(area: Area): boolean {
    const { start, end } = area;
    if (this.populated + area.byteLength > this.limitBytes || !this.growTo(end)) return false;
    const fresh = area.byteLength - this.stale.overlap(start, end);
    if (!this.account.charge(fresh)) return false;
    this.touched += fresh;
    this.populated += area.byteLength;
    area.isPopulated = true;
    const { shared } = area;
    if (shared === null || area.file === null) this.load(area, start, end);
    else this.stale.remove(start, end);
    if (shared === null || shared.load(this, area, start, end)) return true;
    this.unpopulate(area);
    return false;
  }

  /** Fills a part of a populated area as if it had never been written: from its file, and with zeros behind the end of that. */
  load(area: Area, start: number, end: number): void {
    let at = start;
    if (area.file !== null) {
      while (at < end) {
        const count = area.file.readAt(this.memory.bytes, at, end - at, area.offsetAt(at));
        if (count <= 0) break;
        at += count;
      }
    }
    const { bytes } = this.memory;
    this.stale.forEachWithin(at, end, (from, to) => bytes.fill(0, from, to));
    this.stale.remove(start, end);
  }

  /** An address for a mapping, as get_unmapped_area of Linux finds it, or -errno. */
  place(address: number, length: number, flags: number): number {
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) === 0) return this.findRoom(address, length);
    if (!(address >= 0 && address <= this.mapLimit - length)) return -ENOMEM;
    if (address % PAGE_BYTES !== 0) return -EINVAL;
    if (address < NULL_GUARD_BYTES) return -EPERM;
    const isTaken = (flags & MAP_FIXED_NOREPLACE) !== 0 && this.list.overlaps(address, address + length);
    return isTaken ? -EEXIST : address;
  }

  /** Whether the limits allow a new area in the place of what lies there. */
  private hasRoomFor(area: Area): boolean {
    const { start, end } = area;
    let replaced = 0;
    let replacedPopulated = 0;
    for (let index = this.list.indexFrom(start); index < this.list.count; index++) {
      const other = this.list.areas[index] as Area;
      if (other.start >= end) break;
      const bytes = Math.min(end, other.end) - Math.max(start, other.start);
      replaced += bytes;
      if (other.isPopulated) replacedPopulated += bytes;
    }
    if (area.isAccessible && this.populated - replacedPopulated + area.byteLength > this.limitBytes) return false;
    return this.isWithinLimits(area, area.byteLength, replaced);
  }

  /** RLIMIT_AS and RLIMIT_DATA for `added` bytes like those of an area, `removed` going at the same time. */
  isWithinLimits(area: Area, added: number, removed: number): boolean {
    const addressSpace = this.limit(RLIMIT_AS);
    if (addressSpace !== Number.POSITIVE_INFINITY && this.mappedBytes - removed + added > addressSpace) return false;
    const data = this.limit(RLIMIT_DATA);
    return data === Number.POSITIVE_INFINITY || !isData(area) || this.dataBytes + added <= data;
  }

  private limit(resource: number): number {
    return this.limits?.[resource]?.current ?? Number.POSITIVE_INFINITY;
  }

  /** What RLIMIT_DATA counts: private memory that can be written, stacks aside. */
  private get dataBytes(): number {
    let sum = 0;
    for (const area of this.list.areas) if (isData(area)) sum += area.byteLength;
    return sum;
  }

  /** Makes the memory reach up to `end`; false where it cannot. */
  growTo(end: number): boolean {
    const { memory } = this;
    if (end <= memory.byteLength) return true;
    if (end > memory.maximumBytes) return false;
    const step = Math.max(GROWTH_BYTES, Math.floor(memory.byteLength / GROWTH_SHARE / GROWTH_BYTES) * GROWTH_BYTES);
    const rounded = Math.min(memory.maximumBytes, Math.ceil(end / step) * step);
    return memory.grow(rounded) || memory.grow(end);
  }

  /** The wish, if it is free; else the lowest gap from the base up, and only then below it, where the heap would like to grow. */
  private findRoom(wish: number, length: number): number {
    const address = Math.floor(wish / PAGE_BYTES) * PAGE_BYTES;
    const isPossible = address >= NULL_GUARD_BYTES && address <= this.mapLimit - length;
    if (isPossible && !this.list.overlaps(address, address + length)) return address;
    const above = this.list.findGap(length, this.mapBase, this.mapLimit);
    if (above >= 0) return above;
    const heapEnd = roundUpToPage(this.breakAddress);
    const below = this.list.findGap(length, heapEnd, this.mapLimit);
    return below >= 0 ? below : -ENOMEM;
  }

  private protectWithin(area: Area, start: number, end: number, protection: number): number {
    if (area.protection === protection) return 0;
    if ((protection & PROT_WRITE) !== 0 && !area.mayWrite) return -EACCES;
    if (this.list.count >= AREA_COUNT_MAXIMUM && (start > area.start || end < area.end)) return -ENOMEM;
    const part = this.list.areas[this.list.isolate(start, end)] as Area;
    if (protection !== 0 && !part.isPopulated && !this.populate(part)) return -ENOMEM;
    if ((part.protection & PROT_EXEC) !== 0) this.options.onCodeChange?.(start, end);
    part.protection = protection;
    part.shared?.enter(this);
    part.wasWritable ||= (protection & PROT_WRITE) !== 0;
    if ((protection & PROT_EXEC) !== 0) this.options.onCodeMapped?.(start, end);
    return 0;
  }

  /** Whether unmapping the range leaves two areas of one. */
  private cutsHole(start: number, end: number): boolean {
    const area = this.list.find(start);
    return area !== null && area.start < start && area.end > end;
  }
}

function defaultMapBase(heapStart: number): number {
  return Math.ceil((heapStart + HEAP_ROOM_BYTES) / MAP_BASE) * MAP_BASE;
}

function isData(area: Area): boolean {
  return !area.isShared && (area.protection & PROT_WRITE) !== 0 && (area.flags & MAP_GROWSDOWN) === 0;
}
