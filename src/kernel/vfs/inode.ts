/**
 * What a file system is to the rest of the kernel: inodes (the files) and dentries (their names). A file system derives its
 * own inodes from `Inode`; what it does not override it does not support. Nothing here blocks and nothing throws: a result,
 * or a negative errno. Mount points, read-only mounts, symlinks and `..` are the path walk's business, not the inode's.
 */
import { EACCES, EINVAL, ENOTDIR, ENOTTY, EPERM } from "../../abi/errno.ts";
import { DT_UNKNOWN, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "../../abi/file.ts";
import type { DirectoryEntry, FileStatus, OpenFile } from "../file/open-file.ts";
import type { FileSystemContext } from "./file-system-context.ts";
import type { PathNode } from "./path-walk.ts";

/** What statfs(2) tells. Sizes in blocks of `blockSize` bytes. */
export interface FileSystemStatistics {
  type: number;
  blockSize: number;
  blocks: number;
  freeBlocks: number;
  files: number;
  freeFiles: number;
  nameLengthMaximum: number;
}

/** A directory entry with the cursor that stands behind it: where the next reading goes on. */
export interface CursorEntry extends DirectoryEntry {
  nextCursor: number;
}

/** What chmod, chown and utimensat change; absent is unchanged. The change time follows by itself. */
export interface AttributeChange {
  /** Permission bits only (0o7777). */
  mode?: number;
  userId?: number;
  groupId?: number;
  accessedMilliseconds?: number;
  modifiedMilliseconds?: number;
}

export interface FileSystem {
  /** As /proc/mounts names it: "tmpfs", "hostfs", "proc", "devtmpfs". */
  readonly typeName: string;
  /** First column of /proc/mounts: where it comes from. */
  readonly source: string;
  readonly root: Dentry;
  /** st_dev; the mount table gives it when the file system is first mounted. */
  deviceNumber: number;
  statistics(): FileSystemStatistics | number;
  /** Called when its last mount goes. */
  release?(): void;
}

/** Processes have a file mapped with MAP_SHARED: they are asked before it is read, and told when it has changed. */
export interface FileMapping {
  beforeRead(position: number, length: number): void;
  afterWrite(position: number, length: number): void;
  afterTruncate(size: number): void;
  /** Whether one of the mappings can be written to, or could be made so. */
  readonly hasWriters: boolean;
}

/** One name of one inode. A rename moves the dentry, so whoever holds it (a working directory, an open file) sees the new name. */
export class Dentry {
  readonly inode: Inode;
  /** Null for the root of the file system. */
  parent: Dentry | null;
  name: string;
  /** The name is gone: `unlink`, `rmdir`, or replaced by a rename. */
  isDeleted = false;
  /** How many mounts stand on this dentry; it is busy while there are any. */
  mountCount = 0;

  constructor(inode: Inode, parent: Dentry | null, name: string) {
    this.inode = inode;
    this.parent = parent;
    this.name = name;
  }

  /** Whether `ancestor` is this dentry or stands above it in the same file system. */
  isWithin(ancestor: Dentry): boolean {
    for (let dentry: Dentry | null = this; dentry !== null; dentry = dentry.parent) {
      if (dentry === ancestor) return true;
    }
    return false;
  }
}

export abstract class Inode {
  readonly fileSystem: FileSystem;
  /** S_IFREG, S_IFDIR … : never changes. */
  readonly type: number;

  /** F_SEAL_ bits; null for files of file systems that have no seals. */
  seals: number | null = null;
  private sharedMapping: FileMapping | null = null;

  constructor(fileSystem: FileSystem, type: number) {
    this.fileSystem = fileSystem;
    this.type = type;
  }

  /** Null as long as nobody maps the file with MAP_SHARED. */
  get mapping(): FileMapping | null {
    return this.sharedMapping;
  }

  set mapping(mapping: FileMapping | null) {
    this.sharedMapping = mapping;
  }

  get isDirectory(): boolean {
    return this.type === S_IFDIR;
  }

  get isSymlink(): boolean {
    return this.type === S_IFLNK;
  }

  abstract status(): FileStatus | number;

  /** The status as the walk that has just ended found it: where that is at hand, it need not be asked for again. */
  statusAtLookup(): FileStatus | number {
    return this.status();
  }

  /** A new open file description. `flags` are open(2)'s; O_CREAT, O_EXCL and O_TRUNC have been dealt with. `context` is who opens it. */
  abstract open(node: PathNode, flags: number, context?: FileSystemContext): OpenFile | number;

  /** The entry of that name, or -ENOENT. `self` is the dentry of this directory. Never "." or "..". */
  lookup(_self: Dentry, _name: string, _context: FileSystemContext): Dentry | number {
    return -ENOTDIR;
  }

  /** All names of a directory but "." and "..", for a file system that is laid over this one. */
  listNames(_self: Dentry): Iterable<string> | number {
    return -ENOTDIR;
  }

  /** A new regular file; the name is known to be free. */
  create(_self: Dentry, _name: string, _mode: number): Dentry | number {
    return -EACCES;
  }

  /** Creates and opens in one step, where a file system can; by default one after the other. */
  createAndOpen(parent: PathNode, name: string, mode: number, flags: number): OpenFile | number {
    const dentry = this.create(parent.dentry, name, mode);
    if (typeof dentry === "number") return dentry;
    return dentry.inode.open(parent.child(dentry), flags);
  }

  makeDirectory(_self: Dentry, _name: string, _mode: number): Dentry | number {
    return -EPERM;
  }

  /** The file that a pathname of AF_UNIX names; which socket stands behind it is not known here. */
  makeSocket(_self: Dentry, _name: string, _mode: number): Dentry | number {
    return -EPERM;
  }

  /** A named pipe. */
  makeFifo(_self: Dentry, _name: string, _mode: number): Dentry | number {
    return -EPERM;
  }

  symlink(_self: Dentry, _name: string, _target: string): Dentry | number {
    return -EPERM;
  }

  /** Another name for `target`, which is of the same file system and no directory. */
  link(_self: Dentry, _name: string, _target: Dentry): Dentry | number {
    return -EPERM;
  }

  unlink(_self: Dentry, _child: Dentry): number {
    return -EPERM;
  }

  removeDirectory(_self: Dentry, _child: Dentry): number {
    return -EPERM;
  }

  /**
   * Moves `child` of this directory to `newName` in `newParent`, in one step. `target` is what stands there now: replaced, or
   * with `exchange` put in the child's place. Types, emptiness of a replaced directory and the file systems' own limits are
   * checked here; that neither is an ancestor of the other was checked before. `noReplace` says that the caller wants
   * -EEXIST if something stands there after all.
   */
  rename(
    _self: Dentry,
    _child: Dentry,
    _newParent: Dentry,
    _newName: string,
    _target: Dentry | null,
    _options: { exchange: boolean; noReplace: boolean },
  ): number {
    return -EPERM;
  }

  /** The target of a symlink. */
  readLink(_context: FileSystemContext): string | number {
    return -EINVAL;
  }

  /** For links that lead to an object and not to a path (/proc/self/fd/3). Null: follow `readLink`. */
  followLink(_context: FileSystemContext): PathNode | number | null {
    return null;
  }

  setAttributes(_self: Dentry, _change: AttributeChange): number {
    return -EPERM;
  }

  /** New length of a regular file, by path: truncate(2) and O_TRUNC. */
  truncate(_self: Dentry, _size: number): number {
    return -EINVAL;
  }

  /** A walk begins here (a working directory, a directory descriptor): -errno if the directory may no longer be used. */
  revalidate(_self: Dentry): number {
    return 0;
  }

  /** ioctl(2) on an open directory or file that has none of its own. */
  control(_request: number): number {
    return -ENOTTY;
  }
}

/** DT_REG for S_IFREG, and so on. */
export function directoryEntryType(mode: number): number {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return (mode & S_IFMT) >> 12;
    default:
      return DT_UNKNOWN;
  }
}
