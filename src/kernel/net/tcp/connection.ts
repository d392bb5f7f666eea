/**
 * One connection: the transmission control block of RFC 9293 section 3.3.1 as a plain record, and what its user may do with
 * it. What happens to the fields stands in the files by concern: input, acknowledge, output, receive, send, timers …
 */
import { Timer } from "../../../base/timers.ts";
import { WaitQueue } from "../../../base/wait-queue.ts";
import type { NetInterface } from "../interface.ts";
import type { PortReservation } from "../ports.ts";
import { closeByUser, reset, shutdownReadByUser, shutdownWriteByUser } from "./close.ts";
import { applyOptions, type ConnectionOptions, type TcpSocketOptions } from "./connection-options.ts";
import { connectionInfo, type TcpInfo } from "./info.ts";
import type { SequenceIntervals } from "./intervals.ts";
import type { TcpListener } from "./listener.ts";
import { readinessOf } from "./readiness.ts";
import { consumeBytes, readableSpan, readInto } from "./receive.ts";
import { commitBytes, sendBufferLimit, writableSpan, writeFrom } from "./send.ts";
import { CLOSED, SYN_RECEIVED, SYN_SENT, stateName, type TcpState } from "./state.ts";
import type { Tcp } from "./tcp.ts";
import { fireConnectionTimer } from "./timers.ts";

const NEVER = Number.POSITIVE_INFINITY;

/** How the sender stands towards loss: nothing known; repairing by fast retransmit; starting over after a timeout. */
export const LOSS_NONE = 0;
export const LOSS_RECOVERY = 1;
export const LOSS_TIMEOUT = 2;

/** What the retransmission timer is running for. */
export const WAIT_NOTHING = 0;
export const WAIT_RETRANSMIT = 1;
export const WAIT_PERSIST = 2;
export const WAIT_PROBE = 3;

/** Bytes of the arena. One object is used for every answer: take the numbers at once. */
export interface Span {
  offset: number;
  length: number;
}

export class TcpConnection {
  readonly tcp: Tcp;
  /** The ring memory has admitted us, and gets us back when this turns false. */
  isAdmitted = true;
  state: TcpState = CLOSED;
  /** Pending error as a positive errno; 0 for none. */
  error = 0;
  /** What an ICMP error said that is no reason to give up yet; reported if the connection times out. */
  softError = 0;

  // Who
  netInterface: NetInterface;
  nextHop: number;
  readonly localAddress: number;
  readonly localPort: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
  readonly keyRemote: number;
  readonly keyLocal: number;
  readonly keyPorts: number;
  reservation: PortReservation | null = null;
  /** The listener that will hand us out; null once accepted. */
  listener: TcpListener | null = null;
  nextAccepted: TcpConnection | null = null;
  /** In force; change them through setOptions(). */
  options: Readonly<ConnectionOptions>;

  // Header template: words in wire order, sums folded
  readonly outPorts: number;
  ipWord0 = 0;
  ipWord2 = 0;
  ipSum = 0;
  tcpSum = 0;
  identification = 0;
  /** Low half of word 3 of the only headers the fast path takes; -1: none. */
  predictedHeader = -1;

  // Send sequence space (RFC 9293 figure 3)
  initialSend = 0;
  /** SND.UNA */
  sendUnacknowledged = 0;
  /** SND.NXT */
  sendNext = 0;
  /** One past the last byte the user has queued; our FIN has this number. */
  sendEnd = 0;
  /** SND.WND, scaled */
  sendWindow = 0;
  largestSendWindow = 0;
  /** SND.WL1, SND.WL2 */
  windowSequence = 0;
  windowAcknowledgment = 0;
  sendScale = 0;
  /** Largest text of a segment to the peer, options subtracted. */
  sendSegmentBytes = 536;
  /** The peer's MSS option. */
  peerSegmentBytes = 536;
  /** Largest IP packet towards the peer. */
  pathMtu = 576;
  sendRing = 0;
  sendRingBytes = 0;
  finQueued = false;
  finSent = false;
  /** The user's last send() said more would follow. */
  moreFollows = false;
  /** A send() found no room: POLLOUT is to be told. */
  wantsWrite = false;
  /** End of the last segment sent that was not full (Minshall's refinement of Nagle's rule). */
  smallSegmentEnd = 0;
  /** Overrides Nagle and silly window avoidance once (RFC 9293 section 3.8.6.2.1, the override timeout). */
  pushNow = false;

