/** brk(2), mmap(2) and their kin over a process's address space: task/address-space.ts. */
import { EBADF, EFAULT, EINVAL, ENOMEM } from "../../abi/errno.ts";
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  MLOCK_ONFAULT,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  PAGE_BYTES,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
} from "../../abi/memory.ts";
import { advise, remap } from "../task/address-space-changes.ts";
import { roundUpToPage } from "../task/area.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

/** What a call zeroes within a turn. */
const BYTES_PER_TURN = 0x40_0000;

/** The break after the call; the C library compares it with what it asked for. */
export function brk(task: Task, address: number): number {
  return task.process.addressSpace.moveBreak(address);
}

export function mmap(
  task: Task,
  address: number,
  byteLength: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  if (offset % PAGE_BYTES !== 0) return -EINVAL;
  const file = (flags & MAP_ANONYMOUS) !== 0 ? null : task.process.descriptors.get(fd);
  if (file === null && (flags & MAP_ANONYMOUS) === 0) return -EBADF;
  const { addressSpace, isMachine } = task.process;
  const request = { address, byteLength, protection, flags, file, offset };
  // A call that a signal interrupts does the rest at once.
  if (isMachine && !addressSpace.prepare(request, BYTES_PER_TURN) && task.yieldTurn() === BLOCKED) return BLOCKED;
  return addressSpace.map(request);
}

/** mmap of the akuma ABI: all ones on failure, whatever the reason. */
export function mmapAllOnes(
  task: Task,
  address: number,
  byteLength: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  return Math.max(-1, mmap(task, address, byteLength, protection, flags, fd, offset));
}

export function munmap(task: Task, address: number, byteLength: number): number {
  return task.process.addressSpace.unmap(address, byteLength);
}

export function mremap(
  task: Task,
  address: number,
  oldBytes: number,
  newBytes: number,
  flags: number,
  newAddress: number,
): number {
  return remap(task.process.addressSpace, address, oldBytes, newBytes, flags, newAddress);
}

export function mprotect(task: Task, address: number, byteLength: number, protection: number): number {
  const growth = PROT_GROWSDOWN | PROT_GROWSUP;
  if ((protection & growth) === growth) return -EINVAL;
  if (address % PAGE_BYTES !== 0) return -EINVAL;
  if (byteLength === 0) return 0;
  // A range that ends behind the last address of all.
  if (address < 0 || byteLength < 0) return -ENOMEM;
  // Bits that this machine does not have: PROT_BTI, PROT_MTE.
  if ((protection & ~(0xf | growth)) !== 0) return -EINVAL;
  return task.process.addressSpace.protect(address, byteLength, protection);
}

export function madvise(task: Task, address: number, byteLength: number, advice: number): number {
  const { addressSpace, isMachine } = task.process;
  if (advice !== MADV_DONTNEED || !isMachine || !addressSpace.isRange(address, byteLength))
    return advise(addressSpace, address, byteLength, advice);
  // Zeroing takes time: it is done in parts, and a hole is told at the end.
  for (;;) {
    const step = Math.min(byteLength - task.progress, BYTES_PER_TURN);
    const result = advise(addressSpace, address + task.progress, step, advice);
    if (result < 0) task.scratch = result;
    task.progress += step;
    if (task.progress >= byteLength) return (task.scratch as number | null) ?? 0;
    if (task.yieldTurn() === BLOCKED) return BLOCKED;
  }
}

/** Whoever looks at the file sees what was written in mappings anyway; this is for those who look at it from the host. */
export function msync(task: Task, address: number, byteLength: number, flags: number): number {
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0) return -EINVAL;
  if (address % PAGE_BYTES !== 0) return -EINVAL;
  if ((flags & MS_ASYNC) !== 0 && (flags & MS_SYNC) !== 0) return -EINVAL;
  const { addressSpace } = task.process;
  if (roundUpToPage(byteLength) === 0) return 0;
  if (!addressSpace.isRange(address, byteLength)) return -ENOMEM;
  const end = address + roundUpToPage(byteLength);
  const error = addressSpace.synchronize(address, end);
  return addressSpace.isMapped(address, end - address) ? error : -ENOMEM;
}

/** Every mapped page is resident: nothing is ever paged out. */
export function mincore(task: Task, address: number, byteLength: number, vector: number): number {
  const { addressSpace, memory } = task.process;
  if (address % PAGE_BYTES !== 0) return -EINVAL;
  if (!addressSpace.isRange(address, byteLength)) return -ENOMEM;
  const pages = roundUpToPage(byteLength) / PAGE_BYTES;
  if (!memory.isValid(vector, pages)) return -EFAULT;
  if (!addressSpace.isMapped(address, pages * PAGE_BYTES)) return -ENOMEM;
  memory.bytes.fill(1, vector, vector + pages);
  return 0;
}

/** Nothing is ever paged out, but the range must be mapped, and such that its pages can be had. */
export function mlock(task: Task, address: number, byteLength: number): number {
  const result = munlock(task, address, byteLength);
  if (result < 0) return result;
  const start = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
  const isAccessible = task.process.addressSpace.list.covers(start, address + byteLength, (area) => area.isAccessible);
  return isAccessible ? 0 : -ENOMEM;
}

export function munlock(task: Task, address: number, byteLength: number): number {
  const { addressSpace } = task.process;
  const start = Math.floor(address / PAGE_BYTES) * PAGE_BYTES;
  const length = roundUpToPage(byteLength + (address - start));
  if (length === 0) return 0;
  if (!addressSpace.isRange(start, length)) return -EINVAL;
  return addressSpace.isMapped(start, length) ? 0 : -ENOMEM;
}

export function mlock2(task: Task, address: number, byteLength: number, flags: number): number {
  if ((flags & ~MLOCK_ONFAULT) !== 0) return -EINVAL;
  return flags === 0 ? mlock(task, address, byteLength) : munlock(task, address, byteLength);
}

export function mlockall(_task: Task, flags: number): number {
  const known = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
  return flags === 0 || flags === MCL_ONFAULT || (flags & ~known) !== 0 ? -EINVAL : 0;
}

export function munlockall(): number {
  return 0;
}

export const memoryCalls: readonly SyscallDefinition[] = [
  call(214, "brk", ["address"], brk),
  call(215, "munmap", ["address", "size"], munmap),
  call(216, "mremap", ["address", "size", "size", "hex", "address"], mremap),
  call(222, "mmap", ["address", "size", "protection", "map-flags", "fd", "offset"], mmap),
  call(226, "mprotect", ["address", "size", "protection"], mprotect),
  call(227, "msync", ["address", "size", "flags"], msync),
  call(228, "mlock", ["address", "size"], mlock),
  call(229, "munlock", ["address", "size"], munlock),
  call(230, "mlockall", ["flags"], mlockall),
  call(231, "munlockall", [], munlockall),
  call(232, "mincore", ["address", "size", "address"], mincore),
  call(233, "madvise", ["address", "size", "int"], madvise),
  call(284, "mlock2", ["address", "size", "flags"], mlock2),
];

export const memoryAkumaCalls: readonly SyscallDefinition[] = [
  call(3, "brk", ["address"], brk),
  call(222, "mmap", ["address", "size", "protection", "map-flags", "fd", "offset"], mmapAllOnes),
];
