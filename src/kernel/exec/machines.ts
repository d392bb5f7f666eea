/**
 * Runs machine code: takes turns between all threads that can go on, enters the gate for their calls, delivers their signals,
 * and turns what the CPU stops at into signals.
 */
import { EINTR, ENOMEM } from "../../abi/errno.ts";
import { PROT_EXEC } from "../../abi/memory.ts";
import { SA_RESTART, SIG_DFL, SIG_IGN, SIGBUS, SIGKILL, SIGSEGV, SIGSTOP } from "../../abi/signal.ts";
import { CodeCache } from "../../cpu/code-cache.ts";
import type { CodeStore } from "../../cpu/code-file.ts";
import { Cpu, type FaultMode, type Stop } from "../../cpu/cpu.ts";
import { stateOffset } from "../../cpu/state.ts";
import { ADDRESS_SPACE_BYTES, AddressSpace, type AddressSpaceOptions } from "../task/address-space.ts";
import { forkAddressSpace } from "../task/fork-memory.ts";
import { isOrphanedGroup } from "../task/job-control.ts";
import { MemoryAccount } from "../task/memory-account.ts";
import type { Process } from "../task/process.ts";
import { fromKernel } from "../task/signal-queue.ts";
import type { System } from "../task/system.ts";
import { BLOCKED, type Task, TaskState } from "../task/task.ts";
import { MachineMemory } from "../task/user-memory.ts";
import { type Fault, isMisaligned, signalOfStop } from "./fault-signal.ts";
import { LONG_SLICE_MILLISECONDS, Machine, SLICES_TO_SWEEP } from "./machine.ts";
import { MachinePool } from "./machine-pool.ts";
import { type MachineThread, NO_RESULT } from "./machine-thread.ts";
import { ReadyThreads } from "./ready-threads.ts";
import { enterHandler } from "./signal-frame.ts";

/** Begins a call with the arguments in X0 to X5 of a CPU's state: see gate.ts. */
export type StartCall = (task: Task, number: number, registers: DataView) => number;

type CodeChange = (start: number, end: number) => void;

/** What one call takes from the budget of loop rounds: so that turns end in time for programs that do little else. */
const BUDGET_OF_CALL = 32;
/** What virtual time passes while code runs: for a loop round or a call of a function. */
const MILLISECONDS_PER_ROUND = 1e-5;
/** So many calls are made until it is looked at how long they took. */
const CALLS_PER_CHECK = 8;
/** A call with a larger result has moved many bytes. */
const LARGE_RESULT = 0x8000;
/** Calls that may take long: mremap, clone, execve, mmap, mprotect, madvise, execveat, clone3 and their like. */
const longCalls: ReadonlySet<number> = new Set([129, 214, 215, 216, 220, 221, 222, 226, 227, 233, 281, 435]);
/** SVC's number is in X8. */
const CALL_NUMBER = 8 * 8;
/** Unknown instructions are logged this often. */
const MOST_LOGGED = 100;

export interface MachinesOptions {
  /** Where translated code is kept beyond this run. */
  codeStore?: CodeStore;
  /** Bound of what all processes of machine code have touched together. Default 4 GiB. */
  maximumBytes?: number;
}

const DEFAULT_MAXIMUM_BYTES: number = 2 ** 32;

export class Machines {
  readonly system: System;
  private readonly pool = new MachinePool();
  /** Translated code, of all programs. */
  readonly code: CodeCache;
  /** What all processes of machine code take together. */
  readonly account: MemoryAccount;
  private readonly startCall: StartCall;
  private readonly ready = new ReadyThreads();
  /** When the slice under way should end, and calls until that is looked at again. */
  private sliceEnd = 0;
  private callsUntilCheck = 0;
  private logged = 0;

  constructor(system: System, startCall: StartCall, options: MachinesOptions = {}) {
    this.system = system;
    this.account = new MemoryAccount(options.maximumBytes ?? DEFAULT_MAXIMUM_BYTES);
    this.startCall = startCall;
    this.code = new CodeCache(options.codeStore === undefined ? {} : { store: options.codeStore });
  }

  get hasReady(): boolean {
    return this.ready.size > 0;
  }

