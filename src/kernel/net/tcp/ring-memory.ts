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
