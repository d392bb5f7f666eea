/**
 * The other end of the wire for tests: a stack with one Ethernet interface whose frames are caught, and builders and a reader
 * for frames, so that a test reads as a dialogue.
 */
import assert from "node:assert/strict";
import { Arena } from "../../base/arena.ts";
import { finishSum, foldSum, pseudoHeaderSum, sumBytes } from "../../base/checksum.ts";
import { SeededRandom } from "../../base/random.ts";
import type { Device, FrameReceiver } from "./device/device.ts";
import type { InterfaceAddress, NetInterface } from "./interface.ts";
import { NetStack, type NetStackOptions } from "./stack.ts";
import { type ArpPacket, readArp, writeArp } from "./wire/arp.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, type EthernetHeader, readEthernet, writeEthernet } from "./wire/ethernet.ts";
import { type IcmpHeader, readIcmp, writeIcmp } from "./wire/icmp.ts";
import { type Ipv4Header, readIpv4, writeIpv4 } from "./wire/ipv4.ts";
import { readTcp, type TcpHeader, writeTcp } from "./wire/tcp.ts";
import { readUdp, type UdpHeader, writeUdp } from "./wire/udp.ts";

export const OUR_ADDRESS = 0x0a00_0001;
export const PEER_ADDRESS = 0x0a00_0002;
export const GATEWAY_ADDRESS = 0x0a00_00fe;
/** MAC addresses as the codecs have them: two bytes, four bytes. */
export const OUR_MAC = { high: 0x0200, low: 0x0000_0001 };
export const PEER_MAC = { high: 0x0200, low: 0x0000_0002 };
export const BROADCAST_MAC = { high: 0xffff, low: 0xffff_ffff };

export type Mac = { high: number; low: number };

/** A device whose transmitted frames end up in a list. */
export class CaughtDevice implements Device {
  readonly linkType = "ethernet";
  readonly mtu: number;
  readonly sent: Uint8Array[] = [];
  private readonly arena: Arena;
  receive: FrameReceiver = (frame) => this.arena.freeFrame(frame);

  constructor(arena: Arena, mtu = 1500) {
    this.arena = arena;
    this.mtu = mtu;
  }

  transmit(frame: number, length: number): void {
    this.sent.push(this.arena.bytes.slice(frame, frame + length));
    this.arena.freeFrame(frame);
  }

  attach(receive: FrameReceiver): void {
    this.receive = receive;
  }
}

export interface WireOptions extends Partial<NetStackOptions> {
  addresses?: InterfaceAddress[];
  mtu?: number;
  /** False: the peer's MAC must be asked for. */
  knowsPeer?: boolean;
}

/** A stack at 10.0.0.1/24 on a wire that the test holds the other end of. */
export class Wire {
  readonly arena: Arena;
  readonly stack: NetStack;
  readonly device: CaughtDevice;
  readonly net: NetInterface;
  now = 1000;

  constructor(options: WireOptions = {}) {
    this.arena =
      options.arena ?? new Arena({ totalBytes: 16 << 20, smallFrames: 2000, largeFrames: 100, checked: true });
    this.stack = new NetStack({ random: new SeededRandom(1), ...options, arena: this.arena });
    this.device = new CaughtDevice(this.arena, options.mtu);
    this.net = this.stack.addInterface({
      name: "eth0",
      device: this.device,
      macAddress: Uint8Array.of(2, 0, 0, 0, 0, 1),
      addresses: options.addresses ?? [{ address: OUR_ADDRESS, prefixLength: 24 }],
    });
    if (options.knowsPeer !== false) this.net.neighbours.setPermanent(PEER_ADDRESS, Uint8Array.of(2, 0, 0, 0, 0, 2));
    this.poll();
  }

  /** A frame arrives; the stack works until it has nothing left to do at this time. */
  send(frame: Uint8Array): void {
    const at = this.arena.allocateFrame(frame.length);
    assert.notEqual(at, 0);
    this.arena.bytes.set(frame, at);
    this.device.receive(at, frame.length);
    this.poll();
  }

