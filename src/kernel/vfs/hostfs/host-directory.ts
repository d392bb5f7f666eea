/**
 * Directories of the host. One object stands for a directory as long as it is remembered, so that a working directory in it and a
 * mount on it follow renames; each walk compares it with what the host has under the name now.
 */
import { EINVAL, EISDIR, ENOENT, ENOTDIR, ESTALE } from "../../../abi/errno.ts";
import { DT_DIR, S_IFDIR, S_IFMT, S_IFREG } from "../../../abi/file.ts";
import type { FileStatus, OpenFile } from "../../file/open-file.ts";
import type { FileSystemContext } from "../file-system-context.ts";
import { type AttributeChange, type CursorEntry, Dentry, directoryEntryType, Inode } from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import { DirectoryFile } from "../vfs-file.ts";
import type { HostDirectoryReader, HostStatus } from "./host-files.ts";
import { changeByName, HostEntry } from "./host-inode.ts";
import { HostOpenFile } from "./host-open-file.ts";
import type { HostFs } from "./hostfs.ts";

export class HostDirectory extends Inode {
  declare readonly fileSystem: HostFs;
  /** Open handle of the host, or -1. */
  handle = -1;
  /** Null for the root, and before the directory is remembered. */
  dentry: Dentry | null = null;
  /** Directories in it that are remembered. */
  readonly children: Map<string, Dentry> = new Map();
  private readonly device: number;
  private readonly number: number;

  constructor(fileSystem: HostFs, dentry: Dentry | null, found: HostStatus | number) {
    super(fileSystem, S_IFDIR);
    this.dentry = dentry;
    this.device = typeof found === "number" ? 0 : found.device;
    this.number = typeof found === "number" ? 0 : found.inode;
  }

  /** Whether the host's status is that of this very directory. */
  isSame(status: HostStatus): boolean {
    return status.device === this.device && status.inode === this.number && (status.mode & S_IFMT) === S_IFDIR;
  }

  status(): FileStatus | number {
    const { files, root } = this.fileSystem;
    const self = this.dentry ?? root;
    let status: HostStatus | number;
    if (this.handle >= 0 || self.parent === null) status = files.directoryStatus(this.handle);
    else {
      const above = this.fileSystem.handleOf(self.parent);
      status = above < 0 ? above : files.status(above, self.name);
      if (typeof status !== "number" && !this.isSame(status)) return -ESTALE;
    }
    return typeof status === "number" ? status : this.fileSystem.present(status);
  }

  override revalidate(self: Dentry): number {
    if (self.parent === null) return 0;
    const handle = this.fileSystem.handleOf(self);
    if (handle < 0) return handle;
    return this.fileSystem.files.isInside(handle) ? 0 : -ESTALE;
  }

  open(node: PathNode, flags: number): OpenFile | number {
    return new HostDirectoryFile(node, flags, this.fileSystem);
  }

  override lookup(self: Dentry, name: string, _context: FileSystemContext): Dentry | number {
    const handle = this.fileSystem.handleOf(self);
    return handle < 0 ? handle : this.entry(self, handle, name);
  }

  override listNames(self: Dentry): string[] | number {
    const handle = this.fileSystem.handleOf(self);
    const reader = handle < 0 ? handle : this.fileSystem.files.readDirectory(handle);
    if (typeof reader === "number") return reader;
    const names: string[] = [];
    let name = reader.next();
    for (; typeof name === "string"; name = reader.next()) names.push(name);
    reader.close();
    return name === null ? names : name;
  }

  override create(self: Dentry, name: string, mode: number): Dentry | number {
    const { files } = this.fileSystem;
    return this.make(self, name, (handle) => {
      const file = files.open(handle, name, { read: false, write: true, create: true, mode });
      if (file >= 0) files.closeFile(file);
      return Math.min(file, 0);
    });
  }

  override createAndOpen(parent: PathNode, name: string, mode: number, flags: number): OpenFile | number {
    const handle = this.fileSystem.handleOf(parent.dentry);
    if (handle < 0) return handle;
    // The open file needs a name before the file is there: its status is asked for by descriptor only.
    const status: HostStatus = { ...nothing, mode };
    const inode = new HostEntry(this.fileSystem, status, S_IFREG);
    const dentry = new Dentry(inode, parent.dentry, name);
    inode.dentry = dentry;
    return HostOpenFile.open(parent.child(dentry), flags, handle, name, mode);
  }

  override makeDirectory(self: Dentry, name: string, mode: number): Dentry | number {
    return this.make(self, name, (handle) => this.fileSystem.files.makeDirectory(handle, name, mode));
  }

  override symlink(self: Dentry, name: string, target: string): Dentry | number {
    return this.make(self, name, (handle) => this.fileSystem.files.symlink(handle, name, target));
  }

  override link(self: Dentry, name: string, target: Dentry): Dentry | number {
    return this.make(self, name, (handle) => {
      const from = this.fileSystem.handleOf(target.parent as Dentry);
      return from < 0 ? from : this.fileSystem.files.link(from, target.name, handle, name);
    });
  }

  override unlink(self: Dentry, child: Dentry): number {
    if (child.inode.isDirectory) return -EISDIR;
    const result = this.change(self, (handle) => this.fileSystem.files.unlink(handle, child.name));
    if (result === 0) child.isDeleted = true;
    return result;
  }

  override removeDirectory(self: Dentry, child: Dentry): number {
    if (!(child.inode instanceof HostDirectory)) return -ENOTDIR;
    const result = this.change(self, (handle) => this.fileSystem.files.removeDirectory(handle, child.name));
    if (result === 0) this.removed(child);
    return result;
  }

