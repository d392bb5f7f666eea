/** openat2(2): openat(2) that refuses what it does not know, and paths that lead where they shall not. */
import { E2BIG, EAGAIN, EFAULT, EINVAL } from "../../abi/errno.ts";
import {
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_TRUNC,
} from "../../abi/file.ts";
import {
  OPEN_HOW_BYTES,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../abi/openat2.ts";
import type { Task } from "../task/task.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import type { PathNode } from "../vfs/path-walk.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { checkOpenFlags, openText, TMPFILE } from "./open.ts";
import { contextOf, readPath, startOf } from "./path-arguments.ts";

const PAGE_BYTES = 4096;
const O_SYNC = 0o4000000;
const O_ASYNC = 0o20000;
const KNOWN_FLAGS =
  O_ACCMODE |
  O_CREAT |
  O_EXCL |
  O_NOCTTY |
  O_TRUNC |
  O_APPEND |
  O_NONBLOCK |
  O_DSYNC |
  O_SYNC |
  O_ASYNC |
  O_DIRECT |
  O_LARGEFILE |
  O_DIRECTORY |
  O_NOFOLLOW |
  O_NOATIME |
  O_CLOEXEC |
  O_PATH |
  TMPFILE;
const PATH_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const RESOLVE_ALL =
  RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;

/** A struct open_how's flags, mode and resolve; -errno. */
function readHow(task: Task, address: number, size: number): { flags: number; mode: number; resolve: number } | number {
  const { memory } = task.process;
  const room = size >>> 0;
  if (room < OPEN_HOW_BYTES) return -EINVAL;
  if (room > PAGE_BYTES) return -E2BIG;
  if (!memory.isValid(address, room)) return -EFAULT;
  // Fields that a newer program knows must say nothing.
  if (memory.bytes.subarray(address + OPEN_HOW_BYTES, address + room).some((byte) => byte !== 0)) return -E2BIG;
  const [flags, mode, resolve] = [0, 8, 16].map((offset) => memory.readInt64(address + offset)) as [
    number,
    number,
    number,
  ];
  if (flags < 0 || flags > 0x7fff_ffff || (flags & ~KNOWN_FLAGS) !== 0) return -EINVAL;
  if (resolve < 0 || resolve > RESOLVE_ALL || (resolve & ~RESOLVE_ALL) !== 0) return -EINVAL;
  if ((resolve & RESOLVE_BENEATH) !== 0 && (resolve & RESOLVE_IN_ROOT) !== 0) return -EINVAL;
  if ((flags & (O_CREAT | TMPFILE)) !== 0 ? mode < 0 || mode > 0o7777 : mode !== 0) return -EINVAL;
  if ((flags & O_PATH) !== 0 && (flags & ~PATH_FLAGS) !== 0) return -EINVAL;
  if ((resolve & RESOLVE_CACHED) !== 0 && (flags & (O_TRUNC | O_CREAT | TMPFILE)) !== 0) return -EAGAIN;
  return { flags, mode, resolve };
}

function restrict(context: FileSystemContext, base: PathNode, resolve: number): FileSystemContext {
  const isInRoot = (resolve & RESOLVE_IN_ROOT) !== 0;
  const restrictions = {
    withinMount: (resolve & RESOLVE_NO_XDEV) !== 0,
    noSymlinks: (resolve & RESOLVE_NO_SYMLINKS) !== 0,
    noMagicLinks: (resolve & (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)) !== 0,
    beneath: (resolve & RESOLVE_BENEATH) !== 0 ? base : null,
    noJumps: isInRoot || (resolve & RESOLVE_BENEATH) !== 0,
  };
  return isInRoot ? { ...context, root: base, workingDirectory: base, restrictions } : { ...context, restrictions };
}

export function openat2(
  task: Task,
  directory: number,
  pathAddress: number,
  howAddress: number,
  howBytes: number,
): number {
  const how = readHow(task, howAddress, howBytes);
  if (typeof how === "number") return how;
  const bad = checkOpenFlags(how.flags);
  if (bad !== 0) return bad;
  const path = readPath(task, pathAddress);
  if (typeof path === "number") return path;
  if ((how.resolve & ~RESOLVE_CACHED) === 0) return openText(task, directory, path, how.flags, how.mode);
  const context = contextOf(task);
  // Absolute paths are seen from the directory too, or are refused.
  const start = startOf(task, directory, path === "" ? "" : ".");
  if (typeof start === "number") return start;
  const base = start ?? context.workingDirectory;
  return openText(task, directory, path, how.flags, how.mode, restrict(context, base, how.resolve));
}

export const openat2Calls: readonly SyscallDefinition[] = [
  call(437, "openat2", ["dirfd", "path", "address", "size"], openat2),
];
