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
  EPROTOTYPE,
  ETOOMANYREFS,
} from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import {
  AF_UNIX,
  AF_UNSPEC,
  MSG_OOB,
  MSG_PEEK,
  SHUT_RD,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
} from "../../abi/socket.ts";
import { type Credentials, KernelSocket, type MessageInfo } from "./kernel-socket.ts";
import { SOCKADDR_UN_BYTES, type SocketAddress } from "./socket-address.ts";
import { SocketOptions } from "./socket-options.ts";
import { CLOSED, CLOSING, type SocketAddressV4, type SocketState, UNBOUND } from "./socket-state.ts";
import type { SocketTable } from "./socket-table.ts";
import { getCredentialsOption, NOBODY, SO_PASSCRED, SO_PEERCRED, setPassCredentials } from "./unix-credentials.ts";
import { collectUnreachable } from "./unix-garbage.ts";
import { MESSAGE_OVERHEAD_BYTES, UnixQueue } from "./unix-queue.ts";
import { receiveDatagram, receiveStream } from "./unix-receive.ts";

export const SOCK_SEQPACKET = 5;

/** net.core.wmem_default and rmem_default. */
const DEFAULT_OPTIONS: Readonly<SocketOptions> = new SocketOptions(212_992, 212_992);
/** Files that may be on their way at once, of the whole system; more are ETOOMANYREFS. */
const MOST_FILES_IN_FLIGHT = 16_384;
const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;
const EVERYTHING = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;
const NO_ADDRESS: SocketAddressV4 = { address: 0, port: 0 };

