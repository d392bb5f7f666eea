/** Keep-alive (RFC 9293 section 3.8.4): off unless asked for; probes an idle peer, and gives up after some without an answer. */
import { ETIMEDOUT } from "../../../abi/errno.ts";
import type { TcpConnection } from "./connection.ts";
import { ACK } from "./header.ts";
import { SYNCHRONIZED } from "./state.ts";
import { armTimer } from "./timer-deadlines.ts";
import { fail } from "./transitions.ts";
import { transmit } from "./transmit.ts";

/** To be called when the options change and when the connection is established. */
export function armKeepAlive(connection: TcpConnection): void {
  const { options, state } = connection;
  connection.keepAliveProbes = 0;
  if (!options.keepAlive || connection.isOrphan || ((1 << state) & SYNCHRONIZED) === 0) {
    connection.keepAliveAt = Number.POSITIVE_INFINITY;
    return;
  }
  setNext(connection, Math.max(connection.lastReceivedAt, 0) + options.keepIdleMilliseconds);
}

/** The deadline has come; segments that arrived meanwhile have not moved it. */
export function keepAliveDue(connection: TcpConnection, now: number): void {
  const { options, tcp } = connection;
  const silent = now - connection.lastReceivedAt;
  if (connection.bufferedBytes > 0 || silent < options.keepIdleMilliseconds) {
    // Data in flight has timers of its own; a peer that was heard is alive.
    connection.keepAliveProbes = 0;
    setNext(connection, now + options.keepIdleMilliseconds - (connection.bufferedBytes > 0 ? 0 : silent));
    return;
  }
  const { userTimeoutMilliseconds } = options;
  const giveUp =
    userTimeoutMilliseconds > 0
      ? silent >= userTimeoutMilliseconds && connection.keepAliveProbes > 0
      : connection.keepAliveProbes >= options.keepCount;
  if (giveUp) {
    tcp.counters.TcpExtTCPAbortOnTimeout++;
    connection.resetPending = true;
    fail(connection, connection.softError || ETIMEDOUT);
    return;
  }
  // A number just below the window makes the peer answer with an ACK.
  transmit(connection, (connection.sendUnacknowledged - 1) | 0, ACK, 0);
  connection.keepAliveProbes++;
  tcp.counters.TcpExtTCPKeepAlive++;
  setNext(connection, now + options.keepIntervalMilliseconds);
}

function setNext(connection: TcpConnection, deadline: number): void {
  connection.keepAliveAt = deadline;
  armTimer(connection, deadline);
}
