/**
 * The bytes of a file in memory, in chunks. A growing file never copies more than one chunk; a hole has no chunk and costs
 * nothing. Chunks are charged to a budget before they are made.
 */

export const CHUNK_BYTES = 65_536;
const CHUNK_SHIFT = 16;
const SMALLEST_CHUNK_BYTES = 256;

/** What a file system in memory may use. */
export class MemoryBudget {
  readonly maximumBytes: number;
  readonly maximumInodes: number;
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
  /** By index; a missing chunk reads as zeros. A map, since a position may be anywhere up to 2^53. */
  private readonly others: Map<number, Uint8Array> = new Map();

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  /** Bytes copied out: fewer than asked at the end, 0 behind it. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.min(length, this.size - position);
    if (count <= 0) return 0;
    let done = 0;
    while (done < count) {
      const at = position + done;
      const inChunk = at % CHUNK_BYTES;
      const part = Math.min(count - done, CHUNK_BYTES - inChunk);
      const chunk = this.chunk(chunkIndex(at));
      const held = chunk === undefined ? 0 : Math.min(part, chunk.length - inChunk);
      if (held > 0) copy(buffer, offset + done, chunk as Uint8Array, inChunk, held);
      if (held < part) buffer.fill(0, offset + done + Math.max(held, 0), offset + done + part);
      done += part;
    }
    return count;
  }

  /** Bytes copied in; fewer, down to 0, when the budget is used up. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const at = position + done;
      const inChunk = at % CHUNK_BYTES;
      const part = Math.min(length - done, CHUNK_BYTES - inChunk);
      const chunk = this.chunkFor(chunkIndex(at), inChunk + part, position + length);
      if (chunk === null) break;
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
    }
    this.size = size;
  }

  /** Makes real what of the range is a hole; false when the budget does not allow it. */
  allocate(position: number, length: number): boolean {
    for (let at = position - (position % CHUNK_BYTES); at < position + length; at += CHUNK_BYTES) {
      const needed = Math.min(CHUNK_BYTES, position + length - at);
      if (this.chunkFor(chunkIndex(at), needed, position + length) === null) return false;
    }
    return true;
  }

  /** Gives everything back. */
  clear(): void {
    this.dropChunks(0);
    this.size = 0;
  }

  /** The bytes at a position as they lie in memory, for copying them just once; null in a hole. `length` is the most that may be used. */
  chunkAt(position: number): { bytes: Uint8Array; offset: number; length: number } | null {
    const chunk = this.chunk(chunkIndex(position));
    const offset = position % CHUNK_BYTES;
    if (chunk === undefined || offset >= chunk.length) return null;
    return { bytes: chunk, offset, length: Math.min(chunk.length - offset, this.size - position) };
  }

  /** The next position from `offset` on that is (or is not) in a chunk; `end` if there is none. */
  nextBoundary(offset: number, end: number, wantsData: boolean): number {
    let at = offset;
    while (at < end) {
      if ((this.chunk(chunkIndex(at)) !== undefined) === wantsData) return at;
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

  private chunkFor(index: number, neededBytes: number, endOfWrite: number): Uint8Array | null {
    const chunk = this.chunk(index);
    if (chunk !== undefined && chunk.length >= neededBytes) return chunk;
    const capacity = index === 0 && endOfWrite <= CHUNK_BYTES ? powerOfTwo(neededBytes) : CHUNK_BYTES;
    if (!this.budget.takeBytes(capacity - (chunk?.length ?? 0))) return null;
    this.allocatedBytes += capacity - (chunk?.length ?? 0);
    const larger = new Uint8Array(capacity);
    if (chunk !== undefined) larger.set(chunk);
    if (index === 0) this.first = larger;
    else this.others.set(index, larger);
    return larger;
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
