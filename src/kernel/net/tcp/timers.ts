/** What happens when a connection's time has come: retransmission, persist, delayed ACK, keep-alive, idle rings. */
import { ETIMEDOUT } from "../../../abi/errno.ts";
import { type TcpConnection, WAIT_NOTHING, WAIT_PERSIST, WAIT_PROBE, WAIT_RETRANSMIT } from "./connection.ts";
import { ACK } from "./header.ts";
import { keepAliveDue } from "./keep-alive.ts";
import { enterTimeoutRecovery } from "./recovery.ts";
import { freeIdleRings } from "./rings.ts";
import { backOff, LARGEST_TIMEOUT_MILLISECONDS } from "./round-trip.ts";
import { CLOSED, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from "./state.ts";
import { probeDue } from "./tail-loss-probe.ts";
import { armTimer, earliestDeadline } from "./timer-deadlines.ts";
import { fail } from "./transitions.ts";
import { transmit } from "./transmit.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** Linux's tcp_retries2 (R2 of RFC 9293 section 3.8.3: about 15 minutes), and what an orphan gets. */
const RETRANSMISSION_LIMIT = 15;
const ORPHAN_LIMIT = 8;
/** tcp_synack_retries, for a simultaneous open. */
const ANSWER_LIMIT = 5;

/** The heap entry has fired: perhaps early, for a deadline that has moved since. */
export function fireConnectionTimer(connection: TcpConnection, now: number): void {
  if (now >= connection.ackAt) {
    connection.ackAt = NEVER;
    connection.ackNow = true;
    connection.tcp.counters.TcpExtDelayedACKs++;
    connection.tcp.markDirty(connection);
  }
  if (now >= connection.retransmitAt) retransmissionDue(connection, now);
  if (now >= connection.keepAliveAt) keepAliveDue(connection, now);
  if (now >= connection.ringIdleAt) {
    connection.ringIdleAt = NEVER;
    freeIdleRings(connection);
  }
  if (connection.state === CLOSED || connection.state === TIME_WAIT) return;
  armTimer(connection, earliestDeadline(connection));
}

function retransmissionDue(connection: TcpConnection, now: number): void {
  const { state, waitingFor } = connection;
  connection.retransmitAt = NEVER;
  if (hasOutlastedUser(connection, now)) {
    giveUp(connection);
    return;
  }
  if (state === SYN_SENT || state === SYN_RECEIVED) synDue(connection);
  else if (waitingFor === WAIT_PERSIST) persistDue(connection, now);
  else if (waitingFor === WAIT_RETRANSMIT) segmentDue(connection, now);
  else if (waitingFor === WAIT_PROBE) {
    probeDue(connection, now);
    connection.waitingFor = WAIT_RETRANSMIT;
    setRetransmission(connection, now);
  }
}

/** TCP_USER_TIMEOUT (RFC 5482): nothing was acknowledged, or the window stayed closed, for so long. */
function hasOutlastedUser(connection: TcpConnection, now: number): boolean {
  const { userTimeoutMilliseconds } = connection.options;
  if (userTimeoutMilliseconds === 0 || connection.stalledSince < 0) return false;
  return now - connection.stalledSince >= userTimeoutMilliseconds;
}

function synDue(connection: TcpConnection): void {
  const limit = connection.state === SYN_SENT ? connection.options.synRetries : ANSWER_LIMIT;
  if (connection.retransmits >= limit) {
    giveUp(connection);
    return;
  }
  connection.retransmits++;
  connection.tcp.counters.TcpExtTCPTimeouts++;
  backOff(connection);
  connection.synPending = true;
  connection.tcp.markDirty(connection);
}

/** RFC 9293 section 3.8.6.1: a closed window is probed for as long as the peer answers. */
function persistDue(connection: TcpConnection, now: number): void {
  if (connection.sendWindow > 0) {
    // Only held back, by cork, Nagle or silly window avoidance: it has waited long enough.
    connection.waitingFor = WAIT_NOTHING;
    connection.pushNow = true;
    connection.tcp.markDirty(connection);
    return;
  }
  if (connection.probeAt >= 0 && connection.lastReceivedAt >= connection.probeAt) connection.probesUnanswered = 0;
  if (connection.probesUnanswered >= (connection.isOrphan ? ORPHAN_LIMIT : RETRANSMISSION_LIMIT)) {
    giveUp(connection);
    return;
  }
  // A number just below the window makes the peer answer with its window, and costs no byte of data.
  transmit(connection, (connection.sendUnacknowledged - 1) | 0, ACK, 0);
  connection.probesSent++;
  connection.probesUnanswered++;
  connection.probeAt = now;
  backOff(connection);
  setRetransmission(connection, now);
}

function segmentDue(connection: TcpConnection, now: number): void {
  if (connection.sendNext === connection.sendUnacknowledged) {
    connection.waitingFor = WAIT_NOTHING;
    return;
  }
  const limit = connection.isOrphan ? ORPHAN_LIMIT : RETRANSMISSION_LIMIT;
  // A peer that keeps answering with a window of zero is alive, if slow.
  const isStalled = connection.sendWindow === 0 && now - connection.lastReceivedAt < LARGEST_TIMEOUT_MILLISECONDS;
  if (connection.retransmits >= limit && !isStalled) {
    giveUp(connection);
    return;
  }
  enterTimeoutRecovery(connection);
  connection.retransmits++;
  connection.tcp.counters.TcpExtTCPTimeouts++;
  backOff(connection);
  setRetransmission(connection, now);
  connection.tcp.markDirty(connection);
}

function setRetransmission(connection: TcpConnection, now: number): void {
  let at = now + connection.retransmitTimeout;
  const { userTimeoutMilliseconds } = connection.options;
  if (userTimeoutMilliseconds > 0) at = Math.min(at, connection.stalledSince + userTimeoutMilliseconds);
  connection.retransmitAt = Math.max(at, now);
}

function giveUp(connection: TcpConnection): void {
  connection.tcp.counters.TcpExtTCPAbortOnTimeout++;
  fail(connection, connection.softError || ETIMEDOUT);
}
