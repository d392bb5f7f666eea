/**
 * One AArch64 CPU in user mode over a guest memory: translates code when it is first reached, and runs it until something
 * happens that the owner must see.
 */
import { crc32, crc32c } from "./crc32.ts";
import { doubleToHalf, halfToSingle } from "./half-precision.ts";
import { buildRuntime, translatedType } from "./runtime.ts";
import {
  flagKind,
  NULL_GUARD,
  PAGE_DIRECTORY,
  PAGE_SHIFT,
  SLOT_PAGE_BYTES,
  SLOT_PAGES,
  STATE_BYTES,
  stateOffset,
  stopCode,
} from "./state.ts";
import type { ImportedFunctions } from "./translate/context.ts";
import { type RegionOptions, translateRegion } from "./translate/region.ts";
import { ModuleBuilder } from "./wasm/module.ts";
import type { ValueType } from "./wasm/opcodes.ts";

/** Why run() returned. `pc` in the state is where to go on, for all but a fault of data. */
export type Stop =
  /** SVC #immediate; pc is behind it. */
  | { readonly reason: "svc"; readonly immediate: number }
  /** A word that is no instruction here; pc is at it. */
  | { readonly reason: "unknown"; readonly word: number; readonly address: number }
  | { readonly reason: "breakpoint"; readonly immediate: number; readonly address: number }
  | { readonly reason: "budget" }
  /**
   * An access outside memory or misaligned where that matters. For "fetch" the address is exact. For "data" it is null, as
   * WebAssembly does not tell, and the registers in the state are older ones unless CpuOptions.exactFaults is set.
   */
  | { readonly reason: "fault"; readonly kind: "fetch" | "data" | "stack"; readonly address: number | null };

export interface CpuOptions {
  readonly memory: WebAssembly.Memory;
  /** Whether the memory was made as shared. */
  readonly shared?: boolean;
  /**
   * Called at SVC with the registers in the state; true: go on behind it at once, false: run() returns. It must not change the
   * program counter when it says true.
   */
  readonly onSupervisorCall?: (immediate: number) => boolean;
  /**
   * Makes every instruction a region of its own, so that after a fault of data the registers and pc are those of the instruction
   * that faulted. Several times slower.
   */
  readonly exactFaults?: boolean;
  /** Instructions in one region at most. */
  readonly maximumInstructions?: number;
}

const DEFAULT_MAXIMUM_INSTRUCTIONS = 1000;
/** Regions that one module takes along because the first calls them. */
const REGIONS_PER_MODULE = 8;
const WASM_PAGE = 65536;

const importTypes: readonly [name: string, parameters: ValueType[], results: ValueType[]][] = [
  ["supervisorCall", [], ["i32"]],
  ["crc32", ["i32", "i32", "i32"], ["i32"]],
  ["crc32c", ["i32", "i32", "i32"], ["i32"]],
  ["halfToSingle", ["i32"], ["i32"]],
  ["doubleToHalf", ["i32", "i32"], ["i32"]],
  ["packFlags", [], ["i32"]],
  ["nan32", ["v128", "v128"], ["v128"]],
  ["nan64", ["v128", "v128"], ["v128"]],
  ["fusedNan32", ["v128", "v128", "v128"], ["v128"]],
  ["fusedNan64", ["v128", "v128", "v128"], ["v128"]],
];
const imports: ImportedFunctions = Object.fromEntries(importTypes.map(([name], number) => [name, number]));

let runtimeModule: WebAssembly.Module | null = null;

/** Compiles a module; the bytes come from this translator. */
function compile(bytes: Uint8Array): WebAssembly.Module {
  return new WebAssembly.Module(bytes);
}

interface Translated {
  readonly entry: number;
  readonly pages: readonly number[];
}

export class Cpu {
  readonly memory: WebAssembly.Memory;
  /** The state memory; see stateOffset. Views of it are remade when it grows: use `view`. */
  readonly state: WebAssembly.Memory;
  /** What the translator has done so far. */
  readonly statistics: { regions: number; modules: number; instructions: number; wasmBytes: number } = {
    regions: 0,
    modules: 0,
    instructions: 0,
    wasmBytes: 0,
  };
  readonly #options: CpuOptions;
  readonly #table: WebAssembly.Table;
  readonly #miss: unknown;
  readonly #runtime: Record<string, unknown>;
  readonly #hasFusedMultiply: boolean;
  readonly #run: (pc: number) => void;
  readonly #slots = new Map<number, number>();
  readonly #translated = new Map<number, Translated>();
  #nextSlot = 1;
  #nextSlotPage = SLOT_PAGE_BYTES;
  #view: DataView;
  #guest: DataView;

