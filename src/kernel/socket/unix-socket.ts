/**
 * AF_UNIX sockets (unix(7)): streams, datagrams and sequenced packets between programs of this kernel, as pairs or by name. Open files
 * and credentials travel with the bytes. Nothing goes through the network stack.
 */
import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOBUFS,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
} from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/file.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import {
  AF_UNIX,
  AF_UNSPEC,
  MSG_DONTWAIT,
  MSG_OOB,
  MSG_PEEK,
  SHUT_RD,
  SHUT_WR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOMAXCONN,
} from "../../abi/socket.ts";
import { type Credentials, KernelSocket, type MessageInfo } from "./kernel-socket.ts";
import { SOCKADDR_UN_BYTES, type SocketAddress } from "./socket-address.ts";
import { readInt32, SO_PASSCRED, SocketOptions } from "./socket-options.ts";
import { CLOSED, CLOSING, type SocketAddressV4, type SocketState, UNBOUND } from "./socket-state.ts";
import type { SocketTable } from "./socket-table.ts";
import { getCredentialsOption, NOBODY, SO_PEERCRED, setPassCredentials } from "./unix-credentials.ts";
import { deliver } from "./unix-deliver.ts";
import { collectUnreachable } from "./unix-garbage.ts";
import { UnixQueue } from "./unix-queue.ts";
import { receiveDatagram, receiveStream } from "./unix-receive.ts";

export const SOCK_SEQPACKET = 5;

/** net.core.wmem_default and rmem_default. */
const DEFAULT_OPTIONS: Readonly<SocketOptions> = new SocketOptions(212_992, 212_992);
/** What Linux keeps of the send buffer when it asks whether a datagram is too long. */
const DATAGRAM_RESERVE_BYTES = 32;
const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;
const EVERYTHING = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;
const NO_ADDRESS: SocketAddressV4 = { address: 0, port: 0 };

export class UnixSocket extends KernelSocket {
  /** The bound name, one character per byte; empty while unnamed. */
  name = "";
  /** The file that a pathname was bound to. */
  boundTo: object | null = null;
  peer: UnixSocket | null = null;
  readonly inbox: UnixQueue = new UnixQueue();
  /** Who made the socket, and who its peer was when they were connected. */
  /** Of who last connected, listened or sent: other processes may hold the socket too. */
  credentials: Credentials;
  peerCredentials: Credentials = NOBODY;
  /** SO_PASSCRED: recvmsg(2) gives the sender's credentials. */
  passesCredentials = false;
  private error = 0;
  private backlog = 0;
  /** Connections that nobody has accepted yet. */
  readonly pending: UnixSocket[] = [];
  /** Sockets that found no room here, to be told when there is some. */
  readonly waiting: Set<UnixSocket> = new Set();

  constructor(table: SocketTable, socketType: number, credentials: Credentials) {
    super(table, AF_UNIX, socketType, 0, DEFAULT_OPTIONS);
    this.credentials = credentials;
    table.unixNames.sockets.add(this);
  }

  /** socketpair(2). */
  static connectPair(a: UnixSocket, b: UnixSocket): void {
    a.becomeConnected(b);
    b.becomeConnected(a);
  }

  private get isConnectionOriented(): boolean {
    return this.socketType !== SOCK_DGRAM;
  }

  override bind(address: SocketAddress): number {
    if (address.byteLength < 2 || address.byteLength > SOCKADDR_UN_BYTES) return -EINVAL;
    if (address.family !== AF_UNIX) return -EINVAL;
    if (this.name !== "") return -EINVAL;
    const name = this.table.unixNames.bind(address, this);
    if (name === null) return -EADDRINUSE;
    this.boundTo = address.node;
    this.name = name;
    if (this.state.kind === "Unbound") this.become(this.unconnectedState());
    return 0;
  }

  override listen(backlog: number): number {
    if (!this.isConnectionOriented) return -EOPNOTSUPP;
    // unix(7): only a bound socket can be found by others.
    if (this.name === "" || this.peer !== null) return -EINVAL;
    if (this.state.kind !== "Bound" && this.state.kind !== "Listening") return -EINVAL;
    this.backlog = Math.min(backlog >>> 0, SOMAXCONN);
    this.become({ kind: "Listening", localAddress: NO_ADDRESS, backlog: this.backlog });
    this.tellWaiting();
    return 0;
  }

  override checkAccept(): boolean | number {
    if (!this.isConnectionOriented) return -EOPNOTSUPP;
    if (!this.isListener) return -EINVAL;
    // Nobody comes any more: who would wait is told so.
    if (this.pending.length === 0 && this.isReadShutdown && !this.isNonBlocking) return -EINVAL;
    return this.pending.length > 0;
  }

  override accept(): UnixSocket | number {
    const ready = this.checkAccept();
    if (typeof ready === "number") return ready;
    if (!ready) return -EAGAIN;
    if (this.table.isFull) return -ENOBUFS;
    const accepted = this.pending.shift() as UnixSocket;
    this.tellWaiting();
    return accepted;
  }

