/** The AF_UNIX sockets of a system: what is in flight between them, and their names: abstract ones (a leading NUL) and pathnames, each bound to one socket at a time. */
import type { UnixSocket } from "./unix-socket.ts";

export class UnixNames {
  /** By abstract name, or by the file that a pathname leads to. */
  private readonly byName = new Map<string | object, UnixSocket>();
  private lastNumber = 0;
  /** Open files that have been sent and not been received yet. */
  filesInFlight = 0;
  /** The search for unreachable sockets is under way: what it releases does not start another. */
  isCollecting = false;
  /** Every socket of the family that somebody holds. */
  readonly sockets: Set<UnixSocket> = new Set();

  /** Binds a name, or one of its own choice for "": an abstract one of five hexadecimal digits (unix(7), autobind). Null: taken. */
  bind(name: string | object, socket: UnixSocket): string | object | null {
    if (name !== "") {
      if (this.byName.has(name)) return null;
      this.byName.set(name, socket);
      return name;
    }
    for (let tries = 0; tries <= 0xf_ffff; tries++) {
      const chosen = `\0${(this.lastNumber++ & 0xf_ffff).toString(16).padStart(5, "0")}`;
      if (this.byName.has(chosen)) continue;
      this.byName.set(chosen, socket);
      return chosen;
    }
    return null;
  }

  get(name: string | object): UnixSocket | null {
    return this.byName.get(name) ?? null;
  }

  unbind(name: string | object, socket: UnixSocket): void {
    if (this.byName.get(name) === socket) this.byName.delete(name);
  }

  get size(): number {
    return this.byName.size;
  }
}
