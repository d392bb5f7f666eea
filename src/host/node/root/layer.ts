/**
 * Puts an archive's entries into a file system in memory, over what earlier layers have put there. As the OCI image format has
 * it, `.wh.NAME` takes a name of the layers below away, and `.wh..wh..opq` all that they have in a directory. Paths are walked
 * inside of the file system, so no name and no link leads out of it.
 */
import { ENOENT, errnoText } from "../../../abi/errno.ts";
import { NAME_MAX, PATH_MAX, S_IFBLK, S_IFCHR } from "../../../abi/file.ts";
import type { ByteSource } from "../../../kernel/vfs/byte-source.ts";
import type { FileSystemContext } from "../../../kernel/vfs/file-system-context.ts";
import type { Dentry } from "../../../kernel/vfs/inode.ts";
import type { MemFs } from "../../../kernel/vfs/memfs/memfs.ts";
import { MemoryDevice } from "../../../kernel/vfs/memfs/memory-device.ts";
import { MemoryDirectory } from "../../../kernel/vfs/memfs/memory-directory.ts";
import { MemoryFifo } from "../../../kernel/vfs/memfs/memory-fifo.ts";
import { MemoryFile, MemorySymlink } from "../../../kernel/vfs/memfs/memory-file.ts";
import { MemoryInode } from "../../../kernel/vfs/memfs/memory-inode.ts";
import { Mount } from "../../../kernel/vfs/mount-table.ts";
import { PathNode, walk } from "../../../kernel/vfs/path-walk.ts";
import { ArchiveSlice } from "./archive-bytes.ts";
import { ArchiveError } from "./archive-error.ts";
import type { TarEntry } from "./tar-reader.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const encoder = new TextEncoder();

export class LayerWriter {
  private readonly fileSystem: MemFs;
  private readonly context: FileSystemContext;
  private readonly archiveName: string;
  private readonly source: ByteSource;
  /** What this layer has put there: its whiteouts spare it. */
  private readonly own: Set<MemoryInode> = new Set();
  private lastPath: string | null = null;
  private lastDirectory: Dentry;

  constructor(fileSystem: MemFs, source: ByteSource, archiveName: string) {
    this.fileSystem = fileSystem;
    this.source = source;
    this.archiveName = archiveName;
    const root = new PathNode(new Mount(0, fileSystem, null, true), fileSystem.root);
    this.context = { root, workingDirectory: root, umask: 0 };
    this.lastDirectory = fileSystem.root;
  }

  /** Throws ArchiveError for an entry that cannot be had. */
  add(entry: TarEntry): void {
    const names = this.namesOf(entry.name);
    const name = names.pop();
    if (name === undefined) {
      // "./" is the root directory itself.
      if (entry.type === "directory") this.dress(this.fileSystem.root.inode as MemoryInode, entry);
      return;
    }
    const parent = this.directory(names, entry.name);
    const directory = parent.inode as MemoryDirectory;
    if (name.startsWith(WHITEOUT)) {
      this.hide(directory, name);
      return;
    }
    const existing = directory.entries.get(name);
    if (entry.type === "directory" && existing?.inode.isDirectory === true) {
      this.dress(existing.inode, entry);
      return;
    }
    const target = entry.type === "link" ? this.linkTarget(entry) : null;
    if (target !== null && target === existing?.inode) return;
    if (existing !== undefined) {
      directory.expel(name);
      this.lastPath = null;
    }
    if (target !== null) {
      target.links++;
      this.own.add(target);
      directory.adopt(parent, name, target);
      return;
    }
    const inode = this.make(entry);
    inode.links = inode.isDirectory ? 2 : 1;
    this.dress(inode, entry);
    directory.adopt(parent, name, inode);
  }

  private make(entry: TarEntry): MemoryInode {
    const { fileSystem } = this;
    switch (entry.type) {
      case "directory":
        return new MemoryDirectory(fileSystem, entry.mode);
      case "symlink":
        if (entry.linkName === "" || encoder.encode(entry.linkName).length >= PATH_MAX) {
          throw this.refuse(entry.name, "has a target that is empty or too long");
        }
        return MemorySymlink.adopt(fileSystem, entry.linkName);
      case "fifo":
        return new MemoryFifo(fileSystem, entry.mode);
      case "character":
      case "block": {
        const type = entry.type === "character" ? S_IFCHR : S_IFBLK;
        return new MemoryDevice(fileSystem, type, entry.mode, entry.specialDevice);
      }
      default: {
        const contents = entry.size > 0 ? new ArchiveSlice(this.source, entry.position, entry.size) : null;
        return new MemoryFile(fileSystem, entry.mode, contents);
      }
    }
  }

