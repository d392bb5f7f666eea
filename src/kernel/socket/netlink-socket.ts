/**
 * AF_NETLINK sockets (netlink(7)): requests go to the kernel, which answers at once; the answers wait to be read. Programs cannot
 * send to each other, and nothing is announced to groups: interfaces and routes do not change while programs run.
 */
import {
  EADDRINUSE,
  EAGAIN,
  EBUSY,
  ECONNREFUSED,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENODATA,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPERM,
} from "../../abi/errno.ts";
import { POLLERR, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import {
  AF_NETLINK,
  AF_UNSPEC,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  NETLINK_ROUTE,
  SOCKADDR_NL_BYTES,
  SOL_NETLINK,
} from "../../abi/socket.ts";
import { KernelSocket, type MessageInfo } from "./kernel-socket.ts";
import {
  align4,
  MessageBuilder,
  type NetlinkHeader,
  NLM_F_ACK,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER_BYTES,
  NLMSG_NOOP_MAXIMUM,
  readHeader,
} from "./netlink-message.ts";
import { answerRoute } from "./netlink-route.ts";
import type { SocketAddress } from "./socket-address.ts";
import { putInt, readInt32, SocketOptions } from "./socket-options.ts";
import { CLOSED } from "./socket-state.ts";
import type { SocketTable } from "./socket-table.ts";

const DEFAULT_OPTIONS: Readonly<SocketOptions> = new SocketOptions(212_992, 212_992);
/** Parts of a dump go together up to this: what fits the page that the C library reads into. */
const PART_BYTES = 3776;
/** What a datagram is charged beyond its bytes. */
const OVERHEAD_BYTES = 256;
/** Options that are only switches; NETLINK_CAP_ACK alone changes an answer. */
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_DROP_MEMBERSHIP = 2;
const NETLINK_CAP_ACK = 10;
const SWITCHES: ReadonlySet<number> = new Set([3, 4, 5, 8, NETLINK_CAP_ACK, 11, 12]);
const GROUPS = 32;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly isDump: boolean;
}

export class NetlinkSocket extends KernelSocket {
  private readonly processId: number;
  /** Its address; 0 while it has none. */
  private portId = 0;
  private groups = 0;
  private readonly received: Datagram[] = [];
  private queuedBytes = 0;
  private dumpParts = 0;
  /** A positive errno: an answer was lost for want of room. */
  private error = 0;
  private readonly switches = new Set<number>();

  constructor(table: SocketTable, socketType: number, processId: number) {
    super(table, AF_NETLINK, socketType, NETLINK_ROUTE, DEFAULT_OPTIONS);
    this.processId = processId;
  }

  override bind(address: SocketAddress): number {
    if (address.byteLength < SOCKADDR_NL_BYTES || address.family !== AF_NETLINK) return -EINVAL;
    if (this.portId !== 0) {
      if (address.address !== this.portId) return -EINVAL;
    } else if (address.address === 0) this.bindFreely();
    else if (this.isTaken(address.address)) return -EADDRINUSE;
    else this.take(address.address);
    this.groups = address.port;
    return 0;
  }

  /** Only the kernel can be talked to. */
  override connect(address: SocketAddress): number {
    if (address.byteLength < 2) return -EINVAL;
    if (address.family === AF_UNSPEC) return 0;
    if (address.family !== AF_NETLINK || address.byteLength < SOCKADDR_NL_BYTES) return -EINVAL;
    if (address.address !== 0 || address.port !== 0) return -EPERM;
    if (this.portId === 0) this.bindFreely();
    return 0;
  }

  override localName(into: SocketAddress): number {
    into.setNetlink(this.portId, this.groups);
    return 0;
  }

  override peerName(into: SocketAddress): number {
    into.setNetlink(0, 0);
    return 0;
  }