  // Loss and congestion
  congestionWindow = 0;
  slowStartThreshold = 0x7fff_ffff;
  lossState: number = LOSS_NONE;
  duplicateAcks = 0;
  /** DupThresh: more than RFC 5681's three where segments are known to overtake each other. */
  duplicateThreshold = 3;
  /** The window and slow start threshold before the last recovery, and the time of its first retransmission; 0: nothing to undo. */
  undoWindow = 0;
  undoThreshold = 0;
  undoStamp = 0;
  /** Bytes that duplicate ACKs say have left the network, where there is no SACK. */
  duplicateBytes = 0;
  /** SND.NXT when the last loss was found (RFC 6582's recover). */
  recoverPoint = 0;
  /** Holes below this have been retransmitted in this recovery. */
  retransmitNext = 0;
  /** The segment at SND.UNA goes out again at the next output, whatever the window. */
  retransmitHead = false;
  /** SND.NXT when the segment at SND.UNA was last retransmitted. */
  headRetransmittedAt = 0;
  sacked: SequenceIntervals | null = null;
  /** The peer has reported (by DSACK) that something came twice, since the last tail loss probe. */
  sawRepeated = false;
  /** A tail loss probe is out, up to this number; and it repeats something. */
  probeIsOut = false;
  probeEnd = 0;
  probeRepeats = false;
  /** Output stopped for want of congestion window. */
  isWindowLimited = false;
  /** Bytes acknowledged that the congestion window has not been credited with yet. */
  congestionCredit = 0;
  cubicEpochStart = 0;
  cubicOrigin = 0;
  cubicK = 0;
  cubicRenoWindow = 0;
  lastSentAt = -1;

  // Round trips (RFC 6298), milliseconds
  smoothedRtt = -1;
  rttVariance = 0;
  minimumRtt: number = NEVER;
  retransmitTimeout = 1000;
  timedSequence = 0;
  /** When the timed segment left; negative when none is timed. */
  timedAt = -1;
  retransmits = 0;
  probesSent = 0;
  probesUnanswered = 0;
  probeAt = -1;
  keepAliveProbes = 0;
  /** When what is not acknowledged began to wait; negative when nothing does. */
  stalledSince = -1;

  // Receive sequence space
  initialReceive = 0;
  /** RCV.NXT */
  receiveNext = 0;
  /** The next byte the user will read. */
  receiveRead = 0;
  /** Right edge of the window we have advertised. */
  receiveEdge = 0;
  receiveScale = 0;
  receiveRing = 0;
  receiveRingBytes = 0;
  /** How many bytes we are ready to hold; grows with what the user takes per round trip. */
  receiveBuffer = 0;
  /** The longest segment seen: what "full-sized" means for delayed ACKs. */
  receiveSegmentBytes = 536;
  held: SequenceIntervals | null = null;
  /** Where recent out-of-order segments lie, the latest first: the order of our SACK blocks. */
  recentHeld: number[] | null = null;
  /** Text that came a second time, for the next ACK to report (RFC 2883); equal: none. */
  repeatedStart = 0;
  repeatedEnd = 0;
  /** RCV.NXT has passed the peer's FIN. */
  finReceived = false;
  /** A FIN came out of order; it has this number. */
  finIsHeld = false;
  heldFin = 0;
  readShutdown = false;
  autotuneAt = -1;
  autotuneRead = 0;
  autotuneSpace = 0;

  // Acknowledging
  /** Last.ACK.sent of RFC 7323 */
  lastAckSent = 0;
  ackNow = false;
  /** Segments still to be acknowledged quickly. */
  quickAcks = 0;
  lastTextAt: number = Number.NEGATIVE_INFINITY;

  // Options in force
  windowScaling = false;
  timestamps = false;
  sackPermitted = false;
  timestampOffset = 0;
  timestampRecent = 0;
  timestampRecentAt = -1;

  // Timers: deadlines in milliseconds; one heap entry armed no later than the earliest
  readonly timer: Timer;
  waitingFor: number = WAIT_NOTHING;
  retransmitAt: number = NEVER;
  ackAt: number = NEVER;
  keepAliveAt: number = NEVER;
  ringIdleAt: number = NEVER;
  lastReceivedAt = -1;
  lastOutOfWindowAckAt = -1000;
  openedAt = -1;

  // Life
  /** The user has closed; nobody will read or write. */
  isOrphan = false;
  /** A RST is to go out at the next output, and then nothing more. */
  resetPending = false;
  synPending = false;
  isDirty = false;
  nextDirty: TcpConnection | null = null;
  pendingEvents = 0;
  private waitQueue: WaitQueue | null = null;

  // Counts for info()
  segmentsOut = 0;
  segmentsIn = 0;
  bytesReceived = 0;
  bytesAcknowledged = 0;
  segmentsRetransmitted = 0;

