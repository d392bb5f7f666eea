/** chmod(2), chown(2), utimensat(2). */
import { CAP_CHOWN, CAP_FOWNER } from "../../abi/capability.ts";
import { EACCES, EBADF, EFAULT, EINVAL, EOPNOTSUPP, EPERM, EROFS } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, S_IFMT, S_IFREG, W_OK } from "../../abi/file.ts";
import { IN_ATTRIB } from "../../abi/inotify.ts";
import { AnonymousFile } from "../file/anonymous-file.ts";
import { type FileStatus, OpenFile } from "../file/open-file.ts";
import type { Task } from "../task/task.ts";
import type { AttributeChange } from "../vfs/inode.ts";
import type { PathNode } from "../vfs/path-walk.ts";
import { isMember, modeAllows } from "../vfs/permission.ts";
import { VfsFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { resolveOrFile } from "./path-arguments.ts";

const UTIME_NOW = 0x3fff_ffff;
const UTIME_OMIT = 0x3fff_fffe;
const TIMESPEC_BYTES = 16;
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o010;

function change(
  task: Task,
  found: PathNode | OpenFile | number,
  attributes: AttributeChange,
  mayChange: (status: FileStatus) => number,
): number {
  if (typeof found === "number") return found;
  // anon_inode:[…] is one inode for all; what pipes and sockets have would not last.
  if (found instanceof AnonymousFile) return -EOPNOTSUPP;
  if (found instanceof OpenFile && !(found instanceof VfsFile)) return 0;
  const node = found instanceof VfsFile ? found.node : found;
  if (node.mount.readOnly) return -EROFS;
  if (!task.process.credentials.has(CAP_FOWNER)) {
    const status = found instanceof VfsFile ? found.status() : node.inode.status();
    const denied = typeof status === "number" ? status : mayChange(status);
    if (denied < 0) return denied;
  }
  const error =
    found instanceof VfsFile ? found.setAttributes(attributes) : node.inode.setAttributes(node.dentry, attributes);
  if (error === 0) node.mount.watches.happened(node.dentry, IN_ATTRIB);
  return error;
}

/** Only the owner may. */
function ownerOnly(task: Task): (status: FileStatus) => number {
  return ({ userId }) => (userId === task.process.credentials.fileSystemUserId ? 0 : -EPERM);
}

/** chmod(2): the set-group-ID bit is not for members of other groups. */
function changeMode(task: Task, found: PathNode | OpenFile | number, mode: number): number {
  const { credentials } = task.process;
  const attributes: AttributeChange = { mode: mode & 0o7777 };
  return change(task, found, attributes, (status) => {
    if (!isMember(credentials, status.groupId)) attributes.mode = mode & 0o7777 & ~S_ISGID;
    return ownerOnly(task)(status);
  });
}

function fileOf(task: Task, fd: number): OpenFile | number {
  return task.file(fd) ?? -EBADF;
}

export function fchmod(task: Task, fd: number, mode: number): number {
  return changeMode(task, fileOf(task, fd), mode);
}

export function fchmodat2(task: Task, directory: number, path: number, mode: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const found = resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  // The permissions of a symlink are never asked for, and cannot be changed.
  if (typeof found !== "number" && !(found instanceof OpenFile) && found.inode.isSymlink) return -EOPNOTSUPP;
  return changeMode(task, found, mode);
}

export function fchmodat(task: Task, directory: number, path: number, mode: number): number {
  return fchmodat2(task, directory, path, mode, 0);
}

/** -1 leaves an owner as it is. chown(2): a file that is not a directory loses its set-user-ID bit, and set-group-ID where that means so. */
function changeOwner(task: Task, found: PathNode | OpenFile | number, userId: number, groupId: number): number {
  const attributes: AttributeChange = {};
  const status = typeof found === "number" ? found : found instanceof OpenFile ? found.status() : found.inode.status();
  if (typeof status !== "number" && (status.mode & S_IFMT) === S_IFREG) {
    const dropped = S_ISUID | ((status.mode & S_IXGRP) !== 0 ? S_ISGID : 0);
    if ((status.mode & dropped) !== 0) attributes.mode = status.mode & 0o7777 & ~dropped;
  }
  if ((userId | 0) !== -1) attributes.userId = userId >>> 0;
  if ((groupId | 0) !== -1) attributes.groupId = groupId >>> 0;
  return change(task, found, attributes, (before) => {
    const { credentials } = task.process;
    if (credentials.has(CAP_CHOWN)) return 0;
    // An owner may give the file to a group of his.
    if (before.userId !== credentials.fileSystemUserId) return -EPERM;
    if (attributes.userId !== undefined && attributes.userId !== before.userId) return -EPERM;
    const { groupId: wanted = before.groupId } = attributes;
    return wanted === before.groupId || isMember(credentials, wanted) ? 0 : -EPERM;
  });
}

export function fchown(task: Task, fd: number, userId: number, groupId: number): number {
  return changeOwner(task, fileOf(task, fd), userId, groupId);
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
  return changeOwner(task, found, userId, groupId);
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
  // utimensat(2): the time of now may be set by whoever may write the file.
  const isNow = times === 0 || (accessed === now && modified === now);
  return change(task, found, attributes, (status) => {
    if (ownerOnly(task)(status) === 0) return 0;
    if (!isNow) return -EPERM;
    return modeAllows(status, task.process.credentials, W_OK) ? 0 : -EACCES;
  });
}

export const attributeCalls: readonly SyscallDefinition[] = [
  call(52, "fchmod", ["fd", "mode"], fchmod),
  call(53, "fchmodat", ["dirfd", "path", "mode"], fchmodat),
  call(54, "fchownat", ["dirfd", "path", "int", "int", "at-flags"], fchownat),
  call(55, "fchown", ["fd", "int", "int"], fchown),
  call(88, "utimensat", ["dirfd", "path", "address", "at-flags"], utimensat),
  call(452, "fchmodat2", ["dirfd", "path", "mode", "at-flags"], fchmodat2),
];
