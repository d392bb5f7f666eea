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
  call(213, "readahead", ["fd", "offset", "size"], readahead),
  call(223, "fadvise64", ["fd", "offset", "offset", "int"], fadvise64),
  call(267, "syncfs", ["fd"], syncfs),
];
