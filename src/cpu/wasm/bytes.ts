/** Bytes that grow at their end, and the numbers of WebAssembly's binary format: LEB128, in fives or tens of bytes at most. */

const FIRST_BYTES = 256;
/** The longest single thing that is appended: a vector constant. */
const ROOM = 20;

/** Bytes of a number written by writePadded. */
export const PADDED_BYTES = 5;

/** Writes a number from 0 to 2^31 − 1 as five bytes of LEB128, so that another can take its place. */
export function writePadded(data: Uint8Array, at: number, value: number): void {
  for (let place = 0; place < PADDED_BYTES - 1; place++) data[at + place] = (value >>> (7 * place)) | 0x80;
  data[at + PADDED_BYTES - 1] = value >>> 28;
}

export class Bytes {
  data: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity: number = FIRST_BYTES) {
    this.data = new Uint8Array(capacity);
  }

  push(byte: number): void {
    if (this.length === this.data.length) this.#grow(1);
    this.data[this.length++] = byte;
  }

  /** An unsigned number below 2^32. */
  unsigned(value: number): void {
    if (this.length + ROOM > this.data.length) this.#grow(ROOM);
    const { data } = this;
    let rest = value >>> 0;
    while (rest >= 0x80) {
      data[this.length++] = rest | 0x80;
      rest >>>= 7;
    }
    data[this.length++] = rest;
  }

  signed32(value: number): void {
    if (this.length + ROOM > this.data.length) this.#grow(ROOM);
    const { data } = this;
    let rest = value | 0;
    while (rest > 63 || rest < -64) {
      data[this.length++] = rest | 0x80;
      rest >>= 7;
    }
    data[this.length++] = rest & 0x7f;
  }

  padded(value: number): void {
    if (this.length + ROOM > this.data.length) this.#grow(ROOM);
    writePadded(this.data, this.length, value);
    this.length += PADDED_BYTES;
  }

  signed64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    while (rest > 63n || rest < -64n) {
      this.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.push(Number(rest) & 0x7f);
  }

  /** The bytes of `from` between two places. */
  append(from: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.length + count > this.data.length) this.#grow(count);
    // A call of set() costs more than these.
    if (count > 32) this.data.set(from.subarray(start, end), this.length);
    else for (let index = 0; index < count; index++) this.data[this.length + index] = from[start + index] as number;
    this.length += count;
  }

  appendAll(from: Bytes): void {
    this.append(from.data, 0, from.length);
  }

  #grow(room: number): void {
    const grown = new Uint8Array(Math.max(2 * this.data.length, this.length + room));
    grown.set(this.data);
    this.data = grown;
  }
}
