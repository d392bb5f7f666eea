/** Makes sense of an exception that translated code was left with: which guest instruction, and what it did. */
import { accessOf } from "./decode/access.ts";
import { decode, extractFields } from "./decode/decoder.ts";
import type { CodeModule } from "./region-module.ts";

export type TrapKind = "data" | "misaligned" | "stack";

/** What an exception is about, by the words that hosts have for it; null: it is none of translated code. */
export function trapKindOf(error: unknown): TrapKind | null {
  if (error instanceof WebAssembly.RuntimeError) return /unaligned/i.test(error.message) ? "misaligned" : "data";
  // No regular expression here, which would need stack itself.
  if (!(error instanceof Error)) return null;
  return error.message.startsWith("Maximum call stack") || error.message === "too much recursion" ? "stack" : null;
}

/** The module and the byte in it that a stack trace has as its innermost place; null if it does not tell, or has none of ours. */
export function placeOf(error: Error): { moduleId: number; offset: number } | null {
  const frame = /^\s+at .*$|^.*@.*$/m.exec(error.stack ?? "")?.[0] ?? "";
  const match = /\bguest(\d+)\b.*:wasm-function\[\d+\]:0x([0-9a-f]+)/.exec(frame);
  return match === null ? null : { moduleId: Number(match[1]), offset: Number.parseInt(match[2] as string, 16) };
}

/** The guest instruction that a byte of a module belongs to; `isEntry` at a function's very beginning, where it has done nothing. */
export function instructionAt(module: CodeModule, offset: number): { pc: number; isEntry: boolean } | null {
  const index = module.bodyOffsets.findLastIndex((start) => start <= offset);
  const region = module.regions[index];
  if (region === undefined) return null;
  const inBody = offset - (module.bodyOffsets[index] as number);
  // Which of several entries it was nobody knows any more.
  if (inBody === 0) return region.entries.length === 1 ? { pc: region.entries[0] as number, isEntry: true } : null;
  let pc: number | null = null;
  for (let at = 0; at < region.locations.length && (region.locations[at] as number) <= inBody; at += 2) {
    pc = region.locations[at + 1] as number;
  }
  return pc === null ? null : { pc, isEntry: false };
}

export interface DataAccess {
  readonly address: number;
  readonly byteLength: number;
  readonly isStore: boolean;
}

/** What an instruction at pc accesses with the registers in a state; null: nothing. */
export function dataAccessOf(state: DataView, word: number, pc: number): DataAccess | null {
  const instruction = decode(word);
  const access = instruction === null ? null : accessOf(instruction, extractFields(instruction, word));
  if (access === null) return null;
  const { base, offset, index, byteLength, isStore } = access;
  let address = offset + (base === null ? pc : state.getUint32(8 * base, true));
  if (index !== null) {
    // Only the low half counts.
    const value = index.register === 31 ? 0 : state.getInt32(8 * index.register, true);
    address += extended(value, index.option) << index.shift;
  }
  return { address: address >>> 0, byteLength, isStore };
}

function extended(value: number, option: number): number {
  switch (option & 3) {
    case 0:
      return option === 0 ? value & 0xff : (value << 24) >> 24;
    case 1:
      return option === 1 ? value & 0xffff : (value << 16) >> 16;
    default:
      return value;
  }
}
