/** sendto(2) and recvfrom(2): send(2) and recv(2) are these without an address. */
import { EFAULT } from "../../abi/errno.ts";
import { MAX_RW_COUNT } from "../../abi/file.ts";
import { AF_UNIX } from "../../abi/socket.ts";
import { MessageInfo } from "../socket/kernel-socket.ts";
import { SocketAddress } from "../socket/socket-address.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { checkAddressRoom, readAddress, socketOf, writeAddress } from "./socket-arguments.ts";
import { oneSegment, receiveVector, sendVector } from "./socket-transfer.ts";
import { followUnixPath } from "./unix-path.ts";

const destination = new SocketAddress();
const received = new MessageInfo();

export function sendto(
  task: Task,
  fd: number,
  address: number,
  length: number,
  flags: number,
  toAt: number,
  toLength: number,
): number {
  const socket = socketOf(task, fd | 0);
  if (typeof socket === "number") return socket;
  if (!task.process.memory.isValid(address, length)) return -EFAULT;
  // AF_UNIX takes an address of no length for none; the others find it too short.
  const hasAddress = toAt !== 0 && (toLength !== 0 || socket.domain !== AF_UNIX);
  if (hasAddress) {
    const bad = readAddress(task, socket, toAt, toLength | 0, destination) || followUnixPath(task, socket, destination);
    if (bad !== 0) return bad;
  }
  const vector = oneSegment(address, Math.min(length, MAX_RW_COUNT));
  return sendVector(task, fd | 0, socket, vector, flags | 0, hasAddress ? destination : null, null);
}

export function recvfrom(
  task: Task,
  fd: number,
  address: number,
  length: number,
  flags: number,
  fromAt: number,
  fromLengthAt: number,
): number {
  const socket = socketOf(task, fd | 0);
  if (typeof socket === "number") return socket;
  if (!task.process.memory.isValid(address, length)) return -EFAULT;
  // Looked at before anything is received, so that no datagram is lost to a bad address.
  const bad = fromAt === 0 ? 0 : checkAddressRoom(task, fromAt, fromLengthAt);
  if (bad !== 0) return bad;
  received.clear();
  const vector = oneSegment(address, Math.min(length, MAX_RW_COUNT));
  const result = receiveVector(task, fd | 0, socket, vector, flags | 0, received);
  if (result >= 0 && fromAt !== 0) writeAddress(task, socket, received.source, fromAt, fromLengthAt);
  // Open files can be had with recvmsg(2) only.
  if (received.files !== null) for (const file of received.files) file.drop();
  return result;
}

export const socketIoCalls: readonly SyscallDefinition[] = [
  call(206, "sendto", ["fd", "buffer-in", "size", "message-flags", "sockaddr", "int"], sendto),
  call(207, "recvfrom", ["fd", "buffer-out", "size", "message-flags", "sockaddr-out", "length-address"], recvfrom),
];
