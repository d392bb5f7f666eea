/**
 * A task is one flow of control with at most one system call under way: a thread of a machine-code program, or one
 * outstanding call of a TypeScript program (which may have many). A handler that would have to wait names its wait queues
 * and a deadline and returns BLOCKED; the task is parked, and the handler runs again from the start when something fires.
 */
import { EAGAIN, EINTR } from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/file.ts";
import { assertNoLockHeld } from "../../base/ranked-lock.ts";
import { Timer } from "../../base/timers.ts";
import { WaitEntry, type Waiter, type WaitQueue } from "../../base/wait-queue.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { Process } from "./process.ts";
import type { System } from "./system.ts";
import type { Thread } from "./thread.ts";

/** What a handler returns when the task has to wait. Lies outside of results and errors. */
export const BLOCKED = -0x10000;

/** (task, six arguments) → result, -errno or BLOCKED. Runs to completion; called again after each wake-up. */
export type Handler = (task: Task, a0: number, a1: number, a2: number, a3: number, a4: number, a5: number) => number;

export const TaskState = { idle: 0, running: 1, parked: 2, queued: 3, dead: 4 } as const;

export class Task implements Waiter {
  readonly process: Process;
  readonly system: System;
  /** Whose call it is; all tasks of a TypeScript program share one thread. */
  readonly thread: Thread;
  state: number = TaskState.idle;

  /** The call under way. */
  handler: Handler | null = null;
  number = 0;
  a0 = 0;
  a1 = 0;
  a2 = 0;
  a3 = 0;
  a4 = 0;
  a5 = 0;

  /** How often the handler has been run for this call; 0 the first time. */
  restarts = 0;
  /** Bytes moved by earlier runs of a call that goes on until all is done. */
  progress = 0;
  /** What a handler needs to remember between its runs. */
  scratch: unknown = null;
  /** Called when the call is over, however it ends: a handler that left something elsewhere takes it back. */
  whenAbandoned: (() => void) | null = null;
  /** True when the handler runs because its deadline passed. Tell the program then: do not wait again. */
  timedOut = false;
  /** True when a signal handler of the program ran while the task waited: the call ends with EINTR instead of waiting again. */
  isInterrupted = false;
  /** Set by calls that a signal handler ends even with SA_RESTART: poll, sleep, sigsuspend … (signal(7)). Those with a deadline never restart either. */
  neverRestarts = false;
  /** Takes the result of a call that had to wait. */
  complete: ((result: number) => void) | null = null;

  private heldFile: OpenFile | null = null;
  private heldDescriptor = -1;
  private readonly entries: WaitEntry[] = [];
  private entriesUsed = 0;
  private deadlineTimer: Timer | null = null;
  /** When the call gives up, on the monotonic clock. */
  deadline: number = Number.POSITIVE_INFINITY;
  private keptDeadline = Number.POSITIVE_INFINITY;
  /** For strace: when the call began. */
  startedMilliseconds = 0;

  constructor(process: Process, system: System, thread: Thread) {
    this.process = process;
    this.system = system;
    this.thread = thread;
  }

  get threadId(): number {
    return this.thread.threadId;
  }

  /**
   * The open file behind a descriptor; null is EBADF. A call that waits holds its file: run again, it gets the same one,
   * though another task has closed the descriptor or given its number to something else meanwhile.
   */
  file(descriptor: number): OpenFile | null {
    if (this.heldFile !== null && this.heldDescriptor === descriptor) return this.heldFile;
    return this.process.descriptors.get(descriptor);
  }

  /** As `file`, for the calls that take descriptors opened with O_PATH too. */
  fileOrPath(descriptor: number): OpenFile | null {
    return this.process.descriptors.getWithPath(descriptor);
  }

  /** Keeps a file alive for the rest of this call. */
  hold(descriptor: number, file: OpenFile): void {
    if (this.heldFile === file) return;
    this.heldFile?.drop();
    this.heldFile = file.retain();
    this.heldDescriptor = descriptor;
  }

  /** Adds a queue to wait on. Follow with `block()`. */
  waitOn(queue: WaitQueue, events = 0xffff): void {
    let entry = this.entries[this.entriesUsed];
    if (entry === undefined) {
      entry = new WaitEntry(this);
      this.entries.push(entry);
    }
    this.entriesUsed++;
    queue.add(entry, events);
  }

  /** Sets when to give up, once per call: milliseconds from now. Later runs of the same call keep the first deadline. */
  setTimeout(milliseconds: number): void {
    if (this.deadline === Number.POSITIVE_INFINITY && milliseconds !== Number.POSITIVE_INFINITY) {
      this.deadline = Math.min(this.keptDeadline, this.system.now() + milliseconds);
    }
  }

