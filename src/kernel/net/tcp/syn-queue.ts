/**
 * Connections half open on our side (SYN-RECEIVED after a SYN to a listener): small records, bounded by the listener's backlog, with
 * one timer for all. Those that have been answered equally often wait equally long, so each round is a queue of its own.
 */
import { Timer } from "../../../base/timers.ts";
import type { Route } from "../ip/routes.ts";
import { ConnectionTable } from "./connection-table.ts";
import { emit, localPortOf, remotePortOf, sendResetFor } from "./emit.ts";
import { ACK, type Segment, SYN } from "./header.ts";
import type { TcpListener } from "./listener.ts";
import { type SynOffer, writeSynOptions } from "./options.ts";
import { swap32 } from "./sequence.ts";
import { announcedSegmentBytes } from "./setup.ts";
import { SYN_RECEIVED, type TcpState } from "./state.ts";
import type { Tcp } from "./tcp.ts";

/** Linux's tcp_synack_retries: after this many repetitions the request is dropped. */
const ANSWER_RETRIES = 5;
const FIRST_TIMEOUT_MILLISECONDS = 1000;
/** A SYN that is held back for its host connection is given up after this long. */
const DEFERRAL_MILLISECONDS = 130_000;

export class SynRequest {
  readonly keyRemote: number;
  readonly keyLocal: number;
  readonly keyPorts: number;
  readonly listener: TcpListener;
  readonly route: Route;
  initialSend: number;
  readonly initialReceive: number;
  readonly window: number;
  readonly maximumSegmentSize: number;
  /** -1: the peer does not scale. */
  readonly windowScale: number;
  readonly sackPermitted: boolean;
  readonly timestamps: boolean;
  timestampRecent: number;
  readonly timestampOffset: number;
  /** Times the SYN|ACK was repeated. */
  retries = 0;
  /** When the SYN|ACK last left. */
  sentAt = 0;
  deadline = 0;
  /** Waits for completeDeferred(). */
  isDeferred = false;
  queue = -1;
  next: SynRequest | null = null;
  previous: SynRequest | null = null;

  constructor(tcp: Tcp, listener: TcpListener, route: Route, segment: Segment, initialSend: number) {
    const { options } = tcp;
    this.listener = listener;
    this.route = route;
    this.keyRemote = segment.keyRemote;
    this.keyLocal = segment.keyLocal;
    this.keyPorts = segment.keyPorts;
    this.initialSend = initialSend;
    this.initialReceive = segment.sequence;
    this.window = segment.window;
    this.maximumSegmentSize = segment.maximumSegmentSize;
    this.windowScale = options.windowScaling ? segment.windowScale : -1;
    this.sackPermitted = options.selectiveAcknowledgment && segment.sackPermitted;
    this.timestamps = options.timestamps && segment.hasTimestamp;
    this.timestampRecent = segment.timestampValue;
    this.timestampOffset = tcp.secrets.timestampOffset(segment.keyLocal, segment.keyRemote);
  }

  get state(): TcpState {
    return SYN_RECEIVED;
  }

  get localAddress(): number {
    return swap32(this.keyLocal) >>> 0;
  }

  get localPort(): number {
    return localPortOf(this);
  }

  get remoteAddress(): number {
    return swap32(this.keyRemote) >>> 0;
  }

  get remotePort(): number {
    return remotePortOf(this);
  }

  get unsentBytes(): number {
    return 0;
  }

  get unacknowledgedBytes(): number {
    return 0;
  }

  get readableBytes(): number {
    return 0;
  }

  /** Ends a deferral: true lets the handshake go on, an errno (of either sign) answers RST. Does nothing the second time. */
  completeDeferred(outcome: true | number): void {
    if (!this.isDeferred) return;
    this.isDeferred = false;
    this.listener.tcp.synQueue.answerDeferred(this, outcome === true);
  }
}

const offer: SynOffer = {
  maximumSegmentSize: 0,
  sackPermitted: false,
  timestamps: false,
  timestampValue: 0,
  timestampEcho: 0,
  windowScale: -1,
};

export class SynQueue {
  readonly table: ConnectionTable<SynRequest>;
  private readonly tcp: Tcp;
  private readonly heads: (SynRequest | null)[] = new Array<SynRequest | null>(ANSWER_RETRIES + 2).fill(null);
  private readonly tails: (SynRequest | null)[] = new Array<SynRequest | null>(ANSWER_RETRIES + 2).fill(null);
  private readonly timer: Timer;
  /** Deferred requests that have been decided, to be answered in the next poll(). */
  private readonly decided: { request: SynRequest; accepted: boolean }[] = [];

  constructor(tcp: Tcp) {
    this.tcp = tcp;
    this.table = new ConnectionTable(tcp.stack.random);
    this.timer = new Timer((now) => this.expire(now));
  }

