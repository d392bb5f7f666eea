/**
 * What the kernel gives a program, and nothing else: a memory, one function to call, its arguments and environment. A
 * program in the kernel's realm and one in a worker get the same thing.
 */
import type { Akuma } from "./akuma.ts";

export interface ProgramGate {
  /** The process's memory. Grows with brk(2); views made with `new Uint8Array(memory)` follow. Page 0 is never valid. */
  readonly memory: ArrayBuffer | SharedArrayBuffer;
  /** A system call: its result or -errno, or a promise of it when the call has to wait. */
  call(
    number: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    a4: number,
    a5: number,
  ): number | Promise<number>;
  /** Which numbers and layouts the process speaks. */
  readonly abi: "linux" | "akuma";
  /** The program's name first, as argv. */
  readonly arguments: readonly string[];
  /** "NAME=value" each. */
  readonly environment: readonly string[];
  /** The first address that the program may use; at least 4096. */
  readonly heapBase: number;
  /** Takes the function that runs handlers: signal, and the value that rt_sigaction(2) was given as its handler. */
  onSignal(handler: ((signal: number, token: number) => void) | null): void;
}

/** What the module of a program exports. `main` gives the exit code, 0 when it gives nothing. */
export interface Program {
  // biome-ignore lint/suspicious/noConfusingVoidType: a main that returns nothing is the usual one
  main(akuma: Akuma): number | void | Promise<number | void>;
}
