/**
 * What machine code runs in: a memory, the CPU that has translated code for it, and the address space that says what lies where.
 * The threads of a process share one, as does a child of vfork(2) until it has a program of its own.
 */
import type { Cpu, FaultMode } from "../../cpu/cpu.ts";
import type { AddressSpace } from "../task/address-space.ts";
import type { Area } from "../task/area.ts";
import type { MachineMemory } from "../task/user-memory.ts";
import type { MachineThread } from "./machine-thread.ts";

/** Loop rounds and calls that a thread gets before the next one's turn, to begin with. */
const FIRST_BUDGET = 50_000;
const LEAST_BUDGET = 1000;
const MOST_BUDGET = 4_000_000;
/** By then a program has its libraries. */
export const SLICES_TO_SWEEP = 32;
/** What a turn should take. */
const SHORT_SLICE_MILLISECONDS = 0.5;
export const LONG_SLICE_MILLISECONDS = 2;

function isAccessible(area: Area): boolean {
  return area.isAccessible;
}

export class Machine {
  readonly memory: MachineMemory;
  readonly cpu: Cpu;
  private currentSpace: AddressSpace;
  /** The program that it was made for, as MachinePool knows it. */
  readonly program: string;
  /** Whose registers are in the CPU's state. */
  current: MachineThread | null = null;
  /**
   * Whether a handler of SIGSEGV may want to return to the instruction, and so needs all registers as they were there, which makes
   * code slower. Go's runtime turns the signal into a panic and looks at pc, SP, LR and X28 alone.
   */
  returnsToFaults = true;
  /** Slices until code of the last process that this one has not mapped again is dropped; 0 when that is done. */
  slicesToSweep = 0;
  /** Where handlers return to. */
  trampoline = 0;
  /** Processes that run in it. */
  users = 1;
  budget: number = FIRST_BUDGET;
  private currentFaultMode: FaultMode = "fast";
  /** Called when the last process has left it. */
  readonly whenUnused: (machine: Machine) => void;

  constructor(
    program: string,
    memory: MachineMemory,
    space: AddressSpace,
    cpu: Cpu,
    whenUnused: (machine: Machine) => void,
  ) {
    this.program = program;
    this.memory = memory;
    this.currentSpace = space;
    this.space = space;
    this.cpu = cpu;
    this.whenUnused = whenUnused;
  }

  /** Another one for each process that the machine is used for. */
  get space(): AddressSpace {
    return this.currentSpace;
  }

  set space(space: AddressSpace) {
    this.currentSpace = space;
    this.memory.isMapped = (address, byteLength) => space.list.covers(address, address + byteLength, isAccessible);
  }

  /** The program handles SIGSEGV or SIGBUS. */
  handlesFaults(): void {
    if (this.returnsToFaults) this.faultMode = "precise";
  }

  /** What faults leave behind from now on. */
  set faultMode(mode: FaultMode) {
    this.cpu.setFaultMode(mode);
    this.currentFaultMode = mode;
  }

  get faultMode(): FaultMode {
    return this.currentFaultMode;
  }

  /** Puts a thread's registers into the CPU. */
  activate(thread: MachineThread): void {
    if (this.current === thread) return;
    this.putAside();
    this.cpu.restoreThread(thread.registers);
    this.current = thread;
  }

  /** Takes the registers of the current thread out of the CPU. */
  putAside(): void {
    if (this.current === null) return;
    this.cpu.saveThreadInto(this.current.registers);
    this.current = null;
  }

  /** Adapts the budget so that turns are short enough for others and long enough to be worth it. */
  learn(elapsedMilliseconds: number): void {
    // A virtual clock stands still meanwhile: a run that is to repeat must not depend on how fast the host is.
    if (elapsedMilliseconds === 0) return;
    if (elapsedMilliseconds > LONG_SLICE_MILLISECONDS) this.budget = Math.max(LEAST_BUDGET, this.budget >> 1);
    else if (elapsedMilliseconds < SHORT_SLICE_MILLISECONDS) this.budget = Math.min(MOST_BUDGET, this.budget * 2);
  }

  /** A slice is over. */
  sweep(): void {
    if (this.slicesToSweep === 0 || --this.slicesToSweep > 0) return;
    this.cpu.revalidate();
  }

  /** A process has ended or has got another program. */
  leave(): void {
    this.users--;
    if (this.users === 0) this.whenUnused(this);
  }
}
