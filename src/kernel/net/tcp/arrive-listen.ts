/** Segments for a listener (RFC 9293 section 3.10.7.2) and for its half-open connections (3.10.7.4 in SYN-RECEIVED after LISTEN). */
import { TcpConnection } from "./connection.ts";
import { emit, localPortOf, remotePortOf, routeBack, sendResetFor } from "./emit.ts";
import { ACK, RST, type Segment, SYN, TIMESTAMP_OPTION_WORD } from "./header.ts";
import type { TcpListener } from "./listener.ts";
import { measureRoundTrip } from "./round-trip.ts";
import { isBefore, swap32 } from "./sequence.ts";
import { adoptScales, adoptSegmentSize, adoptSequence, prepare } from "./setup.ts";
import { ESTABLISHED, SYN_RECEIVED } from "./state.ts";
import {
  COOKIE_PERIOD_MILLISECONDS,
  checkCookie,
  decodeSackPermitted,
  decodeWindowScale,
  encodeTimestamp,
  makeCookie,
} from "./syn-cookies.ts";
import { SynRequest, sendSynAck } from "./syn-queue.ts";
import type { Tcp } from "./tcp.ts";
import { enterState } from "./transitions.ts";

export function arriveAtListener(tcp: Tcp, listener: TcpListener, segment: Segment): void {
  const { flags } = segment;
  const reopenAfter = tcp.reopenAfter;
  tcp.reopenAfter = null;
  // First: RST is ignored. Second: an ACK is for nothing we have sent, unless it answers a cookie.
  if ((flags & RST) !== 0) return;
  if ((flags & ACK) !== 0) {
    if ((flags & SYN) === 0 && takeCookie(tcp, listener, segment)) return;
    sendResetFor(tcp, segment);
    return;
  }
  // Third: SYN. Anything else is dropped.
  if ((flags & SYN) !== 0) takeSyn(tcp, listener, segment, reopenAfter);
}

function takeSyn(tcp: Tcp, listener: TcpListener, segment: Segment, reopenAfter: number | null): void {
  const { counters } = tcp;
  const now = tcp.stack.now;
  if (listener.isAcceptQueueFull) {
    // Linux drops the SYN; the client repeats it and finds room later.
    counters.TcpExtListenOverflows++;
    counters.TcpExtListenDrops++;
    return;
  }
  const route = routeBack(tcp, segment);
  if (route === null) return;
  if (!mayAdmit(tcp)) {
    counters.TcpExtListenDrops++;
    return;
  }
  const withCookie = listener.isSynQueueFull;
  if (withCookie && (!tcp.options.synCookies || listener.onSyn !== null)) {
    counters.TcpExtTCPReqQFullDrop++;
    counters.TcpExtListenDrops++;
    return;
  }
  let initialSend = tcp.secrets.initialSequence(segment.keyLocal, segment.keyRemote, segment.keyPorts, now);
  // RFC 9293 MAY-2: the numbers of a connection reopened from TIME-WAIT start beyond those of the old one.
  if (reopenAfter !== null) initialSend = (reopenAfter + 65_537) | 0;
  const request = new SynRequest(tcp, listener, route, segment, initialSend);
  if (withCookie) {
    counters.TcpExtTCPReqQFullDoCookies++;
    sendCookie(tcp, listener, request, segment);
    return;
  }
  if (listener.onSyn !== null) {
    const remote = swap32(segment.keyRemote) >>> 0;
    const local = swap32(segment.keyLocal) >>> 0;
    request.isDeferred = true;
    const decision = listener.onSyn(remote, remotePortOf(segment), local, localPortOf(segment), request);
    if (decision === "refuse") {
      request.isDeferred = false;
      sendResetFor(tcp, segment);
      return;
    }
    if (decision === "accept") request.isDeferred = false;
    else if (!request.isDeferred) {
      // Decided inside the call already: the answer is queued, and finds the request in the table.
      request.isDeferred = true;
      tcp.synQueue.add(request);
      request.isDeferred = false;
      return;
    }
  }
  tcp.synQueue.add(request);
}

