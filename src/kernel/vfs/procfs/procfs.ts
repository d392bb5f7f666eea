/**
 * A file system whose files are written by functions when they are read. It knows no processes and no sockets: what it shows
 * is a tree of the nodes below, which the kernel above the rooms puts together.
 */
import { EACCES, EINVAL, EIO, ENOENT, EPERM } from "../../../abi/errno.ts";
import { DT_DIR, S_IFDIR, S_IFLNK, S_IFREG } from "../../../abi/file.ts";
import type { Clock } from "../../../base/clock.ts";
import type { FileStatus, OpenFile } from "../../file/open-file.ts";
import type { FileSystemContext } from "../file-system-context.ts";
import {
  type CursorEntry,
  Dentry,
  directoryEntryType,
  type FileSystem,
  type FileSystemStatistics,
  Inode,
} from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import { DirectoryFile, RegularFile } from "../vfs-file.ts";

export interface FileOwner {
  readonly userId: number;
  readonly groupId: number;
}

const ROOT: FileOwner = { userId: 0, groupId: 0 };

/** A file. `read` gives all of its text at once; `write` takes what one write(2) gave and answers 0 or -errno. */
export interface ProcFile {
  readonly kind: "file";
  readonly mode?: number;
  read(context: FileSystemContext): string | Uint8Array | number;
  write?(text: string): number;
}

/** A symlink. `follow`, where it is, leads to an object that no path may name; its null means: follow the target. */
export interface ProcLink {
  readonly kind: "link";
  target(context: FileSystemContext): string | number;
  follow?(context: FileSystemContext): PathNode | number | null;
}

/** A directory: its names, and what stands under each. Asked anew each time. */
export interface ProcDirectory {
  readonly kind: "directory";
  readonly mode?: number;
  /** To whom it and everything in it belongs; root by default. */
  owner?(): FileOwner;
  names(context: FileSystemContext): readonly string[];
  get(name: string, context: FileSystemContext): ProcNode | null;
}

export type ProcNode = ProcFile | ProcLink | ProcDirectory;

/** A directory whose entries do not change. */
export function fixedDirectory(
  entries: Readonly<Record<string, ProcNode>>,
  options: { owner?: () => FileOwner } = {},
): ProcDirectory {
  const nodes = new Map(Object.entries(entries));
  return { kind: "directory", names: () => [...nodes.keys()], get: (name) => nodes.get(name) ?? null, ...options };
}

/** A file of text that only says something. */
export function textFile(read: (context: FileSystemContext) => string | number, mode = 0o444): ProcFile {
  return { kind: "file", mode, read };
}

const PROC_SUPER_MAGIC = 0x9fa0;
const SYSFS_MAGIC = 0x6265_6572;
/** The largest text that one write(2) may give. */
const WRITE_MAXIMUM_BYTES = 65_536;

export class ProcFs implements FileSystem {
  readonly typeName: "proc" | "sysfs";
  readonly source: string;
  deviceNumber = 0;
  readonly root: Dentry;
  readonly clock: Clock;

  constructor(clock: Clock, root: ProcDirectory, typeName: "proc" | "sysfs" = "proc") {
    this.clock = clock;
    this.typeName = typeName;
    this.source = typeName;
    this.root = new Dentry(new ProcInode(this, root, "/", () => ROOT), null, "");
  }

  statistics(): FileSystemStatistics {
    return {
      type: this.typeName === "proc" ? PROC_SUPER_MAGIC : SYSFS_MAGIC,
      blockSize: 4096,
      blocks: 0,
      freeBlocks: 0,
      files: 0,
      freeFiles: 0,
      nameLengthMaximum: 255,
    };
  }
}

const typeByKind = { file: S_IFREG, link: S_IFLNK, directory: S_IFDIR } as const;
const modeByKind = { file: 0o444, link: 0o777, directory: 0o555 } as const;

class ProcInode extends Inode {
  declare readonly fileSystem: ProcFs;
  readonly node: ProcNode;
  readonly path: string;
  private readonly number: number;
  private readonly owner: () => FileOwner;

  constructor(fileSystem: ProcFs, node: ProcNode, path: string, parentOwner: () => FileOwner) {
    super(fileSystem, typeByKind[node.kind]);
    this.node = node;
    this.path = path;
    this.owner = node.kind === "directory" && node.owner !== undefined ? node.owner : parentOwner;
    this.number = numberOf(path);
  }

  status(): FileStatus {
    const now = this.fileSystem.clock.realtimeMilliseconds();
    const { node } = this;
    const { userId, groupId } = this.owner();
    return {
      device: this.fileSystem.deviceNumber,
      inode: this.number,
      mode: this.type | ((node.kind === "link" ? undefined : node.mode) ?? modeByKind[node.kind]),
      links: node.kind === "directory" ? 2 : 1,
      userId,
      groupId,
      specialDevice: 0,
      size: 0,
      blockSize: 1024,
      blocks: 0,
      accessedMilliseconds: now,
      modifiedMilliseconds: now,
      changedMilliseconds: now,
    };
  }

