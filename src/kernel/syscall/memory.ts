/** brk(2), mmap(2) and their kin over a program's linear memory: see task/address-space.ts for what there is not. */
import { EACCES, EBADF, EINVAL, ENODEV, ENOMEM } from "../../abi/errno.ts";
import { S_IFMT, S_IFREG } from "../../abi/file.ts";
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  MREMAP_MAYMOVE,
  PAGE_BYTES,
  PROT_WRITE,
} from "../../abi/memory.ts";
import type { OpenFile } from "../file/open-file.ts";
import { roundUpToPage } from "../task/address-space.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

/** The break after the call; the C library compares it with what it asked for. */
export function brk(task: Task, address: number): number {
  const { process } = task;
  process.breakAddress = process.addressSpace.moveBreak(address);
  return process.breakAddress;
}

function checkFile(task: Task, fd: number, protection: number, flags: number): OpenFile | number {
  const file = task.process.descriptors.get(fd);
  if (file === null) return -EBADF;
  const status = file.status();
  if (typeof status === "number" || (status.mode & S_IFMT) !== S_IFREG) return -ENODEV;
  if (!file.isReadable) return -EACCES;
  // A shared mapping that is written would have to reach the file: there are no pages here to notice it.
  if ((flags & MAP_TYPE) !== MAP_PRIVATE && (protection & PROT_WRITE) !== 0) return -ENODEV;
  return file;
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
  if (!(byteLength > 0) || !(offset >= 0) || offset % PAGE_BYTES !== 0) return -EINVAL;
  const type = flags & MAP_TYPE;
  if (type !== MAP_PRIVATE && type !== MAP_SHARED && type !== MAP_SHARED_VALIDATE) return -EINVAL;
  const file = (flags & MAP_ANONYMOUS) !== 0 ? null : checkFile(task, fd, protection, flags);
  if (typeof file === "number") return file;
  const isFixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  if (isFixed && address === 0) return -EINVAL;
  const noReplace = (flags & MAP_FIXED_NOREPLACE) !== 0;
  const { addressSpace, memory } = task.process;
  const start = addressSpace.map(byteLength, isFixed ? address : 0, noReplace);
  if (start < 0 || file === null) return start;
  // A private mapping is a copy: what lies behind the end of the file reads as zero.
  for (let done = 0; done < byteLength; ) {
    const result = file.readAt(memory.bytes, start + done, byteLength - done, offset + done);
    if (result <= 0) break;
    done += result;
  }
  return start;
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
  if (!(byteLength > 0) || !(address >= 0) || address % PAGE_BYTES !== 0) return -EINVAL;
  task.process.addressSpace.unmap(address, byteLength);
  return 0;
}

export function mremap(task: Task, address: number, oldBytes: number, newBytes: number, flags: number): number {
  if (!(newBytes > 0) || !(oldBytes > 0) || address % PAGE_BYTES !== 0) return -EINVAL;
  if ((flags & ~MREMAP_MAYMOVE) !== 0) return -EINVAL;
  const { addressSpace, memory } = task.process;
  if (!addressSpace.isMapped(address, oldBytes) || !memory.isValid(address, oldBytes)) return -ENOMEM;
  const before = roundUpToPage(oldBytes);
  const after = roundUpToPage(newBytes);
  if (after <= before) {
    if (after < before) addressSpace.unmap(address + after, before - after);
    return address;
  }
  if (addressSpace.extend(address + before, after - before)) return address;
  if ((flags & MREMAP_MAYMOVE) === 0) return -ENOMEM;
  const moved = addressSpace.map(newBytes, 0, false);
  if (moved < 0) return moved;
  memory.bytes.copyWithin(moved, address, address + before);
  addressSpace.unmap(address, oldBytes);
  return moved;
}

/** There is no protection to change; the range must be mapped all the same. */
export function mprotect(task: Task, address: number, byteLength: number): number {
  if (!(address >= 0) || address % PAGE_BYTES !== 0 || !(byteLength >= 0)) return -EINVAL;
  return task.process.addressSpace.isMapped(address, roundUpToPage(byteLength)) ? 0 : -ENOMEM;
}

export function madvise(task: Task, address: number, byteLength: number, advice: number): number {
  if (!(address >= 0) || address % PAGE_BYTES !== 0 || !(byteLength >= 0)) return -EINVAL;
  const { addressSpace, memory } = task.process;
  const length = roundUpToPage(byteLength);
  if (!addressSpace.isMapped(address, length)) return -ENOMEM;
  // madvise(2): pages that were given up read as zero afterwards.
  if (advice === MADV_DONTNEED && memory.isValid(address, length)) memory.bytes.fill(0, address, address + length);
  return 0;
}

export const memoryCalls: readonly SyscallDefinition[] = [
  call(214, "brk", ["address"], brk),
  call(215, "munmap", ["address", "size"], munmap),
  call(216, "mremap", ["address", "size", "size", "hex"], mremap),
  call(222, "mmap", ["address", "size", "protection", "map-flags", "fd", "offset"], mmap),
  call(226, "mprotect", ["address", "size", "protection"], mprotect),
  call(233, "madvise", ["address", "size", "int"], madvise),
];

export const memoryAkumaCalls: readonly SyscallDefinition[] = [
  call(3, "brk", ["address"], brk),
  call(222, "mmap", ["address", "size", "protection", "map-flags", "fd", "offset"], mmapAllOnes),
];
