/** All processes, by number. An orphan leaves at once when it ends; a process that has exited stays until its parent has waited for it. */
import { SIG_IGN, SIGCHLD } from "../../abi/signal.ts";
import type { Process } from "./process.ts";

export class ProcessTable {
  readonly maximum: number;
  private readonly processes = new Map<number, Process>();
  private lastNumber = 0;

  constructor(maximum = 32_768) {
    this.maximum = maximum;
  }

  /** The next free process id; 0 when the table is full (EAGAIN). */
  allocateNumber(): number {
    if (this.processes.size >= this.maximum) return 0;
    do {
      this.lastNumber = this.lastNumber >= 4_194_303 ? 2 : this.lastNumber + 1;
    } while (this.processes.has(this.lastNumber));
    return this.lastNumber;
  }

  add(process: Process): void {
    this.processes.set(process.processId, process);
  }

  get(processId: number): Process | null {
    return this.processes.get(processId) ?? null;
  }

  all(): Iterable<Process> {
    return this.processes.values();
  }

  get size(): number {
    return this.processes.size;
  }

  /** Takes a zombie away after its parent has read its status. */
  reap(process: Process): void {
    process.parent?.children.delete(process);
    this.processes.delete(process.processId);
  }

  /** Called by a process that has just ended: its children are orphaned, its parent is told. */
  ended(process: Process): void {
    for (const child of process.children) {
      child.parent = null;
      if (child.hasExited) this.processes.delete(child.processId);
    }
    process.children.clear();
    const parent = process.parent;
    // Without a parent nobody will wait; with SIGCHLD ignored, wait4(2) says, children leave no zombies.
    if (parent === null || parent.hasExited || parent.signals.action(SIGCHLD).handler === SIG_IGN) this.reap(process);
    if (parent !== null && !parent.hasExited) {
      parent.childEvents.wake();
      parent.signals.raise(SIGCHLD);
    }
  }
}
