/**
 * Executes one floating-point instruction in software, on the registers in the state memory, as FPCR says and with FPSR kept. Which
 * instructions: all whose result depends on FPCR.
 */
import { decode, extractFields } from "../decode/decoder.ts";
import { instructions } from "../decode/table.ts";
import { stateOffset } from "../state.ts";
import { arithmetic } from "./arithmetic.ts";
import { conversions } from "./conversions.ts";
import { type Controlled, Machine } from "./machine.ts";

/** By the line's index: how to execute it here, or undefined if it does not depend on FPCR. */
export const controlledInstructions: readonly (Controlled | undefined)[] = instructions.map(
  ({ name }) => arithmetic.get(name) ?? conversions.get(name),
);

const machine = new Machine();

/** Executes an instruction that has its entry in `controlledInstructions`; the flags that a comparison gives. */
export function executeFloat(state: DataView, word: number): number {
  const instruction = decode(word >>> 0);
  const entry = instruction === null ? undefined : controlledInstructions[instruction.index];
  if (instruction === null || entry === undefined) return 0;
  machine.view = state;
  machine.unit.control = state.getInt32(stateOffset.fpcr, true);
  machine.unit.status = state.getInt32(stateOffset.fpsr, true);
  const flags = entry.execute(machine, extractFields(instruction, word));
  state.setInt32(stateOffset.fpsr, machine.unit.status, true);
  return flags ?? 0;
}
