/**
 * Sockets from their making to their end: socket(2), socketpair(2), bind(2), listen(2), accept(2), connect(2), getsockname(2),
 * getpeername(2), shutdown(2).
 *
 * The socket table's lock is held for each change of a socket's state and released before the descriptor table is touched or
 * the task parks.
 */
import { CAP_NET_BIND_SERVICE, CAP_NET_RAW } from "../../abi/capability.ts";
import { EACCES, EAGAIN, EALREADY, EBADF, EFAULT, EINPROGRESS, EINVAL, EOPNOTSUPP } from "../../abi/errno.ts";
import { FD_CLOEXEC, O_NONBLOCK } from "../../abi/file.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { AF_INET, AF_UNIX, SHUT_RDWR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_TYPE_MASK } from "../../abi/socket.ts";
import { createSocket } from "../socket/create-socket.ts";
import type { KernelSocket } from "../socket/kernel-socket.ts";
import { SocketAddress } from "../socket/socket-address.ts";
import { TcpSocket } from "../socket/tcp-socket.ts";
import { UdpSocket } from "../socket/udp-socket.ts";
import { UnixSocket } from "../socket/unix-socket.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { checkAddressRoom, credentialsOf, noteUser, readAddress, socketOf, writeAddress } from "./socket-arguments.ts";
import { followUnixPath, makeUnixPath } from "./unix-path.ts";

/** net.ipv4.ip_unprivileged_port_start */
const PRIVILEGED_PORTS = 1024;
const CREATION_FLAGS = SOCK_CLOEXEC | SOCK_NONBLOCK;

/** Used by one handler at a time, from its start to its end. */
const scratch = new SocketAddress();

