/**
 * Puts fragments together (RFC 791 3.2, RFC 815, RFC 1122 3.3.2). A datagram being collected holds one large frame and a
 * bitmap of its eight-byte units, so neither the number of fragments nor their order costs anything; overlapping fragments
 * end it (RFC 5722). Bounded in datagrams and in time.
 */

import { LARGE_FRAME_BYTES, SMALL_FRAME_BYTES } from "../../../base/arena.ts";
import { finishSum } from "../../../base/checksum.ts";
import { Timer } from "../../../base/timers.ts";
import type { NetInterface } from "../interface.ts";
import { PROTOCOL_TCP } from "../protocols.ts";
import type { NetStack } from "../stack.ts";
import { ETHERNET_HEADER_BYTES } from "../wire/ethernet.ts";
import { CODE_REASSEMBLY_TIME_EXCEEDED, ICMP_TIME_EXCEEDED } from "../wire/icmp.ts";
import { IPV4_HEADER_BYTES, IPV4_MAXIMUM_BYTES, IPV4_MAXIMUM_HEADER_BYTES } from "../wire/ipv4.ts";

/** Linux's ipfrag_time. RFC 1122 3.3.2 asks for a fixed value; its 60 to 120 seconds would hold memory for longer. */
export const REASSEMBLY_MILLISECONDS = 30_000;
export const MAXIMUM_REASSEMBLIES = 64;
/** Where a datagram's data begins in its frame: the longest header fits before it. */
const DATA_OFFSET = ETHERNET_HEADER_BYTES + IPV4_MAXIMUM_HEADER_BYTES;
const MAXIMUM_DATA_BYTES = IPV4_MAXIMUM_BYTES - IPV4_HEADER_BYTES;
const BITMAP_WORDS = 256;

class Datagram {
  netInterface: NetInterface;
  readonly sourceRaw: number;
  readonly destinationRaw: number;
  /** Identification and protocol. */
  readonly key: number;
  readonly frame: number;
  readonly deadline: number;
  /** One bit per eight bytes that have arrived. */
  readonly units: Int32Array = new Int32Array(BITMAP_WORDS);
  receivedBytes = 0;
  /** Of the first fragment; 0 until it has arrived. */
  headerLength = 0;
  /** Known from the last fragment; -1 before. */
  dataLength = -1;
  /** End of what has arrived furthest out. */
  highest = 0;

  constructor(
    netInterface: NetInterface,
    sourceRaw: number,
    destinationRaw: number,
    key: number,
    frame: number,
    deadline: number,
  ) {
    this.netInterface = netInterface;
    this.sourceRaw = sourceRaw;
    this.destinationRaw = destinationRaw;
    this.key = key;
    this.frame = frame;
    this.deadline = deadline;
  }
}

export class Reassembly {
  private readonly stack: NetStack;
  /** Oldest first, so the first one's deadline is the earliest. */
  private readonly datagrams: Datagram[] = [];
  private readonly timer: Timer = new Timer((now) => this.expire(now));

  constructor(stack: NetStack) {
    this.stack = stack;
  }

  /** Datagrams being collected. */
  get size(): number {
    return this.datagrams.length;
  }

  /** A fragment whose header has been checked. Owns the frame; a datagram that it completes goes on to `deliver`. */
  input(
    netInterface: NetInterface,
    frame: number,
    ip: number,
    headerLength: number,
    totalLength: number,
    protocol: number,
    isBroadcast: boolean,
  ): void {
    const { arena, counters } = this.stack;
    const { words } = arena;
    counters.IpReasmReqds++;
    const at = ip >> 2;
    const w1 = words[at + 1] as number;
    const field = ((w1 >>> 8) & 0xff00) | (w1 >>> 24);
    const offset = (field & 0x1fff) * 8;
    const hasMore = (field & 0x2000) !== 0;
    const length = totalLength - headerLength;
    // RFC 791 3.2: all but the last carry a multiple of eight bytes. RFC 3128: no TCP header may be spread over two.
    const isMalformed = length === 0 || (hasMore && length % 8 !== 0) || offset + length > MAXIMUM_DATA_BYTES;
    if (isMalformed || (protocol === PROTOCOL_TCP && (offset === 8 || (offset === 0 && length < 20)))) {
      counters.IpReasmFails++;
      arena.freeFrame(frame);
      return;
    }
    const key = (w1 & 0xffff) | (protocol << 16);
    const sourceRaw = words[at + 3] as number;
    const destinationRaw = words[at + 4] as number;
    const datagram =
      this.find(sourceRaw, destinationRaw, key) ?? this.open(netInterface, sourceRaw, destinationRaw, key);
    if (datagram === null || !this.place(datagram, ip, headerLength, offset, length, hasMore)) {
      if (datagram !== null) this.discard(datagram);
      counters.IpReasmFails++;
      arena.freeFrame(frame);
      return;
    }
    arena.freeFrame(frame);
    if (datagram.headerLength === 0 || datagram.receivedBytes !== datagram.dataLength) return;
    this.complete(datagram, netInterface, protocol, isBroadcast);
  }

