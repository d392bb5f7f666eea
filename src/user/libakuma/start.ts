/**
 * Where a program begins and ends, as crt0 of a C library: makes its Akuma, runs main, prints what main threw, and exits
 * with its code.
 */
import { createAkuma } from "./akuma.ts";
import type { Program, ProgramGate } from "./gate.ts";

/** Runs a program to its end. The promise settles when `exit` was called; it never rejects. */
export async function startProgram(gate: ProgramGate, program: Program): Promise<void> {
  const akuma = createAkuma(gate);
  try {
    const code = await program.main(akuma);
    akuma.exit(code ?? 0);
  } catch (error) {
    if (akuma.hasExited) return;
    try {
      const name = akuma.arguments[0]?.split("/").pop() ?? "program";
      await akuma.stderr.write(`${name}: ${describe(error)}\n`);
      akuma.exit(1);
    } catch {
      // Nobody is left to tell.
    }
  }
}

function describe(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return String(error);
}