  /**
   * A machine with nothing mapped in it, for a program: one that ran it before, or a new one whose memory has `initialBytes`. -ENOMEM
   * where the host, or the account of all processes, has no room.
   */
  create(program: string, initialBytes: number, options: AddressSpaceOptions): Machine | number {
    const recycled = this.pool.take(program);
    if (recycled === null) return this.createNew(program, initialBytes, options);
    const { space: previous } = recycled;
    const space = new AddressSpace(recycled.memory, { ...options, ...codeCallbacks(previous) });
    if (!space.charge(0, previous.stale.size)) return -ENOMEM;
    space.stale.addAll(previous.stale);
    this.renew(recycled, space, "fast");
    return recycled;
  }

  /** A copy of a machine for a child process, as the thread in it sees it; null where there is no memory for it. */
  fork(parent: Machine): Machine | null {
    const stackPointer = parent.cpu.x32(31);
    const recycled = this.pool.take(parent.program);
    if (recycled !== null) {
      const { space: previous } = recycled;
      const space = forkAddressSpace(parent.space, recycled.memory, {
        stackPointer,
        previous,
        ...codeCallbacks(previous),
      });
      if (typeof space === "number") return null;
      this.renew(recycled, space, parent.faultMode);
      recycled.trampoline = parent.trampoline;
      recycled.returnsToFaults = parent.returnsToFaults;
      return recycled;
    }
    const machine = this.createNew(parent.program, parent.memory.byteLength, parent.space.options);
    if (typeof machine === "number") return null;
    const space = forkAddressSpace(parent.space, machine.memory, { stackPointer, ...codeCallbacks(machine.space) });
    if (typeof space === "number") return null;
    machine.space = space;
    machine.faultMode = parent.faultMode;
    machine.trampoline = parent.trampoline;
    machine.returnsToFaults = parent.returnsToFaults;
    return machine;
  }

  private createNew(program: string, initialBytes: number, options: AddressSpaceOptions): Machine | number {
    let machine: Machine;
    const onCodeChange: CodeChange = (start, end) => machine.cpu.invalidate(start, end);
    const onCodeMapped: CodeChange = (start, end) => machine.cpu.revalidate([[start, end]]);
    try {
      const memory = new MachineMemory(initialBytes, ADDRESS_SPACE_BYTES);
      const cpu = new Cpu({
        memory: memory.memory,
        cache: this.code,
        // Virtual time must not depend on what others have translated before.
        translationEndsRun: this.system.clock.spend === undefined,
        onSupervisorCall: () => this.supervisorCall(machine),
        isExecutable: (address) => machine.space.isAccessible(address, 4, PROT_EXEC),
      });
      const space = new AddressSpace(memory, { ...options, onCodeChange, onCodeMapped });
      machine = new Machine(program, memory, space, cpu, (unused) => this.pool.give(unused));
    } catch (error) {
      if (error instanceof RangeError) return -ENOMEM;
      throw error;
    }
    return machine;
  }

  private renew(machine: Machine, space: AddressSpace, faultMode: FaultMode): void {
    machine.space = space;
    machine.users = 1;
    machine.faultMode = faultMode;
    machine.cpu.reset();
    machine.slicesToSweep = SLICES_TO_SWEEP;
  }

  /** A thread may go on: it gets its turn. */
  enqueue(thread: MachineThread): void {
    if (thread.isQueued || thread.hasExited) return;
    thread.isQueued = true;
    this.ready.add(thread);
    this.system.requestTurn();
  }

  /** As many slices as there are threads ready now, until `deadline`; how many ran. */
  run(deadline: number): number {
    const count = this.ready.size;
    for (let ran = 1; ran <= count; ran++) {
      const thread = this.ready.take() as MachineThread;
      thread.isQueued = false;
      this.runSlice(thread);
      if (ran < count && this.system.now() >= deadline) return ran;
    }
    return count;
  }

