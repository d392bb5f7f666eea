/**
 * Runs a program in a worker thread: its own heap, killable, and an endless loop in it does not stop the kernel. Same source,
 * same gate; a call costs a round trip between threads.
 */
import type { Worker } from "node:worker_threads";
import { SIGABRT, SIGKILL } from "../../abi/signal.ts";
import type { ProgramRunner, RegisteredProgram } from "../../kernel/exec/program.ts";
import { HEAP_BASE } from "../../kernel/exec/spawn.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Process } from "../../kernel/task/process.ts";
import {
  AdaptiveSpin,
  type FromWorker,
  IDLE,
  NUMBER,
  REQUEST,
  RESULT,
  STATE,
  TICKET,
  type ToWorker,
  WorkerChannel,
  type WorkerStart,
} from "./worker-channel.ts";

/** The same file as source and as built JavaScript. */
const entry = new URL(import.meta.url.endsWith(".ts") ? "./worker-entry.ts" : "./worker-entry.js", import.meta.url);
/** How long the kernel's thread answers one worker's calls before the event loop comes round. */
const BUDGET_MILLISECONDS = 0.25;
/** A thread takes some 15 MiB and a while to start: a program that spawns without end must not take the host with it. */
const MAXIMUM_WORKERS = 64;
/** Heap of the worker's realm, beside the process's own memory. */
const HEAP_MEGABYTES = 512;

export class WorkerRunner implements ProgramRunner {
  private readonly kernel: Kernel;
  private readonly maximumWorkers: number;
  private workers = 0;

  constructor(kernel: Kernel, maximumWorkers: number = MAXIMUM_WORKERS) {
    this.kernel = kernel;
    this.maximumWorkers = maximumWorkers;
  }

  hasRoom(): boolean {
    return this.workers < this.maximumWorkers;
  }

  start(process: Process, program: RegisteredProgram): void {
    this.workers++;
    new WorkerProgram(this.kernel, process, program).start(() => this.workers--);
  }
}

class WorkerProgram {
  private readonly kernel: Kernel;
  private readonly process: Process;
  private readonly channel = new WorkerChannel();
  private readonly spin = new AdaptiveSpin();
  private readonly worker: Worker;
  private tickets = 0;
  private readonly isRequested = (): boolean => Atomics.load(this.channel.control, STATE) === REQUEST;
  private readonly serve = (): void => this.pump();

  constructor(kernel: Kernel, process: Process, program: RegisteredProgram) {
    this.kernel = kernel;
    this.process = process;
    const data: WorkerStart = {
      channel: this.channel.buffer,
      memory: process.memory.buffer as SharedArrayBuffer,
      abi: process.abi,
      arguments: process.arguments,
      environment: process.environment,
      heapBase: HEAP_BASE,
      builtin: program.name,
      moduleUrl: program.moduleUrl ?? null,
    };
    // Loaded when a program first asks for a worker: most never do.
    const { Worker } = globalThis.process.getBuiltinModule("node:worker_threads");
    this.worker = new Worker(entry, {
      workerData: data,
      name: process.executable,
      // The host's environment is not the guest's.
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
    });
  }

  /** `onGone` is called when the thread has ended. */
  start(onGone: () => void): void {
    const { process, worker } = this;
    process.onEnd = () => {
      // A worker that waits for an answer is stopped where it stands.
      void worker.terminate();
    };
    worker.on("message", (message: FromWorker) => this.receive(message));
    worker.on("error", (error) => {
      this.kernel.log(`${process.executable}: ${error.message}`);
      // As the kernel's out-of-memory killer, and as abort(3) after an error that nobody caught.
      const isOutOfMemory = (error as { code?: unknown }).code === "ERR_WORKER_OUT_OF_MEMORY";
      process.terminateBySignal(isOutOfMemory ? SIGKILL : SIGABRT);
    });
    worker.on("exit", () => {
      onGone();
      if (!process.hasExited) process.exit(1);
    });
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.on("data", (chunk: Buffer) => this.kernel.log(`${process.executable}: ${chunk.toString().trimEnd()}`));
    }
    this.pump();
  }

  private receive(message: FromWorker): void {
    if (message.kind === "failed") {
      this.kernel.log(`${this.process.executable}: cannot run the program: ${message.message}`);
      this.process.exit(127);
      return;
    }
    this.process.signals.deliver = message.on ? (signal, token) => this.post({ kind: "signal", signal, token }) : null;
  }

  /** Answers calls while they come, then sleeps until the next one. */
  private pump(): void {
    const { control } = this.channel;
    const end = performance.now() + BUDGET_MILLISECONDS;
    for (;;) {
      if (this.process.hasExited) return;
      if (this.isRequested()) {
        this.answer();
        if (performance.now() > end) {
          setImmediate(this.serve);
          return;
        }
      } else if (!this.spin.until(this.isRequested)) {
        const wait = Atomics.waitAsync(control, STATE, IDLE);
        if (wait.async) {
          void wait.value.then(this.serve);
          return;
        }
      }
    }
  }

  private answer(): void {
    const { control, values } = this.channel;
    const [a0, a1, a2, a3, a4, a5] = values as unknown as [number, number, number, number, number, number];
    const result = this.kernel.callGate(this.process, control[NUMBER] as number, a0, a1, a2, a3, a4, a5);
    // An ended process gets no answer: it waits until it is terminated.
    if (this.process.hasExited) return;
    if (typeof result === "number") {
      control[TICKET] = 0;
      values[RESULT] = result;
    } else {
      const ticket = this.tickets === 0x7fff_ffff ? 1 : this.tickets + 1;
      this.tickets = ticket;
      control[TICKET] = ticket;
      void result.then((value) => this.post({ kind: "result", ticket, result: value }));
    }
    Atomics.store(control, STATE, IDLE);
    Atomics.notify(control, STATE);
  }

  private post(message: ToWorker): void {
    if (!this.process.hasExited) this.worker.postMessage(message);
  }
}
