/** A process: a memory, a descriptor table, a place in the tree of processes, and the tasks that run in it. */
import {
  NR_OPEN,
  RLIM_INFINITY,
  RLIM_NLIMITS,
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_NPROC,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
} from "../../abi/resource.ts";
import { SCHED_OTHER } from "../../abi/schedule.ts";
import { CLD_CONTINUED, CLD_STOPPED, SIGCHLD, SIGCONT, SIGPROF, SIGVTALRM } from "../../abi/signal.ts";
import { exitStatus, RLIMIT_NOFILE, signalStatus } from "../../abi/time.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import type { DescriptorTable } from "../file/descriptor-table.ts";
import type { Terminal } from "../file/terminal.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { ADDRESS_SPACE_BYTES, AddressSpace } from "./address-space.ts";
import { roundUpToPage } from "./area.ts";
import { type ControlGroup, unlimitedGroup } from "./control-group.ts";
import { ProcessCredentials } from "./credentials.ts";
import { IntervalTimer } from "./interval-timer.ts";
import { leaveJobs } from "./job-control.ts";
import { PosixTimers } from "./posix-timers.ts";
import { ProcessorTimer } from "./processor-timer.ts";
import { MOST_QUEUED, type SignalInformation } from "./signal-queue.ts";
import { ProcessSignals } from "./signals.ts";
import type { System } from "./system.ts";
import { type Handler, Task, TaskState } from "./task.ts";
import { Thread } from "./thread.ts";
import { NULL_GUARD_BYTES, type UserMemory } from "./user-memory.ts";

/** Which numbers and layouts a program speaks. */
export type Abi = "linux" | "akuma";

/** Gets the calls of a traced process: see gate/strace.ts. */
export interface Tracer {
  enter(task: Task): void;
  exit(task: Task, result: number): void;
  /** The process gets a signal that it does not ignore. */
  signal(process: Process, signal: number, information: SignalInformation): void;
  /** It has ended, with a status as wait4(2) reports it. */
  ended(process: Process, status: number): void;
}

/** A soft and a hard limit; Infinity for none. */
export interface ResourceLimit {
  current: number;
  maximum: number;
}

/** RLIMIT_STACK, and what the main thread gets. */
export const STACK_BYTES: number = 8 << 20;
/** TASK_COMM_LEN without its NUL byte. */
const NAME_BYTES = 15;

export interface ProcessOptions {
  processId: number;
  parent: Process | null;
  /** Whom it inherits from: its parent, but for clone(2) with CLONE_PARENT. */
  origin?: Process;
  abi: Abi;
  memory: UserMemory;
  descriptors: DescriptorTable;
  fileSystem: FileSystemContext;
  arguments: readonly string[];
  environment: readonly string[];
  executable: string;
  /** Default: the parent's, or without a parent one without bounds. */
  group?: ControlGroup;
}

