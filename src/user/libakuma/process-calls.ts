/** Wrappers of the calls about processes, signals and time. Results are those of the call: a number, negative for -errno. */
import { EINTR } from "../../abi/errno.ts";
import { SA_RESTART, SIG_DFL, SIG_IGN } from "../../abi/signal.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME } from "../../abi/time.ts";
import { Exited, type Result } from "./calls.ts";
import type { ProgramGate } from "./gate.ts";
import { encodeText } from "./memory.ts";
import { SocketCalls } from "./socket-calls.ts";

/** Runs when a signal arrives, between the program's turns. */
export type SignalHandler = (signal: number) => void;

/** uname(2), decoded. */
export interface SystemName {
  systemName: string;
  nodeName: string;
  release: string;
  version: string;
  machine: string;
}

export interface SpawnRequest {
  path: string;
  /** With the program's name first, as argv. */
  arguments: readonly string[];
  /** "NAME=value" each; the caller's own where left out. */
  environment?: readonly string[];
  /** [descriptor in the child, descriptor here]; where given, the child gets these alone. */
  files?: readonly (readonly [number, number])[];
  workingDirectory?: string;
  abi?: "linux" | "akuma";
  isolate?: "realm" | "worker";
}

/** Handlers are functions, which the kernel cannot hold: it gets a token, and says the token when the signal arrives. */
const HANDLED_TOKEN = 4096;
const SIGACTION_BYTES = 32;
const SIGNAL_SET_BYTES = 8;

export class ProcessCalls extends SocketCalls {
  /** True once `exit` was called. */
  hasExited = false;
  private readonly handlers = new Map<number, SignalHandler>();

  constructor(gate: ProgramGate) {
    super(gate);
    gate.onSignal((signal) => this.runHandler(signal));
  }

  /** Ends the process; nothing after the call runs. */
  exit(code: number): never {
    this.hasExited = true;
    this.syscall(this.numbers.exit_group, code & 0xff);
    throw new Exited();
  }

  /** Nothing may be thrown at the kernel, which calls this: a handler that fails ends the program. */
  private runHandler(signal: number): void {
    try {
      this.handlers.get(signal)?.(signal);
    } catch (error) {
      if (error instanceof Exited || this.hasExited) return;
      void this.write_fd(2, encodeText(`${this.gate.arguments[0]}: in a signal handler: ${String(error)}\n`));
      this.hasExited = true;
      void this.syscall(this.numbers.exit_group, 1);
    }
  }

  getpid(): number {
    return this.now(this.syscall(this.numbers.getpid));
  }

  getppid(): number {
    return this.now(this.syscall(this.numbers.getppid));
  }

  getuid(): number {
    return this.now(this.syscall(this.numbers.getuid));
  }

  kill(processId: number, signal: number): number {
    return this.now(this.syscall(this.numbers.kill, processId, signal));
  }

  /** What a signal does from now on: a function, nothing, or what it does by itself. */
  signal(signal: number, action: SignalHandler | "ignore" | "default"): number {
    const at = this.memory.heap.allocate(SIGACTION_BYTES);
    const handler = action === "ignore" ? SIG_IGN : action === "default" ? SIG_DFL : HANDLED_TOKEN + signal;
    this.memory.writeInt64(at, handler);
    this.memory.writeInt64(at + 8, SA_RESTART);
    this.memory.writeInt64(at + 16, 0);
    this.memory.writeInt64(at + 24, 0);
    if (typeof action === "function") this.handlers.set(signal, action);
    const call = this.syscall(this.numbers.rt_sigaction, signal, at, 0, SIGNAL_SET_BYTES);
    const result = this.now(this.freeAfter(call, at, SIGACTION_BYTES));
    if (typeof action !== "function" || result < 0) this.handlers.delete(signal);
    return result;
  }

  /** [process id, status as wait4(2) gives it] of a child that has ended; -errno. */
  async wait4(processId: number, options = 0): Promise<[number, number] | number> {
    const at = this.memory.heap.allocate(4);
    this.memory.writeInt32(at, 0);
    const result = await this.syscall(this.numbers.wait4, processId, at, options, 0);
    const status = this.memory.readInt32(at);
    this.memory.heap.free(at, 4);
    return result < 0 ? result : [result, status];
  }

  /** Starts a program as a child; its process id, or -errno. */
  spawn(request: SpawnRequest): Result {
    const encoded = encodeText(JSON.stringify(request));
    const at = this.memory.heap.allocate(encoded.length);
    this.memory.bytes.set(encoded, at);
    return this.freeAfter(this.syscall(this.numbers.spawn, at, encoded.length), at, encoded.length);
  }

  /** Milliseconds of a clock, with fractions. */
  clockMilliseconds(clock: number): number {
    const at = this.memory.heap.allocate(16);
    const result = this.now(this.syscall(this.numbers.clock_gettime, clock, at));
    const milliseconds = this.memory.readInt64(at) * 1000 + this.memory.readInt64(at + 8) / 1e6;
    this.memory.heap.free(at, 16);
    return result < 0 ? 0 : milliseconds;
  }

  /** Milliseconds since some moment; never goes back. */
  monotonicMilliseconds(): number {
    return this.clockMilliseconds(CLOCK_MONOTONIC);
  }

  /** Milliseconds since 1970. */
  realtimeMilliseconds(): number {
    return this.clockMilliseconds(CLOCK_REALTIME);
  }

  /** Waits, through signals too. */
  async sleep(milliseconds: number): Promise<void> {
    const end = this.monotonicMilliseconds() + milliseconds;
    for (let left = milliseconds; left > 0; left = end - this.monotonicMilliseconds()) {
      if ((await this.nanosleep(left)) !== -EINTR) return;
    }
  }

  /** nanosleep(2) once: 0, or -EINTR when a signal came. */
  nanosleep(milliseconds: number): Result {
    const seconds = Math.floor(milliseconds / 1000);
    const nanoseconds = Math.min(999_999_999, Math.round((milliseconds - seconds * 1000) * 1e6));
    if (this.gate.abi === "akuma") return this.syscall(this.numbers.nanosleep, seconds, nanoseconds);
    const at = this.memory.heap.allocate(16);
    this.memory.writeInt64(at, seconds);
    this.memory.writeInt64(at + 8, nanoseconds);
    return this.freeAfter(this.syscall(this.numbers.nanosleep, at, 0), at, 16);
  }

  /** Fills `bytes` with random ones. */
  getrandom(bytes: Uint8Array): number {
    const at = this.memory.heap.allocate(bytes.length);
    const result = this.now(this.syscall(this.numbers.getrandom, at, bytes.length, 0));
    if (result > 0) bytes.set(this.memory.bytes.subarray(at, at + result));
    this.memory.heap.free(at, bytes.length);
    return result;
  }

  uname(): SystemName | number {
    const field = 65;
    const at = this.memory.heap.allocate(6 * field);
    const result = this.now(this.syscall(this.numbers.uname, at));
    const text = (index: number): string => this.memory.readString(at + index * field, field);
    const name = {
      systemName: text(0),
      nodeName: text(1),
      release: text(2),
      version: text(3),
      machine: text(4),
    };
    this.memory.heap.free(at, 6 * field);
    return result < 0 ? result : name;
  }

  /** The value of a variable of the environment. */
  environmentVariable(name: string): string | undefined {
    return this.gate.environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  }
}
