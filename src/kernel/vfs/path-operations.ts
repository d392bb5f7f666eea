/**
 * Calls that make, remove or rename a name, by path: what mkdir(2), unlink(2), rename(2) and their like check in common, in the
 * order in which Linux finds errors. The system calls and the kernel's own file writing share them.
 */
import { EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EROFS, EXDEV } from "../../abi/errno.ts";
import {
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFREG,
  S_IFSOCK,
  W_OK,
} from "../../abi/file.ts";
import {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_ISDIR,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
} from "../../abi/inotify.ts";
import type { FileSystemContext } from "./file-system-context.ts";
import type { Dentry, Inode } from "./inode.ts";
import type { MountTable } from "./mount-table.ts";
import { lookupChild, type ParentNode, type PathNode, walkParent } from "./path-walk.ts";
import { checkAccess, checkMake, checkRemove, giveToMaker } from "./permission.ts";

/** "", "." and ".." name no entry that could be made or removed. */
function isSpecial(name: string): boolean {
  return name === "" || name === "." || name === "..";
}

/** The place for a new name; -EEXIST if it is taken. `forDirectory` allows a trailing slash. */
function placeForNew(
  context: FileSystemContext,
  path: string,
  start: PathNode | undefined,
  forDirectory: boolean,
): ParentNode | number {
  const place = walkParent(context, path, start);
  if (typeof place === "number") return place;
  if (isSpecial(place.name)) return -EEXIST;
  const existing = lookupChild(place.parent, place.name, context);
  if (typeof existing !== "number") return -EEXIST;
  if (existing !== -ENOENT) return existing;
  if (place.trailingSlash && !forDirectory) return -ENOENT;
  if (place.parent.mount.readOnly) return -EROFS;
  if (place.parent.dentry.isDeleted) return -ENOENT;
  const denied = checkMake(place.parent.inode, context);
  return denied < 0 ? denied : place;
}

/** 0 for a new name, which gets its owner; or why there is none. */
function finish(context: FileSystemContext, place: ParentNode, made: Dentry | number): number {
  if (typeof made === "number") return made;
  giveToMaker(place.parent.inode, made, context);
  tellCreated(place, made);
  return 0;
}

function tellCreated({ parent, name }: ParentNode, made: Dentry): void {
  parent.mount.watches.entryHappened(parent.inode, name, IN_CREATE | (made.inode.isDirectory ? IN_ISDIR : 0));
}

export function makeDirectory(context: FileSystemContext, path: string, mode: number, start?: PathNode): number {
  const place = placeForNew(context, path, start, true);
  if (typeof place === "number") return place;
  const made = place.parent.inode.makeDirectory(place.parent.dentry, place.name, mode & 0o1777 & ~context.umask);
  return finish(context, place, made);
}

/** What mknod(2) knows of: others are EINVAL. Only directories are made otherwise. */
const NODE_TYPES: ReadonlySet<number> = new Set([0, S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFDIR]);

/** mknod(2) for regular files and named pipes; all other types are -EPERM, as for a process that may not make devices. */
export function makeNode(context: FileSystemContext, path: string, mode: number, start?: PathNode): number {
  const place = placeForNew(context, path, start, false);
  if (typeof place === "number") return place;
  const type = mode & 0o170000;
  if (!NODE_TYPES.has(type)) return -EINVAL;
  const { inode, dentry } = place.parent;
  const permissions = mode & 0o7777 & ~context.umask;
  let made: Dentry | number = -EPERM;
  if (type === 0 || type === S_IFREG) made = inode.create(dentry, place.name, permissions);
  else if (type === S_IFIFO) made = inode.makeFifo(dentry, place.name, permissions);
  return finish(context, place, made);
}

