/**
 * SOCKET_TABLE: every socket of the system by its index, the number in "socket:[index]". A socket leaves the table when its last
 * descriptor is closed and, if a connection of its own still has to end, when the network runner has polled after that.
 */
import { ENOBUFS } from "../../abi/errno.ts";
import { LockRank, RankedLock } from "../../base/ranked-lock.ts";
import type { NetStack } from "../net/stack.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { KernelSocket } from "./kernel-socket.ts";
import { UnixNames } from "./unix-names.ts";

export interface SocketTableOptions {
  /** Sockets that may exist at once; one more is ENOBUFS. Default 262,144. */
  maximum?: number;
}

export class SocketTable {
  readonly net: NetStack;
  readonly pool: BufferPool | null;
  readonly maximum: number;
  /** Level 2.5 of the hierarchy. Held for each change of a socket's state; never together with work on a descriptor table. */
  readonly lock: RankedLock = new RankedLock(LockRank.socketTable, "socket table");
  /** Who is bound to which AF_UNIX name. */
  readonly unixNames: UnixNames = new UnixNames();
  /** Addresses of AF_NETLINK sockets that are taken. */
  readonly netlinkPorts: Set<number> = new Set();
  /** Place 0 stays empty: tools take inode 0 in /proc/net for "none". */
  private readonly sockets: (KernelSocket | null)[] = [null];
  private readonly freeIndexes: number[] = [];
  /** Closed sockets whose connections the stack still refers to, until the next `collect()`. */
  private readonly closing: KernelSocket[] = [];

  /** `pool` is what the stack's TCP takes its rings from; null when the stack was given none. */
  constructor(net: NetStack, pool: BufferPool | null, options: SocketTableOptions = {}) {
    this.net = net;
    this.pool = pool;
    this.maximum = options.maximum ?? 262_144;
  }

  /** Sockets in the table. */
  get size(): number {
    return this.sockets.length - 1 - this.freeIndexes.length;
  }

  /** True when one more socket would be refused with ENOBUFS. */
  get isFull(): boolean {
    return this.size >= this.maximum;
  }

  /** Puts a new socket in and gives it its index: 0, or -ENOBUFS when the table is full. */
  add(socket: KernelSocket): number {
    this.lock.acquire();
    try {
      if (this.isFull) return -ENOBUFS;
      const index = this.freeIndexes.pop() ?? this.sockets.length;
      this.sockets[index] = socket;
      socket.index = index;
      return 0;
    } finally {
      this.lock.release();
    }
  }

  get(index: number): KernelSocket | null {
    return this.sockets[index] ?? null;
  }

  *all(): Iterable<KernelSocket> {
    for (const socket of this.sockets) if (socket !== null) yield socket;
  }

  remove(socket: KernelSocket): void {
    if (socket.index < 0) return;
    this.lock.acquire();
    this.sockets[socket.index] = null;
    this.freeIndexes.push(socket.index);
    socket.index = -1;
    this.lock.release();
  }

  /** Leaves the removal of a closed socket to the network runner. */
  defer(socket: KernelSocket): void {
    this.closing.push(socket);
    this.net.requestPoll();
  }

  /** Called by the network runner after each poll: closed sockets leave the table, buffers put aside become free again. */
  collect(): void {
    if (this.closing.length > 0) {
      for (const socket of this.closing) socket.finishClosing();
      this.closing.length = 0;
    }
    this.pool?.collect();
  }
}
