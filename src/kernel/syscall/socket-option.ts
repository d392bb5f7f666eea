/** setsockopt(2) and getsockopt(2). Which options there are, and what they mean, is the sockets' affair. */
import { EFAULT, EINVAL, ENOPROTOOPT, EOPNOTSUPP } from "../../abi/errno.ts";
import { AF_UNIX, IPPROTO_IP } from "../../abi/socket.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { socketOf } from "./socket-arguments.ts";

/** No option's value is longer. */
const LONGEST_VALUE_BYTES = 512;

const value = new DataView(new ArrayBuffer(LONGEST_VALUE_BYTES));
const valueBytes = new Uint8Array(value.buffer);

export function setsockopt(task: Task, fd: number, level: number, name: number, at: number, length: number): number {
  const socket = socketOf(task, fd | 0);
  if (typeof socket === "number") return socket;
  const byteLength = length | 0;
  if (byteLength < 0) return -EINVAL;
  if (!socket.hasLevel(level | 0)) return socket.domain === AF_UNIX ? -EOPNOTSUPP : -ENOPROTOOPT;
  const { memory } = task.process;
  const taken = Math.min(byteLength, LONGEST_VALUE_BYTES);
  if (!memory.isValid(at, taken)) return -EFAULT;
  return socket.setOption(level | 0, name | 0, memory.bytes, at, taken);
}

export function getsockopt(task: Task, fd: number, level: number, name: number, at: number, lengthAt: number): number {
  const socket = socketOf(task, fd | 0);
  if (typeof socket === "number") return socket;
  // Unlike setsockopt(2), which says ENOPROTOOPT for a level that there is not.
  if (!socket.hasLevel(level | 0)) return -EOPNOTSUPP;
  const { memory } = task.process;
  if (!memory.isValid(lengthAt, 4)) return -EFAULT;
  const room = memory.readInt32(lengthAt);
  if (room < 0) return -EINVAL;
  let length = socket.getOption(level | 0, name | 0, value);
  if (length < 0) return length;
  // ip(7): a small value may be asked for as a single byte.
  if ((level | 0) === IPPROTO_IP && length === 4 && room > 0 && room < 4 && value.getUint32(0, true) <= 255) length = 1;
  length = Math.min(length, room);
  if (!memory.isValid(at, length)) return -EFAULT;
  memory.bytes.set(valueBytes.subarray(0, length), at);
  memory.writeUint32(lengthAt, length);
  return 0;
}

export const socketOptionCalls: readonly SyscallDefinition[] = [
  call(208, "setsockopt", ["fd", "socket-level", "socket-option", "socket-value", "int"], setsockopt),
  call(209, "getsockopt", ["fd", "socket-level", "socket-option", "socket-value-out", "length-address"], getsockopt),
];
