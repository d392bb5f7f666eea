/**
 * Repairing losses: what is believed lost, how much is still in the network, and what to send again. With SACK as RFC 6675 has it;
 * without, as NewReno (RFC 6582). A timeout starts over from the first unacknowledged byte (RFC 5681 section 3.1, RFC 6298 section 5).
 */

import { initialWindow, lossThreshold } from "./congestion.ts";
import { LOSS_NONE, LOSS_RECOVERY, LOSS_TIMEOUT, type TcpConnection, WAIT_RETRANSMIT } from "./connection.ts";
import { ACK, FIN, PSH } from "./header.ts";
import { SequenceIntervals } from "./intervals.ts";
import { rememberWindow } from "./reordering.ts";
import { isAtMost, isBefore } from "./sequence.ts";
import { armTimer } from "./timer-deadlines.ts";
import { transmit } from "./transmit.ts";

/** DupThresh of RFC 5681 and RFC 6675. */
const LEAST_DUPLICATE_THRESHOLD = 3;
/** Ranges remembered per connection; a peer that reports more has its surplus ignored, which costs needless retransmissions only. */
const SCOREBOARD_RANGES = 256;

/** Notes one SACK block; returns bytes newly reported. Blocks outside what is in flight are ignored (a DSACK of RFC 2883 lies below). */
export function noteSacked(connection: TcpConnection, start: number, end: number): number {
  if (isBefore(start, connection.sendUnacknowledged) || isBefore(connection.sendNext, end)) return 0;
  if (isAtMost(end, start)) return 0;
  connection.sacked ??= new SequenceIntervals(SCOREBOARD_RANGES);
  return Math.max(0, connection.sacked.add(start, end));
}

/**
 * Below this number everything not acknowledged selectively counts as lost: IsLost() of RFC 6675 section 4. Three ranges, or more
 * than two full segments' bytes, have been received above it (more where segments are known to overtake each other).
 */
export function lostBelow(connection: TcpConnection): number {
  if (connection.lossState === LOSS_TIMEOUT) return connection.recoverPoint;
  const { sacked, duplicateThreshold } = connection;
  if (sacked === null) return connection.sendUnacknowledged;
  let bytes = 0;
  for (let index = sacked.count - 1, ranges = 1; index >= 0; index--, ranges++) {
    bytes += (sacked.end(index) - sacked.start(index)) | 0;
    if (ranges >= duplicateThreshold || bytes > (duplicateThreshold - 1) * connection.sendSegmentBytes) {
      return sacked.start(index);
    }
  }
  return connection.sendUnacknowledged;
}

/** SetPipe() of RFC 6675 section 4: bytes sent that are neither received nor lost, and retransmissions of lost ones. */
export function pipeBytes(connection: TcpConnection): number {
  const first = connection.sendUnacknowledged;
  const flight = (connection.sendNext - first) | 0;
  const { sacked, lossState } = connection;
  if (sacked === null && lossState !== LOSS_TIMEOUT) return Math.max(0, flight - connection.duplicateBytes);
  const from =
    isBefore(first, connection.retransmitNext) && lossState !== LOSS_NONE ? connection.retransmitNext : first;
  const to = lostBelow(connection);
  let lost = (to - from) | 0;
  if (lost <= 0) lost = 0;
  else if (sacked !== null) lost -= sacked.bytesWithin(from, to);
  return flight - lost - (sacked === null ? 0 : sacked.total);
}

/** Three duplicate ACKs, or what SACK says amounts to them: halve and repair (RFC 5681 section 3.2 steps 2 and 3). */
export function enterRecovery(connection: TcpConnection): void {
  const { counters, stack } = connection.tcp;
  rememberWindow(connection);
  connection.probeIsOut = false;
  connection.waitingFor = WAIT_RETRANSMIT;
  connection.retransmitAt = stack.now + connection.retransmitTimeout;
  armTimer(connection, connection.retransmitAt);
  connection.slowStartThreshold = lossThreshold(connection, connection.unacknowledgedBytes);
  connection.congestionWindow = connection.slowStartThreshold;
  connection.lossState = LOSS_RECOVERY;
  connection.recoverPoint = connection.sendNext;
  connection.retransmitNext = connection.sendUnacknowledged;
  connection.headRetransmittedAt = connection.sendNext;
  connection.retransmitHead = true;
  connection.congestionCredit = 0;
  if (connection.sackPermitted) counters.TcpExtTCPSackRecovery++;
  else counters.TcpExtTCPRenoRecovery++;
  connection.tcp.markDirty(connection);
}

/** The retransmission timer has run out: everything not acknowledged is lost until the contrary is known. */
export function enterTimeoutRecovery(connection: TcpConnection): void {
  rememberWindow(connection);
  // The reports that came did not tell of the loss: the threshold was too high.
  if (connection.sacked !== null) connection.duplicateThreshold = LEAST_DUPLICATE_THRESHOLD;
  // RFC 5681 section 3.1: the threshold is set by the first timeout of a segment, not by the later ones.
  if (connection.retransmits === 0)
    connection.slowStartThreshold = lossThreshold(connection, connection.unacknowledgedBytes);
  connection.congestionWindow = connection.sendSegmentBytes;
  connection.lossState = LOSS_TIMEOUT;
  connection.recoverPoint = connection.sendNext;
  connection.retransmitNext = connection.sendUnacknowledged;
  connection.headRetransmittedAt = connection.sendNext;
  connection.retransmitHead = true;
  connection.duplicateAcks = 0;
  connection.duplicateBytes = 0;
  connection.congestionCredit = 0;
  connection.timedAt = -1;
  connection.probeIsOut = false;
  const { sacked } = connection;
  // RFC 2018 section 8: a receiver may drop what it reported; if it did, its first range starts at SND.UNA.
  if (sacked?.contains(connection.sendUnacknowledged)) connection.sacked = null;
}

