/** The user's ways to end a connection: SHUTDOWN, CLOSE and ABORT (RFC 9293 sections 3.10.4 and 3.10.5). */
import { ENOTCONN } from "../../../abi/errno.ts";
import { POLLRDHUP } from "../../../abi/poll.ts";
import type { TcpConnection } from "./connection.ts";
import { refreshPrediction } from "./input-common.ts";
import { END_EVENTS, READABLE_EVENTS } from "./readiness.ts";
import {
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
  SYN_SENT,
  TIME_WAIT,
} from "./state.ts";
import { becomeCompact, enterState, release } from "./transitions.ts";

/** Half close: our FIN follows what is queued. */
export function shutdownWriteByUser(connection: TcpConnection): number {
  const { state } = connection;
  if (state === SYN_SENT || state === CLOSED || state === TIME_WAIT) return -ENOTCONN;
  if (connection.finQueued) return 0;
  connection.finQueued = true;
  connection.moreFollows = false;
  if (state === ESTABLISHED) enterState(connection, FIN_WAIT_1);
  else if (state === CLOSE_WAIT) enterState(connection, LAST_ACK);
  // In SYN-RECEIVED the FIN waits for ESTABLISHED (section 3.10.4).
  if (connection.finReceived || connection.readShutdown) connection.pendingEvents |= END_EVENTS;
  connection.tcp.markDirty(connection);
  return 0;
}

export function shutdownReadByUser(connection: TcpConnection): number {
  const { state } = connection;
  if (state === SYN_SENT || state === CLOSED || state === TIME_WAIT) return -ENOTCONN;
  connection.readShutdown = true;
  connection.pendingEvents |= READABLE_EVENTS | POLLRDHUP | (connection.finQueued ? END_EVENTS : 0);
  connection.tcp.markDirty(connection);
  return 0;
}

export function closeByUser(connection: TcpConnection): void {
  if (connection.isOrphan) return;
  const { tcp, state } = connection;
  const unread = connection.readableBytes > 0;
  if (state === SYN_SENT || connection.options.lingerMilliseconds === 0 || unread) {
    // RFC 2525 section 2.17: what the peer sent and nobody read must not look as if it had arrived.
    if (unread && state !== CLOSED && state !== TIME_WAIT) tcp.counters.TcpExtTCPAbortOnClose++;
    reset(connection);
    return;
  }
  orphan(connection);
  if (state === CLOSED || state === TIME_WAIT) {
    release(connection);
    return;
  }
  if (tcp.orphans > tcp.options.maximumOrphans) {
    tcp.counters.TcpExtTCPAbortOnMemory++;
    resetOrphan(connection);
    return;
  }
  connection.keepAliveAt = Number.POSITIVE_INFINITY;
  refreshPrediction(connection);
  shutdownWriteByUser(connection);
  if (connection.state === FIN_WAIT_2) becomeCompact(connection, FIN_WAIT_2);
}

/** ABORT (section 3.10.5): RST to the peer where it may still wait for something. The user is done, as after close(). */
export function reset(connection: TcpConnection): void {
  if (connection.isOrphan) return;
  orphan(connection);
  if (connection.state === CLOSED || connection.state === TIME_WAIT) release(connection);
  else resetOrphan(connection);
}

/** RST for a connection that nobody uses any more. */
export function resetOrphan(connection: TcpConnection): void {
  const { state } = connection;
  const tellsPeer =
    ((1 << state) &
      ((1 << SYN_RECEIVED) | (1 << ESTABLISHED) | (1 << FIN_WAIT_1) | (1 << FIN_WAIT_2) | (1 << CLOSE_WAIT))) !==
      0 ||
    ((state === LAST_ACK || state === CLOSING) && connection.unacknowledgedBytes > 0);
  // Numbered with what has been sent: leaving the network forgets what has not.
  connection.resetPending = tellsPeer;
  enterState(connection, CLOSED);
  connection.tcp.markDirty(connection);
}

function orphan(connection: TcpConnection): void {
  connection.isOrphan = true;
  connection.tcp.orphans++;
}
