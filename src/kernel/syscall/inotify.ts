/** inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2). */
import { EBADF, EINVAL, ENOTDIR } from "../../abi/errno.ts";
import { AT_FDCWD, FD_CLOEXEC, R_OK } from "../../abi/file.ts";
import {
  IN_ALL_EVENTS,
  IN_CLOEXEC,
  IN_DONT_FOLLOW,
  IN_EXCL_UNLINK,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_NONBLOCK,
  IN_ONESHOT,
  IN_ONLYDIR,
} from "../../abi/inotify.ts";
import type { Task } from "../task/task.ts";
import { InotifyFile } from "../vfs/inotify-file.ts";
import { checkAccess } from "../vfs/permission.ts";
import { watchKey } from "../vfs/watches.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { contextOf, resolve } from "./path-arguments.ts";

const KNOWN_BITS =
  IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT;

export function inotifyInit1(task: Task, flags: number): number {
  if ((flags & ~(IN_CLOEXEC | IN_NONBLOCK)) !== 0) return -EINVAL;
  const file = new InotifyFile(task.system.openFiles, task.system.mounts.watches, flags & IN_NONBLOCK);
  return task.process.descriptors.install(file, (flags & IN_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

export function inotifyAddWatch(task: Task, fd: number, path: number, mask: number): number {
  if ((mask & KNOWN_BITS) === 0) return -EINVAL;
  const file = task.file(fd);
  if (file === null) return -EBADF;
  if ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0) return -EINVAL;
  if (!(file instanceof InotifyFile)) return -EINVAL;
  const node = resolve(task, AT_FDCWD, path, (mask & IN_DONT_FOLLOW) === 0);
  if (typeof node === "number") return node;
  if ((mask & IN_ONLYDIR) !== 0 && !node.inode.isDirectory) return -ENOTDIR;
  const denied = checkAccess(node.inode, contextOf(task), R_OK);
  if (denied < 0) return denied;
  const key = watchKey(node.inode);
  return key === null ? -EINVAL : file.watch(key, mask);
}

export function inotifyRmWatch(task: Task, fd: number, watch: number): number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  return file instanceof InotifyFile ? file.unwatch(watch | 0) : -EINVAL;
}

export const inotifyCalls: readonly SyscallDefinition[] = [
  call(26, "inotify_init1", ["inotify-flags"], inotifyInit1),
  call(27, "inotify_add_watch", ["fd", "path", "inotify-mask"], inotifyAddWatch),
  call(28, "inotify_rm_watch", ["fd", "int"], inotifyRmWatch),
];