  open(pathNode: PathNode, flags: number): OpenFile | number {
    const { node } = this;
    if (node.kind === "directory") return new ProcDirectoryFile(pathNode, flags, node);
    if (node.kind === "link") return -EINVAL;
    const file = new ProcOpenFile(pathNode, flags, node);
    if (!file.isWritable || node.write !== undefined) return file;
    file.retain().drop();
    return -EACCES;
  }

  override lookup(self: Dentry, name: string, context: FileSystemContext): Dentry | number {
    if (this.node.kind !== "directory") return -ENOENT;
    const node = this.node.get(name, context);
    if (node === null) return -ENOENT;
    const prefix = this.path === "/" ? "" : this.path;
    return new Dentry(new ProcInode(this.fileSystem, node, `${prefix}/${name}`, this.owner), self, name);
  }

  /** Nothing can be made in /proc; Linux says that there is no such place. */
  override create(): number {
    return -ENOENT;
  }

  override makeDirectory(): number {
    return -ENOENT;
  }

  override symlink(): number {
    return -ENOENT;
  }

  override link(): number {
    return -ENOENT;
  }

  override readLink(context: FileSystemContext): string | number {
    return this.node.kind === "link" ? this.node.target(context) : -EINVAL;
  }

  override followLink(context: FileSystemContext): PathNode | number | null {
    return this.node.kind === "link" ? (this.node.follow?.(context) ?? null) : null;
  }

  /** O_TRUNC on a file that can be written changes nothing. */
  override truncate(): number {
    return this.node.kind === "file" && this.node.write !== undefined ? 0 : -EPERM;
  }
}

/** The same path has the same inode number; 48 bits of FNV-1a, so that two paths hardly ever share one. */
function numberOf(path: string): number {
  let low = 0x811c9dc5;
  let high = 0x1000193;
  for (let k = 0; k < path.length; k++) {
    low = Math.imul(low ^ path.charCodeAt(k), 0x01000193);
    high = Math.imul(high ^ path.charCodeAt(k), 0x85ebca6b);
  }
  return (high & 0xffff) * 0x1_0000_0000 + (low >>> 0) + 1;
}

class ProcOpenFile extends RegularFile {
  private readonly source: ProcFile;
  private contents: Uint8Array | null = null;

  constructor(node: PathNode, flags: number, source: ProcFile) {
    super(node, flags);
    this.source = source;
  }

  size(): number {
    return 0;
  }

  /** The text is made when reading begins, and stays the same until it begins anew at 0. */
  protected readBytes(buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (this.contents === null || position === 0) {
      const made = this.source.read({ root: this.node, workingDirectory: this.node, umask: 0 });
      if (typeof made === "number") return made;
      this.contents = typeof made === "string" ? new TextEncoder().encode(made) : made;
    }
    const part = this.contents.subarray(position, position + length);
    buffer.set(part, offset);
    return part.length;
  }

  protected writeBytes(buffer: Uint8Array, offset: number, length: number): number {
    if (this.source.write === undefined) return -EIO;
    if (length > WRITE_MAXIMUM_BYTES) return -EINVAL;
    const error = this.source.write(new TextDecoder().decode(buffer.slice(offset, offset + length)));
    return error < 0 ? error : length;
  }
}

/** The list of names is taken when reading begins, so that cursors stay what they were while processes come and go. */
class ProcDirectoryFile extends DirectoryFile {
  private readonly directory: ProcDirectory;
  private names: readonly string[] = [];

  constructor(node: PathNode, flags: number, directory: ProcDirectory) {
    super(node, flags);
    this.directory = directory;
  }

  override readDirectory(cursor: number, most: number): CursorEntry[] | number {
    const context: FileSystemContext = { root: this.node, workingDirectory: this.node, umask: 0 };
    if (cursor === 0) this.names = this.directory.names(context);
    const { dentry } = this.node;
    const entries: CursorEntry[] = [];
    for (let at = cursor; entries.length < most && at < this.names.length + 2; at++) {
      if (at < 2) {
        const inode = (at === 0 ? dentry : (dentry.parent ?? dentry)).inode as ProcInode;
        const number = (inode.status() as FileStatus).inode;
        entries.push({ name: at === 0 ? "." : "..", inode: number, type: DT_DIR, nextCursor: at + 1 });
        continue;
      }
      const name = this.names[at - 2] as string;
      const node = this.directory.get(name, context);
      if (node === null) continue;
      const { path } = dentry.inode as ProcInode;
      const number = numberOf(`${path === "/" ? "" : path}/${name}`);
      entries.push({ name, inode: number, type: directoryEntryType(typeByKind[node.kind]), nextCursor: at + 1 });
    }
    return entries;
  }
}
