/** Entering a state: what every transition has to see to, in one place (RFC 9293 section 3.3.2, figure 5). */

import { POLLRDHUP } from "../../../abi/poll.ts";
import { initialWindow } from "./congestion.ts";
import type { TcpConnection } from "./connection.ts";
import { ACK } from "./header.ts";
import { refreshPrediction } from "./input-common.ts";
import { armKeepAlive } from "./keep-alive.ts";
import { END_EVENTS, READABLE_EVENTS, WRITABLE_EVENTS } from "./readiness.ts";
import { freeReceiveRing, freeSendRing } from "./rings.ts";
import {
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  SYN_RECEIVED,
  SYN_SENT,
  type TcpState,
  TIME_WAIT,
} from "./state.ts";
import { stopTimers } from "./timer-deadlines.ts";
import { transmit } from "./transmit.ts";

/** RFC 6298 section 5.7 */
const TIMEOUT_AFTER_LOST_SYN_MILLISECONDS = 3000;

export function enterState(connection: TcpConnection, state: TcpState): void {
  const before = connection.state;
  if (before === state) return;
  const { tcp } = connection;
  countTransition(connection, before, state);
  connection.state = state;
  refreshPrediction(connection);
  tcp.markDirty(connection);
  switch (state) {
    case ESTABLISHED:
      establish(connection);
      break;
    case FIN_WAIT_2:
      // Our FIN is acknowledged: a close() that lingers may go on.
      connection.pendingEvents |= WRITABLE_EVENTS;
      break;
    case CLOSE_WAIT:
    case CLOSING:
      connection.pendingEvents |= READABLE_EVENTS | POLLRDHUP | (connection.finQueued ? END_EVENTS : 0);
      break;
    case TIME_WAIT:
      // The peer's FIN is acknowledged at once: from here on the compact form answers.
      connection.ackNow = true;
      becomeCompact(connection, TIME_WAIT);
      break;
    case CLOSED:
      finish(connection);
      break;
  }
}

/** The connection is over for a reason its user is to hear of. */
export function fail(connection: TcpConnection, errno: number): void {
  if (connection.state === CLOSED) return;
  connection.error = errno;
  enterState(connection, CLOSED);
}

/** The handshake is done: RFC 5681 section 3.1's start, and both sides may talk. */
function establish(connection: TcpConnection): void {
  const now = connection.tcp.stack.now;
  connection.lastReceivedAt = now;
  // RFC 5681 section 3.1: a lost SYN or SYN|ACK allows no more than one segment at first.
  const segment = connection.sendSegmentBytes;
  connection.congestionWindow = connection.retransmits > 0 ? segment : initialWindow(segment);
  if (connection.smoothedRtt < 0 && connection.retransmits > 0) {
    connection.retransmitTimeout = TIMEOUT_AFTER_LOST_SYN_MILLISECONDS;
  }
  connection.retransmits = 0;
  connection.waitingFor = 0;
  connection.retransmitAt = Number.POSITIVE_INFINITY;
  connection.stalledSince = -1;
  connection.pendingEvents |= WRITABLE_EVENTS;
  armKeepAlive(connection);
  // Closed or half closed while the handshake went on (section 3.10.4).
  if (connection.finQueued) enterState(connection, FIN_WAIT_1);
}

/**
 * Hands what is left to do, TIME-WAIT or an orphan's FIN-WAIT-2, to a small record and lets the connection go; a user who has not
 * closed keeps what there is to read.
 */
export function becomeCompact(connection: TcpConnection, state: TcpState): void {
  const { tcp } = connection;
  if (connection.ackNow || connection.ackAt !== Number.POSITIVE_INFINITY) {
    transmit(connection, connection.sendNext, ACK, 0);
  }
  connection.state = TIME_WAIT;
  leaveNetwork(connection);
  tcp.timeWaits.take(connection, state);
  connection.pendingEvents |= END_EVENTS;
  if (connection.isOrphan) release(connection);
}

function finish(connection: TcpConnection): void {
  leaveNetwork(connection);
  connection.reservation?.release();
  connection.reservation = null;
  connection.pendingEvents |= END_EVENTS;
  if (connection.isOrphan) release(connection);
}

/** No segment finds the connection any more. */
function leaveNetwork(connection: TcpConnection): void {
  const { tcp } = connection;
  stopTimers(connection);
  tcp.connectionTable.remove(connection);
  connection.predictedHeader = -1;
  connection.ackNow = false;
  connection.synPending = false;
  connection.held = null;
  connection.recentHeld = null;
  connection.sacked = null;
  connection.sendUnacknowledged = connection.sendNext;
  connection.sendEnd = connection.sendNext;
  freeSendRing(connection);
  if (connection.readableBytes === 0) freeReceiveRing(connection);
}

/** Neither user nor network need it: rings and admission go back. */
export function release(connection: TcpConnection): void {
  freeSendRing(connection);
  freeReceiveRing(connection);
  if (!connection.isAdmitted) return;
  connection.isAdmitted = false;
  connection.tcp.memory.release(connection);
  if (connection.isOrphan) connection.tcp.orphans--;
}

function countTransition(connection: TcpConnection, before: TcpState, after: TcpState): void {
  const { counters } = connection.tcp;
  const isCurrent = (state: TcpState): boolean => state === ESTABLISHED || state === CLOSE_WAIT;
  if (isCurrent(after) && !isCurrent(before)) counters.TcpCurrEstab++;
  if (!isCurrent(after) && isCurrent(before)) {
    counters.TcpCurrEstab--;
    if (after === CLOSED) counters.TcpEstabResets++;
  }
  if (after === CLOSED && (before === SYN_SENT || before === SYN_RECEIVED)) counters.TcpAttemptFails++;
}
