/** The fields that the table's patterns name, with their widths in bits, and the record a decoded instruction fills. */

/** Widths as the Arm manual draws them. A pattern may state another width as `name:width`. */
// biome-ignore format: one line a width
export const fieldWidths = {
  sf: 1, sh: 1, N: 1, S: 1, Q: 1, L: 1, M: 1, H: 1, A: 1, R: 1, b5: 1, o0: 1, o2: 1, sz: 1, opx: 1,
  shift: 2, hw: 2, immlo: 2, size: 2, opc: 2, len: 2, ftype: 2, mode: 2, part: 2,
  option: 3, imm3: 3, op1: 3, op2: 3, immb: 3, abc: 3,
  cond: 4, nzcv: 4, CRm: 4, CRn: 4, immh: 4, imm4: 4, cmode: 4, Rm4: 4,
  Rd: 5, Rn: 5, Rm: 5, Ra: 5, Rt: 5, Rt2: 5, Rs: 5, imm5: 5, b40: 5, defgh: 5,
  immr: 6, imms: 6, imm6: 6, scale: 6, imm7: 7, imm8: 8, imm9: 9, imm12: 12, imm14: 14, imm16: 16,
  imm19: 19, immhi: 19, imm26: 26,
} as const;

export type FieldName = keyof typeof fieldWidths;
/** Every field as an unsigned number; those that the instruction lacks are 0. */
export type Fields = Record<FieldName, number>;

const names = Object.keys(fieldWidths) as FieldName[];

export function emptyFields(): Fields {
  // A copy of a literal keeps its properties in place, which makes reading them fast.
  const fields: Fields = { ...fieldWidths };
  for (const name of names) fields[name] = 0;
  return fields;
}

/** `value`, a number of `bits` bits, as a signed number. */
export function signed(value: number, bits: number): number {
  return (value << (32 - bits)) >> (32 - bits);
}