  add(request: SynRequest): void {
    this.table.insert(request);
    request.listener.requests++;
    if (request.isDeferred) this.append(request, ANSWER_RETRIES + 1, DEFERRAL_MILLISECONDS);
    else this.answer(request);
  }

  remove(request: SynRequest): void {
    this.unlink(request);
    this.table.remove(request);
    request.listener.requests--;
  }

  /** A listener is gone: its half-open connections are forgotten, and later ACKs for them get RST. */
  removeAll(listener: TcpListener): void {
    for (const request of [...this.table.entries()]) if (request.listener === listener) this.remove(request);
  }

  /** Sends the SYN|ACK (again) and waits for the ACK. */
  answer(request: SynRequest): void {
    this.send(request);
    if (request.queue >= 0) this.unlink(request);
    this.append(request, request.retries, FIRST_TIMEOUT_MILLISECONDS * 2 ** request.retries);
  }

  /** The SYN|ACK alone, without touching the timer. */
  send(request: SynRequest): void {
    const { tcp } = this;
    request.sentAt = tcp.stack.now;
    offer.timestampValue = (request.sentAt + request.timestampOffset) | 0;
    sendSynAck(tcp, request, offer.timestampValue);
  }

  answerDeferred(request: SynRequest, accepted: boolean): void {
    this.decided.push({ request, accepted });
    this.tcp.stack.requestPoll();
  }

  /** Called by Tcp.output(). */
  output(): void {
    if (this.decided.length === 0) return;
    for (const { request, accepted } of this.decided.splice(0)) {
      if (request.queue < 0) continue;
      if (accepted) this.answer(request);
      else {
        refuse(this.tcp, request);
        this.remove(request);
      }
    }
  }

  private append(request: SynRequest, queue: number, milliseconds: number): void {
    const tail = this.tails[queue]!;
    request.queue = queue;
    request.deadline = this.tcp.stack.now + milliseconds;
    request.next = null;
    request.previous = tail;
    if (tail === null) this.heads[queue] = request;
    else tail.next = request;
    this.tails[queue] = request;
    if (request.deadline < this.timer.deadline) this.tcp.stack.timers.arm(this.timer, request.deadline);
  }

  private unlink(request: SynRequest): void {
    const { queue } = request;
    if (queue < 0) return;
    if (request.previous === null) this.heads[queue] = request.next;
    else request.previous.next = request.next;
    if (request.next === null) this.tails[queue] = request.previous;
    else request.next.previous = request.previous;
    request.next = null;
    request.previous = null;
    request.queue = -1;
    if (this.table.size <= 1) this.tcp.stack.timers.disarm(this.timer);
  }

  private expire(now: number): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (let queue = ANSWER_RETRIES + 1; queue >= 0; queue--) {
      for (
        let request = this.heads[queue]!;
        request !== null && request.deadline <= now;
        request = this.heads[queue]!
      ) {
        this.expireOne(request);
      }
    }
    for (const head of this.heads) if (head !== null && head.deadline < earliest) earliest = head.deadline;
    this.tcp.stack.timers.arm(this.timer, earliest);
  }

  private expireOne(request: SynRequest): void {
    if (request.isDeferred || request.retries >= ANSWER_RETRIES) {
      request.isDeferred = false;
      this.tcp.counters.TcpAttemptFails++;
      this.remove(request);
      return;
    }
    request.retries++;
    this.tcp.counters.TcpRetransSegs++;
    this.answer(request);
  }
}

/** Sends a SYN|ACK for a request (which a SYN cookie makes for the moment only). */
export function sendSynAck(tcp: Tcp, request: SynRequest, timestampValue: number): void {
  const { options } = request.listener;
  offer.maximumSegmentSize = announcedSegmentBytes(request.route.mtu, options.maxSegmentSize);
  offer.sackPermitted = request.sackPermitted;
  offer.timestamps = request.timestamps;
  offer.timestampValue = timestampValue;
  offer.timestampEcho = request.timestampRecent;
  offer.windowScale = request.windowScale < 0 ? -1 : tcp.offeredWindowScale;
  const optionWords = writeSynOptions(tcp.optionScratch, offer);
  const { initialSend, route } = request;
  const next = (request.initialReceive + 1) | 0;
  const window = Math.min(request.listener.receiveWindow, 65_535);
  emit(
    tcp,
    route,
    request,
    initialSend,
    next,
    SYN | ACK,
    window,
    optionWords,
    options.timeToLive,
    options.typeOfService,
  );
}

/** RST for a SYN that the gateway could not connect onwards. */
function refuse(tcp: Tcp, request: SynRequest): void {
  const { segment } = tcp;
  segment.keyRemote = request.keyRemote;
  segment.keyLocal = request.keyLocal;
  segment.keyPorts = request.keyPorts;
  segment.flags = SYN;
  segment.sequence = request.initialReceive;
  segment.textLength = 0;
  sendResetFor(tcp, segment);
}
