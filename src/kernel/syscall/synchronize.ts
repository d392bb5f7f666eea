/** fsync(2) and its like, and advice on files that costs nothing to take. */
import { EBADF, EINVAL, ESPIPE } from "../../abi/errno.ts";
import type { Task } from "../task/task.ts";
import { RegularFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";

export function fsync(task: Task, fd: number): number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  if (file instanceof RegularFile) file.node.inode.mapping?.beforeRead(0, Number.POSITIVE_INFINITY);
  return file.synchronize();
}

/** Nothing is written back later: what a file system has taken it has stored. */
export function sync(): number {
  return 0;
}

export function syncfs(task: Task, fd: number): number {
  const file = task.file(fd);
  return file === null ? -EBADF : 0;
}

/** sync_file_range(2)'s SYNC_FILE_RANGE_WAIT_BEFORE, WRITE and WAIT_AFTER. */
const SYNC_FILE_RANGE_FLAGS = 7;

/** Begins or awaits what fsync(2) would do; it promises nothing, and files have been written already. */
export function syncFileRange(task: Task, fd: number, offset: number, length: number, flags: number): number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  if ((flags & ~SYNC_FILE_RANGE_FLAGS) !== 0 || offset < 0 || length < 0) return -EINVAL;
  if (file.isStream) return -ESPIPE;
  if (file instanceof RegularFile)
    file.node.inode.mapping?.beforeRead(offset, length === 0 ? Number.POSITIVE_INFINITY : offset + length);
  return 0;
}

export function fadvise64(task: Task, fd: number, _offset: number, length: number, advice: number): number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  if (length < 0 || (advice | 0) < 0 || (advice | 0) > 5) return -EINVAL;
  return file.isStream ? -ESPIPE : 0;
}

export function readahead(task: Task, fd: number): number {
  const file = task.file(fd);
  if (file === null || !file.isReadable) return -EBADF;
  return file instanceof RegularFile ? 0 : -EINVAL;
}

export const synchronizeCalls: readonly SyscallDefinition[] = [
  call(81, "sync", [], sync),
  call(82, "fsync", ["fd"], fsync),
  call(83, "fdatasync", ["fd"], fsync),
  call(84, "sync_file_range", ["fd", "offset", "offset", "flags"], syncFileRange),
  call(213, "readahead", ["fd", "offset", "size"], readahead),
  call(223, "fadvise64", ["fd", "offset", "offset", "int"], fadvise64),
  call(267, "syncfs", ["fd"], syncfs),
];
