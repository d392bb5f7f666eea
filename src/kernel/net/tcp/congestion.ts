/**
 * The congestion window (RFC 5681), counted in bytes: slow start, congestion avoidance by CUBIC (RFC 9438) or Reno, the initial
 * window of RFC 6928, and the restart after idleness.
 */
import type { TcpConnection } from "./connection.ts";

/** RFC 9438 section 4.6 and 5: C in segments per second cubed, and the factor the window shrinks by. */
const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;

/** No peer can advertise more (RFC 7323 section 2.3). */
const LARGEST_WINDOW_BYTES = 2 ** 30;

/** RFC 6928 section 2: ten segments, but no more than 14,600 bytes unless two segments are. */
export function initialWindow(segmentBytes: number): number {
  return Math.min(10 * segmentBytes, Math.max(2 * segmentBytes, 14_600));
}

/** `acknowledged` bytes have arrived in order and the window was in use: let it grow. */
export function growWindow(connection: TcpConnection, acknowledged: number): void {
  if (connection.congestionWindow >= LARGEST_WINDOW_BYTES) return;
  let bytes = acknowledged;
  if (connection.congestionWindow < connection.slowStartThreshold) {
    // Slow start. Counting bytes rather than ACKs (RFC 3465), because one ACK answers a whole batch of segments here.
    const room = connection.slowStartThreshold - connection.congestionWindow;
    const step = Math.min(bytes, room);
    connection.congestionWindow += step;
    bytes -= step;
    if (bytes === 0) return;
  }
  if (connection.tcp.options.congestion === "cubic") growCubic(connection, bytes);
  else growReno(connection, bytes);
}

/** Congestion avoidance: one segment per window of acknowledged bytes (RFC 5681 section 3.1, equation 3, by bytes). */
function growReno(connection: TcpConnection, acknowledged: number): void {
  connection.congestionCredit += acknowledged;
  while (connection.congestionCredit >= connection.congestionWindow) {
    connection.congestionCredit -= connection.congestionWindow;
    connection.congestionWindow += connection.sendSegmentBytes;
  }
}

/** RFC 9438 section 4.2 to 4.5. Windows in segments, times in seconds, as the formulas have them. */
function growCubic(connection: TcpConnection, acknowledged: number): void {
  const segment = connection.sendSegmentBytes;
  const window = connection.congestionWindow / segment;
  const now = connection.tcp.stack.now;
  if (connection.cubicEpochStart === 0) {
    connection.cubicEpochStart = Math.max(now, 0.001);
    if (connection.cubicOrigin < window) connection.cubicOrigin = window;
    connection.cubicK = Math.cbrt((connection.cubicOrigin - window) / CUBIC_C);
    connection.cubicRenoWindow = window;
  }
  const rtt = Math.max(connection.smoothedRtt, 0) / 1000;
  const elapsed = (now - connection.cubicEpochStart) / 1000;
  const target = CUBIC_C * (elapsed + rtt - connection.cubicK) ** 3 + connection.cubicOrigin;
  // What Reno with the same shrinking would have (section 4.3): never be slower.
  const alpha = connection.cubicRenoWindow >= connection.cubicOrigin ? 1 : (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA);
  connection.cubicRenoWindow += (alpha * (acknowledged / segment)) / window;
  const limited = Math.min(Math.max(target, window), 1.5 * window);
  let next = window + ((limited - window) / window) * (acknowledged / segment);
  if (next < connection.cubicRenoWindow) next = connection.cubicRenoWindow;
  // Whole bytes, so that the field stays a small integer; what is cut off waits.
  const grown = next * segment + connection.congestionCredit;
  const whole = Math.floor(grown);
  connection.congestionCredit = grown - whole;
  connection.congestionWindow = Math.max(connection.congestionWindow, whole);
}

/** The threshold after a loss: half of what was in flight (RFC 5681 equation 4), 0.7 of the window with CUBIC; two segments at least. */
export function lossThreshold(connection: TcpConnection, flight: number): number {
  const segment = connection.sendSegmentBytes;
  if (connection.tcp.options.congestion !== "cubic") return Math.max(flight >> 1, 2 * segment);
  const window = Math.min(connection.congestionWindow, Math.max(flight, 2 * segment));
  // Fast convergence (RFC 9438 section 4.7): a flow that lost below its last maximum makes room for others.
  const segments = window / segment;
  connection.cubicOrigin = segments < connection.cubicOrigin ? (segments * (1 + CUBIC_BETA)) / 2 : segments;
  connection.cubicEpochStart = 0;
  return Math.max(Math.floor(window * CUBIC_BETA), 2 * segment);
}

/** RFC 5681 section 4.1: after a timeout's length without sending, begin with no more than the initial window. */
export function restartAfterIdle(connection: TcpConnection): void {
  if (connection.lastSentAt < 0) return;
  const idle = connection.tcp.stack.now - connection.lastSentAt;
  if (idle <= connection.retransmitTimeout) return;
  const restart = initialWindow(connection.sendSegmentBytes);
  if (connection.congestionWindow > restart) connection.congestionWindow = restart;
  connection.cubicEpochStart = 0;
}