  private runSlice(thread: MachineThread): void {
    const { process, machine } = thread;
    if (thread.hasExited || process.hasExited) return;
    const started = this.system.now();
    this.sliceEnd = started + LONG_SLICE_MILLISECONDS;
    this.callsUntilCheck = CALLS_PER_CHECK;
    machine.activate(thread);
    machine.space.enter();
    let budget = machine.budget;
    let rounds = 0;
    while (this.returnsToProgram(thread) && thread.machine === machine) {
      const stop = this.runCpu(thread, budget);
      rounds += budget - machine.cpu.view.getInt32(stateOffset.budget, true);
      if (stop === null) break;
      if (stop.reason === "budget") {
        this.enqueue(thread);
        machine.learn(this.system.now() - started);
        break;
      }
      if (stop.reason === "svc") {
        if (thread.hasExited || process.hasExited || thread.task.state === TaskState.parked) break;
      } else this.fault(thread, stop);
      // Neither calls nor handlers that return to a fault need spend the budget.
      if (this.system.now() >= this.sliceEnd) {
        this.enqueue(thread);
        break;
      }
      budget = Math.max(1, machine.cpu.view.getInt32(stateOffset.budget, true));
    }
    machine.sweep();
    const { clock } = this.system;
    clock.spend?.(rounds * MILLISECONDS_PER_ROUND);
    const elapsed = this.system.now() - started;
    thread.processorMilliseconds += elapsed;
    process.addProcessorTime(elapsed);
    process.group.runMilliseconds += elapsed;
    if (thread.machine !== machine) this.enqueue(thread);
  }

  /** An error of ours, or of the host's compiler, costs the program that met it and not the kernel: null then. */
  private runCpu({ process, machine }: MachineThread, budget: number): Stop | null {
    try {
      return machine.cpu.run(budget);
    } catch (error) {
      this.log(process, `ended by an error in Akuma: ${error instanceof Error ? error.stack : String(error)}`);
      process.terminateBySignal(SIGKILL);
      return null;
    }
  }

  /** SVC: true to go on at once, false to leave the CPU. */
  private supervisorCall(machine: Machine): boolean {
    const thread = machine.current as MachineThread;
    const { view } = machine.cpu;
    const { task } = thread;
    const number = view.getInt32(CALL_NUMBER, true);
    view.setInt32(stateOffset.budget, view.getInt32(stateOffset.budget, true) - BUDGET_OF_CALL, true);
    const result = this.startCall(task, number, view);
    const checksTime = --this.callsUntilCheck <= 0 || result > LARGE_RESULT || longCalls.has(number);
    const hasTime = !checksTime || this.hasTime(machine);
    if (result === BLOCKED) return false;
    if (result === -EINTR) {
      thread.isResultRestartable = task.isRestartable;
      thread.resultDeadline = task.deadline;
    }
    task.reset();
    if (thread.hasExited || thread.process.hasExited) return false;
    if (thread.keepsRegisters) {
      thread.keepsRegisters = false;
      return false;
    }
    if (result === -EINTR && thread.mustCheckSignals) {
      thread.result = result;
      return false;
    }
    // Another process may have ended by the call, and have left its robust futexes in memory that both share.
    if (machine.space.sharedObjects.length > 0) machine.space.enter();
    setResult(machine, result);
    return hasTime && !thread.mustCheckSignals && thread.savedMask === null && !thread.process.isStopped;
  }

  /**
   * Calls take time that the budget does not know of: it is spent when the slice's time is. False when there is no time left to
   * reach a place that is good to stop at.
   */
  private hasTime({ cpu }: Machine): boolean {
    this.callsUntilCheck = CALLS_PER_CHECK;
    const late = this.system.now() - this.sliceEnd;
    if (late >= 0 && cpu.view.getInt32(stateOffset.budget, true) > 0) cpu.view.setInt32(stateOffset.budget, 0, true);
    return late < LONG_SLICE_MILLISECONDS;
  }

  /**
   * What has to happen before a thread goes on with its program: the result of its call, signals, being stopped. False when it
   * does not go on now.
   */
  private returnsToProgram(thread: MachineThread): boolean {
    const { process } = thread;
    if (thread.hasExited || process.hasExited) return false;
    if (process.isStopped) return this.staysStopped(thread);
    thread.machine.activate(thread);
    if (thread.mustCheckSignals) this.deliverSignals(thread);
    if (thread.hasExited || process.hasExited) return false;
    if (process.isStopped) return this.staysStopped(thread);
    if (thread.savedMask !== null) {
      const mask = thread.savedMask;
      thread.savedMask = null;
      process.signals.setBlocked(mask, thread);
      if (thread.mustCheckSignals) this.deliverSignals(thread);
      if (process.hasExited) return false;
      if (process.isStopped) return this.staysStopped(thread);
    }
    // Nothing was delivered that a call has been interrupted for: it starts again.
    this.finishCall(thread, true);
    return true;
  }

