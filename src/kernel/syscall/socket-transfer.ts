/**
 * Moving bytes and datagrams between a socket and segments of user memory, with all that blocking means: the common part of send(2),
 * sendmsg(2), recv(2), recvmsg(2) and their kin. `task.progress` counts what earlier runs of a waiting call have moved.
 */
import { EAGAIN, EPIPE } from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../abi/poll.ts";
import { SIGPIPE } from "../../abi/signal.ts";
import { MSG_DONTWAIT, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_PEEK, MSG_WAITALL } from "../../abi/socket.ts";
import type { KernelSocket, MessageInfo } from "../socket/kernel-socket.ts";
import type { SocketAddress } from "../socket/socket-address.ts";
import type { Task } from "../task/task.ts";
import { gather, type IoVector, scatter } from "./iovec.ts";
import { noteUser } from "./socket-arguments.ts";

/** No datagram of any family is longer: 64 KiB of AF_INET, net.core.wmem_max of AF_UNIX. */
const LONGEST_DATAGRAM_BYTES = 212_992;

let bounceBuffer: Uint8Array | null = null;

/** Where datagrams that a program gives or takes in several segments are put together. */
function bounce(): Uint8Array {
  bounceBuffer ??= new Uint8Array(LONGEST_DATAGRAM_BYTES);
  return bounceBuffer;
}

const single: IoVector = { addresses: [0], lengths: [0], totalBytes: 0 };

/** One segment as a vector. The same object is used each time. */
export function oneSegment(address: number, length: number): IoVector {
  single.addresses[0] = address;
  single.lengths[0] = length;
  single.totalBytes = length;
  return single;
}

/** Which segment the byte at `position` lies in, and where in user memory: `segmentAddress` and `segmentLength`. */
let segmentAddress = 0;
let segmentLength = 0;

function locate(vector: IoVector, position: number): void {
  let skip = position;
  for (let k = 0; k < vector.addresses.length; k++) {
    const length = vector.lengths[k] as number;
    if (skip < length) {
      segmentAddress = (vector.addresses[k] as number) + skip;
      segmentLength = length - skip;
      return;
    }
    skip -= length;
  }
  segmentAddress = 0;
  segmentLength = 0;
}

/** Sends the vector; its bytes were checked. A stream goes on until all is taken, unless it may not wait. */
export function sendVector(
  task: Task,
  fd: number,
  socket: KernelSocket,
  vector: IoVector,
  flags: number,
  to: SocketAddress | null,
  info: MessageInfo | null,
): number {
  const { bytes } = task.process.memory;
  noteUser(task, socket);
  for (;;) {
    let result: number;
    if (socket.isStream) {
      locate(vector, task.progress);
      result = socket.sendMessage(bytes, segmentAddress, segmentLength, flags, to, info);
    } else result = sendDatagram(task, socket, vector, flags, to, info);
    if (result >= 0) {
      task.progress += result;
      if (!socket.isStream || result === 0 || task.progress >= vector.totalBytes) return task.progress;
      continue;
    }
    if (result === -EAGAIN) {
      const dontWait = (flags & MSG_DONTWAIT) !== 0;
      return task.blockOnFile(fd, socket, POLLOUT | POLLHUP, socket.writeTimeoutMilliseconds, dontWait);
    }
    if (task.progress > 0) {
      // The bytes that went are the news; the error comes with the next call.
      socket.restoreError(-result);
      return task.progress;
    }
    if (result === -EPIPE && socket.raisesSigpipe && (flags & MSG_NOSIGNAL) === 0) task.process.signals.raise(SIGPIPE);
    return result;
  }
}

function sendDatagram(
  task: Task,
  socket: KernelSocket,
  vector: IoVector,
  flags: number,
  to: SocketAddress | null,
  info: MessageInfo | null,
): number {
  const { memory } = task.process;
  if (vector.addresses.length <= 1) {
    return socket.sendMessage(memory.bytes, vector.addresses[0] ?? 0, vector.totalBytes, flags, to, info);
  }
  const buffer = bounce();
  const length = Math.min(vector.totalBytes, buffer.length);
  gather(memory, vector, 0, buffer, length);
  // One that is too long even for the buffer is refused by its length, before anybody looks at the bytes.
  return socket.sendMessage(buffer, 0, vector.totalBytes, flags, to, info);
}

/**
 * Receives into the vector; its bytes were checked. A stream returns what there is, waits for all of it with MSG_WAITALL, or for
 * SO_RCVLOWAT bytes. `info` tells of the last piece received.
 */
export function receiveVector(
  task: Task,
  fd: number,
  socket: KernelSocket,
  vector: IoVector,
  flags: number,
  info: MessageInfo,
): number {
  if (!socket.isStream) return receiveDatagram(task, fd, socket, vector, flags, info);
  const isPeek = (flags & MSG_PEEK) !== 0;
  if (isPeek) task.progress = 0;
  const lowWater = Math.min(socket.options.receiveLowWaterBytes, vector.totalBytes);
  const target = (flags & MSG_WAITALL) !== 0 ? vector.totalBytes : lowWater;
  const { bytes } = task.process.memory;
  for (;;) {
    locate(vector, task.progress);
    const result = socket.receiveMessage(bytes, segmentAddress, segmentLength, flags, info);
    if (result > 0) {
      task.progress += result;
      // Looking ahead always starts at the same byte: it fills one segment, and waits until that is possible.
      const isShort = isPeek && task.progress < target && result < segmentLength && mayGrow(socket);
      if (isShort) return waitToReceive(task, fd, socket, flags);
      if (isPeek || task.progress >= vector.totalBytes || info.files !== null) return task.progress;
      continue;
    }
    if (result === -EAGAIN)
      return task.progress >= target && task.progress > 0 ? task.progress : waitToReceive(task, fd, socket, flags);
    if (result === 0 || task.progress > 0) {
      if (result < 0) socket.restoreError(-result);
      return task.progress;
    }
    return result;
  }
}

function mayGrow(socket: KernelSocket): boolean {
  return (socket.readiness() & (POLLRDHUP | POLLHUP | POLLERR)) === 0;
}

function waitToReceive(task: Task, fd: number, socket: KernelSocket, flags: number): number {
  const dontWait = (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) !== 0;
  return task.blockOnFile(fd, socket, POLLIN | POLLHUP, socket.readTimeoutMilliseconds, dontWait);
}

function receiveDatagram(
  task: Task,
  fd: number,
  socket: KernelSocket,
  vector: IoVector,
  flags: number,
  info: MessageInfo,
): number {
  const { memory } = task.process;
  let result: number;
  if (vector.addresses.length <= 1) {
    result = socket.receiveMessage(memory.bytes, vector.addresses[0] ?? 0, vector.totalBytes, flags, info);
  } else {
    const buffer = bounce();
    const length = Math.min(vector.totalBytes, buffer.length);
    result = socket.receiveMessage(buffer, 0, length, flags, info);
    if (result > 0) scatter(memory, vector, buffer, Math.min(result, length));
  }
  return result === -EAGAIN ? waitToReceive(task, fd, socket, flags) : result;
}