/** What bind(2) makes for a pathname of AF_UNIX: the new file, or -EEXIST and the like. */
export function makeSocketNode(context: FileSystemContext, path: string, mode: number): Inode | number {
  const place = placeForNew(context, path, undefined, false);
  if (typeof place === "number") return place;
  const made = place.parent.inode.makeSocket(place.parent.dentry, place.name, mode & 0o777 & ~context.umask);
  if (typeof made === "number") return made;
  finish(context, place, made);
  return made.inode;
}

export function makeSymlink(context: FileSystemContext, target: string, path: string, start?: PathNode): number {
  if (target === "") return -ENOENT;
  const place = placeForNew(context, path, start, false);
  if (typeof place === "number") return place;
  const made = place.parent.inode.symlink(place.parent.dentry, place.name, target);
  return finish(context, place, made);
}

/** link(2): a further name for `file`, in the same mount. */
export function makeLink(context: FileSystemContext, file: PathNode, path: string, start?: PathNode): number {
  const place = placeForNew(context, path, start, false);
  if (typeof place === "number") return place;
  if (place.parent.mount !== file.mount) return -EXDEV;
  if (file.inode.isDirectory) return -EPERM;
  const made = place.parent.inode.link(place.parent.dentry, place.name, file.dentry);
  if (typeof made === "number") return made;
  file.mount.watches.selfHappened(file.inode, IN_ATTRIB);
  tellCreated(place, made);
  return 0;
}

/** unlink(2), or with `directory` rmdir(2). */
export function removeName(
  mounts: MountTable,
  context: FileSystemContext,
  path: string,
  directory: boolean,
  start?: PathNode,
): number {
  const place = walkParent(context, path, start);
  if (typeof place === "number") return place;
  const { parent, name } = place;
  if (isSpecial(name)) {
    if (!directory) return -EISDIR;
    return name === "" ? -EBUSY : name === "." ? -EINVAL : -ENOTEMPTY;
  }
  if (parent.mount.readOnly) return -EROFS;
  mounts.lock.acquire();
  try {
    const dentry = parent.inode.lookup(parent.dentry, name, context);
    if (typeof dentry === "number") return dentry;
    const denied = checkRemove(parent.inode, dentry.inode, context);
    if (denied < 0) return denied;
    const { isDirectory } = dentry.inode;
    if (directory && !isDirectory) return -ENOTDIR;
    if (!directory && isDirectory) return -EISDIR;
    if (!directory && place.trailingSlash) return -ENOTDIR;
    if (dentry.mountCount > 0) return -EBUSY;
    const error = directory
      ? parent.inode.removeDirectory(parent.dentry, dentry)
      : parent.inode.unlink(parent.dentry, dentry);
    if (error === 0) tellRemoved(parent, dentry.inode, name);
    return error;
  } finally {
    mounts.lock.release();
  }
}

/** rename(2) with the flags of renameat2(2). */
export function renamePath(
  mounts: MountTable,
  context: FileSystemContext,
  oldPath: string,
  newPath: string,
  flags: number,
  oldStart?: PathNode,
  newStart?: PathNode,
): number {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return -EINVAL;
  const exchange = (flags & RENAME_EXCHANGE) !== 0;
  const noReplace = (flags & RENAME_NOREPLACE) !== 0;
  if (exchange && noReplace) return -EINVAL;
  const from = walkParent(context, oldPath, oldStart);
  if (typeof from === "number") return from;
  const to = walkParent(context, newPath, newStart);
  if (typeof to === "number") return to;
  if (from.parent.mount !== to.parent.mount) return -EXDEV;
  if (isSpecial(from.name)) return -EBUSY;
  if (isSpecial(to.name)) return noReplace ? -EEXIST : -EBUSY;
  if (from.parent.mount.readOnly) return -EROFS;
  mounts.lock.acquire();
  try {
    return renameEntry(context, from, to, { exchange, noReplace });
  } finally {
    mounts.lock.release();
  }
}