  /** It goes on with its signals, and the result of its call, when the process does. */
  private staysStopped(thread: MachineThread): false {
    thread.process.whenResumed.push(() => this.enqueue(thread));
    return false;
  }

  private deliverSignals(thread: MachineThread): void {
    const { process } = thread;
    thread.mustCheckSignals = false;
    for (;;) {
      const taken = process.signals.takeFor(thread);
      if (taken === null) return;
      const { signal, information } = taken;
      const action = process.signals.action(signal);
      if (action.handler === SIG_IGN) continue;
      process.tracer?.signal(process, signal, information);
      if (action.handler === SIG_DFL) {
        if (process.signals.isIgnored(signal)) continue;
        if (process.signals.stops(signal)) {
          // Signals of the terminal do not stop whom nobody in the session could continue.
          if (signal === SIGSTOP || !isOrphanedGroup(this.system, process.processGroup)) process.stop(signal);
          if (!process.isStopped) continue;
          // What else is pending waits until it goes on.
          thread.mustCheckSignals = true;
          return;
        }
        process.terminateBySignal(signal);
        return;
      }
      this.finishCall(thread, (action.flags & SA_RESTART) !== 0 && thread.isResultRestartable);
      const maskBefore = thread.savedMask ?? thread.blocked;
      thread.savedMask = null;
      process.signals.beginHandling(signal);
      if (!enterHandler(thread, signal, information, action, maskBefore, thread.machine.trampoline)) {
        // The handler of SIGSEGV may have a stack of its own, if it was not that one which had no room.
        if (signal === SIGSEGV) process.terminateBySignal(SIGSEGV);
        else process.signals.force(thread, SIGSEGV, fromKernel);
        if (!process.hasExited) continue;
        this.log(process, `no room on the stack for the handler of signal ${signal}`);
        return;
      }
      process.signals.handOver(thread, thread.blocked & ~maskBefore);
    }
  }

  /** Gives the thread the result of its call; one that a signal interrupted starts again if `restarts`. */
  private finishCall(thread: MachineThread, restarts: boolean): void {
    const { result, machine } = thread;
    if (result === NO_RESULT) return;
    thread.result = NO_RESULT;
    // X0 still holds the first argument and X8 the number: back to the SVC.
    if (result === -EINTR && restarts) {
      machine.cpu.pc -= 4;
      thread.task.keepDeadline(thread.resultDeadline);
    } else setResult(machine, result);
  }

  /** What the CPU stopped at, other than a call and its budget, as a signal. */
  private fault(thread: MachineThread, stop: Stop): void {
    const { process, machine } = thread;
    if (stop.reason === "unknown")
      this.log(process, `unknown instruction ${hexadecimal(stop.word)} at ${hexadecimal(stop.address)}`);
    if (stop.reason === "fault") this.logFault(process, stop, machine.cpu.pc);
    const fault = signalOfStop(stop, machine.space);
    if (fault !== null) process.signals.force(thread, fault.signal, fault.information);
  }

  /** Who handles faults does not want to read of them. */
  private logFault(process: Process, stop: Fault, pc: number): void {
    const { handler } = process.signals.action(isMisaligned(stop) ? SIGBUS : SIGSEGV);
    if (handler !== SIG_DFL && handler !== SIG_IGN) return;
    const address = stop.address === null ? "an address out of bounds" : hexadecimal(stop.address);
    const what = stop.kind === "fetch" ? "no code" : `bad ${stop.isStore ? "store to" : "load from"} ${address}`;
    this.log(process, `${what} at ${hexadecimal(pc)}`);
  }

  private log(process: Process, message: string): void {
    if (this.logged++ < MOST_LOGGED) this.system.log(`${process.executable} (${process.processId}): ${message}`);
  }
}

/** Those of a machine, which each of its address spaces has. */
function codeCallbacks({ options }: AddressSpace): { onCodeChange: CodeChange; onCodeMapped: CodeChange } {
  const { onCodeChange, onCodeMapped } = options;
  return { onCodeChange: onCodeChange as CodeChange, onCodeMapped: onCodeMapped as CodeChange };
}

/** A call's result into X0, as a signed 64-bit number. */
function setResult({ cpu }: Machine, result: number): void {
  const { view } = cpu;
  const low = result | 0;
  view.setInt32(0, low, true);
  view.setInt32(4, low === result ? low >> 31 : Math.floor(result / 0x1_0000_0000), true);
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
