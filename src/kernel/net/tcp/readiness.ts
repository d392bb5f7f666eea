/** What poll(2) says about a connection, as Linux does. */
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../../../abi/poll.ts";
import type { TcpConnection } from "./connection.ts";
import { isWritable } from "./send.ts";
import { CLOSED, SYN_RECEIVED, SYN_SENT } from "./state.ts";

export const READABLE_EVENTS: number = POLLIN | POLLRDNORM;
export const WRITABLE_EVENTS: number = POLLOUT | POLLWRNORM;
/** A connection's end, however it came. */
export const END_EVENTS: number = READABLE_EVENTS | WRITABLE_EVENTS | POLLHUP | POLLRDHUP | POLLERR;

export function readinessOf(connection: TcpConnection): number {
  const { state } = connection;
  let mask = connection.error !== 0 ? POLLERR : 0;
  const readShut = connection.finReceived || connection.readShutdown || state === CLOSED;
  if (state === CLOSED || (readShut && connection.finQueued)) mask |= POLLHUP;
  if (readShut) mask |= READABLE_EVENTS | POLLRDHUP;
  if (state === SYN_SENT || state === SYN_RECEIVED) return mask;
  if (connection.readableBytes > 0) mask |= READABLE_EVENTS;
  // Where writing would fail it would not block either.
  if (connection.finQueued || state === CLOSED || isWritable(connection)) mask |= WRITABLE_EVENTS;
  else connection.wantsWrite = true;
  return mask;
}