export class Process {
  readonly processId: number;
  parent: Process | null;
  processGroup: number;
  session: number;
  /** The controlling terminal; /dev/tty leads to it. */
  terminal: Terminal | null;
  /** Of a session leader whose terminal was hung up: who was in the foreground there. */
  hungUpGroup = 0;
  readonly abi: Abi;
  /** What it shares its bounds with. */
  readonly group: ControlGroup;
  memory: UserMemory;
  descriptors: DescriptorTable;
  /** Root, working directory and umask. */
  fileSystem: FileSystemContext;
  readonly credentials: ProcessCredentials;
  arguments: readonly string[];
  environment: readonly string[];
  /** Path of the program, as /proc/PID/exe gives it. */
  executable: string;
  /** Whether it runs machine code, and not a TypeScript program. */
  isMachine = false;
  mainThread: Thread;
  /** The threads that have not ended. */
  readonly threads: Set<Thread> = new Set();
  /** What /proc/PID/comm shows: the program's file name, cut to 15 bytes, until prctl(PR_SET_NAME). */
  name: string;
  readonly startedMilliseconds: number;
  readonly children: Set<Process> = new Set();
  readonly signals: ProcessSignals;
  /** Fires when a child changes state. */
  readonly childEvents: WaitQueue = new WaitQueue();
  /** Fires when this process has exited: for the host. */
  readonly exitEvents: WaitQueue = new WaitQueue();
  /** Tasks that wait in a system call. */
  readonly parked: Set<Task> = new Set();
  tracer: Tracer | null = null;
  hasExited = false;
  /** How long its threads have run, and the children that it has waited for with theirs. Machine code alone is counted. */
  processorMilliseconds = 0;
  childrenProcessorMilliseconds = 0;
  /** What the parent gets when it ends; 0 for nothing. Children with another one than SIGCHLD are waited for with __WCLONE or __WALL. */
  exitSignal: number = SIGCHLD;
  /** As wait4(2) reports it; meaningful once it has exited. */
  status = 0;
  /** Where a TypeScript program's heap begins: brk(2). */
  breakAddress = 0;
  /** Called when the process ends, so that whoever runs its code can stop it (terminate a worker, give back a memory). */
  onEnd: (() => void) | null = null;
  /** Job control has stopped it. Machine code alone can be stopped. */
  isStopped = false;
  /** What wait4(2) has not reported yet: the signal that stopped it, or that it goes on. 0 and false once reported. */
  stopReport = 0;
  continueReport = false;
  /** Called when a stopped process goes on. */
  readonly whenResumed: (() => void)[] = [];
  /** Its parent waits until it has its own memory or has ended: vfork(2). Null where nobody waits. */
  vforkDone: WaitQueue | null = null;
  /** By RLIMIT_ number. RLIMIT_NOFILE's soft limit is the descriptor table's. */
  readonly limits: ResourceLimit[];
  /** prctl(PR_SET_CHILD_SUBREAPER): orphaned descendants become its children. */
  isSubreaper = false;
  /** prctl(PR_SET_PDEATHSIG): raised when the parent ends; 0 for none. */
  parentDeathSignal = 0;
  /** prctl(PR_SET_DUMPABLE), PR_SET_THP_DISABLE: kept and told again. */
  isDumpable = true;
  /** /proc/PID/oom_score_adj: kept and told again. */
  oomScoreAdjustment: number;
  avoidsHugePages = false;
  /** prctl(PR_SET_TIMERSLACK): kept and told again; timers are as exact as they can be. */
  timerSlackNanoseconds: number;
  readonly defaultTimerSlackNanoseconds: number;
  /** nice(2), from -20 to 19; kept and told again, as are the next four. */
  nice: number;
  schedulingPolicy: number;
  /** SCHED_RESET_ON_FORK: children begin with the default policy. */
  resetsScheduling = false;
  ioPriority: number;
  /** personality(2). */
  personality: number;
  readonly system: System;
  private space: AddressSpace | null = null;
  private timer: IntervalTimer | null = null;
  private timers: PosixTimers | null = null;
  private madeProcessorTimers: readonly [ProcessorTimer, ProcessorTimer] | null = null;
  private readonly idleTasks: Task[] = [];

  constructor(system: System, options: ProcessOptions) {
    const { parent } = options;
    const origin = options.origin ?? parent;
    this.system = system;
    this.processId = options.processId;
    this.parent = parent;
    this.processGroup = origin?.processGroup ?? options.processId;
    this.session = origin?.session ?? options.processId;
    this.terminal = origin?.terminal ?? null;
    this.abi = options.abi;
    this.group = options.group ?? origin?.group ?? unlimitedGroup();
    this.memory = options.memory;
    this.descriptors = options.descriptors;
    this.fileSystem = options.fileSystem;
    this.credentials = origin?.credentials.clone() ?? new ProcessCredentials();
    this.arguments = options.arguments;
    this.environment = options.environment;
    this.executable = options.executable;
    this.name = nameOf(options.executable);
    this.mainThread = new Thread(this, options.processId);
    this.threads.add(this.mainThread);
    this.startedMilliseconds = system.now();
    this.limits = inheritLimits(origin, options.descriptors.limit, this.group.maximumTasks);
    this.signals = new ProcessSignals(this);
    this.timerSlackNanoseconds = origin?.timerSlackNanoseconds ?? 50_000;
    this.defaultTimerSlackNanoseconds = this.timerSlackNanoseconds;
    this.oomScoreAdjustment = origin?.oomScoreAdjustment ?? 0;
    const resets = origin === null || origin.resetsScheduling;
    this.nice = origin === null || (resets && origin.nice < 0) ? 0 : origin.nice;
    this.schedulingPolicy = resets ? SCHED_OTHER : origin.schedulingPolicy;
    this.ioPriority = origin?.ioPriority ?? 0;
    this.personality = origin?.personality ?? 0;
    this.avoidsHugePages = origin?.avoidsHugePages ?? false;
    parent?.children.add(this);
  }

