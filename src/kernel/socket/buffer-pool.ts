/**
 * BUFFER_POOL: where TCP's rings come from. Two profiles: "specification" is a fixed number of pairs (32 of 4 KiB to receive and
 * 4 KiB to send), one per connection; "auto" gives rings that start small and grow with use up to a bound for all together.
 *
 * In both, a buffer that a connection gives back is put aside first and becomes free when the network runner has polled: until then
 * the stack may still look into it.
 */
import type { Arena } from "../../base/arena.ts";
import type { RingMemory } from "../net/tcp/ring-memory.ts";

export type BufferPoolProfile = "auto" | "specification";

export interface BufferPoolOptions {
  profile?: BufferPoolProfile;
  /** "specification": how many pairs. Default 32. */
  pairs?: number;
  /** "auto": bytes of all rings together. Default a quarter of the arena. */
  maximumBytes?: number;
  /** "auto": connections at once. Default 65,536. */
  maximumConnections?: number;
}

export const PAIR_HALF_BYTES = 4096;

/** What the pool counts; a leak shows here. */
export interface BufferPoolUsage {
  connections: number;
  bytesInUse: number;
  /** Given back, waiting for the runner. */
  bytesPutAside: number;
}

export abstract class BufferPool implements RingMemory {
  abstract readonly profile: BufferPoolProfile;
  readonly arena: Arena;
  abstract readonly initialBytes: number;
  abstract readonly maximumReceiveBytes: number;
  abstract readonly maximumSendBytes: number;
  /** Connections refused and rings not given because the pool was exhausted. */
  exhausted = 0;
  protected connections = 0;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** One connection more; false when the pool is exhausted (ENOBUFS). */
  abstract admit(): boolean;
  /** One connection less. */
  abstract release(): void;
  /** A ring of a power of two; 0 when exhausted. */
  abstract allocateRing(byteLength: number): number;
  abstract freeRing(offset: number, byteLength: number): void;
  /** Called by the network runner after polling: what was put aside becomes free. */
  abstract collect(): void;
  /** Which pair a ring belongs to; -1 in a pool without pairs. */
  abstract slotOf(ring: number): number;
  abstract usage(): BufferPoolUsage;
  /** Gives the pool's own memory back to the arena. Nothing may be in use. */
  abstract dispose(): void;
}
