/** Filling in a new connection: what we offer, what the peer's SYN says (RFC 9293 section 3.7.1, RFC 7323, RFC 2018). */
import type { Route } from "../ip/routes.ts";
import type { TcpConnection } from "./connection.ts";
import { IP_HEADER_BYTES, type Segment, TCP_HEADER_BYTES, TIMESTAMP_OPTION_BYTES } from "./header.ts";
import { initialReceiveBuffer } from "./receive.ts";
import { refreshTemplate } from "./transmit.ts";

/** RFC 9293 section 3.7.1: what a peer that sends no MSS option takes. */
export const DEFAULT_SEGMENT_BYTES = 536;
/** Linux's tcp_min_snd_mss: a smaller MSS would make every byte a packet (CVE-2019-11479). */
export const LEAST_SEGMENT_BYTES = 48;

/** The MSS we announce on this route: the packet less both headers without options (RFC 6691). */
export function announcedSegmentBytes(mtu: number, userMaximum: number): number {
  const byRoute = mtu - IP_HEADER_BYTES - TCP_HEADER_BYTES;
  return userMaximum > 0 ? Math.min(byRoute, Math.max(userMaximum, 88)) : byRoute;
}

/** Sequence number, timestamps, path: what is known before anything was sent. */
export function prepare(connection: TcpConnection, route: Route, initialSend: number): void {
  const { tcp } = connection;
  connection.pathMtu = route.mtu;
  connection.initialSend = initialSend;
  connection.sendUnacknowledged = initialSend;
  connection.sendNext = initialSend;
  connection.sendEnd = (initialSend + 1) | 0;
  connection.recoverPoint = initialSend;
  connection.smallSegmentEnd = initialSend;
  connection.timestamps = tcp.options.timestamps;
  connection.timestampOffset = tcp.secrets.timestampOffset(connection.keyLocal, connection.keyRemote);
  connection.identification = initialSend & 0xffff;
  connection.openedAt = tcp.stack.now;
  connection.receiveScale = Math.max(0, tcp.offeredWindowScale);
  connection.receiveBuffer = initialReceiveBuffer(connection);
  refreshTemplate(connection);
}

/** The SYN of the peer: sequence numbers and options. */
export function adoptPeerOptions(connection: TcpConnection, segment: Segment): void {
  const { options } = connection.tcp;
  adoptSequence(connection, segment.sequence);
  const scaling = options.windowScaling && segment.windowScale >= 0;
  connection.timestamps = options.timestamps && segment.hasTimestamp;
  connection.timestampRecent = segment.timestampValue;
  connection.timestampRecentAt = connection.tcp.stack.now;
  connection.sackPermitted = options.selectiveAcknowledgment && segment.sackPermitted;
  adoptScales(connection, scaling ? segment.windowScale : -1);
  adoptSegmentSize(connection, segment.maximumSegmentSize);
  // The window of a SYN is never scaled (RFC 7323 section 2.2).
  connection.sendWindow = segment.window;
  connection.largestSendWindow = segment.window;
  connection.windowSequence = segment.sequence;
}

export function adoptSequence(connection: TcpConnection, initialReceive: number): void {
  connection.initialReceive = initialReceive;
  connection.receiveNext = (initialReceive + 1) | 0;
  connection.receiveRead = connection.receiveNext;
  connection.autotuneRead = connection.receiveNext;
  connection.lastAckSent = connection.receiveNext;
  // What the SYN or SYN|ACK announces: no scale yet.
  connection.receiveEdge = (connection.receiveNext + Math.min(connection.receiveBuffer, 65_535)) | 0;
}

/** `sendScale` -1: one of the two sides does not scale, so neither does. */
export function adoptScales(connection: TcpConnection, sendScale: number): void {
  connection.windowScaling = sendScale >= 0;
  connection.sendScale = Math.max(0, sendScale);
  if (sendScale < 0) connection.receiveScale = 0;
  connection.receiveBuffer = initialReceiveBuffer(connection);
}

/** `announced`: the peer's MSS option; 0 for none. */
export function adoptSegmentSize(connection: TcpConnection, announced: number): void {
  connection.peerSegmentBytes = Math.max(announced || DEFAULT_SEGMENT_BYTES, LEAST_SEGMENT_BYTES);
  refreshSegmentBytes(connection);
}

/** Eff.snd.MSS of RFC 9293 section 3.7.1: the peer's limit and the path's, less what options take. */
export function refreshSegmentBytes(connection: TcpConnection): void {
  const byPath = announcedSegmentBytes(connection.pathMtu, connection.options.maxSegmentSize);
  const options = connection.timestamps ? TIMESTAMP_OPTION_BYTES : 0;
  connection.sendSegmentBytes = Math.max(Math.min(byPath, connection.peerSegmentBytes) - options, 8);
}
