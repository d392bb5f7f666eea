/** SOCK_RAW of AF_INET (raw(7)): packets of one protocol as they come, header and all; ping(8) uses one. */
import { EAFNOSUPPORT, EINVAL, ENOPROTOOPT, EOPNOTSUPP } from "../../abi/errno.ts";
import { AF_INET, IPPROTO_ICMP, SOCK_RAW, SOL_RAW } from "../../abi/socket.ts";
import type { RawEndpoint } from "../net/ip/raw.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import type { SocketAddress } from "./socket-address.ts";
import { readInt32 } from "./socket-options.ts";
import type { SocketTable } from "./socket-table.ts";

const ICMP_FILTER = 1;

export class RawSocket extends DatagramSocket<RawEndpoint> {
  constructor(table: SocketTable, protocol: number, endpoint: RawEndpoint) {
    super(table, protocol, endpoint, SOCK_RAW);
  }

  /** Unlike other sockets, one that is bound may be bound anew. */
  override bind(address: SocketAddress): number {
    if (this.state.kind === "Connected") return -EINVAL;
    const bad = this.checkBindAddress(address);
    if (bad !== 0) return bad;
    this.bindEndpoint(address.address);
    this.showBound();
    return 0;
  }

  protected override bindEndpoint(address: number): number {
    return this.endpoint.bindTo(address);
  }

  protected override connectEndpoint(address: number): number {
    return this.endpoint.connect(address);
  }

  protected override checkDestination(to: SocketAddress): number {
    return to.family === AF_INET ? 0 : -EAFNOSUPPORT;
  }

  protected override sendOver(buffer: Uint8Array, offset: number, length: number, address: number): number {
    return this.endpoint.sendTo(buffer, offset, length, address);
  }

  override hasLevel(level: number): boolean {
    return level === SOL_RAW || super.hasLevel(level);
  }

  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (level !== SOL_RAW) return super.setOption(level, name, bytes, at, length);
    if (this.protocol !== IPPROTO_ICMP) return -EOPNOTSUPP;
    if (name !== ICMP_FILTER) return -ENOPROTOOPT;
    if (length < 4) return -EINVAL;
    this.endpoint.icmpFilter = readInt32(bytes, at);
    return 0;
  }

  override getOption(level: number, name: number, into: DataView): number {
    if (level !== SOL_RAW) return super.getOption(level, name, into);
    if (this.protocol !== IPPROTO_ICMP) return -EOPNOTSUPP;
    if (name !== ICMP_FILTER) return -ENOPROTOOPT;
    into.setInt32(0, this.endpoint.icmpFilter, true);
    return 4;
  }
}
