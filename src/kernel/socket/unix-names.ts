/** The names of AF_UNIX sockets: abstract ones (a leading NUL) and pathnames, each bound to one socket at a time. */
import type { UnixSocket } from "./unix-socket.ts";

export class UnixNames {
  private readonly byName = new Map<string, UnixSocket>();
  private lastNumber = 0;

  /** False when the name is taken (EADDRINUSE). */
  bind(name: string, socket: UnixSocket): boolean {
    if (this.byName.has(name)) return false;
    this.byName.set(name, socket);
    return true;
  }

  get(name: string): UnixSocket | null {
    return this.byName.get(name) ?? null;
  }

  unbind(name: string, socket: UnixSocket): void {
    if (this.byName.get(name) === socket) this.byName.delete(name);
  }

  /** Counts up: what names that nobody chose are made of. */
  nextNumber(): number {
    return this.lastNumber++;
  }

  get size(): number {
    return this.byName.size;
  }
}
