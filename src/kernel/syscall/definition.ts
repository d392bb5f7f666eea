/**
 * What one line of the system call table says. Each family of calls exports its lines; the gate's tables gather them.
 */
import type { Handler } from "../task/task.ts";

/**
 * How an argument reads, for strace and for decoding registers of machine code. `fd` and `int` are signed 32 bits, `size`
 * and the addresses unsigned, `offset` is signed 64 bits.
 */
export type ArgumentType =
  | "fd"
  | "dirfd"
  | "int"
  | "uint"
  | "size"
  | "offset"
  | "hex"
  | "mode"
  | "path"
  | "sized-path"
  | "buffer-in"
  | "buffer-out"
  | "address"
  | "sockaddr"
  | "sockaddr-out"
  | "length-address"
  | "open-flags"
  | "message-flags"
  | "socket-domain"
  | "socket-type"
  | "how"
  | "whence"
  | "signal"
  | "clock"
  | "timespec"
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
