/**
 * Code kept between runs of the host. What was translated from a part of 64 KiB of guest memory is kept under a hash of that part;
 * as with all cached code, the words of each region are compared before it is used.
 */
import { type CodeStore, decodeRegions, encodeRegions, hashWords } from "./code-file.ts";
import type { CodeRegion } from "./region-module.ts";

const PART_SHIFT = 16;
const WORDS_PER_PART: number = 1 << (PART_SHIFT - 2);

/** Words are compared anyway before code is used: the hash of some tells programs from each other as well, and sooner. */
const HASHED_STEP = 8;

/** Parts remembered; a program has some dozens. */
const MAXIMUM_PARTS = 4096;

/** The regions of one part of memory. */
interface Part {
  /** From the oldest to the newest. */
  readonly regions: CodeRegion[];
  isChanged: boolean;
}

/** Names of the parts of one CPU's memory, worked out as they are asked for. */
export class PartKeys {
  readonly #keys = new Map<number, string | null>();

  /** Null for a part that is not worth keeping. */
  keyOf(address: number, memory: Int32Array, way: string): string | null {
    const part = address >>> PART_SHIFT;
    let key = this.#keys.get(part);
    if (key === undefined) {
      const first = part * WORDS_PER_PART;
      const hash = hashWords(memory, first, Math.min(memory.length, first + WORDS_PER_PART), HASHED_STEP);
      key = `${way}${part.toString(16).padStart(4, "0")}${hexadecimal(hash)}`;
      this.#keys.set(part, key);
    }
    return key;
  }

  /** Memory may be another one. */
  clear(): void {
    this.#keys.clear();
  }

  /** Memory between these addresses may be another one. */
  forget(start: number, end: number): void {
    for (const [part, key] of this.#keys) {
      const address = part * 2 ** PART_SHIFT;
      if (key !== null && address < end && address + 2 ** PART_SHIFT > start) this.#keys.delete(part);
    }
  }

  /** The guest makes code itself there. */
  ignore(address: number): void {
    this.#keys.set(address >>> PART_SHIFT, null);
  }
}

export class StoredCode {
  readonly #store: CodeStore;
  /** Stands for how the code was translated. */
  readonly #way: string;
  readonly #parts = new Map<string, Part>();

  constructor(store: CodeStore, way: string) {
    this.#store = store;
    this.#way = hexadecimal(hashWords(Int32Array.from(way, (character) => character.codePointAt(0) ?? 0)));
  }

  /** The regions stored for the part of memory that an address is in; none if they were loaded before. */
  load(address: number, memory: Int32Array, keys: PartKeys): readonly CodeRegion[] {
    const key = keys.keyOf(address, memory, this.#way);
    if (key === null || this.#parts.has(key)) return [];
    if (this.#parts.size >= MAXIMUM_PARTS) {
      this.save();
      this.#parts.clear();
    }
    const bytes = this.#store.load(key);
    const regions = (bytes === null ? null : decodeRegions(bytes)) ?? [];
    this.#parts.set(key, { regions: [...regions], isChanged: false });
    return regions;
  }

  /** Takes down a new region of a part that was loaded. */
  add(region: CodeRegion, memory: Int32Array, keys: PartKeys): void {
    const key = keys.keyOf(region.entries[0] as number, memory, this.#way);
    const part = key === null ? undefined : this.#parts.get(key);
    if (part === undefined) return;
    part.regions.push(region);
    part.isChanged = true;
  }

  /** Saves what is new. */
  save(): void {
    for (const [key, part] of this.#parts) {
      if (!part.isChanged) continue;
      part.isChanged = false;
      this.#store.save(key, encodeRegions(newestOf(part.regions)));
    }
  }

  /** Forgets parts of which regions were forgotten: they can be loaded again. */
  forget(): void {
    for (const [key, { regions }] of this.#parts) {
      for (const { module } of regions) {
        if (module !== null) continue;
        this.#parts.delete(key);
        break;
      }
    }
  }
}

/** The newest region for each entry: no two of a module may have one in common. */
function newestOf(regions: readonly CodeRegion[]): CodeRegion[] {
  const entries = new Set<number>();
  return regions.toReversed().filter((region) => {
    if (region.entries.some((entry) => entries.has(entry))) return false;
    for (const entry of region.entries) entries.add(entry);
    return true;
  });
}

function hexadecimal(words: readonly number[]): string {
  return words.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