function renameEntry(
  context: FileSystemContext,
  from: ParentNode,
  to: ParentNode,
  options: { exchange: boolean; noReplace: boolean },
): number {
  const child = from.parent.inode.lookup(from.parent.dentry, from.name, context);
  if (typeof child === "number") return child;
  const found = to.parent.inode.lookup(to.parent.dentry, to.name, context);
  if (typeof found === "number" && found !== -ENOENT) return found;
  const target: Dentry | null = typeof found === "number" ? null : found;
  if (options.noReplace && target !== null) return -EEXIST;
  if (options.exchange) {
    if (target === null) return -ENOENT;
    if (to.trailingSlash && !target.inode.isDirectory) return -ENOTDIR;
  }
  if (!child.inode.isDirectory) {
    // A file can neither be reached nor replaced through a name with a slash behind it.
    if (from.trailingSlash || (!options.exchange && to.trailingSlash)) return -ENOTDIR;
  }
  // A directory cannot go into itself; nor can it take the place of one that it stands in.
  if (to.parent.dentry.isWithin(child)) return -EINVAL;
  if (target !== null && from.parent.dentry.isWithin(target)) return options.exchange ? -EINVAL : -ENOTEMPTY;
  // rename(2): two names of one file: nothing happens.
  if (target !== null && target.inode === child.inode) return 0;
  const denied = checkRename(context, from, to, child, target);
  if (denied < 0) return denied;
  if (to.parent.dentry.isDeleted) return -ENOENT;
  if (target !== null && !options.exchange) {
    if (child.inode.isDirectory && !target.inode.isDirectory) return -ENOTDIR;
    if (!child.inode.isDirectory && target.inode.isDirectory) return -EISDIR;
  }
  if (child.mountCount > 0 || (target !== null && target.mountCount > 0)) return -EBUSY;
  const error = from.parent.inode.rename(from.parent.dentry, child, to.parent.dentry, to.name, target, options);
  if (error === 0) tellRenamed(from, to, child.inode, options.exchange ? null : target);
  return error;
}

/** A name is gone; a file whose last one it was is too, as far as who watches it is concerned. */
function tellRemoved(parent: PathNode, inode: Inode, name: string): void {
  const { watches } = parent.mount;
  if (watches.isEmpty) return;
  tellLost(parent, inode);
  watches.entryHappened(parent.inode, name, IN_DELETE | (inode.isDirectory ? IN_ISDIR : 0));
}

function tellLost(parent: PathNode, inode: Inode): void {
  const status = inode.status();
  const hasNames = !inode.isDirectory && typeof status !== "number" && status.links > 0;
  const { watches } = parent.mount;
  if (!inode.isDirectory) watches.selfHappened(inode, IN_ATTRIB);
  if (!hasNames) watches.selfHappened(inode, IN_DELETE_SELF);
}

function tellRenamed(from: ParentNode, to: ParentNode, moved: Inode, replaced: Dentry | null): void {
  const { watches } = from.parent.mount;
  if (watches.isEmpty) return;
  const cookie = watches.nextCookie();
  const kind = moved.isDirectory ? IN_ISDIR : 0;
  watches.entryHappened(from.parent.inode, from.name, IN_MOVED_FROM | kind, cookie);
  watches.entryHappened(to.parent.inode, to.name, IN_MOVED_TO | kind, cookie);
  watches.selfHappened(moved, IN_MOVE_SELF | kind);
  if (replaced !== null) tellLost(to.parent, replaced.inode);
}

/** Both directories change, and a directory that gets another parent does too. */
function checkRename(
  context: FileSystemContext,
  from: ParentNode,
  to: ParentNode,
  child: Dentry,
  target: Dentry | null,
): number {
  if (context.identity === undefined) return 0;
  const toInode = to.parent.inode;
  const denied =
    checkRemove(from.parent.inode, child.inode, context) ||
    (target === null ? checkMake(toInode, context) : checkRemove(toInode, target.inode, context));
  if (denied < 0 || from.parent.dentry === to.parent.dentry || !child.inode.isDirectory) return denied;
  return checkAccess(child.inode, context, W_OK);
}