  override connect(address: SocketAddress): number {
    if (address.byteLength < 2) return -EINVAL;
    if (address.family === AF_UNSPEC) return this.dissolve();
    if (address.family !== AF_UNIX) return -EINVAL;
    const found = this.table.unixNames.find(address, this.socketType);
    if (typeof found === "number") return found;
    return this.isConnectionOriented ? this.connectTo(found) : this.associate(found);
  }

  override sendMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    to: SocketAddress | null,
    info: MessageInfo | null,
  ): number {
    if (this.isStream) {
      if (to !== null) return this.isUnconnected ? -EOPNOTSUPP : -EISCONN;
      if (this.peer === null) return -ENOTCONN;
      if (this.isWriteShutdown) return -EPIPE;
      // There is no urgent data to be had.
      if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
      return this.peer.isReadShutdown ? -EPIPE : deliver(this, this.peer, buffer, offset, length, info);
    }
    if (this.isConnectionOriented) {
      if (this.error !== 0) return -this.takeError();
      if (this.isUnconnected) return -ENOTCONN;
    }
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    // A connection of packets ignores the address.
    const target = this.targetOf(this.isConnectionOriented ? null : to, length);
    return typeof target === "number" ? target : deliver(this, target, buffer, offset, length, info);
  }

  /** Who is to get a datagram of that length, or why nobody will; in the order in which Linux finds out. */
  private targetOf(to: SocketAddress | null, length: number): UnixSocket | number {
    if (to !== null && (to.family !== AF_UNIX || to.path === "")) return -EINVAL;
    if (length > this.options.sendBufferBytes - DATAGRAM_RESERVE_BYTES) return -EMSGSIZE;
    if (this.error !== 0) return -this.takeError();
    if (this.isWriteShutdown) return -EPIPE;
    const target = to === null ? this.peer : this.table.unixNames.find(to, this.socketType);
    if (typeof target === "number") return target;
    if (target === null) return -ENOTCONN;
    // A datagram socket that is connected hears its peer only, and says so.
    if (target.peer !== null && target.peer !== this) return -EPERM;
    if (target.state.kind === "Closed") {
      if (target === this.peer) this.associate(null);
      return -ECONNREFUSED;
    }
    return target.isReadShutdown ? -EPIPE : target;
  }

  override receiveMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    info: MessageInfo | null,
  ): number {
    if (this.isConnectionOriented && this.isUnconnected) return this.isStream ? -EINVAL : -ENOTCONN;
    if ((flags & MSG_OOB) !== 0) return this.isStream ? -EINVAL : -EOPNOTSUPP;
    if (this.error !== 0 && (!this.isStream || this.inbox.isEmpty)) return -this.takeError();
    if (this.inbox.isEmpty) {
      if (!this.isReadShutdown) return -EAGAIN;
      // Datagrams have no end: after SHUT_RD nobody waits, but who would not have waited finds nothing there.
      const waits = (flags & MSG_DONTWAIT) === 0 && !this.isNonBlocking;
      return this.isConnectionOriented || waits ? 0 : -EAGAIN;
    }
    const filesBefore = this.inbox.fileCount;
    const taken = this.isStream
      ? receiveStream(this.inbox, buffer, offset, length, flags, info)
      : receiveDatagram(this.inbox, buffer, offset, length, flags, info, !this.isConnectionOriented);
    this.table.unixNames.filesInFlight -= filesBefore - this.inbox.fileCount;
    if ((flags & MSG_PEEK) === 0) this.tellRoom();
    return taken;
  }

  override shutdown(how: number): number {
    this.shut(how !== SHUT_WR, how !== SHUT_RD);
    const { peer } = this;
    if (this.isConnectionOriented && peer !== null) {
      if (this.isReadShutdown && this.isWriteShutdown) this.become(CLOSING);
      // What one end sends no more the other reads no more.
      peer.shut(how !== SHUT_RD, how !== SHUT_WR);
    }
    return 0;
  }

  private shut(reading: boolean, writing: boolean): void {
    this.isReadShutdown ||= reading;
    this.isWriteShutdown ||= writing;
    this.notify(EVERYTHING);
    this.tellWaiting();
  }

  override localName(into: SocketAddress): number {
    into.setUnix(this.name);
    return 0;
  }

  override peerName(into: SocketAddress): number {
    if (this.peer === null) return -ENOTCONN;
    into.setUnix(this.peer.name);
    return 0;
  }

  override readiness(): number {
    let mask = this.error !== 0 ? POLLERR : 0;
    if (this.isReadShutdown) mask |= READABLE | POLLRDHUP;
    if (!this.inbox.isEmpty || this.pending.length > 0) mask |= READABLE;
    if (this.isReadShutdown && this.isWriteShutdown) mask |= POLLHUP;
    if (this.isListener) return mask;
    if (this.isConnectionOriented && this.isUnconnected) mask |= POLLHUP;
    const { peer } = this;
    if (peer === null || peer.state.kind === "Closed" || peer.hasRoom) mask |= WRITABLE;
    else peer.waiting.add(this);
    return mask;
  }

  override takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }

  override get readableBytes(): number {
    const head = this.inbox.head();
    if (this.isConnectionOriented || head === null) return this.inbox.readableBytes;
    return head.bytes.length;
  }

  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (name === SO_PASSCRED) return setPassCredentials(this, bytes, at, length);
    // Names are not shared here.
    if (name === SO_REUSEPORT && length >= 4 && readInt32(bytes, at) !== 0) return -EOPNOTSUPP;
    return super.setOption(level, name, bytes, at, length);
  }

  override getOption(level: number, name: number, into: DataView): number {
    const isOwn = name === SO_PASSCRED || name === SO_PEERCRED;
    return isOwn ? getCredentialsOption(this, name, into) : super.getOption(level, name, into);
  }

  /** Never connected, or a listener. */
  private get isUnconnected(): boolean {
    return this.state.kind === "Unbound" || this.state.kind === "Bound" || this.isListener;
  }

  private get isNonBlocking(): boolean {
    return (this.flags & O_NONBLOCK) !== 0;
  }

  /** Room worth waking a writer for. */
  private get hasRoom(): boolean {
    if (this.isStream) return this.inbox.charge * 4 <= (this.peer ?? this).options.sendBufferBytes;
    return this.inbox.charge * 4 <= this.options.receiveBufferBytes * 3;
  }

  private connectTo(listener: UnixSocket): number {
    if (!listener.isListener || listener.isReadShutdown) return -ECONNREFUSED;
    if (listener.pending.length > listener.backlog) {
      listener.waiting.add(this);
      return -EAGAIN;
    }
    if (!this.isUnconnected) return -EISCONN;
    if (this.isListener) return -EINVAL;
    const accepted = new UnixSocket(this.table, this.socketType, listener.credentials);
    accepted.name = listener.name;
    UnixSocket.connectPair(this, accepted);
    listener.pending.push(accepted);
    listener.notify(READABLE);
    return 0;
  }

  private becomeConnected(peer: UnixSocket): void {
    this.peer = peer;
    this.peerCredentials = peer.credentials;
    this.become({ kind: "Connected", localAddress: NO_ADDRESS, remoteAddress: NO_ADDRESS });
  }

  private dissolve(): number {
    return this.isConnectionOriented ? -EINVAL : this.associate(null);
  }

  /** connect(2) of datagrams: from now on they go there, and only from there they come; null for nowhere in particular. */
  private associate(target: UnixSocket | null): number {
    const before = this.peer;
    if (target !== null && target.peer !== null && target.peer !== this) return -EPERM;
    if (target === null) {
      this.peer = null;
      this.become(this.unconnectedState());
    } else this.becomeConnected(target);
    // What the former peer has sent is thrown away, and it learns of that.
    if (before === null || before === target || this.inbox.isEmpty) return 0;
    this.dropMessages();
    this.tellWaiting();
    if (before.peer === this) {
      before.error = ECONNRESET;
      before.notify(EVERYTHING);
    }
    return 0;
  }

  private unconnectedState(): SocketState {
    return this.name === "" ? UNBOUND : { kind: "Bound", localAddress: NO_ADDRESS };
  }

  /** Whoever connected and was never accepted finds the connection reset. */
  private resetPending(): void {
    for (const embryo of this.pending.splice(0)) embryo.release();
  }

  /** Throws away what was not read; files among it are let go. */
  dropMessages(): void {
    // Letting go of a file may release another socket, which counts down for itself.
    const files = this.inbox.clear();
    this.table.unixNames.filesInFlight -= files;
  }

  private tellRoom(): void {
    if (!this.hasRoom) return;
    if (this.isConnectionOriented) this.peer?.notify(WRITABLE);
    this.tellWaiting();
  }

  private tellWaiting(): void {
    if (this.waiting.size === 0) return;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const socket of waiting) socket.notify(WRITABLE);
  }

  /** A socket that others still hold may from now on be held only by messages that nobody can read. */
  override drop(): void {
    super.drop();
    if (this.references > 0) this.collectGarbage();
  }

  private collectGarbage(): void {
    const names = this.table.unixNames;
    if (names.filesInFlight === 0 || names.isCollecting) return;
    names.isCollecting = true;
    collectUnreachable(names.sockets);
    names.isCollecting = false;
  }

  protected override release(): void {
    const { peer } = this;
    const hadUnread = !this.inbox.isEmpty || this.index < 0;
    this.resetPending();
    const names = this.table.unixNames;
    names.unbind(this);
    this.become(CLOSED);
    this.table.remove(this);
    names.sockets.delete(this);
    this.dropMessages();
    this.tellWaiting();
    this.collectGarbage();
    if (peer === null) return;
    peer.waiting.delete(this);
    if (this.isConnectionOriented && peer.peer === this) {
      // unread data, or a connection never accepted: the peer learns that what it sent was lost
      if (hadUnread) peer.error = ECONNRESET;
      peer.shut(true, true);
    }
    this.peer = null;
  }
}
