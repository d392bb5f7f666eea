/** The AF_UNIX sockets of a system: what is in flight between them, and their names: abstract ones (a leading NUL) and pathnames, each bound to one socket at a time. */
import { ECONNREFUSED, EINVAL, EPROTOTYPE } from "../../abi/errno.ts";
import type { SocketAddress } from "./socket-address.ts";
import type { UnixSocket } from "./unix-socket.ts";

/** A file is one name for all; abstract names are each type's own. */
function keyOf(name: string | object, socketType: number): string | object {
  return typeof name === "string" ? `${socketType}${name}` : name;
}

export class UnixNames {
  /** By abstract name and type, or by the file that a pathname leads to. */
  private readonly byName = new Map<string | object, UnixSocket>();
  private lastNumber = 0;
  /** Open files that have been sent and not been received yet. */
  filesInFlight = 0;
  /** The search for unreachable sockets is under way: what it releases does not start another. */
  isCollecting = false;
  /** Every socket of the family that somebody holds. */
  readonly sockets: Set<UnixSocket> = new Set();

  /**
   * Binds a name, or one of its own choice for "": an abstract one of five hexadecimal digits (unix(7), autobind). The name, or null
   * when it is taken.
   */
  bind({ path, node }: SocketAddress, socket: UnixSocket): string | null {
    if (path !== "") return this.take(keyOf(node ?? path, socket.socketType), socket) ? path : null;
    for (let tries = 0; tries <= 0xf_ffff; tries++) {
      const chosen = `\0${(this.lastNumber++ & 0xf_ffff).toString(16).padStart(5, "0")}`;
      if (this.take(keyOf(chosen, socket.socketType), socket)) return chosen;
    }
    return null;
  }

  private take(key: string | object, socket: UnixSocket): boolean {
    if (this.byName.has(key)) return false;
    this.byName.set(key, socket);
    return true;
  }

  /** The socket behind a name; -EINVAL, what the walk to a file ended with, -ECONNREFUSED, -EPROTOTYPE for one of another type. */
  find({ path, node, error }: SocketAddress, socketType: number): UnixSocket | number {
    if (path === "") return -EINVAL;
    if (error !== 0) return error;
    const found = this.byName.get(keyOf(node ?? path, socketType));
    // A file that nobody is bound to any more: whoever made it has gone.
    if (found === undefined) return -ECONNREFUSED;
    return found.socketType === socketType ? found : -EPROTOTYPE;
  }

  unbind(socket: UnixSocket): void {
    const key = keyOf(socket.boundTo ?? socket.name, socket.socketType);
    if (this.byName.get(key) === socket) this.byName.delete(key);
  }

  get size(): number {
    return this.byName.size;
  }
}
