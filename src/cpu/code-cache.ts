/**
 * Translated code that CPUs share. A region is kept with the very words it was translated from; a CPU takes it only if the same words
 * stand at the same addresses in its memory. So fork, exec, shared libraries and different programs at equal addresses are
 * right without the cache knowing of any of them.
 */
import type { CodeStore } from "./code-file.ts";
import { CodeMap } from "./code-map.ts";
import { buildRegionModule, type CodeModule, type CodeRegion, linkBody, matches } from "./region-module.ts";
import { type PartKeys, StoredCode } from "./stored-code.ts";

export interface CodeCacheOptions {
  /** Bytes of WebAssembly and of guest words, beyond which what was used least recently is forgotten. */
  readonly maximumBytes?: number;
  /** Table slots given to addresses, beyond which everything begins anew. */
  readonly maximumSlots?: number;
  /** Where code is kept between runs; see save(). */
  readonly store?: CodeStore;
}

const DEFAULT_MAXIMUM_BYTES = 64 << 20;
const DEFAULT_MAXIMUM_SLOTS = 1 << 18;
/** The part of these bytes that is left then. */
const KEPT_PART = 0.75;
/** Different code at one address that is remembered. */
const CANDIDATES_PER_ADDRESS = 8;
/** CPUs that took in a module before it becomes part of a larger one. */
const INSTANCES_BEFORE_MERGING = 3;
/** Fewer modules than this are not worth merging. */
const LEAST_MODULES_MERGED = 8;
/** As it takes some milliseconds to make a module of this size, no larger ones are made, and those of half of it stay. */
const MAXIMUM_MERGED_BYTES = 2 << 20;

/** Code translated in one way, of all that one cache holds. */
export class CodeSpace {
  readonly #shared: boolean;
  readonly #cache: CodeCache;
  readonly #stored: StoredCode | null;
  readonly #byEntry = new Map<number, CodeRegion[]>();

  constructor(cache: CodeCache, shared: boolean, stored: StoredCode | null) {
    this.#cache = cache;
    this.#shared = shared;
    this.#stored = stored;
  }

