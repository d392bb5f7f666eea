/**
 * A directory with others below it. The names of the layers are read when the first one is asked for, and an entry is made
 * for a name when that is looked up; from then on it is an entry in memory like any other. So a removal or a renaming needs
 * no whiteout: the name is not among the pending ones any more.
 */
import { EIO, ENOENT } from "../../../abi/errno.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "../../../abi/file.ts";
import type { FileStatus } from "../../file/open-file.ts";
import type { Dentry } from "../inode.ts";
import type { MemFs } from "../memfs/memfs.ts";
import { MemoryDevice } from "../memfs/memory-device.ts";
import { MemoryDirectory } from "../memfs/memory-directory.ts";
import { MemoryFifo } from "../memfs/memory-fifo.ts";
import { MemoryFile, MemorySymlink } from "../memfs/memory-file.ts";
import type { MemoryInode } from "../memfs/memory-inode.ts";
import { MemorySocket } from "../memfs/memory-socket.ts";
import type { PathNode } from "../path-walk.ts";
import type { Layers } from "./layers.ts";
import { LowerFile } from "./lower-file.ts";

export class OverlayDirectory extends MemoryDirectory {
  private readonly layers: Layers;
  /** The directories that are merged here, the topmost first. */
  private readonly lower: readonly PathNode[];
  /** Names below that no entry stands for yet; null before they were read. */
  private pending: Set<string> | null = null;

  constructor(fileSystem: MemFs, layers: Layers, lower: readonly PathNode[], permissions: number) {
    super(fileSystem, permissions);
    this.layers = layers;
    this.lower = lower;
  }

  /** One link: its subdirectories are not counted before they are all known. The same is said by overlayfs on Linux, and by btrfs. */
  override status(): FileStatus {
    return { ...super.status(), links: this.links === 0 ? 0 : 1 };
  }

  override lookup(self: Dentry, name: string): Dentry | number {
    const known = this.entries.get(name);
    if (known !== undefined) return known;
    const pending = this.pending ?? this.readNames();
    if (typeof pending === "number") return pending;
    return pending.has(name) ? this.reveal(self, name, pending) : -ENOENT;
  }

  override listNames(self: Dentry): Iterable<string> | number {
    const error = this.complete(self);
    return error < 0 ? error : this.entries.keys();
  }

  override complete(self: Dentry): number {
    const pending = this.pending ?? this.readNames();
    if (typeof pending === "number") return pending;
    // What cannot be had (removed on the host meanwhile) is left out.
    for (const name of pending) this.reveal(self, name, pending);
    return 0;
  }

  override isEmpty(): boolean {
    const pending = this.pending ?? this.readNames();
    return typeof pending !== "number" && pending.size === 0 && this.entries.size === 0;
  }

  private readNames(): Set<string> | number {
    const names = new Set<string>();
    const hidden = new Set<string>();
    for (const { dentry } of this.lower) {
      const listed = dentry.inode.listNames(dentry);
      if (typeof listed === "number") return listed;
      for (const name of listed) if (!hidden.has(name)) names.add(name);
      for (const name of hiddenBelow(dentry)) hidden.add(name);
    }
    this.pending = names;
    return names;
  }

  /** Makes the entry for a pending name. */
  private reveal(self: Dentry, name: string, pending: Set<string>): Dentry | number {
    const found = this.find(name);
    if (typeof found === "number") {
      if (found === -ENOENT) pending.delete(name);
      return found;
    }
    const inode = this.adoptInode(found);
    if (typeof inode === "number") return inode;
    pending.delete(name);
    return this.adopt(self, name, inode);
  }

  /** What stands under the name in the layers: the topmost, and if that is a directory all that are merged with it. */
  private find(name: string): PathNode[] | number {
    const found: PathNode[] = [];
    for (const place of this.lower) {
      const dentry = place.inode.lookup(place.dentry, name, this.layers.context);
      if (typeof dentry !== "number") {
        const isDirectory = dentry.inode.type === S_IFDIR;
        if (found.length === 0 || isDirectory) found.push(place.child(dentry));
        if (!isDirectory || isOpaque(dentry)) break;
      } else if (dentry !== -ENOENT) {
        return dentry;
      }
      if (hiddenBelow(place.dentry).has(name)) break;
    }
    return found.length === 0 ? -ENOENT : found;
  }

  private adoptInode(found: PathNode[]): MemoryInode | number {
    const node = found[0] as PathNode;
    const status = node.inode.statusAtLookup();
    if (typeof status === "number") return status;
    if (node.inode.type === S_IFREG && status.links > 1) {
      const key = `${this.layers.indexOf(node)}:${status.device}:${status.inode}`;
      const known = this.layers.hardLinks.get(key);
      if (known !== undefined) return known;
      const file = this.makeInode(found, status) as MemoryFile;
      this.layers.hardLinks.set(key, file);
      return file;
    }
    return this.makeInode(found, status);
  }

  private makeInode(found: PathNode[], status: FileStatus): MemoryInode | number {
    const { fileSystem, layers } = this;
    const node = found[0] as PathNode;
    const permissions = status.mode & 0o7777;
    let inode: MemoryInode;
    switch (status.mode & S_IFMT) {
      case S_IFREG:
        inode = new MemoryFile(fileSystem, permissions, new LowerFile(layers, node, status.size));
        break;
      case S_IFDIR:
        inode = new OverlayDirectory(fileSystem, layers, found, permissions);
        break;
      case S_IFLNK: {
        const target = node.inode.readLink(layers.context);
        if (typeof target === "number") return target;
        inode = MemorySymlink.adopt(fileSystem, target);
        break;
      }
      case S_IFIFO:
        inode = new MemoryFifo(fileSystem, permissions);
        break;
      case S_IFSOCK:
        inode = new MemorySocket(fileSystem, permissions);
        break;
      case S_IFCHR:
      case S_IFBLK:
        inode = new MemoryDevice(fileSystem, status.mode & S_IFMT, permissions, status.specialDevice);
        break;
      default:
        return -EIO;
    }
    inode.adoptAttributes(status);
    // A directory has its name and its own "."; names of a file that were not met yet are there all the same.
    inode.links = inode.isDirectory ? 2 : Math.max(1, inode.type === S_IFREG ? status.links : 1);
    return inode;
  }
}

const NOTHING: ReadonlySet<string> = new Set();

function hiddenBelow(dentry: Dentry): ReadonlySet<string> {
  return (dentry.inode instanceof MemoryDirectory ? dentry.inode.hiddenBelow : null) ?? NOTHING;
}

export function isOpaque(dentry: Dentry): boolean {
  return dentry.inode instanceof MemoryDirectory && dentry.inode.isOpaque;
}
