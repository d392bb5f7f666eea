/** What can be chosen for a stack's TCP as a whole (Linux: net.ipv4.tcp_*). */

export interface TcpSettings {
  congestion: "cubic" | "newreno";
  timestamps: boolean;
  windowScaling: boolean;
  selectiveAcknowledgment: boolean;
  synCookies: boolean;
  /** RFC 6298 section 2.4 says 1,000; Linux uses 200, which finds losses on short paths sooner. */
  minimumTimeoutMilliseconds: number;
  /** At most 500 (RFC 9293 section 3.8.6.3). */
  delayedAckMilliseconds: number;
  /** 2 MSL; also how long an orphan waits in FIN-WAIT-2. */
  timeWaitMilliseconds: number;
  maximumTimeWaits: number;
  /** Closed by their users, not yet by the peers; more are reset. */
  maximumOrphans: number;
}

export type TcpOptions = Partial<TcpSettings>;

export function completeTcpOptions(options: TcpOptions): TcpSettings {
  return {
    congestion: "cubic",
    timestamps: true,
    windowScaling: true,
    selectiveAcknowledgment: true,
    synCookies: true,
    minimumTimeoutMilliseconds: 200,
    delayedAckMilliseconds: 40,
    timeWaitMilliseconds: 60_000,
    maximumTimeWaits: 65_536,
    maximumOrphans: 8192,
    ...options,
  };
}
