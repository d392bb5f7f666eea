/**
 * Executes one floating-point instruction in software, on the registers in the state memory, as FPCR says and with FPSR kept. Which
 * instructions: all whose result depends on FPCR.
 */
import { decode, extractFields } from "../decode/decoder.ts";
import type { Fields } from "../decode/fields.ts";
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

interface Prepared {
  readonly execute: Controlled["execute"];
  readonly fields: Fields;
}

/** Instructions executed before, by their words: decoding costs as much as executing. */
const prepared = new Map<number, Prepared>();
const MAXIMUM_PREPARED = 1 << 16;

function prepare(word: number): Prepared | null {
  const instruction = decode(word >>> 0);
  const entry = instruction === null ? undefined : controlledInstructions[instruction.index];
  if (instruction === null || entry === undefined) return null;
  if (prepared.size >= MAXIMUM_PREPARED) prepared.clear();
  const result = { execute: entry.execute, fields: extractFields(instruction, word) };
  prepared.set(word, result);
  return result;
}

/** Executes an instruction that has its entry in `controlledInstructions`; the flags that a comparison gives. */
export function executeFloat(state: DataView, word: number): number {
  const instruction = prepared.get(word) ?? prepare(word);
  if (instruction === null) return 0;
  machine.view = state;
  machine.unit.control = state.getInt32(stateOffset.fpcr, true);
  machine.unit.status = state.getInt32(stateOffset.fpsr, true);
  const flags = instruction.execute(machine, instruction.fields);
  state.setInt32(stateOffset.fpsr, machine.unit.status, true);
  return flags ?? 0;
}
