/** open(2) on a path: what the flags mean, in the order in which Linux finds their contradictions. */
import { EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, EROFS, EXDEV } from "../../abi/errno.ts";
import {
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  R_OK,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  W_OK,
} from "../../abi/file.ts";
import { IN_CREATE, IN_MODIFY, IN_OPEN } from "../../abi/inotify.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { FileSystemContext } from "./file-system-context.ts";
import { checkMagicLink, lookupChild, type PathNode, SYMLINKS_MAXIMUM, walk, walkParent } from "./path-walk.ts";
import { checkAccess, checkMake, giveToMaker } from "./permission.ts";
import { PathHandle, VfsFile } from "./vfs-file.ts";

/** Flags that only say how to open, and are not kept as the description's status flags. */
const OPENING_FLAGS: number = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;

/**
 * Opens a path: a new open file description that nobody holds yet, or -errno. `mode` is for O_CREAT, before the umask;
 * `start` is where a relative path begins.
 */
export function openPath(
  context: FileSystemContext,
  path: string,
  flags: number,
  mode = 0o666,
  start?: PathNode,
): OpenFile | number {
  if ((flags & O_PATH) !== 0) {
    // open(2): with O_PATH all flags but these are ignored.
    const node = walkTo(context, path, flags, start);
    if (typeof node === "number") return node;
    if ((flags & O_DIRECTORY) !== 0 && !node.inode.isDirectory) return -ENOTDIR;
    return new PathHandle(node, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW));
  }
  if ((flags & O_CREAT) !== 0) return openOrCreate(context, path, flags, mode, start);
  const node = walkTo(context, path, flags, start);
  return typeof node === "number" ? node : openNode(node, flags, context);
}

/** Opens a file that is there. Truncates it if O_TRUNC says so. */
export function openNode(node: PathNode, flags: number, context?: FileSystemContext): OpenFile | number {
  const { inode, mount } = node;
  if ((flags & O_DIRECTORY) !== 0 && !inode.isDirectory) return -ENOTDIR;
  if (inode.type === S_IFLNK) return -ELOOP;
  const wantsWrite = (flags & O_ACCMODE) !== O_RDONLY;
  if (inode.type === S_IFDIR && (wantsWrite || (flags & (O_CREAT | O_TRUNC)) !== 0)) return -EISDIR;
  const truncates = (flags & O_TRUNC) !== 0 && inode.type === S_IFREG;
  // Devices, pipes and sockets may be written on a read-only file system: their bytes go elsewhere.
  if (mount.readOnly && (truncates || wantsWrite) && (inode.type === S_IFREG || inode.type === S_IFDIR)) return -EROFS;
  if (context?.identity !== undefined) {
    const denied = checkAccess(inode, context, accessWanted(flags));
    if (denied < 0) return denied;
  }
  const file = inode.open(node, flags & ~OPENING_FLAGS, context);
  if (typeof file === "number") return file;
  const error = truncates ? inode.truncate(node.dentry, 0) : 0;
  if (error === 0) {
    if (truncates) inode.mapping?.afterTruncate(0);
    const { watches } = mount;
    if (!watches.isEmpty) {
      watches.happened(node.dentry, IN_OPEN);
      if (truncates) watches.happened(node.dentry, IN_MODIFY);
    }
    return file;
  }
  file.retain().drop();
  return error;
}

/** What the access mode asks of the file's permissions; mode 3 asks for both (open(2), NOTES). */
function accessWanted(flags: number): number {
  const mode = flags & O_ACCMODE;
  const writes = mode !== O_RDONLY || (flags & O_TRUNC) !== 0;
  return (mode === O_WRONLY ? 0 : R_OK) | (writes ? W_OK : 0);
}

function walkTo(
  context: FileSystemContext,
  path: string,
  flags: number,
  start: PathNode | undefined,
): PathNode | number {
  const followLast = (flags & O_NOFOLLOW) === 0;
  return walk(context, path, start === undefined ? { followLast } : { followLast, start });
}

function openOrCreate(
  context: FileSystemContext,
  path: string,
  flags: number,
  mode: number,
  start: PathNode | undefined,
): OpenFile | number {
  if ((flags & O_DIRECTORY) !== 0) return -EINVAL;
  const { restrictions } = context;
  let currentPath = path;
  let currentStart = start;
  for (let links = 0; links <= SYMLINKS_MAXIMUM; links++) {
    const place = walkParent(context, currentPath, currentStart);
    if (typeof place === "number") return place;
    const { parent, name } = place;
    if (name === "" || name === "." || name === "..") return (flags & O_EXCL) !== 0 ? -EEXIST : -EISDIR;
    if (place.trailingSlash) return -EISDIR;
    if (!parent.inode.isDirectory) return -ENOTDIR;
    const node = lookupChild(parent, name, context);
    if (typeof node !== "number") {
      if (restrictions?.withinMount === true && node.mount !== parent.mount) return -EXDEV;
      if ((flags & O_EXCL) !== 0) return -EEXIST;
      if (!node.inode.isSymlink || (flags & O_NOFOLLOW) !== 0) return openNode(node, flags, context);
      if (restrictions?.noSymlinks === true) return -ELOOP;
      const object = node.inode.followLink(context);
      if (object !== null && restrictions !== undefined) {
        const refused = checkMagicLink(restrictions, object, parent.mount);
        if (refused < 0) return refused;
      }
      if (object !== null) return typeof object === "number" ? object : openNode(object, flags, context);
      // A symlink in the last place: go on with its target, which may be missing and is made then.
      const target = node.inode.readLink(context);
      if (typeof target === "number") return target;
      currentPath = target;
      currentStart = parent;
      continue;
    }
    if (node !== -ENOENT) return node;
    if (parent.dentry.isDeleted) return -ENOENT;
    if (parent.mount.readOnly) return -EROFS;
    const denied = checkMake(parent.inode, context);
    if (denied < 0) return denied;
    const createMode = mode & 0o7777 & ~context.umask;
    const file = parent.inode.createAndOpen(parent, name, createMode, flags & ~OPENING_FLAGS);
    if (file instanceof VfsFile) {
      giveToMaker(parent.inode, file.node.dentry, context);
      parent.mount.watches.entryHappened(parent.inode, name, IN_CREATE);
      parent.mount.watches.happened(file.node.dentry, IN_OPEN);
    }
    return file;
  }
  return -ELOOP;
}