  /** Mode, owners and time of the entry, and the mark that it is this layer's. */
  private dress(inode: MemoryInode, entry: TarEntry): void {
    const time = entry.modifiedMilliseconds;
    inode.adoptAttributes({
      // A symlink's permissions mean nothing, and are always these.
      mode: entry.type === "symlink" ? 0o777 : entry.mode,
      userId: entry.userId,
      groupId: entry.groupId,
      accessedMilliseconds: time,
      modifiedMilliseconds: time,
      changedMilliseconds: time,
    });
    this.own.add(inode);
  }

  private namesOf(path: string): string[] {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    for (const name of names) {
      if (name === "..") throw this.refuse(path, "would lie outside of the root");
      if (encoder.encode(name).length > NAME_MAX) throw this.refuse(path, "has a name of more than 255 bytes");
      if (name.includes("\0")) throw this.refuse(path, "has a NUL in its name");
    }
    return names;
  }

  /** The directory of an entry, through links that other layers may have put in its way; made if it is missing. */
  private directory(names: readonly string[], entryName: string): Dentry {
    const path = `/${names.join("/")}`;
    if (path === this.lastPath) return this.lastDirectory;
    let node = walk(this.context, path);
    if (node === -ENOENT) {
      node = this.context.root;
      for (const name of names) {
        const next: PathNode | number = walk(this.context, name, { start: node });
        if (next === -ENOENT) {
          const made = new MemoryDirectory(this.fileSystem, 0o755);
          made.links = 2;
          const parent = node.inode as MemoryDirectory;
          // A symlink that leads nowhere is a name, too.
          if (parent.entries.has(name)) throw this.refuse(entryName, "lies behind a link that leads nowhere");
          this.own.add(made);
          node = node.child(parent.adopt(node.dentry, name, made));
        } else if (typeof next === "number" || !next.inode.isDirectory) {
          throw this.refuse(entryName, "lies below what is no directory");
        } else node = next;
      }
    }
    if (typeof node === "number") throw this.refuse(entryName, `has no place: ${errnoText(node)}`);
    if (!node.inode.isDirectory) throw this.refuse(entryName, "lies below what is no directory");
    this.lastPath = path;
    this.lastDirectory = node.dentry;
    // What leads to something of this layer is of this layer, though it have no entry for it.
    for (let at: Dentry | null = node.dentry; at !== null; at = at.parent) this.own.add(at.inode as MemoryInode);
    return node.dentry;
  }

  private linkTarget(entry: TarEntry): MemoryInode {
    const names = this.namesOf(entry.linkName);
    const node = walk(this.context, `/${names.join("/")}`, { followLast: false });
    if (typeof node === "number" || node.inode.isDirectory || !(node.inode instanceof MemoryInode)) {
      throw this.refuse(entry.name, `is another name of ${entry.linkName}, which is not there`);
    }
    return node.inode;
  }

  private hide(directory: MemoryDirectory, marker: string): void {
    this.lastPath = null;
    if (marker === OPAQUE) {
      directory.isOpaque = true;
      this.purge(directory);
      return;
    }
    // Others that begin so are the business of the program that made the layer (aufs).
    if (marker.startsWith(".wh..wh.")) return;
    const name = marker.slice(WHITEOUT.length);
    if (name === "" || name === "." || name === "..") throw this.refuse(marker, "is no whiteout");
    directory.hiddenBelow ??= new Set();
    directory.hiddenBelow.add(name);
    const inode = directory.entries.get(name)?.inode;
    if (inode === undefined) return;
    if (!this.own.has(inode)) directory.expel(name);
    else if (inode instanceof MemoryDirectory) this.purge(inode);
  }

  /** Leaves only what this layer has put there. */
  private purge(top: MemoryDirectory): void {
    const directories = [top];
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      for (const [name, { inode }] of [...directory.entries]) {
        if (!this.own.has(inode)) directory.expel(name);
        else if (inode instanceof MemoryDirectory) directories.push(inode);
      }
    }
  }

  private refuse(entryName: string, what: string): ArchiveError {
    return new ArchiveError(`${this.archiveName}: the entry ${JSON.stringify(entryName.slice(0, 200))} ${what}`);
  }
}
