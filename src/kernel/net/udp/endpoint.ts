/** One UDP endpoint (RFC 768; udp(7)): bound, connected or neither; datagrams out at once, datagrams in through a bounded queue. */
import {
  EACCES,
  EADDRNOTAVAIL,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOBUFS,
  EPIPE,
} from "../../../abi/errno.ts";
import { finishSum, pseudoHeaderSum } from "../../../base/checksum.ts";
import { DatagramEndpoint } from "../datagram.ts";
import { errnoForIcmp, isHardIcmpError } from "../errors.ts";
import { LOOPBACK_ADDRESS, swapHalf } from "../ip/addresses.ts";
import { PAYLOAD_OFFSET } from "../ip/ipv4.ts";
import type { PortReservation, ReuseFlags } from "../ports.ts";
import { type IcmpErrorKind, PROTOCOL_UDP } from "../protocols.ts";
import { readUint16, readUint32 } from "../wire/bytes.ts";
import { IPV4_HEADER_BYTES, IPV4_MAXIMUM_BYTES } from "../wire/ipv4.ts";
import { UDP_HEADER_BYTES } from "../wire/udp.ts";

/** Largest datagram: 65,507 bytes. */
export const MAXIMUM_DATAGRAM_BYTES: number = IPV4_MAXIMUM_BYTES - IPV4_HEADER_BYTES - UDP_HEADER_BYTES;

/** More than this is refused before anything else is looked at. */
const LONGEST_ASKED_BYTES = 0xffff;

export class UdpEndpoint extends DatagramEndpoint {
  /** Next in the chain of the table it stands in. */
  next: UdpEndpoint | null = null;
  /** SO_REUSEPORT: shares its port's datagrams with other such endpoints, by sender. */
  reusePort = false;
  /** Bound to an address that is not ours ("any IP"): sends from it all the same. */
  isForeign = false;
  /** Sends to 127.0.0.0/8 through the gateway; set by `connect` and `sendTo` under NetStack.loopbackForward. */
  usesForwarding = false;
  private reservation: PortReservation | null = null;
  private boundAddress = 0;

  /** Takes the address and port that were reserved in `udp.ports`; 0 or -EINVAL when bound already. */
  bind(reservation: PortReservation): number {
    if (this.localPort !== 0 || this.isClosed) return -EINVAL;
    this.reservation = reservation;
    this.boundAddress = reservation.address;
    this.localAddress = reservation.address;
    this.localPort = reservation.port;
    this.reusePort ||= reservation.reusePort;
    this.stack.udp.insert(this);
    return 0;
  }

  /** For a stack that takes every address: binds to one that need not be ours, without a reservation. */
  bindForeign(address: number, port: number): number {
    if (this.localPort !== 0 || this.isClosed || port === 0) return -EINVAL;
    this.isForeign = true;
    this.boundAddress = address;
    this.localAddress = address;
    this.localPort = port;
    this.stack.udp.insert(this);
    return 0;
  }

  /** Fixes the peer: only its datagrams are received, and errors about ours are reported. 0, -ENETUNREACH, -EADDRINUSE, -EACCES. */
  connect(address: number, port: number): number {
    const remote = address === 0 ? LOOPBACK_ADDRESS : address;
    const route = this.stack.route(remote, this.boundAddress, port, "udp");
    if (route === null) return -ENETUNREACH;
    if (!this.broadcast && route.netInterface.isBroadcast(remote)) return -EACCES;
    const bound = this.bindEphemeral();
    if (bound < 0) return bound;
    // Out of the table under the old ends, in again under the new ones.
    this.stack.udp.remove(this);
    this.localAddress = this.boundAddress || route.source;
    this.usesForwarding = remote >>> 24 === 127 && !route.netInterface.isLoopback;
    this.remoteAddress = remote;
    this.remotePort = port;
    this.isConnected = true;
    this.stack.udp.insert(this);
    return 0;
  }

  /** SO_REUSEADDR and SO_REUSEPORT, also after `bind`: later conflict checks see them. */
  setReuse(flags: ReuseFlags): void {
    this.reusePort = flags.reusePort;
    this.reservation?.setFlags(flags);
  }

  /** Undoes `connect` (connect(2) with AF_UNSPEC), and gives the port back unless it is to be kept. What was received stays. */
  disconnect(keepsPort = true): void {
    if (this.localPort === 0 || (keepsPort && !this.isConnected)) return;
    this.stack.udp.remove(this);
    this.isConnected = false;
    this.usesForwarding = false;
    this.remoteAddress = 0;
    this.remotePort = 0;
    this.localAddress = this.boundAddress;
    if (keepsPort) {
      this.stack.udp.insert(this);
      return;
    }
    this.reservation?.release();
    this.reservation = null;
    this.localPort = 0;
  }

