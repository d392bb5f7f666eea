/** Finds the line of the table that an instruction word belongs to, through an index over the word's bits 31 to 21. */
import { emptyFields, type Fields } from "./fields.ts";
import { type Instruction, instructions } from "./table.ts";

const INDEX_SHIFT = 21;
const buckets: readonly (readonly Instruction[])[] = buildBuckets();

function buildBuckets(): Instruction[][] {
  const indexMask = (0xffffffff << INDEX_SHIFT) >>> 0;
  const result: Instruction[][] = Array.from({ length: 1 << (32 - INDEX_SHIFT) }, () => []);
  // The line that fixes more bits comes first and wins.
  const bySpecificity = [...instructions].sort((a, b) => bitCount(b.mask) - bitCount(a.mask));
  for (const instruction of bySpecificity) {
    const high = (instruction.mask & indexMask) >>> INDEX_SHIFT;
    const wanted = (instruction.value & indexMask) >>> INDEX_SHIFT;
    for (const [index, bucket] of result.entries()) if ((index & high) === wanted) bucket.push(instruction);
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
