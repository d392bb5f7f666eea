/**
 * Translated regions as bytes, to be kept outside of the process, and back. Whatever was done to the bytes in between, what comes
 * out is either what went in or nothing.
 */
import { type CodeRegion, linkBody } from "./region-module.ts";
import { PADDED_BYTES } from "./wasm/bytes.ts";

/** Keeps bytes under names of letters and digits, as well as it can: what was saved may be gone, or damaged. */
export interface CodeStore {
  load(key: string): Uint8Array | null;
  save(key: string, bytes: Uint8Array): void;
}

/** "AKC1". */
const MAGIC = 0x31434b41;
const HEADER_WORDS = 4;
const REGION_WORDS = 7;
/** More than any region has. */
const MAXIMUM_BODY_BYTES = 4 << 20;

/** Two 32-bit sums of words, or of one word in every `step`, each of which depends on all of these and their order. */
export function hashWords(words: Int32Array, start = 0, end: number = words.length, step = 1): [number, number] {
  let a = 0x9e3779b9 | 0;
  let b = end - start;
  for (let index = start; index < end; index += step) {
    const word = words[index] as number;
    a = Math.imul((a ^ word) + ((a << 13) | (a >>> 19)), 0x85ebca6b);
    b = Math.imul(b ^ a ^ (b >>> 15), 0xc2b2ae35) + word;
  }
  return [(a ^ (a >>> 16)) | 0, (b ^ (b >>> 13)) | 0];
}

/** Regions of which no two have an entry in common. */
export function encodeRegions(regions: readonly CodeRegion[]): Uint8Array {
  let length = HEADER_WORDS + 1;
  for (const region of regions) length += sizeOf(region);
  const words = new Int32Array(length);
  const bytes = new Uint8Array(words.buffer);
  let at = HEADER_WORDS;
  words[at++] = regions.length;
  for (const { entries, instructionCount, ranges, words: code, slots, locations, body } of regions) {
    const header = [
      entries.length,
      instructionCount,
      ranges.length,
      code.length,
      slots.length,
      locations.length,
      body.length,
    ];
    for (const part of [header, entries, ranges, code, slots, locations]) {
      words.set(part, at);
      at += part.length;
    }
    bytes.set(body, 4 * at);
    // The same region gives the same bytes, whatever its slots are here.
    linkBody(bytes.subarray(4 * at), slots, () => 0);
    at += (body.length + 3) >>> 2;
  }
  const [a, b] = hashWords(words, HEADER_WORDS);
  words.set([MAGIC, length, a, b]);
  return bytes;
}

function sizeOf({ entries, ranges, words, slots, locations, body }: CodeRegion): number {
  return (
    REGION_WORDS +
    entries.length +
    ranges.length +
    words.length +
    slots.length +
    locations.length +
    ((body.length + 3) >>> 2)
  );
}

/** Null for bytes that are not from encodeRegions(). The slots in the bodies are to be linked yet. */
export function decodeRegions(bytes: Uint8Array): CodeRegion[] | null {
  if (bytes.length < 4 * (HEADER_WORDS + 1) || bytes.length % 4 !== 0) return null;
  // A copy is aligned, and the store's buffer may be used again.
  const copy = new Uint8Array(bytes);
  const words = new Int32Array(copy.buffer, 0, copy.length / 4);
  const [a, b] = hashWords(words, HEADER_WORDS);
  if (words[0] !== MAGIC || words[1] !== words.length || words[2] !== a || words[3] !== b) return null;
  const regions: CodeRegion[] = [];
  const entries = new Set<number>();
  let at = HEADER_WORDS + 1;
  for (let count = words[HEADER_WORDS] as number; count > 0; count--) {
    const region = decodeRegion(words, at);
    if (region === null) return null;
    for (const entry of region.entries) {
      if (entries.has(entry)) return null;
      entries.add(entry);
    }
    regions.push(region);
    at += sizeOf(region);
  }
  return at === words.length ? regions : null;
}

function decodeRegion(all: Int32Array, start: number): CodeRegion | null {
  if (start + REGION_WORDS > all.length) return null;
  const [entryCount, instructionCount, rangeCount, wordCount, slotCount, locationCount, bodyLength] = all.subarray(
    start,
    start + REGION_WORDS,
  ) as unknown as [number, number, number, number, number, number, number];
  let at = start + REGION_WORDS;
  const counts = [entryCount, rangeCount, wordCount, slotCount, locationCount, (bodyLength + 3) >>> 2];
  if (bodyLength < 2 || bodyLength > MAXIMUM_BODY_BYTES) return null;
  const parts: Int32Array[] = [];
  for (const count of counts) {
    if (count < 0 || at + count > all.length) return null;
    parts.push(all.subarray(at, at + count));
    at += count;
  }
  const [entries, ranges, words, slots, locations] = parts.map((part) => new Uint32Array(part)) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const bodyPart = parts[5] as Int32Array;
  const body = new Uint8Array(bodyPart.buffer, bodyPart.byteOffset, bodyLength).slice();
  const region: CodeRegion = {
    entries: [...entries],
    instructionCount,
    ranges,
    words: new Int32Array(words),
    slots,
    locations,
    body,
    module: null,
  };
  return isSound(region) ? region : null;
}

function isSound({ entries, ranges, words, slots, locations, body }: CodeRegion): boolean {
  if (ranges.length % 2 !== 0 || slots.length % 2 !== 0 || locations.length % 2 !== 0) return false;
  if (entries.length === 0 || entries.some((entry) => entry % 4 !== 0)) return false;
  let total = 0;
  let previous = -1;
  for (let index = 0; index < ranges.length; index += 2) {
    const start = ranges[index] as number;
    const end = ranges[index + 1] as number;
    if (start % 4 !== 0 || end % 4 !== 0 || start <= previous || end <= start) return false;
    previous = end;
    total += (end - start) / 4;
  }
  if (total !== words.length || total === 0) return false;
  for (let index = 0; index < slots.length; index += 2) {
    if ((slots[index] as number) + PADDED_BYTES > body.length) return false;
  }
  return true;
}
