/** The interpreter's handler for an instruction word, through tables by the highest bits and of the words met last. */
import { decode, extractFields, INDEX_SHIFT, onlyLineOf } from "../decode/decoder.ts";
import { type Instruction, instructions } from "../decode/table.ts";
import { controlledInstructions, executeFloat } from "../float/execute.ts";
import { statusBit } from "../float/format.ts";
import type { Controlled } from "../float/machine.ts";
import { stateOffset, stopCode } from "../state.ts";
import { arithmetic } from "./arithmetic.ts";
import { branch } from "./branch.ts";
import { exclusive } from "./exclusive.ts";
import { floating } from "./floating.ts";
import { loadStore } from "./load-store.ts";
import { logical } from "./logical.ts";
import { type Handler, outcome } from "./machine.ts";
import { vector } from "./vector.ts";
import { vectorMove } from "./vector-move.ts";

const byName: Readonly<Record<string, Handler>> = {
  ...arithmetic,
  ...logical,
  ...branch,
  ...loadStore,
  ...exclusive,
  ...floating,
  ...vector,
  ...vectorMove,
};

const FPCR = stateOffset.fpcr >> 2;
const FPSR = stateOffset.fpsr >> 2;

/** What depends on FPCR is executed in software if FPCR is not zero, and where JavaScript's arithmetic does not do. */
function underFloatControl(native: Handler | undefined, controlled: Controlled): Handler {
  return (m, word) => {
    const isUsual = m.x[FPCR] === 0 && !m.keepsFloatExceptions;
    if (isUsual && native !== undefined) {
      const result = native(m, word);
      if (result !== outcome.translate) return result;
    }
    const instruction = decode(word >>> 0) as Instruction;
    if (!controlled.isAllocated(extractFields(instruction, word))) return outcome.translate;
    const status = m.x[FPSR] as number;
    // FCCMP and FCCMPE compare only if their condition holds.
    const isConditional = controlled.kind === "compare" && (word & 0xc00) === 0x400;
    if (isConditional && !m.holds((word >>> 12) & 15)) {
      m.nzcv = word & 15;
      return outcome.next;
    }
    const flags = executeFloat(m.state, word);
    if (controlled.kind === "compare") m.nzcv = flags >>> 28;
    // As in translated code, which keeps saturation alone.
    if (isUsual) m.x[FPSR] = status | ((m.x[FPSR] as number) & statusBit.saturation);
    return outcome.next;
  };
}

/** By the line's index; undefined: left to the translator. */
export const handlers: readonly (Handler | undefined)[] = instructions.map(({ name, index }) => {
  const controlled = controlledInstructions[index];
  return controlled === undefined ? byName[name] : underFloatControl(byName[name], controlled);
});

const leave: Handler = () => outcome.translate;

/** A word that is no instruction. */
const unallocated: Handler = (m, word) => {
  m.x[stateOffset.pc >> 2] = m.pc;
  m.x[stateOffset.stop >> 2] = stopCode.unknownInstruction;
  m.x[stateOffset.detail >> 2] = word;
  return outcome.stop;
};

const CACHE_BITS = 13;
/** The same for all CPUs, as a word's handler follows from the word alone. Word 0 is no instruction. */
const words = new Int32Array(1 << CACHE_BITS);
const cached = new Array<Handler>(1 << CACHE_BITS).fill(unallocated);
/** By the word's highest bits where these alone tell its line, which is so for the commonest; null: not so. */
const direct = new Array<Handler | null | undefined>(1 << (32 - INDEX_SHIFT)).fill(undefined);

function handlerOfLine(instruction: Instruction | null): Handler {
  return instruction === null ? unallocated : (handlers[instruction.index] ?? leave);
}

export function handlerOf(word: number): Handler {
  const handler = direct[word >>> INDEX_SHIFT];
  if (handler !== null && handler !== undefined) return handler;
  if (handler === undefined) {
    const line = onlyLineOf(word);
    direct[word >>> INDEX_SHIFT] = line === null ? null : handlerOfLine(line);
  }
  const slot = Math.imul(word, 0x9e3779b1) >>> (32 - CACHE_BITS);
  if (words[slot] !== word) {
    words[slot] = word;
    cached[slot] = handlerOfLine(decode(word >>> 0));
  }
  return cached[slot] as Handler;
}
