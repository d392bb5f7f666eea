/**
 * Stream sockets of AF_INET (tcp(7)): a port while bound, a listener while listening, a connection from connect() or accept() on.
 * The states of RFC 9293 are the connection's; here is what a program sees of them, with Linux's answer to every call in every
 * state.
 */
import {
  EAGAIN,
  EALREADY,
  ECONNABORTED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENETUNREACH,
  ENOBUFS,
  ENOTCONN,
  EPIPE,
} from "../../abi/errno.ts";
import { POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import {
  AF_INET,
  AF_UNSPEC,
  IPPROTO_TCP,
  SHUT_RD,
  SHUT_WR,
  SOCK_STREAM,
  SOCKADDR_IN_BYTES,
  SOMAXCONN,
} from "../../abi/socket.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import type { PortReservation } from "../net/ports.ts";
import type { TcpConnection } from "../net/tcp/connection.ts";
import { completeOptions } from "../net/tcp/connection-options.ts";
import type { TcpListener } from "../net/tcp/listener.ts";
import { HAS_OUTPUT, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from "../net/tcp/state.ts";
import { connectedState, isOver, isResetByDisconnect, localEnd } from "./connection-view.ts";
import { InetSocket } from "./inet-socket.ts";
import { DEFAULT_IP_OPTIONS, type IpOptions } from "./ip-options.ts";
import { LocalPort } from "./local-port.ts";
import type { SocketAddress } from "./socket-address.ts";
import { SocketOptions } from "./socket-options.ts";
import { CLOSED, CLOSING, UNBOUND } from "./socket-state.ts";
import type { SocketTable } from "./socket-table.ts";
import {
  connectionOptions,
  DEFAULT_TCP_LEVEL_OPTIONS,
  getTcpOption,
  setTcpOption,
  type TcpLevelOptions,
} from "./tcp-options.ts";
import { readinessOf, receiveFrom, refuseUnconnected, sendOver, unconnectedReadiness } from "./tcp-transfer.ts";

/** tcp_wmem[1] and tcp_rmem[1]: what getsockopt(2) tells before anybody set a size. */
const DEFAULT_OPTIONS: Readonly<SocketOptions> = new SocketOptions(16_384, 131_072);
const EVERYTHING = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLRDHUP;

export class TcpSocket extends InetSocket {
  tcpOptions: Readonly<TcpLevelOptions>;
  connection: TcpConnection | null = null;
  listener: TcpListener | null = null;
  private readonly local = new LocalPort();
  /** The pending error of a socket without a connection. */
  private leftError = 0;
  /** connect() has begun and no call has told its outcome yet (Linux's SS_CONNECTING). */
  private isConnecting = false;
  /** An option was set: the connection gets a record of its own. */
  private hasOwnOptions = false;
  private readonly entry: WaitEntry;

  constructor(
    table: SocketTable,
    options: Readonly<SocketOptions> = DEFAULT_OPTIONS,
    ipOptions: Readonly<IpOptions> = DEFAULT_IP_OPTIONS,
    tcpOptions: Readonly<TcpLevelOptions> = DEFAULT_TCP_LEVEL_OPTIONS,
    domain: number = AF_INET,
  ) {
    super(table, SOCK_STREAM, IPPROTO_TCP, options, ipOptions, domain);
    this.tcpOptions = tcpOptions;
    this.entry = new WaitEntry(this);
  }

  ownTcpOptions(): TcpLevelOptions {
    this.ownOptions();
    return this.tcpOptions as TcpLevelOptions;
  }

  protected override copyOptions(): void {
    super.copyOptions();
    this.tcpOptions = (this.tcpOptions as TcpLevelOptions).clone();
  }

  override get bufferSlot(): number {
    return this.connection === null ? -1 : (this.table.pool?.slotOf(this.connection) ?? -1);
  }

  override bind(address: SocketAddress): number {
    const bad = this.checkBindAddress(address);
    if (bad !== 0) return bad;
    const { connection } = this;
    if (this.local.reservation !== null || (connection !== null && !isOver(connection))) return -EINVAL;
    // What becomes of the old connection does not concern the new port.
    this.entry.queue?.remove(this.entry);
    return this.reserve(address.address, address.port);
  }

  override listen(backlog: number): number {
    // listen(2): a backlog beyond net.core.somaxconn is cut to it; a negative one counts as a large one.
    const bounded = Math.min(backlog >>> 0, SOMAXCONN);
    if (this.listener !== null) {
      this.listener.backlog = bounded;
      this.become({ kind: "Listening", localAddress: localEnd(this.listener), backlog: bounded });
      return 0;
    }
    if (this.connection !== null) return -EINVAL;
    if (this.local.reservation === null) {
      const bad = this.reserve(0, 0);
      if (bad !== 0) return bad;
    }
    const reservation = this.local.reservation as unknown as PortReservation;
    const options = connectionOptions(this);
    const listener = this.table.net.tcp.listen({ reservation, backlog: bounded, options });
    if (typeof listener === "number") return listener;
    // The listener gives back a hold of its own when it closes; ours outlives it.
    reservation.holders++;
    this.listener = listener;
    listener.events.add(this.entry);
    this.become({ kind: "Listening", localAddress: localEnd(listener), backlog: bounded });
    return 0;
  }

  override checkAccept(): boolean | number {
    return this.listener === null ? -EINVAL : this.listener.acceptQueueLength > 0;
  }

  override accept(): TcpSocket | number {
    const { listener, table } = this;
    if (listener === null) return -EINVAL;
    if (listener.acceptQueueLength === 0) return -EAGAIN;
    if (table.isFull) return -ENOBUFS;
    const connection = listener.accept();
    if (connection === null) return -EAGAIN;
    // As on Linux, a connection starts with the options of its listener. They share them until one of them changes its own.
    const accepted = new TcpSocket(table, this.options, this.ipOptions, this.tcpOptions, this.domain);
    this.sharesOptions = true;
    accepted.attach(connection);
    accepted.refresh();
    accepted.hasOwnOptions = this.hasOwnOptions;
    return accepted;
  }

  override connect(address: SocketAddress): number {
    if (address.byteLength < 2) return -EINVAL;
    if (address.family === AF_UNSPEC) return this.disconnect();
    if (this.isConnecting) return this.connectResult();
    if (this.connection !== null || this.listener !== null) return -EISCONN;
    if (address.byteLength < SOCKADDR_IN_BYTES) return -EINVAL;
    if (address.family !== AF_INET) return this.refuseFamily(address);
    // There is no such thing as a connection to many.
    if (this.isMulticastOrBroadcast(address.address)) return -ENETUNREACH;
    const { reservation } = this.local;
    const connection = this.table.net.tcp.connect({
      ...(reservation === null ? {} : { reservation }),
      remoteAddress: address.address,
      remotePort: address.port,
      ...(this.hasOwnOptions ? { options: connectionOptions(this) } : {}),
    });
    if (typeof connection === "number") return connection;
    if (reservation !== null) reservation.holders++;
    this.leftError = 0;
    this.attach(connection);
    this.isConnecting = true;
    this.become({ kind: "Bound", localAddress: localEnd(connection) });
    return -EINPROGRESS;
  }

  override connectResult(): number {
    const { connection } = this;
    if (!this.isConnecting || connection === null) return this.connection === null ? -ECONNABORTED : 0;
    this.refresh();
    if (connection.state === SYN_SENT || connection.state === SYN_RECEIVED) return -EALREADY;
    this.isConnecting = false;
    if (this.state.kind !== "Bound") return 0;
    // It failed. The socket may try again; a port that connect() had chosen is not kept.
    const error = connection.takeError() || ECONNABORTED;
    this.disconnect();
    return -error;
  }

  override sendMessage(buffer: Uint8Array, offset: number, length: number, flags: number): number {
    if (this.leftError !== 0) return -this.takeError();
    return sendOver(this.connection, buffer, offset, length, flags);
  }

  override receiveMessage(buffer: Uint8Array, offset: number, length: number, flags: number): number {
    if (this.connection !== null) return receiveFrom(this.connection, buffer, offset, length, flags);
    const refused = refuseUnconnected(this.listener !== null, flags);
    if (refused !== 0 || this.leftError !== 0) return refused || -this.takeError();
    return this.isReadShutdown ? 0 : -ENOTCONN;
  }

  override shutdown(how: number): number {
    const { connection } = this;
    if (this.listener !== null) {
      if (how === SHUT_WR) return 0;
      this.stopListening();
      this.notify(EVERYTHING);
      return 0;
    }
    if (connection === null || isOver(connection)) {
      // Nothing to shut, but it is noted, and poll(2) shows it.
      this.isReadShutdown ||= how !== SHUT_WR;
      this.isWriteShutdown ||= how !== SHUT_RD;
      this.notify(EVERYTHING);
      return -ENOTCONN;
    }
    if (connection.state === SYN_SENT) {
      this.isConnecting = false;
      this.disconnect();
      this.notify(EVERYTHING);
      return 0;
    }
    if (how !== SHUT_WR) {
      this.isReadShutdown = true;
      connection.shutdownRead();
    }
    if (how !== SHUT_RD) {
      this.isWriteShutdown = true;
      connection.shutdownWrite();
    }
    this.refresh();
    this.notify(EVERYTHING);
    return 0;
  }

  override localName(into: SocketAddress): number {
    const { connection, local } = this;
    // A socket whose connection has ended may be bound again.
    const isRebound = connection !== null && isOver(connection) && local.reservation !== null;
    const name = connection === null || isRebound ? local.name : localEnd(connection);
    into.setInet(name.address, name.port);
    return 0;
  }

  override peerName(into: SocketAddress): number {
    const { connection } = this;
    if (connection === null || !connection.isEstablished || connection.state === TIME_WAIT) return -ENOTCONN;
    into.setInet(connection.remoteAddress, connection.remotePort);
    return 0;
  }

  override acceptedName(into: SocketAddress): void {
    if (this.connection !== null) into.setInet(this.connection.remoteAddress, this.connection.remotePort);
  }

  override readiness(): number {
    if (this.listener !== null) return this.listener.readiness();
    if (this.connection !== null) return readinessOf(this.connection, this.options.receiveLowWaterBytes);
    return unconnectedReadiness(this.isReadShutdown, this.leftError !== 0);
  }

  override wake(events: number): void {
    if (this.connection !== null) this.refresh();
    this.notify(events);
  }

  override takeError(): number {
    if (this.connection !== null) return this.connection.takeError();
    const { leftError } = this;
    this.leftError = 0;
    return leftError;
  }

  override restoreError(errno: number): void {
    if (this.connection !== null && errno !== EPIPE) this.connection.error = errno;
  }

  override get readableBytes(): number {
    return this.connection?.readableBytes ?? 0;
  }

  override get unsentBytes(): number {
    return this.connection?.bufferedBytes ?? 0;
  }

  override pathMtu(): number {
    return this.connection?.isEstablished === true ? this.connection.pathMtu : 0;
  }

  override hasLevel(level: number): boolean {
    return level === IPPROTO_TCP || super.hasLevel(level);
  }

  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (level === IPPROTO_TCP) return setTcpOption(this, name, bytes, at, length);
    return super.setOption(level, name, bytes, at, length);
  }

  override getOption(level: number, name: number, into: DataView): number {
    if (level === IPPROTO_TCP) return getTcpOption(this, name, into);
    return super.getOption(level, name, into);
  }

  override applyOptions(): void {
    this.hasOwnOptions = true;
    const { reuseAddress, reusePort } = this.options;
    this.local.reservation?.setFlags({ reuseAddress, reusePort });
    this.connection?.setOptions(connectionOptions(this));
    if (this.listener !== null) this.listener.options = completeOptions(connectionOptions(this));
  }

  override get lingerMilliseconds(): number {
    const { options, connection } = this;
    if (!options.isLingerOn || options.lingerSeconds === 0 || connection === null) return 0;
    // Unread data makes close() a reset: then there is nothing to wait for.
    if (connection.readableBytes > 0 || ((1 << connection.state) & HAS_OUTPUT) === 0) return 0;
    return options.lingerSeconds * 1000;
  }

  override beginClosing(): boolean {
    this.connection?.shutdownRead();
    this.connection?.shutdownWrite();
    this.become(CLOSING);
    return this.hasDelivered;
  }

  override get hasDelivered(): boolean {
    // Our FIN has been acknowledged when the connection has left these states (Linux's sk_stream_closing).
    return this.connection === null || ((1 << this.connection.state) & HAS_OUTPUT) === 0;
  }

  protected override release(): void {
    const { connection } = this;
    this.entry.queue?.remove(this.entry);
    this.listener?.close();
    this.listener = null;
    this.local.release();
    connection?.close();
    if (connection === null || isOver(connection)) {
      this.finishClosing();
      return;
    }
    this.become(CLOSING);
    this.table.defer(this);
  }

  override finishClosing(): void {
    this.connection = null;
    super.finishClosing();
  }

  /** Follows what has become of the connection. */
  refresh(): void {
    const { connection, state } = this;
    if (connection === null) return;
    const tcpState = connection.state;
    if (isOver(connection)) {
      this.local.useEnded();
      // While connect() waits the failure is its to tell; the socket is Bound until then.
      if (state.kind !== "Bound") this.become(CLOSED);
      return;
    }
    if (tcpState === SYN_SENT || tcpState === SYN_RECEIVED) return;
    if (this.isReadShutdown && this.isWriteShutdown) this.become(CLOSING);
    else if (state.kind !== "Connected") this.become(connectedState(connection));
  }

  /** connect(2) with AF_UNSPEC, and the way back from a failed connect(): a socket as new, bound if bind() had bound it. */
  private disconnect(): number {
    const { connection } = this;
    this.isConnecting = false;
    if (connection !== null) {
      this.entry.queue?.remove(this.entry);
      this.leftError = isResetByDisconnect(connection) ? ECONNRESET : connection.error;
      this.local.lastPort = connection.localPort;
      connection.abort();
      this.connection = null;
    }
    this.stopListening();
    this.local.useEnded();
    this.isReadShutdown = false;
    this.isWriteShutdown = false;
    this.showUnconnected();
    return 0;
  }

  private stopListening(): void {
    const { listener } = this;
    if (listener === null) return;
    this.listener = null;
    this.entry.queue?.remove(this.entry);
    listener.close();
    this.local.useEnded();
    this.showUnconnected();
  }

  private showUnconnected(): void {
    this.become(this.local.reservation === null ? UNBOUND : { kind: "Bound", localAddress: this.local.name });
  }

  private reserve(address: number, port: number): number {
    const result = this.local.reserve(this.table.net.tcp.ports, address, port, this.options);
    if (result === 0) this.showUnconnected();
    return result;
  }

  private attach(connection: TcpConnection): void {
    this.connection = connection;
    connection.events.add(this.entry);
  }
}
