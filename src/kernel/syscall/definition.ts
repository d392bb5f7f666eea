/**
 * What one line of the system call table says. Each family of calls exports its lines; the gate's tables gather them.
 */
import type { Handler } from "../task/task.ts";

/**
 * How an argument reads, for strace and for decoding registers of machine code. `fd` and `int` are signed 32 bits, `size`
 * and the addresses 64 bits, `offset` is signed 64 bits; `hex` is 64 bits wide, `flags` 32.
 *
 * Where a length belongs to an argument it is the next one: buffer-in and buffer-out (then a `size`), sized-path, sockaddr
 * (then an `int`), sockaddr-out (then a `length-address`), iovec-in and iovec-out, pollfd, epoll-events-out (then a count).
 * Types that end in -out are printed after the call.
 */
export type ArgumentType =
  // Numbers.
  | "fd"
  | "dirfd"
  | "int"
  | "uint"
  | "long"
  | "size"
  | "offset"
  | "hex"
  | "flags"
  | "mode"
  | "pid"
  // Memory.
  | "path"
  | "string"
  | "sized-path"
  | "buffer-in"
  | "buffer-out"
  | "iovec-in"
  | "iovec-out"
  | "message-in"
  | "message-out"
  | "address"
  | "int-out"
  | "fd-pair-out"
  | "long-in"
  | "long-out"
  | "stat-out"
  // Sockets.
  | "sockaddr"
  | "sockaddr-out"
  | "length-address"
  | "message-flags"
  | "socket-domain"
  | "socket-type"
  | "socket-protocol"
  | "socket-level"
  | "socket-option"
  | "socket-value"
  | "socket-value-out"
  | "how"
  | "ipv4-out"
  // Names and flags.
  | "open-flags"
  | "pipe-flags"
  | "splice-flags"
  | "dup-flags"
  | "at-flags"
  | "access-mode"
  | "fcntl-command"
  | "fcntl-argument"
  | "lock-operation"
  | "scheduling-policy"
  | "ioctl-request"
  | "whence"
  | "signal"
  | "clock"
  | "clock-flags"
  | "epoll-flags"
  | "epoll-operation"
  | "eventfd-flags"
  | "timerfd-flags"
  | "inotify-flags"
  | "inotify-mask"
  | "signalfd-flags"
  | "wait-options"
  | "wait-id-type"
  | "random-flags"
  | "protection"
  | "map-flags"
  | "resource"
  | "usage-who"
  | "signal-how"
  | "interval-timer"
  // Structures.
  | "timespec"
  | "timespec-out"
  | "timeval-out"
  | "itimerval"
  | "itimerval-out"
  | "itimerspec"
  | "itimerspec-out"
  | "pollfd"
  | "fd-set"
  | "epoll-event"
  | "epoll-events-out"
  | "signal-set"
  | "signal-set-out"
  | "signal-action"
  | "signal-action-out"
  | "signal-info-out"
  | "wait-status-out"
  | "rlimit"
  | "rlimit-out"
  | "utsname-out"
  | "directory-out"
  | "errno-none";

export interface SyscallDefinition {
  readonly number: number;
  readonly name: string;
  readonly arguments: readonly ArgumentType[];
  readonly handler: Handler;
}

/** One line of the table: `call(198, "socket", ["socket-domain", "socket-type", "int"], socket)`. */
export function call(
  number: number,
  name: string,
  argumentTypes: readonly ArgumentType[],
  handler: Handler,
): SyscallDefinition {
  return { number, name, arguments: argumentTypes, handler };
}