/** Gives a new socket a descriptor; on an error (-EMFILE, -ENFILE) the socket is gone. */
function installSocket(task: Task, socket: KernelSocket, flags: number): number {
  if ((flags & SOCK_NONBLOCK) !== 0) socket.flags |= O_NONBLOCK;
  return task.process.descriptors.install(socket, (flags & SOCK_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

export function socket(task: Task, domain: number, type: number, protocol: number): number {
  const flags = type & ~SOCK_TYPE_MASK;
  if ((flags & ~CREATION_FLAGS) !== 0) return -EINVAL;
  const { sockets } = task.system;
  const mayUseRaw = task.process.credentials.has(CAP_NET_RAW);
  const created = createSocket(
    sockets,
    domain | 0,
    type & SOCK_TYPE_MASK,
    protocol | 0,
    credentialsOf(task),
    mayUseRaw,
  );
  return typeof created === "number" ? created : installSocket(task, created, flags);
}

export function socketpair(task: Task, domain: number, type: number, protocol: number, pairAt: number): number {
  const flags = type & ~SOCK_TYPE_MASK;
  if ((flags & ~CREATION_FLAGS) !== 0) return -EINVAL;
  const { memory, descriptors } = task.process;
  if (!memory.isValid(pairAt, 8)) return -EFAULT;
  const { sockets } = task.system;
  const first = createSocket(sockets, domain | 0, type & SOCK_TYPE_MASK, protocol | 0, credentialsOf(task));
  if (typeof first === "number") return first;
  if ((domain | 0) !== AF_UNIX) {
    first.retain().drop();
    return -EOPNOTSUPP;
  }
  const firstFd = installSocket(task, first, flags);
  if (firstFd < 0) return firstFd;
  const second = createSocket(sockets, domain | 0, type & SOCK_TYPE_MASK, protocol | 0, credentialsOf(task));
  const secondFd = typeof second === "number" ? second : installSocket(task, second, flags);
  if (secondFd < 0) {
    descriptors.close(firstFd);
    return secondFd;
  }
  UnixSocket.connectPair(first as UnixSocket, second as UnixSocket);
  memory.writeUint32(pairAt, firstFd);
  memory.writeUint32(pairAt + 4, secondFd);
  return 0;
}

/** ip(7): ports below 1024 are for those with CAP_NET_BIND_SERVICE. */
function isPrivilegedPort(socket: KernelSocket): boolean {
  const { port, family } = scratch;
  if (family !== AF_INET || port === 0 || port >= PRIVILEGED_PORTS) return false;
  return socket instanceof TcpSocket || socket instanceof UdpSocket;
}

export function bind(task: Task, fd: number, at: number, byteLength: number): number {
  const found = socketOf(task, fd | 0);
  if (typeof found === "number") return found;
  const bad = readAddress(task, found, at, byteLength | 0, scratch) || makeUnixPath(task, found, scratch);
  if (bad !== 0) return bad;
  if (isPrivilegedPort(found) && !task.process.credentials.has(CAP_NET_BIND_SERVICE)) return -EACCES;
  const { lock } = found.table;
  lock.acquire();
  try {
    return found.bind(scratch);
  } finally {
    lock.release();
  }
}

export function listen(task: Task, fd: number, backlog: number): number {
  const found = socketOf(task, fd | 0);
  if (typeof found === "number") return found;
  const { lock } = found.table;
  noteUser(task, found);
  lock.acquire();
  try {
    return found.listen(backlog | 0);
  } finally {
    lock.release();
  }
}

export function accept(task: Task, fd: number, at: number, lengthAt: number): number {
  return accept4(task, fd, at, lengthAt, 0);
}

export function accept4(task: Task, fd: number, at: number, lengthAt: number, flags: number): number {
  if ((flags & ~CREATION_FLAGS) !== 0) return task.file(fd | 0) === null ? -EBADF : -EINVAL;
  const listener = socketOf(task, fd | 0);
  if (typeof listener === "number") return listener;
  const { process } = task;
  // A connection is taken only when everything after it is sure to succeed: none is lost to EMFILE or EFAULT.
  const room = process.descriptors.checkRoom();
  if (room !== 0) return room;
  const { lock } = listener.table;
  lock.acquire();
  let accepted: KernelSocket | number;
  try {
    const ready = listener.checkAccept();
    if (typeof ready === "number") return ready;
    if (ready && at !== 0) {
      const bad = checkAddressRoom(task, at, lengthAt);
      if (bad !== 0) return bad;
    }
    accepted = ready ? listener.accept() : -EAGAIN;
  } finally {
    lock.release();
  }
  if (accepted === -EAGAIN) return task.blockOnFile(fd | 0, listener, POLLIN, listener.readTimeoutMilliseconds);
  if (typeof accepted === "number") return accepted;
  listener.table.add(accepted);
  const descriptor = installSocket(task, accepted, flags);
  if (descriptor >= 0 && at !== 0) {
    accepted.acceptedName(scratch);
    writeAddress(task, accepted, scratch, at, lengthAt);
  }
  return descriptor;
}

export function connect(task: Task, fd: number, at: number, byteLength: number): number {
  const found = socketOf(task, fd | 0);
  if (typeof found === "number") {
    // Unlike the other calls, this one looks at the address before it asks whether the file is a socket.
    return found === -EBADF ? found : readAddress(task, null, at, byteLength | 0, scratch) || found;
  }
  const { lock } = found.table;
  let result: number;
  if (task.scratch === -EINPROGRESS || task.scratch === -EALREADY) {
    lock.acquire();
    try {
      result = found.connectResult();
    } finally {
      lock.release();
    }
  } else {
    const bad = readAddress(task, found, at, byteLength | 0, scratch) || followUnixPath(task, found, scratch);
    if (bad !== 0) return bad;
    noteUser(task, found);
    lock.acquire();
    try {
      result = found.connect(scratch);
    } finally {
      lock.release();
    }
  }
  const isPending = result === -EINPROGRESS || result === -EALREADY || result === -EAGAIN;
  if (!isPending || (found.flags & O_NONBLOCK) !== 0) return result;
  // connect(2) as Linux has it: when SO_SNDTIMEO ends the wait, the answer is the one of a socket that does not wait.
  task.scratch ??= result;
  task.hold(fd | 0, found);
  task.setTimeout(found.writeTimeoutMilliseconds);
  task.waitOn(found.waitQueue, POLLOUT | POLLHUP);
  return task.block(task.scratch as number);
}

export function getsockname(task: Task, fd: number, at: number, lengthAt: number): number {
  return nameOf(task, fd, at, lengthAt, false);
}

export function getpeername(task: Task, fd: number, at: number, lengthAt: number): number {
  return nameOf(task, fd, at, lengthAt, true);
}

function nameOf(task: Task, fd: number, at: number, lengthAt: number, ofPeer: boolean): number {
  const found = socketOf(task, fd | 0);
  if (typeof found === "number") return found;
  const result = ofPeer ? found.peerName(scratch) : found.localName(scratch);
  if (result < 0) return result;
  const bad = checkAddressRoom(task, at, lengthAt);
  if (bad !== 0) return bad;
  writeAddress(task, found, scratch, at, lengthAt);
  return 0;
}

export function shutdown(task: Task, fd: number, how: number): number {
  const found = socketOf(task, fd | 0);
  if (typeof found === "number") return found;
  const direction = how | 0;
  if (direction < 0 || direction > SHUT_RDWR) return -EINVAL;
  const { lock } = found.table;
  lock.acquire();
  try {
    return found.shutdown(direction);
  } finally {
    lock.release();
  }
}

export const socketCalls: readonly SyscallDefinition[] = [
  call(198, "socket", ["socket-domain", "socket-type", "socket-protocol"], socket),
  call(199, "socketpair", ["socket-domain", "socket-type", "socket-protocol", "fd-pair-out"], socketpair),
  call(200, "bind", ["fd", "sockaddr", "int"], bind),
  call(201, "listen", ["fd", "int"], listen),
  call(202, "accept", ["fd", "sockaddr-out", "length-address"], accept),
  call(203, "connect", ["fd", "sockaddr", "int"], connect),
  call(204, "getsockname", ["fd", "sockaddr-out", "length-address"], getsockname),
  call(205, "getpeername", ["fd", "sockaddr-out", "length-address"], getpeername),
  call(210, "shutdown", ["fd", "how"], shutdown),
  call(242, "accept4", ["fd", "sockaddr-out", "length-address", "socket-type"], accept4),
];
