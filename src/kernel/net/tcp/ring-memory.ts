/**
 * Where the rings of connections come from, and how many connections there may be. The socket layer's buffer pool is one
 * implementation; this default takes blocks of the arena.
 */
import type { Arena } from "../../../base/arena.ts";

export interface RingMemory {
  /** One connection more; false when there may be none (ENOBUFS; a SYN is dropped). */
  admit(): boolean;
  /** One connection less; `owner` is who its rings were allocated for, if any were. */
  release(owner?: object): void;
  /** Offset of a block of a power of two of bytes; 0 when exhausted. `owner` is the connection. */
  allocateRing(byteLength: number, owner: object): number;
  freeRing(offset: number, byteLength: number): void;
  /** A ring's size when the first byte comes. */
  readonly initialBytes: number;
  /** Powers of two; what the buffers may grow to. */
  readonly maximumReceiveBytes: number;
  readonly maximumSendBytes: number;
  /** How far buffers may grow now: the maximum, or less while memory is short; never less than `initialBytes`. */
  readonly growthLimit: number;
}

/** Up to which use of the memory rings grow to how many bytes. */
const UNLIMITED_USE = 1 / 2;
const PRESSURE: readonly { use: number; ringBytes: number }[] = [
  { use: 3 / 4, ringBytes: 65_536 },
  { use: 7 / 8, ringBytes: 16_384 },
];

/**
 * The growth limit where this part of the memory (0 to 1) is in use. As with the pressure mark of Linux's tcp_mem, a few
 * hundred peers that read slowly must not take what the next connection needs: beyond half, rings stay ever smaller.
 */
export function growthLimitAt(use: number, memory: Pick<RingMemory, "initialBytes" | "maximumSendBytes">): number {
  if (use < UNLIMITED_USE) return memory.maximumSendBytes;
  const ringBytes = PRESSURE.find((step) => use < step.use)?.ringBytes ?? 0;
  return Math.max(memory.initialBytes, Math.min(memory.maximumSendBytes, ringBytes));
}

export interface ArenaRingMemoryOptions {
  initialBytes?: number;
  maximumReceiveBytes?: number;
  maximumSendBytes?: number;
  maximumConnections?: number;
}

export class ArenaRingMemory implements RingMemory {
  readonly initialBytes: number;
  readonly maximumReceiveBytes: number;
  readonly maximumSendBytes: number;
  readonly maximumConnections: number;
  connections = 0;
  private readonly arena: Arena;

  /** Defaults: 4 KiB at first, growing to 4 MiB each way (tcp_rmem, tcp_wmem), 65,536 connections. */
  constructor(arena: Arena, options: ArenaRingMemoryOptions = {}) {
    this.arena = arena;
    this.initialBytes = options.initialBytes ?? 4096;
    this.maximumReceiveBytes = options.maximumReceiveBytes ?? 4 << 20;
    this.maximumSendBytes = options.maximumSendBytes ?? 4 << 20;
    this.maximumConnections = options.maximumConnections ?? 65_536;
  }

  get growthLimit(): number {
    return growthLimitAt(this.arena.blockUse, this);
  }

  admit(): boolean {
    if (this.connections >= this.maximumConnections) return false;
    this.connections++;
    return true;
  }

  release(): void {
    this.connections--;
  }

  allocateRing(byteLength: number): number {
    return this.arena.allocateBlock(byteLength);
  }

  freeRing(offset: number, byteLength: number): void {
    this.arena.freeBlock(offset, byteLength);
  }
}
