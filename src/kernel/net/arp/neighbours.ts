/**
 * The neighbour cache of one interface: which MAC address an IPv4 address has, found by ARP (RFC 826, RFC 1122 2.3.2) and
 * kept fresh as RFC 4861 7.3 does for IPv6. Bounded in entries and in frames that wait for an answer.
 */
import { FRAME_HEADROOM_BYTES } from "../../../base/arena.ts";
import { nextFraction } from "../../../base/random.ts";
import { Timer } from "../../../base/timers.ts";
import type { NetInterface } from "../interface.ts";
import { isUnicastAddress, swapHalf, swapWord } from "../ip/addresses.ts";
import { ARP_PACKET_BYTES, ARP_REPLY, ARP_REQUEST, type ArpPacket, readArp, writeArp } from "../wire/arp.ts";
import { readUint16, readUint32 } from "../wire/bytes.ts";
import { ETHERNET_HEADER_BYTES, ETHERTYPE_ARP, writeEthernet } from "../wire/ethernet.ts";

export const MAXIMUM_NEIGHBOURS = 512;
/**
 * RFC 1122 2.3.2.2 asks for at least one frame that waits. A thousand connections opened at once must not lose their SYNs,
 * so it is many per neighbour, and twice that for all of an interface.
 */
export const PENDING_PER_NEIGHBOUR = 512;
const PENDING_TOTAL = 1024;
const MAXIMUM_SOLICITATIONS = 3;
const RETRANSMIT_MILLISECONDS = 1000;
const BASE_REACHABLE_MILLISECONDS = 30_000;
const DELAY_FIRST_PROBE_MILLISECONDS = 5000;
/** RFC 5227 1.1: DEFEND_INTERVAL. */
const DEFEND_INTERVAL_MILLISECONDS = 10_000;
const HEADROOM = FRAME_HEADROOM_BYTES;

/** RFC 4861 7.3.2, and "permanent" for what was set by hand. */
export type NeighbourState = "incomplete" | "reachable" | "stale" | "delay" | "probe" | "failed" | "permanent";

export class Neighbour {
  readonly address: number;
  state: NeighbourState = "incomplete";
  /** The MAC as a frame's destination loads it: bytes 0 and 1, bytes 2…5, little-endian. */
  macHalf = 0;
  macWord = 0;
  /** Until when it may be used without a look at its state. */
  usableUntil: number = Number.NEGATIVE_INFINITY;
  lastUsed = 0;
  attempts = 0;
  pendingHead = 0;
  pendingTail = 0;
  pendingCount = 0;
  readonly timer: Timer;

  constructor(address: number, fire: (neighbour: Neighbour, now: number) => void) {
    this.address = address;
    this.timer = new Timer((now) => fire(this, now));
  }

  /** Six bytes. */
  get macAddress(): Uint8Array {
    const { macHalf: h, macWord: w } = this;
    return Uint8Array.of(h, h >>> 8, w, w >>> 8, w >>> 16, w >>> 24);
  }
}

export class NeighbourCache {
  private readonly netInterface: NetInterface;
  /** Keyed by the address as int32. */
  private readonly table: Map<number, Neighbour> = new Map();
  private pendingTotal = 0;
  private lastDefence: number = Number.NEGATIVE_INFINITY;
  private readonly onTimer = (neighbour: Neighbour, now: number): void => this.advance(neighbour, now);
  /** The neighbour used last; one that matches nothing at first. */
  recent: Neighbour = new Neighbour(-1, () => {});

  constructor(netInterface: NetInterface) {
    this.netInterface = netInterface;
  }

  /** For /proc/net/arp. */
  list(): Iterable<Neighbour> {
    return this.table.values();
  }

  get size(): number {
    return this.table.size;
  }

  /** The neighbour when its MAC may be used; null when it must be asked for first (then `park` the frame). */
  use(address: number): Neighbour | null {
    const neighbour = this.table.get(address | 0);
    if (neighbour === undefined) return null;
    const { stack } = this.netInterface;
    if (stack.now > neighbour.usableUntil) {
      if (neighbour.state !== "reachable" && neighbour.state !== "stale") return null;
      // RFC 4861 7.3.3: use it, and see within DELAY_FIRST_PROBE_TIME whether it still answers.
      neighbour.state = "delay";
      neighbour.usableUntil = Number.POSITIVE_INFINITY;
      stack.timers.arm(neighbour.timer, stack.now + DELAY_FIRST_PROBE_MILLISECONDS);
    }
    neighbour.lastUsed = stack.now;
    this.recent = neighbour;
    return neighbour;
  }

