/**
 * The rings of a connection: allocated when the first byte comes, doubled as needed, given back when empty. A byte lies at its
 * sequence number modulo the ring's size (a power of two), so that no position has to be kept.
 */
import type { TcpConnection } from "./connection.ts";
import { armTimer } from "./timer-deadlines.ts";

/** A ring up to this size goes back the moment it is empty; a larger one after it was idle for a while. */
const KEEP_NOTHING_BYTES = 65_536;
const IDLE_RING_MILLISECONDS = 1000;

/** Makes the receive ring hold everything from the next unread byte to `end`. False when there is no memory: the segment is dropped. */
export function ensureReceiveRing(connection: TcpConnection, end: number): boolean {
  const needed = (end - connection.receiveRead) | 0;
  if (needed <= connection.receiveRingBytes) return true;
  const { memory } = connection.tcp;
  const size = roundUp(needed, memory.initialBytes);
  // The window is never promised beyond the maximum; who sends more anyway is not served.
  if (size > Math.max(memory.maximumReceiveBytes, memory.initialBytes)) return false;
  const ring = memory.allocateRing(size, connection);
  if (ring === 0) return false;
  if (connection.receiveRing !== 0) {
    let last = connection.receiveNext;
    const { held } = connection;
    if (held !== null && held.count > 0) last = held.highest;
    const bytes = (last - connection.receiveRead) | 0;
    moveRing(
      connection,
      connection.receiveRing,
      connection.receiveRingBytes,
      ring,
      size,
      connection.receiveRead,
      bytes,
    );
    memory.freeRing(connection.receiveRing, connection.receiveRingBytes);
  }
  connection.receiveRing = ring;
  connection.receiveRingBytes = size;
  return true;
}

/** Makes the send ring hold `needed` bytes from SND.UNA on, as far as memory goes. */
export function growSendRing(connection: TcpConnection, needed: number): void {
  const { memory } = connection.tcp;
  const limit = Math.max(memory.maximumSendBytes, memory.initialBytes);
  const size = Math.min(roundUp(needed, memory.initialBytes), limit);
  if (size <= connection.sendRingBytes) return;
  const ring = memory.allocateRing(size, connection);
  if (ring === 0) return;
  if (connection.sendRing !== 0) {
    const from = connection.sendUnacknowledged;
    moveRing(connection, connection.sendRing, connection.sendRingBytes, ring, size, from, connection.bufferedBytes);
    memory.freeRing(connection.sendRing, connection.sendRingBytes);
  }
  connection.sendRing = ring;
  connection.sendRingBytes = size;
}

/** Everything was acknowledged: the send ring may go. */
export function sendRingDrained(connection: TcpConnection): void {
  if (connection.sendRingBytes <= KEEP_NOTHING_BYTES) freeSendRing(connection);
  else keepForAWhile(connection);
}

/** Everything was read: the receive ring may go, unless it holds bytes that came out of order. */
export function receiveRingDrained(connection: TcpConnection): void {
  if (connection.held !== null) return;
  if (connection.receiveRingBytes <= KEEP_NOTHING_BYTES) freeReceiveRing(connection);
  else keepForAWhile(connection);
}

/** The idle time is over. Rings in use stay; they are looked at again when they run empty. */
export function freeIdleRings(connection: TcpConnection): void {
  if (connection.bufferedBytes === 0) freeSendRing(connection);
  if (connection.readableBytes === 0 && connection.held === null) freeReceiveRing(connection);
}

export function freeSendRing(connection: TcpConnection): void {
  if (connection.sendRing === 0) return;
  connection.tcp.memory.freeRing(connection.sendRing, connection.sendRingBytes);
  connection.sendRing = 0;
  connection.sendRingBytes = 0;
}

export function freeReceiveRing(connection: TcpConnection): void {
  if (connection.receiveRing === 0) return;
  connection.tcp.memory.freeRing(connection.receiveRing, connection.receiveRingBytes);
  connection.receiveRing = 0;
  connection.receiveRingBytes = 0;
}

function keepForAWhile(connection: TcpConnection): void {
  connection.ringIdleAt = connection.tcp.stack.now + IDLE_RING_MILLISECONDS;
  armTimer(connection, connection.ringIdleAt);
}

function roundUp(needed: number, least: number): number {
  return needed <= least ? least : 2 ** (32 - Math.clz32(needed - 1));
}

/** Copies `bytes` bytes from sequence number `from` on into a larger ring, in at most three pieces. */
function moveRing(
  connection: TcpConnection,
  oldRing: number,
  oldSize: number,
  newRing: number,
  newSize: number,
  from: number,
  bytes: number,
): void {
  const { arena } = connection.tcp;
  for (let done = 0; done < bytes; ) {
    const oldAt = (from + done) & (oldSize - 1);
    const newAt = (from + done) & (newSize - 1);
    const piece = Math.min(bytes - done, oldSize - oldAt, newSize - newAt);
    arena.copy(newRing + newAt, oldRing + oldAt, piece);
    done += piece;
  }
}
