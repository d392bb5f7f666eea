/**
 * Open files that came from a path. `VfsFile` remembers the path node; `RegularFile` adds a position, O_APPEND and seeking over
 * the reads and writes at a position that each file system supplies.
 */
import { EBADF, EFAULT, EFBIG, EINVAL, EISDIR, ENOTTY, ENXIO, EOPNOTSUPP } from "../../abi/errno.ts";
import { FIONREAD, O_APPEND, O_PATH, SEEK_CUR, SEEK_END, SEEK_SET } from "../../abi/file.ts";
import { IN_ACCESS, IN_CLOSE_NOWRITE, IN_CLOSE_WRITE, IN_MODIFY } from "../../abi/inotify.ts";
import { type FileStatus, OpenFile } from "../file/open-file.ts";
import type { AttributeChange, CursorEntry } from "./inode.ts";
import { type PathNode, pathOf } from "./path-walk.ts";

export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** The largest position of any file: numbers are exact up to here. */
export const POSITION_MAXIMUM: number = Number.MAX_SAFE_INTEGER;

/** Nothing is mapped below. */
const NULL_GUARD_BYTES = 4096;

export abstract class VfsFile extends OpenFile {
  /** Where the file was found. Follows renames. */
  readonly node: PathNode;

  constructor(node: PathNode, flags: number) {
    super(flags);
    this.node = node;
    node.mount.openFiles++;
  }

  describe(): string {
    return pathOf(this.node);
  }

  override get isPollable(): boolean {
    return false;
  }

  override get isPositioned(): boolean {
    return true;
  }

  status(): FileStatus | number {
    return this.node.inode.status();
  }

  /** fchmod, fchown, futimens. */
  setAttributes(change: AttributeChange): number {
    return this.node.inode.setAttributes(this.node.dentry, change);
  }

  protected release(): void {
    const { mount, dentry } = this.node;
    mount.openFiles--;
    if (!mount.watches.isEmpty && (this.flags & O_PATH) === 0) {
      mount.watches.happened(dentry, this.isWritable ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    }
    this.close();
  }

  /** Frees what the file holds beside its place in the mount. */
  protected close(): void {}
}

/** What open(2) gives for O_PATH: a place in the tree that can be walked from and asked for its status, and no more. */
export class PathHandle extends VfsFile {
  constructor(node: PathNode, flags: number) {
    super(node, flags | O_PATH);
  }

  override get isReadable(): boolean {
    return false;
  }

  override get isWritable(): boolean {
    return false;
  }

  override readiness(): number {
    return 0;
  }

  override read(): number {
    return -EBADF;
  }

  override readAt(): number {
    return -EBADF;
  }

  override writeAt(): number {
    return -EBADF;
  }

  override seek(): number {
    return -EBADF;
  }

  override truncate(): number {
    return -EBADF;
  }

  override readDirectory(): number {
    return -EBADF;
  }

  override control(): number {
    return -EBADF;
  }

