/**
 * Datagrams of AF_INET over an endpoint of the stack: what UDP sockets, ping sockets and raw ones share. Sending never waits: the datagram
 * leaves or is lost, as datagrams may be.
 */
import { EAGAIN, EINVAL, ENOTCONN, EOPNOTSUPP } from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/file.ts";
import {
  AF_INET,
  AF_UNSPEC,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_RD,
  SHUT_WR,
  SOCK_DGRAM,
  SOCKADDR_IN_BYTES,
} from "../../abi/socket.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import type { DatagramEndpoint } from "../net/datagram.ts";
import { InetSocket } from "./inet-socket.ts";
import { DEFAULT_IP_OPTIONS, IP_PMTUDISC_DO, IP_PMTUDISC_PROBE } from "./ip-options.ts";
import type { MessageInfo } from "./kernel-socket.ts";
import type { SocketAddress } from "./socket-address.ts";
import { SocketOptions } from "./socket-options.ts";
import { CLOSED, UNBOUND } from "./socket-state.ts";
import type { SocketTable } from "./socket-table.ts";

/** net.core.wmem_default and rmem_default. */
const DEFAULT_OPTIONS: Readonly<SocketOptions> = new SocketOptions(212_992, 212_992);

/** What each endpoint of the stack can do besides. */
type ClosableEndpoint = DatagramEndpoint & { disconnect(keepsPort: boolean): void; close(): void };

export abstract class DatagramSocket<Endpoint extends ClosableEndpoint> extends InetSocket {
  readonly endpoint: Endpoint;
  /** bind(2) was given the port, not only an address: it stays when the association is dissolved. */
  private hasChosenPort = false;
  private readonly entry: WaitEntry;

  constructor(
    table: SocketTable,
    protocol: number,
    endpoint: Endpoint,
    socketType: number = SOCK_DGRAM,
    domain: number = AF_INET,
  ) {
    super(table, socketType, protocol, DEFAULT_OPTIONS, DEFAULT_IP_OPTIONS, domain);
    this.endpoint = endpoint;
    this.entry = new WaitEntry(this);
    endpoint.events.add(this.entry);
  }

  /** Binds the endpoint; port 0 asks for a free one. 0 or -errno. */
  protected abstract bindEndpoint(address: number, port: number): number;
  protected abstract connectEndpoint(address: number, port: number): number;
  protected abstract sendOver(
    buffer: Uint8Array,
    offset: number,
    length: number,
    address: number,
    port: number,
  ): number;
  /** A destination that this protocol cannot send to: -EINVAL for UDP's port 0. */
  protected abstract checkDestination(to: SocketAddress): number;

  override bind(address: SocketAddress): number {
    const bad = this.checkBindAddress(address);
    if (bad !== 0) return bad;
    if (this.state.kind !== "Unbound") return -EINVAL;
    const result = this.bindEndpoint(address.address, address.port);
    if (result < 0) return result;
    this.hasChosenPort = address.port !== 0;
    this.showBound();
    return 0;
  }

  override connect(address: SocketAddress): number {
    if (address.byteLength < 2) return -EINVAL;
    if (address.family === AF_UNSPEC) return this.dissolve();
    if (address.byteLength < SOCKADDR_IN_BYTES) return -EINVAL;
    if (address.family !== AF_INET) return this.refuseFamily(address);
    const result = this.connectEndpoint(address.address, address.port);
    if (result < 0) return result;
    const { localAddress, localPort, remoteAddress, remotePort } = this.endpoint;
    this.become({
      kind: "Connected",
      localAddress: { address: localAddress, port: localPort },
      remoteAddress: { address: remoteAddress, port: remotePort },
    });
    return 0;
  }

  override sendMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    to: SocketAddress | null,
    _info: MessageInfo | null,
  ): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    let address = 0;
    let port = 0;
    if (to !== null) {
      if (to.byteLength < SOCKADDR_IN_BYTES) return -EINVAL;
      if (to.family !== AF_INET && to.family !== AF_UNSPEC) return this.refuseFamily(to);
      const bad = this.checkDestination(to);
      if (bad !== 0) return bad;
      address = to.address;
      port = to.port;
    }
    const result = this.sendOver(buffer, offset, length, address, port);
    if (this.state.kind === "Unbound" && this.endpoint.localPort !== 0) this.showBound();
    return result;
  }

  override receiveMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    info: MessageInfo | null,
  ): number {
    // No error queue is kept: IP_RECVERR's errors come as SO_ERROR.
    if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
    const { endpoint } = this;
    const waiting = endpoint.queuedDatagrams > 0;
    const copied = endpoint.receive(buffer, offset, length, (flags & MSG_PEEK) !== 0);
    if (copied < 0) return copied;
    if (!waiting) {
      // After SHUT_RD nobody waits; who would not have waited anyway is told that nothing is there.
      return (flags & MSG_DONTWAIT) !== 0 || (this.flags & O_NONBLOCK) !== 0 ? -EAGAIN : 0;
    }
    const trueLength = endpoint.lastLength;
    if (info !== null) {
      info.trueLength = trueLength;
      info.source.setInet(endpoint.lastAddress, endpoint.lastPort);
      info.destination = endpoint.lastDestination;
      info.timeToLive = endpoint.lastTimeToLive;
      if (trueLength > copied) info.flags |= MSG_TRUNC;
    }
    return (flags & MSG_TRUNC) !== 0 ? trueLength : copied;
  }

  override shutdown(how: number): number {
    if (how !== SHUT_WR) {
      this.isReadShutdown = true;
      this.endpoint.shutdownRead();
    }
    if (how !== SHUT_RD) {
      this.isWriteShutdown = true;
      this.endpoint.shutdownWrite();
    }
    // Linux wakes whoever waits even where it then says ENOTCONN.
    return this.endpoint.isConnected ? 0 : -ENOTCONN;
  }

  override readiness(): number {
    return this.endpoint.readiness();
  }

  override takeError(): number {
    return this.endpoint.takeError();
  }

  override restoreError(errno: number): void {
    this.endpoint.error = errno;
  }

  override get readableBytes(): number {
    return this.endpoint.nextLength;
  }

  override applyOptions(): void {
    const { endpoint, options, ipOptions } = this;
    endpoint.broadcast = options.broadcast;
    endpoint.receiveBufferBytes = options.receiveBufferBytes;
    endpoint.timeToLive = ipOptions.timeToLive;
    endpoint.typeOfService = ipOptions.typeOfService;
    endpoint.dontFragment = ipOptions.mtuDiscovery === IP_PMTUDISC_DO || ipOptions.mtuDiscovery === IP_PMTUDISC_PROBE;
    endpoint.receiveErrors = ipOptions.receivesErrors;
  }

  /** connect(2) with AF_UNSPEC, also where there is no peer: what bind() was given stays, what was chosen for the socket goes. */
  private dissolve(): number {
    this.endpoint.disconnect(this.hasChosenPort);
    this.showBound();
    return 0;
  }

  override localName(into: SocketAddress): number {
    into.setInet(this.endpoint.localAddress, this.endpoint.localPort);
    return 0;
  }

  protected showBound(): void {
    const { localAddress, localPort } = this.endpoint;
    this.become(
      localPort === 0 ? UNBOUND : { kind: "Bound", localAddress: { address: localAddress, port: localPort } },
    );
  }

  protected override release(): void {
    this.entry.queue?.remove(this.entry);
    this.endpoint.close();
    this.become(CLOSED);
    this.table.remove(this);
  }
}