  /** Keeps a frame until `address` has answered, and asks. The oldest waiting frame gives way to a new one. */
  park(frame: number, length: number, address: number): void {
    const { stack } = this.netInterface;
    if (this.pendingTotal >= PENDING_TOTAL) {
      this.dropFrame(frame);
      return;
    }
    const neighbour = this.table.get(address | 0) ?? this.create(address, "incomplete");
    if (neighbour === null) {
      this.dropFrame(frame);
      return;
    }
    const asking = neighbour.state === "incomplete" && neighbour.timer.position >= 0;
    neighbour.state = "incomplete";
    neighbour.lastUsed = stack.now;
    if (neighbour.pendingCount >= PENDING_PER_NEIGHBOUR) this.dropFrame(this.takePending(neighbour));
    const words = stack.arena.words;
    const meta = (frame - HEADROOM) >> 2;
    words[meta] = 0;
    words[meta + 1] = length;
    if (neighbour.pendingCount++ === 0) neighbour.pendingHead = frame;
    else words[(neighbour.pendingTail - HEADROOM) >> 2] = frame;
    neighbour.pendingTail = frame;
    this.pendingTotal++;
    if (asking) return;
    neighbour.attempts = 0;
    if (stack.isPolling) this.advance(neighbour, stack.now);
    else {
      // Outside poll() the time is not known: ask in the next one.
      stack.timers.arm(neighbour.timer, stack.now);
      stack.requestPoll();
    }
  }

  /** Sets an entry by hand (`ip neigh replace … nud permanent`). */
  setPermanent(address: number, macAddress: Uint8Array): boolean {
    const neighbour = this.table.get(address | 0) ?? this.create(address, "permanent");
    if (neighbour === null) return false;
    this.setMac(neighbour, readUint16(macAddress, 0), readUint32(macAddress, 2));
    this.netInterface.stack.timers.disarm(neighbour.timer);
    neighbour.state = "permanent";
    neighbour.usableUntil = Number.POSITIVE_INFINITY;
    this.flushPending(neighbour);
    return true;
  }

  /** Forgets everyone and drops what waits for them. */
  clear(): void {
    for (const neighbour of [...this.table.values()]) this.forget(neighbour);
  }

  remove(address: number): boolean {
    const neighbour = this.table.get(address | 0);
    if (neighbour !== undefined) this.forget(neighbour);
    return neighbour !== undefined;
  }

  /** A frame of type ARP has arrived. Owns the frame. */
  input(frame: number, length: number): void {
    const { stack } = this.netInterface;
    const packet = readArp(stack.arena.bytes, frame + ETHERNET_HEADER_BYTES, length - ETHERNET_HEADER_BYTES);
    stack.arena.freeFrame(frame);
    if (packet === null || (packet.operation !== ARP_REQUEST && packet.operation !== ARP_REPLY)) {
      stack.counters.ArpInErrors++;
      return;
    }
    const isGroupMac = (packet.senderHigh & 0x0100) !== 0;
    if (isGroupMac || (packet.senderHigh === 0 && packet.senderLow === 0)) {
      stack.counters.ArpInErrors++;
      return;
    }
    if (packet.operation === ARP_REQUEST) stack.counters.ArpInRequests++;
    else stack.counters.ArpInReplies++;
    const isForUs = this.netInterface.hasAddress(packet.targetAddress);
    if (this.netInterface.hasAddress(packet.senderAddress)) {
      this.defend(packet);
      return;
    }
    // RFC 5227 2.1.1: a probe has the sender address 0; it is answered but teaches nothing.
    if (packet.senderAddress !== 0) this.learn(packet, isForUs);
    if (packet.operation === ARP_REQUEST && isForUs) {
      stack.counters.ArpOutReplies++;
      this.transmit(ARP_REPLY, packet.targetAddress, packet.senderHigh, packet.senderLow, packet.senderAddress);
    }
  }

