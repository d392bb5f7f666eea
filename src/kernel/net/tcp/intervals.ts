/**
 * A sorted list of disjoint ranges of sequence numbers, bounded: the receiver's held out-of-order bytes, and the sender's
 * record of what the peer has acknowledged selectively (RFC 2018). Made only where segments were lost or reordered.
 */
import { isAtMost, isBefore } from "./sequence.ts";

export class SequenceIntervals {
  /** Start and end (exclusive) of each range, ascending; no two touch. */
  private readonly edges: number[] = [];
  private readonly limit: number;
  /** Bytes in all ranges together. */
  total = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get count(): number {
    return this.edges.length >> 1;
  }

  start(index: number): number {
    return this.edges[2 * index]!;
  }

  end(index: number): number {
    return this.edges[2 * index + 1]!;
  }

  /** End of the last range; only while there is one. */
  get highest(): number {
    return this.edges[this.edges.length - 1]!;
  }

  /** Adds [from, to); returns how many bytes of it are new, -1 when one range more would be too many. */
  add(from: number, to: number): number {
    const { edges } = this;
    // First range that ends at or after `from`; first range that starts after `to`.
    const low = this.firstEndingFrom(from);
    let high = low;
    while (high < edges.length && isAtMost(edges[high]!, to)) high += 2;
    if (low === high) {
      if (this.count >= this.limit) return -1;
      edges.splice(low, 0, from, to);
      this.total += (to - from) | 0;
      return (to - from) | 0;
    }
    const start = isBefore(edges[low]!, from) ? edges[low]! : from;
    const end = ((edges[high - 1]! - to) | 0) > 0 ? edges[high - 1]! : to;
    let held = 0;
    for (let at = low; at < high; at += 2) held += (edges[at + 1]! - edges[at]!) | 0;
    edges.splice(low, high - low, start, end);
    const fresh = ((end - start) | 0) - held;
    this.total += fresh;
    return fresh;
  }

  /** Forgets everything before `edge`; returns how many bytes that were. */
  trim(edge: number): number {
    const { edges } = this;
    let drop = 0;
    let removed = 0;
    while (drop < edges.length && isAtMost(edges[drop + 1]!, edge)) {
      removed += (edges[drop + 1]! - edges[drop]!) | 0;
      drop += 2;
    }
    if (drop > 0) edges.splice(0, drop);
    if (edges.length > 0 && isBefore(edges[0]!, edge)) {
      removed += (edge - edges[0]!) | 0;
      edges[0] = edge;
    }
    this.total -= removed;
    return removed;
  }

  clear(): void {
    this.edges.length = 0;
    this.total = 0;
  }

  /** Index of the range that holds `sequence`, or of the first one after it; `count` when none. */
  find(sequence: number): number {
    let at = this.firstEndingFrom(sequence);
    if (at < this.edges.length && this.edges[at + 1] === sequence) at += 2;
    return at >> 1;
  }

  contains(sequence: number): boolean {
    const index = this.find(sequence);
    return index < this.count && isAtMost(this.start(index), sequence);
  }

  /** How many bytes of [from, to) lie in ranges. */
  bytesWithin(from: number, to: number): number {
    const { edges } = this;
    let bytes = 0;
    for (let at = this.firstEndingFrom(from); at < edges.length; at += 2) {
      const start = isBefore(edges[at]!, from) ? from : edges[at]!;
      const end = isBefore(to, edges[at + 1]!) ? to : edges[at + 1]!;
      if (isBefore(start, end)) bytes += (end - start) | 0;
      if (isAtMost(to, edges[at + 1]!)) break;
    }
    return bytes;
  }

  /** Position in `edges` of the first range whose end is not before `sequence`. */
  private firstEndingFrom(sequence: number): number {
    const { edges } = this;
    let low = 0;
    let high = edges.length >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(edges[2 * middle + 1]!, sequence)) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}
