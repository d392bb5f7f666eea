/** The user's side of sending: bytes into the ring, the ring's growth, and when there is room again. */
import { ENOBUFS, EPIPE } from "../../../abi/errno.ts";
import type { Span, TcpConnection } from "./connection.ts";
import { growSendRing } from "./rings.ts";
import { CAN_SEND, SYN_RECEIVED, SYN_SENT } from "./state.ts";

/** What a connection may queue before its congestion window says more. */
const INITIAL_SEND_BUFFER_BYTES = 65_536;

/**
 * How many bytes may be queued: SO_SNDBUF if set, else twice the congestion window, so that the next round trip has its data
 * ready. While memory is short no more than the ring has already: POLLOUT must not promise room that is not there.
 */
export function sendBufferLimit(connection: TcpConnection): number {
  const { growthLimit } = connection.tcp.memory;
  const { sendBufferBytes } = connection.options;
  const wanted = sendBufferBytes || Math.max(INITIAL_SEND_BUFFER_BYTES, 2 * connection.congestionWindow);
  return Math.min(wanted, Math.max(growthLimit, connection.sendRingBytes));
}

/** Room that is worth waking a writer for (poll(2)'s POLLOUT): a third of the buffer. */
export function isWritable(connection: TcpConnection): boolean {
  const limit = sendBufferLimit(connection);
  return (limit - connection.bufferedBytes) * 3 >= limit;
}

/** send(): see TcpConnection.send. */
export function writeFrom(
  connection: TcpConnection,
  buffer: Uint8Array,
  offset: number,
  length: number,
  more: boolean,
): number {
  const room = makeRoom(connection, length);
  if (room <= 0) return room;
  const { arena } = connection.tcp;
  const size = connection.sendRingBytes;
  const at = connection.sendEnd & (size - 1);
  const first = Math.min(room, size - at);
  arena.copyIn(connection.sendRing + at, buffer, offset, first);
  if (first < room) arena.copyIn(connection.sendRing, buffer, offset + first, room - first);
  queue(connection, room, more);
  return room;
}

const span: Span = { offset: 0, length: 0 };

export function writableSpan(connection: TcpConnection, wanted: number): Span {
  const room = makeRoom(connection, wanted);
  if (room <= 0) {
    span.offset = 0;
    span.length = 0;
    return span;
  }
  const size = connection.sendRingBytes;
  const at = connection.sendEnd & (size - 1);
  span.offset = connection.sendRing + at;
  span.length = Math.min(room, size - at);
  return span;
}

export function commitBytes(connection: TcpConnection, byteLength: number): number {
  if (((1 << connection.state) & CAN_SEND) === 0 || connection.finQueued) return -EPIPE;
  const bytes = Math.min(byteLength, connection.sendRingBytes - connection.bufferedBytes);
  if (bytes > 0) queue(connection, bytes, false);
  return bytes;
}

/** How many of `length` bytes the ring can take now; 0 for none (POLLOUT will tell); negative errno. */
function makeRoom(connection: TcpConnection, length: number): number {
  if (connection.error !== 0) return -connection.takeError();
  if (((1 << connection.state) & CAN_SEND) === 0 || connection.finQueued) {
    if (connection.state === SYN_SENT || connection.state === SYN_RECEIVED) {
      if (connection.finQueued) return -EPIPE;
      connection.wantsWrite = true;
      return 0;
    }
    return -EPIPE;
  }
  if (length <= 0) return 0;
  const used = connection.bufferedBytes;
  let room = Math.min(length, sendBufferLimit(connection) - used);
  if (room > 0 && used + room > connection.sendRingBytes) {
    growSendRing(connection, used + room);
    if (connection.sendRing === 0) return -ENOBUFS;
    room = Math.min(room, connection.sendRingBytes - used);
  }
  if (room < length) connection.wantsWrite = true;
  return Math.max(0, room);
}

function queue(connection: TcpConnection, bytes: number, more: boolean): void {
  connection.sendEnd = (connection.sendEnd + bytes) | 0;
  connection.moreFollows = more;
  connection.tcp.markDirty(connection);
}
