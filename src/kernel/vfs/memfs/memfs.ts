/**
 * A file system in memory: the root of a kernel, and what tmpfs is to Linux. Bytes and inodes are bounded; full is ENOSPC.
 * An unlinked file keeps its data until its last open file is released.
 */
import type { Clock } from "../../../base/clock.ts";
import { LockRank, RankedLock } from "../../../base/ranked-lock.ts";
import { OpenFileCount } from "../../file/open-file.ts";
import { Dentry, type FileSystem, type FileSystemStatistics } from "../inode.ts";
import { MemoryBudget } from "./chunked-bytes.ts";
import { MemoryDirectory } from "./memory-directory.ts";
import { BLOCK_BYTES } from "./memory-inode.ts";

export interface MemFsOptions {
  clock: Clock;
  /** Most bytes of file contents; 512 MiB by default. */
  maximumBytes?: number;
  /** Most names and files together; 131,072 by default. */
  maximumInodes?: number;
  /** Permissions of the root directory. */
  mode?: number;
  /** A root directory of another kind than the usual one. */
  makeRoot?: (fileSystem: MemFs) => MemoryDirectory;
}

export const TMPFS_MAGIC = 0x0102_1994;

export class MemFs implements FileSystem {
  readonly typeName: string = "tmpfs";
  readonly source: string = "tmpfs";
  deviceNumber = 0;
  readonly root: Dentry;
  readonly lock: RankedLock = new RankedLock(LockRank.fileSystem, "memfs");
  readonly budget: MemoryBudget;
  /** What the buffers of its named pipes count in: bounded as those of other pipes are. */
  readonly fifos: OpenFileCount = new OpenFileCount();
  private readonly clock: Clock;
  private inodeNumbers = 0;

  constructor(options: MemFsOptions) {
    this.clock = options.clock;
    this.budget = new MemoryBudget(options.maximumBytes ?? 512 * 1024 * 1024, options.maximumInodes ?? 131_072);
    this.budget.usedInodes = 1;
    const root = options.makeRoot?.(this) ?? new MemoryDirectory(this, options.mode ?? 0o755);
    root.links = 2;
    this.root = new Dentry(root, null, "");
  }

  nextInodeNumber(): number {
    return ++this.inodeNumbers;
  }

  now(): number {
    return this.clock.realtimeMilliseconds();
  }

  statistics(): FileSystemStatistics {
    const { budget } = this;
    return {
      type: TMPFS_MAGIC,
      blockSize: BLOCK_BYTES,
      blocks: Math.floor(budget.maximumBytes / BLOCK_BYTES),
      freeBlocks: Math.floor((budget.maximumBytes - budget.usedBytes) / BLOCK_BYTES),
      files: budget.maximumInodes,
      freeFiles: budget.maximumInodes - budget.usedInodes,
      nameLengthMaximum: 255,
    };
  }
}
