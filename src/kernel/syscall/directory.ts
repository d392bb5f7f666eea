/** Directories: getdents64(2), mkdirat(2), mknodat(2), getcwd(2), chdir(2), chroot(2). */
import { CAP_SYS_CHROOT } from "../../abi/capability.ts";
import { EBADF, EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, ERANGE } from "../../abi/errno.ts";
import { PATH_MAX, X_OK } from "../../abi/file.ts";
import type { Task } from "../task/task.ts";
import type { CursorEntry } from "../vfs/inode.ts";
import { makeDirectory, makeNode } from "../vfs/path-operations.ts";
import { type PathNode, pathOf } from "../vfs/path-walk.ts";
import { checkAccess } from "../vfs/permission.ts";
import { DirectoryFile, VfsFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { contextOf, readPath, resolve, startOf } from "./path-arguments.ts";

const encoder = new TextEncoder();
/** struct linux_dirent64 before the name: inode, cursor, length of the record, type. */
const ENTRY_HEADER_BYTES = 19;
const LONGEST_ENTRY_BYTES = 280;

/** Writes one record at `address`; its length, or 0 if it does not fit before `end`. */
function writeEntry(task: Task, address: number, end: number, entry: CursorEntry): number {
  const { memory } = task.process;
  const name = encoder.encode(entry.name);
  const length = (ENTRY_HEADER_BYTES + name.length + 1 + 7) & ~7;
  if (address + length > end) return 0;
  memory.writeInt64(address, entry.inode);
  memory.writeInt64(address + 8, entry.nextCursor);
  memory.writeUint16(address + 16, length);
  memory.bytes[address + 18] = entry.type;
  memory.bytes.set(name, address + ENTRY_HEADER_BYTES);
  memory.bytes.fill(0, address + ENTRY_HEADER_BYTES + name.length, address + length);
  return length;
}

export function getdents64(task: Task, fd: number, address: number, length: number): number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  if (!(file instanceof DirectoryFile)) return -ENOTDIR;
  const size = Math.min(length >>> 0, 0x10_0000);
  if (!task.process.memory.isValid(address, size)) return -EFAULT;
  const end = address + size;
  let at = address;
  // Asks for as many entries as surely fit, so that none has to be read twice; then again for what is left.
  do {
    const most = Math.max(1, Math.floor((end - at) / LONGEST_ENTRY_BYTES));
    const entries = file.readDirectory(file.position, most);
    if (typeof entries === "number") return at > address ? at - address : entries;
    if (entries.length === 0) break;
    for (const entry of entries) {
      const written = writeEntry(task, at, end, entry);
      if (written === 0) return at > address ? at - address : -EINVAL;
      at += written;
      file.position = entry.nextCursor;
    }
  } while (end - at >= LONGEST_ENTRY_BYTES);
  return at - address;
}

export function mkdirat(task: Task, directory: number, pathAddress: number, mode: number): number {
  const path = readPath(task, pathAddress);
  if (typeof path === "number") return path;
  const start = startOf(task, directory, path);
  return typeof start === "number" ? start : makeDirectory(contextOf(task), path, mode, start);
}

export function mknodat(task: Task, directory: number, pathAddress: number, mode: number): number {
  const path = readPath(task, pathAddress);
  if (typeof path === "number") return path;
  const start = startOf(task, directory, path);
  return typeof start === "number" ? start : makeNode(contextOf(task), path, mode & 0xffff, start);
}

/** The length of the path with its NUL, as the system call (not the library's function) returns. */
export function getcwd(task: Task, address: number, size: number): number {
  const { root, workingDirectory } = contextOf(task);
  if (workingDirectory.dentry.isDeleted) return -ENOENT;
  const path = encoder.encode(pathOf(workingDirectory, root));
  if (path.length >= PATH_MAX) return -ENAMETOOLONG;
  if (path.length + 1 > size >>> 0) return -ERANGE;
  const { memory } = task.process;
  if (!memory.isValid(address, path.length + 1)) return -EFAULT;
  memory.bytes.set(path, address);
  memory.bytes[address + path.length] = 0;
  return path.length + 1;
}

function enter(task: Task, node: PathNode | number): PathNode | number {
  if (typeof node === "number") return node;
  if (!node.inode.isDirectory) return -ENOTDIR;
  const denied = checkAccess(node.inode, contextOf(task), X_OK);
  if (denied < 0) return denied;
  const error = node.inode.revalidate(node.dentry);
  return error < 0 ? error : node;
}

export function chdir(task: Task, pathAddress: number): number {
  const node = enter(task, resolve(task, -100, pathAddress, true));
  if (typeof node === "number") return node;
  task.process.fileSystem.workingDirectory = node;
  return 0;
}

export function fchdir(task: Task, fd: number): number {
  const file = task.fileOrPath(fd);
  if (file === null) return -EBADF;
  const node = enter(task, file instanceof VfsFile ? file.node : -ENOTDIR);
  if (typeof node === "number") return node;
  task.process.fileSystem.workingDirectory = node;
  return 0;
}

export function chroot(task: Task, pathAddress: number): number {
  const node = enter(task, resolve(task, -100, pathAddress, true));
  if (typeof node === "number") return node;
  if (!task.process.credentials.has(CAP_SYS_CHROOT)) return -EPERM;
  task.process.fileSystem.root = node;
  return 0;
}

export const directoryCalls: readonly SyscallDefinition[] = [
  call(17, "getcwd", ["address", "size"], getcwd),
  call(33, "mknodat", ["dirfd", "path", "mode", "flags"], mknodat),
  call(34, "mkdirat", ["dirfd", "path", "mode"], mkdirat),
  call(49, "chdir", ["path"], chdir),
  call(50, "fchdir", ["fd"], fchdir),
  call(51, "chroot", ["path"], chroot),
  call(61, "getdents64", ["fd", "directory-out", "size"], getdents64),
];
