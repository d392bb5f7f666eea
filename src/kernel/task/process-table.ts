/** All processes, by number. An orphan leaves at once when it ends; a process that has exited stays until its parent has waited for it. */
import { CLD_EXITED, CLD_KILLED, SA_NOCLDSTOP, SA_NOCLDWAIT, SIG_IGN, SIGCHLD } from "../../abi/signal.ts";
import type { ControlGroup } from "./control-group.ts";
import type { Process } from "./process.ts";
import type { SignalInformation } from "./signal-queue.ts";
import type { Thread } from "./thread.ts";

/** Each process of machine code takes 16 GiB of the host's addresses, of which it has 128 TiB. */
const DEFAULT_MAXIMUM = 4096;

export class ProcessTable {
  /** Of processes and threads beside the main ones. */
  readonly maximum: number;
  private readonly processes = new Map<number, Process>();
  /** Threads beside the main ones, by number. */
  private readonly moreThreads = new Map<number, Thread>();
  private lastNumber = 0;
  /** Called when the last process has gone. */
  onEmpty: (() => void) | null = null;

  constructor(maximum: number = DEFAULT_MAXIMUM) {
    this.maximum = maximum;
  }

  /** The next free number for a process or a thread of a control group; 0 when that or the table is full (EAGAIN). */
  allocateNumber(group: ControlGroup | null = null): number {
    if (this.processes.size + this.moreThreads.size >= this.maximum || group?.hasRoom === false) return 0;
    do {
      this.lastNumber = this.lastNumber >= 4_194_303 ? 2 : this.lastNumber + 1;
    } while (this.processes.has(this.lastNumber) || this.moreThreads.has(this.lastNumber));
    return this.lastNumber;
  }

  add(process: Process): void {
    this.processes.set(process.processId, process);
    process.group.taskCount++;
  }

  get(processId: number): Process | null {
    return this.processes.get(processId) ?? null;
  }

  addThread(thread: Thread): void {
    this.moreThreads.set(thread.threadId, thread);
    thread.process.group.taskCount++;
  }

  removeThread(thread: Thread): void {
    if (this.moreThreads.get(thread.threadId) !== thread) return;
    this.moreThreads.delete(thread.threadId);
    thread.process.group.taskCount--;
  }

  /** The thread of that number; null for one that has ended. */
  thread(threadId: number): Thread | null {
    const main = this.processes.get(threadId)?.mainThread ?? null;
    return main !== null && main.threadId === threadId ? main : (this.moreThreads.get(threadId) ?? null);
  }

  all(): Iterable<Process> {
    return this.processes.values();
  }

  get size(): number {
    return this.processes.size;
  }

  /** Takes a zombie away after its parent has read its status. */
  reap(process: Process): void {
    const { parent } = process;
    if (parent !== null) {
      parent.children.delete(process);
      parent.childrenProcessorMilliseconds += process.processorMilliseconds + process.childrenProcessorMilliseconds;
    }
    this.remove(process);
  }

  /** Every process of a group, exited ones included. */
  *group(processGroup: number): Iterable<Process> {
    for (const process of this.processes.values()) {
      if (process.processGroup === processGroup) yield process;
    }
  }

  /** A child has been stopped, or goes on. */
  childChanged(process: Process, information: SignalInformation): void {
    const { parent } = process;
    if (parent === null || parent.hasExited) return;
    parent.childEvents.wake();
    if ((parent.signals.action(SIGCHLD).flags & SA_NOCLDSTOP) === 0) parent.signals.raise(SIGCHLD, information);
  }

  /** Called by a process that has just ended: its children are orphaned, its parent is told. */
  ended(process: Process): void {
    for (const thread of process.threads) this.removeThread(thread);
    process.threads.clear();
    this.orphan(process);
    const { parent } = process;
    if (parent === null || parent.hasExited) {
      // Without a parent nobody will wait.
      this.reap(process);
      return;
    }
    this.tell(parent, process);
  }

  /** Tells a parent that a child has ended. */
  private tell(parent: Process, child: Process): void {
    const { exitSignal } = child;
    const { handler, flags } = parent.signals.action(SIGCHLD);
    // wait(2): with SIGCHLD set to SIG_IGN, or SA_NOCLDWAIT, children leave no zombies.
    if (exitSignal === SIGCHLD && (handler === SIG_IGN || (flags & SA_NOCLDWAIT) !== 0)) this.reap(child);
    parent.childEvents.wake();
    if (exitSignal !== 0) parent.signals.raise(exitSignal, exitInformation(child));
  }

  private remove(process: Process): void {
    if (!this.processes.delete(process.processId)) return;
    process.group.taskCount--;
    if (this.processes.size === 0) this.onEmpty?.();
  }

  /** Hands the children of an ended process to the nearest living subreaper, or to the kernel itself, which waits for nobody. */
  private orphan(process: Process): void {
    let reaper = process.parent;
    while (reaper !== null && (reaper.hasExited || !reaper.isSubreaper)) reaper = reaper.parent;
    for (const child of process.children) {
      child.parent = reaper;
      child.exitSignal = SIGCHLD;
      if (reaper !== null) {
        reaper.children.add(child);
        if (child.hasExited) this.tell(reaper, child);
      } else if (child.hasExited) this.remove(child);
      if (child.parentDeathSignal !== 0) child.signals.raise(child.parentDeathSignal);
    }
    process.children.clear();
  }
}

/** What SIGCHLD and waitid(2) tell about a process that has ended. */
export function exitInformation(process: Process): SignalInformation {
  const signal = process.status & 0x7f;
  return {
    code: signal === 0 ? CLD_EXITED : CLD_KILLED,
    processId: process.processId,
    userId: process.credentials.userId,
    status: signal === 0 ? (process.status >> 8) & 0xff : signal,
  };
}
