/**
 * One AArch64 CPU in user mode over a guest memory: translates code when it is first reached, and runs it until something
 * happens that the owner must see.
 */
import { CodeCache, type CodeSpace } from "./code-cache.ts";
import type { CodeMap } from "./code-map.ts";
import type { CpuOptions, FaultMode, Stop } from "./cpu-options.ts";
import { CpuState } from "./cpu-state.ts";
import { crc32, crc32c } from "./crc32.ts";
import { dataAccessOf, instructionAt, placeOf, trapKindOf } from "./fault.ts";
import { estimate } from "./float/estimate.ts";
import { executeFloat } from "./float/execute.ts";
import { doubleToHalf, halfToSingle } from "./half-precision.ts";
import { IndirectTargets } from "./indirect-targets.ts";
import { InstalledCode } from "./installed-code.ts";
import { Interpreter } from "./interpret/interpreter.ts";
import type { CodeModule } from "./region-module.ts";
import { arrival, buildRuntime } from "./runtime.ts";
import { flagKind, NULL_GUARD, STOP, stateOffset, stopCode } from "./state.ts";
import { PartKeys } from "./stored-code.ts";
import type { RegisterSet } from "./translate/context.ts";
import { translate } from "./translator.ts";

export type { CpuOptions, FaultMode, Stop } from "./cpu-options.ts";

/** With `translationEndsRun`: a few of them spend even the overdraft, see translate/region.ts. */
const BUDGET_OF_TRANSLATION = 4096;
const DEFAULT_MAXIMUM_INSTRUCTIONS = 1000;
/** Where translating costs as much as interpreting does until then, by measurement. */
const DEFAULT_INTERPRET_THRESHOLD = 250;
const everything: RegisterSet = { general: -1, vector: -1 };
/** X28 to X30 and SP, which are what a handler needs that goes on elsewhere. */
const frameRegisters: RegisterSet = { general: -1 << 28, vector: 0 };

/** What code of one flavour is linked to; see translate/float-control.ts. */
interface Flavour {
  readonly map: CodeMap;
  readonly space: CodeSpace;
  readonly installed: InstalledCode;
  readonly runtime: Record<string, unknown>;
  readonly imports: Record<string, unknown>;
}

let runtimeModule: WebAssembly.Module | null = null;

export class Cpu extends CpuState {
  readonly memory: WebAssembly.Memory;
  /** What was translated for this CPU so far: what came from the cache does not count. */
  readonly statistics: { regions: number; modules: number; instructions: number; wasmBytes: number } = {
    regions: 0,
    modules: 0,
    instructions: 0,
    wasmBytes: 0,
  };
  readonly #options: CpuOptions;
  readonly #cache: CodeCache;
  readonly #interpreter: Interpreter | null;
  #faultMode: FaultMode;
  #mustLeave = false;
  #isTakingIn = false;
  /** The budget when the host's stack was last found spent. */
  #spentAtBudget: number | null = null;
  #imports: Record<string, unknown>;
  #map: CodeMap;
  #space: CodeSpace;
  #installed: InstalledCode;
  #runtime: Record<string, unknown> = {};
  #run: (pc: number) => void = () => {};
  #enter: (pc: number, depth: number) => number = () => STOP;
  #hasFusedMultiply = false;
  /** Whether floating point is executed in software now. */
  #isSoftFloat = false;
  /** The flavour that was left last, to return to. */
  #otherFlavour: Flavour | null = null;
  readonly #indirectTargets = new IndirectTargets();
  #guest: Int32Array;
  readonly #keys = new PartKeys();