function sendCookie(tcp: Tcp, listener: TcpListener, request: SynRequest, segment: Segment): void {
  const now = tcp.stack.now;
  listener.cookieSentAt = now;
  tcp.counters.TcpExtSyncookiesSent++;
  request.initialSend = makeCookie(tcp.secrets.cookieKey, segment, now);
  // Without timestamps there is nowhere to keep scale and SACK: then neither is offered.
  const value = encodeTimestamp(now | 0, request.windowScale, request.sackPermitted);
  const lean = request.timestamps ? request : withoutExtensions(tcp, request, segment);
  sendSynAck(tcp, lean, (value + request.timestampOffset) | 0);
}

function withoutExtensions(tcp: Tcp, request: SynRequest, segment: Segment): SynRequest {
  segment.windowScale = -1;
  segment.sackPermitted = false;
  return new SynRequest(tcp, request.listener, request.route, segment, request.initialSend);
}

/** An ACK that brings a cookie back makes the connection at once. False: it does not. */
function takeCookie(tcp: Tcp, listener: TcpListener, segment: Segment): boolean {
  const now = tcp.stack.now;
  if (now - listener.cookieSentAt > 2 * COOKIE_PERIOD_MILLISECONDS) return false;
  const size = checkCookie(tcp.secrets.cookieKey, segment, now);
  if (size === 0) {
    tcp.counters.TcpExtSyncookiesFailed++;
    return false;
  }
  const route = routeBack(tcp, segment);
  if (route === null) return true;
  tcp.counters.TcpExtSyncookiesRecv++;
  const echo = segment.timestampEcho - tcp.secrets.timestampOffset(segment.keyLocal, segment.keyRemote);
  segment.maximumSegmentSize = size;
  segment.windowScale = segment.hasTimestamp ? decodeWindowScale(echo) : -1;
  segment.sackPermitted = segment.hasTimestamp && decodeSackPermitted(echo);
  segment.sequence = (segment.sequence - 1) | 0;
  const request = new SynRequest(tcp, listener, route, segment, (segment.acknowledgment - 1) | 0);
  segment.sequence = (segment.sequence + 1) | 0;
  request.retries = 1;
  if (listener.isAcceptQueueFull) {
    tcp.counters.TcpExtListenOverflows++;
    return true;
  }
  const connection = promote(tcp, request);
  if (connection !== null) tcp.deliver(connection, segment);
  return true;
}

/** A segment for a half-open connection. */
export function arriveForRequest(tcp: Tcp, request: SynRequest, segment: Segment): void {
  const { flags } = segment;
  const { listener } = request;
  const next = (request.initialReceive + 1) | 0;
  const isOld =
    request.timestamps &&
    segment.hasTimestamp &&
    isBefore(segment.timestampValue, request.timestampRecent) &&
    (flags & RST) === 0;
  if ((flags & (SYN | RST | ACK)) === SYN && segment.sequence === request.initialReceive) {
    // The SYN again: our SYN|ACK was lost, or is being waited for. RFC 7323: its newer timestamp is the one to echo.
    if (request.isDeferred || isOld) return;
    if (segment.hasTimestamp) request.timestampRecent = segment.timestampValue;
    tcp.synQueue.send(request);
    return;
  }
  if (request.isDeferred) {
    if ((flags & RST) !== 0 && segment.sequence === next) tcp.synQueue.remove(request);
    return;
  }
  // First: in the window, and not old; else an ACK.
  const offset = (segment.sequence - next) | 0;
  const edge = Math.min(listener.receiveWindow, 65_535);
  if (isOld || offset > edge || ((offset + segment.sequenceLength) | 0) < 0) {
    if ((flags & RST) === 0) acknowledgeRequest(tcp, request);
    return;
  }
  // Second: RST (RFC 5961 section 3.2). The connection came from LISTEN: back to it, without a word.
  if ((flags & RST) !== 0) {
    if (offset !== 0) acknowledgeRequest(tcp, request);
    else {
      tcp.counters.TcpAttemptFails++;
      tcp.synQueue.remove(request);
    }
    return;
  }
  // Fourth: a SYN in the window is questioned (RFC 5961 section 4.2).
  if ((flags & SYN) !== 0) {
    acknowledgeRequest(tcp, request);
    return;
  }
  if ((flags & ACK) === 0) return;
  // Fifth: the ACK of our SYN, or a reset.
  if (segment.acknowledgment !== ((request.initialSend + 1) | 0)) {
    sendResetFor(tcp, segment);
    return;
  }
  if (listener.isAcceptQueueFull) {
    // Linux lets the client believe; the SYN|ACK will be repeated and its ACK will find room, or the client be forgotten.
    tcp.counters.TcpExtListenOverflows++;
    tcp.counters.TcpExtListenDrops++;
    return;
  }
  const connection = promote(tcp, request);
  if (connection === null) return;
  tcp.synQueue.remove(request);
  tcp.deliver(connection, segment);
}