  override sendMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    to: SocketAddress | null,
  ): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    if (length === 0) return -ENODATA;
    if (to !== null) {
      if (to.byteLength < SOCKADDR_NL_BYTES || to.family !== AF_NETLINK) return -EINVAL;
      if (to.port !== 0) return -EPERM;
      if (to.address !== 0) return -ECONNREFUSED;
    }
    if (this.portId === 0) this.bindFreely();
    if (length > this.options.sendBufferBytes - 32) return -EMSGSIZE;
    // The program may change its memory while nobody looks at it: the request is what it was when it was sent.
    this.takeRequests(buffer.slice(offset, offset + length));
    return length;
  }

  override receiveMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    info: MessageInfo | null,
  ): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
    if (this.error !== 0) return -this.takeError();
    const first = this.received[0];
    if (first === undefined) return -EAGAIN;
    const { bytes } = first;
    const copied = Math.min(length, bytes.length);
    buffer.set(bytes.subarray(0, copied), offset);
    if (info !== null) {
      info.trueLength = bytes.length;
      info.source.setNetlink(0, 0);
      if (bytes.length > copied) info.flags |= MSG_TRUNC;
    }
    if ((flags & MSG_PEEK) === 0) {
      this.received.shift();
      this.queuedBytes -= bytes.length + OVERHEAD_BYTES;
      if (first.isDump) this.dumpParts--;
    }
    return (flags & MSG_TRUNC) !== 0 ? bytes.length : copied;
  }

  override readiness(): number {
    let events = POLLOUT | POLLWRNORM;
    if (this.received.length > 0) events |= POLLIN | POLLRDNORM;
    return this.error === 0 ? events : events | POLLERR;
  }

  override takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }

  override restoreError(errno: number): void {
    this.error = errno;
  }

  override get readableBytes(): number {
    return this.received[0]?.bytes.length ?? 0;
  }

  override hasLevel(level: number): boolean {
    return level === SOL_NETLINK || super.hasLevel(level);
  }

  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (level !== SOL_NETLINK) return super.setOption(level, name, bytes, at, length);
    // As Linux: what is too short for a number is 0.
    const value = length >= 4 ? readInt32(bytes, at) : 0;
    if (name === NETLINK_ADD_MEMBERSHIP || name === NETLINK_DROP_MEMBERSHIP) return this.setMembership(name, value);
    if (!SWITCHES.has(name)) return -ENOPROTOOPT;
    if (value !== 0) this.switches.add(name);
    else this.switches.delete(name);
    return 0;
  }

  override getOption(level: number, name: number, into: DataView): number {
    if (level !== SOL_NETLINK) return super.getOption(level, name, into);
    return SWITCHES.has(name) ? putInt(into, this.switches.has(name) ? 1 : 0) : -ENOPROTOOPT;
  }

  protected override release(): void {
    this.received.length = 0;
    this.table.netlinkPorts.delete(this.portId);
    this.become(CLOSED);
    this.table.remove(this);
  }

  private setMembership(name: number, group: number): number {
    if (group < 1) return -EINVAL;
    if (group > GROUPS) return 0;
    const bit = (1 << (group - 1)) >>> 0;
    this.groups = (name === NETLINK_ADD_MEMBERSHIP ? this.groups | bit : this.groups & ~bit) >>> 0;
    return 0;
  }

  /** The process id is the address of its first socket; those after it get high numbers. */
  private bindFreely(): void {
    let candidate = this.processId;
    for (let next = -4097; candidate <= 0 || this.isTaken(candidate); next--) candidate = next >>> 0;
    this.take(candidate);
  }

  private take(portId: number): void {
    this.portId = portId;
    this.table.netlinkPorts.add(portId);
  }

  private isTaken(portId: number): boolean {
    return this.table.netlinkPorts.has(portId);
  }

  /** Several requests may come in one datagram; what is not a whole message ends it. */
  private takeRequests(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const header = readHeader(bytes, at, bytes.length);
      if (header === null) return;
      this.answer(bytes, at, header);
      at += align4(header.length);
    }
  }

  private answer(bytes: Uint8Array, at: number, header: NetlinkHeader): void {
    const { flags, type } = header;
    let result: Uint8Array[] | number = [];
    const isRequest = (flags & NLM_F_REQUEST) !== 0 && type > NLMSG_NOOP_MAXIMUM;
    // A request without even a family says nothing, and nothing is done.
    const isEmpty = header.length <= NLMSG_HEADER_BYTES;
    const isDump = isRequest && !isEmpty && (flags & NLM_F_DUMP) !== 0;
    if (isDump && this.dumpParts > 0) result = -EBUSY;
    else if (isRequest) result = answerRoute(this.table.net, bytes, at, header, this.portId);
    if (typeof result !== "number") {
      if (isDump) {
        this.enqueueDump(result, header);
        return;
      }
      for (const message of result) this.enqueue(message, false);
      if ((flags & NLM_F_ACK) === 0) return;
    }
    this.acknowledge(bytes, at, header, typeof result === "number" ? result : 0);
  }

  /** NLMSG_ERROR, with 0 as an acknowledgment: quotes the request's header, and where it failed all of it. */
  private acknowledge(bytes: Uint8Array, at: number, header: NetlinkHeader, error: number): void {
    const isWhole = error !== 0 && !this.switches.has(NETLINK_CAP_ACK);
    const quoted = bytes.subarray(at, at + (isWhole ? header.length : NLMSG_HEADER_BYTES));
    const flags = isWhole ? 0 : NLM_F_CAPPED;
    const message = new MessageBuilder(NLMSG_ERROR, flags, header.sequence, this.portId).uint32(error).raw(quoted);
    this.enqueue(message.align().finish(), false);
  }

  private enqueueDump(messages: readonly Uint8Array[], header: NetlinkHeader): void {
    const done = new MessageBuilder(NLMSG_DONE, NLM_F_MULTI, header.sequence, this.portId).uint32(0).finish();
    let part: Uint8Array[] = [];
    let length = 0;
    const flush = (): void => {
      if (length > 0) this.enqueue(joined(part, length), true);
      part = [];
      length = 0;
    };
    for (const message of [...messages, done]) {
      if (length + message.length > PART_BYTES || message === done) flush();
      part.push(message);
      length += message.length;
    }
    flush();
  }

  private enqueue(bytes: Uint8Array, isDump: boolean): void {
    if (this.queuedBytes + bytes.length + OVERHEAD_BYTES > this.options.receiveBufferBytes) {
      this.error = ENOBUFS;
      this.notify(POLLERR | POLLIN);
      return;
    }
    this.received.push({ bytes, isDump });
    this.queuedBytes += bytes.length + OVERHEAD_BYTES;
    if (isDump) this.dumpParts++;
    this.notify(POLLIN | POLLRDNORM);
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
