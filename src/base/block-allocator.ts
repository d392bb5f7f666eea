/**
 * Blocks of powers of two from one range of a memory: a buddy allocator whose bookkeeping lies outside the memory, in typed
 * arrays that are touched only where blocks have been. Small blocks that come back wait in short LIFO lists, so that
 * opening and closing connections does not split and join all the way each time.
 */

export const SMALLEST_BLOCK_BYTES = 2048;
export const LARGEST_BLOCK_BYTES: number = 1 << 24;
const SMALLEST_SHIFT = 11;
const LARGEST_ORDER = 24 - SMALLEST_SHIFT;
/** Orders up to this one (64 KiB) are kept in quick lists, so many each. */
const QUICK_ORDERS = 6;
const QUICK_LIMIT = 64;

/** Values of `states`: 0 not the start of a block, odd = free block of order (v-1)/2, even = block in use of order (v-2)/2. */
const freeState = (order: number): number => 2 * order + 1;
const usedState = (order: number): number => 2 * order + 2;

export class BlockAllocator {
  private readonly base: number;
  private readonly end: number;
  /** Per smallest block, by index from `base`. */
  private readonly states: Uint8Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  /** Index of the first free block per order; -1 for none. */
  private readonly heads: Int32Array = new Int32Array(LARGEST_ORDER + 1).fill(-1);
  private readonly quick: Int32Array = new Int32Array((QUICK_ORDERS + 1) * QUICK_LIMIT);
  private readonly quickCounts: Int32Array = new Int32Array(QUICK_ORDERS + 1);
  /** Where no block has been yet; the range is cut into largest blocks on demand. */
  private fresh: number;
  bytesInUse = 0;

  /** Serves [from, end). */
  constructor(from: number, end: number) {
    // Buddies are found by index relative to `base`, so alignment up to 4 KiB follows from the base's.
    this.base = (from + 4095) & ~4095;
    this.end = end;
    this.fresh = 0;
    const count = Math.max(0, (this.end - this.base) >> SMALLEST_SHIFT);
    this.states = new Uint8Array(count);
    this.next = new Int32Array(count);
    this.previous = new Int32Array(count);
  }

  get totalBytes(): number {
    return this.states.length << SMALLEST_SHIFT;
  }

  /** Offset of a block of at least `byteLength` bytes (rounded up to a power of two); 0 when exhausted or too long. */
  allocate(byteLength: number): number {
    const order = orderOf(byteLength);
    if (order > LARGEST_ORDER) return 0;
    let index = -1;
    if (order <= QUICK_ORDERS && (this.quickCounts[order] as number) > 0) {
      const count = (this.quickCounts[order] as number) - 1;
      this.quickCounts[order] = count;
      index = this.quick[order * QUICK_LIMIT + count] as number;
    } else {
      index = this.take(order);
      if (index < 0 && this.flushQuick()) index = this.take(order);
      if (index < 0) return 0;
    }
    this.states[index] = usedState(order);
    this.bytesInUse += SMALLEST_BLOCK_BYTES << order;
    return this.base + (index << SMALLEST_SHIFT);
  }

  /** `byteLength` as given to `allocate`. Throws on a block that is not in use: memory would be corrupted from here on. */
  free(offset: number, byteLength: number): void {
    const order = orderOf(byteLength);
    const index = (offset - this.base) >> SMALLEST_SHIFT;
    if (this.states[index] !== usedState(order)) throw new Error(`block ${offset} freed but not in use`);
    this.bytesInUse -= SMALLEST_BLOCK_BYTES << order;
    if (order <= QUICK_ORDERS) {
      const count = this.quickCounts[order] as number;
      if (count < QUICK_LIMIT) {
        // Not marked free: a buddy must not join with it while it waits here.
        this.states[index] = 255;
        this.quick[order * QUICK_LIMIT + count] = index;
        this.quickCounts[order] = count + 1;
        return;
      }
    }
    this.join(index, order);
  }

  /** A free block of `order`, split from a larger one or cut from fresh memory; -1 when there is none. */
  private take(order: number): number {
    let from = order;
    while (from <= LARGEST_ORDER && (this.heads[from] as number) < 0) from++;
    if (from > LARGEST_ORDER) {
      if (!this.cut()) return -1;
      return this.take(order);
    }
    const index = this.heads[from] as number;
    this.unlink(index, from);
    this.states[index] = 0;
    while (from > order) {
      from--;
      this.link(index + (1 << from), from);
    }
    return index;
  }

  /** Puts the next largest block of untouched memory (or, at the end, what is left in smaller ones) on the free lists. */
  private cut(): boolean {
    const count = this.states.length;
    if (this.fresh >= count) return false;
    let order = LARGEST_ORDER;
    while (this.fresh + (1 << order) > count) order--;
    this.link(this.fresh, order);
    this.fresh += 1 << order;
    return true;
  }

  private join(from: number, fromOrder: number): void {
    let index = from;
    let order = fromOrder;
    while (order < LARGEST_ORDER) {
      const buddy = index ^ (1 << order);
      if (buddy >= this.states.length || this.states[buddy] !== freeState(order)) break;
      this.unlink(buddy, order);
      this.states[buddy] = 0;
      this.states[index] = 0;
      index = Math.min(index, buddy);
      order++;
    }
    this.link(index, order);
  }

  /** Gives the waiting blocks back to the free lists; true when there were any. */
  private flushQuick(): boolean {
    let any = false;
    for (let order = 0; order <= QUICK_ORDERS; order++) {
      const count = this.quickCounts[order] as number;
      for (let k = 0; k < count; k++) this.join(this.quick[order * QUICK_LIMIT + k] as number, order);
      this.quickCounts[order] = 0;
      any ||= count > 0;
    }
    return any;
  }

  private link(index: number, order: number): void {
    const head = this.heads[order] as number;
    this.states[index] = freeState(order);
    this.next[index] = head;
    this.previous[index] = -1;
    if (head >= 0) this.previous[head] = index;
    this.heads[order] = index;
  }

  private unlink(index: number, order: number): void {
    const next = this.next[index] as number;
    const previous = this.previous[index] as number;
    if (next >= 0) this.previous[next] = previous;
    if (previous >= 0) this.next[previous] = next;
    else this.heads[order] = next;
  }
}

/** 0 for up to 2 KiB, 1 for up to 4 KiB … */
function orderOf(byteLength: number): number {
  return byteLength <= SMALLEST_BLOCK_BYTES ? 0 : 32 - Math.clz32(byteLength - 1) - SMALLEST_SHIFT;
}
