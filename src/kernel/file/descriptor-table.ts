/**
 * File descriptors of one process: small numbers that stand for open file descriptions. The lowest free number is always
 * given out next; programs rely on it.
 */
import { EBADF, EMFILE, ENFILE } from "../../abi/errno.ts";
import { FD_CLOEXEC } from "../../abi/file.ts";
import { LockRank, RankedLock } from "../../base/ranked-lock.ts";
import type { OpenFile, OpenFileCount } from "./open-file.ts";

export class DescriptorTable {
  /** RLIMIT_NOFILE: one more than the highest number that may be given out. */
  limit: number;
  private readonly files: (OpenFile | null)[] = [];
  private readonly descriptorFlags: number[] = [];
  /** No free number lies below this one. */
  private lowestFree = 0;
  private readonly count: OpenFileCount;
  private readonly lock = new RankedLock(LockRank.fileDescriptorTable, "fd table");

  constructor(count: OpenFileCount, limit = 1024) {
    this.count = count;
    this.limit = limit;
  }

  /** The open file behind a number; null for EBADF. */
  get(descriptor: number): OpenFile | null {
    return this.files[descriptor] ?? null;
  }

  /**
   * Gives the file the lowest free number from `from` on and takes a reference. -EMFILE when the process has no number left,
   * -ENFILE when the system has no description left. On an error a file that nobody holds is released.
   */
  install(file: OpenFile, descriptorFlags = 0, from = 0): number {
    this.lock.acquire();
    try {
      file.retain();
      if (file.count === null) {
        if (this.count.current >= this.count.maximum) return this.refuse(file, -ENFILE);
        this.count.current++;
        file.count = this.count;
      }
      let descriptor = Math.max(from, this.lowestFree);
      while (this.files[descriptor] != null) descriptor++;
      if (descriptor >= this.limit) return this.refuse(file, -EMFILE);
      if (from <= this.lowestFree) this.lowestFree = descriptor + 1;
      this.put(descriptor, file, descriptorFlags);
      return descriptor;
    } finally {
      this.lock.release();
    }
  }

  /** As dup3(2): puts the file at exactly this number, closing what stood there. */
  installAt(descriptor: number, file: OpenFile, descriptorFlags: number): number {
    if (descriptor < 0 || descriptor >= this.limit) return -EBADF;
    file.retain();
    if (file.count === null) {
      this.count.current++;
      file.count = this.count;
    }
    const before = this.files[descriptor] ?? null;
    this.put(descriptor, file, descriptorFlags);
    before?.drop();
    return descriptor;
  }

  /** The number of a pending installation would be refused with this errno; 0 if there is room. Lets accept(2) fail before it takes a connection. */
  checkRoom(): number {
    if (this.count.current >= this.count.maximum) return -ENFILE;
    let descriptor = this.lowestFree;
    while (this.files[descriptor] != null) descriptor++;
    return descriptor >= this.limit ? -EMFILE : 0;
  }

  close(descriptor: number): number {
    const file = this.files[descriptor] ?? null;
    if (file === null) return -EBADF;
    this.files[descriptor] = null;
    if (descriptor < this.lowestFree) this.lowestFree = descriptor;
    // The description may reach into the socket table while it is released: the lock of this table is not held here.
    file.drop();
    return 0;
  }

  closeAll(): void {
    for (let descriptor = 0; descriptor < this.files.length; descriptor++) this.close(descriptor);
  }

  flagsOf(descriptor: number): number {
    return this.descriptorFlags[descriptor] ?? 0;
  }

  setFlags(descriptor: number, flags: number): void {
    this.descriptorFlags[descriptor] = flags;
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

  private put(descriptor: number, file: OpenFile, flags: number): void {
    while (this.files.length < descriptor) this.files.push(null);
    this.files[descriptor] = file;
    this.descriptorFlags[descriptor] = flags;
  }

  private refuse(file: OpenFile, errno: number): number {
    file.drop();
    return errno;
  }
}