  override rename(
    self: Dentry,
    child: Dentry,
    newParent: Dentry,
    newName: string,
    target: Dentry | null,
    options: { exchange: boolean; noReplace: boolean },
  ): number {
    // rename(2), EINVAL: the file system does not support a flag. Node has no call that would.
    if (options.exchange) return -EINVAL;
    const { files } = this.fileSystem;
    const result = this.change(self, (from) => {
      const to = this.fileSystem.handleOf(newParent);
      return to < 0 ? to : files.rename(from, child.name, to, newName, options.noReplace);
    });
    if (result < 0) return result;
    if (target !== null) this.removed(target);
    const isDirectory = child.inode instanceof HostDirectory;
    if (isDirectory) this.children.delete(child.name);
    child.parent = newParent;
    child.name = newName;
    if (isDirectory) (newParent.inode as HostDirectory).children.set(newName, child);
    return 0;
  }

  override setAttributes(self: Dentry, change: AttributeChange): number {
    const { parent } = self;
    // The mounted folder itself has no name that the guest could reach it by.
    if (parent === null) return -EINVAL;
    const handle = this.fileSystem.handleOf(parent);
    return handle < 0 ? handle : changeByName(this.fileSystem, handle, self.name, change);
  }

  /** What stands under the name now: the remembered object if it is the same directory, a new one otherwise. */
  private entry(self: Dentry, handle: number, name: string): Dentry | number {
    const status = this.fileSystem.files.status(handle, name);
    const known = this.children.get(name);
    if (typeof status === "number") {
      if (known !== undefined && status === -ENOENT) this.removed(known);
      return status;
    }
    if (known !== undefined) {
      if ((known.inode as HostDirectory).isSame(status)) return known;
      this.removed(known);
    }
    const type = status.mode & S_IFMT;
    if (type !== S_IFDIR) {
      const inode = new HostEntry(this.fileSystem, status, type);
      inode.dentry = new Dentry(inode, self, name);
      return inode.dentry;
    }
    const dentry = new Dentry(new HostDirectory(this.fileSystem, null, status), self, name);
    this.fileSystem.remember(this, dentry);
    return dentry;
  }

  private removed(dentry: Dentry): void {
    dentry.isDeleted = true;
    if (dentry.inode instanceof HostDirectory) this.fileSystem.forget(dentry.inode);
  }

  /** Does something in this directory under the file system's lock. */
  private change(self: Dentry, work: (handle: number) => number): number {
    const denied = this.fileSystem.checkWritable();
    if (denied < 0) return denied;
    const { lock } = this.fileSystem;
    lock.acquire();
    try {
      const handle = this.fileSystem.handleOf(self);
      return handle < 0 ? handle : work(handle);
    } finally {
      lock.release();
    }
  }

  private make(self: Dentry, name: string, work: (handle: number) => number): Dentry | number {
    const result = this.change(self, work);
    if (result < 0) return result;
    const handle = this.fileSystem.handleOf(self);
    return handle < 0 ? handle : this.entry(self, handle, name);
  }
}

const nothing: HostStatus = {
  device: 0,
  inode: 0,
  mode: 0,
  links: 0,
  userId: 0,
  groupId: 0,
  specialDevice: 0,
  size: 0,
  blockSize: 4096,
  blocks: 0,
  accessedMilliseconds: 0,
  modifiedMilliseconds: 0,
  changedMilliseconds: 0,
};

/** Reads names as the host gives them, in its order; a cursor counts them. Reading on costs nothing; going back reads anew. */
class HostDirectoryFile extends DirectoryFile {
  private readonly fileSystem: HostFs;
  private reader: HostDirectoryReader | null = null;
  private readerCursor = FIRST_NAME;

  constructor(node: PathNode, flags: number, fileSystem: HostFs) {
    super(node, flags);
    this.fileSystem = fileSystem;
  }

  override readDirectory(cursor: number, most: number): CursorEntry[] | number {
    const { dentry } = this.node;
    const handle = this.fileSystem.handleOf(dentry);
    if (handle < 0) return dentry.isDeleted ? -ENOENT : handle;
    if (cursor === 0 || cursor < this.readerCursor) this.close();
    const entries: CursorEntry[] = [];
    for (let at = cursor; at < FIRST_NAME; at++) {
      const status = ((at === 1 ? dentry.parent : null) ?? dentry).inode.status();
      const inode = typeof status === "number" ? 1 : status.inode;
      entries.push({ name: at === 0 ? "." : "..", inode, type: DT_DIR, nextCursor: at + 1 });
    }
    if (this.reader === null) {
      const reader = this.fileSystem.files.readDirectory(handle);
      if (typeof reader === "number") return reader;
      this.reader = reader;
      this.readerCursor = FIRST_NAME;
    }
    while (entries.length < most) {
      const name = this.reader.next();
      if (typeof name === "number") return entries.length > 0 ? entries : name;
      if (name === null) break;
      this.readerCursor++;
      if (this.readerCursor <= cursor) continue;
      const status = this.fileSystem.files.status(handle, name);
      if (typeof status === "number") continue;
      const type = directoryEntryType(status.mode);
      entries.push({ name, inode: status.inode, type, nextCursor: this.readerCursor });
    }
    return entries;
  }

  protected override close(): void {
    this.reader?.close();
    this.reader = null;
    this.readerCursor = FIRST_NAME;
  }
}

/** Cursors 0 and 1 stand before "." and "..". */
const FIRST_NAME = 2;
