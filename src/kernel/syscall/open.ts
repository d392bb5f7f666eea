/** openat(2), lseek(2), truncate(2), fallocate(2), umask(2). */
import {
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENODEV,
  EOPNOTSUPP,
  EROFS,
  ESPIPE,
} from "../../abi/errno.ts";
import {
  FD_CLOEXEC,
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_PATH,
  PATH_MAX,
  S_IFDIR,
  S_IFIFO,
  S_IFREG,
  W_OK,
} from "../../abi/file.ts";
import { IN_MODIFY } from "../../abi/inotify.ts";
import { acquireOnOpen } from "../task/job-control.ts";
import type { Task } from "../task/task.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { FifoFile } from "../vfs/memfs/memory-fifo.ts";
import { openPath } from "../vfs/open-path.ts";
import { checkAccess } from "../vfs/permission.ts";
import { POSITION_MAXIMUM, RegularFile, SEEK_HOLE } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { contextOf, readPath, resolve, startOf } from "./path-arguments.ts";

/** O_TMPFILE without the O_DIRECTORY that goes with it. No file system here has nameless files. */
export const TMPFILE = 0o20000000;
const FALLOC_FL_KEEP_SIZE = 1;
/** For what a call holds before it has a descriptor. */
const NO_DESCRIPTOR = -2;

/** Flags that contradict each other are found before the path is looked at. 0 or -errno. */
export function checkOpenFlags(flags: number): number {
  if ((flags & O_PATH) !== 0) return 0;
  if ((flags & TMPFILE) !== 0) return (flags & O_ACCMODE) === 0 ? -EINVAL : -EOPNOTSUPP;
  return (flags & (O_CREAT | O_DIRECTORY)) === (O_CREAT | O_DIRECTORY) ? -EINVAL : 0;
}

/** Opens a FIFO: fifo(7): waits for the other end, unless it is there already. The file is open to others meanwhile. */
function openFifo(task: Task, file: FifoFile, flags: number): number {
  if (file.isWaiting) {
    task.scratch = file;
    task.hold(NO_DESCRIPTOR, file);
    task.waitOn(file.waitQueue);
    return task.block();
  }
  return task.process.descriptors.install(file, (flags & O_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

/** `restricted` is the caller's view where it is not the usual one: openat2(2). */
export function openText(
  task: Task,
  directory: number,
  path: string,
  openFlags: number,
  mode: number,
  restricted?: FileSystemContext,
): number {
  const flags = openFlags | 0;
  if (task.scratch instanceof FifoFile) return openFifo(task, task.scratch, flags);
  // Before anything is made or truncated: is there a number for it?
  const room = task.process.descriptors.checkRoom();
  if (room < 0) return room;
  const start = startOf(task, directory, path);
  if (typeof start === "number") return start;
  const file = openPath(restricted ?? contextOf(task), path, flags, mode & 0o7777, start);
  if (typeof file === "number") return file;
  if (file instanceof FifoFile) return openFifo(task, file, flags);
  if (file.terminal !== null && (flags & O_NOCTTY) === 0 && file.isReadable) acquireOnOpen(task.process, file.terminal);
  return task.process.descriptors.install(file, (flags & O_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

export function openat(task: Task, directory: number, pathAddress: number, flags: number, mode: number): number {
  const bad = checkOpenFlags(flags | 0);
  if (bad !== 0) return bad;
  const path = readPath(task, pathAddress);
  return typeof path === "number" ? path : openText(task, directory, path, flags, mode);
}

/** The akuma ABI gives the length of the path and no NUL. */
export function openatSized(
  task: Task,
  directory: number,
  pathAddress: number,
  pathLength: number,
  flags: number,
  mode: number,
): number {
  const bad = checkOpenFlags(flags | 0);
  if (bad !== 0) return bad;
  const length = pathLength >>> 0;
  if (!task.process.memory.isValid(pathAddress, length)) return -EFAULT;
  if (length >= PATH_MAX) return -ENAMETOOLONG;
  const path = task.process.memory.readText(pathAddress, length);
  if (typeof path === "number") return path;
  // A NUL would end the path for everybody else who reads it.
  return path.includes("\0") ? -EINVAL : openText(task, directory, path, flags, mode);
}

export function lseek(task: Task, fd: number, offset: number, whence: number): number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  return whence >>> 0 > SEEK_HOLE ? -EINVAL : file.seek(offset, whence | 0);
}

export function truncate(task: Task, pathAddress: number, size: number): number {
  if (size < 0) return -EINVAL;
  const node = resolve(task, -100, pathAddress, true);
  if (typeof node === "number") return node;
  if (node.inode.isDirectory) return -EISDIR;
  if (node.inode.type !== S_IFREG) return -EINVAL;
  if (node.mount.readOnly) return -EROFS;
  const denied = checkAccess(node.inode, contextOf(task), W_OK);
  if (denied < 0) return denied;
  if (size > POSITION_MAXIMUM) return -EFBIG;
  const result = node.inode.truncate(node.dentry, size);
  if (result < 0) return result;
  node.inode.mapping?.afterTruncate(size);
  node.mount.watches.happened(node.dentry, IN_MODIFY);
  return result;
}

export function ftruncate(task: Task, fd: number, size: number): number {
  if (size < 0) return -EINVAL;
  const file = task.file(fd);
  if (file === null) return -EBADF;
  if (!file.isWritable || !(file instanceof RegularFile)) return -EINVAL;
  return size > POSITION_MAXIMUM ? -EFBIG : truncateFile(file, size);
}

function truncateFile(file: RegularFile, size: number): number {
  const result = file.truncate(size);
  if (result < 0) return result;
  file.node.inode.mapping?.afterTruncate(size);
  file.node.mount.watches.happened(file.node.dentry, IN_MODIFY);
  return result;
}

export function fallocate(task: Task, fd: number, mode: number, offset: number, length: number): number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  if (offset < 0 || length <= 0) return -EINVAL;
  if ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0) return -EOPNOTSUPP;
  if (!file.isWritable) return -EBADF;
  if (!(file instanceof RegularFile)) {
    const status = file.status();
    const type = typeof status === "number" ? 0 : status.mode & 0o170000;
    return type === S_IFIFO ? -ESPIPE : type === S_IFDIR ? -EISDIR : -ENODEV;
  }
  if (offset + length > POSITION_MAXIMUM) return -EFBIG;
  const error = file.allocate(offset, length);
  if (error < 0 || (mode & FALLOC_FL_KEEP_SIZE) !== 0) return error;
  const size = file.size();
  return size < 0 ? size : offset + length > size ? truncateFile(file, offset + length) : 0;
}

export function umask(task: Task, mask: number): number {
  const context = contextOf(task);
  const before = context.umask;
  context.umask = mask & 0o777;
  return before;
}

export const openCalls: readonly SyscallDefinition[] = [
  call(45, "truncate", ["path", "offset"], truncate),
  call(46, "ftruncate", ["fd", "offset"], ftruncate),
  call(47, "fallocate", ["fd", "flags", "offset", "offset"], fallocate),
  call(56, "openat", ["dirfd", "path", "open-flags", "mode"], openat),
  call(62, "lseek", ["fd", "offset", "whence"], lseek),
  call(166, "umask", ["mode"], umask),
];

export const openAkumaCalls: readonly SyscallDefinition[] = [
  call(56, "openat", ["dirfd", "sized-path", "size", "open-flags", "mode"], openatSized),
];
