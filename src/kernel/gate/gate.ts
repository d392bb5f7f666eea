/**
 * The only door into the kernel. A program gives a number and six arguments; the table gives the handler. A call that does
 * not have to wait is answered at once and allocates nothing; one that waits is answered by a promise.
 */
import { EINTR, ENOSYS } from "../../abi/errno.ts";
import { systemCallName } from "../../abi/system-call-names.ts";
import { assertNoLockHeld } from "../../base/ranked-lock.ts";
import type { Process } from "../task/process.ts";
import type { System } from "../task/system.ts";
import { BLOCKED, type Handler, type Task, TaskState } from "../task/task.ts";
import type { SyscallTable } from "./syscall-table.ts";

export class Gate {
  private readonly system: System;
  private readonly tables: Readonly<Record<"linux" | "akuma", SyscallTable>>;
  private readonly loggedNumbers = new Set<string>();

  constructor(system: System, tables: Readonly<Record<"linux" | "akuma", SyscallTable>>) {
    this.system = system;
    this.tables = tables;
  }

  /** The table of one ABI: for strace and for the coverage page. */
  table(abi: "linux" | "akuma"): SyscallTable {
    return this.tables[abi];
  }

  /**
   * A system call of a TypeScript program. Result or -errno as a number, or a promise of it if the call had to wait. A process
   * that has ended gets a promise that never settles: its code goes no further.
   */
  call(
    process: Process,
    number: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    a4: number,
    a5: number,
  ): number | Promise<number> {
    if (process.hasExited) return new Promise<number>(() => {});
    const task = process.takeTask();
    const result = this.start(task, number, a0, a1, a2, a3, a4, a5);
    if (result !== BLOCKED) {
      process.putTask(task);
      return process.hasExited ? new Promise<number>(() => {}) : result;
    }
    return new Promise<number>((resolve) => {
      task.complete = resolve;
    });
  }

  /** Begins a call of a task; BLOCKED means that `task.complete` will be called with the result. */
  start(task: Task, number: number, a0: number, a1: number, a2: number, a3: number, a4: number, a5: number): number {
    task.number = number;
    task.a0 = (a0 | 0) === a0 ? a0 : toRegister(a0);
    task.a1 = (a1 | 0) === a1 ? a1 : toRegister(a1);
    task.a2 = (a2 | 0) === a2 ? a2 : toRegister(a2);
    task.a3 = (a3 | 0) === a3 ? a3 : toRegister(a3);
    task.a4 = (a4 | 0) === a4 ? a4 : toRegister(a4);
    task.a5 = (a5 | 0) === a5 ? a5 : toRegister(a5);
    return this.begin(task, this.tables[task.process.abi].handlers[number]);
  }

  /** The same for machine code: X0 to X5 stand at the start of `registers`, 8 bytes each. */
  startFromRegisters(task: Task, number: number, registers: DataView): number {
    const table = this.tables[task.process.abi];
    const kinds = table.registerKinds[number] ?? ALL_WIDE;
    task.number = number;
    task.a0 = fromRegister(registers, 0, kinds & 3);
    task.a1 = fromRegister(registers, 8, (kinds >> 2) & 3);
    task.a2 = fromRegister(registers, 16, (kinds >> 4) & 3);
    task.a3 = fromRegister(registers, 24, (kinds >> 6) & 3);
    task.a4 = fromRegister(registers, 32, (kinds >> 8) & 3);
    task.a5 = fromRegister(registers, 40, (kinds >> 10) & 3);
    return this.begin(task, table.handlers[number]);
  }

  private begin(task: Task, handler: Handler | undefined): number {
    if (handler === undefined) return this.unknown(task);
    task.handler = handler;
    task.state = TaskState.running;
    const tracer = task.process.tracer;
    if (tracer !== null) {
      task.startedMilliseconds = this.system.now();
      tracer.enter(task);
    }
    return this.run(task, handler);
  }

  /** Runs a woken task's handler again, and completes the call or parks the task anew. */
  resume(task: Task): void {
    if (task.state !== TaskState.queued) return;
    task.unpark();
    task.prepareToResume();
    task.state = TaskState.running;
    task.restarts++;
    const result = this.run(task, task.handler as Handler);
    if (result !== BLOCKED) task.finish(result);
  }

  private run(task: Task, handler: Handler): number {
    task.process.enterMemory();
    let result = handler(task, task.a0, task.a1, task.a2, task.a3, task.a4, task.a5);
    assertNoLockHeld("a system call returns");
    if (result === BLOCKED) {
      if (!task.process.hasExited) {
        task.park();
        return BLOCKED;
      }
      // A signal that the handler itself raised has ended the process: it waits for nothing any more.
      result = -EINTR;
    }
    const tracer = task.process.tracer;
    if (tracer !== null) tracer.exit(task, result);
    return result;
  }

  private unknown(task: Task): number {
    const key = `${task.process.abi} ${task.number}`;
    if (key !== RSEQ && !this.loggedNumbers.has(key) && this.loggedNumbers.size < 1024) {
      this.loggedNumbers.add(key);
      const name = task.process.abi === "linux" ? systemCallName(task.number) : undefined;
      const what = name === undefined ? `${task.number} (${task.process.abi})` : `${name} (${task.number})`;
      this.system.log(`${task.process.executable}: system call ${what} is not implemented`);
    }
    const tracer = task.process.tracer;
    if (tracer !== null) {
      tracer.enter(task);
      tracer.exit(task, -ENOSYS);
    }
    return -ENOSYS;
  }
}

/** Restartable sequences: every program of glibc's asks for them when it starts, and does without. */
const RSEQ = "linux 293";
const ALL_WIDE = 0b10_10_10_10_10_10;

/** One argument of machine code; `kind` as in SyscallTable.registerKinds. */
function fromRegister(registers: DataView, at: number, kind: number): number {
  const low = registers.getInt32(at, true);
  if (kind === 0) return low;
  if (kind === 1) return low >>> 0;
  const high = registers.getInt32(at + 4, true);
  if (high === 0) return low >>> 0;
  return toRegister(high * 0x1_0000_0000 + (low >>> 0));
}

/** What a register could hold: programs give any number that JavaScript has, handlers get integers. */
function toRegister(value: number): number {
  const whole = Math.trunc(value);
  if (Number.isSafeInteger(whole)) return whole;
  if (Number.isNaN(whole)) return 0;
  return whole > 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
}