  /** A task for one call of a TypeScript program; give it back with `putTask`. */
  takeTask(): Task {
    return this.idleTasks.pop() ?? new Task(this, this.system, this.mainThread);
  }

  putTask(task: Task): void {
    task.reset();
    if (this.idleTasks.length < 64) this.idleTasks.push(task);
  }

  /** Runs a handler in the kernel's next turn, as if a call of this process had been woken. */
  runSoon(handler: Handler): void {
    const task = this.takeTask();
    task.handler = handler;
    task.state = TaskState.queued;
    this.system.runQueue.push(task);
    this.system.requestTurn();
  }

  exit(code: number): void {
    this.end(exitStatus(code));
  }

  terminateBySignal(signal: number): void {
    this.end(signalStatus(signal));
  }

  /**
   * A handled signal interrupts one task that waits: its call ends with EINTR, or with what it has moved so far. With
   * `restart` (SA_RESTART), calls that can be restarted go on waiting instead.
   */
  interruptOneTask(restart = false): void {
    for (const task of this.parked) {
      if (task.state !== TaskState.parked || (restart && task.isRestartable)) continue;
      task.isInterrupted = true;
      task.wake();
      return;
    }
  }

  /** What brk(2) and mmap(2) have made of the memory. A TypeScript program's is made when first asked for. */
  get addressSpace(): AddressSpace {
    if (this.space === null) {
      const { memory, limits, breakAddress } = this;
      const { maximumBytes } = memory;
      const mapBase = roundUpToPage(breakAddress + (maximumBytes - breakAddress) / 2);
      const { memory: account } = this.group;
      const limitBytes = maximumBytes;
      this.space = new AddressSpace(memory, { heapStart: breakAddress, mapBase, limitBytes, limits, account });
      this.space.adopt(NULL_GUARD_BYTES, roundUpToPage(breakAddress), "");
    }
    return this.space;
  }

  /** Before the kernel uses the memory for a call of the process: what others have written to shared memory has to be there. */
  enterMemory(): void {
    if (this.space !== null && this.space.sharedObjects.length > 0) this.space.enter();
  }

  /** Machine code comes with an address space of its own, which its loader, fork and exec make. The one before is given up. */
  set addressSpace(space: AddressSpace) {
    this.space?.release();
    this.space = space;
    this.memory = space.memory;
    space.limits ??= this.limits;
  }

  /** The memory of a TypeScript program, in the place of machine code's. */
  replaceMemory(memory: UserMemory, breakAddress: number): void {
    this.space?.release();
    this.space = null;
    this.memory = memory;
    this.breakAddress = breakAddress;
  }

  /** exec: another program in the same process. */
  becomeProgram(executable: string, programArguments: readonly string[], environment: readonly string[]): void {
    this.executable = executable;
    this.arguments = programArguments;
    this.environment = environment;
    this.name = nameOf(executable);
    this.timers?.clear();
  }

  /** exec, unshare(2): what it does with its descriptors concerns no other process any more. */
  unshareDescriptors(): void {
    const { descriptors } = this;
    if (!descriptors.isShared) return;
    this.descriptors = descriptors.inherit(false);
    descriptors.leave();
  }