  /** Tells the link our addresses, as a host does when it comes up (RFC 5227 2.3). */
  announce(): void {
    for (const { address } of this.netInterface.addresses) this.transmit(ARP_REQUEST, address, 0xffff, -1, address);
  }

  /** RFC 826's merge, with the rules that keep a forged reply from taking an address over. */
  private learn(packet: ArpPacket, isForUs: boolean): void {
    const { stack } = this.netInterface;
    const sender = packet.senderAddress;
    const known = this.table.get(sender | 0);
    const isReply = packet.operation === ARP_REPLY;
    if (known === undefined) {
      // Only who asks for us is worth an entry; replies that nobody asked for are not (RFC 826's merge flag).
      if (isReply || !isForUs || !isUnicastAddress(sender) || !this.netInterface.isOnLink(sender)) return;
      const created = this.create(sender, "stale");
      if (created !== null) this.setMac(created, packet.senderHigh, packet.senderLow);
      return;
    }
    if (known.state === "permanent") return;
    const half = swapHalf(packet.senderHigh);
    const word = swapWord(packet.senderLow);
    const isSame = known.macHalf === half && known.macWord === word;
    const hadMac = known.state !== "incomplete" && known.state !== "failed";
    if (hadMac && !isSame && this.isConfirmed(known)) {
      // Someone else claims a neighbour that answered lately: ask the old one before believing it.
      known.state = "probe";
      known.usableUntil = Number.POSITIVE_INFINITY;
      known.attempts = 0;
      this.advance(known, stack.now);
      return;
    }
    if (hadMac && !isSame && known.state === "probe" && !(isReply && isForUs)) return;
    const isSolicited = isReply && isForUs && known.state !== "failed";
    known.macHalf = half;
    known.macWord = word;
    if (isSolicited && (known.state !== "stale" || isSame)) {
      stack.timers.disarm(known.timer);
      known.state = "reachable";
      // RFC 4861 6.3.2: between 0.5 and 1.5 times the base, so that hosts do not fall into step.
      known.usableUntil = stack.now + BASE_REACHABLE_MILLISECONDS * (0.5 + nextFraction(stack.random));
    } else if (!hadMac || !isSame) {
      stack.timers.disarm(known.timer);
      known.state = "stale";
      known.usableUntil = Number.NEGATIVE_INFINITY;
    }
    this.flushPending(known);
  }

  private isConfirmed(neighbour: Neighbour): boolean {
    return neighbour.state === "reachable" && this.netInterface.stack.now <= neighbour.usableUntil;
  }

  /** Another host uses our address: RFC 5227 2.4 (b), keep it and say so once in a while. */
  private defend(packet: ArpPacket): void {
    const { stack, macHalf, macWord } = this.netInterface;
    if (swapHalf(packet.senderHigh) === macHalf && swapWord(packet.senderLow) === macWord) return;
    stack.counters.ArpConflicts++;
    if (stack.now - this.lastDefence < DEFEND_INTERVAL_MILLISECONDS) return;
    this.lastDefence = stack.now;
    this.transmit(ARP_REQUEST, packet.senderAddress, 0xffff, -1, packet.senderAddress);
  }

  /** The next step of asking; called when its timer fires. */
  private advance(neighbour: Neighbour, now: number): void {
    const { stack } = this.netInterface;
    if (neighbour.state === "delay") {
      neighbour.state = "probe";
      neighbour.attempts = 0;
    }
    if (neighbour.state !== "incomplete" && neighbour.state !== "probe") return;
    if (neighbour.attempts >= MAXIMUM_SOLICITATIONS) {
      this.fail(neighbour);
      return;
    }
    neighbour.attempts++;
    stack.timers.arm(neighbour.timer, now + RETRANSMIT_MILLISECONDS);
    stack.counters.ArpOutRequests++;
    const source = this.netInterface.sourceFor(neighbour.address);
    const isBroadcast = neighbour.state === "incomplete";
    const high = isBroadcast ? 0xffff : swapHalf(neighbour.macHalf);
    const low = isBroadcast ? -1 : swapWord(neighbour.macWord);
    this.transmit(ARP_REQUEST, source, high, low, neighbour.address);
  }

