/** What setsockopt() can change about one connection. Accepted connections inherit the listener's. */
import type { TcpConnection } from "./connection.ts";
import { armKeepAlive } from "./keep-alive.ts";
import { receiveBufferLimit } from "./receive.ts";
import { refreshTemplate } from "./transmit.ts";

export interface ConnectionOptions {
  /** TCP_NODELAY: small segments need not wait for an ACK. */
  noDelay: boolean;
  /** TCP_CORK: only full segments leave, for at most 200 ms. */
  cork: boolean;
  /** TCP_QUICKACK: acknowledge at once. Off, ACKs wait for company from the start. */
  quickAck: boolean;
  /** SO_KEEPALIVE with TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. */
  keepAlive: boolean;
  keepIdleMilliseconds: number;
  keepIntervalMilliseconds: number;
  keepCount: number;
  /** SO_LINGER: -1 off; 0 makes close() reset; the waiting is the socket layer's. */
  lingerMilliseconds: number;
  /** TCP_USER_TIMEOUT: 0 for the system's. */
  userTimeoutMilliseconds: number;
  /** TCP_MAXSEG, before the connection: 0 for the route's. */
  maxSegmentSize: number;
  typeOfService: number;
  timeToLive: number;
  /** SO_RCVBUF, SO_SNDBUF: 0 leaves them to autotuning. */
  receiveBufferBytes: number;
  sendBufferBytes: number;
  /** TCP_SYNCNT */
  synRetries: number;
}

export type TcpSocketOptions = Partial<ConnectionOptions>;

/** Linux's values. Connections share one record until they change something. */
export const DEFAULT_OPTIONS: Readonly<ConnectionOptions> = {
  noDelay: false,
  cork: false,
  quickAck: true,
  keepAlive: false,
  keepIdleMilliseconds: 7_200_000,
  keepIntervalMilliseconds: 75_000,
  keepCount: 9,
  lingerMilliseconds: -1,
  userTimeoutMilliseconds: 0,
  maxSegmentSize: 0,
  typeOfService: 0,
  timeToLive: 64,
  receiveBufferBytes: 0,
  sendBufferBytes: 0,
  synRetries: 6,
};

/** The record for a new connection or listener. */
export function completeOptions(options: TcpSocketOptions | undefined): Readonly<ConnectionOptions> {
  return options === undefined ? DEFAULT_OPTIONS : { ...DEFAULT_OPTIONS, ...options };
}

/** setsockopt() on a live connection. */
export function applyOptions(connection: TcpConnection, changes: TcpSocketOptions): void {
  const before = connection.options;
  const after = { ...before, ...changes };
  connection.options = after;
  if (after.timeToLive !== before.timeToLive || after.typeOfService !== before.typeOfService)
    refreshTemplate(connection);
  if (after.receiveBufferBytes !== 0) {
    connection.receiveBuffer = Math.min(after.receiveBufferBytes, receiveBufferLimit(connection));
  }
  armKeepAlive(connection);
  // Nagle's rule or the cork may have let go of something; a later output looks.
  if (changes.quickAck === true && connection.ackAt !== Number.POSITIVE_INFINITY) connection.ackNow = true;
  if (changes.cork === false || changes.noDelay === true) {
    connection.moreFollows = false;
    connection.pushNow ||= connection.unsentBytes > 0;
  }
  connection.tcp.markDirty(connection);
}
