/**
 * A listening socket: SYNs become requests, requests become connections in the accept queue. Both queues are bounded by the
 * backlog, with what Linux does when they overflow.
 */
import { POLLHUP } from "../../../abi/poll.ts";
import { WaitQueue } from "../../../base/wait-queue.ts";
import type { PortReservation } from "../ports.ts";
import { reset } from "./close.ts";
import type { TcpConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { READABLE_EVENTS } from "./readiness.ts";
import { INITIAL_RECEIVE_BUFFER_BYTES } from "./receive.ts";
import { LISTEN, type TcpState } from "./state.ts";
import type { SynRequest } from "./syn-queue.ts";
import type { Tcp } from "./tcp.ts";

/** Half-open connections a listener keeps at least, whatever its backlog. */
const LEAST_SYN_QUEUE = 8;

/** What the gateway says to a SYN; "defer" keeps it until `request.completeDeferred()`. */
export type SynDecision = "accept" | "refuse" | "defer";

export class TcpListener {
  readonly tcp: Tcp;
  /** 0: every address. */
  readonly localAddress: number;
  /** 0: every port (listenAny). */
  readonly localPort: number;
  readonly state: TcpState = LISTEN;
  readonly reservation: PortReservation | null;
  options: Readonly<ConnectionOptions>;
  backlog: number;
  readonly events: WaitQueue = new WaitQueue();
  /** Asked for each new SYN, with the request to defer by. */
  onSyn:
    | ((
        remoteAddress: number,
        remotePort: number,
        localAddress: number,
        localPort: number,
        request: SynRequest,
      ) => SynDecision)
    | null = null;
  isClosed = false;
  acceptQueueLength = 0;
  /** Requests in the SYN queue. */
  requests = 0;
  /** When a SYN cookie was last sent: only then are ACKs looked at as answers to one. */
  cookieSentAt: number = Number.NEGATIVE_INFINITY;
  private first: TcpConnection | null = null;
  private last: TcpConnection | null = null;

  constructor(
    tcp: Tcp,
    localAddress: number,
    localPort: number,
    backlog: number,
    reservation: PortReservation | null,
    options: Readonly<ConnectionOptions>,
  ) {
    this.tcp = tcp;
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.backlog = Math.max(0, backlog);
    this.reservation = reservation;
    this.options = options;
  }

  /** As Linux counts: the queue is full when it is longer than the backlog. */
  get isAcceptQueueFull(): boolean {
    return this.acceptQueueLength > this.backlog;
  }

  get isSynQueueFull(): boolean {
    return this.requests >= Math.max(this.backlog, LEAST_SYN_QUEUE);
  }

  /** The window that a SYN|ACK announces. */
  get receiveWindow(): number {
    const wanted = this.options.receiveBufferBytes || INITIAL_RECEIVE_BUFFER_BYTES;
    const { maximumReceiveBytes, growthLimit } = this.tcp.memory;
    return Math.min(wanted, maximumReceiveBytes, growthLimit);
  }

  /** The oldest established connection; null when there is none. */
  accept(): TcpConnection | null {
    const connection = this.first;
    if (connection === null) return null;
    this.first = connection.nextAccepted;
    if (this.first === null) this.last = null;
    connection.nextAccepted = null;
    connection.listener = null;
    this.acceptQueueLength--;
    return connection;
  }

  /** A handshake is complete. */
  push(connection: TcpConnection): void {
    connection.listener = this;
    if (this.last === null) this.first = connection;
    else this.last.nextAccepted = connection;
    this.last = connection;
    this.acceptQueueLength++;
    this.tcp.wakeListener(this);
  }

  readiness(): number {
    if (this.isClosed) return POLLHUP;
    return this.first === null ? 0 : READABLE_EVENTS;
  }

  /** Nobody accepts any more: connections that wait are reset, half-open ones forgotten. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.tcp.removeListener(this);
    this.tcp.synQueue.removeAll(this);
    for (let connection = this.accept(); connection !== null; connection = this.accept()) reset(connection);
    this.reservation?.stopListening();
    this.reservation?.release();
    this.events.wake(POLLHUP);
  }
}
