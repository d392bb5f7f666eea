/** UDP sockets (udp(7)), connected and not. An ICMP port unreachable reaches a connected one as ECONNREFUSED. */
import { EDESTADDRREQ, EINVAL, EMSGSIZE, ENOPROTOOPT } from "../../abi/errno.ts";
import { AF_INET, IPPROTO_UDP, MSG_MORE, SOCK_DGRAM } from "../../abi/socket.ts";
import { MAXIMUM_DATAGRAM_BYTES, type UdpEndpoint } from "../net/udp/endpoint.ts";
import { DatagramSocket } from "./datagram-socket.ts";
import type { MessageInfo } from "./kernel-socket.ts";
import { SocketAddress } from "./socket-address.ts";
import type { SocketTable } from "./socket-table.ts";

/** The caller's address object serves the next call too. */
function copyOf(to: SocketAddress | null): SocketAddress | null {
  return to === null ? null : Object.assign(new SocketAddress(), to);
}

export class UdpSocket extends DatagramSocket<UdpEndpoint> {
  /** A datagram that is being put together. */
  private put: { bytes: Uint8Array; to: SocketAddress | null } | null = null;

  constructor(table: SocketTable, domain: number = AF_INET) {
    super(table, IPPROTO_UDP, table.net.udp.open(), SOCK_DGRAM, domain);
  }

  /**
   * With MSG_MORE (udp(7)) bytes are put aside, and what comes next is added; all of it leaves as one datagram, to where the first
   * piece was to go, with the first piece that does not say it again.
   */
  override sendMessage(
    buffer: Uint8Array,
    offset: number,
    length: number,
    flags: number,
    to: SocketAddress | null,
    info: MessageInfo | null,
  ): number {
    const isMore = (flags & MSG_MORE) !== 0;
    if (this.put === null && !isMore) return super.sendMessage(buffer, offset, length, flags, to, info);
    const destination = this.put?.to ?? copyOf(to);
    const before = this.put?.bytes ?? new Uint8Array(0);
    this.put = null;
    const bytes = new Uint8Array(Math.min(before.length + length, MAXIMUM_DATAGRAM_BYTES + 1));
    bytes.set(before);
    bytes.set(buffer.subarray(offset, offset + bytes.length - before.length), before.length);
    if (bytes.length > MAXIMUM_DATAGRAM_BYTES) return -EMSGSIZE;
    if (isMore) {
      if (destination === null && this.state.kind !== "Connected") return -EDESTADDRREQ;
      this.put = { bytes, to: destination };
      return length;
    }
    const result = super.sendMessage(bytes, 0, bytes.length, flags, destination, info);
    return result < 0 ? result : length;
  }

  override hasLevel(level: number): boolean {
    return level === IPPROTO_UDP || super.hasLevel(level);
  }

  /** There are no options of UDP's own level yet. */
  override setOption(level: number, name: number, bytes: Uint8Array, at: number, length: number): number {
    if (level === IPPROTO_UDP) return length < 4 ? -EINVAL : -ENOPROTOOPT;
    return super.setOption(level, name, bytes, at, length);
  }

  override getOption(level: number, name: number, into: DataView): number {
    return level === IPPROTO_UDP ? -ENOPROTOOPT : super.getOption(level, name, into);
  }

  override applyOptions(): void {
    super.applyOptions();
    this.endpoint.setReuse(this.options);
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
