/**
 * The allocator in a process's own memory. Size classes are powers of two with a free list each; the break moves up when a
 * class is empty. Whoever frees says the size, as with C++'s sized delete, so that blocks carry no headers.
 */
import { ENOMEM } from "../../abi/errno.ts";
import { AkumaError } from "./error.ts";

const SMALLEST_SHIFT = 4;
const GROWTH_BYTES = 256 * 1024;

export class Heap {
  private readonly freeLists: number[][] = [];
  private next = 0;
  private end = 0;
  private readonly base: number;
  /** brk(2): the new break, or the old one when it could not move. */
  private readonly moveBreak: (address: number) => number;
  bytesInUse = 0;

  constructor(base: number, moveBreak: (address: number) => number) {
    this.base = base;
    this.moveBreak = moveBreak;
  }

  /** Address of at least `byteLength` bytes, aligned to their class's size up to 4096. 0 when the memory is exhausted. */
  tryAllocate(byteLength: number): number {
    const shift = classOf(byteLength);
    const address = this.freeLists[shift]?.pop() ?? this.carve(2 ** shift);
    if (address !== 0) this.bytesInUse += 2 ** shift;
    return address;
  }

  /** As tryAllocate, but throws OutOfMemory. */
  allocate(byteLength: number): number {
    const address = this.tryAllocate(byteLength);
    if (address === 0) throw AkumaError.fromErrno(ENOMEM, `allocate ${byteLength} bytes`);
    return address;
  }

  /** Gives a block back; `byteLength` is what it was asked with. */
  free(address: number, byteLength: number): void {
    const shift = classOf(byteLength);
    this.bytesInUse -= 2 ** shift;
    let list = this.freeLists[shift];
    if (list === undefined) {
      list = [];
      this.freeLists[shift] = list;
    }
    list.push(address);
  }

  private carve(size: number): number {
    if (this.end === 0) {
      this.next = alignUp(this.base, 16);
      this.end = Math.max(this.next, this.moveBreak(0));
    }
    const address = alignUp(this.next, Math.min(size, 4096));
    if (address + size > this.end) {
      const wanted = alignUp(address + size + GROWTH_BYTES, 4096);
      let end = this.moveBreak(wanted);
      // Close to the limit a smaller step may still do.
      if (end < wanted) end = this.moveBreak(alignUp(address + size, 4096));
      if (end > this.end) this.end = end;
      if (address + size > this.end) return 0;
    }
    this.next = address + size;
    return address;
  }
}

function classOf(byteLength: number): number {
  return byteLength <= 1 << SMALLEST_SHIFT ? SMALLEST_SHIFT : 32 - Math.clz32(byteLength - 1);
}

function alignUp(address: number, alignment: number): number {
  return Math.ceil(address / alignment) * alignment;
}
