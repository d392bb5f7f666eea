/**
 * What an acceptable ACK does to the sending half (RFC 9293 section 3.10.7.4, fifth; RFC 5681; RFC 6582; RFC 6675): frees the ring,
 * times the round trip, restarts the timer, finds losses, and lets the congestion window grow.
 */

import { growWindow } from "./congestion.ts";
import { LOSS_NONE, LOSS_RECOVERY, LOSS_TIMEOUT, type TcpConnection, WAIT_NOTHING } from "./connection.ts";
import type { Segment } from "./header.ts";
import { WRITABLE_EVENTS } from "./readiness.ts";
import { enterRecovery, leaveRecovery, lostBelow, noteSacked, undoRecovery } from "./recovery.ts";
import { noteReordering, wasNeedless } from "./reordering.ts";
import { sendRingDrained } from "./rings.ts";
import { measureRoundTrip, timeoutFor } from "./round-trip.ts";
import { isWritable } from "./send.ts";
import { isAtMost, isBefore } from "./sequence.ts";
import { probeAnswered, startRetransmissionTimer } from "./tail-loss-probe.ts";

/** Half of how far a number may lie behind before comparisons take it for one ahead. */
const FAR_BEHIND_BYTES = 2 ** 30;

/** SND.UNA moves to `acknowledgment` (after SND.UNA, at most SND.NXT). `echo`: the timestamp echoed, if `hasEcho`. */
export function acknowledge(connection: TcpConnection, acknowledgment: number, hasEcho: boolean, echo: number): void {
  const now = connection.tcp.stack.now;
  const flightBefore = (connection.sendNext - connection.sendUnacknowledged) | 0;
  const first = connection.sendUnacknowledged;
  const acknowledged = (acknowledgment - first) | 0;
  connection.sendUnacknowledged = acknowledgment;
  connection.bytesAcknowledged += acknowledged;
  connection.retransmits = 0;
  connection.probesSent = 0;
  connection.stalledSince = -1;
  connection.softError = 0;

  if (connection.timedAt >= 0 && isAtMost(connection.timedSequence, acknowledgment)) {
    measureRoundTrip(connection, now - connection.timedAt);
    connection.timedAt = -1;
  } else if (hasEcho && connection.lossState !== LOSS_NONE) {
    // RFC 7323 section 4: an echo names the segment that was answered, so it may be timed even if sent twice.
    const sample = (now + connection.timestampOffset - echo) | 0;
    if (sample >= 0 && sample < 300_000) measureRoundTrip(connection, sample);
    else connection.retransmitTimeout = timeoutFor(connection);
  } else connection.retransmitTimeout = timeoutFor(connection);

  if (connection.sendNext === acknowledgment) {
    // RFC 6298 section 5.2: everything is acknowledged.
    connection.waitingFor = WAIT_NOTHING;
    connection.retransmitAt = Number.POSITIVE_INFINITY;
    if (connection.bufferedBytes === 0 && connection.sendRing !== 0) sendRingDrained(connection);
  } else {
    // RFC 6298 section 5.3: new data is acknowledged, start over.
    connection.stalledSince = now;
    startRetransmissionTimer(connection, now);
  }

  const isRepairing = connection.lossState !== LOSS_NONE;
  const isNeedless = isRepairing && hasEcho && wasNeedless(connection, echo);
  const overtook = !isRepairing && connection.sacked !== null && isAtMost(connection.recoverPoint, first);
  if (isNeedless || overtook) noteReordering(connection, first, acknowledgment);
  if (connection.sacked !== null) {
    connection.sacked.trim(acknowledgment);
    if (connection.sacked.count === 0) connection.sacked = null;
  }
  if (connection.probeIsOut) probeAnswered(connection, acknowledgment);
  if (isNeedless) undoRecovery(connection, acknowledged);
  else if (isRepairing) acknowledgeInRecovery(connection, acknowledgment, acknowledged);
  else {
    connection.duplicateAcks = 0;
    connection.duplicateBytes = 0;
    // An old number must not come round and look like one ahead.
    if (((acknowledgment - connection.recoverPoint) | 0) > FAR_BEHIND_BYTES) {
      connection.recoverPoint = (acknowledgment - 1) | 0;
    }
    const window = connection.congestionWindow;
    const inSlowStart = window < connection.slowStartThreshold;
    // RFC 7661: a window that was not used proves nothing, and does not grow.
    if (connection.isWindowLimited || (inSlowStart && window < 2 * flightBefore)) growWindow(connection, acknowledged);
  }

  if (connection.wantsWrite && isWritable(connection)) {
    connection.wantsWrite = false;
    connection.pendingEvents |= WRITABLE_EVENTS;
  }
  connection.tcp.markDirty(connection);
}

