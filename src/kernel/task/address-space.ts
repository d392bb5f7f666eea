/**
 * What brk(2) and mmap(2) make of a program's one linear memory: the heap grows up from its start, mappings lie above it, and
 * both live in the resizable buffer. There is no paging and no protection; memory that is given back is zeroed when it is
 * handed out again.
 */
import { EEXIST, EINVAL, ENOMEM } from "../../abi/errno.ts";
import { PAGE_BYTES } from "../../abi/memory.ts";
import { NULL_GUARD_BYTES, type UserMemory } from "./user-memory.ts";

/** A mapped range, page-aligned. */
interface Mapping {
  start: number;
  end: number;
}

export function roundUpToPage(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

export class AddressSpace {
  private readonly memory: UserMemory;
  private readonly heapStart: number;
  private breakAddress: number;
  /** Sorted, not overlapping. */
  private mappings: Mapping[] = [];

  constructor(memory: UserMemory, heapStart: number) {
    this.memory = memory;
    this.heapStart = heapStart;
    this.breakAddress = heapStart;
  }

  private get limit(): number {
    return this.memory.maximumBytes;
  }

  /** brk(2) as the kernel has it: the break afterwards, which is the old one when the wish cannot be met. */
  moveBreak(address: number): number {
    if (!(address >= this.heapStart && address <= this.limit)) return this.breakAddress;
    const ceiling = this.mappings[0]?.start ?? this.limit;
    if (address > ceiling || !this.memory.grow(address)) return this.breakAddress;
    if (address < this.breakAddress) this.memory.bytes.fill(0, address, this.breakAddress);
    this.breakAddress = address;
    return address;
  }

  /**
   * Hands out zeroed pages: the address, or -ENOMEM. `fixed` is an address that must be used (0 for none); what lies there is
   * replaced, or with `noReplace` is -EEXIST.
   */
  map(byteLength: number, fixed: number, noReplace: boolean): number {
    const length = roundUpToPage(byteLength);
    let start = fixed;
    if (fixed !== 0) {
      if (fixed % PAGE_BYTES !== 0) return -EINVAL;
      if (fixed < Math.max(NULL_GUARD_BYTES, this.breakAddress) || fixed + length > this.limit) return -ENOMEM;
      if (noReplace && this.overlaps(fixed, fixed + length)) return -EEXIST;
      this.unmap(fixed, length);
    } else start = this.findRoom(length);
    // What the memory grows by is zero already; only what lay below its old end has to be cleared.
    const before = this.memory.byteLength;
    if (start < 0 || !this.memory.grow(start + length)) return -ENOMEM;
    if (start < before) this.memory.bytes.fill(0, start, Math.min(before, start + length));
    this.mappings.push({ start, end: start + length });
    this.mappings.sort((a, b) => a.start - b.start);
    return start;
  }

  /** Forgets whatever of the range is mapped; nothing mapped there is no error (munmap(2)). */
  unmap(address: number, byteLength: number): void {
    const end = address + roundUpToPage(byteLength);
    const left: Mapping[] = [];
    for (const mapping of this.mappings) {
      if (mapping.start < address) left.push({ start: mapping.start, end: Math.min(mapping.end, address) });
      if (mapping.end > end) left.push({ start: Math.max(mapping.start, end), end: mapping.end });
    }
    this.mappings = left;
  }

  /** Lengthens the mapping that ends at `end`, if what lies behind it is free. */
  extend(end: number, byteLength: number): boolean {
    const mapping = this.mappings.find((candidate) => candidate.end === end);
    const last = end + byteLength;
    if (mapping === undefined || last > this.limit || this.overlaps(end, last)) return false;
    const before = this.memory.byteLength;
    if (!this.memory.grow(last)) return false;
    if (end < before) this.memory.bytes.fill(0, end, Math.min(before, last));
    mapping.end = last;
    return true;
  }

  /** Whether all of the range is heap, program or mapping. */
  isMapped(address: number, byteLength: number): boolean {
    let at = address;
    const end = address + byteLength;
    if (at < this.breakAddress) at = this.breakAddress;
    for (const mapping of this.mappings) {
      if (at >= end) return true;
      if (mapping.start <= at && at < mapping.end) at = mapping.end;
    }
    return at >= end;
  }

  /** Bytes that mappings take. */
  get mappedBytes(): number {
    return this.mappings.reduce((sum, mapping) => sum + mapping.end - mapping.start, 0);
  }

  /** The end of the heap. */
  get heapEnd(): number {
    return this.breakAddress;
  }

  private overlaps(start: number, end: number): boolean {
    return this.mappings.some((mapping) => mapping.start < end && start < mapping.end);
  }

  /** The lowest gap that is large enough, from the middle between heap and limit on: below it the heap may still grow. */
  private findRoom(length: number): number {
    let at = roundUpToPage(this.breakAddress + (this.limit - this.breakAddress) / 2);
    const first = this.mappings[0];
    if (first !== undefined && first.start < at) at = first.start;
    for (const mapping of this.mappings) {
      if (mapping.end <= at) continue;
      if (mapping.start - at >= length) return at;
      at = mapping.end;
    }
    return at + length <= this.limit ? at : -ENOMEM;
  }
}
