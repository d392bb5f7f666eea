/**
 * Machines whose processes have ended, kept for the next process of the same program: the host has given their memory pages
 * already, and translated code is linked to it. A server that forks for each connection lives from this.
 */
import type { Machine } from "./machine.ts";

/** Machines that are kept for one program, and in all. */
const MOST_PER_PROGRAM = 40;
const MOST_MACHINES = 64;
/** One that has held more than this gives its pages back to the host instead. */
const MOST_BYTES = 64 << 20;
/** What all that are kept may hold. */
const MOST_BYTES_TOTAL = 512 << 20;

export class MachinePool {
  /** The program that was used last stands last. */
  private readonly machines = new Map<string, Machine[]>();
  private count = 0;
  private byteLength = 0;

  take(program: string): Machine | null {
    const kept = this.machines.get(program);
    const machine = kept?.pop();
    if (kept === undefined || machine === undefined) return null;
    this.count--;
    this.byteLength -= machine.space.stale.size;
    if (kept.length === 0) this.machines.delete(program);
    return machine;
  }

  /** Its address space has been released. */
  give(machine: Machine): void {
    machine.current = null;
    const { program, space } = machine;
    if (space.stale.size > MOST_BYTES) return;
    const kept = this.machines.get(program) ?? [];
    if (kept.length >= MOST_PER_PROGRAM) return;
    kept.push(machine);
    this.machines.delete(program);
    this.machines.set(program, kept);
    this.count++;
    this.byteLength += space.stale.size;
    while (this.count > MOST_MACHINES || this.byteLength > MOST_BYTES_TOTAL) {
      const oldest = this.machines.keys().next().value as string;
      this.take(oldest);
    }
  }
}
