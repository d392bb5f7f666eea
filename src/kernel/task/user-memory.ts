/**
 * The memory of a process as system calls see it. A program gives addresses, never objects; an address outside the memory,
 * or in the page at 0, is EFAULT. Little-endian throughout, as arm64.
 */
import { EFAULT, ENAMETOOLONG } from "../../abi/errno.ts";

/** Nothing is ever mapped below this address. */
export const NULL_GUARD_BYTES = 4096;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export abstract class UserMemory {
  /** The whole memory. Read it anew after anything that may grow the memory: machine code's is another object then. */
  abstract get bytes(): Uint8Array;
  abstract get view(): DataView;
  abstract get buffer(): ArrayBuffer | SharedArrayBuffer;
  /** What it may grow to. */
  abstract readonly maximumBytes: number;

  /** Grows the memory to `byteLength` at least; false beyond its bound. It never shrinks, so that no address becomes bad by itself. */
  abstract grow(byteLength: number): boolean;

  get byteLength(): number {
    return this.bytes.length;
  }

  /** Whether all of [address, address + length) may be touched. A length of 0 is fine anywhere within, and at NULL. */
  isValid(address: number, length: number): boolean {
    // Nothing is touched, so NULL is as good as any; but an address beyond the end would make views of it throw.
    if (length === 0) return address >= 0 && address <= this.bytes.length;
    return address >= NULL_GUARD_BYTES && length > 0 && address + length <= this.bytes.length;
  }

  readUint32(address: number): number {
    return this.view.getUint32(address, true);
  }

  readInt32(address: number): number {
    return this.view.getInt32(address, true);
  }

  writeUint32(address: number, value: number): void {
    this.view.setUint32(address, value, true);
  }

  readUint16(address: number): number {
    return this.view.getUint16(address, true);
  }

  writeUint16(address: number, value: number): void {
    this.view.setUint16(address, value, true);
  }

  /** A signed 64-bit number; exact up to 2^53, as no size or offset here is larger. */
  readInt64(address: number): number {
    return this.view.getInt32(address + 4, true) * 0x1_0000_0000 + this.view.getUint32(address, true);
  }

  writeInt64(address: number, value: number): void {
    this.view.setUint32(address, value >>> 0, true);
    this.view.setInt32(address + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  /** Text up to the NUL byte; -EFAULT for a bad address, -ENAMETOOLONG when no NUL comes within `mostBytes`. */
  readString(address: number, mostBytes: number): string | number {
    if (!this.isValid(address, 1)) return -EFAULT;
    const limit = Math.min(this.bytes.length, address + mostBytes);
    const length = this.bytes.subarray(address, limit).indexOf(0);
    if (length < 0) return limit === this.bytes.length ? -EFAULT : -ENAMETOOLONG;
    return this.decode(address, length);
  }

  /** Text of a known length; -EFAULT for a bad address. */
  readText(address: number, length: number): string | number {
    if (!this.isValid(address, length)) return -EFAULT;
    return this.decode(address, length);
  }

  /** Writes text and a NUL byte; the bytes written, or -EFAULT. */
  writeString(address: number, text: string): number {
    const encoded = encoder.encode(text);
    if (!this.isValid(address, encoded.length + 1)) return -EFAULT;
    this.bytes.set(encoded, address);
    this.bytes[address + encoded.length] = 0;
    return encoded.length + 1;
  }

  private decode(address: number, length: number): string {
    // A copy, since decoders of some runtimes refuse shared and growable memory.
    return decoder.decode(this.bytes.slice(address, address + length));
  }
}

/** The memory of a TypeScript program: a buffer that grows in place. */
export class BufferMemory extends UserMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** Its length follows when the memory grows. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly maximumBytes: number;

  constructor(buffer: ArrayBuffer | SharedArrayBuffer) {
    super();
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.maximumBytes = buffer.maxByteLength;
  }

  /**
   * A fresh memory for a TypeScript program. It grows in place up to `maximumBytes`: address space is reserved, not used.
   * `shared` is for a program in a worker.
   */
  static allocate(initialBytes: number, maximumBytes: number, shared = false): BufferMemory {
    const limits = { maxByteLength: Math.max(initialBytes, maximumBytes) };
    return new BufferMemory(
      shared ? new SharedArrayBuffer(initialBytes, limits) : new ArrayBuffer(initialBytes, limits),
    );
  }

  grow(byteLength: number): boolean {
    if (byteLength <= this.bytes.length) return true;
    if (byteLength > this.maximumBytes) return false;
    try {
      if (this.buffer instanceof ArrayBuffer) this.buffer.resize(byteLength);
      else this.buffer.grow(byteLength);
      return true;
    } catch {
      // The host has no memory left: ENOMEM for the program, nothing for the kernel.
      return false;
    }
  }
}

const WASM_PAGE_BYTES = 65_536;

/** The memory of a machine-code program: a WebAssembly memory. Guest addresses are addresses in it. */
export class MachineMemory extends UserMemory {
  readonly memory: WebAssembly.Memory;
  /** Whether all of a range that lies in the memory is mapped and may be touched; set by whoever maps. */
  isMapped: (address: number, byteLength: number) => boolean = () => true;
  readonly maximumBytes: number;
  bytes: Uint8Array;
  view: DataView;

  /** Throws RangeError when the host has no room. */
  constructor(initialBytes: number, maximumBytes: number) {
    super();
    const maximum = Math.min(65_535, Math.ceil(maximumBytes / WASM_PAGE_BYTES));
    const initial = Math.min(maximum, Math.ceil(initialBytes / WASM_PAGE_BYTES));
    this.memory = new WebAssembly.Memory({ initial, maximum });
    this.maximumBytes = maximum * WASM_PAGE_BYTES;
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
  }

  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  override isValid(address: number, length: number): boolean {
    return super.isValid(address, length) && (length === 0 || this.isMapped(address, length));
  }

  /** Grows in place, too: the host reserved the address space. Views made before are empty afterwards. */
  grow(byteLength: number): boolean {
    if (byteLength <= this.bytes.length) return true;
    if (byteLength > this.maximumBytes) return false;
    try {
      this.memory.grow(Math.ceil((byteLength - this.bytes.length) / WASM_PAGE_BYTES));
    } catch {
      return false;
    }
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    return true;
  }
}
