/** Directories in memory: names in order of creation, with cursors that stay valid while entries come and go. */
import { EEXIST, EISDIR, EMLINK, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY } from "../../../abi/errno.ts";
import { DT_DIR, S_IFDIR } from "../../../abi/file.ts";
import type { OpenFile } from "../../file/open-file.ts";
import type { FileSystemContext } from "../file-system-context.ts";
import { type CursorEntry, Dentry, directoryEntryType } from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import { DirectoryFile } from "../vfs-file.ts";
import type { MemFs } from "./memfs.ts";
import { MemoryFifo } from "./memory-fifo.ts";
import { MemoryFile, MemorySymlink } from "./memory-file.ts";
import { MemoryInode } from "./memory-inode.ts";
import { MemorySocket } from "./memory-socket.ts";

const LINKS_MAXIMUM = 65_000;
/** Cursors 0 and 1 stand before "." and "..". */
const FIRST_COOKIE = 2;

/** A dentry with its place in the order of the directory. */
class MemoryDentry extends Dentry {
  declare readonly inode: MemoryInode;
  cookie = 0;
}

export class MemoryDirectory extends MemoryInode {
  readonly entries: Map<string, MemoryDentry> = new Map();
  /** As a layer under another file system: names that are not to be looked for in the layers below; null for none. */
  hiddenBelow: Set<string> | null = null;
  /** As a layer: nothing of the directory of this name in the layers below shows. */
  isOpaque = false;
  private nextCookie = FIRST_COOKIE;

  constructor(fileSystem: MemFs, permissions: number) {
    super(fileSystem, S_IFDIR, permissions);
  }

  sizeBytes(): number {
    return 4096;
  }

  open(node: PathNode, flags: number): OpenFile {
    return new MemoryDirectoryFile(node, flags, this);
  }

  override lookup(_self: Dentry, name: string, _context?: FileSystemContext): Dentry | number {
    return this.entries.get(name) ?? -ENOENT;
  }

  override listNames(_self: Dentry): Iterable<string> | number {
    return this.entries.keys();
  }

  /** Before all entries are read: makes those real that are looked up on demand only. 0, or -errno. */
  complete(_self: Dentry): number {
    return 0;
  }

  /** Whether it may be removed. */
  isEmpty(): boolean {
    return this.entries.size === 0;
  }

  /**
   * An entry that comes with the file system and was not made by a program: it does not change the directory's times, and the
   * file system is larger by it. The inode counts this name among its links already.
   */
  adopt(self: Dentry, name: string, inode: MemoryInode): Dentry {
    const { budget } = this.fileSystem;
    budget.usedInodes++;
    budget.maximumInodes++;
    const dentry = new MemoryDentry(inode, self, name);
    dentry.cookie = this.nextCookie++;
    this.entries.set(name, dentry);
    if (inode.isDirectory) this.links++;
    return dentry;
  }

  /** Takes an entry and all below it away, as if it had never been there: to build a file system from layers. */
  expel(name: string): void {
    const dentry = this.entries.get(name);
    if (dentry === undefined) return;
    const { budget } = this.fileSystem;
    const directories: MemoryDirectory[] = [this];
    const names: (string | null)[] = [name];
    // From the top; a directory is emptied before what comes behind it, and a loop cannot be too deep.
    for (let at = directories.pop(); at !== undefined; at = directories.pop()) {
      const only = names.pop() ?? null;
      for (const entry of only === null ? [...at.entries.values()] : [at.entries.get(only) as MemoryDentry]) {
        if (entry.inode instanceof MemoryDirectory) {
          directories.push(entry.inode);
          names.push(null);
        }
        at.remove(entry);
        budget.maximumInodes--;
      }
    }
  }

  override create(self: Dentry, name: string, mode: number): Dentry | number {
    return this.add(self, name, () => new MemoryFile(this.fileSystem, mode));
  }

  override makeDirectory(self: Dentry, name: string, mode: number): Dentry | number {
    if (this.links >= LINKS_MAXIMUM) return -EMLINK;
    const dentry = this.add(self, name, () => new MemoryDirectory(this.fileSystem, mode));
    if (typeof dentry !== "number") {
      // Its own ".", and its "..".
      (dentry.inode as MemoryInode).links++;
      this.links++;
    }
    return dentry;
  }

  override makeSocket(self: Dentry, name: string, mode: number): Dentry | number {
    return this.add(self, name, () => new MemorySocket(this.fileSystem, mode));
  }

  override makeFifo(self: Dentry, name: string, mode: number): Dentry | number {
    return this.add(self, name, () => new MemoryFifo(this.fileSystem, mode));
  }

  override symlink(self: Dentry, name: string, target: string): Dentry | number {
    const targetBytes = new TextEncoder().encode(target).length;
    if (!this.fileSystem.budget.takeBytes(targetBytes)) return -ENOSPC;
    const dentry = this.add(self, name, () => new MemorySymlink(this.fileSystem, target, targetBytes));
    if (typeof dentry === "number") this.fileSystem.budget.usedBytes -= targetBytes;
    return dentry;
  }

  override link(self: Dentry, name: string, target: Dentry): Dentry | number {
    const inode = target.inode as MemoryInode;
    // A file without a name stays without one.
    if (inode.links === 0) return -ENOENT;
    if (inode.links >= LINKS_MAXIMUM) return -EMLINK;
    const dentry = this.add(self, name, () => inode);
    if (typeof dentry !== "number") inode.touchChanged();
    return dentry;
  }

  override unlink(_self: Dentry, child: Dentry): number {
    return this.locked(() => {
      if (child.inode.isDirectory) return -EISDIR;
      if (this.entries.get(child.name) !== child) return -ENOENT;
      this.remove(child as MemoryDentry);
      this.touchModified();
      return 0;
    });
  }

