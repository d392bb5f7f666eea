/** TCP_INFO: Linux's struct tcp_info (248 bytes), filled with what the connection knows; times in microseconds or milliseconds as there. */
import { CLOSED, LISTEN } from "../net/tcp/state.ts";
import type { TcpSocket } from "./tcp-socket.ts";

export const TCP_INFO_BYTES = 248;

/** Bits of tcpi_options. */
const TCPI_OPT_TIMESTAMPS = 1;
const TCPI_OPT_SACK = 2;
const TCPI_OPT_WSCALE = 4;
const LARGEST = 0xffff_ffff;
const DEFAULT_MSS = 536;

function limit(value: number): number {
  return Number.isFinite(value) ? Math.max(0, Math.min(LARGEST, Math.round(value))) : 0;
}

export function putTcpInfo(socket: TcpSocket, into: DataView): number {
  for (let at = 0; at < TCP_INFO_BYTES; at += 8) into.setBigInt64(at, 0n, true);
  const { connection } = socket;
  if (connection === null) {
    into.setUint8(0, socket.isListener ? LISTEN : CLOSED);
    into.setUint32(16, DEFAULT_MSS, true);
    // As ss(8) reads it of a listener: connections that wait, and the backlog.
    if (socket.state.kind === "Listening") {
      into.setUint32(24, socket.listener?.acceptQueueLength ?? 0, true);
      into.setUint32(28, socket.state.backlog, true);
    }
    return TCP_INFO_BYTES;
  }
  const info = connection.info();
  const { now } = socket.table.net;
  const segment = Math.max(1, info.sendSegmentBytes);
  const scaled = info.sendScale > 0 || info.receiveScale > 0;
  into.setUint8(0, info.state);
  into.setUint8(1, info.congestionState);
  into.setUint8(2, Math.min(255, info.retransmits));
  into.setUint8(3, Math.min(255, info.probes));
  into.setUint8(4, Math.min(255, info.retransmits));
  const options =
    (info.timestamps ? TCPI_OPT_TIMESTAMPS : 0) |
    (info.selectiveAcknowledgment ? TCPI_OPT_SACK : 0) |
    (scaled ? TCPI_OPT_WSCALE : 0);
  into.setUint8(5, options);
  into.setUint8(6, info.sendScale | (info.receiveScale << 4));
  const put = (at: number, value: number): void => into.setUint32(at, limit(value), true);
  const putWide = (at: number, value: number): void =>
    into.setBigUint64(at, BigInt(Math.max(0, Math.round(value))), true);
  put(8, info.retransmitTimeout * 1000);
  put(12, 40_000);
  put(16, info.sendSegmentBytes);
  put(20, info.receiveSegmentBytes);
  put(24, Math.ceil(info.unacknowledgedBytes / segment));
  put(44, now - connection.lastSentAt);
  put(52, now - connection.lastReceivedAt);
  put(56, now - connection.lastReceivedAt);
  put(60, info.pathMtu);
  put(64, info.receiveBuffer);
  put(68, info.roundTrip * 1000);
  put(72, info.roundTripVariance * 1000);
  put(76, Math.floor(info.slowStartThreshold / segment));
  put(80, Math.max(1, Math.floor(info.congestionWindow / segment)));
  put(84, info.sendSegmentBytes);
  put(88, 3);
  put(96, info.receiveBuffer);
  put(100, info.segmentsRetransmitted);
  putWide(112, Number.MAX_SAFE_INTEGER);
  putWide(120, info.bytesAcknowledged);
  putWide(128, info.bytesReceived);
  put(136, info.segmentsOut);
  put(140, info.segmentsIn);
  put(144, info.unsentBytes);
  put(148, info.minimumRoundTrip * 1000);
  putWide(200, info.bytesAcknowledged + info.unacknowledgedBytes);
  putWide(208, info.segmentsRetransmitted * segment);
  put(228, info.sendWindow);
  put(232, info.receiveWindow);
  return TCP_INFO_BYTES;
}
