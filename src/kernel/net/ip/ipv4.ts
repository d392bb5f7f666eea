/**
 * IPv4 (RFC 791, RFC 1122): checks what arrives and hands it to its protocol, builds the headers of what UDP and ICMP
 * send, and cuts packets that exceed the link's MTU. The way in reads raw words; wire/ipv4.ts has the same fields in
 * readable form.
 */

import { EMSGSIZE, ENOBUFS } from "../../../abi/errno.ts";
import type { Arena } from "../../../base/arena.ts";
import type { NetInterface } from "../interface.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../protocols.ts";
import type { NetStack } from "../stack.ts";
import { ETHERNET_HEADER_BYTES, ETHERTYPE_ARP_RAW, ETHERTYPE_IPV4_RAW } from "../wire/ethernet.ts";
import { CODE_PROTOCOL_UNREACHABLE, ICMP_DESTINATION_UNREACHABLE } from "../wire/icmp.ts";
import { checkIpv4Options, IPV4_HEADER_BYTES, IPV4_MAXIMUM_BYTES } from "../wire/ipv4.ts";
import {
  isLoopbackAddress,
  isMulticastAddress,
  isReservedAddress,
  isThisNetworkAddress,
  swapWord,
} from "./addresses.ts";
import { Reassembly } from "./reassembly.ts";

/** Flags "more fragments" and the fragment offset in word 1 of the header. */
const FRAGMENT_BITS = 0xff3f_0000 | 0;
const DONT_FRAGMENT_BIT = 0x0040_0000;
/** Where UDP and ICMP put what IP shall carry: behind the headers of Ethernet and IP. */
export const PAYLOAD_OFFSET: number = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;

/** What the header of an outgoing packet says; kept by endpoints, so that none is made per packet. */
export interface PacketOptions {
  timeToLive: number;
  typeOfService: number;
  dontFragment: boolean;
}

export class Ipv4 {
  readonly reassembly: Reassembly;
  private readonly stack: NetStack;
  private readonly arena: Arena;
  /** Identifications per bucket of destinations, so that what one peer sees tells little about traffic to others (RFC 7739). */
  private readonly identifications: Uint16Array = new Uint16Array(256);
  private readonly identificationSalt: number;

  constructor(stack: NetStack) {
    this.stack = stack;
    this.arena = stack.arena;
    this.reassembly = new Reassembly(stack);
    stack.random.fill(new Uint8Array(this.identifications.buffer), 0, 512);
    this.identificationSalt = stack.random.nextUint32() | 1;
  }

  /** A frame from the link. Owns it. */
  inputFrame(netInterface: NetInterface, frame: number, length: number): void {
    netInterface.receivedFrames++;
    netInterface.receivedBytes += length;
    const { words } = this.arena;
    if (length < PAYLOAD_OFFSET) {
      netInterface.receiveErrors++;
      this.stack.counters.LinkInErrors++;
      this.arena.freeFrame(frame);
      return;
    }
    const type = (words[(frame + 10) >> 2] as number) >>> 16;
    if (!netInterface.isLoopback) {
      const half = this.arena.halves[frame >> 1] as number;
      if (half !== netInterface.macHalf || (words[(frame + 2) >> 2] as number) !== netInterface.macWord) {
        // Another host's frame, flooded by a switch. Group addresses have the lowest bit of their first byte set.
        if ((half & 1) === 0) {
          this.arena.freeFrame(frame);
          return;
        }
      }
      if (type === ETHERTYPE_ARP_RAW) {
        netInterface.neighbours.input(frame, length);
        return;
      }
    }
    if (type === ETHERTYPE_IPV4_RAW) this.input(netInterface, frame, length);
    else {
      netInterface.receiveDrops++;
      this.arena.freeFrame(frame);
    }
  }