/** From request to connection, in ESTABLISHED and in the accept queue; null when the ring memory admits no more. */
function promote(tcp: Tcp, request: SynRequest): TcpConnection | null {
  if (!tcp.memory.admit()) {
    tcp.counters.TcpExtListenDrops++;
    return null;
  }
  const { listener, route } = request;
  const local = swap32(request.keyLocal) >>> 0;
  const connection = new TcpConnection(
    tcp,
    route.netInterface,
    route.nextHop,
    local,
    localPortOf(request),
    swap32(request.keyRemote) >>> 0,
    remotePortOf(request),
    request.keyRemote,
    request.keyLocal,
    request.keyPorts,
    listener.options,
  );
  prepare(connection, route, request.initialSend);
  connection.sendNext = connection.sendEnd;
  connection.sendUnacknowledged = connection.sendEnd;
  connection.smallSegmentEnd = connection.sendEnd;
  connection.timestamps = request.timestamps;
  connection.timestampRecent = request.timestampRecent;
  connection.timestampRecentAt = tcp.stack.now;
  connection.sackPermitted = request.sackPermitted;
  adoptScales(connection, request.windowScale);
  adoptSequence(connection, request.initialReceive);
  adoptSegmentSize(connection, request.maximumSegmentSize);
  connection.sendWindow = request.window;
  connection.largestSendWindow = request.window;
  connection.windowSequence = request.initialReceive;
  connection.windowAcknowledgment = connection.sendUnacknowledged;
  // A round trip is known only if the SYN|ACK was sent once (Karn).
  if (request.retries === 0) measureRoundTrip(connection, tcp.stack.now - request.sentAt);
  connection.retransmits = request.retries;
  if (listener.reservation !== null) connection.reservation = tcp.ports.holdAccepted(listener.reservation, local);
  tcp.connectionTable.insert(connection);
  tcp.counters.TcpPassiveOpens++;
  connection.state = SYN_RECEIVED;
  enterState(connection, ESTABLISHED);
  listener.push(connection);
  return connection;
}

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> for a half-open connection. */
function acknowledgeRequest(tcp: Tcp, request: SynRequest): void {
  const { route, listener } = request;
  let words = 0;
  if (request.timestamps) {
    tcp.optionScratch[0] = TIMESTAMP_OPTION_WORD;
    tcp.optionScratch[1] = swap32((tcp.stack.now + request.timestampOffset) | 0);
    tcp.optionScratch[2] = swap32(request.timestampRecent);
    words = 3;
  }
  const sequence = (request.initialSend + 1) | 0;
  const next = (request.initialReceive + 1) | 0;
  const { timeToLive, typeOfService } = listener.options;
  const window = Math.min(listener.receiveWindow, 65_535);
  emit(tcp, route, request, sequence, next, ACK, window, words, timeToLive, typeOfService);
}

/** A SYN is dropped while the ring memory would not admit its connection. */
function mayAdmit(tcp: Tcp): boolean {
  if (!tcp.memory.admit()) return false;
  tcp.memory.release();
  return true;
}