  /** The region at an address whose words are those in memory; from the store if it has it. */
  find(entry: number, memory: Int32Array, keys: PartKeys): CodeRegion | null {
    const found = this.#findHere(entry, memory);
    if (found !== null || this.#stored === null) return found;
    const loaded = this.#stored.load(entry, memory, keys);
    if (loaded.length === 0) return null;
    const { map } = this.#cache;
    for (const { body, slots } of loaded) linkBody(body, slots, (address) => map.slotFor(address));
    if (this.#addModule(loaded) === null) return null;
    return this.#findHere(entry, memory);
  }

  #findHere(entry: number, memory: Int32Array): CodeRegion | null {
    for (const region of this.#byEntry.get(entry) ?? []) if (matches(region, memory)) return region;
    return null;
  }

  /** Makes a module of regions just translated; null if it cannot be made. */
  add(regions: readonly CodeRegion[], memory: Int32Array, keys: PartKeys): CodeModule | null {
    const module = this.#addModule(regions);
    if (module !== null) for (const region of regions) this.#stored?.add(region, memory, keys);
    return module;
  }

  /** Gives new code to the store. */
  save(): void {
    this.#stored?.save();
  }

  /** After modules were forgotten. */
  tidy(): void {
    this.#stored?.forget();
  }

  #addModule(regions: readonly CodeRegion[]): CodeModule | null {
    const module = this.#build(regions);
    if (module === null) return null;
    for (const region of regions) {
      region.module = module;
      for (const entry of region.entries) {
        const known = this.#byEntry.get(entry);
        if (known === undefined) this.#byEntry.set(entry, [region]);
        else if (known.unshift(region) > CANDIDATES_PER_ADDRESS) known.pop();
      }
    }
    this.#cache.keep(module, this);
    return module;
  }

  /**
   * Makes one module of those that several CPUs have taken in, of these that one CPU has: the next CPU takes in one instead of
   * hundreds. The old ones stay with the CPUs that have them.
   */
  merge(modules: Iterable<CodeModule>): void {
    const regions: CodeRegion[] = [];
    const entries = new Set<number>();
    const old: CodeModule[] = [];
    let byteLength = 0;
    for (const module of modules) {
      if (module.instances < INSTANCES_BEFORE_MERGING || !this.#cache.holds(module)) continue;
      if (module.byteLength > MAXIMUM_MERGED_BYTES / 2) continue;
      byteLength += module.byteLength;
      if (byteLength > MAXIMUM_MERGED_BYTES) break;
      // One module has one function for an address.
      const its = module.regions.flatMap((region) => region.entries);
      if (its.some((entry) => entries.has(entry))) continue;
      for (const entry of its) entries.add(entry);
      old.push(module);
      regions.push(...module.regions);
    }
    if (old.length < LEAST_MODULES_MERGED) return;
    const merged = this.#build(regions);
    if (merged === null) return;
    for (const region of regions) region.module = merged;
    for (const module of old) this.#cache.drop(module);
    this.#cache.keep(merged, this);
  }

  #build(regions: readonly CodeRegion[]): CodeModule | null {
    const { map } = this.#cache;
    return buildRegionModule(this.#cache.nextId(), regions, this.#shared, (address) => map.slotFor(address));
  }

  /** Forgets the regions that stand in a module. */
  forget(module: CodeModule): void {
    for (const region of module.regions) {
      if (region.module !== module) continue;
      region.module = null;
      for (const entry of region.entries) {
        const left = this.#byEntry.get(entry)?.filter((other) => other !== region) ?? [];
        if (left.length === 0) this.#byEntry.delete(entry);
        else this.#byEntry.set(entry, left);
      }
    }
  }
}

export class CodeCache {
  readonly #maximumBytes: number;
  readonly #maximumSlots: number;
  readonly #store: CodeStore | null;
  #map = new CodeMap();
  #spaces = new Map<string, CodeSpace>();
  /** From the one used least recently to the last. */
  readonly #modules = new Map<CodeModule, CodeSpace>();
  #byteLength = 0;
  #lastId = 0;

  constructor(options: CodeCacheOptions = {}) {
    this.#maximumBytes = options.maximumBytes ?? DEFAULT_MAXIMUM_BYTES;
    this.#maximumSlots = options.maximumSlots ?? DEFAULT_MAXIMUM_SLOTS;
    this.#store = options.store ?? null;
  }

  /** Where the slots are by now: another one when all began anew, and then no code of before may be mixed with that of after. */
  get map(): CodeMap {
    return this.#map;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  get moduleCount(): number {
    return this.#modules.size;
  }

  /** The code translated in a way that has this name. */
  space(name: string, shared: boolean): CodeSpace {
    let space = this.#spaces.get(name);
    if (space === undefined) {
      const stored = this.#store === null ? null : new StoredCode(this.#store, name);
      space = new CodeSpace(this, shared, stored);
      this.#spaces.set(name, space);
    }
    return space;
  }

  get isFull(): boolean {
    return this.#map.slotCount > this.#maximumSlots;
  }

  /** Begins anew if too many slots are given; for a CPU to call before it asks for code. */
  renewIfFull(): void {
    if (!this.isFull) return;
    this.save();
    this.#map = new CodeMap();
    this.#spaces = new Map();
    this.#modules.clear();
    this.#byteLength = 0;
  }

  /** Gives code that was translated since the last time to the store: for when there is time, and at the end. */
  save(): void {
    for (const space of this.#spaces.values()) space.save();
  }

  nextId(): number {
    return ++this.#lastId;
  }

  holds(module: CodeModule): boolean {
    return this.#modules.has(module);
  }

  /** Counts a module in, as the one used last, and forgets old ones. */
  keep(module: CodeModule, space: CodeSpace): void {
    this.#modules.set(module, space);
    this.#byteLength += module.byteLength;
    if (this.#byteLength > this.#maximumBytes) this.#shrink(module);
  }

  /** Forgets what was used least recently, but not `latest`, and more than it must, as it is some work. */
  #shrink(latest: CodeModule): void {
    this.save();
    for (const [module, space] of this.#modules) {
      if (this.#byteLength <= this.#maximumBytes * KEPT_PART || module === latest) break;
      space.forget(module);
      this.drop(module);
    }
    for (const space of this.#spaces.values()) space.tidy();
  }

  /** Notes that a CPU takes a module in. */
  use(module: CodeModule): void {
    module.instances++;
    const space = this.#modules.get(module);
    if (space === undefined) return;
    this.#modules.delete(module);
    this.#modules.set(module, space);
  }

  drop(module: CodeModule): void {
    if (this.#modules.delete(module)) this.#byteLength -= module.byteLength;
  }
}
