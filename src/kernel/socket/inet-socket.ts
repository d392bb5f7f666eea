/**
 * What all sockets of AF_INET and AF_INET6 share: names of both ends, the check of an address to bind to, options of level IPPROTO_IP.
 *
 * Those of AF_INET6 are as on a machine whose interfaces have no IPv6 addresses (net.ipv6.conf.all.disable_ipv6): they carry IPv4, under
 * mapped addresses, and the wildcard is both families'. With IPV6_V6ONLY nothing can reach them, and their ports are their own.
 */
import { EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH, ENOTCONN } from "../../abi/errno.ts";
import { AF_INET, AF_INET6, AF_UNSPEC, IPPROTO_IP, IPPROTO_IPV6, SOCKADDR_IN_BYTES } from "../../abi/socket.ts";
import { isMulticastAddress } from "../net/ip/addresses.ts";
import { IPV6_ONLY_ADDRESS } from "../net/ports.ts";
import { DEFAULT_IP_OPTIONS, getIpOption, type IpOptions, setIpOption } from "./ip-options.ts";
import { getIpv6Option, setIpv6Option } from "./ipv6-options.ts";
import { KernelSocket } from "./kernel-socket.ts";
import type { SocketAddress } from "./socket-address.ts";
import type { SocketOptions } from "./socket-options.ts";
import type { SocketTable } from "./socket-table.ts";

export abstract class InetSocket extends KernelSocket {
  ipOptions: Readonly<IpOptions>;
  /** IPV6_V6ONLY */
  isIpv6Only = false;

  constructor(
    table: SocketTable,
    socketType: number,
    protocol: number,
    options: Readonly<SocketOptions>,
    ipOptions: Readonly<IpOptions> = DEFAULT_IP_OPTIONS,
    domain: number = AF_INET,
  ) {
    super(table, domain, socketType, protocol, options);
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

  /** The socket has a local port. */
  get hasPort(): boolean {
    return this.state.kind !== "Unbound";
  }

  /** The path's MTU while connected; 0 otherwise. */
  pathMtu(): number {
    if (this.state.kind !== "Connected") return 0;
    const { localAddress, remoteAddress } = this.state;
    return this.table.net.route(remoteAddress.address, localAddress.address)?.mtu ?? 0;
  }

  override hasLevel(level: number): boolean {
    return level === IPPROTO_IP || (level === IPPROTO_IPV6 && this.domain === AF_INET6) || super.hasLevel(level);
  }

  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (level === IPPROTO_IP) return setIpOption(this, name, bytes, at, length);
    if (level === IPPROTO_IPV6 && this.domain === AF_INET6) return setIpv6Option(this, name, bytes, at, length);
    return super.setOption(level, name, bytes, at, length);
  }

  override getOption(level: number, name: number, into: DataView): number {
    if (level === IPPROTO_IP) return getIpOption(this, name, into);
    if (level === IPPROTO_IPV6 && this.domain === AF_INET6) return getIpv6Option(this, name, into);
    return super.getOption(level, name, into);
  }

  /** bind(2): 0 when the socket may be bound to this address, else -EINVAL, -EAFNOSUPPORT or -EADDRNOTAVAIL. */
  protected checkBindAddress(address: SocketAddress): number {
    if (address.byteLength < SOCKADDR_IN_BYTES) return -EINVAL;
    if (this.domain === AF_INET6 && address.family === AF_INET6) {
      if (address.ipv6Kind !== "wildcard") return address.ipv6Kind === "mapped" ? -EINVAL : -EADDRNOTAVAIL;
      address.address = IPV6_ONLY_ADDRESS;
      return 0;
    }
    // As Linux for old programs' sake: no family stands for AF_INET where the address is the wildcard.
    const isInet = address.family === AF_INET || (address.family === AF_UNSPEC && address.address === 0);
    if (!isInet) return -EAFNOSUPPORT;
    if (address.address === 0 || this.ipOptions.freeBind) return 0;
    if (this.table.net.isLocalAddress(address.address) || this.isMulticastOrBroadcast(address.address)) return 0;
    return -EADDRNOTAVAIL;
  }

  /** What connect(2) and sendto(2) say of an address that is not of AF_INET. */
  protected refuseFamily(address: SocketAddress): number {
    return this.domain === AF_INET6 && address.family === AF_INET6 ? -ENETUNREACH : -EAFNOSUPPORT;
  }

  protected isMulticastOrBroadcast(address: number): boolean {
    if (isMulticastAddress(address)) return true;
    return this.table.net.interfaces.some((netInterface) => netInterface.isBroadcast(address));
  }
}
