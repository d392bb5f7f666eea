/**
 * KernelSocket: what every socket is, whatever its family and type. It is an open file ("socket:[index]"), so descriptors, poll and
 * blocking work on it as on any other; what only sockets do are the methods below. Nothing here blocks: -EAGAIN means
 * "not now", and the system call layer waits on `waitQueue`.
 */
import { EINVAL, ENOTCONN, EOPNOTSUPP } from "../../abi/errno.ts";
import { O_RDWR, S_IFSOCK } from "../../abi/file.ts";
import { SOCK_STREAM, SOL_SOCKET } from "../../abi/socket.ts";
import type { Waiter } from "../../base/wait-queue.ts";
import { type FileStatus, OpenFile } from "../file/open-file.ts";
import { controlInterfaces } from "./interface-control.ts";
import { SocketAddress } from "./socket-address.ts";
import { getSocketLevelOption, type SocketOptions, setSocketLevelOption } from "./socket-options.ts";
import { CLOSED, type SocketState, UNBOUND } from "./socket-state.ts";
import type { SocketTable } from "./socket-table.ts";

/** The device number that stat(2) shows for sockets: they all lie in one unnamed file system. */
const SOCKET_DEVICE = 8;

/** Who sent a message over AF_UNIX: struct ucred. */
export interface Credentials {
  processId: number;
  userId: number;
  groupId: number;
}

/** What comes with a received message besides its bytes. One instance is used again and again. */
export class MessageInfo {
  /** MSG_TRUNC and the like, as recvmsg(2) gives them in msg_flags. */
  flags = 0;
  /** The length that the datagram had, whatever was copied of it. */
  trueLength = 0;
  readonly source: SocketAddress = new SocketAddress();
  /** AF_INET datagrams: where it was sent to, and the TTL it came with (-1: not known). */
  destination = 0;
  timeToLive = -1;
  /** Open files passed along (SCM_RIGHTS); each carries a reference that the receiver now owns. */
  files: OpenFile[] | null = null;
  credentials: Credentials | null = null;

  clear(): this {
    this.flags = 0;
    this.trueLength = 0;
    this.source.clear();
    this.destination = 0;
    this.timeToLive = -1;
    this.files = null;
    this.credentials = null;
    return this;
  }
}

export abstract class KernelSocket extends OpenFile implements Waiter {
  readonly table: SocketTable;
  /** Place in the socket table; -1 before and after. */
  index = -1;
  readonly domain: number;
  readonly socketType: number;
  readonly protocol: number;
  state: SocketState = UNBOUND;
  /** Shared with other sockets until one of them is changed: see `ownOptions`. */
  options: Readonly<SocketOptions>;
  protected sharesOptions = true;
  /** Directions that shutdown(2) has closed on this side. */
  isReadShutdown = false;
  isWriteShutdown = false;

  constructor(
    table: SocketTable,
    domain: number,
    socketType: number,
    protocol: number,
    options: Readonly<SocketOptions>,
  ) {
    super(O_RDWR);
    this.table = table;
    this.domain = domain;
    this.socketType = socketType;
    this.protocol = protocol;
    this.options = options;
  }

  /** Every change of state goes through here; see socket-state.ts for the diagram. */
  become(state: SocketState): void {
    this.state = state;
  }

  get isListener(): boolean {
    return this.state.kind === "Listening";
  }

  /** Descriptors and parked calls that hold the socket: what keeps it through a close during use. */
  get referenceCount(): number {
    return this.references;
  }

  /** Which pair of the buffer pool its connection uses; -1 for none (or in a pool without pairs). */
  get bufferSlot(): number {
    return -1;
  }

  override describe(): string {
    return `socket:[${this.index}]`;
  }

  override status(): FileStatus {
    const mode = S_IFSOCK | 0o777;
    return {
      device: SOCKET_DEVICE,
      inode: this.index,
      mode,
      links: 1,
      userId: 0,
      groupId: 0,
      specialDevice: 0,
      size: 0,
      blockSize: 4096,
      blocks: 0,
      accessedMilliseconds: 0,
      modifiedMilliseconds: 0,
      changedMilliseconds: 0,
    };
  }

  override get isStream(): boolean {
    return this.socketType === SOCK_STREAM;
  }

  override get raisesSigpipe(): boolean {
    return this.socketType === SOCK_STREAM;
  }

  override get readTimeoutMilliseconds(): number {
    return this.options.receiveTimeoutMilliseconds;
  }

  override get writeTimeoutMilliseconds(): number {
    return this.options.sendTimeoutMilliseconds;
  }

  /** What lies below has become ready: told on to whoever waits for this file. */
  wake(events: number): void {
    this.notify(events);
  }

