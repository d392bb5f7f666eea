/**
 * Raw endpoints, as raw(7): each gets a copy of every IP packet of its protocol that is for this machine, header included, and
 * sends payloads under headers that the stack writes.
 */
import { EACCES, EDESTADDRREQ, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS, EPIPE } from "../../../abi/errno.ts";
import { DatagramEndpoint } from "../datagram.ts";
import { PROTOCOL_ICMP } from "../protocols.ts";
import type { NetStack } from "../stack.ts";
import { readUint32 } from "../wire/bytes.ts";
import { IPV4_HEADER_BYTES, IPV4_MAXIMUM_BYTES } from "../wire/ipv4.ts";
import { LOOPBACK_ADDRESS } from "./addresses.ts";
import { PAYLOAD_OFFSET } from "./ipv4.ts";

const MAXIMUM_ENDPOINTS = 256;

export class RawEndpoint extends DatagramEndpoint {
  readonly protocol: number;
  /** ICMP_FILTER: bit n keeps ICMP messages of type n away. */
  icmpFilter = 0;

  constructor(stack: NetStack, protocol: number) {
    super(stack);
    this.protocol = protocol;
    // What getsockname(2) shows as the port.
    this.localPort = protocol;
  }

  bindTo(address: number): number {
    this.localAddress = address;
    return 0;
  }

  connect(address: number): number {
    const remote = address === 0 ? LOOPBACK_ADDRESS : address;
    const route = this.stack.route(remote, this.localAddress);
    if (route === null) return -ENETUNREACH;
    if (!this.broadcast && route.netInterface.isBroadcast(remote)) return -EACCES;
    if (this.localAddress === 0) this.localAddress = route.source;
    this.remoteAddress = remote;
    this.isConnected = true;
    return 0;
  }

  disconnect(): void {
    this.remoteAddress = 0;
    this.isConnected = false;
  }

  /** Sends `length` bytes as the payload of one packet; the bytes, or -errno. */
  sendTo(buffer: Uint8Array, offset: number, length: number, address: number): number {
    const destination = address || this.remoteAddress;
    if (destination === 0) return this.isConnected || address !== 0 ? -EINVAL : -EDESTADDRREQ;
    if (length > IPV4_MAXIMUM_BYTES - IPV4_HEADER_BYTES) return -EMSGSIZE;
    if (this.error !== 0) return -this.takeError();
    if (this.isWriteShut) return -EPIPE;
    const route = this.routeTo(destination, 0, "udp");
    if (route === null) return -ENETUNREACH;
    if (!this.broadcast && route.netInterface.isBroadcast(destination)) return -EACCES;
    const { arena, ipv4 } = this.stack;
    const frame = arena.allocateFrame(PAYLOAD_OFFSET + length);
    if (frame === 0) return -ENOBUFS;
    arena.copyIn(frame + PAYLOAD_OFFSET, buffer, offset, length);
    const { netInterface, nextHop, source } = route;
    const sent = ipv4.output(frame, length, netInterface, nextHop, source, destination, this.protocol, this);
    return sent < 0 ? sent : length;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.clearQueue();
    this.stack.raw.remove(this);
  }

  /** Takes a copy of the packet at `ip` if it is one for this endpoint. */
  offer(ip: number, headerLength: number, totalLength: number, source: number, destination: number): boolean {
    if (this.localAddress !== 0 && this.localAddress !== destination) return false;
    if (this.isConnected && this.remoteAddress !== source) return false;
    const { arena } = this.stack;
    if (this.protocol === PROTOCOL_ICMP && totalLength > headerLength) {
      const type = arena.bytes[ip + headerLength] as number;
      if (type < 32 && ((this.icmpFilter >>> type) & 1) !== 0) return true;
    }
    const frame = arena.allocateFrame(PAYLOAD_OFFSET + totalLength);
    if (frame === 0) {
      this.drops++;
      return true;
    }
    // Where the IP header stands in every frame, so that its fields can be read as in one that has come.
    const at = frame + PAYLOAD_OFFSET - IPV4_HEADER_BYTES;
    arena.copy(at, ip, totalLength);
    this.enqueue(frame, at, at, totalLength);
    return true;
  }

  protected readSource(ip: number): void {
    const { bytes } = this.stack.arena;
    this.lastTimeToLive = bytes[ip + 8] as number;
    this.lastAddress = readUint32(bytes, ip + 12);
    this.lastDestination = readUint32(bytes, ip + 16);
    this.lastPort = 0;
  }
}

export class RawSockets {
  private readonly stack: NetStack;
  private readonly open = new Set<RawEndpoint>();

  constructor(stack: NetStack) {
    this.stack = stack;
  }

  /** Asked for every packet before anything else: there are hardly ever any. */
  get isEmpty(): boolean {
    return this.open.size === 0;
  }

  endpoints(): Iterable<RawEndpoint> {
    return this.open;
  }

  /** An endpoint for a protocol; -ENOBUFS when there are too many. */
  add(protocol: number): RawEndpoint | number {
    if (this.open.size >= MAXIMUM_ENDPOINTS) return -ENOBUFS;
    const endpoint = new RawEndpoint(this.stack, protocol);
    this.open.add(endpoint);
    return endpoint;
  }

  remove(endpoint: RawEndpoint): void {
    this.open.delete(endpoint);
  }

  /** Copies a packet for whoever wants it; true if somebody did. Does not take the frame. */
  deliver(
    protocol: number,
    ip: number,
    headerLength: number,
    totalLength: number,
    source: number,
    destination: number,
  ): boolean {
    let wanted = false;
    for (const endpoint of this.open) {
      if (endpoint.protocol !== protocol) continue;
      if (endpoint.offer(ip, headerLength, totalLength, source, destination)) wanted = true;
    }
    return wanted;
  }
}
