/**
 * The bytes of an archive by position: as they lie in a file of the host, or in memory after decompression. Files of the guest
 * are stretches of them, so nothing is copied before it is read.
 */
import * as fs from "node:fs";
import type { ByteSource } from "../../../kernel/vfs/byte-source.ts";
import { errnoOf } from "../host-directories.ts";

/** An archive that is not compressed stays where it is. */
export class HostArchive implements ByteSource {
  readonly length: number;
  private descriptor: number;

  /** Throws, as node:fs does. */
  constructor(path: string) {
    this.descriptor = fs.openSync(path, fs.constants.O_RDONLY);
    this.length = fs.fstatSync(this.descriptor).size;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return length === 0 ? 0 : fs.readSync(this.descriptor, buffer, offset, length, position);
    } catch (error) {
      return errnoOf(error);
    }
  }

  /** Not with every file that stands on it: when the kernel ends. */
  closeArchive(): void {
    if (this.descriptor >= 0) fs.closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

const BLOCK_SHIFT = 20;
const BLOCK_BYTES = 1 << BLOCK_SHIFT;

/** Grows by blocks, so that nothing is copied twice and its size need not be known. */
export class MemoryArchive implements ByteSource {
  length = 0;
  private readonly blocks: Uint8Array[] = [];

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = this.length % BLOCK_BYTES;
      if (at === 0) this.blocks.push(new Uint8Array(BLOCK_BYTES));
      const part = Math.min(bytes.length - done, BLOCK_BYTES - at);
      this.blocks[this.blocks.length - 1]?.set(bytes.subarray(done, done + part), at);
      this.length += part;
      done += part;
    }
  }

  /** The last block is made as short as it is full. */
  finish(): void {
    const last = this.blocks.pop();
    if (last !== undefined) this.blocks.push(last.slice(0, ((this.length - 1) % BLOCK_BYTES) + 1));
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const chunk = this.chunkAt(position);
    if (chunk === null) return 0;
    const count = Math.min(length, chunk.length);
    buffer.set(chunk.bytes.subarray(chunk.offset, chunk.offset + count), offset);
    return count;
  }

  chunkAt(position: number): { bytes: Uint8Array; offset: number; length: number } | null {
    if (position >= this.length) return null;
    const bytes = this.blocks[Math.floor(position / BLOCK_BYTES)] as Uint8Array;
    const offset = position % BLOCK_BYTES;
    return { bytes, offset, length: bytes.length - offset };
  }
}

/** A stretch of an archive; of no other stretch, which would only make reading longer. */
export class ArchiveSlice implements ByteSource {
  readonly length: number;
  private readonly source: ByteSource;
  private readonly start: number;

  constructor(source: ByteSource, start: number, length: number) {
    const inner = source instanceof ArchiveSlice ? source : null;
    this.source = inner?.source ?? source;
    this.start = (inner?.start ?? 0) + start;
    this.length = length;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const most = Math.min(length, this.length - position);
    return most <= 0 ? 0 : this.source.read(buffer, offset, most, this.start + position);
  }

  chunkAt(position: number): { bytes: Uint8Array; offset: number; length: number } | null {
    if (position >= this.length) return null;
    const found = this.source.chunkAt?.(this.start + position) ?? null;
    if (found !== null) found.length = Math.min(found.length, this.length - position);
    return found;
  }
}

/** Reads small pieces one behind the other through a window. */
export class WindowReader {
  private readonly source: ByteSource;
  private readonly buffer: Buffer = Buffer.alloc(32_768);
  private start = 0;
  private filled = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** So many bytes at a position, valid until the next call; fewer at the end. More than the window are a copy of their own. */
  at(position: number, length: number): Buffer {
    if (length > this.buffer.length) {
      const large = Buffer.alloc(length);
      return large.subarray(0, this.fill(large, position));
    }
    if (position < this.start || position + length > this.start + this.filled) {
      this.start = position;
      this.filled = this.fill(this.buffer, position);
    }
    const from = position - this.start;
    return this.buffer.subarray(from, Math.min(from + length, this.filled));
  }

  private fill(buffer: Buffer, position: number): number {
    let filled = 0;
    while (filled < buffer.length) {
      const count = this.source.read(buffer, filled, buffer.length - filled, position + filled);
      if (count <= 0) break;
      filled += count;
    }
    return filled;
  }
}
