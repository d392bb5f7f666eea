/** A thread of machine code: its registers while it does not run, its one task, and how calls return to it. */
import { SS_AUTODISARM, SS_DISABLE } from "../../abi/signal.ts";
import { STATE_BYTES, stateOffset } from "../../cpu/state.ts";
import { releaseRobustFutexes, wakeFutex } from "../task/futex.ts";
import type { Process } from "../task/process.ts";
import { Task, TaskState } from "../task/task.ts";
import { Thread } from "../task/thread.ts";
import type { Machine } from "./machine.ts";

/** There is no result that the thread has yet to be given. */
export const NO_RESULT = 0x20_0000_0000_0000;

/** Takes threads that can go on. */
export interface ReadyQueue {
  enqueue(thread: MachineThread): void;
}

export class MachineThread extends Thread {
  machine: Machine;
  readonly task: ThreadTask;
  /** What Cpu.saveThread() gave; current only while another thread is active. */
  readonly registers: Uint8Array<ArrayBuffer> = new Uint8Array(STATE_BYTES);
  readonly queue: ReadyQueue;
  isQueued = false;
  /** The result of a call that had to wait, or NO_RESULT. */
  result: number = NO_RESULT;
  /** Whether the call that gave it may run again behind a handler with SA_RESTART. */
  isResultRestartable = false;
  /** When that call would have given up. */
  resultDeadline: number = Number.POSITIVE_INFINITY;
  /** The call has set all registers itself, as rt_sigreturn(2) and execve(2) do. */
  keepsRegisters = false;

  constructor(process: Process, threadId: number, machine: Machine, queue: ReadyQueue) {
    super(process, threadId);
    this.machine = machine;
    this.queue = queue;
    this.task = new ThreadTask(this);
  }

  /** Sets all registers to zero but the program counter and the stack pointer. */
  startAt(pc: number, stackPointer: number): void {
    this.registers.fill(0);
    const view = new DataView(this.registers.buffer);
    view.setUint32(stateOffset.pc, pc, true);
    view.setBigUint64(stateOffset.sp, BigInt(stackPointer), true);
    view.setInt32(stateOffset.exclusiveAddress, -1, true);
  }

  override get isOnAlternateStack(): boolean {
    const { address, byteLength, flags } = this.alternateStack;
    // One that is given up when it is used is never in use (sigaltstack(2)).
    if ((flags & (SS_DISABLE | SS_AUTODISARM)) !== 0 || this.machine.current !== this) return false;
    const stackPointer = this.machine.cpu.x32(31);
    return stackPointer > address && stackPointer <= address + byteLength;
  }

  override interrupt(): void {
    this.mustCheckSignals = true;
    const { state } = this.task;
    if (state !== TaskState.parked && state !== TaskState.queued) return;
    this.task.isInterrupted = true;
    this.task.wake();
  }

  /** A call that had to wait is over. */
  returned(result: number, isRestartable: boolean, deadline: number): void {
    this.result = result;
    this.isResultRestartable = isRestartable;
    this.resultDeadline = deadline;
    this.queue.enqueue(this);
  }

  /** What the C library asked to be done in memory when a thread ends or gets another program. */
  override leaveMemory(): void {
    const { process, robustList, clearChildTid } = this;
    const { memory } = this.machine;
    if (robustList !== 0) releaseRobustFutexes(process, robustList, this.threadId);
    if (
      clearChildTid !== 0 &&
      (process.threads.size > 1 || this.machine.users > 1) &&
      memory.isValid(clearChildTid, 4)
    ) {
      memory.writeUint32(clearChildTid, 0);
      wakeFutex(process, clearChildTid, 1);
    }
    this.robustList = 0;
    this.clearChildTid = 0;
    if (this.machine.current === this) this.machine.current = null;
  }

  /** Takes it out of its process: it never runs again. */
  end(): void {
    if (this.hasExited) return;
    this.leaveMemory();
    this.hasExited = true;
    const { task, process } = this;
    process.threads.delete(this);
    process.system.processes.removeThread(this);
    process.signals.handOver(this, ~this.blocked);
    if (task.state === TaskState.parked || task.state === TaskState.queued) {
      task.unpark();
      task.state = TaskState.dead;
      task.reset();
    }
  }
}

/** The task of a thread: it is used for one call after the other. */
export class ThreadTask extends Task {
  private readonly owner: MachineThread;

  constructor(owner: MachineThread) {
    super(owner.process, owner.process.system, owner);
    this.owner = owner;
  }

  override prepareToResume(): void {
    this.owner.machine.space.enter();
  }

  override finish(result: number): void {
    const { isRestartable, deadline } = this;
    this.reset();
    if (!this.owner.hasExited && !this.process.hasExited) this.owner.returned(result, isRestartable, deadline);
  }
}
