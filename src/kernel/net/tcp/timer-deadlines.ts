/**
 * A connection has several deadlines but one entry in the timer heap, armed no later than the earliest of them. A deadline that
 * moves away touches nothing but its field; the timer then fires early once, and is armed anew for what is left.
 */
import type { TcpConnection } from "./connection.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** To be called when a deadline was set to `deadline`. */
export function armTimer(connection: TcpConnection, deadline: number): void {
  if (deadline < connection.timer.deadline) connection.tcp.stack.timers.arm(connection.timer, deadline);
}

export function earliestDeadline(connection: TcpConnection): number {
  return Math.min(connection.retransmitAt, connection.ackAt, connection.keepAliveAt, connection.ringIdleAt);
}

export function stopTimers(connection: TcpConnection): void {
  connection.retransmitAt = NEVER;
  connection.ackAt = NEVER;
  connection.keepAliveAt = NEVER;
  connection.ringIdleAt = NEVER;
  connection.tcp.stack.timers.disarm(connection.timer);
}
