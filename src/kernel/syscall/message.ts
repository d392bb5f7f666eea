/**
 * sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2). struct msghdr, 56 bytes: address of the name, its length (int), address and
 * number of the segments, address and length of the ancillary data, flags (int).
 */
import { EFAULT, EINVAL, EMSGSIZE } from "../../abi/errno.ts";
import { IOV_MAX } from "../../abi/file.ts";
import { AF_INET6, MSG_CMSG_CLOEXEC, MSG_DONTWAIT } from "../../abi/socket.ts";
import { type KernelSocket, MessageInfo } from "../socket/kernel-socket.ts";
import { encodeSocketAddress, SOCKADDR_STORAGE_BYTES, SocketAddress } from "../socket/socket-address.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import { dropFiles, readAncillary, writeAncillary } from "./ancillary.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { IOVEC_BYTES, type IoVector, readIoVector } from "./iovec.ts";
import { readAddress, socketOf } from "./socket-arguments.ts";
import { receiveVector, sendVector } from "./socket-transfer.ts";
import { readTimeout } from "./timespec.ts";
import { followUnixPath } from "./unix-path.ts";

export const MSGHDR_BYTES = 56;
/** struct mmsghdr: a msghdr, and the bytes moved (4 bytes, padded to 8). */
export const MMSGHDR_BYTES = 64;
const MSG_WAITFORONE = 0x10000;

const NAME_LENGTH = 8;
const SEGMENTS = 16;
const SEGMENT_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;

const name = new SocketAddress();
const info = new MessageInfo();

function readSegments(task: Task, at: number): IoVector | number {
  const { memory } = task.process;
  const count = memory.readInt64(at + SEGMENT_COUNT);
  if (!(count >= 0 && count <= IOV_MAX)) return -EMSGSIZE;
  const segments = memory.readInt64(at + SEGMENTS);
  if (!memory.isValid(segments, count * IOVEC_BYTES)) return -EFAULT;
  return readIoVector(memory, segments, count);
}

/** Bytes sent, -errno or BLOCKED. */
function sendOne(task: Task, fd: number, socket: KernelSocket, at: number, flags: number): number {
  const { memory } = task.process;
  if (!memory.isValid(at, MSGHDR_BYTES)) return -EFAULT;
  const nameAt = memory.readInt64(at);
  let to: SocketAddress | null = null;
  const length = nameAt === 0 ? 0 : Math.min(memory.readInt32(at + NAME_LENGTH), SOCKADDR_STORAGE_BYTES);
  // Here a name of no length is none, for every family.
  if (length !== 0) {
    const bad = readAddress(task, socket, nameAt, length, name) || followUnixPath(task, socket, name);
    if (bad !== 0) return bad;
    to = name;
  }
  const vector = readSegments(task, at);
  if (typeof vector === "number") return vector;
  info.clear();
  const controlLength = memory.readInt64(at + CONTROL_LENGTH);
  // What goes along goes with the first byte: a call that is run again has sent it already.
  if (controlLength > 0 && task.progress === 0) {
    const bad = readAncillary(task, socket, memory.readInt64(at + CONTROL), controlLength, info);
    if (bad !== 0) return bad;
  }
  const result = sendVector(task, fd, socket, vector, flags, to, info);
  // Files that were not sent along, because the call failed or waits, are let go.
  dropFiles(info);
  return result;
}

/** Bytes received, -errno or BLOCKED. */
function receiveOne(task: Task, fd: number, socket: KernelSocket, at: number, flags: number): number {
  const { memory } = task.process;
  if (!memory.isValid(at, MSGHDR_BYTES)) return -EFAULT;
  const nameAt = memory.readInt64(at);
  const nameRoom = nameAt === 0 ? 0 : Math.min(memory.readInt32(at + NAME_LENGTH), SOCKADDR_STORAGE_BYTES);
  if (nameRoom < 0) return -EINVAL;
  const control = memory.readInt64(at + CONTROL);
  const controlRoom = control === 0 ? 0 : Math.max(0, memory.readInt64(at + CONTROL_LENGTH));
  if (!memory.isValid(nameAt, nameRoom) || !memory.isValid(control, controlRoom)) return -EFAULT;
  const vector = readSegments(task, at);
  if (typeof vector === "number") return vector;
  info.clear();
  const result = receiveVector(task, fd, socket, vector, flags, info);
  if (result < 0) {
    dropFiles(info);
    return result;
  }
  if (nameAt !== 0) {
    if (socket.domain === AF_INET6) info.source.map();
    memory.writeUint32(at + NAME_LENGTH, encodeSocketAddress(info.source, memory.bytes, nameAt, nameRoom));
  }
  const used = writeAncillary(task, socket, control, controlRoom, flags, info);
  memory.writeInt64(at + CONTROL_LENGTH, used);
  memory.writeUint32(at + FLAGS, info.flags | (flags & MSG_CMSG_CLOEXEC));
  return result;
}

