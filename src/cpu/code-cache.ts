/**
 * Translated code that CPUs share. A region is kept with the very words it was translated from; a CPU takes it only if the same words
 * stand at the same addresses in its memory. So fork, exec, shared libraries and different programs at equal addresses are
 * right without the cache knowing of any of them.
 */
import { CodeMap } from "./code-map.ts";
import { buildRegionModule, type CodeModule, type CodeRegion, matches } from "./region-module.ts";

export interface CodeCacheOptions {
  /** Bytes of WebAssembly and of guest words, beyond which what was used least recently is forgotten. */
  readonly maximumBytes?: number;
  /** Table slots given to addresses, beyond which everything begins anew. */
  readonly maximumSlots?: number;
}

const DEFAULT_MAXIMUM_BYTES = 64 << 20;
const DEFAULT_MAXIMUM_SLOTS = 1 << 18;
/** Different code at one address that is remembered. */
const CANDIDATES_PER_ADDRESS = 8;
/** CPUs that took in a module before it becomes part of a larger one. */
const INSTANCES_BEFORE_MERGING = 3;
/** Fewer modules than this are not worth merging. */
const LEAST_MODULES_MERGED = 8;

/** Code translated in one way, of all that one cache holds. */
export class CodeSpace {
  readonly shared: boolean;
  readonly #cache: CodeCache;
  readonly #byEntry = new Map<number, CodeRegion[]>();

  constructor(cache: CodeCache, shared: boolean) {
    this.#cache = cache;
    this.shared = shared;
  }

  /** The region at an address whose words are those in memory. */
  find(entry: number, memory: Int32Array): CodeRegion | null {
    for (const region of this.#byEntry.get(entry) ?? []) if (matches(region, memory)) return region;
    return null;
  }

  /** Makes a module of new regions; null if it cannot be made. */
  add(regions: readonly CodeRegion[]): CodeModule | null {
    const module = buildRegionModule(this.#cache.nextId(), regions, this.shared, (address) =>
      this.#cache.map.slotFor(address),
    );
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
    for (const module of modules) {
      if (module.instances < INSTANCES_BEFORE_MERGING || !this.#cache.holds(module)) continue;
      // One module has one function for an address.
      const its = module.regions.flatMap((region) => region.entries);
      if (its.some((entry) => entries.has(entry))) continue;
      for (const entry of its) entries.add(entry);
      old.push(module);
      regions.push(...module.regions);
    }
    if (old.length < LEAST_MODULES_MERGED) return;
    const merged = buildRegionModule(this.#cache.nextId(), regions, this.shared, (address) =>
      this.#cache.map.slotFor(address),
    );
    if (merged === null) return;
    for (const region of regions) region.module = merged;
    for (const module of old) this.#cache.drop(module);
    this.#cache.keep(merged, this);
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
  #map = new CodeMap();
  #spaces = new Map<string, CodeSpace>();
  /** From the one used least recently to the last. */
  readonly #modules = new Map<CodeModule, CodeSpace>();
  #byteLength = 0;
  #lastId = 0;

  constructor(options: CodeCacheOptions = {}) {
    this.#maximumBytes = options.maximumBytes ?? DEFAULT_MAXIMUM_BYTES;
    this.#maximumSlots = options.maximumSlots ?? DEFAULT_MAXIMUM_SLOTS;
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
      space = new CodeSpace(this, shared);
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
    this.#map = new CodeMap();
    this.#spaces = new Map();
    this.#modules.clear();
    this.#byteLength = 0;
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
    for (const [old, its] of this.#modules) {
      if (this.#byteLength <= this.#maximumBytes || old === module) break;
      its.forget(old);
      this.drop(old);
    }
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
