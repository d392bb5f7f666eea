/** Network byte order over plain bytes. For cold paths and tests; hot paths use raw words of the arena. */

/**
 * A header's layout as data: one row per field, offset and width in bits, as the RFC's figure draws it. Documentation that
 * can be run: tests hold the codecs against it.
 */
export interface HeaderField {
  readonly name: string;
  readonly bitOffset: number;
  readonly bits: number;
}

/** Rows from [name, bits] pairs that follow each other from bit 0. */
export function fieldTable(...fields: readonly (readonly [name: string, bits: number])[]): readonly HeaderField[] {
  let bitOffset = 0;
  return fields.map(([name, bits]) => {
    const field = { name, bitOffset, bits };
    bitOffset += bits;
    return field;
  });
}

/** A field's value as an unsigned number, read bit by bit (at most 48 bits). */
export function readField(bytes: Uint8Array, offset: number, field: HeaderField): number {
  let value = 0;
  for (let bit = field.bitOffset; bit < field.bitOffset + field.bits; bit++) {
    value = value * 2 + (((bytes[offset + (bit >> 3)] as number) >> (7 - (bit & 7))) & 1);
  }
  return value;
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
