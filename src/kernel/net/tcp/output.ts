/**
 * What a connection sends when poll() lets it: retransmissions first, then new data as window, congestion window, Nagle's rule
 * and silly window avoidance allow, then the FIN, then an ACK if one is still owed.
 */

import { restartAfterIdle } from "./congestion.ts";
import {
  LOSS_NONE,
  type TcpConnection,
  WAIT_NOTHING,
  WAIT_PERSIST,
  WAIT_PROBE,
  WAIT_RETRANSMIT,
} from "./connection.ts";
import { ACK, FIN, PSH } from "./header.ts";
import { pipeBytes, retransmitLost } from "./recovery.ts";
import { isBefore } from "./sequence.ts";
import { CLOSED, FIN_WAIT_2, HAS_OUTPUT, SYN_RECEIVED, SYN_SENT } from "./state.ts";
import { sendReset, sendSyn } from "./syn-output.ts";
import { startRetransmissionTimer } from "./tail-loss-probe.ts";
import { armTimer } from "./timer-deadlines.ts";
import { transmit } from "./transmit.ts";

/** Text that one connection sends in one turn before the others have theirs. */
const TURN_BYTES = 65_536;
/** TCP_CORK and MSG_MORE hold small segments this long at most. */
const CORK_MILLISECONDS = 200;

/** What output() says about a connection: everything sent that may be; more next turn; no frame was free. */
export const OUTPUT_DONE = 0;
export const OUTPUT_MORE = 1;
export const OUTPUT_STARVED = 2;

/** Sends what may be sent now. Called once per poll for a connection that something has happened to. */
export function output(connection: TcpConnection): number {
  const { state } = connection;
  if (connection.resetPending) return sendReset(connection) ? OUTPUT_DONE : OUTPUT_STARVED;
  if (state === CLOSED) return OUTPUT_DONE;
  if (state === SYN_SENT || state === SYN_RECEIVED) {
    return !connection.synPending || sendSyn(connection) ? OUTPUT_DONE : OUTPUT_STARVED;
  }
  let result = OUTPUT_DONE;
  if (((1 << state) & HAS_OUTPUT) !== 0) {
    result = sendText(connection);
    if (result !== OUTPUT_STARVED) watchProgress(connection);
  } else if (state !== FIN_WAIT_2 && !connection.ackNow) return OUTPUT_DONE;
  if (connection.ackNow && result !== OUTPUT_STARVED) {
    if (!transmit(connection, connection.sendNext, ACK, 0)) return OUTPUT_STARVED;
  }
  return result;
}

function sendText(connection: TcpConnection): number {
  if (connection.sendEnd === connection.sendNext && !connection.finQueued && connection.lossState === LOSS_NONE) {
    if (!connection.retransmitHead) return OUTPUT_DONE;
  }
  if (connection.finSent && connection.lossState === LOSS_NONE && !connection.retransmitHead) return OUTPUT_DONE;
  if (connection.sendUnacknowledged === connection.sendNext) restartAfterIdle(connection);
  let pipe = pipeBytes(connection);
  if (connection.lossState !== LOSS_NONE || connection.retransmitHead) {
    pipe = retransmitLost(connection, pipe);
    if (pipe < 0) return OUTPUT_STARVED;
  }
  return connection.finSent ? OUTPUT_DONE : sendNew(connection, pipe);
}

