/**
 * Tail loss probes (RFC 8985 section 7): when the last segments of a burst are lost no duplicate ACK tells of it. After two round
 * trips without an ACK one segment is sent (again), whose SACK lets fast recovery begin long before the timeout.
 */
import { lossThreshold } from "./congestion.ts";
import { LOSS_NONE, type TcpConnection, WAIT_PROBE, WAIT_RETRANSMIT } from "./connection.ts";
import { ACK, PSH } from "./header.ts";
import { enterRecovery, retransmitFrom } from "./recovery.ts";
import { armTimer } from "./timer-deadlines.ts";
import { transmit } from "./transmit.ts";

/** What a peer may wait before it acknowledges a lone segment (TLP.max_ack_delay). */
const LONE_SEGMENT_MILLISECONDS = 200;
/** Round trips below the clock's grain are not zero. */
const LEAST_MILLISECONDS = 2;

/** RFC 6298 section 5.1 and 5.3, or RFC 8985 section 7.2 where a probe may come first. Something is in flight. */
export function startRetransmissionTimer(connection: TcpConnection, now: number): void {
  let wait = connection.retransmitTimeout;
  connection.waitingFor = WAIT_RETRANSMIT;
  if (mayProbe(connection)) {
    const isLone = connection.unacknowledgedBytes <= connection.sendSegmentBytes;
    const probe = 2 * connection.smoothedRtt + (isLone ? LONE_SEGMENT_MILLISECONDS : LEAST_MILLISECONDS);
    if (probe < wait) {
      wait = probe;
      connection.waitingFor = WAIT_PROBE;
    }
  }
  connection.retransmitAt = now + wait;
  armTimer(connection, connection.retransmitAt);
}

function mayProbe(connection: TcpConnection): boolean {
  if (!connection.sackPermitted || connection.probeIsOut || connection.smoothedRtt < 0) return false;
  return connection.lossState === LOSS_NONE;
}

/** The time has come: a new segment if there is one that the window allows, else the last one once more. */
export function probeDue(connection: TcpConnection, now: number): void {
  if (connection.sacked !== null) {
    // Something sent later has arrived two round trips ago: that is no reordering any more (the idea of section 6.2).
    enterRecovery(connection);
    return;
  }
  const { sendNext } = connection;
  const waiting = (connection.sendEnd - sendNext) | 0;
  const usable = (connection.sendUnacknowledged + connection.sendWindow - sendNext) | 0;
  connection.probeRepeats = connection.finSent || waiting <= 0 || usable <= 0;
  connection.sawRepeated = false;
  if (connection.probeRepeats) {
    const last = Math.min(connection.unacknowledgedBytes, connection.sendSegmentBytes);
    if (retransmitFrom(connection, (sendNext - last) | 0) <= 0) return;
  } else {
    const length = Math.min(waiting, usable, connection.sendSegmentBytes);
    if (!transmit(connection, sendNext, length === waiting ? ACK | PSH : ACK, length)) return;
    connection.sendNext = (sendNext + length) | 0;
    connection.lastSentAt = now;
  }
  connection.tcp.counters.TcpExtTCPLossProbes++;
  connection.probeIsOut = true;
  connection.probeEnd = connection.sendNext;
}

/** SND.UNA has moved while a probe is out (RFC 8985 section 7.4.2): was there a loss that only the probe has repaired? */
export function probeAnswered(connection: TcpConnection, acknowledgment: number): void {
  const beyond = (acknowledgment - connection.probeEnd) | 0;
  if (beyond < 0) return;
  if (!connection.probeRepeats || connection.sawRepeated) connection.probeIsOut = false;
  else if (beyond > 0) {
    connection.probeIsOut = false;
    // The peer never had it twice: then the original was lost, and that was congestion.
    if (connection.lossState !== LOSS_NONE) return;
    connection.slowStartThreshold = lossThreshold(connection, connection.congestionWindow);
    connection.congestionWindow = connection.slowStartThreshold;
  }
}

/** A duplicate ACK at the probe's end, without reports or with one of a repetition: the probe was needless. */
export function probeDuplicated(connection: TcpConnection, acknowledgment: number, sackBlocks: number): void {
  if (acknowledgment !== connection.probeEnd) return;
  if (sackBlocks === 0 || connection.sawRepeated) connection.probeIsOut = false;
}
