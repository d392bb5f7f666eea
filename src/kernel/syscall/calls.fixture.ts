/**
 * A small kernel for tests of the calls that need no network and no file system: processes, descriptors, a virtual clock, and a
 * gate. Time moves when a test says so.
 */
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { TimerHeap } from "../../base/timers.ts";
import { DescriptorTable } from "../file/descriptor-table.ts";
import { OpenFileCount } from "../file/open-file.ts";
import { Gate } from "../gate/gate.ts";
import { SyscallTable } from "../gate/syscall-table.ts";
import { type Abi, Process } from "../task/process.ts";
import { ProcessTable } from "../task/process-table.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import { BufferMemory, type UserMemory } from "../task/user-memory.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";
import { MountTable } from "../vfs/mount-table.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { descriptorCalls } from "./descriptor.ts";
import { epollCalls } from "./epoll.ts";
import { eventCalls } from "./eventfd.ts";
import { futexCalls } from "./futex.ts";
import { identityCalls } from "./identity.ts";
import { memfdCalls } from "./memfd.ts";
import { memoryAkumaCalls, memoryCalls } from "./memory.ts";
import { miscCalls } from "./misc.ts";
import { openCalls } from "./open.ts";
import { pidfdCalls } from "./pidfd.ts";
import { pipeCalls } from "./pipe.ts";
import { pollCalls } from "./poll.ts";
import { posixTimerCalls } from "./posix-timer.ts";
import { processAkumaCalls, processCalls } from "./process.ts";
import { processControlCalls } from "./process-control.ts";
import { readWriteAkumaCalls, readWriteCalls } from "./read-write.ts";
import { refusedCalls } from "./refused.ts";
import { scheduleCalls } from "./schedule.ts";
import { sharedSegmentCalls } from "./shared-segment.ts";
import { signalCalls } from "./signal.ts";
import { signalfdCalls } from "./signalfd.ts";
import { timeAkumaCalls, timeCalls } from "./time.ts";

export { call };

const linuxCalls: readonly SyscallDefinition[] = [
  ...descriptorCalls,
  ...epollCalls,
  ...eventCalls,
  ...futexCalls,
  ...identityCalls,
  ...memfdCalls,
  ...memoryCalls,
  ...miscCalls,
  ...openCalls,
  ...pidfdCalls,
  ...pipeCalls,
  ...pollCalls,
  ...posixTimerCalls,
  ...processCalls,
  ...processControlCalls,
  ...readWriteCalls,
  ...refusedCalls,
  ...scheduleCalls,
  ...sharedSegmentCalls,
  ...signalCalls,
  ...signalfdCalls,
  ...timeCalls,
];

const akumaCalls: readonly SyscallDefinition[] = [
  ...memoryAkumaCalls,
  ...processAkumaCalls,
  ...readWriteAkumaCalls,
  ...timeAkumaCalls,
];

/** What a call of a test program gives: its result at once, or a promise with the result it had when it is asked for. */
export type Outcome = number | { result: number | null };

export class TestKernel {
  readonly hostname = "test";
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: SeededRandom = new SeededRandom(1);
  readonly timers: TimerHeap = new TimerHeap();
  readonly openFiles: OpenFileCount = new OpenFileCount(4096);
  readonly processes: ProcessTable = new ProcessTable(64);
  readonly mounts: MountTable = new MountTable(new MemFs({ clock: this.clock, maximumBytes: 1 << 24 }));
  readonly runQueue: Task[] = [];
  readonly logged: string[] = [];
  readonly gate: Gate;
  readonly system: System;

  constructor() {
    // The rooms that these calls never enter are not built.
    this.system = this as unknown as System;
    this.gate = new Gate(this.system, {
      linux: new SyscallTable(linuxCalls),
      akuma: new SyscallTable([...linuxCalls, ...akumaCalls]),
    });
  }

  now(): number {
    return this.clock.monotonicMilliseconds();
  }

  requestTurn(): void {}

  log(message: string): void {
    this.logged.push(message);
  }

