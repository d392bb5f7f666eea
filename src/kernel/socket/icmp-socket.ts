/** Ping sockets (icmp(7), SOCK_DGRAM with IPPROTO_ICMP): echo requests out, their replies in; the port is the identifier. */
import { EAFNOSUPPORT } from "../../abi/errno.ts";
import { AF_INET, IPPROTO_ICMP } from "../../abi/socket.ts";
import type { IcmpEndpoint } from "../net/icmp/endpoint.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import type { SocketAddress } from "./socket-address.ts";
import type { SocketTable } from "./socket-table.ts";

export class IcmpSocket extends DatagramSocket<IcmpEndpoint> {
  constructor(table: SocketTable) {
    super(table, IPPROTO_ICMP, table.net.icmp.open());
  }

  protected override bindEndpoint(address: number, identifier: number): number {
    return this.endpoint.bindTo(address, identifier);
  }

  protected override connectEndpoint(address: number, _port: number): number {
    return this.endpoint.connect(address);
  }

  protected override checkDestination(to: SocketAddress): number {
    return to.family === AF_INET ? 0 : -EAFNOSUPPORT;
  }

  protected override sendOver(
    buffer: Uint8Array,
    offset: number,
    length: number,
    address: number,
    _port: number,
  ): number {
    return this.endpoint.sendTo(buffer, offset, length, address);
  }
}
