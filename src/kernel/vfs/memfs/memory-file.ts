/** Regular files and symlinks in memory. */
import { EFBIG, EINVAL, ENOSPC, ENXIO, EPERM } from "../../../abi/errno.ts";
import {
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  S_IFLNK,
  S_IFREG,
} from "../../../abi/file.ts";
import type { OpenFile } from "../../file/open-file.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Dentry } from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import { POSITION_MAXIMUM, RegularFile } from "../vfs-file.ts";
import { ChunkedBytes } from "./chunked-bytes.ts";
import type { MemFs } from "./memfs.ts";
import { MemoryInode } from "./memory-inode.ts";

export class MemoryFile extends MemoryInode {
  readonly bytes: ChunkedBytes;

  /** `source`: contents that lie elsewhere, and show until they are written over. */
  constructor(fileSystem: MemFs, permissions: number, source: ByteSource | null = null) {
    super(fileSystem, S_IFREG, permissions);
    // As tmpfs: all but memfds are sealed against seals.
    this.seals = F_SEAL_SEAL;
    this.bytes = new ChunkedBytes(fileSystem.budget, source);
  }

  sizeBytes(): number {
    return this.bytes.size;
  }

  override allocatedBytes(): number {
    return this.bytes.heldBytes;
  }

  override discard(): void {
    this.bytes.clear();
  }

  open(node: PathNode, flags: number): OpenFile | number {
    const error = this.opened === 0 ? this.bytes.openSource() : 0;
    return error < 0 ? error : new MemoryOpenFile(node, flags, this);
  }

  override settle(): void {
    if (this.opened === 0) this.bytes.closeSource();
    super.settle();
  }

  override truncate(_self: Dentry, size: number): number {
    if (size < 0) return -EINVAL;
    if (size > POSITION_MAXIMUM) return -EFBIG;
    const seals = this.seals ?? 0;
    if (seals > F_SEAL_SEAL) {
      if (size < this.bytes.size && (seals & F_SEAL_SHRINK) !== 0) return -EPERM;
      if (size > this.bytes.size && (seals & F_SEAL_GROW) !== 0) return -EPERM;
    }
    this.fileSystem.lock.acquire();
    try {
      this.bytes.truncate(size);
      this.touchModified();
      return 0;
    } finally {
      this.fileSystem.lock.release();
    }
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (position + length > POSITION_MAXIMUM) return -EFBIG;
    const seals = this.seals ?? 0;
    if (seals > F_SEAL_SEAL) {
      if ((seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
      if ((seals & F_SEAL_GROW) !== 0 && position + length > this.bytes.size) return -EPERM;
    }
    this.fileSystem.lock.acquire();
    try {
      const count = this.bytes.write(buffer, offset, length, position);
      if (count > 0) this.touchModified();
      return count === 0 && length > 0 ? -ENOSPC : count;
    } finally {
      this.fileSystem.lock.release();
    }
  }

  allocate(position: number, length: number): number {
    if (((this.seals ?? 0) & F_SEAL_GROW) !== 0 && position + length > this.bytes.size) return -EPERM;
    this.fileSystem.lock.acquire();
    try {
      return this.bytes.allocate(position, length);
    } finally {
      this.fileSystem.lock.release();
    }
  }
}

export class MemoryOpenFile extends RegularFile {
  private readonly file: MemoryFile;

  constructor(node: PathNode, flags: number, file: MemoryFile) {
    super(node, flags);
    this.file = file;
    file.opened++;
  }

  size(): number {
    return this.file.bytes.size;
  }

  override truncate(size: number): number {
    return this.isWritable ? this.file.truncate(this.node.dentry, size) : -EINVAL;
  }

  override allocate(position: number, length: number): number {
    return this.file.allocate(position, length);
  }

  override chunkAt(position: number): { bytes: Uint8Array; offset: number; length: number } | null {
    return this.file.bytes.chunkAt(position);
  }

  protected readBytes(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const count = this.file.bytes.read(buffer, offset, length, position);
    if (count > 0) this.file.touchAccessed();
    return count;
  }

  protected writeBytes(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.file.write(buffer, offset, length, position);
  }

  protected override nextData(offset: number, size: number): number {
    const at = this.file.bytes.nextBoundary(offset, size, true);
    return at < size ? at : -ENXIO;
  }

  protected override nextHole(offset: number, size: number): number {
    return this.file.bytes.nextBoundary(offset, size, false);
  }

  protected override close(): void {
    this.file.opened--;
    this.file.settle();
  }
}

export class MemorySymlink extends MemoryInode {
  private readonly target: string;
  private readonly targetBytes: number;

  /** `targetBytes` have been charged. */
  constructor(fileSystem: MemFs, target: string, targetBytes: number) {
    super(fileSystem, S_IFLNK, 0o777);
    this.target = target;
    this.targetBytes = targetBytes;
  }

  /** One that comes with the file system: the file system is larger by its bytes. */
  static adopt(fileSystem: MemFs, target: string): MemorySymlink {
    const targetBytes = new TextEncoder().encode(target).length;
    fileSystem.budget.usedBytes += targetBytes;
    fileSystem.budget.maximumBytes += targetBytes;
    return new MemorySymlink(fileSystem, target, targetBytes);
  }

  sizeBytes(): number {
    return this.targetBytes;
  }

  override discard(): void {
    this.fileSystem.budget.usedBytes -= this.targetBytes;
  }

  override readLink(): string {
    return this.target;
  }

  open(): number {
    return -EINVAL;
  }
}
