/**
 * A network interface: a device with a name, addresses and a neighbour cache. Sends complete IP packets, putting the
 * Ethernet header before them.
 */
import type { Arena } from "../../base/arena.ts";
import { prefixMask } from "../../base/ipv4-address.ts";
import { NeighbourCache } from "./arp/neighbours.ts";
import type { Device } from "./device/device.ts";
import { isMulticastAddress, LIMITED_BROADCAST_ADDRESS } from "./ip/addresses.ts";
import type { NetStack } from "./stack.ts";
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4_RAW } from "./wire/ethernet.ts";

export interface InterfaceAddress {
  readonly address: number;
  readonly prefixLength: number;
}

export interface InterfaceConfig {
  name: string;
  device: Device;
  /** Six bytes; default: a locally administered address drawn from the stack's randomness. */
  macAddress?: Uint8Array;
  addresses: InterfaceAddress[];
  /** At most the device's. */
  mtu?: number;
}

export class NetInterface {
  readonly stack: NetStack;
  readonly name: string;
  /** Position in the stack's list of interfaces; ifindex is one more. */
  readonly index: number;
  readonly device: Device;
  readonly isLoopback: boolean;
  readonly macAddress: Uint8Array;
  readonly addresses: readonly InterfaceAddress[];
  readonly mtu: number;
  readonly neighbours: NeighbourCache;
  isUp = true;

  receivedFrames = 0;
  receivedBytes = 0;
  receiveDrops = 0;
  receiveErrors = 0;
  transmittedFrames = 0;
  transmittedBytes = 0;
  transmitDrops = 0;

  /** Our MAC as a frame's destination loads it: bytes 0 and 1, bytes 2…5, little-endian. */
  readonly macHalf: number;
  readonly macWord: number;
  /** The same as source: bytes 6…9, and bytes 10 and 11 with the type of IPv4. */
  private readonly sourceWord: number;
  private readonly sourceHalfAndType: number;
  private readonly arena: Arena;

  constructor(stack: NetStack, index: number, config: InterfaceConfig, macAddress: Uint8Array) {
    this.stack = stack;
    this.arena = stack.arena;
    this.name = config.name;
    this.index = index;
    this.device = config.device;
    this.isLoopback = config.device.linkType === "loopback";
    this.macAddress = macAddress.slice(0, 6);
    this.addresses = config.addresses.map(({ address, prefixLength }) => ({ address: address >>> 0, prefixLength }));
    this.mtu = Math.min(config.mtu ?? config.device.mtu, config.device.mtu);
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = this.macAddress;
    this.macHalf = a | (b << 8);
    this.macWord = c | (d << 8) | (e << 16) | (f << 24);
    this.sourceWord = a | (b << 8) | (c << 16) | (d << 24);
    this.sourceHalfAndType = e | (f << 8) | (ETHERTYPE_IPV4_RAW << 16);
    this.neighbours = new NeighbourCache(this);
  }

  /** Sends the IP packet that stands complete at frame + 14 to a neighbour. Ownership of the frame passes. */
  sendIp(frame: number, ipLength: number, nextHop: number): void {
    const words = this.arena.words;
    const at = (frame + 2) >> 2;
    const counters = this.stack.counters;
    counters.IpOutRequests++;
    counters.IpExtOutOctets += ipLength;
    words[at + 1] = this.sourceWord;
    words[at + 2] = this.sourceHalfAndType;
    if (this.isLoopback) {
      this.arena.halves[frame >> 1] = 0;
      words[at] = 0;
      this.transmit(frame, ipLength + ETHERNET_HEADER_BYTES);
      return;
    }
    const neighbour = this.neighbours.recent;
    if (neighbour.address === nextHop && this.stack.now <= neighbour.usableUntil) {
      this.arena.halves[frame >> 1] = neighbour.macHalf;
      words[at] = neighbour.macWord;
      this.transmit(frame, ipLength + ETHERNET_HEADER_BYTES);
      return;
    }
    this.sendSlow(frame, ipLength, nextHop);
  }

  /** Hands a frame with its Ethernet header to the device. Ownership passes. */
  transmit(frame: number, length: number): void {
    if (!this.isUp) {
      this.transmitDrops++;
      this.arena.freeFrame(frame);
      return;
    }
    this.transmittedFrames++;
    this.transmittedBytes += length;
    this.device.transmit(frame, length);
    // A device that holds frames back learns the time only in poll().
    if (!this.stack.isPolling && this.device.poll !== undefined) this.stack.requestPoll();
  }

  /** True for the broadcast address of one of this interface's subnets, or of all. */
  isBroadcast(address: number): boolean {
    if (address === LIMITED_BROADCAST_ADDRESS) return true;
    for (const own of this.addresses) {
      if (own.prefixLength >= 31) continue; // RFC 3021: /31 links have no broadcast address
      const hostBits = ~prefixMask(own.prefixLength);
      if ((address | hostBits) === (address | 0) && ((address ^ own.address) & ~hostBits) === 0) return true;
    }
    return false;
  }

  /** True when the address lies in a subnet of this interface. */
  isOnLink(address: number): boolean {
    for (const own of this.addresses) {
      if (((address ^ own.address) & prefixMask(own.prefixLength)) === 0) return true;
    }
    return false;
  }

  hasAddress(address: number): boolean {
    for (const own of this.addresses) if (own.address === address) return true;
    return false;
  }

  /** Our address on the subnet of `peer`, else the first one; 0 when the interface has none. */
  sourceFor(peer: number): number {
    for (const own of this.addresses) {
      if (((peer ^ own.address) & prefixMask(own.prefixLength)) === 0) return own.address;
    }
    return this.addresses[0]?.address ?? 0;
  }

  private sendSlow(frame: number, ipLength: number, nextHop: number): void {
    const { halves, words } = this.arena;
    const at = (frame + 2) >> 2;
    if (this.isBroadcast(nextHop)) {
      halves[frame >> 1] = 0xffff;
      words[at] = -1;
      this.stack.counters.IpExtOutBcastPkts++;
    } else if (isMulticastAddress(nextHop)) {
      // RFC 1112 6.4: 01:00:5e and the low 23 bits of the group.
      halves[frame >> 1] = 0x0001;
      words[at] = 0x5e | ((nextHop & 0x7f0000) >>> 8) | ((nextHop & 0xff00) << 8) | ((nextHop & 0xff) << 24);
      this.stack.counters.IpExtOutMcastPkts++;
    } else {
      const neighbour = this.neighbours.use(nextHop);
      if (neighbour === null) {
        this.neighbours.park(frame, ipLength + ETHERNET_HEADER_BYTES, nextHop);
        return;
      }
      halves[frame >> 1] = neighbour.macHalf;
      words[at] = neighbour.macWord;
    }
    this.transmit(frame, ipLength + ETHERNET_HEADER_BYTES);
  }
}