  /** Copies a fragment to its place; false when it contradicts what is there. */
  private place(
    datagram: Datagram,
    ip: number,
    headerLength: number,
    offset: number,
    length: number,
    hasMore: boolean,
  ): boolean {
    const { arena, counters } = this.stack;
    const end = offset + length;
    if (!hasMore) {
      if (datagram.dataLength >= 0 && datagram.dataLength !== end) return false;
      if (datagram.highest > end) return false;
    } else if (datagram.dataLength >= 0 && end > datagram.dataLength) return false;
    const to = datagram.frame + DATA_OFFSET + offset;
    const from = ip + headerLength;
    const firstUnit = offset >> 3;
    const endUnit = (end + 7) >> 3;
    let present = 0;
    for (let unit = firstUnit; unit < endUnit; unit++) {
      if (((datagram.units[unit >> 5] as number) & (1 << (unit & 31))) !== 0) present++;
    }
    if (present > 0) {
      // The same bytes once more, from a duplicating link, are no overlap.
      if (present === endUnit - firstUnit && this.isEqual(to, from, length)) return true;
      counters.IpExtReasmOverlaps++;
      return false;
    }
    if (!hasMore) datagram.dataLength = end;
    datagram.highest = Math.max(datagram.highest, end);
    arena.copy(to, from, length);
    for (let unit = firstUnit; unit < endUnit; unit++) {
      datagram.units[unit >> 5] = (datagram.units[unit >> 5] as number) | (1 << (unit & 31));
    }
    datagram.receivedBytes += length;
    if (offset === 0) {
      datagram.headerLength = headerLength;
      arena.copy(datagram.frame + DATA_OFFSET - headerLength, ip, headerLength);
    }
    return true;
  }

  private complete(datagram: Datagram, netInterface: NetInterface, protocol: number, isBroadcast: boolean): void {
    const { arena, counters, ipv4 } = this.stack;
    const { headerLength, dataLength } = datagram;
    const totalLength = headerLength + dataLength;
    this.forget(datagram);
    if (totalLength > IPV4_MAXIMUM_BYTES) {
      counters.IpReasmFails++;
      arena.freeFrame(datagram.frame);
      return;
    }
    let frame = datagram.frame;
    let ip = frame + DATA_OFFSET - headerLength;
    if (totalLength + ETHERNET_HEADER_BYTES <= SMALL_FRAME_BYTES) {
      // Large frames are few: a small datagram does not keep one while it waits for its reader.
      const small = arena.allocateFrame(totalLength + ETHERNET_HEADER_BYTES);
      if (small !== 0) {
        arena.copy(small + ETHERNET_HEADER_BYTES, ip, totalLength);
        arena.freeFrame(frame);
        frame = small;
        ip = small + ETHERNET_HEADER_BYTES;
      }
    }
    // No longer known whether it came as a link broadcast; the IP destination tells the same.
    arena.bytes.fill(0, frame, frame + ETHERNET_HEADER_BYTES);
    const at = ip >> 2;
    const { words, halves } = arena;
    words[at] = ((words[at] as number) & 0xffff) | ((totalLength & 0xff) << 24) | ((totalLength & 0xff00) << 8);
    words[at + 1] = (words[at + 1] as number) & 0xffff;
    halves[(ip + 10) >> 1] = 0;
    halves[(ip + 10) >> 1] = finishSum(arena.sum(ip, headerLength));
    counters.IpReasmOKs++;
    ipv4.deliver(netInterface, frame, ip, headerLength, totalLength, protocol, isBroadcast);
  }

  private find(sourceRaw: number, destinationRaw: number, key: number): Datagram | null {
    for (const datagram of this.datagrams) {
      if (datagram.key === key && datagram.sourceRaw === sourceRaw && datagram.destinationRaw === destinationRaw) {
        return datagram;
      }
    }
    return null;
  }

  private open(netInterface: NetInterface, sourceRaw: number, destinationRaw: number, key: number): Datagram | null {
    const { arena, timers, counters, now } = this.stack;
    const oldest = this.datagrams[0];
    if (this.datagrams.length >= MAXIMUM_REASSEMBLIES && oldest !== undefined) {
      counters.IpReasmFails++;
      this.discard(oldest);
    }
    const frame = arena.allocateFrame(LARGE_FRAME_BYTES);
    if (frame === 0) return null;
    const deadline = now + REASSEMBLY_MILLISECONDS;
    const datagram = new Datagram(netInterface, sourceRaw, destinationRaw, key, frame, deadline);
    if (this.datagrams.push(datagram) === 1) timers.arm(this.timer, deadline);
    return datagram;
  }

  /** Drops what is being collected. */
  clear(): void {
    for (const datagram of [...this.datagrams]) this.discard(datagram);
  }

  private discard(datagram: Datagram): void {
    this.forget(datagram);
    this.stack.arena.freeFrame(datagram.frame);
  }

  private forget(datagram: Datagram): void {
    const at = this.datagrams.indexOf(datagram);
    if (at >= 0) this.datagrams.splice(at, 1);
    this.stack.timers.arm(this.timer, this.datagrams[0]?.deadline ?? Number.POSITIVE_INFINITY);
  }

  private expire(now: number): void {
    const { arena, counters, icmp } = this.stack;
    for (;;) {
      const oldest = this.datagrams[0];
      if (oldest === undefined || oldest.deadline > now) break;
      counters.IpReasmTimeout++;
      counters.IpReasmFails++;
      // RFC 1122 3.3.2: a Time Exceeded, if the first fragment has arrived.
      if (oldest.headerLength > 0) {
        const ip = oldest.frame + DATA_OFFSET - oldest.headerLength;
        arena.bytes.fill(0, oldest.frame, oldest.frame + ETHERNET_HEADER_BYTES);
        icmp.sendError(oldest.netInterface, oldest.frame, ip, ICMP_TIME_EXCEEDED, CODE_REASSEMBLY_TIME_EXCEEDED, 0);
      }
      this.discard(oldest);
    }
  }

  private isEqual(a: number, b: number, length: number): boolean {
    const { bytes } = this.stack.arena;
    for (let k = 0; k < length; k++) if (bytes[a + k] !== bytes[b + k]) return false;
    return true;
  }
}