export class UnixSocket extends KernelSocket {
  /** The bound name, one character per byte; empty while unnamed. */
  name = "";
  private boundTo: string | object | null = null;
  peer: UnixSocket | null = null;
  readonly inbox: UnixQueue = new UnixQueue();
  /** Who made the socket, and who its peer was when they were connected. */
  readonly credentials: Credentials;
  peerCredentials: Credentials = NOBODY;
  /** SO_PASSCRED: recvmsg(2) gives the sender's credentials. */
  passesCredentials = false;
  private error = 0;
  private backlog = 0;
  /** Connections that nobody has accepted yet. */
  readonly pending: UnixSocket[] = [];
  /** Sockets that found no room here, to be told when there is some. */
  private readonly waiting = new Set<UnixSocket>();

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
    const key = this.table.unixNames.bind(address.node ?? address.path, this);
    if (key === null) return -EADDRINUSE;
    this.boundTo = key;
    this.name = typeof key === "string" ? key : address.path;
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
    return this.isListener ? this.pending.length > 0 : -EINVAL;
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
    if (this.isConnectionOriented && this.state.kind !== "Unbound" && this.state.kind !== "Bound") {
      return this.isListener ? -EINVAL : -EISCONN;
    }
    const found = this.find(address);
    if (typeof found === "number") return found;
    if (this.isConnectionOriented) return this.connectTo(found);
    // From now on datagrams without an address go there.
    this.becomeConnected(found);
    return 0;
  }

  override sendMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    to: SocketAddress | null,
    info: MessageInfo | null,
  ): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    if (this.error !== 0) return -this.takeError();
    if (this.isConnectionOriented && to !== null) return this.peer === null ? -EOPNOTSUPP : -EISCONN;
    if (this.isWriteShutdown) return -EPIPE;
    let target = this.peer;
    if (to !== null) {
      if (to.family !== AF_UNIX) return -EINVAL;
      const found = this.find(to);
      if (typeof found === "number") return found;
      target = found;
    }
    if (target === null) return this.state.kind === "Connected" && this.isConnectionOriented ? -EPIPE : -ENOTCONN;
    if (target.state.kind === "Closed") {
      if (this.isConnectionOriented) return -EPIPE;
      if (target === this.peer) this.dissolve();
      return -ECONNREFUSED;
    }
    if (target.isReadShutdown) return -EPIPE;
    // A datagram socket that is connected hears its peer only, and says so.
    if (!this.isConnectionOriented && target.peer !== null && target.peer !== this) return -EPERM;
    return this.deliver(target, buffer, offset, length, info);
  }

  override receiveMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    info: MessageInfo | null,
  ): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const isUnconnected = this.state.kind === "Unbound" || this.state.kind === "Bound" || this.isListener;
    if (this.isConnectionOriented && isUnconnected) return this.socketType === SOCK_STREAM ? -EINVAL : -ENOTCONN;
    if (this.inbox.isEmpty) {
      if (this.error !== 0) return -this.takeError();
      return this.isReadShutdown || this.isAtEnd ? 0 : -EAGAIN;
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
    if (this.isListener) {
      if (how !== SHUT_WR) this.stopListening();
      return 0;
    }
    if (how !== SHUT_WR) this.isReadShutdown = true;
    if (how !== SHUT_RD) this.isWriteShutdown = true;
    if (this.isConnectionOriented && this.peer !== null) {
      if (this.isReadShutdown && this.isWriteShutdown) this.become(CLOSING);
      this.peer.notify(EVERYTHING);
    }
    this.notify(EVERYTHING);
    return 0;
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
    if (this.isListener) return this.pending.length > 0 ? READABLE : 0;
    let mask = this.error !== 0 ? POLLERR : 0;
    const isAtEnd = this.isReadShutdown || this.isAtEnd;
    if (!this.inbox.isEmpty || isAtEnd) mask |= READABLE;
    if (isAtEnd) mask |= POLLRDHUP;
    if (this.isConnectionOriented) {
      const isUnconnected = this.state.kind === "Unbound" || this.state.kind === "Bound";
      if (isUnconnected || (isAtEnd && (this.isWriteShutdown || this.peer?.state.kind === "Closed"))) mask |= POLLHUP;
    }
    if (this.peer === null || this.peer.state.kind === "Closed" || this.peer.hasRoom) mask |= WRITABLE;
    else this.peer.waiting.add(this);
    return mask;
  }

  override takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }

  override get readableBytes(): number {
    const head = this.inbox.head();
    if (this.isStream || head === null) return this.inbox.readableBytes;
    return head.bytes.length;
  }

  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (level === SOL_SOCKET && name === SO_PASSCRED) return setPassCredentials(this, bytes, at, length);
    return level === SOL_SOCKET ? super.setOption(level, name, bytes, at, length) : -EOPNOTSUPP;
  }

  override getOption(level: number, name: number, into: DataView): number {
    if (level !== SOL_SOCKET) return -EOPNOTSUPP;
    const isOwn = name === SO_PASSCRED || name === SO_PEERCRED;
    return isOwn ? getCredentialsOption(this, name, into) : super.getOption(level, name, into);
  }

  /** The peer of a connection has gone or sends no more. A datagram socket's has no end. */
  private get isAtEnd(): boolean {
    const { peer } = this;
    if (!this.isConnectionOriented || this.isListener) return false;
    return peer !== null && (peer.state.kind === "Closed" || peer.isWriteShutdown);
  }

  /** Room worth waking a writer for. */
  private get hasRoom(): boolean {
    return this.inbox.charge * 4 <= this.options.receiveBufferBytes * 3;
  }

  private deliver(
    target: UnixSocket,
    buffer: Uint8Array,
    offset: number,
    length: number,
    info: MessageInfo | null,
  ): number {
    const limit = target.options.receiveBufferBytes;
    const files = info?.files?.length ?? 0;
    if (files > 0 && this.table.unixNames.filesInFlight + files > MOST_FILES_IN_FLIGHT) return -ETOOMANYREFS;
    if (!this.isStream && length + MESSAGE_OVERHEAD_BYTES > this.options.sendBufferBytes) return -EMSGSIZE;
    const room = limit - target.inbox.charge - MESSAGE_OVERHEAD_BYTES;
    // A datagram longer than the whole queue may come when it is empty, so that it comes at all.
    const fits = this.isStream ? room > 0 : length <= room || target.inbox.isEmpty;
    if (!fits && length > 0) {
      target.waiting.add(this);
      return -EAGAIN;
    }
    if (this.isStream && length === 0) return 0;
    const taken = this.isStream ? Math.min(length, room) : length;
    target.inbox.push({
      bytes: buffer.slice(offset, offset + taken),
      read: 0,
      source: this.name,
      files: info?.files ?? null,
      credentials: info?.credentials ?? this.credentials,
    });
    if (info?.files != null) {
      this.table.unixNames.filesInFlight += info.files.length;
      info.files = null;
    }
    target.notify(READABLE);
    return taken;
  }

  private find({ path, node }: SocketAddress): UnixSocket | number {
    if (path === "") return -EINVAL;
    const found = this.table.unixNames.get(node ?? path);
    // A file that nobody is bound to any more: whoever made it has gone.
    if (found === null) return -ECONNREFUSED;
    return found.socketType === this.socketType ? found : -EPROTOTYPE;
  }

  private connectTo(listener: UnixSocket): number {
    if (!listener.isListener) return -ECONNREFUSED;
    if (listener.pending.length > listener.backlog) {
      listener.waiting.add(this);
      return -EAGAIN;
    }
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
    if (this.isConnectionOriented) return -EINVAL;
    this.peer = null;
    this.become(this.unconnectedState());
    return 0;
  }

  private unconnectedState(): SocketState {
    return this.name === "" ? UNBOUND : { kind: "Bound", localAddress: NO_ADDRESS };
  }

  private stopListening(): void {
    this.become(this.unconnectedState());
    this.resetPending();
    this.tellWaiting();
    this.notify(EVERYTHING);
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
    if (this.boundTo !== null) names.unbind(this.boundTo, this);
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
      peer.notify(EVERYTHING);
    }
    this.peer = null;
  }
}
