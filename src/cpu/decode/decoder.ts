/** Finds the line of the table that an instruction word belongs to, through an index over the word's bits 31 to 21. */
import { emptyFields, type Fields } from "./fields.ts";
import { type Instruction, instructions } from "./table.ts";

export const INDEX_SHIFT = 21;
/** Built when the first word is decoded: most of what a kernel runs may be no machine code. */
let buckets: readonly (readonly Instruction[])[] | null = null;

function buildBuckets(): Instruction[][] {
  const all = (1 << (32 - INDEX_SHIFT)) - 1;
  const result: Instruction[][] = Array.from({ length: all + 1 }, () => []);
  // The line that fixes more bits comes first and wins.
  const bySpecificity = instructions
    .map((instruction) => ({ instruction, fixedBits: bitCount(instruction.mask) }))
    .sort((a, b) => b.fixedBits - a.fixedBits);
  for (const { instruction } of bySpecificity) {
    const free = all & ~(instruction.mask >>> INDEX_SHIFT);
    const fixed = instruction.value >>> INDEX_SHIFT;
    // All subsets of the bits that the line leaves open.
    let chosen = free;
    do {
      result[fixed | chosen]?.push(instruction);
      chosen = (chosen - 1) & free;
    } while (chosen !== free);
  }
  return result;
}

export function bitCount(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The line of an instruction word, or null if the table has none. */
export function decode(word: number): Instruction | null {
  buckets ??= buildBuckets();
  const bucket = buckets[word >>> INDEX_SHIFT] as readonly Instruction[];
  for (const instruction of bucket) {
    if (
      (word & instruction.mask) >>> 0 === instruction.value &&
      (instruction.nonzero === 0 || (word & instruction.nonzero) !== 0)
    ) {
      return instruction;
    }
  }
  return null;
}

/** The line of all words that have the highest bits of this one; null if these do not tell. */
export function onlyLineOf(word: number): Instruction | null {
  buckets ??= buildBuckets();
  const [line] = buckets[word >>> INDEX_SHIFT] as readonly Instruction[];
  if (line === undefined || line.nonzero !== 0) return null;
  return (line.mask & ((1 << INDEX_SHIFT) - 1)) === 0 ? line : null;
}

/** The fields of a word that `instruction` describes. */
export function extractFields(instruction: Instruction, word: number): Fields {
  const fields = emptyFields();
  fillFields(fields, instruction, word);
  return fields;
}

/** The same into a record whose fields are all 0; clearFields() makes them so again. */
export function fillFields(fields: Fields, instruction: Instruction, word: number): void {
  for (const { name, shift, width } of instruction.fields) fields[name] = (word >>> shift) & ((1 << width) - 1);
}

export function clearFields(fields: Fields, instruction: Instruction): void {
  for (const { name } of instruction.fields) fields[name] = 0;
}