  override synchronize(): number {
    return -EBADF;
  }
}

export abstract class RegularFile extends VfsFile {
  /** Bytes, or -errno. */
  abstract size(): number;
  /** Bytes read at a position; 0 at or behind the end. */
  protected abstract readBytes(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Bytes written at a position; -EFBIG, -ENOSPC … */
  protected abstract writeBytes(buffer: Uint8Array, offset: number, length: number, position: number): number;

  override read(buffer: Uint8Array, offset: number, length: number): number {
    if (!this.isReadable) return -EBADF;
    this.node.inode.mapping?.beforeRead(this.position, length);
    const count = this.readBytes(buffer, offset, length, this.position);
    if (count > 0) {
      this.position += count;
      this.tell(IN_ACCESS);
    }
    return count;
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    if (!this.isWritable) return -EBADF;
    if (length === 0) return 0;
    let position = this.position;
    if ((this.flags & O_APPEND) !== 0) {
      position = this.size();
      if (position < 0) return position;
    }
    const count = this.writeBytes(buffer, offset, length, position);
    if (count > 0) {
      this.position = position + count;
      this.node.inode.mapping?.afterWrite(position, count);
      this.tell(IN_MODIFY);
    }
    return count;
  }

  override readAt(buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (!this.isReadable) return -EBADF;
    if (position < 0) return -EINVAL;
    this.node.inode.mapping?.beforeRead(position, length);
    const count = this.readBytes(buffer, offset, length, position);
    if (count > 0) this.tell(IN_ACCESS);
    return count;
  }

  /** pwrite(2), BUGS: a file with O_APPEND is appended to, whatever the position says. */
  override writeAt(buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (!this.isWritable) return -EBADF;
    if (position < 0) return -EINVAL;
    if (length === 0) return 0;
    let at = position;
    if ((this.flags & O_APPEND) !== 0) {
      at = this.size();
      if (at < 0) return at;
    }
    if (at + length > POSITION_MAXIMUM) return -EFBIG;
    const count = this.writeBytes(buffer, offset, length, at);
    if (count > 0) {
      this.node.inode.mapping?.afterWrite(at, count);
      this.tell(IN_MODIFY);
    }
    return count;
  }

  /** For mappings: the file's own bytes, without a word to those who map it. */
  readMapped(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.readBytes(buffer, offset, length, position);
  }

  /** The same for what was written in a mapping. O_APPEND says nothing about that. */
  writeMapped(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.writeBytes(buffer, offset, length, position);
  }

  /** To who watches the file, if anybody watches any. */
  private tell(event: number): void {
    const { mount, dentry } = this.node;
    if (!mount.watches.isEmpty) mount.watches.happened(dentry, event);
  }

  override seek(offset: number, whence: number): number {
    let position: number;
    if (whence === SEEK_SET) position = offset;
    else if (whence === SEEK_CUR) position = this.position + offset;
    else {
      const size = this.size();
      if (size < 0) return size;
      if (whence === SEEK_END) position = size + offset;
      else if (whence === SEEK_DATA || whence === SEEK_HOLE) {
        // lseek(2): a position behind the end is ENXIO; there is a hole at the end of every file.
        if (offset < 0 || offset >= size) return -ENXIO;
        position = whence === SEEK_DATA ? this.nextData(offset, size) : this.nextHole(offset, size);
        if (position < 0) return position;
      } else return -EINVAL;
    }
    if (position < 0 || position > POSITION_MAXIMUM) return -EINVAL;
    this.position = position;
    return position;
  }

  override synchronize(): number {
    return 0;
  }

  /** FIONREAD: what is left between the position and the end. */
  override control(request: number, argument: number, memory: Uint8Array): number {
    if (request !== FIONREAD) return -ENOTTY;
    const size = this.size();
    if (size < 0) return size;
    if (argument < NULL_GUARD_BYTES || argument + 4 > memory.length) return -EFAULT;
    new DataView(memory.buffer).setInt32(argument, size - this.position, true);
    return 0;
  }

  /** As fallocate(2) with mode 0: makes the range real, without changing the length. */
  allocate(_position: number, _length: number): number {
    return -EOPNOTSUPP;
  }

  /** The bytes at a position as they lie in memory, where they do: so that sendfile copies them once. */
  chunkAt(_position: number): { bytes: Uint8Array; offset: number; length: number } | null {
    return null;
  }

  /** Where data begins at or behind `offset`; -ENXIO if only a hole follows. A file without holes is all data. */
  protected nextData(offset: number, _size: number): number {
    return offset;
  }

  protected nextHole(_offset: number, size: number): number {
    return size;
  }
}

/** An open directory. Cursors are the file system's: a program gets them back from getdents64 and may seek to any it got. */
export abstract class DirectoryFile extends VfsFile {
  abstract override readDirectory(cursor: number, most: number): CursorEntry[] | number;

  override read(): number {
    return -EISDIR;
  }

  override readAt(): number {
    return -EISDIR;
  }

  override writeAt(): number {
    return -EBADF;
  }

  override seek(offset: number, whence: number): number {
    if (whence === SEEK_END) return -EINVAL;
    const position = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.position + offset : -1;
    if (position < 0 || position > POSITION_MAXIMUM) return -EINVAL;
    this.position = position;
    return position;
  }

  override synchronize(): number {
    return 0;
  }
}
