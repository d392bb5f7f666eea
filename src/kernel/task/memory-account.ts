/**
 * How much memory all processes of a kernel may take together. What counts is what a process has touched or could have: the
 * host gets nothing back from a memory before it is given up as a whole.
 */

export class MemoryAccount {
  readonly maximumBytes: number;
  usedBytes = 0;

  constructor(maximumBytes: number = Number.POSITIVE_INFINITY) {
    this.maximumBytes = maximumBytes;
  }

  /** False where the bound would be passed: ENOMEM. */
  charge(bytes: number): boolean {
    if (this.usedBytes + bytes > this.maximumBytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.usedBytes -= bytes;
  }
}
