/** A process: a memory, a descriptor table, a place in the tree of processes, and the tasks that run in it. */
import { exitStatus, signalStatus } from "../../abi/time.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import type { DescriptorTable } from "../file/descriptor-table.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { ProcessSignals } from "./signals.ts";
import type { System } from "./system.ts";
import { Task, TaskState } from "./task.ts";
import type { UserMemory } from "./user-memory.ts";

/** Which numbers and layouts a program speaks. */
export type Abi = "linux" | "akuma";

/** Gets the calls of a traced process: see gate/strace.ts. */
export interface Tracer {
  enter(task: Task): void;
  exit(task: Task, result: number): void;
  /** A line that is not a call: a signal, an exit. */
  note(process: Process, text: string): void;
}

export interface ProcessOptions {
  processId: number;
  parent: Process | null;
  abi: Abi;
  memory: UserMemory;
  descriptors: DescriptorTable;
  fileSystem: FileSystemContext;
  arguments: readonly string[];
  environment: readonly string[];
  executable: string;
}

export class Process {
  readonly processId: number;
  parent: Process | null;
  processGroup: number;
  session: number;
  readonly abi: Abi;
  readonly memory: UserMemory;
  readonly descriptors: DescriptorTable;
  /** Root, working directory and umask. */
  readonly fileSystem: FileSystemContext;
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  /** Path of the program, as /proc/PID/exe gives it. */
  readonly executable: string;
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
  /** As wait4(2) reports it; meaningful once it has exited. */
  status = 0;
  /** End of the heap: brk(2). */
  breakAddress = 0;
  /** Called when the process ends, so that whoever runs its code can stop it (terminate a worker). */
  onEnd: (() => void) | null = null;
  readonly system: System;
  private readonly idleTasks: Task[] = [];

  constructor(system: System, options: ProcessOptions) {
    this.system = system;
    this.processId = options.processId;
    this.parent = options.parent;
    this.processGroup = options.parent?.processGroup ?? options.processId;
    this.session = options.parent?.session ?? options.processId;
    this.abi = options.abi;
    this.memory = options.memory;
    this.descriptors = options.descriptors;
    this.fileSystem = options.fileSystem;
    this.arguments = options.arguments;
    this.environment = options.environment;
    this.executable = options.executable;
    this.startedMilliseconds = system.now();
    this.signals = new ProcessSignals(this);
    options.parent?.children.add(this);
  }

  /** A task for one call of a TypeScript program; give it back with `putTask`. */
  takeTask(): Task {
    return this.idleTasks.pop() ?? new Task(this, this.system, this.processId);
  }

  putTask(task: Task): void {
    task.reset();
    if (this.idleTasks.length < 64) this.idleTasks.push(task);
  }

  exit(code: number): void {
    this.end(exitStatus(code));
  }

  terminateBySignal(signal: number): void {
    this.tracer?.note(this, `+++ killed by signal ${signal} +++`);
    this.end(signalStatus(signal));
  }

  /** A handled signal interrupts one task that waits: its call ends with EINTR, or with what it has moved so far. */
  interruptOneTask(): void {
    for (const task of this.parked) {
      if (task.state !== TaskState.parked) continue;
      task.isInterrupted = true;
      task.wake();
      return;
    }
  }

  private end(status: number): void {
    if (this.hasExited) return;
    this.hasExited = true;
    this.status = status;
    for (const task of [...this.parked]) {
      task.state = TaskState.dead;
      task.unpark();
      task.reset();
    }
    this.idleTasks.length = 0;
    this.descriptors.closeAll();
    this.system.processes.ended(this);
    this.onEnd?.();
    this.exitEvents.wake();
  }
}