export function sendmsg(task: Task, fd: number, at: number, flags: number): number {
  const socket = socketOf(task, fd | 0);
  return typeof socket === "number" ? socket : sendOne(task, fd | 0, socket, at, flags | 0);
}

export function recvmsg(task: Task, fd: number, at: number, flags: number): number {
  const socket = socketOf(task, fd | 0);
  return typeof socket === "number" ? socket : receiveOne(task, fd | 0, socket, at, flags | 0);
}

/** How far a call for several messages has come when it waits. */
interface Row {
  done: number;
  /** Monotonic milliseconds; recvmmsg(2)'s timeout. */
  deadline: number;
}

export function sendmmsg(task: Task, fd: number, at: number, count: number, flags: number): number {
  const socket = socketOf(task, fd | 0);
  if (typeof socket === "number") return socket;
  const row = (task.scratch as Row | null) ?? { done: 0, deadline: Number.POSITIVE_INFINITY };
  const most = Math.min(count >>> 0, IOV_MAX);
  while (row.done < most) {
    const messageAt = at + row.done * MMSGHDR_BYTES;
    const valid = task.process.memory.isValid(messageAt, MMSGHDR_BYTES);
    const result = valid ? sendOne(task, fd | 0, socket, messageAt, flags | 0) : -EFAULT;
    if (result === BLOCKED) {
      task.scratch = row;
      return BLOCKED;
    }
    if (result < 0) return row.done > 0 ? row.done : result;
    task.process.memory.writeUint32(messageAt + MSGHDR_BYTES, result);
    task.progress = 0;
    row.done++;
  }
  return row.done;
}

export function recvmmsg(task: Task, fd: number, at: number, count: number, flags: number, timeoutAt: number): number {
  const socket = socketOf(task, fd | 0);
  if (typeof socket === "number") return socket;
  let row = task.scratch as Row | null;
  if (row === null) {
    const timeout = readTimeout(task.process.memory, timeoutAt);
    if (timeout < 0) return timeout;
    row = { done: 0, deadline: task.system.now() + timeout };
  }
  const most = Math.min(count >>> 0, IOV_MAX);
  while (row.done < most) {
    const messageAt = at + row.done * MMSGHDR_BYTES;
    const valid = task.process.memory.isValid(messageAt, MMSGHDR_BYTES);
    const waits = row.done === 0 || ((flags | 0) & MSG_WAITFORONE) === 0;
    const oneFlags = ((flags | 0) & ~MSG_WAITFORONE) | (waits ? 0 : MSG_DONTWAIT);
    const result = valid ? receiveOne(task, fd | 0, socket, messageAt, oneFlags) : -EFAULT;
    if (result === BLOCKED) {
      task.scratch = row;
      return BLOCKED;
    }
    if (result < 0) return row.done > 0 ? row.done : result;
    task.process.memory.writeUint32(messageAt + MSGHDR_BYTES, result);
    task.progress = 0;
    row.done++;
    // recvmmsg(2), "BUGS": the timeout is looked at after each message only.
    if (task.system.now() >= row.deadline) break;
  }
  return row.done;
}

export const messageCalls: readonly SyscallDefinition[] = [
  call(211, "sendmsg", ["fd", "message-in", "message-flags"], sendmsg),
  call(212, "recvmsg", ["fd", "message-out", "message-flags"], recvmsg),
  call(243, "recvmmsg", ["fd", "address", "uint", "message-flags", "timespec"], recvmmsg),
  call(269, "sendmmsg", ["fd", "address", "uint", "message-flags"], sendmmsg),
];
