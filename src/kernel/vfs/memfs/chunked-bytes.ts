/**
 * The bytes of a file in memory, in chunks. A growing file never copies more than one chunk; a hole has no chunk and costs
 * nothing. Chunks are charged to a budget before they are made. A file may stand on a source, contents that lie elsewhere and
 * are never written: where it has no chunk the source shows, and a chunk that is written begins as a copy of it.
 */
import { ENOSPC } from "../../../abi/errno.ts";
import type { ByteSource } from "../byte-source.ts";

export const CHUNK_BYTES = 65_536;
const CHUNK_SHIFT = 16;
const SMALLEST_CHUNK_BYTES = 256;

/** What a file system in memory may use. */
export class MemoryBudget {
  maximumBytes: number;
  maximumInodes: number;
  usedBytes = 0;
  usedInodes = 0;

  constructor(maximumBytes: number, maximumInodes: number) {
    this.maximumBytes = maximumBytes;
    this.maximumInodes = maximumInodes;
  }

  takeBytes(count: number): boolean {
    if (this.usedBytes + count > this.maximumBytes) return false;
    this.usedBytes += count;
    return true;
  }

  takeInode(): boolean {
    if (this.usedInodes >= this.maximumInodes) return false;
    this.usedInodes++;
    return true;
  }
}

export class ChunkedBytes {
  /** Length in bytes. */
  size = 0;
  /** Bytes charged. */
  allocatedBytes = 0;
  private readonly budget: MemoryBudget;
  /** The chunk at 0, the only one that may be shorter than CHUNK_BYTES: most files have no other. */
  private first: Uint8Array | undefined = undefined;
  /** By index; a missing chunk reads as the source, or as zeros. A map, since a position may be anywhere up to 2^53. */
  private readonly others: Map<number, Uint8Array> = new Map();
  private readonly source: ByteSource | null;
  /** How much of the source still shows: a truncation takes from it for good. */
  private sourceBytes = 0;

  constructor(budget: MemoryBudget, source: ByteSource | null = null) {
    this.budget = budget;
    this.source = source;
    if (source !== null) this.size = this.sourceBytes = source.length;
  }

  /** Someone opens the file: 0, or -errno if its source cannot be had. */
  openSource(): number {
    return this.sourceBytes > 0 ? (this.source?.open?.() ?? 0) : 0;
  }

  closeSource(): void {
    this.source?.close?.();
  }

  /** For st_blocks: what is in memory, and what of the source would be. */
  get heldBytes(): number {
    return this.allocatedBytes + (this.sourceBytes > 0 ? Math.ceil(this.sourceBytes / 4096) * 4096 : 0);
  }

  /** Bytes copied out: fewer than asked at the end, 0 behind it; -errno of the source. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.min(length, this.size - position);
    if (count <= 0) return 0;
    let done = 0;
    while (done < count) {
      const at = position + done;
      const inChunk = at % CHUNK_BYTES;
      const part = Math.min(count - done, CHUNK_BYTES - inChunk);
      const chunk = this.chunk(chunkIndex(at));
      let held = 0;
      if (chunk === undefined) {
        if (at < this.sourceBytes) held = this.readSource(buffer, offset + done, part, at);
        if (held < 0) return done > 0 ? done : held;
      } else {
        held = Math.min(part, chunk.length - inChunk);
        if (held > 0) copy(buffer, offset + done, chunk, inChunk, held);
      }
      if (held < part) buffer.fill(0, offset + done + Math.max(held, 0), offset + done + part);
      done += part;
    }
    return count;
  }

  /** Bytes copied in; fewer, down to 0, when the budget is used up; -errno of the source. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const at = position + done;
      const inChunk = at % CHUNK_BYTES;
      const part = Math.min(length - done, CHUNK_BYTES - inChunk);
      const chunk = this.chunkFor(chunkIndex(at), inChunk + part, position + length);
      if (typeof chunk === "number") {
        if (done === 0 && chunk !== -ENOSPC) return chunk;
        break;
      }
      copy(chunk, inChunk, buffer, offset + done, part);
      done += part;
    }
    if (done > 0 && position + done > this.size) this.size = position + done;
    return done;
  }

  /** Sets the length. What lies behind it is forgotten, and reads as zeros should the file grow again. */
  truncate(size: number): void {
    if (size < this.size) {
      const kept = Math.ceil(size / CHUNK_BYTES);
      if (kept < Math.ceil(this.size / CHUNK_BYTES)) this.dropChunks(kept);
      const last = size % CHUNK_BYTES === 0 ? undefined : this.chunk(chunkIndex(size));
      last?.fill(0, size % CHUNK_BYTES);
      this.sourceBytes = Math.min(this.sourceBytes, size);
    }
    this.size = size;
  }

