/** What the socket calls share: a descriptor's socket, and socket addresses in user memory with their lengths. */
import { EBADF, EFAULT, EINVAL, ENOTSOCK } from "../../abi/errno.ts";
import { AF_INET6 } from "../../abi/socket.ts";
import { InetSocket } from "../socket/inet-socket.ts";
import { type Credentials, KernelSocket } from "../socket/kernel-socket.ts";
import {
  decodeSocketAddress,
  encodeSocketAddress,
  SOCKADDR_STORAGE_BYTES,
  type SocketAddress,
} from "../socket/socket-address.ts";
import { UnixSocket } from "../socket/unix-socket.ts";
import type { Task } from "../task/task.ts";

/** The socket behind a descriptor; -EBADF, or -ENOTSOCK for another kind of file. */
export function socketOf(task: Task, fd: number): KernelSocket | number {
  const file = task.file(fd);
  if (file === null) return -EBADF;
  return file instanceof KernelSocket ? file : -ENOTSOCK;
}

export function credentialsOf(task: Task): Credentials {
  const { processId, credentials } = task.process;
  return { processId, userId: credentials.effectiveUserId, groupId: credentials.effectiveGroupId };
}

/** An AF_UNIX socket tells its peer who uses it (SO_PEERCRED, SCM_CREDENTIALS), whoever has made it. */
export function noteUser(task: Task, socket: KernelSocket): void {
  if (!(socket instanceof UnixSocket)) return;
  const { processId, credentials } = task.process;
  const { effectiveUserId, effectiveGroupId } = credentials;
  const noted = socket.credentials;
  const isSame = noted.userId === effectiveUserId && noted.groupId === effectiveGroupId;
  if (noted.processId !== processId || !isSame) socket.credentials = credentialsOf(task);
}

/** Reads an address of the program's for one of its sockets: 0, -EINVAL for an impossible length, -EFAULT. What is too short is for the socket to say. */
export function readAddress(
  task: Task,
  socket: KernelSocket | null,
  at: number,
  byteLength: number,
  into: SocketAddress,
): number {
  const { memory } = task.process;
  if (byteLength < 0 || byteLength > SOCKADDR_STORAGE_BYTES) return -EINVAL;
  if (!memory.isValid(at, byteLength)) return -EFAULT;
  decodeSocketAddress(memory.bytes, at, byteLength, into);
  if (socket?.domain === AF_INET6 && socket instanceof InetSocket) into.unmap(socket.isIpv6Only);
  return 0;
}

/** Whether `writeAddress` will succeed: 0, -EFAULT, or -EINVAL for a negative length. Asked before anything is taken from a socket. */
export function checkAddressRoom(task: Task, at: number, lengthAt: number): number {
  const { memory } = task.process;
  if (!memory.isValid(lengthAt, 4)) return -EFAULT;
  const room = memory.readInt32(lengthAt);
  if (room < 0) return -EINVAL;
  return memory.isValid(at, Math.min(room, SOCKADDR_STORAGE_BYTES)) ? 0 : -EFAULT;
}

/**
 * Gives an address to the program: as much as the length at `lengthAt` allows, and there the length that it really has, by which
 * the program sees that it was cut.
 */
export function writeAddress(
  task: Task,
  socket: KernelSocket,
  from: SocketAddress,
  at: number,
  lengthAt: number,
): void {
  const { memory } = task.process;
  if (socket.domain === AF_INET6) from.map();
  const room = memory.readInt32(lengthAt);
  memory.writeUint32(lengthAt, encodeSocketAddress(from, memory.bytes, at, room));
}
