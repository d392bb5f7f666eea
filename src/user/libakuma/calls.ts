/**
 * The bottom of libakuma: raw system calls, and how text and bytes of the program get into process memory for the time of a
 * call. The families of wrappers in files, sockets and processes build on it.
 */
import { EINVAL } from "../../abi/errno.ts";
import type { ProgramGate } from "./gate.ts";
import { encodeText, Memory } from "./memory.ts";
import { akumaNumbers, linuxNumbers, type SyscallNumbers } from "./numbers.ts";

/** A result or -errno: at once, or promised when the call has to wait. Looking at `typeof` first saves the await. */
export type Result = number | Promise<number>;

/** Unwinds a program that has ended. */
export class Exited extends Error {
  override readonly name: string = "Exited";
}

/** Bytes outside of process memory go through a block of at most this size; more is a short read or write. */
const BOUNCE_BYTES = 64 * 1024;

export class Calls {
  readonly gate: ProgramGate;
  readonly memory: Memory;
  readonly numbers: SyscallNumbers;
  /** Bytes of the text that `placeText` placed last, without the NUL. */
  protected placedLength = 0;

  constructor(gate: ProgramGate) {
    this.gate = gate;
    this.numbers = gate.abi === "akuma" ? akumaNumbers : linuxNumbers;
    this.memory = new Memory(gate.memory, gate.heapBase, (address) =>
      this.now(this.syscall(this.numbers.brk, address)),
    );
  }

  /** Any system call by number. Addresses are offsets in the process's memory. */
  syscall(number: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): Result {
    return this.gate.call(number, a0, a1, a2, a3, a4, a5);
  }

  /** The result of a call that never waits. It is a promise only where the process has ended: then nothing more may run. */
  protected now(result: Result): number {
    if (typeof result === "number") return result;
    throw new Exited();
  }

  /** Process memory as bytes, to be passed to calls without a copy. Give it back with `free`. */
  allocate(byteLength: number): Uint8Array {
    return this.memory.block(this.memory.heap.allocate(byteLength), byteLength);
  }

  /** Gives a block of `allocate` back, the very object. */
  free(block: Uint8Array): void {
    this.memory.heap.free(block.byteOffset, block.byteLength);
  }

  /** Text with a NUL after it, in a block of `placedLength + 1` bytes. 0 for text that holds a NUL itself. */
  protected placeText(text: string): number {
    if (text.includes("\0")) return 0;
    const encoded = encodeText(text);
    const address = this.memory.heap.allocate(encoded.length + 1);
    this.memory.bytes.set(encoded, address);
    this.memory.bytes[address + encoded.length] = 0;
    this.placedLength = encoded.length;
    return address;
  }

  /** Frees a block once the call that uses it is over. */
  protected freeAfter(result: Result, address: number, byteLength: number): Result {
    if (typeof result === "number") {
      this.memory.heap.free(address, byteLength);
      return result;
    }
    return result.then((value) => {
      this.memory.heap.free(address, byteLength);
      return value;
    });
  }

  /** A call with one path, at argument `position` 0 or 1; -EINVAL for a path with a NUL in it. */
  protected pathCall(number: number, position: 0 | 1, path: string, a: number, b = 0, c = 0, d = 0): Result {
    const address = this.placeText(path);
    if (address === 0) return -EINVAL;
    const size = this.placedLength + 1;
    const result =
      position === 0 ? this.syscall(number, address, a, b, c, d) : this.syscall(number, a, address, b, c, d);
    return this.freeAfter(result, address, size);
  }

  /** A call with two paths, each after its directory. */
  protected twoPathCall(
    number: number,
    directory: number,
    path: string,
    toDirectory: number,
    to: string,
    flags: number,
  ): Result {
    const from = this.placeText(path);
    if (from === 0) return -EINVAL;
    const fromSize = this.placedLength + 1;
    const target = this.placeText(to);
    if (target === 0) return this.freeAfter(-EINVAL, from, fromSize);
    const result = this.syscall(number, directory, from, toDirectory, target, flags);
    return this.freeAfter(this.freeAfter(result, target, this.placedLength + 1), from, fromSize);
  }

  /** A call (fd, buffer, length, …) that reads the program's bytes. */
  protected callWithInput(number: number, fd: number, bytes: Uint8Array, a3 = 0, a4 = 0, a5 = 0): Result {
    if (this.memory.holds(bytes)) {
      return this.syscall(number, fd, bytes.byteOffset, bytes.byteLength, a3, a4, a5);
    }
    const length = Math.min(bytes.length, BOUNCE_BYTES);
    const address = this.memory.heap.allocate(length);
    this.memory.bytes.set(length === bytes.length ? bytes : bytes.subarray(0, length), address);
    return this.freeAfter(this.syscall(number, fd, address, length, a3, a4, a5), address, length);
  }

  /** A call (fd, buffer, length, …) that fills the program's bytes. */
  protected callWithOutput(number: number, fd: number, bytes: Uint8Array, a3 = 0, a4 = 0, a5 = 0): Result {
    if (this.memory.holds(bytes)) {
      return this.syscall(number, fd, bytes.byteOffset, bytes.byteLength, a3, a4, a5);
    }
    const length = Math.min(bytes.length, BOUNCE_BYTES);
    const address = this.memory.heap.allocate(length);
    const result = this.syscall(number, fd, address, length, a3, a4, a5);
    if (typeof result === "number") return this.copyOut(result, bytes, address, length);
    return result.then((value) => this.copyOut(value, bytes, address, length));
  }

  private copyOut(result: number, bytes: Uint8Array, address: number, length: number): number {
    // MSG_TRUNC gives the length of a datagram that may be longer than the buffer.
    if (result > 0) bytes.set(this.memory.bytes.subarray(address, address + Math.min(result, length)));
    this.memory.heap.free(address, length);
    return result;
  }
}