  /** Stops all threads where they are: SIGSTOP and its kin. */
  stop(signal: number): void {
    if (this.hasExited || this.isStopped) return;
    this.isStopped = true;
    this.stopReport = signal;
    this.continueReport = false;
    this.system.processes.childChanged(this, { code: CLD_STOPPED, processId: this.processId, status: signal });
  }

  /** SIGCONT. */
  resume(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    this.stopReport = 0;
    this.continueReport = true;
    for (const callback of this.whenResumed.splice(0)) callback();
    this.system.processes.childChanged(this, { code: CLD_CONTINUED, processId: this.processId, status: SIGCONT });
  }

  /** ITIMER_REAL; made when first asked for. */
  get intervalTimer(): IntervalTimer {
    this.timer ??= new IntervalTimer(this);
    return this.timer;
  }

  /** ITIMER_VIRTUAL and ITIMER_PROF; made when first asked for. */
  get processorTimers(): readonly [ProcessorTimer, ProcessorTimer] {
    this.madeProcessorTimers ??= [new ProcessorTimer(SIGVTALRM), new ProcessorTimer(SIGPROF)];
    return this.madeProcessorTimers;
  }

  /** One of its threads has run for so long. */
  addProcessorTime(milliseconds: number): void {
    this.processorMilliseconds += milliseconds;
    if (this.madeProcessorTimers === null || this.hasExited) return;
    for (const timer of this.madeProcessorTimers) {
      if (timer.hasExpired(this.processorMilliseconds)) this.signals.raise(timer.signal);
    }
  }

  /** What timer_create(2) has made. */
  get posixTimers(): PosixTimers {
    this.timers ??= new PosixTimers(this);
    return this.timers;
  }

  private end(status: number): void {
    if (this.hasExited) return;
    this.hasExited = true;
    this.status = status;
    this.tracer?.ended(this, status);
    this.timer?.set(0, 0);
    this.timers?.clear();
    for (const task of [...this.parked]) {
      task.state = TaskState.dead;
      task.unpark();
      task.reset();
    }
    this.idleTasks.length = 0;
    for (const thread of this.threads) {
      if (thread.robustList !== 0 || thread.clearChildTid !== 0) {
        this.enterMemory();
        thread.leaveMemory();
      }
      thread.hasExited = true;
    }
    this.whenResumed.length = 0;
    this.vforkDone?.wake();
    this.vforkDone = null;
    leaveJobs(this);
    this.descriptors.leave();
    this.space?.release();
    this.system.processes.ended(this);
    this.onEnd?.();
    this.exitEvents.wake();
  }
}

/** What /proc/PID/comm shows of a path. */
function nameOf(executable: string): string {
  return executable.slice(executable.lastIndexOf("/") + 1).slice(0, NAME_BYTES);
}

function inheritLimits(parent: Process | null, descriptorLimit: number, taskLimit: number): ResourceLimit[] {
  if (parent !== null) return parent.limits.map((limit) => ({ ...limit }));
  const limits: ResourceLimit[] = [];
  for (let resource = 0; resource < RLIM_NLIMITS; resource++) {
    limits.push({ current: RLIM_INFINITY, maximum: RLIM_INFINITY });
  }
  limits[RLIMIT_STACK] = { current: STACK_BYTES, maximum: RLIM_INFINITY };
  // V8 reserves 4 GiB and more for each memory of WebAssembly, unless it is told that there is no room for that.
  limits[RLIMIT_AS] = { current: ADDRESS_SPACE_BYTES, maximum: ADDRESS_SPACE_BYTES };
  limits[RLIMIT_CORE] = { current: 0, maximum: RLIM_INFINITY };
  limits[RLIMIT_SIGPENDING] = { current: MOST_QUEUED, maximum: MOST_QUEUED };
  limits[RLIMIT_NPROC] = { current: taskLimit, maximum: taskLimit };
  limits[RLIMIT_NOFILE] = { current: descriptorLimit, maximum: Math.min(NR_OPEN, Math.max(4096, descriptorLimit)) };
  return limits;
}