  /** The next call is one that starts again after its process was stopped: it waits no longer than it would have (restart_syscall(2)). */
  keepDeadline(deadline: number): void {
    this.keptDeadline = deadline;
  }

  /** As setTimeout, for a time that begins anew: the deadline before counts no more. */
  restartTimeout(milliseconds: number): void {
    this.deadline = this.system.now() + milliseconds;
  }

  /** Milliseconds left until the deadline; Infinity without one. */
  remainingMilliseconds(): number {
    return this.deadline === Number.POSITIVE_INFINITY ? this.deadline : Math.max(0, this.deadline - this.system.now());
  }

  /** Whether the call goes on waiting after a handler installed with SA_RESTART has run: one that has moved bytes tells how many. */
  get isRestartable(): boolean {
    return !this.neverRestarts && this.progress === 0 && this.deadline === Number.POSITIVE_INFINITY;
  }

  /** Ends a handler's run: parks the task, unless a signal or the deadline forbids it (then -EINTR or `onTimeout`). */
  block(onTimeout: number = -EAGAIN): number {
    if (this.timedOut || this.deadline <= this.system.now()) return this.progress > 0 ? this.progress : onTimeout;
    if (this.isInterrupted) return this.progress > 0 ? this.progress : -EINTR;
    return BLOCKED;
  }

  /**
   * Ends a handler's run in the middle of long work, of which `progress` tells how much is done: it goes on in the kernel's next
   * turn, and others go first.
   */
  yieldTurn(): number {
    this.process.runSoon(() => {
      this.wake();
      return 0;
    });
    return this.block();
  }

  /**
   * Waits for a file: -EAGAIN (or what was moved so far) for one with O_NONBLOCK or where `dontWait`, otherwise BLOCKED with
   * the file held.
   */
  blockOnFile(
    descriptor: number,
    file: OpenFile,
    events: number,
    timeoutMilliseconds: number,
    dontWait = false,
  ): number {
    if (dontWait || (file.flags & O_NONBLOCK) !== 0) return this.progress > 0 ? this.progress : -EAGAIN;
    this.hold(descriptor, file);
    this.setTimeout(timeoutMilliseconds);
    this.waitOn(file.waitQueue, events);
    return this.block();
  }

  /** Called by the gate after BLOCKED. */
  park(): void {
    assertNoLockHeld("a task parks");
    this.state = TaskState.parked;
    this.process.parked.add(this);
    if (this.deadline !== Number.POSITIVE_INFINITY) {
      this.deadlineTimer ??= new Timer(() => {
        this.timedOut = true;
        this.wake();
      });
      this.system.timers.arm(this.deadlineTimer, this.deadline);
      // The runner has to learn of a deadline that comes before the one it sleeps towards.
      if (this.system.timers.nextDeadline() === this.deadline) this.system.requestTurn();
    }
  }

  /** Something the task waits for has fired: it goes on the run queue, once. */
  wake(): void {
    if (this.state !== TaskState.parked) return;
    this.state = TaskState.queued;
    this.system.runQueue.push(this);
    this.system.requestTurn();
  }

  /** Leaves all queues and the timer, before a further run or at the end. */
  unpark(): void {
    for (let k = 0; k < this.entriesUsed; k++) {
      const entry = this.entries[k] as WaitEntry;
      entry.queue?.remove(entry);
    }
    this.entriesUsed = 0;
    if (this.deadlineTimer !== null) this.system.timers.disarm(this.deadlineTimer);
    this.process.parked.delete(this);
  }

  /** The handler is about to run again, after others have run: memory that they share must be as they left it. */
  prepareToResume(): void {}

  /** A call that had to wait is over: hands the result on. */
  finish(result: number): void {
    const { complete, process } = this;
    // Also after the process has ended: the task may hold a file.
    process.putTask(this);
    if (!process.hasExited) complete?.(result);
  }

  /** Forgets the call. */
  reset(): void {
    if (this.entriesUsed > 0) this.unpark();
    this.restarts = 0;
    this.progress = 0;
    this.scratch = null;
    if (this.whenAbandoned !== null) {
      const takeBack = this.whenAbandoned;
      this.whenAbandoned = null;
      takeBack();
    }
    this.timedOut = false;
    this.isInterrupted = false;
    this.neverRestarts = false;
    this.complete = null;
    this.deadline = Number.POSITIVE_INFINITY;
    this.keptDeadline = Number.POSITIVE_INFINITY;
    if (this.heldFile !== null) {
      this.heldFile.drop();
      this.heldFile = null;
      this.heldDescriptor = -1;
    }
    if (this.state !== TaskState.dead) this.state = TaskState.idle;
  }
}
