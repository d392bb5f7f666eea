/** What TCP_INFO and ss(8) show of a connection. Milliseconds and bytes. */
import type { TcpConnection } from "./connection.ts";
import { LOSS_NONE, LOSS_RECOVERY, WAIT_NOTHING, WAIT_PERSIST } from "./connection.ts";
import type { TcpState } from "./state.ts";

export interface TcpInfo {
  readonly state: TcpState;
  /** TCP_CA_Open, TCP_CA_Recovery or TCP_CA_Loss: 0, 3, 4. */
  readonly congestionState: number;
  readonly retransmits: number;
  readonly probes: number;
  readonly timestamps: boolean;
  readonly selectiveAcknowledgment: boolean;
  readonly sendScale: number;
  readonly receiveScale: number;
  readonly retransmitTimeout: number;
  readonly roundTrip: number;
  readonly roundTripVariance: number;
  readonly minimumRoundTrip: number;
  readonly sendSegmentBytes: number;
  readonly receiveSegmentBytes: number;
  readonly pathMtu: number;
  readonly congestionWindow: number;
  readonly slowStartThreshold: number;
  readonly sendWindow: number;
  readonly receiveWindow: number;
  readonly receiveBuffer: number;
  readonly unacknowledgedBytes: number;
  readonly unsentBytes: number;
  readonly bytesAcknowledged: number;
  readonly bytesReceived: number;
  readonly segmentsOut: number;
  readonly segmentsIn: number;
  readonly segmentsRetransmitted: number;
  /** As the column `tr` of /proc/net/tcp: 0 none, 1 retransmission, 2 keep-alive, 4 window probe; and when it expires. */
  readonly timer: number;
  readonly timerAt: number;
  readonly ringBytes: number;
}

export function connectionInfo(connection: TcpConnection): TcpInfo {
  const { lossState, waitingFor } = connection;
  let timer = 0;
  let timerAt = 0;
  if (waitingFor !== WAIT_NOTHING) {
    timer = waitingFor === WAIT_PERSIST ? 4 : 1;
    timerAt = connection.retransmitAt;
  } else if (connection.keepAliveAt !== Number.POSITIVE_INFINITY) {
    timer = 2;
    timerAt = connection.keepAliveAt;
  }
  return {
    state: connection.state,
    congestionState: lossState === LOSS_NONE ? 0 : lossState === LOSS_RECOVERY ? 3 : 4,
    retransmits: connection.retransmits,
    probes: connection.probesSent,
    timestamps: connection.timestamps,
    selectiveAcknowledgment: connection.sackPermitted,
    sendScale: connection.sendScale,
    receiveScale: connection.receiveScale,
    retransmitTimeout: connection.retransmitTimeout,
    roundTrip: Math.max(0, connection.smoothedRtt),
    roundTripVariance: connection.rttVariance,
    minimumRoundTrip: connection.minimumRtt,
    sendSegmentBytes: connection.sendSegmentBytes,
    receiveSegmentBytes: connection.receiveSegmentBytes,
    pathMtu: connection.pathMtu,
    congestionWindow: connection.congestionWindow,
    slowStartThreshold: connection.slowStartThreshold,
    sendWindow: connection.sendWindow,
    receiveWindow: Math.max(0, (connection.receiveEdge - connection.receiveNext) | 0),
    receiveBuffer: connection.receiveBuffer,
    unacknowledgedBytes: connection.unacknowledgedBytes,
    unsentBytes: connection.unsentBytes,
    bytesAcknowledged: connection.bytesAcknowledged,
    bytesReceived: connection.bytesReceived,
    segmentsOut: connection.segmentsOut,
    segmentsIn: connection.segmentsIn,
    segmentsRetransmitted: connection.segmentsRetransmitted,
    timer,
    timerAt,
    ringBytes: connection.sendRingBytes + connection.receiveRingBytes,
  };
}