/** Sends queued bytes that were never sent. `pipe`: bytes believed to be in the network. */
function sendNew(connection: TcpConnection, pipeBefore: number): number {
  const { congestionWindow } = connection;
  const fullSegment = connection.sendSegmentBytes;
  const edge = (connection.sendUnacknowledged + connection.sendWindow) | 0;
  let budget = Math.max(TURN_BYTES, 2 * fullSegment);
  let pipe = pipeBefore;
  connection.isWindowLimited = false;
  for (;;) {
    const available = (connection.sendEnd - connection.sendNext) | 0;
    const finFollows = connection.finQueued;
    if (available === 0 && !finFollows) return OUTPUT_DONE;
    if (budget <= 0) return OUTPUT_MORE;
    const usable = (edge - connection.sendNext) | 0;
    let length = Math.min(available, fullSegment);
    if (length > usable) {
      // RFC 9293 section 3.8.6.2.1: a part of what waits is worth sending only if it is half the largest window seen.
      const worthwhile = usable > 0 && (usable * 2 >= connection.largestSendWindow || connection.pushNow);
      if (!worthwhile) return OUTPUT_DONE;
      length = usable;
    }
    if (pipe + length > congestionWindow && pipe > 0) {
      connection.isWindowLimited = true;
      return OUTPUT_DONE;
    }
    const isLast = length === available;
    if (length < fullSegment && isLast && !finFollows && holdsBack(connection)) return OUTPUT_DONE;
    // The FIN goes with the last text, if the window has room for its number too.
    const withFin = finFollows && isLast && usable > length;
    if (length === 0 && !withFin) return OUTPUT_DONE;
    const flags = ACK | (isLast && length > 0 ? PSH : 0) | (withFin ? FIN : 0);
    if (!transmit(connection, connection.sendNext, flags, length)) return OUTPUT_STARVED;
    noteSent(connection, length, withFin, fullSegment);
    budget -= length;
    pipe += length;
    if (withFin) return OUTPUT_DONE;
  }
}

function noteSent(connection: TcpConnection, length: number, withFin: boolean, fullSegment: number): void {
  const now = connection.tcp.stack.now;
  if (connection.timedAt < 0) {
    // Karn's algorithm (RFC 6298 section 3): only segments sent for the first time are timed; one per round trip.
    connection.timedAt = now;
    connection.timedSequence = (connection.sendNext + length + (withFin ? 1 : 0)) | 0;
  }
  connection.sendNext = (connection.sendNext + length) | 0;
  if (length < fullSegment && length > 0) connection.smallSegmentEnd = connection.sendNext;
  if (withFin) {
    connection.sendNext = (connection.sendNext + 1) | 0;
    connection.finSent = true;
  }
  connection.lastSentAt = now;
  connection.pushNow = false;
}

/**
 * Nagle's rule (RFC 9293 section 3.7.4) as Minshall refined it: a segment that is not full waits while an earlier one that was not
 * full is unacknowledged. TCP_NODELAY lifts it; cork and MSG_MORE hold such a segment back in any case.
 */
function holdsBack(connection: TcpConnection): boolean {
  if (connection.pushNow) return false;
  const { options } = connection;
  if (options.cork || connection.moreFollows) return true;
  if (options.noDelay) return false;
  return isBefore(connection.sendUnacknowledged, connection.smallSegmentEnd);
}

/** Sees to it that a timer runs while something waits to be acknowledged, or to be sent. */
function watchProgress(connection: TcpConnection): void {
  const now = connection.tcp.stack.now;
  if (connection.sendNext !== connection.sendUnacknowledged) {
    if (connection.waitingFor === WAIT_RETRANSMIT) return;
    // A probe is due two round trips after what was sent last; it was sent just now if at all.
    if (connection.waitingFor === WAIT_PROBE && connection.lastSentAt !== now) return;
    if (connection.stalledSince < 0) connection.stalledSince = now;
    startRetransmissionTimer(connection, now);
    return;
  }
  const waits = connection.sendEnd !== connection.sendNext || (connection.finQueued && !connection.finSent);
  if (!waits) {
    connection.waitingFor = WAIT_NOTHING;
    connection.retransmitAt = Number.POSITIVE_INFINITY;
    connection.stalledSince = -1;
    return;
  }
  if (connection.waitingFor === WAIT_PERSIST) return;
  // Nothing in flight and yet something to send: a closed window (RFC 9293 section 3.8.6.1), or held back on purpose.
  connection.waitingFor = WAIT_PERSIST;
  const corked = connection.sendWindow > 0;
  connection.retransmitAt = now + (corked ? CORK_MILLISECONDS : connection.retransmitTimeout);
  if (connection.stalledSince < 0) connection.stalledSince = now;
  armTimer(connection, connection.retransmitAt);
}
