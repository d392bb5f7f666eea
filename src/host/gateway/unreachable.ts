/** ICMP errors about packets that are gone already: both headers are written anew, as far as the error quotes them. */
import { PAYLOAD_OFFSET } from "../../kernel/net/ip/ipv4.ts";
import type { NetStack } from "../../kernel/net/stack.ts";
import { writeUint16, writeUint32 } from "../../kernel/net/wire/bytes.ts";
import { ICMP_DESTINATION_UNREACHABLE } from "../../kernel/net/wire/icmp.ts";
import { IPV4_HEADER_BYTES, writeIpv4 } from "../../kernel/net/wire/ipv4.ts";

/** RFC 792 promises the first 8 bytes behind the IP header: ports, and TCP's sequence number. */
const QUOTED_BYTES = 8;

export interface LostPacket {
  protocol: number;
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
  /** TCP's sequence number; 0 for UDP. */
  sequence?: number;
}

/** Tells the packet's sender that its destination is unreachable, and why (`code`). To be followed by requestPoll(). */
export function sendUnreachable(stack: NetStack, packet: LostPacket, code: number): void {
  const { arena, icmp, interfaces } = stack;
  const totalLength = IPV4_HEADER_BYTES + QUOTED_BYTES;
  const frame = arena.allocateFrame(PAYLOAD_OFFSET + QUOTED_BYTES);
  const netInterface = interfaces[0];
  if (frame === 0) return;
  const ip = frame + PAYLOAD_OFFSET - IPV4_HEADER_BYTES;
  arena.bytes.fill(0, frame, ip + totalLength);
  writeIpv4(arena.bytes, ip, {
    headerLength: IPV4_HEADER_BYTES,
    typeOfService: 0,
    totalLength,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    timeToLive: 64,
    protocol: packet.protocol,
    source: packet.source,
    destination: packet.destination,
  });
  const transport = ip + IPV4_HEADER_BYTES;
  writeUint16(arena.bytes, transport, packet.sourcePort);
  writeUint16(arena.bytes, transport + 2, packet.destinationPort);
  writeUint32(arena.bytes, transport + 4, (packet.sequence ?? 0) >>> 0);
  if (netInterface !== undefined) {
    icmp.sendError(netInterface, frame, ip, ICMP_DESTINATION_UNREACHABLE, code, 0);
  }
  arena.freeFrame(frame);
}
