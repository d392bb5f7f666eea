/** UDP (RFC 768, RFC 1122 4.1): finds the endpoint a datagram is for. */
import { pseudoHeaderSum } from "../../../base/checksum.ts";
import type { NetInterface } from "../interface.ts";
import { swapHalf } from "../ip/addresses.ts";
import { PortTable } from "../ports.ts";
import { type IcmpErrorKind, PROTOCOL_UDP } from "../protocols.ts";
import type { NetStack } from "../stack.ts";
import { CODE_ADMIN_PROHIBITED, CODE_PORT_UNREACHABLE, ICMP_DESTINATION_UNREACHABLE } from "../wire/icmp.ts";
import { UDP_HEADER_BYTES } from "../wire/udp.ts";
import { UdpEndpoint } from "./endpoint.ts";

/** What becomes of a datagram that no endpoint takes: looked up once more, dropped, or answered with an ICMP error. */
export type DatagramVerdict = "accept" | "drop" | "refuse" | "prohibit";

export class Udp {
  readonly ports: PortTable;
  private readonly stack: NetStack;
  /** Endpoints that are not connected, chained per local port. */
  private readonly bound: Map<number, UdpEndpoint> = new Map();
  /** Connected endpoints, chained per hash of both ends. */
  private readonly connected: Map<number, UdpEndpoint> = new Map();
  private readonly hashSalt: number;

  /**
   * For a stack that takes every address: asked about a datagram for which there is no endpoint. "accept" means that one has
   * been opened meanwhile (see UdpEndpoint.bindForeign); "refuse" answers port unreachable, "prohibit" administratively prohibited.
   */
  onDatagram:
    | ((source: number, sourcePort: number, destination: number, destinationPort: number) => DatagramVerdict)
    | null = null;

  constructor(stack: NetStack) {
    this.stack = stack;
    this.ports = new PortTable(stack.random);
    this.hashSalt = stack.random.nextUint32() | 0;
  }

  /** An endpoint, not bound yet. */
  open(): UdpEndpoint {
    return new UdpEndpoint(this.stack);
  }

  /** Those that have a port, for /proc/net/udp. */
  *endpoints(): Iterable<UdpEndpoint> {
    for (const table of [this.bound, this.connected]) {
      for (const first of table.values()) {
        for (let endpoint: UdpEndpoint | null = first; endpoint !== null; endpoint = endpoint.next) yield endpoint;
      }
    }
  }

  /** True when an endpoint would take a datagram from anyone to this address and port. */
  isBound(address: number, port: number): boolean {
    return this.findBound(address, port, 0) !== null;
  }

  /** True when an endpoint sends to exactly this peer of 127.0.0.0/8 through the gateway. */
  isForwarded(address: number, port: number, remoteAddress: number, remotePort: number): boolean {
    const endpoint = this.find(address, port, remoteAddress, remotePort);
    return endpoint?.usesForwarding === true;
  }

  /** See TransportProtocol.input. */
  input(
    netInterface: NetInterface,
    frame: number,
    ip: number,
    transport: number,
    length: number,
    source: number,
    destination: number,
  ): void {
    const udpLength = this.check(frame, transport, length, source, destination);
    if (udpLength === 0) return;
    const ports = this.stack.arena.words[transport >> 2] as number;
    const sourcePort = swapHalf(ports & 0xffff);
    const destinationPort = swapHalf(ports >>> 16);
    let endpoint = this.find(destination, destinationPort, source, sourcePort);
    let verdict: DatagramVerdict = "refuse";
    if (endpoint === null && this.onDatagram !== null) {
      verdict = this.onDatagram(source, sourcePort, destination, destinationPort);
      if (verdict === "accept") endpoint = this.find(destination, destinationPort, source, sourcePort);
    }
    if (endpoint !== null) {
      endpoint.deliver(frame, ip, transport + UDP_HEADER_BYTES, udpLength - UDP_HEADER_BYTES);
      return;
    }
    // RFC 1122 4.1.3.1: port unreachable when there is no pending LISTEN.
    if (verdict === "refuse" || verdict === "prohibit") {
      const code = verdict === "refuse" ? CODE_PORT_UNREACHABLE : CODE_ADMIN_PROHIBITED;
      this.stack.counters.UdpNoPorts++;
      this.stack.icmp.sendError(netInterface, frame, ip, ICMP_DESTINATION_UNREACHABLE, code, 0);
    }
    this.stack.arena.freeFrame(frame);
  }

  /** A datagram to a broadcast address: every endpoint on the port gets one, and nobody an error. Owns the frame. */
  inputBroadcast(
    _netInterface: NetInterface,
    frame: number,
    ip: number,
    transport: number,
    length: number,
    source: number,
    destination: number,
  ): void {
    const udpLength = this.check(frame, transport, length, source, destination);
    if (udpLength === 0) return;
    const { arena } = this.stack;
    const port = swapHalf((arena.words[transport >> 2] as number) >>> 16);
    const frameLength = transport + udpLength - frame;
    let last: UdpEndpoint | null = null;
    for (let endpoint = this.bound.get(port) ?? null; endpoint !== null; endpoint = endpoint.next) {
      if (endpoint.localAddress !== 0 && endpoint.localAddress !== destination) continue;
      if (last !== null) {
        const copy = arena.allocateFrame(frameLength);
        if (copy === 0) break;
        arena.copy(copy, frame, frameLength);
        last.deliver(
          copy,
          copy + (ip - frame),
          copy + (transport - frame) + UDP_HEADER_BYTES,
          udpLength - UDP_HEADER_BYTES,
        );
      }
      last = endpoint;
    }
    if (last === null) {
      this.stack.counters.UdpIgnoredMulti++;
      arena.freeFrame(frame);
    } else last.deliver(frame, ip, transport + UDP_HEADER_BYTES, udpLength - UDP_HEADER_BYTES);
  }

