/**
 * The receiving half: the user's reads, the window we advertise (with silly window avoidance, RFC 9293 section 3.8.6.2.2), and
 * how the buffer grows with what the user takes per round trip (dynamic right-sizing).
 */
import type { Span, TcpConnection } from "./connection.ts";
import { receiveRingDrained } from "./rings.ts";
import { CLOSED, SYN_RECEIVED, SYN_SENT } from "./state.ts";

/** What a new connection is ready to hold before it is known how fast its user reads. */
export const INITIAL_RECEIVE_BUFFER_BYTES = 65_536;

/** The smallest shift with which `maximumBytes` can be advertised. */
export function windowScaleFor(maximumBytes: number): number {
  let scale = 0;
  while (scale < 14 && 65_535 * 2 ** scale < maximumBytes) scale++;
  return scale;
}

/**
 * The window field of the next segment; moves `receiveEdge`. The edge is never pulled back (RFC 9293 section 3.8.6), and is moved
 * forward only by a worthwhile step: a full segment or half the buffer (section 3.8.6.2.2).
 */
export function chooseWindow(connection: TcpConnection): number {
  const { receiveNext, receiveScale, receiveBuffer } = connection;
  const current = Math.max(0, (connection.receiveEdge - receiveNext) | 0);
  const free = receiveBuffer - connection.readableBytes;
  let window = current;
  const step = free - current;
  if (step > 0 && step >= Math.min(receiveBuffer >> 1, connection.receiveSegmentBytes)) window = free;
  // A kept edge is rounded up to the scale's unit: rounding down would pull it back.
  let field = window === current ? (window + (1 << receiveScale) - 1) >> receiveScale : window >> receiveScale;
  if (field > 65_535) field = 65_535;
  const edge = (receiveNext + (field << receiveScale)) | 0;
  if (((edge - connection.receiveEdge) | 0) > 0) connection.receiveEdge = edge;
  return field;
}

/** recv(): see TcpConnection.receive. */
export function readInto(
  connection: TcpConnection,
  buffer: Uint8Array,
  offset: number,
  length: number,
  peek: boolean,
): number {
  const bytes = Math.min(length, connection.readableBytes);
  if (bytes <= 0) {
    if (connection.error !== 0 && connection.readableBytes === 0) return -connection.takeError();
    return 0;
  }
  const { arena } = connection.tcp;
  const size = connection.receiveRingBytes;
  const from = connection.receiveRead & (size - 1);
  const first = Math.min(bytes, size - from);
  arena.copyOut(buffer, offset, connection.receiveRing + from, first);
  if (first < bytes) arena.copyOut(buffer, offset + first, connection.receiveRing, bytes - first);
  if (!peek) consumeBytes(connection, bytes);
  return bytes;
}

const span: Span = { offset: 0, length: 0 };

export function readableSpan(connection: TcpConnection, skip: number): Span {
  const bytes = connection.readableBytes - skip;
  if (bytes <= 0) {
    span.offset = 0;
    span.length = 0;
    return span;
  }
  const size = connection.receiveRingBytes;
  const from = (connection.receiveRead + skip) & (size - 1);
  span.offset = connection.receiveRing + from;
  span.length = Math.min(bytes, size - from);
  return span;
}

/** The user has taken bytes: room for the window, perhaps an update to the peer, perhaps a larger buffer. */
export function consumeBytes(connection: TcpConnection, byteLength: number): void {
  const bytes = Math.min(byteLength, connection.readableBytes);
  if (bytes <= 0) return;
  connection.receiveRead = (connection.receiveRead + bytes) | 0;
  if (connection.readableBytes === 0) receiveRingDrained(connection);
  if (connection.finReceived || connection.state === CLOSED) return;
  growReceiveBuffer(connection);
  announceRoom(connection);
}

/** Sends a window update when the window would at least double: before that, the ACKs of data carry it. */
function announceRoom(connection: TcpConnection): void {
  if (connection.ackNow) return;
  const current = Math.max(0, (connection.receiveEdge - connection.receiveNext) | 0);
  const free = connection.receiveBuffer - connection.readableBytes;
  if (free < 2 * current || free - current < Math.min(connection.receiveBuffer >> 1, connection.receiveSegmentBytes))
    return;
  if (connection.state === SYN_SENT || connection.state === SYN_RECEIVED) return;
  connection.ackNow = true;
  connection.tcp.markDirty(connection);
}

/**
 * Once per round trip: if the user took more than in the best round trip so far, be ready for twice as much, so that the window
 * never limits a sender whose congestion window doubles. A buffer size set by hand stays.
 */
function growReceiveBuffer(connection: TcpConnection): void {
  const now = connection.tcp.stack.now;
  const taken = (connection.receiveRead - connection.autotuneRead) | 0;
  if (now - connection.autotuneAt < Math.max(connection.smoothedRtt, 0) && taken < connection.receiveBuffer) return;
  if (taken > connection.autotuneSpace && connection.options.receiveBufferBytes === 0) {
    connection.autotuneSpace = taken;
    const wanted = 2 * taken + 16 * connection.receiveSegmentBytes;
    const limit = Math.min(receiveBufferLimit(connection), connection.tcp.memory.growthLimit);
    connection.receiveBuffer = Math.max(connection.receiveBuffer, Math.min(wanted, limit));
  }
  connection.autotuneRead = connection.receiveRead;
  connection.autotuneAt = now;
}

/** How far the buffer may grow: what the ring may hold, less what rounding to the window's unit may add. */
export function receiveBufferLimit(connection: TcpConnection): number {
  const { maximumReceiveBytes } = connection.tcp.memory;
  const unit = connection.receiveScale === 0 ? 0 : 1 << connection.receiveScale;
  return Math.min(maximumReceiveBytes - unit, 65_535 * 2 ** connection.receiveScale);
}

/** The buffer at the start of a connection. */
export function initialReceiveBuffer(connection: TcpConnection): number {
  const wanted = connection.options.receiveBufferBytes || INITIAL_RECEIVE_BUFFER_BYTES;
  return Math.min(wanted, receiveBufferLimit(connection), connection.tcp.memory.growthLimit);
}
