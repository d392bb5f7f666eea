/** Names of files: unlinkat(2), renameat2(2), linkat(2), symlinkat(2), readlinkat(2). */
import { EFAULT, EINVAL, ENOENT, EXDEV } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_REMOVEDIR, AT_SYMLINK_FOLLOW } from "../../abi/file.ts";
import { OpenFile } from "../file/open-file.ts";
import type { Task } from "../task/task.ts";
import { makeLink, makeSymlink, removeName, renamePath } from "../vfs/path-operations.ts";
import { VfsFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { contextOf, readPath, resolveOrFile, startOf } from "./path-arguments.ts";

export function unlinkat(task: Task, directory: number, pathAddress: number, flags: number): number {
  if ((flags & ~AT_REMOVEDIR) !== 0) return -EINVAL;
  const path = readPath(task, pathAddress);
  if (typeof path === "number") return path;
  const start = startOf(task, directory, path);
  if (typeof start === "number") return start;
  return removeName(task.system.mounts, contextOf(task), path, (flags & AT_REMOVEDIR) !== 0, start);
}

export function renameat2(
  task: Task,
  oldDirectory: number,
  oldAddress: number,
  newDirectory: number,
  newAddress: number,
  flags: number,
): number {
  const oldPath = readPath(task, oldAddress);
  if (typeof oldPath === "number") return oldPath;
  const newPath = readPath(task, newAddress);
  if (typeof newPath === "number") return newPath;
  const oldStart = startOf(task, oldDirectory, oldPath);
  if (typeof oldStart === "number") return oldStart;
  const newStart = startOf(task, newDirectory, newPath);
  if (typeof newStart === "number") return newStart;
  return renamePath(task.system.mounts, contextOf(task), oldPath, newPath, flags, oldStart, newStart);
}

export function renameat(
  task: Task,
  oldDirectory: number,
  oldAddress: number,
  newDirectory: number,
  newAddress: number,
): number {
  return renameat2(task, oldDirectory, oldAddress, newDirectory, newAddress, 0);
}

export function linkat(
  task: Task,
  oldDirectory: number,
  oldAddress: number,
  newDirectory: number,
  newAddress: number,
  flags: number,
): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const found = resolveOrFile(task, oldDirectory, oldAddress, flags, (flags & AT_SYMLINK_FOLLOW) !== 0);
  if (typeof found === "number") return found;
  const path = readPath(task, newAddress);
  if (typeof path === "number") return path;
  const start = startOf(task, newDirectory, path);
  if (typeof start === "number") return start;
  // A pipe or a socket lies in no mounted file system.
  const node = found instanceof VfsFile ? found.node : found instanceof OpenFile ? null : found;
  return node === null ? -EXDEV : makeLink(contextOf(task), node, path, start);
}

export function symlinkat(task: Task, targetAddress: number, directory: number, pathAddress: number): number {
  const target = readPath(task, targetAddress);
  if (typeof target === "number") return target;
  const path = readPath(task, pathAddress);
  if (typeof path === "number") return path;
  const start = startOf(task, directory, path);
  return typeof start === "number" ? start : makeSymlink(contextOf(task), target, path, start);
}

/** The target without a NUL, cut at the size of the buffer. An empty path means a descriptor opened with O_PATH | O_NOFOLLOW. */
export function readlinkat(task: Task, directory: number, pathAddress: number, address: number, size: number): number {
  const room = size | 0;
  if (room <= 0) return -EINVAL;
  const found = resolveOrFile(task, directory, pathAddress, AT_EMPTY_PATH, false);
  if (typeof found === "number") return found;
  const node = found instanceof OpenFile ? (found instanceof VfsFile ? found.node : null) : found;
  if (node === null || !node.inode.isSymlink) {
    const isEmpty = found instanceof OpenFile || found === task.process.fileSystem.workingDirectory;
    return isEmpty ? -ENOENT : -EINVAL;
  }
  const target = node.inode.readLink(contextOf(task));
  if (typeof target === "number") return target;
  const bytes = new TextEncoder().encode(target);
  const length = Math.min(bytes.length, room);
  if (!task.process.memory.isValid(address, length)) return -EFAULT;
  task.process.memory.bytes.set(bytes.subarray(0, length), address);
  return length;
}

export const linkCalls: readonly SyscallDefinition[] = [
  call(35, "unlinkat", ["dirfd", "path", "at-flags"], unlinkat),
  call(36, "symlinkat", ["string", "dirfd", "path"], symlinkat),
  call(37, "linkat", ["dirfd", "path", "dirfd", "path", "at-flags"], linkat),
  call(38, "renameat", ["dirfd", "path", "dirfd", "path"], renameat),
  call(78, "readlinkat", ["dirfd", "path", "buffer-out", "size"], readlinkat),
  call(276, "renameat2", ["dirfd", "path", "dirfd", "path", "flags"], renameat2),
];