  /** See TransportProtocol.icmpError. */
  icmpError(
    kind: IcmpErrorKind,
    source: number,
    destination: number,
    sourcePort: number,
    destinationPort: number,
    _sequence: number,
    _mtu: number,
  ): void {
    this.find(source, sourcePort, destination, destinationPort)?.icmpError(kind);
  }

  /** For the endpoint: puts it where datagrams find it. The latest comes first. */
  insert(endpoint: UdpEndpoint): void {
    if (endpoint.localPort === 0) return;
    const table = endpoint.isConnected ? this.connected : this.bound;
    const key = this.keyOf(endpoint);
    endpoint.next = table.get(key) ?? null;
    table.set(key, endpoint);
  }

  /** For the endpoint: takes it out, as it stands (before its addresses change). */
  remove(endpoint: UdpEndpoint): void {
    if (endpoint.localPort === 0) return;
    const table = endpoint.isConnected ? this.connected : this.bound;
    const key = this.keyOf(endpoint);
    const first = table.get(key);
    if (first === endpoint) {
      if (endpoint.next === null) table.delete(key);
      else table.set(key, endpoint.next);
    } else {
      for (let before = first ?? null; before !== null; before = before.next) {
        if (before.next !== endpoint) continue;
        before.next = endpoint.next;
        break;
      }
    }
    endpoint.next = null;
  }

  /** The UDP length when the header and checksum are right; else 0, and the frame is freed. */
  private check(frame: number, transport: number, length: number, source: number, destination: number): number {
    const { arena, counters } = this.stack;
    if (length >= UDP_HEADER_BYTES) {
      const second = arena.words[(transport + 4) >> 2] as number;
      const udpLength = swapHalf(second & 0xffff);
      if (udpLength >= UDP_HEADER_BYTES && udpLength <= length) {
        // RFC 1122 4.1.3.4: zero means that the sender computed no checksum.
        if (second >>> 16 === 0) return udpLength;
        const pseudo = pseudoHeaderSum(source, destination, PROTOCOL_UDP, udpLength);
        if (arena.sum(transport, udpLength, pseudo) === 0xffff) return udpLength;
        counters.UdpInCsumErrors++;
      }
    }
    counters.UdpInErrors++;
    arena.freeFrame(frame);
    return 0;
  }

  private find(address: number, port: number, remoteAddress: number, remotePort: number): UdpEndpoint | null {
    if (this.connected.size > 0) {
      const key = this.hash(address, port, remoteAddress, remotePort);
      for (let endpoint = this.connected.get(key) ?? null; endpoint !== null; endpoint = endpoint.next) {
        const isMatch =
          endpoint.remotePort === remotePort &&
          endpoint.localPort === port &&
          endpoint.remoteAddress === remoteAddress &&
          endpoint.localAddress === address;
        if (isMatch) return endpoint;
      }
    }
    return this.findBound(address, port, this.hash(address, port, remoteAddress, remotePort));
  }

  /** An endpoint bound to exactly this address, else to any; among those that share the port, one by the sender's hash. */
  private findBound(address: number, port: number, hash: number): UdpEndpoint | null {
    const first = this.bound.get(port) ?? null;
    let best: UdpEndpoint | null = null;
    let sharing = 0;
    for (let endpoint = first; endpoint !== null; endpoint = endpoint.next) {
      const isExact = endpoint.localAddress === address;
      if (!isExact && endpoint.localAddress !== 0) continue;
      if (best === null || (isExact && best.localAddress !== address)) {
        best = endpoint;
        sharing = 1;
      } else if (best.localAddress === endpoint.localAddress) sharing++;
    }
    if (best === null || sharing === 1 || !best.reusePort) return best;
    let skip = (hash >>> 0) % sharing;
    for (let endpoint: UdpEndpoint | null = best; endpoint !== null; endpoint = endpoint.next) {
      if (endpoint.localAddress === best.localAddress && endpoint.reusePort && skip-- === 0) return endpoint;
    }
    return best;
  }

  private keyOf(endpoint: UdpEndpoint): number {
    if (!endpoint.isConnected) return endpoint.localPort;
    return this.hash(endpoint.localAddress, endpoint.localPort, endpoint.remoteAddress, endpoint.remotePort);
  }

  private hash(address: number, port: number, remoteAddress: number, remotePort: number): number {
    let hash = Math.imul(remoteAddress ^ this.hashSalt, 0x85eb_ca6b) ^ Math.imul(address, 0xc2b2_ae35);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (port << 16) ^ remotePort, 0x9e37_79b1);
    return (hash ^ (hash >>> 13)) & 0x3fff_ffff;
  }
}
