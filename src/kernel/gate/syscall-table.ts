/**
 * One line per system call: number, name, argument types, handler. Dispatch, strace and the coverage page read the same
 * lines.
 */
import type { ArgumentType, SyscallDefinition } from "../syscall/definition.ts";
import type { Handler } from "../task/task.ts";

/** Types whose register holds 64 bits; of all others the lower half counts. */
const wideTypes: ReadonlySet<ArgumentType> = new Set<ArgumentType>([
  "long",
  "size",
  "offset",
  "hex",
  "path",
  "string",
  "sized-path",
  "buffer-in",
  "buffer-out",
  "iovec-in",
  "iovec-out",
  "message-in",
  "message-out",
  "address",
  "int-out",
  "fd-pair-out",
  "long-in",
  "long-out",
  "stat-out",
  "sockaddr",
  "sockaddr-out",
  "length-address",
  "socket-value",
  "socket-value-out",
  "ipv4-out",
  "fcntl-argument",
  "timespec",
  "timespec-out",
  "timeval-out",
  "itimerval",
  "itimerval-out",
  "itimerspec",
  "itimerspec-out",
  "pollfd",
  "fd-set",
  "epoll-event",
  "epoll-events-out",
  "signal-set",
  "signal-set-out",
  "signal-action",
  "signal-action-out",
  "signal-info-out",
  "wait-status-out",
  "rlimit",
  "rlimit-out",
  "utsname-out",
  "directory-out",
]);
const unsignedTypes: ReadonlySet<ArgumentType> = new Set<ArgumentType>(["uint", "flags", "ioctl-request", "mode"]);

export class SyscallTable {
  /** Indexed by number; undefined is ENOSYS. */
  readonly handlers: (Handler | undefined)[] = [];
  readonly definitions: (SyscallDefinition | undefined)[] = [];

  /**
   * By number, how registers become arguments: two bits each, from the lowest. 0: the lower 32 bits, signed; 1: the lower 32 bits,
   * unsigned; 2: all 64 bits, signed.
   */
  readonly registerKinds: number[] = [];

  constructor(lines: readonly SyscallDefinition[]) {
    for (const line of lines) {
      this.definitions[line.number] = line;
      this.handlers[line.number] = line.handler;
      this.registerKinds[line.number] = line.arguments.reduce(
        (kinds, type, index) => kinds | ((wideTypes.has(type) ? 2 : unsignedTypes.has(type) ? 1 : 0) << (2 * index)),
        0,
      );
    }
  }
}
