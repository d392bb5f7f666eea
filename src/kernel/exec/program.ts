/**
 * TypeScript programs: what the kernel gives one when it starts, and the registry of those that it brings along.
 * Machine code (ELF) is told apart by its magic number and has a loader of its own.
 */
import type { Abi, Process } from "../task/process.ts";

/** The program's side of the gate. libakuma is built on this and on nothing else. */
export interface ProgramGate {
  /** The process's memory; grows in place through brk(2). */
  readonly memory: ArrayBuffer | SharedArrayBuffer;
  readonly abi: Abi;
  readonly arguments: readonly string[];
  /** "NAME=value" each. */
  readonly environment: readonly string[];
  /** First address that the program may use as it likes. */
  readonly heapBase: number;
  /** A system call: result or -errno, or a promise of it if the call has to wait. */
  call(
    number: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    a4: number,
    a5: number,
  ): number | Promise<number>;
  /** Who runs the program's signal handlers; `token` is the handler value that rt_sigaction(2) was given. */
  onSignal(deliver: ((signal: number, token: number) => void) | null): void;
}

/** What a program's module exports. `Akuma` is libakuma's object, opaque to the kernel. */
export interface ProgramModule {
  // biome-ignore lint/suspicious/noConfusingVoidType: a main that returns nothing is the usual one
  main(akuma: never): number | void | Promise<number | void>;
}

/** A program that the kernel can start: loaded when first run, so that boot does not pay for it. */
export interface RegisteredProgram {
  readonly name: string;
  load(): Promise<ProgramModule>;
  /** Where its module lies, for a worker that has to load it again in its own realm. */
  readonly moduleUrl?: string;
}

/** Starts a program's code for a process that exists already; never throws. */
export interface ProgramRunner {
  /** False when no further program can be run so: EAGAIN. */
  hasRoom(isolate: "realm" | "worker"): boolean;
  start(process: Process, program: RegisteredProgram, isolate: "realm" | "worker"): void;
}

/** The first line of a /bin file that stands for a registered program: "#!builtin httpd". */
export const BUILTIN_MAGIC = "#!builtin ";

export class ProgramRegistry {
  private readonly programs = new Map<string, RegisteredProgram>();

  register(program: RegisteredProgram): void {
    this.programs.set(program.name, program);
  }

  get(name: string): RegisteredProgram | null {
    return this.programs.get(name) ?? null;
  }

  names(): string[] {
    return [...this.programs.keys()];
  }
}