  poll(): void {
    do this.stack.poll(this.now);
    while (this.stack.needsPoll);
  }

  /** Lets time pass, stopping at every deadline on the way. */
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.stack.pollAt();
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.poll();
    }
    this.now = end;
    this.poll();
  }

  /** The oldest frame that was transmitted and not read yet. */
  recv(): Decoded {
    const frame = this.device.sent.shift();
    assert.ok(frame, "a frame was expected");
    return decode(frame);
  }

  expectSilence(): void {
    assert.deepEqual(
      this.device.sent.map((frame) => decode(frame)),
      [],
    );
  }
}

export interface Decoded {
  ethernet: EthernetHeader;
  arp?: ArpPacket;
  ip?: Ipv4Header;
  udp?: UdpHeader;
  icmp?: IcmpHeader;
  tcp?: TcpHeader;
  /** What follows the innermost header. */
  data: Uint8Array;
}

/** Takes a frame apart, holding every length and checksum against what the RFCs say. */
export function decode(frame: Uint8Array): Decoded {
  const ethernet = readEthernet(frame, 0, frame.length);
  assert.ok(ethernet);
  if (ethernet.type === ETHERTYPE_ARP) {
    const arp = readArp(frame, 14, frame.length - 14);
    assert.ok(arp);
    return { ethernet, arp, data: frame.subarray(42) };
  }
  assert.equal(ethernet.type, ETHERTYPE_IPV4);
  const ip = readIpv4(frame, 14, frame.length - 14);
  assert.ok(ip, "a valid IP header");
  assert.equal(ip.totalLength, frame.length - 14, "no trailing bytes");
  const at = 14 + ip.headerLength;
  const length = ip.totalLength - ip.headerLength;
  const base = { ethernet, ip };
  if (ip.moreFragments || ip.fragmentOffset > 0) return { ...base, data: frame.subarray(at) };
  const pseudo = foldSum(pseudoHeaderSum(ip.source, ip.destination, ip.protocol, length));
  const sum = foldSum(pseudo + sumBytes(frame, at, length));
  if (ip.protocol === 17) {
    const udp = readUdp(frame, at, length);
    assert.ok(udp);
    assert.equal(sum, 0xffff, "the UDP checksum");
    assert.notEqual(udp.checksum, 0);
    return { ...base, udp, data: frame.subarray(at + 8, at + udp.length) };
  }
  if (ip.protocol === 1) {
    const icmp = readIcmp(frame, at, length);
    assert.ok(icmp);
    assert.equal(sumBytes(frame, at, length), 0xffff, "the ICMP checksum");
    return { ...base, icmp, data: frame.subarray(at + 8) };
  }
  if (ip.protocol === 6) {
    const tcp = readTcp(frame, at, length);
    assert.ok(tcp);
    assert.equal(sum, 0xffff, "the TCP checksum");
    return { ...base, tcp, data: frame.subarray(at + tcp.headerLength) };
  }
  return { ...base, data: frame.subarray(at) };
}

export function ethernetFrame(payload: Uint8Array, options: { type?: number; to?: Mac; from?: Mac } = {}): Uint8Array {
  const { type = ETHERTYPE_IPV4, to = OUR_MAC, from = PEER_MAC } = options;
  const frame = new Uint8Array(14 + payload.length);
  writeEthernet(frame, 0, {
    destinationHigh: to.high,
    destinationLow: to.low,
    sourceHigh: from.high,
    sourceLow: from.low,
    type,
  });
  frame.set(payload, 14);
  return frame;
}

export function arpFrame(packet: Partial<ArpPacket>, options: { to?: Mac; from?: Mac } = {}): Uint8Array {
  const { to = BROADCAST_MAC, from = PEER_MAC } = options;
  const payload = new Uint8Array(28);
  writeArp(payload, 0, {
    operation: 1,
    senderHigh: from.high,
    senderLow: from.low,
    senderAddress: PEER_ADDRESS,
    targetHigh: 0,
    targetLow: 0,
    targetAddress: OUR_ADDRESS,
    ...packet,
  });
  return ethernetFrame(payload, { type: ETHERTYPE_ARP, to, from });
}

