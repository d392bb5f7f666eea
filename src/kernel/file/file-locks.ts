/**
 * Advisory locks: those on ranges of bytes, which belong to a process (POSIX, fcntl(2)) or to an open file description (OFD), and
 * flock(2)'s on whole files. The first two keep each other out; flock's are apart. All opens of one inode share a FileLocks.
 */
import { EAGAIN, EDEADLK, ENOLCK } from "../../abi/errno.ts";
import { F_UNLCK, F_WRLCK } from "../../abi/file.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import type { OpenFile } from "./open-file.ts";

/** A process's descriptor table, or an open file description: whatever the lock goes with. */
export type LockOwner = object;

/** Bytes `start` to `end`, both included; Infinity for the end of any file. */
export interface RangeLock {
  type: number;
  start: number;
  end: number;
  readonly owner: LockOwner;
  /** Who asked for it; -1 for a lock of a description. */
  readonly processId: number;
}

/** Ranges that one inode may have locked; more is ENOLCK. */
const RANGES_MAXIMUM = 16_384;
/** Links of the chain "waits for whoever waits for …" that are followed, as on Linux. */
const DEADLOCK_DEPTH = 10;

function conflicts(one: RangeLock, other: RangeLock): boolean {
  if (one.owner === other.owner || one.start > other.end || other.start > one.end) return false;
  return one.type === F_WRLCK || other.type === F_WRLCK;
}

/** The locks of one inode. */
export class FileLocks {
  readonly key: string;
  private readonly table: LockTable;
  /** Open file descriptions that know these locks. */
  users = 0;
  private ranges: RangeLock[] = [];
  /** flock(2): each description has at most one. */
  private readonly whole = new Map<OpenFile, number>();
  /** Fires when a lock has gone or become weaker. */
  readonly released: WaitQueue = new WaitQueue();

  constructor(table: LockTable, key: string) {
    this.table = table;
    this.key = key;
  }

  /** A lock that keeps this one out; null for none. */
  findConflict(wanted: RangeLock): RangeLock | null {
    return this.ranges.find((lock) => conflicts(lock, wanted)) ?? null;
  }

  /**
   * Sets or, with F_UNLCK, clears a range. -EAGAIN where others keep it out; `waiter` is given by who would wait then, and gets
   * -EDEADLK where the wait would never end.
   */
  setRange(wanted: RangeLock, waiter: object | null): number {
    if (waiter !== null) this.table.stopWaiting(waiter);
    if (wanted.type !== F_UNLCK) {
      const blocker = this.findConflict(wanted);
      if (blocker !== null) return waiter === null ? -EAGAIN : this.table.beginWaiting(waiter, wanted, blocker);
      if (this.ranges.length >= RANGES_MAXIMUM) return -ENOLCK;
    }
    const weakened = this.cut(wanted);
    if (wanted.type !== F_UNLCK) {
      const grown = this.merge({ ...wanted });
      this.ranges.push(grown);
    }
    if (weakened) this.released.wake();
    return 0;
  }

  /** close(2) by a process: all its POSIX locks on the inode go, whichever descriptor they were set through. */
  removeOwner(owner: LockOwner): void {
    const before = this.ranges.length;
    this.ranges = this.ranges.filter((lock) => lock.owner !== owner);
    if (this.ranges.length < before) this.released.wake();
  }

  /** flock(2). Changing a lock gives it up first: one that cannot be changed at once is lost (flock(2), NOTES). */
  setWhole(file: OpenFile, type: number): number {
    const before = this.whole.get(file);
    if (before === type) return 0;
    if (before !== undefined) {
      this.whole.delete(file);
      this.released.wake();
    }
    if (type === F_UNLCK) return 0;
    for (const other of this.whole.values()) if (type === F_WRLCK || other === F_WRLCK) return -EAGAIN;
    this.whole.set(file, type);
    return 0;
  }

  /** The description is gone: so are its locks. */
  fileReleased(file: OpenFile): void {
    this.removeOwner(file);
    this.setWhole(file, F_UNLCK);
    if (--this.users === 0) this.table.forget(this);
  }

