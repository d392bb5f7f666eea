/**
 * AF_UNIX sockets (unix(7)): streams, datagrams and sequenced packets between programs of this kernel, as pairs or by name. Open files
 * and credentials travel with the bytes. Nothing goes through the network stack.
 */
import {
  EADDRINUSE,
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOBUFS,
  ENOENT,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTOTYPE,
} from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import {
  AF_UNIX,
  AF_UNSPEC,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_RD,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
} from "../../abi/socket.ts";
import type { OpenFile } from "../file/open-file.ts";
import { type Credentials, KernelSocket, type MessageInfo } from "./kernel-socket.ts";
import { SOCKADDR_UN_BYTES, type SocketAddress } from "./socket-address.ts";
import { putInt, readInt32, SocketOptions } from "./socket-options.ts";
import { CLOSED, CLOSING, type SocketAddressV4, type SocketState, UNBOUND } from "./socket-state.ts";
import type { SocketTable } from "./socket-table.ts";
import { MESSAGE_OVERHEAD_BYTES, UnixQueue } from "./unix-queue.ts";

export const SOCK_SEQPACKET = 5;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;

const DEFAULT_OPTIONS: Readonly<SocketOptions> = new SocketOptions(212_992, 212_992);
const READABLE = POLLIN | POLLRDNORM;
const WRITABLE = POLLOUT | POLLWRNORM;
const EVERYTHING = READABLE | WRITABLE | POLLHUP | POLLRDHUP | POLLERR;
const NO_ADDRESS: SocketAddressV4 = { address: 0, port: 0 };
const NOBODY: Credentials = { processId: 0, userId: 65_534, groupId: 65_534 };

export class UnixSocket extends KernelSocket {
  /** The bound name, one character per byte; empty while unnamed. */
  name = "";
  peer: UnixSocket | null = null;
  readonly inbox: UnixQueue = new UnixQueue();
  /** Who made the socket, and who its peer was when they were connected. */
  readonly credentials: Credentials;
  peerCredentials: Credentials = NOBODY;
  /** SO_PASSCRED: recvmsg(2) gives the sender's credentials. */
  passesCredentials = false;
  private error = 0;
  private backlog = 0;
  private readonly pending: UnixSocket[] = [];
  /** Sockets that found no room here, to be told when there is some. */
  private readonly waiting = new Set<UnixSocket>();

