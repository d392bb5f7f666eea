/**
 * How much memory processes may take together: those of a control group, and within the account above it those of a kernel. What
 * counts is what a process has touched or could have: the host gets nothing back from a memory before it is given up as a whole.
 */

export class MemoryAccount {
  readonly maximumBytes: number;
  usedBytes = 0;
  private readonly above: MemoryAccount | null;

  constructor(maximumBytes: number = Number.POSITIVE_INFINITY, above: MemoryAccount | null = null) {
    this.maximumBytes = maximumBytes;
    this.above = above;
  }

  /** False where a bound would be passed: ENOMEM. */
  charge(bytes: number): boolean {
    if (this.usedBytes + bytes > this.maximumBytes || this.above?.charge(bytes) === false) return false;
    this.usedBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.usedBytes -= bytes;
    this.above?.giveBack(bytes);
  }
}
