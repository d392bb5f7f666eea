/** Translates the region at an address, and regions that it calls, from guest memory. */
import { type CodeRegion, importedFunctions, TRANSLATED_TYPE } from "./region-module.ts";
import type { AccessOptions } from "./translate/access-points.ts";
import type { Discovered, Fetch } from "./translate/discover.ts";
import { type RegionOptions, translateRegion } from "./translate/region.ts";

export interface TranslatorOptions extends AccessOptions {
  readonly fetch: Fetch;
  readonly hasFusedMultiply: boolean;
  /** See translate/float-control.ts. */
  readonly isSoftFloat: boolean;
  readonly maximumInstructions: number;
  readonly storesEntry: boolean;
  slotFor(address: number): number;
  /** Whether there is code for an address already. */
  isKnown(address: number): boolean;
  /** Whether a branch target is left out as it has not been executed yet. */
  readonly isCold?: (address: number) => boolean;
  /** Whether a function that is called is worth translating now. */
  isWanted(address: number): boolean;
  /** Entries of regions to be translated along with the first. */
  readonly others: readonly number[];
}

/** Regions that one module takes along because the first calls them, or because they are wanted anyway. */
const REGIONS_PER_MODULE = 16;
/** Beyond this no further region is taken along: everybody else waits for the translation. */
const INSTRUCTIONS_PER_MODULE = 500;

/** A region of several entries may have so many times the instructions. */
const TOGETHER_FACTOR = 4;

/** The region at an entry that can be fetched, or at several, and some of those it calls. */
export function translate(first: readonly number[], options: TranslatorOptions): CodeRegion[] {
  const regionOptions: RegionOptions = {
    ...options,
    imports: importedFunctions,
    functionType: TRANSLATED_TYPE,
    slotFor: (address) => options.slotFor(address),
    maximumInstructions: options.maximumInstructions * (first.length > 1 ? TOGETHER_FACTOR : 1),
  };
  const regions: CodeRegion[] = [];
  let instructionCount = 0;
  const seen = new Set(first);
  const waiting = [first];
  const add = (entry: number): void => {
    if (seen.has(entry) || options.fetch(entry) === -1 || options.isKnown(entry)) return;
    seen.add(entry);
    waiting.push([entry]);
  };
  for (const other of options.others) add(other);
  for (let entries = waiting.shift(); entries !== undefined; entries = waiting.shift()) {
    const { code, discovered, slots, locations } = translateRegion(entries, regionOptions);
    const { body, codeStart } = code.finish();
    regions.push({
      // What did not fit stays a region of its own.
      entries: entries.filter(
        (_, index) => entries.length === 1 || (discovered.blocks[0]?.successors[index] ?? -1) >= 0,
      ),
      instructionCount: discovered.instructionCount,
      ...sourceOf(discovered, options.fetch),
      body,
      slots: moved(slots, codeStart),
      locations: moved(locations, codeStart),
      module: null,
    });
    instructionCount += discovered.instructionCount;
    if (regions.length === REGIONS_PER_MODULE || instructionCount > INSTRUCTIONS_PER_MODULE) break;
    for (const callee of discovered.callees) if (options.isWanted(callee)) add(callee);
  }
  return regions;
}

/** Pairs of a place and something else, with the places moved on. */
function moved(pairs: readonly number[], distance: number): Uint32Array {
  return Uint32Array.from(pairs, (value, index) => ((index & 1) === 0 ? distance + value : value));
}

/** The addresses that blocks were taken from, joined where they touch, and the words there. */
function sourceOf({ blocks }: Discovered, fetch: Fetch): { ranges: Uint32Array; words: Int32Array } {
  const sorted = blocks.filter(({ start, end }) => start < end).sort((a, b) => a.start - b.start);
  const ranges: number[] = [];
  for (const { start, end } of sorted) {
    const last = ranges.length - 1;
    if (last > 0 && start <= (ranges[last] as number)) ranges[last] = Math.max(ranges[last] as number, end);
    else ranges.push(start, end);
  }
  const words: number[] = [];
  for (let index = 0; index < ranges.length; index += 2) {
    for (let address = ranges[index] as number; address < (ranges[index + 1] as number); address += 4) {
      words.push(fetch(address));
    }
  }
  return { ranges: Uint32Array.from(ranges), words: Int32Array.from(words) };
}
