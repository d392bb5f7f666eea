/**
 * A ping endpoint, as Linux's ping sockets (SOCK_DGRAM with IPPROTO_ICMP): sends echo requests under an identifier of its own
 * and receives the replies to them. Its "port" is the identifier.
 */
import { EACCES, EADDRINUSE, EDESTADDRREQ, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS, EPIPE } from "../../../abi/errno.ts";
import { finishSum } from "../../../base/checksum.ts";
import { DatagramEndpoint } from "../datagram.ts";
import { errnoForIcmp, isHardIcmpError } from "../errors.ts";
import { LOOPBACK_ADDRESS } from "../ip/addresses.ts";
import { PAYLOAD_OFFSET } from "../ip/ipv4.ts";
import { type IcmpErrorKind, PROTOCOL_ICMP } from "../protocols.ts";
import { readUint32, writeUint16 } from "../wire/bytes.ts";
import { ICMP_ECHO_REQUEST, ICMP_HEADER_BYTES } from "../wire/icmp.ts";
import { IPV4_HEADER_BYTES, IPV4_MAXIMUM_BYTES } from "../wire/ipv4.ts";

export class IcmpEndpoint extends DatagramEndpoint {
  /** Takes an identifier (0: any); 0, -EADDRINUSE when taken, -EINVAL when bound already. */
  bindTo(address: number, identifier: number): number {
    if (this.localPort !== 0) return -EINVAL;
    const bound = this.stack.icmp.bindIdentifier(this, identifier);
    if (bound === 0) return -EADDRINUSE;
    this.localPort = bound;
    this.localAddress = address;
    return 0;
  }

  /** Fixes the peer; only its replies are received from then on. */
  connect(address: number): number {
    const remote = address === 0 ? LOOPBACK_ADDRESS : address;
    if (this.stack.route(remote, this.localAddress) === null) return -ENETUNREACH;
    if (this.localPort === 0) {
      const bound = this.bindTo(this.localAddress, 0);
      if (bound < 0) return bound;
    }
    this.remoteAddress = remote;
    this.isConnected = true;
    return 0;
  }

  /** Gives the identifier back too, unless it is to be kept. */
  disconnect(keepsPort = true): void {
    this.remoteAddress = 0;
    this.isConnected = false;
    if (keepsPort) return;
    this.stack.icmp.releaseIdentifier(this);
    this.localPort = 0;
  }

  /**
   * Sends an ICMP message of `length` bytes, header included: an echo request, whose identifier and checksum are filled in.
   * Returns the bytes or -EINVAL for anything but an echo request, -EMSGSIZE, -EDESTADDRREQ, -EACCES, -ENETUNREACH, -ENOBUFS, -EPIPE.
   */
  sendTo(buffer: Uint8Array, offset: number, length: number, address: number): number {
    let destination = address || this.remoteAddress;
    if (address === 0 && !this.isConnected) destination = LOOPBACK_ADDRESS;
    if (destination === 0) return -EDESTADDRREQ;
    if (length > IPV4_MAXIMUM_BYTES - IPV4_HEADER_BYTES) return -EMSGSIZE;
    if (length < ICMP_HEADER_BYTES || buffer[offset] !== ICMP_ECHO_REQUEST || buffer[offset + 1] !== 0) return -EINVAL;
    const route = this.routeTo(destination, 0, "udp");
    if (route === null) return -ENETUNREACH;
    if (!this.broadcast && route.netInterface.isBroadcast(destination)) return -EACCES;
    if (this.localPort === 0) {
      const bound = this.bindTo(this.localAddress, 0);
      if (bound < 0) return bound;
    }
    if (this.error !== 0) return -this.takeError();
    if (this.isWriteShut) return -EPIPE;
    const { arena, counters, ipv4 } = this.stack;
    const frame = arena.allocateFrame(PAYLOAD_OFFSET + length);
    if (frame === 0) return -ENOBUFS;
    const at = frame + PAYLOAD_OFFSET;
    arena.copyIn(at, buffer, offset, length);
    writeUint16(arena.bytes, at + 2, 0);
    writeUint16(arena.bytes, at + 4, this.localPort);
    arena.halves[(at + 2) >> 1] = finishSum(arena.sum(at, length));
    counters.IcmpOutMsgs++;
    counters.IcmpOutEchos++;
    const { netInterface, nextHop, source } = route;
    const sent = ipv4.output(frame, length, netInterface, nextHop, source, destination, PROTOCOL_ICMP, this);
    return sent < 0 ? sent : length;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.clearQueue();
    this.stack.icmp.releaseIdentifier(this);
  }

  /** A reply to this identifier. Owns the frame. */
  deliver(frame: number, ip: number, transport: number, length: number, source: number, destination: number): void {
    const isOther = this.isConnected && source !== this.remoteAddress;
    if (isOther || (this.localAddress !== 0 && this.localAddress !== destination)) {
      this.stack.arena.freeFrame(frame);
      return;
    }
    this.enqueue(frame, ip, transport, length);
  }

  icmpError(kind: IcmpErrorKind, destination: number): void {
    if (!this.receiveErrors && !(this.isConnected && destination === this.remoteAddress && isHardIcmpError(kind)))
      return;
    this.raise(errnoForIcmp(kind));
  }

  protected readSource(ip: number): void {
    const { bytes } = this.stack.arena;
    this.lastTimeToLive = bytes[ip + 8] as number;
    this.lastAddress = readUint32(bytes, ip + 12);
    this.lastDestination = readUint32(bytes, ip + 16);
    this.lastPort = 0;
  }
}