/**
 * What is in flight was too long for the path: send it again in the new size. Nothing was lost to congestion, so the window stays
 * (RFC 1191 section 6.5).
 */
export function resendInFlight(connection: TcpConnection): void {
  if (connection.sendNext === connection.sendUnacknowledged) return;
  connection.lossState = LOSS_TIMEOUT;
  connection.undoWindow = 0;
  connection.recoverPoint = connection.sendNext;
  connection.retransmitNext = connection.sendUnacknowledged;
  connection.headRetransmittedAt = connection.sendNext;
  connection.retransmitHead = true;
  connection.duplicateAcks = 0;
  connection.duplicateBytes = 0;
  connection.timedAt = -1;
  connection.tcp.markDirty(connection);
}

export function leaveRecovery(connection: TcpConnection): void {
  connection.lossState = LOSS_NONE;
  // What was sent again beyond it may still fill holes: that is neither a new loss nor reordering.
  if (isBefore(connection.recoverPoint, connection.retransmitNext)) connection.recoverPoint = connection.retransmitNext;
  connection.retransmitHead = false;
  connection.duplicateAcks = 0;
  connection.duplicateBytes = 0;
  connection.congestionWindow = Math.max(connection.congestionWindow, connection.sendSegmentBytes);
}

/** Nothing was lost: goes on as before (RFC 4015). `acknowledged`: bytes that the ACK which tells has taken out of flight. */
export function undoRecovery(connection: TcpConnection, acknowledged: number): void {
  const window = connection.undoWindow;
  connection.tcp.counters.TcpExtTCPFullUndo++;
  connection.slowStartThreshold = Math.max(connection.undoThreshold, window);
  // Section 3.2 (5): after a timeout perhaps nothing is in flight any more, and the window is not sent in one burst.
  const burst = Math.min(acknowledged, initialWindow(connection.sendSegmentBytes));
  const isTimeout = connection.lossState === LOSS_TIMEOUT;
  connection.congestionWindow = isTimeout ? Math.min(window, connection.unacknowledgedBytes + burst) : window;
  connection.undoWindow = 0;
  leaveRecovery(connection);
}

/** Sends again what is lost, as far as the congestion window allows. Returns the new pipe; -1 when the arena has no frame left. */
export function retransmitLost(connection: TcpConnection, pipeBefore: number): number {
  let pipe = pipeBefore;
  if (connection.retransmitHead) {
    const length = retransmitFrom(connection, connection.sendUnacknowledged);
    if (length < 0) return -1;
    connection.retransmitHead = false;
    const end = (connection.sendUnacknowledged + length) | 0;
    if (isBefore(connection.retransmitNext, end)) {
      connection.retransmitNext = end;
      pipe += length;
    }
  }
  if (connection.lossState === LOSS_NONE) return pipe;
  if (isBefore(connection.retransmitNext, connection.sendUnacknowledged)) {
    connection.retransmitNext = connection.sendUnacknowledged;
  }
  const { sacked } = connection;
  let limit = lostBelow(connection);
  // Rule 3 of NextSeg() in RFC 6675 section 4: with nothing new to send, holes that are not surely lost are worth sending as well.
  if (sacked !== null && connection.sendEnd === connection.sendNext && isBefore(limit, sacked.highest)) {
    limit = sacked.highest;
  }
  while (pipe + connection.sendSegmentBytes <= connection.congestionWindow) {
    let from = connection.retransmitNext;
    if (sacked !== null) {
      const index = sacked.find(from);
      if (index < sacked.count && isAtMost(sacked.start(index), from)) from = sacked.end(index);
    }
    if (isAtMost(limit, from)) break;
    const length = retransmitFrom(connection, from);
    if (length < 0) return -1;
    if (length === 0) break;
    connection.retransmitNext = (from + length) | 0;
    pipe += length;
  }
  return pipe;
}

/** Sends one segment again, up to the next range the peer has. Returns how much sequence space it took; 0 for nothing to send, -1 without a frame. */
export function retransmitFrom(connection: TcpConnection, from: number): number {
  const outstanding = (connection.sendNext - from) | 0;
  if (outstanding <= 0) return 0;
  const { sacked } = connection;
  let length = Math.min(connection.sendSegmentBytes, outstanding, (connection.sendEnd - from) | 0);
  if (sacked !== null) {
    const index = sacked.find(from);
    if (index < sacked.count) length = Math.min(length, (sacked.start(index) - from) | 0);
  }
  if (length < 0) length = 0;
  const window = (connection.sendUnacknowledged + connection.sendWindow - from) | 0;
  // A window taken back stops everything but the first segment, which then serves as the probe.
  if (length > window && from !== connection.sendUnacknowledged) return 0;
  const end = (from + length) | 0;
  const withFin = connection.finSent && end === connection.sendEnd;
  if (length === 0 && !withFin) return 0;
  const flags = ACK | (end === connection.sendEnd && length > 0 ? PSH : 0) | (withFin ? FIN : 0);
  if (!transmit(connection, from, flags, length)) return -1;
  connection.segmentsRetransmitted++;
  connection.tcp.counters.TcpRetransSegs++;
  // RFC 4022: tcpOutSegs leaves out what only repeats.
  connection.tcp.counters.TcpOutSegs--;
  if (connection.lossState === LOSS_TIMEOUT) connection.tcp.counters.TcpExtTCPSlowStartRetrans++;
  else connection.tcp.counters.TcpExtTCPFastRetrans++;
  // Karn's algorithm: a segment sent twice is not timed.
  connection.timedAt = -1;
  return length + (withFin ? 1 : 0);
}