function acknowledgeInRecovery(connection: TcpConnection, acknowledgment: number, acknowledged: number): void {
  if (isAtMost(connection.recoverPoint, acknowledgment)) {
    // A full acknowledgment (RFC 6582 section 3.2 step 3): what was in flight when the loss was found has arrived.
    if (connection.lossState === LOSS_RECOVERY) {
      connection.congestionWindow = connection.slowStartThreshold;
      leaveRecovery(connection);
    } else {
      leaveRecovery(connection);
      growWindow(connection, acknowledged);
    }
    return;
  }
  if (connection.lossState === LOSS_TIMEOUT) {
    growWindow(connection, acknowledged);
    return;
  }
  const wasRetransmitted = isBefore(acknowledgment, connection.retransmitNext);
  if (connection.sackPermitted) {
    // The new first hole was sent again already; if that got lost too, SACKs for what is sent from now on will show it.
    connection.headRetransmittedAt = connection.sendNext;
    if (!wasRetransmitted) connection.retransmitNext = acknowledgment;
    return;
  }
  // A partial acknowledgment without SACK (RFC 6582 section 3.2 step 3): the next segment is lost as well; send it at once, and
  // deflate the window by what was acknowledged, less one segment.
  connection.duplicateBytes = Math.max(0, connection.duplicateBytes - acknowledged + connection.sendSegmentBytes);
  connection.retransmitNext = acknowledgment;
  connection.retransmitHead = true;
}

/** The SACK blocks of a segment: new reports, and what they say about losses. Returns bytes newly reported. */
export function takeSackBlocks(connection: TcpConnection, segment: Segment): number {
  let fresh = 0;
  for (let k = 0; k < segment.sackBlocks; k++) {
    const start = segment.sackEdges[2 * k]!;
    const end = segment.sackEdges[2 * k + 1]!;
    if (k === 0 && isBefore(start, segment.acknowledgment)) {
      connection.tcp.counters.TcpExtTCPDSACKRecv++;
      connection.sawRepeated = true;
      continue;
    }
    fresh += noteSacked(connection, start, end);
  }
  return fresh;
}

/** After SACK blocks were taken: begin a recovery, or notice in one that a retransmission was lost. */
export function judgeSacked(connection: TcpConnection): void {
  const { sacked, duplicateThreshold } = connection;
  if (sacked === null) return;
  connection.tcp.markDirty(connection);
  connection.duplicateAcks++;
  if (connection.lossState === LOSS_NONE) {
    // RFC 6675 section 5: three ACKs (or as many as reordering asks for) with new reports, or reports that amount to as much.
    const headIsLost = isBefore(connection.sendUnacknowledged, lostBelow(connection));
    // What was sent before a probe that has arrived was lost (RFC 8985 section 7.4).
    const byProbe = connection.probeIsOut && connection.probeRepeats && sacked.highest === connection.probeEnd;
    if (headIsLost || byProbe || connection.duplicateAcks >= duplicateThreshold) enterRecovery(connection);
    return;
  }
  // Bytes first sent after the head's retransmission have arrived, enough of them: so the retransmission has not.
  const beyond = (sacked.highest - connection.headRetransmittedAt) | 0;
  if (beyond > duplicateThreshold * connection.sendSegmentBytes && !connection.retransmitHead) {
    connection.tcp.counters.TcpExtTCPLostRetransmit++;
    connection.headRetransmittedAt = connection.sendNext;
    connection.retransmitHead = true;
  }
}

/** A duplicate ACK as RFC 5681 section 2 defines it, from a peer without SACK. */
export function countDuplicate(connection: TcpConnection): void {
  connection.duplicateAcks++;
  const flight = (connection.sendNext - connection.sendUnacknowledged) | 0;
  // Each says that one segment has left the network: limited transmit (RFC 3042) before the third, inflation after it.
  connection.duplicateBytes = Math.min(flight, connection.duplicateBytes + connection.sendSegmentBytes);
  connection.tcp.markDirty(connection);
  if (connection.lossState !== LOSS_NONE || connection.duplicateAcks !== connection.duplicateThreshold) return;
  // RFC 6582 section 3.2 step 2: not for duplicates of what an earlier recovery sent again.
  if (isBefore(connection.recoverPoint, connection.sendUnacknowledged)) enterRecovery(connection);
}