/** `options` are IP options, already padded to words. */
export function ipPacket(
  header: Partial<Ipv4Header>,
  payload: Uint8Array,
  options: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const headerLength = 20 + options.length;
  const packet = new Uint8Array(headerLength + payload.length);
  packet.set(options, 20);
  packet.set(payload, headerLength);
  writeIpv4(packet, 0, {
    headerLength,
    typeOfService: 0,
    totalLength: packet.length,
    identification: 77,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    timeToLive: 64,
    protocol: 17,
    source: PEER_ADDRESS,
    destination: OUR_ADDRESS,
    ...header,
  });
  return packet;
}

export function udpSegment(
  data: Uint8Array | string,
  options: { source?: number; destination?: number; sourcePort?: number; destinationPort?: number } = {},
): Uint8Array {
  const { source = PEER_ADDRESS, destination = OUR_ADDRESS, sourcePort = 5000, destinationPort = 7 } = options;
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const segment = new Uint8Array(8 + bytes.length);
  writeUdp(segment, 0, { sourcePort, destinationPort, length: segment.length, checksum: 0 });
  segment.set(bytes, 8);
  const sum = pseudoHeaderSum(source, destination, 17, segment.length) + sumBytes(segment, 0, segment.length);
  const checksum = finishSum(sum) || 0xffff;
  segment[6] = checksum;
  segment[7] = checksum >>> 8;
  return segment;
}

export function udpFrame(
  data: Uint8Array | string,
  options: { source?: number; destination?: number; sourcePort?: number; destinationPort?: number } = {},
  ethernet: { to?: Mac; from?: Mac } = {},
): Uint8Array {
  const { source = PEER_ADDRESS, destination = OUR_ADDRESS } = options;
  return ethernetFrame(ipPacket({ source, destination }, udpSegment(data, options)), ethernet);
}

/** A segment from port 4000 to port 80. */
export function tcpFrame(header: Partial<TcpHeader>, data: Uint8Array | string = ""): Uint8Array {
  const content = typeof data === "string" ? bytesOf(data) : data;
  const room = new Uint8Array(60 + content.length);
  const headerLength = writeTcp(room, 0, {
    sourcePort: 4000,
    destinationPort: 80,
    sequence: 1000,
    acknowledgment: 0,
    flags: 0,
    window: 65_535,
    urgentPointer: 0,
    options: {},
    ...header,
  });
  room.set(content, headerLength);
  const segment = room.subarray(0, headerLength + content.length);
  const sum = pseudoHeaderSum(PEER_ADDRESS, OUR_ADDRESS, 6, segment.length) + sumBytes(segment, 0, segment.length);
  const checksum = finishSum(sum);
  segment[16] = checksum;
  segment[17] = checksum >>> 8;
  return ethernetFrame(ipPacket({ protocol: 6 }, segment));
}

export function icmpMessage(header: Partial<IcmpHeader>, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const message = new Uint8Array(8 + data.length);
  writeIcmp(message, 0, { type: 8, code: 0, identifier: 0, sequence: 0, ...header });
  message.set(data, 8);
  const checksum = finishSum(sumBytes(message, 0, message.length));
  message[2] = checksum;
  message[3] = checksum >>> 8;
  return message;
}

export function icmpFrame(header: Partial<IcmpHeader>, data?: Uint8Array, ip: Partial<Ipv4Header> = {}): Uint8Array {
  return ethernetFrame(ipPacket({ protocol: 1, ...ip }, icmpMessage(header, data)));
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytesOf = (content: string): Uint8Array => new TextEncoder().encode(content);
/** `length` bytes that differ from their neighbours. */
export const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, k) => (k * 31) ^ (k >> 8));
