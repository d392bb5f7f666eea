/**
 * Extended attributes, xattr(7): no file system here keeps any. A list of them is empty, and all else is EOPNOTSUPP, once the
 * arguments are right; programs that copy files take that for an answer.
 */
import { E2BIG, EBADF, EFAULT, EINVAL, EOPNOTSUPP, ERANGE, EROFS } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/file.ts";
import type { Task } from "../task/task.ts";
import type { PathNode } from "../vfs/path-walk.ts";
import { VfsFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { resolve } from "./path-arguments.ts";

const XATTR_NAME_MAX = 255;
const XATTR_SIZE_MAX = 65_536;
/** XATTR_CREATE and XATTR_REPLACE. */
const SET_FLAGS = 3;

/** What a call is made on: a place, null for an open file that has none (a socket), or -errno. */
type Found = PathNode | null | number;

const followed = (task: Task, path: number): Found => resolve(task, AT_FDCWD, path, true);
const notFollowed = (task: Task, path: number): Found => resolve(task, AT_FDCWD, path, false);

function opened(task: Task, fd: number): Found {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  return file instanceof VfsFile ? file.node : null;
}

/** 0, -EFAULT, or -ERANGE for a name that is empty or too long. */
function checkAttributeName(task: Task, address: number): number {
  const name = task.process.memory.readString(address, XATTR_NAME_MAX + 1);
  if (typeof name === "number") return name === -EFAULT ? name : -ERANGE;
  return name === "" ? -ERANGE : 0;
}

type Finder = (task: Task, target: number) => Found;

function setter(find: Finder) {
  return (task: Task, target: number, name: number, value: number, size: number, flags: number): number => {
    const found = find(task, target);
    if (typeof found === "number") return found;
    if (found?.mount.readOnly === true) return -EROFS;
    if ((flags & ~SET_FLAGS) !== 0) return -EINVAL;
    const error = checkAttributeName(task, name);
    if (error !== 0) return error;
    if (size >>> 0 > XATTR_SIZE_MAX) return -E2BIG;
    return size !== 0 && !task.process.memory.isValid(value, size) ? -EFAULT : -EOPNOTSUPP;
  };
}

function getter(find: Finder) {
  return (task: Task, target: number, name: number): number => {
    const found = find(task, target);
    if (typeof found === "number") return found;
    const error = checkAttributeName(task, name);
    return error === 0 ? -EOPNOTSUPP : error;
  };
}

function lister(find: Finder) {
  return (task: Task, target: number): number => {
    const found = find(task, target);
    return typeof found === "number" ? found : 0;
  };
}

function remover(find: Finder) {
  return (task: Task, target: number, name: number): number => {
    const found = find(task, target);
    if (typeof found === "number") return found;
    if (found?.mount.readOnly === true) return -EROFS;
    const error = checkAttributeName(task, name);
    return error === 0 ? -EOPNOTSUPP : error;
  };
}

export const extendedAttributeCalls: readonly SyscallDefinition[] = [
  call(5, "setxattr", ["path", "string", "address", "size", "flags"], setter(followed)),
  call(6, "lsetxattr", ["path", "string", "address", "size", "flags"], setter(notFollowed)),
  call(7, "fsetxattr", ["fd", "string", "address", "size", "flags"], setter(opened)),
  call(8, "getxattr", ["path", "string", "address", "size"], getter(followed)),
  call(9, "lgetxattr", ["path", "string", "address", "size"], getter(notFollowed)),
  call(10, "fgetxattr", ["fd", "string", "address", "size"], getter(opened)),
  call(11, "listxattr", ["path", "address", "size"], lister(followed)),
  call(12, "llistxattr", ["path", "address", "size"], lister(notFollowed)),
  call(13, "flistxattr", ["fd", "address", "size"], lister(opened)),
  call(14, "removexattr", ["path", "string"], remover(followed)),
  call(15, "lremovexattr", ["path", "string"], remover(notFollowed)),
  call(16, "fremovexattr", ["fd", "string"], remover(opened)),
];
