/** UDP sockets (udp(7)), connected and not. An ICMP port unreachable reaches a connected one as ECONNREFUSED. */
import { EINVAL } from "../../abi/errno.ts";
import { IPPROTO_UDP } from "../../abi/socket.ts";
import type { UdpEndpoint } from "../net/udp/endpoint.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import type { SocketAddress } from "./socket-address.ts";
import type { SocketTable } from "./socket-table.ts";

export class UdpSocket extends DatagramSocket<UdpEndpoint> {
  constructor(table: SocketTable) {
    super(table, IPPROTO_UDP, table.net.udp.open());
  }

  override applyOptions(): void {
    super.applyOptions();
    this.endpoint.reusePort = this.options.reusePort;
  }

  protected override openEndpoint(): UdpEndpoint {
    return this.table.net.udp.open();
  }

  protected override bindEndpoint(address: number, port: number): number {
    const { reuseAddress, reusePort } = this.options;
    const reservation = this.table.net.udp.ports.reserve(address, port, { reuseAddress, reusePort });
    return typeof reservation === "number" ? reservation : this.endpoint.bind(reservation);
  }

  protected override connectEndpoint(address: number, port: number): number {
    return this.endpoint.connect(address, port);
  }

  protected override checkDestination(to: SocketAddress): number {
    return to.port === 0 ? -EINVAL : 0;
  }

  protected override sendOver(
    buffer: Uint8Array,
    offset: number,
    length: number,
    address: number,
    port: number,
  ): number {
    return this.endpoint.sendTo(buffer, offset, length, address, port);
  }
}
