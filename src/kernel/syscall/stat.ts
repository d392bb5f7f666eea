/** stat(2), statx(2), statfs(2), access(2): what there is to know about a file. */
import { EBADF, EFAULT, EINVAL, EROFS } from "../../abi/errno.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  STAT_BYTES,
  W_OK,
} from "../../abi/file.ts";
import { type FileStatus, OpenFile } from "../file/open-file.ts";
import type { Task } from "../task/task.ts";
import type { PathNode } from "../vfs/path-walk.ts";
import { checkStatus } from "../vfs/permission.ts";
import { VfsFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { resolve, resolveOrFile } from "./path-arguments.ts";
import { STATFS_BYTES, STATX_BYTES, writeStat, writeStatfs, writeStatx } from "./stat-layout.ts";

const AT_NO_AUTOMOUNT = 0x800;
const AT_STATX_SYNC_TYPE = 0x6000;
const STATX_RESERVED = 0x8000_0000;
const AT_EACCESS = 0x200;
/** What statfs(2) calls an anonymous file system of pipes and sockets. */
const ANONYMOUS_MAGIC = 0x0904_1934;

function statusOf(found: PathNode | OpenFile): FileStatus | number {
  return found instanceof OpenFile ? found.status() : found.inode.statusAtLookup();
}

function mountIdentifierOf(found: PathNode | OpenFile): number {
  if (!(found instanceof OpenFile)) return found.mount.identifier;
  return found instanceof VfsFile ? found.node.mount.identifier : 0;
}

export function fstat(task: Task, fd: number, address: number): number {
  const file = task.fileOrPath(fd);
  if (file === null) return -EBADF;
  if (!task.process.memory.isValid(address, STAT_BYTES)) return -EFAULT;
  const status = file.status();
  if (typeof status === "number") return status;
  writeStat(task.process.memory, address, status);
  return 0;
}

export function newfstatat(task: Task, directory: number, path: number, address: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) !== 0) return -EINVAL;
  const found = resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (typeof found === "number") return found;
  const status = statusOf(found);
  if (typeof status === "number") return status;
  if (!task.process.memory.isValid(address, STAT_BYTES)) return -EFAULT;
  writeStat(task.process.memory, address, status);
  return 0;
}

export function statx(
  task: Task,
  directory: number,
  path: number,
  flags: number,
  mask: number,
  address: number,
): number {
  const known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
  if ((flags & ~known) !== 0 || (flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return -EINVAL;
  if ((mask & STATX_RESERVED) !== 0) return -EINVAL;
  const found = resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (typeof found === "number") return found;
  const status = statusOf(found);
  if (typeof status === "number") return status;
  if (!task.process.memory.isValid(address, STATX_BYTES)) return -EFAULT;
  writeStatx(task.process.memory, address, status, mountIdentifierOf(found));
  return 0;
}

function statfsOf(task: Task, found: PathNode | OpenFile, address: number): number {
  if (!task.process.memory.isValid(address, STATFS_BYTES)) return -EFAULT;
  const node = found instanceof VfsFile ? found.node : found instanceof OpenFile ? null : found;
  if (node === null) {
    const nothing = { blocks: 0, freeBlocks: 0, files: 0, freeFiles: 0, nameLengthMaximum: 255 };
    writeStatfs(task.process.memory, address, { type: ANONYMOUS_MAGIC, blockSize: 4096, ...nothing }, 0, false);
    return 0;
  }
  const { fileSystem, readOnly } = node.mount;
  const statistics = fileSystem.statistics();
  if (typeof statistics === "number") return statistics;
  writeStatfs(task.process.memory, address, statistics, fileSystem.deviceNumber, readOnly);
  return 0;
}

export function statfs(task: Task, path: number, address: number): number {
  const node = resolve(task, -100, path, true);
  return typeof node === "number" ? node : statfsOf(task, node, address);
}

export function fstatfs(task: Task, fd: number, address: number): number {
  const file = task.fileOrPath(fd);
  return file === null ? -EBADF : statfsOf(task, file, address);
}

export function faccessat2(task: Task, directory: number, path: number, mode: number, flags: number): number {
  if ((mode & ~7) !== 0) return -EINVAL;
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const found = resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (typeof found === "number") return found;
  const status = statusOf(found);
  if (typeof status === "number") return status;
  const type = status.mode & S_IFMT;
  const node = found instanceof VfsFile ? found.node : found instanceof OpenFile ? null : found;
  const isContent = type === S_IFREG || type === S_IFDIR || type === S_IFLNK;
  const isReadOnly = (mode & W_OK) !== 0 && isContent && node?.mount.readOnly === true;
  const { credentials } = task.process;
  const denied = checkStatus(
    status,
    (flags & AT_EACCESS) !== 0 ? credentials.fileIdentity : credentials.realIdentity,
    mode,
  );
  // A symlink's own mode lets everybody do everything.
  if (denied < 0 && type !== S_IFLNK) return denied;
  return isReadOnly ? -EROFS : 0;
}

export function faccessat(task: Task, directory: number, path: number, mode: number): number {
  return faccessat2(task, directory, path, mode, 0);
}

export const statCalls: readonly SyscallDefinition[] = [
  call(43, "statfs", ["path", "address"], statfs),
  call(44, "fstatfs", ["fd", "address"], fstatfs),
  call(48, "faccessat", ["dirfd", "path", "access-mode"], faccessat),
  call(79, "newfstatat", ["dirfd", "path", "stat-out", "at-flags"], newfstatat),
  call(80, "fstat", ["fd", "stat-out"], fstat),
  call(291, "statx", ["dirfd", "path", "at-flags", "flags", "address"], statx),
  call(439, "faccessat2", ["dirfd", "path", "access-mode", "at-flags"], faccessat2),
];
