/** One line of the decoder's table, and all of them compiled: which bits a line fixes, and where its fields stand. */
import { type FieldName, fieldWidths } from "./fields.ts";
import { floatingLines } from "./table-floating.ts";
import { integerLines } from "./table-integer.ts";
import { loadStoreLines } from "./table-load-store.ts";
import { vectorLines } from "./table-vector.ts";

/**
 * Name and pattern: 32 bits from the highest down, fixed bits as 0 and 1, fields by name, separated by blanks. `name!` is a
 * field that is not zero (zero belongs to another line).
 */
export type TableLine = readonly [name: string, pattern: string];

export interface FieldPlace {
  readonly name: FieldName;
  readonly shift: number;
  readonly width: number;
}

export interface Instruction {
  readonly name: string;
  /** Its place in `instructions`. */
  readonly index: number;
  /** The bits that the line fixes, and their values; both unsigned. */
  readonly mask: number;
  readonly value: number;
  readonly fields: readonly FieldPlace[];
  /** Bits of fields of which at least one must be set; 0 = none. */
  readonly nonzero: number;
}

function compileLine([name, pattern]: TableLine, index: number): Instruction {
  let position = 32;
  let mask = 0;
  let value = 0;
  let nonzero = 0;
  const fields: FieldPlace[] = [];
  for (const part of pattern.split(" ")) {
    if (part.startsWith("0") || part.startsWith("1")) {
      const bits = Number(`0b${part}`);
      if (Number.isNaN(bits)) throw new Error(`${name}: no bits ${part}`);
      position -= part.length;
      mask |= (2 ** part.length - 1) << position;
      value |= bits << position;
      continue;
    }
    const fieldName = part.replace("!", "") as FieldName;
    const width = fieldWidths[fieldName];
    if (width === undefined) throw new Error(`${name}: no field ${part}`);
    position -= width;
    fields.push({ name: fieldName, shift: position, width });
    if (part.endsWith("!")) nonzero |= ((1 << width) - 1) << position;
  }
  if (position !== 0) throw new Error(`${name}: ${32 - position} bits`);
  return { name, index, mask: mask >>> 0, value: value >>> 0, fields, nonzero: nonzero >>> 0 };
}

/** All lines, in the table's order. */
export const instructions: readonly Instruction[] = [
  ...integerLines,
  ...loadStoreLines,
  ...floatingLines,
  ...vectorLines,
].map(compileLine);