  constructor(options: CpuOptions) {
    this.#options = options;
    this.memory = options.memory;
    this.state = new WebAssembly.Memory({ initial: (SLOT_PAGES + 8 * SLOT_PAGE_BYTES + WASM_PAGE) >>> 16 });
    this.#view = new DataView(this.state.buffer);
    this.#guest = new DataView(this.memory.buffer);
    this.#table = new WebAssembly.Table({ element: "anyfunc", initial: 1024 });
    runtimeModule ??= compile(buildRuntime());
    const instance = new WebAssembly.Instance(runtimeModule, { cpu: { state: this.state, table: this.#table } });
    this.#run = instance.exports["run"] as (pc: number) => void;
    this.#runtime = instance.exports;
    this.#miss = instance.exports["miss"];
    this.#hasFusedMultiply = (instance.exports["isFused"] as () => number)() === 1;
    for (let slot = 0; slot < this.#table.length; slot++) this.#table.set(slot, this.#miss);
    this.view.setInt32(stateOffset.exclusiveAddress, -1, true);
  }

  get #maximumInstructions(): number {
    if (this.#options.exactFaults === true) return 1;
    return this.#options.maximumInstructions ?? DEFAULT_MAXIMUM_INSTRUCTIONS;
  }

  /** A current view of the state memory. */
  get view(): DataView {
    if (this.#view.buffer.byteLength === 0) this.#view = new DataView(this.state.buffer);
    return this.#view;
  }

  get pc(): number {
    return this.view.getUint32(stateOffset.pc, true);
  }
  set pc(address: number) {
    this.view.setUint32(stateOffset.pc, address, true);
  }

  /** Xn, or SP for 31, as an unsigned bigint. */
  x(register: number): bigint {
    return this.view.getBigUint64(8 * register, true);
  }
  setX(register: number, value: bigint | number): void {
    this.view.setBigUint64(8 * register, BigInt.asUintN(64, BigInt(value)), true);
  }
  /** The low half of Xn as a number: for addresses and small values. */
  x32(register: number): number {
    return this.view.getUint32(8 * register, true);
  }

  /** N, Z, C, V in bits 31 to 28. */
  get nzcv(): number {
    return (this.#runtime["packFlags"] as () => number)() >>> 0;
  }
  set nzcv(value: number) {
    this.view.setUint32(stateOffset.nzcv, value & 0xf0000000, true);
    this.view.setInt32(stateOffset.flagKind, flagKind.computed, true);
  }

  /** A copy of the thread's registers, and back. */
  saveThread(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.state.buffer, 0, STATE_BYTES).slice();
  }
  restoreThread(saved: Uint8Array): void {
    new Uint8Array(this.state.buffer, 0, STATE_BYTES).set(saved);
  }

  /** Runs from pc for about `budget` loop rounds and function entries. */
  run(budget: number): Stop {
    this.view.setInt32(stateOffset.budget, budget, true);
    for (;;) {
      try {
        this.#run(this.pc);
      } catch (error) {
        return this.#faultOf(error);
      }
      const stop = this.#afterStop();
      if (stop !== null) return stop;
    }
  }

  /** Translates the region at an address, and others that it calls, before it is reached. */
  prepare(address: number): void {
    if (!this.#translated.has(address)) this.#translate(address);
  }

  /** Forgets all translations that took code from these guest addresses. */
  invalidate(start: number, end: number): void {
    const first = start >>> PAGE_SHIFT;
    const last = (end - 1) >>> PAGE_SHIFT;
    for (const { entry, pages } of [...this.#translated.values()]) {
      if (!pages.some((page) => page >= first && page <= last)) continue;
      this.#translated.delete(entry);
      this.#table.set(this.#slotFor(entry), this.#miss);
    }
  }

  /** null: go on. */
  #afterStop(): Stop | null {
    const view = this.view;
    const detail = view.getUint32(stateOffset.detail, true);
    switch (view.getInt32(stateOffset.stop, true)) {
      case stopCode.miss:
        this.#translate(this.pc);
        return null;
      case stopCode.invalidate:
        this.invalidate(detail & ~63, (detail & ~63) + 64);
        return null;
      case stopCode.supervisorCall:
        return { reason: "svc", immediate: detail };
      case stopCode.unknownInstruction:
        return { reason: "unknown", word: detail, address: this.pc };
      case stopCode.breakpoint:
        return { reason: "breakpoint", immediate: detail, address: this.pc };
      case stopCode.fetchFault:
        return { reason: "fault", kind: "fetch", address: this.pc };
      default:
        return { reason: "budget" };
    }
  }

  /** A trap in translated code is the guest's; anything else is ours. */
  #faultOf(error: unknown): Stop {
    if (error instanceof WebAssembly.RuntimeError) return { reason: "fault", kind: "data", address: null };
    if (error instanceof RangeError) return { reason: "fault", kind: "stack", address: null };
    throw error;
  }

  #fetch(address: number): number {
    if (this.#guest.buffer !== this.memory.buffer) {
      this.#guest = new DataView(this.memory.buffer);
    }
    if (address < NULL_GUARD || address + 4 > this.#guest.byteLength || (address & 3) !== 0) return -1;
    return this.#guest.getUint32(address, true);
  }

  /** Translates the region at an address, and regions that it calls, in one module. */
  #translate(entry: number): void {
    const builder = new ModuleBuilder();
    const functionType = builder.type(...translatedType);
    builder.importMemory({ module: "cpu", name: "memory", shared: this.#options.shared === true });
    builder.importMemory({ module: "cpu", name: "state", shared: false });
    builder.importTable("cpu", "table");
    for (const [name, parameters, results] of importTypes)
      builder.importFunction("cpu", name, builder.type(parameters, results));
    const options: RegionOptions = {
      fetch: (address) => this.#fetch(address),
      imports,
      hasFusedMultiply: this.#hasFusedMultiply,
      functionType,
      maximumInstructions: this.#maximumInstructions,
      storesEntry: this.#options.exactFaults === true,
      slotFor: (address) => this.#slotFor(address),
    };
    const entries: number[] = [];
    const waiting = [entry];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (this.#translated.has(next) || (this.#fetch(next) === -1 && next !== entry)) continue;
      const { code, discovered } = translateRegion([next], options);
      builder.exportFunction(String(next), builder.function(functionType, code));
      const pages = new Set([next >>> PAGE_SHIFT]);
      for (const block of discovered.blocks) {
        for (let page = block.start >>> PAGE_SHIFT; page <= (block.end - 1) >>> PAGE_SHIFT; page++) pages.add(page);
      }
      this.#translated.set(next, { entry: next, pages: [...pages] });
      entries.push(next);
      this.statistics.regions++;
      this.statistics.instructions += discovered.instructionCount;
      if (entries.length < REGIONS_PER_MODULE) waiting.push(...discovered.callees);
      else break;
    }
    const bytes = builder.finish();
    this.statistics.modules++;
    this.statistics.wasmBytes += bytes.length;
    const instance = new WebAssembly.Instance(compile(bytes), {
      cpu: {
        memory: this.memory,
        state: this.state,
        table: this.#table,
        crc32,
        crc32c,
        halfToSingle,
        doubleToHalf,
        ...this.#runtime,
        supervisorCall: () => this.#supervisorCall(),
      },
    });
    for (const address of entries) this.#table.set(this.#slotFor(address), instance.exports[String(address)]);
  }

  #supervisorCall(): number {
    const handler = this.#options.onSupervisorCall;
    if (handler === undefined) return 1;
    return handler(this.view.getUint32(stateOffset.detail, true)) ? 0 : 1;
  }

  /** The table slot of an address, entered in the map that indirect branches look in. */
  #slotFor(address: number): number {
    let slot = this.#slots.get(address);
    if (slot !== undefined) return slot;
    slot = this.#nextSlot++;
    if (slot === this.#table.length) this.#table.grow(slot, this.#miss);
    this.#slots.set(address, slot);
    const directory = PAGE_DIRECTORY + 4 * (address >>> PAGE_SHIFT);
    let page = this.view.getUint32(directory, true);
    if (page === 0) {
      page = this.#nextSlotPage;
      this.#nextSlotPage += SLOT_PAGE_BYTES;
      if (SLOT_PAGES + this.#nextSlotPage > this.view.byteLength) this.state.grow(16);
      this.view.setUint32(directory, page, true);
    }
    this.view.setUint32(SLOT_PAGES + page + (address & 0xffc), slot, true);
    return slot;
  }
}
