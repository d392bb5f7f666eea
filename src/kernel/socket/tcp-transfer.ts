/** The bytes of a stream socket: send(2) and recv(2) on its connection, with the flags of both, and when they would not wait. */
import { EAGAIN, EINVAL, ENOTCONN, EOPNOTSUPP, EPIPE } from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { MSG_ERRQUEUE, MSG_MORE, MSG_OOB, MSG_PEEK, MSG_TRUNC } from "../../abi/socket.ts";
import type { TcpConnection } from "../net/tcp/connection.ts";

/** Bytes taken, or -errno: -EAGAIN when the buffer is full or the handshake is not done. `connection` is null before connect(2). */
export function sendOver(
  connection: TcpConnection | null,
  buffer: Uint8Array,
  offset: number,
  length: number,
  flags: number,
): number {
  if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
  // As Linux has it, where POSIX says ENOTCONN.
  if (connection === null) return -EPIPE;
  const taken = connection.send(buffer, offset, length, (flags & MSG_MORE) !== 0);
  return taken === 0 && length > 0 ? -EAGAIN : taken;
}

/** Why recv(2) fails on a socket without a connection before its state is looked at; 0 when it is the state that counts. */
export function refuseUnconnected(isListening: boolean, flags: number): number {
  if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
  if (isListening) return -ENOTCONN;
  return (flags & MSG_OOB) !== 0 ? -EINVAL : 0;
}

/** Bytes received, 0 at the end, or -errno. */
export function receiveFrom(
  connection: TcpConnection,
  buffer: Uint8Array,
  offset: number,
  length: number,
  flags: number,
): number {
  // There is no urgent data to be had, and no error queue.
  if ((flags & MSG_OOB) !== 0) return -EINVAL;
  if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
  if (connection === null) return -ENOTCONN;
  // After the peer's FIN the end stays the end, whatever came later; the error is for those who send.
  if (connection.finReceived && connection.readableBytes <= 0) return 0;
  const isPeek = (flags & MSG_PEEK) !== 0;
  let taken: number;
  if ((flags & MSG_TRUNC) !== 0 && connection.readableBytes > 0) {
    // tcp(7): with MSG_TRUNC the bytes are thrown away instead of copied.
    taken = Math.min(length, connection.readableBytes);
    if (!isPeek) connection.consume(taken);
  } else taken = connection.receive(buffer, offset, length, isPeek);
  if (taken !== 0) return taken;
  if (connection.readableBytes > 0) return 0;
  return connection.receiveFinished ? 0 : -EAGAIN;
}

/** poll(2)'s mask; SO_RCVLOWAT: fewer bytes than that are not worth waking for. */
export function readinessOf(connection: TcpConnection, receiveLowWaterBytes: number): number {
  const mask = connection.readiness();
  if (receiveLowWaterBytes === 1 || (mask & POLLRDHUP) !== 0 || connection.error !== 0) return mask;
  return connection.readableBytes >= receiveLowWaterBytes ? mask : mask & ~(POLLIN | POLLRDNORM);
}

/** The same for a socket that is not connected, as Linux shows it. */
export function unconnectedReadiness(isReadShutdown: boolean, hasError: boolean): number {
  const ended = isReadShutdown ? POLLIN | POLLRDNORM | POLLRDHUP : 0;
  return POLLOUT | POLLWRNORM | POLLHUP | ended | (hasError ? POLLERR : 0);
}