  /** bind(2): 0 or -errno. */
  bind(_address: SocketAddress): number {
    return -EOPNOTSUPP;
  }

  listen(_backlog: number): number {
    return -EOPNOTSUPP;
  }

  /** True when `accept()` would give a connection. -errno for a socket that cannot accept. */
  checkAccept(): boolean | number {
    return -EOPNOTSUPP;
  }

  /** The next connection as a new socket, not in the table yet; -EAGAIN when there is none, -ENOBUFS when the table is full. */
  accept(): KernelSocket | number {
    return -EOPNOTSUPP;
  }

  /**
   * Begins, or asks about, a connection: 0 when it stands, -EINPROGRESS when it was begun and takes time, -EALREADY when one begun
   * earlier still takes time; else -errno.
   */
  connect(_address: SocketAddress): number {
    return -EOPNOTSUPP;
  }

  /** How the connection that `connect()` began is doing: 0, -EALREADY, or how it failed. */
  connectResult(): number {
    return 0;
  }

  /**
   * Sends bytes, or one datagram; the number of bytes taken or -errno (-EAGAIN: no room now; -EPIPE: the direction is closed). `to` is
   * null where the caller named no address.
   */
  abstract sendMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    to: SocketAddress | null,
    info: MessageInfo | null,
  ): number;

  /** Receives bytes, or one datagram; the bytes copied (MSG_TRUNC: the datagram's length), 0 at the end, or -errno. */
  abstract receiveMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    info: MessageInfo | null,
  ): number;

  override read(buffer: Uint8Array, offset: number, length: number): number {
    // Unlike recv(2), which takes an empty datagram or tells of an error.
    if (length === 0) return 0;
    return this.receiveMessage(buffer, offset, length, 0, null);
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    return this.sendMessage(buffer, offset, length, 0, null, null);
  }

  /** shutdown(2) with SHUT_RD, SHUT_WR or SHUT_RDWR. */
  shutdown(_how: number): number {
    return -EOPNOTSUPP;
  }

  /** getsockname(2). */
  abstract localName(into: SocketAddress): number;

  /** getpeername(2): -ENOTCONN without a peer. */
  peerName(_into: SocketAddress): number {
    return -ENOTCONN;
  }

  /** What accept(2) tells of the other end, which may be gone already. */
  acceptedName(into: SocketAddress): void {
    if (this.peerName(into) < 0) into.clear();
  }

  /** An error that was reported as the lesser news (some bytes had moved) is to be told by the next call. */
  restoreError(_errno: number): void {}

  /** SO_ERROR: the pending error as a positive number; it is cleared. */
  takeError(): number {
    return 0;
  }

  /** Whether there are options of a level; setOption() and getOption() are asked only for those that there are. */
  hasLevel(level: number): boolean {
    return level === SOL_SOCKET;
  }

  /** Options of SOL_SOCKET; the families add their levels. `length` bytes stand at `at`, checked by the caller to be there. */
  setOption(_level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    return setSocketLevelOption(this, name, bytes, at, length);
  }

  /** Writes the value at the start of `into`; returns its length or -errno. */
  getOption(_level: number, name: number, into: DataView): number {
    return getSocketLevelOption(this, name, into);
  }

  /** The options to change: from here on this socket's alone. */
  ownOptions(): SocketOptions {
    if (this.sharesOptions) this.copyOptions();
    return this.options as SocketOptions;
  }

  protected copyOptions(): void {
    this.sharesOptions = false;
    this.options = (this.options as SocketOptions).clone();
  }

  /** Called after an option changed that what lies below needs to know. */
  applyOptions(): void {}

  /** Bytes that FIONREAD and SIOCOUTQ tell of. */
  get readableBytes(): number {
    return 0;
  }

  get unsentBytes(): number {
    return 0;
  }

  override control(request: number, argument: number, memory: Uint8Array): number {
    return controlInterfaces(this, request, argument, memory);
  }

  /** Whether close(2) has to wait for unsent data (SO_LINGER): milliseconds to wait at most; 0 for no wait. */
  get lingerMilliseconds(): number {
    return 0;
  }

  /** Starts the orderly end that close(2) then waits for. True when there is nothing left to wait for. */
  beginClosing(): boolean {
    return true;
  }

  /** True once a close that waits (SO_LINGER) need not wait any more. */
  get hasDelivered(): boolean {
    return true;
  }

  /** Last step, taken by the network runner for a socket that was put off: out of the table. */
  finishClosing(): void {
    this.become(CLOSED);
    this.table.remove(this);
  }

  /** Checks that an AF_INET address is whole. */
  protected static checkLength(address: SocketAddress, least: number): number {
    return address.byteLength < least ? -EINVAL : 0;
  }
}
