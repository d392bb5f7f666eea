/** What all AF_INET sockets share: names of both ends, the check of an address to bind to, options of level IPPROTO_IP. */
import { EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENOTCONN } from "../../abi/errno.ts";
import { AF_INET, AF_UNSPEC, IPPROTO_IP, SOCKADDR_IN_BYTES } from "../../abi/socket.ts";
import { isMulticastAddress } from "../net/ip/addresses.ts";
import { DEFAULT_IP_OPTIONS, getIpOption, type IpOptions, setIpOption } from "./ip-options.ts";
import { KernelSocket } from "./kernel-socket.ts";
import type { SocketAddress } from "./socket-address.ts";
import type { SocketOptions } from "./socket-options.ts";
import type { SocketTable } from "./socket-table.ts";

export abstract class InetSocket extends KernelSocket {
  ipOptions: Readonly<IpOptions>;

  constructor(
    table: SocketTable,
    socketType: number,
    protocol: number,
    options: Readonly<SocketOptions>,
    ipOptions: Readonly<IpOptions> = DEFAULT_IP_OPTIONS,
  ) {
    super(table, AF_INET, socketType, protocol, options);
    this.ipOptions = ipOptions;
  }

  ownIpOptions(): IpOptions {
    this.ownOptions();
    return this.ipOptions as IpOptions;
  }

  protected override copyOptions(): void {
    super.copyOptions();
    this.ipOptions = (this.ipOptions as IpOptions).clone();
  }

  override localName(into: SocketAddress): number {
    const { state } = this;
    if (state.kind === "Bound" || state.kind === "Listening" || state.kind === "Connected") {
      into.setInet(state.localAddress.address, state.localAddress.port);
    } else into.setInet(0, 0);
    return 0;
  }

  override peerName(into: SocketAddress): number {
    // A datagram socket may be connected to port 0: that is nobody.
    if (this.state.kind !== "Connected" || this.state.remoteAddress.port === 0) return -ENOTCONN;
    const { remoteAddress } = this.state;
    into.setInet(remoteAddress.address, remoteAddress.port);
    return 0;
  }

  /** The path's MTU while connected; 0 otherwise. */
  pathMtu(): number {
    if (this.state.kind !== "Connected") return 0;
    const { localAddress, remoteAddress } = this.state;
    return this.table.net.route(remoteAddress.address, localAddress.address)?.mtu ?? 0;
  }

  override hasLevel(level: number): boolean {
    return level === IPPROTO_IP || super.hasLevel(level);
  }

  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (level === IPPROTO_IP) return setIpOption(this, name, bytes, at, length);
    return super.setOption(level, name, bytes, at, length);
  }

  override getOption(level: number, name: number, into: DataView): number {
    if (level === IPPROTO_IP) return getIpOption(this, name, into);
    return super.getOption(level, name, into);
  }

  /** bind(2): 0 when the socket may be bound to this address, else -EINVAL, -EAFNOSUPPORT or -EADDRNOTAVAIL. */
  protected checkBindAddress(address: SocketAddress): number {
    if (address.byteLength < SOCKADDR_IN_BYTES) return -EINVAL;
    // As Linux for old programs' sake: no family stands for AF_INET where the address is the wildcard.
    const isInet = address.family === AF_INET || (address.family === AF_UNSPEC && address.address === 0);
    if (!isInet) return -EAFNOSUPPORT;
    if (address.address === 0 || this.ipOptions.freeBind) return 0;
    if (this.table.net.isLocalAddress(address.address) || this.isMulticastOrBroadcast(address.address)) return 0;
    return -EADDRNOTAVAIL;
  }

  protected isMulticastOrBroadcast(address: number): boolean {
    if (isMulticastAddress(address)) return true;
    return this.table.net.interfaces.some((netInterface) => netInterface.isBroadcast(address));
  }
}
