/** A process's own memory as its library sees it: the heap in it, and text and numbers at addresses. Little-endian. */
import { Heap } from "./heap.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Memory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** The whole memory; follows when it grows. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly heap: Heap;

  constructor(buffer: ArrayBuffer | SharedArrayBuffer, heapBase: number, moveBreak: (address: number) => number) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.heap = new Heap(heapBase, moveBreak);
  }

  /** A block as bytes; its address is its byteOffset. */
  block(address: number, byteLength: number): Uint8Array {
    return new Uint8Array(this.buffer, address, byteLength);
  }

  /** True for bytes that lie in this memory and can be passed by address. */
  holds(bytes: Uint8Array): boolean {
    return bytes.buffer === this.buffer;
  }

  readInt32(address: number): number {
    return this.view.getInt32(address, true);
  }

  readUint32(address: number): number {
    return this.view.getUint32(address, true);
  }

  readUint16(address: number): number {
    return this.view.getUint16(address, true);
  }

  writeInt32(address: number, value: number): void {
    this.view.setInt32(address, value, true);
  }

  writeUint16(address: number, value: number): void {
    this.view.setUint16(address, value, true);
  }

  /** A signed 64-bit number, exact up to 2^53. */
  readInt64(address: number): number {
    return this.view.getInt32(address + 4, true) * 0x1_0000_0000 + this.view.getUint32(address, true);
  }

  writeInt64(address: number, value: number): void {
    this.view.setUint32(address, value >>> 0, true);
    this.view.setInt32(address + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  /** UTF-8 text of a known length. */
  readText(address: number, byteLength: number): string {
    return decodeText(this.bytes, address, address + byteLength);
  }

  /** UTF-8 text up to a NUL byte, at most `mostBytes`. */
  readString(address: number, mostBytes: number): string {
    let end = address;
    while (end < address + mostBytes && this.bytes[end] !== 0) end++;
    return decodeText(this.bytes, address, end);
  }
}

/** UTF-8 from part of an array. Short ASCII, as nearly all names and headers are, is made without a copy. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 32) {
    let text = "";
    let k = start;
    for (; k < end; k++) {
      const byte = bytes[k] as number;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (k === end) return text;
  }
  // A copy, since decoders of some runtimes refuse shared and growable memory.
  return decoder.decode(bytes.slice(start, end));
}

export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}
