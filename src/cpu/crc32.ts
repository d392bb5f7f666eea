/** CRC32 and CRC32C steps as the instructions define them: no inversion before or after. */

function makeTable(polynomial: number): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ ((value & 1) === 1 ? polynomial : 0);
    table[byte] = value;
  }
  return table;
}

/** A step function over the low `bytes` bytes of `value`. */
function step(polynomial: number): (crc: number, value: number, bytes: number) => number {
  const table = makeTable(polynomial);
  return (crc, value, bytes) => {
    let result = crc;
    for (let index = 0; index < bytes; index++) {
      result = (table[(result ^ (value >>> (8 * index))) & 0xff] as number) ^ (result >>> 8);
    }
    return result | 0;
  };
}

export const crc32: (crc: number, value: number, bytes: number) => number = step(0xedb88320);
export const crc32c: (crc: number, value: number, bytes: number) => number = step(0x82f63b78);
