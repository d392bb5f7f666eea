/** chmod(2), chown(2), utimensat(2). */
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP, EROFS } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, S_IFMT, S_IFREG } from "../../abi/file.ts";
import { AnonymousFile } from "../file/anonymous-file.ts";
import { OpenFile } from "../file/open-file.ts";
import type { Task } from "../task/task.ts";
import type { AttributeChange } from "../vfs/inode.ts";
import type { PathNode } from "../vfs/path-walk.ts";
import { VfsFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { resolveOrFile } from "./path-arguments.ts";

const UTIME_NOW = 0x3fff_ffff;
const UTIME_OMIT = 0x3fff_fffe;
const TIMESPEC_BYTES = 16;
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o010;

function change(found: PathNode | OpenFile | number, attributes: AttributeChange): number {
  if (typeof found === "number") return found;
  // anon_inode:[…] is one inode for all; what pipes and sockets have would not last.
  if (found instanceof AnonymousFile) return -EOPNOTSUPP;
  if (found instanceof OpenFile && !(found instanceof VfsFile)) return 0;
  const node = found instanceof VfsFile ? found.node : found;
  if (node.mount.readOnly) return -EROFS;
  return found instanceof VfsFile ? found.setAttributes(attributes) : node.inode.setAttributes(node.dentry, attributes);
}

function fileOf(task: Task, fd: number): OpenFile | number {
  return task.file(fd) ?? -EBADF;
}

export function fchmod(task: Task, fd: number, mode: number): number {
  return change(fileOf(task, fd), { mode: mode & 0o7777 });
}

export function fchmodat2(task: Task, directory: number, path: number, mode: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const found = resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  // The permissions of a symlink are never asked for, and cannot be changed.
  if (typeof found !== "number" && !(found instanceof OpenFile) && found.inode.isSymlink) return -EOPNOTSUPP;
  return change(found, { mode: mode & 0o7777 });
}

export function fchmodat(task: Task, directory: number, path: number, mode: number): number {
  return fchmodat2(task, directory, path, mode, 0);
}

/** -1 leaves an owner as it is. chown(2): a file that is not a directory loses its set-user-ID bit, and set-group-ID where that means so. */
function changeOwner(found: PathNode | OpenFile | number, userId: number, groupId: number): number {
  const attributes: AttributeChange = {};
  const status = typeof found === "number" ? found : found instanceof OpenFile ? found.status() : found.inode.status();
  if (typeof status !== "number" && (status.mode & S_IFMT) === S_IFREG) {
    const dropped = S_ISUID | ((status.mode & S_IXGRP) !== 0 ? S_ISGID : 0);
    if ((status.mode & dropped) !== 0) attributes.mode = status.mode & 0o7777 & ~dropped;
  }
  if ((userId | 0) !== -1) attributes.userId = userId >>> 0;
  if ((groupId | 0) !== -1) attributes.groupId = groupId >>> 0;
  return change(found, attributes);
}

export function fchown(task: Task, fd: number, userId: number, groupId: number): number {
  return changeOwner(fileOf(task, fd), userId, groupId);
}

export function fchownat(
  task: Task,
  directory: number,
  path: number,
  userId: number,
  groupId: number,
  flags: number,
): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const found = resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  return changeOwner(found, userId, groupId);
}

/** One struct timespec: milliseconds, undefined for UTIME_OMIT, or -EINVAL. */
function readTime(task: Task, address: number): number | undefined | "invalid" {
  const seconds = task.process.memory.readInt64(address);
  const nanoseconds = task.process.memory.readInt64(address + 8);
  if (nanoseconds === UTIME_NOW) return task.system.clock.realtimeMilliseconds();
  if (nanoseconds === UTIME_OMIT) return undefined;
  if (nanoseconds < 0 || nanoseconds > 999_999_999) return "invalid";
  return seconds * 1000 + nanoseconds / 1e6;
}

export function utimensat(task: Task, directory: number, path: number, times: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const now = task.system.clock.realtimeMilliseconds();
  let accessed: number | undefined | "invalid" = now;
  let modified: number | undefined | "invalid" = now;
  if (times !== 0) {
    if (!task.process.memory.isValid(times, 2 * TIMESPEC_BYTES)) return -EFAULT;
    accessed = readTime(task, times);
    modified = readTime(task, times + TIMESPEC_BYTES);
    if (accessed === "invalid" || modified === "invalid") return -EINVAL;
    // utimensat(2): nothing to do succeeds without looking at the path.
    if (accessed === undefined && modified === undefined) return 0;
  }
  // Without a path it is futimens(3): the descriptor itself, which must be one and takes no flags.
  if (path === 0 && (flags & AT_EMPTY_PATH) === 0) {
    if ((directory | 0) === AT_FDCWD) return -EFAULT;
    if (flags !== 0) return -EINVAL;
  }
  const found =
    path === 0 && (flags & AT_EMPTY_PATH) === 0
      ? fileOf(task, directory | 0)
      : resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  const attributes: AttributeChange = {};
  if (typeof accessed === "number") attributes.accessedMilliseconds = accessed;
  if (typeof modified === "number") attributes.modifiedMilliseconds = modified;
  return change(found, attributes);
}

export const attributeCalls: readonly SyscallDefinition[] = [
  call(52, "fchmod", ["fd", "mode"], fchmod),
  call(53, "fchmodat", ["dirfd", "path", "mode"], fchmodat),
  call(54, "fchownat", ["dirfd", "path", "int", "int", "at-flags"], fchownat),
  call(55, "fchown", ["fd", "int", "int"], fchown),
  call(88, "utimensat", ["dirfd", "path", "address", "at-flags"], utimensat),
  call(452, "fchmodat2", ["dirfd", "path", "mode", "at-flags"], fchmodat2),
];
