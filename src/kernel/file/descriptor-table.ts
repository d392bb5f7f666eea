/**
 * File descriptors of one process: small numbers that stand for open file descriptions. The lowest free number is always
 * given out next; programs rely on it.
 */
import { EBADF, EMFILE, ENFILE } from "../../abi/errno.ts";
import { FD_CLOEXEC, O_PATH } from "../../abi/file.ts";
import { LockRank, RankedLock } from "../../base/ranked-lock.ts";
import { NumberBitmap } from "./number-bitmap.ts";
import type { OpenFile, OpenFileCount } from "./open-file.ts";

export class DescriptorTable {
  /** RLIMIT_NOFILE: one more than the highest number that may be given out. */
  limit: number;
  /** A POSIX lock was set through this table: closing a file may release locks (fcntl_locking(2)). */
  hasLocked = false;
  /** Processes that use it: more than one after clone(2) with CLONE_FILES. */
  private users = 1;
  private readonly files: (OpenFile | null)[] = [];
  private readonly descriptorFlags: number[] = [];
  private readonly numbers = new NumberBitmap();
  private readonly count: OpenFileCount;
  private readonly lock = new RankedLock(LockRank.fileDescriptorTable, "fd table");

  constructor(count: OpenFileCount, limit = 1024) {
    this.count = count;
    this.limit = limit;
  }

  /** The open file behind a number; null for EBADF, which O_PATH descriptors are too for most calls (open(2)). */
  get(descriptor: number): OpenFile | null {
    const file = this.files[descriptor] ?? null;
    return file === null || (file.flags & O_PATH) !== 0 ? null : file;
  }

  /** The same for the calls that take O_PATH descriptors: those about the descriptor, or the place in the tree. */
  getWithPath(descriptor: number): OpenFile | null {
    return this.files[descriptor] ?? null;
  }

  /**
   * Gives the file the lowest free number from `from` on and takes a reference. -EMFILE when the process has no number left,
   * -ENFILE when the system has no description left. On an error a file that nobody holds is released.
   */
  install(file: OpenFile, descriptorFlags = 0, from = 0): number {
    file.retain();
    let descriptor: number;
    this.lock.acquire();
    try {
      descriptor = this.charge(file);
      if (descriptor === 0) {
        descriptor = this.numbers.lowestAbsent(from);
        if (descriptor >= this.limit) descriptor = -EMFILE;
        else this.put(descriptor, file, descriptorFlags);
      }
    } finally {
      this.lock.release();
    }
    if (descriptor < 0) file.drop();
    return descriptor;
  }

  /** As dup3(2): puts the file at exactly this number, closing what stood there. */
  installAt(descriptor: number, file: OpenFile, descriptorFlags: number): number {
    file.retain();
    let result: number;
    let before: OpenFile | null = null;
    this.lock.acquire();
    try {
      result = descriptor < 0 || descriptor >= this.limit ? -EBADF : this.charge(file);
      if (result === 0) {
        before = this.files[descriptor] ?? null;
        this.put(descriptor, file, descriptorFlags);
        result = descriptor;
      }
    } finally {
      this.lock.release();
    }
    // Released without the table's lock: a description may reach into the socket table.
    if (result < 0) file.drop();
    if (before !== null) this.letGo(before);
    return result;
  }

  /** The errno that an installation would be refused with now; 0 if there is room. Lets accept(2) fail before it takes a connection. */
  checkRoom(): number {
    if (this.count.current >= this.count.maximum) return -ENFILE;
    return this.numbers.lowestAbsent() >= this.limit ? -EMFILE : 0;
  }

  close(descriptor: number): number {
    const file = this.files[descriptor] ?? null;
    if (file === null) return -EBADF;
    this.files[descriptor] = null;
    this.numbers.remove(descriptor);
    // The description may reach into the socket table while it is released: the lock of this table is not held here.
    this.letGo(file);
    return 0;
  }

  get isShared(): boolean {
    return this.users > 1;
  }

  /** One process more uses it. */
  share(): this {
    this.users++;
    return this;
  }

  /** A process uses it no more; the last one closes everything. */
  leave(): void {
    if (--this.users === 0) this.closeAll();
  }

  closeAll(): void {
    for (let descriptor = 0; descriptor < this.files.length; descriptor++) this.close(descriptor);
    if (this.hasLocked) this.count.locks.ownerEnded(this);
  }

  flagsOf(descriptor: number): number {
    return this.descriptorFlags[descriptor] ?? 0;
  }

  setFlags(descriptor: number, flags: number): void {
    this.descriptorFlags[descriptor] = flags;
  }

  /** For exec: closes what is marked FD_CLOEXEC. */
  closeMarked(): void {
    for (let descriptor = 0; descriptor < this.files.length; descriptor++) {
      if ((this.flagsOf(descriptor) & FD_CLOEXEC) !== 0) this.close(descriptor);
    }
  }

  /** For fork and spawn: the same descriptions under the same numbers; with `dropCloseOnExec`, those marked FD_CLOEXEC stay behind. */
  inherit(dropCloseOnExec: boolean): DescriptorTable {
    const copy = new DescriptorTable(this.count, this.limit);
    for (let descriptor = 0; descriptor < this.files.length; descriptor++) {
      const file = this.files[descriptor] ?? null;
      const flags = this.flagsOf(descriptor);
      if (file === null || (dropCloseOnExec && (flags & FD_CLOEXEC) !== 0)) continue;
      copy.put(descriptor, file.retain(), flags);
    }
    return copy;
  }

  /** The numbers in use, ascending: /proc/PID/fd. */
  descriptors(): number[] {
    const numbers: number[] = [];
    for (let descriptor = 0; descriptor < this.files.length; descriptor++) {
      if (this.files[descriptor] != null) numbers.push(descriptor);
    }
    return numbers;
  }

  private letGo(file: OpenFile): void {
    if (this.hasLocked) this.count.locks.closed(file, this);
    file.drop();
  }

  private put(descriptor: number, file: OpenFile, flags: number): void {
    while (this.files.length < descriptor) this.files.push(null);
    this.files[descriptor] = file;
    this.numbers.add(descriptor);
    this.descriptorFlags[descriptor] = flags;
  }

  /** Counts a new description against the system's limit: 0 or -ENFILE. */
  private charge(file: OpenFile): number {
    if (file.count !== null) return 0;
    if (this.count.current >= this.count.maximum) return -ENFILE;
    this.count.current++;
    file.count = this.count;
    return 0;
  }
}
