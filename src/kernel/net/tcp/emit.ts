/**
 * Segments that no connection record stands behind, or that carry a SYN: answers of listeners and TIME-WAIT, resets. The header
 * is filled in from arguments; nothing here is hot.
 */
import { foldSum } from "../../../base/checksum.ts";
import type { NetInterface } from "../interface.ts";
import type { Route } from "../ip/routes.ts";
import {
  ACK,
  ETHERNET_HEADER_BYTES,
  FIN,
  IP_HEADER_BYTES,
  PROTOCOL_HALF,
  RST,
  type Segment,
  SYN,
  TCP_HEADER_BYTES,
} from "./header.ts";
import { swap16, swap32 } from "./sequence.ts";
import type { Tcp } from "./tcp.ts";

/** Who sends to whom: raw words of the packets that arrive (so `keyRemote` is where it goes). */
export interface Ends {
  readonly keyRemote: number;
  readonly keyLocal: number;
  readonly keyPorts: number;
}

/** A route, or a connection that knows its own. */
export interface Hop {
  readonly netInterface: NetInterface;
  readonly nextHop: number;
}

const DO_NOT_FRAGMENT = 0x0040;

/**
 * Sends a segment without text. `optionWords` words of `tcp.optionScratch` follow the header. `hop` is time to live and type of
 * service. False when the arena has no frame left.
 */
export function emit(
  tcp: Tcp,
  route: Hop,
  ends: Ends,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
  optionWords: number,
  timeToLive: number,
  typeOfService: number,
): boolean {
  const { arena, words } = tcp;
  const segmentBytes = TCP_HEADER_BYTES + 4 * optionWords;
  const frame = arena.allocateFrame(ETHERNET_HEADER_BYTES + IP_HEADER_BYTES + segmentBytes);
  if (frame === 0) return false;
  const ip = (frame + ETHERNET_HEADER_BYTES) >> 2;
  words[ip] = 0x45 | (typeOfService << 8) | (swap16(IP_HEADER_BYTES + segmentBytes) << 16);
  words[ip + 1] = DO_NOT_FRAGMENT << 16;
  words[ip + 2] = timeToLive | PROTOCOL_HALF;
  words[ip + 3] = ends.keyLocal;
  words[ip + 4] = ends.keyRemote;
  words[ip + 2]! |= (~arena.sum(ip << 2, IP_HEADER_BYTES, 0) & 0xffff) << 16;

  const at = ip + 5;
  words[at] = (ends.keyPorts << 16) | (ends.keyPorts >>> 16);
  words[at + 1] = swap32(sequence);
  words[at + 2] = swap32(acknowledgment);
  words[at + 3] = (segmentBytes << 2) | (flags << 8) | (swap16(window) << 16);
  words[at + 4] = 0;
  for (let k = 0; k < optionWords; k++) words[at + 5 + k] = tcp.optionScratch[k]!;
  const pseudo =
    (ends.keyLocal & 0xffff) +
    (ends.keyLocal >>> 16) +
    (ends.keyRemote & 0xffff) +
    (ends.keyRemote >>> 16) +
    PROTOCOL_HALF +
    swap16(segmentBytes);
  words[at + 4] = ~foldSum(arena.sum(at << 2, segmentBytes, pseudo)) & 0xffff;
  tcp.counters.TcpOutSegs++;
  if ((flags & RST) !== 0) tcp.counters.TcpOutRsts++;
  route.netInterface.sendIp(frame, IP_HEADER_BYTES + segmentBytes, route.nextHop);
  return true;
}

/** RFC 9293 section 3.10.7.1: the RST that a segment for no connection gets. A RST gets none. */
export function sendResetFor(tcp: Tcp, segment: Segment): void {
  if ((segment.flags & RST) !== 0) return;
  const route = routeBack(tcp, segment);
  if (route === null) return;
  if ((segment.flags & ACK) !== 0) {
    emit(tcp, route, segment, segment.acknowledgment, 0, RST, 0, 0, 64, 0);
    return;
  }
  const length = segment.textLength + ((segment.flags & SYN) !== 0 ? 1 : 0) + ((segment.flags & FIN) !== 0 ? 1 : 0);
  emit(tcp, route, segment, 0, (segment.sequence + length) | 0, RST | ACK, 0, 0, 64, 0);
}

/** The route to the sender of a segment; null when there is none. */
export function routeBack(tcp: Tcp, ends: Ends): Route | null {
  return tcp.stack.route(swap32(ends.keyRemote) >>> 0, swap32(ends.keyLocal) >>> 0, 0);
}

/** Source port of the far end, and ours, from the raw ports of a segment that arrived. */
export function remotePortOf(ends: Ends): number {
  return swap16(ends.keyPorts & 0xffff);
}

export function localPortOf(ends: Ends): number {
  return swap16(ends.keyPorts >>> 16);
}
