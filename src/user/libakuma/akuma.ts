/** libakuma: what a program has of the system. */
import type { ProgramGate } from "./gate.ts";

export class Akuma {
  readonly gate: ProgramGate;

  constructor(gate: ProgramGate) {
    this.gate = gate;
  }
}

export function createAkuma(gate: ProgramGate): Akuma {
  return new Akuma(gate);
}
