/**
 * BUFFER_POOL: where TCP's rings come from, in two profiles. "specification": a fixed number of pairs (32 of 4 KiB to receive and 4 KiB
 * to send), one per connection; see pair-pool.ts. "auto": rings that start small and grow with use, up to a bound for all
 * of them together (Linux's tcp_rmem, tcp_wmem and tcp_mem are the model).
 */
import type { Arena } from "../../base/arena.ts";
import { growthLimitAt, type RingMemory } from "../net/tcp/ring-memory.ts";
import { PairPool } from "./pair-pool.ts";

export type BufferPoolProfile = "auto" | "specification";

export interface BufferPoolOptions {
  /** Default "auto". */
  profile?: BufferPoolProfile;
  /** "specification": how many pairs. Default 32. */
  pairs?: number;
  /** "auto": bytes of all rings together. Default half of the arena. */
  maximumBytes?: number;
  /** "auto": what one connection's ring may grow to, a power of two. Default 4 MiB. */
  maximumRingBytes?: number;
  /** "auto": connections at once. Default 65,536. */
  maximumConnections?: number;
}

/** What the pool counts: all zero when nothing is in use. */
export interface BufferPoolUsage {
  connections: number;
  bytesInUse: number;
  /** Given back and waiting for the network runner; contained in `bytesInUse`. */
  bytesPutAside: number;
}

export interface BufferPool extends RingMemory {
  readonly profile: BufferPoolProfile;
  /** Connections and rings refused because the pool was exhausted (ENOBUFS). */
  readonly exhausted: number;
  /** One connection less; `owner` is who the rings were allocated for. */
  release(owner?: object | null): void;
  /** `owner` is the connection: its rings lie in one pair. */
  allocateRing(byteLength: number, owner?: object | null): number;
  /** Called by the network runner after polling: what was put aside becomes free. */
  collect(): void;
  /** Index of the pair that a connection uses; -1 for none, and in a pool without pairs. */
  slotOf(owner: object): number;
  usage(): BufferPoolUsage;
}

export function createBufferPool(arena: Arena, options: BufferPoolOptions = {}): BufferPool {
  return options.profile === "specification"
    ? new PairPool(arena, options.pairs ?? 32)
    : new GrowingPool(arena, options);
}

/** Rings are blocks of the arena. They are free at once when given back: TCP keeps no reference to what it has freed. */
export class GrowingPool implements BufferPool {
  readonly profile = "auto";
  readonly initialBytes = 4096;
  readonly maximumReceiveBytes: number;
  readonly maximumSendBytes: number;
  readonly maximumBytes: number;
  readonly maximumConnections: number;
  exhausted = 0;
  private connections = 0;
  private bytesInUse = 0;
  private readonly arena: Arena;

  constructor(arena: Arena, options: BufferPoolOptions = {}) {
    this.arena = arena;
    this.maximumReceiveBytes = options.maximumRingBytes ?? 4 << 20;
    this.maximumSendBytes = this.maximumReceiveBytes;
    this.maximumBytes = options.maximumBytes ?? arena.totalBytes / 2;
    this.maximumConnections = options.maximumConnections ?? 65_536;
  }

  get growthLimit(): number {
    return growthLimitAt(Math.max(this.bytesInUse / this.maximumBytes, this.arena.blockUse), this);
  }

  admit(): boolean {
    if (this.connections >= this.maximumConnections) {
      this.exhausted++;
      return false;
    }
    this.connections++;
    return true;
  }

  release(): void {
    this.connections--;
  }

  allocateRing(byteLength: number): number {
    const offset = this.bytesInUse + byteLength > this.maximumBytes ? 0 : this.arena.allocateBlock(byteLength);
    if (offset === 0) this.exhausted++;
    else this.bytesInUse += byteLength;
    return offset;
  }

  freeRing(offset: number, byteLength: number): void {
    this.arena.freeBlock(offset, byteLength);
    this.bytesInUse -= byteLength;
  }

  collect(): void {}

  slotOf(): number {
    return -1;
  }

  usage(): BufferPoolUsage {
    return { connections: this.connections, bytesInUse: this.bytesInUse, bytesPutAside: 0 };
  }
}
