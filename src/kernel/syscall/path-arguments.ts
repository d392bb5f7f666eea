/** How the calls on files read their common arguments: a path, the directory it starts from, or nothing but the descriptor. */
import { EBADF, EFAULT, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, PATH_MAX } from "../../abi/file.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { Task } from "../task/task.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { type PathNode, walk } from "../vfs/path-walk.ts";
import { VfsFile } from "../vfs/vfs-file.ts";

const SHORT_PATH_BYTES = 128;

/** Root, working directory and umask of the caller, and who it is. */
export function contextOf(task: Task): FileSystemContext {
  const context = task.process.fileSystem;
  const { processId, credentials } = task.process;
  context.processId = processId;
  context.identity = credentials.fileIdentity;
  context.owner = credentials;
  return context;
}

/** A NUL-terminated path; -EFAULT, or -ENAMETOOLONG beyond PATH_MAX. */
export function readPath(task: Task, address: number): string | number {
  const { memory } = task.process;
  if (!memory.isValid(address, 1)) return -EFAULT;
  // Most paths are short and plain ASCII: making those by hand costs a quarter of what a decoder does.
  const { bytes } = memory;
  const limit = Math.min(bytes.length, address + SHORT_PATH_BYTES);
  for (let end = address; end < limit; end++) {
    const byte = bytes[end] as number;
    if (byte === 0) return String.fromCharCode.apply(null, bytes.subarray(address, end) as unknown as number[]);
    if (byte >= 0x80) break;
  }
  return memory.readString(address, PATH_MAX);
}

/** Where a path begins: undefined for the working directory (or an absolute path), -EBADF or -ENOTDIR for a wrong descriptor. */
export function startOf(task: Task, directory: number, path: string): PathNode | undefined | number {
  if (path.charCodeAt(0) === 0x2f) return undefined;
  // The empty path is ENOENT whatever the descriptor is, even none.
  if (path === "") return -ENOENT;
  const descriptor = directory | 0;
  if (descriptor === AT_FDCWD) return undefined;
  const file = task.fileOrPath(descriptor);
  if (file === null) return -EBADF;
  if (!(file instanceof VfsFile) || !file.node.inode.isDirectory) return -ENOTDIR;
  return file.node;
}

/** Walks a path of the caller's; -errno. */
export function resolve(task: Task, directory: number, pathAddress: number, followLast: boolean): PathNode | number {
  const path = readPath(task, pathAddress);
  if (typeof path === "number") return path;
  const start = startOf(task, directory, path);
  if (typeof start === "number") return start;
  return walk(contextOf(task), path, start === undefined ? { followLast } : { followLast, start });
}

/**
 * As `resolve`, for calls with AT_EMPTY_PATH: an empty path means the descriptor itself, which may be any open file (or the
 * working directory, for AT_FDCWD).
 */
export function resolveOrFile(
  task: Task,
  directory: number,
  pathAddress: number,
  flags: number,
  followLast: boolean,
): PathNode | OpenFile | number {
  if ((flags & AT_EMPTY_PATH) !== 0) {
    const path = pathAddress === 0 ? "" : readPath(task, pathAddress);
    if (typeof path === "number") return path;
    if (path === "") {
      if ((directory | 0) === AT_FDCWD) return task.process.fileSystem.workingDirectory;
      return task.fileOrPath(directory | 0) ?? -EBADF;
    }
  }
  return resolve(task, directory, pathAddress, followLast);
}