  /** Runs woken tasks until none is left. */
  run(): void {
    this.timers.expire(this.now());
    for (let task = this.runQueue.shift(); task !== undefined; task = this.runQueue.shift()) this.gate.resume(task);
  }

  /** Moves time on, stopping at every deadline on the way. */
  advance(milliseconds: number): void {
    const end = this.now() + milliseconds;
    for (;;) {
      this.run();
      const next = this.timers.nextDeadline();
      if (next > end) break;
      this.clock.advanceTo(next);
    }
    this.clock.advanceTo(end);
    this.run();
  }

  spawn(parent: TestProgram | null = null, abi: Abi = "linux"): TestProgram {
    return new TestProgram(this, parent, abi);
  }
}

/** A process, with memory at hand to put arguments into. */
export class TestProgram {
  readonly kernel: TestKernel;
  readonly process: Process;
  readonly memory: UserMemory;
  /** Where `place` puts the next argument. */
  private next = 0x2000;

  constructor(kernel: TestKernel, parent: TestProgram | null, abi: Abi) {
    this.kernel = kernel;
    this.memory = BufferMemory.allocate(0x4_0000, 0x20_0000);
    this.process = new Process(kernel.system, {
      processId: kernel.processes.allocateNumber(),
      parent: parent?.process ?? null,
      abi,
      memory: this.memory,
      descriptors: parent === null ? new DescriptorTable(kernel.openFiles) : parent.process.descriptors.inherit(true),
      fileSystem: kernel.mounts.rootContext(),
      arguments: ["test"],
      environment: [],
      executable: "/bin/test",
    });
    this.process.breakAddress = 0x4_0000;
    if (parent !== null) parent.process.signals.inheritFor(this.process.signals);
    kernel.processes.add(this.process);
  }

  get pid(): number {
    return this.process.processId;
  }

  /** Room in memory, zeroed. */
  place(byteLength: number): number {
    const address = this.next;
    this.next += Math.ceil(byteLength / 16) * 16;
    this.memory.bytes.fill(0, address, this.next);
    return address;
  }

  /** Puts bytes or text into memory; its address. */
  put(content: string | Uint8Array): number {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const address = this.place(bytes.length + 1);
    this.memory.bytes.set(bytes, address);
    return address;
  }

  /** A struct timespec. */
  timespec(seconds: number, nanoseconds = 0): number {
    const address = this.place(16);
    this.memory.writeInt64(address, seconds);
    this.memory.writeInt64(address + 8, nanoseconds);
    return address;
  }

  text(address: number, length: number): string {
    return new TextDecoder().decode(this.memory.bytes.slice(address, address + length));
  }

  /** A call by its Linux number; a call that waits gives an object that takes the result. */
  start(number: number, ...values: number[]): Outcome {
    const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = values;
    const process = this.process;
    if (process.hasExited) return { result: null };
    const task = process.takeTask();
    const outcome: { result: number | null } = { result: null };
    task.complete = (result) => {
      outcome.result = result;
    };
    const result = this.kernel.gate.start(task, number, a0, a1, a2, a3, a4, a5);
    if (result <= -0x10000) return outcome;
    process.putTask(task);
    return process.hasExited ? outcome : result;
  }

  /** A call that must not wait. */
  call(number: number, ...values: number[]): number {
    const outcome = this.start(number, ...values);
    if (typeof outcome !== "number") throw new Error(`call ${number} waits`);
    return outcome;
  }

  /** A call that must wait. */
  wait(number: number, ...values: number[]): { result: number | null } {
    const outcome = this.start(number, ...values);
    if (typeof outcome === "number") throw new Error(`call ${number} did not wait: ${outcome}`);
    return outcome;
  }

  /** A pipe's two descriptors. */
  pipe(flags = 0): [number, number] {
    const address = this.place(8);
    const result = this.call(59, address, flags);
    if (result !== 0) throw new Error(`pipe2: ${result}`);
    return [this.memory.readInt32(address), this.memory.readInt32(address + 4)];
  }
}