  override removeDirectory(_self: Dentry, child: Dentry): number {
    return this.locked(() => {
      if (!(child.inode instanceof MemoryDirectory)) return -ENOTDIR;
      if (this.entries.get(child.name) !== child) return -ENOENT;
      if (!child.inode.isEmpty()) return -ENOTEMPTY;
      this.remove(child as MemoryDentry);
      this.touchModified();
      return 0;
    });
  }

  override rename(
    self: Dentry,
    child: Dentry,
    newParent: Dentry,
    newName: string,
    target: Dentry | null,
    options: { exchange: boolean; noReplace: boolean },
  ): number {
    return this.locked(() => {
      const to = newParent.inode as MemoryDirectory;
      const moved = child as MemoryDentry;
      const replaced = target as MemoryDentry | null;
      if (this.entries.get(moved.name) !== moved) return -ENOENT;
      if (newParent.isDeleted) return -ENOENT;
      if ((to.entries.get(newName) ?? null) !== replaced) return replaced === null ? -EEXIST : -ENOENT;
      if (options.exchange && replaced !== null) {
        this.detach(moved);
        to.detach(replaced);
        const oldName = moved.name;
        to.attach(newParent, newName, moved);
        this.attach(self, oldName, replaced);
      } else {
        if (replaced !== null) {
          const isDirectory = moved.inode.isDirectory;
          if (isDirectory && !replaced.inode.isDirectory) return -ENOTDIR;
          if (!isDirectory && replaced.inode.isDirectory) return -EISDIR;
          if (replaced.inode instanceof MemoryDirectory && !replaced.inode.isEmpty()) return -ENOTEMPTY;
          to.remove(replaced);
        }
        this.detach(moved);
        to.attach(newParent, newName, moved);
        replaced?.inode.touchChanged();
      }
      moved.inode.touchChanged();
      this.touchModified();
      if (to !== this) to.touchModified();
      return 0;
    });
  }

  private locked(work: () => number): number {
    this.fileSystem.lock.acquire();
    try {
      return work();
    } finally {
      this.fileSystem.lock.release();
    }
  }

  /** A new name, charged as one inode (so hard links are bounded too). */
  add(self: Dentry, name: string, make: () => MemoryInode): Dentry | number {
    this.fileSystem.lock.acquire();
    try {
      if (self.isDeleted) return -ENOENT;
      if (this.entries.has(name)) return -EEXIST;
      if (!this.fileSystem.budget.takeInode()) return -ENOSPC;
      const inode = make();
      inode.links++;
      const dentry = new MemoryDentry(inode, self, name);
      dentry.cookie = this.nextCookie++;
      this.entries.set(name, dentry);
      this.touchModified();
      return dentry;
    } finally {
      this.fileSystem.lock.release();
    }
  }

  private remove(dentry: MemoryDentry): void {
    const { inode } = dentry;
    this.entries.delete(dentry.name);
    dentry.isDeleted = true;
    this.fileSystem.budget.usedInodes--;
    inode.links--;
    if (inode.isDirectory) {
      inode.links--;
      this.links--;
    }
    inode.touchChanged();
    inode.settle();
  }

  private detach(dentry: MemoryDentry): void {
    this.entries.delete(dentry.name);
    if (dentry.inode.isDirectory) this.links--;
  }

  private attach(self: Dentry, name: string, dentry: MemoryDentry): void {
    dentry.parent = self;
    dentry.name = name;
    dentry.cookie = this.nextCookie++;
    this.entries.set(name, dentry);
    if (dentry.inode.isDirectory) this.links++;
  }
}

/** Reads a directory in the order of its cookies; the cursor behind an entry is its cookie plus one. */
class MemoryDirectoryFile extends DirectoryFile {
  private readonly directory: MemoryDirectory;
  /** Goes on where the last reading ended, as long as the cursor says the same. */
  private iterator: Iterator<MemoryDentry> | null = null;
  private iteratorCursor = -1;

  constructor(node: PathNode, flags: number, directory: MemoryDirectory) {
    super(node, flags);
    this.directory = directory;
    directory.opened++;
  }

  override readDirectory(cursor: number, most: number): CursorEntry[] | number {
    const { directory } = this;
    const self = this.node.dentry;
    // A directory that was removed has not even "." any more.
    if (self.isDeleted) return -ENOENT;
    const error = directory.complete(self);
    if (error < 0) return error;
    const entries: CursorEntry[] = [];
    if (cursor === 0) entries.push({ name: ".", inode: directory.number, type: DT_DIR, nextCursor: 1 });
    if (cursor <= 1) {
      const parent = (self.parent?.inode as MemoryDirectory | undefined) ?? directory;
      entries.push({ name: "..", inode: parent.number, type: DT_DIR, nextCursor: FIRST_COOKIE });
    }
    let next = Math.max(cursor, FIRST_COOKIE);
    // The iterator of a Map sees what is added, and is not disturbed by what is removed.
    if (this.iterator === null || this.iteratorCursor !== next) this.iterator = directory.entries.values();
    while (entries.length < most) {
      const step = this.iterator.next();
      if (step.done === true) {
        this.iterator = null;
        break;
      }
      const dentry = step.value;
      if (dentry.cookie < next) continue;
      next = dentry.cookie + 1;
      const { inode } = dentry;
      entries.push({ name: dentry.name, inode: inode.number, type: directoryEntryType(inode.type), nextCursor: next });
    }
    this.iteratorCursor = next;
    directory.touchAccessed();
    return entries;
  }

  protected override close(): void {
    this.directory.opened--;
    this.directory.settle();
  }
}