  /** The IP packet behind the Ethernet header of a frame of `length` bytes (at least PAYLOAD_OFFSET). Owns it. */
  private input(netInterface: NetInterface, frame: number, length: number): void {
    const { words } = this.arena;
    const { stack } = this;
    const { counters } = stack;
    const ip = frame + ETHERNET_HEADER_BYTES;
    const at = ip >> 2;
    const w0 = words[at] as number;
    const w1 = words[at + 1] as number;
    const w2 = words[at + 2] as number;
    const w3 = words[at + 3] as number;
    const w4 = words[at + 4] as number;
    counters.IpInReceives++;
    const totalLength = ((w0 >>> 8) & 0xff00) | (w0 >>> 24);
    counters.IpExtInOctets += totalLength;
    let headerLength = IPV4_HEADER_BYTES;
    if ((w0 & 0xff) === 0x45) {
      let sum = (w0 & 0xffff) + (w0 >>> 16) + (w1 & 0xffff) + (w1 >>> 16) + (w2 & 0xffff) + (w2 >>> 16);
      sum += (w3 & 0xffff) + (w3 >>> 16) + (w4 & 0xffff) + (w4 >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      // RFC 1122 3.2.1.2: a packet with a bad header checksum MUST be silently discarded.
      if ((sum & 0xffff) + (sum >>> 16) !== 0xffff) {
        this.drop(frame, "IpInHdrErrors");
        return;
      }
    } else {
      headerLength = this.checkLongHeader(ip, w0, length - ETHERNET_HEADER_BYTES);
      if (headerLength === 0) {
        this.drop(frame, "IpInHdrErrors");
        return;
      }
    }
    if (totalLength < headerLength) {
      this.drop(frame, "IpInHdrErrors");
      return;
    }
    if (totalLength > length - ETHERNET_HEADER_BYTES) {
      this.drop(frame, "IpExtInTruncatedPkts");
      return;
    }

    const protocol = (w2 >>> 8) & 0xff;
    let isBroadcast = false;
    const firstByte = w4 & 0xff;
    if (!stack.isLocalRaw(w4) && !(firstByte === 127 && netInterface.isLoopback)) {
      isBroadcast = stack.isBroadcastRaw(w4);
      if (!isBroadcast && !this.isAcceptable(w4)) {
        if (firstByte >>> 4 === 0xe) this.drop(frame, "IpExtInMcastPkts");
        else this.drop(frame, firstByte === 127 ? "IpExtInMartians" : "IpInAddrErrors");
        return;
      }
      if (isBroadcast) counters.IpExtInBcastPkts++;
    }
    // RFC 1122 3.3.6: a unicast packet in a link-layer broadcast SHOULD be silently discarded.
    if (!isBroadcast && ((this.arena.halves[frame >> 1] as number) & 1) !== 0) {
      this.drop(frame, "IpInDiscards");
      return;
    }
    const sourceByte = w3 & 0xff;
    if (
      sourceByte === 0 ||
      sourceByte === 127 ||
      sourceByte >= 224 ||
      stack.isLocalRaw(w3) ||
      stack.isBroadcastRaw(w3)
    ) {
      if (!this.isSourceAllowed(netInterface, ip, headerLength, totalLength, protocol, w1, w3, w4)) {
        this.drop(frame, "IpExtInMartians");
        return;
      }
    }
    if ((w1 & FRAGMENT_BITS) !== 0) {
      this.reassembly.input(netInterface, frame, ip, headerLength, totalLength, protocol, isBroadcast);
      return;
    }
    this.deliver(netInterface, frame, ip, headerLength, totalLength, protocol, isBroadcast);
  }

  /** Hands a whole packet to its protocol. Owns the frame. */
  deliver(
    netInterface: NetInterface,
    frame: number,
    ip: number,
    headerLength: number,
    totalLength: number,
    protocol: number,
    isBroadcast: boolean,
  ): void {
    const { words } = this.arena;
    const { stack } = this;
    const at = ip >> 2;
    const source = swapWord(words[at + 3] as number) >>> 0;
    const destination = swapWord(words[at + 4] as number) >>> 0;
    const transport = ip + headerLength;
    const length = totalLength - headerLength;
    const isSeen =
      !stack.raw.isEmpty && stack.raw.deliver(protocol, ip, headerLength, totalLength, source, destination);
    if (protocol === PROTOCOL_TCP && !isBroadcast) {
      stack.counters.IpInDelivers++;
      stack.tcp.input(netInterface, frame, ip, transport, length, source, destination);
    } else if (protocol === PROTOCOL_UDP) {
      stack.counters.IpInDelivers++;
      if (isBroadcast) stack.udp.inputBroadcast(netInterface, frame, ip, transport, length, source, destination);
      else stack.udp.input(netInterface, frame, ip, transport, length, source, destination);
    } else if (protocol === PROTOCOL_ICMP) {
      stack.counters.IpInDelivers++;
      // RFC 1122 3.2.2.6: an echo request to a broadcast address MAY be silently discarded.
      if (isBroadcast) this.arena.freeFrame(frame);
      else stack.icmp.input(netInterface, frame, ip, transport, length, source, destination);
    } else if (isSeen) {
      stack.counters.IpInDelivers++;
      this.arena.freeFrame(frame);
    } else if (isBroadcast) {
      // RFC 9293 MUST-57: a segment to a broadcast address is silently discarded.
      this.drop(frame, "IpInDiscards");
    } else {
      // RFC 1122 3.2.2.1: protocol unreachable when the transport is not supported.
      stack.counters.IpInUnknownProtos++;
      stack.icmp.sendError(netInterface, frame, ip, ICMP_DESTINATION_UNREACHABLE, CODE_PROTOCOL_UNREACHABLE, 0);
      this.arena.freeFrame(frame);
    }
  }

  /**
   * Sends `payloadLength` bytes that stand at frame + PAYLOAD_OFFSET. Ownership passes. 0, -EMSGSIZE when they do not fit
   * and may not be cut, -ENOBUFS when the arena ran out of frames.
   */
  output(
    frame: number,
    payloadLength: number,
    netInterface: NetInterface,
    nextHop: number,
    source: number,
    destination: number,
    protocol: number,
    options: PacketOptions,
  ): number {
    const totalLength = payloadLength + IPV4_HEADER_BYTES;
    const identification = this.nextIdentification(destination);
    const mtu = Math.min(netInterface.mtu, IPV4_MAXIMUM_BYTES);
    const flags = options.dontFragment ? DONT_FRAGMENT_BIT : 0;
    const ip = frame + ETHERNET_HEADER_BYTES;
    if (totalLength <= mtu) {
      this.writeHeader(ip, totalLength, identification, flags, source, destination, protocol, options);
      netInterface.sendIp(frame, totalLength, nextHop);
      return 0;
    }
    if (options.dontFragment || totalLength > IPV4_MAXIMUM_BYTES) {
      this.stack.counters.IpFragFails++;
      this.arena.freeFrame(frame);
      return -EMSGSIZE;
    }
    // RFC 791 3.2: every fragment but the last carries a multiple of eight bytes.
    const step = (mtu - IPV4_HEADER_BYTES) & ~7;
    for (let from = 0; from < payloadLength; from += step) {
      const length = Math.min(step, payloadLength - from);
      const part = this.arena.allocateFrame(PAYLOAD_OFFSET + length);
      if (part === 0) {
        this.stack.counters.IpFragFails++;
        this.stack.counters.IpOutDiscards++;
        this.arena.freeFrame(frame);
        return -ENOBUFS;
      }
      this.arena.copy(part + PAYLOAD_OFFSET, frame + PAYLOAD_OFFSET + from, length);
      const more = from + length < payloadLength ? 0x2000 : 0;
      const field = more | (from >> 3);
      const raw = ((field & 0xff) << 24) | ((field & 0xff00) << 8);
      const partIp = part + ETHERNET_HEADER_BYTES;
      const partLength = IPV4_HEADER_BYTES + length;
      this.writeHeader(partIp, partLength, identification, raw, source, destination, protocol, options);
      this.stack.counters.IpFragCreates++;
      netInterface.sendIp(part, partLength, nextHop);
    }
    this.stack.counters.IpFragOKs++;
    this.arena.freeFrame(frame);
    return 0;
  }

  /** Writes a header of 20 bytes with its checksum. `fragmentBits` are flags and fragment offset as word 1 holds them. */
  writeHeader(
    ip: number,
    totalLength: number,
    identification: number,
    fragmentBits: number,
    source: number,
    destination: number,
    protocol: number,
    options: PacketOptions,
  ): void {
    const { words } = this.arena;
    const at = ip >> 2;
    const w0 = 0x45 | (options.typeOfService << 8) | ((totalLength & 0xff) << 24) | ((totalLength & 0xff00) << 8);
    const w1 = ((identification & 0xff) << 8) | (identification >>> 8) | fragmentBits;
    const w2 = options.timeToLive | (protocol << 8);
    const w3 = swapWord(source);
    const w4 = swapWord(destination);
    let sum = (w0 & 0xffff) + (w0 >>> 16) + (w1 & 0xffff) + (w1 >>> 16) + w2;
    sum += (w3 & 0xffff) + (w3 >>> 16) + (w4 & 0xffff) + (w4 >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    words[at] = w0;
    words[at + 1] = w1;
    words[at + 2] = w2 | ((~sum & 0xffff) << 16);
    words[at + 3] = w3;
    words[at + 4] = w4;
  }

  nextIdentification(destination: number): number {
    const bucket = Math.imul(destination ^ this.identificationSalt, 0x9e37_79b1) >>> 24;
    const next = ((this.identifications[bucket] as number) + 1) & 0xffff;
    this.identifications[bucket] = next;
    return next;
  }

  /** A header that is not of the common form: its length when version, length, options and checksum are right, else 0. */
  private checkLongHeader(ip: number, w0: number, available: number): number {
    const headerLength = (w0 & 15) * 4;
    if ((w0 & 0xf0) !== 0x40 || headerLength < IPV4_HEADER_BYTES || headerLength > available) return 0;
    if (this.arena.sum(ip, headerLength) !== 0xffff) return 0;
    // RFC 7126 4.3: packets with source-route options are dropped; other options are tolerated and ignored.
    return checkIpv4Options(this.arena.bytes, ip, headerLength) === "fine" ? headerLength : 0;
  }

  /** With "any IP", every address that a host may have. */
  private isAcceptable(rawDestination: number): boolean {
    const first = rawDestination & 0xff;
    return this.stack.forwardAny && first !== 0 && first < 224;
  }

  /** RFC 1122 3.2.1.3: which unusual source addresses may come from this link. */
  private isSourceAllowed(
    netInterface: NetInterface,
    ip: number,
    headerLength: number,
    totalLength: number,
    protocol: number,
    w1: number,
    w3: number,
    w4: number,
  ): boolean {
    const source = swapWord(w3) >>> 0;
    if (isThisNetworkAddress(source) || isMulticastAddress(source) || isReservedAddress(source)) return false;
    if (netInterface.isLoopback) return !this.stack.isBroadcastRaw(w3);
    if (!isLoopbackAddress(source)) return false;
    // From 127.x only what answers a connection that a grant let out (see NetStack.loopbackForward).
    if ((w1 & FRAGMENT_BITS) !== 0 || totalLength - headerLength < 8) return false;
    const destination = swapWord(w4) >>> 0;
    const ports = this.arena.words[(ip + headerLength) >> 2] as number;
    const remotePort = ((ports & 0xff) << 8) | ((ports >>> 8) & 0xff);
    const localPort = ((ports >>> 8) & 0xff00) | (ports >>> 24);
    if (protocol === PROTOCOL_TCP) return this.stack.tcp.isConnected(destination, localPort, source, remotePort);
    if (protocol === PROTOCOL_UDP) return this.stack.udp.isForwarded(destination, localPort, source, remotePort);
    return false;
  }

  private drop(
    frame: number,
    counter:
      | "IpInHdrErrors"
      | "IpInAddrErrors"
      | "IpInDiscards"
      | "IpExtInTruncatedPkts"
      | "IpExtInMartians"
      | "IpExtInMcastPkts",
  ): void {
    this.stack.counters[counter]++;
    this.arena.freeFrame(frame);
  }
}
