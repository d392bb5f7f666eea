/**
 * Text that arrives: into the receive ring, in order or ahead of it (RFC 9293 section 3.10.7.4, seventh), and when to acknowledge
 * (RFC 5681 section 4.2).
 */

import type { TcpConnection } from "./connection.ts";
import { ACK, FIN, type Segment } from "./header.ts";
import { refreshPrediction } from "./input-common.ts";
import { SequenceIntervals } from "./intervals.ts";
import { READABLE_EVENTS } from "./readiness.ts";
import { ensureReceiveRing } from "./rings.ts";
import { rememberHeld, rememberRepeated } from "./sack.ts";
import { isAtMost, isBefore } from "./sequence.ts";
import { armTimer } from "./timer-deadlines.ts";
import { transmit } from "./transmit.ts";

/** Gaps the receiver keeps books about; text that would open one more is dropped and comes again. */
const HELD_RANGES = 256;

/** How many segments are acknowledged quickly, so that the peer's slow start gets going. */
const QUICK_ACKS = 16;
/** A quick ACK of a small segment waits this long, so that an answer of the user's can carry it. */
const QUICK_ACK_MILLISECONDS = 1;

/**
 * In-order text has been taken: acknowledge every second full segment at once, the rest a little later; at the start and after a
 * pause so little later that a sender held up by Nagle's rule hardly notices.
 */
export function textArrived(connection: TcpConnection, length: number): void {
  if (length > connection.receiveSegmentBytes) connection.receiveSegmentBytes = length;
  const { tcp } = connection;
  const { now } = tcp.stack;
  tcp.markDirty(connection);
  if (now - connection.lastTextAt > connection.retransmitTimeout && connection.options.quickAck) {
    connection.quickAcks = QUICK_ACKS;
  }
  connection.lastTextAt = now;
  const unacknowledged = (connection.receiveNext - connection.lastAckSent) | 0;
  const full = length >= connection.receiveSegmentBytes;
  if (unacknowledged > connection.receiveSegmentBytes || (full && connection.quickAcks > 0)) {
    if (connection.quickAcks > 0) connection.quickAcks--;
    connection.ackNow = true;
  } else if (connection.ackAt === Number.POSITIVE_INFINITY && !connection.ackNow) {
    let delay = tcp.options.delayedAckMilliseconds;
    if (connection.quickAcks > 0) {
      connection.quickAcks--;
      delay = Math.min(delay, QUICK_ACK_MILLISECONDS);
    }
    connection.ackAt = now + delay;
    armTimer(connection, connection.ackAt);
  }
}

/**
 * The text of an acceptable segment whose sum was right. Returns true when the peer's FIN has now been reached; its number is
 * then RCV.NXT, not yet passed.
 */
export function takeText(connection: TcpConnection, segment: Segment): boolean {
  let start = segment.sequence;
  let length = segment.textLength;
  let from = segment.textOffset;
  let hasFin = (segment.flags & FIN) !== 0;
  const repeated = (connection.receiveNext - start) | 0;
  if (repeated > 0) {
    // What we have already is cut off; such a segment wants an ACK at once, because ours may have been lost.
    if (length > 0) acknowledgeSoon(connection);
    const cut = Math.min(repeated, length);
    if (cut > 0) rememberRepeated(connection, start, (start + cut) | 0);
    start = (start + cut) | 0;
    length -= cut;
    from += cut;
  }
  const room = (connection.receiveEdge - start) | 0;
  if (length > room) {
    // Beyond the window: cut, the FIN as well; a probe of a closed window is answered.
    acknowledgeSoon(connection);
    length = Math.max(0, room);
    hasFin = false;
  }
  const end = (start + length) | 0;
  if (length > 0 && !ensureReceiveRing(connection, end)) {
    connection.tcp.counters.TcpExtTCPRcvQDrop++;
    return false;
  }
  if (start !== connection.receiveNext) {
    if (length > 0 || hasFin) holdText(connection, start, length, from, hasFin);
    return false;
  }
  if (length > 0) {
    copyIntoRing(connection, start, from, length);
    connection.receiveNext = end;
    connection.bytesReceived += length;
    connection.pendingEvents |= READABLE_EVENTS;
    if (connection.held !== null) releaseHeld(connection);
    textArrived(connection, length);
  }
  if (hasFin && connection.receiveNext === end) return true;
  return connection.finIsHeld && connection.heldFin === connection.receiveNext;
}

/**
 * Text beyond a gap goes straight to its place in the ring; the peer is told at once (RFC 5681 section 4.2). Without SACK it counts
 * duplicate ACKs, so each such segment gets one; with SACK one for each new gap will do, because it repeats the ranges before.
 */
function holdText(connection: TcpConnection, start: number, length: number, from: number, hasFin: boolean): void {
  const { counters } = connection.tcp;
  const end = (start + length) | 0;
  let tellNow = !connection.sackPermitted;
  if (length > 0) {
    connection.held ??= new SequenceIntervals(HELD_RANGES);
    const { held } = connection;
    const ranges = held.count;
    const fresh = held.add(start, end);
    if (fresh < 0) {
      counters.TcpExtTCPOFODrop++;
      return;
    }
    if (fresh > 0) copyIntoRing(connection, start, from, length);
    else rememberRepeated(connection, start, end);
    counters.TcpExtTCPOFOQueue++;
    connection.bytesReceived += fresh;
    rememberHeld(connection, start);
    tellNow ||= held.count > ranges;
  }
  if (hasFin) {
    connection.finIsHeld = true;
    connection.heldFin = end;
  }
  refreshPrediction(connection);
  if (tellNow && transmit(connection, connection.sendNext, ACK, 0)) return;
  acknowledgeSoon(connection);
}

function acknowledgeSoon(connection: TcpConnection): void {
  connection.ackNow = true;
  connection.tcp.markDirty(connection);
}

/** A gap was filled: RCV.NXT moves on over what was held behind it. */
function releaseHeld(connection: TcpConnection): void {
  const held = connection.held!;
  connection.ackNow = true;
  if (isAtMost(held.start(0), connection.receiveNext)) {
    const end = held.end(0);
    if (isBefore(connection.receiveNext, end)) connection.receiveNext = end;
    held.trim(connection.receiveNext);
  }
  if (held.count > 0) return;
  connection.held = null;
  connection.recentHeld = null;
  refreshPrediction(connection);
}

function copyIntoRing(connection: TcpConnection, sequence: number, from: number, length: number): void {
  const { arena } = connection.tcp;
  const size = connection.receiveRingBytes;
  const at = sequence & (size - 1);
  const first = Math.min(length, size - at);
  arena.copy(connection.receiveRing + at, from, first);
  if (first < length) arena.copy(connection.receiveRing, from + first, length - first);
}