  /** Makes real what of the range is a hole; 0, or -ENOSPC when the budget does not allow it. */
  allocate(position: number, length: number): number {
    for (let at = position - (position % CHUNK_BYTES); at < position + length; at += CHUNK_BYTES) {
      const needed = Math.min(CHUNK_BYTES, position + length - at);
      const chunk = this.chunkFor(chunkIndex(at), needed, position + length);
      if (typeof chunk === "number") return chunk;
    }
    return 0;
  }

  /** Gives everything back. */
  clear(): void {
    this.dropChunks(0);
    this.size = 0;
    this.sourceBytes = 0;
  }

  /** The bytes at a position as they lie in memory, for copying them just once; null in a hole. `length` is the most that may be used. */
  chunkAt(position: number): { bytes: Uint8Array; offset: number; length: number } | null {
    const chunk = this.chunk(chunkIndex(position));
    const offset = position % CHUNK_BYTES;
    if (chunk === undefined && position < this.sourceBytes) {
      const found = this.source?.chunkAt?.(position) ?? null;
      // No further than to where the next chunk may be another one.
      const most = Math.min(CHUNK_BYTES - offset, this.sourceBytes - position);
      return found === null ? null : { bytes: found.bytes, offset: found.offset, length: Math.min(found.length, most) };
    }
    if (chunk === undefined || offset >= chunk.length) return null;
    return { bytes: chunk, offset, length: Math.min(chunk.length - offset, this.size - position) };
  }

  /** The next position from `offset` on that is (or is not) in a chunk; `end` if there is none. */
  nextBoundary(offset: number, end: number, wantsData: boolean): number {
    let at = offset;
    while (at < end) {
      if ((at < this.sourceBytes || this.chunk(chunkIndex(at)) !== undefined) === wantsData) return at;
      if (wantsData) return this.nextChunkBehind(at, end);
      at = (chunkIndex(at) + 1) * CHUNK_BYTES;
    }
    return end;
  }

  private nextChunkBehind(at: number, end: number): number {
    let nearest = end;
    // Goes over the chunks there are, not over the hole, which may be of any length.
    for (const index of this.others.keys()) {
      const start = index * CHUNK_BYTES;
      if (start > at && start < nearest) nearest = start;
    }
    return nearest;
  }

  private chunk(index: number): Uint8Array | undefined {
    return index === 0 ? this.first : this.others.get(index);
  }

  private chunkFor(index: number, neededBytes: number, endOfWrite: number): Uint8Array | number {
    const chunk = this.chunk(index);
    if (chunk !== undefined && chunk.length >= neededBytes) return chunk;
    const start = index * CHUNK_BYTES;
    const fromSource = chunk === undefined ? Math.min(CHUNK_BYTES, this.sourceBytes - start) : 0;
    const wanted = Math.max(neededBytes, fromSource);
    const capacity = index === 0 && endOfWrite <= CHUNK_BYTES ? powerOfTwo(wanted) : CHUNK_BYTES;
    if (!this.budget.takeBytes(capacity - (chunk?.length ?? 0))) return -ENOSPC;
    const larger = new Uint8Array(capacity);
    if (chunk !== undefined) larger.set(chunk);
    else if (fromSource > 0) {
      const count = this.readSource(larger, 0, fromSource, start);
      if (count < 0) {
        this.budget.usedBytes -= capacity;
        return count;
      }
    }
    this.allocatedBytes += capacity - (chunk?.length ?? 0);
    if (index === 0) this.first = larger;
    else this.others.set(index, larger);
    return larger;
  }

  /** As many bytes of the source as there are up to where it still shows; fewer only if it became shorter behind our back. */
  private readSource(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const wanted = Math.min(length, this.sourceBytes - position);
    let done = 0;
    while (done < wanted) {
      const count = this.source?.read(buffer, offset + done, wanted - done, position + done) ?? 0;
      if (count < 0) return count;
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  private dropChunks(from: number): void {
    let freed = 0;
    for (const [index, chunk] of this.others) {
      if (index < from) continue;
      freed += chunk.length;
      this.others.delete(index);
    }
    if (from === 0 && this.first !== undefined) {
      freed += this.first.length;
      this.first = undefined;
    }
    this.allocatedBytes -= freed;
    this.budget.usedBytes -= freed;
  }
}

function chunkIndex(position: number): number {
  return position < 0x8000_0000 ? position >> CHUNK_SHIFT : Math.floor(position / CHUNK_BYTES);
}

function powerOfTwo(atLeast: number): number {
  let bytes = SMALLEST_CHUNK_BYTES;
  while (bytes < atLeast) bytes *= 2;
  return bytes;
}

/** Short runs byte by byte: a view for them would cost more. */
function copy(to: Uint8Array, toOffset: number, from: Uint8Array, fromOffset: number, length: number): void {
  if (length <= 32) {
    for (let k = 0; k < length; k++) to[toOffset + k] = from[fromOffset + k] as number;
  } else to.set(from.subarray(fromOffset, fromOffset + length), toOffset);
}