  constructor(options: CpuOptions) {
    super();
    this.#options = options;
    this.#faultMode = options.faultMode ?? "fast";
    this.#cache = options.cache ?? new CodeCache();
    this.memory = options.memory;
    this.#guest = new Int32Array(this.memory.buffer);
    this.#imports = {
      memory: this.memory,
      state: this.state,
      crc32,
      crc32c,
      halfToSingle,
      doubleToHalf,
      estimate,
      executeFloat: (word: number) => executeFloat(this.view, word),
      supervisorCall: () => this.#supervisorCall(),
    };
    this.#interpreter = this.#newInterpreter(options.interpretThreshold ?? DEFAULT_INTERPRET_THRESHOLD);
    this.#cache.renewIfFull();
    this.#map = this.#cache.map;
    this.#isSoftFloat = this.#wantsSoftFloat;
    this.#installed = this.#link();
    this.#space = this.#spaceOf();
    if (this.#faultMode === "checked") this.makePermissions();
  }

  #newInterpreter(threshold: number): Interpreter | null {
    if (threshold === 0) return null;
    return new Interpreter({
      state: this.state,
      memory: this.memory,
      threshold,
      keepsFloatExceptions: this.#options.floatExceptions === true,
      isKnown: (address) => this.#isKnown(address),
      onWarm: (address) => this.#learnTarget(address),
      enter: (address, depth) => this.#enter(address, depth),
      supervisorCall: () => this.#supervisorCall(),
      isExecutable: (address) => this.#options.isExecutable?.(address) !== false,
    });
  }

  /** Whether the cache has code for an address. What comes from its store may have got slots only now. */
  #isKnown(address: number): boolean {
    if (this.#map !== this.#cache.map) return false;
    const found = this.#space.find(address, this.#words(), this.#keys);
    this.#installed.reserve(this.#map.slotCount);
    return found !== null;
  }

  /** Instructions interpreted so far. */
  get interpretedInstructions(): number {
    return this.#interpreter?.instructions ?? 0;
  }

  get #maximumInstructions(): number {
    if (this.#options.exactFaults === true) return 1;
    return this.#options.maximumInstructions ?? DEFAULT_MAXIMUM_INSTRUCTIONS;
  }

  /** N, Z, C, V in bits 31 to 28. */
  get nzcv(): number {
    return (this.#runtime["packFlags"] as () => number)() >>> 0;
  }
  set nzcv(value: number) {
    this.view.setUint32(stateOffset.nzcv, value & 0xf0000000, true);
    this.view.setInt32(stateOffset.flagKind, flagKind.computed, true);
  }

  /**
   * Changes what is known after a fault, from now on. A process wants "precise" if it handles SIGSEGV or SIGBUS, and "checked" if it
   * protects pages that it means to access.
   */
  setFaultMode(mode: FaultMode): void {
    if (mode === this.#faultMode) return;
    this.#faultMode = mode;
    if (mode === "checked") this.makePermissions();
    this.#space = this.#spaceOf();
    this.#installed.clear();
    this.#otherFlavour = null;
    this.#mustLeave = true;
  }

  /**
   * Makes the CPU as good as new for another process: registers are cleared, and nothing is permitted. Code taken in stays, as the
   * next process may well be of the same program: call revalidate() when its memory is as it should be. So does the fault mode, since
   * a change of that costs all code taken in.
   */
  reset(): void {
    this.#keys.clear();
    this.#interpreter?.forgetPermissions();
    this.#indirectTargets.forget();
    this.#otherFlavour = null;
    this.#space.merge(this.#installed.modules());
    this.clear();
  }

  /**
   * Drops the code whose words are not those in memory any more, or may not be executed any more: all of it, or that from the ranges
   * named (pairs of start and end).
   */
  revalidate(ranges?: readonly (readonly [start: number, end: number])[]): void {
    this.#indirectTargets.forget();
    const guest = this.#words();
    this.#keys.clear();
    this.#otherFlavour = null;
    this.#interpreter?.forgetPermissions();
    if (ranges === undefined) this.#installed.revalidate(guest, this.#options.isExecutable);
    else for (const [start, end] of ranges) this.#installed.revalidate(guest, this.#options.isExecutable, start, end);
  }

  /** Runs from pc for about `budget` loop rounds and function entries. */
  run(budget: number): Stop {
    this.view.setInt32(stateOffset.budget, budget, true);
    this.#followCache();
    this.#spentAtBudget = null;
    this.#mustLeave = false;
    this.#followFloatControl();
    for (;;) {
      try {
        this.#run(this.pc);
      } catch (error) {
        const fault = this.#faultOf(error);
        if (fault === null) continue;
        return fault;
      }
      this.#mustLeave = false;
      const stop = this.#afterStop();
      if (stop !== null) return stop;
    }
  }

  /** Translates the region at an address, and others that it calls, before it is reached. */
  prepare(address: number): void {
    this.#followCache();
    this.#followFloatControl();
    if (!this.#installed.has(address)) this.#takeIn(address, null);
  }

  /** Forgets all translations that took code from these guest addresses. */
  invalidate(start: number, end: number): void {
    this.#keys.forget(start, end);
    this.#indirectTargets.forget();
    this.#otherFlavour = null;
    this.#installed.invalidate(start, end);
    this.#interpreter?.forget(start, end);
  }

  /** null: go on. */
  #afterStop(): Stop | null {
    const view = this.view;
    const detail = view.getUint32(stateOffset.detail, true);
    switch (view.getInt32(stateOffset.stop, true)) {
      case stopCode.miss:
        this.#cache.renewIfFull();
        this.#followCache();
        return this.#takeIn(this.pc) ? null : this.#fetchFault();
      case stopCode.invalidate:
        this.invalidate((detail & ~63) >>> 0, ((detail & ~63) >>> 0) + 64);
        this.#keys.ignore(detail);
        return null;
      case stopCode.floatControl:
        this.#followFloatControl();
        return null;
      case stopCode.supervisorCall:
        return { reason: "svc", immediate: detail };
      case stopCode.unknownInstruction:
        return { reason: "unknown", word: detail, address: this.pc };
      case stopCode.breakpoint:
        return { reason: "breakpoint", immediate: detail, address: this.pc };
      case stopCode.fetchFault:
        return this.#fetchFault();
      case stopCode.forbidden: {
        const access = dataAccessOf(view, this.#guest[this.pc >>> 2] as number, this.pc);
        return { reason: "fault", kind: "data", address: detail, isStore: access?.isStore === true };
      }
      case stopCode.dataFault:
      case stopCode.misaligned: {
        const kind = view.getInt32(stateOffset.stop, true) === stopCode.dataFault ? "data" : "misaligned";
        const access = dataAccessOf(view, this.#words()[this.pc >>> 2] as number, this.pc);
        return { reason: "fault", kind, address: detail, isStore: access?.isStore === true };
      }
      case stopCode.again:
        return null;
      default:
        this.#translateTogether();
        return { reason: "budget" };
    }
  }

  #fetchFault(): Stop {
    return { reason: "fault", kind: "fetch", address: this.pc, isStore: false };
  }

  /** A trap in translated code is the guest's; anything else is ours. Null: go on. */
  #faultOf(error: unknown): Stop | null {
    const kind = trapKindOf(error);
    if (kind === null) throw error;
    const place = placeOf(error as Error);
    const module = place === null ? null : this.#installed.withId(place.moduleId);
    const found = module === null || place === null ? null : instructionAt(module, place.offset);
    if (kind === "stack") {
      // No stack for a function's frame: its registers are in the state still. From here the stack is empty again.
      const isIntact = found?.isEntry === true || this.#isTakingIn;
      if (found?.isEntry === true) this.pc = found.pc;
      // Code may be half taken in.
      if (this.#isTakingIn) this.#installed = this.#link();
      this.#isTakingIn = false;
      const budget = this.view.getInt32(stateOffset.budget, true);
      // Nothing was entered since.
      if (!isIntact || budget === this.#spentAtBudget) return { reason: "fault", kind, address: null, isStore: false };
      this.#spentAtBudget = budget;
      return null;
    }
    if (found !== null) this.pc = found.pc;
    const word = this.#words()[this.pc >>> 2];
    const isExact = this.#options.exactFaults === true || (found !== null && this.#faultMode !== "fast");
    const access = isExact && word !== undefined ? dataAccessOf(this.view, word, this.pc) : null;
    return { reason: "fault", kind, address: access?.address ?? null, isStore: access?.isStore === true };
  }

  /** The guest's memory as words, as long as it is now. */
  #words(): Int32Array {
    const { buffer } = this.memory;
    if (this.#guest.buffer !== buffer) this.#guest = new Int32Array(buffer);
    return this.#guest;
  }

  #fetch(address: number): number {
    const guest = this.#guest;
    if (address < NULL_GUARD || (address & 3) !== 0 || address >>> 2 >= guest.length) return -1;
    if (this.#options.isExecutable?.(address) === false) return -1;
    return (guest[address >>> 2] as number) >>> 0;
  }

  /** Permissions are checked by translated code only. */
  get #activeInterpreter(): Interpreter | null {
    return this.#faultMode === "checked" ? null : this.#interpreter;
  }

  /**
   * Does what a translated function of this address would, or has it translated; see buildRuntime.
   */
  #arrive(address: number, depth: number): number {
    const interpreter = this.#activeInterpreter;
    if (interpreter?.count(address) === false) return interpreter.run(address, depth);
    this.#isTakingIn = true;
    const isThere = this.#takeIn(address);
    this.#isTakingIn = false;
    return isThere ? arrival.translated : arrival.absent;
  }

  /**
   * Installs the code at an address, from the cache or translated now; false if nothing can be fetched from there, or if the cache
   * begins anew, which cannot be while translated code is under way.
   */
  #takeIn(entry: number, interpreter: Interpreter | null = this.#activeInterpreter): boolean {
    const guest = this.#words();
    if (this.#map !== this.#cache.map || this.#cache.isFull || this.#fetch(entry) === -1) return false;
    this.#learnTarget(entry);
    this.#install(this.#space.find(entry, guest, this.#keys)?.module ?? this.#translate([entry], interpreter));
    return true;
  }

  /** Notes where the branch to a register came from, if that is how an address was reached. */
  #learnTarget(address: number): void {
    const { view } = this;
    if (view.getUint32(stateOffset.indirectTo, true) !== address) return;
    this.#indirectTargets.learn(view.getUint32(stateOffset.indirectFrom, true), address);
    view.setUint32(stateOffset.indirectTo, 0, true);
  }

  #install(module: CodeModule): void {
    this.#cache.use(module);
    this.#installed.reserve(this.#map.slotCount);
    this.#installed.install(module, this.#guest, this.#imports, this.#options.isExecutable);
    if (this.#interpreter === null) return;
    for (const { entries } of module.regions) for (const entry of entries) this.#interpreter.mark(entry);
  }

  /** What jumps through tables connect is worth another translation, as one, if it runs for long. */
  #translateTogether(): void {
    if (this.#options.exactFaults === true) return;
    for (const { entries } of this.#indirectTargets.takeGrown()) {
      if (this.#map !== this.#cache.map || this.#cache.isFull) return;
      this.#words();
      // With all that they reach: what is left out of it would leave the loop that a group is for.
      this.#install(this.#translate(entries, null));
    }
  }

  /** The region of an entry, or of several together. What the interpreter knows not to be executed is left out. */
  #translate(entries: readonly number[], interpreter: Interpreter | null): CodeModule {
    const guest = this.#guest;
    const regions = translate(entries, {
      fetch: (address) => this.#fetch(address),
      hasFusedMultiply: this.#hasFusedMultiply,
      isSoftFloat: this.#isSoftFloat,
      maximumInstructions: this.#maximumInstructions,
      storesEntry: this.#options.exactFaults === true,
      kept: this.#faultMode === "fast" ? frameRegisters : everything,
      keepsFlags: this.#faultMode !== "fast",
      checksPermissions: this.#faultMode === "checked",
      slotFor: (address) => this.#map.slotFor(address),
      isKnown: (address) => this.#space.find(address, guest, this.#keys) !== null,
      isWanted: (address) => interpreter === null || interpreter.isCalledOften(address),
      others: interpreter?.takeWarm() ?? [],
      ...(interpreter === null ? {} : { isCold: (address) => !interpreter.hasReached(address) }),
    });
    const module = this.#space.add(regions, guest, this.#keys);
    if (module === null) throw new Error(`the translation of 0x${entries[0]?.toString(16)} is no valid module`);
    if (this.#options.translationEndsRun === true) {
      const budget = this.view.getInt32(stateOffset.budget, true);
      this.view.setInt32(stateOffset.budget, Math.min(budget, 0) - BUDGET_OF_TRANSLATION, true);
    }
    this.statistics.modules++;
    this.statistics.wasmBytes += module.byteLength;
    for (const { instructionCount } of regions) {
      this.statistics.regions++;
      this.statistics.instructions += instructionCount;
    }
    return module;
  }

  /** Keeps to the cache's map when that began anew, and has a place in the table for each of its slots. */
  #followCache(): void {
    if (this.#map !== this.#cache.map) {
      this.#map = this.#cache.map;
      this.#installed = this.#link();
      this.#space = this.#spaceOf();
    }
    this.#installed.reserve(this.#map.slotCount);
  }

  get #wantsSoftFloat(): boolean {
    return this.#options.floatExceptions === true || this.view.getInt32(stateOffset.fpcr, true) !== 0;
  }

  /** Goes over to the other flavour of code if FPCR asks for it. The one left is kept as long as no code changes. */
  #followFloatControl(): void {
    if (this.#wantsSoftFloat === this.#isSoftFloat) return;
    this.#indirectTargets.forget();
    const other = this.#otherFlavour;
    this.#otherFlavour = {
      map: this.#map,
      space: this.#space,
      installed: this.#installed,
      runtime: this.#runtime,
      imports: this.#imports,
    };
    this.#isSoftFloat = !this.#isSoftFloat;
    if (other === null || other.map !== this.#map) {
      this.#installed = this.#link();
      this.#space = this.#spaceOf();
    } else {
      this.#installed = other.installed;
      this.#space = other.space;
      this.#use(other.runtime);
      this.#imports = other.imports;
    }
    this.#installed.reserve(this.#map.slotCount);
  }

  #use(runtime: Record<string, unknown>): void {
    this.#runtime = runtime;
    this.#run = runtime["run"] as (pc: number) => void;
    this.#enter = runtime["enter"] as (pc: number, depth: number) => number;
  }

  /** A table with nothing in it, and the runtime around it. */
  #link(): InstalledCode {
    runtimeModule ??= new WebAssembly.Module(buildRuntime());
    const table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
    const codeMap = this.#map;
    const map = codeMap.memory;
    const arrive = (address: number, depth: number): number => this.#arrive(address >>> 0, depth);
    const { exports } = new WebAssembly.Instance(runtimeModule, { cpu: { state: this.state, map, table, arrive } });
    this.#use(exports);
    this.#hasFusedMultiply = (exports["isFused"] as () => number)() === 1;
    this.#imports = { ...this.#imports, ...exports, table, map };
    return new InstalledCode(table, exports["miss"], (address) => codeMap.slotFor(address));
  }

  /** The code that was translated as this CPU wants it. */
  #spaceOf(): CodeSpace {
    const shared = this.#options.shared === true;
    const way = [
      shared,
      this.#faultMode,
      this.#options.exactFaults === true,
      this.#isSoftFloat,
      this.#maximumInstructions,
      this.#hasFusedMultiply,
    ];
    return this.#cache.space(way.join(), shared);
  }

  #supervisorCall(): number {
    const handler = this.#options.onSupervisorCall;
    if (handler === undefined) return 1;
    if (!handler(this.view.getUint32(stateOffset.detail, true))) return 1;
    if (!this.#mustLeave) return 0;
    this.view.setInt32(stateOffset.stop, stopCode.again, true);
    return 1;
  }
}
