/** The retransmission timeout from measured round trips (RFC 6298), in milliseconds. */
import type { TcpConnection } from "./connection.ts";

/** RFC 6298 section 2.1; section 5.7 goes back to three seconds if a SYN was lost and no round trip is known. */
export const INITIAL_TIMEOUT_MILLISECONDS = 1000;
export const LARGEST_TIMEOUT_MILLISECONDS = 120_000;

/** One measurement (RFC 6298 sections 2.2 and 2.3). The smallest timeout is the stack's option: Linux's 200 ms where the RFC says 1 s. */
export function measureRoundTrip(connection: TcpConnection, sample: number): void {
  const rtt = Math.max(sample, 0);
  if (connection.smoothedRtt < 0) {
    connection.smoothedRtt = rtt;
    connection.rttVariance = rtt / 2;
  } else {
    connection.rttVariance = 0.75 * connection.rttVariance + 0.25 * Math.abs(connection.smoothedRtt - rtt);
    connection.smoothedRtt = 0.875 * connection.smoothedRtt + 0.125 * rtt;
  }
  if (rtt < connection.minimumRtt) connection.minimumRtt = rtt;
  connection.retransmitTimeout = timeoutFor(connection);
}

/** RTO = SRTT + max(G, 4 × RTTVAR), within bounds; as measured, without backing off. */
export function timeoutFor(connection: TcpConnection): number {
  if (connection.smoothedRtt < 0) return INITIAL_TIMEOUT_MILLISECONDS;
  const least = connection.tcp.options.minimumTimeoutMilliseconds;
  const timeout = connection.smoothedRtt + Math.max(4 * connection.rttVariance, least);
  return Math.min(timeout, LARGEST_TIMEOUT_MILLISECONDS);
}

/** RFC 6298 section 5.5: each expiry doubles the timeout. */
export function backOff(connection: TcpConnection): void {
  connection.retransmitTimeout = Math.min(connection.retransmitTimeout * 2, LARGEST_TIMEOUT_MILLISECONDS);
}