  private fail(neighbour: Neighbour): void {
    const { stack } = this.netInterface;
    stack.counters.ArpFailures++;
    neighbour.state = "failed";
    neighbour.usableUntil = Number.NEGATIVE_INFINITY;
    while (neighbour.pendingCount > 0) {
      const frame = this.takePending(neighbour);
      stack.icmp.reportUnsent(frame + ETHERNET_HEADER_BYTES);
      stack.arena.freeFrame(frame);
    }
  }

  private create(address: number, state: NeighbourState): Neighbour | null {
    if (this.table.size >= MAXIMUM_NEIGHBOURS && !this.evict()) return null;
    const neighbour = new Neighbour(address, this.onTimer);
    neighbour.state = state;
    neighbour.lastUsed = this.netInterface.stack.now;
    this.table.set(address | 0, neighbour);
    return neighbour;
  }

  /** Makes room: what failed first, then what is not confirmed, oldest use first. */
  private evict(): boolean {
    let worst: Neighbour | null = null;
    let worstRank = 0;
    for (const neighbour of this.table.values()) {
      if (neighbour.state === "permanent") continue;
      const rank = neighbour.state === "failed" ? 3 : this.isConfirmed(neighbour) ? 1 : 2;
      if (worst === null || rank > worstRank || (rank === worstRank && neighbour.lastUsed < worst.lastUsed)) {
        worst = neighbour;
        worstRank = rank;
      }
    }
    if (worst === null) return false;
    this.forget(worst);
    return true;
  }

  private forget(neighbour: Neighbour): void {
    this.netInterface.stack.timers.disarm(neighbour.timer);
    while (neighbour.pendingCount > 0) this.dropFrame(this.takePending(neighbour));
    neighbour.usableUntil = Number.NEGATIVE_INFINITY;
    neighbour.state = "failed";
    this.table.delete(neighbour.address | 0);
  }

  private takePending(neighbour: Neighbour): number {
    const frame = neighbour.pendingHead;
    neighbour.pendingHead = this.netInterface.stack.arena.words[(frame - HEADROOM) >> 2] as number;
    neighbour.pendingCount--;
    this.pendingTotal--;
    return frame;
  }

  private flushPending(neighbour: Neighbour): void {
    const { halves, words } = this.netInterface.stack.arena;
    while (neighbour.pendingCount > 0) {
      const frame = this.takePending(neighbour);
      halves[frame >> 1] = neighbour.macHalf;
      words[(frame + 2) >> 2] = neighbour.macWord;
      this.netInterface.transmit(frame, words[((frame - HEADROOM) >> 2) + 1] as number);
    }
  }

  private dropFrame(frame: number): void {
    this.netInterface.stack.counters.ArpPendingDrops++;
    this.netInterface.transmitDrops++;
    this.netInterface.stack.arena.freeFrame(frame);
  }

  private setMac(neighbour: Neighbour, high: number, low: number): void {
    neighbour.macHalf = swapHalf(high);
    neighbour.macWord = swapWord(low);
  }

  /** `high` and `low` are the destination's MAC, for Ethernet and (unless broadcast) as ARP's target. */
  private transmit(operation: number, source: number, high: number, low: number, target: number): void {
    const { arena, counters } = this.netInterface.stack;
    const length = ETHERNET_HEADER_BYTES + ARP_PACKET_BYTES;
    const frame = arena.allocateFrame(length);
    if (frame === 0) {
      counters.LinkNoFrames++;
      return;
    }
    const mac = this.netInterface.macAddress;
    const senderHigh = readUint16(mac, 0);
    const senderLow = readUint32(mac, 2);
    writeEthernet(arena.bytes, frame, {
      destinationHigh: high,
      destinationLow: low,
      sourceHigh: readUint16(mac, 0),
      sourceLow: readUint32(mac, 2),
      type: ETHERTYPE_ARP,
    });
    const isBroadcast = high === 0xffff && low === -1;
    writeArp(arena.bytes, frame + ETHERNET_HEADER_BYTES, {
      operation,
      senderHigh,
      senderLow,
      senderAddress: source,
      targetHigh: isBroadcast ? 0 : high,
      targetLow: isBroadcast ? 0 : low,
      targetAddress: target,
    });
    this.netInterface.transmit(frame, length);
  }
}