  constructor(
    tcp: Tcp,
    netInterface: NetInterface,
    nextHop: number,
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
    keyRemote: number,
    keyLocal: number,
    keyPorts: number,
    options: Readonly<ConnectionOptions>,
  ) {
    this.tcp = tcp;
    this.netInterface = netInterface;
    this.nextHop = nextHop;
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.keyRemote = keyRemote;
    this.keyLocal = keyLocal;
    this.keyPorts = keyPorts;
    this.outPorts = (keyPorts << 16) | (keyPorts >>> 16);
    this.options = options;
    this.timer = new Timer((now) => fireConnectionTimer(this, now));
  }

  /** "ESTABLISHED" and so on, as RFC 9293 has them. */
  get stateName(): string {
    return stateName(this.state);
  }

  /** Woken with what has changed (POLLIN, POLLOUT, POLLHUP …), at the end of a poll(). */
  get events(): WaitQueue {
    this.waitQueue ??= new WaitQueue();
    return this.waitQueue;
  }

  /** Called by Tcp.output(). */
  deliverEvents(): void {
    const events = this.pendingEvents;
    this.pendingEvents = 0;
    this.waitQueue?.wake(events);
  }

  /** The readiness mask of poll(2). */
  readiness(): number {
    return readinessOf(this);
  }

  /** The pending error as a positive errno, cleared by asking (SO_ERROR); 0 for none. */
  takeError(): number {
    const error = this.error;
    this.error = 0;
    return error;
  }

  /** The handshake is done, and the connection has not ended. */
  get isEstablished(): boolean {
    return this.state !== SYN_SENT && this.state !== SYN_RECEIVED && this.state !== CLOSED;
  }

  /** The peer has finished (or nobody wants to read on) and everything was read: receive() gives 0 for good. */
  get receiveFinished(): boolean {
    return this.readableBytes === 0 && (this.finReceived || this.readShutdown || this.state === CLOSED);
  }

  get readableBytes(): number {
    return ((this.receiveNext - this.receiveRead) | 0) - (this.finReceived ? 1 : 0);
  }

  get writableBytes(): number {
    return Math.max(0, sendBufferLimit(this) - this.bufferedBytes);
  }

  /** Queued and not yet acknowledged (SIOCOUTQ). */
  get bufferedBytes(): number {
    return Math.max(0, (this.sendEnd - this.sendUnacknowledged) | 0);
  }

  get unsentBytes(): number {
    return Math.max(0, (this.sendEnd - this.sendNext) | 0);
  }

  get unacknowledgedBytes(): number {
    return (this.sendNext - this.sendUnacknowledged) | 0;
  }

  /** Bytes taken; 0 when the buffer is full or the handshake is not done (wait for POLLOUT). The pending error first, then -EPIPE; -ENOBUFS. */
  send(buffer: Uint8Array, offset: number, length: number, more = false): number {
    return writeFrom(this, buffer, offset, length, more);
  }

  /** Bytes read; 0 when nothing is there or all is finished (ask `receiveFinished`). After the last byte, the pending error. */
  receive(buffer: Uint8Array, offset: number, length: number, peek = false): number {
    return readInto(this, buffer, offset, length, peek);
  }

  /** The next bytes to read that lie together in the arena, from `skip` bytes on. */
  readableSpan(skip = 0): Span {
    return readableSpan(this, skip);
  }

  /** Marks bytes as read. */
  consume(byteLength: number): void {
    consumeBytes(this, byteLength);
  }

  /** Free bytes that lie together in the arena, up to `wanted`; length 0 when full. To be followed by commit(). */
  writableSpan(wanted: number): Span {
    return writableSpan(this, wanted);
  }

  /** Queues bytes that were written into the span. */
  commit(byteLength: number): number {
    return commitBytes(this, byteLength);
  }

  /** Sends FIN after what is queued. -ENOTCONN before the handshake and after the end. */
  shutdownWrite(): number {
    return shutdownWriteByUser(this);
  }

  /** receive() gives 0 once it has given what is there. */
  shutdownRead(): number {
    return shutdownReadByUser(this);
  }

  /** The user is done and will not call again. Unread data, or a linger time of 0, resets; else the orderly close goes on by itself. */
  close(): void {
    closeByUser(this);
  }

  /** Ends at once; the peer gets RST. */
  abort(): void {
    reset(this);
  }

  /** setsockopt(): takes effect at once. */
  setOptions(changes: TcpSocketOptions): void {
    applyOptions(this, changes);
  }

  info(): TcpInfo {
    return connectionInfo(this);
  }

  /** -EPIPE when nothing can be sent any more; used by send(). */
  get isWriteShut(): boolean {
    return this.finQueued || this.state === CLOSED;
  }
}
