/**
 * What a program that was started from outside and all its descendants may take together, as a control group of Linux bounds it
 * (pids.max and memory.max of cgroups(7)): one that forks or allocates without end leaves something for the others.
 */
import { MemoryAccount } from "./memory-account.ts";

export interface ControlGroupLimits {
  /** Processes and their further threads. */
  readonly maximumTasks: number;
  readonly maximumMemoryBytes: number;
}

export class ControlGroup {
  readonly maximumTasks: number;
  /** Processes, zombies included, and threads beside the main ones. */
  taskCount = 0;
  /** How long its machine code has run, as the order of turns counts it. */
  runMilliseconds = 0;
  readonly memory: MemoryAccount;

  /** `memory` is what all groups share. */
  constructor(limits: ControlGroupLimits, memory: MemoryAccount | null = null) {
    this.maximumTasks = limits.maximumTasks;
    this.memory = new MemoryAccount(limits.maximumMemoryBytes, memory);
  }

  get hasRoom(): boolean {
    return this.taskCount < this.maximumTasks;
  }
}

/** A group without bounds: for processes that stand alone. */
export function unlimitedGroup(): ControlGroup {
  return new ControlGroup({
    maximumTasks: Number.POSITIVE_INFINITY,
    maximumMemoryBytes: Number.POSITIVE_INFINITY,
  });
}