  /**
   * Sends one datagram; to the connected peer when `port` is 0. Returns `length` or -EDESTADDRREQ, -EMSGSIZE, -ENETUNREACH,
   * -EACCES (broadcast without the option), -ENOBUFS, -EADDRINUSE (no port left), -EPIPE after shutdownWrite(), or the pending error.
   */
  sendTo(buffer: Uint8Array, offset: number, length: number, address: number, port: number): number {
    if (length > LONGEST_ASKED_BYTES) return -EMSGSIZE;
    let destination = address;
    let destinationPort = port;
    if (port === 0) {
      if (!this.isConnected) return address === 0 ? -EDESTADDRREQ : -EINVAL;
      destination = this.remoteAddress;
      destinationPort = this.remotePort;
    } else if (address === 0) destination = LOOPBACK_ADDRESS;
    const route = this.routeTo(destination, destinationPort, "udp");
    if (route === null) return -ENETUNREACH;
    const { netInterface } = route;
    if (!this.broadcast && netInterface.isBroadcast(destination)) return -EACCES;
    if (length > MAXIMUM_DATAGRAM_BYTES) return -EMSGSIZE;
    // As on Linux, only a datagram that could go meets what stands in its way.
    if (this.error !== 0) return -this.takeError();
    if (this.isWriteShut) return -EPIPE;
    if (this.localPort === 0) {
      const bound = this.bindEphemeral();
      if (bound < 0) return bound;
    }
    if (!netInterface.isLoopback && destination >>> 24 === 127) this.usesForwarding = true;
    const { arena, counters, ipv4 } = this.stack;
    const frame = arena.allocateFrame(PAYLOAD_OFFSET + UDP_HEADER_BYTES + length);
    if (frame === 0) {
      counters.UdpSndbufErrors++;
      return -ENOBUFS;
    }
    const at = frame + PAYLOAD_OFFSET;
    const { words, halves } = arena;
    const udpLength = UDP_HEADER_BYTES + length;
    words[at >> 2] = swapHalf(this.localPort) | (swapHalf(destinationPort) << 16);
    words[(at + 4) >> 2] = swapHalf(udpLength);
    arena.copyIn(at + UDP_HEADER_BYTES, buffer, offset, length);
    const pseudo = pseudoHeaderSum(route.source, destination, PROTOCOL_UDP, udpLength);
    // RFC 768: a checksum that comes out as zero is sent as all ones; zero says that there is none.
    halves[(at + 6) >> 1] = finishSum(arena.sum(at, udpLength, pseudo)) || 0xffff;
    counters.UdpOutDatagrams++;
    const { nextHop, source } = route;
    const sent = ipv4.output(frame, udpLength, netInterface, nextHop, source, destination, PROTOCOL_UDP, this);
    return sent < 0 ? sent : length;
  }

  /** Gives port and queue back. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.stack.udp.remove(this);
    this.clearQueue();
    this.reservation?.release();
    this.reservation = null;
  }

  /** A datagram for this endpoint, its checksum verified. Owns the frame. */
  deliver(frame: number, ip: number, payload: number, payloadLength: number): void {
    const { counters } = this.stack;
    if (this.enqueue(frame, ip, payload, payloadLength)) counters.UdpInDatagrams++;
    else {
      counters.UdpRcvbufErrors++;
      counters.UdpInErrors++;
    }
  }

  icmpError(kind: IcmpErrorKind): void {
    if (!this.receiveErrors && !(this.isConnected && isHardIcmpError(kind))) return;
    this.raise(errnoForIcmp(kind));
  }

  protected readSource(ip: number, payload: number): void {
    const { bytes } = this.stack.arena;
    this.lastAddress = readUint32(bytes, ip + 12);
    this.lastDestination = readUint32(bytes, ip + 16);
    this.lastTimeToLive = bytes[ip + 8] as number;
    this.lastPort = readUint16(bytes, payload - UDP_HEADER_BYTES);
  }

  private bindEphemeral(): number {
    if (this.localPort !== 0) return 0;
    if (this.isClosed) return -EADDRNOTAVAIL;
    const reserved = this.stack.udp.ports.reserve(this.localAddress, 0, { reuseAddress: false, reusePort: false });
    return typeof reserved === "number" ? reserved : this.bind(reserved);
  }
}
