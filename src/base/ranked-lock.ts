/**
 * The lock hierarchy, checked. Handlers run to completion on one thread and never await, so a lock never has to wait;
 * what remains of it is its promise: taken in rank order, released before a task parks, never taken twice. While checking
 * is on (tests, debug boots) a breach throws; while off an acquire costs one comparison.
 */

/** Lower ranks are taken first. From the specification: mount table → file systems → socket table → block device → allocator. */
export const LockRank = {
  fileDescriptorTable: 5,
  mountTable: 10,
  fileSystem: 20,
  socketTable: 25,
  blockDevice: 30,
  allocator: 40,
} as const;

export class LockOrderError extends Error {}

const held: RankedLock[] = [];
let checking = false;

/** Turns the checks on or off for this realm; returns the previous setting. */
export function setLockChecking(on: boolean): boolean {
  const before = checking;
  checking = on;
  held.length = 0;
  return before;
}

/** Called where a task is about to sleep or a handler returns: nothing may be held there. */
export function assertNoLockHeld(where: string): void {
  if (!checking || held.length === 0) return;
  const names = held.map((lock) => lock.name).join(", ");
  held.length = 0;
  throw new LockOrderError(`${where} while holding ${names}`);
}

export class RankedLock {
  readonly rank: number;
  readonly name: string;

  constructor(rank: number, name: string) {
    this.rank = rank;
    this.name = name;
  }

  /** Pair with `release` in a finally block. */
  acquire(): void {
    if (!checking) return;
    const top = held[held.length - 1];
    if (held.includes(this)) throw new LockOrderError(`${this.name} taken twice`);
    if (top !== undefined && top.rank > this.rank) {
      throw new LockOrderError(`${this.name} (rank ${this.rank}) taken while holding ${top.name} (rank ${top.rank})`);
    }
    held.push(this);
  }

  release(): void {
    if (!checking) return;
    const at = held.lastIndexOf(this);
    if (at < 0) throw new LockOrderError(`${this.name} released but not held`);
    held.splice(at, 1);
  }
}