  constructor(table: SocketTable, socketType: number, credentials: Credentials) {
    super(table, AF_UNIX, socketType, 0, DEFAULT_OPTIONS);
    this.credentials = credentials;
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
    if (address.path === "") return this.bindAny();
    if (!this.table.unixNames.bind(address.path, this)) return -EADDRINUSE;
    this.named(address.path);
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
    const found = this.find(address.path);
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
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    if (this.error !== 0) return -this.takeError();
    if (this.isConnectionOriented && to !== null) return this.peer === null ? -EOPNOTSUPP : -EISCONN;
    if (this.isWriteShutdown) return -EPIPE;
    let target = this.peer;
    if (to !== null) {
      if (to.family !== AF_UNIX) return -EINVAL;
      const found = this.find(to.path);
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
    const isPeek = (flags & MSG_PEEK) !== 0;
    const taken =
      this.socketType === SOCK_STREAM
        ? this.receiveStream(buffer, offset, length, isPeek, info)
        : this.receiveDatagram(buffer, offset, length, flags, info);
    if (!isPeek) this.tellRoom();
    return taken;
  }

  override shutdown(how: number): number {
    if (this.peer === null) {
      if (!this.isListener) return -ENOTCONN;
      if (how !== SHUT_WR) this.stopListening();
      return 0;
    }
    if (how !== SHUT_WR) this.isReadShutdown = true;
    if (how !== SHUT_RD) this.isWriteShutdown = true;
    if (this.isReadShutdown && this.isWriteShutdown) this.become(CLOSING);
    if (this.isConnectionOriented) this.peer.notify(EVERYTHING);
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
    if (level !== SOL_SOCKET || name !== SO_PASSCRED) return super.setOption(level, name, bytes, at, length);
    if (length < 4) return -EINVAL;
    this.passesCredentials = readInt32(bytes, at) !== 0;
    return 0;
  }

  override getOption(level: number, name: number, into: DataView): number {
    if (level !== SOL_SOCKET) return super.getOption(level, name, into);
    if (name === SO_PASSCRED) return putInt(into, Number(this.passesCredentials));
    if (name !== SO_PEERCRED) return super.getOption(level, name, into);
    const { processId, userId, groupId } = this.peerCredentials;
    into.setInt32(0, processId, true);
    into.setInt32(4, userId, true);
    into.setInt32(8, groupId, true);
    return 12;
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
    if (info !== null) info.files = null;
    target.notify(READABLE);
    return taken;
  }

  private receiveStream(
    buffer: Uint8Array,
    offset: number,
    length: number,
    isPeek: boolean,
    info: MessageInfo | null,
  ): number {
    let done = 0;
    for (let k = 0; done < length; ) {
      const message = this.inbox.at(isPeek ? k++ : 0);
      // Passed files mark a boundary: bytes that came with others are read apart.
      if (message === null || (done > 0 && message.files !== null)) break;
      const take = Math.min(length - done, message.bytes.length - message.read);
      buffer.set(message.bytes.subarray(message.read, message.read + take), offset + done);
      done += take;
      if (info !== null && message.credentials !== null) info.credentials = message.credentials;
      const hadFiles = message.files !== null;
      if (hadFiles) this.giveFiles(message, isPeek, info);
      if (!isPeek) this.inbox.take(take, false);
      if (hadFiles) break;
    }
    return done;
  }

  private receiveDatagram(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    info: MessageInfo | null,
  ): number {
    const message = this.inbox.head();
    if (message === null) return -EAGAIN;
    const trueLength = message.bytes.length;
    const copied = Math.min(length, trueLength);
    buffer.set(message.bytes.subarray(0, copied), offset);
    const isPeek = (flags & MSG_PEEK) !== 0;
    if (info !== null) {
      info.trueLength = trueLength;
      if (trueLength > copied) info.flags |= MSG_TRUNC;
      if (!this.isConnectionOriented && message.source !== "") info.source.setUnix(message.source);
      info.credentials = message.credentials;
    }
    if (message.files !== null) this.giveFiles(message, isPeek, info);
    if (!isPeek) this.inbox.take(0, true);
    return (flags & MSG_TRUNC) !== 0 ? trueLength : copied;
  }

  /** Hands passed files to the reader; a reader that does not ask for them loses them, as with recv(2). */
  private giveFiles(message: { files: OpenFile[] | null }, isPeek: boolean, info: MessageInfo | null): void {
    const files = message.files ?? [];
    if (isPeek) {
      if (info !== null) info.files = files.map((file) => file.retain());
      return;
    }
    message.files = null;
    if (info !== null) info.files = files;
    else for (const file of files) file.drop();
  }

  private find(path: string): UnixSocket | number {
    if (path === "") return -EINVAL;
    const found = this.table.unixNames.get(path);
    if (found === null) return path.charCodeAt(0) === 0 ? -ECONNREFUSED : -ENOENT;
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

  /** Datagrams: from now on sends go there, and only what comes from there is received by a paired peer. */
  private associate(target: UnixSocket): number {
    this.peer = target;
    this.peerCredentials = target.credentials;
    this.become({ kind: "Connected", localAddress: NO_ADDRESS, remoteAddress: NO_ADDRESS });
    return 0;
  }

  private becomeConnected(peer: UnixSocket): void {
    this.peer = peer;
    this.peerCredentials = peer.credentials;
    this.become({ kind: "Connected", localAddress: NO_ADDRESS, remoteAddress: NO_ADDRESS });
  }

  private dissolve(): number {
    if (this.isConnectionOriented) return -EAFNOSUPPORT;
    this.peer = null;
    this.become(this.unconnectedState());
    return 0;
  }

  private unconnectedState(): SocketState {
    return this.name === "" ? UNBOUND : { kind: "Bound", localAddress: NO_ADDRESS };
  }

  /** unix(7), autobind: an abstract name of five hexadecimal digits. */
  private bindAny(): number {
    for (let tries = 0; tries < 0x10_0000; tries++) {
      const name = `\0${(this.table.unixNames.nextNumber() & 0xf_ffff).toString(16).padStart(5, "0")}`;
      if (!this.table.unixNames.bind(name, this)) continue;
      this.named(name);
      return 0;
    }
    return -EADDRINUSE;
  }

  private named(name: string): void {
    this.name = name;
    if (this.state.kind === "Unbound") this.become(this.unconnectedState());
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

  protected override release(): void {
    const { peer } = this;
    const hadUnread = !this.inbox.isEmpty || this.index < 0;
    this.resetPending();
    if (this.name !== "") this.table.unixNames.unbind(this.name, this);
    this.become(CLOSED);
    this.table.remove(this);
    this.inbox.clear();
    this.tellWaiting();
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
