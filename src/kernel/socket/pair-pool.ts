/**
 * The specification's buffer pool: so many pairs of 4 KiB to receive and 4 KiB to send, allocated once at boot. A connection takes a
 * pair when it begins and keeps it to its end. A half that is given back is put aside and becomes free when the network
 * runner has polled; so does a pair, once nothing refers to it any more.
 */
import type { Arena } from "../../base/arena.ts";
import type { BufferPool, BufferPoolUsage } from "./buffer-pool.ts";

export const PAIR_HALF_BYTES = 4096;

/** States of a half. */
const FREE = 0;
const IN_USE = 1;
const PUT_ASIDE = 2;

export class PairPool implements BufferPool {
  readonly profile = "specification";
  readonly initialBytes: number = PAIR_HALF_BYTES;
  readonly maximumReceiveBytes: number = PAIR_HALF_BYTES;
  readonly maximumSendBytes: number = PAIR_HALF_BYTES;
  readonly growthLimit: number = PAIR_HALF_BYTES;
  /** How many pairs there are: fewer than asked for when the arena was too small. */
  readonly pairs: number;
  exhausted = 0;
  /** The allocation flags: 1 while a connection has the pair. */
  private readonly allocated: Uint8Array;
  /** Per pair: its connection (1), and each half that is in use or put aside. The pair is free at 0. */
  private readonly referenceCounts: Uint8Array;
  /** The connection that a pair's halves were allocated for; null until it asked for the first. */
  private readonly owners: (object | null)[];
  private readonly halfStates: Uint8Array;
  private readonly halfOffsets: Int32Array;
  private readonly halfByOffset = new Map<number, number>();
  /** Halves that wait for the network runner. */
  private readonly putAside: number[] = [];
  private connections = 0;

  constructor(arena: Arena, pairs: number) {
    const offsets: number[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      const offset = arena.allocateBlock(2 * PAIR_HALF_BYTES);
      if (offset === 0) break;
      offsets.push(offset, offset + PAIR_HALF_BYTES);
    }
    this.pairs = offsets.length / 2;
    this.halfOffsets = Int32Array.from(offsets);
    for (const [half, offset] of offsets.entries()) this.halfByOffset.set(offset, half);
    this.halfStates = new Uint8Array(offsets.length);
    this.allocated = new Uint8Array(this.pairs);
    this.referenceCounts = new Uint8Array(this.pairs);
    this.owners = new Array<object | null>(this.pairs).fill(null);
  }

  admit(): boolean {
    const pair = this.referenceCounts.indexOf(0);
    if (pair < 0) {
      this.exhausted++;
      return false;
    }
    this.allocated[pair] = 1;
    this.referenceCounts[pair] = 1;
    this.connections++;
    return true;
  }

  /** A connection that never asked for a ring has no pair to its name; it gives back one that nobody has named yet. */
  release(owner: object | null = null): void {
    let pair = owner === null ? -1 : this.owners.indexOf(owner);
    if (pair < 0) pair = this.unnamedPair();
    if (pair < 0) return;
    this.allocated[pair] = 0;
    this.owners[pair] = null;
    this.referenceCounts[pair] = (this.referenceCounts[pair] as number) - 1;
    this.connections--;
  }

  allocateRing(byteLength: number, owner: object | null = null): number {
    const pair = byteLength > PAIR_HALF_BYTES ? -1 : this.pairOf(owner);
    for (let half = 2 * pair; pair >= 0 && half < 2 * pair + 2; half++) {
      const state = this.halfStates[half] as number;
      if (state === IN_USE) continue;
      // Its own half, put aside a moment ago, it may have back: whoever looks into it is this connection.
      if (state === FREE) this.referenceCounts[pair] = (this.referenceCounts[pair] as number) + 1;
      this.halfStates[half] = IN_USE;
      return this.halfOffsets[half] as number;
    }
    this.exhausted++;
    return 0;
  }

  freeRing(offset: number): void {
    const half = this.halfByOffset.get(offset);
    if (half === undefined || this.halfStates[half] !== IN_USE) return;
    this.halfStates[half] = PUT_ASIDE;
    this.putAside.push(half);
  }

  collect(): void {
    if (this.putAside.length === 0) return;
    for (const half of this.putAside) {
      if (this.halfStates[half] !== PUT_ASIDE) continue;
      this.halfStates[half] = FREE;
      const pair = half >> 1;
      this.referenceCounts[pair] = (this.referenceCounts[pair] as number) - 1;
    }
    this.putAside.length = 0;
  }

  slotOf(owner: object): number {
    return this.owners.indexOf(owner);
  }

  /** For tests and listings: whether a pair's flag is set, and what refers to it. */
  isAllocated(pair: number): boolean {
    return this.allocated[pair] === 1;
  }

  referenceCount(pair: number): number {
    return this.referenceCounts[pair] ?? 0;
  }

  usage(): BufferPoolUsage {
    let inUse = 0;
    let aside = 0;
    for (const state of this.halfStates) {
      if (state !== FREE) inUse++;
      if (state === PUT_ASIDE) aside++;
    }
    return {
      connections: this.connections,
      bytesInUse: inUse * PAIR_HALF_BYTES,
      bytesPutAside: aside * PAIR_HALF_BYTES,
    };
  }

  /** The pair named for `owner`; the first time, one that is allocated and has no name yet gets it. */
  private pairOf(owner: object | null): number {
    if (owner === null) return this.pairWithFreeHalf();
    const named = this.owners.indexOf(owner);
    if (named >= 0) return named;
    const pair = this.unnamedPair();
    if (pair >= 0) this.owners[pair] = owner;
    return pair;
  }

  private unnamedPair(): number {
    for (let pair = 0; pair < this.pairs; pair++) {
      if (this.allocated[pair] === 1 && this.owners[pair] === null) return pair;
    }
    return -1;
  }

  private pairWithFreeHalf(): number {
    for (let pair = 0; pair < this.pairs; pair++) {
      if (this.allocated[pair] === 0) continue;
      if (this.halfStates[2 * pair] !== IN_USE || this.halfStates[2 * pair + 1] !== IN_USE) return pair;
    }
    return -1;
  }
}
