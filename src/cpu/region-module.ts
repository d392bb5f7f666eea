/**
 * Puts translated regions together into one WebAssembly module. Regions know nothing of the module they stand in (all modules have
 * the same types and imports), so the same region can move to another, larger one.
 */
import { shiftLaneType } from "./runtime-shift.ts";
import { PAGE_SHIFT } from "./state.ts";
import type { ImportedFunctions } from "./translate/context.ts";
import { writePadded } from "./wasm/bytes.ts";
import { ModuleBuilder } from "./wasm/module.ts";
import type { ValueType } from "./wasm/opcodes.ts";

/** The type of translated functions: own address and call depth in, next address or STOP out. */
export const translatedType: readonly [readonly ValueType[], readonly ValueType[]] = [["i32", "i32"], ["i32"]];

const importTypes: readonly [name: string, parameters: ValueType[], results: ValueType[]][] = [
  ["supervisorCall", [], ["i32"]],
  ["crc32", ["i32", "i32", "i32"], ["i32"]],
  ["crc32c", ["i32", "i32", "i32"], ["i32"]],
  ["halfToSingle", ["i32"], ["i32"]],
  ["doubleToHalf", ["i32", "i32"], ["i32"]],
  ["estimate", ["i32", "i32", "i32"], ["i32"]],
  ["executeFloat", ["i32"], ["i32"]],
  ["shiftLane", ...shiftLaneType],
  ["packFlags", [], ["i32"]],
  ["nan32", ["v128", "v128"], ["v128"]],
  ["nan64", ["v128", "v128"], ["v128"]],
  ["fusedNan32", ["v128", "v128", "v128"], ["v128"]],
  ["fusedNan64", ["v128", "v128", "v128"], ["v128"]],
];

/** The numbers of the functions that every module of regions imports. */
export const importedFunctions: ImportedFunctions = Object.fromEntries(
  importTypes.map(([name], number) => [name, number]),
);
/** The number of translatedType in every module of regions. */
export const TRANSLATED_TYPE = 0;

/** A translated region, and what it was translated from. */
export interface CodeRegion {
  /** The addresses that control may come in at. */
  readonly entries: readonly number[];
  readonly instructionCount: number;
  /** Start and end addresses of the code, ascending and apart. */
  readonly ranges: Uint32Array;
  /** The instruction words of the ranges, one after the other. */
  readonly words: Int32Array;
  /** The WebAssembly function without its length. */
  readonly body: Uint8Array;
  /** Pairs: where in the body a table slot stands, and the guest address it is for. */
  readonly slots: Uint32Array;
  /** Pairs: where in the body that of an instruction which accesses memory begins, and the instruction's guest address. */
  readonly locations: Uint32Array;
  /** The module that it stands in by now. */
  module: CodeModule | null;
}

export interface CodeModule {
  /** Its name in stack traces. */
  readonly id: number;
  readonly compiled: WebAssembly.Module;
  readonly regions: readonly CodeRegion[];
  /** Of each region: where its body begins in the module. */
  readonly bodyOffsets: readonly number[];
  /** Guest pages that code was taken from. */
  readonly pages: readonly number[];
  /** WebAssembly, and guest words. */
  readonly byteLength: number;
  /** How many CPUs took it in. */
  instances: number;
}

/** Writes the slots of the addresses that a body names into it. */
export function linkBody(body: Uint8Array, slots: Uint32Array, slotFor: (address: number) => number): void {
  for (let index = 0; index + 1 < slots.length; index += 2) {
    writePadded(body, slots[index] as number, slotFor(slots[index + 1] as number));
  }
}

/** Null if the host does not take it, which can only be when the bodies are not of this translator's making. */
export function buildRegionModule(
  id: number,
  regions: readonly CodeRegion[],
  shared: boolean,
  slotFor: (address: number) => number,
): CodeModule | null {
  const builder = new ModuleBuilder();
  const type = builder.type(...translatedType);
  builder.importMemory({ module: "cpu", name: "memory", shared });
  builder.importMemory({ module: "cpu", name: "state", shared: false });
  builder.importMemory({ module: "cpu", name: "map", shared: false });
  builder.importTable("cpu", "table");
  for (const [name, parameters, results] of importTypes) {
    builder.importFunction("cpu", name, builder.type(parameters, results));
  }
  const pages = new Set<number>();
  let byteLength = 0;
  for (const { entries, body, ranges, words } of regions) {
    const number = builder.function(type, body);
    for (const entry of entries) builder.elementAt(slotFor(entry), number);
    byteLength += words.byteLength;
    for (let index = 0; index < ranges.length; index += 2) {
      const last = ((ranges[index + 1] as number) - 1) >>> PAGE_SHIFT;
      for (let page = (ranges[index] as number) >>> PAGE_SHIFT; page <= last; page++) pages.add(page);
    }
  }
  builder.name(`guest${id}`);
  const bytes = builder.finish();
  let compiled: WebAssembly.Module;
  try {
    compiled = new WebAssembly.Module(bytes);
  } catch (error) {
    if (error instanceof Error && error.name === "CompileError") return null;
    throw error;
  }
  byteLength += bytes.length;
  return { id, compiled, regions, bodyOffsets: builder.bodyOffsets, pages: [...pages], byteLength, instances: 0 };
}

/** Whether a region's words are those in memory now. */
export function matches(region: CodeRegion, memory: Int32Array): boolean {
  const { ranges, words } = region;
  let at = 0;
  for (let index = 0; index < ranges.length; index += 2) {
    const end = (ranges[index + 1] as number) >>> 2;
    if (end > memory.length) return false;
    for (let place = (ranges[index] as number) >>> 2; place < end; place++) {
      if (memory[place] !== words[at++]) return false;
    }
  }
  return true;
}

/** Whether a region took code from these addresses. */
export function overlaps({ ranges }: CodeRegion, start: number, end: number): boolean {
  for (let index = 0; index < ranges.length; index += 2) {
    if ((ranges[index] as number) < end && (ranges[index + 1] as number) > start) return true;
  }
  return false;
}