  /** For /proc/locks. */
  *list(): Iterable<{
    kind: "FLOCK" | "OFDLCK" | "POSIX";
    type: number;
    processId: number;
    start: number;
    end: number;
  }> {
    for (const lock of this.ranges) yield { kind: lock.processId < 0 ? "OFDLCK" : "POSIX", ...lock };
    for (const type of this.whole.values()) {
      yield { kind: "FLOCK", type, processId: -1, start: 0, end: Number.POSITIVE_INFINITY };
    }
  }

  /** Takes a range away from what its owner holds; true if others may have waited for that. */
  private cut(wanted: RangeLock): boolean {
    let weakened = false;
    const kept: RangeLock[] = [];
    for (const lock of this.ranges) {
      if (lock.owner !== wanted.owner || lock.end < wanted.start || lock.start > wanted.end) {
        kept.push(lock);
        continue;
      }
      if (lock.type === F_WRLCK || wanted.type === F_UNLCK) weakened ||= lock.type !== wanted.type;
      if (lock.start < wanted.start) kept.push({ ...lock, end: wanted.start - 1 });
      if (lock.end > wanted.end) kept.push({ ...lock, start: wanted.end + 1 });
    }
    this.ranges = kept;
    return weakened;
  }

  /** The lock grown by its owner's neighbours of the same type, which go. */
  private merge(lock: RangeLock): RangeLock {
    this.ranges = this.ranges.filter((other) => {
      if (other.owner !== lock.owner || other.type !== lock.type) return true;
      if (other.end + 1 < lock.start || other.start > lock.end + 1) return true;
      lock.start = Math.min(lock.start, other.start);
      lock.end = Math.max(lock.end, other.end);
      return false;
    });
    return lock;
  }
}

interface Wait {
  readonly owner: LockOwner;
  readonly blocker: LockOwner;
}

/** The locks of all inodes, found by device and inode number; an inode without open files that lock has none. */
export class LockTable {
  private readonly locks = new Map<string, FileLocks>();
  private readonly waits = new Map<object, Wait>();

  /** The locks that a file shares with all opens of its inode; made if need be. -errno if the file cannot tell what it is. */
  of(file: OpenFile): FileLocks | number {
    if (file.locks !== null) return file.locks;
    const status = file.status();
    if (typeof status === "number") return status;
    const key = `${status.device}:${status.inode}`;
    let locks = this.locks.get(key);
    if (locks === undefined) {
      locks = new FileLocks(this, key);
      this.locks.set(key, locks);
    }
    locks.users++;
    file.locks = locks;
    return locks;
  }

  /** A process that has set locks closes a file. */
  closed(file: OpenFile, owner: LockOwner): void {
    let { locks } = file;
    if (locks === null && this.locks.size > 0) {
      const status = file.status();
      if (typeof status !== "number") locks = this.locks.get(`${status.device}:${status.inode}`) ?? null;
    }
    locks?.removeOwner(owner);
  }

  forget(locks: FileLocks): void {
    this.locks.delete(locks.key);
  }

  all(): Iterable<FileLocks> {
    return this.locks.values();
  }

  /** -EDEADLK if the owner of the blocking lock waits, by however many others, for the one who would wait; else -EAGAIN. */
  beginWaiting(waiter: object, wanted: RangeLock, blocker: RangeLock): number {
    // Locks of descriptions have no owner that waits.
    if (wanted.processId >= 0 && blocker.processId >= 0) {
      let next: LockOwner | null = blocker.owner;
      for (let depth = 0; next !== null && depth < DEADLOCK_DEPTH; depth++) {
        if (next === wanted.owner) return -EDEADLK;
        next = this.blockerOf(next);
      }
      this.waits.set(waiter, { owner: wanted.owner, blocker: blocker.owner });
    }
    return -EAGAIN;
  }

  stopWaiting(waiter: object): void {
    this.waits.delete(waiter);
  }

  /** The process has ended, and with it whatever of it waited. */
  ownerEnded(owner: LockOwner): void {
    for (const [waiter, wait] of this.waits) if (wait.owner === owner) this.waits.delete(waiter);
  }

  private blockerOf(owner: LockOwner): LockOwner | null {
    for (const wait of this.waits.values()) if (wait.owner === owner) return wait.blocker;
    return null;
  }
}
