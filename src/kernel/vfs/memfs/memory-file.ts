/** Regular files and symlinks in memory. */
import { EFBIG, EINVAL, ENOSPC, ENXIO } from "../../../abi/errno.ts";
import { S_IFLNK, S_IFREG } from "../../../abi/file.ts";
import type { OpenFile } from "../../file/open-file.ts";
import type { Dentry } from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import { POSITION_MAXIMUM, RegularFile } from "../vfs-file.ts";
import { ChunkedBytes } from "./chunked-bytes.ts";
import type { MemFs } from "./memfs.ts";
import { MemoryInode } from "./memory-inode.ts";

export class MemoryFile extends MemoryInode {
  readonly bytes: ChunkedBytes;

  constructor(fileSystem: MemFs, permissions: number) {
    super(fileSystem, S_IFREG, permissions);
    this.bytes = new ChunkedBytes(fileSystem.budget);
  }

  sizeBytes(): number {
    return this.bytes.size;
  }

  override allocatedBytes(): number {
    return this.bytes.allocatedBytes;
  }

  override discard(): void {
    this.bytes.clear();
  }

  open(node: PathNode, flags: number): OpenFile {
    return new MemoryOpenFile(node, flags, this);
  }

  override truncate(_self: Dentry, size: number): number {
    if (size < 0) return -EINVAL;
    if (size > POSITION_MAXIMUM) return -EFBIG;
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
    this.fileSystem.lock.acquire();
    try {
      return this.bytes.allocate(position, length) ? 0 : -ENOSPC;
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
